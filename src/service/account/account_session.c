/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Secrets that stand for an account: session cookies and tokens. Only digests are kept. */
#include <stdio.h>

#include "base/log/log.h"
#include "base/text/text.h"
#include "service/account/account_factor.h"

#define SECRET_SIZE 32
#define SECRET_TEXT_SIZE 64
#define TOKEN_SEEN_STEP (10 * USEC_PER_MINUTE)

const char account_cookie_gone[] = ACCOUNT_COOKIE "=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0";

void account_random_word(char *out, size_t groups)
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789x"; /* no i l o 0 1; 32 of them, x twice */
	unsigned char bytes[64];
	random_bytes(bytes, sizeof bytes);
	size_t n = 0;
	for (size_t i = 0; i < groups * 5 && i < sizeof bytes; i++) {
		if (i > 0 && i % 5 == 0)
			out[n++] = '-';
		out[n++] = letters[bytes[i] % 32];
	}
	out[n] = '\0';
	mem_wipe(bytes, sizeof bytes);
}

struct str account_plain_code(struct str code, char plain[ACCOUNT_SETUP_CODE_SIZE])
{
	struct buf out = buf_fixed(plain, ACCOUNT_SETUP_CODE_SIZE);
	for (size_t i = 0; i < code.n; i++) {
		char c = code.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			buf_append_char(&out, c);
	}
	return out.overflow ? STR_EMPTY : buf_str(&out);
}

/* A new secret's text and digest. */
static void make_secret(char text[SECRET_TEXT_SIZE], unsigned char digest[SHA256_SIZE])
{
	unsigned char bytes[SECRET_SIZE];
	random_bytes(bytes, sizeof bytes);
	struct buf out = BUF_FIXED(text, SECRET_TEXT_SIZE);
	buf_append_base64url(&out, bytes, sizeof bytes);
	sha256(buf_str(&out), digest);
	mem_wipe(bytes, sizeof bytes);
}

static void cookie_of(const char *secret, char out[ACCOUNT_COOKIE_SIZE])
{
	(void)snprintf(out, ACCOUNT_COOKIE_SIZE, "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict", ACCOUNT_COOKIE, secret);
}

int account_session_start(const struct service_context *sc, struct db_tx *tx, const struct http_request *http,
                          const struct uuid *account_id, const char *factor, char set_cookie[ACCOUNT_COOKIE_SIZE],
                          struct err *err)
{
	char secret[SECRET_TEXT_SIZE];
	unsigned char digest[SHA256_SIZE];
	struct account_session_row s = {.id = uuid_new(), .account_id = *account_id, .created_at = account_now(sc)};
	struct str agent = str_sub(http_header(http, "User-Agent"), 0, 200);
	make_secret(secret, digest);
	int r = account_db_session_add(tx, &s, digest, http->peer, text_is_utf8(agent) ? agent : STR(""), factor, err);
	if (r >= 0)
		r = account_db_signed_in(tx, account_id, s.created_at, err);
	if (r >= 0)
		cookie_of(secret, set_cookie);
	mem_wipe(secret, sizeof secret);
	return r < 0 ? r : 0;
}

int account_must_add_factor(const struct service_context *sc, struct db_tx *tx, const struct uuid *account_id, bool *ret,
                            struct err *err)
{
	struct account_factors f = {.totp = false};
	*ret = false;
	int r = sc->second_factor ? account_db_factor_demanded(tx, account_id, account_now(sc), ret, err) : 0;
	if (r >= 0 && *ret)
		r = account_db_factors(tx, account_id, account_now(sc), &f, err);
	*ret = *ret && !account_has_factor(&f);
	return r < 0 ? r : 0;
}

struct looking {
	const struct service_context *sc;
	struct arena *arena;
	const unsigned char *digest;
	struct account_identity *identity;
	struct account_session_row session;
	struct uuid token_id;
	usec_t token_used;
	bool found;
	unsigned char new_digest[SHA256_SIZE];
};

static bool lives(const struct account_session_row *s, usec_t now)
{
	return s->seen_at >= now - SESSION_IDLE && s->created_at >= now - SESSION_ABSOLUTE &&
	       (!s->by_previous || s->previous_until >= now);
}

/* Fills the identity of a found account; nobody when it is disabled. */
static int identify(struct db_tx *tx, struct looking *l, const struct uuid *account_id, enum access_kind kind,
                    struct err *err)
{
	struct account_row a;
	int r = account_db_get(tx, l->arena, account_id, STR_EMPTY, &a, err);
	if (r < 0 || a.disabled)
		return r == -ENOENT ? 0 : r;
	l->identity->access.kind = kind;
	l->identity->access.account_id = a.id;
	l->identity->access.unit_id = a.unit_id;
	l->identity->access.name = a.display_name;
	l->identity->must_change_password = a.must_change;
	l->found = true;
	return 0;
}

static int look_up_session(struct db_tx *tx, void *ctx, struct err *err)
{
	struct looking *l = ctx;
	l->found = false;
	int r = account_db_session_find(tx, l->digest, &l->session, err);
	if (r <= 0 || !lives(&l->session, account_now(l->sc)))
		return r;
	l->identity->session_id = l->session.id;
	r = identify(tx, l, &l->session.account_id, ACCESS_ACCOUNT, err);
	if (r >= 0 && l->found && !l->session.has_factor)
		r = account_must_add_factor(l->sc, tx, &l->session.account_id, &l->identity->must_add_factor, err);
	return r;
}

static int keep_alive(struct db_tx *tx, void *ctx, struct err *err)
{
	struct looking *l = ctx;
	return account_db_session_seen(tx, &l->session.id, account_now(l->sc), err);
}

static int rotate(struct db_tx *tx, void *ctx, struct err *err)
{
	struct looking *l = ctx;
	return account_db_session_rotate(tx, &l->session.id, l->digest, l->new_digest, account_now(l->sc), err);
}

/* Rotates the secret once an hour and notes that the session was used. A failure here ends nobody's session. */
static void refresh(struct looking *l)
{
	usec_t now = account_now(l->sc);
	struct err err = {.code = 0};
	int r = 0;
	/* Reading must not wait for a database that cannot be written just now: then with the next request. */
	if (!db_writer_idle(l->sc->db))
		return;
	if (!l->session.by_previous && now - l->session.rotated_at > SESSION_ROTATE) {
		char secret[SECRET_TEXT_SIZE];
		make_secret(secret, l->new_digest);
		r = db_write(l->sc->db, rotate, l, &err);
		if (r == 1)
			cookie_of(secret, l->identity->set_cookie);
		mem_wipe(secret, sizeof secret);
	} else if (now - l->session.seen_at > SESSION_SEEN_STEP) {
		r = db_write(l->sc->db, keep_alive, l, &err);
	}
	if (r < 0)
		log_err(LOG_LEVEL_WARN, "session not refreshed", &err);
}

int account_from_session(const struct service_context *sc, struct arena *arena, struct str cookie,
                         struct account_identity *ret, struct err *err)
{
	unsigned char digest[SHA256_SIZE];
	sha256(cookie, digest);
	struct looking l = {.sc = sc, .arena = arena, .digest = digest, .identity = ret};
	*ret = (struct account_identity){.access.kind = ACCESS_ANONYMOUS};
	int r = db_read(sc->db, look_up_session, &l, err);
	if (r >= 0 && l.found)
		refresh(&l);
	return r < 0 ? r : 0;
}

static int look_up_token(struct db_tx *tx, void *ctx, struct err *err)
{
	struct looking *l = ctx;
	struct uuid account;
	l->found = false;
	int r = account_db_token_find(tx, l->digest, account_now(l->sc), &l->token_id, &account, &l->token_used, err);
	return r <= 0 ? r : identify(tx, l, &account, ACCESS_TOKEN, err);
}

static int note_token_use(struct db_tx *tx, void *ctx, struct err *err)
{
	struct looking *l = ctx;
	return account_db_token_used(tx, &l->token_id, account_now(l->sc), err);
}

int account_from_token(const struct service_context *sc, struct arena *arena, struct str token,
                       struct account_identity *ret, struct err *err)
{
	unsigned char digest[SHA256_SIZE];
	sha256(token, digest);
	struct looking l = {.sc = sc, .arena = arena, .digest = digest, .identity = ret};
	*ret = (struct account_identity){.access.kind = ACCESS_ANONYMOUS};
	int r = db_read(sc->db, look_up_token, &l, err);
	if (r < 0)
		return r;
	if (!l.found)
		return err_set(err, -EPERM, "account.bad_token");
	struct err ignored = {.code = 0};
	if (account_now(sc) - l.token_used > TOKEN_SEEN_STEP && db_writer_idle(sc->db) && db_write(sc->db, note_token_use, &l, &ignored) < 0)
		log_err(LOG_LEVEL_WARN, "use of token not noted", &ignored);
	return 0;
}

int account_access(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct access *ret, bool *ret_may_sign_in,
                   struct err *err)
{
	struct account_row a;
	int r = account_db_get(tx, arena, id, STR_EMPTY, &a, err);
	if (r < 0)
		return r;
	*ret = (struct access){.kind = ACCESS_ACCOUNT, .account_id = a.id, .unit_id = a.unit_id, .name = a.display_name};
	*ret_may_sign_in = !a.disabled && str_eq(a.kind, STR("person"));
	return 0;
}

struct living {
	const struct service_context *sc;
	const struct uuid *id;
	bool lives;
};

static int look_at(struct db_tx *tx, void *ctx, struct err *err)
{
	struct living *l = ctx;
	struct account_session_row s;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct account_row a;
	l->lives = false;
	int r = account_db_session_by_id(tx, l->id, &s, err);
	if (r <= 0 || s.created_at < account_now(l->sc) - SESSION_ABSOLUTE)
		return r;
	r = account_db_get(tx, arena, &s.account_id, STR_EMPTY, &a, err);
	l->lives = r >= 0 && !a.disabled;
	return r == -ENOENT ? 0 : r;
}

int account_session_lives(const struct service_context *sc, const struct uuid *session_id, bool *ret, struct err *err)
{
	struct living l = {sc, session_id, false};
	int r = db_read(sc->db, look_at, &l, err);
	*ret = l.lives;
	return r < 0 ? r : 0;
}
