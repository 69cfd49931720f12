/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Lists: need-to-know is part of every query. */
#include "service/protection/protection_http.h"

static void write_size(struct json_writer *w, int64_t size)
{
	json_name(w, "size_bytes");
	if (size >= 0)
		json_int(w, size);
	else
		json_null(w);
}

/* "endpoint":{"id","hostname"} */
static void write_endpoint(struct json_writer *w, const struct uuid *id, struct str hostname)
{
	json_name(w, "endpoint");
	json_object(w);
	api_member_uuid(w, "id", id);
	json_member_str(w, "hostname", hostname);
	json_object_end(w);
}

static void detection_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	(void)req;
	const unsigned f = API_LIST_FIRST;
	struct uuid id = db_uuid(rows, 1), endpoint = db_uuid(rows, f + 1), unit = db_uuid(rows, f + 3);
	struct uuid quarantine = db_uuid(rows, f + 12), alert = db_uuid(rows, f + 13);
	api_member_uuid(w, "id", &id);
	api_member_time(w, "at", db_int(rows, f));
	write_endpoint(w, &endpoint, db_text(rows, f + 2));
	api_member_ref(w, "unit", &unit, db_text(rows, f + 4));
	json_member_str(w, "threat", db_text(rows, f + 5));
	json_member_str(w, "engine", db_text(rows, f + 6));
	json_member_str(w, "rule", db_text(rows, f + 7));
	json_member_str(w, "path", db_text(rows, f + 8));
	json_member_str(w, "sha256", db_text(rows, f + 9));
	write_size(w, db_int(rows, f + 10));
	json_member_str(w, "action", db_text(rows, f + 11));
	api_member_uuid(w, "quarantine_id", &quarantine);
	api_member_uuid(w, "alert_id", &alert);
	json_member_bool(w, "sample", db_int(rows, f + 14) != 0);
}

static int filter_endpoint(struct api_list *list, const struct api_request *req, const char *sql, struct err *err)
{
	struct uuid *endpoint = ARENA_NEW(req->arena, struct uuid);
	int r = api_query_uuid(req, "endpoint", endpoint, err);
	if (r > 0)
		api_list_add(list, sql, DB_UUID(endpoint));
	return r;
}

int protection_list_detections(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {
		{"at", "d.at", DB_TYPE_INT, true}, {"threat", "d.threat", DB_TYPE_TEXT, false}, {.name = NULL}};
	struct api_list list;
	usec_t from = 0;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM detection d LEFT JOIN endpoint e ON e.id = d.endpoint_id"
	                    " LEFT JOIN unit u ON u.id = d.unit_id WHERE 1 = 1");
	api_list_scope(&list, "d.unit_id", req, "protection.read");
	api_list_search(&list, req, "d.search_key");
	r = api_list_unit_filter(&list, req, "d.unit_id", err);
	if (r >= 0)
		r = filter_endpoint(&list, req, " AND d.endpoint_id = ?", err);
	if (r >= 0)
		r = api_query_time(req, "from", &from, err);
	if (r < 0)
		return r;
	if (r > 0)
		api_list_add(&list, " AND d.at >= ?", DB_INT(from));
	struct str threat = http_query(req->http, "threat");
	if (threat.n > 0)
		api_list_add(&list, " AND d.threat = ?", DB_TEXT(threat));
	return api_list_answer(req, res, &list,
	                       &(struct api_list_reply){
				       "d.at, d.endpoint_id, e.hostname, d.unit_id, u.name, d.threat, d.engine, d.rule, d.path,"
				       " d.sha256, d.size_bytes, d.action, d.quarantine_id, d.alert_id, d.sample",
				       "d.id", detection_row},
	                       err);
}

static void quarantine_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	(void)req;
	const unsigned f = API_LIST_FIRST;
	struct uuid id = db_uuid(rows, 1), endpoint = db_uuid(rows, f), unit = db_uuid(rows, f + 2);
	int64_t state = db_int(rows, f + 9);
	api_member_uuid(w, "id", &id);
	write_endpoint(w, &endpoint, db_text(rows, f + 1));
	api_member_ref(w, "unit", &unit, db_text(rows, f + 3));
	json_member_str(w, "path", db_text(rows, f + 4));
	json_member_str(w, "threat", db_text(rows, f + 5));
	json_member_str(w, "sha256", db_text(rows, f + 6));
	write_size(w, db_int(rows, f + 7));
	api_member_time(w, "quarantined_at", db_int(rows, f + 8));
	json_member_cstr(w, "state", protection_quarantine_name((enum quarantine_state)state));
	api_member_time(w, "changed_at", db_int(rows, f + 10));
	json_member_str(w, "reason", db_text(rows, f + 11));
	json_member_bool(w, "sample", db_int(rows, f + 12) != 0);
	api_member_etag(w, db_int(rows, f + 13));
}

int protection_list_quarantine(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"quarantined_at", "q.quarantined_at", DB_TYPE_INT, true}, {.name = NULL}};
	static const char *const states[] = {"held", "restore_requested", "restored", "delete_requested", "deleted", NULL};
	_Static_assert(sizeof states / sizeof states[0] == QUARANTINE_STATE__COUNT + 1, "a word a state");
	struct api_list list;
	uint32_t set = 0;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM quarantine_item q LEFT JOIN endpoint e ON e.id = q.endpoint_id"
	                    " LEFT JOIN unit u ON u.id = q.unit_id WHERE 1 = 1");
	api_list_scope(&list, "q.unit_id", req, "protection.read");
	api_list_search(&list, req, "q.search_key");
	r = api_list_unit_filter(&list, req, "q.unit_id", err);
	if (r >= 0)
		r = filter_endpoint(&list, req, " AND q.endpoint_id = ?", err);
	if (r >= 0)
		r = api_query_enums(req, "state", states, &set, err);
	if (r < 0)
		return r;
	if (r > 0)
		api_list_add(&list, " AND " API_IN_SET("q.state"), DB_INT(set));
	return api_list_answer(req, res, &list,
	                       &(struct api_list_reply){
				       "q.endpoint_id, e.hostname, q.unit_id, u.name, q.path, q.threat, q.sha256, q.size_bytes,"
				       " q.quarantined_at, q.state, q.changed_at, q.reason, q.sample, q.version",
				       "q.id", quarantine_row},
	                       err);
}

struct plain {
	struct api_request *req;
	struct http_response *res;
};

static int write_threats(struct db_tx *tx, void *ctx, struct err *err)
{
	struct plain *p = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int64_t total = 0;
	int r = db_query(tx, &rows, err,
	                 "SELECT d.threat, count(*), count(DISTINCT d.endpoint_id), count(DISTINCT d.unit_id), min(d.at),"
	                 " max(d.at) FROM detection d WHERE" ACCESS_UNIT_SCOPE("d.unit_id", "$1", "$2", "$3")
	                 " GROUP BY d.threat ORDER BY max(d.at) DESC, d.threat LIMIT 500",
	                 DB_UUID(&p->req->access->account_id), DB_CSTR("protection.read"), DB_INT(api_now(p->req)));
	struct json_writer w = api_reply(p->res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		json_object(&w);
		json_member_str(&w, "threat", db_text(rows, 0));
		json_member_int(&w, "detections", db_int(rows, 1));
		json_member_int(&w, "endpoints", db_int(rows, 2));
		json_member_int(&w, "units", db_int(rows, 3));
		api_member_time(&w, "first_at", db_int(rows, 4));
		api_member_time(&w, "last_at", db_int(rows, 5));
		json_object_end(&w);
		total++;
	}
	json_array_end(&w);
	json_member_int(&w, "total", total);
	json_name(&w, "next");
	json_null(&w);
	json_object_end(&w);
	return r < 0 ? r : 0;
}

int protection_list_threats(struct api_request *req, struct http_response *res, struct err *err)
{
	return db_read(req->service->db, write_threats, &(struct plain){req, res}, err);
}

static int write_bundles(struct db_tx *tx, void *ctx, struct err *err)
{
	struct plain *p = ctx;
	int64_t total = 0;
	int r = db_query_int(tx, &total, err, "SELECT count(*) FROM bundle");
	if (r < 0)
		return r;
	struct json_writer w = api_reply(p->res, 200);
	json_object(&w);
	json_name(&w, "items");
	r = protection_db_bundle_list(tx, &w, err);
	json_member_int(&w, "total", total);
	json_name(&w, "next");
	json_null(&w);
	json_object_end(&w);
	return r;
}

int protection_list_bundles(struct api_request *req, struct http_response *res, struct err *err)
{
	return db_read(req->service->db, write_bundles, &(struct plain){req, res}, err);
}
