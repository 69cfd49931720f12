/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* How often which rule fires here: counted at intake, suppressed findings too; asked by the arithmetic and by the page of rules. */
#include "service/alert/alert_http.h"
#include "service/alert/alert_tactics.h"

#define HOURS_KEPT 48

struct str alert_rule_key(struct arena *arena, const struct alert_record *record)
{
	return record->threat.n == 0 ? record->rule_id : arena_printf(arena, "%.*s|%.*s", STR_FMT(record->rule_id), STR_FMT(record->threat));
}

/* Machines without an agent are told apart by their names within the unit. */
static struct str machine_of(struct arena *arena, const struct alert_record *record)
{
	bool ours = !uuid_is_null(&record->endpoint_id);
	char id[UUID_TEXT_SIZE];
	(void)uuid_text(ours ? &record->endpoint_id : &record->unit_id, id);
	return arena_printf(arena, "%s|%.*s", id, ours ? 0 : (int)record->host.n, record->host.p);
}

/* 1: the first time today on this machine. */
static int see_machine(struct db_tx *tx, struct str key, struct str machine, const struct uuid *unit, int64_t day, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO alert_firing_machine (rule_key, machine, unit_id, day) VALUES ($1, $2, $3, $4)"
	               " ON CONFLICT (rule_key, machine) DO UPDATE SET day = excluded.day, unit_id = excluded.unit_id"
	               " WHERE alert_firing_machine.day < excluded.day",
	               DB_TEXT(key), DB_TEXT(machine), DB_UUID(unit), DB_INT(day));
}

static int add_counts(struct db_tx *tx, struct str key, const struct alert_record *record, usec_t now, int machines, struct err *err)
{
	int64_t events = alert_record_events(record);
	int r = db_exec(tx, err,
	                "INSERT INTO alert_firing_day (rule_key, day, unit_id, machines, findings) VALUES ($1, $2, $3, $4, $5)"
	                " ON CONFLICT (rule_key, day, unit_id) DO UPDATE SET machines = alert_firing_day.machines + excluded.machines,"
	                " findings = alert_firing_day.findings + excluded.findings",
	                DB_TEXT(key), DB_INT(now / USEC_PER_DAY), DB_UUID(&record->unit_id), DB_INT(machines), DB_INT(events));
	return r < 0 ? r
	             : db_exec(tx, err,
	                       "INSERT INTO alert_firing_hour (rule_key, hour, unit_id, findings) VALUES ($1, $2, $3, $4)"
	                       " ON CONFLICT (rule_key, hour, unit_id) DO UPDATE SET findings = alert_firing_hour.findings + excluded.findings",
	                       DB_TEXT(key), DB_INT(now / USEC_PER_HOUR), DB_UUID(&record->unit_id), DB_INT(events));
}

int alert_firing_count(struct db_tx *tx, struct arena *arena, const struct alert_record *record, usec_t now, struct alert_firing *ret,
                       struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	struct str key = alert_rule_key(arena, record);
	int64_t today = now / USEC_PER_DAY;
	int r = see_machine(tx, key, machine_of(arena, record), &record->unit_id, today, err);
	if (r >= 0)
		r = add_counts(tx, key, record, now, r > 0, err);
	if (r >= 0)
		r = db_query(tx, &rows, err,
		             "SELECT COUNT(DISTINCT CASE WHEN day < $2 THEN day END), CAST(COALESCE(SUM(CASE WHEN day < $2 THEN machines END), 0) AS BIGINT),"
		             " CAST(COALESCE(SUM(CASE WHEN day = $2 THEN machines END), 0) AS BIGINT)"
		             " FROM alert_firing_day WHERE rule_key = $1 AND day >= $3",
		             DB_TEXT(key), DB_INT(today), DB_INT(today - ALERT_RARITY_DAYS));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret = (struct alert_firing){.days = db_int(rows, 0), .machines = db_int(rows, 1), .machines_today = db_int(rows, 2)};
	return r < 0 ? r : 0;
}

#define TACTICS_OF                                                                                                                  \
	"SELECT a.tactics, a.first_event_id FROM alert a WHERE a.state <> $4 AND a.last_at >= $2 AND a.rule_level >= $5 AND a.rarity <= $6 AND a.tactics <> 0" \
	" AND a.rule_id <> $7 AND COALESCE((SELECT SUM(f.machines) FROM alert_firing_day f WHERE f.rule_key = a.rule_id AND f.day = $3), 0) < $8"

int alert_firing_tactics(struct db_tx *tx, struct arena *arena, const struct alert_record *record, usec_t since, int64_t day, int64_t wave,
                         int64_t *ret_proven, struct err *err)
{
	struct alert_evidence *list = arena_alloc(arena, ALERT_EVIDENCE_MOST * sizeof *list);
	cleanup_rows struct db_rows *rows = NULL;
	size_t count = 0;
	int r = 0;
	list[count++] = (struct alert_evidence){record->first_event_id, alert_tactics_of(record->tags)};
	if (!uuid_is_null(&record->endpoint_id))
		r = db_query(tx, &rows, err, TACTICS_OF " AND a.endpoint_id = $1 LIMIT 199", DB_UUID(&record->endpoint_id), DB_INT(since), DB_INT(day),
		             DB_INT(ALERT_STATE_CLOSED), DB_INT(ALERT_SEVERITY_MEDIUM), DB_INT(ALERT_RARITY_UNCOMMON), DB_TEXT(record->rule_id), DB_INT(wave));
	else if (record->host.n > 0)
		r = db_query(tx, &rows, err, TACTICS_OF " AND a.host = $1 AND a.unit_id = $9 AND a.endpoint_id IS NULL LIMIT 199", DB_TEXT(record->host),
		             DB_INT(since), DB_INT(day), DB_INT(ALERT_STATE_CLOSED), DB_INT(ALERT_SEVERITY_MEDIUM), DB_INT(ALERT_RARITY_UNCOMMON),
		             DB_TEXT(record->rule_id), DB_INT(wave), DB_UUID(&record->unit_id));
	while (rows != NULL && count < ALERT_EVIDENCE_MOST && r >= 0 && (r = db_next(rows, err)) > 0)
		list[count++] = (struct alert_evidence){arena_str(arena, db_text(rows, 1)), db_int(rows, 0)};
	*ret_proven = alert_tactics_proven(list, count);
	return r < 0 ? r : 0;
}

static int expire(struct db_tx *tx, void *ctx, struct err *err)
{
	const usec_t *now = ctx;
	int64_t day = *now / USEC_PER_DAY - ALERT_RARITY_DAYS - 1;
	int r = db_exec(tx, err, "DELETE FROM alert_firing_day WHERE day < $1", DB_INT(day));
	if (r >= 0)
		r = db_exec(tx, err, "DELETE FROM alert_firing_machine WHERE day < $1", DB_INT(day));
	return r < 0 ? r : db_exec(tx, err, "DELETE FROM alert_firing_hour WHERE hour < $1", DB_INT(*now / USEC_PER_HOUR - HOURS_KEPT));
}

int alert_firing_expire(const struct service_context *sc, struct err *err)
{
	usec_t now = sc->now != NULL ? sc->now() : clock_now();
	int r = db_write(sc->db, expire, &now, err);
	return r < 0 ? r : 0;
}

/* ---- for the page of rules ---- */

struct answer {
	struct api_request *req;
	struct http_response *res;
};

#define MOST "10000"
static int write_firings(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct answer *a = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	usec_t now = api_now(a->req);
	struct json_writer w = api_reply(a->res, 200);
	int r = db_query(tx, &rows, err,
	                 "SELECT k.rule_key, CAST(MAX(k.day_findings) AS BIGINT), CAST(MAX(k.findings) AS BIGINT), CAST(MAX(k.machines) AS BIGINT),"
	                 " CAST(MAX(k.units) AS BIGINT) FROM ("
	                 "SELECT h.rule_key AS rule_key, SUM(h.findings) AS day_findings, 0 AS findings, 0 AS machines, 0 AS units FROM alert_firing_hour h"
	                 " WHERE h.hour > $4 AND" ACCESS_UNIT_SCOPE("h.unit_id", "$1", "$2", "$3") " GROUP BY h.rule_key"
	                 " UNION ALL SELECT d.rule_key, 0, SUM(d.findings), 0, COUNT(DISTINCT d.unit_id) FROM alert_firing_day d"
	                 " WHERE d.day > $5 AND" ACCESS_UNIT_SCOPE("d.unit_id", "$1", "$2", "$3") " GROUP BY d.rule_key"
	                 " UNION ALL SELECT m.rule_key, 0, 0, COUNT(*), 0 FROM alert_firing_machine m"
	                 " WHERE m.day > $5 AND" ACCESS_UNIT_SCOPE("m.unit_id", "$1", "$2", "$3") " GROUP BY m.rule_key"
	                 ") k GROUP BY k.rule_key ORDER BY 3 DESC, 1 LIMIT " MOST,
	                 DB_UUID(&a->req->access->account_id), DB_CSTR("alert.read"), DB_INT(now), DB_INT(now / USEC_PER_HOUR - 24),
	                 DB_INT(now / USEC_PER_DAY - ALERT_RARITY_DAYS));
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		json_object(&w);
		json_member_str(&w, "rule_id", db_text(rows, 0));
		json_member_int(&w, "findings_24h", db_int(rows, 1));
		json_member_int(&w, "findings_30d", db_int(rows, 2));
		json_member_int(&w, "machines_30d", db_int(rows, 3));
		json_member_int(&w, "units_30d", db_int(rows, 4));
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return r < 0 ? r : 0;
}

int alert_firings(struct api_request *req, struct http_response *res, struct err *err)
{
	return db_read(req->service->db, write_firings, &(struct answer){req, res}, err);
}
