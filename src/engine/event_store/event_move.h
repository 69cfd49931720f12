/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_move: rows of the table that an older release filled (`event_before`, see event_schema_db.c) go over to `event`, the
 * newest day first, a slice at a time, between blocks of new events. A slice is one insert with a token of its own, and a day
 * leaves the old table as a whole: a crash in between moves nothing twice and loses nothing. Until a day is through, searches do not find the
 * rest of it.
 *
 * Does not live here: when it is done (event_pipeline). Threads: one.
 */
#pragma once
#include "engine/event_store/event_store.h"

struct event_move_slice;
struct event_move {
	char day[16]; /* partition at hand; empty: none */
	struct event_move_slice *slices;
	size_t count, next;
};

/* The next slice: at most some 40,000 rows and 24 MB of text. 1: it was moved, there may be more; 0: all is moved and the old table is gone. Errors as event_store_query. */
int event_move_step(struct event_store *s, struct event_move *m, struct err *err) WARN_UNUSED;
void event_move_done(struct event_move *m);
