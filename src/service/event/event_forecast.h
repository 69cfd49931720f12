/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_forecast: for how long the event store's disk lasts, from what is stored, what a day adds and for how long it is kept.
 *
 * Day by day the mean of a day is added and what expires is taken off: of each past day its bytes, of each day to come that
 * mean, by the share of events that are kept for so long. Other things on the disk are taken to stay as they are.
 * Does not live here: asking the store (event_storage_db.c). Threads: no state.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define EVENT_FORECAST_DAYS 3650 /* further nobody can see */

/* Events kept for `days` (1 or more): their share of all that comes, by any weight. */
struct event_kept {
	unsigned days;
	uint64_t weight;
};

struct event_forecast_given {
	uint64_t free_bytes, day_bytes; /* day_bytes: what a day adds */
	const uint64_t *past;           /* bytes of the day that many days ago; 0: today */
	size_t past_count;
	const struct event_kept *kept;  /* none: nothing expires */
	size_t kept_count;
};
struct event_forecast {
	int64_t days_left;      /* whole days until the disk is full; -1: not within EVENT_FORECAST_DAYS */
	uint64_t settles_bytes; /* what events take once as much expires as comes; 0: nothing expires, or nothing comes */
};
void event_forecast(const struct event_forecast_given *g, struct event_forecast *ret);
