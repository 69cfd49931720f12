/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The room's routes and its descriptor: everything that hangs off one line of service.def. */
#include "service/outbox/outbox.h"
#include "service/template/template_internal.h"
#include "service/template/template_sql.gen.h"

/* A body is a table: name, type, place, required, limits. Unknown members are refused with "did you mean". */
struct create_body {
	struct uuid unit_id;
	struct str text;
};
static const struct json_field create_fields[] = {
	{"unit_id", JSON_FIELD_UUID, offsetof(struct create_body, unit_id), true},
	{"text", JSON_FIELD_STR, offsetof(struct create_body, text), true, 1, TEMPLATE_TEXT_MAX},
	{.name = NULL},
};

struct creation {
	struct api_request *req;
	struct uuid id;
};

/* May run several times, when another writer got in between: nothing but the database and ctx is changed. */
static int write_creation(struct db_tx *tx, void *ctx, struct err *err)
{
	struct creation *c = ctx;
	const struct create_body *body = c->req->fields;
	int r = api_require_unit(tx, c->req, "template.write", &body->unit_id, err);
	return r < 0 ? r : template_add(tx, c->req->service, c->req->access, &body->unit_id, body->text, &c->id, err);
}

static int template_create(struct api_request *req, struct http_response *res, struct err *err)
{
	struct creation c = {.req = req};
	int r = db_write(req->service->db, write_creation, &c, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	struct json_writer w = api_reply(res, 201);
	json_object(&w);
	api_member_uuid(&w, "id", &c.id);
	json_object_end(&w);
	return 0;
}

static const struct service_route routes[] = {
	{"GET", "/api/v1/template", "template.read", template_list, "template.route_list"},
	{"POST", "/api/v1/template", "template.write", template_create, "template.route_create",
	 .body = create_fields, .body_size = sizeof(struct create_body)},
	{.method = NULL},
};

static const char *const permissions[] = {"template.read", "template.write", NULL};

const struct service template_service = {
	.name = "template",
	.routes = routes,
	.permissions = permissions,
	.migrations = template_migrations,
	.migration_count = TEMPLATE_MIGRATION_COUNT,
};
