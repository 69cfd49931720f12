/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Each kind by its own permission, in the unit that the record belongs to. */
#include "service/alert/alert.h"
#include "service/endpoint/endpoint.h"
#include "service/timeline/timeline_internal.h"

#define WHEN(column, scope) \
	" WHERE t.endpoint_id = $4 AND " column " >= $5 AND " column " < $6 AND" ACCESS_UNIT_SCOPE(scope, "$1", "$2", "$3") \
	"ORDER BY " column " DESC LIMIT 300"
_Static_assert(TIMELINE_MOST == 300, "stands in the SQL");

static void begin(const struct timeline_ask *a, const char *kind, usec_t at)
{
	json_object(a->w);
	json_member_cstr(a->w, "kind", kind);
	api_member_time(a->w, "at", at);
}

static void alert_row(const struct timeline_ask *a, const struct db_rows *rows)
{
	struct uuid id = db_uuid(rows, 1);
	begin(a, "alert", db_int(rows, 0));
	api_member_uuid(a->w, "id", &id);
	json_member_int(a->w, "number", db_int(rows, 2));
	json_member_str(a->w, "title", alert_title(a->req->service, a->req->access->lang, a->req->arena, db_text(rows, 3), db_text(rows, 4)));
	json_member_cstr(a->w, "severity", alert_severity_name((enum alert_severity)db_int(rows, 5)));
	json_member_int(a->w, "count", db_int(rows, 6));
	json_object_end(a->w);
}

static void malware_row(const struct timeline_ask *a, const struct db_rows *rows)
{
	begin(a, "malware", db_int(rows, 0));
	json_member_str(a->w, "title", db_text(rows, 2));
	json_member_str(a->w, "path", db_text(rows, 3));
	json_member_str(a->w, "action", db_text(rows, 4));
	json_object_end(a->w);
}

static void incident_row(const struct timeline_ask *a, const struct db_rows *rows)
{
	struct uuid id = db_uuid(rows, 1);
	begin(a, "incident", db_int(rows, 0));
	api_member_uuid(a->w, "id", &id);
	json_member_str(a->w, "number", db_text(rows, 2));
	json_member_str(a->w, "title", db_text(rows, 3));
	json_object_end(a->w);
}

static void state_row(const struct timeline_ask *a, const struct db_rows *rows)
{
	begin(a, "state", db_int(rows, 0));
	json_member_str(a->w, "what", db_text(rows, 2));
	json_name(a->w, "details");
	json_raw(a->w, db_text(rows, 3).n > 0 ? db_text(rows, 3) : STR("{}"));
	json_object_end(a->w);
}

static const struct {
	const char *permission, *sql;
	void (*row)(const struct timeline_ask *a, const struct db_rows *rows);
} kinds[] = {
	{"alert.read", "SELECT t.first_at, t.id, t.number, t.title, t.threat, t.severity, t.count FROM alert t" WHEN("t.first_at", "t.unit_id"),
	 alert_row},
	{"protection.read", "SELECT t.at, t.id, t.threat, t.path, t.action FROM detection t" WHEN("t.at", "t.unit_id"), malware_row},
	{"incident.read", "SELECT t.opened_at, t.id, t.number, t.title FROM incident t" WHEN("t.opened_at", "t.unit_id"), incident_row},
	{"endpoint.read",
	 "SELECT t.at, t.id, t.what, t.details FROM endpoint_timeline t JOIN endpoint e ON e.id = t.endpoint_id" WHEN("t.at", "e.unit_id"), state_row},
};

int timeline_db_write(struct db_tx *tx, struct timeline_ask *a, struct err *err)
{
	struct endpoint_identity machine;
	int r = endpoint_identify(tx, &a->endpoint_id, &machine, err);
	if (r < 0)
		return err_set(err, -ENOENT, "api.not_found");
	a->unit_id = machine.unit_id;
	r = api_require_visible(tx, a->req, "endpoint.read", &machine.unit_id, err);
	for (size_t i = 0; i < ARRAY_LEN(kinds) && r >= 0; i++) {
		cleanup_rows struct db_rows *rows = NULL;
		r = db_query(tx, &rows, err, kinds[i].sql, DB_UUID(&a->req->access->account_id), DB_CSTR(kinds[i].permission),
		             DB_INT(api_now(a->req)), DB_UUID(&a->endpoint_id), DB_INT(a->from), DB_INT(a->to));
		while (r >= 0 && (r = db_next(rows, err)) > 0)
			kinds[i].row(a, rows);
	}
	return r;
}
