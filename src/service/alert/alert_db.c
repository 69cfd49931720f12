/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Tables of the room; intake, changes, comments. Lists are in alert_list_db.c. */
#include "base/text/text.h"
#include "service/alert/alert_internal.h"

int alert_db_take_key(struct db_tx *tx, const struct alert_record *record, const struct uuid *alert_id,
                      struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO alert_record (record_key, alert_id, at) VALUES ($1, $2, $3)"
	               " ON CONFLICT (record_key) DO NOTHING",
	               DB_TEXT(record->key), DB_UUID(alert_id), DB_INT(record->at));
}

int alert_find_by_key(struct db_tx *tx, struct str key, struct uuid *ret_id, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT alert_id FROM alert_record WHERE record_key = $1", DB_TEXT(key));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret_id = db_uuid(rows, 0);
	return r;
}

int alert_db_find_open(struct db_tx *tx, struct str group, struct uuid *ret_id, usec_t *ret_last_at, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT id, last_at FROM alert WHERE open_group = $1", DB_TEXT(group));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0) {
		*ret_id = db_uuid(rows, 0);
		*ret_last_at = db_int(rows, 1);
	}
	return r;
}

int alert_db_leave_group(struct db_tx *tx, const struct uuid *id, struct err *err)
{
	int r = db_exec(tx, err, "UPDATE alert SET open_group = NULL WHERE id = $1", DB_UUID(id));
	return r < 0 ? r : 0;
}

static void search_key_of(const struct alert_record *record, int64_t number, struct buf *out)
{
	struct buf text = BUF_INIT((size_t)64 << 10);
	buf_printf(&text, "%lld %.*s %.*s %.*s %.*s %.*s %.*s %.*s", (long long)number, STR_FMT(record->title),
	           STR_FMT(record->threat), STR_FMT(record->path), STR_FMT(record->sha256), STR_FMT(record->rule_id),
	           STR_FMT(record->host), STR_FMT(record->entity));
	text_search_key(buf_str(&text), out);
	buf_done(&text);
}

static usec_t last_of(const struct alert_record *record)
{
	return record->last_at > record->at ? record->last_at : record->at;
}

/* The next number; nobody else takes the same one. */
static int take_number(struct db_tx *tx, int64_t *ret, struct err *err)
{
	int r = db_exec(tx, err, "UPDATE alert_number SET last = last + 1 WHERE one = 1");
	return r < 0 ? r : db_query_int(tx, ret, err, "SELECT last FROM alert_number WHERE one = 1");
}

/* The order of the queue: open before closed, then severity, then time. Constants as in alert.sql. */
#define QUEUE_KEY_IS \
	"queue_key = severity * 4503599627370496 + last_at - CASE WHEN state = 2 THEN 72057594037927936 ELSE 0 END"
_Static_assert(ALERT_STATE_CLOSED == 2, "as in QUEUE_KEY_IS");

int alert_db_insert(struct db_tx *tx, const struct alert_record *record, const struct alert_weighed *weighed,
                    const struct uuid *id, struct str group, int64_t *ret_number, struct err *err)
{
	int64_t number = 0;
	int r = take_number(tx, &number, err);
	if (r < 0)
		return r;
	cleanup_buf struct buf key = BUF_INIT((size_t)128 << 10);
	search_key_of(record, number, &key);
	int64_t queue_key = ((int64_t)weighed->severity << 52) + last_of(record);
	r = db_exec(tx, err,
	            "INSERT INTO alert (id, number, rule_id, title, severity, state, endpoint_id, unit_id, threat, path,"
	            " sha256, engine, rule_name, action, quarantine_id, size_bytes, first_event_id, why, raw, count,"
	            " first_at, last_at, group_key, open_group, assignee_name, incident_number, resolution, note,"
	            " search_key, sample, version, kind, entity, tags, technique, rule_file, rule_hash, description, source,"
	            " host, rule_level, score, score_why, queue_key, created_at, tactics, rarity, learning) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
	            " $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $24, $20, $25, $21, $21, '', '', '', '', $22, $23, 1,"
	            " $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42)",
	            DB_UUID(id), DB_INT(number), DB_TEXT(record->rule_id), DB_TEXT(record->title),
	            DB_INT(weighed->severity), DB_INT(ALERT_STATE_NEW), DB_UUID_OR_NULL(&record->endpoint_id),
	            DB_UUID(&record->unit_id), DB_TEXT(record->threat), DB_TEXT(record->path), DB_TEXT(record->sha256),
	            DB_TEXT(record->engine), DB_TEXT(record->rule_name), DB_TEXT(record->action),
	            DB_TEXT(record->quarantine_id), DB_INT(record->size_bytes), DB_TEXT(record->first_event_id),
	            DB_TEXT(weighed->why), DB_TEXT(record->raw), DB_INT(record->at), DB_TEXT(group), DB_TEXT(buf_str(&key)),
	            DB_INT(record->sample), DB_INT(alert_record_events(record)), DB_INT(last_of(record)), DB_TEXT(record->kind),
	            DB_TEXT(record->entity), DB_TEXT(record->tags), DB_TEXT(weighed->technique), DB_TEXT(record->rule_file),
	            DB_TEXT(record->rule_hash), DB_TEXT(record->description), DB_TEXT(record->source), DB_TEXT(record->host),
	            DB_INT(record->severity), DB_INT(weighed->score), DB_TEXT(weighed->score_why), DB_INT(queue_key),
	            DB_INT(weighed->created_at), DB_INT(weighed->tactics), DB_INT(weighed->rarity),
	            DB_INT(weighed->learning));
	if (r >= 0)
		*ret_number = number;
	return r < 0 ? r : 0;
}

int alert_db_count(struct db_tx *tx, const struct alert_record *record, const struct alert_weighed *weighed,
                   const struct uuid *id, struct err *err)
{
	/* A late record must not move last_at back; a worse finding raises the severity, and then its arithmetic is the one shown. */
	int r = db_exec(tx, err,
	                "UPDATE alert SET count = count + $4,"
	                " last_at = CASE WHEN last_at < $5 THEN $5 ELSE last_at END,"
	                " first_at = CASE WHEN first_at > $2 THEN $2 ELSE first_at END,"
	                " score_why = CASE WHEN score < $6 THEN $7 ELSE score_why END,"
	                " learning = CASE WHEN $9 = 1 THEN 0 ELSE learning END,"
	                " rule_level = CASE WHEN score < $6 THEN $8 ELSE rule_level END,"
	                " score = CASE WHEN score < $6 THEN $6 ELSE score END,"
	                " severity = CASE WHEN severity < $3 THEN $3 ELSE severity END WHERE id = $1",
	                DB_UUID(id), DB_INT(record->at), DB_INT(weighed->severity), DB_INT(alert_record_events(record)),
	                DB_INT(last_of(record)), DB_INT(weighed->score), DB_TEXT(weighed->score_why), DB_INT(record->severity),
	                DB_INT(weighed->raised));
	if (r >= 0)
		r = db_exec(tx, err, "UPDATE alert SET " QUEUE_KEY_IS " WHERE id = $1", DB_UUID(id));
	return r < 0 ? r : 0;
}

int alert_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct alert_brief *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT unit_id, endpoint_id, incident_id, number, severity, state, first_at, last_at, version, title,"
	                 " threat FROM alert WHERE id = $1",
	                 DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -ENOENT, "alert.unknown");
	*ret = (struct alert_brief){.id = *id, .unit_id = db_uuid(rows, 0), .endpoint_id = db_uuid(rows, 1),
	                            .incident_id = db_uuid(rows, 2), .number = db_int(rows, 3),
	                            .severity = (enum alert_severity)db_int(rows, 4),
	                            .state = (enum alert_state)db_int(rows, 5), .first_at = db_int(rows, 6),
	                            .last_at = db_int(rows, 7), .version = db_int(rows, 8),
	                            .title = arena_str(arena, db_text(rows, 9)),
	                            .threat = arena_str(arena, db_text(rows, 10))};
	return 0;
}

int alert_db_group(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT group_key FROM alert WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r < 0)
		return r;
	*ret = r > 0 ? arena_str(arena, db_text(rows, 0)) : STR_EMPTY;
	return 0;
}

int alert_db_change(struct db_tx *tx, const struct uuid *id, const struct alert_change *c, int64_t version, usec_t now,
                    struct err *err)
{
	struct uuid other;
	usec_t last = 0;
	int r = c->group.n > 0 ? alert_db_find_open(tx, c->group, &other, &last, err) : 0;
	if (r < 0)
		return r;
	if (r > 0)
		return err_set(err, -EEXIST, "alert.another_open");
	r = db_exec(tx, err,
	            "UPDATE alert SET state = $2, version = version + 1,"
	            " open_group = CASE WHEN $3 = 1 THEN NULL WHEN $10 = 1 THEN group_key ELSE open_group END,"
	            " closed_at = CASE WHEN $3 = 1 THEN $4 ELSE NULL END,"
	            " acknowledged_at = CASE WHEN $2 = $5 AND acknowledged_at IS NULL THEN $4 WHEN $2 = $9 THEN NULL"
	            " ELSE acknowledged_at END,"
	            " resolution = $6, note = $7 WHERE id = $1 AND version = $8",
	            DB_UUID(id), DB_INT(c->state), DB_INT(c->close), DB_INT(now), DB_INT(ALERT_STATE_ACKNOWLEDGED),
	            DB_TEXT(c->resolution), DB_TEXT(c->note), DB_INT(version), DB_INT(ALERT_STATE_NEW), DB_INT(c->group.n > 0));
	if (r == 0)
		return err_set(err, -ESTALE, "alert.changed_meanwhile");
	if (r > 0)
		r = db_exec(tx, err, "UPDATE alert SET " QUEUE_KEY_IS " WHERE id = $1", DB_UUID(id));
	if (r > 0 && c->set_assignee)
		r = db_exec(tx, err, "UPDATE alert SET assignee_id = $2, assignee_name = $3 WHERE id = $1", DB_UUID(id),
		            DB_UUID_OR_NULL(&c->assignee_id), DB_TEXT(c->assignee_name));
	return r < 0 ? r : 0;
}

int alert_db_join(struct db_tx *tx, const struct uuid *id, const struct uuid *incident_id, struct str number,
                  enum alert_state state, usec_t now, struct err *err)
{
	int r = db_exec(tx, err,
	                "UPDATE alert SET incident_id = $2, incident_number = $3, state = $4, version = version + 1,"
	                " acknowledged_at = CASE WHEN $4 = $6 AND acknowledged_at IS NULL THEN $5 ELSE acknowledged_at END"
	                " WHERE id = $1",
	                DB_UUID(id), DB_UUID(incident_id), DB_TEXT(number), DB_INT(state), DB_INT(now),
	                DB_INT(ALERT_STATE_ACKNOWLEDGED));
	return r < 0 ? r : 0;
}

int alert_db_comment(struct db_tx *tx, const struct uuid *alert_id, const struct uuid *author_id,
                     struct str author_name, struct str text, usec_t due, usec_t now, struct err *err)
{
	struct uuid id = uuid_new();
	int r = db_exec(tx, err,
	                "INSERT INTO alert_comment (id, alert_id, at, author_id, author_name, text, due_at)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7)",
	                DB_UUID(&id), DB_UUID(alert_id), DB_INT(now), DB_UUID_OR_NULL(author_id), DB_TEXT(author_name),
	                DB_TEXT(text), due != 0 ? DB_INT(due) : DB_NULL);
	return r < 0 ? r : 0;
}

int alert_db_comment_withdraw(struct db_tx *tx, const struct uuid *alert_id, const struct uuid *comment_id,
                              const struct uuid *author_id, usec_t since, struct err *err)
{
	return db_exec(tx, err, "DELETE FROM alert_comment WHERE id = $1 AND alert_id = $2 AND author_id = $3 AND at >= $4",
	               DB_UUID(comment_id), DB_UUID(alert_id), DB_UUID(author_id), DB_INT(since));
}

int alert_db_comments(struct db_tx *tx, const struct uuid *alert_id, struct json_writer *w, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id, at, author_name, text, due_at FROM alert_comment WHERE alert_id = $1 ORDER BY at, id LIMIT 1000",
	                 DB_UUID(alert_id));
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		char text[UUID_TEXT_SIZE], iso[CLOCK_ISO_SIZE];
		json_object(w);
		json_member_cstr(w, "id", uuid_text(&id, text));
		json_member_cstr(w, "at", clock_iso(db_int(rows, 1), iso));
		json_member_str(w, "author", db_text(rows, 2));
		json_member_str(w, "text", db_text(rows, 3));
		json_name(w, "due_at");
		if (db_is_null(rows, 4))
			json_null(w);
		else
			json_cstr(w, clock_iso(db_int(rows, 4), iso));
		json_object_end(w);
	}
	json_array_end(w);
	return r < 0 ? r : 0;
}

int alert_write_of_incident(struct db_tx *tx, const struct uuid *incident_id, struct json_writer *w, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id, number, title, severity, state, last_at FROM alert WHERE incident_id = $1"
	                 " ORDER BY last_at DESC, id LIMIT 1000",
	                 DB_UUID(incident_id));
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		char text[UUID_TEXT_SIZE], iso[CLOCK_ISO_SIZE];
		json_object(w);
		json_member_cstr(w, "id", uuid_text(&id, text));
		json_member_int(w, "number", db_int(rows, 1));
		json_member_str(w, "title", db_text(rows, 2));
		json_member_cstr(w, "severity", alert_severity_name((enum alert_severity)db_int(rows, 3)));
		json_member_cstr(w, "state", alert_state_name((enum alert_state)db_int(rows, 4)));
		json_member_cstr(w, "last_at", clock_iso(db_int(rows, 5), iso));
		json_object_end(w);
	}
	json_array_end(w);
	return r < 0 ? r : 0;
}

int alert_count_states(struct db_tx *tx, int64_t ret[ALERT_STATE__COUNT][ALERT_SEVERITY__COUNT], struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	for (size_t i = 0; i < ALERT_STATE__COUNT; i++)
		for (size_t k = 0; k < ALERT_SEVERITY__COUNT; k++)
			ret[i][k] = 0;
	int r = db_query(tx, &rows, err, "SELECT state, severity, count(*) FROM alert WHERE sample = 0 GROUP BY state, severity");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		int64_t state = db_int(rows, 0), severity = db_int(rows, 1);
		if (state >= 0 && state < ALERT_STATE__COUNT && severity >= 0 && severity < ALERT_SEVERITY__COUNT)
			ret[state][severity] = db_int(rows, 2);
	}
	return r;
}
