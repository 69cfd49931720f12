/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Routes and the room's descriptor. */
#include "service/outbox/outbox.h"
#include "service/source/source_internal.h"
#include "service/source/source_sql.gen.h"

/* Of creating and changing; what is absent stays as it was. Empty texts clear. */
struct body {
	struct uuid unit_id;
	struct str name, system_name, fingerprint, token_id, retention, note, time_zone;
	struct json_str_list addresses;
	int kind, format;
	int64_t system_level, rate_per_s, silence_s;
	bool enabled;
	bool has_unit, has_name, has_system_name, has_fingerprint, has_token, has_retention, has_note, has_addresses, has_kind, has_format,
		has_level, has_rate, has_silence, has_enabled, has_time_zone;
};
#define AT(member, has) offsetof(struct body, member), .present_offset = offsetof(struct body, has) + 1
#define FIELDS(required_)                                                                                                                \
	{.name = "name", .type = JSON_FIELD_STR, .required = (required_), .min = 1, .max = SOURCE_NAME_MAX, .offset = AT(name, has_name)},   \
	{.name = "unit_id", .type = JSON_FIELD_UUID, .required = (required_), .offset = AT(unit_id, has_unit)},                              \
	{.name = "system_name", .type = JSON_FIELD_STR, .max = SOURCE_NAME_MAX, .offset = AT(system_name, has_system_name)},                 \
	{.name = "system_level", .type = JSON_FIELD_INT, .max = SOURCE_LEVEL_MAX, .offset = AT(system_level, has_level)},                    \
	{.name = "kind", .type = JSON_FIELD_ENUM, .names = source_kinds, .offset = AT(kind, has_kind)},                                      \
	{.name = "addresses", .type = JSON_FIELD_STR_LIST, .max = 4 * SOURCE_ADDRESSES_MAX, .offset = AT(addresses, has_addresses)},         \
	{.name = "fingerprint", .type = JSON_FIELD_STR, .max = 200, .offset = AT(fingerprint, has_fingerprint)},                             \
	{.name = "token_id", .type = JSON_FIELD_STR, .max = UUID_TEXT_SIZE, .offset = AT(token_id, has_token)},                              \
	{.name = "format", .type = JSON_FIELD_ENUM, .names = source_formats, .offset = AT(format, has_format)},                              \
	{.name = "retention", .type = JSON_FIELD_STR, .max = 40, .offset = AT(retention, has_retention)},                                    \
	{.name = "rate_per_s", .type = JSON_FIELD_INT, .max = SOURCE_RATE_MAX, .offset = AT(rate_per_s, has_rate)},                          \
	{.name = "silence_s", .type = JSON_FIELD_INT, .max = SOURCE_SILENCE_MAX, .offset = AT(silence_s, has_silence)},                      \
	{.name = "enabled", .type = JSON_FIELD_BOOL, .offset = AT(enabled, has_enabled)},                                                    \
	{.name = "time_zone", .type = JSON_FIELD_STR, .max = 200, .offset = AT(time_zone, has_time_zone)},                                   \
	{.name = "note", .type = JSON_FIELD_STR, .max = 2000, .offset = AT(note, has_note)},                                                 \
	{.name = NULL}

static const struct json_field create_fields[] = {FIELDS(true)};
static const struct json_field change_fields[] = {FIELDS(false)};
static const struct json_field retention_fields[] = {
	{"days", JSON_FIELD_INT, offsetof(struct source_retention_body, days), true, 1, SOURCE_DAYS_MAX},
	{"reason", JSON_FIELD_STR, offsetof(struct source_retention_body, reason), true, 1, 500},
	{.name = NULL},
};

static struct str joined(struct arena *arena, const struct json_str_list *list)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)64 << 10);
	for (size_t i = 0; i < list->count; i++)
		buf_printf(&out, "%.*s\n", STR_FMT(list->items[i]));
	return arena_str(arena, buf_str(&out));
}

static int put_token(struct source_row *row, struct str text, struct err *err)
{
	row->token_id = (struct uuid){{0}};
	return text.n == 0 || uuid_parse(text, &row->token_id) ? 0 : err_set(err, -EINVAL, "source.token_unknown");
}

static int put_body(const struct api_request *req, struct source_row *row, struct err *err)
{
	const struct body *b = req->fields;
#define PUT(has, member)                                                                                               \
	if (b->has)                                                                                                    \
		row->member = b->member;
	PUT(has_unit, unit_id)
	PUT(has_name, name)
	PUT(has_system_name, system_name)
	PUT(has_level, system_level)
	PUT(has_fingerprint, fingerprint)
	PUT(has_format, format)
	PUT(has_retention, retention)
	PUT(has_rate, rate_per_s)
	PUT(has_silence, silence_s)
	PUT(has_enabled, enabled)
	PUT(has_note, note)
	PUT(has_time_zone, time_zone)
#undef PUT
	if (b->has_kind)
		row->kind = str_c(source_kinds[b->kind]);
	if (b->has_addresses)
		row->addresses = joined(req->arena, &b->addresses);
	int r = b->has_token ? put_token(row, b->token_id, err) : 0;
	if (r >= 0)
		r = api_typed_text(req, &row->note, err);
	if (r >= 0 && row->silence_s > 0 && row->silence_s < SOURCE_SILENCE_MIN)
		r = err_set(err, -EINVAL, "source.silence", ARG_I64("limit", SOURCE_SILENCE_MIN));
	return r < 0 ? r : source_check(req->arena, row, err);
}

struct job {
	struct api_request *req;
	struct uuid id;
};

static int create(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	struct source_row row = {.enabled = true, .kind = str_c(source_kinds[0])};
	int r = put_body(job->req, &row, err);
	if (r >= 0)
		r = api_require_unit(tx, job->req, "source.write", &row.unit_id, err);
	if (r >= 0)
		r = source_create(tx, job->req->service, job->req->access, &row, err);
	job->id = row.id;
	return r;
}

static int get_writable(struct db_tx *tx, const struct job *job, struct source_row *ret, struct err *err)
{
	int r = source_db_get(tx, job->req->arena, &job->id, ret, err);
	if (r >= 0)
		r = api_require_visible(tx, job->req, "source.read", &ret->unit_id, err);
	if (r >= 0)
		r = api_require_unit(tx, job->req, "source.write", &ret->unit_id, err);
	return r < 0 ? r : api_if_match(job->req, ret->version, err);
}

static int change(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	struct source_row before;
	int r = get_writable(tx, job, &before, err);
	if (r < 0)
		return r;
	struct source_row row = before;
	r = put_body(job->req, &row, err);
	/* Moving needs the right over the unit it goes to as well. */
	if (r >= 0 && !uuid_eq(&row.unit_id, &before.unit_id))
		r = api_require_unit(tx, job->req, "source.write", &row.unit_id, err);
	return r < 0 ? r : source_change(tx, job->req->service, job->req->access, &before, &row, err);
}

static int delete(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	struct source_row row;
	int r = get_writable(tx, job, &row, err);
	return r < 0 ? r : source_delete(tx, job->req->service, job->req->access, &row, err);
}

static void changed(const struct service_context *sc)
{
	outbox_wake(sc);
	if (sc->snapshot_changed != NULL)
		sc->snapshot_changed(sc->snapshot_changed_ctx);
}

static int post_source(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = db_write(req->service->db, create, &job, err);
	if (r < 0)
		return r;
	changed(req->service);
	return source_show(req, res, 201, &job.id, err);
}

static int patch_source(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = api_param_uuid(req, "id", &job.id, err);
	if (r >= 0)
		r = db_write(req->service->db, change, &job, err);
	if (r < 0)
		return r;
	changed(req->service);
	return source_show(req, res, 200, &job.id, err);
}

static int delete_source(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = api_param_uuid(req, "id", &job.id, err);
	if (r >= 0)
		r = db_write(req->service->db, delete, &job, err);
	if (r < 0)
		return r;
	changed(req->service);
	return api_reply_empty(res, 204);
}

static int get_source(struct api_request *req, struct http_response *res, struct err *err)
{
	struct uuid id;
	int r = api_param_uuid(req, "id", &id, err);
	return r < 0 ? r : source_show(req, res, 200, &id, err);
}

/* What devices must be told, for the page's help. */
static int get_connect(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct service_context *sc = req->service;
	const char *const *names = sc->public_names;
	cleanup_buf struct buf ca = BUF_INIT((size_t)64 << 10);
	int r = sc->keys != NULL ? sc->keys->ca_pem(sc->keys->ctx, &ca, err) : 0;
	if (r < 0)
		return r;
	const struct {
		const char *name;
		int64_t port;
	} ports[] = {{"events_port", sc->events_port != 0 ? sc->events_port : 8444},
	             {"syslog_udp_port", sc->syslog_udp_port},
	             {"syslog_tcp_port", sc->syslog_tcp_port},
	             {"syslog_tls_port", sc->syslog_tls_port}};
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_cstr(&w, "host", names != NULL ? names[0] : NULL);
	for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
		json_name(&w, ports[i].name);
		if (ports[i].port > 0)
			json_int(&w, ports[i].port);
		else
			json_null(&w);
	}
	json_member_str(&w, "ca_pem", buf_str(&ca));
	json_object_end(&w);
	return 0;
}

static const struct service_route routes[] = {
	{"GET", "/api/v1/sources", "source.read", source_list, "source.route_list"},
	{"POST", "/api/v1/sources", "source.write", post_source, "source.route_create", create_fields, sizeof(struct body)},
	{"GET", "/api/v1/sources/strangers", "source.read", source_list_strangers, "source.route_strangers"},
	{"GET", "/api/v1/sources/connect", "source.read", get_connect, "source.route_connect"},
	{"POST", "/api/v1/sources/import", "source.write", source_post_sheet, "source.route_import", .body_limit_bytes = (size_t)8 << 20,
	 .raw_body = true},
	{"GET", "/api/v1/sources/{id}", "source.read", get_source, "source.route_get"},
	{"PATCH", "/api/v1/sources/{id}", "source.write", patch_source, "source.route_change", change_fields, sizeof(struct body)},
	{"DELETE", "/api/v1/sources/{id}", "source.write", delete_source, "source.route_delete"},
	{"GET", "/api/v1/source-retention", "source.read", source_list_retention, "source.route_retention"},
	{"PATCH", "/api/v1/source-retention/{class}", "source.write", source_patch_retention, "source.route_retention_change",
	 retention_fields, sizeof(struct source_retention_body)},
	{.method = NULL},
};

static const char *const permissions[] = {"source.read", "source.write", NULL};

const struct service source_service = {.name = "source", .routes = routes, .permissions = permissions,
                                       .migrations = source_migrations, .migration_count = SOURCE_MIGRATION_COUNT,
                                       .start = source_load_retention};
