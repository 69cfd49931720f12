/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Signing out, one's own sessions and password. */
#include "service/account/account_session_http.h"

int account_session_current(struct db_tx *tx, const struct api_request *req, struct account_session_row *ret,
                           struct err *err)
{
	struct str cookie = http_cookie(req->http, ACCOUNT_COOKIE);
	unsigned char digest[SHA256_SIZE];
	sha256(cookie, digest);
	return cookie.n > 0 ? account_db_session_find(tx, digest, ret, err) : 0;
}

int account_session_end_current(struct db_tx *tx, const struct api_request *req, struct err *err)
{
	struct account_session_row s;
	int r = account_session_current(tx, req, &s, err);
	return r <= 0 ? r : account_db_session_end(tx, &s.account_id, &s.id, err);
}

struct access account_access_of(const struct api_request *req, const struct account_row *a)
{
	return (struct access){.kind = ACCESS_ACCOUNT, .account_id = a->id, .unit_id = a->unit_id, .name = a->display_name,
	                       .peer = req->http->peer, .lang = req->access->lang};
}

int account_answer_signed_in(struct account_signing *s, struct http_response *res, int status, struct err *err)
{
	http_response_header(res, "Set-Cookie", arena_cstr(s->req->arena, str_c(s->cookie)));
	res->status = status;
	return account_db_session_object(s->req, res, &s->access, s->account.must_change, err);
}

static int sign_out(struct db_tx *tx, void *ctx, struct err *err)
{
	struct api_request *req = ctx;
	int r = account_session_end_current(tx, req, err);
	if (r <= 0)
		return r;
	return account_tell(req->service, tx, req->access, "account.signed_out", &req->access->account_id,
	                    &req->access->unit_id, STR("{}"), err);
}

int account_post_logout(struct api_request *req, struct http_response *res, struct err *err)
{
	int r = db_write(req->service->db, sign_out, req, err);
	if (r < 0)
		return r;
	http_response_header(res, "Set-Cookie", account_cookie_gone);
	return api_reply_empty(res, 204);
}

static int read_own(struct db_tx *tx, void *ctx, struct err *err)
{
	struct account_signing *s = ctx;
	return account_db_get(tx, s->req->arena, &s->req->access->account_id, STR_EMPTY, &s->account, err);
}

int account_get_session(struct api_request *req, struct http_response *res, struct err *err)
{
	struct account_signing s = {.req = req};
	int r = db_read(req->service->db, read_own, &s, err);
	return r < 0 ? r : account_db_session_object(req, res, req->access, s.account.must_change, err);
}

/* A new password ends every session, this one too, and begins a fresh one. */
static int change_password(struct db_tx *tx, void *ctx, struct err *err)
{
	struct account_signing *s = ctx;
	struct uuid none = {.b = {0}};
	struct account_session_row before = {.has_factor = false};
	int r = account_attempt_end(tx, &s->attempt, err);
	if (r >= 0)
		r = account_session_current(tx, s->req, &before, err);
	if (r >= 0)
		r = account_db_set_password(tx, &s->account.id, s->hash, false, 0, err);
	if (r >= 0)
		r = account_db_sessions_end(tx, &s->account.id, &none, err);
	if (r >= 0)
		r = account_session_start(s->req->service, tx, s->req->http, &s->account.id,
		                          before.has_factor ? "kept" : "", s->cookie, err);
	if (r >= 0)
		r = account_tell(s->req->service, tx, &s->access, "account.password_changed", &s->account.id,
		                 &s->account.unit_id, STR("{}"), err);
	return r;
}

int account_post_password(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct account_password_body *b = req->fields;
	struct account_signing s = {.req = req};
	char hash[PASSWORD_HASH_SIZE];
	int r = req->access->kind == ACCESS_ACCOUNT ? db_read(req->service->db, read_own, &s, err)
	                                            : err_set(err, -EACCES, "account.people_only");
	if (r >= 0)
		r = account_attempt_begin(req, s.account.login, &s.attempt, err);
	if (r < 0)
		return r;
	if (!account_verify_password(&s.account, b->old_password))
		return err_set(err, -EINVAL, "account.old_password");
	r = str_eq(b->old_password, b->new_password) ? err_set(err, -EINVAL, "account.password_same")
	                                             : account_check_password(b->new_password, s.account.login, err);
	if (r >= 0)
		r = account_hash_password(b->new_password, hash, err);
	if (r < 0)
		return r;
	s.hash = hash;
	s.access = account_access_of(req, &s.account);
	r = db_write(req->service->db, change_password, &s, err);
	mem_wipe(hash, sizeof hash);
	s.account.must_change = false;
	return r < 0 ? r : account_answer_signed_in(&s, res, 200, err);
}

struct ending {
	struct api_request *req;
	struct uuid id;
	struct account_session_row current;
};

static int find_current(struct db_tx *tx, void *ctx, struct err *err)
{
	struct ending *e = ctx;
	return account_session_current(tx, e->req, &e->current, err);
}

int account_get_sessions(struct api_request *req, struct http_response *res, struct err *err)
{
	struct ending e = {.req = req};
	int r = db_read(req->service->db, find_current, &e, err);
	return r < 0 ? r : account_db_list_sessions(req, res, &req->access->account_id, &e.current.id, err);
}

static int end_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct ending *e = ctx;
	int r = account_db_session_end(tx, &e->req->access->account_id, &e->id, err);
	if (r == 0)
		return err_set(err, -ENOENT, "api.not_found");
	return r < 0 ? r : account_tell(e->req->service, tx, e->req->access, "account.session_ended",
	                                &e->req->access->account_id, &e->req->access->unit_id, STR("{}"), err);
}

int account_delete_session(struct api_request *req, struct http_response *res, struct err *err)
{
	struct ending e = {.req = req};
	int r = api_param_uuid(req, "id", &e.id, err);
	if (r >= 0)
		r = db_write(req->service->db, end_one, &e, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}

/* All but the one that asks. */
static int end_others(struct db_tx *tx, void *ctx, struct err *err)
{
	struct ending *e = ctx;
	const struct access *who = e->req->access;
	int r = account_session_current(tx, e->req, &e->current, err);
	if (r >= 0)
		r = account_db_sessions_end(tx, &who->account_id, &e->current.id, err);
	return r < 0 ? r : account_tell(e->req->service, tx, who, "account.sessions_ended", &who->account_id, &who->unit_id,
	                                STR("{}"), err);
}

int account_delete_sessions(struct api_request *req, struct http_response *res, struct err *err)
{
	struct ending e = {.req = req};
	int r = db_write(req->service->db, end_others, &e, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}
