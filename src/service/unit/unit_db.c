/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>

#include "base/text/text.h"
#include "service/unit/unit_internal.h"

#define KEY_MAX ((size_t)16 * UNIT_NAME_MAX)

int unit_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct unit_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT parent_id, code, kind, name, path, valid_from, closed_at, version, sample FROM unit WHERE id = $1",
	                 DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	*ret = (struct unit_row){
		.id = *id,
		.parent_id = db_uuid(rows, 0),
		.code = arena_str(arena, db_text(rows, 1)),
		.kind = arena_str(arena, db_text(rows, 2)),
		.name = arena_str(arena, db_text(rows, 3)),
		.path = arena_str(arena, db_text(rows, 4)),
		.valid_from = db_int(rows, 5),
		.closed_at = db_int(rows, 6),
		.version = db_int(rows, 7),
		.sample = db_int(rows, 8) != 0,
	};
	return 0;
}

int unit_find(struct db_tx *tx, struct str code, struct uuid *ret_id, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT id FROM unit WHERE code = $1", DB_TEXT(code));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "unit.code_unknown", ARG_STR("code", code));
	*ret_id = db_uuid(rows, 0);
	return 0;
}

/* What the keys are made of: name and code are both searched for. */
static void keys_of(const struct unit_row *u, struct buf *search, struct buf *sort)
{
	cleanup_buf struct buf both = BUF_INIT(KEY_MAX);
	buf_append(&both, u->name);
	buf_append_char(&both, ' ');
	buf_append(&both, u->code);
	text_search_key(buf_str(&both), search);
	text_sort_key(u->name, sort);
}

int unit_db_insert(struct db_tx *tx, const struct unit_row *u, struct err *err)
{
	cleanup_buf struct buf search = BUF_INIT(KEY_MAX), sort = BUF_INIT(KEY_MAX);
	keys_of(u, &search, &sort);
	return db_exec(tx, err,
	               "INSERT INTO unit (id, code, kind, name, search_key, sort_key, parent_id, path, next_child, valid_from,"
	               " closed_at, sample, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, NULL, $10, 1)",
	               DB_UUID(&u->id), DB_TEXT(u->code), DB_TEXT(u->kind), DB_TEXT(u->name), DB_TEXT(buf_str(&search)),
	               DB_BLOB(buf_str(&sort)), DB_UUID_OR_NULL(&u->parent_id), DB_TEXT(u->path), DB_INT(u->valid_from),
	               DB_INT(u->sample));
}

int unit_db_update(struct db_tx *tx, const struct unit_row *u, struct err *err)
{
	cleanup_buf struct buf search = BUF_INIT(KEY_MAX), sort = BUF_INIT(KEY_MAX);
	keys_of(u, &search, &sort);
	return db_exec(tx, err,
	               "UPDATE unit SET code = $1, kind = $2, name = $3, search_key = $4, sort_key = $5, valid_from = $6,"
	               " closed_at = $7, version = version + 1 WHERE id = $8",
	               DB_TEXT(u->code), DB_TEXT(u->kind), DB_TEXT(u->name), DB_TEXT(buf_str(&search)),
	               DB_BLOB(buf_str(&sort)), DB_INT(u->valid_from), u->closed_at != 0 ? DB_INT(u->closed_at) : DB_NULL,
	               DB_UUID(&u->id));
}

int unit_db_keep_past(struct db_tx *tx, const struct unit_row *before, usec_t now, struct err *err)
{
	struct uuid id = uuid_new();
	return db_exec(tx, err,
	               "INSERT INTO unit_past (id, unit_id, code, kind, name, parent_id, valid_from, valid_to)"
	               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	               DB_UUID(&id), DB_UUID(&before->id), DB_TEXT(before->code), DB_TEXT(before->kind),
	               DB_TEXT(before->name), DB_UUID_OR_NULL(&before->parent_id), DB_INT(before->valid_from), DB_INT(now));
}

int unit_db_new_path(struct db_tx *tx, struct arena *arena, const struct unit_row *parent, struct str *ret,
                     struct err *err)
{
	int64_t number = 0;
	int r;
	if (parent == NULL) {
		/* Roots are never moved, so their count only grows. */
		r = db_query_int(tx, &number, err, "SELECT count(*) + 1 FROM unit WHERE parent_id IS NULL");
	} else {
		r = db_query_int(tx, &number, err,
		                 "UPDATE unit SET next_child = next_child + 1 WHERE id = $1 RETURNING next_child - 1",
		                 DB_UUID(&parent->id));
	}
	if (r < 0)
		return r;
	if (number > 0xffff)
		return err_set(err, -E2BIG, "unit.too_many");
	*ret = arena_printf(arena, "%.*s%04x", STR_FMT(parent != NULL ? parent->path : STR_EMPTY), (unsigned)number);
	return 0;
}

int unit_db_move(struct db_tx *tx, const struct uuid *id, const struct uuid *parent_id, struct str from, struct str to,
                 struct err *err)
{
	int r = db_exec(tx, err, "UPDATE unit SET parent_id = $1 WHERE id = $2", DB_UUID(parent_id), DB_UUID(id));
	if (r < 0)
		return r;
	return db_exec(tx, err,
	               "UPDATE unit SET path = $1 || substr(path, CAST($2 AS INTEGER))"
	               " WHERE substr(path, 1, CAST($3 AS INTEGER)) = $4",
	               DB_TEXT(to), DB_INT(from.n + 1), DB_INT(from.n), DB_TEXT(from));
}

int unit_db_deepest(struct db_tx *tx, struct str path, int64_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err,
	                    "SELECT max(length(path)) FROM unit WHERE substr(path, 1, CAST($1 AS INTEGER)) = $2",
	                    DB_INT(path.n), DB_TEXT(path));
}

int unit_db_open_children(struct db_tx *tx, struct str path, int64_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err,
	                    "SELECT count(*) FROM unit WHERE substr(path, 1, CAST($1 AS INTEGER)) = $2 AND path <> $2"
	                    " AND closed_at IS NULL", DB_INT(path.n), DB_TEXT(path));
}

int unit_db_code_taken(struct db_tx *tx, struct str code, const struct uuid *but, bool *ret, struct err *err)
{
	int64_t found = 0;
	int r = db_query_int(tx, &found, err, "SELECT count(*) FROM unit WHERE code = $1 AND id <> $2", DB_TEXT(code),
	                     DB_UUID(but));
	*ret = found > 0;
	return r;
}

int unit_db_kind(struct db_tx *tx, struct arena *arena, struct str kind, struct unit_kind_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT label_vi, label_en, parents, position FROM unit_kind WHERE kind = $1",
	                 DB_TEXT(kind));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -EINVAL, "unit.kind_unknown", ARG_STR("kind", kind));
	*ret = (struct unit_kind_row){kind, arena_str(arena, db_text(rows, 0)), arena_str(arena, db_text(rows, 1)),
	                              arena_str(arena, db_text(rows, 2)), db_int(rows, 3)};
	return 0;
}

struct kinds {
	const struct unit_kind_row *rows;
	size_t count;
};

static int replace_kinds(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct kinds *k = ctx;
	int r = db_exec(tx, err, "DELETE FROM unit_kind");
	for (size_t i = 0; i < k->count && r >= 0; i++) {
		r = db_exec(tx, err,
		            "INSERT INTO unit_kind (kind, position, label_vi, label_en, parents) VALUES ($1, $2, $3, $4, $5)",
		            DB_TEXT(k->rows[i].kind), DB_INT(k->rows[i].position), DB_TEXT(k->rows[i].label_vi),
		            DB_TEXT(k->rows[i].label_en), DB_TEXT(k->rows[i].parents));
	}
	return r;
}

int unit_db_replace_kinds(struct db *db, const struct unit_kind_row *kinds, size_t count, struct err *err)
{
	struct kinds k = {kinds, count};
	return db_write(db, replace_kinds, &k, err);
}

int unit_root(struct db_tx *tx, struct uuid *ret_id, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT id FROM unit WHERE parent_id IS NULL ORDER BY path LIMIT 1");
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "unit.code_unknown", ARG_CSTR("code", ""));
	*ret_id = db_uuid(rows, 0);
	return 0;
}
