/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One's own second factors: what there is, adding, removing. */
#include "service/account/account_session_http.h"

#include "base/text/text.h"

struct own {
	struct api_request *req;
	struct http_response *res;
	struct account_row account;
	struct account_session_row session;
	struct account_factors factors;
	struct account_ticket ticket;
	struct account_passkey key;
	struct account_attempt attempt;
	struct buf codes;
	bool found;
};

static int tell(struct db_tx *tx, const struct own *o, const char *action, const char *kind, struct err *err)
{
	return account_tell(o->req->service, tx, o->req->access, action, &o->account.id, &o->account.unit_id,
	                    arena_printf(o->req->arena, "{\"factor\":\"%s\"}", kind), err);
}

static int read_own(struct db_tx *tx, void *ctx, struct err *err)
{
	struct own *o = ctx;
	int r = account_db_get(tx, o->req->arena, &o->req->access->account_id, STR_EMPTY, &o->account, err);
	if (r >= 0)
		r = account_session_current(tx, o->req, &o->session, err);
	if (r >= 0)
		r = account_db_factors(tx, &o->account.id, api_now(o->req), &o->factors, err);
	return r;
}

static int begin(struct own *o, struct err *err)
{
	if (o->req->access->kind != ACCESS_ACCOUNT)
		return err_set(err, -EACCES, "account.people_only");
	return db_read(o->req->service->db, read_own, o, err);
}

static int good_password(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct own *o = ctx;
	return account_attempt_end(tx, &o->attempt, err);
}

/* Who finds a session open must not be able to make it their own: after a while the password is asked for again. */
static int begin_change(struct own *o, struct err *err)
{
	const struct account_factor_body *b = o->req->fields;
	int r = begin(o, err);
	if (r < 0 || api_now(o->req) - o->session.created_at <= ACCOUNT_FRESH)
		return r;
	if (b->password.n == 0)
		return err_set(err, -EACCES, "account.confirm_password");
	r = account_attempt_begin(o->req, o->account.login, &o->attempt, err);
	if (r >= 0 && !account_verify_password(&o->account, b->password))
		return err_set(err, -EINVAL, "account.old_password");
	return r < 0 ? r : db_write(o->req->service->db, good_password, o, err);
}

/* ---- what there is ---- */

static int write_keys(struct db_tx *tx, struct json_writer *w, const struct own *o, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = account_db_passkey_list(tx, &o->account.id, &rows, err);
	json_name(w, "passkeys");
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		json_object(w);
		api_member_uuid(w, "id", &id);
		json_member_str(w, "name", db_text(rows, 1));
		json_member_str(w, "site", db_text(rows, 2));
		api_member_time(w, "created_at", db_int(rows, 3));
		api_member_time(w, "used_at", db_int(rows, 4));
		json_object_end(w);
	}
	json_array_end(w);
	return r;
}

static int answer_factors(struct db_tx *tx, void *ctx, struct err *err)
{
	struct own *o = ctx;
	struct account_site site = {.rp_id = NULL};
	struct err ignored = {.code = 0};
	bool demanded = false;
	int r = read_own(tx, o, err);
	if (r >= 0 && o->req->service->second_factor)
		r = account_db_factor_demanded(tx, &o->account.id, api_now(o->req), &demanded, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(o->res, 200);
	json_object(&w);
	json_member_bool(&w, "totp", o->factors.totp);
	json_member_int(&w, "recovery_left", o->factors.recovery_left);
	json_member_int(&w, "paper_left", o->factors.paper_left);
	json_member_bool(&w, "demanded", demanded);
	json_member_bool(&w, "passkey_possible", account_site(o->req, &site, &ignored) >= 0);
	json_member_bool(&w, "fresh", api_now(o->req) - o->session.created_at <= ACCOUNT_FRESH);
	r = write_keys(tx, &w, o, err);
	json_object_end(&w);
	return r;
}

int account_get_factors(struct api_request *req, struct http_response *res, struct err *err)
{
	struct own o = {.req = req, .res = res};
	if (req->access->kind != ACCESS_ACCOUNT)
		return err_set(err, -EACCES, "account.people_only");
	return db_read(req->service->db, answer_factors, &o, err);
}

/* ---- time-based codes ---- */

static int write_secret(const struct own *o, const unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct err *err)
{
	cleanup_buf_secret struct buf text = BUF_INIT(100), uri = BUF_INIT(900), path = BUF_INIT((size_t)256 << 10);
	unsigned side = 0;
	factor_totp_secret_text(secret, &text);
	factor_totp_uri(secret, STR("Luy Tre"), o->account.login, &uri);
	int r = factor_qr_path(buf_str(&uri), &side, &path, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(o->res, 200);
	json_object(&w);
	json_member_str(&w, "secret", buf_str(&text));
	json_member_str(&w, "uri", buf_str(&uri));
	json_name(&w, "qr");
	json_object(&w);
	json_member_int(&w, "side", side);
	json_member_str(&w, "path", buf_str(&path));
	json_object_end(&w);
	json_object_end(&w);
	return 0;
}

int account_post_totp(struct api_request *req, struct http_response *res, struct err *err)
{
	struct own o = {.req = req, .res = res};
	unsigned char secret[FACTOR_TOTP_SECRET_SIZE];
	int r = begin_change(&o, err);
	if (r >= 0)
		r = account_totp_begin(req->service, &o.account.id, secret, err);
	if (r >= 0)
		r = write_secret(&o, secret, err);
	mem_wipe(secret, sizeof secret);
	return r;
}

static int answer_codes(struct own *o, struct http_response *res)
{
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_str(&w, "login", o->account.login);
	json_member_str(&w, "display_name", o->account.display_name);
	api_member_time(&w, "printed_at", api_now(o->req));
	json_name(&w, "codes");
	if (o->codes.n > 0)
		json_raw(&w, buf_str(&o->codes));
	else
		json_null(&w);
	json_object_end(&w);
	buf_done_secret(&o->codes);
	return 0;
}

#define FOREVER INT64_MAX

static int make_recovery(struct db_tx *tx, struct own *o, struct err *err)
{
	buf_clear(&o->codes);
	return account_make_codes(o->req->service, tx, &o->account.id, "recovery", ACCOUNT_RECOVERY_CODES, FOREVER, &o->codes, err);
}

static int confirm_totp(struct db_tx *tx, void *ctx, struct err *err)
{
	struct own *o = ctx;
	char plain[ACCOUNT_SETUP_CODE_SIZE];
	struct str code = account_plain_code(((const struct account_factor_body *)o->req->fields)->code, plain);
	int r = account_totp_use(o->req->service, tx, o->req->arena, &o->account.id, code, true, err);
	o->found = r > 0;
	if (r <= 0)
		return r;
	r = account_attempt_end(tx, &o->attempt, err);
	if (r >= 0)
		r = make_recovery(tx, o, err);
	return r < 0 ? r : tell(tx, o, "account.factor_added", "totp", err);
}

int account_post_totp_confirm(struct api_request *req, struct http_response *res, struct err *err)
{
	struct own o = {.req = req, .codes = BUF_INIT(4096)};
	char id[UUID_TEXT_SIZE];
	int r = begin(&o, err);
	if (r >= 0)
		r = account_attempt_begin(req, arena_printf(req->arena, "factor:%s", uuid_text(&o.account.id, id)), &o.attempt, err);
	if (r >= 0)
		r = db_write(req->service->db, confirm_totp, &o, err);
	if (r >= 0 && !o.found)
		r = err_set(err, -EINVAL, "account.totp_code");
	if (r < 0) {
		buf_done_secret(&o.codes);
		return r;
	}
	return answer_codes(&o, res);
}

static int renew_recovery(struct db_tx *tx, void *ctx, struct err *err)
{
	struct own *o = ctx;
	if (!o->factors.totp && o->factors.passkeys == 0)
		return err_set(err, -EBUSY, "account.no_factor");
	int r = make_recovery(tx, o, err);
	return r < 0 ? r : tell(tx, o, "account.factor_added", "recovery", err);
}

int account_post_recovery(struct api_request *req, struct http_response *res, struct err *err)
{
	struct own o = {.req = req, .codes = BUF_INIT(4096)};
	int r = begin_change(&o, err);
	if (r >= 0)
		r = db_write(req->service->db, renew_recovery, &o, err);
	if (r < 0) {
		buf_done_secret(&o.codes);
		return r;
	}
	return answer_codes(&o, res);
}

/* ---- passkeys ---- */

static int open_ticket(struct db_tx *tx, void *ctx, struct err *err)
{
	struct own *o = ctx;
	if (o->factors.passkeys >= ACCOUNT_PASSKEYS_MAX)
		return err_set(err, -EBUSY, "account.passkeys_most", ARG_I64("most", ACCOUNT_PASSKEYS_MAX));
	return account_ticket_open(o->req->service, tx, ACCOUNT_TICKET_ADD, &o->account.id, &o->ticket, err);
}

struct credentials {
	struct own *own;
	struct json_writer *w;
	const char *rp_id;
};

static int write_credentials(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct credentials *c = ctx;
	return account_db_write_credentials(tx, c->w, &c->own->account.id, c->rp_id, err);
}

static void member_base64(struct json_writer *w, const char *name, const void *bytes, size_t n)
{
	char text[128];
	struct buf out = BUF_FIXED(text, sizeof text);
	buf_append_base64url(&out, bytes, n);
	json_member_str(w, name, buf_str(&out));
}

int account_post_key_options(struct api_request *req, struct http_response *res, struct err *err)
{
	struct own o = {.req = req, .res = res};
	struct account_site site = {.rp_id = NULL};
	int r = begin_change(&o, err);
	if (r >= 0)
		r = account_site(req, &site, err);
	if (r >= 0)
		r = db_write(req->service->db, open_ticket, &o, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	struct credentials c = {&o, &w, site.rp_id};
	json_object(&w);
	json_member_cstr(&w, "ticket", o.ticket.text);
	member_base64(&w, "challenge", o.ticket.challenge, FACTOR_CHALLENGE_SIZE);
	json_member_cstr(&w, "rp_id", site.rp_id);
	member_base64(&w, "user_id", o.account.id.b, sizeof o.account.id.b);
	json_member_str(&w, "login", o.account.login);
	json_member_str(&w, "display_name", o.account.display_name);
	json_name(&w, "credentials");
	r = db_read(req->service->db, write_credentials, &c, err);
	json_object_end(&w);
	return r;
}

static int add_key(struct db_tx *tx, void *ctx, struct err *err)
{
	struct own *o = ctx;
	o->key.id = uuid_new();
	int r = account_ticket_close(tx, ((const struct account_factor_body *)o->req->fields)->ticket, err);
	if (r >= 0)
		r = account_db_passkey_add(tx, &o->key, api_now(o->req), err);
	/* A key that is lost must not lock its owner out: the first one brings recovery codes. */
	buf_clear(&o->codes);
	if (r >= 0 && o->factors.recovery_left == 0)
		r = make_recovery(tx, o, err);
	return r < 0 ? r : tell(tx, o, "account.factor_added", "passkey", err);
}

static int decode_key(struct own *o, const struct account_site *site, struct err *err)
{
	const struct account_factor_body *b = o->req->fields;
	cleanup_buf struct buf client = BUF_INIT(8192), data = BUF_INIT(8192);
	if (!buf_append_base64_decoded(&client, b->client_data) || !buf_append_base64_decoded(&data, b->authenticator_data))
		return err_set(err, -EINVAL, "factor.client_data");
	const struct factor_ceremony c = {str_n(o->ticket.challenge, FACTOR_CHALLENGE_SIZE), site->origin, site->rp_id};
	return factor_key_register(&c, buf_str(&client), buf_str(&data), &o->key.key, err);
}

int account_post_key(struct api_request *req, struct http_response *res, struct err *err)
{
	struct account_factor_body *b = req->fields;
	struct own o = {.req = req, .res = res, .codes = BUF_INIT(4096)};
	struct account_site site = {.rp_id = NULL};
	int r = begin(&o, err);
	if (r >= 0)
		r = account_site(req, &site, err);
	if (r >= 0)
		r = api_typed_text(req, &b->name, err);
	if (r >= 0 && b->name.n == 0)
		r = err_set(err, -EINVAL, "account.passkey_name");
	if (r >= 0)
		r = account_ticket_try(req->service, ACCOUNT_TICKET_ADD, b->ticket, &o.ticket, err);
	if (r >= 0 && !uuid_eq(&o.ticket.account_id, &o.account.id))
		r = err_set(err, -EPERM, "account.ticket");
	if (r >= 0)
		r = decode_key(&o, &site, err);
	o.key.account_id = o.account.id;
	o.key.rp_id = str_c(site.rp_id);
	o.key.name = b->name;
	if (r >= 0)
		r = db_write(req->service->db, add_key, &o, err);
	if (r < 0) {
		buf_done_secret(&o.codes);
		return r;
	}
	return answer_codes(&o, res);
}

/* ---- removing ---- */

static int remove_kind(struct db_tx *tx, const struct own *o, struct str kind, struct err *err)
{
	const struct account_factor_body *b = o->req->fields;
	if (str_eq(kind, STR("totp")))
		return account_db_totp_remove(tx, &o->account.id, err);
	if (str_eq(kind, STR("passkey")))
		return account_db_passkey_remove(tx, &o->account.id, &b->id, err);
	return err_set(err, -EINVAL, "account.factor_kind");
}

static int remove_factor(struct db_tx *tx, void *ctx, struct err *err)
{
	struct own *o = ctx;
	struct str kind = ((const struct account_factor_body *)o->req->fields)->kind;
	int r = remove_kind(tx, o, kind, err);
	if (r == 0)
		return err_set(err, -ENOENT, "api.not_found");
	if (r >= 0)
		r = account_db_factors(tx, &o->account.id, api_now(o->req), &o->factors, err);
	/* Codes for getting back in are of no use without what they stand in for, and would go on opening the door. */
	if (r >= 0 && !o->factors.totp && o->factors.passkeys == 0)
		r = account_db_codes_remove(tx, &o->account.id, "recovery", err);
	return r < 0 ? r : tell(tx, o, "account.factor_removed", arena_cstr(o->req->arena, kind), err);
}

int account_post_factor_remove(struct api_request *req, struct http_response *res, struct err *err)
{
	struct own o = {.req = req};
	int r = begin_change(&o, err);
	if (r >= 0)
		r = db_write(req->service->db, remove_factor, &o, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}
