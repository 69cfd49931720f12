/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The room's routes, what it does by itself, and its descriptor. */
#include "base/log/log.h"
#include "engine/malware/malware_keys.h"
#include "service/audit/audit.h"
#include "service/endpoint/endpoint.h"
#include "service/outbox/outbox.h"
#include "service/protection/protection_http.h"
#include "service/protection/protection_sql.gen.h"

static int emit_quarantine(struct db_tx *tx, const struct protection_quarantine_row *q, enum quarantine_state state,
                           struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT(1024);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	json_member_cstr(&w, "what", "quarantine");
	api_member_uuid(&w, "id", &q->id);
	api_member_uuid(&w, "unit_id", &q->unit_id);
	json_member_cstr(&w, "state", protection_quarantine_name(state));
	json_object_end(&w);
	struct service_event e = {.name = "protection.changed", .unit_id = q->unit_id, .permission = "protection.read",
	                          .json = buf_str(&json)};
	return outbox_write(tx, &e, err);
}

static int audit_quarantine(struct db_tx *tx, const struct access *access, const char *action,
                            const struct protection_quarantine_row *q, struct str reason, usec_t now, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT((size_t)64 << 10);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_str(&w, "path", q->path);
	json_member_str(&w, "threat", q->threat);
	json_member_str(&w, "hostname", q->hostname);
	if (reason.n > 0)
		json_member_str(&w, "reason", reason);
	json_object_end(&w);
	struct audit_entry e = {.action = action, .object_type = "quarantine_item", .object_id = q->id,
	                        .unit_id = q->unit_id, .details = buf_str(&details)};
	return audit_write(tx, access, now, &e, err);
}

/* ---- what a machine says about a quarantined file ---- */

static int report(struct db_tx *tx, const struct uuid *endpoint_id, struct str agent_id, enum quarantine_step step,
                  struct str reason, usec_t at, struct err *err)
{
	static const struct access machine = {.kind = ACCESS_SYSTEM, .name = {"agent", 5}};
	static const char *const actions[QUARANTINE_STEP__COUNT] = {
		[QUARANTINE_STEP_RESTORED] = "protection.quarantine_restored",
		[QUARANTINE_STEP_DELETED] = "protection.quarantine_deleted",
		[QUARANTINE_STEP_FAILED] = "protection.quarantine_failed",
	};
	cleanup(arena) struct arena *arena = arena_new(0);
	struct protection_quarantine_row q;
	enum quarantine_state to;
	int r = protection_db_quarantine_find(tx, arena, endpoint_id, agent_id, &q, err);
	/* Said twice (by answer and by event), or about something never reported: nothing to do. */
	if (r <= 0 || !protection_quarantine_step(q.state, step, &to))
		return r < 0 ? r : 0;
	r = protection_db_quarantine_set(tx, &q.id, to, reason, q.version, at, err);
	if (r >= 0)
		r = audit_quarantine(tx, &machine, actions[step], &q, reason, at, err);
	/* For rules over the own log. */
	if (r >= 0 && step == QUARANTINE_STEP_RESTORED)
		log_info("a quarantined file was restored", ARG_STR("host", q.hostname), ARG_STR("path", q.path), ARG_STR("threat", q.threat));
	return r < 0 ? r : emit_quarantine(tx, &q, to, err);
}

int protection_quarantine_reported(struct db_tx *tx, const struct uuid *endpoint_id, struct str quarantine_id,
                                   bool deleted, usec_t at, struct err *err)
{
	return report(tx, endpoint_id, quarantine_id, deleted ? QUARANTINE_STEP_DELETED : QUARANTINE_STEP_RESTORED,
	              STR_EMPTY, at, err);
}

struct answered {
	struct uuid endpoint_id;
	struct str quarantine_id, reason;
	enum quarantine_step step;
	usec_t at;
};

static int write_answered(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct answered *a = ctx;
	return report(tx, &a->endpoint_id, a->quarantine_id, a->step, a->reason, a->at, err);
}

static int protection_event(const struct service_context *sc, const struct service_event *event, struct err *err)
{
	if (strcmp(event->name, "endpoint.command_answered") != 0)
		return 0;
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *root = NULL;
	int r = json_parse(arena, event->json, NULL, &root, err);
	if (r < 0)
		return r;
	struct str type = json_get_str(root, "type", STR_EMPTY);
	bool restore = str_eq(type, STR("quarantine_restore"));
	if (!restore && !str_eq(type, STR("quarantine_delete")))
		return 0;
	struct answered a = {.quarantine_id = json_get_str(root, "quarantine_id", STR_EMPTY), .at = event->at};
	if (!uuid_parse(json_get_str(root, "endpoint_id", STR_EMPTY), &a.endpoint_id))
		return err_set(err, -EINVAL, "protection.bad_event");
	bool ok = json_get_bool(root, "ok", false);
	a.step = !ok ? QUARANTINE_STEP_FAILED : restore ? QUARANTINE_STEP_RESTORED : QUARANTINE_STEP_DELETED;
	a.reason = ok ? STR_EMPTY : str_sub(json_get_str(json_get(root, "result"), "key", STR_EMPTY), 0, 200);
	r = db_write(sc->db, write_answered, &a, err);
	if (r >= 0)
		outbox_wake(sc);
	return r;
}

/* ---- what people ask ---- */

struct ask {
	struct api_request *req;
	struct uuid id;
	enum quarantine_step step;
	struct endpoint_command command;
	struct protection_quarantine_row row;
};

static int write_ask(struct db_tx *tx, void *ctx, struct err *err)
{
	struct ask *a = ctx;
	struct api_request *req = a->req;
	bool restore = a->step == QUARANTINE_STEP_ASK_RESTORE;
	struct str reason = ((const struct protection_reason_body *)req->fields)->reason;
	enum quarantine_state to;
	usec_t now = api_now(req);
	int r = protection_db_quarantine_get(tx, req->arena, &a->id, &a->row, err);
	if (r >= 0)
		r = api_require_visible(tx, req, "protection.quarantine", &a->row.unit_id, err);
	if (r >= 0 && http_header(req->http, "If-Match").n > 0)
		r = api_if_match(req, a->row.version, err);
	if (r < 0)
		return r;
	if (!protection_quarantine_step(a->row.state, a->step, &to))
		return err_set(err, -EBUSY, "protection.not_in_state",
		               ARG_CSTR("state", protection_quarantine_name(a->row.state)));
	a->command = (struct endpoint_command){
		.id = uuid_new(), .endpoint_id = a->row.endpoint_id, .quarantine_id = a->row.agent_id,
		.type = restore ? ENDPOINT_COMMAND_QUARANTINE_RESTORE : ENDPOINT_COMMAND_QUARANTINE_DELETE,
		.created_by = req->access->name};
	r = endpoint_command_add(tx, &a->command, now, err);
	if (r >= 0)
		r = protection_db_quarantine_set(tx, &a->id, to, reason, a->row.version, now, err);
	if (r >= 0)
		r = audit_quarantine(tx, req->access, restore ? "protection.ask_restore" : "protection.ask_delete", &a->row,
		                     reason, now, err);
	return r < 0 ? r : emit_quarantine(tx, &a->row, to, err);
}

static int ask(struct api_request *req, struct http_response *res, enum quarantine_step step, struct err *err)
{
	struct ask a = {.req = req, .step = step};
	int r = api_param_uuid(req, "id", &a.id, err);
	if (r >= 0)
		r = api_typed_text(req, &((struct protection_reason_body *)req->fields)->reason, err);
	if (r >= 0)
		r = db_write(req->service->db, write_ask, &a, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	struct json_writer w = api_reply(res, 202);
	json_object(&w);
	api_member_uuid(&w, "command_id", &a.command.id);
	json_object_end(&w);
	return 0;
}

static int look_file(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err)
{
	struct uuid id;
	struct protection_quarantine_row q;
	int r = api_param_uuid(req, "id", &id, err);
	if (r >= 0)
		r = protection_db_quarantine_get(tx, req->arena, &id, &q, err);
	if (r >= 0)
		r = api_require_visible(tx, req, "protection.quarantine", &q.unit_id, err);
	if (r >= 0)
		*ret = (struct service_deed){true, "quarantine_item", id, q.unit_id,
		                             arena_printf(req->arena, "%.*s · %.*s · %.*s", STR_FMT(q.hostname), STR_FMT(q.threat), STR_FMT(q.path))};
	return r;
}

static const struct service_four_eyes eyes_restore = {"quarantine.restore", look_file}, eyes_delete = {"quarantine.delete", look_file};

static int quarantine_restore(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, QUARANTINE_STEP_ASK_RESTORE, err);
}

static int quarantine_delete(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, QUARANTINE_STEP_ASK_DELETE, err);
}

static int write_cancel(struct db_tx *tx, void *ctx, struct err *err)
{
	struct ask *a = ctx;
	struct api_request *req = a->req;
	enum quarantine_state to;
	usec_t now = api_now(req);
	int r = protection_db_quarantine_get(tx, req->arena, &a->id, &a->row, err);
	if (r >= 0)
		r = api_require_visible(tx, req, "protection.quarantine", &a->row.unit_id, err);
	if (r < 0)
		return r;
	if (!protection_quarantine_step(a->row.state, a->step, &to))
		return err_set(err, -EBUSY, "protection.not_in_state",
		               ARG_CSTR("state", protection_quarantine_name(a->row.state)));
	r = endpoint_command_cancel(tx, &a->row.endpoint_id, a->row.agent_id, err);
	if (r >= 0)
		r = protection_db_quarantine_set(tx, &a->id, to, STR_EMPTY, a->row.version, now, err);
	if (r >= 0)
		r = audit_quarantine(tx, req->access, "protection.ask_cancelled", &a->row, STR_EMPTY, now, err);
	return r < 0 ? r : emit_quarantine(tx, &a->row, to, err);
}

static int quarantine_cancel(struct api_request *req, struct http_response *res, struct err *err)
{
	struct ask a = {.req = req, .step = QUARANTINE_STEP_CANCEL};
	int r = api_param_uuid(req, "id", &a.id, err);
	if (r >= 0)
		r = db_write(req->service->db, write_cancel, &a, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return api_reply_empty(res, 204);
}

/* ---- the room ---- */

static int read_current(struct db_tx *tx, void *ctx, struct err *err)
{
	return protection_db_bundle_get(tx, 0, ctx, err);
}

static int write_keys(struct db_tx *tx, void *ctx, struct err *err)
{
	return endpoint_set_bundle_keys(tx, *(const int64_t *)ctx, err);
}

/* Lists of keys are put into data_dir/bundles by hand: they are signed where the release key lives. */
static int tell_keys(const struct service_context *sc, struct err *err)
{
	cleanup_buf struct buf dir = BUF_INIT(4096);
	buf_printf(&dir, "%s/bundles", sc->data_dir);
	int64_t newest = (int64_t)malware_keys_newest(dir.p);
	return newest == 0 ? 0 : db_write(sc->db, write_keys, &newest, err);
}

/* The first bundle, and a fresh one before the current one gets old. */
static int protection_tick(const struct service_context *sc, struct err *err)
{
	static const struct access self = {.kind = ACCESS_SYSTEM, .name = {"luytre", 6}};
	struct protection_bundle current = {.version = 0};
	int r = db_read(sc->db, read_current, &current, err);
	if (r < 0)
		return r;
	bool have = r > 0;
	r = tell_keys(sc, err);
	if (r < 0)
		return r;
	usec_t life = current.expires_at - current.created_at;
	if (have && sc->now() < current.expires_at - life / 3)
		return protection_rollout_tick(sc, err);
	int64_t version = 0;
	return protection_release_bundle(sc, &self, &(struct protection_release){.author = self.name}, &version, err);
}

static int protection_start(const struct service_context *sc, struct err *err)
{
	(void)err;
	struct err problem = {.code = 0};
	/* Without signatures the rest still works, and the next tick tries again. Another process may have been faster. */
	if (protection_tick(sc, &problem) < 0 && problem.code != -EEXIST)
		log_err(LOG_LEVEL_ERROR, "first signature bundle could not be built", &problem);
	return 0;
}

#define BODY(fields, type) .body = (fields), .body_size = sizeof(type)
static const struct service_route routes[] = {
	{"GET", "/api/v1/detections", "protection.read", protection_list_detections, "protection.route_detections"},
	{"GET", "/api/v1/quarantine", "protection.read", protection_list_quarantine, "protection.route_quarantine"},
	{"POST", "/api/v1/quarantine/{id}/restore", "protection.quarantine", quarantine_restore, "protection.route_restore",
	 BODY(protection_reason_fields, struct protection_reason_body), .four_eyes = &eyes_restore},
	{"POST", "/api/v1/quarantine/{id}/delete", "protection.quarantine", quarantine_delete, "protection.route_delete",
	 BODY(protection_reason_fields, struct protection_reason_body), .four_eyes = &eyes_delete},
	{"POST", "/api/v1/quarantine/{id}/cancel", "protection.quarantine", quarantine_cancel, "protection.route_cancel"},
	{"GET", "/api/v1/bundles", "protection.read", protection_list_bundles, "protection.route_bundles"},
	{"POST", "/api/v1/bundles", "protection.release", protection_bundle_create, "protection.route_release",
	 BODY(protection_release_fields, struct protection_release_body), .body_limit_bytes = 2 * PROTECTION_UPLOAD_MAX,
	 .four_eyes = &protection_eyes_release},
	{"GET", "/api/v1/bundles/{version}/file", "protection.release", protection_bundle_export, "protection.route_export"},
	{"POST", "/api/v1/bundles/{version}/halt", "protection.release", protection_bundle_halt, "protection.route_halt",
	 BODY(protection_reason_fields, struct protection_reason_body)},
	{"POST", "/api/v1/bundles/{version}/resume", "protection.release", protection_bundle_resume, "protection.route_resume",
	 BODY(protection_reason_fields, struct protection_reason_body)},
	{"POST", "/api/v1/bundles/{version}/finish", "protection.release", protection_bundle_finish, "protection.route_finish",
	 BODY(protection_reason_fields, struct protection_reason_body)},
	{"GET", "/api/v1/threats", "protection.read", protection_list_threats, "protection.route_threats"},
	{"GET", "/agent/v1/bundles/{version}", SERVICE_AGENT, protection_agent_bundle, "protection.route_fetch",
	 .listener = LISTENER_AGENT},
	{"GET", "/agent/v1/bundles/{version}/head", SERVICE_AGENT, protection_agent_head, "protection.route_head",
	 .listener = LISTENER_AGENT},
	{"GET", "/agent/v1/chunks/{name}", SERVICE_PUBLIC, protection_agent_chunk, "protection.route_chunk", .listener = LISTENER_AGENT},
	{"GET", "/agent/v1/bundle-keys/{number}", SERVICE_AGENT, protection_agent_bundle_keys, "protection.route_keys", .listener = LISTENER_AGENT},
	{"GET", "/agent/v1/bundle-key", SERVICE_AGENT, protection_agent_bundle_key, "protection.route_key", .listener = LISTENER_AGENT},
	{.method = NULL},
};

static const char *const permissions[] = {"protection.read", "protection.quarantine", "protection.release", NULL};

const struct service protection_service = {
	.name = "protection",
	.routes = routes,
	.permissions = permissions,
	.migrations = protection_migrations,
	.migration_count = PROTECTION_MIGRATION_COUNT,
	.start = protection_start,
	.on_event = protection_event,
	.on_tick = protection_tick,
};
