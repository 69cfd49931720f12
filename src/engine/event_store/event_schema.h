/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_schema: the tables of the event store and how a record becomes a row.
 *
 *   event       one row an event; by receive day; expires by its own retention
 *   event_before  rows of an older release on their way to `event` (event_move.h)
 *   event_dead  what the store would not take, with the reason
 *   schema_migration  what was applied
 *
 * Threads: no shared state.
 */
#pragma once
#include "engine/event/event.h"
#include "engine/event/event_record.h"

#define EVENT_DATABASE "luytre"
/* Blocks whose tokens are remembered. A replay repeats one block (and its halves): this is a thousand times that. */
#define EVENT_DEDUPLICATION_WINDOW "10000"

/* Forward only; number n is applied after n-1, once. Each statement can be repeated after an interrupted run, or `done` tells. */
struct event_migration {
	unsigned number;
	const char *const *statements; /* NULL-terminated */
	const char *done;              /* answers 1 when they were run, for those that cannot be repeated; NULL: they can */
};
extern const struct event_migration event_migrations[];
extern const size_t event_migration_count;

/* Table, columns and format of the rows below, as an INSERT names them. */
extern const char event_row_into[], event_dead_row_into[];

/*
 * Rows of a block, in the format Native. The map `fields` holds what has no column and cannot be had from raw (struct event's in_raw): of a
 * JSON text almost nothing, so that no text is stored twice; nor is its message. A maker belongs to one thread.
 */
struct event_row_maker;
/* A block of more bytes in any column overflows. */
struct event_row_maker *event_row_maker_new(size_t limit_bytes);
void event_row_maker_free(struct event_row_maker *m);
DEFINE_CLEANUP(event_row_maker)
void event_row_add(struct event_row_maker *m, const struct event_record *r, const struct event *e);
uint64_t event_row_count(const struct event_row_maker *m);
/* Appends the block (overflow: it was too large) and begins the next. */
void event_row_take(struct event_row_maker *m, struct buf *out);
/* A row of event_dead, in RowBinary. */
void event_dead_row_append(const struct event_record *r, struct str token, struct str reason, struct buf *out);
/* The time of an event: its own, kept within a year before and an hour after its arrival. */
usec_t event_time(const struct event_record *r, const struct event *e);
