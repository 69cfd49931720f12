/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/ingest_elastic.h"

#include "base/json/json.h"
#include "engine/inflate/inflate.h"
#include "engine/listen/listen_bulk.h"
#include "program/server/ingest_http.h"
#include "service/api/api.h"

/* Beats refuse servers that are older than they are: the last of the line whose _bulk this is. */
#define VERSION "8.19.0"
#define ANSWER_LIMIT ((size_t)64 << 20)

static struct json_writer answer(struct http_response *res, int status)
{
	res->status = status;
	res->content_type = "application/json";
	res->body = BUF_INIT(ANSWER_LIMIT);
	http_response_header(res, "X-Elastic-Product", "Elasticsearch");
	return json_writer_init(&res->body);
}

static void refuse(struct http_request *req, struct http_response *res, int status, const char *type, const struct err *err)
{
	cleanup_buf struct buf reason = BUF_INIT(4096);
	struct json_writer w = answer(res, status);
	msg_append_err(&msg_catalogue_all, msg_lang_parse(http_header(req, "Accept-Language")), err, &reason);
	json_object(&w);
	json_name(&w, "error");
	json_object(&w);
	json_member_cstr(&w, "type", type);
	json_member_str(&w, "reason", buf_str(&reason));
	json_object_end(&w);
	json_member_int(&w, "status", status);
	json_object_end(&w);
	if (status == 401)
		http_response_header(res, "WWW-Authenticate", "Basic realm=\"luytre\", ApiKey");
}

static bool identified(struct http_request *req, struct http_response *res, void *events, struct event_sender *ret)
{
	struct err err = {0};
	if (ingest_identify(events, req, ret, &err) == 0)
		return true;
	refuse(req, res, 401, "security_exception", &err);
	return false;
}

void elastic_about(struct http_request *req, struct http_response *res, void *events)
{
	struct event_sender sender;
	if (!identified(req, res, events, &sender))
		return;
	struct json_writer w = answer(res, 200);
	json_object(&w);
	json_member_cstr(&w, "name", "luytre");
	json_member_cstr(&w, "cluster_name", "luytre");
	json_member_cstr(&w, "cluster_uuid", "bHV5dHJlLXBpcGVsaW5lMQ");
	json_name(&w, "version");
	json_object(&w);
	json_member_cstr(&w, "number", VERSION);
	json_member_cstr(&w, "build_flavor", "default");
	json_member_cstr(&w, "build_type", "luytre");
	json_member_cstr(&w, "minimum_wire_compatibility_version", "7.17.0");
	json_member_cstr(&w, "minimum_index_compatibility_version", "7.0.0");
	json_object_end(&w);
	json_member_cstr(&w, "tagline", "You Know, for Search");
	json_object_end(&w);
}

void elastic_license(struct http_request *req, struct http_response *res, void *events)
{
	struct event_sender sender;
	if (!identified(req, res, events, &sender))
		return;
	struct json_writer w = answer(res, 200);
	json_object(&w);
	json_name(&w, "license");
	json_object(&w);
	json_member_cstr(&w, "status", "active");
	json_member_cstr(&w, "uid", "00000000-0000-0000-0000-000000000000");
	json_member_cstr(&w, "type", "basic");
	json_member_cstr(&w, "mode", "basic");
	json_object_end(&w);
	json_object_end(&w);
}

void elastic_features(struct http_request *req, struct http_response *res, void *events)
{
	struct event_sender sender;
	if (!identified(req, res, events, &sender))
		return;
	struct json_writer w = answer(res, 200);
	json_raw(&w, STR("{\"license\":{\"uid\":\"00000000-0000-0000-0000-000000000000\",\"type\":\"basic\",\"mode\":\"basic\",\"status\":"
			 "\"active\"},\"features\":{\"ilm\":{\"available\":true,\"enabled\":true}}}"));
}

static void nothing_kept(struct http_response *res)
{
	http_response_header(res, "Warning", "299 luytre \"templates, policies and data streams are not needed here and not kept\"");
}

/* Whatever a setup looks for is there already, so it need not make it. */
void elastic_setup_there(struct http_request *req, struct http_response *res, void *events)
{
	struct event_sender sender;
	if (!identified(req, res, events, &sender))
		return;
	struct json_writer w = answer(res, 200);
	nothing_kept(res);
	json_object(&w);
	json_name_str(&w, http_param(req, "name"));
	json_object(&w);
	json_object_end(&w);
	json_object_end(&w);
}

void elastic_setup_put(struct http_request *req, struct http_response *res, void *events)
{
	struct event_sender sender;
	if (!identified(req, res, events, &sender))
		return;
	struct json_writer w = answer(res, 200);
	nothing_kept(res);
	json_raw(&w, STR("{\"acknowledged\":true}"));
}

/* A pipeline would change events: to say that it does would be a lie. */
void elastic_pipeline(struct http_request *req, struct http_response *res, void *events)
{
	struct event_sender sender;
	struct err err = {0};
	if (!identified(req, res, events, &sender))
		return;
	(void)err_set(&err, -ENOTSUP, "server.elastic_pipeline");
	if (strcmp(req->method, "PUT") == 0)
		refuse(req, res, 400, "illegal_argument_exception", &err);
	else
		refuse(req, res, 404, "resource_not_found_exception", &err);
}

/* ---- _bulk ---- */

static void write_item(struct json_writer *w, struct http_request *req, const struct listen_bulk_item *item)
{
	json_object(w);
	json_name(w, listen_bulk_action_name(item->action));
	json_object(w);
	json_member_str(w, "_index", item->index);
	if (item->id.n > 0)
		json_member_str(w, "_id", item->id);
	if (item->refused == NULL) {
		json_member_cstr(w, "result", "created");
		json_member_int(w, "status", 201);
	} else {
		cleanup_buf struct buf reason = BUF_INIT(4096);
		struct err why = {0};
		(void)err_set(&why, -EINVAL, item->refused);
		msg_append_err(&msg_catalogue_all, msg_lang_parse(http_header(req, "Accept-Language")), &why, &reason);
		json_member_int(w, "status", 400);
		json_name(w, "error");
		json_object(w);
		json_member_cstr(w, "type", "document_parsing_exception");
		json_member_str(w, "reason", buf_str(&reason));
		json_object_end(w);
	}
	json_object_end(w);
	json_object_end(w);
}

static void write_answer(struct http_request *req, struct http_response *res, const struct listen_bulk *bulk)
{
	struct json_writer w = answer(res, 200);
	json_object(&w);
	json_member_int(&w, "took", (clock_now() - req->received_at) / USEC_PER_MS);
	json_member_bool(&w, "errors", bulk->good < bulk->count);
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; i < bulk->count; i++)
		write_item(&w, req, &bulk->items[i]);
	json_array_end(&w);
	json_object_end(&w);
}

static int store(struct event_pipeline *events, const struct event_sender *sender, struct http_request *req,
		 const struct listen_bulk *bulk, struct err *err)
{
	struct event_ingested *taken = ARENA_NEW(req->arena, struct event_ingested);
	struct str *texts = mem_alloc_array(bulk->good + 1, sizeof(*texts)), *ids = mem_alloc_array(bulk->good + 1, sizeof(*ids));
	struct event_messages m = {.format = EVENT_FORMAT_JSON, .texts = texts, .ids = ids};
	for (size_t i = 0; i < bulk->count; i++)
		if (bulk->items[i].refused == NULL) {
			texts[m.count] = bulk->items[i].document;
			ids[m.count++] = bulk->items[i].id;
		} else {
			event_sources_rejected(event_pipeline_sources(events), &sender->id, bulk->items[i].refused, 1);
		}
	int r = m.count > 0 ? event_pipeline_accept_messages(events, sender, &m, EVENT_VIA_HTTP, req->received_at, taken, err) : 0;
	mem_free(texts);
	mem_free(ids);
	return r;
}

static int unpack(const struct http_request *req, struct buf *plain, struct str *ret, struct err *err)
{
	struct str encoding = http_header(req, "Content-Encoding");
	*ret = req->body;
	if (encoding.n == 0)
		return 0;
	int r = inflate_body(encoding, req->body, plain, err);
	*ret = buf_str(plain);
	return r;
}

void elastic_bulk(struct http_request *req, struct http_response *res, void *events)
{
	cleanup_buf struct buf plain = BUF_INIT(EVENT_BATCH_LIMIT);
	struct event_sender sender;
	struct listen_bulk bulk;
	struct str body;
	struct err err = {0};
	if (!identified(req, res, events, &sender))
		return;
	int r = unpack(req, &plain, &body, &err);
	if (r == 0)
		r = listen_bulk_parse(req->arena, body, http_param(req, "index"), &bulk, &err);
	if (r == 0)
		r = store(events, &sender, req, &bulk, &err);
	if (r == 0)
		write_answer(req, res, &bulk);
	else if (r == -EAGAIN || r == -EIO)
		refuse(req, res, 429, "es_rejected_execution_exception", &err);
	else if (r == -E2BIG)
		refuse(req, res, 413, "content_too_long_exception", &err);
	else
		refuse(req, res, 400, "illegal_argument_exception", &err);
}
