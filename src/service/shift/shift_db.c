/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Table of the roster. */
#include "service/shift/shift_internal.h"

int shift_db_own_unit(struct db_tx *tx, const struct access *access, usec_t now, struct uuid *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT u.id FROM account_grant g JOIN role_permission rp ON rp.role = g.role JOIN unit u ON u.id = g.unit_id"
	                 " WHERE g.account_id = $1 AND rp.permission = 'shift.write' AND g.restrict_kind IS NULL"
	                 " AND (g.expires_at IS NULL OR g.expires_at > $2) ORDER BY length(u.path), u.path LIMIT 1",
	                 DB_UUID(&access->account_id), DB_INT(now));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = db_uuid(rows, 0);
	return r < 0 ? r : r == 0 ? err_set(err, -EACCES, "api.forbidden") : 0;
}

int shift_db_find_login(struct db_tx *tx, struct str login, struct uuid *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT id FROM account WHERE login = $1", DB_TEXT(login));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = db_uuid(rows, 0);
	return r < 0 ? r : r == 0 ? err_set(err, -EINVAL, "shift.no_account", ARG_STR("login", login)) : 0;
}

int shift_db_add(struct db_tx *tx, const struct shift_row *s, usec_t now, struct err *err)
{
	int64_t n = 0;
	int r = db_query_int(tx, &n, err, "SELECT count(*) FROM account WHERE id = $1 AND kind = 'person' AND disabled = 0", DB_UUID(&s->account_id));
	if (r >= 0 && n == 0)
		return err_set(err, -EINVAL, "shift.no_account", ARG_CSTR("login", ""));
	if (r >= 0)
		r = db_query_int(tx, &n, err, "SELECT count(*) FROM shift WHERE account_id = $1 AND starts_at < $2 AND ends_at > $3",
		                 DB_UUID(&s->account_id), DB_INT(s->ends_at), DB_INT(s->starts_at));
	if (r >= 0 && n > 0)
		return err_set(err, -EEXIST, "shift.overlaps");
	if (r >= 0)
		r = db_exec(tx, err,
		            "INSERT INTO shift (id, unit_id, account_id, starts_at, ends_at, note, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		            DB_UUID(&s->id), DB_UUID(&s->unit_id), DB_UUID(&s->account_id), DB_INT(s->starts_at), DB_INT(s->ends_at),
		            DB_TEXT(s->note), DB_INT(now));
	return r < 0 ? r : 0;
}

int shift_db_get(struct db_tx *tx, const struct uuid *id, struct shift_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT unit_id, account_id, starts_at, ends_at FROM shift WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	*ret = (struct shift_row){.id = *id, .unit_id = db_uuid(rows, 0), .account_id = db_uuid(rows, 1), .starts_at = db_int(rows, 2),
	                          .ends_at = db_int(rows, 3)};
	return 0;
}

int shift_db_remove(struct db_tx *tx, const struct uuid *id, struct err *err)
{
	int r = db_exec(tx, err, "DELETE FROM shift WHERE id = $1", DB_UUID(id));
	return r < 0 ? r : 0;
}

#define COLUMNS "s.account_id, p.display_name, s.unit_id, u.name, s.starts_at, s.ends_at, s.note"
#define TABLES " FROM shift s JOIN account p ON p.id = s.account_id JOIN unit u ON u.id = s.unit_id"

static void write_row(struct json_writer *w, const struct db_rows *rows, const struct uuid *id, unsigned f)
{
	struct uuid account = db_uuid(rows, f), unit = db_uuid(rows, f + 2);
	api_member_uuid(w, "id", id);
	api_member_ref(w, "account", &account, db_text(rows, f + 1));
	api_member_ref(w, "unit", &unit, db_text(rows, f + 3));
	api_member_time(w, "starts_at", db_int(rows, f + 4));
	api_member_time(w, "ends_at", db_int(rows, f + 5));
	json_member_str(w, "note", db_text(rows, f + 6));
}

static void list_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	struct uuid id = db_uuid(rows, 1);
	(void)req;
	write_row(w, rows, &id, API_LIST_FIRST);
}

int shift_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"starts_at", "s.starts_at", DB_TYPE_INT, false}, {.name = NULL}};
	struct api_list list;
	usec_t from = 0, to = 0;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, TABLES " WHERE 1 = 1");
	api_list_scope(&list, "s.unit_id", req, "shift.read");
	if ((r = api_query_time(req, "from", &from, err)) > 0)
		api_list_add(&list, " AND s.ends_at > ?", DB_INT(from));
	if (r >= 0 && (r = api_query_time(req, "to", &to, err)) > 0)
		api_list_add(&list, " AND s.starts_at < ?", DB_INT(to));
	if (r >= 0)
		r = api_list_unit_filter(&list, req, "s.unit_id", err);
	return r < 0 ? r : api_list_answer(req, res, &list, &(struct api_list_reply){COLUMNS, "s.id", list_row}, err);
}

static int write_people(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const char *name, const char *sql, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, sql, DB_UUID(&req->access->account_id), DB_CSTR("shift.read"), DB_INT(api_now(req)));
	json_name(w, name);
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		json_object(w);
		write_row(w, rows, &id, 1);
		json_object_end(w);
	}
	json_array_end(w);
	return r;
}

#define IN_SCOPE ACCESS_UNIT_SCOPE("s.unit_id", "$1", "$2", "$3")

int shift_db_write_now(struct db_tx *tx, struct json_writer *w, const struct api_request *req, struct err *err)
{
	int r = write_people(tx, w, req, "on_duty",
	                     "SELECT s.id, " COLUMNS TABLES " WHERE s.starts_at <= $3 AND s.ends_at > $3 AND" IN_SCOPE
	                     " ORDER BY s.ends_at, p.display_name, s.id LIMIT 20", err);
	if (r >= 0)
		r = write_people(tx, w, req, "next",
		                 "SELECT s.id, " COLUMNS TABLES " WHERE s.starts_at > $3 AND" IN_SCOPE
		                 " ORDER BY s.starts_at, p.display_name, s.id LIMIT 5", err);
	cleanup_rows struct db_rows *rows = NULL;
	if (r >= 0)
		r = db_query(tx, &rows, err,
		             "SELECT h.id, h.number, h.author_id, h.author_name, h.signed_at FROM shift_handover h WHERE h.state = $4 AND"
		             ACCESS_UNIT_SCOPE("h.unit_id", "$1", "$2", "$3") " ORDER BY h.signed_at, h.id LIMIT 1",
		             DB_UUID(&req->access->account_id), DB_CSTR("shift.read"), DB_INT(api_now(req)), DB_INT(SHIFT_HANDOVER_SIGNED));
	if (r >= 0)
		r = db_next(rows, err);
	json_name(w, "handover");
	if (r > 0) {
		struct uuid id = db_uuid(rows, 0), author = db_uuid(rows, 2);
		json_object(w);
		api_member_uuid(w, "id", &id);
		json_member_int(w, "number", db_int(rows, 1));
		api_member_ref(w, "author", &author, db_text(rows, 3));
		api_member_time(w, "signed_at", db_int(rows, 4));
		json_object_end(w);
	} else {
		json_null(w);
	}
	return r < 0 ? r : 0;
}
