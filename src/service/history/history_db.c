/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/alert/alert.h"
#include "service/api/api.h"
#include "service/endpoint/endpoint.h"
#include "service/history/history_internal.h"

#define KEEP "INSERT INTO history_count (day, unit_id, name, value) SELECT CAST($1 AS INTEGER), "

static int count_endpoints(struct db_tx *tx, int64_t day, struct err *err)
{
	int r = db_exec(tx, err, KEEP "unit_id, 'endpoint.total', count(*) FROM endpoint WHERE retired_at IS NULL GROUP BY unit_id",
	                DB_INT(day));
	if (r >= 0)
		r = db_exec(tx, err,
		            KEEP "unit_id, 'endpoint.protected', count(*) FROM endpoint WHERE retired_at IS NULL AND state = $2"
		                 " GROUP BY unit_id",
		            DB_INT(day), DB_INT(ENDPOINT_STATE_PROTECTED));
	if (r >= 0)
		r = db_exec(tx, err,
		            KEEP "unit_id, 'endpoint.dark', count(*) FROM endpoint WHERE retired_at IS NULL AND state IN ($2, $3)"
		                 " GROUP BY unit_id",
		            DB_INT(day), DB_INT(ENDPOINT_STATE_SILENT), DB_INT(ENDPOINT_STATE_UNPROTECTED));
	return r;
}

static int count_cases(struct db_tx *tx, int64_t day, struct err *err)
{
	int r = db_exec(tx, err, KEEP "unit_id, 'alert.open', count(*) FROM alert WHERE state <> $2 GROUP BY unit_id", DB_INT(day),
	                DB_INT(ALERT_STATE_CLOSED));
	if (r >= 0)
		r = db_exec(tx, err,
		            KEEP "unit_id, 'alert.critical', count(*) FROM alert WHERE state <> $2 AND severity = $3 GROUP BY unit_id",
		            DB_INT(day), DB_INT(ALERT_STATE_CLOSED), DB_INT(ALERT_SEVERITY_CRITICAL));
	if (r >= 0)
		r = db_exec(tx, err,
		            KEEP "i.unit_id, 'incident.open', count(*) FROM incident i JOIN incident_state s ON s.id = i.state"
		                 " WHERE s.open = 1 GROUP BY i.unit_id",
		            DB_INT(day));
	if (r >= 0)
		r = db_exec(tx, err,
		            KEEP "unit_id, 'incident.closed', count(*) FROM incident WHERE state = 'closed' GROUP BY unit_id",
		            DB_INT(day));
	return r;
}

int history_db_keep(struct db_tx *tx, int64_t day, usec_t now, struct err *err)
{
	int r = db_exec(tx, err, "INSERT INTO history_day (day, at) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING", DB_INT(day),
	                DB_INT(now));
	if (r <= 0)
		return r;
	r = count_endpoints(tx, day, err);
	if (r >= 0)
		r = count_cases(tx, day, err);
	if (r >= 0)
		r = db_exec(tx, err, "DELETE FROM history_count WHERE day < $1", DB_INT(day - HISTORY_KEPT_DAYS));
	if (r >= 0)
		r = db_exec(tx, err, "DELETE FROM history_day WHERE day < $1", DB_INT(day - HISTORY_KEPT_DAYS));
	return r < 0 ? r : 1;
}

int history_db_day(struct db_tx *tx, int64_t first, int64_t last, int64_t *ret_day, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT day FROM history_day WHERE day >= $1 AND day <= $2 ORDER BY day DESC LIMIT 1",
	                 DB_INT(first), DB_INT(last));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret_day = db_int(rows, 0);
	return r;
}

/* Counts are seen by whoever sees what they count. A name without rows is 0. */
static const struct {
	const char *name, *permission;
} counts[] = {
	{"endpoint.total", "endpoint.read"}, {"endpoint.protected", "endpoint.read"}, {"endpoint.dark", "endpoint.read"},
	{"alert.open", "alert.read"},        {"alert.critical", "alert.read"},        {"incident.open", "incident.read"},
	{"incident.closed", "incident.read"},
};

static int write_units(struct db_tx *tx, const struct access *access, int64_t day, usec_t now, struct json_writer *w,
                       struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT count(*), count(p.day) FROM history_count t LEFT JOIN history_count p ON p.day = t.day"
	                 " AND p.unit_id = t.unit_id AND p.name = 'endpoint.protected' AND p.value = t.value"
	                 " WHERE t.day = $4 AND t.name = 'endpoint.total' AND" ACCESS_UNIT_SCOPE("t.unit_id", "$1", "$2", "$3"),
	                 DB_UUID(&access->account_id), DB_CSTR("endpoint.read"), DB_INT(now), DB_INT(day));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r;
	json_member_int(w, "unit.total", db_int(rows, 0));
	json_member_int(w, "unit.covered", db_int(rows, 1));
	return 0;
}

int history_db_write(struct db_tx *tx, const struct access *access, int64_t day, usec_t now, struct json_writer *w,
                     struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		bool holds = false;
		int64_t value = 0;
		int r = api_holds(tx, access, counts[i].permission, now, &holds, err);
		if (r >= 0 && holds)
			r = db_query_int(tx, &value, err,
			                 "SELECT CAST(coalesce(sum(h.value), 0) AS BIGINT) FROM history_count h WHERE h.day = $4"
			                 " AND h.name = $5 AND" ACCESS_UNIT_SCOPE("h.unit_id", "$1", "$2", "$3"),
			                 DB_UUID(&access->account_id), DB_CSTR(counts[i].permission), DB_INT(now), DB_INT(day),
			                 DB_CSTR(counts[i].name));
		if (r < 0)
			return r;
		if (holds)
			json_member_int(w, counts[i].name, value);
	}
	return write_units(tx, access, day, now, w, err);
}
