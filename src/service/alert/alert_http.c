/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The room's routes and descriptor. */
#include "base/text/text.h"
#include "service/account/account.h"
#include "service/alert/alert_http.h"
#include "service/alert/alert_sql.gen.h"
#include "service/alert/alert_suppression.h"
#include "service/alert/alert_tune.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"

/* ---- reading ---- */

struct one {
	struct api_request *req;
	struct http_response *res;
	struct uuid id;
	int64_t version;
};

static int read_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	struct alert_brief alert;
	int r = alert_get(tx, o->req->arena, &o->id, &alert, err);
	if (r >= 0)
		r = api_require_visible(tx, o->req, "alert.read", &alert.unit_id, err);
	return r < 0 ? r : alert_db_write_one(tx, o->req, o->res, &o->id, &o->version, err);
}

static int get_one(struct api_request *req, struct http_response *res, struct err *err)
{
	struct one o = {.req = req, .res = res};
	int r = api_param_uuid(req, "id", &o.id, err);
	if (r >= 0)
		r = db_read(req->service->db, read_one, &o, err);
	if (r >= 0)
		api_reply_etag(req, res, o.version);
	return r;
}

/* ---- changing ---- */

struct change {
	struct api_request *req;
	struct uuid id;
	struct alert_deed deed;
	struct uuid comment;
};

static int write_change(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct change *c = ctx;
	struct alert_brief alert;
	int r = alert_deed_allowed(tx, c->req, &c->id, &alert, err);
	if (r >= 0)
		r = api_if_match(c->req, alert.version, err);
	return r < 0 ? r : alert_deed_do(tx, c->req, &c->deed, &alert, err);
}

static int run_change(struct change *c, struct http_response *res, struct err *err)
{
	int r = api_param_uuid(c->req, "id", &c->id, err);
	if (r >= 0)
		r = api_typed_text(c->req, &c->deed.note, err);
	if (r >= 0)
		r = db_write(c->req->service->db, write_change, c, err);
	if (r < 0)
		return r;
	outbox_wake(c->req->service);
	return get_one(c->req, res, err);
}

static int acknowledge(struct api_request *req, struct http_response *res, struct err *err)
{
	return run_change(&(struct change){.req = req, .deed = {.step = ALERT_STEP_ACKNOWLEDGE, .action = "alert.acknowledge"}}, res, err);
}

struct assign_body {
	struct uuid account_id;
};
/* null takes the alert away from whoever had it. */
static const struct json_field assign_fields[] = {
	{"account_id", JSON_FIELD_UUID, offsetof(struct assign_body, account_id)},
	{.name = NULL},
};

static int assign(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct assign_body *body = req->fields;
	return run_change(&(struct change){.req = req, .deed = {.step = ALERT_STEP_ASSIGN, .action = "alert.assign", .assignee = body->account_id}},
	                  res, err);
}

struct close_body {
	int resolution;
	struct str note;
};
static const struct json_field close_fields[] = {
	{"resolution", JSON_FIELD_ENUM, offsetof(struct close_body, resolution), true, .names = alert_resolutions},
	{"note", JSON_FIELD_STR, offsetof(struct close_body, note), false, 0, 4000},
	{.name = NULL},
};

static int close_alert(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct close_body *body = req->fields;
	return run_change(&(struct change){.req = req, .deed = {.step = ALERT_STEP_CLOSE, .action = "alert.close", .resolution = body->resolution,
	                                                        .note = body->note}},
	                  res, err);
}

static int reopen(struct api_request *req, struct http_response *res, struct err *err)
{
	return run_change(&(struct change){.req = req, .deed = {.step = ALERT_STEP_REOPEN, .action = "alert.reopen"}}, res, err);
}

/* Takes back an acknowledgement: somebody else should look, or it was a slip. */
static int release(struct api_request *req, struct http_response *res, struct err *err)
{
	return run_change(&(struct change){.req = req, .deed = {.step = ALERT_STEP_RELEASE, .action = "alert.release"}}, res, err);
}

/* ---- comments ---- */

/* due_at: a promise, told at the hand-over ("call again at 06:00"). */
struct comment_body {
	struct str text;
	usec_t due_at;
};
static const struct json_field comment_fields[] = {
	{"text", JSON_FIELD_STR, offsetof(struct comment_body, text), true, 1, 8000},
	{"due_at", JSON_FIELD_TIME, offsetof(struct comment_body, due_at)},
	{.name = NULL},
};

static int write_comment(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct change *c = ctx;
	struct alert_brief alert;
	const struct comment_body *body = c->req->fields;
	struct str text = body->text;
	usec_t now = api_now(c->req);
	if (text.n == 0)
		return err_set(err, -EINVAL, "alert.text_required");
	int r = alert_deed_allowed(tx, c->req, &c->id, &alert, err);
	if (r >= 0)
		r = alert_db_comment(tx, &c->id, &c->req->access->account_id, c->req->access->name, text, body->due_at, now, err);
	if (r >= 0)
		r = alert_deed_audit(tx, c->req, &c->deed, &alert, err);
	if (r >= 0)
		r = alert_emit(tx, "alert.changed", &c->id, &alert.unit_id, alert.number, alert.severity, alert.state,
		               alert.title, err);
	return r;
}

static int comment(struct api_request *req, struct http_response *res, struct err *err)
{
	/* The text is on the alert; the audit log says that there is one. */
	struct change c = {.req = req, .deed = {.action = "alert.comment", .step = ALERT_STEP__COUNT}};
	int r = api_param_uuid(req, "id", &c.id, err);
	if (r >= 0)
		r = api_typed_text(req, &((struct comment_body *)req->fields)->text, err);
	if (r >= 0)
		r = db_write(req->service->db, write_comment, &c, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	r = get_one(req, res, err);
	res->status = r >= 0 ? 201 : res->status;
	return r;
}

/* A slip can be taken back by whoever made it, for a while; the audit log keeps that it was there. */
#define WITHDRAW_WITHIN (2 * USEC_PER_MINUTE)

static int write_withdrawal(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct change *c = ctx;
	struct alert_brief alert;
	usec_t now = api_now(c->req);
	int r = alert_deed_allowed(tx, c->req, &c->id, &alert, err);
	if (r >= 0)
		r = alert_db_comment_withdraw(tx, &c->id, &c->comment, &c->req->access->account_id, now - WITHDRAW_WITHIN, err);
	if (r == 0)
		return err_set(err, -ENOENT, "alert.comment_stays");
	if (r >= 0)
		r = alert_deed_audit(tx, c->req, &c->deed, &alert, err);
	return r < 0 ? r
	             : alert_emit(tx, "alert.changed", &c->id, &alert.unit_id, alert.number, alert.severity, alert.state,
	                          alert.title, err);
}

static int withdraw(struct api_request *req, struct http_response *res, struct err *err)
{
	struct change c = {.req = req, .deed = {.action = "alert.comment_withdrawn", .step = ALERT_STEP__COUNT}};
	int r = api_param_uuid(req, "id", &c.id, err);
	if (r >= 0)
		r = api_param_uuid(req, "comment", &c.comment, err);
	if (r >= 0)
		r = db_write(req->service->db, write_withdrawal, &c, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return api_reply_empty(res, 204);
}

/* ---- for service/incident ---- */

int alert_join_incident(struct db_tx *tx, const struct alert_brief *alert, const struct uuid *incident_id,
                        struct str incident_number, usec_t now, struct err *err)
{
	if (uuid_eq(&alert->incident_id, incident_id))
		return 0;
	if (!uuid_is_null(&alert->incident_id))
		return err_set(err, -EEXIST, "alert.in_incident", ARG_I64("number", alert->number));
	enum alert_state state = alert->state == ALERT_STATE_NEW ? ALERT_STATE_ACKNOWLEDGED : alert->state;
	int r = alert_db_join(tx, &alert->id, incident_id, incident_number, state, now, err);
	return r < 0 ? r
	             : alert_emit(tx, "alert.changed", &alert->id, &alert->unit_id, alert->number, alert->severity, state,
	                          alert->title, err);
}

/* ---- the room ---- */

#define BODY(fields, type) .body = (fields), .body_size = sizeof(type)
static const struct service_route routes[] = {
	{"GET", "/api/v1/alerts", "alert.read", alert_list, "alert.route_list"},
	{"GET", "/api/v1/alerts/summary", "alert.read", alert_summary, "alert.route_summary"},
	{"GET", "/api/v1/alerts/queue", "alert.read", alert_queue, "alert.route_queue"},
	{"GET", "/api/v1/alerts/firings", "alert.read", alert_firings, "alert.route_firings"},
	{"POST", "/api/v1/alerts/together", "alert.write", alert_together, "alert.route_together",
	 BODY(alert_together_fields, struct alert_together_body)},
	{"GET", "/api/v1/alerts/figures", "alert.read", alert_figures, "alert.route_figures"},
	{"GET", "/api/v1/alerts/{id}", "alert.read", get_one, "alert.route_get"},
	{"GET", "/api/v1/alerts/{id}/group", "alert.read", alert_group, "alert.route_group"},
	{"GET", "/api/v1/alerts/{id}/common", "event.read", alert_common, "alert.route_common"},
	{"GET", "/api/v1/alerts/{id}/day", "event.read", alert_day, "alert.route_day"},
	{"POST", "/api/v1/alerts/{id}/acknowledge", "alert.write", acknowledge, "alert.route_acknowledge"},
	{"POST", "/api/v1/alerts/{id}/assign", "alert.write", assign, "alert.route_assign",
	 BODY(assign_fields, struct assign_body)},
	{"POST", "/api/v1/alerts/{id}/close", "alert.write", close_alert, "alert.route_close",
	 BODY(close_fields, struct close_body)},
	{"POST", "/api/v1/alerts/{id}/reopen", "alert.write", reopen, "alert.route_reopen"},
	{"POST", "/api/v1/alerts/{id}/release", "alert.write", release, "alert.route_release"},
	{"POST", "/api/v1/alerts/{id}/comments", "alert.write", comment, "alert.route_comment",
	 BODY(comment_fields, struct comment_body)},
	{"DELETE", "/api/v1/alerts/{id}/comments/{comment}", "alert.write", withdraw, "alert.route_withdraw"},
	{"POST", "/api/v1/alerts/{id}/suppress", "alert.suppress", alert_suppress, "alert.route_suppress",
	 BODY(alert_suppress_fields, struct alert_suppress_body), .four_eyes = &alert_suppress_eyes},
	{"POST", "/api/v1/alerts/{id}/tuning", "rule.write", alert_tune, "alert.route_tune", BODY(alert_tune_fields, struct alert_tune_body)},
	{"GET", "/api/v1/suppressions", "alert.read", alert_suppression_list, "alert.route_suppressions"},
	{"POST", "/api/v1/suppressions/{id}/end", "alert.suppress", alert_suppression_end, "alert.route_suppression_end"},
	{.method = NULL},
};

static const char *const permissions[] = {"alert.read", "alert.write", "alert.suppress", NULL};

const struct service alert_service = {
	.name = "alert",
	.routes = routes,
	.permissions = permissions,
	.migrations = alert_migrations,
	.migration_count = ALERT_MIGRATION_COUNT,
	.start = alert_pack_load,
	.on_tick = alert_firing_expire,
};
