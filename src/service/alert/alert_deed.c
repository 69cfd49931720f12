/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What people do to alerts: rules, row, audit line and event; one alert, or a line of the queue at once. */
#include "service/account/account.h"
#include "service/alert/alert_http.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"

int alert_deed_audit(struct db_tx *tx, struct api_request *req, const struct alert_deed *d, const struct alert_brief *alert, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT((size_t)32 << 10);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_int(&w, "number", alert->number);
	if (d->step == ALERT_STEP_CLOSE)
		json_member_cstr(&w, "resolution", alert_resolutions[d->resolution]);
	if (d->step == ALERT_STEP_ASSIGN)
		api_member_uuid(&w, "assignee", &d->assignee);
	if (d->note.n > 0)
		json_member_str(&w, "note", d->note);
	json_object_end(&w);
	struct audit_entry e = {.action = d->action, .object_type = "alert", .object_id = alert->id, .unit_id = alert->unit_id,
	                        .details = buf_str(&details)};
	return audit_write(tx, req->access, api_now(req), &e, err);
}

static int plan(struct db_tx *tx, struct arena *arena, const struct alert_deed *d, const struct alert_brief *alert, struct alert_change *ret,
                struct err *err)
{
	if (!alert_step(alert->state, d->step, &ret->state))
		return err_set(err, -EBUSY, "alert.not_in_state", ARG_CSTR("state", alert_state_name(alert->state)));
	if (d->step == ALERT_STEP_RELEASE && !uuid_is_null(&alert->incident_id))
		return err_set(err, -EEXIST, "alert.in_incident", ARG_I64("number", alert->number));
	ret->close = d->step == ALERT_STEP_CLOSE;
	ret->note = d->note;
	ret->resolution = ret->close ? str_c(alert_resolutions[d->resolution]) : STR_EMPTY;
	if (d->step == ALERT_STEP_REOPEN)
		return alert_db_group(tx, arena, &alert->id, &ret->group, err);
	if (d->step == ALERT_STEP_ASSIGN) {
		ret->set_assignee = true;
		ret->assignee_id = d->assignee;
		int r = uuid_is_null(&d->assignee) ? 0 : account_name(tx, arena, &d->assignee, &ret->assignee_name, err);
		if (r < 0)
			return r;
		if (!uuid_is_null(&d->assignee) && ret->assignee_name.n == 0)
			return err_set(err, -EINVAL, "alert.no_such_account");
	}
	return 0;
}

int alert_deed_allowed(struct db_tx *tx, struct api_request *req, const struct uuid *id, struct alert_brief *ret, struct err *err)
{
	int r = alert_get(tx, req->arena, id, ret, err);
	if (r >= 0)
		r = api_require_visible(tx, req, "alert.read", &ret->unit_id, err);
	return r < 0 ? r : api_require_unit(tx, req, "alert.write", &ret->unit_id, err);
}

int alert_deed_do(struct db_tx *tx, struct api_request *req, const struct alert_deed *d, const struct alert_brief *alert, struct err *err)
{
	struct alert_change change = {.close = false};
	int r = plan(tx, req->arena, d, alert, &change, err);
	if (r >= 0)
		r = alert_db_change(tx, &alert->id, &change, alert->version, api_now(req), err);
	if (r >= 0)
		r = alert_deed_audit(tx, req, d, alert, err);
	return r < 0 ? r
	             : alert_emit(tx, "alert.changed", &alert->id, &alert->unit_id, alert->number, alert->severity, change.state, alert->title, err);
}

/* ---- many at once ---- */

static const char *const step_names[ALERT_STEP__COUNT + 1] = {
	[ALERT_STEP_ACKNOWLEDGE] = "acknowledge", [ALERT_STEP_ASSIGN] = "assign", [ALERT_STEP_CLOSE] = "close", [ALERT_STEP_REOPEN] = "reopen",
	[ALERT_STEP_RELEASE] = "release",
};
static const char *const step_actions[ALERT_STEP__COUNT] = {
	[ALERT_STEP_ACKNOWLEDGE] = "alert.acknowledge", [ALERT_STEP_ASSIGN] = "alert.assign", [ALERT_STEP_CLOSE] = "alert.close",
	[ALERT_STEP_REOPEN] = "alert.reopen", [ALERT_STEP_RELEASE] = "alert.release",
};

const struct json_field alert_together_fields[] = {
	{"do", JSON_FIELD_ENUM, offsetof(struct alert_together_body, step), true, .names = step_names},
	{"alerts", JSON_FIELD_ANY, offsetof(struct alert_together_body, alerts), true},
	{"account_id", JSON_FIELD_UUID, offsetof(struct alert_together_body, account_id)},
	{"resolution", JSON_FIELD_ENUM, offsetof(struct alert_together_body, resolution), .names = alert_resolutions,
	 .present_offset = offsetof(struct alert_together_body, has_resolution) + 1},
	{"note", JSON_FIELD_STR, offsetof(struct alert_together_body, note), false, 0, 4000},
	{.name = NULL},
};

struct member {
	struct uuid id;
	struct str etag;
};
static const struct json_field member_fields[] = {
	{"id", JSON_FIELD_UUID, offsetof(struct member, id), true},
	{"etag", JSON_FIELD_STR, offsetof(struct member, etag), true, 1, 40},
	{.name = NULL},
};

struct together {
	struct api_request *req;
	struct http_response *res;
	struct alert_deed deed;
	struct member *members;
	size_t count;
};

static int read_members(struct together *t, const struct json *list, struct err *err)
{
	if (list->type != JSON_ARRAY || list->count == 0 || list->count > ALERT_TOGETHER_MOST)
		return err_set(err, -EINVAL, "alert.together_count", ARG_I64("most", ALERT_TOGETHER_MOST));
	t->members = arena_alloc(t->req->arena, list->count * sizeof *t->members);
	json_each(item, list) {
		int r = json_decode(t->req->arena, item, member_fields, &t->members[t->count++], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_current(struct arena *arena, const struct member *m, int64_t version)
{
	struct str bare = arena_printf(arena, "%lld", (long long)version);
	return str_eq(m->etag, bare) || str_eq(m->etag, arena_printf(arena, "\"%.*s\"", STR_FMT(bare)));
}

/* 1: done; 0: left alone, because somebody else changed it or its state does not allow it. */
static int do_one(struct db_tx *tx, struct together *t, const struct member *m, struct err *err)
{
	struct alert_brief alert;
	struct err local = {.code = 0};
	int r = alert_deed_allowed(tx, t->req, &m->id, &alert, err);
	if (r < 0)
		return r;
	if (!is_current(t->req->arena, m, alert.version))
		return 0;
	r = alert_deed_do(tx, t->req, &t->deed, &alert, &local);
	if (r == -EBUSY || r == -EEXIST)
		return 0;
	if (r < 0 && err != NULL)
		*err = local;
	return r < 0 ? r : 1;
}

static int write_together(struct db_tx *tx, void *ctx, struct err *err)
{
	struct together *t = ctx;
	int64_t left = 0;
	int r = 0;
	buf_clear(&t->res->body);
	struct json_writer w = api_reply(t->res, 200);
	json_object(&w);
	json_name(&w, "changed");
	json_array(&w);
	for (size_t i = 0; r >= 0 && i < t->count; i++) {
		struct alert_brief now;
		r = do_one(tx, t, &t->members[i], err);
		left += r == 0;
		if (r <= 0)
			continue;
		r = alert_get(tx, t->req->arena, &t->members[i].id, &now, err);
		json_object(&w);
		api_member_uuid(&w, "id", &t->members[i].id);
		if (r >= 0)
			api_member_etag(&w, now.version);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_member_int(&w, "left", left);
	json_object_end(&w);
	return r < 0 ? r : 0;
}

int alert_together(struct api_request *req, struct http_response *res, struct err *err)
{
	struct alert_together_body *body = req->fields;
	enum alert_step step = (enum alert_step)body->step;
	struct together t = {.req = req, .res = res,
	                     .deed = {.step = step, .action = step_actions[step], .resolution = body->resolution, .note = body->note,
	                              .assignee = body->account_id}};
	if (step == ALERT_STEP_CLOSE && !body->has_resolution) {
		(void)!err_set(err, -EINVAL, "json.required", ARG_CSTR("field", "resolution"));
		return err_at(err, STR("/resolution"));
	}
	int r = api_typed_text(req, &t.deed.note, err);
	if (r >= 0)
		r = read_members(&t, body->alerts, err);
	if (r >= 0)
		r = db_write(req->service->db, write_together, &t, err);
	if (r >= 0)
		outbox_wake(req->service);
	return r;
}
