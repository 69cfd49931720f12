/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_journal: what detection remembers between two blocks, on disk: counts of groups (event_flood.h) and what correlations
 * were fed with. One frame a block, written after the block's alerts and before the cursor moves, so that after a
 * crash the state is that of the last finished block: nothing is counted twice or not at all.
 *
 * File "detect.journal": "LTDETJ01", spool's uuid (16), CRC-32C of these (4), then frames: size (4), CRC of size and payload (4),
 * payload: type (1: changes, 2: everything), position (8+8), key of the set (64), bytes of counts (4), counts, captured.
 * Little-endian. A torn end is cut off. Past a size the file is written anew with one frame of everything.
 *
 * Bound: of what correlations were fed with the last 16 MiB are kept; a window that holds more begins later after a restart.
 *
 * Threads: one. Linux only.
 */
#pragma once
#include "engine/event_pipeline/event_flood.h"
#include "engine/event_pipeline/event_spool.h"

#define EVENT_JOURNAL_KEY 65
#define EVENT_JOURNAL_CAPTURED ((size_t)16 << 20)

struct event_journal;
/* Reads what is there into a new flood. A journal of another spool, or one that is damaged from the start, is put aside as
 * "detect.journal.damaged" and begun anew. */
int event_journal_open(const char *dir, struct uuid spool, const struct event_flood_limits *limits, struct event_journal **ret,
                       struct err *err) WARN_UNUSED;
void event_journal_close(struct event_journal *j);
/* The state; lives as long as the journal. */
struct event_flood *event_journal_flood(struct event_journal *j);
/* End of the last block that is in it; segment 0: none. */
struct event_spool_position event_journal_at(const struct event_journal *j);
/* What correlations were fed with, and the key of the set that can read it. Borrowed until the next append. */
struct str event_journal_captured(const struct event_journal *j, const char **ret_key);
/* The block up to `at` is done. After an error the state is to be read anew: close and open. */
int event_journal_append(struct event_journal *j, struct event_spool_position at, const char *key, struct str captured,
                         struct err *err) WARN_UNUSED;
