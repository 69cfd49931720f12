/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_stage: the work of the storing reader of the spool, one block at a time,
 * without threads: event_pipeline gives it one.
 */
#pragma once
#include "engine/event_pipeline/event_alert.h"
#include "engine/event_pipeline/event_sources.h"
#include "engine/event_pipeline/event_spool.h"
#include "engine/event_store/event_store.h"

struct event_stage_counts {
	uint64_t stored, dead, detected, alerts, damaged_bytes;
};

/* What the storing reader works in: memory that serves block after block while many come. Of one thread. */
struct event_stage_storer;
struct event_stage_storer *event_stage_storer_new(void);
void event_stage_storer_free(struct event_stage_storer *s);
DEFINE_CLEANUP(event_stage_storer)

/*
 * (`store` NULL: passes over the block instead of storing it.)
 * Stores the next block after cursor->at and moves the cursor, durably. The block's end is durable before the first
 * attempt, and the token is spool + segment + range: a block repeated after a crash is the same block to the store.
 * A refused block is halved until the bad rows are alone; those go to event_dead.
 * 1: a block was stored; 0: nothing there; -EAGAIN: the store cannot take it now (err tells why), try again.
 */
int event_stage_store(struct event_stage_storer *s, struct event_spool *spool, struct event_store *store, struct event_ingest *ingest,
                      struct event_spool_cursor *cursor, struct event_stage_counts *counts, struct err *err) WARN_UNUSED;
