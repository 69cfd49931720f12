/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What the event store says about an alert: how common the matched value is, and its machine's last day. Two routes of their own, so that
 * the page never waits for the store; both look into the state database first and ask the store after that transaction.
 */
#include "service/alert/alert_http.h"
#include "service/event/event_search.h"

#define DAY_EVENTS 20
/* Longer values in "why" were cut there: the store knows them in full only. */
#define VALUE_MOST 399

struct asked {
	struct api_request *req;
	struct uuid id, endpoint_id;
	struct str why, host;
};

static int find_alert(struct db_tx *tx, void *ctx, struct err *err)
{
	struct asked *a = ctx;
	struct alert_brief alert = {.number = 0};
	int r = alert_get(tx, a->req->arena, &a->id, &alert, err);
	if (r >= 0)
		r = api_require_visible(tx, a->req, "alert.read", &alert.unit_id, err);
	a->endpoint_id = alert.endpoint_id;
	return r < 0 ? r : alert_db_get_asked(tx, a->req->arena, &a->id, &a->why, &a->host, err);
}

static int begin(struct api_request *req, struct asked *ret, struct event_scope *ret_scope, struct err *err)
{
	*ret = (struct asked){.req = req};
	int r = api_param_uuid(req, "id", &ret->id, err);
	if (r >= 0)
		r = db_read(req->service->db, find_alert, ret, err);
	return r < 0 ? r : event_scope_load(req->service, req->arena, req->access, "event.read", ret_scope, err);
}

/* ---- how common ---- */

/* What tells most about a finding first; the rule's own bookkeeping is no field of events. */
static const char *const telling[] = {"hash", "command", "image", "executable", "process", "url", "domain", "query", "destination", "file", "path", "script",
                                      "service", "user", "source"};

static size_t rank_of(struct str field)
{
	char lower[64];
	struct buf text = BUF_FIXED(lower, sizeof lower);
	for (size_t i = 0; i < field.n && i < sizeof lower - 1; i++)
		buf_append_char(&text, field.p[i] >= 'A' && field.p[i] <= 'Z' ? (char)(field.p[i] + 32) : field.p[i]);
	for (size_t i = 0; i < ARRAY_LEN(telling); i++) {
		if (str_find(buf_str(&text), str_c(telling[i])) != SIZE_MAX)
			return i;
	}
	return ARRAY_LEN(telling);
}

static bool is_askable(const struct json *item)
{
	struct str field = json_get_str(item, "field", STR_EMPTY), value = json_get_str(item, "value", STR_EMPTY);
	return field.n > 0 && field.n <= 200 && value.n > 0 && value.n <= VALUE_MOST && !str_starts_with(field, STR("rule.")) &&
	       !str_starts_with(field, STR("threat."));
}

/* By its place in "why" (-1: the one that tells most). false: there is none to ask for. */
static bool choose(struct arena *arena, struct str why, int64_t place, struct str *ret_field, struct str *ret_value)
{
	const struct json *list = NULL, *best = NULL;
	int64_t at = 0;
	if (why.n == 0 || json_parse(arena, why, NULL, &list, NULL) < 0)
		return false;
	json_each(item, list) {
		bool wanted = place < 0 || at++ == place;
		if (wanted && is_askable(item) && (best == NULL || rank_of(json_get_str(item, "field", STR_EMPTY)) < rank_of(json_get_str(best, "field", STR_EMPTY))))
			best = item;
	}
	if (best == NULL)
		return false;
	*ret_field = json_get_str(best, "field", STR_EMPTY);
	*ret_value = json_get_str(best, "value", STR_EMPTY);
	return true;
}

int alert_common(struct api_request *req, struct http_response *res, struct err *err)
{
	struct asked a;
	struct event_scope scope;
	struct event_commonness c = {.events = 0};
	struct str field = STR_EMPTY, value = STR_EMPTY;
	int64_t place = -1;
	usec_t now = api_now(req);
	int r = begin(req, &a, &scope, err);
	if (r >= 0)
		r = api_query_int(req, "why", 0, 1000, &place, err);
	if (r < 0)
		return r;
	bool known = choose(req->arena, a.why, place, &field, &value);
	if (known)
		r = event_search_value(req->service, req->arena, &scope, field, value, now - EVENT_SEARCH_COMMON, now, 0, &c, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	api_member_text_or_null(&w, "field", field);
	json_member_str(&w, "value", value);
	json_member_int(&w, "events", c.events);
	json_member_int(&w, "machines", c.hosts);
	json_member_int(&w, "units", c.units);
	api_member_time(&w, "first_at", c.first);
	api_member_time(&w, "last_at", c.last);
	api_member_time(&w, "counted_from", c.counted_from);
	json_member_bool(&w, "at_least", c.at_least);
	json_object_end(&w);
	return 0;
}

/* ---- the machine's last day ---- */

static void write_event(void *ctx, const struct event_brief *e)
{
	struct json_writer *w = ctx;
	json_object(w);
	api_member_uuid(w, "id", &e->id);
	api_member_time(w, "time", e->time);
	json_member_str(w, "source", e->source);
	json_member_str(w, "user", e->user);
	json_member_str(w, "action", e->action);
	json_member_str(w, "text", e->text);
	json_object_end(w);
}

int alert_day(struct api_request *req, struct http_response *res, struct err *err)
{
	struct asked a;
	struct event_scope scope;
	usec_t now = api_now(req), reached = 0;
	int r = begin(req, &a, &scope, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	bool known = !uuid_is_null(&a.endpoint_id) || a.host.n > 0;
	if (known)
		r = event_search_host_day(req->service, req->arena, &scope, &a.endpoint_id, a.host, now, DAY_EVENTS, 0, write_event, &w, &reached, err);
	json_array_end(&w);
	json_name(&w, "next");
	json_null(&w);
	json_member_bool(&w, "known", known);
	/* How far back this was looked at, in seconds. */
	json_member_int(&w, "reached_s", reached / USEC_PER_SEC);
	json_object_end(&w);
	return r < 0 ? r : 0;
}
