/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Sessions, tokens, throttling, set-up. Secrets are here as digests only. */
#include "service/account/account_internal.h"

#define DIGEST(d) DB_BLOB(str_n((d), SHA256_SIZE))

int account_db_session_add(struct db_tx *tx, const struct account_session_row *s,
                           const unsigned char digest[SHA256_SIZE], struct str peer, struct str user_agent,
                           const char *factor, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO account_session (id, account_id, digest, previous_digest, previous_until, rotated_at,"
	               " created_at, seen_at, peer, user_agent, factor) VALUES ($1, $2, $3, NULL, 0, $4, $4, $4, $5, $6, $7)",
	               DB_UUID(&s->id), DB_UUID(&s->account_id), DIGEST(digest), DB_INT(s->created_at), DB_TEXT(peer),
	               DB_TEXT(user_agent), DB_CSTR(factor));
}

#define SESSION "SELECT id, account_id, previous_until, rotated_at, created_at, seen_at, factor FROM account_session WHERE "

static int session_of(struct db_rows *rows, struct account_session_row *ret, struct err *err)
{
	int r = db_next(rows, err);
	if (r > 0)
		*ret = (struct account_session_row){db_uuid(rows, 0), db_uuid(rows, 1), db_int(rows, 2),
		                                    db_int(rows, 3),  db_int(rows, 4),  db_int(rows, 5),
		                                    .has_factor = db_text(rows, 6).n > 0};
	return r;
}

int account_db_session_find(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], struct account_session_row *ret,
                            struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, SESSION "digest = $1", DIGEST(digest));
	if (r >= 0)
		r = session_of(rows, ret, err);
	if (r != 0)
		return r;
	cleanup_rows struct db_rows *older = NULL;
	r = db_query(tx, &older, err, SESSION "previous_digest = $1", DIGEST(digest));
	if (r >= 0)
		r = session_of(older, ret, err);
	if (r > 0)
		ret->by_previous = true;
	return r;
}

int account_db_session_by_id(struct db_tx *tx, const struct uuid *id, struct account_session_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, SESSION "id = $1", DB_UUID(id));
	return r < 0 ? r : session_of(rows, ret, err);
}

int account_db_session_seen(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err)
{
	return db_exec(tx, err, "UPDATE account_session SET seen_at = $1 WHERE id = $2", DB_INT(now), DB_UUID(id));
}

int account_db_session_rotate(struct db_tx *tx, const struct uuid *id, const unsigned char from[SHA256_SIZE],
                              const unsigned char to[SHA256_SIZE], usec_t now, struct err *err)
{
	return db_exec(tx, err,
	               "UPDATE account_session SET digest = $1, previous_digest = $2, previous_until = $3, rotated_at = $4,"
	               " seen_at = $4 WHERE id = $5 AND digest = $2",
	               DIGEST(to), DIGEST(from), DB_INT(now + SESSION_GRACE), DB_INT(now), DB_UUID(id));
}

int account_db_session_end(struct db_tx *tx, const struct uuid *account_id, const struct uuid *id, struct err *err)
{
	return db_exec(tx, err, "DELETE FROM account_session WHERE account_id = $1 AND id = $2", DB_UUID(account_id),
	               DB_UUID(id));
}

int account_db_sessions_end(struct db_tx *tx, const struct uuid *account_id, const struct uuid *but, struct err *err)
{
	return db_exec(tx, err, "DELETE FROM account_session WHERE account_id = $1 AND id <> $2", DB_UUID(account_id),
	               DB_UUID(but));
}

int account_db_signed_in(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err)
{
	return db_exec(tx, err, "UPDATE account SET last_login_at = $1 WHERE id = $2", DB_INT(now), DB_UUID(id));
}

int account_db_throttle_get(struct db_tx *tx, struct str key, int64_t *ret_failures, usec_t *ret_last, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT failures, last_at FROM account_throttle WHERE key = $1", DB_TEXT(key));
	if (r >= 0)
		r = db_next(rows, err);
	*ret_failures = r > 0 ? db_int(rows, 0) : 0;
	*ret_last = r > 0 ? db_int(rows, 1) : 0;
	return r;
}

int account_db_throttle_set(struct db_tx *tx, struct str key, int64_t failures, usec_t now, struct err *err)
{
	if (failures == 0)
		return db_exec(tx, err, "DELETE FROM account_throttle WHERE key = $1", DB_TEXT(key));
	return db_exec(tx, err,
	               "INSERT INTO account_throttle (key, failures, last_at) VALUES ($1, $2, $3)"
	               " ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at",
	               DB_TEXT(key), DB_INT(failures), DB_INT(now));
}

int account_db_token_add(struct db_tx *tx, const struct uuid *id, const struct uuid *account_id, struct str name,
                         const unsigned char digest[SHA256_SIZE], const struct access *by, usec_t now,
                         usec_t expires_at, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO account_token (id, account_id, name, digest, created_at, created_by, expires_at, used_at,"
	               " revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, NULL)",
	               DB_UUID(id), DB_UUID(account_id), DB_TEXT(name), DIGEST(digest), DB_INT(now),
	               DB_UUID_OR_NULL(&by->account_id), expires_at != 0 ? DB_INT(expires_at) : DB_NULL);
}

int account_db_token_find(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], usec_t now, struct uuid *ret_token,
                          struct uuid *ret_account, usec_t *ret_used, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id, account_id, used_at FROM account_token WHERE digest = $1 AND revoked_at IS NULL"
	                 " AND (expires_at IS NULL OR expires_at > $2)", DIGEST(digest), DB_INT(now));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0) {
		*ret_token = db_uuid(rows, 0);
		*ret_account = db_uuid(rows, 1);
		*ret_used = db_int(rows, 2);
	}
	return r;
}

int account_db_token_used(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err)
{
	return db_exec(tx, err, "UPDATE account_token SET used_at = $1 WHERE id = $2", DB_INT(now), DB_UUID(id));
}

int account_db_token_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct uuid *ret_unit,
                         struct str *ret_name, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT a.unit_id, t.name FROM account_token t JOIN account a ON a.id = t.account_id"
	                 " WHERE t.id = $1 AND t.revoked_at IS NULL", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	*ret_unit = db_uuid(rows, 0);
	*ret_name = arena_str(arena, db_text(rows, 1));
	return 0;
}

int account_db_token_revoke(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err)
{
	return db_exec(tx, err, "UPDATE account_token SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL", DB_INT(now),
	               DB_UUID(id));
}

int account_each_token(struct db_tx *tx, const char *permission, usec_t now,
                       void (*fn)(const struct account_token_info *t, void *ctx), void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT DISTINCT t.id, t.account_id, g.unit_id, t.digest, t.expires_at FROM account_token t"
	                 " JOIN account a ON a.id = t.account_id JOIN account_grant g ON g.account_id = a.id"
	                 " JOIN role_permission rp ON rp.role = g.role"
	                 " WHERE a.disabled = 0 AND t.revoked_at IS NULL AND rp.permission = $1"
	                 " AND (t.expires_at IS NULL OR t.expires_at > $2) AND (g.expires_at IS NULL OR g.expires_at > $2)"
	                 " ORDER BY t.id", DB_CSTR(permission), DB_INT(now));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct account_token_info t = {.token_id = db_uuid(rows, 0), .account_id = db_uuid(rows, 1),
		                               .unit_id = db_uuid(rows, 2), .expires_at = db_int(rows, 4)};
		struct str digest = db_text(rows, 3);
		if (digest.n != sizeof t.digest)
			continue;
		(void)memcpy(t.digest, digest.p, sizeof t.digest);
		fn(&t, ctx);
	}
	return r;
}

int account_db_setup_needed(struct db_tx *tx, bool *ret, struct err *err)
{
	int64_t done = 0;
	int r = db_query_int(tx, &done, err, "SELECT count(*) FROM account_setup_done");
	*ret = done == 0;
	return r;
}

int account_db_setup_code_add(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], usec_t now, struct err *err)
{
	/* Codes of starts long ago end; those of other processes that start now stay. */
	int r = db_exec(tx, err, "DELETE FROM account_setup_code WHERE created_at < $1", DB_INT(now - 7 * USEC_PER_DAY));
	if (r < 0)
		return r;
	return db_exec(tx, err, "INSERT INTO account_setup_code (digest, created_at) VALUES ($1, $2)", DIGEST(digest),
	               DB_INT(now));
}

int account_db_setup_code_known(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], bool *ret, struct err *err)
{
	int64_t found = 0;
	int r = db_query_int(tx, &found, err, "SELECT count(*) FROM account_setup_code WHERE digest = $1", DIGEST(digest));
	*ret = found > 0;
	return r;
}

int account_db_setup_close(struct db_tx *tx, usec_t now, struct err *err)
{
	int r = db_exec(tx, err, "INSERT INTO account_setup_done (id, at) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
	                DB_INT(now));
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -EEXIST, "account.setup_done");
	return db_exec(tx, err, "DELETE FROM account_setup_code");
}

int account_db_first_root(struct db_tx *tx, struct uuid *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT id FROM unit WHERE parent_id IS NULL ORDER BY path LIMIT 1");
	if (r >= 0)
		r = db_next(rows, err);
	*ret = r > 0 ? db_uuid(rows, 0) : (struct uuid){.b = {0}};
	return r;
}

int account_db_clean(struct db_tx *tx, usec_t now, struct err *err)
{
	int r = db_exec(tx, err, "DELETE FROM account_session WHERE seen_at < $1 OR created_at < $2",
	                DB_INT(now - SESSION_IDLE), DB_INT(now - SESSION_ABSOLUTE));
	if (r >= 0)
		r = db_exec(tx, err, "DELETE FROM account_ticket WHERE expires_at < $1", DB_INT(now));
	return r < 0 ? r : db_exec(tx, err, "DELETE FROM account_throttle WHERE last_at < $1", DB_INT(now - USEC_PER_DAY));
}

int account_session_factor(struct db_tx *tx, struct arena *arena, const struct http_request *http, struct str *ret, struct err *err)
{
	struct str cookie = http_cookie(http, ACCOUNT_COOKIE);
	unsigned char digest[SHA256_SIZE];
	*ret = STR("token");
	if (cookie.n == 0)
		return 0;
	sha256(cookie, digest);
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT factor FROM account_session WHERE digest = $1 OR previous_digest = $1", DIGEST(digest));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = db_text(rows, 0).n > 0 ? arena_str(arena, db_text(rows, 0)) : STR("password");
	return r < 0 ? r : 0;
}
