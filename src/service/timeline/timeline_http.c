/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/event/event_search.h"
#include "service/timeline/timeline_internal.h"

static void event_item(void *ctx, const struct event_brief *e)
{
	struct json_writer *w = ctx;
	json_object(w);
	json_member_cstr(w, "kind", "event");
	api_member_time(w, "at", e->time);
	api_member_uuid(w, "id", &e->id);
	json_member_str(w, "title", e->text);
	json_member_str(w, "action", e->action);
	json_member_str(w, "user", e->user);
	json_object_end(w);
}

/* The store may be away or slow: the rest is shown, and that this is missing. */
static int write_events(struct timeline_ask *a, struct err *ret_why, struct err *err)
{
	struct event_scope scope;
	struct arena *arena = a->req->arena;
	int r = event_scope_load(a->req->service, arena, a->req->access, "event.read", &scope, err);
	if (r < 0 || (!scope.all && scope.count == 0))
		return r;
	r = event_search_host(a->req->service, arena, &scope, &a->endpoint_id, STR_EMPTY, a->from, a->to, TIMELINE_MOST, event_item, a->w, ret_why);
	return r == -EAGAIN || r == -ETIMEDOUT || r == -E2BIG ? 0 : r;
}

static void write_missing(struct timeline_ask *a, const struct err *why)
{
	json_name(a->w, "events_missing");
	if (why->code == 0) {
		json_null(a->w);
		return;
	}
	cleanup_buf struct buf text = BUF_INIT(4096);
	msg_append_err(a->req->service->messages, a->req->access->lang, why, &text);
	json_str(a->w, buf_str(&text));
}

struct reading {
	struct timeline_ask *ask;
	struct http_response *res;
	struct json_writer w;
};

/* From the start, when it is run again. */
static int read_state(struct db_tx *tx, void *ctx, struct err *err)
{
	struct reading *g = ctx;
	g->w = api_reply(g->res, 200);
	g->ask->w = &g->w;
	json_object(&g->w);
	json_name(&g->w, "items");
	json_array(&g->w);
	return timeline_db_write(tx, g->ask, err);
}

static int get_timeline(struct api_request *req, struct http_response *res, struct err *err)
{
	usec_t now = api_now(req), last = USEC_PER_DAY;
	struct timeline_ask a = {.req = req, .to = now + USEC_PER_MINUTE};
	struct reading g = {.ask = &a, .res = res};
	struct err why = {.code = 0};
	struct str span = http_query(req->http, "last");
	int r = api_param_uuid(req, "id", &a.endpoint_id, err);
	if (r >= 0 && span.n > 0 && (clock_parse_duration(span, &last, NULL) < 0 || last > 90 * USEC_PER_DAY))
		return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", "last"), ARG_CSTR("expected", "24h|7d|90d"));
	a.from = now - last;
	if (r >= 0)
		r = api_query_time(req, "from", &a.from, err);
	if (r >= 0)
		r = api_query_time(req, "to", &a.to, err);
	if (r >= 0)
		r = db_read(req->service->db, read_state, &g, err);
	if (r >= 0)
		r = write_events(&a, &why, err);
	if (r < 0) {
		if (err != NULL && err->code == 0)
			*err = why;
		return r;
	}
	json_array_end(&g.w);
	write_missing(&a, &why);
	api_member_time(&g.w, "from", a.from);
	api_member_time(&g.w, "to", a.to);
	json_object_end(&g.w);
	return 0;
}

static const struct service_route routes[] = {
	{"GET", "/api/v1/endpoints/{id}/timeline", "endpoint.read", get_timeline, "timeline.route_get", .sensitive_read = true},
	{.method = NULL},
};
static const char *const permissions[] = {"endpoint.read", "alert.read", "protection.read", "incident.read", "event.read", NULL};

const struct service timeline_service = {
	.name = "timeline",
	.routes = routes,
	.permissions = permissions,
};
