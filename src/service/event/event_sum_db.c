/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Sums: the histogram, the most frequent values of fields, the names of fields there are. */
#include "engine/event/event.h"
#include "service/event/event_internal.h"

#define BUCKETS_MOST 72
#define FACET_VALUES "12"
/* Values that are counted exactly; beyond them the rare ones are estimated. */
#define FACET_LOAD "100"
#define SAMPLE "3000"

static int64_t step_of(const struct event_range *range)
{
	static const int64_t steps[] = {1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200, 86400, 604800, 2592000};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if ((range->to - range->from) / (steps[i] * USEC_PER_SEC) < BUCKETS_MOST - 1)
			return steps[i] * USEC_PER_SEC;
	return 365 * USEC_PER_DAY;
}

static void read_buckets(struct event_ask *a, int64_t *counts, size_t n, int64_t *ret_total)
{
	struct str rest = buf_str(&a->answer);
	const struct json *row;
	while (event_db_next(a, &rest, &row, NULL) > 0) {
		uint64_t bucket;
		int64_t count;
		if (row->count != 2 || !str_parse_u64(row->child->text, 0, n - 1, &bucket) ||
		    !str_parse_i64(row->child->next->text, 0, INT64_MAX, &count))
			continue;
		counts[bucket] += count;
		*ret_total += count;
	}
}

int event_db_histogram(struct event_ask *a, struct http_response *res, struct err *err)
{
	int64_t counts[BUCKETS_MOST + 1] = {0}, total = 0;
	usec_t step = step_of(&a->range), past = (a->range.from + CLOCK_VN_OFFSET_USEC) % step, start = a->range.from - past;
	size_t n = (size_t)((a->range.to - start + step - 1) / step);
	n = n > ARRAY_LEN(counts) ? ARRAY_LEN(counts) : n;
	buf_printf(&a->sql.text, "SELECT toUInt32(intDiv(toUnixTimestamp64Micro(time) - %lld, %lld)) AS bucket, count()", (long long)start,
	           (long long)step);
	int r = event_db_from(a, err);
	if (r < 0)
		return r;
	buf_append_c(&a->sql.text, " GROUP BY bucket FORMAT JSONCompactEachRow");
	if ((r = event_db_run(a, err)) < 0)
		return r;
	read_buckets(a, counts, n, &total);
	/* The range reaches beyond now for clocks that are ahead: shown only where there is something. */
	usec_t now = a->sc->now != NULL ? a->sc->now() : clock_now(), end = a->range.to;
	while (n > 1 && counts[n - 1] == 0 && start + (usec_t)(n - 1) * step > now)
		end = start + (usec_t)--n * step;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_int(&w, "total", total);
	json_member_int(&w, "step_s", step / USEC_PER_SEC);
	api_member_time(&w, "from", a->range.from);
	api_member_time(&w, "to", end);
	json_name(&w, "buckets");
	json_array(&w);
	for (size_t i = 0; i < n; i++) {
		json_object(&w);
		api_member_time(&w, "at", start + (usec_t)i * step);
		json_member_int(&w, "count", counts[i]);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}

/* [[value, count, error], …] */
static void write_values(struct json_writer *w, const struct event_ask *a, struct str field, const struct json *values)
{
	json_name(w, "values");
	json_array(w);
	json_each(one, values)
	{
		if (one->count != 3)
			continue;
		int64_t count = 0, error = 0;
		struct uuid unit;
		(void)str_parse_i64(one->child->next->text, 0, INT64_MAX, &count);
		(void)str_parse_i64(one->child->next->next->text, 0, INT64_MAX, &error);
		json_object(w);
		json_member_str(w, "value", one->child->text);
		if (str_eq_c(field, "unit.id") && uuid_parse(one->child->text, &unit))
			json_member_str(w, "label", event_scope_name(&a->scope, &unit));
		json_member_int(w, "count", count);
		json_member_bool(w, "exact", error == 0);
		json_object_end(w);
	}
	json_array_end(w);
}

int event_db_facets(struct event_ask *a, const struct str *fields, size_t count, struct http_response *res, struct err *err)
{
	const struct json *row;
	int r = 0;
	buf_append_c(&a->sql.text, "SELECT ");
	for (size_t i = 0; i < count && r >= 0; i++) {
		buf_printf(&a->sql.text, "%stopKIf(" FACET_VALUES ", " FACET_LOAD ", 'counts')(toValidUTF8(", i > 0 ? ", " : "");
		r = event_query_value_of(fields[i], &a->sql, err);
		if (r < 0)
			return r;
		buf_append_c(&a->sql.text, "), ");
		r = event_query_value_of(fields[i], &a->sql, err);
		buf_append_c(&a->sql.text, " != '')");
	}
	if (r >= 0)
		r = event_db_from(a, err);
	if (r < 0)
		return r;
	buf_append_c(&a->sql.text, " FORMAT JSONCompactEachRow");
	r = event_db_run(a, err);
	struct str rest = buf_str(&a->answer);
	if (r < 0 || (r = event_db_next(a, &rest, &row, err)) < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	const struct json *values = r > 0 ? row->child : NULL;
	for (size_t i = 0; i < count && values != NULL; i++, values = values->next) {
		json_object(&w);
		json_member_str(&w, "field", fields[i]);
		write_values(&w, a, fields[i], values);
		json_object_end(&w);
	}
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
