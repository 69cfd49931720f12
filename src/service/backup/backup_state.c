/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the copied state says of itself: counts, audit head, schema. */
#include "service/audit/audit.h"
#include "service/backup/backup_internal.h"
#include "service/backup/backup_schema.gen.h"

static int read_counts(struct db_tx *tx, void *ctx, struct err *err)
{
	struct backup_about *about = ctx;
	return backup_db_counts(tx, about->counts, err);
}

int backup_state_read(const char *url, struct backup_about *about, struct err *err)
{
	cleanup(db) struct db *db = NULL;
	struct audit_verdict verdict;
	int r = db_open_read(url, &db, err);
	if (r >= 0)
		r = db_read(db, read_counts, about, err);
	if (r < 0)
		return r;
	const struct service_context sc = {.db = db};
	r = audit_verify(&sc, &verdict, err);
	if (r < 0)
		return r;
	about->audit_ok = verdict.ok;
	about->audit_records = verdict.records;
	(void)sha256_hex(verdict.head, about->audit_head);
	return 0;
}

static int check_migration(void *ctx, struct str room, int64_t number, struct err *err)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(backup_schema); i++)
		if (str_eq_c(room, backup_schema[i].room) && number <= backup_schema[i].newest)
			return 0;
	return err_set(err, -ESTALE, "backup.schema_newer", ARG_STR("room", room), ARG_I64("number", number));
}

static int check_all(struct db_tx *tx, void *ctx, struct err *err)
{
	return backup_db_schema(tx, check_migration, ctx, err);
}

int backup_state_check_schema(const char *url, struct err *err)
{
	cleanup(db) struct db *db = NULL;
	int r = db_open_read(url, &db, err);
	return r < 0 ? r : db_read(db, check_all, NULL, err);
}
