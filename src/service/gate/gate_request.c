/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One request through the gate. */
#include "base/file/file.h"
#include "base/log/log.h"
#include "service/approval/approval.h"
#include "service/audit/audit.h"
#include "service/endpoint/endpoint.h"
#include "service/gate/gate_internal.h"

enum msg_lang gate_lang(const struct http_request *http)
{
	struct str query = http_query(http, "lang"), cookie = http_cookie(http, "lang");
	return msg_lang_parse(query.n > 0 ? query : cookie.n > 0 ? cookie : http_header(http, "Accept-Language"));
}

static bool is_unsafe(const char *method)
{
	return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "OPTIONS") != 0;
}

static struct str bearer_of(const struct http_request *http)
{
	struct str value = http_header(http, "Authorization");
	if (value.n < 7 || !str_eq_nocase(str_sub(value, 0, 7), STR("Bearer ")))
		return STR_EMPTY;
	return str_trim(str_sub(value, 7, value.n));
}

/* Another site can make the browser send a request, but neither this header nor our Origin. */
static int check_forgery(const struct gate_request *q, struct err *err)
{
	const struct http_request *http = q->api.http;
	if (!is_unsafe(http->method) || q->access.kind == ACCESS_TOKEN)
		return 0;
	if (!str_eq(http_header(http, "X-Luytre-Request"), STR("1")))
		return err_set(err, -EACCES, "gate.request_header");
	struct str origin = http_header(http, "Origin"), host = http_header(http, "Host");
	if (origin.p == NULL)
		return 0;
	struct str ours = str_starts_with(origin, STR("https://")) ? str_sub(origin, 8, origin.n)
	                  : str_starts_with(origin, STR("http://")) ? str_sub(origin, 7, origin.n)
	                                                            : STR_EMPTY;
	if (host.n == 0 || !str_eq_nocase(ours, host))
		return err_set(err, -EACCES, "gate.origin", ARG_STR("origin", origin));
	return 0;
}

static int identify_person(struct gate_request *q, struct err *err)
{
	const struct http_request *http = q->api.http;
	struct str token = bearer_of(http), cookie = http_cookie(http, ACCOUNT_COOKIE);
	int r = 0;
	if (token.n > 0)
		r = account_from_token(q->gate->sc, q->api.arena, token, &q->identity, err);
	else if (cookie.n > 0)
		r = account_from_session(q->gate->sc, q->api.arena, cookie, &q->identity, err);
	if (r >= 0 && (token.n > 0 || cookie.n > 0))
		q->access = q->identity.access;
	return r;
}

struct certificate {
	struct str der;
	usec_t now;
	struct endpoint_identity identity;
};

static int look_up_certificate(struct db_tx *tx, void *ctx, struct err *err)
{
	struct certificate *c = ctx;
	return endpoint_authenticate(tx, c->der, c->now, &c->identity, err);
}

static int identify_endpoint(struct gate_request *q, struct err *err)
{
	const struct http_request *http = q->api.http;
	if (http->client_cert_der.n == 0)
		return err_set(err, -EPERM, http->client_cert_refused ? "gate.certificate_refused" : "gate.certificate_missing");
	struct certificate c = {.der = http->client_cert_der, .now = api_now(&q->api)};
	int r = db_read(q->gate->sc->db, look_up_certificate, &c, err);
	if (r < 0)
		return r;
	q->access.kind = ACCESS_ENDPOINT;
	q->access.endpoint_id = c.identity.id;
	q->access.unit_id = c.identity.unit_id;
	q->access.name = arena_str(q->api.arena, str_c(c.identity.hostname));
	return 0;
}

struct holding {
	struct gate_request *q;
	bool holds;
};

static int look_up_permission(struct db_tx *tx, void *ctx, struct err *err)
{
	struct holding *h = ctx;
	return api_holds(tx, &h->q->access, h->q->api.route->permission, api_now(&h->q->api), &h->holds, err);
}

int gate_check_permission(struct gate_request *q, struct err *err)
{
	const char *permission = q->api.route->permission;
	if (strcmp(permission, SERVICE_PUBLIC) == 0 || strcmp(permission, SERVICE_AGENT) == 0)
		return 0;
	if (q->access.kind != ACCESS_ACCOUNT && q->access.kind != ACCESS_TOKEN)
		return err_set(err, -EPERM, "account.not_signed_in");
	bool own = strcmp(permission, SERVICE_SIGNED_IN) == 0;
	/* Until the way of signing in is in order there is nothing but one's own session: no stream either. */
	bool about_session = own && (str_starts_with(q->api.http->path, STR("/api/v1/session")) ||
	                             str_eq(q->api.http->path, STR("/api/v1/logout")));
	if (q->identity.must_change_password && !about_session)
		return err_set(err, -EACCES, "account.must_change_password");
	if (q->identity.must_add_factor && !about_session)
		return err_set(err, -EACCES, "account.must_add_factor");
	if (own)
		return 0;
	struct holding h = {.q = q};
	int r = db_read(q->gate->sc->db, look_up_permission, &h, err);
	if (r < 0)
		return r;
	return h.holds ? 0 : err_set(err, -EACCES, "api.forbidden", ARG_CSTR("permission", permission));
}

static int admit(struct gate_request *q, struct err *err)
{
	if (q->api.route->listener == LISTENER_AGENT) {
		int r = endpoint_protocol_of_request(q->api.http, err);
		return r == 0 && strcmp(q->api.route->permission, SERVICE_AGENT) == 0 ? identify_endpoint(q, err) : r;
	}
	enum msg_lang lang = q->access.lang;
	int r = identify_person(q, err);
	q->access.peer = q->api.http->peer;
	q->access.lang = lang;
	if (r >= 0)
		r = check_forgery(q, err);
	return r < 0 ? r : gate_check_permission(q, err);
}

int gate_decode_body(struct gate_request *q, struct err *err)
{
	const struct service_route *route = q->api.route;
	if (route->body == NULL || route->raw_body)
		return 0;
	struct str type = http_header(q->api.http, "Content-Type"), media = type;
	(void)str_split(&type, ';', &media);
	if (!str_eq_nocase(str_trim(media), STR("application/json")))
		return err_set(err, -EINVAL, "api.content_type");
	const struct json_limits limits = {.depth = 16, .nodes = 100000};
	int r = json_parse(q->api.arena, q->api.http->body, &limits, &q->api.body, err);
	if (r >= 0 && q->api.body->type != JSON_OBJECT)
		return err_set(err, -EINVAL, "gate.body_object");
	if (r < 0)
		return r;
	q->api.fields = arena_alloc(q->api.arena, route->body_size);
	return json_decode(q->api.arena, q->api.body, route->body, q->api.fields, err);
}

static struct str describe(const struct gate_request *q, const char *key)
{
	struct buf out = buf_fixed(arena_alloc(q->api.arena, 2048), 2048);
	struct json_writer w = json_writer_init(&out);
	json_object(&w);
	json_member_cstr(&w, "method", q->api.http->method);
	json_member_str(&w, "path", str_sub(q->api.http->path, 0, 200));
	if (key != NULL)
		json_member_cstr(&w, "key", key);
	json_object_end(&w);
	return buf_str(&out);
}

static void record(const struct gate_request *q, const char *action, const char *key)
{
	struct audit_entry e = {.action = action, .object_type = "route", .details = describe(q, key)};
	(void)uuid_parse(http_param(q->api.http, "id"), &e.object_id);
	struct err err = {.code = 0};
	if (audit_record(q->gate->sc, &q->access, &e, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "audit record not written", &err, ARG_CSTR("action", action));
}

/* Refusals of somebody known are written down; what is nobody's is only answered (sign-ins are written by account). */
static void refuse(struct gate_request *q, struct http_response *res, struct err *err)
{
	int status = api_status_of(err);
	if (status == 403 && q->access.kind != ACCESS_ANONYMOUS)
		record(q, "api.denied", err->key);
	if (status >= 500)
		log_err(status == 500 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "request failed", err,
		        ARG_CSTR("method", q->api.http->method), ARG_STR("path", q->api.http->path), ARG_I64("status", status));
	/* What went wrong inside is for the log. */
	if (status == 500)
		(void)err_set(err, err->code < 0 ? err->code : -EIO, "gate.internal");
	for (unsigned i = 0; i < res->header_count; i++) {
		/* Headers of the answer that was not to be. */
		res->headers[i].name = NULL;
	}
	res->header_count = 0;
	api_problem(res, q->api.arena, q->gate->sc->messages, q->access.lang, status, err);
}

static bool has_header(const struct http_response *res, const char *name)
{
	for (unsigned i = 0; i < res->header_count; i++) {
		if (str_eq_nocase(str_c(res->headers[i].name), str_c(name)))
			return true;
	}
	return false;
}

static void common_headers(const struct gate_request *q, struct http_response *res)
{
	http_response_header(res, "X-Content-Type-Options", "nosniff");
	if (!has_header(res, "Cache-Control"))
		http_response_header(res, "Cache-Control", "no-store");
	if (q->identity.set_cookie[0] != '\0' && !has_header(res, "Set-Cookie"))
		http_response_header(res, "Set-Cookie", arena_cstr(q->api.arena, str_c(q->identity.set_cookie)));
}

/* Which list, by which filters, how many rows. */
static struct str describe_export(const struct gate_request *q, int64_t rows)
{
	struct buf out = buf_fixed(arena_alloc(q->api.arena, 8192), 8192);
	struct json_writer w = json_writer_init(&out);
	json_object(&w);
	json_member_str(&w, "path", str_sub(q->api.http->path, 0, 200));
	json_member_int(&w, "rows", rows);
	json_name(&w, "query");
	json_array(&w);
	struct str name, value;
	for (size_t i = 0, shown = 0; shown < 20 && http_query_at(q->api.http, i, &name, &value); i++) {
		if (str_eq(name, STR("column")))
			continue;
		json_str(&w, arena_printf(q->api.arena, "%.*s=%.*s", STR_FMT(str_sub(name, 0, 60)), STR_FMT(str_sub(value, 0, 200))));
		shown++;
	}
	json_array_end(&w);
	json_object_end(&w);
	return buf_str(&out);
}

/* A file leaves the house: without its audit line it does not. */
static int export_list(struct gate_request *q, struct http_response *res, struct err *err)
{
	int64_t rows = 0;
	int r = api_export(&q->api, res, &rows, err);
	if (r < 0)
		return r;
	struct audit_entry e = {.action = "api.exported", .object_type = "route", .details = describe_export(q, rows)};
	r = audit_record(q->gate->sc, &q->access, &e, err);
	if (r < 0)
		file_close(&res->file_fd);
	return r;
}

static void count(const struct gate_request *q, const struct http_response *res, usec_t begun)
{
	struct metrics_meter *meter = q->gate->sc->meter;
	bool api = str_starts_with(q->api.http->path, STR("/api/")) || str_eq_c(q->api.http->path, "/metrics");
	enum metrics_route route = q->api.route->listener == LISTENER_AGENT ? METRICS_ROUTE_AGENT
	                           : api                                   ? METRICS_ROUTE_API
	                                                                   : METRICS_ROUTE_PAGE;
	if (meter != NULL)
		metrics_meter_note(meter, route, res->status != 0 ? res->status : 200, clock_monotonic() - begun);
}

static int answer(struct gate_request *q, struct http_response *res, struct err *err)
{
	/* 1: a second person has to approve first; the answer says so. */
	int r = q->api.route->four_eyes != NULL ? approval_intercept(&q->api, res, err) : 0;
	if (r != 0)
		return r < 0 ? r : 0;
	return api_export_wanted(&q->api) ? export_list(q, res, err) : q->api.route->handler(&q->api, res, err);
}

void gate_handle(struct http_request *http, struct http_response *res, void *context)
{
	struct gate *g = context;
	struct gate_request *q = ARENA_NEW(http->arena, struct gate_request);
	q->gate = g;
	q->access = (struct access){.kind = ACCESS_ANONYMOUS, .peer = http->peer, .lang = gate_lang(http)};
	q->api = (struct api_request){.http = http, .arena = http->arena, .service = g->sc, .access = &q->access,
	                              .route = http->route->data};
	struct err err = {.code = 0};
	usec_t begun = clock_monotonic();
	int r = admit(q, &err);
	if (r >= 0)
		r = gate_decode_body(q, &err);
	if (r >= 0)
		r = answer(q, res, &err);
	if (r < 0) {
		/* A handler that gives a class without a key is a fault of ours, not of the reader. */
		if (err.code == 0)
			(void)err_set(&err, r, "gate.internal");
		refuse(q, res, &err);
	} else if (q->api.route->sensitive_read) {
		record(q, "api.read", NULL);
	}
	common_headers(q, res);
	count(q, res, begun);
}

void gate_fallback(struct http_request *req, struct http_response *res, int status, void *context)
{
	struct gate *g = context;
	static const struct {
		int status, code;
		const char *key;
	} table[] = {
		{404, -ENOENT, "gate.no_route"},      {405, -EINVAL, "gate.no_method"}, {413, -E2BIG, "gate.body_too_big"},
		{431, -E2BIG, "gate.headers_too_big"}, {408, -ETIMEDOUT, "gate.too_slow"},
	};
	struct err err = {.code = 0};
	(void)err_set(&err, -EINVAL, "gate.bad_request");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].status == status)
			(void)err_set(&err, table[i].code, table[i].key);
	}
	api_problem(res, req->arena, g->sc->messages, gate_lang(req), status, &err);
}
