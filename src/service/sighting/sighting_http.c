/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The room's routes, what it does by itself, and its descriptor. */
#include <stdio.h>

#include "base/text/text.h"
#include "service/endpoint/endpoint.h"
#include "service/sighting/sighting_internal.h"
#include "service/sighting/sighting_sql.gen.h"

#define REPORT_LIMIT ((size_t)1 << 20)
#define PATH_MOST 4096
#define CURSOR_MOST 10000000
/* Told from the future or from long ago: a clock that is wrong. */
#define AHEAD_MOST USEC_PER_DAY
#define BACK_MOST (400 * USEC_PER_DAY)

/* ---- what machines tell ---- */

struct report_body {
	const struct json *files;
};
static const struct json_field report_fields[] = {
	{"files", JSON_FIELD_ANY, offsetof(struct report_body, files), true},
	{.name = NULL},
};

struct report {
	struct api_request *req;
	struct endpoint_identity identity;
};

static int identify(struct db_tx *tx, void *ctx, struct err *err)
{
	struct report *r = ctx;
	return endpoint_authenticate(tx, r->req->http->client_cert_der, api_now(r->req), &r->identity, err);
}

static int malformed(struct err *err, const char *field)
{
	return err_set(err, -EINVAL, "sighting.bad_report", ARG_CSTR("field", field));
}

static int read_time(const struct json *file, const char *name, usec_t now, usec_t *ret, struct err *err)
{
	struct str text = json_get_str(file, name, STR_EMPTY);
	if (clock_parse_iso(text, ret, NULL) < 0)
		return malformed(err, name);
	if (*ret > now + AHEAD_MOST)
		*ret = now;
	if (*ret < now - BACK_MOST)
		*ret = now - BACK_MOST;
	return 0;
}

static int read_file(const struct json *file, usec_t now, struct sighting *s, struct err *err)
{
	int64_t size = json_get_int(file, "size_bytes", -1);
	s->path = json_get_str(file, "path", STR_EMPTY);
	if (file->type != JSON_OBJECT || !str_parse_hex(json_get_str(file, "sha256", STR_EMPTY), s->sha256, SHA256_SIZE))
		return malformed(err, "sha256");
	if (s->path.n == 0 || s->path.n > PATH_MOST || !text_is_utf8(s->path))
		return malformed(err, "path");
	if (size < 0)
		return malformed(err, "size_bytes");
	s->size_bytes = (uint64_t)size;
	int r = read_time(file, "first_seen", now, &s->first_seen, err);
	if (r == 0)
		r = read_time(file, "last_seen", now, &s->last_seen, err);
	if (r == 0 && s->first_seen > s->last_seen)
		s->first_seen = s->last_seen;
	return r;
}

/* Answered when it is in the store: a machine keeps what was not. */
static int take_report(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct json *files = ((const struct report_body *)req->fields)->files;
	cleanup_buf struct buf rows = BUF_INIT((size_t)16 << 20);
	struct report report = {.req = req};
	if (files == NULL || files->type != JSON_ARRAY)
		return malformed(err, "files");
	if (files->count > SIGHTING_REPORT_MOST)
		return err_set(err, -E2BIG, "sighting.too_many", ARG_I64("limit", SIGHTING_REPORT_MOST));
	int r = db_read(req->service->db, identify, &report, err);
	if (r < 0)
		return r;
	struct sighting s = {.endpoint_id = report.identity.id, .unit_id = report.identity.unit_id,
	                     .host = str_c(report.identity.hostname)};
	json_each(file, files) {
		r = read_file(file, api_now(req), &s, err);
		if (r < 0)
			return r;
		sighting_db_row(&s, &rows);
	}
	if (req->service->events == NULL)
		return err_set(err, -EAGAIN, "event.search_away");
	r = rows.n > 0 ? sighting_db_insert(req->service->events, buf_str(&rows), err) : 0;
	return r < 0 ? r : api_reply_empty(res, 204);
}

/* ---- who has had this file? ---- */

struct listing {
	struct json_writer *w;
	const struct event_scope *scope;
	int64_t limit, seen;
};

static struct str unit_name(const struct event_scope *scope, const struct uuid *unit)
{
	for (size_t i = 0; i < scope->count; i++)
		if (uuid_eq(&scope->units[i], unit))
			return scope->names[i];
	return STR_EMPTY;
}

static void write_place(void *ctx, const struct sighting *s)
{
	struct listing *l = ctx;
	if (l->seen++ >= l->limit)
		return;
	unsigned char digest[SHA256_SIZE];
	char id[UUID_TEXT_SIZE], hex[SHA256_HEX_SIZE], key[UUID_TEXT_SIZE + 10];
	sha256(s->path, digest);
	(void)snprintf(key, sizeof key, "%s:%.8s", uuid_text(&s->endpoint_id, id), sha256_hex(digest, hex));
	json_object(l->w);
	json_member_cstr(l->w, "id", key);
	json_name(l->w, "endpoint");
	json_object(l->w);
	api_member_uuid(l->w, "id", &s->endpoint_id);
	json_member_str(l->w, "hostname", s->host);
	json_object_end(l->w);
	api_member_ref(l->w, "unit", &s->unit_id, unit_name(l->scope, &s->unit_id));
	json_member_str(l->w, "path", s->path);
	json_member_int(l->w, "size_bytes", (int64_t)s->size_bytes);
	api_member_time(l->w, "first_seen", s->first_seen);
	api_member_time(l->w, "last_seen", s->last_seen);
	json_object_end(l->w);
}

static int who_had(struct api_request *req, struct http_response *res, struct err *err)
{
	unsigned char sha256[SHA256_SIZE];
	struct event_scope scope;
	struct sighting_sum sum;
	int64_t limit = 200, skip = 0;
	cleanup_buf struct buf items = BUF_INIT((size_t)8 << 20);
	if (!str_parse_hex(http_param(req->http, "sha256"), sha256, sizeof sha256))
		return err_set(err, -EINVAL, "sighting.bad_hash");
	int r = api_query_int(req, "limit", 1, 1000, &limit, err);
	if (r >= 0 && req->page == NULL)
		r = api_query_int(req, "cursor", 0, CURSOR_MOST, &skip, err);
	if (req->page != NULL) {
		limit = req->page->limit;
		if (req->page->cursor.n > 0 && !str_parse_i64(req->page->cursor, 0, CURSOR_MOST, &skip))
			return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", "cursor"), ARG_CSTR("expected", "number"));
	}
	if (r >= 0)
		r = event_scope_load(req->service, req->arena, req->access, "protection.read", &scope, err);
	if (r < 0)
		return r;
	struct json_writer list = json_writer_init(&items);
	struct listing l = {.w = &list, .scope = &scope, .limit = limit};
	json_array(&list);
	r = sighting_db_of_hash(req->service, req->arena, &scope, sha256, limit + 1, skip, &sum, write_place, &l, err);
	json_array_end(&list);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	char hex[SHA256_HEX_SIZE];
	json_object(&w);
	json_member_cstr(&w, "sha256", sha256_hex(sha256, hex));
	json_member_int(&w, "machines", sum.machines);
	json_member_int(&w, "total", sum.places);
	api_member_time(&w, "first_seen", sum.places > 0 ? sum.first_seen : 0);
	api_member_time(&w, "last_seen", sum.places > 0 ? sum.last_seen : 0);
	json_name(&w, "items");
	json_raw(&w, buf_str(&items));
	if (l.seen > limit) {
		char next[24];
		(void)snprintf(next, sizeof next, "%lld", (long long)skip + limit);
		json_member_cstr(&w, "next", next);
	} else {
		json_name(&w, "next");
		json_null(&w);
	}
	json_object_end(&w);
	return 0;
}

/* ---- the room ---- */

static const struct service_route routes[] = {
	{"GET", "/api/v1/files/{sha256}", "protection.read", who_had, "sighting.route_who"},
	{"POST", "/agent/v1/files", SERVICE_AGENT, take_report, "sighting.route_report", report_fields, sizeof(struct report_body),
	 .body_limit_bytes = REPORT_LIMIT, .listener = LISTENER_AGENT},
	{.method = NULL},
};

static const char *const permissions[] = {"protection.read", NULL};

const struct service sighting_service = {
	.name = "sighting",
	.routes = routes,
	.permissions = permissions,
	.migrations = sighting_migrations,
	.migration_count = SIGHTING_MIGRATION_COUNT,
	.on_tick = sighting_look_back,
};
