/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Enrolment tokens and certificates. */
#include "service/endpoint/endpoint_internal.h"

int endpoint_db_token_insert(struct db_tx *tx, const struct endpoint_token *token,
                             const unsigned char hash[SHA256_SIZE], struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO enrolment_token (id, hash, unit_id, created_by, created_by_name, created_at,"
	                " expires_at, uses, used) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)",
	                DB_UUID(&token->id), DB_BLOB(str_n(hash, SHA256_SIZE)), DB_UUID(&token->unit_id),
	                DB_UUID(&token->created_by), DB_TEXT(token->created_by_name), DB_INT(token->created_at),
	                DB_INT(token->expires_at), DB_INT(token->uses));
	return r < 0 ? r : 0;
}

int endpoint_db_token_check(struct db_tx *tx, const unsigned char hash[SHA256_SIZE], usec_t now, struct uuid *ret_id,
                            struct uuid *ret_unit, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id, unit_id, expires_at, uses - used, revoked_at FROM enrolment_token WHERE hash = $1",
	                 DB_BLOB(str_n(hash, SHA256_SIZE)));
	if (r >= 0)
		r = db_next(rows, err);
	if (r < 0)
		return r;
	/* A revoked token is as good as none: who holds it learns no more. */
	if (r == 0 || !db_is_null(rows, 4))
		return err_set(err, -EACCES, "endpoint.token_unknown");
	if (db_int(rows, 3) <= 0)
		return err_set(err, -EEXIST, "endpoint.token_used");
	if (db_int(rows, 2) <= now)
		return err_set(err, -EACCES, "endpoint.token_expired");
	*ret_id = db_uuid(rows, 0);
	*ret_unit = db_uuid(rows, 1);
	return 0;
}

int endpoint_db_token_take(struct db_tx *tx, const unsigned char hash[SHA256_SIZE], usec_t now, struct err *err)
{
	int r = db_exec(tx, err,
	                "UPDATE enrolment_token SET used = used + 1"
	                " WHERE hash = $1 AND used < uses AND expires_at > $2 AND revoked_at IS NULL",
	                DB_BLOB(str_n(hash, SHA256_SIZE)), DB_INT(now));
	if (r < 0)
		return r;
	return r == 1 ? 0 : err_set(err, -EEXIST, "endpoint.token_used");
}

int endpoint_db_token_unit(struct db_tx *tx, const struct uuid *id, struct uuid *ret_unit, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT unit_id FROM enrolment_token WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r == 0)
		return err_set(err, -ENOENT, "endpoint.no_such_token");
	if (r > 0)
		*ret_unit = db_uuid(rows, 0);
	return r < 0 ? r : 0;
}

int endpoint_db_token_revoke(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err)
{
	int r = db_exec(tx, err, "UPDATE enrolment_token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
	                DB_UUID(id), DB_INT(now));
	if (r < 0)
		return r;
	return r == 1 ? 0 : err_set(err, -ENOENT, "endpoint.no_such_token");
}

int endpoint_db_certificate_insert(struct db_tx *tx, const struct uuid *endpoint_id,
                                   const struct crypto_cert_info *info, usec_t now, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO endpoint_certificate (fingerprint, endpoint_id, serial, not_before, not_after, issued_at)"
	                " VALUES ($1, $2, $3, $4, $5, $6)",
	                DB_CSTR(info->sha256_hex), DB_UUID(endpoint_id), DB_CSTR(info->serial_hex), DB_INT(info->not_before),
	                DB_INT(info->not_after), DB_INT(now));
	return r < 0 ? r : 0;
}

int endpoint_authenticate(struct db_tx *tx, struct str certificate_der, usec_t now, struct endpoint_identity *ret,
                          struct err *err)
{
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	sha256(certificate_der, digest);
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT e.id, e.unit_id, e.hostname, e.retired_at FROM endpoint_certificate c"
	                 " JOIN endpoint e ON e.id = c.endpoint_id WHERE c.fingerprint = $1 AND c.not_after > $2",
	                 DB_CSTR(sha256_hex(digest, hex)), DB_INT(now));
	if (r >= 0)
		r = db_next(rows, err);
	if (r < 0)
		return r;
	if (certificate_der.n == 0 || r == 0)
		return err_set(err, -EPERM, "endpoint.certificate_unknown");
	if (!db_is_null(rows, 3))
		return err_set(err, -EPERM, "endpoint.retired");
	ret->id = db_uuid(rows, 0);
	ret->unit_id = db_uuid(rows, 1);
	str_copy_c(db_text(rows, 2), ret->hostname, sizeof ret->hostname);
	ret->retired = false;
	return 0;
}

struct snapshot_call {
	endpoint_snapshot_fn fn;
	void *ctx;
	usec_t now;
};

static int read_snapshot(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct snapshot_call *call = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT c.fingerprint, e.id, e.unit_id, e.hostname, c.not_after FROM endpoint_certificate c"
	                 " JOIN endpoint e ON e.id = c.endpoint_id WHERE e.retired_at IS NULL AND c.not_after > $1"
	                 " ORDER BY c.fingerprint",
	                 DB_INT(call->now));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct endpoint_snapshot_row row = {
			.endpoint_id = db_uuid(rows, 1), .unit_id = db_uuid(rows, 2), .not_after = db_int(rows, 4)};
		str_copy_c(db_text(rows, 0), row.fingerprint, sizeof row.fingerprint);
		str_copy_c(db_text(rows, 3), row.hostname, sizeof row.hostname);
		r = call->fn(&row, call->ctx, err);
	}
	return r < 0 ? r : 0;
}

int endpoint_snapshot(const struct service_context *sc, endpoint_snapshot_fn fn, void *ctx, struct err *err)
{
	struct snapshot_call call = {.fn = fn, .ctx = ctx, .now = sc->now()};
	return db_read(sc->db, read_snapshot, &call, err);
}
