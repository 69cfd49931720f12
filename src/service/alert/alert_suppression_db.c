/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Table of suppressions. */
#include "service/alert/alert_suppression.h"

int alert_db_find_suppression(struct db_tx *tx, const struct alert_record *record, usec_t now, struct uuid *ret_id, struct err *err)
{
	/* The narrowest counts what it swallows. */
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT s.id FROM alert_suppression s JOIN unit su ON su.id = s.unit_id JOIN unit ru ON ru.id = $6"
	                 " WHERE s.rule_id = $1 AND s.expires_at > $2 AND s.created_at <= $2 AND s.ended_at IS NULL"
	                 " AND s.threat = $3 AND (s.entity = '' OR s.entity = $4)"
	                 " AND (s.endpoint_id IS NULL OR s.endpoint_id = $5) AND (s.host = '' OR s.host = $7)"
	                 " AND substr(ru.path, 1, length(su.path)) = su.path"
	                 " ORDER BY CASE s.scope WHEN 'entity' THEN 0 WHEN 'host' THEN 1 WHEN 'unit' THEN 2 ELSE 3 END, s.id LIMIT 1",
	                 DB_TEXT(record->rule_id), DB_INT(now), DB_TEXT(record->threat), DB_TEXT(record->entity),
	                 DB_UUID(&record->endpoint_id), DB_UUID(&record->unit_id), DB_TEXT(record->host));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*ret_id = db_uuid(rows, 0);
	return r;
}

int alert_db_swallow(struct db_tx *tx, const struct uuid *id, const struct alert_record *record, usec_t now, struct err *err)
{
	int r = db_exec(tx, err, "UPDATE alert_suppression SET swallowed = swallowed + $2, swallowed_at = $3 WHERE id = $1",
	                DB_UUID(id), DB_INT(alert_record_events(record)), DB_INT(now));
	return r < 0 ? r : 0;
}

/* The unit at the top of the tree above this one. */
static int root_above(struct db_tx *tx, struct uuid *unit, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT t.id FROM unit u JOIN unit t ON t.path = substr(u.path, 1, length(t.path)) AND t.parent_id IS NULL"
	                 " WHERE u.id = $1",
	                 DB_UUID(unit));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		*unit = db_uuid(rows, 0);
	return r < 0 ? r : 0;
}

static int is_critical(struct db_tx *tx, const struct alert_suppression *s, bool *ret, struct err *err)
{
	int64_t n = 0;
	int r = db_query_int(tx, &n, err,
	                     "SELECT count(*) FROM (SELECT 1 FROM alert WHERE rule_id = $1 AND threat = $2 AND (severity = $3 OR rule_level = $3)"
	                     " LIMIT 1) q",
	                     DB_TEXT(s->rule_id), DB_TEXT(s->threat), DB_INT(ALERT_SEVERITY_CRITICAL));
	*ret = n > 0;
	return r;
}

int alert_db_plan_suppression(struct db_tx *tx, struct arena *arena, const struct uuid *alert_id, enum alert_scope scope,
                              struct alert_suppression *ret, bool *ret_wide, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT rule_id, title, threat, entity, endpoint_id, host, unit_id FROM alert WHERE id = $1", DB_UUID(alert_id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "alert.unknown");
	*ret = (struct alert_suppression){.scope = scope, .rule_id = arena_str(arena, db_text(rows, 0)),
	                                  .rule_title = arena_str(arena, db_text(rows, 1)),
	                                  .threat = arena_str(arena, db_text(rows, 2)), .unit_id = db_uuid(rows, 6)};
	struct uuid endpoint = db_uuid(rows, 4);
	if (scope <= ALERT_SCOPE_HOST) {
		ret->endpoint_id = endpoint;
		if (uuid_is_null(&endpoint))
			ret->host = arena_str(arena, db_text(rows, 5));
		if (scope == ALERT_SCOPE_ENTITY)
			ret->entity = arena_str(arena, db_text(rows, 3));
		if ((uuid_is_null(&endpoint) && ret->host.n == 0) || (scope == ALERT_SCOPE_ENTITY && ret->entity.n == 0))
			return err_set(err, -EINVAL, "alert.scope_nothing");
	}
	r = scope == ALERT_SCOPE_CITY ? root_above(tx, &ret->unit_id, err) : 0;
	if (r >= 0)
		r = is_critical(tx, ret, ret_wide, err);
	*ret_wide = *ret_wide || scope == ALERT_SCOPE_CITY;
	return r;
}

int alert_db_put_suppression(struct db_tx *tx, const struct alert_suppression *s, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO alert_suppression (id, rule_id, rule_title, threat, entity, endpoint_id, host, unit_id, scope, reason,"
	                " author_id, author_name, created_at, expires_at, ended_by, swallowed, version)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', 0, 1)",
	                DB_UUID(&s->id), DB_TEXT(s->rule_id), DB_TEXT(s->rule_title), DB_TEXT(s->threat), DB_TEXT(s->entity),
	                DB_UUID_OR_NULL(&s->endpoint_id), DB_TEXT(s->host), DB_UUID(&s->unit_id),
	                DB_CSTR(alert_scope_names[s->scope]), DB_TEXT(s->reason), DB_UUID(&s->author_id), DB_TEXT(s->author_name),
	                DB_INT(s->created_at), DB_INT(s->expires_at));
	return r < 0 ? r : 0;
}

int alert_db_get_suppression(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct alert_suppression *ret,
                             struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT unit_id, rule_id, rule_title, expires_at, ended_at, version FROM alert_suppression WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	*ret = (struct alert_suppression){.id = *id, .unit_id = db_uuid(rows, 0), .rule_id = arena_str(arena, db_text(rows, 1)),
	                                  .rule_title = arena_str(arena, db_text(rows, 2)), .expires_at = db_int(rows, 3),
	                                  .ended_at = db_int(rows, 4), .version = db_int(rows, 5)};
	return 0;
}

int alert_db_end_suppression(struct db_tx *tx, const struct uuid *id, int64_t version, struct str by, usec_t now, struct err *err)
{
	int r = db_exec(tx, err,
	                "UPDATE alert_suppression SET ended_at = $2, ended_by = $3, version = version + 1 WHERE id = $1 AND version = $4"
	                " AND ended_at IS NULL",
	                DB_UUID(id), DB_INT(now), DB_TEXT(by), DB_INT(version));
	return r < 0 ? r : r == 0 ? err_set(err, -ESTALE, "alert.changed_meanwhile") : 0;
}

#define COLUMNS \
	"s.rule_id, s.rule_title, s.threat, s.entity, s.endpoint_id, e.hostname, s.host, s.unit_id, u.name, s.scope, s.reason,"       \
	" s.author_id, s.author_name, s.created_at, s.expires_at, s.ended_at, s.ended_by, s.swallowed, s.swallowed_at, s.version"

static const char *state_of(usec_t ended, usec_t expires, usec_t now)
{
	return ended != 0 ? "ended" : expires <= now ? "expired" : "active";
}

static void list_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	unsigned f = API_LIST_FIRST;
	struct uuid id = db_uuid(rows, 1), endpoint = db_uuid(rows, f + 4), unit = db_uuid(rows, f + 7), author = db_uuid(rows, f + 11);
	api_member_uuid(w, "id", &id);
	json_member_str(w, "rule_id", db_text(rows, f));
	json_member_str(w, "rule_title", alert_title(req->service, req->access->lang, req->arena, db_text(rows, f + 1), db_text(rows, f + 2)));
	json_member_str(w, "threat", db_text(rows, f + 2));
	json_member_str(w, "entity", db_text(rows, f + 3));
	json_name(w, "endpoint");
	if (uuid_is_null(&endpoint)) {
		json_null(w);
	} else {
		json_object(w);
		api_member_uuid(w, "id", &endpoint);
		json_member_str(w, "hostname", db_text(rows, f + 5));
		json_object_end(w);
	}
	json_member_str(w, "host", db_text(rows, f + 6));
	api_member_ref(w, "unit", &unit, db_text(rows, f + 8));
	json_member_str(w, "scope", db_text(rows, f + 9));
	json_member_str(w, "reason", db_text(rows, f + 10));
	api_member_ref(w, "author", &author, db_text(rows, f + 12));
	api_member_time(w, "created_at", db_int(rows, f + 13));
	api_member_time(w, "expires_at", db_int(rows, f + 14));
	api_member_time(w, "ended_at", db_int(rows, f + 15));
	json_member_str(w, "ended_by", db_text(rows, f + 16));
	json_member_int(w, "swallowed", db_int(rows, f + 17));
	api_member_time(w, "swallowed_at", db_int(rows, f + 18));
	json_member_cstr(w, "state", state_of(db_int(rows, f + 15), db_int(rows, f + 14), api_now(req)));
	api_member_etag(w, db_int(rows, f + 19));
}

int alert_suppression_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {
		{"created_at", "s.created_at", DB_TYPE_INT, true}, {"expires_at", "s.expires_at", DB_TYPE_INT, false},
		{"swallowed", "s.swallowed", DB_TYPE_INT, true},   {.name = NULL},
	};
	static const char *const states[] = {"active", "over", NULL};
	struct api_list list;
	int state = 0;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM alert_suppression s LEFT JOIN endpoint e ON e.id = s.endpoint_id LEFT JOIN unit u ON u.id = s.unit_id WHERE 1 = 1");
	api_list_scope(&list, "s.unit_id", req, "alert.read");
	r = api_list_unit_filter(&list, req, "s.unit_id", err);
	if (r >= 0 && (r = api_query_enum(req, "state", states, &state, err)) > 0) {
		if (state == 0)
			api_list_add(&list, " AND s.ended_at IS NULL AND s.expires_at > ?", DB_INT(api_now(req)));
		else
			api_list_add(&list, " AND (s.ended_at IS NOT NULL OR s.expires_at <= ?)", DB_INT(api_now(req)));
	}
	return r < 0 ? r : api_list_answer(req, res, &list, &(struct api_list_reply){COLUMNS, "s.id", list_row}, err);
}
