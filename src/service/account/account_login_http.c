/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Signing in: the password, then a second factor where there is one; or a passkey alone. */
#include "base/log/log.h"
#include "service/account/account_factor.h"
#include "service/account/account_session_http.h"

#include "service/audit/audit.h"

static int find_account(struct db_tx *tx, void *ctx, struct err *err)
{
	struct account_signing *s = ctx;
	const struct account_login_body *b = s->req->fields;
	return account_db_get(tx, s->req->arena, NULL, b->login, &s->account, err);
}

/* What every way of signing in ends with. */
static int start_session(struct account_signing *s, struct db_tx *tx, struct err *err)
{
	struct api_request *req = s->req;
	struct str details = s->factor[0] != '\0' ? arena_printf(req->arena, "{\"factor\":\"%s\"}", s->factor) : STR("{}");
	int r = account_session_end_current(tx, req, err);
	if (r >= 0)
		r = account_session_start(req->service, tx, req->http, &s->account.id, s->factor, s->cookie, err);
	return r < 0 ? r : account_tell(req->service, tx, &s->access, "account.signed_in", &s->account.id, &s->account.unit_id,
	                                details, err);
}

static int sign_in(struct db_tx *tx, void *ctx, struct err *err)
{
	struct account_signing *s = ctx;
	s->factors = (struct account_factors){.totp = false};
	int r = account_attempt_end(tx, &s->attempt, err);
	if (r >= 0)
		r = account_db_factors(tx, &s->account.id, api_now(s->req), &s->factors, err);
	if (r < 0)
		return r;
	if (account_has_factor(&s->factors))
		return account_ticket_open(s->req->service, tx, ACCOUNT_TICKET_SECOND, &s->account.id, &s->ticket, err);
	s->factor = "";
	return start_session(s, tx, err);
}

/* What was typed is not recorded: people type passwords into the wrong field. */
static int refuse(struct account_signing *s, bool known, const char *action, const char *key, struct err *err)
{
	struct access nobody = {.kind = ACCESS_ANONYMOUS, .peer = s->req->http->peer};
	struct audit_entry e = {.action = action, .object_type = "account"};
	if (known) {
		nobody.name = s->account.login;
		e.object_id = s->account.id;
		e.unit_id = s->account.unit_id;
	}
	int r = audit_record(s->req->service, &nobody, &e, err);
	/* For rules over the own log. Only names that are there: people type passwords into the wrong field. */
	log_warn("sign-in failed", ARG_STR("peer", nobody.peer), ARG_STR("account", nobody.name));
	return r < 0 ? r : err_set(err, -EPERM, key);
}

struct asking {
	struct account_signing *s;
	struct json_writer *w;
	struct account_site site;
	bool site_known;
};

static int write_credentials(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct asking *a = ctx;
	return account_db_write_credentials(tx, a->w, &a->s->account.id, a->site.rp_id, err);
}

/* A challenge for the browser's navigator.credentials.get. */
static int write_passkey(struct asking *a, struct err *err)
{
	struct json_writer *w = a->w;
	char text[64];
	struct buf challenge = BUF_FIXED(text, sizeof text);
	buf_append_base64url(&challenge, a->s->ticket.challenge, FACTOR_CHALLENGE_SIZE);
	json_name(w, "passkey");
	json_object(w);
	json_member_str(w, "challenge", buf_str(&challenge));
	json_member_cstr(w, "rp_id", a->site.rp_id);
	json_name(w, "credentials");
	int r = 0;
	if (uuid_is_null(&a->s->ticket.account_id)) {
		json_array(w);
		json_array_end(w);
	} else {
		r = db_read(a->s->req->service->db, write_credentials, a, err);
	}
	json_object_end(w);
	return r;
}

static int answer_second(struct account_signing *s, struct http_response *res, struct err *err)
{
	struct json_writer w = api_reply(res, 200);
	struct asking a = {.s = s, .w = &w};
	struct err ignored = {.code = 0};
	/* Another name of the server, or an address: then the codes remain. */
	a.site_known = s->factors.passkeys > 0 && account_site(s->req, &a.site, &ignored) >= 0;
	json_object(&w);
	json_name(&w, "second_factor");
	json_object(&w);
	json_member_cstr(&w, "ticket", s->ticket.text);
	json_member_bool(&w, "totp", s->factors.totp);
	json_member_bool(&w, "paper", s->factors.paper_left > 0);
	json_member_bool(&w, "recovery", s->factors.recovery_left > 0);
	int r = a.site_known ? write_passkey(&a, err) : 0;
	json_object_end(&w);
	json_object_end(&w);
	return r;
}

static int open_for(struct account_signing *s, bool known, struct err *err)
{
	const struct account_row *a = &s->account;
	if (a->disabled || !str_eq(a->kind, STR("person")))
		return refuse(s, known, "account.login_failed", "account.bad_login", err);
	if (a->password_until != 0 && api_now(s->req) > a->password_until)
		return refuse(s, known, "account.login_failed", "account.password_ended", err);
	return 0;
}

int account_post_login(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct account_login_body *b = req->fields;
	struct account_signing s = {.req = req};
	int r = account_attempt_begin(req, b->login, &s.attempt, err);
	if (r < 0)
		return r;
	r = db_read(req->service->db, find_account, &s, err);
	if (r < 0 && r != -ENOENT)
		return r;
	bool known = r >= 0;
	if (!account_verify_password(known ? &s.account : NULL, b->password))
		return refuse(&s, known, "account.login_failed", "account.bad_login", err);
	r = open_for(&s, known, err);
	if (r < 0)
		return r;
	s.access = account_access_of(req, &s.account);
	r = db_write(req->service->db, sign_in, &s, err);
	if (r < 0)
		return r;
	return account_has_factor(&s.factors) ? answer_second(&s, res, err) : account_answer_signed_in(&s, res, 200, err);
}

/* ---- the second step ---- */

static struct account_proof proof_of(const struct account_second_body *b)
{
	return (struct account_proof){b->code, b->credential_id, b->client_data, b->authenticator_data, b->signature};
}

static int read_ticket_account(struct db_tx *tx, void *ctx, struct err *err)
{
	struct account_signing *s = ctx;
	return account_db_get(tx, s->req->arena, &s->ticket.account_id, STR_EMPTY, &s->account, err);
}

static int prove_second(struct db_tx *tx, void *ctx, struct err *err)
{
	struct account_signing *s = ctx;
	const struct account_second_body *b = s->req->fields;
	struct account_passkey key;
	struct account_proof proof = proof_of(b);
	int r;
	s->proven = false;
	if (b->signature.n > 0) {
		s->factor = "passkey";
		r = account_prove_passkey(s->req, tx, &s->ticket, &proof, &key, err);
	} else {
		r = account_prove_code(s->req->service, tx, s->req->arena, &s->account.id, b->code, &s->factor, err);
	}
	if (r <= 0)
		return r;
	r = account_attempt_end(tx, &s->attempt, err);
	if (r >= 0)
		r = account_ticket_close(tx, b->ticket, err);
	if (r >= 0)
		r = start_session(s, tx, err);
	s->proven = r >= 0;
	return r;
}

int account_post_second(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct account_second_body *b = req->fields;
	struct account_signing s = {.req = req};
	char id[UUID_TEXT_SIZE];
	int r = account_ticket_try(req->service, ACCOUNT_TICKET_SECOND, b->ticket, &s.ticket, err);
	if (r < 0)
		return r;
	/* Tries count over all tickets: a right password does not buy new ones. */
	struct str key = arena_printf(req->arena, "factor:%s", uuid_text(&s.ticket.account_id, id));
	r = account_attempt_begin(req, key, &s.attempt, err);
	if (r >= 0)
		r = db_read(req->service->db, read_ticket_account, &s, err);
	if (r >= 0)
		r = open_for(&s, true, err);
	if (r < 0)
		return r;
	s.access = account_access_of(req, &s.account);
	r = db_write(req->service->db, prove_second, &s, err);
	if (r < 0)
		return r;
	return s.proven ? account_answer_signed_in(&s, res, 200, err)
	                : refuse(&s, true, "account.factor_failed", "account.bad_factor", err);
}

/* ---- a passkey alone: it holds two factors, what one has and who one is ---- */

static int open_ticket(struct db_tx *tx, void *ctx, struct err *err)
{
	struct account_signing *s = ctx;
	return account_ticket_open(s->req->service, tx, ACCOUNT_TICKET_PASSKEY, NULL, &s->ticket, err);
}

int account_post_passkey_options(struct api_request *req, struct http_response *res, struct err *err)
{
	struct account_signing s = {.req = req};
	struct json_writer w;
	struct asking a = {.s = &s, .w = &w};
	int r = account_site(req, &a.site, err);
	if (r >= 0)
		r = account_attempt_begin(req, STR_EMPTY, &s.attempt, err);
	if (r >= 0)
		r = db_write(req->service->db, open_ticket, &s, err);
	if (r < 0)
		return r;
	w = api_reply(res, 200);
	json_object(&w);
	json_member_cstr(&w, "ticket", s.ticket.text);
	r = write_passkey(&a, err);
	json_object_end(&w);
	return r;
}

static int prove_alone(struct db_tx *tx, void *ctx, struct err *err)
{
	struct account_signing *s = ctx;
	const struct account_second_body *b = s->req->fields;
	struct account_passkey key;
	struct account_proof proof = proof_of(b);
	s->proven = false;
	int r = account_prove_passkey(s->req, tx, &s->ticket, &proof, &key, err);
	if (r <= 0)
		return r;
	r = account_db_get(tx, s->req->arena, &key.account_id, STR_EMPTY, &s->account, err);
	if (r < 0 || s->account.disabled)
		return r;
	s->factor = "passkey";
	s->access = account_access_of(s->req, &s->account);
	r = account_attempt_end(tx, &s->attempt, err);
	if (r >= 0)
		r = account_ticket_close(tx, b->ticket, err);
	if (r >= 0)
		r = start_session(s, tx, err);
	s->proven = r >= 0;
	return r;
}

int account_post_passkey(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct account_second_body *b = req->fields;
	struct account_signing s = {.req = req};
	int r = account_attempt_begin(req, STR_EMPTY, &s.attempt, err);
	if (r >= 0)
		r = account_ticket_try(req->service, ACCOUNT_TICKET_PASSKEY, b->ticket, &s.ticket, err);
	if (r >= 0)
		r = db_write(req->service->db, prove_alone, &s, err);
	if (r < 0)
		return r;
	return s.proven ? account_answer_signed_in(&s, res, 200, err)
	                : refuse(&s, false, "account.factor_failed", "account.bad_passkey", err);
}
