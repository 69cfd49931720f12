/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The list: need-to-know is part of the query. */
#include "service/incident/incident_http.h"

static void list_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	const unsigned f = API_LIST_FIRST, vi = req->access->lang == MSG_LANG_VI ? 0 : 1;
	struct uuid id = db_uuid(rows, 1), unit = db_uuid(rows, f + 9), endpoint = db_uuid(rows, f + 11);
	struct uuid owner = db_uuid(rows, f + 16);
	api_member_uuid(w, "id", &id);
	json_member_str(w, "number", db_text(rows, f));
	json_member_str(w, "title", db_text(rows, f + 1));
	json_member_str(w, "kind", db_text(rows, f + 2));
	json_member_str(w, "kind_label", db_text(rows, f + 3 + vi));
	json_member_cstr(w, "severity", alert_severity_name((enum alert_severity)db_int(rows, f + 5)));
	json_member_str(w, "state", db_text(rows, f + 6));
	json_member_str(w, "state_label", db_text(rows, f + 7 + vi));
	api_member_ref(w, "unit", &unit, db_text(rows, f + 10));
	json_name(w, "endpoint");
	if (uuid_is_null(&endpoint)) {
		json_null(w);
	} else {
		json_object(w);
		api_member_uuid(w, "id", &endpoint);
		json_member_str(w, "hostname", db_text(rows, f + 12));
		json_object_end(w);
	}
	api_member_time(w, "opened_at", db_int(rows, f + 13));
	api_member_time(w, "detected_at", db_int(rows, f + 14));
	api_member_time(w, "closed_at", db_int(rows, f + 15));
	api_member_ref(w, "owner", &owner, db_text(rows, f + 17));
	json_member_bool(w, "sample", db_int(rows, f + 18) != 0);
	api_member_etag(w, db_int(rows, f + 19));
}

int incident_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {
		{"opened_at", "i.opened_at", DB_TYPE_INT, true}, {"number", "i.number", DB_TYPE_TEXT, true},
		{"severity", "i.severity", DB_TYPE_INT, true},   {"detected_at", "i.detected_at", DB_TYPE_INT, true},
		{.name = NULL},
	};
	static const char *const open_words[] = {"0", "1", NULL};
	struct api_list list;
	int open = 0;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM incident i LEFT JOIN incident_kind k ON k.id = i.kind"
	                    " LEFT JOIN incident_state s ON s.id = i.state LEFT JOIN unit u ON u.id = i.unit_id"
	                    " LEFT JOIN endpoint e ON e.id = i.endpoint_id WHERE 1 = 1");
	/* A guest expert's grant is for one case, wherever it lies. */
	const struct db_value me = DB_UUID(&req->access->account_id), permission = DB_CSTR("incident.read");
	const struct db_value now = DB_INT(api_now(req));
	api_list_add(&list,
	             " AND (" ACCESS_UNIT_SCOPE("i.unit_id", "?", "?", "?")
	             " OR i.id IN (SELECT xg.restrict_id FROM account_grant xg JOIN role_permission xp ON xp.role = xg.role"
	             " WHERE xg.account_id = ? AND xp.permission = ? AND xg.restrict_kind = 'incident'"
	             " AND (xg.expires_at IS NULL OR xg.expires_at > ?)))",
	             me, permission, now, me, permission, now);
	api_list_search(&list, req, "i.search_key");
	r = api_list_unit_filter(&list, req, "i.unit_id", err);
	if (r >= 0)
		r = api_query_enum(req, "open", open_words, &open, err);
	if (r < 0)
		return r;
	if (r > 0)
		api_list_add(&list, " AND s.open = ?", DB_INT(open));
	struct str states[8], kind = http_query(req->http, "kind");
	size_t count = http_query_all(req->http, "state", states, ARRAY_LEN(states));
	for (size_t i = 0; i < count; i++)
		api_list_add(&list, i == 0 ? " AND i.state IN (?" : ", ?", DB_TEXT(states[i]));
	if (count > 0)
		api_list_add(&list, ")");
	if (kind.n > 0)
		api_list_add(&list, " AND (i.kind = ? OR k.group_id = ?)", DB_TEXT(kind), DB_TEXT(kind));
	return api_list_answer(req, res, &list,
	                       &(struct api_list_reply){
				       "i.number, i.title, i.kind, k.label_vi, k.label_en, i.severity, i.state, s.label_vi, s.label_en,"
				       " i.unit_id, u.name, i.endpoint_id, e.hostname, i.opened_at, i.detected_at, i.closed_at,"
				       " i.owner_id, i.owner_name, i.sample, i.version",
				       "i.id", list_row},
	                       err);
}
