/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/event/event_export.h"

#include <unistd.h>

#define PART_BYTES ((int64_t)12 << 20)
#define ROWS_FIRST 4000
#define ROWS_LEAST 20
#define ROWS_MOST 50000
#define COUNT_MOST (2 * USEC_PER_SEC)
#define AWAY_MOST USEC_PER_MINUTE
#define AWAY_PAUSE_US 500000
#define KEY "(unit_id, endpoint_id, time, event_id)"

void event_parts_begin(struct event_parts *p, struct event_ask *a, const char *format)
{
	usec_t now = a->sc->now != NULL ? a->sc->now() : clock_now();
	/* All at once first: most exports are one part. */
	*p = (struct event_parts){.ask = a, .format = format, .all = a->range, .begun = now, .at = a->range.from,
	                          .width = a->range.to - a->range.from, .rows = ROWS_FIRST, .arena = arena_new(0)};
}

void event_parts_done(struct event_parts *p)
{
	arena_free(p->arena);
}

static usec_t end_of(const struct event_parts *p)
{
	usec_t to = p->at + (p->width > USEC_PER_HOUR ? p->width : USEC_PER_HOUR);
	return to < p->all.to ? to - to % USEC_PER_HOUR : p->all.to;
}

/* Behind (sign '>') or up to ('<') a key: the tuple decides, the rest lets the index of the table leave out what is far. */
static void put_key(struct buf *sql, const struct event_key *k, char sign)
{
	const char *u = "unit_id", *e = "endpoint_id";
	buf_printf(sql, " AND " KEY " %c%s (toUUID('%.*s'), toUUID('%.*s'), fromUnixTimestamp64Micro(%lld, 'UTC'), toUUID('%.*s'))", sign,
	           sign == '<' ? "=" : "", STR_FMT(k->unit), STR_FMT(k->endpoint), (long long)k->time, STR_FMT(k->id));
	buf_printf(sql, " AND (%s %c toUUID('%.*s') OR (%s = toUUID('%.*s') AND (%s %c toUUID('%.*s') OR (%s = toUUID('%.*s')"
	                " AND time %c= fromUnixTimestamp64Micro(%lld, 'UTC')))))",
	           u, sign, STR_FMT(k->unit), u, STR_FMT(k->unit), e, sign, STR_FMT(k->endpoint), e, STR_FMT(k->endpoint), sign, (long long)k->time);
}

/* A new question over what is now to be taken, from its SELECT on. */
static int begin(struct event_parts *p, const char *select, struct err *err)
{
	struct event_ask *a = p->ask;
	a->sql.text.n = a->sql.count = 0;
	buf_clear(&a->answer);
	a->range = (struct event_range){p->at, end_of(p)};
	buf_append_c(&a->sql.text, select);
	int r = event_db_from(a, err);
	buf_printf(&a->sql.text, " AND received <= fromUnixTimestamp64Micro(%lld, 'UTC')", (long long)p->begun);
	if (p->within)
		put_key(&a->sql.text, &p->after, '>');
	return r;
}

static int one_row(struct event_parts *p, unsigned cells, const struct json **ret, struct err *err)
{
	int r = event_db_run(p->ask, err);
	struct str rest = buf_str(&p->ask->answer);
	*ret = NULL;
	if (r < 0 || (r = event_db_next(p->ask, &rest, ret, err)) <= 0)
		return r;
	return (*ret)->count == cells ? 1 : err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "row"));
}

static int count(struct event_parts *p, int64_t *ret, struct err *err)
{
	const struct json *row;
	int r = begin(p, "SELECT count()", err);
	*ret = 0;
	buf_append_c(&p->ask->sql.text, " FORMAT JSONCompactEachRow");
	/* What is long to count is long to read. */
	p->ask->limit = p->width > USEC_PER_HOUR ? COUNT_MOST : 0;
	if (r >= 0)
		r = one_row(p, 1, &row, err);
	p->ask->limit = 0;
	if (r > 0)
		(void)str_parse_i64(row->child->text, 0, INT64_MAX, ret);
	return r < 0 ? r : 0;
}

/* Where the next rows of an hour end that has too many, and how many they are. */
static int boundary(struct event_parts *p, struct event_key *ret, int64_t *ret_rows, struct err *err)
{
	const struct json *row;
	int r = begin(p, "SELECT count(), toString(tupleElement(max(k), 1)), toString(tupleElement(max(k), 2)),"
	                 " toUnixTimestamp64Micro(tupleElement(max(k), 3)), toString(tupleElement(max(k), 4)) FROM (SELECT " KEY " AS k", err);
	buf_printf(&p->ask->sql.text, " ORDER BY toStartOfHour(time), unit_id, endpoint_id, time, event_id LIMIT %lld)"
	                              " FORMAT JSONCompactEachRow", (long long)p->rows);
	if (r >= 0)
		r = one_row(p, 5, &row, err);
	*ret_rows = 0;
	if (r <= 0)
		return r;
	const struct json *c = row->child;
	(void)str_parse_i64(c->text, 0, INT64_MAX, ret_rows);
	/* Their texts are in the answer, which the next question clears. */
	ret->unit = arena_str(p->ask->arena, (c = c->next)->text);
	ret->endpoint = arena_str(p->ask->arena, (c = c->next)->text);
	(void)str_parse_i64((c = c->next)->text, INT64_MIN, INT64_MAX, &ret->time);
	ret->id = arena_str(p->ask->arena, c->next->text);
	return 0;
}

static int rows(struct event_parts *p, const struct event_key *to, struct err *err)
{
	int r = begin(p, "SELECT * EXCEPT (retention_days)", err);
	if (to != NULL)
		put_key(&p->ask->sql.text, to, '<');
	buf_printf(&p->ask->sql.text, " ORDER BY time, event_id FORMAT %s", p->format);
	return r < 0 ? r : event_db_run(p->ask, err);
}

static void keep(struct event_parts *p, const struct event_key *k)
{
	struct arena *arena = arena_new(0);
	p->after = (struct event_key){arena_str(arena, k->unit), arena_str(arena, k->endpoint), arena_str(arena, k->id), k->time};
	arena_free(p->arena);
	p->arena = arena;
	p->within = true;
}

static void go_on(struct event_parts *p)
{
	p->at = p->ask->range.to;
	p->within = false;
}

/* As many rows next time as fill a part by what these took. */
static void size_next(struct event_parts *p, int64_t taken)
{
	int64_t bytes = (int64_t)p->ask->answer.n / (taken > 0 ? taken : 1) + 1, most = PART_BYTES / bytes;
	p->rows = most < ROWS_LEAST ? ROWS_LEAST : most > ROWS_MOST ? ROWS_MOST : most;
}

/* A stretch of the hour from `at`. */
static int stretch(struct event_parts *p, int64_t *ret_rows, struct err *err)
{
	struct event_key to = {.time = 0};
	int r = boundary(p, &to, ret_rows, err);
	if (r < 0)
		return r;
	bool last = *ret_rows < p->rows;
	if (*ret_rows > 0 && (r = rows(p, &to, err)) < 0)
		return r;
	if (*ret_rows > 0)
		size_next(p, *ret_rows);
	if (last)
		go_on(p);
	else
		keep(p, &to);
	return *ret_rows > 0 ? 1 : 2;
}

/* Some hours; fewer when they have too many, more after those that have few. */
static int hours(struct event_parts *p, int64_t *ret_rows, struct err *err)
{
	usec_t start = clock_monotonic();
	int r = count(p, ret_rows, err);
	if (r < 0)
		return r;
	if (*ret_rows > p->rows) {
		if (p->width <= USEC_PER_HOUR)
			return stretch(p, ret_rows, err);
		p->width = p->width * p->rows / *ret_rows > USEC_PER_HOUR ? p->width * p->rows / *ret_rows : USEC_PER_HOUR;
		return 2;
	}
	if (*ret_rows > 0 && (r = rows(p, NULL, err)) < 0)
		return r;
	if (*ret_rows * 2 <= p->rows && p->width < 366 * USEC_PER_DAY && clock_monotonic() - start < 3 * USEC_PER_SEC)
		p->width *= *ret_rows * 8 < p->rows ? 4 : 2;
	if (*ret_rows > 0)
		size_next(p, *ret_rows);
	go_on(p);
	return *ret_rows > 0 ? 1 : 2;
}

/* 2 where a smaller part may be had, or the store come back. */
static int forgive(struct event_parts *p, int r, const struct err *why, struct err *err)
{
	usec_t now = clock_monotonic();
	bool too_much = r == -ETIMEDOUT || r == -E2BIG;
	if (too_much && p->width > USEC_PER_HOUR) {
		p->width = p->width / 8 > USEC_PER_HOUR ? p->width / 8 : USEC_PER_HOUR;
		return 2;
	}
	if (too_much && p->rows > ROWS_LEAST) {
		p->rows = p->rows / 4 > ROWS_LEAST ? p->rows / 4 : ROWS_LEAST;
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
	int r = p->within ? stretch(p, ret_rows, &why) : hours(p, ret_rows, &why);
	a->arena = a->sql.arena = arena;
	/* What was only counted is no part. */
	if (r != 1)
		*ret_rows = 0;
	if (r < 0)
		return forgive(p, r, &why, err);
	p->away_since = 0;
	return r;
}
