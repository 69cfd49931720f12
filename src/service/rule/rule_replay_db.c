/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/rule/rule_http.h"

int rule_db_replay_insert(struct db_tx *tx, const struct rule_replay *r, struct err *err)
{
	int e = db_exec(tx, err, "DELETE FROM rule_replay WHERE started_at < $1", DB_INT(r->started_at - 7 * USEC_PER_DAY));
	if (e < 0)
		return e;
	return db_exec(tx, err,
	               "INSERT INTO rule_replay (id, rule_id, account_id, from_at, to_at, state, done, total, matched, result, problem, started_at)"
	               " VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, '', '', $7)",
	               DB_UUID(&r->id), DB_UUID_OR_NULL(&r->rule_id), DB_UUID(&r->account_id), DB_INT(r->from), DB_INT(r->to),
	               DB_INT(RULE_REPLAY_RUNNING), DB_INT(r->started_at));
}

int rule_db_replay_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_replay *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT rule_id, account_id, from_at, to_at, state, done, total, matched, result, problem, started_at, ended_at"
	                 " FROM rule_replay WHERE id = $1",
	                 DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "rule.no_replay");
	*ret = (struct rule_replay){.id = *id, .rule_id = db_uuid(rows, 0), .account_id = db_uuid(rows, 1), .from = db_int(rows, 2),
	                            .to = db_int(rows, 3), .state = (enum rule_replay_state)db_int(rows, 4), .done = db_int(rows, 5),
	                            .total = db_int(rows, 6), .matched = db_int(rows, 7), .result = arena_str(arena, db_text(rows, 8)),
	                            .problem = arena_str(arena, db_text(rows, 9)), .started_at = db_int(rows, 10), .ended_at = db_int(rows, 11)};
	return 0;
}

int rule_db_replay_progress(struct db_tx *tx, const struct rule_replay *r, struct err *err)
{
	return db_exec(tx, err, "UPDATE rule_replay SET done = $2, total = $3, matched = $4 WHERE id = $1 AND state = $5", DB_UUID(&r->id),
	               DB_INT(r->done), DB_INT(r->total), DB_INT(r->matched), DB_INT(RULE_REPLAY_RUNNING));
}

int rule_db_replay_end(struct db_tx *tx, const struct rule_replay *r, struct err *err)
{
	return db_exec(tx, err,
	               "UPDATE rule_replay SET state = $2, done = $3, total = $4, matched = $5, result = $6, problem = $7, ended_at = $8"
	               " WHERE id = $1 AND state = $9",
	               DB_UUID(&r->id), DB_INT(r->state), DB_INT(r->done), DB_INT(r->total), DB_INT(r->matched), DB_TEXT(r->result),
	               DB_TEXT(r->problem), DB_INT(r->ended_at), DB_INT(RULE_REPLAY_RUNNING));
}

int rule_db_unit_name(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT name FROM unit WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	*ret = r > 0 ? arena_str(arena, db_text(rows, 0)) : STR("");
	return r < 0 ? r : 0;
}
