/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Second factors and tickets. Secrets are here sealed or as digests only. */
#include "service/account/account_factor.h"

#define DIGEST(d) DB_BLOB(str_n((d), SHA256_SIZE))

int account_db_factors(struct db_tx *tx, const struct uuid *account_id, usec_t now, struct account_factors *ret,
                       struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT (SELECT count(*) FROM account_totp WHERE account_id = $1 AND confirmed_at > 0),"
	                 " (SELECT count(*) FROM account_code WHERE account_id = $1 AND kind = 'recovery' AND used_at = 0),"
	                 " (SELECT count(*) FROM account_code WHERE account_id = $1 AND kind = 'paper' AND used_at = 0 AND expires_at > $2),"
	                 " (SELECT count(*) FROM account_passkey WHERE account_id = $1)", DB_UUID(account_id), DB_INT(now));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = (struct account_factors){db_int(rows, 0) > 0, db_int(rows, 1), db_int(rows, 2), db_int(rows, 3)};
	return r < 0 ? r : 0;
}

int account_db_factor_demanded(struct db_tx *tx, const struct uuid *account_id, usec_t now, bool *ret, struct err *err)
{
	int64_t found = 0;
	int r = db_query_int(tx, &found, err,
	                     "SELECT count(*) FROM account a JOIN account_grant g ON g.account_id = a.id JOIN role r ON r.role = g.role"
	                     " WHERE a.id = $1 AND a.sample = 0 AND r.second_factor <> 0"
	                     " AND (g.expires_at IS NULL OR g.expires_at > $2)", DB_UUID(account_id), DB_INT(now));
	*ret = found > 0;
	return r;
}

int account_db_totp_put(struct db_tx *tx, const struct uuid *account_id, struct str sealed, usec_t now, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO account_totp (account_id, sealed, last_step, created_at, confirmed_at)"
	               " VALUES ($1, $2, 0, $3, 0) ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed,"
	               " last_step = 0, created_at = excluded.created_at WHERE account_totp.confirmed_at = 0",
	               DB_UUID(account_id), DB_BLOB(sealed), DB_INT(now));
}

int account_db_totp_get(struct db_tx *tx, struct arena *arena, const struct uuid *account_id, struct str *ret_sealed,
                        int64_t *ret_last_step, usec_t *ret_confirmed_at, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT sealed, last_step, confirmed_at FROM account_totp WHERE account_id = $1",
	                 DB_UUID(account_id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0) {
		*ret_sealed = arena_str(arena, db_text(rows, 0));
		*ret_last_step = db_int(rows, 1);
		*ret_confirmed_at = db_int(rows, 2);
	}
	return r;
}

int account_db_totp_step(struct db_tx *tx, const struct uuid *account_id, int64_t step, usec_t now, struct err *err)
{
	return db_exec(tx, err,
	               "UPDATE account_totp SET last_step = $1, confirmed_at = CASE WHEN confirmed_at > 0 THEN confirmed_at"
	               " ELSE $2 END WHERE account_id = $3 AND last_step < $1", DB_INT(step), DB_INT(now), DB_UUID(account_id));
}

int account_db_totp_remove(struct db_tx *tx, const struct uuid *account_id, struct err *err)
{
	return db_exec(tx, err, "DELETE FROM account_totp WHERE account_id = $1", DB_UUID(account_id));
}

int account_db_code_add(struct db_tx *tx, const struct uuid *account_id, const char *kind,
                        const unsigned char digest[SHA256_SIZE], usec_t now, usec_t expires_at, struct err *err)
{
	struct uuid id = uuid_new();
	return db_exec(tx, err,
	               "INSERT INTO account_code (id, account_id, kind, digest, created_at, expires_at, used_at)"
	               " VALUES ($1, $2, $3, $4, $5, $6, 0)", DB_UUID(&id), DB_UUID(account_id), DB_CSTR(kind), DIGEST(digest),
	               DB_INT(now), DB_INT(expires_at));
}

int account_db_code_use(struct db_tx *tx, const struct uuid *account_id, const unsigned char digest[SHA256_SIZE], usec_t now,
                        struct err *err)
{
	return db_exec(tx, err,
	               "UPDATE account_code SET used_at = $1 WHERE account_id = $2 AND digest = $3 AND used_at = 0"
	               " AND expires_at > $1", DB_INT(now), DB_UUID(account_id), DIGEST(digest));
}

int account_db_codes_remove(struct db_tx *tx, const struct uuid *account_id, const char *kind, struct err *err)
{
	return db_exec(tx, err, "DELETE FROM account_code WHERE account_id = $1 AND kind = $2", DB_UUID(account_id),
	               DB_CSTR(kind));
}

int account_db_passkey_add(struct db_tx *tx, const struct account_passkey *p, usec_t now, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO account_passkey (id, account_id, credential_id, public_key, rp_id, name, sign_count,"
	                " created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0) ON CONFLICT (credential_id) DO NOTHING",
	                DB_UUID(&p->id), DB_UUID(&p->account_id),
	                DB_BLOB(str_n(p->key.credential_id, p->key.credential_id_size)),
	                DB_BLOB(str_n(p->key.public_key, FACTOR_KEY_SIZE)), DB_TEXT(p->rp_id), DB_TEXT(p->name),
	                DB_INT(p->key.sign_count), DB_INT(now));
	return r == 0 ? err_set(err, -EEXIST, "account.passkey_known") : r;
}

int account_db_passkey_find(struct db_tx *tx, struct arena *arena, struct str credential_id, struct account_passkey *ret,
                            struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id, account_id, credential_id, public_key, rp_id, name, sign_count FROM account_passkey"
	                 " WHERE credential_id = $1", DB_BLOB(credential_id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r;
	struct str id = db_text(rows, 2), key = db_text(rows, 3);
	if (id.n > FACTOR_CREDENTIAL_ID_MAX || key.n != FACTOR_KEY_SIZE)
		return 0;
	*ret = (struct account_passkey){.id = db_uuid(rows, 0), .account_id = db_uuid(rows, 1),
	                                .rp_id = arena_str(arena, db_text(rows, 4)), .name = arena_str(arena, db_text(rows, 5)),
	                                .key = {.credential_id_size = id.n, .sign_count = (uint32_t)db_int(rows, 6)}};
	(void)memcpy(ret->key.credential_id, id.p, id.n);
	(void)memcpy(ret->key.public_key, key.p, FACTOR_KEY_SIZE);
	return 1;
}

int account_db_passkey_used(struct db_tx *tx, const struct uuid *id, uint32_t from, uint32_t count, usec_t now,
                            struct err *err)
{
	return db_exec(tx, err, "UPDATE account_passkey SET sign_count = $1, used_at = $2 WHERE id = $3 AND sign_count = $4",
	               DB_INT(count), DB_INT(now), DB_UUID(id), DB_INT(from));
}

int account_db_passkey_remove(struct db_tx *tx, const struct uuid *account_id, const struct uuid *id, struct err *err)
{
	return db_exec(tx, err, "DELETE FROM account_passkey WHERE account_id = $1 AND id = $2", DB_UUID(account_id),
	               DB_UUID(id));
}

int account_db_passkeys_remove(struct db_tx *tx, const struct uuid *account_id, struct err *err)
{
	return db_exec(tx, err, "DELETE FROM account_passkey WHERE account_id = $1", DB_UUID(account_id));
}

int account_db_passkey_list(struct db_tx *tx, const struct uuid *account_id, struct db_rows **ret, struct err *err)
{
	return db_query(tx, ret, err,
	                "SELECT id, name, rp_id, created_at, used_at FROM account_passkey WHERE account_id = $1 ORDER BY created_at, id",
	                DB_UUID(account_id));
}

int account_db_write_credentials(struct db_tx *tx, struct json_writer *w, const struct uuid *account_id, const char *rp_id,
                                 struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT credential_id FROM account_passkey WHERE account_id = $1 AND rp_id = $2 ORDER BY id",
	                 DB_UUID(account_id), DB_CSTR(rp_id));
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct str id = db_text(rows, 0);
		cleanup_buf struct buf text = BUF_INIT(2 * FACTOR_CREDENTIAL_ID_MAX);
		buf_append_base64url(&text, id.p, id.n);
		json_str(w, buf_str(&text));
	}
	json_array_end(w);
	return r;
}

int account_db_ticket_add(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], const char *purpose,
                          const struct account_ticket *t, usec_t expires_at, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO account_ticket (digest, purpose, account_id, challenge, tries, expires_at)"
	               " VALUES ($1, $2, $3, $4, 0, $5)", DIGEST(digest), DB_CSTR(purpose), DB_UUID_OR_NULL(&t->account_id),
	               DB_BLOB(str_n(t->challenge, FACTOR_CHALLENGE_SIZE)), DB_INT(expires_at));
}

int account_db_ticket_try(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], const char *purpose, usec_t now,
                          struct account_ticket *ret, struct err *err)
{
	int r = db_exec(tx, err,
	                "UPDATE account_ticket SET tries = tries + 1 WHERE digest = $1 AND purpose = $2 AND tries < $3"
	                " AND expires_at > $4", DIGEST(digest), DB_CSTR(purpose), DB_INT(ACCOUNT_TICKET_TRIES), DB_INT(now));
	if (r <= 0)
		return r < 0 ? r : err_set(err, -EPERM, "account.ticket");
	cleanup_rows struct db_rows *rows = NULL;
	r = db_query(tx, &rows, err, "SELECT account_id, challenge FROM account_ticket WHERE digest = $1", DIGEST(digest));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -EPERM, "account.ticket");
	struct str challenge = db_text(rows, 1);
	ret->account_id = db_uuid(rows, 0);
	if (challenge.n == FACTOR_CHALLENGE_SIZE)
		(void)memcpy(ret->challenge, challenge.p, FACTOR_CHALLENGE_SIZE);
	return 0;
}

int account_db_ticket_remove(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], struct err *err)
{
	return db_exec(tx, err, "DELETE FROM account_ticket WHERE digest = $1", DIGEST(digest));
}
