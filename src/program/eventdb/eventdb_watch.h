/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * eventdb_watch: looks after running queries and has those ended that nobody
 * waits for any more: a forgotten hunt must not hold its lane for half an hour.
 *
 * Threads: any; `end` is called from a thread of the watch.
 */
#pragma once
#include "program/eventdb/eventdb_http.h"

#define EVENTDB_WATCH_NAME 48

struct eventdb_watch;

/* `end` gets the name of a query; it may be called again while the query lives on. */
struct eventdb_watch *eventdb_watch_new(void (*end)(void *ctx, const char *name), void *ctx);
/* No query may be listed any more. */
void eventdb_watch_free(struct eventdb_watch *w);

struct eventdb_watched {
	struct eventdb_watched *next;       /* watch's lock */
	const struct eventdb_query *query;
	char name[EVENTDB_WATCH_NAME];      /* unique in this process */
};

/* The entry lives with the caller between the two. */
void eventdb_watch_begin(struct eventdb_watch *w, struct eventdb_watched *entry, const struct eventdb_query *query);
void eventdb_watch_end(struct eventdb_watch *w, struct eventdb_watched *entry);
