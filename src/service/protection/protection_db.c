/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Tables of the room; detections, quarantine, bundles. */
#include "base/text/text.h"
#include "service/protection/protection_internal.h"

static void search_key_of(const struct protection_detection *d, struct buf *out)
{
	struct buf text = BUF_INIT((size_t)64 << 10);
	const struct str parts[] = {d->threat, d->path, d->sha256, d->rule};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_append(&text, parts[i]);
		buf_append_char(&text, ' ');
	}
	text_search_key(buf_str(&text), out);
	buf_done(&text);
}

static int insert_quarantine(struct db_tx *tx, const struct protection_detection *d, struct str search_key,
                             const struct uuid *id, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO quarantine_item (id, endpoint_id, agent_id, unit_id, path, threat, sha256, size_bytes,"
	                " quarantined_at, state, changed_at, reason, search_key, sample, version)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, '', $11, $12, 1)"
	                " ON CONFLICT (endpoint_id, agent_id) DO NOTHING",
	                DB_UUID(id), DB_UUID(&d->endpoint_id), DB_TEXT(d->quarantine_id), DB_UUID(&d->unit_id),
	                DB_TEXT(d->path), DB_TEXT(d->threat), DB_TEXT(d->sha256), DB_INT(d->size_bytes), DB_INT(d->at),
	                DB_INT(QUARANTINE_STATE_HELD), DB_TEXT(search_key), DB_INT(d->sample));
	return r < 0 ? r : 0;
}

int protection_detected(struct db_tx *tx, const struct protection_detection *d, struct err *err)
{
	cleanup_buf struct buf key = BUF_INIT((size_t)128 << 10);
	search_key_of(d, &key);
	struct uuid id = uuid_new(), quarantine_id = {.b = {0}};
	if (d->quarantine_id.n > 0)
		quarantine_id = uuid_new();
	int r = db_exec(tx, err,
	                "INSERT INTO detection (id, record_key, at, endpoint_id, unit_id, alert_id, threat, engine, rule, path,"
	                " sha256, size_bytes, action, quarantine_id, search_key, sample)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
	                " ON CONFLICT (record_key) DO NOTHING",
	                DB_UUID(&id), DB_TEXT(d->key), DB_INT(d->at), DB_UUID(&d->endpoint_id), DB_UUID(&d->unit_id),
	                DB_UUID_OR_NULL(&d->alert_id), DB_TEXT(d->threat), DB_TEXT(d->engine), DB_TEXT(d->rule),
	                DB_TEXT(d->path), DB_TEXT(d->sha256), DB_INT(d->size_bytes), DB_TEXT(d->action),
	                DB_UUID_OR_NULL(&quarantine_id), DB_TEXT(buf_str(&key)), DB_INT(d->sample));
	if (r <= 0 || d->quarantine_id.n == 0)
		return r < 0 ? r : r > 0;
	r = insert_quarantine(tx, d, buf_str(&key), &quarantine_id, err);
	return r < 0 ? r : 1;
}

#define QUARANTINE_COLUMNS                                                                                             \
	"SELECT q.id, q.endpoint_id, q.unit_id, q.agent_id, q.path, q.threat, e.hostname, q.state, q.version"          \
	" FROM quarantine_item q LEFT JOIN endpoint e ON e.id = q.endpoint_id"

static int read_quarantine(struct db_rows *rows, struct arena *arena, struct protection_quarantine_row *ret,
                           struct err *err)
{
	int r = db_next(rows, err);
	if (r <= 0)
		return r;
	int64_t state = db_int(rows, 7);
	if (state < 0 || state >= QUARANTINE_STATE__COUNT)
		return err_set(err, -EIO, "protection.bad_row");
	*ret = (struct protection_quarantine_row){
		.id = db_uuid(rows, 0), .endpoint_id = db_uuid(rows, 1), .unit_id = db_uuid(rows, 2),
		.agent_id = arena_str(arena, db_text(rows, 3)), .path = arena_str(arena, db_text(rows, 4)),
		.threat = arena_str(arena, db_text(rows, 5)), .hostname = arena_str(arena, db_text(rows, 6)),
		.state = (enum quarantine_state)state, .version = db_int(rows, 8)};
	return 1;
}

int protection_db_quarantine_get(struct db_tx *tx, struct arena *arena, const struct uuid *id,
                                 struct protection_quarantine_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, QUARANTINE_COLUMNS " WHERE q.id = $1", DB_UUID(id));
	if (r >= 0)
		r = read_quarantine(rows, arena, ret, err);
	if (r < 0)
		return r;
	return r > 0 ? 0 : err_set(err, -ENOENT, "protection.no_such_quarantine");
}

int protection_db_quarantine_find(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id,
                                  struct str agent_id, struct protection_quarantine_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, QUARANTINE_COLUMNS " WHERE q.endpoint_id = $1 AND q.agent_id = $2",
	                 DB_UUID(endpoint_id), DB_TEXT(agent_id));
	return r < 0 ? r : read_quarantine(rows, arena, ret, err);
}

int protection_db_quarantine_set(struct db_tx *tx, const struct uuid *id, enum quarantine_state state,
                                 struct str reason, int64_t version, usec_t now, struct err *err)
{
	int r = db_exec(tx, err,
	                "UPDATE quarantine_item SET state = $2, reason = $3, changed_at = $4, version = version + 1"
	                " WHERE id = $1 AND version = $5",
	                DB_UUID(id), DB_INT(state), DB_TEXT(reason), DB_INT(now), DB_INT(version));
	if (r < 0)
		return r;
	return r == 1 ? 0 : err_set(err, -ESTALE, "protection.changed_meanwhile");
}

int protection_db_uploads(struct db_tx *tx, protection_upload_fn fn, void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT kind, id, text FROM signature_upload ORDER BY at, id");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 1);
		r = fn(db_text(rows, 0), &id, db_text(rows, 2), ctx, err);
	}
	return r < 0 ? r : 0;
}

int protection_db_upload_insert(struct db_tx *tx, const char *kind, struct str text,
                                const struct protection_release *by, usec_t now, struct err *err)
{
	struct uuid id = uuid_new();
	int r = db_exec(tx, err, "INSERT INTO signature_upload (id, kind, at, author, note, text) VALUES ($1, $2, $3, $4, $5, $6)",
	                DB_UUID(&id), DB_CSTR(kind), DB_INT(now), DB_TEXT(by->author), DB_TEXT(by->note), DB_TEXT(text));
	return r < 0 ? r : 0;
}
