/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * service_test_support: calls of the test world (world_test_support.h) through
 * the very route tables, without sockets: permission, body table, handler, and
 * the status that people would see.
 *
 * Does not live here: sessions, cookies, throttling (service/gate and its test).
 * For test programs only. cmocka's headers come before this one.
 */
#pragma once
#include "platform/http/http_parse.h"
#include "service/api/api.h"
#include "service/world_test_support.h"

struct world_call {
	const struct access *as;
	const char *method, *target, *body; /* body NULL: none */
	const char *if_match;               /* NULL: no header */
	struct str certificate_der;
};

struct world_answer {
	struct arena *arena;
	int status;
	char key[ERR_KEY_SIZE]; /* of the error, "" when none */
	struct str text;
	const struct json *json;
};

static inline void world_answer_done(struct world_answer *a)
{
	arena_free(a->arena);
	a->arena = NULL;
}
#define cleanup_answer __attribute__((__cleanup__(world_answer_done)))

static inline const struct service_route *world_find(struct world *w, struct http_request *http)
{
	for (size_t s = 0; s < w->service_count; s++) {
		for (const struct service_route *r = w->services[s]->routes; r != NULL && r->method != NULL; r++) {
			const struct http_route one[] = {{.method = r->method, .path = r->path}, {.method = NULL}};
			int status = 0;
			char buf[64];
			struct buf allow = BUF_FIXED(buf, sizeof buf);
			if (http_route_find(one, http, &status, &allow) != NULL && strcmp(http->method, r->method) == 0)
				return r;
		}
	}
	(void)fprintf(stderr, "no route %s %.*s\n", http->method, STR_FMT(http->path));
	abort();
}

struct world_question {
	const struct access *access;
	const char *permission;
	bool may;
};

static inline int world_ask(struct db_tx *tx, void *ctx, struct err *err)
{
	struct world_question *q = ctx;
	return api_holds(tx, q->access, q->permission, world_clock, &q->may, err);
}

static inline int world_run(struct world *w, const struct world_call *call, struct api_request *req,
                            struct http_response *res, struct err *err)
{
	const struct service_route *route = req->route;
	bool open = strcmp(route->permission, SERVICE_PUBLIC) == 0 || strcmp(route->permission, SERVICE_AGENT) == 0 ||
	            strcmp(route->permission, SERVICE_SIGNED_IN) == 0;
	struct world_question q = {.access = call->as, .permission = route->permission};
	if (!open) {
		world_must(db_read(w->sc.db, world_ask, &q, err), err);
		if (!q.may)
			return err_set(err, -EACCES, "api.forbidden");
	}
	if (route->body != NULL) {
		int r = json_parse(req->arena, str_c(call->body), NULL, &req->body, err);
		req->fields = arena_alloc(req->arena, route->body_size);
		if (r >= 0)
			r = json_decode(req->arena, req->body, route->body, req->fields, err);
		if (r < 0)
			return r;
	}
	return route->handler(req, res, err);
}

/* All pieces; status 0 when it broke off. */
static inline void world_pull(const struct http_pull *pull, struct world_answer *a)
{
	struct buf bytes = BUF_INIT(HTTP_PIECE_MOST);
	int r;
	while ((r = pull->more(pull->ctx, &bytes)) > 0) {
	}
	pull->done(pull->ctx);
	a->text = arena_str(a->arena, buf_str(&bytes));
	if (r < 0)
		a->status = 0;
	buf_done(&bytes);
}

/* Free the answer with world_answer_done. */
static inline struct world_answer world_call(struct world *w, const struct world_call *call)
{
	static const struct access anonymous = {.kind = ACCESS_ANONYMOUS, .peer = {"10.0.0.9", 8}};
	struct world_answer a = {.arena = arena_new(0)};
	struct err err = {.code = 0};
	struct http_pair header = {STR("If-Match"), str_c(call->if_match)};
	struct http_fields fields = {.headers = {&header, call->if_match != NULL}};
	struct http_request http = {.arena = a.arena, .method = call->method, .body = str_c(call->body),
	                            .peer = STR("10.0.0.1"), .client_cert_der = call->certificate_der,
	                            .connection = &fields};
	world_must(http_parse_target(a.arena, str_c(call->target), &http.path, &fields.query, &err), &err);
	struct world_call again = *call;
	if (again.as == NULL)
		again.as = &anonymous;
	struct api_request req = {.http = &http, .arena = a.arena, .service = &w->sc, .access = again.as};
	req.route = world_find(w, &http);
	struct http_response res = {.file_fd = -1};
	int r = world_run(w, &again, &req, &res, &err);
	a.status = r < 0 ? api_status_of(&err) : res.status == 0 ? 200 : res.status;
	(void)snprintf(a.key, sizeof a.key, "%s", r < 0 ? err.key : "");
	if (r >= 0 && res.body.n > 0) {
		a.text = arena_str(a.arena, buf_str(&res.body));
		if (res.content_type != NULL && strcmp(res.content_type, "application/json") == 0)
			world_must(json_parse(a.arena, a.text, NULL, &a.json, &err), &err);
	}
	if (res.file_fd >= 0) {
		a.text = arena_printf(a.arena, "file of %llu bytes", (unsigned long long)res.file_size_bytes);
		(void)close(res.file_fd);
	}
	if (res.pull.ctx != NULL)
		world_pull(&res.pull, &a);
	buf_done(&res.body);
	return a;
}

/* "a.b.c" of the answer, as text; numbers as written; "" when absent. */
static inline const char *world_text(const struct world_answer *a, const char *path)
{
	struct str rest = str_c(path), part;
	const struct json *j = a->json;
	while (j != NULL && str_split(&rest, '.', &part)) {
		uint64_t index = 0;
		if (j->type == JSON_ARRAY && str_parse_u64(part, 0, 100000, &index)) {
			for (j = j->child; j != NULL && index > 0; index--)
				j = j->next;
		} else {
			j = json_get(j, arena_cstr(a->arena, part));
		}
	}
	if (j == NULL)
		return "";
	if (j->type == JSON_BOOL)
		return j->boolean ? "true" : "false";
	if (j->type == JSON_ARRAY || j->type == JSON_OBJECT)
		return arena_printf(a->arena, "%zu", j->count).p;
	return arena_cstr(a->arena, j->text);
}

/* Rows of an SQL count, for what no route shows. */
struct world_counting {
	const char *sql;
	int64_t n;
};
static inline int world_count_rows(struct db_tx *tx, void *ctx, struct err *err)
{
	struct world_counting *c = ctx;
	return db_query_int(tx, &c->n, err, c->sql);
}
static inline int64_t world_sql_count(struct world *w, const char *sql)
{
	struct err err = {.code = 0};
	struct world_counting c = {.sql = sql};
	world_must(db_read(w->sc.db, world_count_rows, &c, &err), &err);
	return c.n;
}
