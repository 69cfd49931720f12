/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Routes of suppressions. */
#include "service/alert/alert_suppression.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"

const char *const alert_scope_names[ALERT_SCOPE__COUNT + 1] = {
	[ALERT_SCOPE_ENTITY] = "entity", [ALERT_SCOPE_HOST] = "host", [ALERT_SCOPE_UNIT] = "unit", [ALERT_SCOPE_CITY] = "city",
};

const struct json_field alert_suppress_fields[] = {
	{"scope", JSON_FIELD_ENUM, offsetof(struct alert_suppress_body, scope), true, .names = alert_scope_names},
	{"reason", JSON_FIELD_STR, offsetof(struct alert_suppress_body, reason), true, 3, 2000},
	{"expires_at", JSON_FIELD_TIME, offsetof(struct alert_suppress_body, expires_at), true},
	{"close_open", JSON_FIELD_BOOL, offsetof(struct alert_suppress_body, close_open)},
	{.name = NULL},
};

struct suppress {
	struct api_request *req;
	struct uuid alert_id;
	struct str reason;
	struct alert_suppression made;
	int64_t reopen;
	int64_t alerts; /* closed, or opened again, with it */
};

/* All that may be said against it before it is done. */
static int plan(struct db_tx *tx, struct api_request *req, const struct uuid *alert_id, struct alert_suppression *ret, bool *wide,
                struct err *err)
{
	const struct alert_suppress_body *body = req->fields;
	struct alert_brief alert;
	usec_t now = api_now(req);
	int r = alert_get(tx, req->arena, alert_id, &alert, err);
	if (r >= 0)
		r = api_require_visible(tx, req, "alert.read", &alert.unit_id, err);
	if (r >= 0 && (body->expires_at <= now || body->expires_at > now + ALERT_SUPPRESSION_DAYS_MAX * USEC_PER_DAY))
		r = err_set(err, -EINVAL, "alert.suppression_end", ARG_I64("days", ALERT_SUPPRESSION_DAYS_MAX));
	if (r >= 0)
		r = alert_db_plan_suppression(tx, req->arena, alert_id, (enum alert_scope)body->scope, ret, wide, err);
	if (r >= 0)
		r = api_require_unit(tx, req, "alert.suppress", &ret->unit_id, err);
	ret->expires_at = body->expires_at;
	return r;
}

static int look_suppress(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err)
{
	struct uuid id;
	struct alert_suppression s;
	bool wide = false;
	int r = api_param_uuid(req, "id", &id, err);
	if (r >= 0)
		r = plan(tx, req, &id, &s, &wide, err);
	if (r < 0)
		return r;
	*ret = (struct service_deed){.needed = wide, .object_type = "alert", .object_id = id, .unit_id = s.unit_id, .label = s.rule_title};
	return 0;
}
const struct service_four_eyes alert_suppress_eyes = {"alert.suppress_wide", look_suppress};

static int audit_suppression(struct db_tx *tx, struct api_request *req, const char *action, const struct alert_suppression *s,
                             const struct uuid *alert_id, int64_t alerts, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT((size_t)32 << 10);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_str(&w, "rule_id", s->rule_id);
	if (alert_id != NULL) {
		api_member_uuid(&w, "alert", alert_id);
		json_member_cstr(&w, "scope", alert_scope_names[s->scope]);
		json_member_str(&w, "reason", s->reason);
		api_member_time(&w, "expires_at", s->expires_at);
	}
	if (alerts > 0)
		json_member_int(&w, alert_id != NULL ? "closed" : "reopened", alerts);
	json_object_end(&w);
	struct audit_entry e = {.action = action, .object_type = "suppression", .object_id = s->id, .unit_id = s->unit_id,
	                        .details = buf_str(&details)};
	return audit_write(tx, req->access, api_now(req), &e, err);
}

static int write_suppression(struct db_tx *tx, void *ctx, struct err *err)
{
	struct suppress *c = ctx;
	struct alert_suppression *s = &c->made;
	bool wide = false;
	int r = plan(tx, c->req, &c->alert_id, s, &wide, err);
	if (r < 0)
		return r;
	s->id = uuid_new();
	s->reason = c->reason;
	s->author_id = c->req->access->account_id;
	s->author_name = c->req->access->name;
	s->created_at = api_now(c->req);
	c->alerts = 0;
	r = alert_db_put_suppression(tx, s, err);
	if (r >= 0 && ((const struct alert_suppress_body *)c->req->fields)->close_open)
		r = alert_db_close_covered(tx, c->req->arena, s, s->created_at, &c->alerts, err);
	return r < 0 ? r : audit_suppression(tx, c->req, "alert.suppress", s, &c->alert_id, c->alerts, err);
}

static int reply(const struct suppress *c, int status, struct http_response *res)
{
	const struct alert_suppression *s = &c->made;
	struct json_writer w = api_reply(res, status);
	json_object(&w);
	api_member_uuid(&w, "id", &s->id);
	json_member_str(&w, "rule_id", s->rule_id);
	api_member_time(&w, "expires_at", s->expires_at);
	json_member_int(&w, status == 201 ? "closed" : "reopened", c->alerts);
	api_member_etag(&w, s->version);
	json_object_end(&w);
	return 0;
}

int alert_suppress(struct api_request *req, struct http_response *res, struct err *err)
{
	struct suppress c = {.req = req, .reason = ((const struct alert_suppress_body *)req->fields)->reason};
	int r = api_param_uuid(req, "id", &c.alert_id, err);
	if (r >= 0)
		r = api_typed_text(req, &c.reason, err);
	if (r >= 0 && c.reason.n < 3)
		r = err_set(err, -EINVAL, "alert.reason_required");
	if (r >= 0)
		r = db_write(req->service->db, write_suppression, &c, err);
	c.made.version = 1;
	if (r >= 0 && c.alerts > 0)
		outbox_wake(req->service);
	return r < 0 ? r : reply(&c, 201, res);
}

static int write_end(struct db_tx *tx, void *ctx, struct err *err)
{
	struct suppress *c = ctx;
	struct alert_suppression *s = &c->made;
	int r = alert_db_get_suppression(tx, c->req->arena, &c->alert_id, s, err);
	if (r >= 0)
		r = api_require_visible(tx, c->req, "alert.read", &s->unit_id, err);
	if (r >= 0)
		r = api_require_unit(tx, c->req, "alert.suppress", &s->unit_id, err);
	if (r >= 0)
		r = api_if_match(c->req, s->version, err);
	if (r >= 0)
		r = alert_db_end_suppression(tx, &s->id, s->version, c->req->access->name, api_now(c->req), err);
	c->alerts = 0;
	if (r >= 0 && c->reopen != 0)
		r = alert_db_reopen_covered(tx, c->req->arena, &s->id, api_now(c->req), &c->alerts, err);
	return r < 0 ? r : audit_suppression(tx, c->req, "alert.suppression_end", s, NULL, c->alerts, err);
}

int alert_suppression_end(struct api_request *req, struct http_response *res, struct err *err)
{
	struct suppress c = {.req = req};
	int r = api_param_uuid(req, "id", &c.alert_id, err);
	if (r >= 0)
		r = api_query_int(req, "reopen", 0, 1, &c.reopen, err);
	if (r >= 0)
		r = db_write(req->service->db, write_end, &c, err);
	c.made.version++;
	if (r >= 0 && c.alerts > 0)
		outbox_wake(req->service);
	return r < 0 ? r : reply(&c, 200, res);
}
