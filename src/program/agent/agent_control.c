/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_control.h"

#include "platform/http/http.h"

#define BODY_LIMIT ((size_t)16 << 10)
#define ANSWER_LIMIT ((size_t)32 << 20)
#define SCANS_MAX 32

struct agent_control {
	struct agent_core *core;
	struct http_server *server;
};

static struct json_writer begin(struct http_response *res)
{
	res->body = BUF_INIT(ANSWER_LIMIT);
	res->content_type = "application/json";
	return json_writer_init(&res->body);
}

static void fail(struct http_response *res, int code, const struct err *err)
{
	buf_done(&res->body);
	struct json_writer w = begin(res);
	res->status = code == -ENOENT ? 404 : code == -EEXIST || code == -EBUSY ? 409 : code == -EINVAL ? 400 : 500;
	json_object(&w);
	json_member_cstr(&w, "key", err->key);
	json_member_cstr(&w, "place", err->place);
	json_name(&w, "args");
	json_object(&w);
	for (unsigned i = 0; i < err->arg_count; i++)
		json_member_cstr(&w, err->args[i].name, err->args[i].value);
	json_object_end(&w);
	json_object_end(&w);
}

static void not_found(struct http_response *res)
{
	struct err err = {0};
	fail(res, err_set(&err, -ENOENT, "agent.unknown_id"), &err);
}

static void member_time(struct json_writer *w, const char *name, usec_t t)
{
	char text[CLOCK_ISO_SIZE];
	json_member_cstr(w, name, t != 0 ? clock_iso(t, text) : NULL);
}

static void status(struct http_request *req, struct http_response *res, void *context)
{
	(void)req;
	const struct agent_control *c = context;
	struct json_writer w = begin(res);
	agent_core_write_status(c->core, &w);
}

/* ---- quarantine ---- */

static void write_item(struct json_writer *w, const struct malware_quarantine_item *i)
{
	char id[UUID_TEXT_SIZE];
	json_object(w);
	json_member_cstr(w, "id", uuid_text(&i->id, id));
	json_member_str(w, "path", i->path_shown);
	json_member_str(w, "threat", i->threat);
	json_member_str(w, "rule", i->rule);
	json_member_cstr(w, "engine", malware_engine_name(i->engine));
	json_member_cstr(w, "sha256", i->sha256_hex);
	json_member_int(w, "size_bytes", (int64_t)i->size_bytes);
	json_member_str(w, "owner", i->owner);
	json_member_int(w, "mode", i->mode);
	member_time(w, "quarantined_at", i->taken_at);
	json_object_end(w);
}

static void quarantine_list(struct http_request *req, struct http_response *res, void *context)
{
	const struct agent_control *c = context;
	const struct malware_quarantine_item *items = NULL;
	size_t count = 0, broken = 0;
	struct err err = {0};
	cleanup(arena) struct arena *arena = arena_new((size_t)256 << 20);
	(void)req;
	int r = malware_quarantine_list(agent_protect_quarantine(agent_core_protect(c->core)), arena, &items, &count, &broken,
	                                &err);
	if (r < 0) {
		fail(res, r, &err);
		return;
	}
	struct json_writer w = begin(res);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; i < count; i++)
		write_item(&w, &items[i]);
	json_array_end(&w);
	json_member_int(&w, "broken", (int64_t)broken);
	json_object_end(&w);
}

struct restore_body {
	struct str to;
	bool overwrite;
};
static const struct json_field restore_fields[] = {
	{"to", JSON_FIELD_STR, offsetof(struct restore_body, to), false, 1, 4096, NULL, 0},
	{"overwrite", JSON_FIELD_BOOL, offsetof(struct restore_body, overwrite), false, 0, 0, NULL, 0},
	{.name = NULL},
};

static int read_body(struct http_request *req, const struct json_field *fields, void *out, struct err *err)
{
	const struct json *j = NULL;
	int r = json_parse(req->arena, req->body, NULL, &j, err);
	return r < 0 ? r : json_decode(req->arena, j, fields, out, err);
}

static void quarantine_restore(struct http_request *req, struct http_response *res, void *context)
{
	const struct agent_control *c = context;
	struct restore_body body = {0};
	struct uuid id;
	struct err err = {0};
	int r = read_body(req, restore_fields, &body, &err);
	if (r >= 0 && !uuid_parse(http_param(req, "id"), &id))
		r = err_set(&err, -ENOENT, "agent.unknown_id");
	if (r >= 0)
		r = agent_protect_restore(agent_core_protect(c->core), &id, body.to.n > 0 ? arena_cstr(req->arena, body.to) : NULL,
		                          body.overwrite, NULL, &err);
	if (r < 0)
		fail(res, r, &err);
	else
		res->status = 204;
}

static void quarantine_delete(struct http_request *req, struct http_response *res, void *context)
{
	const struct agent_control *c = context;
	struct uuid id;
	struct err err = {0};
	int r = uuid_parse(http_param(req, "id"), &id) ? 0 : err_set(&err, -ENOENT, "agent.unknown_id");
	if (r >= 0)
		r = agent_protect_delete(agent_core_protect(c->core), &id, NULL, &err);
	if (r < 0)
		fail(res, r, &err);
	else
		res->status = 204;
}

/* ---- scans ---- */

static void write_scan(struct json_writer *w, const struct agent_scan_status *s)
{
	char id[UUID_TEXT_SIZE];
	json_object(w);
	json_member_cstr(w, "id", uuid_text(&s->id, id));
	json_member_cstr(w, "path", s->path);
	json_member_cstr(w, "state", s->state);
	json_member_int(w, "files_done", (int64_t)s->done);
	json_member_int(w, "files_listed", (int64_t)s->listed);
	json_member_int(w, "found", (int64_t)s->found);
	json_member_int(w, "errors", (int64_t)s->errors);
	json_member_cstr(w, "current", s->current);
	json_member_cstr(w, "problem", s->problem);
	member_time(w, "started_at", s->started_at);
	member_time(w, "ended_at", s->ended_at);
	json_object_end(w);
}

struct scan_body {
	struct str path;
};
static const struct json_field scan_fields[] = {
	{"path", JSON_FIELD_STR, offsetof(struct scan_body, path), true, 1, 4096, NULL, 0},
	{.name = NULL},
};

static void scan_start(struct http_request *req, struct http_response *res, void *context)
{
	const struct agent_control *c = context;
	struct scan_body body = {0};
	struct uuid id;
	struct err err = {0};
	char text[UUID_TEXT_SIZE];
	int r = read_body(req, scan_fields, &body, &err);
	if (r >= 0)
		r = agent_scan_start(agent_core_scan(c->core), body.path, NULL, &id, &err);
	if (r < 0) {
		fail(res, r, &err);
		return;
	}
	struct json_writer w = begin(res);
	res->status = 201;
	json_object(&w);
	json_member_cstr(&w, "id", uuid_text(&id, text));
	json_object_end(&w);
}

/* A bundle that somebody brings on a stick. The path is the administrator's: only root can reach this socket. */
static void bundle_import(struct http_request *req, struct http_response *res, void *context)
{
	const struct agent_control *c = context;
	struct scan_body body = {0};
	struct err err = {0};
	uint64_t version = 0;
	int r = read_body(req, scan_fields, &body, &err);
	if (r >= 0)
		r = agent_core_import(c->core, arena_cstr(req->arena, body.path), &version, &err);
	if (r < 0) {
		fail(res, r, &err);
		return;
	}
	struct json_writer w = begin(res);
	json_object(&w);
	json_member_int(&w, "version", (int64_t)version);
	json_object_end(&w);
}

static void scan_get(struct http_request *req, struct http_response *res, void *context)
{
	const struct agent_control *c = context;
	struct uuid id;
	struct agent_scan_status s;
	if (!uuid_parse(http_param(req, "id"), &id) || !agent_scan_get(agent_core_scan(c->core), &id, &s)) {
		not_found(res);
		return;
	}
	struct json_writer w = begin(res);
	write_scan(&w, &s);
}

static void scan_cancel(struct http_request *req, struct http_response *res, void *context)
{
	const struct agent_control *c = context;
	struct uuid id;
	if (uuid_parse(http_param(req, "id"), &id) && agent_scan_cancel(agent_core_scan(c->core), &id))
		res->status = 204;
	else
		not_found(res);
}

static void scan_list(struct http_request *req, struct http_response *res, void *context)
{
	const struct agent_control *c = context;
	struct agent_scan_status *list = arena_alloc(req->arena, SCANS_MAX * sizeof *list);
	size_t n = agent_scan_list(agent_core_scan(c->core), list, SCANS_MAX);
	struct json_writer w = begin(res);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; i < n; i++)
		write_scan(&w, &list[i]);
	json_array_end(&w);
	json_object_end(&w);
}

static const struct http_route routes[] = {
	{.method = "GET", .path = "/status", .handler = status},
	{.method = "GET", .path = "/quarantine", .handler = quarantine_list},
	{.method = "POST", .path = "/quarantine/{id}/restore", .handler = quarantine_restore, .body_limit_bytes = BODY_LIMIT},
	{.method = "DELETE", .path = "/quarantine/{id}", .handler = quarantine_delete},
	{.method = "POST", .path = "/bundles", .handler = bundle_import, .body_limit_bytes = BODY_LIMIT},
	{.method = "GET", .path = "/scans", .handler = scan_list},
	{.method = "POST", .path = "/scans", .handler = scan_start, .body_limit_bytes = BODY_LIMIT},
	{.method = "GET", .path = "/scans/{id}", .handler = scan_get},
	{.method = "DELETE", .path = "/scans/{id}", .handler = scan_cancel},
	{.method = NULL},
};

int agent_control_start(struct agent_core *core, const char *socket_path, struct agent_control **ret, struct err *err)
{
	struct agent_control *c = MEM_NEW(struct agent_control);
	c->core = core;
	struct http_config config = {
		.unix_path = socket_path,
		.unix_mode = 0600,
		.routes = routes,
		.context = c,
		.loop_threads = 1,
		.worker_threads = 1,
		.max_connections = 16,
	};
	int r = http_server_start(&config, &c->server, err);
	if (r < 0) {
		mem_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void agent_control_stop(struct agent_control *c)
{
	if (c == NULL)
		return;
	http_server_stop(c->server);
	mem_free(c);
}
