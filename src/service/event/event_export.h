/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Private to service/event: all events of a question, cut into parts that are each whole and small enough for memory.
 *
 * A part is what lies in some hours; where one hour has too many, a stretch of it in the order of the table (unit, machine, time).
 * So nothing is read twice and the store never holds more than a part. What was received after the beginning is left out.
 */
#pragma once
#include "service/event/event_internal.h"

struct event_parts {
	struct event_ask *ask;
	const char *format;       /* "JSONEachRow" or "Parquet" */
	struct event_range all;
	usec_t begun, at, width;  /* at: all before it went out */
	bool patient;             /* a store that is away is waited for */
	usec_t away_since;        /* monotonic; the store does not answer; 0: it does */
	int64_t rows, row_bytes;  /* rows of a part; bytes of one as seen last */
	bool within;              /* in the hour from `at`, behind this key */
	struct event_key {
		struct str unit, endpoint, id;
		usec_t time;
	} after;
	struct arena *arena;      /* of `after` */
};

void event_parts_begin(struct event_parts *p, struct event_ask *a, const char *format);
void event_parts_done(struct event_parts *p);
/* The next step: 1: a part is in ask->answer, *ret_rows of them; 2: a step without one; 0: there is no more. With `patient` a store that is
 * away is waited for (steps without a part) for a minute, then -EAGAIN. */
int event_parts_next(struct event_parts *p, int64_t *ret_rows, struct err *err) WARN_UNUSED;
