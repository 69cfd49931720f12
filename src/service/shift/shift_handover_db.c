/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Table of hand-overs. */
#include "service/shift/shift_internal.h"

int shift_db_handover_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct shift_handover *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT unit_id, author_id, state, number, version, body, digest FROM shift_handover WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	*ret = (struct shift_handover){.id = *id, .unit_id = db_uuid(rows, 0), .author_id = db_uuid(rows, 1),
	                               .state = (enum shift_handover_state)db_int(rows, 2), .number = db_int(rows, 3), .version = db_int(rows, 4),
	                               .body = arena_str(arena, db_text(rows, 5)), .digest = arena_str(arena, db_text(rows, 6))};
	return 0;
}

int shift_db_handover_put(struct db_tx *tx, const struct shift_handover *h, struct str author, struct str facts, usec_t now,
                          int64_t *ret_number, struct err *err)
{
	int64_t number = 0;
	int r = db_exec(tx, err, "UPDATE shift_number SET last = last + 1 WHERE one = 1");
	if (r >= 0)
		r = db_query_int(tx, &number, err, "SELECT last FROM shift_number WHERE one = 1");
	if (r >= 0)
		r = db_exec(tx, err,
		            "INSERT INTO shift_handover (id, unit_id, number, state, author_id, author_name, created_at, facts, body, digest,"
		            " signed_with, accepted_name, accepted_with, accepted_note, version)"
		            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', '', '', '', 1)",
		            DB_UUID(&h->id), DB_UUID(&h->unit_id), DB_INT(number), DB_INT(SHIFT_HANDOVER_DRAFT), DB_UUID(&h->author_id),
		            DB_TEXT(author), DB_INT(now), DB_TEXT(facts), DB_TEXT(h->body));
	*ret_number = number;
	return r < 0 ? r : 0;
}

static int changed(int r, struct err *err)
{
	return r < 0 ? r : r == 0 ? err_set(err, -ESTALE, "shift.changed_meanwhile") : 0;
}

int shift_db_handover_edit(struct db_tx *tx, const struct shift_handover *h, struct str body, struct err *err)
{
	return changed(db_exec(tx, err, "UPDATE shift_handover SET body = $2, version = version + 1 WHERE id = $1 AND version = $3 AND state = $4",
	                       DB_UUID(&h->id), DB_TEXT(body), DB_INT(h->version), DB_INT(SHIFT_HANDOVER_DRAFT)), err);
}

int shift_db_handover_sign(struct db_tx *tx, const struct shift_handover *h, struct str digest, struct str with, usec_t now, struct err *err)
{
	return changed(db_exec(tx, err,
	                       "UPDATE shift_handover SET state = $2, digest = $3, signed_with = $4, signed_at = $5, version = version + 1"
	                       " WHERE id = $1 AND version = $6 AND state = $7",
	                       DB_UUID(&h->id), DB_INT(SHIFT_HANDOVER_SIGNED), DB_TEXT(digest), DB_TEXT(with), DB_INT(now), DB_INT(h->version),
	                       DB_INT(SHIFT_HANDOVER_DRAFT)), err);
}

int shift_db_handover_accept(struct db_tx *tx, const struct shift_handover *h, const struct access *by, struct str with, struct str note,
                             usec_t now, struct err *err)
{
	return changed(db_exec(tx, err,
	                       "UPDATE shift_handover SET state = $2, accepted_by = $3, accepted_name = $4, accepted_with = $5, accepted_note = $6,"
	                       " accepted_at = $7, version = version + 1 WHERE id = $1 AND version = $8 AND state = $9",
	                       DB_UUID(&h->id), DB_INT(SHIFT_HANDOVER_ACCEPTED), DB_UUID(&by->account_id), DB_TEXT(by->name), DB_TEXT(with),
	                       DB_TEXT(note), DB_INT(now), DB_INT(h->version), DB_INT(SHIFT_HANDOVER_SIGNED)), err);
}

#define COLUMNS \
	"h.number, h.state, h.unit_id, u.name, h.author_id, h.author_name, h.created_at, h.signed_at, h.signed_with, h.accepted_at,"      \
	" h.accepted_by, h.accepted_name, h.accepted_with, h.accepted_note, h.version"
#define TABLES " FROM shift_handover h JOIN unit u ON u.id = h.unit_id"
#define WIDTH 15

static void write_row(struct json_writer *w, const struct db_rows *rows, const struct uuid *id, unsigned f)
{
	struct uuid unit = db_uuid(rows, f + 2), author = db_uuid(rows, f + 4), accepted = db_uuid(rows, f + 10);
	int64_t state = db_int(rows, f + 1);
	api_member_uuid(w, "id", id);
	json_member_int(w, "number", db_int(rows, f));
	json_member_cstr(w, "state", shift_handover_states[state >= 0 && state < SHIFT_HANDOVER__COUNT ? state : 0]);
	api_member_ref(w, "unit", &unit, db_text(rows, f + 3));
	api_member_ref(w, "author", &author, db_text(rows, f + 5));
	api_member_time(w, "created_at", db_int(rows, f + 6));
	api_member_time(w, "signed_at", db_int(rows, f + 7));
	json_member_str(w, "signed_with", db_text(rows, f + 8));
	api_member_time(w, "accepted_at", db_int(rows, f + 9));
	api_member_ref(w, "accepted_by", &accepted, db_text(rows, f + 11));
	json_member_str(w, "accepted_with", db_text(rows, f + 12));
	json_member_str(w, "accepted_note", db_text(rows, f + 13));
	api_member_etag(w, db_int(rows, f + 14));
}

static void list_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	struct uuid id = db_uuid(rows, 1);
	(void)req;
	write_row(w, rows, &id, API_LIST_FIRST);
}

int shift_handover_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"created_at", "h.created_at", DB_TYPE_INT, true}, {.name = NULL}};
	struct api_list list;
	uint32_t states = 0;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, TABLES " WHERE 1 = 1");
	api_list_scope(&list, "h.unit_id", req, "shift.read");
	if ((r = api_query_enums(req, "state", shift_handover_states, &states, err)) > 0)
		api_list_add(&list, " AND " API_IN_SET("h.state"), DB_INT(states));
	return r < 0 ? r : api_list_answer(req, res, &list, &(struct api_list_reply){COLUMNS, "h.id", list_row}, err);
}

int shift_db_handover_write(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct uuid *id,
                            int64_t *ret_version, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT " COLUMNS ", h.facts, h.body, h.digest" TABLES " WHERE h.id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	struct uuid author = db_uuid(rows, 4);
	write_row(w, rows, id, 0);
	json_name(w, "facts");
	json_raw(w, db_text(rows, WIDTH));
	json_member_str(w, "body", db_text(rows, WIDTH + 1));
	json_member_str(w, "sha256", db_text(rows, WIDTH + 2));
	json_member_bool(w, "mine", uuid_eq(&author, &req->access->account_id));
	*ret_version = db_int(rows, WIDTH - 1);
	return 0;
}
