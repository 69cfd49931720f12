/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_canary: an event that proves the chain. It is made by an agent or by the
 * server itself, goes through ingest, spool, detection, outbox and store like any
 * other, and is known again at each end. It becomes an "alert" of the rule
 * EVENT_CANARY_RULE, which its keeper counts and never shows.
 *
 * Of one sender one canary waits in the outbox at most: while nobody takes alerts
 * the newest replaces the older ones, so that canaries never stand in anybody's way.
 *
 * Fields, flat: event.kind "state", event.dataset EVENT_CANARY_DATASET, and of an agent luytre.canary.scanner ("ready",
 * "failed", "none"), .reason (message key), .clock_offset_s, .lost, .waiting, .stopping.
 * Threads: no state.
 */
#pragma once
#include "engine/event_pipeline/event_alert.h"

#define EVENT_CANARY_DATASET "luytre.canary"
#define EVENT_CANARY_RULE "luytre.canary"
/* Kind of a canary's alert when the built-in rule matched it too: rules are alive. */
#define EVENT_CANARY_BY_RULES "sigma"
/* Source of what the server itself has to say: canaries and its log. Tokens' sources begin with "token-". */
#define EVENT_SERVER_SOURCE "luytre"

bool event_alert_is_canary(const struct event_alert *a);

/* The newest stored canary of each unit (null: the server's own) of the last quarter of an hour, found by a search. */
struct event_store;
typedef void (*event_canary_fn)(void *ctx, const struct uuid *unit_id, usec_t received);
int event_store_canaries(struct event_store *s, event_canary_fn fn, void *ctx, struct err *err) WARN_UNUSED;
