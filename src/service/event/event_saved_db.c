/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Saved searches: one's own, and those shared with a unit whose events one may read. */
#include "base/text/text.h"
#include "service/audit/audit.h"
#include "service/event/event_internal.h"

#define SAVED_MOST 200 /* of one person */

const struct json_field event_saved_fields[] = {
	{"name", JSON_FIELD_STR, offsetof(struct event_saved_body, name), true, 1, 200},
	{"query", JSON_FIELD_STR, offsetof(struct event_saved_body, query), false, 0, EVENT_QUERY_LIMIT},
	{"state", JSON_FIELD_STR, offsetof(struct event_saved_body, state), false, 0, 4000},
	{"unit_id", JSON_FIELD_UUID, offsetof(struct event_saved_body, unit_id)},
	{.name = NULL},
};

#define COLUMNS "s.id, s.owner_id, s.owner_name, s.unit_id, u.name, s.name, s.query, s.state, s.created_at"

static void write_saved(struct json_writer *w, const struct db_rows *rows, const struct api_request *req, unsigned f)
{
	struct uuid id = db_uuid(rows, f), owner = db_uuid(rows, f + 1), unit = db_uuid(rows, f + 3);
	api_member_uuid(w, "id", &id);
	api_member_ref(w, "owner", &owner, db_text(rows, f + 2));
	json_member_bool(w, "own", uuid_eq(&owner, &req->access->account_id));
	api_member_ref(w, "unit", &unit, db_text(rows, f + 4));
	json_member_str(w, "name", db_text(rows, f + 5));
	json_member_str(w, "query", db_text(rows, f + 6));
	json_member_str(w, "state", db_text(rows, f + 7));
	api_member_time(w, "created_at", db_int(rows, f + 8));
}

static void list_row(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	write_saved(w, rows, req, API_LIST_FIRST);
}

int event_saved_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"name", "s.sort_key", DB_TYPE_BLOB, false}, {.name = NULL}};
	struct api_list list;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM saved_search s LEFT JOIN unit u ON u.id = s.unit_id WHERE (s.owner_id = ? OR",
	             DB_UUID(&req->access->account_id));
	api_list_add(&list, ACCESS_UNIT_SCOPE("s.unit_id", "?", "?", "?") ")", DB_UUID(&req->access->account_id), DB_CSTR("event.read"),
	             DB_INT(api_now(req)));
	static const struct api_list_reply how = {.columns = COLUMNS, .id = "s.id", .row = list_row};
	return api_list_answer(req, res, &list, &how, err);
}

struct creation {
	struct api_request *req;
	struct str name;
	struct uuid id;
};

static int write_creation(struct db_tx *tx, void *ctx, struct err *err)
{
	struct creation *c = ctx;
	const struct event_saved_body *body = c->req->fields;
	const struct access *access = c->req->access;
	int64_t count = 0;
	usec_t now = api_now(c->req);
	int r = db_query_int(tx, &count, err, "SELECT count(*) FROM saved_search WHERE owner_id = $1", DB_UUID(&access->account_id));
	if (r >= 0 && count >= SAVED_MOST)
		return err_set(err, -EBUSY, "event.saved_too_many", ARG_U64("limit", SAVED_MOST));
	if (r >= 0 && !uuid_is_null(&body->unit_id))
		r = api_require_unit(tx, c->req, "event.read", &body->unit_id, err);
	if (r < 0)
		return r;
	cleanup_buf struct buf key = BUF_INIT(8192);
	text_sort_key(c->name, &key);
	c->id = uuid_new();
	r = db_exec(tx, err,
	            "INSERT INTO saved_search (id, owner_id, owner_name, unit_id, name, sort_key, query, state, created_at)"
	            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	            DB_UUID(&c->id), DB_UUID(&access->account_id), DB_TEXT(access->name), DB_UUID_OR_NULL(&body->unit_id), DB_TEXT(c->name),
	            DB_BLOB(buf_str(&key)), DB_TEXT(body->query), DB_TEXT(body->state), DB_INT(now));
	struct audit_entry e = {.action = "event.search_saved", .object_type = "saved_search", .object_id = c->id,
	                        .unit_id = uuid_is_null(&body->unit_id) ? access->unit_id : body->unit_id};
	return r < 0 ? r : audit_write(tx, access, now, &e, err);
}

int event_saved_create(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct event_saved_body *body = req->fields;
	struct creation c = {.req = req, .name = body->name};
	const struct event_query *ignored;
	int r = api_typed_text(req, &c.name, err);
	if (r >= 0 && c.name.n == 0)
		return err_set(err, -EINVAL, "event.saved_name");
	if (r >= 0)
		r = event_query_parse(req->arena, body->query, &ignored, err);
	if (r >= 0)
		r = db_write(req->service->db, write_creation, &c, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 201);
	json_object(&w);
	api_member_uuid(&w, "id", &c.id);
	json_object_end(&w);
	return 0;
}

static int write_removal(struct db_tx *tx, void *ctx, struct err *err)
{
	struct creation *c = ctx;
	const struct access *access = c->req->access;
	int r = db_exec(tx, err, "DELETE FROM saved_search WHERE id = $1 AND owner_id = $2", DB_UUID(&c->id), DB_UUID(&access->account_id));
	if (r == 0)
		return err_set(err, -ENOENT, "api.not_found");
	struct audit_entry e = {.action = "event.search_forgotten", .object_type = "saved_search", .object_id = c->id,
	                        .unit_id = access->unit_id};
	return r < 0 ? r : audit_write(tx, access, api_now(c->req), &e, err);
}

int event_saved_remove(struct api_request *req, struct http_response *res, struct err *err)
{
	struct creation c = {.req = req};
	int r = api_param_uuid(req, "id", &c.id, err);
	if (r >= 0)
		r = db_write(req->service->db, write_removal, &c, err);
	return r < 0 ? r : api_reply_empty(res, 204);
}
