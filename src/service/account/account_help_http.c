/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What an officer of the city does for somebody who cannot sign in, or whose device is lost: a one-time password, a sheet
 * of paper codes, ending sessions, taking second factors off. Everything audited; nothing for those who hold more. */
#include "service/account/account_session_http.h"

#define PASSWORD_LIFE (3 * USEC_PER_DAY)
#define PAPER_CODES 20

struct help {
	struct api_request *req;
	struct uuid id, session;
	struct account_row account;
	const char *hash;
	struct buf codes;
	unsigned count;
};

static int get_person(struct db_tx *tx, struct help *h, struct err *err)
{
	int r = account_get_person(tx, h->req, &h->id, &h->account, err);
	return r < 0 ? r : account_require_reset(tx, h->req, &h->account, err);
}

static int tell(struct db_tx *tx, const struct help *h, const char *action, struct str details, struct err *err)
{
	return account_tell(h->req->service, tx, h->req->access, action, &h->account.id, &h->account.unit_id, details, err);
}

static int end_all(struct db_tx *tx, const struct help *h, struct err *err)
{
	struct uuid none = {.b = {0}};
	return account_db_sessions_end(tx, &h->account.id, &none, err);
}

/* ---- a one-time password, read out over the telephone; it ends by itself ---- */

static int reset_password(struct db_tx *tx, void *ctx, struct err *err)
{
	struct help *h = ctx;
	int r = get_person(tx, h, err);
	if (r >= 0)
		r = account_db_set_password(tx, &h->account.id, h->hash, true, api_now(h->req) + PASSWORD_LIFE, err);
	if (r >= 0)
		r = end_all(tx, h, err);
	return r < 0 ? r : tell(tx, h, "account.password_reset", STR("{}"), err);
}

int account_help_password(struct api_request *req, struct http_response *res, struct err *err)
{
	struct help h = {.req = req};
	char password[64], hash[PASSWORD_HASH_SIZE];
	int r = api_param_uuid(req, "id", &h.id, err);
	if (r < 0)
		return r;
	account_random_word(password, 4);
	r = account_hash_password(str_c(password), hash, err);
	h.hash = hash;
	if (r >= 0)
		r = db_write(req->service->db, reset_password, &h, err);
	if (r >= 0) {
		struct json_writer w = api_reply(res, 200);
		json_object(&w);
		json_member_cstr(&w, "password", password);
		api_member_time(&w, "expires_at", api_now(req) + PASSWORD_LIFE);
		json_object_end(&w);
	}
	mem_wipe(password, sizeof password);
	mem_wipe(hash, sizeof hash);
	return r < 0 ? r : 0;
}

/* ---- a sheet of paper codes: the second factor of those without telephone and e-mail ---- */

static int print_codes(struct db_tx *tx, void *ctx, struct err *err)
{
	struct help *h = ctx;
	buf_clear(&h->codes);
	int r = get_person(tx, h, err);
	if (r >= 0)
		r = account_make_codes(h->req->service, tx, &h->account.id, "paper", h->count, api_now(h->req) + ACCOUNT_PAPER_LIFE,
		                       &h->codes, err);
	return r < 0 ? r : tell(tx, h, "account.paper_printed", arena_printf(h->req->arena, "{\"count\":%u}", h->count), err);
}

int account_help_paper(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct account_paper_body *b = req->fields;
	struct help h = {.req = req, .codes = BUF_INIT(4096), .count = b->count > 0 ? (unsigned)b->count : PAPER_CODES};
	int r = api_param_uuid(req, "id", &h.id, err);
	if (r >= 0)
		r = db_write(req->service->db, print_codes, &h, err);
	if (r >= 0) {
		struct json_writer w = api_reply(res, 200);
		json_object(&w);
		json_member_str(&w, "login", h.account.login);
		json_member_str(&w, "display_name", h.account.display_name);
		api_member_time(&w, "printed_at", api_now(req));
		api_member_time(&w, "expires_at", api_now(req) + ACCOUNT_PAPER_LIFE);
		json_name(&w, "codes");
		json_raw(&w, buf_str(&h.codes));
		json_object_end(&w);
	}
	buf_done_secret(&h.codes);
	return r < 0 ? r : 0;
}

/* ---- a lost telephone ---- */

static int remove_factors(struct db_tx *tx, void *ctx, struct err *err)
{
	struct help *h = ctx;
	int r = get_person(tx, h, err);
	if (r >= 0)
		r = account_db_totp_remove(tx, &h->account.id, err);
	if (r >= 0)
		r = account_db_passkeys_remove(tx, &h->account.id, err);
	if (r >= 0)
		r = account_db_codes_remove(tx, &h->account.id, "recovery", err);
	if (r >= 0)
		r = account_db_codes_remove(tx, &h->account.id, "paper", err);
	if (r >= 0)
		r = end_all(tx, h, err);
	return r < 0 ? r : tell(tx, h, "account.factors_removed", STR("{}"), err);
}

int account_help_remove_factors(struct api_request *req, struct http_response *res, struct err *err)
{
	struct help h = {.req = req};
	int r = api_param_uuid(req, "id", &h.id, err);
	if (r >= 0)
		r = db_write(req->service->db, remove_factors, &h, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}

/* ---- sessions of another ---- */

static int look(struct db_tx *tx, void *ctx, struct err *err)
{
	return get_person(tx, ctx, err);
}

int account_help_sessions(struct api_request *req, struct http_response *res, struct err *err)
{
	struct help h = {.req = req};
	int r = api_param_uuid(req, "id", &h.id, err);
	if (r >= 0)
		r = db_read(req->service->db, look, &h, err);
	return r < 0 ? r : account_db_list_sessions(req, res, &h.id, NULL, err);
}

static int end_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct help *h = ctx;
	int r = get_person(tx, h, err);
	if (r >= 0)
		r = account_db_session_end(tx, &h->account.id, &h->session, err);
	if (r == 0)
		return err_set(err, -ENOENT, "api.not_found");
	return r < 0 ? r : tell(tx, h, "account.session_ended", STR("{}"), err);
}

int account_help_end_session(struct api_request *req, struct http_response *res, struct err *err)
{
	struct help h = {.req = req};
	int r = api_param_uuid(req, "id", &h.id, err);
	if (r >= 0)
		r = api_param_uuid(req, "session", &h.session, err);
	if (r >= 0)
		r = db_write(req->service->db, end_one, &h, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}

static int end_every(struct db_tx *tx, void *ctx, struct err *err)
{
	struct help *h = ctx;
	int r = get_person(tx, h, err);
	if (r >= 0)
		r = end_all(tx, h, err);
	return r < 0 ? r : tell(tx, h, "account.sessions_ended", STR("{}"), err);
}

int account_help_end_sessions(struct api_request *req, struct http_response *res, struct err *err)
{
	struct help h = {.req = req};
	int r = api_param_uuid(req, "id", &h.id, err);
	if (r >= 0)
		r = db_write(req->service->db, end_every, &h, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}

/* ---- telephone and e-mail in full: each look is written down (sensitive_read) ---- */

static int read_contact(struct db_tx *tx, void *ctx, struct err *err)
{
	struct help *h = ctx;
	return account_get_person(tx, h->req, &h->id, &h->account, err);
}

int account_help_contact(struct api_request *req, struct http_response *res, struct err *err)
{
	struct help h = {.req = req};
	int r = api_param_uuid(req, "id", &h.id, err);
	if (r >= 0)
		r = db_read(req->service->db, read_contact, &h, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_str(&w, "email", h.account.email);
	json_member_str(&w, "phone", h.account.phone);
	json_object_end(&w);
	return 0;
}
