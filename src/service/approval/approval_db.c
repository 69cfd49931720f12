/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/approval/approval_internal.h"

struct rules {
	const struct approval_rule *rows;
	size_t count;
};

static int replace_rules(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct rules *rules = ctx;
	int r = db_exec(tx, err, "DELETE FROM approval_rule");
	for (size_t i = 0; i < rules->count && r >= 0; i++) {
		const struct approval_rule *rule = &rules->rows[i];
		r = db_exec(tx, err,
		            "INSERT INTO approval_rule (action, position, is_on, hours, label_vi, label_en) VALUES ($1, $2, $3, $4, $5, $6)",
		            DB_TEXT(rule->action), DB_INT(i), DB_INT(rule->on), DB_INT(rule->hours), DB_TEXT(rule->label_vi),
		            DB_TEXT(rule->label_en));
	}
	return r;
}

int approval_db_replace_rules(struct db *db, const struct approval_rule *rows, size_t count, struct err *err)
{
	struct rules rules = {rows, count};
	return db_write(db, replace_rules, &rules, err);
}

int approval_db_rule(struct db_tx *tx, const char *action, struct approval_rule *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT is_on, hours FROM approval_rule WHERE action = $1", DB_CSTR(action));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = (struct approval_rule){.on = db_int(rows, 0) != 0, .hours = db_int(rows, 1)};
	return r;
}

int approval_db_others(struct db_tx *tx, const char *permission, const struct uuid *unit_id, const struct uuid *but,
                       usec_t now, int64_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err,
	                    "SELECT count(DISTINCT a.id) FROM account a JOIN account_grant g ON g.account_id = a.id"
	                    " JOIN role_permission rp ON rp.role = g.role JOIN unit gu ON gu.id = g.unit_id"
	                    " JOIN unit su ON substr(su.path, 1, length(gu.path)) = gu.path"
	                    " WHERE su.id = $1 AND rp.permission = $2 AND a.id <> $3 AND a.kind = 'person' AND a.disabled = 0"
	                    " AND g.restrict_kind IS NULL AND (g.expires_at IS NULL OR g.expires_at > $4)",
	                    DB_UUID(unit_id), DB_CSTR(permission), DB_UUID(but), DB_INT(now));
}

int approval_db_add(struct db_tx *tx, const struct approval_row *a, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO approval (id, action, permission, method, target, body, if_match, digest, object_type,"
	               " object_id, unit_id, label, reason, asked_by, asked_at, expires_at, state, decided_by, decided_at, note,"
	               " error_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'waiting',"
	               " NULL, NULL, '', '')",
	               DB_UUID(&a->deed.id), DB_TEXT(a->action), DB_TEXT(a->permission), DB_TEXT(a->deed.method),
	               DB_TEXT(a->deed.target), DB_TEXT(a->deed.body), DB_TEXT(a->deed.if_match),
	               DB_BLOB(str_n(a->digest, SHA256_SIZE)), DB_TEXT(a->object_type), DB_UUID_OR_NULL(&a->object_id),
	               DB_UUID(&a->unit_id), DB_TEXT(a->label), DB_TEXT(a->reason), DB_UUID(&a->deed.asked_by),
	               DB_INT(a->asked_at), DB_INT(a->expires_at));
}

int approval_db_same(struct db_tx *tx, const struct uuid *asked_by, const unsigned char digest[SHA256_SIZE], usec_t now,
                     struct uuid *ret_id, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT id FROM approval WHERE asked_by = $1 AND digest = $2 AND state = 'waiting' AND expires_at > $3",
	                 DB_UUID(asked_by), DB_BLOB(str_n(digest, SHA256_SIZE)), DB_INT(now));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret_id = db_uuid(rows, 0);
	return r;
}

int approval_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct approval_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT p.action, p.permission, p.method, p.target, p.body, p.if_match, p.object_type, p.object_id,"
	                 " p.unit_id, p.label, p.reason, p.asked_by, p.asked_at, p.expires_at, p.state, a.display_name, a.unit_id"
	                 " FROM approval p JOIN account a ON a.id = p.asked_by WHERE p.id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	*ret = (struct approval_row){
		.deed = {.id = *id, .asked_by = db_uuid(rows, 11), .asked_unit = db_uuid(rows, 16),
		         .asked_name = arena_str(arena, db_text(rows, 15)), .method = arena_str(arena, db_text(rows, 2)),
		         .target = arena_str(arena, db_text(rows, 3)), .body = arena_str(arena, db_text(rows, 4)),
		         .if_match = arena_str(arena, db_text(rows, 5))},
		.object_id = db_uuid(rows, 7),
		.unit_id = db_uuid(rows, 8),
		.action = arena_str(arena, db_text(rows, 0)),
		.permission = arena_str(arena, db_text(rows, 1)),
		.object_type = arena_str(arena, db_text(rows, 6)),
		.label = arena_str(arena, db_text(rows, 9)),
		.reason = arena_str(arena, db_text(rows, 10)),
		.asked_at = db_int(rows, 12),
		.expires_at = db_int(rows, 13),
		.state = arena_str(arena, db_text(rows, 14)),
	};
	return 0;
}

int approval_db_decide(struct db_tx *tx, const struct uuid *id, const char *from, const char *to, const struct uuid *by,
                       struct str note, usec_t now, struct err *err)
{
	return db_exec(tx, err,
	               "UPDATE approval SET state = $1, decided_by = $2, decided_at = $3, note = $4"
	               " WHERE id = $5 AND state = $6 AND expires_at > $3",
	               DB_CSTR(to), DB_UUID(by), DB_INT(now), DB_TEXT(note), DB_UUID(id), DB_CSTR(from));
}

int approval_db_end(struct db_tx *tx, const struct uuid *id, const char *to, const char *error_key, struct err *err)
{
	return db_exec(tx, err, "UPDATE approval SET state = $1, error_key = $2 WHERE id = $3 AND state = 'approved'",
	               DB_CSTR(to), DB_CSTR(error_key), DB_UUID(id));
}

int approval_db_expire(struct db_tx *tx, usec_t now, usec_t stuck_before, struct err *err)
{
	int r = db_exec(tx, err, "UPDATE approval SET state = 'expired' WHERE state = 'waiting' AND expires_at <= $1", DB_INT(now));
	return r < 0 ? r : db_exec(tx, err,
	                           "UPDATE approval SET state = 'failed', error_key = 'approval.interrupted'"
	                           " WHERE state = 'approved' AND decided_at < $1", DB_INT(stuck_before));
}

static void write_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	unsigned at = API_LIST_FIRST;
	bool vi = req->access->lang == MSG_LANG_VI;
	struct uuid id = db_uuid(rows, 1), object = db_uuid(rows, at + 4), unit = db_uuid(rows, at + 5), asker = db_uuid(rows, at + 9),
	            decider = db_uuid(rows, at + 13);
	struct str error = db_text(rows, at + 17);
	cleanup_buf struct buf sentence = BUF_INIT(4096);
	api_member_uuid(w, "id", &id);
	json_member_str(w, "action", db_text(rows, at));
	json_member_str(w, "action_label", db_text(rows, vi ? at + 1 : at + 2));
	json_member_str(w, "object_type", db_text(rows, at + 3));
	api_member_uuid(w, "object_id", &object);
	api_member_ref(w, "unit", &unit, db_text(rows, at + 6));
	json_member_str(w, "label", db_text(rows, at + 7));
	json_member_str(w, "reason", db_text(rows, at + 8));
	api_member_ref(w, "asked_by", &asker, db_text(rows, at + 10));
	api_member_time(w, "asked_at", db_int(rows, 0));
	api_member_time(w, "expires_at", db_int(rows, at + 11));
	json_member_str(w, "state", db_text(rows, at + 12));
	api_member_ref(w, "decided_by", &decider, db_text(rows, at + 14));
	api_member_time(w, "decided_at", db_int(rows, at + 15));
	json_member_str(w, "note", db_text(rows, at + 16));
	if (error.n > 0)
		msg_append(req->service->messages, req->access->lang, arena_cstr(req->arena, error), NULL, &sentence);
	json_member_str(w, "error", buf_str(&sentence));
	json_member_bool(w, "mine", uuid_eq(&asker, &req->access->account_id));
}

int approval_db_list(struct api_request *req, struct http_response *res, const struct uuid *only, struct err *err)
{
	static const struct api_sort sorts[] = {{"asked_at", "p.asked_at", DB_TYPE_INT, true}, {.name = NULL}};
	static const char *const states[] = {"waiting", "approved", "done", "failed", "refused", "withdrawn", "expired", NULL};
	static const struct api_list_reply how = {
		"p.action, r.label_vi, r.label_en, p.object_type, p.object_id, p.unit_id, u.name, p.label, p.reason, p.asked_by,"
		" a.display_name, p.expires_at, p.state, p.decided_by, d.display_name, p.decided_at, p.note, p.error_key",
		"p.id", write_row};
	struct api_list list;
	int state = 0;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	/* One's own, and those that one could decide: the permission is the row's. */
	api_list_add(&list,
	             " FROM approval p JOIN unit u ON u.id = p.unit_id JOIN account a ON a.id = p.asked_by"
	             " LEFT JOIN approval_rule r ON r.action = p.action LEFT JOIN account d ON d.id = p.decided_by"
	             " WHERE (p.asked_by = ? OR" ACCESS_UNIT_SCOPE("p.unit_id", "?", "p.permission", "?") ")",
	             DB_UUID(&req->access->account_id), DB_UUID(&req->access->account_id), DB_INT(api_now(req)));
	if (only != NULL)
		api_list_add(&list, " AND p.id = ?", DB_UUID(only));
	r = api_query_enum(req, "state", states, &state, err);
	if (r > 0)
		api_list_add(&list, " AND p.state = ?", DB_CSTR(states[state]));
	if (r >= 0 && str_eq(http_query(req->http, "to_decide"), STR("1")))
		api_list_add(&list, " AND p.asked_by <> ?", DB_UUID(&req->access->account_id));
	return r < 0 ? r : api_list_answer(req, res, &list, &how, err);
}
