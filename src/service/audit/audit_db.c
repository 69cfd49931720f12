/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>

#include "base/text/text.h"
#include "service/audit/audit_internal.h"

#define SEARCH_KEY_MAX 4096

int audit_db_head(struct db_tx *tx, int64_t *ret_number, unsigned char ret_hash[SHA256_SIZE], struct err *err)
{
	*ret_number = 0;
	(void)memset(ret_hash, 0, SHA256_SIZE);
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT number, hash FROM audit_head WHERE id = 1");
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r;
	*ret_number = db_int(rows, 0);
	struct str hash = db_text(rows, 1);
	if (hash.n == SHA256_SIZE)
		(void)memcpy(ret_hash, hash.p, SHA256_SIZE);
	return 0;
}

static void search_key(const struct audit_row *row, struct buf *out)
{
	cleanup_buf struct buf text = BUF_INIT(SEARCH_KEY_MAX);
	char id[UUID_TEXT_SIZE];
	buf_printf(&text, "%.*s %.*s %.*s %.*s %s", STR_FMT(row->account_name), STR_FMT(row->action),
	           STR_FMT(row->object_type), STR_FMT(row->peer),
	           uuid_is_null(&row->object_id) ? "" : uuid_text(&row->object_id, id));
	text_search_key(buf_str(&text), out);
}

int audit_db_append(struct db_tx *tx, const struct audit_row *row, struct err *err)
{
	struct db_value hash = DB_BLOB(str_n(row->hash, SHA256_SIZE));
	cleanup_buf struct buf key = BUF_INIT(SEARCH_KEY_MAX);
	search_key(row, &key);
	/* The one row that every writer changes: where two cores meet, one repeats. */
	int r = db_exec(tx, err,
	                "INSERT INTO audit_head (id, number, hash) VALUES (1, $1, $2)"
	                " ON CONFLICT (id) DO UPDATE SET number = excluded.number, hash = excluded.hash",
	                DB_INT(row->number), hash);
	if (r < 0)
		return r;
	return db_exec(tx, err,
	               "INSERT INTO audit (number, at, account_id, account_name, kind, peer, action, object_type, object_id,"
	               " unit_id, details, hash, search_key)"
	               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
	               DB_INT(row->number), DB_INT(row->at), DB_UUID_OR_NULL(&row->account_id),
	               DB_TEXT(row->account_name), DB_TEXT(row->kind), DB_TEXT(row->peer), DB_TEXT(row->action),
	               DB_TEXT(row->object_type), DB_UUID_OR_NULL(&row->object_id), DB_UUID_OR_NULL(&row->unit_id),
	               DB_TEXT(row->details), hash, DB_TEXT(buf_str(&key)));
}

int audit_db_walk(struct db_tx *tx, struct arena *arena, int64_t number, size_t limit, struct audit_row *rows,
                  size_t *ret_count, struct err *err)
{
	cleanup_rows struct db_rows *found = NULL;
	int r = db_query(tx, &found, err,
	                 "SELECT number, at, account_id, account_name, kind, peer, action, object_type, object_id, unit_id,"
	                 " details, hash FROM audit WHERE number > $1 ORDER BY number LIMIT $2",
	                 DB_INT(number), DB_INT(limit));
	size_t n = 0;
	while (r >= 0 && n < limit && (r = db_next(found, err)) > 0) {
		struct audit_row *row = &rows[n++];
		*row = (struct audit_row){
			.number = db_int(found, 0),
			.at = db_int(found, 1),
			.account_id = db_uuid(found, 2),
			.account_name = arena_str(arena, db_text(found, 3)),
			.kind = arena_str(arena, db_text(found, 4)),
			.peer = arena_str(arena, db_text(found, 5)),
			.action = arena_str(arena, db_text(found, 6)),
			.object_type = arena_str(arena, db_text(found, 7)),
			.object_id = db_uuid(found, 8),
			.unit_id = db_uuid(found, 9),
			.details = arena_str(arena, db_text(found, 10)),
		};
		struct str hash = db_text(found, 11);
		if (hash.n == SHA256_SIZE)
			(void)memcpy(row->hash, hash.p, SHA256_SIZE);
	}
	*ret_count = n;
	return r < 0 ? r : 0;
}

static void write_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	(void)req;
	unsigned at = API_LIST_FIRST;
	char hex[SHA256_HEX_SIZE] = "";
	struct uuid object = db_uuid(rows, at + 6), unit = db_uuid(rows, at + 7);
	struct str hash = db_text(rows, at + 10);
	json_member_int(w, "number", db_int(rows, 0));
	api_member_time(w, "at", db_int(rows, at));
	json_member_str(w, "account_name", db_text(rows, at + 1));
	json_member_str(w, "kind", db_text(rows, at + 2));
	json_member_str(w, "peer", db_text(rows, at + 3));
	json_member_str(w, "action", db_text(rows, at + 4));
	api_member_text_or_null(w, "object_type", db_text(rows, at + 5));
	api_member_uuid(w, "object_id", &object);
	api_member_ref(w, "unit", &unit, db_text(rows, at + 8));
	json_name(w, "details");
	json_raw(w, db_text(rows, at + 9));
	if (hash.n == SHA256_SIZE)
		(void)sha256_hex((const unsigned char *)hash.p, hex);
	json_member_cstr(w, "hash", hex);
}

static int add_filters(struct api_request *req, struct api_list *list, struct err *err)
{
	struct str action = http_query(req->http, "action");
	struct uuid account, object;
	usec_t from = 0, to = 0;
	int r = api_query_uuid(req, "account", &account, err);
	if (r > 0)
		api_list_add(list, " AND a.account_id = ?", DB_BLOB(arena_str(req->arena, str_n(account.b, sizeof account.b))));
	if (r >= 0 && (r = api_query_uuid(req, "object", &object, err)) > 0)
		api_list_add(list, " AND a.object_id = ?", DB_BLOB(arena_str(req->arena, str_n(object.b, sizeof object.b))));
	if (r >= 0 && (r = api_query_time(req, "from", &from, err)) > 0)
		api_list_add(list, " AND a.at >= ?", DB_INT(from));
	if (r >= 0 && (r = api_query_time(req, "to", &to, err)) > 0)
		api_list_add(list, " AND a.at < ?", DB_INT(to));
	if (r >= 0 && action.n > 0) {
		if (!text_is_utf8(action))
			return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", "action"), ARG_CSTR("expected", "UTF-8"));
		api_list_add(list, " AND a.action = ?", DB_TEXT(action));
	}
	api_list_search(list, req, "a.search_key");
	return r;
}

int audit_db_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"number", "a.number", DB_TYPE_INT, true}, {.name = NULL}};
	static const struct api_list_reply how = {
		"a.at, a.account_name, a.kind, a.peer, a.action, a.object_type, a.object_id, a.unit_id, u.name, a.details, a.hash",
		"a.number", write_row};
	struct api_list list;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	const struct db_value account = DB_UUID(&req->access->account_id), permission = DB_CSTR("audit.read"),
	                      now = DB_INT(api_now(req));
	/* Records of no unit belong to whoever may read those of a root. */
	api_list_add(&list, " FROM audit a LEFT JOIN unit u ON u.id = a.unit_id WHERE (" ACCESS_UNIT_SCOPE("a.unit_id", "?", "?", "?")
	             " OR (a.unit_id IS NULL AND EXISTS (SELECT 1 FROM unit root WHERE root.parent_id IS NULL AND"
	             ACCESS_UNIT_SCOPE("root.id", "?", "?", "?") ")))", account, permission, now, account, permission, now);
	r = add_filters(req, &list, err);
	return r < 0 ? r : api_list_answer(req, res, &list, &how, err);
}
