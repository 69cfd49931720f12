/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * outbox: domain events, written in the transaction that made them true and
 * handed on afterwards: to other services (at least once, in the order of
 * commits, one process at a time) and to the stream of every core process.
 *
 * Does not live here: who sees an event on the stream (service/gate).
 * Threads: any; an outbox_dispatcher belongs to one thread.
 */
#pragma once
#include "service/service.h"

extern const struct service outbox_service;

/* Fills id and at when they are null. `e->json` is an object. */
int outbox_write(struct db_tx *tx, const struct service_event *e, struct err *err) WARN_UNUSED;
/* After the commit: wakes the dispatcher of this process; others notice within a second. */
static inline void outbox_wake(const struct service_context *sc)
{
	if (sc->outbox_wake != NULL)
		sc->outbox_wake(sc->outbox_wake_ctx);
}

struct outbox_event {
	int64_t number;
	struct service_event event; /* texts borrow from the arena */
};

/* Events after `number`, at most `limit`, oldest first, in the arena. */
int outbox_read(struct db *db, struct arena *arena, int64_t number, unsigned limit, struct outbox_event **ret,
                size_t *ret_count, struct err *err) WARN_UNUSED;
/* The number of the newest event, and of the oldest kept one (newest + 1 when there is none). */
int outbox_bounds(struct db *db, int64_t *ret_oldest, int64_t *ret_newest, struct err *err) WARN_UNUSED;

/* The part of one process in the handing-on to services. */
struct outbox_dispatcher;
struct outbox_dispatcher *outbox_dispatcher_new(const struct service_context *sc, const struct service *const *services,
                                                size_t count);
void outbox_dispatcher_free(struct outbox_dispatcher *d);
DEFINE_CLEANUP(outbox_dispatcher)
/* One round over all services: every due event, and on_tick where 30 s have passed. Returns how many events were
 * taken; errors of handlers are logged and tried again later (after 20 failures the event is passed over, loudly). */
unsigned outbox_dispatch(struct outbox_dispatcher *d);
