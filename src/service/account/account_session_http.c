/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Signing in and out, one's own sessions and password, the first set-up. */
#include "service/account/account_session_http.h"

#include "base/text/text.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/unit/unit.h"

/* ---- throttling: attempts are counted before the password is looked at, so that parallel ones gain nothing ---- */

#define FORGET (1 * USEC_PER_HOUR)
#define WAIT_MAX (15 * USEC_PER_MINUTE)

struct throttle {
	const struct service_context *sc;
	struct str key;
	int64_t free; /* attempts without a wait */
	usec_t first; /* wait after those; doubles */
};

static usec_t wait_after(const struct throttle *t, int64_t failures)
{
	if (failures < t->free)
		return 0;
	int64_t doublings = failures - t->free;
	usec_t wait = doublings < 10 ? t->first << doublings : WAIT_MAX;
	return wait < WAIT_MAX ? wait : WAIT_MAX;
}

static int count_attempt(struct db_tx *tx, const struct throttle *t, struct err *err)
{
	int64_t failures = 0;
	usec_t last = 0, now = account_now(t->sc);
	int r = account_db_throttle_get(tx, t->key, &failures, &last, err);
	if (r < 0)
		return r;
	if (now - last > FORGET)
		failures = 0;
	usec_t until = last + wait_after(t, failures);
	if (failures > 0 && now < until)
		return err_set(err, -EAGAIN, "account.throttled",
		               ARG_I64("retry_after_s", (until - now) / USEC_PER_SEC + 1));
	return account_db_throttle_set(tx, t->key, failures + 1, now, err);
}

struct attempt {
	struct throttle login, peer;
};

static int count_both(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct attempt *a = ctx;
	int r = a->login.key.n > 0 ? count_attempt(tx, &a->login, err) : 0;
	return r < 0 ? r : count_attempt(tx, &a->peer, err);
}

/* -EAGAIN (account.throttled, 429) while one has to wait. `login`: empty for set-up, which knows no account. */
static int begin_attempt(const struct api_request *req, struct str login, struct attempt *ret, struct err *err)
{
	*ret = (struct attempt){
		.login = {req->service, STR_EMPTY, 5, 30 * USEC_PER_SEC},
		.peer = {req->service, arena_printf(req->arena, "peer:%.*s", STR_FMT(req->http->peer)), 20, 10 * USEC_PER_SEC},
	};
	if (login.n > 0) {
		/* A digest: what was typed may be a password in the wrong field. */
		unsigned char digest[SHA256_SIZE];
		char hex[SHA256_HEX_SIZE];
		sha256(login, digest);
		ret->login.key = arena_printf(req->arena, "login:%s", sha256_hex(digest, hex));
	}
	return db_write(req->service->db, count_both, ret, err);
}

/* The good attempt does not count; those of others from the same address stay. */
static int end_attempt(struct db_tx *tx, const struct attempt *a, struct err *err)
{
	int64_t failures = 0;
	usec_t last = 0;
	int r = a->login.key.n > 0 ? account_db_throttle_set(tx, a->login.key, 0, 0, err) : 0;
	if (r >= 0)
		r = account_db_throttle_get(tx, a->peer.key, &failures, &last, err);
	if (r >= 0 && failures > 0)
		r = account_db_throttle_set(tx, a->peer.key, failures - 1, last, err);
	return r < 0 ? r : 0;
}

/* ---- the session of this request ---- */

static int current_session(struct db_tx *tx, const struct api_request *req, struct account_session_row *ret,
                           struct err *err)
{
	struct str cookie = http_cookie(req->http, ACCOUNT_COOKIE);
	unsigned char digest[SHA256_SIZE];
	sha256(cookie, digest);
	return cookie.n > 0 ? account_db_session_find(tx, digest, ret, err) : 0;
}

static int end_current(struct db_tx *tx, const struct api_request *req, struct err *err)
{
	struct account_session_row s;
	int r = current_session(tx, req, &s, err);
	return r <= 0 ? r : account_db_session_end(tx, &s.account_id, &s.id, err);
}

struct signing {
	struct api_request *req;
	struct attempt attempt;
	struct account_row account;
	struct access access;
	const char *hash;
	char cookie[ACCOUNT_COOKIE_SIZE];
};

static struct access access_of(const struct api_request *req, const struct account_row *a)
{
	return (struct access){.kind = ACCESS_ACCOUNT, .account_id = a->id, .unit_id = a->unit_id, .name = a->display_name,
	                       .peer = req->http->peer, .lang = req->access->lang};
}

static int answer_signed_in(struct signing *s, struct http_response *res, int status, struct err *err)
{
	http_response_header(res, "Set-Cookie", arena_cstr(s->req->arena, str_c(s->cookie)));
	res->status = status;
	return account_db_session_object(s->req, res, &s->access, s->account.must_change, err);
}

static int find_account(struct db_tx *tx, void *ctx, struct err *err)
{
	struct signing *s = ctx;
	const struct account_login_body *b = s->req->fields;
	return account_db_get(tx, s->req->arena, NULL, b->login, &s->account, err);
}

static int sign_in(struct db_tx *tx, void *ctx, struct err *err)
{
	struct signing *s = ctx;
	struct uuid session;
	int r = end_attempt(tx, &s->attempt, err);
	if (r >= 0)
		r = end_current(tx, s->req, err);
	if (r >= 0)
		r = account_session_start(s->req->service, tx, s->req->http, &s->account.id, s->cookie, &session, err);
	if (r >= 0)
		r = account_tell(s->req->service, tx, &s->access, "account.signed_in", &s->account.id, &s->account.unit_id,
		                 STR("{}"), err);
	return r;
}

/* What was typed is not recorded: people type passwords into the wrong field. */
static int refuse(struct signing *s, bool known, struct err *err)
{
	struct access nobody = {.kind = ACCESS_ANONYMOUS, .peer = s->req->http->peer};
	struct audit_entry e = {.action = "account.login_failed", .object_type = "account"};
	if (known) {
		nobody.name = s->account.login;
		e.object_id = s->account.id;
		e.unit_id = s->account.unit_id;
	}
	int r = audit_record(s->req->service, &nobody, &e, err);
	return r < 0 ? r : err_set(err, -EPERM, "account.bad_login");
}

int account_post_login(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct account_login_body *b = req->fields;
	struct signing s = {.req = req};
	int r = begin_attempt(req, b->login, &s.attempt, err);
	if (r < 0)
		return r;
	r = db_read(req->service->db, find_account, &s, err);
	if (r < 0 && r != -ENOENT)
		return r;
	bool known = r >= 0;
	bool good = account_verify_password(known ? &s.account : NULL, b->password);
	if (!good || s.account.disabled || !str_eq(s.account.kind, STR("person")))
		return refuse(&s, known, err);
	s.access = access_of(req, &s.account);
	r = db_write(req->service->db, sign_in, &s, err);
	return r < 0 ? r : answer_signed_in(&s, res, 200, err);
}

static int sign_out(struct db_tx *tx, void *ctx, struct err *err)
{
	struct api_request *req = ctx;
	int r = end_current(tx, req, err);
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
	struct signing *s = ctx;
	return account_db_get(tx, s->req->arena, &s->req->access->account_id, STR_EMPTY, &s->account, err);
}

int account_get_session(struct api_request *req, struct http_response *res, struct err *err)
{
	struct signing s = {.req = req};
	int r = db_read(req->service->db, read_own, &s, err);
	return r < 0 ? r : account_db_session_object(req, res, req->access, s.account.must_change, err);
}

/* A new password ends every session, this one too, and begins a fresh one. */
static int change_password(struct db_tx *tx, void *ctx, struct err *err)
{
	struct signing *s = ctx;
	struct uuid none = {.b = {0}}, session;
	int r = end_attempt(tx, &s->attempt, err);
	if (r >= 0)
		r = account_db_set_password(tx, &s->account.id, s->hash, false, err);
	if (r >= 0)
		r = account_db_sessions_end(tx, &s->account.id, &none, err);
	if (r >= 0)
		r = account_session_start(s->req->service, tx, s->req->http, &s->account.id, s->cookie, &session, err);
	if (r >= 0)
		r = account_tell(s->req->service, tx, &s->access, "account.password_changed", &s->account.id,
		                 &s->account.unit_id, STR("{}"), err);
	return r;
}

int account_post_password(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct account_password_body *b = req->fields;
	struct signing s = {.req = req};
	char hash[PASSWORD_HASH_SIZE];
	int r = req->access->kind == ACCESS_ACCOUNT ? db_read(req->service->db, read_own, &s, err)
	                                            : err_set(err, -EACCES, "account.people_only");
	if (r >= 0)
		r = begin_attempt(req, s.account.login, &s.attempt, err);
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
	s.access = access_of(req, &s.account);
	r = db_write(req->service->db, change_password, &s, err);
	mem_wipe(hash, sizeof hash);
	s.account.must_change = false;
	return r < 0 ? r : answer_signed_in(&s, res, 200, err);
}

struct ending {
	struct api_request *req;
	struct uuid id;
	struct account_session_row current;
};

static int find_current(struct db_tx *tx, void *ctx, struct err *err)
{
	struct ending *e = ctx;
	return current_session(tx, e->req, &e->current, err);
}

int account_get_sessions(struct api_request *req, struct http_response *res, struct err *err)
{
	struct ending e = {.req = req};
	int r = db_read(req->service->db, find_current, &e, err);
	return r < 0 ? r : account_db_list_sessions(req, res, &e.current.id, err);
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

/* ---- the first set-up ---- */

/* People copy codes with blanks, dashes and capitals. */
static void code_digest(struct str code, unsigned char digest[SHA256_SIZE])
{
	char plain[ACCOUNT_SETUP_CODE_SIZE];
	struct buf out = BUF_FIXED(plain, sizeof plain);
	for (size_t i = 0; i < code.n; i++) {
		char c = code.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			buf_append_char(&out, c);
	}
	sha256(buf_str(&out), digest);
	mem_wipe(plain, sizeof plain);
}

struct beginning {
	const struct service_context *sc;
	unsigned char digest[SHA256_SIZE];
	bool needed;
};

static int begin_setup(struct db_tx *tx, void *ctx, struct err *err)
{
	struct beginning *b = ctx;
	int r = account_db_setup_needed(tx, &b->needed, err);
	if (r < 0 || !b->needed)
		return r;
	return account_db_setup_code_add(tx, b->digest, account_now(b->sc), err);
}

int account_setup_begin(const struct service_context *sc, char code[ACCOUNT_SETUP_CODE_SIZE], struct err *err)
{
	struct beginning b = {.sc = sc};
	account_random_word(code, 5);
	code_digest(str_c(code), b.digest);
	int r = db_write(sc->db, begin_setup, &b, err);
	if (r < 0 || !b.needed)
		mem_wipe(code, ACCOUNT_SETUP_CODE_SIZE);
	return r < 0 ? r : b.needed;
}

static int look_setup(struct db_tx *tx, void *ctx, struct err *err)
{
	return account_db_setup_needed(tx, ctx, err);
}

int account_get_setup(struct api_request *req, struct http_response *res, struct err *err)
{
	bool needed = false;
	int r = db_read(req->service->db, look_setup, &needed, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_bool(&w, "needed", needed);
	json_member_bool(&w, "code_required", true);
	json_object_end(&w);
	return 0;
}

/* The tree's root: there already where units were imported first. */
static int make_root(struct signing *s, struct db_tx *tx, const struct access *by, struct uuid *ret, struct err *err)
{
	const struct account_setup_body *b = s->req->fields;
	int r = account_db_first_root(tx, ret, err);
	if (r != 0)
		return r;
	cleanup_buf struct buf name = BUF_INIT(4096);
	r = text_nfc(str_trim(b->city_name), &name, err);
	struct unit_new n = {.code = STR("ROOT"), .kind = STR("city"), .name = buf_str(&name)};
	return r < 0 ? r : unit_create(s->req->service, tx, by, &n, ret, err);
}

static int set_up(struct db_tx *tx, void *ctx, struct err *err)
{
	struct signing *s = ctx;
	const struct account_setup_body *b = s->req->fields;
	const struct access by = {.kind = ACCESS_SYSTEM, .name = STR("setup"), .peer = s->req->http->peer};
	struct uuid root, account, grant, session;
	int r = account_db_setup_close(tx, account_now(s->req->service), err);
	if (r >= 0)
		r = make_root(s, tx, &by, &root, err);
	struct account_new n = {.login = b->login, .display_name = b->display_name, .password = b->password};
	n.unit_id = root;
	if (r >= 0)
		r = account_create(s->req->service, tx, &by, &n, &account, err);
	struct account_grant g = {.account_id = account, .unit_id = root, .role = STR("administrator")};
	if (r >= 0)
		r = account_add_grant(s->req->service, tx, &by, &g, &grant, err);
	if (r >= 0)
		r = end_attempt(tx, &s->attempt, err);
	if (r >= 0)
		r = account_session_start(s->req->service, tx, s->req->http, &account, s->cookie, &session, err);
	if (r >= 0)
		r = account_db_get(tx, s->req->arena, &account, STR_EMPTY, &s->account, err);
	return r;
}

static int check_code(struct db_tx *tx, void *ctx, struct err *err)
{
	struct signing *s = ctx;
	const struct account_setup_body *b = s->req->fields;
	unsigned char digest[SHA256_SIZE];
	bool needed = false, known = false;
	int r = account_db_setup_needed(tx, &needed, err);
	if (r >= 0 && !needed)
		return err_set(err, -EEXIST, "account.setup_done");
	code_digest(b->code, digest);
	if (r >= 0)
		r = account_db_setup_code_known(tx, digest, &known, err);
	return r < 0 || known ? r : err_set(err, -EACCES, "account.setup_code");
}

int account_post_setup(struct api_request *req, struct http_response *res, struct err *err)
{
	struct signing s = {.req = req};
	int r = begin_attempt(req, STR_EMPTY, &s.attempt, err);
	if (r >= 0)
		r = db_read(req->service->db, check_code, &s, err);
	if (r >= 0)
		r = db_write(req->service->db, set_up, &s, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	s.access = access_of(req, &s.account);
	return answer_signed_in(&s, res, 201, err);
}
