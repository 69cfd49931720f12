/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The questions that other services ask in C. */
#include "service/event/event_internal.h"

#define IDS_MOST 200
#define BRIEFS_MOST 2000
#define BRIEF_CELLS 9

static void ask_init(struct event_ask *a, const struct service_context *sc, struct arena *arena, const struct event_scope *scope,
                     usec_t from, usec_t to)
{
	event_ask_init(a, sc, arena);
	a->scope = *scope;
	a->range = (struct event_range){from, to};
}

static usec_t within(usec_t budget)
{
	return budget > 0 ? budget : EVENT_SEARCH_BUDGET;
}

int event_search_common(const struct service_context *sc, struct arena *arena, const struct event_scope *scope, struct str query,
                        usec_t from, usec_t to, usec_t budget, struct event_commonness *ret, struct err *err)
{
	struct event_ask a;
	ask_init(&a, sc, arena, scope, from, to);
	int r = event_query_parse(arena, query, &a.query, err);
	if (r >= 0)
		r = event_db_count(&a, within(budget), ret, err);
	event_ask_done(&a);
	return r;
}

int event_search_value(const struct service_context *sc, struct arena *arena, const struct event_scope *scope, struct str field,
                       struct str value, usec_t from, usec_t to, usec_t budget, struct event_commonness *ret, struct err *err)
{
	struct event_query q = {.kind = EVENT_QUERY_EQUAL, .field = field, .value = value, .phrase = true};
	struct event_ask a;
	ask_init(&a, sc, arena, scope, from, to);
	a.query = &q;
	int r = event_db_count(&a, within(budget), ret, err);
	event_ask_done(&a);
	return r;
}

static void put_brief(struct event_ask *a)
{
	buf_append_c(&a->sql.text, "SELECT toString(event_id), toString(unit_id), toString(endpoint_id), toUnixTimestamp64Micro(time),"
	                           " toUnixTimestamp64Micro(received), source, toValidUTF8(toString(host_name)), toValidUTF8(user_name),"
	                           " toValidUTF8(concat(toString(event_action), '\\n', substring(if(text != '', text, raw), 1, 400)))");
}

static int64_t number_of(const struct json *cell)
{
	int64_t n = 0;
	(void)str_parse_i64(cell->text, INT64_MIN, INT64_MAX, &n);
	return n;
}

/* Told: rows go to fn. `arena`: where their texts stay. */
static int each_brief(struct event_ask *a, struct arena *arena, unsigned *told, event_brief_fn fn, void *ctx, struct err *err)
{
	int r = event_db_run(a, err);
	struct str rest = buf_str(&a->answer);
	const struct json *row;
	while (r >= 0 && (r = event_db_next(a, &rest, &row, err)) > 0) {
		if (row->count != BRIEF_CELLS)
			return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "row"));
		const struct json *c = row->child;
		struct event_brief e = {.time = 0};
		(void)uuid_parse(c->text, &e.id);
		(void)uuid_parse((c = c->next)->text, &e.unit_id);
		(void)uuid_parse((c = c->next)->text, &e.endpoint_id);
		e.time = number_of(c = c->next);
		e.received = number_of(c = c->next);
		e.source = arena_str(arena, (c = c->next)->text);
		e.host = arena_str(arena, (c = c->next)->text);
		e.user = arena_str(arena, (c = c->next)->text);
		e.text = arena_str(arena, c->next->text);
		(void)str_split(&e.text, '\n', &e.action);
		fn(ctx, &e);
		(*told)++;
	}
	return r < 0 ? r : 0;
}

struct briefs {
	struct arena *arena;
	unsigned limit, told;
	event_brief_fn fn;
	void *ctx;
};

static int brief_window(struct event_ask *a, void *ctx, struct err *err)
{
	struct briefs *b = ctx;
	put_brief(a);
	int r = event_db_from(a, err);
	buf_printf(&a->sql.text, " ORDER BY time DESC, event_id DESC LIMIT %u FORMAT JSONCompactEachRow",
	           b->limit - b->told);
	if (r >= 0)
		r = each_brief(a, b->arena, &b->told, b->fn, b->ctx, err);
	return r < 0 ? r : b->told == b->limit;
}

int event_search_host_day(const struct service_context *sc, struct arena *arena, const struct event_scope *scope,
                          const struct uuid *endpoint_id, struct str host, usec_t until, unsigned limit, usec_t budget,
                          event_brief_fn fn, void *ctx, usec_t *ret_reached, struct err *err)
{
	struct event_query q = {.kind = EVENT_QUERY_EQUAL, .field = STR("host.name"), .value = host, .phrase = true};
	struct briefs b = {arena, limit < 1 ? 1 : limit > BRIEFS_MOST ? BRIEFS_MOST : limit, 0, fn, ctx};
	struct event_ask a;
	ask_init(&a, sc, arena, scope, until - USEC_PER_DAY, until);
	a.endpoint_id = *endpoint_id;
	if (uuid_is_null(endpoint_id))
		a.query = &q;
	int r = event_walk(&a, &(struct event_walk){.budget = within(budget)}, brief_window, &b, ret_reached, err);
	event_ask_done(&a);
	return r < 0 ? r : 0;
}

int event_search_host(const struct service_context *sc, struct arena *arena, const struct event_scope *scope,
                      const struct uuid *endpoint_id, struct str query, usec_t from, usec_t to, unsigned limit, event_brief_fn fn,
                      void *ctx, struct err *err)
{
	struct event_ask a;
	ask_init(&a, sc, arena, scope, from, to);
	a.endpoint_id = *endpoint_id;
	put_brief(&a);
	int r = event_query_parse(arena, query, &a.query, err);
	if (r >= 0)
		r = event_db_from(&a, err);
	buf_printf(&a.sql.text, " ORDER BY time DESC, event_id DESC LIMIT %u FORMAT JSONCompactEachRow",
	           limit < 1 ? 1 : limit > BRIEFS_MOST ? BRIEFS_MOST : limit);
	if (r >= 0)
		r = each_brief(&a, arena, &(unsigned){0}, fn, ctx, err);
	event_ask_done(&a);
	return r;
}

int event_search_ids(const struct service_context *sc, struct arena *arena, const struct event_scope *scope, const struct uuid *ids,
                     size_t count, usec_t from, usec_t to, event_brief_fn fn, void *ctx, struct err *err)
{
	struct event_ask a;
	char text[UUID_TEXT_SIZE];
	if (count == 0)
		return 0;
	if (count > IDS_MOST)
		return err_set(err, -E2BIG, "event.search_too_big");
	ask_init(&a, sc, arena, scope, from, to);
	put_brief(&a);
	int r = event_db_from(&a, err);
	buf_append_c(&a.sql.text, " AND event_id IN (");
	for (size_t i = 0; i < count; i++)
		buf_printf(&a.sql.text, "%s'%s'", i > 0 ? "," : "", uuid_text(&ids[i], text));
	buf_printf(&a.sql.text, ") LIMIT %d FORMAT JSONCompactEachRow", IDS_MOST);
	if (r >= 0)
		r = each_brief(&a, arena, &(unsigned){0}, fn, ctx, err);
	event_ask_done(&a);
	return r;
}

int event_search_hash(const struct service_context *sc, struct arena *arena, const struct event_scope *scope, struct str sha256,
                      usec_t from, usec_t to, unsigned limit, event_brief_fn fn, void *ctx, struct err *err)
{
	struct event_query field = {.kind = EVENT_QUERY_EQUAL, .field = STR("file.hash.sha256"), .value = sha256, .phrase = true};
	struct event_query word = {.kind = EVENT_QUERY_TEXT, .value = sha256};
	/* In whatever field the sender has it: a hash is a word, and words are indexed. */
	struct event_query both = {.kind = EVENT_QUERY_OR, .left = &field, .right = &word};
	struct event_ask a;
	ask_init(&a, sc, arena, scope, from, to);
	a.query = &both;
	put_brief(&a);
	int r = event_db_from(&a, err);
	buf_printf(&a.sql.text, " ORDER BY time DESC LIMIT 1 BY endpoint_id, host_name LIMIT %u FORMAT JSONCompactEachRow",
	           limit < 1 ? 1 : limit > BRIEFS_MOST ? BRIEFS_MOST : limit);
	if (r >= 0)
		r = each_brief(&a, arena, &(unsigned){0}, fn, ctx, err);
	event_ask_done(&a);
	return r;
}
