/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/ingest_http.h"

#include "base/json/json.h"
#include "base/log/log.h"
#include "platform/crypto/crypto.h"
#include "program/server/ingest_elastic.h"
#include "service/api/api.h"

#define IDEMPOTENCY_KEY_LIMIT 255
#define SETUP_LIMIT ((size_t)8 << 20) /* Beats' templates are some MiB */

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

/* What follows the scheme's name; p == NULL for another scheme. */
static struct str after_scheme(struct str header, struct str scheme)
{
	if (header.n <= scheme.n || !str_eq_nocase(str_sub(header, 0, scheme.n), scheme) || header.p[scheme.n] != ' ')
		return (struct str){0};
	return str_trim(str_sub(header, scheme.n, header.n));
}

/* The token of an Authorization header: "Bearer token", "Basic base64(anything:token)" or Elasticsearch's "ApiKey
 * base64(anything:token)". */
static struct str token_of(struct str header, struct buf *plain)
{
	struct str token = after_scheme(header, STR("Bearer"));
	if (token.p != NULL)
		return token;
	struct str packed = after_scheme(header, STR("Basic"));
	packed = packed.p != NULL ? packed : after_scheme(header, STR("ApiKey"));
	if (packed.n == 0 || !buf_append_base64_decoded(plain, packed))
		return STR_EMPTY;
	size_t colon = str_find_char(buf_str(plain), ':');
	return colon == SIZE_MAX ? STR_EMPTY : str_sub(buf_str(plain), colon + 1, plain->n);
}

/* The fingerprint of what the sender showed; empty when it showed nothing. */
static const char *credential_of(const struct http_request *req, char hex[SHA256_HEX_SIZE])
{
	unsigned char digest[SHA256_SIZE];
	struct buf plain = BUF_INIT(4096);
	if (req->client_cert_der.n > 0) {
		sha256(req->client_cert_der, digest);
		return sha256_hex(digest, hex);
	}
	struct str token = token_of(http_header(req, "Authorization"), &plain);
	hex[0] = '\0';
	if (token.n > 0) {
		sha256(token, digest);
		(void)sha256_hex(digest, hex);
	}
	buf_done_secret(&plain);
	return hex;
}

int ingest_identify(struct event_pipeline *pipeline, const struct http_request *req, struct event_sender *ret, struct err *err)
{
	char hex[SHA256_HEX_SIZE];
	struct event_address peer = {0};
	const char *credential = credential_of(req, hex);
	if (credential[0] == '\0')
		return err_set(err, -EPERM, "server.events_no_sender");
	if (event_pipeline_find_sender(pipeline, str_c(credential), req->received_at, ret))
		return 0;
	log_warn("events from an unknown sender are refused", ARG_STR("peer", req->peer), ARG_CSTR("credential", credential));
	if (event_address_parse(req->peer, &peer, NULL) == 0)
		event_sources_stranger(event_pipeline_sources(pipeline), &peer, str_c(credential), EVENT_VIA_HTTP, STR_EMPTY, 1,
				       req->received_at);
	return err_set(err, -EPERM, "server.events_unknown_sender");
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
	struct event_batch batch = {.body = req->body,
				    .encoding = http_header(req, "Content-Encoding"),
				    .key = http_header(req, "Idempotency-Key")};
	struct str numbering = http_header(req, "Luytre-Batch");
	int r = ingest_identify(pipeline, req, &sender, err);
	if (r == 0 && batch.key.n > IDEMPOTENCY_KEY_LIMIT)
		r = err_set(err, -EINVAL, "server.events_key", ARG_U64("limit", IDEMPOTENCY_KEY_LIMIT));
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
    /* Elasticsearch's, for shippers */
    {.method = "GET", .path = "/", .handler = elastic_about},
    {.method = "GET", .path = "/_license", .handler = elastic_license},
    {.method = "GET", .path = "/_xpack", .handler = elastic_features},
    {.method = "POST", .path = "/_bulk", .handler = elastic_bulk, .body_limit_bytes = EVENT_BATCH_LIMIT},
    {.method = "PUT", .path = "/_bulk", .handler = elastic_bulk, .body_limit_bytes = EVENT_BATCH_LIMIT},
    {.method = "POST", .path = "/{index}/_bulk", .handler = elastic_bulk, .body_limit_bytes = EVENT_BATCH_LIMIT},
    {.method = "PUT", .path = "/{index}/_bulk", .handler = elastic_bulk, .body_limit_bytes = EVENT_BATCH_LIMIT},
#define SETUP(at)                                                                                                      \
    {.method = "GET", .path = at "/{name}", .handler = elastic_setup_there},                                           \
    {.method = "PUT", .path = at "/{name}", .handler = elastic_setup_put, .body_limit_bytes = SETUP_LIMIT},
    SETUP("/_index_template") SETUP("/_template") SETUP("/_component_template") SETUP("/_ilm/policy") SETUP("/_data_stream")
    SETUP("/_alias")
#undef SETUP
    {.method = "GET", .path = "/_ingest/pipeline/{name}", .handler = elastic_pipeline},
    {.method = "PUT", .path = "/_ingest/pipeline/{name}", .handler = elastic_pipeline, .body_limit_bytes = SETUP_LIMIT},
    {.method = NULL},
};
