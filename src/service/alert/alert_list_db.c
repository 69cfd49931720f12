/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Lists, one alert, sums: need-to-know is part of every query. */
#include "service/alert/alert_detail.h"
#include "service/alert/alert_list.h"
#include "service/alert/alert_tactics.h"

static const char *const state_words[] = {"new", "acknowledged", "closed", NULL};
static const char *const severity_words[] = {"low", "medium", "high", "critical", NULL};
_Static_assert(sizeof state_words / sizeof state_words[0] == ALERT_STATE__COUNT + 1, "a word a state");
_Static_assert(sizeof severity_words / sizeof severity_words[0] == ALERT_SEVERITY__COUNT + 1, "a word a severity");

/* What the packs call it: the rule's own entry, its technique's, that of the technique it is a part of. */
#define PACK_TITLE(lang)                                                                                               \
	"COALESCE(NULLIF((SELECT x.title_" lang " FROM alert_text x WHERE x.kind = 1 AND x.id = a.rule_id), ''),"      \
	" (SELECT x.title_" lang " FROM alert_text x WHERE x.kind = 0 AND x.id = a.technique),"                        \
	" (SELECT x.title_" lang " FROM alert_text x WHERE x.kind = 0 AND x.id = substr(a.technique, 1, 5)))"
/* Looked up row by row, not joined: only a page's rows are, and the count needs none of them. */
#define ROW_COLUMNS                                                                                                    \
	"a.number, a.title, a.severity, a.state, a.rule_id, a.threat, a.endpoint_id,"                                  \
	" (SELECT e.hostname FROM endpoint e WHERE e.id = a.endpoint_id), a.unit_id,"                                  \
	" (SELECT u.name FROM unit u WHERE u.id = a.unit_id),"                                                         \
	" a.count, a.first_at, a.last_at, a.assignee_id, a.assignee_name, a.incident_id, a.incident_number, a.sample," \
	" a.version, a.kind, a.entity, a.host, a.technique, a.score, a.created_at, " PACK_TITLE("vi") ", " PACK_TITLE("en") ", a.tactics"
#define ROW_TABLES " FROM alert a"
#define ROW_UNIT  ALERT_ROW_UNIT
#define ONLY_OPEN " AND a.queue_key >= 0"
#define ROW_WIDTH 28

/* `f`: the column where ROW_COLUMNS begin. */
static void write_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req,
                      const struct uuid *id, unsigned f)
{
	struct uuid endpoint = db_uuid(rows, f + 6), unit = db_uuid(rows, f + 8), assignee = db_uuid(rows, f + 13);
	struct uuid incident = db_uuid(rows, f + 15);
	api_member_uuid(w, "id", id);
	json_member_int(w, "number", db_int(rows, f));
	json_member_str(w, "title", alert_title(req->service, req->access->lang, req->arena, db_text(rows, f + 1),
	                                        db_text(rows, f + 5)));
	json_member_cstr(w, "severity", alert_severity_name((enum alert_severity)db_int(rows, f + 2)));
	json_member_cstr(w, "state", alert_state_name((enum alert_state)db_int(rows, f + 3)));
	json_member_str(w, "rule_id", db_text(rows, f + 4));
	json_member_str(w, "threat", db_text(rows, f + 5));
	json_name(w, "endpoint");
	if (uuid_is_null(&endpoint)) {
		json_null(w);
	} else {
		json_object(w);
		api_member_uuid(w, "id", &endpoint);
		json_member_str(w, "hostname", db_text(rows, f + 7));
		json_object_end(w);
	}
	api_member_ref(w, "unit", &unit, db_text(rows, f + 9));
	json_member_int(w, "count", db_int(rows, f + 10));
	api_member_time(w, "first_at", db_int(rows, f + 11));
	api_member_time(w, "last_at", db_int(rows, f + 12));
	api_member_ref(w, "assignee", &assignee, db_text(rows, f + 14));
	json_name(w, "incident");
	if (uuid_is_null(&incident)) {
		json_null(w);
	} else {
		json_object(w);
		api_member_uuid(w, "id", &incident);
		json_member_str(w, "number", db_text(rows, f + 16));
		json_object_end(w);
	}
	json_member_bool(w, "sample", db_int(rows, f + 17) != 0);
	json_member_str(w, "kind", db_text(rows, f + 19));
	json_member_str(w, "entity", db_text(rows, f + 20));
	json_member_str(w, "host", db_text(rows, f + 21));
	json_member_str(w, "technique", db_text(rows, f + 22));
	json_member_int(w, "score", db_int(rows, f + 23));
	api_member_time(w, "created_at", db_int(rows, f + 24));
	/* A threat's name says more than "malware found". */
	struct str what = db_text(rows, f + (req->access->lang == MSG_LANG_VI ? 25 : 26));
	api_member_text_or_null(w, "what", db_text(rows, f + 5).n > 0 ? STR_EMPTY : what);
	json_name(w, "tactics");
	alert_tactics_write(w, db_int(rows, f + 27));
	api_member_etag(w, db_int(rows, f + 18));
}

int alert_db_write_row(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct uuid *id, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT " ROW_COLUMNS ROW_TABLES " WHERE a.id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		write_row(w, rows, req, id, 0);
	return r < 0 ? r : 0;
}

static void list_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	struct uuid id = db_uuid(rows, 1);
	write_row(w, rows, req, &id, API_LIST_FIRST);
}

static int add_filters(struct api_list *list, const struct api_request *req, struct err *err)
{
	struct uuid *endpoint = ARENA_NEW(req->arena, struct uuid);
	uint32_t states = 0, severities = 0;
	int64_t mine = 0;
	int r = api_list_unit_filter(list, req, "a.unit_id", err);
	if (r >= 0 && (r = api_query_enums(req, "state", state_words, &states, err)) > 0)
		api_list_add(list, " AND " API_IN_SET("a.state"), DB_INT(states));
	if (r > 0 && (states & (1U << ALERT_STATE_CLOSED)) == 0)
		api_list_add_values(list, ONLY_OPEN, NULL, 0);
	if (r >= 0 && (r = api_query_enums(req, "severity", severity_words, &severities, err)) > 0)
		api_list_add(list, " AND " API_IN_SET("a.severity"), DB_INT(severities));
	if (r >= 0 && (r = api_query_uuid(req, "endpoint", endpoint, err)) > 0)
		api_list_add(list, " AND a.endpoint_id = ?", DB_UUID(endpoint));
	/* Machines without an agent have names only. */
	struct str host = http_query(req->http, "host");
	if (r >= 0 && host.n > 0)
		api_list_add(list, " AND a.host = ?", DB_TEXT(host));
	if (r >= 0 && (r = api_query_int(req, "mine", 0, 1, &mine, err)) > 0 && mine != 0)
		api_list_add(list, " AND a.assignee_id = ?", DB_UUID(&req->access->account_id));
	return r;
}

static const struct api_sort sorts[] = {
	{"queue", "a.queue_key", DB_TYPE_INT, true},
	{"last_at", "a.last_at", DB_TYPE_INT, true},   {"first_at", "a.first_at", DB_TYPE_INT, true},
	{"number", "a.number", DB_TYPE_INT, true},     {"severity", "a.severity", DB_TYPE_INT, true},
	{"count", "a.count", DB_TYPE_INT, true},       {.name = NULL},
};

static int begin_list(struct api_request *req, struct api_list *list, struct err *err)
{
	int r = api_list_begin(req, sorts, list, err);
	if (r < 0)
		return r;
	api_list_add(list, ROW_TABLES " WHERE 1 = 1");
	api_list_scope(list, ROW_UNIT, req, "alert.read");
	return 0;
}

int alert_list_open(struct api_request *req, struct api_list *list, bool filters, struct err *err)
{
	int r = begin_list(req, list, err);
	if (r >= 0 && filters) {
		api_list_search(list, req, "a.search_key");
		r = add_filters(list, req, err);
	}
	/* Whatever was asked: the most urgent first, from the first on. */
	list->sort = sorts;
	list->descending = true;
	list->after = false;
	if (r >= 0)
		api_list_add_values(list, ONLY_OPEN, NULL, 0);
	return r < 0 ? r : 0;
}

int alert_list(struct api_request *req, struct http_response *res, struct err *err)
{
	struct api_list list;
	int r = begin_list(req, &list, err);
	if (r < 0)
		return r;
	api_list_search(&list, req, "a.search_key");
	r = add_filters(&list, req, err);
	return r < 0 ? r : api_list_answer(req, res, &list, &(struct api_list_reply){ROW_COLUMNS, "a.id", list_row}, err);
}

static void write_detail(struct json_writer *w, const struct db_rows *rows, unsigned f)
{
	json_name(w, "detail");
	json_object(w);
	json_member_str(w, "path", db_text(rows, f));
	json_member_str(w, "sha256", db_text(rows, f + 1));
	json_member_str(w, "engine", db_text(rows, f + 2));
	json_member_str(w, "rule_name", db_text(rows, f + 3));
	json_member_str(w, "action", db_text(rows, f + 4));
	json_member_str(w, "quarantine_id", db_text(rows, f + 5));
	json_name(w, "size_bytes");
	if (db_int(rows, f + 6) >= 0)
		json_int(w, db_int(rows, f + 6));
	else
		json_null(w);
	json_member_str(w, "first_event_id", db_text(rows, f + 7));
	json_member_str(w, "resolution", db_text(rows, f + 10));
	json_member_str(w, "note", db_text(rows, f + 11));
	api_member_time(w, "acknowledged_at", db_int(rows, f + 12));
	api_member_time(w, "closed_at", db_int(rows, f + 13));
	json_object_end(w);
	json_name(w, "why");
	json_raw(w, db_text(rows, f + 8));
	json_member_str(w, "raw", db_text(rows, f + 9));
}

static void write_rule(struct json_writer *w, const struct db_rows *rows, unsigned f)
{
	json_name(w, "rule");
	json_object(w);
	json_member_str(w, "description", db_text(rows, f));
	json_name(w, "tags");
	json_array(w);
	struct str tags = db_text(rows, f + 1), tag;
	while (tags.n > 0 && str_split(&tags, '\n', &tag))
		json_str(w, tag);
	json_array_end(w);
	json_member_str(w, "file", db_text(rows, f + 2));
	json_member_str(w, "hash", db_text(rows, f + 3));
	json_object_end(w);
	json_member_str(w, "source", db_text(rows, f + 4));
	/* Alerts of older releases have none. */
	json_name(w, "explain");
	if (db_text(rows, f + 5).n > 0)
		json_raw(w, db_text(rows, f + 5));
	else
		json_null(w);
}

static int write_record(struct db_tx *tx, struct json_writer *w, const struct api_request *req, const struct uuid *id,
                        int64_t *ret_version, struct uuid *ret_unit, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT " ROW_COLUMNS ", a.path, a.sha256, a.engine, a.rule_name, a.action, a.quarantine_id,"
	                 " a.size_bytes, a.first_event_id, a.why, a.raw, a.resolution, a.note, a.acknowledged_at,"
	                 " a.closed_at, a.description, a.tags, a.rule_file, a.rule_hash, a.source, a.score_why" ROW_TABLES " WHERE a.id = $1",
	                 DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "alert.unknown");
	write_row(w, rows, req, id, 0);
	write_detail(w, rows, ROW_WIDTH);
	write_rule(w, rows, ROW_WIDTH + 14);
	*ret_version = db_int(rows, 18);
	*ret_unit = db_uuid(rows, 8);
	const struct str hostname = db_text(rows, 7);
	const struct alert_facts facts = {
		.rule_id = db_text(rows, 4), .technique = db_text(rows, 22), .title = db_text(rows, 1), .description = db_text(rows, ROW_WIDTH + 14),
		.threat = db_text(rows, 5), .path = db_text(rows, ROW_WIDTH), .entity = db_text(rows, 20),
		.host = hostname.n > 0 ? hostname : db_text(rows, 21), .unit = db_text(rows, 9), .why = db_text(rows, ROW_WIDTH + 8),
		.raw = db_text(rows, ROW_WIDTH + 9)};
	return alert_db_write_text(tx, w, req, &facts, err);
}

int alert_db_write_one(struct db_tx *tx, struct api_request *req, struct http_response *res, const struct uuid *id,
                       int64_t *ret_version, struct err *err)
{
	struct json_writer w = api_reply(res, 200);
	struct uuid unit = {.b = {0}};
	json_object(&w);
	int r = write_record(tx, &w, req, id, ret_version, &unit, err);
	if (r >= 0) {
		json_name(&w, "comments");
		r = alert_db_comments(tx, id, &w, err);
	}
	if (r >= 0)
		r = alert_db_write_similar(tx, &w, req, id, err);
	if (r >= 0)
		r = alert_db_write_contacts(tx, &w, &unit, err);
	json_object_end(&w);
	return r;
}

struct sums {
	struct api_request *req;
	struct http_response *res;
};

static int write_open(struct db_tx *tx, struct json_writer *w, const struct api_request *req, struct err *err)
{
	int64_t states[ALERT_STATE__COUNT] = {0}, severities[ALERT_SEVERITY__COUNT] = {0};
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT a.state + 0, a.severity + 0, count(*) FROM alert a WHERE a.state <> $4" ONLY_OPEN " AND"
	                 ACCESS_UNIT_SCOPE(ROW_UNIT, "$1", "$2", "$3") " GROUP BY a.state + 0, a.severity + 0",
	                 DB_UUID(&req->access->account_id), DB_CSTR("alert.read"), DB_INT(api_now(req)),
	                 DB_INT(ALERT_STATE_CLOSED));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		int64_t state = db_int(rows, 0), severity = db_int(rows, 1);
		if (state < 0 || state >= ALERT_STATE__COUNT || severity < 0 || severity >= ALERT_SEVERITY__COUNT)
			continue;
		states[state] += db_int(rows, 2);
		severities[severity] += db_int(rows, 2);
	}
	json_member_int(w, "new", states[ALERT_STATE_NEW]);
	json_member_int(w, "acknowledged", states[ALERT_STATE_ACKNOWLEDGED]);
	json_name(w, "by_severity");
	json_object(w);
	for (int i = ALERT_SEVERITY__COUNT - 1; i >= 0; i--)
		json_member_int(w, alert_severity_name((enum alert_severity)i), severities[i]);
	json_object_end(w);
	return r < 0 ? r : 0;
}

#define HOURS 24
static int write_day(struct db_tx *tx, struct json_writer *w, const struct api_request *req, struct err *err)
{
	usec_t now = api_now(req), first = now - now % USEC_PER_HOUR - (HOURS - 1) * USEC_PER_HOUR;
	int64_t counts[HOURS] = {0};
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT (o.at - $4) / $5, count(*) FROM alert_record o JOIN alert a ON a.id = o.alert_id"
	                 " WHERE o.at >= $4 AND" ACCESS_UNIT_SCOPE("a.unit_id", "$1", "$2", "$3") " GROUP BY (o.at - $4) / $5",
	                 DB_UUID(&req->access->account_id), DB_CSTR("alert.read"), DB_INT(now), DB_INT(first),
	                 DB_INT(USEC_PER_HOUR));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		int64_t hour = db_int(rows, 0);
		if (hour >= 0 && hour < HOURS)
			counts[hour] += db_int(rows, 1);
	}
	json_name(w, "last_24h");
	json_array(w);
	for (int i = 0; i < HOURS; i++) {
		json_object(w);
		api_member_time(w, "hour", first + i * USEC_PER_HOUR);
		json_member_int(w, "count", counts[i]);
		json_object_end(w);
	}
	json_array_end(w);
	return r < 0 ? r : 0;
}

static int write_sums(struct db_tx *tx, void *ctx, struct err *err)
{
	struct sums *s = ctx;
	struct json_writer w = api_reply(s->res, 200);
	json_object(&w);
	int r = write_open(tx, &w, s->req, err);
	if (r >= 0)
		r = write_day(tx, &w, s->req, err);
	api_member_time(&w, "as_of", api_now(s->req));
	json_object_end(&w);
	return r;
}

int alert_summary(struct api_request *req, struct http_response *res, struct err *err)
{
	return db_read(req->service->db, write_sums, &(struct sums){req, res}, err);
}
