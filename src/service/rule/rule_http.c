/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One rule and many: check, write, copy, switch; the room's routes. */
#include "base/text/text.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/rule/rule_http.h"
#include "service/rule/rule_sql.gen.h"

const char *const rule_origin_names[] = {"own", "archive", "written", NULL};
_Static_assert(ARRAY_LEN(rule_origin_names) == RULE_ORIGIN__COUNT + 1, "a name an origin");
const char *const rule_levels[] = {"", "informational", "low", "medium", "high", "critical", NULL};

int rule_require_write(struct db_tx *tx, const struct api_request *req, struct err *err)
{
	const struct uuid whole = {.b = {0}};
	return api_require_unit(tx, req, "rule.write", &whole, err);
}

int rule_audit(struct db_tx *tx, const struct api_request *req, const char *action, const struct uuid *id, struct str details, struct err *err)
{
	const struct audit_entry e = {.action = action, .object_type = "rule", .object_id = *id, .details = details};
	return audit_write(tx, req->access, api_now(req), &e, err);
}

int rule_emit(struct db_tx *tx, const char *what, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT(1024);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	json_member_cstr(&w, "what", what);
	json_object_end(&w);
	return outbox_write(tx, &(struct service_event){.name = "rule.changed", .permission = "rule.read", .json = buf_str(&json)}, err);
}

static int get_one(struct api_request *req, struct http_response *res, struct err *err)
{
	struct uuid id;
	int r = api_param_uuid(req, "id", &id, err);
	return r < 0 ? r : rule_show(req, res, 200, &id, err);
}

/* ---- check as you type ---- */

struct check_body {
	struct str text;
	struct json_str_list events;
};
static const struct json_field check_fields[] = {
	{"text", JSON_FIELD_STR, offsetof(struct check_body, text), true, 0, (int64_t)RULEBOOK_RULE_MAX},
	{"events", JSON_FIELD_STR_LIST, offsetof(struct check_body, events), false, 0, RULEBOOK_EVENTS_MAX},
	{.name = NULL},
};

/* {"key","place","args"} becomes {"key","line","column","text"}. */
static void write_fault(struct json_writer *w, const struct api_request *req, const struct json *fault)
{
	cleanup_buf struct buf json = BUF_INIT(8192), text = BUF_INIT(4096);
	struct json_writer plain = json_writer_init(&json);
	struct err err = {0};
	uint64_t line = 0, column = 0;
	json_tree(&plain, fault);
	(void)!rule_refusal(buf_str(&json), &err);
	struct str place = str_c(err.place), part;
	for (int i = 0; str_split(&place, ':', &part); i++)
		(void)(i == 1 ? str_parse_u64(part, 0, UINT32_MAX, &line) : i == 2 && str_parse_u64(part, 0, UINT32_MAX, &column));
	err.place[0] = '\0';
	msg_append_err(req->service->messages, req->access->lang, &err, &text);
	json_object(w);
	json_member_cstr(w, "key", err.key);
	json_member_int(w, "line", (int64_t)line);
	json_member_int(w, "column", (int64_t)column);
	json_member_str(w, "text", buf_str(&text));
	json_object_end(w);
}

static void write_results(struct json_writer *w, const struct api_request *req, const struct json *results)
{
	json_name(w, "results");
	json_array(w);
	json_each(result, results) {
		json_object(w);
		json_name(w, "matches");
		json_tree(w, json_get(result, "matches"));
		json_name(w, "explain");
		json_tree(w, json_get(result, "explain"));
		json_name(w, "error");
		const struct json *error = json_get(result, "error");
		if (error != NULL && error->type == JSON_OBJECT)
			write_fault(w, req, error);
		else
			json_null(w);
		json_object_end(w);
	}
	json_array_end(w);
}

static int post_check(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct check_body *body = req->fields;
	cleanup_buf struct buf head = BUF_INIT((size_t)16 << 20), out = BUF_INIT((size_t)16 << 20);
	struct json_writer h = json_writer_init(&head);
	const struct json *j = NULL;
	json_object(&h);
	json_name(&h, "events");
	json_array(&h);
	for (size_t i = 0; i < body->events.count; i++)
		json_str(&h, body->events.items[i]);
	json_array_end(&h);
	json_object_end(&h);
	int r = rule_worker_run(req->service, RULEBOOK_CHECK, buf_str(&head), body->text, &out, err);
	if (r < 0)
		return r;
	if (json_parse(req->arena, buf_str(&out), &(struct json_limits){.depth = 128}, &j, NULL) < 0)
		return err_set(err, -EPROTO, "rule.worker");
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_bool(&w, "ok", json_get_bool(j, "ok", false));
	json_name(&w, "rules");
	json_tree(&w, json_get(j, "rules"));
	json_name(&w, "faults");
	json_array(&w);
	json_each(fault, json_get(j, "refused"))
		write_fault(&w, req, fault);
	json_array_end(&w);
	write_results(&w, req, json_get(j, "results"));
	json_object_end(&w);
	return 0;
}

/* ---- written here ---- */

struct own_body {
	struct str text;
};
static const struct json_field own_fields[] = {
	{"text", JSON_FIELD_STR, offsetof(struct own_body, text), true, 1, (int64_t)RULEBOOK_RULE_MAX},
	{.name = NULL},
};
struct writing {
	struct api_request *req;
	struct rule_file file;
	struct uuid id;
};

static struct str title_details(const struct api_request *req, struct str title)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)16 << 10);
	struct json_writer w = json_writer_init(&out);
	json_object(&w);
	json_member_str(&w, "title", title);
	json_object_end(&w);
	return arena_str(req->arena, buf_str(&out));
}

static int told(struct db_tx *tx, const struct api_request *req, const char *action, const struct uuid *id, struct str details, struct err *err)
{
	int r = rule_audit(tx, req, action, id, details, err);
	if (r >= 0)
		r = rule_db_touch(tx, api_now(req), err);
	return r < 0 ? r : rule_emit(tx, "rule", err);
}

static int may_write(struct db_tx *tx, void *ctx, struct err *err)
{
	return rule_require_write(tx, ctx, err);
}

/* Before the worker is asked: it is for those who may. */
int rule_check_write(const struct api_request *req, struct err *err)
{
	return db_read(req->service->db, may_write, (void *)(uintptr_t)req, err);
}

static int create(struct db_tx *tx, void *ctx, struct err *err)
{
	struct writing *x = ctx;
	char text[UUID_TEXT_SIZE];
	struct rule_place place = {.origin = RULE_ORIGIN_WRITTEN, .by = x->req->access->name, .now = api_now(x->req)};
	int r = rule_require_write(tx, x->req, err);
	x->file.key = arena_str(x->req->arena, str_c(uuid_text(&x->id, text)));
	x->file.path = arena_printf(x->req->arena, "%.8s.yml", text);
	if (r >= 0)
		r = rule_db_put(tx, &place, &x->file, err);
	if (r >= 0)
		r = rule_db_find(tx, "written", x->file.key, &x->id, err);
	return r < 0 ? r : told(tx, x->req, "rule.created", &x->id, title_details(x->req, x->file.title), err);
}

static int post_own(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct own_body *body = req->fields;
	struct writing x = {.req = req, .id = uuid_new()};
	int r = rule_check_write(req, err);
	if (r >= 0)
		r = rule_worker_read_one(req->service, req->arena, body->text, &x.file, err);
	if (r >= 0)
		r = db_write(req->service->db, create, &x, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return rule_show(req, res, 201, &x.id, err);
}

static int change(struct db_tx *tx, void *ctx, struct err *err)
{
	struct writing *x = ctx;
	struct rule_row row;
	int r = rule_db_get(tx, x->req->arena, &x->id, &row, err);
	if (r >= 0)
		r = rule_require_write(tx, x->req, err);
	if (r >= 0 && row.origin != RULE_ORIGIN_WRITTEN)
		r = err_set(err, -EBUSY, "rule.not_ours");
	if (r >= 0)
		r = api_if_match(x->req, row.version, err);
	if (r >= 0)
		r = rule_db_write(tx, &x->id, &x->file, x->req->access->name, api_now(x->req), err);
	return r < 0 ? r : told(tx, x->req, "rule.changed", &x->id, title_details(x->req, x->file.title), err);
}

static int patch_one(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct own_body *body = req->fields;
	struct writing x = {.req = req};
	int r = rule_check_write(req, err);
	if (r >= 0)
		r = api_param_uuid(req, "id", &x.id, err);
	if (r >= 0)
		r = rule_worker_read_one(req->service, req->arena, body->text, &x.file, err);
	if (r >= 0)
		r = db_write(req->service->db, change, &x, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return rule_show(req, res, 200, &x.id, err);
}

static int remove_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct writing *x = ctx;
	struct rule_row row;
	int r = rule_db_get(tx, x->req->arena, &x->id, &row, err);
	if (r >= 0)
		r = rule_require_write(tx, x->req, err);
	if (r >= 0 && row.origin != RULE_ORIGIN_WRITTEN)
		r = err_set(err, -EBUSY, "rule.not_ours");
	if (r >= 0)
		r = api_if_match(x->req, row.version, err);
	if (r >= 0)
		r = rule_db_remove(tx, &x->id, err);
	return r < 0 ? r : told(tx, x->req, "rule.removed", &x->id, title_details(x->req, row.title), err);
}

static int delete_one(struct api_request *req, struct http_response *res, struct err *err)
{
	struct writing x = {.req = req};
	int r = api_param_uuid(req, "id", &x.id, err);
	if (r >= 0)
		r = db_write(req->service->db, remove_one, &x, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return api_reply_empty(res, 204);
}

/* ---- switching ---- */

struct switch_body {
	bool enabled;
	int origin;
	struct json_str_list ids;
	struct rule_filter filter;
	bool all;
};
#define FILTER_TEXT(name) {#name, JSON_FIELD_STR, offsetof(struct switch_body, filter.name), false, 0, 200}
static const struct json_field switch_fields[] = {
	{"enabled", JSON_FIELD_BOOL, offsetof(struct switch_body, enabled), true},
	{"ids", JSON_FIELD_STR_LIST, offsetof(struct switch_body, ids), false, 0, 1000},
	{"all", JSON_FIELD_BOOL, offsetof(struct switch_body, all)},
	{"archive_id", JSON_FIELD_UUID, offsetof(struct switch_body, filter.archive_id)},
	FILTER_TEXT(level), FILTER_TEXT(status), FILTER_TEXT(product), FILTER_TEXT(category), FILTER_TEXT(service), FILTER_TEXT(tag),
	FILTER_TEXT(q),
	{.name = NULL},
};
struct switching {
	struct api_request *req;
	struct rule_filter filter;
	struct uuid id;
	int changed;
};

static bool means_something(const struct rule_filter *f)
{
	return f->id_count > 0 || f->level.n + f->status.n + f->product.n + f->category.n + f->service.n + f->tag.n + f->q.n > 0 ||
	       !uuid_is_null(&f->archive_id);
}

static int run_switch(struct db_tx *tx, void *ctx, struct err *err)
{
	struct switching *x = ctx;
	const struct switch_body *body = x->req->fields;
	int r = rule_require_write(tx, x->req, err);
	if (r >= 0)
		r = x->changed = rule_db_switch(tx, x->req->arena, &x->filter, body->enabled, &x->id, api_now(x->req), err);
	return r < 0 ? r : told(tx, x->req, body->enabled ? "rule.enabled" : "rule.disabled", &x->id, x->req->http->body, err);
}

static int answer_switch(const struct switching *x, struct http_response *res)
{
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	api_member_uuid(&w, "undo", &x->id);
	json_member_int(&w, "changed", x->changed);
	json_object_end(&w);
	outbox_wake(x->req->service);
	return 0;
}

static int post_switch(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct switch_body *body = req->fields;
	struct switching x = {.req = req, .filter = body->filter, .id = uuid_new()};
	x.filter.origin = -1;
	x.filter.ids = body->ids.items;
	x.filter.id_count = body->ids.count;
	/* A slip of a client must not switch everything off. */
	if (!means_something(&x.filter) && !body->all)
		return err_set(err, -EINVAL, "rule.switch_what");
	int r = db_write(req->service->db, run_switch, &x, err);
	return r < 0 ? r : answer_switch(&x, res);
}

static int run_undo(struct db_tx *tx, void *ctx, struct err *err)
{
	struct switching *x = ctx;
	int r = rule_require_write(tx, x->req, err);
	if (r >= 0)
		r = x->changed = rule_db_switch_undo(tx, &x->id, api_now(x->req), err);
	return r < 0 ? r : told(tx, x->req, "rule.switch_undone", &x->id, STR("{}"), err);
}

static int post_undo(struct api_request *req, struct http_response *res, struct err *err)
{
	struct switching x = {.req = req};
	int r = api_param_uuid(req, "id", &x.id, err);
	if (r >= 0)
		r = db_write(req->service->db, run_undo, &x, err);
	return r < 0 ? r : answer_switch(&x, res);
}

/* ---- the room ---- */

static int start(const struct service_context *sc, struct err *err)
{
	int r = rule_own_load(sc, err);
	if (r >= 0 && sc->jobs != NULL)
		rule_set_start(sc);
	return r;
}

#define BODY(fields, type) .body = (fields), .body_size = sizeof(type)
#define READ "rule.read"
#define WRITE "rule.write"
static const struct service_route routes[] = {
	{"GET", "/api/v1/rules", READ, rule_list, "rule.route_list"},
	{"POST", "/api/v1/rules", WRITE, post_own, "rule.route_create", BODY(own_fields, struct own_body), .body_limit_bytes = 2 * RULEBOOK_RULE_MAX},
	{"GET", "/api/v1/rules/state", READ, rule_get_state, "rule.route_state"},
	{"POST", "/api/v1/rules/check", READ, post_check, "rule.route_check", BODY(check_fields, struct check_body), .body_limit_bytes = (size_t)8 << 20},
	{"POST", "/api/v1/rules/switch", WRITE, post_switch, "rule.route_switch", BODY(switch_fields, struct switch_body), .body_limit_bytes = (size_t)256 << 10},
	{"POST", "/api/v1/rules/switch/{id}/undo", WRITE, post_undo, "rule.route_undo"},
	{"GET", "/api/v1/rules/{id}", READ, get_one, "rule.route_get"},
	{"PATCH", "/api/v1/rules/{id}", WRITE, patch_one, "rule.route_change", BODY(own_fields, struct own_body), .body_limit_bytes = 2 * RULEBOOK_RULE_MAX},
	{"DELETE", "/api/v1/rules/{id}", WRITE, delete_one, "rule.route_remove"},
	RULE_EXCLUSION_ROUTES
	RULE_ARCHIVE_ROUTES
	RULE_REPLAY_ROUTES
	RULE_INDICATOR_ROUTES
	{.method = NULL},
};

static const char *const permissions[] = {READ, WRITE, NULL};

const struct service rule_service = {
	.name = "rule",
	.routes = routes,
	.permissions = permissions,
	.migrations = rule_migrations,
	.migration_count = RULE_MIGRATION_COUNT,
	.start = start,
	.on_tick = rule_tick,
};
