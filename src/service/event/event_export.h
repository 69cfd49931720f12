/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Private to service/event: all events of a question, cut into parts that are each whole and small enough for memory.
 *
 * Counts by hour come first, many hours at a time. A part is some whole hours; an hour that has too many rows is cut in the order of
 * the table (unit, provider, code, machine, time), at edges of which one question finds those of many parts. So nothing is read twice,
 * and the store never holds more than a part. What was received after the beginning is left out.
 */
#pragma once
#include "service/event/event_internal.h"

/* A row's place in the order of the table; texts as hexadecimal digits. */
struct event_key {
	struct str unit, provider, code, host, id;
	usec_t time;
};

struct event_parts {
	struct event_ask *ask;
	const char *format;       /* "JSONEachRow" or "Parquet" */
	struct event_range all;
	usec_t begun, at, width;  /* at: all before it went out; width: how much is counted at once */
	bool patient;             /* a store that is away is waited for */
	usec_t away_since;        /* monotonic; the store does not answer; 0: it does */
	int64_t rows;             /* of a part, as large as they were seen last */
	struct event_hour {
		usec_t from;
		int64_t rows;
	} *hours;                 /* counted; those from hour_at on are to be read, and end at counted_to */
	size_t hour_count, hour_at;
	usec_t counted_to;
	struct arena *plan;       /* of hours */
	bool within;              /* in the hour hour_at; these are of that hour */
	bool behind;              /* `after` was the last row */
	bool last;                /* after the last of edges come fewer than `step` */
	int64_t left, step;       /* rows of it; between two edges */
	struct event_key after, *edges;
	size_t edge_count, edge_at;
	struct arena *marks;      /* of after and edges */
};

void event_parts_begin(struct event_parts *p, struct event_ask *a, const char *format);
void event_parts_done(struct event_parts *p);
/* The next step: 1: a part is in ask->answer, *ret_rows of them; 2: a step without one; 0: there is no more. With `patient` a store that is
 * away is waited for (steps without a part) for a minute, then -EAGAIN. */
int event_parts_next(struct event_parts *p, int64_t *ret_rows, struct err *err) WARN_UNUSED;
