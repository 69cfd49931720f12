/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules as rows: put, swept, switched, told to detection. */
#include "base/text/text.h"
#include "service/rule/rule_internal.h"

static int64_t rank_of(struct str level)
{
	for (int64_t i = 1; rule_levels[i] != NULL; i++)
		if (str_eq_c(level, rule_levels[i]))
			return i;
	return 0;
}

static struct str key_of(struct arena *arena, const struct rule_place *place, const struct rule_file *file)
{
	char id[UUID_TEXT_SIZE];
	if (place->origin == RULE_ORIGIN_ARCHIVE)
		return arena_printf(arena, "%s:%.*s", uuid_text(&place->archive_id, id), STR_FMT(file->key));
	return arena_printf(arena, "%s:%.*s", rule_origin_names[place->origin], STR_FMT(file->key));
}

const char *rule_off_why(enum rule_origin origin, struct str level, struct str status)
{
	if (str_eq_c(status, "deprecated") || str_eq_c(status, "unsupported"))
		return "author";
	if (origin != RULE_ORIGIN_ARCHIVE)
		return NULL;
	if (str_eq_c(level, "low") || str_eq_c(level, "informational"))
		return "level";
	return str_eq_c(status, "experimental") && str_eq_c(level, "medium") ? "experimental" : NULL;
}

static bool on_by_itself(const struct rule_place *place, const struct rule_file *file)
{
	return file->documents > 0 && rule_off_why(place->origin, file->level, file->status) == NULL;
}

static void search_key_of(const struct rule_file *file, struct buf *out)
{
	const struct str parts[] = {file->title, file->path, file->tags, file->ids, file->author, file->category, file->product, file->service};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_append_char(out, ' ');
		text_search_key(parts[i], out);
	}
}

int rule_db_put(struct db_tx *tx, const struct rule_place *place, const struct rule_file *file, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf search = BUF_INIT((size_t)64 << 10), sort = BUF_INIT(8192);
	struct uuid id = uuid_new();
	search_key_of(file, &search);
	text_sort_key(file->title, &sort);
	return db_exec(tx, err,
	               "INSERT INTO rule (id, rule_key, origin, archive_id, edition_id, path, sigma_id, ids, kind, title, level, level_rank,"
	               " status, category, product, service, tags, author, text, sha256, documents, refused, enabled, chosen, gone, created_at,"
	               " changed_at, changed_by, search_key, sort_key, version, since)"
	               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, 0, 0, $24,"
	               " $24, $25, $26, $27, 1, $24)"
	               " ON CONFLICT (rule_key) DO UPDATE SET edition_id = excluded.edition_id, path = excluded.path, sigma_id = excluded.sigma_id,"
	               " ids = excluded.ids, kind = excluded.kind, title = excluded.title, level = excluded.level, level_rank = excluded.level_rank,"
	               " status = excluded.status, category = excluded.category, product = excluded.product, service = excluded.service,"
	               " tags = excluded.tags, author = excluded.author, text = excluded.text, documents = excluded.documents,"
	               " refused = excluded.refused, gone = 0, search_key = excluded.search_key, sort_key = excluded.sort_key,"
	               " since = CASE WHEN rule.enabled = 0 AND rule.chosen = 0 AND excluded.enabled = 1 OR rule.gone = 1 THEN excluded.since ELSE rule.since END,"
	               " enabled = CASE WHEN excluded.documents = 0 THEN 0 WHEN rule.chosen = 1 THEN rule.enabled ELSE excluded.enabled END,"
	               " changed_at = CASE WHEN rule.sha256 = excluded.sha256 THEN rule.changed_at ELSE excluded.changed_at END,"
	               " changed_by = CASE WHEN rule.sha256 = excluded.sha256 THEN rule.changed_by ELSE excluded.changed_by END,"
	               " sha256 = excluded.sha256, version = rule.version + 1",
	               DB_UUID(&id), DB_TEXT(key_of(arena, place, file)), DB_INT(place->origin), DB_UUID_OR_NULL(&place->archive_id),
	               DB_UUID_OR_NULL(&place->edition_id), DB_TEXT(file->path), DB_TEXT(file->sigma_id), DB_TEXT(file->ids),
	               DB_TEXT(file->kind), DB_TEXT(file->title), DB_TEXT(file->level), DB_INT(rank_of(file->level)), DB_TEXT(file->status),
	               DB_TEXT(file->category), DB_TEXT(file->product), DB_TEXT(file->service), DB_TEXT(file->tags), DB_TEXT(file->author),
	               DB_TEXT(file->text), DB_TEXT(file->sha256), DB_INT(file->documents), DB_TEXT(file->refused), DB_INT(on_by_itself(place, file)),
	               DB_INT(place->now), DB_TEXT(place->by), DB_TEXT(buf_str(&search)), DB_BLOB(buf_str(&sort)));
}

/* Ours are written not to take the everyday for an attack. */
int rule_since(struct db_tx *tx, struct str sigma_id, usec_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err, "SELECT COALESCE(MIN(since), 0) FROM rule WHERE sigma_id = $1 AND gone = 0 AND origin <> $2", DB_TEXT(sigma_id),
	                    DB_INT(RULE_ORIGIN_OWN));
}

int rule_db_sweep(struct db_tx *tx, const struct rule_place *place, struct err *err)
{
	if (place->origin == RULE_ORIGIN_OWN)
		return db_exec(tx, err, "UPDATE rule SET gone = 1, version = version + 1 WHERE origin = $1 AND gone = 0 AND edition_id <> $2",
		               DB_INT(RULE_ORIGIN_OWN), DB_UUID(&place->edition_id));
	return db_exec(tx, err, "UPDATE rule SET gone = 1, version = version + 1 WHERE archive_id = $1 AND gone = 0 AND edition_id <> $2",
	               DB_UUID(&place->archive_id), DB_UUID(&place->edition_id));
}

int rule_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT r.origin, r.archive_id, r.path, r.sigma_id, r.title, r.text, r.enabled, r.gone, r.version, a.name FROM rule r"
	                 " LEFT JOIN rule_archive a ON a.id = r.archive_id WHERE r.id = $1",
	                 DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "rule.unknown");
	*ret = (struct rule_row){.id = *id, .origin = (enum rule_origin)db_int(rows, 0), .archive_id = db_uuid(rows, 1),
	                         .path = arena_str(arena, db_text(rows, 2)), .sigma_id = arena_str(arena, db_text(rows, 3)),
	                         .title = arena_str(arena, db_text(rows, 4)), .text = arena_str(arena, db_text(rows, 5)),
	                         .enabled = db_int(rows, 6) != 0, .gone = db_int(rows, 7) != 0, .version = db_int(rows, 8),
	                         .archive_name = arena_str(arena, db_text(rows, 9))};
	return 0;
}

int rule_db_find(struct db_tx *tx, const char *origin, struct str key, struct uuid *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT id FROM rule WHERE rule_key = $1", DB_TEXT(arena_printf(arena, "%s:%.*s", origin, STR_FMT(key))));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "rule.unknown");
	*ret = db_uuid(rows, 0);
	return 0;
}

int rule_db_write(struct db_tx *tx, const struct uuid *id, const struct rule_file *file, struct str by, usec_t now, struct err *err)
{
	cleanup_buf struct buf search = BUF_INIT((size_t)64 << 10), sort = BUF_INIT(8192);
	search_key_of(file, &search);
	text_sort_key(file->title, &sort);
	return db_exec(tx, err,
	               "UPDATE rule SET sigma_id = $2, ids = $3, kind = $4, title = $5, level = $6, level_rank = $7, status = $8, category = $9,"
	               " product = $10, service = $11, tags = $12, author = $13, text = $14, sha256 = $15, documents = $16, refused = '',"
	               " changed_at = $17, changed_by = $18, search_key = $19, sort_key = $20, hits_per_day = NULL, replayed_at = NULL,"
	               " version = version + 1 WHERE id = $1",
	               DB_UUID(id), DB_TEXT(file->sigma_id), DB_TEXT(file->ids), DB_TEXT(file->kind), DB_TEXT(file->title), DB_TEXT(file->level),
	               DB_INT(rank_of(file->level)), DB_TEXT(file->status), DB_TEXT(file->category), DB_TEXT(file->product), DB_TEXT(file->service),
	               DB_TEXT(file->tags), DB_TEXT(file->author), DB_TEXT(file->text), DB_TEXT(file->sha256), DB_INT(file->documents), DB_INT(now),
	               DB_TEXT(by), DB_TEXT(buf_str(&search)), DB_BLOB(buf_str(&sort)));
}

int rule_db_remove(struct db_tx *tx, const struct uuid *id, struct err *err)
{
	int r = db_exec(tx, err, "DELETE FROM rule_exclusion WHERE rule_id = $1", DB_UUID(id));
	return r < 0 ? r : db_exec(tx, err, "DELETE FROM rule WHERE id = $1", DB_UUID(id));
}

int rule_db_replayed(struct db_tx *tx, const struct uuid *id, int64_t hits_per_day, usec_t now, struct err *err)
{
	return db_exec(tx, err, "UPDATE rule SET hits_per_day = $2, replayed_at = $3 WHERE id = $1", DB_UUID(id), DB_INT(hits_per_day), DB_INT(now));
}

/* ---- what detection hears of ---- */

int rule_db_touch(struct db_tx *tx, usec_t now, struct err *err)
{
	return db_exec(tx, err, "UPDATE rule_set_state SET changed = changed + 1, changed_at = $1 WHERE one = 1", DB_INT(now));
}

int rule_db_state(struct db_tx *tx, struct rule_set_state *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT changed, changed_at, written, written_at, digest, rules, indicators, own_version FROM rule_set_state WHERE one = 1");
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "db.no_row");
	*ret = (struct rule_set_state){.changed = db_int(rows, 0), .changed_at = db_int(rows, 1), .written = db_int(rows, 2),
	                               .written_at = db_int(rows, 3), .rules = db_int(rows, 5), .indicators = db_int(rows, 6)};
	str_copy_c(db_text(rows, 4), ret->digest, sizeof ret->digest);
	str_copy_c(db_text(rows, 7), ret->own_version, sizeof ret->own_version);
	return 0;
}

int rule_db_state_written(struct db_tx *tx, const struct rule_set_state *s, struct err *err)
{
	return db_exec(tx, err, "UPDATE rule_set_state SET written = $1, written_at = $2, digest = $3, rules = $4, indicators = $5 WHERE one = 1",
	               DB_INT(s->written), DB_INT(s->written_at), DB_CSTR(s->digest), DB_INT(s->rules), DB_INT(s->indicators));
}

int rule_db_count_due(struct db_tx *tx, usec_t from, usec_t to, int64_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err,
	                    "SELECT (SELECT count(*) FROM rule_exclusion WHERE ended_at IS NULL AND expires_at > $1 AND expires_at <= $2)"
	                    " + (SELECT count(*) FROM rule_indicator_list WHERE enabled = 1 AND expires_at > $1 AND expires_at <= $2)",
	                    DB_INT(from), DB_INT(to));
}

int rule_db_own_version(struct db_tx *tx, struct str version, struct err *err)
{
	return db_exec(tx, err, "UPDATE rule_set_state SET own_version = $1 WHERE one = 1", DB_TEXT(version));
}

#define RULE_NAME_SIZE 512

/* What detection calls it: archive or origin, and path; of rows that begin with origin, path and archive. */
static void put_name(struct buf *out, const struct db_rows *rows)
{
	struct str from = db_text(rows, 2);
	buf_append(out, from.n > 0 ? from : str_c(rule_origin_names[db_int(rows, 0)]));
	buf_append_char(out, '/');
	buf_append(out, db_text(rows, 1));
}

int rule_db_each_enabled(struct db_tx *tx, rule_each_fn fn, void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT r.origin, r.path, a.name, r.text FROM rule r LEFT JOIN rule_archive a ON a.id = r.archive_id"
	                 " WHERE r.enabled = 1 AND r.gone = 0 ORDER BY r.rule_key");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		char name[RULE_NAME_SIZE];
		struct buf out = BUF_FIXED(name, sizeof name);
		put_name(&out, rows);
		r = fn(buf_str(&out), db_text(rows, 3), ctx, err);
	}
	return r;
}

int rule_find(struct db_tx *tx, struct arena *arena, struct str sigma_id, struct str file, struct uuid *ret_id, struct str *ret_title, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int found = 0;
	int r = db_query(tx, &rows, err,
	                 "SELECT r.origin, r.path, a.name, r.id, r.title FROM rule r LEFT JOIN rule_archive a ON a.id = r.archive_id"
	                 " WHERE r.sigma_id = $1 AND r.gone = 0 ORDER BY r.rule_key",
	                 DB_TEXT(sigma_id));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		char name[RULE_NAME_SIZE];
		struct buf out = BUF_FIXED(name, sizeof name);
		put_name(&out, rows);
		if (found != 0 && !str_eq(buf_str(&out), file))
			continue;
		found = 1;
		*ret_id = db_uuid(rows, 3);
		*ret_title = arena_str(arena, db_text(rows, 4));
	}
	return r < 0 ? r : found;
}

/* ---- many at once ---- */

/* " WHERE …" of a filter, numbered from `first`. Texts are parameters; what is put together here is ours. */
struct where {
	struct buf sql;
	struct db_value values[24];
	size_t count;
};

static void add(struct where *w, const char *sql, struct db_value value)
{
	w->values[w->count++] = value;
	buf_printf(&w->sql, " AND %s $%zu", sql, w->count);
}

static void add_text(struct where *w, const char *column_is, struct str value)
{
	if (value.n > 0)
		add(w, column_is, DB_TEXT(value));
}

static void fill_where(struct where *w, struct arena *arena, const struct rule_filter *f, bool enabled)
{
	buf_append_c(&w->sql, " WHERE gone = 0");
	add(w, "enabled <>", DB_INT(enabled));
	/* What cannot be read cannot be switched on. */
	if (enabled)
		buf_append_c(&w->sql, " AND documents > 0");
	add_text(w, "level =", f->level);
	add_text(w, "status =", f->status);
	add_text(w, "product =", f->product);
	add_text(w, "category =", f->category);
	add_text(w, "service =", f->service);
	if (f->origin >= 0)
		add(w, "origin =", DB_INT(f->origin));
	if (!uuid_is_null(&f->archive_id))
		add(w, "archive_id =", DB_UUID(&f->archive_id));
	if (f->tag.n > 0)
		add(w, "' ' || tags || ' ' LIKE", DB_TEXT(arena_printf(arena, "%% %.*s %%", STR_FMT(f->tag))));
	if (f->q.n > 0) {
		cleanup_buf struct buf key = BUF_INIT(4096);
		text_search_key(f->q, &key);
		add(w, "search_key LIKE", DB_TEXT(arena_printf(arena, "%%%.*s%%", STR_FMT(buf_str(&key)))));
	}
}

#define SWITCH                                                                                                                   \
	"UPDATE rule SET enabled = $1, since = CASE WHEN $1 = 1 THEN $3 ELSE since END, chosen = 1, version = version + 1 WHERE id IN" \
	" (SELECT rule_id FROM rule_switch WHERE id = $2)"

static int switch_where(struct db_tx *tx, struct where *w, bool enabled, const struct uuid *switch_id, usec_t now, struct err *err)
{
	cleanup_buf struct buf sql = BUF_INIT((size_t)16 << 10);
	size_t n = w->count;
	w->values[w->count++] = DB_UUID(switch_id);
	w->values[w->count++] = DB_INT(now);
	buf_printf(&sql, "INSERT INTO rule_switch (id, rule_id, enabled_before, chosen_before, at) SELECT $%zu, id, enabled, chosen, $%zu FROM rule%s",
	           n + 1, n + 2, w->sql.p);
	int r = db_exec_values(tx, err, sql.p, w->values, w->count);
	if (r < 0)
		return r;
	return db_exec(tx, err, SWITCH, DB_INT(enabled), DB_UUID(switch_id), DB_INT(now));
}

static int switch_ids(struct db_tx *tx, const struct rule_filter *f, bool enabled, const struct uuid *switch_id, usec_t now, struct err *err)
{
	for (size_t i = 0; i < f->id_count; i++) {
		struct uuid id;
		if (!uuid_parse(f->ids[i], &id))
			return err_set(err, -EINVAL, "rule.unknown");
		int r = db_exec(tx, err,
		                "INSERT INTO rule_switch (id, rule_id, enabled_before, chosen_before, at) SELECT $1, id, enabled, chosen, $2 FROM rule"
		                " WHERE id = $3 AND gone = 0 AND enabled <> $4 AND (documents > 0 OR $4 = 0) ON CONFLICT DO NOTHING",
		                DB_UUID(switch_id), DB_INT(now), DB_UUID(&id), DB_INT(enabled));
		if (r < 0)
			return r;
	}
	return db_exec(tx, err, SWITCH, DB_INT(enabled), DB_UUID(switch_id), DB_INT(now));
}

int rule_db_switch(struct db_tx *tx, struct arena *arena, const struct rule_filter *filter, bool enabled, const struct uuid *switch_id,
                   usec_t now, struct err *err)
{
	int r = db_exec(tx, err, "DELETE FROM rule_switch WHERE at < $1", DB_INT(now - USEC_PER_DAY));
	if (r < 0)
		return r;
	if (filter->id_count > 0)
		return switch_ids(tx, filter, enabled, switch_id, now, err);
	struct where w = {.sql = BUF_INIT(8192)};
	fill_where(&w, arena, filter, enabled);
	r = switch_where(tx, &w, enabled, switch_id, now, err);
	buf_done(&w.sql);
	return r;
}

int rule_db_switch_undo(struct db_tx *tx, const struct uuid *switch_id, usec_t now, struct err *err)
{
	(void)now;
	int r = db_exec(tx, err,
	                "UPDATE rule SET enabled = (SELECT s.enabled_before FROM rule_switch s WHERE s.id = $1 AND s.rule_id = rule.id),"
	                " chosen = (SELECT s.chosen_before FROM rule_switch s WHERE s.id = $1 AND s.rule_id = rule.id), version = version + 1"
	                " WHERE id IN (SELECT rule_id FROM rule_switch WHERE id = $1)",
	                DB_UUID(switch_id));
	if (r == 0)
		return err_set(err, -ENOENT, "rule.nothing_to_undo");
	int n = r;
	if (r > 0)
		r = db_exec(tx, err, "DELETE FROM rule_switch WHERE id = $1", DB_UUID(switch_id));
	return r < 0 ? r : n;
}
