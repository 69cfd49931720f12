/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Sums: the histogram, the most frequent values of fields, the names of fields there are. */
#include "engine/event/event.h"
#include "service/event/event_internal.h"

#define BUCKETS_MOST 72
#define FACET_VALUES 12
/* Values of one window; where it has more, the rare ones are estimated. */
#define FACET_LOAD "100"
#define FACET_LOAD_MOST 100
#define SUM_BUDGET (4 * USEC_PER_SEC)
#define SAMPLE "3000"

static int64_t step_of(const struct event_range *range)
{
	static const int64_t steps[] = {1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200, 86400, 604800, 2592000};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if ((range->to - range->from) / (steps[i] * USEC_PER_SEC) < BUCKETS_MOST - 1)
			return steps[i] * USEC_PER_SEC;
	return 365 * USEC_PER_DAY;
}

struct histogram {
	int64_t counts[BUCKETS_MOST + 1], total;
	size_t n;
	usec_t start, step;
};

static int histogram_window(struct event_ask *a, void *ctx, struct err *err)
{
	struct histogram *h = ctx;
	const struct json *row;
	buf_printf(&a->sql.text, "SELECT toUInt32(intDiv(toUnixTimestamp64Micro(time) - %lld, %lld)) AS bucket, count()",
	           (long long)h->start, (long long)h->step);
	int r = event_db_from(a, err);
	if (r < 0)
		return r;
	buf_append_c(&a->sql.text, " GROUP BY bucket FORMAT JSONCompactEachRow");
	r = event_db_run(a, err);
	struct str rest = buf_str(&a->answer);
	while (r >= 0 && (r = event_db_next(a, &rest, &row, err)) > 0) {
		uint64_t bucket;
		int64_t count;
		if (row->count != 2 || !str_parse_u64(row->child->text, 0, h->n - 1, &bucket) ||
		    !str_parse_i64(row->child->next->text, 0, INT64_MAX, &count))
			continue;
		h->counts[bucket] += count;
		h->total += count;
	}
	return r;
}

/* at_least: what is before counted_from was not looked at. */
static void write_reached(struct json_writer *w, const struct event_ask *a, usec_t reached)
{
	json_member_bool(w, "at_least", reached > a->range.from);
	api_member_time(w, "counted_from", reached);
}

int event_db_histogram(struct event_ask *a, struct http_response *res, struct err *err)
{
	usec_t step = step_of(&a->range), past = (a->range.from + CLOCK_VN_OFFSET_USEC) % step, reached;
	struct histogram h = {.start = a->range.from - past, .step = step};
	h.n = (size_t)((a->range.to - h.start + step - 1) / step);
	h.n = h.n > ARRAY_LEN(h.counts) ? ARRAY_LEN(h.counts) : h.n;
	int r = event_walk(a, &(struct event_walk){.budget = SUM_BUDGET}, histogram_window, &h, &reached, err);
	if (r < 0)
		return r;
	/* The range reaches beyond now for clocks that are ahead: shown only where there is something. */
	usec_t now = a->sc->now != NULL ? a->sc->now() : clock_now(), end = a->range.to;
	while (h.n > 1 && h.counts[h.n - 1] == 0 && h.start + (usec_t)(h.n - 1) * step > now)
		end = h.start + (usec_t)--h.n * step;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_int(&w, "total", h.total);
	write_reached(&w, a, reached);
	json_member_int(&w, "step_s", step / USEC_PER_SEC);
	api_member_time(&w, "from", a->range.from);
	api_member_time(&w, "to", end);
	json_name(&w, "buckets");
	json_array(&w);
	for (size_t i = 0; i < h.n; i++) {
		json_object(&w);
		api_member_time(&w, "at", h.start + (usec_t)i * step);
		json_member_int(&w, "count", h.counts[i]);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}

/* ---- frequent values ---- */

/* The values of one field as windows bring them; the rare ones of a window are estimated, so that sums of them are too. */
#define VALUES_KEPT 400
struct facet {
	struct str field;
	struct {
		struct str value;
		int64_t count;
		bool exact;
	} values[VALUES_KEPT];
	size_t count;
	unsigned windows; /* that had values */
	bool more;        /* there was no place for all values of one */
};

struct facets {
	struct facet *facets;
	size_t count;
	struct arena *arena; /* of the texts that stay */
	int64_t rows;
};

static void add_value(struct facet *f, struct arena *arena, struct str value, int64_t count, bool exact)
{
	for (size_t i = 0; i < f->count; i++) {
		if (!str_eq(f->values[i].value, value))
			continue;
		f->values[i].count += count;
		f->values[i].exact &= exact;
		return;
	}
	if (f->count == VALUES_KEPT) {
		f->more = true;
		return;
	}
	f->values[f->count].value = arena_str(arena, value);
	f->values[f->count].count = count;
	f->values[f->count++].exact = exact;
}

/* [[value, count, error], …] */
static void add_values(struct facet *f, struct arena *arena, const struct json *values)
{
	f->more |= values->count >= FACET_LOAD_MOST;
	f->windows += values->count > 0;
	json_each(one, values)
	{
		int64_t count = 0, error = 0;
		if (one->count != 3)
			continue;
		(void)str_parse_i64(one->child->next->text, 0, INT64_MAX, &count);
		(void)str_parse_i64(one->child->next->next->text, 0, INT64_MAX, &error);
		add_value(f, arena, one->child->text, count, error == 0);
	}
}

static int facets_window(struct event_ask *a, void *ctx, struct err *err)
{
	struct facets *f = ctx;
	const struct json *row;
	int r = 0;
	buf_append_c(&a->sql.text, "SELECT count()");
	for (size_t i = 0; i < f->count; i++) {
		buf_append_c(&a->sql.text, ", topKIf(" FACET_LOAD ", 12, 'counts')(toValidUTF8(");
		if ((r = event_query_value_of(f->facets[i].field, &a->sql, err)) < 0)
			return r;
		buf_append_c(&a->sql.text, "), ");
		if ((r = event_query_value_of(f->facets[i].field, &a->sql, err)) < 0)
			return r;
		buf_append_c(&a->sql.text, " != '')");
	}
	if ((r = event_db_from(a, err)) < 0)
		return r;
	buf_append_c(&a->sql.text, " FORMAT JSONCompactEachRow");
	r = event_db_run(a, err);
	struct str rest = buf_str(&a->answer);
	if (r < 0 || (r = event_db_next(a, &rest, &row, err)) <= 0)
		return r;
	if (row->count != 1 + f->count)
		return err_set(err, -EIO, "event.search_failed", ARG_CSTR("reason", "row"));
	int64_t rows = 0;
	const struct json *values = row->child;
	(void)str_parse_i64(values->text, 0, INT64_MAX, &rows);
	f->rows += rows;
	for (size_t i = 0; i < f->count; i++)
		add_values(&f->facets[i], f->arena, values = values->next);
	return 0;
}

/* The next most frequent one not yet written; SIZE_MAX: none. */
static size_t most_frequent(const struct facet *f)
{
	size_t best = SIZE_MAX;
	for (size_t i = 0; i < f->count; i++)
		if (f->values[i].count > 0 && (best == SIZE_MAX || f->values[i].count > f->values[best].count))
			best = i;
	return best;
}

static void write_facet(struct json_writer *w, const struct event_ask *a, struct facet *f)
{
	struct uuid unit;
	json_object(w);
	json_member_str(w, "field", f->field);
	json_name(w, "values");
	json_array(w);
	size_t at;
	for (size_t i = 0; i < FACET_VALUES && (at = most_frequent(f)) != SIZE_MAX; i++) {
		struct str value = f->values[at].value;
		json_object(w);
		json_member_str(w, "value", value);
		if (str_eq_c(f->field, "unit.id") && uuid_parse(value, &unit))
			json_member_str(w, "label", event_scope_name(&a->scope, &unit));
		json_member_int(w, "count", f->values[at].count);
		json_member_bool(w, "exact", f->values[at].exact && (!f->more || f->windows == 1));
		json_object_end(w);
		f->values[at].count = 0;
	}
	json_array_end(w);
	json_object_end(w);
}

int event_db_facets(struct event_ask *a, const struct str *fields, size_t count, struct http_response *res, struct err *err)
{
	usec_t reached;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct facets f = {.facets = ARENA_ARRAY(arena, count, struct facet), .count = count, .arena = arena};
	for (size_t i = 0; i < count; i++)
		f.facets[i].field = fields[i];
	int r = event_walk(a, &(struct event_walk){.budget = SUM_BUDGET}, facets_window, &f, &reached, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_int(&w, "rows", f.rows);
	write_reached(&w, a, reached);
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; i < count && f.rows > 0; i++)
		write_facet(&w, a, &f.facets[i]);
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}

/* ---- names ---- */

#define NAMES_MOST 400
struct names {
	struct str names[NAMES_MOST];
	size_t count;
};

static void note_name(struct names *n, struct str name)
{
	if (name.n == 0 || event_query_field(name) != NULL || n->count == NAMES_MOST)
		return;
	for (size_t i = 0; i < n->count; i++)
		if (str_eq(n->names[i], name))
			return;
	n->names[n->count++] = name;
}

/* A row: names in the map, the original text. */
static void note_row(struct names *n, struct arena *arena, const struct json *row)
{
	struct event e;
	if (row->count != 2)
		return;
	json_each(name, row->child)
	{
		note_name(n, name->text);
	}
	if (event_flatten(arena, row->child->next->text, NULL, &e, NULL) < 0)
		return;
	for (size_t i = 0; i < e.count; i++)
		note_name(n, e.fields[i].name);
}

int event_db_fields(struct event_ask *a, struct http_response *res, struct err *err)
{
	const struct json *row;
	const struct event_query_field *f;
	struct names *n = ARENA_NEW(a->arena, struct names);
	/* One of each kind of event is enough to know its names. */
	buf_append_c(&a->sql.text, "SELECT arrayMap(x -> toValidUTF8(x), mapKeys(fields)), if(length(raw) <= 20000, toValidUTF8(raw), '')"
	                           " FROM (SELECT fields, raw, event_code, event_provider, event_dataset, source, time");
	int r = event_db_from(a, err);
	if (r < 0)
		return r;
	buf_append_c(&a->sql.text, " ORDER BY toStartOfHour(time) DESC LIMIT " SAMPLE ") LIMIT 1 BY event_code, event_provider,"
	                           " event_dataset, source, length(mapKeys(fields)) LIMIT 200 FORMAT JSONCompactEachRow");
	if ((r = event_db_run(a, err)) < 0)
		return r;
	struct str rest = buf_str(&a->answer);
	while ((r = event_db_next(a, &rest, &row, err)) > 0)
		note_row(n, a->arena, row);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_name(&w, "columns");
	json_array(&w);
	for (size_t i = 0; (f = event_query_field_at(i)) != NULL; i++)
		json_cstr(&w, f->name);
	json_array_end(&w);
	json_name(&w, "others");
	json_array(&w);
	for (size_t i = 0; i < n->count; i++)
		json_str(&w, n->names[i]);
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}
