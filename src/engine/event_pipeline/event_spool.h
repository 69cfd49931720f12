/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_spool: the durable log between receiving an event and having stored and
 * examined it. Append-only segment files; each record carries a CRC-32C.
 *
 * A record is acknowledged only when it is on disk: many threads append, one of
 * them writes and syncs for all (group commit). After a crash the torn tail,
 * which was never acknowledged, is cut off. The disk it may use is bounded: past
 * the limit appends fail with -EAGAIN and the sender keeps what it has.
 *
 * Readers keep cursors of their own, durable, and segments that all of them
 * have passed are removed.
 *
 * Segment file "<number, 16 hex digits>.seg":
 *   head, 40 bytes:  "LTSPOOL1"  uuid of the spool (16)  number (8)  CRC of these 32 (4)  0 (4)
 *   record:          size (4)  CRC of size and payload (4)  payload
 * Numbers are little-endian. Size 0 is no record: zeroes at a torn end are not data.
 *
 * Does not live here: what a payload means (event_record.h).
 * Threads: any, unless said. Linux only.
 */
#pragma once
#include <sys/types.h>

#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/uuid/uuid.h"

#define EVENT_SPOOL_RECORD_LIMIT ((size_t)2 << 20)
#define EVENT_SPOOL_HEAD 40
#define EVENT_SPOOL_FRAME 8 /* bytes before each payload */

struct event_spool;

struct event_spool_config {
	const char *dir;        /* made when missing */
	uint64_t limit_bytes;   /* 0: 2 GiB; of all segments */
	uint64_t segment_bytes; /* 0: 64 MiB; a segment is closed after passing this */
	/* Writes bytes at an offset; NULL: pwrite. Tests put a disk that fails. */
	ssize_t (*write_at)(int fd, const void *p, size_t n, off_t at);
	int (*sync)(int fd); /* NULL: fdatasync */
};

/* segment 0: before everything. */
struct event_spool_position {
	uint64_t segment, offset;
};

static inline int event_spool_position_cmp(struct event_spool_position a, struct event_spool_position b)
{
	if (a.segment != b.segment)
		return a.segment < b.segment ? -1 : 1;
	return a.offset < b.offset ? -1 : a.offset > b.offset;
}

/* Errors: event.spool_foreign (a file is not ours), system.call. */
int event_spool_open(const struct event_spool_config *config, struct event_spool **ret, struct err *err) WARN_UNUSED;
/* No thread may be inside. */
void event_spool_close(struct event_spool *s);
/* Identity of this log: positions of another one mean nothing here. */
struct uuid event_spool_id(const struct event_spool *s);

/* Adds size and CRC around a payload: builds what event_spool_append takes. */
void event_spool_frame(struct buf *out, struct str payload);

/* A place in the queue for the disk; lives with the caller from append to commit. */
struct event_spool_ticket {
	struct event_spool_ticket *next; /* spool's lock */
	int result;                      /* spool's lock; 1: waiting */
};

/*
 * Queues framed records (none is fine: then the ticket waits for what is queued already). After success
 * event_spool_commit must be called. -EAGAIN (event.spool_full: limit).
 */
int event_spool_append(struct event_spool *s, struct str frames, struct event_spool_ticket *ticket,
                       struct err *err) WARN_UNUSED;
/* 0: everything queued up to the ticket is on disk. -EAGAIN (event.spool_disk): nothing of it is, and nothing else that
 * waited either: event_spool_failures has grown. */
int event_spool_commit(struct event_spool *s, struct event_spool_ticket *ticket, struct err *err) WARN_UNUSED;
/* How many times queued records were thrown away because the disk refused them. */
uint64_t event_spool_failures(struct event_spool *s);

/* End of what is on disk. */
struct event_spool_position event_spool_end(struct event_spool *s);
/* Waits until the end is past `seen`, at most timeout_ms. false: it is not. */
bool event_spool_wait(struct event_spool *s, struct event_spool_position seen, unsigned timeout_ms);
/* Wakes everybody in event_spool_wait, once. */
void event_spool_wake(struct event_spool *s);

/* Some whole records of one segment. */
struct event_spool_block {
	struct event_spool_position from, to;
	struct buf bytes; /* frames */
	size_t records;
	uint64_t damaged_bytes; /* skipped before `from` because they did not check out */
};

/*
 * Reads up to max_bytes and max_records (at least one record) from `at`; with `until` (same segment) exactly that range.
 * Returns the number of records; 0: nothing there yet. block->bytes must be initialised; it is cleared first.
 * What is damaged is skipped to the end of its segment and counted.
 */
int event_spool_read(struct event_spool *s, struct event_spool_position at, const struct event_spool_position *until,
                     size_t max_bytes, size_t max_records, struct event_spool_block *block, struct err *err) WARN_UNUSED;
/* Walks the frames of a block: *at begins as 0. */
bool event_spool_next(const struct event_spool_block *block, size_t *at, struct str *ret_payload);

/* A durable cursor: everything before `at` is done. Block boundaries outlive a crash: a block that was being worked on
 * ends at `block_end` (segment 0: none), so that work on it is repeated with the same bounds. */
struct event_spool_cursor {
	struct event_spool_position at, block_end;
};
/* `name`: "stored", "detected". A missing or foreign file gives the beginning; a damaged one too, and is kept as
 * "<name>.cursor.damaged". */
int event_spool_cursor_load(struct event_spool *s, const char *name, struct event_spool_cursor *ret, struct err *err) WARN_UNUSED;
int event_spool_cursor_store(struct event_spool *s, const char *name, const struct event_spool_cursor *c,
                             struct err *err) WARN_UNUSED;
/* Removes segments that lie wholly before `keep`. */
int event_spool_trim(struct event_spool *s, struct event_spool_position keep, struct err *err) WARN_UNUSED;

struct event_spool_stats {
	uint64_t bytes, limit_bytes;
	uint64_t segments;
	uint64_t cut_bytes;   /* torn tail cut off at opening */
	uint64_t failures;
	uint64_t commits;     /* syncs */
};
/* From the next append on. */
void event_spool_set_limit(struct event_spool *s, uint64_t limit_bytes);
void event_spool_stats(struct event_spool *s, struct event_spool_stats *ret);
/* Bytes between a position and the end. */
uint64_t event_spool_lag_bytes(struct event_spool *s, struct event_spool_position at);
