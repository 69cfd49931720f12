/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * SQL by hand. The store cannot tell units apart, so this is for accounts whose event.sql holds over every unit; the
 * statement passes our scanner (one statement, reading only, no table functions, no SETTINGS within) here and once more
 * in the store, which runs it with readonly=1 and its lane's limits. Each statement stands in the audit log.
 */
#include "service/audit/audit.h"
#include "service/event/event_internal.h"

#define ROWS_MOST 1000

const struct json_field event_sql_fields[] = {
	{"sql", JSON_FIELD_STR, offsetof(struct event_sql_body, sql), true, 1, 20000},
	{"long", JSON_FIELD_BOOL, offsetof(struct event_sql_body, hunt)},
	{.name = NULL},
};

static int record(const struct api_request *req, struct str sql, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT((size_t)128 << 10);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_str(&w, "sql", sql);
	json_object_end(&w);
	struct audit_entry e = {.action = "event.sql", .object_type = "event", .details = buf_str(&details)};
	return audit_record(req->service, req->access, &e, err);
}

int event_sql(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct event_sql_body *body = req->fields;
	struct event_ask a;
	event_ask_init(&a, req->service, req->arena);
	a.http = req->http;
	a.hunt = body->hunt;
	int r = event_scope_load(req->service, req->arena, req->access, "event.sql", &a.scope, err);
	if (r >= 0 && !a.scope.all)
		r = err_set(err, -EACCES, "event.sql_whole_city");
	/* First, because also an attempt is worth knowing. */
	if (r >= 0)
		r = record(req, body->sql, err);
	if (r >= 0)
		r = event_db_sql(&a, body->sql, ROWS_MOST + 1, err);
	if (r >= 0) {
		struct json_writer w = api_reply(res, 200);
		json_object(&w);
		json_member_int(&w, "limit", ROWS_MOST);
		json_name(&w, "result");
		json_raw(&w, str_trim(buf_str(&a.answer)));
		json_object_end(&w);
	}
	event_ask_done(&a);
	return r;
}
