/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/alert/alert_list.h"
#include "service/alert/alert_tune.h"
#include "service/rule/rule.h"

/* Beyond these the figures are "at least" anyway. */
#define MOST "50000"

int alert_db_each_of_rule(struct db_tx *tx, const struct api_request *req, const struct uuid *id, const struct uuid *unit_id, usec_t since,
                          alert_tuned_fn fn, void *ctx, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT a.id, a.unit_id, a.endpoint_id, a.host, a.why, a.count, a.version, a.severity, a.state, a.incident_id FROM alert a"
	                 " WHERE a.rule_id = (SELECT o.rule_id FROM alert o WHERE o.id = $4) AND a.last_at >= $5"
	                 " AND ($7 = 0 OR (a.endpoint_id IS NOT NULL AND EXISTS (SELECT 1 FROM unit ru, unit su WHERE ru.id = a.unit_id AND su.id = $6"
	                 " AND substr(ru.path, 1, length(su.path)) = su.path)))"
	                 " AND" ACCESS_UNIT_SCOPE(ALERT_ROW_UNIT, "$1", "$2", "$3") " ORDER BY a.last_at DESC, a.id LIMIT " MOST,
	                 DB_UUID(&req->access->account_id), DB_CSTR("alert.read"), DB_INT(api_now(req)), DB_UUID(id), DB_INT(since), DB_UUID(unit_id),
	                 DB_INT(!uuid_is_null(unit_id)));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		const struct uuid endpoint = db_uuid(rows, 2), incident = db_uuid(rows, 9);
		char text[UUID_TEXT_SIZE];
		const struct alert_tuned a = {
			.id = db_uuid(rows, 0), .unit_id = db_uuid(rows, 1), .machine = uuid_is_null(&endpoint) ? db_text(rows, 3) : str_c(uuid_text(&endpoint, text)),
			.why = db_text(rows, 4), .findings = db_int(rows, 5), .version = db_int(rows, 6), .severity = (enum alert_severity)db_int(rows, 7),
			.state = (enum alert_state)db_int(rows, 8), .in_incident = !uuid_is_null(&incident)};
		r = fn(&a, ctx, err);
	}
	return r < 0 ? r : 0;
}

int alert_db_rule_of(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct uuid *ret_rule, struct str *ret_title, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT rule_id, rule_file FROM alert WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0 || db_text(rows, 1).n == 0)
		return r < 0 ? r : 0;
	struct str rule_id = arena_str(arena, db_text(rows, 0)), file = arena_str(arena, db_text(rows, 1));
	return rule_find(tx, arena, rule_id, file, ret_rule, ret_title, err);
}
