/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * A question to the event store. Every one is built by event_db_from, which writes whose events may be looked at before
 * anything else; ids and times are written from numbers of ours, everything that came from outside is a parameter.
 */
#include "service/event/event_internal.h"

#define SQL_LIMIT ((size_t)1 << 20)
/* Events are stored within an hour after their own time at the latest (event_time): what was received before cannot be meant. */
#define CLOCK_AHEAD USEC_PER_HOUR

void event_ask_init(struct event_ask *a, const struct service_context *sc, struct arena *arena)
{
	*a = (struct event_ask){.sc = sc, .arena = arena, .answer = BUF_INIT(EVENT_ANSWER_LIMIT)};
	a->sql = (struct event_query_sql){.arena = arena, .text = BUF_INIT(SQL_LIMIT)};
}

void event_ask_done(struct event_ask *a)
{
	buf_done(&a->sql.text);
	buf_done(&a->answer);
}

static void put_scope(struct event_ask *a)
{
	struct buf *sql = &a->sql.text;
	char text[UUID_TEXT_SIZE];
	if (a->scope.all) {
		buf_append_c(sql, "1");
		return;
	}
	if (a->scope.count == 0) {
		buf_append_c(sql, "0");
		return;
	}
	buf_append_c(sql, "unit_id IN (");
	for (size_t i = 0; i < a->scope.count; i++)
		buf_printf(sql, "%s'%s'", i > 0 ? "," : "", uuid_text(&a->scope.units[i], text));
	buf_append_c(sql, ")");
}

int event_db_from(struct event_ask *a, struct err *err)
{
	struct buf *sql = &a->sql.text;
	char text[UUID_TEXT_SIZE];
	buf_append_c(sql, " FROM event WHERE ");
	put_scope(a);
	buf_printf(sql, " AND time >= fromUnixTimestamp64Micro(%lld, 'UTC') AND time < fromUnixTimestamp64Micro(%lld, 'UTC')"
	                " AND received >= fromUnixTimestamp64Micro(%lld, 'UTC')",
	           (long long)a->range.from, (long long)a->range.to, (long long)(a->range.from - CLOCK_AHEAD));
	if (!uuid_is_null(&a->endpoint_id))
		buf_printf(sql, " AND endpoint_id = '%s'", uuid_text(&a->endpoint_id, text));
	if (a->query == NULL || a->query->kind == EVENT_QUERY_ALL)
		return 0;
	buf_append_c(sql, " AND ");
	return event_query_compile(a->query, &a->sql, err);
}

int event_db_from_dead(struct event_ask *a, struct err *err)
{
	buf_append_c(&a->sql.text, " FROM event_dead WHERE ");
	put_scope(a);
	buf_printf(&a->sql.text, " AND received >= fromUnixTimestamp64Micro(%lld, 'UTC') AND received < fromUnixTimestamp64Micro(%lld, 'UTC')",
	           (long long)a->range.from, (long long)a->range.to);
	if (a->text.n == 0)
		return 0;
	buf_append_c(&a->sql.text, " AND (positionCaseInsensitive(raw, ");
	int r = event_query_param(&a->sql, "String", a->text, err);
	buf_append_c(&a->sql.text, ") > 0 OR positionCaseInsensitive(reason, ");
	if (r >= 0)
		r = event_query_param(&a->sql, "String", a->text, err);
	buf_append_c(&a->sql.text, ") > 0)");
	return r;
}

bool event_asker_gone(const void *http)
{
	return http_request_gone(http);
}

int event_search_explain(int r, struct err *err)
{
	switch (r) {
	case -ETIMEDOUT:
		return err_set(err, -ETIMEDOUT, "event.search_slow");
	case -E2BIG:
		return err_set(err, -E2BIG, "event.search_too_big");
	case -EAGAIN:
		return err_set(err, -EAGAIN, "event.search_away");
	case -ECANCELED:
		/* Nobody is there to read it; it is no fault for the log either. */
		return err_set(err, -EBUSY, "event.store_cancelled");
	default:
		/* Our own SQL: the fault is ours, the reason is for the log. */
		return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", err != NULL ? err_arg(err, "reason") : ""));
	}
}

int event_db_run(struct event_ask *a, struct err *err)
{
	struct event_store_param params[EVENT_QUERY_PARAMS];
	struct err why = {.code = 0};
	/* Who may see no unit needs no store to be told so. */
	if (!a->scope.all && a->scope.count == 0)
		return 0;
	if (a->sc->events == NULL)
		return err_set(err, -EAGAIN, "event.search_away");
	if (a->sql.text.overflow)
		return err_set(err, -E2BIG, "event.search_too_big");
	for (size_t i = 0; i < a->sql.count; i++)
		params[i] = (struct event_store_param){a->sql.params[i].name, a->sql.params[i].value};
	struct event_store_search s = {.sql = a->sql.text.p, .params = params, .count = a->sql.count, .hunt = a->hunt, .limit = a->limit};
	if (a->http != NULL) {
		s.gone = event_asker_gone;
		s.gone_ctx = a->http;
	}
	int r = event_store_search(a->sc->events, &s, &a->answer, &why);
	if (r < 0)
		r = event_search_explain(r, &why);
	if (r < 0 && err != NULL)
		*err = why;
	return r;
}

int event_db_next(struct event_ask *a, struct str *rest, const struct json **ret, struct err *err)
{
	struct str line;
	do {
		if (!str_split(rest, '\n', &line))
			return 0;
	} while (line.n == 0);
	int r = json_parse(a->arena, line, NULL, ret, err);
	if (r < 0)
		return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "answer"));
	return 1;
}
