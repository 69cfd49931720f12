/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The agent's durable queue of reports: what was appended survives a crash and
 * stays until the server has it. Every record has a sequence number that only
 * grows; with the epoch it names a report for ever, so that the server can drop
 * what it has already taken.
 *
 * Files: "<first sequence>.seg": "LTSPOOL1", epoch (16 bytes), then records of u32 size, u32 CRC-32 of sequence and
 * payload, u64 sequence, payload (little endian); "acked": "<epoch> <sequence>\n". Where bytes were lost a new
 * epoch begins: a sequence that was sent before must never come to name another report.
 * Threads: any.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/uuid/uuid.h"

#define AGENT_SPOOL_RECORD_MAX ((size_t)64 << 10)

struct agent_spool;

struct agent_spool_config {
	const char *dir;
	uint64_t max_bytes;     /* 0: 64 MiB; past it new reports are refused and counted */
	uint64_t segment_bytes; /* 0: 1 MiB */
};

int agent_spool_open(const struct agent_spool_config *config, struct agent_spool **ret, struct err *err) WARN_UNUSED;
void agent_spool_free(struct agent_spool *s);

/* `object`: a JSON object on one line; "event.sequence" is put in as its first member. Durable when it returns.
 * -E2BIG agent.report_too_big, -EAGAIN agent.spool_full. ret_sequence may be NULL. */
int agent_spool_append(struct agent_spool *s, struct str object, uint64_t *ret_sequence, struct err *err) WARN_UNUSED;

struct agent_spool_batch {
	struct uuid epoch;
	uint64_t first, last;
	unsigned count;
	struct buf ndjson;
};
/* The oldest reports not yet acknowledged. 1: a batch (free with _done), 0: nothing waits. */
int agent_spool_read(struct agent_spool *s, unsigned max_records, size_t max_bytes, struct agent_spool_batch *ret,
                     struct err *err) WARN_UNUSED;
/* Whether a record that is still kept contains the text. Reads everything: for the start. */
bool agent_spool_holds(struct agent_spool *s, struct str text);
void agent_spool_batch_done(struct agent_spool_batch *b);
/* Everything up to `last` is with the server. */
int agent_spool_ack(struct agent_spool *s, uint64_t last, struct err *err) WARN_UNUSED;

/* Waits until something is there (true) or the time is over or _wake was called. */
bool agent_spool_wait(struct agent_spool *s, usec_t timeout);
void agent_spool_wake(struct agent_spool *s);

struct agent_spool_state {
	uint64_t waiting, bytes;
	uint64_t refused; /* reports lost because the spool was full or the disk failed, since the start */
	uint64_t acked;   /* everything up to this sequence is with the server */
	uint64_t damaged; /* bytes found unreadable when opening */
};
struct agent_spool_state agent_spool_state(struct agent_spool *s);
