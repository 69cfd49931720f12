/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/ingest_http.h"

#include "base/json/json.h"
#include "base/log/log.h"
#include "platform/crypto/crypto.h"
#include "service/api/api.h"

static enum msg_lang language(const struct http_request *req)
{
	return msg_lang_parse(http_header(req, "Accept-Language"));
}

static void refuse(struct http_request *req, struct http_response *res, int status, const struct err *err)
{
	api_problem(res, req->arena, &msg_catalogue_all, language(req), status, err);
	if (status == 401)
		http_response_header(res, "WWW-Authenticate", "Bearer realm=\"luytre\"");
}

void ingest_fallback(struct http_request *req, struct http_response *res, int status, void *context)
{
	struct err err = {0};
	(void)context;
	(void)err_set(&err, -EINVAL, "server.events_route", ARG_I64("status", status));
	refuse(req, res, status, &err);
}

/* The fingerprint of what the sender showed; empty when it showed nothing. */
static const char *credential_of(const struct http_request *req, char hex[SHA256_HEX_SIZE])
{
	unsigned char digest[SHA256_SIZE];
	struct str token = http_header(req, "Authorization");
	if (req->client_cert_der.n > 0) {
		sha256(req->client_cert_der, digest);
		return sha256_hex(digest, hex);
	}
	if (token.n < 7 || !str_eq_nocase(str_sub(token, 0, 7), STR("Bearer ")))
		return "";
	token = str_trim(str_sub(token, 7, token.n));
	if (token.n == 0)
		return "";
	sha256(token, digest);
	return sha256_hex(digest, hex);
}

static int identify(struct event_pipeline *pipeline, const struct http_request *req, struct event_sender *ret,
		    struct err *err)
{
	char hex[SHA256_HEX_SIZE];
	const char *credential = credential_of(req, hex);
	if (credential[0] == '\0')
		return err_set(err, -EPERM, "server.events_no_sender");
	if (!event_pipeline_find_sender(pipeline, str_c(credential), req->received_at, ret)) {
		log_warn("events from an unknown sender are refused", ARG_STR("peer", req->peer),
			 ARG_CSTR("credential", credential));
		return err_set(err, -EPERM, "server.events_unknown_sender");
	}
	return 0;
}

static void reply(struct http_response *res, const struct event_ingested *taken)
{
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_name(&w, "taken");
	json_u64(&w, taken->taken);
	json_name(&w, "duplicates");
	json_u64(&w, taken->duplicates);
	json_name(&w, "rejected_total");
	json_u64(&w, taken->rejected);
	json_name(&w, "rejected");
	json_array(&w);
	for (unsigned i = 0; i < taken->shown_count; i++) {
		json_object(&w);
		json_name(&w, "line");
		json_u64(&w, taken->shown[i].line);
		json_member_cstr(&w, "key", taken->shown[i].key);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
}

static int take(struct event_pipeline *pipeline, const struct http_request *req, struct event_ingested *ret,
		struct err *err)
{
	struct event_sender sender;
	struct event_batch batch = {.body = req->body, .encoding = http_header(req, "Content-Encoding")};
	struct str numbering = http_header(req, "Luytre-Batch");
	int r = identify(pipeline, req, &sender, err);
	if (r == 0 && numbering.p != NULL)
		r = event_batch_parse(numbering, &batch, err);
	return r < 0 ? r : event_pipeline_accept(pipeline, &sender, &batch, req->received_at, ret, err);
}

static void post_events(struct http_request *req, struct http_response *res, void *context)
{
	struct event_ingested *taken = ARENA_NEW(req->arena, struct event_ingested);
	struct err err = {0};
	int r = take(context, req, taken, &err);
	if (r == 0)
		reply(res, taken);
	else
		refuse(req, res, api_status_of(&err), &err);
}

static void get_health(struct http_request *req, struct http_response *res, void *context)
{
	(void)req;
	(void)context;
	res->content_type = "text/plain; charset=utf-8";
	res->body = BUF_INIT(16);
	buf_append_c(&res->body, "ok\n");
}

const struct http_route ingest_routes[] = {
    {.method = "POST", .path = "/api/v1/events", .handler = post_events, .body_limit_bytes = EVENT_BATCH_LIMIT},
    {.method = "GET", .path = "/healthz", .handler = get_health},
    {.method = NULL},
};
