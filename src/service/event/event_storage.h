/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_storage: how full the event store is and for how long it lasts; for the page /storage and for the one who warns.
 * Threads: any. Asks the store: never within a transaction of the state database.
 */
#pragma once
#include "engine/event_store/event_usage.h"
#include "service/event/event_forecast.h"
#include "service/service.h"

struct event_storage {
	struct event_usage usage;
	unsigned days_measured; /* whole days behind usage.day_bytes; 0: today alone */
	struct event_forecast forecast;
	struct buf days;        /* JSON lines of event_store_usage_days; the reader's to free */
};
/* -EAGAIN event.search_away and the like (event_search.h). *ret needs event_storage_done in any case. */
int event_storage_look(const struct service_context *sc, struct event_storage *ret, struct err *err) WARN_UNUSED;
void event_storage_done(struct event_storage *s);
