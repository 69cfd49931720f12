/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/backup/backup_internal.h"

int backup_db_counts(struct db_tx *tx, int64_t counts[BACKUP_COUNT__COUNT], struct err *err)
{
	static const char *const queries[] = {
#define COUNT(name, sql) sql,
#include "service/backup/backup_counts.def"
#undef COUNT
	};
	int r = 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(queries); i++)
		r = db_query_int(tx, &counts[i], err, queries[i]);
	return r < 0 ? r : 0;
}

int backup_db_schema(struct db_tx *tx, int (*each)(void *ctx, struct str room, int64_t number, struct err *err), void *ctx,
                     struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT room, number FROM schema_migration ORDER BY room, number");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		int e = each(ctx, db_text(rows, 0), db_int(rows, 1), err);
		if (e < 0)
			return e;
	}
	return r < 0 ? r : 0;
}
