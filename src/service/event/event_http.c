/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The room's routes and descriptor. */
#include <stdio.h>

#include "service/audit/audit.h"
#include "service/event/event_internal.h"
#include "service/event/event_sql.gen.h"

#define FACETS_MOST 8
#define COUNT_BUDGET (4 * USEC_PER_SEC)

/* Who looked for what. Pages after the first belong to the same search. */
static int record(const struct api_request *req, const struct event_ask *a, const char *action, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT((size_t)32 << 10);
	struct json_writer w = json_writer_init(&details);
	struct uuid unit;
	json_object(&w);
	json_member_str(&w, "query", a->text);
	api_member_time(&w, "from", a->range.from);
	api_member_time(&w, "to", a->range.to);
	if (!uuid_is_null(&a->endpoint_id))
		api_member_uuid(&w, "endpoint", &a->endpoint_id);
	if (uuid_parse(http_query(req->http, "unit"), &unit))
		api_member_uuid(&w, "unit", &unit);
	json_object_end(&w);
	struct audit_entry e = {.action = action, .object_type = "event", .object_id = a->endpoint_id, .details = buf_str(&details)};
	return audit_record(req->service, req->access, &e, err);
}

static int dead_answer(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	return event_db_dead(a, req, res, err);
}

typedef int (*answer_fn)(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err);

/* One question with its clean-up; `logged`: the parameter without which it begins a search, NULL: never. */
static int ask(struct api_request *req, struct http_response *res, const char *permission, answer_fn fn, const char *logged,
               struct err *err)
{
	struct event_ask a;
	int r = event_ask_of_request(&a, req, permission, fn != dead_answer, err);
	struct event_range range = a.range;
	if (r >= 0)
		r = fn(&a, req, res, err);
	a.range = range;
	if (r >= 0 && logged != NULL && http_query(req->http, logged).n == 0)
		r = record(req, &a, "event.searched", err);
	event_ask_done(&a);
	return r;
}

static int list(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, "event.read", event_db_list, "cursor", err);
}

static int tail(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, "event.read", event_db_tail, "after", err);
}

static int dead(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, "source.read", dead_answer, "cursor", err);
}

static int histogram_answer(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	(void)req;
	return event_db_histogram(a, res, err);
}

static int histogram(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, "event.read", histogram_answer, NULL, err);
}

static int fields_answer(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	(void)req;
	return event_db_fields(a, res, err);
}

static int fields(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, "event.read", fields_answer, NULL, err);
}

static int facets_answer(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	struct str names[FACETS_MOST];
	size_t count = http_query_all(req->http, "field", names, FACETS_MOST);
	for (size_t i = 0; i < count; i++)
		if (names[i].n == 0 || names[i].n > 200 || str_eq_c(names[i], "raw"))
			count = 0;
	if (count == 0)
		return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", "field"), ARG_CSTR("expected", "field"));
	return event_db_facets(a, names, count, res, err);
}

static int facets(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, "event.read", facets_answer, NULL, err);
}

/* at_least: no event before counted_from was looked at. */
static void write_count(struct json_writer *w, const struct event_commonness *c)
{
	json_member_int(w, "events", c->events);
	json_member_int(w, "hosts", c->hosts);
	json_member_int(w, "units", c->units);
	json_member_bool(w, "at_least", c->at_least);
	api_member_time(w, "counted_from", c->counted_from);
}

static int common_answer(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	struct event_commonness c;
	(void)req;
	int r = event_db_count(a, COUNT_BUDGET, &c, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	write_count(&w, &c);
	api_member_time(&w, "first", c.first);
	api_member_time(&w, "last", c.last);
	json_object_end(&w);
	return 0;
}

static int common(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, "event.read", common_answer, NULL, err);
}

/* The query as a Sigma rule, with how often it would have been met: shown before anything is saved. */
static int rule_answer(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	struct event_commonness c;
	char id[UUID_TEXT_SIZE], day[16];
	struct uuid made = uuid_new();
	struct clock_date d = clock_civil(api_now(req), CLOCK_VN_OFFSET_USEC);
	struct str title = str_sub(a->text, 0, 120);
	cleanup_buf struct buf text = BUF_INIT((size_t)256 << 10);
	(void)snprintf(day, sizeof day, "%04d-%02u-%02u", d.year, d.month, d.day);
	/* Not within a letter. */
	while (title.n > 0 && title.n < a->text.n && ((unsigned char)a->text.p[title.n] & 0xc0) == 0x80)
		title.n--;
	struct event_query_rule rule = {.id = uuid_text(&made, id), .title = title, .date = str_c(day), .author = req->access->name};
	int r = event_query_sigma(a->query, &rule, &text, err);
	if (r >= 0)
		r = event_db_count(a, COUNT_BUDGET, &c, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_str(&w, "text", buf_str(&text));
	write_count(&w, &c);
	api_member_time(&w, "from", a->range.from);
	api_member_time(&w, "to", a->range.to);
	json_object_end(&w);
	return 0;
}

static int rule(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, "event.read", rule_answer, NULL, err);
}

static int one_answer(struct event_ask *a, struct api_request *req, struct http_response *res, struct err *err)
{
	struct uuid id;
	usec_t at = 0;
	int r = api_param_uuid(req, "id", &id, err);
	if (r >= 0)
		r = api_query_time(req, "time", &at, err);
	return r < 0 ? r : event_db_one(a, &id, at, res, err);
}

static int get_one(struct api_request *req, struct http_response *res, struct err *err)
{
	return ask(req, res, "event.read", one_answer, NULL, err);
}

/* ---- the room ---- */

static const struct service_route routes[] = {
	{"GET", "/api/v1/events", "event.read", list, "event.route_list"},
	{"GET", "/api/v1/events/histogram", "event.read", histogram, "event.route_histogram"},
	{"GET", "/api/v1/events/facets", "event.read", facets, "event.route_facets"},
	{"GET", "/api/v1/events/fields", "event.read", fields, "event.route_fields"},
	{"GET", "/api/v1/events/common", "event.read", common, "event.route_common"},
	{"GET", "/api/v1/events/tail", "event.read", tail, "event.route_tail"},
	{"GET", "/api/v1/events/export", "event.read", event_export, "event.route_export"},
	{"GET", "/api/v1/events/rule", "event.read", rule, "event.route_rule"},
	{"GET", "/api/v1/events/dead", "source.read", dead, "event.route_dead"},
	{"POST", "/api/v1/events/dead/retry", "source.write", event_dead_again, "event.route_dead_again"},
	{"GET", "/api/v1/storage", "source.read", event_storage, "event.route_storage"},
	{"GET", "/api/v1/storage/shares", "source.read", event_storage_shares, "event.route_storage_shares"},
	{"POST", "/api/v1/events/sql", "event.sql", event_sql, "event.route_sql", 
	 .body = event_sql_fields, .body_size = sizeof(struct event_sql_body)},
	{"GET", "/api/v1/events/saved", "event.read", event_saved_list, "event.route_saved_list"},
	{"POST", "/api/v1/events/saved", "event.read", event_saved_create, "event.route_saved_create", 
	 .body = event_saved_fields, .body_size = sizeof(struct event_saved_body)},
	{"DELETE", "/api/v1/events/saved/{id}", "event.read", event_saved_remove, "event.route_saved_remove"},
	{"GET", "/api/v1/events/{id}", "event.read", get_one, "event.route_get", .sensitive_read = true},
	{.method = NULL},
};

static const char *const permissions[] = {"event.read", "event.sql", "source.read", "source.write", NULL};

const struct service event_service = {
	.name = "event",
	.routes = routes,
	.permissions = permissions,
	.migrations = event_migrations,
	.migration_count = EVENT_MIGRATION_COUNT,
};
