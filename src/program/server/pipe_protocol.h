/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What core and pipeline tell each other.
 *
 *   to pipeline:  PIPE_SENDERS  u64 version, u64 part, u64 parts, u64 count, count × sender
 *                 (the last part is a call; answer PIPE_DONE with nothing, once they count)
 *                 PIPE_ALERT_ACK  str key
 *                 PIPE_STATS (call; answer PIPE_STATS with the numbers)
 *                 PIPE_LOG  str NDJSON: core's own log as events
 *                 PIPE_SOURCES (call; pipe_sources.h)
 *                 PIPE_RULES (call)  u64 1: the set of rules was replaced, 0: only asks; answer PIPE_DONE str JSON (detect_write_report)
 *   to core:      PIPE_ALERT  str (engine/event's encoding)
 *                 PIPE_SIGN_CSR (call)  str csr, str common name, u64 not_after; answer PIPE_DONE str certificate
 *                 PIPE_CA (call); answer PIPE_DONE str CA
 *                 a failed call is answered PIPE_FAILED u64 positive errno class, str message key
 *
 * A snapshot of senders comes in parts, in order; it counts when the last one is there.
 */
#pragma once
#include "engine/event_pipeline/event_pipeline.h"
#include "platform/proc/proc.h"

enum pipe_message {
	PIPE_SENDERS = 0x200,
	PIPE_ALERT,
	PIPE_ALERT_ACK,
	PIPE_STATS,
	PIPE_SIGN_CSR,
	PIPE_CA,
	PIPE_DONE,
	PIPE_FAILED,
	PIPE_LOG,
	PIPE_SOURCES,
	PIPE_RULES,
};

#define PIPE_SENDERS_PER_PART 10000
#define PIPE_SENDERS_MAX      2000000
#define PIPE_LOG_LIMIT        ((size_t)512 << 10)
#define PIPE_TEXT_LIMIT       ((size_t)64 << 10)
#define PIPE_REPORT_LIMIT     ((size_t)1 << 20)

void pipe_put_sender(struct proc_message *m, const struct event_sender *s);
/* Sets m->failed when a field is not what it must be. */
void pipe_get_sender(struct proc_message *m, struct event_sender *ret);

/* What a sender ends after, in files of earlier releases. */
enum pipe_sender_form {
	PIPE_SENDER_NOW,
	PIPE_SENDER_FIRST,     /* keeps_event_id */
	PIPE_SENDER_ZONELESS,  /* level and format */
};

/* A snapshot that is being received. Zeroed: empty. */
struct pipe_snapshot {
	struct event_sender *senders;
	size_t count, capacity;
	uint64_t version, next_part, parts;
	enum pipe_sender_form form;
};
void pipe_snapshot_done(struct pipe_snapshot *s);
/* 1: the snapshot is whole, 0: more to come, -EPROTO (server.pipe_malformed): refused, and begun anew. */
int pipe_snapshot_add(struct pipe_snapshot *s, struct proc_message *m, struct err *err) WARN_UNUSED;

void pipe_put_stats(struct proc_message *m, const struct event_pipeline_stats *s);
bool pipe_get_stats(struct proc_message *m, struct event_pipeline_stats *ret);

/* PIPE_DONE or PIPE_FAILED, for a call. */
struct proc_message pipe_answer(const struct proc_message *request, int result, struct str text, const struct err *err);
/* Reads such an answer and frees it: appends the text, or makes the error. */
int pipe_read_answer(struct proc_message *reply, struct buf *ret, struct err *err) WARN_UNUSED;
