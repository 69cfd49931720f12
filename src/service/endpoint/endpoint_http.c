/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The console's routes: machines, enrolment tokens, scans; and the room's descriptor. */
#include "base/log/log.h"
#include "base/text/text.h"
#include "service/endpoint/endpoint_http.h"
#include "service/endpoint/endpoint_isolation.h"
#include "service/endpoint/endpoint_sql.gen.h"
#include "service/outbox/outbox.h"

void endpoint_write_state(struct json_writer *w, const struct api_request *req, enum endpoint_state state,
                          struct str reason)
{
	json_member_cstr(w, "state", endpoint_state_name(state));
	json_member_str(w, "state_reason_key", reason);
	cleanup_buf struct buf key = BUF_INIT(128), text = BUF_INIT(4096);
	buf_printf(&key, "endpoint.reason_%.*s", STR_FMT(reason));
	if (reason.n > 0)
		msg_append(req->service->messages, req->access->lang, key.p, NULL, &text);
	json_member_str(w, "state_reason", buf_str(&text));
}

int endpoint_audit(struct db_tx *tx, const struct api_request *req, const char *action, const struct uuid *id,
                   const struct uuid *unit_id, struct str text, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT((size_t)64 << 10);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	if (text.n > 0)
		json_member_str(&w, "text", text);
	json_object_end(&w);
	bool token = strncmp(action, "endpoint.token_", 15) == 0;
	struct audit_entry e = {.action = action, .object_type = token ? "enrolment_token" : "endpoint",
	                        .details = buf_str(&details)};
	if (id != NULL)
		e.object_id = *id;
	if (unit_id != NULL)
		e.unit_id = *unit_id;
	return audit_write(tx, req->access, api_now(req), &e, err);
}

/* ---- one machine ---- */

struct one {
	struct api_request *req;
	struct http_response *res;
	struct uuid id;
	struct endpoint_row row;
};

static int get_visible(struct db_tx *tx, struct one *o, const char *permission, struct err *err)
{
	int r = endpoint_db_get(tx, o->req->arena, &o->id, &o->row, err);
	return r < 0 ? r : api_require_visible(tx, o->req, permission, &o->row.unit_id, err);
}

static void write_row(struct json_writer *w, const struct one *o)
{
	const struct endpoint_row *e = &o->row;
	api_member_uuid(w, "id", &e->id);
	json_member_str(w, "hostname", e->hostname);
	api_member_ref(w, "unit", &e->unit_id, e->unit_name);
	json_member_str(w, "os", e->os);
	json_member_str(w, "os_version", e->os_version);
	json_name(w, "addresses");
	json_raw(w, e->addresses_json);
	endpoint_write_state(w, o->req, e->state, e->state_reason);
	api_member_time(w, "state_since", e->state_since);
	json_member_str(w, "agent_version", e->agent_version);
	json_name(w, "bundle_version");
	if (e->bundle_version > 0)
		json_int(w, e->bundle_version);
	else
		json_null(w);
	json_member_str(w, "watch_mode", e->watch_mode);
	api_member_time(w, "last_seen_at", e->last_seen_at);
	api_member_time(w, "enrolled_at", e->enrolled_at);
	api_member_time(w, "retired_at", e->retired_at);
	api_member_time(w, "clone_seen_at", e->clone_seen_at);
	json_member_str(w, "note", e->note);
	json_member_bool(w, "sample", e->sample);
	endpoint_write_isolation(w, e->isolation);
	json_name(w, "protection");
	json_raw(w, e->facts_json);
}

static int read_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	struct str inventory;
	usec_t inventory_at;
	int r = get_visible(tx, o, "endpoint.read", err);
	if (r >= 0)
		r = endpoint_db_inventory(tx, o->req->arena, &o->id, &inventory, &inventory_at, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(o->res, 200);
	json_object(&w);
	write_row(&w, o);
	json_name(&w, "inventory");
	json_raw(&w, inventory.n > 0 ? inventory : STR("null"));
	api_member_time(&w, "inventory_at", inventory_at);
	json_name(&w, "timeline");
	r = endpoint_db_timeline(tx, &o->id, &w, err);
	api_member_etag(&w, o->row.version);
	json_object_end(&w);
	return r;
}

static int endpoint_get(struct api_request *req, struct http_response *res, struct err *err)
{
	struct one o = {.req = req, .res = res};
	int r = api_param_uuid(req, "id", &o.id, err);
	if (r >= 0)
		r = db_read(req->service->db, read_one, &o, err);
	if (r >= 0)
		api_reply_etag(req, res, o.row.version);
	return r;
}

struct change_body {
	struct uuid unit_id;
	struct str note;
	bool has_unit, has_note;
};
static const struct json_field change_fields[] = {
	{"unit_id", JSON_FIELD_UUID, offsetof(struct change_body, unit_id),
	 .present_offset = offsetof(struct change_body, has_unit) + 1},
	{"note", JSON_FIELD_STR, offsetof(struct change_body, note), .max = 2000,
	 .present_offset = offsetof(struct change_body, has_note) + 1},
	{.name = NULL},
};

static int write_change(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	const struct change_body *body = o->req->fields;
	usec_t now = api_now(o->req);
	int r = get_visible(tx, o, "endpoint.write", err);
	if (r >= 0)
		r = api_if_match(o->req, o->row.version, err);
	struct uuid unit = body->has_unit ? body->unit_id : o->row.unit_id;
	if (r >= 0)
		r = api_require_unit(tx, o->req, "endpoint.write", &unit, err);
	if (r >= 0)
		r = endpoint_db_change(tx, &o->row, &unit, body->has_note ? body->note : o->row.note, o->row.version, err);
	bool moved = r >= 0 && !uuid_eq(&unit, &o->row.unit_id);
	if (r >= 0 && moved)
		r = endpoint_db_timeline_add(tx, &o->id, now, "moved", STR("{}"), err);
	if (r >= 0)
		r = endpoint_audit(tx, o->req, moved ? "endpoint.move" : "endpoint.change", &o->id, &unit, o->row.hostname, err);
	if (r >= 0)
		r = endpoint_emit_changed(tx, &o->id, &unit, o->row.hostname,
		                          (struct endpoint_judgement){o->row.state, arena_cstr(o->req->arena, o->row.state_reason)},
		                          err);
	return r;
}

static void told(const struct service_context *sc)
{
	outbox_wake(sc);
	if (sc->snapshot_changed != NULL)
		sc->snapshot_changed(sc->snapshot_changed_ctx);
}

static int endpoint_patch(struct api_request *req, struct http_response *res, struct err *err)
{
	struct one o = {.req = req, .res = res};
	struct change_body *body = req->fields;
	int r = api_param_uuid(req, "id", &o.id, err);
	if (r >= 0 && body->has_note)
		r = api_typed_text(req, &body->note, err);
	if (r >= 0)
		r = db_write(req->service->db, write_change, &o, err);
	if (r < 0)
		return r;
	told(req->service);
	return endpoint_get(req, res, err);
}

/* A retired machine is not listened to any more, so nobody could lift it from here. */
static int refuse_isolated(const struct endpoint_row *row, struct err *err)
{
	bool isolated = row->isolation == ENDPOINT_ISOLATION_ASKED || row->isolation == ENDPOINT_ISOLATION_ON;
	return isolated ? err_set(err, -EBUSY, "endpoint.isolated_first") : 0;
}

static int write_retirement(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	usec_t now = api_now(o->req);
	int r = get_visible(tx, o, "endpoint.write", err);
	if (r >= 0)
		r = api_if_match(o->req, o->row.version, err);
	if (r >= 0)
		r = refuse_isolated(&o->row, err);
	if (r >= 0)
		r = endpoint_db_retire(tx, &o->id, o->row.version, now, err);
	if (r >= 0)
		r = endpoint_db_timeline_add(tx, &o->id, now, "retired", STR("{}"), err);
	if (r >= 0)
		r = endpoint_audit(tx, o->req, "endpoint.retire", &o->id, &o->row.unit_id, o->row.hostname, err);
	if (r >= 0)
		r = endpoint_emit_changed(tx, &o->id, &o->row.unit_id, o->row.hostname,
		                          (struct endpoint_judgement){o->row.state, "retired"}, err);
	return r;
}

static int look_retirement(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err)
{
	struct one o = {.req = req};
	int r = api_param_uuid(req, "id", &o.id, err);
	if (r >= 0)
		r = get_visible(tx, &o, "endpoint.write", err);
	if (r >= 0)
		r = api_if_match(req, o.row.version, err);
	if (r >= 0)
		r = refuse_isolated(&o.row, err);
	*ret = (struct service_deed){true, "endpoint", o.id, o.row.unit_id, o.row.hostname};
	return r;
}

static const struct service_four_eyes eyes_retirement = {"endpoint.retire", look_retirement};

static int endpoint_delete(struct api_request *req, struct http_response *res, struct err *err)
{
	struct one o = {.req = req, .res = res};
	int r = api_param_uuid(req, "id", &o.id, err);
	if (r >= 0)
		r = db_write(req->service->db, write_retirement, &o, err);
	if (r < 0)
		return r;
	told(req->service);
	return api_reply_empty(res, 204);
}

/* ---- scans ---- */

struct scan_body {
	struct str path;
};
static const struct json_field scan_fields[] = {
	{"path", JSON_FIELD_STR, offsetof(struct scan_body, path), true, 1, 4096},
	{.name = NULL},
};

struct scan {
	struct one one;
	struct endpoint_command command;
};

static int write_scan(struct db_tx *tx, void *ctx, struct err *err)
{
	struct scan *s = ctx;
	struct one *o = &s->one;
	int r = get_visible(tx, o, "endpoint.scan", err);
	if (r < 0)
		return r;
	if (o->row.retired_at != 0 || o->row.sample)
		return err_set(err, -EBUSY, o->row.sample ? "endpoint.is_sample" : "endpoint.retired");
	s->command = (struct endpoint_command){.id = uuid_new(), .endpoint_id = o->id, .type = ENDPOINT_COMMAND_SCAN,
	                                       .path = ((const struct scan_body *)o->req->fields)->path,
	                                       .created_by = o->req->access->name};
	r = endpoint_command_add(tx, &s->command, api_now(o->req), err);
	return r < 0 ? r : endpoint_audit(tx, o->req, "endpoint.scan", &o->id, &o->row.unit_id, s->command.path, err);
}

static int endpoint_scan(struct api_request *req, struct http_response *res, struct err *err)
{
	struct scan s = {.one = {.req = req, .res = res}};
	int r = api_param_uuid(req, "id", &s.one.id, err);
	if (r >= 0)
		r = db_write(req->service->db, write_scan, &s, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 202);
	json_object(&w);
	api_member_uuid(&w, "command_id", &s.command.id);
	json_object_end(&w);
	return 0;
}

/* ---- enrolment tokens ---- */

struct token_body {
	struct uuid unit_id;
	usec_t expires_at;
	int64_t uses;
};
static const struct json_field token_fields[] = {
	{"unit_id", JSON_FIELD_UUID, offsetof(struct token_body, unit_id), true},
	{"expires_at", JSON_FIELD_TIME, offsetof(struct token_body, expires_at)},
	{"uses", JSON_FIELD_INT, offsetof(struct token_body, uses), false, 1, 10000},
	{.name = NULL},
};

struct token_call {
	struct api_request *req;
	struct endpoint_token token;
	unsigned char hash[SHA256_SIZE];
};

static int write_token(struct db_tx *tx, void *ctx, struct err *err)
{
	struct token_call *c = ctx;
	const struct token_body *body = c->req->fields;
	struct endpoint_policy policy;
	usec_t now = api_now(c->req);
	int r = api_require_unit(tx, c->req, "endpoint.enrol", &body->unit_id, err);
	if (r >= 0)
		r = endpoint_db_policy(tx, c->req->arena, &policy, err);
	if (r < 0)
		return r;
	c->token.expires_at = body->expires_at != 0 ? body->expires_at : now + policy.token_days * USEC_PER_DAY;
	if (c->token.expires_at <= now)
		return err_set(err, -EINVAL, "endpoint.token_in_past");
	c->token.created_at = now;
	r = endpoint_db_token_insert(tx, &c->token, c->hash, err);
	return r < 0 ? r : endpoint_audit(tx, c->req, "endpoint.token_create", &c->token.id, &body->unit_id, STR_EMPTY, err);
}

/* Agents reach the server by the name that the browser used, on ports of their own. */
static void write_command(const struct api_request *req, struct str token, struct buf *out)
{
	const struct service_context *sc = req->service;
	struct str host = http_header(req->http, "Host");
	size_t end = host.n > 0 && host.p[0] == '[' ? str_find_char(host, ']') : str_find_char(host, ':');
	if (end != SIZE_MAX)
		host = str_sub(host, 0, host.p[0] == '[' ? end + 1 : end);
	if (host.n == 0 || host.n > 255)
		host = STR("127.0.0.1");
	unsigned agents = sc->agent_port != 0 ? sc->agent_port : 8445, events = sc->events_port != 0 ? sc->events_port : 8444;
	buf_printf(out, "luytre-agent enrol --server https://%.*s:%u --events https://%.*s:%u --token %.*s", STR_FMT(host), agents,
	           STR_FMT(host), events, STR_FMT(token));
}

static int endpoint_token_create(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct token_body *body = req->fields;
	struct token_call c = {.req = req,
	                       .token = {.id = uuid_new(), .unit_id = body->unit_id, .created_by = req->access->account_id,
	                                 .created_by_name = req->access->name, .uses = body->uses > 0 ? body->uses : 1}};
	cleanup_buf struct buf ca = BUF_INIT((size_t)64 << 10);
	cleanup_buf_secret struct buf token = BUF_INIT(ENDPOINT_TOKEN_MAX);
	int r = req->service->keys->ca_pem(req->service->keys->ctx, &ca, err);
	if (r >= 0)
		r = endpoint_token_make(buf_str(&ca), &token, c.hash, err);
	if (r >= 0)
		r = db_write(req->service->db, write_token, &c, err);
	if (r < 0)
		return r;
	cleanup_buf_secret struct buf command = BUF_INIT(1024);
	write_command(req, buf_str(&token), &command);
	struct json_writer w = api_reply(res, 201);
	json_object(&w);
	api_member_uuid(&w, "id", &c.token.id);
	json_member_str(&w, "token", buf_str(&token));
	json_member_str(&w, "command", buf_str(&command));
	api_member_time(&w, "expires_at", c.token.expires_at);
	json_member_int(&w, "uses", c.token.uses);
	json_object_end(&w);
	return 0;
}

struct token_removal {
	struct api_request *req;
	struct uuid id;
};

static int write_token_removal(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct token_removal *t = ctx;
	struct uuid unit;
	int r = endpoint_db_token_unit(tx, &t->id, &unit, err);
	if (r >= 0)
		r = api_require_visible(tx, t->req, "endpoint.enrol", &unit, err);
	if (r >= 0)
		r = endpoint_db_token_revoke(tx, &t->id, api_now(t->req), err);
	return r < 0 ? r : endpoint_audit(tx, t->req, "endpoint.token_revoke", &t->id, &unit, STR_EMPTY, err);
}

static int endpoint_token_delete(struct api_request *req, struct http_response *res, struct err *err)
{
	struct token_removal t = {.req = req};
	int r = api_param_uuid(req, "id", &t.id, err);
	if (r >= 0)
		r = db_write(req->service->db, write_token_removal, &t, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}

/* ---- the room ---- */

#define SILENT_AT_ONCE 500

struct tick {
	struct arena *arena;
	usec_t now;
	size_t done;
};

static int mark_silent(struct db_tx *tx, void *ctx, struct err *err)
{
	struct tick *t = ctx;
	struct endpoint_policy policy;
	const struct endpoint_row *rows = NULL;
	static const struct endpoint_judgement silent = {ENDPOINT_STATE_SILENT, "no_checkin"};
	arena_clear(t->arena);
	int r = endpoint_db_policy(tx, t->arena, &policy, err);
	if (r >= 0)
		r = endpoint_db_newly_silent(tx, t->arena, t->now - policy.silent_after, SILENT_AT_ONCE, &rows, &t->done, err);
	for (size_t i = 0; r >= 0 && i < t->done; i++) {
		r = endpoint_db_set_state(tx, &rows[i].id, silent, t->now, err);
		if (r >= 0)
			r = endpoint_note_state(tx, &rows[i], silent, t->now, err);
	}
	return r;
}

static int endpoint_tick(const struct service_context *sc, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct tick t = {.arena = arena, .now = sc->now(), .done = SILENT_AT_ONCE};
	int r = 0;
	while (r >= 0 && t.done == SILENT_AT_ONCE)
		r = db_write(sc->db, mark_silent, &t, err);
	if (t.done > 0)
		outbox_wake(sc);
	return r;
}

#define BODY(fields, type) .body = (fields), .body_size = sizeof(type)
static const struct service_route routes[] = {
	{"GET", "/api/v1/endpoints", "endpoint.read", endpoint_list, "endpoint.route_list"},
	{"GET", "/api/v1/endpoints/summary", "endpoint.read", endpoint_summary, "endpoint.route_summary"},
	{"GET", "/api/v1/endpoints/{id}", "endpoint.read", endpoint_get, "endpoint.route_get"},
	{"PATCH", "/api/v1/endpoints/{id}", "endpoint.write", endpoint_patch, "endpoint.route_change",
	 BODY(change_fields, struct change_body)},
	{"DELETE", "/api/v1/endpoints/{id}", "endpoint.write", endpoint_delete, "endpoint.route_retire",
	 .four_eyes = &eyes_retirement},
	{"POST", "/api/v1/endpoints/{id}/scan", "endpoint.scan", endpoint_scan, "endpoint.route_scan",
	 BODY(scan_fields, struct scan_body)},
	{"GET", "/api/v1/enrolment-tokens", "endpoint.enrol", endpoint_token_list, "endpoint.route_tokens"},
	{"POST", "/api/v1/enrolment-tokens", "endpoint.enrol", endpoint_token_create, "endpoint.route_token_create",
	 BODY(token_fields, struct token_body)},
	{"DELETE", "/api/v1/enrolment-tokens/{id}", "endpoint.enrol", endpoint_token_delete, "endpoint.route_token_delete"},
	{"GET", "/agent/v1/ca", SERVICE_PUBLIC, endpoint_agent_ca, "endpoint.route_ca", .listener = LISTENER_AGENT},
	{"POST", "/agent/v1/enrol", SERVICE_PUBLIC, endpoint_agent_enrol, "endpoint.route_enrol",
	 BODY(endpoint_enrol_fields, struct endpoint_enrol_body), .listener = LISTENER_AGENT},
	{"POST", "/agent/v1/checkin", SERVICE_AGENT, endpoint_agent_checkin, "endpoint.route_checkin",
	 BODY(endpoint_checkin_fields, struct endpoint_checkin_body), .body_limit_bytes = ENDPOINT_INVENTORY_MAX,
	 .listener = LISTENER_AGENT},
	{"POST", "/agent/v1/renew", SERVICE_AGENT, endpoint_agent_renew, "endpoint.route_renew",
	 BODY(endpoint_renew_fields, struct endpoint_renew_body), .listener = LISTENER_AGENT},
	{.method = NULL},
};

static const char *const permissions[] = {"endpoint.read", "endpoint.write", "endpoint.scan", "endpoint.enrol", NULL};

const struct service endpoint_service = {
	.name = "endpoint",
	.routes = routes,
	.permissions = permissions,
	.migrations = endpoint_migrations,
	.migration_count = ENDPOINT_MIGRATION_COUNT,
	.start = endpoint_pack_load,
	.on_tick = endpoint_tick,
};
