/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/status/status_internal.h"

#define LATER(column) column " = CASE WHEN excluded." column " > status_canary." column " THEN excluded." column " ELSE status_canary." column " END"

int status_db_raise(struct db_tx *tx, const struct status_unit *u, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO status_canary (unit_id, handed_at, stored_at, scanned_at) VALUES ($1, $2, $3, $4)"
	                " ON CONFLICT (unit_id) DO UPDATE SET " LATER("handed_at") ", " LATER("stored_at") ", " LATER("scanned_at"),
	                DB_UUID(&u->unit_id), DB_INT(u->handed_at), DB_INT(u->stored_at), DB_INT(u->scanned_at));
	return r < 0 ? r : 0;
}

int status_db_each(struct db_tx *tx, status_db_fn fn, void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT unit_id, handed_at, stored_at, scanned_at FROM status_canary");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		const struct status_unit u = {db_uuid(rows, 0), db_int(rows, 1), db_int(rows, 2), db_int(rows, 3)};
		fn(ctx, &u);
	}
	return r;
}

int status_db_names(struct db_tx *tx, const struct access *access, usec_t now, status_db_name_fn fn, void *ctx,
                    struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT u.id, u.name FROM unit u WHERE" ACCESS_UNIT_SCOPE("u.id", "$1", "$2", "$3") "ORDER BY u.sort_key, u.id",
	                 DB_UUID(&access->account_id), DB_CSTR("endpoint.read"), DB_INT(now));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		fn(ctx, &id, db_text(rows, 1));
	}
	return r;
}
