/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock/clock.h"
#include "base/mem/mem.h"

static void iso_both_ways(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		usec_t seconds, usec;
		const char *canonical; /* NULL: same */
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0, 0, NULL},
		{"1969-12-31T23:59:59.999999Z", -1, 999999, NULL},
		{"2000-02-29T12:00:00Z", 951825600, 0, NULL},
		{"2024-02-29T00:00:00Z", 1709164800, 0, NULL},
		{"2026-11-21T06:56:35.123456Z", 1795244195, 123456, NULL},
		{"0001-01-01T00:00:00Z", -62135596800, 0, NULL},
		{"9999-12-31T23:59:59.999999Z", 253402300799, 999999, NULL},
		{"2026-11-21T13:56:35+07:00", 1795244195, 0, "2026-11-21T06:56:35Z"},
		{"2026-11-20T23:26:35-07:30", 1795244195, 0, "2026-11-21T06:56:35Z"},
		{"2026-11-21T06:56:35-00:00", 1795244195, 0, "2026-11-21T06:56:35Z"},
		{"2026-11-21 06:56:35z", 1795244195, 0, "2026-11-21T06:56:35Z"},
		{"2026-11-21t06:56:35.1Z", 1795244195, 100000, "2026-11-21T06:56:35.100000Z"},
		{"2026-11-21T06:56:35.123456789Z", 1795244195, 123456, "2026-11-21T06:56:35.123456Z"},
		{"2026-11-21T06:56:35.000000000Z", 1795244195, 0, "2026-11-21T06:56:35Z"},
		{"2016-12-31T23:59:60Z", 1483228800, 0, "2017-01-01T00:00:00Z"},
		{"2026-11-21", 1795219200, 0, "2026-11-21T00:00:00Z"},
		{"1900-03-01", -2203891200, 0, "1900-03-01T00:00:00Z"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		usec_t t = 0;
		char text[CLOCK_ISO_SIZE];
		struct err err = {0};
		if (clock_parse_iso(str_c(cases[i].text), &t, &err) != 0)
			fail_msg("%s refused", cases[i].text);
		assert_true(t == cases[i].seconds * USEC_PER_SEC + cases[i].usec);
		assert_string_equal(clock_iso(t, text), cases[i].canonical != NULL ? cases[i].canonical : cases[i].text);
	}
}

static void iso_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "2026", "2026-11", "2026-13-01", "2026-00-01", "2026-11-00", "2026-11-31", "2023-02-29", "1900-02-29",
		"0000-01-01", "2026-1-01", "26-11-21", "2026-11-21T", "2026-11-21T06:56Z", "2026-11-21T06:56:35",
		"2026-11-21T24:00:00Z", "2026-11-21T06:60:00Z", "2026-11-21T06:56:61Z", "2026-11-21T06:56:35.Z",
		"2026-11-21T06:56:35.1234567890Z", "2026-11-21T06:56:35+0700", "2026-11-21T06:56:35+24:00",
		"2026-11-21T06:56:35+07:60", "2026-11-21T06:56:35Zx", " 2026-11-21", "2026-11-21 ", "2026/11/21",
		"0001-01-01T00:00:00+07:00", "9999-12-31T23:59:59-07:00", "9999-12-31T23:59:60Z", "+026-11-21", "2026-11-2\xC2\xB9",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		usec_t t;
		struct err err = {0};
		if (clock_parse_iso(str_c(bad[i]), &t, &err) != -EINVAL)
			fail_msg("%s accepted", bad[i]);
		assert_string_equal(err.key, "clock.iso");
	}
}

static void civil_dates(void **state)
{
	(void)state;
	/* Every day of the calendar there and back, weekdays in order. */
	struct clock_date d = {.year = 1, .month = 1, .day = 1};
	usec_t t;
	assert_true(clock_from_civil(&d, 0, &t));
	unsigned weekday = clock_civil(t, 0).weekday;
	assert_int_equal(weekday, 0); /* 0001-01-01 was a Monday */
	for (unsigned long days = 0; days < 3652059; days++, t += USEC_PER_DAY) {
		usec_t back;
		d = clock_civil(t, 0);
		if (d.weekday != weekday || !clock_from_civil(&d, 0, &back) || back != t)
			fail_msg("day %lu", days);
		weekday = (weekday + 1) % 7;
	}
	assert_int_equal(d.year, 9999);
	assert_int_equal(d.month, 12);
	assert_int_equal(d.day, 31);
	/* What lies outside is shown as the nearest end. */
	assert_int_equal(clock_civil(INT64_MAX, CLOCK_VN_OFFSET_USEC).year, 9999);
	assert_int_equal(clock_civil(INT64_MIN, -USEC_PER_DAY).year, 1);
	d = (struct clock_date){.year = 2026, .month = 11, .day = 21, .hour = 24};
	assert_false(clock_from_civil(&d, 0, &t));
}

static void vietnamese_time(void **state)
{
	(void)state;
	char text[CLOCK_VN_SIZE];
	assert_string_equal(clock_vn(1795244195 * USEC_PER_SEC, text), "21/11/2026 13:56");
	/* The day changes at 17:00 UTC. */
	assert_string_equal(clock_vn(1795280399 * USEC_PER_SEC, text), "21/11/2026 23:59");
	assert_string_equal(clock_vn(1795280400 * USEC_PER_SEC, text), "22/11/2026 00:00");
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		usec_t seconds; /* -1: refused */
	} cases[] = {
		{"90s", 90}, {"15m", 900}, {"36h", 129600}, {"7d", 604800}, {"2w", 1209600}, {"1M", 2592000}, {"1y", 31536000},
		{"0s", 0}, {"", -1}, {"5", -1}, {"s", -1}, {"-5s", -1}, {"+5s", -1}, {"5 s", -1}, {"5S", -1}, {"1.5h", -1},
		{"1h30m", -1}, {"-0s", -1}, {"9223372036854775807s", -1}, {"99999999999999999999s", -1}, {"292471y", 292471 * (usec_t)31536000},
		{"292472y", -1},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		usec_t t = -7;
		int r = clock_parse_duration(str_c(cases[i].text), &t, NULL);
		if (r != (cases[i].seconds < 0 ? -EINVAL : 0) || t != (r < 0 ? -7 : cases[i].seconds * USEC_PER_SEC))
			fail_msg("%s", cases[i].text);
	}
}

static void clocks_run(void **state)
{
	(void)state;
	usec_t before = clock_monotonic();
	assert_true(clock_monotonic() >= before);
	assert_true(clock_civil(clock_now(), 0).year >= 2024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iso_both_ways),   cmocka_unit_test(iso_refuses), cmocka_unit_test(civil_dates),
		cmocka_unit_test(vietnamese_time), cmocka_unit_test(durations),   cmocka_unit_test(clocks_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
