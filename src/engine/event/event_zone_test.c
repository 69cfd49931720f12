/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "engine/event/event_parse.h"
#include "engine/event/event_stamp.h"

static usec_t iso(const char *text)
{
	usec_t t = 0;
	if (clock_parse_iso(str_c(text), &t, NULL) < 0)
		fail_msg("%s", text);
	return t;
}

/* What a device wrote, when it came, and which instant it meant. */
static void reads_by_the_zone(void **state)
{
	(void)state;
	static const struct {
		const char *zone, *text, *received, *want;
	} rows[] = {
		{"UTC", "Nov 21 06:56:35", "2026-11-21T06:56:40Z", "2026-11-21T06:56:35Z"},
		{"Asia/Ho_Chi_Minh", "Nov 21 13:56:35", "2026-11-21T06:56:40Z", "2026-11-21T06:56:35Z"},
		{"Asia/Tokyo", "Nov 21 15:56:35", "2026-11-21T06:56:40Z", "2026-11-21T06:56:35Z"},
		{"Asia/Kathmandu", "2026-11-21 12:41:35.250", "2026-11-21T06:56:40Z", "2026-11-21T06:56:35.25Z"},
		{"Europe/Berlin", "Nov 21 07:56:35", "2026-11-21T06:56:40Z", "2026-11-21T06:56:35Z"},
		{"Europe/Berlin", "Jul 01 08:00:00", "2026-07-01T06:00:05Z", "2026-07-01T06:00:00Z"},
		{"America/New_York", "Jul 01 02:00:00", "2026-07-01T06:00:05Z", "2026-07-01T06:00:00Z"},
		{"America/New_York", "Dec 31 23:59:59", "2027-01-01T05:00:01Z", "2027-01-01T04:59:59Z"},
		/* Summer on the other half of the earth, and half an hour of it. */
		{"Australia/Sydney", "2026-01-15 12:00:00", "2026-01-15T01:00:01Z", "2026-01-15T01:00:00Z"},
		{"Australia/Lord_Howe", "2026-01-15 12:00:00", "2026-01-15T01:00:01Z", "2026-01-15T01:00:00Z"},
		{"Australia/Lord_Howe", "2026-07-15 11:30:00", "2026-07-15T01:00:01Z", "2026-07-15T01:00:00Z"},
		/* The night of 29 March 2026: 02:30 is left out. */
		{"Europe/Berlin", "Mar 29 01:59:59", "2026-03-29T01:00:00Z", "2026-03-29T00:59:59Z"},
		{"Europe/Berlin", "Mar 29 02:30:00", "2026-03-29T01:40:00Z", "2026-03-29T01:30:00Z"},
		{"Europe/Berlin", "Mar 29 03:00:00", "2026-03-29T01:00:01Z", "2026-03-29T01:00:00Z"},
		/* The night of 25 October 2026: 02:30 comes twice; which one is told by the time of receipt. */
		{"Europe/Berlin", "Oct 25 02:30:00", "2026-10-25T00:30:01Z", "2026-10-25T00:30:00Z"},
		{"Europe/Berlin", "Oct 25 02:30:00", "2026-10-25T01:30:01Z", "2026-10-25T01:30:00Z"},
		{"Europe/Berlin", "Oct 25 01:59:59", "2026-10-25T00:00:01Z", "2026-10-24T23:59:59Z"},
		{"Europe/Berlin", "Oct 25 03:00:00", "2026-10-25T02:00:01Z", "2026-10-25T02:00:00Z"},
		/* After the last transition that a file of Debian lists (2037). */
		{"Europe/Berlin", "2060-07-01 08:00:00", "2060-07-01T06:00:05Z", "2060-07-01T06:00:00Z"},
		{"America/New_York", "2060-01-01 08:00:00", "2060-01-01T13:00:05Z", "2060-01-01T13:00:00Z"},
		{"Australia/Sydney", "2060-01-15 12:00:00", "2060-01-15T01:00:01Z", "2060-01-15T01:00:00Z"},
		/* A zone that the text names is believed. */
		{"Asia/Tokyo", "2026-11-21T06:56:35Z", "2026-11-21T06:56:40Z", "2026-11-21T06:56:35Z"},
		{"Asia/Tokyo", "21/Nov/2026:13:56:35 +0700", "2026-11-21T06:56:40Z", "2026-11-21T06:56:35Z"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct event_clock clock = {.received = iso(rows[i].received), .zone = CLOCK_VN_OFFSET_USEC};
		struct err err = {0};
		usec_t t = 0;
		assert_int_equal(event_zone_find(str_c(rows[i].zone), &clock.rules, &err), 0);
		bool ok = event_stamp_parse(str_c(rows[i].text), &clock, &t);
		char text[CLOCK_ISO_SIZE];
		if (!ok || t != iso(rows[i].want))
			fail_msg("%s %s: %s, not %s", rows[i].zone, rows[i].text, clock_iso(t, text), rows[i].want);
	}
}

/* By the rule of the last line alone, as tzdata built "slim" has it, every hour is as in the list of a "fat" one. */
static void rule_is_as_the_list(void **state)
{
	(void)state;
	static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Ho_Chi_Minh", "Asia/Jerusalem"};
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		const struct event_zone *z;
		assert_int_equal(event_zone_find(str_c(zones[i]), &z, NULL), 0);
		/* Offsets repeat after 400 years, and until 2037 the list is asked. */
		for (usec_t t = iso("2030-01-01T00:30:00Z"); t < iso("2033-01-01T00:00:00Z"); t += USEC_PER_HOUR) {
			usec_t later = t + (usec_t)146097 * USEC_PER_DAY;
			if (event_zone_offset(z, t) != event_zone_offset(z, later))
				fail_msg("%s differs", zones[i]);
		}
	}
}

static void refuses(void **state)
{
	(void)state;
	static const char *const names[] = {"Mars/Olympus", "../../../etc/passwd", "/etc/passwd", "Asia", "Asia/", "Asia//Tokyo", "right/UTC", "tzdata.zi",
	                                    "zone1970.tab", "asia/tokyo x", "+07", "Etc/GMT+7/../UTC", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct event_zone *z;
		struct err err = {0};
		if (event_zone_find(str_c(names[i]), &z, &err) != -EINVAL || strcmp(err.key, "event.zone_unknown") != 0)
			fail_msg("%s", names[i]);
	}
	const struct event_zone *none = (const struct event_zone *)&none;
	assert_int_equal(event_zone_find(STR_EMPTY, &none, NULL), 0);
	assert_null(none);
	cleanup_buf struct buf file = BUF_INIT(1 << 20);
	struct err err = {0};
	assert_int_equal(file_read("/usr/share/zoneinfo/Europe/Berlin", 1 << 20, &file, &err), 0);
	struct event_zone *z;
	for (size_t n = 0; n + 1 < file.n; n++)
		assert_int_equal(event_zone_read(str_sub(buf_str(&file), 0, n), &z, NULL), -EINVAL);
	assert_int_equal(event_zone_read(buf_str(&file), &z, &err), 0);
	event_zone_free(z);
}

/* From the sender's record through the spool to the event. */
static void travels_with_the_record(void **state)
{
	(void)state;
	static const struct {
		const char *zone, *want;
	} rows[] = {{"", "2026-07-01T01:00:00Z"}, {"Europe/Berlin", "2026-07-01T06:00:00Z"}, {"Gone/Since", "2026-07-01T01:00:00Z"}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		cleanup_buf struct buf payload = BUF_INIT(4096);
		struct event_record r = {.received = iso("2026-07-01T06:00:05Z"), .retention_days = 1, .format = EVENT_FORMAT_SYSLOG, .source = STR("s"),
		                         .zone = str_c(rows[i].zone), .raw = STR("<13>Jul  1 08:00:00 fw app: hello")}, back;
		struct err err = {0};
		struct event e;
		event_record_encode(&r, &payload);
		assert_int_equal(payload.p[0], rows[i].zone[0] == '\0' ? 1 : 2);
		assert_int_equal(event_record_decode(buf_str(&payload), &back, &err), 0);
		assert_true(str_eq(back.zone, r.zone) && str_eq(back.raw, r.raw) && str_eq(back.source, r.source));
		assert_int_equal(event_parse_record(arena, &back, &e, &err), 0);
		assert_string_equal(arena_cstr(arena, event_get(&e, "@timestamp")), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_by_the_zone),
		cmocka_unit_test(rule_is_as_the_list),
		cmocka_unit_test(refuses),
		cmocka_unit_test(travels_with_the_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
