/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>

#include "base/log/log.h"
#include "service/outbox/outbox_internal.h"
#include "service/outbox/outbox_sql.gen.h"

#define LEASE (30 * USEC_PER_SEC)
#define TICK (30 * USEC_PER_SEC)
#define BATCH 100
#define FAILURES_MAX 20
#define PAUSE_MAX (60 * USEC_PER_SEC)
#define KEPT (7 * USEC_PER_DAY)
#define READER_NAME_SIZE 64

struct outbox_dispatcher {
	const struct service_context *sc;
	const struct service *const *services;
	size_t count;
	struct uuid owner;
};

struct outbox_dispatcher *outbox_dispatcher_new(const struct service_context *sc, const struct service *const *services,
                                                size_t count)
{
	struct outbox_dispatcher *d = MEM_NEW(struct outbox_dispatcher);
	*d = (struct outbox_dispatcher){.sc = sc, .services = services, .count = count, .owner = uuid_new()};
	return d;
}

void outbox_dispatcher_free(struct outbox_dispatcher *d)
{
	if (d == NULL)
		return;
	struct err err = {.code = 0};
	if (outbox_release(d->sc->db, &d->owner, &err) < 0)
		log_err(LOG_LEVEL_WARN, "outbox leases not given up", &err);
	mem_free(d);
}

static usec_t now_of(const struct outbox_dispatcher *d)
{
	return d->sc->now != NULL ? d->sc->now() : clock_now();
}

static usec_t pause_after(int64_t failures)
{
	usec_t pause = failures < 7 ? USEC_PER_SEC << failures : PAUSE_MAX;
	return pause < PAUSE_MAX ? pause : PAUSE_MAX;
}

/* Notes a failed event; true when it is passed over. */
static bool note_failure(struct outbox_dispatcher *d, const struct service *s, struct outbox_place *place,
                         const struct outbox_event *e, const struct err *failure)
{
	char line[512];
	(void)err_line(failure, line, sizeof line);
	log_err(LOG_LEVEL_ERROR, "event not taken", failure, ARG_CSTR("service", s->name),
	        ARG_CSTR("event", e->event.name), ARG_I64("number", e->number), ARG_I64("failures", place->failures + 1));
	if (place->failures + 1 < FAILURES_MAX) {
		place->failures++;
		place->retry_at = now_of(d) + pause_after(place->failures);
		return false;
	}
	struct err err = {.code = 0};
	if (outbox_skip(d->sc->db, s->name, e->number, now_of(d), line, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "passed-over event not recorded", &err);
	log_error("event passed over", ARG_CSTR("service", s->name), ARG_I64("number", e->number));
	return true;
}

/* One event to one service; false: stop here for now. */
static bool hand_over(struct outbox_dispatcher *d, const struct service *s, struct outbox_place *place,
                      const struct outbox_event *e)
{
	struct err err = {.code = 0};
	bool taken = s->on_event(d->sc, &e->event, &err) >= 0;
	if (taken || note_failure(d, s, place, e, &err))
		*place = (struct outbox_place){.number = e->number, .held = true};
	err_clear(&err);
	int r = outbox_advance(d->sc->db, s->name, &d->owner, place, &err);
	if (r < 0)
		log_err(LOG_LEVEL_WARN, "outbox place not kept", &err, ARG_CSTR("service", s->name));
	return r == 1 && place->number == e->number;
}

static bool is_due(struct outbox_dispatcher *d, const char *reader, usec_t now, bool events)
{
	struct err err = {.code = 0};
	bool due = false;
	if (outbox_is_due(d->sc->db, reader, &d->owner, now, events, &due, &err) < 0)
		log_err(LOG_LEVEL_WARN, "outbox not read", &err, ARG_CSTR("reader", reader));
	return due;
}

static unsigned dispatch_to(struct outbox_dispatcher *d, const struct service *s)
{
	unsigned taken = 0;
	for (;;) {
		struct err err = {.code = 0};
		struct outbox_place place = {.number = 0};
		usec_t now = now_of(d);
		if (!is_due(d, s->name, now, true))
			return taken;
		if (outbox_lease(d->sc->db, s->name, &d->owner, now, now + LEASE, &place, &err) < 0) {
			log_err(LOG_LEVEL_WARN, "outbox lease not taken", &err, ARG_CSTR("service", s->name));
			return taken;
		}
		if (!place.held || place.retry_at > now)
			return taken;
		cleanup(arena) struct arena *arena = arena_new(0);
		struct outbox_event *events = NULL;
		size_t count = 0;
		if (outbox_read(d->sc->db, arena, place.number, BATCH, &events, &count, &err) < 0) {
			log_err(LOG_LEVEL_WARN, "outbox not read", &err);
			return taken;
		}
		for (size_t i = 0; i < count; i++) {
			/* A slow handler must not outlive the lease by a whole batch. */
			if (now_of(d) > now + LEASE / 2)
				break;
			if (!hand_over(d, s, &place, &events[i]))
				return taken;
			taken++;
		}
		if (count < BATCH)
			return taken;
	}
}

/* Ticks use a lease of their own that is simply not renewed: the next process may come when it ends. */
static void tick(struct outbox_dispatcher *d, const struct service *s)
{
	char reader[READER_NAME_SIZE];
	(void)snprintf(reader, sizeof reader, "tick.%s", s->name);
	struct err err = {.code = 0};
	struct outbox_place place = {.number = 0};
	usec_t now = now_of(d);
	if (!is_due(d, reader, now, false))
		return;
	if (outbox_lease(d->sc->db, reader, &d->owner, now, now + TICK + LEASE, &place, &err) < 0) {
		log_err(LOG_LEVEL_WARN, "tick lease not taken", &err, ARG_CSTR("service", s->name));
		return;
	}
	if (!place.held || place.retry_at > now)
		return;
	place.retry_at = now + TICK;
	if (outbox_advance(d->sc->db, reader, &d->owner, &place, &err) != 1)
		return;
	err_clear(&err);
	if (s->on_tick(d->sc, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "timed work failed", &err, ARG_CSTR("service", s->name));
}

unsigned outbox_dispatch(struct outbox_dispatcher *d)
{
	unsigned taken = 0;
	for (size_t i = 0; i < d->count; i++) {
		if (d->services[i]->on_event != NULL)
			taken += dispatch_to(d, d->services[i]);
		if (d->services[i]->on_tick != NULL)
			tick(d, d->services[i]);
	}
	return taken;
}

static int expire_old(const struct service_context *sc, struct err *err)
{
	usec_t now = sc->now != NULL ? sc->now() : clock_now();
	return outbox_expire(sc->db, now - KEPT, err);
}

const struct service outbox_service = {
	.name = "outbox",
	.migrations = outbox_migrations,
	.migration_count = OUTBOX_MIGRATION_COUNT,
	.on_tick = expire_old,
};
