/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_flood: many findings of one rule about one thing become one alert and a count. Of each group (rule × machine × entity ×
 * window of receive time) the first finding is handed over at once; those after it are counted, and their number is handed
 * over when it reaches 10, 100, 1000 …, with each new minute, and when the window is over. So every finding is counted exactly once, and
 * a million of them make a handful of records.
 *
 * Memory is bounded: a machine that brings more than some entities to a rule in a window shares one group for
 * the rest, likewise a unit with many machines; past the limit of groups the oldest one is handed over before its time.
 *
 * What comes out depends only on the findings and their order, so that a replay makes the same keys. State goes to
 * the journal (event_journal.h) as changes.
 *
 * Threads: one.
 */
#pragma once
#include "engine/event_pipeline/event_alert.h"

struct event_flood;
struct event_flood_limits {
	usec_t window;   /* 0: 10 minutes */
	size_t groups;   /* 0: 65,536 */
	size_t entities; /* of one rule on one machine in one window; 0: 200 */
	size_t machines; /* of one rule in one unit in one window; 0: 1000 */
};

struct event_flood *event_flood_new(const struct event_flood_limits *limits);
void event_flood_free(struct event_flood *f);

/* What is handed over: group, key, count, time and last_time are set; borrowed during the call. `finding`: the alert that
 * event_flood_take was given, with its raw text; NULL: what was counted before, without. */
typedef void (*event_flood_emit)(void *ctx, struct event_alert *alert, const struct event_alert *finding);
/* A finding; its group and key are not read. */
void event_flood_take(struct event_flood *f, const struct event_alert *finding, event_flood_emit emit, void *ctx);
/* At the end of a block: what a new minute makes due, and windows that ended before `newest` (receive time of the newest event of the block). */
void event_flood_advance(struct event_flood *f, usec_t newest, event_flood_emit emit, void *ctx);

struct event_flood_stats {
	uint64_t findings, records; /* taken in, handed over */
	uint64_t merged;            /* findings whose entity or machine was too many */
	uint64_t early;             /* groups handed over before their time */
	size_t groups;
};
struct event_flood_stats event_flood_stats(const struct event_flood *f);

/* Appends what has changed since the last call; with `all`, everything. */
void event_flood_save(struct event_flood *f, bool all, struct buf *out);
/* Applies what was saved, in order, to a new one. -EBADMSG event.bad_journal. */
int event_flood_load(struct event_flood *f, struct str saved, struct err *err) WARN_UNUSED;
