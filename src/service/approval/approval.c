/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/approval/approval_internal.h"
#include "service/approval/approval_sql.gen.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"

#define STUCK (5 * USEC_PER_MINUTE)

static int tell(const struct service_context *sc, struct db_tx *tx, const struct access *who, const char *action,
                const struct approval_row *a, usec_t now, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT(8192), json = BUF_INIT(512);
	struct json_writer w = json_writer_init(&details), e = json_writer_init(&json);
	json_object(&w);
	api_member_uuid(&w, "approval", &a->deed.id);
	json_member_str(&w, "deed", a->action);
	json_member_str(&w, "label", a->label);
	json_member_str(&w, "asked_by", a->deed.asked_name);
	if (a->reason.n > 0)
		json_member_str(&w, "reason", a->reason);
	json_object_end(&w);
	int r = audit_write(tx, who, now, &(struct audit_entry){action, a->object_type.p, a->object_id, a->unit_id,
	                                                        buf_str(&details)}, err);
	json_object(&e);
	api_member_uuid(&e, "id", &a->deed.id);
	api_member_uuid(&e, "unit_id", &a->unit_id);
	json_object_end(&e);
	(void)sc;
	return r < 0 ? r : outbox_write(tx, &(struct service_event){.name = "approval.changed", .unit_id = a->unit_id,
	                                                            .permission = a->permission.p, .json = buf_str(&json),
	                                                            .at = now}, err);
}

/* ---- asking ---- */

struct asking {
	struct api_request *req;
	struct approval_row row;
	bool waits;
};

/* What is asked, word for word: the same question twice is one question. */
static void digest_of(struct approval_row *a)
{
	struct sha256 *h = sha256_new();
	const struct str parts[] = {a->deed.method, a->deed.target, a->deed.body, a->deed.if_match};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		sha256_update(h, parts[i]);
		sha256_update(h, str_n("", 1));
	}
	sha256_final(h, a->digest);
}

static void describe(struct asking *q, const struct service_deed *deed, int64_t hours)
{
	struct api_request *req = q->req;
	usec_t now = api_now(req);
	q->row = (struct approval_row){
		.deed = {.id = uuid_new(), .asked_by = req->access->account_id, .asked_unit = req->access->unit_id,
		         .asked_name = req->access->name, .method = str_c(req->http->method), .target = req->http->path,
		         .body = req->http->body, .if_match = http_header(req->http, "If-Match")},
		.object_id = deed->object_id,
		.unit_id = deed->unit_id,
		.action = str_c(req->route->four_eyes->action),
		.permission = str_c(req->route->permission),
		.object_type = str_c(deed->object_type),
		.label = deed->label,
		.reason = req->body != NULL ? json_get_str(req->body, "reason", STR_EMPTY) : STR_EMPTY,
		.asked_at = now,
		.expires_at = now + hours * USEC_PER_HOUR,
	};
	digest_of(&q->row);
}

static int ask(struct db_tx *tx, void *ctx, struct err *err)
{
	struct asking *q = ctx;
	struct api_request *req = q->req;
	const struct service_four_eyes *eyes = req->route->four_eyes;
	struct approval_rule rule = {.on = false};
	struct service_deed deed = {.needed = false};
	int64_t others = 0;
	q->waits = false;
	int r = approval_db_rule(tx, eyes->action, &rule, err);
	if (r < 0 || !rule.on)
		return r;
	if ((r = eyes->look(tx, req, &deed, err)) < 0 || !deed.needed)
		return r;
	if (req->access->kind != ACCESS_ACCOUNT)
		return err_set(err, -EACCES, "approval.people_only");
	describe(q, &deed, rule.hours);
	r = approval_db_others(tx, req->route->permission, &deed.unit_id, &req->access->account_id, api_now(req), &others, err);
	if (r >= 0 && others == 0)
		return tell(req->service, tx, req->access, "approval.alone", &q->row, api_now(req), err);
	q->waits = true;
	if (r >= 0)
		r = approval_db_same(tx, &req->access->account_id, q->row.digest, api_now(req), &q->row.deed.id, err);
	if (r != 0)
		return r;
	r = approval_db_add(tx, &q->row, err);
	return r < 0 ? r : tell(req->service, tx, req->access, "approval.asked", &q->row, api_now(req), err);
}

int approval_intercept(struct api_request *req, struct http_response *res, struct err *err)
{
	struct asking q = {.req = req};
	int r = db_write(req->service->db, ask, &q, err);
	if (r < 0 || !q.waits)
		return r < 0 ? r : 0;
	outbox_wake(req->service);
	struct json_writer w = api_reply(res, 202);
	json_object(&w);
	json_name(&w, "approval");
	json_object(&w);
	api_member_uuid(&w, "id", &q.row.deed.id);
	api_member_time(&w, "expires_at", q.row.expires_at);
	json_object_end(&w);
	json_object_end(&w);
	return 1;
}

/* ---- deciding ---- */

struct deciding {
	struct api_request *req;
	struct uuid id;
	struct str note;
	bool approves;
	struct approval_row row;
};

static int find(struct db_tx *tx, struct deciding *d, bool *ret_own, struct err *err)
{
	int r = approval_db_get(tx, d->req->arena, &d->id, &d->row, err);
	if (r < 0)
		return r;
	*ret_own = uuid_eq(&d->row.deed.asked_by, &d->req->access->account_id);
	if (*ret_own)
		return 0;
	/* Whoever may not do the deed may not know of it either. */
	bool may = false;
	r = api_may(tx, d->req->access, arena_cstr(d->req->arena, d->row.permission), &d->row.unit_id, api_now(d->req), &may, err);
	return r < 0 || may ? r : err_set(err, -ENOENT, "api.not_found");
}

static int decide(struct db_tx *tx, void *ctx, struct err *err)
{
	struct deciding *d = ctx;
	const struct access *who = d->req->access;
	bool own = false;
	int r = find(tx, d, &own, err);
	if (r < 0)
		return r;
	if (own && d->approves)
		return err_set(err, -EACCES, "approval.own");
	const char *to = d->approves ? "approved" : own ? "withdrawn" : "refused";
	r = approval_db_decide(tx, &d->id, "waiting", to, &who->account_id, d->note, api_now(d->req), err);
	if (r == 0)
		return err_set(err, -EBUSY, "approval.decided");
	return r < 0 ? r : tell(d->req->service, tx, who, d->approves ? "approval.approved" : own ? "approval.withdrawn" : "approval.refused",
	                        &d->row, api_now(d->req), err);
}

static int decided(struct deciding *d, struct err *err)
{
	if (d->req->access->kind != ACCESS_ACCOUNT)
		return err_set(err, -EACCES, "approval.people_only");
	int r = db_write(d->req->service->db, decide, d, err);
	if (r >= 0)
		outbox_wake(d->req->service);
	return r;
}

int approval_take(struct api_request *req, const struct uuid *id, struct approval_deed *ret, struct err *err)
{
	struct deciding d = {.req = req, .id = *id, .approves = true};
	int r = decided(&d, err);
	if (r >= 0)
		*ret = d.row.deed;
	return r < 0 ? r : 0;
}

struct ending {
	const struct service_context *sc;
	const struct access *approver;
	const struct uuid *id;
	const char *error_key;
};

static int end(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct ending *e = ctx;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct approval_row row;
	usec_t now = e->sc->now != NULL ? e->sc->now() : clock_now();
	int r = approval_db_end(tx, e->id, e->error_key != NULL ? "failed" : "done", e->error_key != NULL ? e->error_key : "", err);
	if (r >= 0)
		r = approval_db_get(tx, arena, e->id, &row, err);
	return r < 0 ? r : tell(e->sc, tx, e->approver, e->error_key != NULL ? "approval.failed" : "approval.done", &row, now, err);
}

int approval_end(const struct service_context *sc, const struct access *approver, const struct uuid *id,
                 const char *error_key, struct err *err)
{
	struct ending e = {sc, approver, id, error_key};
	int r = db_write(sc->db, end, &e, err);
	outbox_wake(sc);
	return r;
}

/* ---- routes ---- */

struct refuse_body {
	struct str note;
};
static const struct json_field refuse_fields[] = {
	{"note", JSON_FIELD_STR, offsetof(struct refuse_body, note), false, 0, 1000},
	{.name = NULL},
};

int approval_show(struct api_request *req, struct http_response *res, const struct uuid *id, struct err *err)
{
	return approval_db_list(req, res, id, err);
}

static int get_list(struct api_request *req, struct http_response *res, struct err *err)
{
	return approval_db_list(req, res, NULL, err);
}

static int post_refuse(struct api_request *req, struct http_response *res, struct err *err)
{
	struct refuse_body *b = req->fields;
	struct deciding d = {.req = req};
	int r = api_param_uuid(req, "id", &d.id, err);
	if (r >= 0)
		r = api_typed_text(req, &b->note, err);
	d.note = b->note.n > 0 ? b->note : STR("");
	if (r >= 0)
		r = decided(&d, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}

static int expire(struct db_tx *tx, void *ctx, struct err *err)
{
	const usec_t *now = ctx;
	return approval_db_expire(tx, *now, *now - STUCK, err);
}

static int on_tick(const struct service_context *sc, struct err *err)
{
	usec_t now = sc->now != NULL ? sc->now() : clock_now();
	return db_write(sc->db, expire, &now, err);
}

static const struct service_route routes[] = {
	{"GET", "/api/v1/approvals", SERVICE_SIGNED_IN, get_list, "approval.route_list"},
	{"POST", "/api/v1/approvals/{id}/refuse", SERVICE_SIGNED_IN, post_refuse, "approval.route_refuse", refuse_fields,
	 sizeof(struct refuse_body)},
	{.method = NULL},
};

const struct service approval_service = {
	.name = "approval",
	.routes = routes,
	.migrations = approval_migrations,
	.migration_count = APPROVAL_MIGRATION_COUNT,
	.start = approval_load_rules,
	.on_tick = on_tick,
};
