/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_pipeline: ingest, spool, store stage, detect stage and alert outbox as
 * one object with its threads: what the role `pipeline` makes once.
 *
 *   accept → spool ─┬─ stored:   blocks → event store (split, dead letters)
 *                   └─ detected: detectors → outbox → on_alert … ack
 *
 * Threads: any may call; on_alert is called from one thread of the pipeline.
 */
#pragma once
#include "engine/event_pipeline/event_alert.h"
#include "engine/event_pipeline/event_sources.h"
#include "engine/event_pipeline/event_stage_detect.h"

struct event_pipeline;
struct event_store;

struct event_pipeline_config {
	const char *dir;          /* spool and outbox live below */
	uint64_t spool_bytes;     /* 0: 2 GiB */
	uint64_t segment_bytes;   /* 0: 64 MiB */
	struct event_store *store; /* borrowed; NULL: nothing is stored and the spool fills, unless `discard` */
	struct detect *detect;     /* borrowed; rules and indicators; NULL: only the built-in detectors */
	bool discard;              /* without a store: events are dropped once they were examined */
	unsigned linger_ms;       /* a block waits that long to grow; 0: 1000 */
	/* Hands an alert over; borrowed for the call. false: not now, it is tried again. It stays in the
	 * outbox until event_pipeline_alert_ack. */
	bool (*on_alert)(void *ctx, const struct event_alert *alert);
	void *ctx;
	unsigned alert_again_ms;  /* an unacknowledged alert is handed over again after; 0: 30 s */
};

int event_pipeline_start(const struct event_pipeline_config *config, struct event_pipeline **ret, struct err *err) WARN_UNUSED;
/* What is in the spool and the outbox stays there. */
void event_pipeline_stop(struct event_pipeline *p);

/* Replaces all known senders. Copies. */
void event_pipeline_set_senders(struct event_pipeline *p, const struct event_sender *senders, size_t count);
/* By credential (64 hex digits, lower case). false: not known, or expired at `now`. */
bool event_pipeline_find_sender(struct event_pipeline *p, struct str credential, usec_t now, struct event_sender *ret);
/* By where it sends from: the longest prefix wins. */
bool event_pipeline_find_sender_by_address(struct event_pipeline *p, const struct event_address *address, usec_t now,
                                           struct event_sender *ret);
/* Grows each time the senders are replaced: for who keeps what it found. */
uint64_t event_pipeline_senders_version(struct event_pipeline *p);
/* Counters per source and the list of strangers; the pipeline's. */
struct event_sources *event_pipeline_sources(struct event_pipeline *p);
/* See event_ingest_accept; what is taken counts for the sender. */
int event_pipeline_accept(struct event_pipeline *p, const struct event_sender *sender, const struct event_batch *batch,
                          usec_t now, struct event_ingested *ret, struct err *err) WARN_UNUSED;
/* See event_ingest_accept_messages. */
int event_pipeline_accept_messages(struct event_pipeline *p, const struct event_sender *sender, const struct event_messages *messages,
                                   enum event_via via, usec_t now, struct event_ingested *ret, struct err *err) WARN_UNUSED;
/* The alert was committed by its keeper. */
void event_pipeline_alert_ack(struct event_pipeline *p, const char *key);

struct event_pipeline_stats {
	uint64_t received, duplicates, rejected; /* events, since start */
	uint64_t refused_batches;                /* answered "try later": spool or disk full */
	uint64_t stored, dead, detected, alerts; /* events, alerts, since start */
	uint64_t damaged_bytes, cut_bytes;       /* of the spool: lost for certain, torn tail */
	uint64_t spool_bytes, spool_limit_bytes;
	uint64_t store_lag_bytes, detect_lag_bytes;
	uint64_t alerts_waiting;
	bool store_up;
	usec_t store_blind_since;                /* 0: events reach the store */
	struct err store_err;                    /* why not, when store_blind_since is set */
	/* For how long a part has had work and not moved; 0 while it moves or has nothing to do. Monotonic, microseconds. */
	uint64_t detect_still, store_still, handover_still;
	struct detect_stats rules;       /* zeroes without rules */
	struct event_flood_stats flood;
	uint64_t ingest_failing; /* for how long nothing could be taken in: spool full or disk refusing */
	struct err ingest_err;   /* why */
};
/* The spool's limit from now on. Any thread. */
void event_pipeline_set_spool_limit(struct event_pipeline *p, uint64_t limit_bytes);
void event_pipeline_stats(struct event_pipeline *p, struct event_pipeline_stats *ret);
/* Waits until everything accepted is stored and examined, or timeout. For tests and orderly stops. */
bool event_pipeline_settle(struct event_pipeline *p, unsigned timeout_ms);
