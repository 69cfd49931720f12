/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Routes of the roster, and the room's descriptor. */
#include <stdio.h>

#include "base/csv/csv.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/shift/shift_internal.h"
#include "service/shift/shift_sql.gen.h"

struct add_body {
	struct uuid account_id, unit_id;
	usec_t starts_at, ends_at;
	struct str note;
};
/* Without unit_id: the widest unit whose roster the account keeps. */
static const struct json_field add_fields[] = {
	{"account_id", JSON_FIELD_UUID, offsetof(struct add_body, account_id), true},
	{"unit_id", JSON_FIELD_UUID, offsetof(struct add_body, unit_id)},
	{"starts_at", JSON_FIELD_TIME, offsetof(struct add_body, starts_at), true},
	{"ends_at", JSON_FIELD_TIME, offsetof(struct add_body, ends_at), true},
	{"note", JSON_FIELD_STR, offsetof(struct add_body, note), false, 0, 500},
	{.name = NULL},
};

struct job {
	struct api_request *req;
	struct http_response *res;
	struct shift_row shift;
	int64_t added;
};

static int tell(struct db_tx *tx, const struct api_request *req, const char *action, const struct shift_row *s, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT(8192);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	api_member_uuid(&w, "account", &s->account_id);
	api_member_time(&w, "starts_at", s->starts_at);
	api_member_time(&w, "ends_at", s->ends_at);
	json_object_end(&w);
	struct audit_entry e = {.action = action, .object_type = "shift", .object_id = s->id, .unit_id = s->unit_id, .details = buf_str(&details)};
	int r = audit_write(tx, req->access, api_now(req), &e, err);
	struct service_event event = {.name = "shift.changed", .unit_id = s->unit_id, .permission = "shift.read", .json = STR("{}")};
	return r < 0 ? r : outbox_write(tx, &event, err);
}

static int add_one(struct db_tx *tx, const struct api_request *req, struct shift_row *s, struct err *err)
{
	int r = shift_check(s, err);
	if (r >= 0 && uuid_is_null(&s->unit_id))
		r = shift_db_own_unit(tx, req->access, api_now(req), &s->unit_id, err);
	if (r >= 0)
		r = api_require_unit(tx, req, "shift.write", &s->unit_id, err);
	s->id = uuid_new();
	if (r >= 0)
		r = shift_db_add(tx, s, api_now(req), err);
	return r < 0 ? r : tell(tx, req, "shift.add", s, err);
}

static int write_add(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *j = ctx;
	return add_one(tx, j->req, &j->shift, err);
}

static int add(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct add_body *b = req->fields;
	struct job j = {.req = req, .shift = {.account_id = b->account_id, .unit_id = b->unit_id, .starts_at = b->starts_at,
	                                      .ends_at = b->ends_at, .note = b->note}};
	int r = api_typed_text(req, &j.shift.note, err);
	if (r >= 0)
		r = db_write(req->service->db, write_add, &j, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	struct json_writer w = api_reply(res, 201);
	json_object(&w);
	api_member_uuid(&w, "id", &j.shift.id);
	json_object_end(&w);
	return 0;
}

static int write_remove(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *j = ctx;
	int r = shift_db_get(tx, &j->shift.id, &j->shift, err);
	if (r >= 0)
		r = api_require_visible(tx, j->req, "shift.read", &j->shift.unit_id, err);
	if (r >= 0)
		r = api_require_unit(tx, j->req, "shift.write", &j->shift.unit_id, err);
	if (r >= 0)
		r = shift_db_remove(tx, &j->shift.id, err);
	return r < 0 ? r : tell(tx, j->req, "shift.remove", &j->shift, err);
}

static int remove_one(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job j = {.req = req};
	int r = api_param_uuid(req, "id", &j.shift.id, err);
	if (r >= 0)
		r = db_write(req->service->db, write_remove, &j, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return api_reply_empty(res, 204);
}

/* ---- import: login,start,end,note; times as in shift_parse_time ---- */

static int import_row(struct db_tx *tx, struct job *j, const struct csv *csv, struct err *err)
{
	struct shift_row s = {.note = str_trim(csv_field(csv, "note"))};
	int r = shift_db_find_login(tx, str_trim(csv_field(csv, "login")), &s.account_id, err);
	if (r >= 0)
		r = shift_parse_time(str_trim(csv_field(csv, "start")), &s.starts_at, err);
	if (r >= 0)
		r = shift_parse_time(str_trim(csv_field(csv, "end")), &s.ends_at, err);
	if (r >= 0)
		r = api_typed_text(j->req, &s.note, err);
	if (r >= 0 && s.note.n > 500)
		r = err_set(err, -EINVAL, "shift.note_too_long");
	if (r >= 0 && ++j->added > SHIFT_IMPORT_MAX)
		r = err_set(err, -E2BIG, "shift.too_many", ARG_I64("most", SHIFT_IMPORT_MAX));
	return r < 0 ? r : add_one(tx, j->req, &s, err);
}

/* All or none. */
static int write_import(struct db_tx *tx, void *ctx, struct err *err)
{
	static const char *const columns[] = {"login", "start", "end"};
	struct job *j = ctx;
	struct csv csv;
	j->added = 0;
	int r = csv_begin(&csv, j->req->arena, j->req->http->body, err);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(columns); i++) {
		bool found = false;
		for (size_t k = 0; k < csv.name_count; k++)
			found = found || str_eq_c(csv.names[k], columns[i]);
		if (!found)
			return err_set(err, -EINVAL, "shift.column_missing", ARG_CSTR("column", columns[i]));
	}
	while (r >= 0 && (r = csv_next(&csv, j->req->arena, err)) > 0) {
		r = import_row(tx, j, &csv, err);
		if (r < 0) {
			char line[16];
			(void)snprintf(line, sizeof line, "%u", csv.line);
			return err_at(err, str_c(line));
		}
	}
	return r;
}

static int import_csv(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job j = {.req = req};
	int r = db_write(req->service->db, write_import, &j, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	struct json_writer w = api_reply(res, 201);
	json_object(&w);
	json_member_int(&w, "added", j.added);
	json_object_end(&w);
	return 0;
}

static int read_now(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *j = ctx;
	struct json_writer w = api_reply(j->res, 200);
	json_object(&w);
	int r = shift_db_write_now(tx, &w, j->req, err);
	json_object_end(&w);
	return r;
}

static int now(struct api_request *req, struct http_response *res, struct err *err)
{
	return db_read(req->service->db, read_now, &(struct job){.req = req, .res = res}, err);
}

#define BODY(fields, type) .body = (fields), .body_size = sizeof(type)
static const struct service_route routes[] = {
	{"GET", "/api/v1/shifts", "shift.read", shift_list, "shift.route_list"},
	{"GET", "/api/v1/shifts/now", "shift.read", now, "shift.route_now"},
	{"POST", "/api/v1/shifts", "shift.write", add, "shift.route_add", BODY(add_fields, struct add_body)},
	{"POST", "/api/v1/shifts/import", "shift.write", import_csv, "shift.route_import", .body_limit_bytes = (size_t)1 << 20, .raw_body = true},
	{"DELETE", "/api/v1/shifts/{id}", "shift.write", remove_one, "shift.route_remove"},
	{"GET", "/api/v1/handovers", "shift.read", shift_handover_list, "shift.route_handovers"},
	{"POST", "/api/v1/handovers", "shift.write", shift_handover_make, "shift.route_handover_make"},
	{"GET", "/api/v1/handovers/{id}", "shift.read", shift_handover_one, "shift.route_handover"},
	{"PATCH", "/api/v1/handovers/{id}", "shift.write", shift_handover_edit, "shift.route_handover_edit",
	 BODY(shift_edit_fields, struct shift_edit_body), .body_limit_bytes = (size_t)1 << 20},
	{"POST", "/api/v1/handovers/{id}/sign", "shift.write", shift_handover_sign, "shift.route_handover_sign"},
	{"POST", "/api/v1/handovers/{id}/accept", "shift.write", shift_handover_accept, "shift.route_handover_accept",
	 BODY(shift_accept_fields, struct shift_accept_body)},
	{.method = NULL},
};

static const char *const permissions[] = {"shift.read", "shift.write", NULL};

const struct service shift_service = {
	.name = "shift",
	.routes = routes,
	.permissions = permissions,
	.migrations = shift_migrations,
	.migration_count = SHIFT_MIGRATION_COUNT,
};
