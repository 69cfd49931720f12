/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_usage: how much the event store holds, what a day adds, how long the disk lasts; and the dead letters: what the
 * store would not take (event_stage), to be looked at and, after a fix, taken in again.
 *
 * Does not live here: who may see it (service/event), pages. Threads: any. Errors: as event_store_query.
 */
#pragma once
#include "base/uuid/uuid.h"
#include "engine/event_store/event_store.h"

struct event_usage {
	uint64_t rows, dead_rows;
	uint64_t bytes, plain_bytes; /* on disk; before compression */
	uint64_t free_bytes, disk_bytes;
	uint64_t day_bytes; /* added a day, mean of the last seven whole days (of as many as there are; today when there is none) */
	uint64_t days_left; /* until the disk is full at that rate, if nothing expires; UINT64_MAX: nothing is added */
};
int event_store_usage(struct event_store *s, struct event_usage *ret, struct err *err) WARN_UNUSED;

/* JSON lines {"day","rows","bytes","plain_bytes"} of the days of receipt, newest first. */
int event_store_usage_days(struct event_store *s, unsigned days, struct buf *out, struct err *err) WARN_UNUSED;
/* JSON lines {"source_id","source","rows","bytes"} of the last `days` days, largest first. Bytes by the share of original
 * text, so an estimate; reads the lengths of all texts: as a hunt. */
int event_store_usage_sources(struct event_store *s, unsigned days, struct buf *out, struct err *err) WARN_UNUSED;

/* JSON lines {"event_id","received" (µs),"unit_id","endpoint_id","source","reason","raw"}, newest first, `raw` cut at 10,000
 * bytes and made valid UTF-8. `before`: received before (µs); 0: from the newest. At most 1,000. */
int event_dead_list(struct event_store *s, usec_t before, unsigned limit, struct buf *out, struct err *err) WARN_UNUSED;
/* Behind this letter; all zero: from the oldest. A batch has one time of receipt, so the id counts too. */
struct event_dead_place {
	usec_t received;
	struct uuid id;
};
/*
 * Takes up to 1,000 dead letters in again, oldest first, from `*after` on, which moves behind them. What the store refuses
 * again stays. `ret_taken`: how many; `ret_seen`: how many were tried (0: there are no more). A crash in between doubles
 * nothing: blocks have tokens.
 */
int event_dead_retry(struct event_store *s, struct event_dead_place *after, unsigned *ret_seen, unsigned *ret_taken,
                     struct err *err) WARN_UNUSED;
