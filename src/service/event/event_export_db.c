/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/event/event_export.h"

#include <unistd.h>

#define PART_BYTES ((int64_t)24 << 20)
#define ROWS_FIRST 4000
#define ROWS_LEAST 20
#define ROWS_MOST 100000
#define STEPS 4  /* of a part: the next may have fewer or more of them */
#define EDGES 64 /* asked for at once */
#define COUNT_MOST (2 * USEC_PER_SEC)
#define COUNT_WIDEST (366 * USEC_PER_DAY)
#define AWAY_MOST USEC_PER_MINUTE
#define AWAY_PAUSE_US 500000
#define KEY "unit_id, event_provider, event_code, host_name, time, event_id"

void event_parts_begin(struct event_parts *p, struct event_ask *a, const char *format)
{
	usec_t now = a->sc->now != NULL ? a->sc->now() : clock_now();
	/* All is counted at once first: most exports are short. */
	*p = (struct event_parts){.ask = a, .format = format, .all = a->range, .begun = now, .at = a->range.from, .counted_to = a->range.from,
	                          .width = a->range.to - a->range.from, .rows = ROWS_FIRST, .plan = arena_new(0), .marks = arena_new(0)};
}

void event_parts_done(struct event_parts *p)
{
	arena_free(p->plan);
	arena_free(p->marks);
}

/* ---- questions ---- */

/* Behind a row, or up to one: level by level, so that the index of the table leaves out what is far. */
static void put_key(struct buf *sql, const struct event_key *k, bool behind)
{
	const struct {
		const char *name, *open;
		struct str value;
		const char *close;
	} levels[] = {
		{"unit_id", "toUUID('", k->unit, "')"},           {"event_provider", "unhex('", k->provider, "')"},
		{"event_code", "unhex('", k->code, "')"},         {"host_name", "unhex('", k->host, "')"},
	};
	char sign = behind ? '>' : '<';
	buf_append_c(sql, " AND ");
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		buf_printf(sql, "(%s %c %s%.*s%s OR (%s = %s%.*s%s AND ", levels[i].name, sign, levels[i].open, STR_FMT(levels[i].value), levels[i].close,
		           levels[i].name, levels[i].open, STR_FMT(levels[i].value), levels[i].close);
	buf_printf(sql, "(time %c fromUnixTimestamp64Micro(%lld, 'UTC') OR (time = fromUnixTimestamp64Micro(%lld, 'UTC') AND event_id %c%s toUUID('%.*s')))",
	           sign, (long long)k->time, (long long)k->time, sign, behind ? "" : "=", STR_FMT(k->id));
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		buf_append_c(sql, "))");
}

/* The table is in the order of hours, not of times: else the index would take the neighbouring hour too. */
static void put_hours(struct buf *sql, const struct event_range *range)
{
	usec_t from = range->from / USEC_PER_HOUR * 3600, to = (range->to - 1) / USEC_PER_HOUR * 3600;
	if (range->from >= 0 && from <= UINT32_MAX)
		buf_printf(sql, " AND toStartOfHour(time) >= toDateTime(%lld, 'UTC')", (long long)from);
	if (range->to > 0 && to <= UINT32_MAX)
		buf_printf(sql, " AND toStartOfHour(time) <= toDateTime(%lld, 'UTC')", (long long)to);
}

/* A new question over [from, to), from its SELECT on. */
static int begin(struct event_parts *p, const char *select, usec_t from, usec_t to, struct err *err)
{
	struct event_ask *a = p->ask;
	a->sql.text.n = a->sql.count = 0;
	buf_clear(&a->answer);
	a->range = (struct event_range){from, to};
	buf_append_c(&a->sql.text, select);
	int r = event_db_from(a, err);
	put_hours(&a->sql.text, &a->range);
	buf_printf(&a->sql.text, " AND received <= fromUnixTimestamp64Micro(%lld, 'UTC')", (long long)p->begun);
	if (p->within && p->behind)
		put_key(&a->sql.text, &p->after, true);
	return r;
}

/* The rows themselves, behind `after` when within an hour; to NULL: to the end of the range. */
static int rows(struct event_parts *p, usec_t from, usec_t until, const struct event_key *to, int64_t *ret_rows, struct err *err)
{
	struct buf *sql = &p->ask->sql.text;
	int r = begin(p, "SELECT * EXCEPT (retention_days)", from, until, err);
	if (to != NULL)
		put_key(sql, to, false);
	buf_printf(sql, " ORDER BY time, event_id FORMAT %s", p->format);
	if (r >= 0)
		r = event_db_run(p->ask, err);
	if (r < 0)
		return r;
	struct str answer = buf_str(&p->ask->answer), line;
	if (strcmp(p->format, "JSONEachRow") == 0)
		/* What is there counts, should rows have been forgotten since. */
		for (*ret_rows = 0; str_split(&answer, '\n', &line) && line.n > 0;)
			++*ret_rows;
	if (*ret_rows > 0) {
		int64_t bytes = (int64_t)p->ask->answer.n / *ret_rows + 1, most = PART_BYTES / bytes;
		p->rows = most < ROWS_LEAST ? ROWS_LEAST : most > ROWS_MOST ? ROWS_MOST : most;
	}
	return 0;
}

/* ---- whole hours ---- */

static usec_t hour_from(const struct event_parts *p, size_t i)
{
	return p->hours[i].from > p->all.from ? p->hours[i].from : p->all.from;
}

static usec_t hour_to(const struct event_parts *p, size_t i)
{
	usec_t to = p->hours[i].from + USEC_PER_HOUR;
	return to < p->all.to ? to : p->all.to;
}

/* Out went all of the hours before `next`. */
static void go_on(struct event_parts *p, size_t next)
{
	p->at = next < p->hour_count ? hour_from(p, next) : p->counted_to;
	p->hour_at = next;
	p->within = false;
}

static usec_t end_of(const struct event_parts *p)
{
	usec_t to = p->at + (p->width > USEC_PER_HOUR ? p->width : USEC_PER_HOUR);
	return to < p->all.to ? to - to % USEC_PER_HOUR : p->all.to;
}

static int count(struct event_parts *p, struct err *err)
{
	struct event_ask *a = p->ask;
	const struct json *row;
	usec_t began = clock_monotonic(), to = end_of(p);
	int r = begin(p, "SELECT toUnixTimestamp(toStartOfHour(time)) AS hour, count()", p->at, to, err);
	buf_append_c(&a->sql.text, " GROUP BY hour ORDER BY hour FORMAT JSONCompactEachRow");
	/* What is long to count is long to read. */
	a->limit = p->width > USEC_PER_HOUR ? COUNT_MOST : 0;
	if (r >= 0)
		r = event_db_run(a, err);
	a->limit = 0;
	if (r < 0)
		return r;
	struct arena *plan = arena_new(0);
	struct str rest = buf_str(&a->answer), line;
	size_t most = 1, n = 0;
	while (str_split(&rest, '\n', &line))
		most++;
	struct event_hour *hours = ARENA_ARRAY(plan, most, struct event_hour);
	rest = buf_str(&a->answer);
	while (n < most && (r = event_db_next(a, &rest, &row, err)) > 0) {
		struct event_hour *h = &hours[n++];
		if (row->count == 2 && str_parse_i64(row->child->text, 0, UINT32_MAX, &h->from) &&
		    str_parse_i64(row->child->next->text, 0, INT64_MAX, &h->rows))
			h->from *= USEC_PER_SEC;
		else
			r = err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "row"));
		if (r < 0)
			break;
	}
	if (r < 0) {
		arena_free(plan);
		return r;
	}
	arena_free(p->plan);
	p->plan = plan;
	p->hours = hours;
	p->hour_count = n;
	p->counted_to = to;
	go_on(p, 0);
	if (p->width < COUNT_WIDEST && clock_monotonic() - began < COUNT_MOST / 4)
		p->width *= 4;
	return 2;
}

/* As many hours as fill a part. */
static int hours(struct event_parts *p, int64_t *ret_rows, struct err *err)
{
	size_t end = p->hour_at;
	*ret_rows = 0;
	while (end < p->hour_count && *ret_rows + p->hours[end].rows <= p->rows)
		*ret_rows += p->hours[end++].rows;
	if (end == p->hour_at) {
		p->within = true;
		p->behind = p->last = false;
		p->left = p->hours[end].rows;
		p->edge_count = p->edge_at = 0;
		return 2;
	}
	int r = rows(p, hour_from(p, p->hour_at), hour_to(p, end - 1), NULL, ret_rows, err);
	if (r < 0)
		return r;
	go_on(p, end);
	return *ret_rows > 0 ? 1 : 2;
}

/* ---- an hour that has too many ---- */

static struct event_key key_copy(struct arena *arena, const struct event_key *k)
{
	return (struct event_key){arena_str(arena, k->unit), arena_str(arena, k->provider), arena_str(arena, k->code),
	                          arena_str(arena, k->host), arena_str(arena, k->id), k->time};
}

static int read_edge(const struct json *row, struct arena *arena, struct event_key *ret, struct err *err)
{
	const struct json *cell = row->child;
	struct str *const texts[] = {&ret->unit, &ret->provider, &ret->code, &ret->host, &ret->id};
	if (row->count != 6)
		return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "row"));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++, cell = cell->next)
		*texts[i] = arena_str(arena, cell->text);
	(void)str_parse_i64(cell->text, INT64_MIN, INT64_MAX, &ret->time);
	return 0;
}

/* Every step-th row from here on: few columns are read, in the order in which they lie. */
static int edges(struct event_parts *p, struct err *err)
{
	struct event_ask *a = p->ask;
	const struct json *row;
	int64_t step = p->rows / STEPS > ROWS_LEAST ? p->rows / STEPS : ROWS_LEAST;
	int r = begin(p, "SELECT toString(unit_id), hex(event_provider), hex(event_code), hex(host_name), toString(event_id),"
	                 " toUnixTimestamp64Micro(time) FROM (SELECT " KEY, hour_from(p, p->hour_at), hour_to(p, p->hour_at), err);
	buf_printf(&a->sql.text, " ORDER BY toStartOfHour(time), " KEY " LIMIT %lld) WHERE rowNumberInAllBlocks() %% %lld = %lld FORMAT JSONCompactEachRow",
	           (long long)step * EDGES, (long long)step, (long long)step - 1);
	if (r >= 0)
		r = event_db_run(a, err);
	if (r < 0)
		return r;
	struct arena *marks = arena_new(0);
	struct event_key *found = ARENA_ARRAY(marks, EDGES, struct event_key);
	struct str rest = buf_str(&a->answer);
	size_t n = 0;
	while (r >= 0 && n < EDGES && (r = event_db_next(a, &rest, &row, err)) > 0)
		r = read_edge(row, marks, &found[n++], err);
	if (r < 0) {
		arena_free(marks);
		return r;
	}
	if (p->behind)
		p->after = key_copy(marks, &p->after);
	arena_free(p->marks);
	p->marks = marks;
	p->edges = found;
	p->edge_count = n;
	p->edge_at = 0;
	p->last = n < EDGES;
	p->step = step;
	return 2;
}

static int stretch(struct event_parts *p, int64_t *ret_rows, struct err *err)
{
	size_t ahead = p->edge_count - p->edge_at, take = (size_t)(p->rows / p->step);
	take = take < 1 ? 1 : take;
	bool to_end = p->last && take > ahead;
	take = take < ahead ? take : ahead;
	const struct event_key *to = to_end ? NULL : &p->edges[p->edge_at + take - 1];
	int64_t wanted = to_end ? p->left : (int64_t)take * p->step;
	*ret_rows = wanted;
	int r = wanted > 0 ? rows(p, hour_from(p, p->hour_at), hour_to(p, p->hour_at), to, ret_rows, err) : 0;
	if (r < 0)
		return r;
	p->left = p->left > wanted ? p->left - wanted : 0;
	if (to_end) {
		go_on(p, p->hour_at + 1);
	} else {
		p->after = *to;
		p->behind = true;
		p->edge_at += take;
	}
	return *ret_rows > 0 ? 1 : 2;
}

/* ---- step by step ---- */

/* 2 where a smaller part may be had, or the store come back. */
static int forgive(struct event_parts *p, int r, const struct err *why, struct err *err)
{
	usec_t now = clock_monotonic();
	bool too_much = r == -ETIMEDOUT || r == -E2BIG, counting = !p->within && p->hour_at == p->hour_count;
	if (too_much && counting && p->width > USEC_PER_HOUR) {
		p->width = p->width / 8 > USEC_PER_HOUR ? p->width / 8 : USEC_PER_HOUR;
		return 2;
	}
	if (too_much && !counting && p->rows > ROWS_LEAST) {
		p->rows = p->rows / 4 > ROWS_LEAST ? p->rows / 4 : ROWS_LEAST;
		p->edge_count = p->edge_at = 0;
		p->last = false;
		return 2;
	}
	if (p->away_since == 0)
		p->away_since = now;
	if (r == -EAGAIN && p->patient && now - p->away_since < AWAY_MOST && !http_request_gone(p->ask->http)) {
		(void)usleep(AWAY_PAUSE_US);
		return 2;
	}
	if (err != NULL)
		*err = *why;
	return r;
}

static int step(struct event_parts *p, int64_t *ret_rows, struct err *err)
{
	if (!p->within)
		return p->hour_at < p->hour_count ? hours(p, ret_rows, err) : count(p, err);
	return p->edge_at < p->edge_count || p->last ? stretch(p, ret_rows, err) : edges(p, err);
}

int event_parts_next(struct event_parts *p, int64_t *ret_rows, struct err *err)
{
	struct err why = {.code = 0};
	*ret_rows = 0;
	if (p->at >= p->all.to)
		return 0;
	cleanup(arena) struct arena *scratch = arena_new(0);
	struct event_ask *a = p->ask;
	struct arena *arena = a->arena;
	a->arena = a->sql.arena = scratch;
	int r = step(p, ret_rows, &why);
	a->arena = a->sql.arena = arena;
	/* What was only counted is no part. */
	if (r != 1)
		*ret_rows = 0;
	if (r < 0)
		return forgive(p, r, &why, err);
	p->away_since = 0;
	return r;
}
