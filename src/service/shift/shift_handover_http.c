/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Routes of the hand-over: generated, edited, signed by the one who leaves, accepted by one who comes. */
#include "platform/crypto/crypto.h"
#include "service/account/account.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/shift/shift_internal.h"

const struct json_field shift_edit_fields[] = {
	{"body", JSON_FIELD_STR, offsetof(struct shift_edit_body, body), true, 1, SHIFT_BODY_MAX}, {.name = NULL}};
const struct json_field shift_accept_fields[] = {
	{"note", JSON_FIELD_STR, offsetof(struct shift_accept_body, note), false, 0, 4000}, {.name = NULL}};

struct job {
	struct api_request *req;
	struct uuid id;
	struct str text;
};

static int tell(struct db_tx *tx, const struct job *j, const char *action, const struct shift_handover *h, struct str digest, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT(8192);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_int(&w, "number", h->number);
	if (digest.n > 0)
		json_member_str(&w, "sha256", digest);
	json_object_end(&w);
	struct audit_entry e = {.action = action, .object_type = "handover", .object_id = h->id, .unit_id = h->unit_id, .details = buf_str(&details)};
	int r = audit_write(tx, j->req->access, api_now(j->req), &e, err);
	if (r < 0)
		return r;
	cleanup_buf struct buf json = BUF_INIT(4096);
	struct json_writer o = json_writer_init(&json);
	json_object(&o);
	api_member_uuid(&o, "id", &h->id);
	json_member_int(&o, "number", h->number);
	json_object_end(&o);
	struct service_event event = {.name = "shift.changed", .unit_id = h->unit_id, .permission = "shift.read", .json = buf_str(&json)};
	return outbox_write(tx, &event, err);
}

struct one {
	struct job job;
	struct http_response *res;
	int status;
	int64_t version;
};

static int read_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct one *o = ctx;
	struct shift_handover h;
	int r = shift_db_handover_get(tx, o->job.req->arena, &o->job.id, &h, err);
	if (r >= 0)
		r = api_require_visible(tx, o->job.req, "shift.read", &h.unit_id, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(o->res, o->status);
	json_object(&w);
	r = shift_db_handover_write(tx, &w, o->job.req, &o->job.id, &o->version, err);
	json_object_end(&w);
	return r;
}

static int show(struct api_request *req, struct http_response *res, const struct uuid *id, int status, struct err *err)
{
	struct one o = {.job = {.req = req, .id = *id}, .res = res, .status = status};
	int r = db_read(req->service->db, read_one, &o, err);
	if (r >= 0)
		api_reply_etag(req, res, o.version);
	return r;
}

int shift_handover_one(struct api_request *req, struct http_response *res, struct err *err)
{
	struct uuid id;
	int r = api_param_uuid(req, "id", &id, err);
	return r < 0 ? r : show(req, res, &id, 200, err);
}

static int make(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *j = ctx;
	const struct access *me = j->req->access;
	struct shift_handover h = {.author_id = me->account_id};
	cleanup_buf struct buf facts = BUF_INIT((size_t)256 << 10), body = BUF_INIT(SHIFT_BODY_MAX);
	int r = shift_db_own_unit(tx, me, api_now(j->req), &h.unit_id, err);
	if (r >= 0)
		r = api_require_unit(tx, j->req, "shift.write", &h.unit_id, err);
	/* What it tells is of the whole: whoever may not read that may not make it. */
	if (r >= 0)
		r = api_require_unit(tx, j->req, "alert.read", &h.unit_id, err);
	if (r >= 0)
		r = shift_db_note(tx, j->req, &h.unit_id, &facts, &body, err);
	if (r < 0)
		return r;
	h.id = j->id = uuid_new();
	h.body = buf_str(&body);
	r = shift_db_handover_put(tx, &h, me->name, buf_str(&facts), api_now(j->req), &h.number, err);
	return r < 0 ? r : tell(tx, j, "shift.handover_made", &h, STR_EMPTY, err);
}

static int run(struct job *j, struct http_response *res, db_fn fn, bool find, int status, struct err *err)
{
	int r = find ? api_param_uuid(j->req, "id", &j->id, err) : 0;
	if (r >= 0 && j->text.n > 0)
		r = api_typed_text(j->req, &j->text, err);
	if (r >= 0)
		r = db_write(j->req->service->db, fn, j, err);
	if (r < 0)
		return r;
	outbox_wake(j->req->service);
	return show(j->req, res, &j->id, status, err);
}

int shift_handover_make(struct api_request *req, struct http_response *res, struct err *err)
{
	return run(&(struct job){.req = req}, res, make, false, 201, err);
}

/* The hand-over as the request's account may change it. */
static int get_for(struct db_tx *tx, const struct job *j, enum shift_handover_state wanted, bool mine, struct shift_handover *h, struct err *err)
{
	int r = shift_db_handover_get(tx, j->req->arena, &j->id, h, err);
	if (r >= 0)
		r = api_require_visible(tx, j->req, "shift.read", &h->unit_id, err);
	if (r >= 0)
		r = api_require_unit(tx, j->req, "shift.write", &h->unit_id, err);
	if (r >= 0)
		r = api_if_match(j->req, h->version, err);
	if (r >= 0 && h->state != wanted)
		r = err_set(err, -EBUSY, "shift.handover_state", ARG_CSTR("state", shift_handover_states[h->state]));
	bool is_mine = r >= 0 && uuid_eq(&h->author_id, &j->req->access->account_id);
	if (r >= 0 && mine && !is_mine)
		r = err_set(err, -EACCES, "shift.not_author");
	if (r >= 0 && !mine && is_mine)
		r = err_set(err, -EACCES, "shift.own_handover");
	return r;
}

static int edit(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *j = ctx;
	struct shift_handover h;
	int r = get_for(tx, j, SHIFT_HANDOVER_DRAFT, true, &h, err);
	if (r >= 0)
		r = shift_db_handover_edit(tx, &h, j->text, err);
	return r < 0 ? r : tell(tx, j, "shift.handover_edited", &h, STR_EMPTY, err);
}

int shift_handover_edit(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct shift_edit_body *body = req->fields;
	return run(&(struct job){.req = req, .text = body->body}, res, edit, true, 200, err);
}

static int sign(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *j = ctx;
	struct shift_handover h;
	struct str with;
	unsigned char digest[SHA256_SIZE];
	cleanup_buf struct buf hex = BUF_INIT(2 * SHA256_SIZE + 1);
	int r = get_for(tx, j, SHIFT_HANDOVER_DRAFT, true, &h, err);
	if (r >= 0)
		r = account_session_factor(tx, j->req->arena, j->req->http, &with, err);
	if (r < 0)
		return r;
	sha256(h.body, digest);
	buf_append_hex(&hex, digest, sizeof digest);
	r = shift_db_handover_sign(tx, &h, buf_str(&hex), with, api_now(j->req), err);
	return r < 0 ? r : tell(tx, j, "shift.handover_signed", &h, buf_str(&hex), err);
}

int shift_handover_sign(struct api_request *req, struct http_response *res, struct err *err)
{
	return run(&(struct job){.req = req}, res, sign, true, 200, err);
}

static int accept_it(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *j = ctx;
	struct shift_handover h;
	struct str with;
	int r = get_for(tx, j, SHIFT_HANDOVER_SIGNED, false, &h, err);
	if (r >= 0)
		r = account_session_factor(tx, j->req->arena, j->req->http, &with, err);
	if (r >= 0)
		r = shift_db_handover_accept(tx, &h, j->req->access, with, j->text, api_now(j->req), err);
	return r < 0 ? r : tell(tx, j, "shift.handover_accepted", &h, h.digest, err);
}

int shift_handover_accept(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct shift_accept_body *body = req->fields;
	return run(&(struct job){.req = req, .text = body->note}, res, accept_it, true, 200, err);
}
