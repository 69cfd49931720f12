/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Routes: how a machine stands, cutting it off, lifting that; and the room's descriptor. */
#include "service/api/api.h"
#include "service/audit/audit.h"
#include "service/isolation/isolation_internal.h"
#include "service/isolation/isolation_sql.gen.h"
#include "service/outbox/outbox.h"

struct call {
	struct api_request *req;
	struct http_response *res;
	struct uuid endpoint_id;
	struct endpoint_isolation_machine machine;
	struct isolation_policy policy;
	int64_t level, recent; /* the machine's system; orders of the asking one lately */
	bool may;
};

static int look_at(struct db_tx *tx, struct call *c, const char *permission, struct err *err)
{
	int r = endpoint_isolation_get(tx, c->req->arena, &c->endpoint_id, &c->machine, err);
	if (r >= 0)
		r = api_require_visible(tx, c->req, permission, &c->machine.unit_id, err);
	if (r >= 0)
		r = isolation_db_policy(tx, c->req->arena, &c->policy, err);
	return r;
}

static int count_for_two(struct db_tx *tx, struct call *c, struct err *err)
{
	int r = isolation_level(tx, c->req->arena, c->machine.addresses_json, &c->level, err);
	if (r >= 0)
		r = endpoint_isolation_count(tx, &c->req->access->account_id, api_now(c->req) - c->policy.many_within, &c->recent, err);
	return r < 0 ? r : 0;
}

/* ---- how it stands ---- */

static struct str of_language(const struct api_request *req, const struct isolation_text *text)
{
	return req->access->lang == MSG_LANG_EN ? text->en : text->vi;
}

static void write_sentence(struct json_writer *w, const struct api_request *req, const char *name, struct str key, struct str args_json)
{
	cleanup_buf struct buf text = BUF_INIT(8192);
	struct err problem = {.code = -EIO};
	const struct json *args = NULL;
	if (key.n > 0) {
		str_copy_c(key, problem.key, sizeof problem.key);
		if (json_parse(req->arena, args_json, NULL, &args, NULL) < 0)
			args = NULL;
		json_each(arg, args) {
			if (problem.arg_count == ERR_ARGS)
				break;
			str_copy_c(arg->name, problem.args[problem.arg_count].name, ERR_ARG_NAME_SIZE);
			str_copy_c(arg->text, problem.args[problem.arg_count++].value, ERR_ARG_VALUE_SIZE);
		}
		msg_append_err(req->service->messages, req->access->lang, &problem, &text);
	}
	api_member_text_or_null(w, name, buf_str(&text));
}

static void write_order(struct json_writer *w, const struct call *c)
{
	const struct endpoint_isolation *o = &c->machine.order;
	const struct isolation_cause *cause = isolation_cause_of(&c->policy, o->cause);
	usec_t now = api_now(c->req);
	bool open = endpoint_isolation_is_open(o->state);
	api_member_uuid(w, "id", &o->id);
	json_member_str(w, "cause", cause != NULL ? of_language(c->req, &cause->label) : o->cause);
	json_member_str(w, "reason", o->reason);
	json_member_str(w, "message", o->message);
	api_member_uuid(w, "alert_id", &o->alert_id);
	api_member_ref(w, "asked_by", &o->asked_by, o->asked_by_name);
	api_member_time(w, "asked_at", o->asked_at);
	api_member_time(w, "expires_at", o->expires_at);
	json_member_bool(w, "chosen", o->chosen);
	/* Its time is over and the machine has not said so yet. */
	json_member_bool(w, "overdue", open && now >= o->expires_at);
	api_member_time(w, "carried_at", o->carried_at);
	api_member_text_or_null(w, "lifted_by", o->lifted_by_name);
	api_member_time(w, "lift_asked_at", o->lift_asked_at);
	api_member_time(w, "ended_at", o->ended_at);
	json_member_int(w, "repaired", o->repaired);
	write_sentence(w, c->req, "problem", o->problem_key, o->problem_args_json);
}

/* What somebody who may cut off chooses from. */
static void write_choices(struct json_writer *w, const struct call *c)
{
	const struct isolation_policy *p = &c->policy;
	json_name(w, "causes");
	json_array(w);
	for (size_t i = 0; c->may && i < p->cause_count; i++) {
		json_object(w);
		json_member_str(w, "id", p->causes[i].id);
		json_member_str(w, "label", of_language(c->req, &p->causes[i].label));
		json_member_str(w, "message",
		                isolation_message(c->req->arena, p, &p->causes[i], c->machine.hostname, c->req->service->hotline));
		json_object_end(w);
	}
	json_array_end(w);
	json_name(w, "durations_s");
	json_array(w);
	for (size_t i = 0; c->may && i < p->duration_count; i++)
		json_int(w, p->durations[i] / USEC_PER_SEC);
	json_array_end(w);
	json_member_int(w, "longest_s", p->longest / USEC_PER_SEC);
}

static int write_standing(struct db_tx *tx, void *ctx, struct err *err)
{
	struct call *c = ctx;
	int r = look_at(tx, c, "endpoint.read", err);
	if (r >= 0)
		r = api_may(tx, c->req->access, "endpoint.isolate", &c->machine.unit_id, api_now(c->req), &c->may, err);
	if (r < 0)
		return r;
	const struct endpoint_isolation_machine *m = &c->machine;
	struct str why = m->sample ? STR("endpoint.is_sample") : m->retired ? STR("endpoint.retired") : m->ability.why;
	struct json_writer w = api_reply(c->res, 200);
	json_object(&w);
	json_name(&w, "endpoint");
	json_object(&w);
	api_member_uuid(&w, "id", &m->id);
	json_member_str(&w, "hostname", m->hostname);
	json_object_end(&w);
	api_member_ref(&w, "unit", &m->unit_id, m->unit_name);
	json_member_bool(&w, "can", m->ability.can && !m->sample && !m->retired);
	write_sentence(&w, c->req, "why_not", why, STR("{}"));
	json_member_bool(&w, "may", c->may);
	json_member_cstr(&w, "state", endpoint_isolation_name(m->order.state));
	json_name(&w, "order");
	if (m->order.state != ENDPOINT_ISOLATION_NONE) {
		json_object(&w);
		write_order(&w, c);
		json_object_end(&w);
	} else {
		json_null(&w);
	}
	write_choices(&w, c);
	json_object_end(&w);
	return 0;
}

static int get_isolation(struct api_request *req, struct http_response *res, struct err *err)
{
	struct call c = {.req = req, .res = res};
	int r = api_param_uuid(req, "id", &c.endpoint_id, err);
	return r < 0 ? r : db_read(req->service->db, write_standing, &c, err);
}

/* ---- cutting off ---- */

struct ask_body {
	struct str cause, reason;
	int64_t duration_s;
	struct uuid alert_id;
};
static const struct json_field ask_fields[] = {
	{"cause", JSON_FIELD_STR, offsetof(struct ask_body, cause), true, 1, 40},
	{"reason", JSON_FIELD_STR, offsetof(struct ask_body, reason), true, 3, 500},
	{"duration_s", JSON_FIELD_INT, offsetof(struct ask_body, duration_s), false, 5, 31 * 24 * 3600},
	{"alert_id", JSON_FIELD_UUID, offsetof(struct ask_body, alert_id)},
	{.name = NULL},
};

/* Everything that speaks against it; the same for who asks and for who is asked to approve. */
static int check_ask(struct db_tx *tx, struct call *c, const struct isolation_cause **ret_cause, struct err *err)
{
	const struct ask_body *body = c->req->fields;
	int r = look_at(tx, c, "endpoint.isolate", err);
	if (r < 0)
		return r;
	const struct endpoint_isolation_machine *m = &c->machine;
	if (m->retired || m->sample)
		return err_set(err, -EBUSY, m->sample ? "endpoint.is_sample" : "endpoint.retired");
	if (!m->ability.can)
		return err_set(err, -EBUSY, arena_cstr(c->req->arena, m->ability.why));
	if (m->order.state == ENDPOINT_ISOLATION_ASKED || m->order.state == ENDPOINT_ISOLATION_ON)
		return err_set(err, -EBUSY, "endpoint.isolation_open");
	*ret_cause = isolation_cause_of(&c->policy, body->cause);
	if (*ret_cause == NULL)
		return err_set(err, -EINVAL, "isolation.cause_unknown");
	if (body->duration_s > c->policy.longest / USEC_PER_SEC)
		return err_set(err, -EINVAL, "isolation.duration_too_long");
	return count_for_two(tx, c, err);
}

static int note(struct db_tx *tx, const struct call *c, const char *action, const struct ask_body *body, usec_t expires_at,
                struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT(16384);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_str(&w, "text", c->machine.hostname);
	if (body != NULL) {
		json_member_str(&w, "cause", body->cause);
		json_member_str(&w, "reason", body->reason);
		api_member_time(&w, "expires_at", expires_at);
		if (!uuid_is_null(&body->alert_id))
			api_member_uuid(&w, "alert", &body->alert_id);
		json_member_int(&w, "system_level", c->level);
	}
	json_object_end(&w);
	return audit_write(tx, c->req->access, api_now(c->req),
	                   &(struct audit_entry){action, "endpoint", c->endpoint_id, c->machine.unit_id, buf_str(&details)}, err);
}

static int write_ask(struct db_tx *tx, void *ctx, struct err *err)
{
	struct call *c = ctx;
	const struct ask_body *body = c->req->fields;
	const struct isolation_cause *cause = NULL;
	usec_t now = api_now(c->req);
	int r = check_ask(tx, c, &cause, err);
	if (r < 0)
		return r;
	struct endpoint_isolation order = {
		.id = uuid_new(),
		.cause = body->cause,
		.reason = body->reason,
		.message = isolation_message(c->req->arena, &c->policy, cause, c->machine.hostname, c->req->service->hotline),
		.alert_id = body->alert_id,
		.asked_by = c->req->access->account_id,
		.asked_by_name = c->req->access->name,
		.expires_at = now + (body->duration_s > 0 ? body->duration_s * USEC_PER_SEC : c->policy.longest),
		.chosen = body->duration_s > 0,
	};
	r = endpoint_isolation_ask(tx, &c->machine, &order, now, err);
	return r < 0 ? r : note(tx, c, "endpoint.isolate", body, order.expires_at, err);
}

static int post_isolation(struct api_request *req, struct http_response *res, struct err *err)
{
	struct call c = {.req = req, .res = res};
	struct ask_body *body = req->fields;
	int r = api_param_uuid(req, "id", &c.endpoint_id, err);
	if (r >= 0)
		r = api_typed_text(req, &body->reason, err);
	if (r >= 0 && body->reason.n < 3)
		r = err_set(err, -EINVAL, "isolation.reason_required");
	if (r >= 0)
		r = db_write(req->service->db, write_ask, &c, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return get_isolation(req, res, err);
}

static int look_ask(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err)
{
	struct call c = {.req = req};
	const struct isolation_cause *cause = NULL;
	int r = api_param_uuid(req, "id", &c.endpoint_id, err);
	if (r >= 0)
		r = check_ask(tx, &c, &cause, err);
	if (r < 0)
		return r;
	bool two = c.level >= c.policy.two_from_level || c.recent >= c.policy.two_from_machines;
	*ret = (struct service_deed){two, "endpoint", c.endpoint_id, c.machine.unit_id, c.machine.hostname};
	return 0;
}

static const struct service_four_eyes eyes_isolation = {"endpoint.isolate", look_ask};

/* ---- lifting ---- */

static int write_lift(struct db_tx *tx, void *ctx, struct err *err)
{
	struct call *c = ctx;
	enum endpoint_isolation_state state;
	int r = look_at(tx, c, "endpoint.isolate", err);
	if (r >= 0)
		r = endpoint_isolation_lift(tx, &c->machine, c->req->access->name, api_now(c->req), &state, err);
	return r < 0 ? r : note(tx, c, "endpoint.lift_isolation", NULL, 0, err);
}

static int delete_isolation(struct api_request *req, struct http_response *res, struct err *err)
{
	struct call c = {.req = req, .res = res};
	int r = api_param_uuid(req, "id", &c.endpoint_id, err);
	if (r >= 0)
		r = db_write(req->service->db, write_lift, &c, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return get_isolation(req, res, err);
}

/* ---- the room ---- */

static const struct service_route routes[] = {
	{"GET", "/api/v1/endpoints/{id}/isolation", "endpoint.read", get_isolation, "isolation.route_get"},
	{"POST", "/api/v1/endpoints/{id}/isolation", "endpoint.isolate", post_isolation, "isolation.route_ask", ask_fields,
	 sizeof(struct ask_body), .four_eyes = &eyes_isolation},
	{"DELETE", "/api/v1/endpoints/{id}/isolation", "endpoint.isolate", delete_isolation, "isolation.route_lift"},
	{.method = NULL},
};

static const char *const permissions[] = {"endpoint.isolate", NULL};

const struct service isolation_service = {
	.name = "isolation",
	.routes = routes,
	.permissions = permissions,
	.migrations = isolation_migrations,
	.migration_count = ISOLATION_MIGRATION_COUNT,
	.start = isolation_pack_load,
};
