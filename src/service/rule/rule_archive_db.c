/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/rule/rule_http.h"

#define ARCHIVE_COLUMNS "id, name, url, keep_updated, etag, checked_at, edition_id, former_id, waiting_id, version"

static int take_archive(struct db_rows *rows, struct arena *arena, struct rule_archive *ret, struct err *err)
{
	int r = db_next(rows, err);
	if (r <= 0)
		return r;
	*ret = (struct rule_archive){.id = db_uuid(rows, 0), .name = arena_str(arena, db_text(rows, 1)), .url = arena_str(arena, db_text(rows, 2)),
	                             .keep_updated = db_int(rows, 3) != 0, .etag = arena_str(arena, db_text(rows, 4)), .checked_at = db_int(rows, 5),
	                             .edition_id = db_uuid(rows, 6), .former_id = db_uuid(rows, 7), .waiting_id = db_uuid(rows, 8),
	                             .version = db_int(rows, 9)};
	return 1;
}

int rule_db_archive_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_archive *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT " ARCHIVE_COLUMNS " FROM rule_archive WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = take_archive(rows, arena, ret, err);
	return r == 0 ? err_set(err, -ENOENT, "rule.no_archive") : r < 0 ? r : 0;
}

int rule_db_archive_find(struct db_tx *tx, struct arena *arena, struct str name, struct rule_archive *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT " ARCHIVE_COLUMNS " FROM rule_archive WHERE name = $1", DB_TEXT(name));
	return r < 0 ? r : take_archive(rows, arena, ret, err);
}

int rule_db_archive_insert(struct db_tx *tx, const struct rule_archive *a, struct str by, usec_t now, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO rule_archive (id, name, url, keep_updated, etag, problem, created_at, created_by, version)"
	               " VALUES ($1, $2, $3, $4, '', '', $5, $6, 1)",
	               DB_UUID(&a->id), DB_TEXT(a->name), DB_TEXT(a->url), DB_INT(a->keep_updated), DB_INT(now), DB_TEXT(by));
}

int rule_db_archive_update(struct db_tx *tx, const struct rule_archive *a, struct err *err)
{
	return db_exec(tx, err,
	               "UPDATE rule_archive SET url = $2, keep_updated = $3, etag = $4, checked_at = $5, edition_id = $6, former_id = $7,"
	               " waiting_id = $8, version = version + 1 WHERE id = $1",
	               DB_UUID(&a->id), DB_TEXT(a->url), DB_INT(a->keep_updated), DB_TEXT(a->etag), a->checked_at > 0 ? DB_INT(a->checked_at) : DB_NULL,
	               DB_UUID_OR_NULL(&a->edition_id), DB_UUID_OR_NULL(&a->former_id), DB_UUID_OR_NULL(&a->waiting_id));
}

int rule_db_archive_problem(struct db_tx *tx, const struct uuid *id, struct str problem, usec_t now, struct err *err)
{
	return db_exec(tx, err, "UPDATE rule_archive SET problem = $2, checked_at = $3 WHERE id = $1", DB_UUID(id), DB_TEXT(problem), DB_INT(now));
}

int rule_db_archive_remove(struct db_tx *tx, const struct uuid *id, struct err *err)
{
	int r = db_exec(tx, err, "DELETE FROM rule_exclusion WHERE rule_id IN (SELECT id FROM rule WHERE archive_id = $1)", DB_UUID(id));
	if (r >= 0)
		r = db_exec(tx, err, "DELETE FROM rule WHERE archive_id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_exec(tx, err, "DELETE FROM rule_edition WHERE archive_id = $1", DB_UUID(id));
	return r < 0 ? r : db_exec(tx, err, "DELETE FROM rule_archive WHERE id = $1", DB_UUID(id));
}

int rule_db_edition_insert(struct db_tx *tx, const struct rule_edition *e, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO rule_edition (id, archive_id, label, sha256, at, by_name, files, documents, refused, skipped)"
	               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	               DB_UUID(&e->id), DB_UUID(&e->archive_id), DB_TEXT(e->label), DB_TEXT(e->sha256), DB_INT(e->at), DB_TEXT(e->by), DB_INT(e->files),
	               DB_INT(e->documents), DB_INT(e->refused), DB_INT(e->skipped));
}

int rule_db_edition_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_edition *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id, archive_id, label, sha256, at, by_name, files, documents, refused, skipped FROM rule_edition WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "rule.no_edition");
	*ret = (struct rule_edition){.id = db_uuid(rows, 0), .archive_id = db_uuid(rows, 1), .label = arena_str(arena, db_text(rows, 2)),
	                             .sha256 = arena_str(arena, db_text(rows, 3)), .at = db_int(rows, 4), .by = arena_str(arena, db_text(rows, 5)),
	                             .files = db_int(rows, 6), .documents = db_int(rows, 7), .refused = db_int(rows, 8), .skipped = db_int(rows, 9)};
	return 0;
}

int rule_db_edition_applied(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err)
{
	return db_exec(tx, err, "UPDATE rule_edition SET applied_at = $2 WHERE id = $1", DB_UUID(id), DB_INT(now));
}

static int take_ids(struct db_rows *rows, struct uuid *ret, size_t most, size_t *ret_count, struct err *err)
{
	int r = 1;
	*ret_count = 0;
	while (*ret_count < most && (r = db_next(rows, err)) > 0)
		ret[(*ret_count)++] = db_uuid(rows, 0);
	return r < 0 ? r : 0;
}

int rule_db_archives_due(struct db_tx *tx, usec_t before, struct uuid *ret, size_t most, size_t *ret_count, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id FROM rule_archive WHERE keep_updated = 1 AND url <> '' AND (checked_at IS NULL OR checked_at < $1) ORDER BY id",
	                 DB_INT(before));
	return r < 0 ? r : take_ids(rows, ret, most, ret_count, err);
}

int rule_db_editions_old(struct db_tx *tx, const struct rule_archive *a, struct uuid *ret, size_t most, size_t *ret_count, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	static const struct uuid none = {.b = {0}};
	const struct uuid *in = uuid_is_null(&a->edition_id) ? &none : &a->edition_id, *before = uuid_is_null(&a->former_id) ? &none : &a->former_id;
	int r = db_query(tx, &rows, err, "SELECT id FROM rule_edition WHERE archive_id = $1 AND id <> $2 AND id <> $3 AND id <> $4 ORDER BY at",
	                 DB_UUID(&a->id), DB_UUID(in), DB_UUID(before), DB_UUID(uuid_is_null(&a->waiting_id) ? &none : &a->waiting_id));
	return r < 0 ? r : take_ids(rows, ret, most, ret_count, err);
}

int rule_db_archive_known(struct db_tx *tx, const struct uuid *archive_id, rule_known_fn fn, void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT rule_key, sha256, title, level FROM rule WHERE archive_id = $1 AND gone = 0 ORDER BY rule_key",
	                 DB_UUID(archive_id));
	while (r >= 0 && (r = db_next(rows, err)) > 0)
		fn(db_text(rows, 0), db_text(rows, 1), db_text(rows, 2), db_text(rows, 3), ctx);
	return r;
}

static void write_edition(struct json_writer *w, const char *name, const struct db_rows *rows, unsigned f)
{
	struct uuid id = db_uuid(rows, f);
	json_name(w, name);
	if (uuid_is_null(&id) || db_is_null(rows, f + 2)) {
		json_null(w);
		return;
	}
	json_object(w);
	api_member_uuid(w, "id", &id);
	json_member_str(w, "label", db_text(rows, f + 1));
	api_member_time(w, "at", db_int(rows, f + 2));
	json_member_str(w, "by", db_text(rows, f + 3));
	json_member_int(w, "files", db_int(rows, f + 4));
	json_member_int(w, "documents", db_int(rows, f + 5));
	json_member_int(w, "refused", db_int(rows, f + 6));
	json_member_int(w, "skipped", db_int(rows, f + 7));
	json_object_end(w);
}

/* A problem is an error of ours, kept as the worker's are. */
static void write_problem(struct json_writer *w, const struct api_request *req, struct str json)
{
	cleanup_buf struct buf text = BUF_INIT(4096);
	struct err err = {0};
	json_name(w, "problem");
	if (json.n == 0) {
		json_null(w);
		return;
	}
	(void)!rule_refusal(json, &err);
	msg_append_err(req->service->messages, req->access->lang, &err, &text);
	json_str(w, buf_str(&text));
}

#define EDITION(e) #e ".id, " #e ".label, " #e ".at, " #e ".by_name, " #e ".files, " #e ".documents, " #e ".refused, " #e ".skipped"

int rule_db_archive_list(struct db_tx *tx, const struct api_request *req, struct json_writer *w, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT a.id, a.name, a.url, a.keep_updated, a.checked_at, a.problem, a.created_at, a.created_by, a.version,"
	                 " (SELECT count(*) FROM rule r WHERE r.archive_id = a.id AND r.gone = 0 AND r.enabled = 1),"
	                 " (SELECT count(*) FROM rule r WHERE r.archive_id = a.id AND r.gone = 0), " EDITION(e) ", " EDITION(f) ", " EDITION(x)
	                 " FROM rule_archive a LEFT JOIN rule_edition e ON e.id = a.edition_id LEFT JOIN rule_edition f ON f.id = a.former_id"
	                 " LEFT JOIN rule_edition x ON x.id = a.waiting_id ORDER BY a.name");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		json_object(w);
		api_member_uuid(w, "id", &id);
		json_member_str(w, "name", db_text(rows, 1));
		json_member_str(w, "url", db_text(rows, 2));
		json_member_bool(w, "keep_updated", db_int(rows, 3) != 0);
		api_member_time(w, "checked_at", db_int(rows, 4));
		write_problem(w, req, db_text(rows, 5));
		api_member_time(w, "created_at", db_int(rows, 6));
		json_member_str(w, "created_by", db_text(rows, 7));
		json_member_int(w, "enabled", db_int(rows, 9));
		json_member_int(w, "rules", db_int(rows, 10));
		write_edition(w, "edition", rows, 11);
		write_edition(w, "former", rows, 19);
		write_edition(w, "waiting", rows, 27);
		api_member_etag(w, db_int(rows, 8));
		json_object_end(w);
	}
	return r;
}
