/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/text/text.h"
#include "service/outbox/outbox.h"
#include "service/unit/unit_internal.h"

struct create_body {
	struct str code, kind, name;
	struct uuid parent_id;
};
static const struct json_field create_fields[] = {
	{"code", JSON_FIELD_STR, offsetof(struct create_body, code), true, 1, UNIT_CODE_MAX},
	{"kind", JSON_FIELD_STR, offsetof(struct create_body, kind), true, 1, 40},
	{"name", JSON_FIELD_STR, offsetof(struct create_body, name), true, 1, UNIT_NAME_MAX},
	{"parent_id", JSON_FIELD_UUID, offsetof(struct create_body, parent_id), true},
	{.name = NULL},
};

struct change_body {
	struct unit_change change;
};
static const struct json_field change_fields[] = {
	{"code", JSON_FIELD_STR, offsetof(struct change_body, change.code), false, 1, UNIT_CODE_MAX},
	{"kind", JSON_FIELD_STR, offsetof(struct change_body, change.kind), false, 1, 40},
	{"name", JSON_FIELD_STR, offsetof(struct change_body, change.name), false, 1, UNIT_NAME_MAX},
	{.name = "parent_id", .type = JSON_FIELD_UUID, .offset = offsetof(struct change_body, change.parent_id),
	 .present_offset = offsetof(struct change_body, change.has_parent) + 1},
	{.name = "closed", .type = JSON_FIELD_BOOL, .offset = offsetof(struct change_body, change.closed),
	 .present_offset = offsetof(struct change_body, change.has_closed) + 1},
	{.name = NULL},
};

struct job {
	struct api_request *req;
	struct uuid id;
};

/* Stored text is NFC, whatever the keyboard sent. */
static int to_nfc(struct arena *arena, struct str *s, struct err *err)
{
	if (s->p == NULL)
		return 0;
	cleanup_buf struct buf out = BUF_INIT(4096);
	int r = text_nfc(str_trim(*s), &out, err);
	*s = arena_str(arena, buf_str(&out));
	return r;
}

static int create(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	const struct create_body *b = job->req->fields;
	struct unit_new n = {.code = b->code, .kind = b->kind, .name = b->name, .parent_id = b->parent_id};
	int r = to_nfc(job->req->arena, &n.name, err);
	if (r >= 0)
		r = api_require_unit(tx, job->req, "unit.manage", &n.parent_id, err);
	return r < 0 ? r : unit_create(job->req->service, tx, job->req->access, &n, &job->id, err);
}

static int post_unit(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = db_write(req->service->db, create, &job, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return unit_db_show(req, res, 201, &job.id, err);
}

static int change(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	struct api_request *req = job->req;
	struct unit_change c = ((const struct change_body *)req->fields)->change;
	struct unit_row before;
	int r = api_require_visible(tx, req, "unit.read", &job->id, err);
	if (r >= 0)
		r = unit_db_get(tx, req->arena, &job->id, &before, err);
	if (r >= 0)
		r = api_require_unit(tx, req, "unit.manage", &job->id, err);
	/* Moving needs the right over the place it goes to as well. */
	if (r >= 0 && c.has_parent)
		r = api_require_unit(tx, req, "unit.manage", &c.parent_id, err);
	if (r >= 0)
		r = api_if_match(req, before.version, err);
	if (r >= 0)
		r = to_nfc(req->arena, &c.name, err);
	return r < 0 ? r : unit_change(req->service, tx, req->arena, req->access, &before, &c, err);
}

static int patch_unit(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = api_param_uuid(req, "id", &job.id, err);
	if (r >= 0)
		r = db_write(req->service->db, change, &job, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return unit_db_show(req, res, 200, &job.id, err);
}

static int get_unit(struct api_request *req, struct http_response *res, struct err *err)
{
	struct uuid id;
	int r = api_param_uuid(req, "id", &id, err);
	return r < 0 ? r : unit_db_show(req, res, 200, &id, err);
}

const struct service_route unit_routes[] = {
	{"GET", "/api/v1/units", "unit.read", unit_db_list, "unit.route_list"},
	{"POST", "/api/v1/units", "unit.manage", post_unit, "unit.route_create", create_fields, sizeof(struct create_body)},
	{"POST", "/api/v1/units/import", "unit.manage", unit_post_sheet, "unit.route_import", .body_limit_bytes = (size_t)8 << 20, .raw_body = true},
	{"GET", "/api/v1/units/{id}", "unit.read", get_unit, "unit.route_get"},
	{"PATCH", "/api/v1/units/{id}", "unit.manage", patch_unit, "unit.route_change", change_fields, sizeof(struct change_body)},
	{"GET", "/api/v1/unit-kinds", "unit.read", unit_db_list_kinds, "unit.route_kinds"},
	{.method = NULL},
};
