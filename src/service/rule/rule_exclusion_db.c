/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/rule/rule_http.h"

int rule_db_exclusion_insert(struct db_tx *tx, const struct rule_exclusion *x, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO rule_exclusion (id, rule_id, author_id, author_name, reason, condition, unit_id, created_at, expires_at, ended_at,"
	               " ended_by, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, '', 1)",
	               DB_UUID(&x->id), DB_UUID(&x->rule_id), DB_UUID_OR_NULL(&x->author_id), DB_TEXT(x->author), DB_TEXT(x->reason),
	               DB_TEXT(x->condition), DB_UUID_OR_NULL(&x->unit_id), DB_INT(x->created_at), DB_INT(x->expires_at));
}

int rule_db_exclusion_end(struct db_tx *tx, const struct uuid *rule_id, const struct uuid *id, struct str by, usec_t now, struct err *err)
{
	int r = db_exec(tx, err, "UPDATE rule_exclusion SET ended_at = $3, ended_by = $4, version = version + 1 WHERE id = $1 AND rule_id = $2 AND ended_at IS NULL",
	                DB_UUID(id), DB_UUID(rule_id), DB_INT(now), DB_TEXT(by));
	return r == 0 ? err_set(err, -ENOENT, "rule.no_exclusion") : r;
}

int rule_db_exclusions_active(struct db_tx *tx, usec_t now, rule_exclusion_fn fn, void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT x.id, x.rule_id, x.author_name, x.reason, x.condition, x.unit_id, x.expires_at, r.ids, r.sigma_id FROM rule_exclusion x"
	                 " JOIN rule r ON r.id = x.rule_id WHERE x.ended_at IS NULL AND x.expires_at > $1 AND r.gone = 0 AND r.enabled = 1 ORDER BY x.id",
	                 DB_INT(now));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		const struct rule_exclusion x = {.id = db_uuid(rows, 0), .rule_id = db_uuid(rows, 1), .author = db_text(rows, 2),
		                                 .reason = db_text(rows, 3), .condition = db_text(rows, 4), .unit_id = db_uuid(rows, 5),
		                                 .expires_at = db_int(rows, 6), .ids = db_text(rows, 7).n > 0 ? db_text(rows, 7) : db_text(rows, 8)};
		r = fn(&x, ctx, err);
	}
	return r;
}

int rule_db_unit_hosts(struct db_tx *tx, const struct uuid *unit_id, void (*each)(struct str hostname, void *ctx), void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT DISTINCT e.hostname FROM endpoint e JOIN unit u ON u.id = e.unit_id JOIN unit g ON substr(u.path, 1, length(g.path)) = g.path"
	                 " WHERE g.id = $1 AND e.retired_at IS NULL ORDER BY e.hostname LIMIT 20000",
	                 DB_UUID(unit_id));
	while (r >= 0 && (r = db_next(rows, err)) > 0)
		each(db_text(rows, 0), ctx);
	return r;
}

int rule_db_exclusion_test(struct db_tx *tx, const struct uuid *rule_id, struct arena *arena, struct str *ret_ids, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT ids, sigma_id FROM rule WHERE id = $1 AND gone = 0", DB_UUID(rule_id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "rule.unknown");
	*ret_ids = arena_str(arena, db_text(rows, 0).n > 0 ? db_text(rows, 0) : db_text(rows, 1));
	return 0;
}
