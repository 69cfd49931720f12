/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Lists and sums: need-to-know is part of every query. */
#include "service/endpoint/endpoint_http.h"
#include "service/endpoint/endpoint_isolation.h"

static const char *const state_words[] = {"protected", "outdated", "silent", "unprotected", NULL};
_Static_assert(sizeof state_words / sizeof state_words[0] == ENDPOINT_STATE__COUNT + 1, "a word a state");

static const char *const isolation_words[] = {"none", "asked", "on", "lifting", "lifted", "expired", "failed", NULL};
_Static_assert(sizeof isolation_words / sizeof isolation_words[0] == ENDPOINT_ISOLATION__COUNT + 1, "a word a state");

void endpoint_write_isolation(struct json_writer *w, int64_t state)
{
	bool known = state > 0 && state < ENDPOINT_ISOLATION__COUNT;
	json_member_cstr(w, "isolation", known ? isolation_words[state] : NULL);
}

static void endpoint_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	struct uuid id = db_uuid(rows, 1), unit = db_uuid(rows, API_LIST_FIRST + 1);
	const unsigned f = API_LIST_FIRST;
	int64_t state = db_int(rows, f + 6);
	api_member_uuid(w, "id", &id);
	json_member_str(w, "hostname", db_text(rows, f));
	api_member_ref(w, "unit", &unit, db_text(rows, f + 2));
	json_member_str(w, "os", db_text(rows, f + 3));
	json_member_str(w, "os_version", db_text(rows, f + 4));
	json_name(w, "addresses");
	json_raw(w, db_text(rows, f + 5));
	endpoint_write_state(w, req, (enum endpoint_state)state, db_text(rows, f + 7));
	json_member_str(w, "agent_version", db_text(rows, f + 8));
	json_name(w, "bundle_version");
	if (db_int(rows, f + 9) > 0)
		json_int(w, db_int(rows, f + 9));
	else
		json_null(w);
	json_member_str(w, "watch_mode", db_text(rows, f + 10));
	api_member_time(w, "last_seen_at", db_int(rows, f + 11));
	api_member_time(w, "enrolled_at", db_int(rows, f + 12));
	json_member_bool(w, "sample", db_int(rows, f + 13) != 0);
	endpoint_write_isolation(w, db_int(rows, f + 15));
	api_member_etag(w, db_int(rows, f + 14));
}

int endpoint_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {
		{"hostname", "e.sort_key", DB_TYPE_BLOB, false},
		{"last_seen_at", "e.last_seen_at", DB_TYPE_INT, true},
		{"state", "e.state", DB_TYPE_INT, false},
		{"enrolled_at", "e.enrolled_at", DB_TYPE_INT, true},
		{.name = NULL},
	};
	struct api_list list;
	uint32_t states = 0;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM endpoint e LEFT JOIN unit u ON u.id = e.unit_id WHERE e.retired_at IS NULL");
	api_list_scope(&list, "e.unit_id", req, "endpoint.read");
	api_list_search(&list, req, "e.search_key");
	r = api_list_unit_filter(&list, req, "e.unit_id", err);
	if (r >= 0)
		r = api_query_enums(req, "state", state_words, &states, err);
	if (r < 0)
		return r;
	if (r > 0)
		api_list_add(&list, " AND " API_IN_SET("e.state"), DB_INT(states));
	r = api_query_enums(req, "isolation", isolation_words, &states, err);
	if (r < 0)
		return r;
	if (r > 0)
		api_list_add(&list, " AND " API_IN_SET("e.isolation"), DB_INT(states));
	return api_list_answer(req, res, &list,
	                       &(struct api_list_reply){
				       "e.hostname, e.unit_id, u.name, e.os, e.os_version, e.addresses, e.state, e.state_reason,"
				       " e.agent_version, e.bundle_version, e.watch_mode, e.last_seen_at, e.enrolled_at, e.sample,"
				       " e.version, e.isolation",
				       "e.id", endpoint_row},
	                       err);
}

struct sums {
	struct api_request *req;
	struct http_response *res;
};

/* Rows come by unit; states of one unit follow each other. */
struct unit_sum {
	struct uuid id;
	struct str name;
	int64_t total, protected_count;
};

static void write_unit_sum(struct json_writer *w, const struct unit_sum *u)
{
	if (u->total == 0)
		return;
	json_object(w);
	api_member_ref(w, "unit", &u->id, u->name);
	json_member_int(w, "total", u->total);
	json_member_int(w, "protected", u->protected_count);
	json_object_end(w);
}

static int write_sums(struct db_tx *tx, void *ctx, struct err *err)
{
	struct sums *s = ctx;
	const usec_t now = api_now(s->req);
	int64_t counts[ENDPOINT_STATE__COUNT] = {0}, total = 0, isolated = 0;
	struct unit_sum unit = {.total = 0};
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT u.id, u.name, e.state, count(*), sum(CASE WHEN e.isolation BETWEEN 1 AND 3 THEN 1 ELSE 0 END) FROM endpoint e JOIN unit u ON u.id = e.unit_id"
	                 " WHERE e.retired_at IS NULL AND" ACCESS_UNIT_SCOPE("e.unit_id", "$1", "$2", "$3")
	                 " GROUP BY u.id, u.name, e.state ORDER BY u.id",
	                 DB_UUID(&s->req->access->account_id), DB_CSTR("endpoint.read"), DB_INT(now));
	struct json_writer w = api_reply(s->res, 200);
	json_object(&w);
	json_name(&w, "by_unit");
	json_array(&w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		int64_t state = db_int(rows, 2), n = db_int(rows, 3);
		if (!uuid_eq(&id, &unit.id)) {
			write_unit_sum(&w, &unit);
			unit = (struct unit_sum){.id = id, .name = arena_str(s->req->arena, db_text(rows, 1))};
		}
		unit.total += n;
		total += n;
		isolated += db_int(rows, 4);
		if (state >= 0 && state < ENDPOINT_STATE__COUNT)
			counts[state] += n;
		if (state == ENDPOINT_STATE_PROTECTED)
			unit.protected_count += n;
	}
	write_unit_sum(&w, &unit);
	json_array_end(&w);
	json_member_int(&w, "total", total);
	json_member_int(&w, "isolated", isolated); /* asked, on, lifting */
	for (int i = 0; i < ENDPOINT_STATE__COUNT; i++)
		json_member_int(&w, endpoint_state_name((enum endpoint_state)i), counts[i]);
	api_member_time(&w, "as_of", now);
	json_object_end(&w);
	return r < 0 ? r : 0;
}

int endpoint_summary(struct api_request *req, struct http_response *res, struct err *err)
{
	return db_read(req->service->db, write_sums, &(struct sums){req, res}, err);
}

static void token_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	const unsigned f = API_LIST_FIRST;
	struct uuid id = db_uuid(rows, 1), unit = db_uuid(rows, f);
	usec_t expires = db_int(rows, f + 3);
	bool open = db_is_null(rows, f + 6) && db_int(rows, f + 4) < db_int(rows, f + 5) && expires > api_now(req);
	api_member_uuid(w, "id", &id);
	api_member_ref(w, "unit", &unit, db_text(rows, f + 1));
	api_member_time(w, "created_at", db_int(rows, f + 2));
	api_member_time(w, "expires_at", expires);
	json_member_int(w, "used", db_int(rows, f + 4));
	json_member_int(w, "uses", db_int(rows, f + 5));
	json_member_bool(w, "usable", open);
	api_member_time(w, "revoked_at", db_int(rows, f + 6));
	json_member_str(w, "created_by", db_text(rows, f + 7));
}

int endpoint_token_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"created_at", "t.created_at", DB_TYPE_INT, true}, {.name = NULL}};
	struct api_list list;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM enrolment_token t LEFT JOIN unit u ON u.id = t.unit_id WHERE 1 = 1");
	api_list_scope(&list, "t.unit_id", req, "endpoint.enrol");
	r = api_list_unit_filter(&list, req, "t.unit_id", err);
	if (r < 0)
		return r;
	return api_list_answer(req, res, &list,
	                       &(struct api_list_reply){"t.unit_id, u.name, t.created_at, t.expires_at, t.used, t.uses,"
	                                                " t.revoked_at, t.created_by_name",
	                                                "t.id", token_row},
	                       err);
}
