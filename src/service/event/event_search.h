/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_search: the events of the store for people and for other services: the
 * search page's routes, and questions in C. Every question carries the units
 * its asker may see; events of no unit are for those who may see every unit.
 *
 * Does not live here: the language (engine/event_query), the store (engine/event_store), alerts and rules.
 * Errors of all questions: -EAGAIN event.search_away (no store, or it is busy), -ETIMEDOUT event.search_slow,
 * -E2BIG event.search_too_big, -EBUSY event.store_cancelled, -EIO event.search_failed.
 * Threads: any. Each question waits for the store: never ask within a transaction of the state database.
 */
#pragma once
#include "service/service.h"

extern const struct service event_service;

/* Whose events may be asked for. Lives in an arena. */
struct event_scope {
	bool all; /* every unit, and events of none */
	const struct uuid *units;
	size_t count;
	const struct str *names; /* of units, in their order */
};
/* The units where the asking account holds the permission ("event.read"); all of them for ACCESS_SYSTEM. */
int event_scope_load(const struct service_context *sc, struct arena *arena, const struct access *access, const char *permission,
                     struct event_scope *ret, struct err *err) WARN_UNUSED;

/*
 * How often, on how many machines and in how many units a query of the search bar finds events within [from, to). Counted from the
 * newest back for at most `budget` (0: EVENT_SEARCH_BUDGET); at_least: there was no time for more, or there are more machines than
 * are told apart (16,000), so say "at least N since counted_from". Values of fields with a column are the cheap ones.
 */
#define EVENT_SEARCH_BUDGET (2 * USEC_PER_SEC)
#define EVENT_SEARCH_COMMON (30 * USEC_PER_DAY)
struct event_commonness {
	int64_t events, hosts, units;
	usec_t first, last; /* 0: none */
	usec_t counted_from;
	bool at_least;
};
int event_search_common(const struct service_context *sc, struct arena *arena, const struct event_scope *scope, struct str query,
                        usec_t from, usec_t to, usec_t budget, struct event_commonness *ret, struct err *err) WARN_UNUSED;
/* The same of one field's value, whatever letters are in it: `event_search_value(…, "process.name", "cmd.exe", …)`. For "how common
 * is this?": from = now - EVENT_SEARCH_COMMON. */
int event_search_value(const struct service_context *sc, struct arena *arena, const struct event_scope *scope, struct str field,
                       struct str value, usec_t from, usec_t to, usec_t budget, struct event_commonness *ret,
                       struct err *err) WARN_UNUSED;

/* Texts live in the arena given with the question. */
struct event_brief {
	struct uuid id, unit_id, endpoint_id;
	usec_t time, received;
	struct str source, host, user, action, text; /* text: message, or the beginning of the original */
};
typedef void (*event_brief_fn)(void *ctx, const struct event_brief *e);
/* Events of one machine within [from, to), newest first, at most `limit` (1..2000). `query` may be empty. */
int event_search_host(const struct service_context *sc, struct arena *arena, const struct event_scope *scope,
                      const struct uuid *endpoint_id, struct str query, usec_t from, usec_t to, unsigned limit, event_brief_fn fn,
                      void *ctx, struct err *err) WARN_UNUSED;
/* The last 24 hours of a machine before `until`: by its endpoint, where that is null by its host.name. Newest first, at most `limit`
 * (1..2000), within `budget` (0: EVENT_SEARCH_BUDGET): *ret_reached is how far back they go, 24 hours when all was seen. */
int event_search_host_day(const struct service_context *sc, struct arena *arena, const struct event_scope *scope,
                          const struct uuid *endpoint_id, struct str host, usec_t until, unsigned limit, usec_t budget,
                          event_brief_fn fn, void *ctx, usec_t *ret_reached, struct err *err) WARN_UNUSED;
/* Events by their ids, at most 200, in no order; those out of scope are not there. [from, to) keeps the search short. */
int event_search_ids(const struct service_context *sc, struct arena *arena, const struct event_scope *scope, const struct uuid *ids,
                     size_t count, usec_t from, usec_t to, event_brief_fn fn, void *ctx, struct err *err) WARN_UNUSED;
/* Machines on which a file of this SHA-256 (hex) was seen: one event each, its newest. */
int event_search_hash(const struct service_context *sc, struct arena *arena, const struct event_scope *scope, struct str sha256,
                      usec_t from, usec_t to, unsigned limit, event_brief_fn fn, void *ctx, struct err *err) WARN_UNUSED;
