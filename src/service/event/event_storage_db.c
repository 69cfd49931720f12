/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the store says of itself: size, growth, who fills it, and what it refused. */
#include "service/event/event_internal.h"
#include "service/event/event_storage.h"
#include "service/source/source.h"

#define DAYS_READ 3700
#define KEPT_MOST 200

/* ---- the whole ---- */

struct past {
	uint64_t bytes[DAYS_READ];
	unsigned measured;
};

/* "20261121" → days since 1970; -1: no day. */
static int64_t day_of(struct str text)
{
	uint64_t n;
	if (text.n != 8 || !str_parse_u64(text, 19700101, 99991231, &n))
		return -1;
	struct clock_date d = {.year = (int)(n / 10000), .month = (unsigned)(n / 100 % 100), .day = (unsigned)(n % 100)};
	usec_t at;
	return clock_from_civil(&d, 0, &at) ? at / USEC_PER_DAY : -1;
}

static int read_past(struct arena *arena, struct str lines, int64_t today, struct past *ret, struct err *err)
{
	struct str line;
	while (str_split(&lines, '\n', &line)) {
		const struct json *row;
		if (line.n == 0)
			continue;
		if (json_parse(arena, line, NULL, &row, NULL) < 0)
			return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "answer"));
		const struct json *bytes = json_get(row, "bytes");
		int64_t ago = today - day_of(json_get_str(row, "day", STR_EMPTY));
		if (bytes == NULL || ago < 0 || ago >= DAYS_READ)
			continue;
		(void)str_parse_u64(bytes->text, 0, UINT64_MAX, &ret->bytes[ago]);
		ret->measured += ago >= 1 && ago <= 7;
	}
	return 0;
}

static int read_kept(struct event_store *store, struct event_kept *kept, size_t *ret_count, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 16);
	int r = event_store_query(store, "SELECT retention_days, count() FROM event WHERE received >= toStartOfDay(now('UTC') - toIntervalDay(7))"
	                                 " GROUP BY retention_days ORDER BY count() DESC LIMIT 200 FORMAT TabSeparated", NULL, 0, false, &out, err);
	struct str rest = buf_str(&out), line, word;
	*ret_count = 0;
	while (r >= 0 && *ret_count < KEPT_MOST && str_split(&rest, '\n', &line)) {
		uint64_t days, weight;
		if (str_split(&line, '\t', &word) && str_parse_u64(word, 1, UINT16_MAX, &days) && str_parse_u64(line, 1, UINT64_MAX, &weight))
			kept[(*ret_count)++] = (struct event_kept){(unsigned)days, weight};
	}
	return r;
}

int event_storage_look(const struct service_context *sc, struct event_storage *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)16 << 20);
	struct past *past = ARENA_NEW(arena, struct past);
	struct event_kept kept[KEPT_MOST];
	size_t kept_count = 0;
	struct err why = {.code = 0};
	*ret = (struct event_storage){.days = BUF_INIT((size_t)1 << 20)};
	if (sc->events == NULL)
		return err_set(err, -EAGAIN, "event.search_away");
	int r = event_store_usage(sc->events, &ret->usage, &why);
	if (r >= 0)
		r = event_store_usage_days(sc->events, DAYS_READ, &ret->days, &why);
	if (r >= 0)
		r = read_kept(sc->events, kept, &kept_count, &why);
	if (r < 0) {
		r = event_search_explain(r, &why);
		if (err != NULL)
			*err = why;
		return r;
	}
	if ((r = read_past(arena, buf_str(&ret->days), clock_now() / USEC_PER_DAY, past, err)) < 0)
		return r;
	ret->days_measured = past->measured;
	const struct event_forecast_given given = {.free_bytes = ret->usage.free_bytes, .day_bytes = ret->usage.day_bytes, .past = past->bytes,
	                                           .past_count = DAYS_READ, .kept = kept, .kept_count = kept_count};
	event_forecast(&given, &ret->forecast);
	return 0;
}

void event_storage_done(struct event_storage *s)
{
	buf_done(&s->days);
}

/* ---- who fills it ---- */

#define SHARE_CELLS 3

struct naming {
	struct arena *arena;
	struct str label; /* event.source */
	struct str name;
};

static int read_name(struct db_tx *tx, void *ctx, struct err *err)
{
	struct naming *n = ctx;
	return source_name(tx, n->arena, n->label, &n->name, err);
}

static int write_share(struct event_ask *a, const struct json *row, bool by_source, struct json_writer *w, struct err *err)
{
	const struct json *cells[SHARE_CELLS];
	size_t n = 0;
	int64_t rows = 0, raw = 0;
	int r = 0;
	json_each(cell, row)
	{
		if (n < SHARE_CELLS)
			cells[n++] = cell;
	}
	if (n < SHARE_CELLS)
		return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "answer"));
	(void)str_parse_i64(cells[1]->text, 0, INT64_MAX, &rows);
	(void)str_parse_i64(cells[2]->text, 0, INT64_MAX, &raw);
	json_object(w);
	if (by_source) {
		struct naming naming = {.arena = a->arena, .label = cells[0]->text};
		r = db_read(a->sc->db, read_name, &naming, err);
		json_member_str(w, "source", cells[0]->text);
		api_member_text_or_null(w, "name", naming.name);
	} else {
		int64_t days = 0;
		(void)str_parse_i64(cells[0]->text, 0, INT64_MAX, &days);
		json_member_int(w, "retention_days", days);
	}
	json_member_int(w, "events", rows);
	json_member_int(w, "text_bytes", raw);
	json_object_end(w);
	return r;
}

int event_db_shares(struct event_ask *a, bool by_source, struct json_writer *w, struct err *err)
{
	struct buf *sql = &a->sql.text;
	const char *key = by_source ? "source" : "retention_days";
	a->hunt = true; /* the lengths of all texts are read */
	buf_printf(sql, "SELECT toString(%s), count(), sum(length(raw))", key);
	int r = event_db_from(a, err);
	if (r < 0)
		return r;
	buf_printf(sql, " GROUP BY %s ORDER BY sum(length(raw)) DESC LIMIT 200 FORMAT JSONCompactEachRow", key);
	r = event_db_run(a, err);
	struct str rest = buf_str(&a->answer);
	const struct json *row;
	json_array(w);
	while (r >= 0 && (r = event_db_next(a, &rest, &row, err)) > 0)
		r = write_share(a, row, by_source, w, err);
	json_array_end(w);
	return r < 0 ? r : 0;
}

int event_db_dead_count(struct event_ask *a, int64_t *ret, struct err *err)
{
	buf_append_c(&a->sql.text, "SELECT count()");
	int r = event_db_from_dead(a, err);
	*ret = 0;
	if (r < 0)
		return r;
	buf_append_c(&a->sql.text, " FORMAT TabSeparated");
	r = event_db_run(a, err);
	if (r >= 0)
		(void)str_parse_i64(str_trim(buf_str(&a->answer)), 0, INT64_MAX, ret);
	return r < 0 ? r : 0;
}
