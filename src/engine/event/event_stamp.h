/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_stamp: the times that logs carry, in the forms that devices write, as instants.
 * RFC 3339, RFC 3164 (also with year, fraction, zone), asctime, Apache's CLF, slashed and packed dates, epochs.
 *
 * Does not live here: strict RFC 3339 (base/clock). Threads: values.
 */
#pragma once
#include "engine/event/event_zone.h"

/* What a time without year or zone is read by. */
struct event_clock {
	usec_t received; /* the year is the latest with which the time is at most a week after it */
	usec_t zone;     /* offset of times without a zone, as clock_civil */
	const struct event_zone *rules; /* instead of `zone`: by the date; NULL: none */
};

/* The time that stands at s[*at]; moves behind it. false: none is there, nothing moved. */
bool event_stamp_read(struct str s, size_t *at, const struct event_clock *clock, usec_t *ret);
/* A whole text: any form above, or seconds, milli-, micro- or nanoseconds since 1970 (by size, fraction allowed). */
bool event_stamp_parse(struct str s, const struct event_clock *clock, usec_t *ret);
#define EVENT_STAMP_SIZE 28
/* As clock_iso, always with six digits of fraction unless they are zero; returns the length. t within years 1 to 9999. */
size_t event_stamp_iso(usec_t t, char out[EVENT_STAMP_SIZE]);
