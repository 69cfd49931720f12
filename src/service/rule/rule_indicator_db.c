/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/rule/rule_http.h"

#define COLUMNS "id, name, source, tlp, confidence, expires_at, enabled, count, types, sha256, created_at, created_by, changed_at, version"

static void take(const struct db_rows *rows, struct arena *arena, struct rule_list *ret)
{
	*ret = (struct rule_list){.id = db_uuid(rows, 0), .name = arena_str(arena, db_text(rows, 1)), .source = arena_str(arena, db_text(rows, 2)),
	                          .tlp = arena_str(arena, db_text(rows, 3)), .confidence = db_int(rows, 4), .expires_at = db_int(rows, 5),
	                          .enabled = db_int(rows, 6) != 0, .count = db_int(rows, 7), .types = arena_str(arena, db_text(rows, 8)),
	                          .sha256 = arena_str(arena, db_text(rows, 9)), .created_at = db_int(rows, 10),
	                          .by = arena_str(arena, db_text(rows, 11)), .changed_at = db_int(rows, 12), .version = db_int(rows, 13)};
}

int rule_db_list_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_list *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT " COLUMNS " FROM rule_indicator_list WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "rule.no_list");
	take(rows, arena, ret);
	return 0;
}

int rule_db_list_put(struct db_tx *tx, const struct rule_list *l, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO rule_indicator_list (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, $10, 1)"
	               " ON CONFLICT (name) DO UPDATE SET source = excluded.source, tlp = excluded.tlp, confidence = excluded.confidence,"
	               " expires_at = excluded.expires_at, count = excluded.count, types = excluded.types, sha256 = excluded.sha256,"
	               " changed_at = excluded.changed_at, version = rule_indicator_list.version + 1",
	               DB_UUID(&l->id), DB_TEXT(l->name), DB_TEXT(l->source), DB_TEXT(l->tlp), DB_INT(l->confidence),
	               l->expires_at > 0 ? DB_INT(l->expires_at) : DB_NULL, DB_INT(l->count), DB_TEXT(l->types), DB_TEXT(l->sha256),
	               DB_INT(l->created_at), DB_TEXT(l->by));
}

int rule_db_list_update(struct db_tx *tx, const struct rule_list *l, struct err *err)
{
	return db_exec(tx, err,
	               "UPDATE rule_indicator_list SET source = $2, tlp = $3, confidence = $4, expires_at = $5, enabled = $6, changed_at = $7,"
	               " version = version + 1 WHERE id = $1",
	               DB_UUID(&l->id), DB_TEXT(l->source), DB_TEXT(l->tlp), DB_INT(l->confidence), l->expires_at > 0 ? DB_INT(l->expires_at) : DB_NULL,
	               DB_INT(l->enabled), DB_INT(l->changed_at));
}

int rule_db_list_remove(struct db_tx *tx, const struct uuid *id, struct err *err)
{
	return db_exec(tx, err, "DELETE FROM rule_indicator_list WHERE id = $1", DB_UUID(id));
}

int rule_db_lists(struct db_tx *tx, struct arena *arena, struct rule_list **ret, size_t *ret_count, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int64_t count = 0;
	*ret_count = 0;
	int r = db_query_int(tx, &count, err, "SELECT count(*) FROM rule_indicator_list");
	if (r < 0)
		return r;
	*ret = arena_alloc(arena, ((size_t)count + 1) * sizeof **ret);
	r = db_query(tx, &rows, err, "SELECT " COLUMNS " FROM rule_indicator_list ORDER BY name");
	while (r >= 0 && *ret_count < (size_t)count && (r = db_next(rows, err)) > 0)
		take(rows, arena, &(*ret)[(*ret_count)++]);
	return r < 0 ? r : 0;
}
