/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "service/event/event_forecast.h"

#define GB 1000000000ULL

/* A day brings 1 GB; the past says what was stored on each of the days before. */
static void reckons(void **state)
{
	(void)state;
	static uint64_t full_year[365], ten_days[10];
	for (size_t i = 0; i < 365; i++)
		full_year[i] = GB;
	for (size_t i = 0; i < 10; i++)
		ten_days[i] = GB;
	const struct {
		const char *why;
		struct event_forecast_given g;
		int64_t days_left;
		uint64_t settles;
	} rows[] = {
		{"nothing comes", {.free_bytes = 0, .day_bytes = 0}, -1, 0},
		{"nothing expires: free by a day's growth", {.free_bytes = 100 * GB, .day_bytes = GB}, 100, 0},
		{"full already", {.free_bytes = 0, .day_bytes = GB}, 0, 0},
		{"as much expires as comes", {.free_bytes = GB / 2 * 3, .day_bytes = GB, .past = full_year, .past_count = 365,
		                              .kept = (const struct event_kept[]){{364, 7}}, .kept_count = 1}, -1, 364 * GB},
		{"young store, room for the rest", {.free_bytes = 81 * GB, .day_bytes = GB, .past = ten_days, .past_count = 10,
		                                    .kept = (const struct event_kept[]){{90, 1}}, .kept_count = 1}, -1, 90 * GB},
		{"young store, disk too small", {.free_bytes = 70 * GB, .day_bytes = GB, .past = ten_days, .past_count = 10,
		                                 .kept = (const struct event_kept[]){{90, 1}}, .kept_count = 1}, 70, 90 * GB},
		/* Of each day three quarters go after 10 days, the rest after 1,000. */
		{"two retentions", {.free_bytes = 100 * GB, .day_bytes = 4 * GB, .past = NULL, .past_count = 0,
		                    .kept = (const struct event_kept[]){{10, 3}, {1000, 1}}, .kept_count = 2}, 70, 30 * GB + 1000 * GB},
		{"further than anybody can see", {.free_bytes = 3651 * GB, .day_bytes = GB}, -1, 0},
		{"the last day that can be seen", {.free_bytes = 3649 * GB, .day_bytes = GB}, 3649, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct event_forecast got;
		event_forecast(&rows[i].g, &got);
		if (got.days_left != rows[i].days_left || got.settles_bytes != rows[i].settles)
			fail_msg("%s: %lld days, %llu bytes", rows[i].why, (long long)got.days_left, (unsigned long long)got.settles_bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reckons)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
