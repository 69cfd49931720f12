/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * source: log sources that somebody registered: firewalls, servers, sensors, applications. Of which unit and which system
 * of which security level (1 to 5), by what the server knows them (addresses, a client certificate, an API token), how
 * long their logs are kept, how much they may send and for how long they may be silent.
 *
 * Does not live here: receiving (engine/listen, program/server), counting (engine/event_pipeline/event_sources.h), agents
 * (service/endpoint), tokens (service/account), the register of systems.
 * Threads: any; state is in the database, what is counted in source_watch.h.
 */
#pragma once
#include "engine/event_pipeline/event_ingest.h"
#include "service/service.h"

extern const struct service source_service;

#define SOURCE_NAME_MAX 100 /* bytes */
#define SOURCE_LEVEL_MAX 5

/* event.source of a registered source's events: this and its id. Names change, this does not. */
#define SOURCE_LABEL "source-"

/*
 * What the pipeline must know: once for each address, certificate and token of an enabled source. Of a token the sender has
 * no credential yet: `token_id` tells whose to put in; else it is NULL. Borrowed until the call returns.
 */
typedef void (*source_sender_fn)(const struct event_sender *sender, const struct uuid *token_id, void *ctx);
int source_each_sender(struct db_tx *tx, source_sender_fn fn, void *ctx, struct err *err) WARN_UNUSED;

/* Level of the system that an event came from, by event.source. 0: unknown, or no registered source's. */
int source_level(struct db_tx *tx, struct str event_source, int64_t *ret, struct err *err) WARN_UNUSED;

/* When the registered source was last switched on, by event.source. 0: no registered source's. */
int source_since(struct db_tx *tx, struct str event_source, usec_t *ret, struct err *err) WARN_UNUSED;

/* The name that a registered source has now, by event.source; empty when it is none's. Lives in `arena`. */
int source_name(struct db_tx *tx, struct arena *arena, struct str event_source, struct str *ret, struct err *err) WARN_UNUSED;
/* Its networks ("203.0.113.0/28"), one a line, in the arena; "" of what is no registered source. */
int source_networks(struct db_tx *tx, struct arena *arena, struct str event_source, struct str *ret, struct err *err) WARN_UNUSED;
