/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The first set-up: once, with the code that the server printed. */
#include "service/account/account_session_http.h"

#include "base/text/text.h"
#include "service/outbox/outbox.h"
#include "service/unit/unit.h"

static void code_digest(struct str code, unsigned char digest[SHA256_SIZE])
{
	char plain[ACCOUNT_SETUP_CODE_SIZE];
	sha256(account_plain_code(code, plain), digest);
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
static int make_root(struct account_signing *s, struct db_tx *tx, const struct access *by, struct uuid *ret, struct err *err)
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
	struct account_signing *s = ctx;
	const struct account_setup_body *b = s->req->fields;
	const struct access by = {.kind = ACCESS_SYSTEM, .name = STR("setup"), .peer = s->req->http->peer};
	struct uuid root = {0}, account = {0}, grant;
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
		r = account_attempt_end(tx, &s->attempt, err);
	if (r >= 0)
		r = account_session_start(s->req->service, tx, s->req->http, &account, "", s->cookie, err);
	if (r >= 0)
		r = account_db_get(tx, s->req->arena, &account, STR_EMPTY, &s->account, err);
	return r;
}

static int check_code(struct db_tx *tx, void *ctx, struct err *err)
{
	struct account_signing *s = ctx;
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
	struct account_signing s = {.req = req};
	int r = account_attempt_begin(req, STR_EMPTY, &s.attempt, err);
	if (r >= 0)
		r = db_read(req->service->db, check_code, &s, err);
	if (r >= 0)
		r = db_write(req->service->db, set_up, &s, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	s.access = account_access_of(req, &s.account);
	return account_answer_signed_in(&s, res, 201, err);
}
