/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Cases and their timelines. */
#include "base/text/text.h"
#include "service/incident/incident_internal.h"

int incident_db_number(struct db_tx *tx, int64_t year, int64_t *ret_sequence, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO incident_number (year, last) VALUES ($1, 1)"
	                " ON CONFLICT (year) DO UPDATE SET last = incident_number.last + 1",
	                DB_INT(year));
	return r < 0 ? r : db_query_int(tx, ret_sequence, err, "SELECT last FROM incident_number WHERE year = $1", DB_INT(year));
}

static void search_key_of(struct str number, struct str title, struct str description, struct buf *out)
{
	struct buf text = BUF_INIT((size_t)64 << 10);
	buf_printf(&text, "%.*s %.*s %.*s", STR_FMT(number), STR_FMT(title), STR_FMT(str_sub(description, 0, 8000)));
	text_search_key(buf_str(&text), out);
	buf_done(&text);
}

int incident_db_insert(struct db_tx *tx, const struct incident_new *incident, const struct uuid *id, struct str number,
                       struct str state, usec_t now, struct err *err)
{
	cleanup_buf struct buf key = BUF_INIT((size_t)128 << 10);
	search_key_of(number, incident->title, incident->description, &key);
	int r = db_exec(tx, err,
	                "INSERT INTO incident (id, number, title, kind, other_label, severity, state, unit_id, endpoint_id,"
	                " opened_at, detected_at, owner_name, description, search_key, sample, version)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', $12, $13, $14, 1)",
	                DB_UUID(id), DB_TEXT(number), DB_TEXT(incident->title), DB_TEXT(incident->kind),
	                DB_TEXT(incident->other_label), DB_INT(incident->severity), DB_TEXT(state),
	                DB_UUID(&incident->unit_id), DB_UUID_OR_NULL(&incident->endpoint_id), DB_INT(now),
	                DB_INT(incident->detected_at), DB_TEXT(incident->description), DB_TEXT(buf_str(&key)),
	                DB_INT(incident->sample));
	return r < 0 ? r : 0;
}

int incident_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct incident_row *ret,
                    struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT i.unit_id, i.endpoint_id, i.owner_id, i.number, i.title, i.kind, k.label_vi, k.label_en,"
	                 " i.other_label, i.state, i.description, u.name, e.hostname, i.owner_name, i.severity, i.opened_at,"
	                 " i.detected_at, i.closed_at, i.sample, i.version FROM incident i"
	                 " LEFT JOIN incident_kind k ON k.id = i.kind LEFT JOIN unit u ON u.id = i.unit_id"
	                 " LEFT JOIN endpoint e ON e.id = i.endpoint_id WHERE i.id = $1",
	                 DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, -ENOENT, "incident.unknown");
	struct str *const texts[] = {&ret->number, &ret->title, &ret->kind, &ret->kind_label[MSG_LANG_VI],
	                             &ret->kind_label[MSG_LANG_EN], &ret->other_label, &ret->state, &ret->description,
	                             &ret->unit_name, &ret->hostname, &ret->owner_name};
	ret->id = *id;
	ret->unit_id = db_uuid(rows, 0);
	ret->endpoint_id = db_uuid(rows, 1);
	ret->owner_id = db_uuid(rows, 2);
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_str(arena, db_text(rows, i + 3));
	ret->severity = (enum alert_severity)db_int(rows, 14);
	ret->opened_at = db_int(rows, 15);
	ret->detected_at = db_int(rows, 16);
	ret->closed_at = db_int(rows, 17);
	ret->sample = db_int(rows, 18) != 0;
	ret->version = db_int(rows, 19);
	return 0;
}

static int changed_one(int changed, struct err *err)
{
	if (changed < 0)
		return changed;
	return changed == 1 ? 0 : err_set(err, -ESTALE, "incident.changed_meanwhile");
}

int incident_db_change(struct db_tx *tx, const struct incident_row *row, const struct incident_change *c,
                       int64_t version, struct err *err)
{
	cleanup_buf struct buf key = BUF_INIT((size_t)128 << 10);
	search_key_of(row->number, c->title, c->description, &key);
	return changed_one(db_exec(tx, err,
	                           "UPDATE incident SET title = $2, kind = $3, other_label = $4, description = $5,"
	                           " severity = $6, detected_at = $7, owner_id = $8, owner_name = $9, search_key = $10,"
	                           " version = version + 1 WHERE id = $1 AND version = $11",
	                           DB_UUID(&row->id), DB_TEXT(c->title), DB_TEXT(c->kind), DB_TEXT(c->other_label),
	                           DB_TEXT(c->description), DB_INT(c->severity), DB_INT(c->detected_at),
	                           DB_UUID_OR_NULL(&c->owner_id), DB_TEXT(c->owner_name), DB_TEXT(buf_str(&key)),
	                           DB_INT(version)),
	                   err);
}

int incident_db_set_state(struct db_tx *tx, const struct uuid *id, struct str state, usec_t closed_at, int64_t version,
                          struct err *err)
{
	return changed_one(db_exec(tx, err,
	                           "UPDATE incident SET state = $2, closed_at = $3, version = version + 1"
	                           " WHERE id = $1 AND version = $4",
	                           DB_UUID(id), DB_TEXT(state), closed_at != 0 ? DB_INT(closed_at) : DB_NULL,
	                           DB_INT(version)),
	                   err);
}

int incident_db_entry(struct db_tx *tx, const struct uuid *incident_id, const struct access *access,
                      const struct incident_entry *entry, usec_t now, struct err *err)
{
	struct uuid id = uuid_new();
	int r = db_exec(tx, err,
	                "INSERT INTO incident_entry (id, incident_id, at, author_id, author_name, type, text, from_state,"
	                " to_state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	                DB_UUID(&id), DB_UUID(incident_id), DB_INT(now), DB_UUID_OR_NULL(&access->account_id),
	                DB_TEXT(access->name), DB_CSTR(entry->type), DB_TEXT(entry->text), DB_TEXT(entry->from),
	                DB_TEXT(entry->to));
	return r < 0 ? r : 0;
}

int incident_db_write_entries(struct db_tx *tx, const struct uuid *incident_id, struct json_writer *w, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id, at, author_name, type, text, from_state, to_state FROM incident_entry"
	                 " WHERE incident_id = $1 ORDER BY at, id LIMIT 5000",
	                 DB_UUID(incident_id));
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		char text[UUID_TEXT_SIZE], iso[CLOCK_ISO_SIZE];
		json_object(w);
		json_member_cstr(w, "id", uuid_text(&id, text));
		json_member_cstr(w, "at", clock_iso(db_int(rows, 1), iso));
		json_member_str(w, "author", db_text(rows, 2));
		json_member_str(w, "type", db_text(rows, 3));
		json_member_str(w, "text", db_text(rows, 4));
		json_member_str(w, "from", db_text(rows, 5));
		json_member_str(w, "to", db_text(rows, 6));
		json_object_end(w);
	}
	json_array_end(w);
	return r < 0 ? r : 0;
}
