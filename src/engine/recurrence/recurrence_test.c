/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/recurrence/recurrence.h"

#define MOST 32

struct world {
	struct arena *arena;
	const struct pack_doc *doc;
	struct clock_calendar *calendar;
};

static const struct pack_doc *load(struct arena *arena, const char *name)
{
	const struct pack_doc *doc = NULL;
	struct err err = {0};
	if (pack_load(arena, arena_printf(arena, "%s/%s", getenv("LUYTRE_SOURCE"), name).p, &doc, &err) < 0)
		fail_msg("%s at %s", err.key, err.place);
	return doc;
}

static int set_up(void **state)
{
	static struct world w;
	struct err err = {0};
	w.arena = arena_new(0);
	w.doc = load(w.arena, "tests/recurrence/cases.yaml");
	if (recurrence_calendar_read(w.arena, load(w.arena, "packs/vn/holidays.yaml"), &w.calendar, &err) < 0)
		fail_msg("%s at %s", err.key, err.place);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	clock_calendar_free(w->calendar);
	arena_free(w->arena);
	return 0;
}

/* Midnight in Viet Nam. */
static usec_t midnight(const struct json *day)
{
	usec_t t = 0;
	assert_non_null(day);
	assert_int_equal(clock_parse_iso(day->text, &t, NULL), 0);
	return t - CLOCK_VN_OFFSET_USEC;
}

static usec_t end_of(const struct json *day)
{
	return midnight(day) + USEC_PER_DAY - 1;
}

static size_t found(const struct world *w, const struct json *c, const struct recurrence *r, struct recurrence_occurrence *out)
{
	const struct json *valid = json_get(c, "valid"), *event = json_get(c, "event");
	usec_t at = 0;
	if (event == NULL)
		return recurrence_list(r, w->calendar, midnight(valid->child), end_of(valid->child->next), out, MOST);
	assert_int_equal(clock_parse_iso(event->text, &at, NULL), 0);
	out[0].due = recurrence_due_after(r, w->calendar, at);
	return 1;
}

static bool is_right(const struct json *c, const struct recurrence_occurrence *out, size_t count)
{
	const struct json *at = json_get(c, "at"), *day = json_get(c, "due") != NULL ? json_get(c, "due")->child : NULL, *opens = json_get(c, "opens");
	usec_t instant = 0;
	if (at != NULL)
		return count == 1 && clock_parse_iso(at->text, &instant, NULL) == 0 && out[0].due == instant;
	for (size_t i = 0; i < count; i++, day = day->next)
		if (day == NULL || out[i].due != end_of(day))
			return false;
	day = opens != NULL ? opens->child : NULL;
	for (size_t i = 0; opens != NULL && i < count; i++, day = day->next)
		if (day == NULL || out[i].opens != midnight(day))
			return false;
	return json_get(c, "due") != NULL && json_get(c, "due")->count == count;
}

static void cases(void **state)
{
	const struct world *w = *state;
	unsigned number = 0, failed = 0;
	json_each(c, json_get(w->doc->root, "cases")) {
		struct recurrence_occurrence out[MOST];
		struct recurrence r;
		struct err err = {0};
		number++;
		if (recurrence_read(w->arena, w->doc, json_get(c, "rule"), &r, &err) < 0)
			fail_msg("case %u: %s at %s", number, err.key, err.place);
		size_t count = found(w, c, &r, out);
		if (is_right(c, out, count))
			continue;
		failed++;
		print_error("case %u:", number);
		for (size_t i = 0; i < count && i < MOST; i++) {
			char text[CLOCK_VN_SIZE];
			print_error(" %s", clock_vn(out[i].due, text));
		}
		print_error("\n");
	}
	assert_int_equal(failed, 0);
	assert_true(number >= 40);
}

static void refused(void **state)
{
	const struct world *w = *state;
	json_each(c, json_get(w->doc->root, "refused")) {
		struct recurrence r;
		struct err err = {0};
		struct str key = json_get_str(c, "key", STR(""));
		if (recurrence_read(w->arena, w->doc, json_get(c, "rule"), &r, &err) >= 0)
			fail_msg("taken, not %.*s (byte %zu)", (int)key.n, key.p, c->at);
		if (!str_eq_c(key, err.key) || err.place[0] == '\0')
			fail_msg("%s at %s, not %.*s", err.key, err.place, (int)key.n, key.p);
	}
}

/* More than there is room for are counted, not written. */
static void full(void **state)
{
	const struct world *w = *state;
	const struct recurrence r = {.kind = RECURRENCE_PERIOD, .months = 1};
	struct recurrence_occurrence out[3] = {{.due = 0}};
	usec_t from = 0, to = 0;
	assert_int_equal(clock_parse_iso(STR("2026-01-01T00:00:00+07:00"), &from, NULL), 0);
	assert_int_equal(clock_parse_iso(STR("2026-12-31T23:59:59.999999+07:00"), &to, NULL), 0);
	assert_int_equal(recurrence_list(&r, w->calendar, from, to, out, 2), 12);
	assert_true(out[0].due != 0 && out[1].due > out[0].due && out[2].due == 0);
	assert_int_equal(recurrence_due_after(&r, w->calendar, from), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(refused),
		cmocka_unit_test(full),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
