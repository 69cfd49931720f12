/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_stage_detect: the detecting reader of the spool, a block at a time: built-in detectors, rules and indicators, flood
 * control, outbox. Its state is in a journal beside the spool (event_journal.h).
 *
 * Threads: one.
 */
#pragma once
#include "engine/detect/detect.h"
#include "engine/event_pipeline/event_journal.h"
#include "engine/event_pipeline/event_stage.h"

struct event_stage_detect_config {
	const char *dir;       /* of the journal; copied by the caller's life */
	struct detect *detect; /* borrowed; NULL: only the built-in detectors */
	struct event_flood_limits flood;
};

struct event_stage_detector;
struct event_stage_detector *event_stage_detector_new(const struct event_stage_detect_config *config);
void event_stage_detector_free(struct event_stage_detector *d);
struct event_flood_stats event_stage_detector_stats(const struct event_stage_detector *d);

/* Examines the next block and counts for its senders what could not be parsed and how their clocks stand; alerts are in the
 * outbox and the state is durable before the cursor moves. After an error the same block is examined again from the state before it. Returns as
 * event_stage_store. */
int event_stage_detect(struct event_stage_detector *d, struct event_spool *spool, struct event_outbox *outbox,
                       struct event_sources *sources, struct event_spool_cursor *cursor, struct event_stage_counts *counts,
                       struct err *err) WARN_UNUSED;
