/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules of second factors: secrets at rest, codes that count once, tickets. */
#include "service/account/account_factor.h"

#include "base/file/file.h"
#include "base/log/log.h"
#include "platform/crypto/crypto_seal.h"

#define KEY_FILE "account-key"
#define SEAL_CONTEXT STR("totp")

/* ---- the key under which secrets are sealed: a file of core, so that the database alone gives none away ---- */

static const char *key_path(const struct service_context *sc, struct arena *arena)
{
	return arena_printf(arena, "%s/" KEY_FILE, sc->data_dir).p;
}

static int read_key(const struct service_context *sc, unsigned char key[CRYPTO_SEAL_KEY_SIZE], struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf_secret struct buf bytes = BUF_INIT(CRYPTO_SEAL_KEY_SIZE + 1);
	const char *path = key_path(sc, arena);
	struct err why = {.code = 0};
	if (file_read(path, CRYPTO_SEAL_KEY_SIZE, &bytes, &why) < 0 || bytes.n != CRYPTO_SEAL_KEY_SIZE) {
		log_err(LOG_LEVEL_ERROR, "the key of stored secrets is not there", &why, ARG_CSTR("path", path));
		return err_set(err, -EAGAIN, "account.key_missing", ARG_CSTR("file", KEY_FILE));
	}
	(void)memcpy(key, bytes.p, CRYPTO_SEAL_KEY_SIZE);
	return 0;
}

int account_key_ensure(const struct service_context *sc, struct err *err)
{
	if (sc->data_dir == NULL)
		return 0;
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *path = key_path(sc, arena);
	if (file_exists(path))
		return 0;
	unsigned char key[CRYPTO_SEAL_KEY_SIZE];
	random_bytes(key, sizeof key);
	int r = file_make_dirs(sc->data_dir, 0700, err);
	if (r >= 0)
		r = file_write(path, str_n(key, sizeof key), 0600, err);
	mem_wipe(key, sizeof key);
	return r < 0 ? r : 0;
}

/* The account stands in front of its secret: one cannot be put in another's place. */
static int seal(const struct service_context *sc, const struct uuid *account_id, const unsigned char *secret,
                struct buf *out, struct err *err)
{
	unsigned char key[CRYPTO_SEAL_KEY_SIZE], plain[sizeof account_id->b + FACTOR_TOTP_SECRET_SIZE];
	(void)memcpy(plain, account_id->b, sizeof account_id->b);
	(void)memcpy(plain + sizeof account_id->b, secret, FACTOR_TOTP_SECRET_SIZE);
	int r = read_key(sc, key, err);
	if (r >= 0)
		r = crypto_seal_bytes(key, SEAL_CONTEXT, str_n(plain, sizeof plain), out, err);
	mem_wipe(key, sizeof key);
	mem_wipe(plain, sizeof plain);
	return r;
}

static int unseal(const struct service_context *sc, const struct uuid *account_id, struct str sealed,
                  unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct err *err)
{
	unsigned char key[CRYPTO_SEAL_KEY_SIZE];
	cleanup_buf_secret struct buf plain = BUF_INIT(1024);
	int r = read_key(sc, key, err);
	if (r < 0)
		return r;
	r = crypto_unseal_bytes(key, SEAL_CONTEXT, sealed, &plain, err);
	mem_wipe(key, sizeof key);
	if (r < 0 || plain.n != sizeof account_id->b + FACTOR_TOTP_SECRET_SIZE ||
	    memcmp(plain.p, account_id->b, sizeof account_id->b) != 0)
		return err_set(err, -EAGAIN, "account.key_missing", ARG_CSTR("file", KEY_FILE));
	(void)memcpy(secret, plain.p + sizeof account_id->b, FACTOR_TOTP_SECRET_SIZE);
	return 0;
}

/* ---- time-based codes ---- */

struct beginning {
	const struct service_context *sc;
	const struct uuid *account_id;
	struct str sealed;
};

static int put_secret(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct beginning *b = ctx;
	int r = account_db_totp_put(tx, b->account_id, b->sealed, account_now(b->sc), err);
	return r == 0 ? err_set(err, -EEXIST, "account.totp_there") : r;
}

int account_totp_begin(const struct service_context *sc, const struct uuid *account_id,
                       unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct err *err)
{
	cleanup_buf struct buf sealed = BUF_INIT(1024);
	random_bytes(secret, FACTOR_TOTP_SECRET_SIZE);
	int r = seal(sc, account_id, secret, &sealed, err);
	struct beginning b = {sc, account_id, buf_str(&sealed)};
	return r < 0 ? r : db_write(sc->db, put_secret, &b, err);
}

int account_totp_use(const struct service_context *sc, struct db_tx *tx, struct arena *arena, const struct uuid *account_id,
                     struct str code, bool confirming, struct err *err)
{
	struct str sealed;
	int64_t last = 0;
	usec_t confirmed = 0;
	unsigned char secret[FACTOR_TOTP_SECRET_SIZE];
	int r = account_db_totp_get(tx, arena, account_id, &sealed, &last, &confirmed, err);
	if (r <= 0 || (confirmed > 0) == confirming)
		return r < 0 ? r : 0;
	r = unseal(sc, account_id, sealed, secret, err);
	if (r < 0)
		return r;
	int64_t step = factor_totp_check(secret, code, account_now(sc), last);
	mem_wipe(secret, sizeof secret);
	return step < 0 ? 0 : account_db_totp_step(tx, account_id, step, account_now(sc), err);
}

/* ---- codes that count once ---- */

/* 12 letters: 60 random bits each, with the account in the digest, so that one table of digests serves for nobody. */
#define CODE_LETTERS 12

static void code_digest(const struct uuid *account_id, struct str plain, unsigned char digest[SHA256_SIZE])
{
	struct sha256 *h = sha256_new();
	sha256_update(h, str_n(account_id->b, sizeof account_id->b));
	sha256_update(h, plain);
	sha256_final(h, digest);
}

static void new_code(char plain[CODE_LETTERS + 1], char shown[ACCOUNT_CODE_SIZE])
{
	char word[32];
	size_t n = 0, at = 0;
	account_random_word(word, 3);
	for (size_t i = 0; word[i] != '\0' && n < CODE_LETTERS; i++) {
		if (word[i] == '-')
			continue;
		if (n > 0 && n % 4 == 0)
			shown[at++] = '-';
		shown[at++] = plain[n++] = word[i];
	}
	shown[at] = plain[n] = '\0';
	mem_wipe(word, sizeof word);
}

int account_make_codes(const struct service_context *sc, struct db_tx *tx, const struct uuid *account_id, const char *kind,
                       unsigned count, usec_t expires_at, struct buf *ret_json, struct err *err)
{
	struct json_writer w = json_writer_init(ret_json);
	int r = account_db_codes_remove(tx, account_id, kind, err);
	json_array(&w);
	for (unsigned i = 0; i < count && r >= 0; i++) {
		char plain[CODE_LETTERS + 1], shown[ACCOUNT_CODE_SIZE];
		unsigned char digest[SHA256_SIZE];
		new_code(plain, shown);
		code_digest(account_id, str_c(plain), digest);
		json_cstr(&w, shown);
		r = account_db_code_add(tx, account_id, kind, digest, account_now(sc), expires_at, err);
		mem_wipe(plain, sizeof plain);
		mem_wipe(shown, sizeof shown);
	}
	json_array_end(&w);
	return r < 0 ? r : 0;
}

int account_prove_code(const struct service_context *sc, struct db_tx *tx, struct arena *arena,
                       const struct uuid *account_id, struct str code, const char **ret_factor, struct err *err)
{
	char plain[ACCOUNT_SETUP_CODE_SIZE];
	struct str letters = account_plain_code(code, plain);
	int r = 0;
	if (letters.n == FACTOR_TOTP_DIGITS) {
		*ret_factor = "totp";
		r = account_totp_use(sc, tx, arena, account_id, letters, false, err);
	} else if (letters.n == CODE_LETTERS) {
		unsigned char digest[SHA256_SIZE];
		*ret_factor = "code";
		code_digest(account_id, letters, digest);
		r = account_db_code_use(tx, account_id, digest, account_now(sc), err);
	}
	mem_wipe(plain, sizeof plain);
	return r;
}

/* ---- tickets ---- */

static void ticket_digest(struct str text, unsigned char digest[SHA256_SIZE])
{
	sha256(text, digest);
}

int account_ticket_open(const struct service_context *sc, struct db_tx *tx, const char *purpose,
                        const struct uuid *account_id, struct account_ticket *ret, struct err *err)
{
	unsigned char bytes[32], digest[SHA256_SIZE];
	*ret = (struct account_ticket){.account_id = account_id != NULL ? *account_id : (struct uuid){.b = {0}}};
	random_bytes(bytes, sizeof bytes);
	random_bytes(ret->challenge, sizeof ret->challenge);
	struct buf text = BUF_FIXED(ret->text, sizeof ret->text);
	buf_append_base64url(&text, bytes, sizeof bytes);
	mem_wipe(bytes, sizeof bytes);
	ticket_digest(str_c(ret->text), digest);
	return account_db_ticket_add(tx, digest, purpose, ret, account_now(sc) + ACCOUNT_TICKET_LIFE, err);
}

struct trying {
	const struct service_context *sc;
	const char *purpose;
	unsigned char digest[SHA256_SIZE];
	struct account_ticket *ticket;
};

static int try_ticket(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct trying *t = ctx;
	return account_db_ticket_try(tx, t->digest, t->purpose, account_now(t->sc), t->ticket, err);
}

int account_ticket_try(const struct service_context *sc, const char *purpose, struct str text, struct account_ticket *ret,
                       struct err *err)
{
	struct trying t = {.sc = sc, .purpose = purpose, .ticket = ret};
	*ret = (struct account_ticket){.text = ""};
	ticket_digest(text, t.digest);
	return db_write(sc->db, try_ticket, &t, err);
}

int account_ticket_close(struct db_tx *tx, struct str text, struct err *err)
{
	unsigned char digest[SHA256_SIZE];
	ticket_digest(text, digest);
	int r = account_db_ticket_remove(tx, digest, err);
	return r == 0 ? err_set(err, -EPERM, "account.ticket") : r;
}

/* ---- passkeys ---- */

static bool is_address(struct str host)
{
	bool digits = host.n > 0;
	for (size_t i = 0; i < host.n; i++)
		digits = digits && ((host.p[i] >= '0' && host.p[i] <= '9') || host.p[i] == '.');
	return digits || host.n == 0 || host.p[0] == '['; /* [::1]:8443, of which the colons leave "[" */
}

int account_site(const struct api_request *req, struct account_site *ret, struct err *err)
{
	struct str host = http_header(req->http, "Host"), name = host;
	size_t colon = str_find_char(host, ':');
	bool known = false;
	if (colon != SIZE_MAX)
		name = str_sub(host, 0, colon);
	for (const char *const *p = req->service->public_names; p != NULL && *p != NULL; p++)
		known = known || str_eq_nocase(str_c(*p), name);
	if (!known || is_address(name) || host.n > 260)
		return err_set(err, -EINVAL, "account.passkey_host", ARG_STR("host", str_sub(host, 0, 260)));
	ret->rp_id = arena_cstr(req->arena, name);
	/* Browsers name the origin without the port where it is the usual one; then Host has none either. */
	ret->origin = arena_printf(req->arena, "https://%.*s", STR_FMT(host));
	return 0;
}

static int decode(struct arena *arena, struct str text, size_t most, struct str *ret, struct err *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(8192);
	if (text.n == 0 || text.n > most || !buf_append_base64_decoded(&bytes, text))
		return err_set(err, -EINVAL, "factor.client_data");
	*ret = arena_str(arena, buf_str(&bytes));
	return 0;
}

int account_decode_assertion(struct arena *arena, const struct account_proof *proof, struct account_assertion *ret,
                             struct err *err)
{
	int r = decode(arena, proof->credential_id, 1024, &ret->credential_id, err);
	if (r >= 0)
		r = decode(arena, proof->client_data, 6000, &ret->client_data, err);
	if (r >= 0)
		r = decode(arena, proof->authenticator_data, 6000, &ret->authenticator_data, err);
	return r < 0 ? r : decode(arena, proof->signature, 512, &ret->signature, err);
}

int account_prove_passkey(const struct api_request *req, struct db_tx *tx, const struct account_ticket *ticket,
                          const struct account_proof *proof, struct account_passkey *ret, struct err *err)
{
	struct account_assertion a;
	struct account_site site = {.rp_id = NULL};
	uint32_t count = 0;
	int r = account_site(req, &site, err);
	if (r >= 0)
		r = account_decode_assertion(req->arena, proof, &a, err);
	if (r >= 0)
		r = account_db_passkey_find(tx, req->arena, a.credential_id, ret, err);
	if (r <= 0)
		return r;
	bool theirs = uuid_is_null(&ticket->account_id) || uuid_eq(&ticket->account_id, &ret->account_id);
	if (!theirs || !str_eq_c(ret->rp_id, site.rp_id))
		return 0;
	const struct factor_ceremony c = {str_n(ticket->challenge, FACTOR_CHALLENGE_SIZE), site.origin, site.rp_id};
	struct err why = {.code = 0};
	r = factor_key_assert(&c, &ret->key, a.client_data, a.authenticator_data, a.signature, &count, &why);
	if (r < 0) {
		log_err(LOG_LEVEL_WARN, "a passkey was refused", &why);
		return 0;
	}
	return account_db_passkey_used(tx, &ret->id, ret->key.sign_count, count, api_now(req), err);
}
