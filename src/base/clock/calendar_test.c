/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock/clock.h"
#include "base/mem/mem.h"

DEFINE_CLEANUP(clock_calendar)

/* Vietnam 2026 around 30 April: Thursday 30 April and Friday 1 May are off, Monday 27 April (Hùng Kings, observed) too;
 * Saturday 9 May is worked. */
static struct clock_calendar *calendar(void)
{
	struct clock_calendar *c = clock_calendar_new();
	static const char *const holidays[] = {"2026-05-01", "2026-04-30", "2026-04-27", "2026-05-01"};
	for (size_t i = 0; i < ARRAY_LEN(holidays); i++)
		assert_int_equal(clock_calendar_add_holiday(c, str_c(holidays[i]), NULL), 0);
	assert_int_equal(clock_calendar_add_workday(c, STR("2026-05-09"), NULL), 0);
	return c;
}

static usec_t at(const char *text)
{
	usec_t t = 0;
	assert_int_equal(clock_parse_iso(str_c(text), &t, NULL), 0);
	return t;
}

static void working_days(void **state)
{
	(void)state;
	struct clock_calendar *c cleanup(clock_calendar) = calendar();
	static const struct {
		const char *time;
		bool works;
	} cases[] = {
		{"2026-04-24T09:00:00+07:00", true},  {"2026-04-25T09:00:00+07:00", false}, {"2026-04-26T09:00:00+07:00", false},
		{"2026-04-27T09:00:00+07:00", false}, {"2026-04-28T09:00:00+07:00", true},  {"2026-04-30T00:00:00+07:00", false},
		{"2026-04-29T23:59:59+07:00", true},  {"2026-04-29T17:00:00Z", false},      {"2026-05-01T23:59:59+07:00", false},
		{"2026-05-09T09:00:00+07:00", true},  {"2026-05-08T17:00:00Z", true},       {"2026-05-09T17:00:00Z", false},
		{"1969-12-29T09:00:00+07:00", true},  {"1969-12-28T09:00:00+07:00", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (clock_is_workday(c, at(cases[i].time)) != cases[i].works)
			fail_msg("%s", cases[i].time);
}

static void terms(void **state)
{
	(void)state;
	struct clock_calendar *c cleanup(clock_calendar) = calendar();
	static const struct {
		const char *from;
		unsigned days;
		const char *last_day;
	} cases[] = {
		{"2026-11-16T08:00:00+07:00", 1, "2026-11-17"}, /* Monday to Tuesday */
		{"2026-11-20T16:00:00+07:00", 1, "2026-11-23"}, /* Friday to Monday */
		{"2026-11-21T16:00:00+07:00", 1, "2026-11-23"},
		{"2026-11-16T08:00:00+07:00", 5, "2026-11-23"},
		{"2026-11-16T23:59:59+07:00", 10, "2026-11-30"},
		{"2026-04-24T10:00:00+07:00", 1, "2026-04-28"}, /* over a holiday */
		{"2026-04-29T10:00:00+07:00", 1, "2026-05-04"},
		{"2026-04-28T10:00:00+07:00", 2, "2026-05-04"},
		{"2026-05-07T10:00:00+07:00", 2, "2026-05-09"}, /* a worked Saturday */
		{"2026-05-08T10:00:00+07:00", 2, "2026-05-11"},
		{"2026-05-08T16:59:59Z", 1, "2026-05-09"},
		{"2026-05-08T17:00:00Z", 1, "2026-05-11"}, /* already the 9th in Vietnam */
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[CLOCK_VN_SIZE];
		usec_t end = clock_add_workdays(c, at(cases[i].from), cases[i].days);
		if (end != at(cases[i].last_day) + USEC_PER_DAY - CLOCK_VN_OFFSET_USEC - 1)
			fail_msg("%s + %u: %s", cases[i].from, cases[i].days, clock_vn(end, text));
	}
	/* Out of range is taken as the nearest. */
	usec_t t = at("2026-11-16");
	assert_true(clock_add_workdays(c, t, 0) == clock_add_workdays(c, t, 1));
	assert_true(clock_add_workdays(c, t, 4000000000U) == clock_add_workdays(c, t, 10000));
}

static void refuses(void **state)
{
	(void)state;
	struct clock_calendar *c cleanup(clock_calendar) = calendar();
	static const char *const bad[] = {"", "2026-02-30", "2026-05-01T00:00:00Z", "01/05/2026", "1960-01-01"};
	struct err err = {0};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(clock_calendar_add_holiday(c, str_c(bad[i]), &err), -EINVAL);
		assert_string_equal(err.key, "clock.day");
	}
	assert_int_equal(clock_calendar_add_workday(c, STR("2026-05-01"), &err), -EEXIST);
	assert_string_equal(err.key, "clock.day_conflict");
	int r = 0;
	for (usec_t day = 0; day < 10001 && r == 0; day++) {
		char text[CLOCK_ISO_SIZE];
		(void)clock_iso(day * 2 * USEC_PER_DAY, text);
		if (!str_eq(str_n(text, 10), STR("2026-05-09")))
			r = clock_calendar_add_holiday(c, str_n(text, 10), &err);
	}
	assert_int_equal(r, -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(working_days),
		cmocka_unit_test(terms),
		cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
