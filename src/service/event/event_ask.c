/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What every route of the room reads from its request. */
#include <stdio.h>

#include "service/event/event_internal.h"

#define LAST_DEFAULT USEC_PER_DAY
/* A second over the clock of now, so that what has just come is in it. */
#define AHEAD USEC_PER_HOUR

static int read_range(const struct api_request *req, struct event_range *ret, struct err *err)
{
	usec_t now = api_now(req), length = LAST_DEFAULT;
	ret->to = now + AHEAD;
	int r = api_query_time(req, "to", &ret->to, err), from = 0;
	if (r >= 0)
		from = r = api_query_time(req, "from", &ret->from, err);
	struct str last = http_query(req->http, "last");
	if (r >= 0 && from == 0 && last.n > 0 && clock_parse_duration(last, &length, NULL) < 0)
		return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", "last"), ARG_CSTR("expected", "15m|24h|30d"));
	if (r < 0)
		return r;
	if (from == 0)
		ret->from = (ret->to < now ? ret->to : now) - length;
	if (ret->from < 0 || ret->from >= ret->to)
		return err_set(err, -EINVAL, "event.search_range");
	return 0;
}

int event_ask_of_request(struct event_ask *a, const struct api_request *req, const char *permission, bool query,
                         struct err *err)
{
	struct uuid unit;
	event_ask_init(a, req->service, req->arena);
	a->http = req->http;
	a->text = http_query(req->http, "q");
	int r = read_range(req, &a->range, err);
	if (r >= 0)
		r = api_query_uuid(req, "endpoint", &a->endpoint_id, err);
	if (r >= 0 && query)
		r = event_query_parse(req->arena, a->text, &a->query, err);
	if (r >= 0)
		r = event_scope_load(req->service, req->arena, req->access, permission, &a->scope, err);
	if (r >= 0 && (r = api_query_uuid(req, "unit", &unit, err)) > 0)
		r = event_db_narrow(req->service, req->arena, &unit, &a->scope, err);
	return r < 0 ? r : 0;
}

int event_cursor_read(const struct api_request *req, const char *name, struct event_cursor *ret, struct err *err)
{
	struct str text = http_query(req->http, name), at;
	if (text.n == 0)
		return 0;
	if (!str_split(&text, ':', &at) || !str_parse_i64(at, 0, INT64_MAX / 2, &ret->at) || !uuid_parse(text, &ret->id))
		return err_set(err, -EINVAL, "api.query", ARG_CSTR("name", name), ARG_CSTR("expected", "cursor"));
	return 1;
}

void event_cursor_write(struct json_writer *w, const char *name, const struct event_cursor *c)
{
	char id[UUID_TEXT_SIZE], text[64];
	(void)snprintf(text, sizeof text, "%lld:%s", (long long)c->at, uuid_text(&c->id, id));
	json_member_cstr(w, name, text);
}
