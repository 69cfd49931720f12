/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/status/status_watch.h"

#include <pthread.h>

#include "service/endpoint/endpoint.h"
#include "service/status/status_internal.h"

#define SINGERS 2
#define SLACK (5 * USEC_PER_SEC)
/* A clock that is further off than this makes the order of events untrue. */
#define CLOCK_OFF_S 60
/* A loss is told for so long after the last one. */
#define LOSS_SHOWN (10 * USEC_PER_MINUTE)

struct singer {
	struct uuid endpoint_id; /* null: a free place */
	usec_t told_at, sung_at; /* 0: not yet */
	char machine[64];
	bool scanner_failed, stopping;
	usec_t failed_since, clock_since, lost_since, lost_at;
	int64_t clock_offset_s, lost, lost_before; /* lost_before: what it had lost when we first heard it */
};

struct watched {
	struct status_unit last;
	usec_t checkin_at, told_at; /* told_at: since when canaries are expected; 0: nobody was asked to sing */
	bool changed;               /* not yet in the database */
	struct endpoint_unit_sum sum; /* as of the last keep; machines 0: none */
	struct singer singers[SINGERS];
};

struct status_watch {
	const struct service_context *sc;
	usec_t interval, started_at;
	pthread_mutex_t lock;
	/* All below: lock. */
	struct watched *units;
	size_t count, capacity;
	usec_t sound_at; /* the server's own parts were last at fault; 0: never */
};

static usec_t now_of(const struct status_watch *w)
{
	return w->sc->now();
}

struct status_watch *status_watch_new(const struct service_context *sc, usec_t interval)
{
	struct status_watch *w = MEM_NEW(struct status_watch);
	w->sc = sc;
	w->interval = interval;
	w->started_at = sc->now();
	(void)pthread_mutex_init(&w->lock, NULL);
	return w;
}

void status_watch_free(struct status_watch *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_destroy(&w->lock);
	mem_free(w->units);
	mem_free(w);
}

usec_t status_watch_limit(const struct status_watch *w)
{
	return 2 * w->interval + SLACK;
}

/* Lock held. There are as many units as an administration has: a walk is quick enough. */
static struct watched *unit_of(struct status_watch *w, const struct uuid *id)
{
	for (size_t i = 0; i < w->count; i++)
		if (uuid_eq(&w->units[i].last.unit_id, id))
			return &w->units[i];
	if (w->count == w->capacity) {
		w->capacity = w->capacity > 0 ? 2 * w->capacity : 64;
		w->units = mem_realloc_array(w->units, w->capacity, sizeof(*w->units));
	}
	struct watched *u = &w->units[w->count++];
	*u = (struct watched){.last = {.unit_id = *id}};
	return u;
}

static usec_t later_of(usec_t a, usec_t b)
{
	return a > b ? a : b;
}

/* What was heard last; a time that is ahead of us is from before our clock was set back. */
static usec_t heard_at(usec_t known, usec_t now_heard, usec_t now)
{
	return known > now + SLACK ? now_heard : later_of(known, now_heard);
}

/* ---- who sings ---- */

static struct singer *singer_of(struct watched *u, const struct uuid *endpoint)
{
	for (size_t i = 0; i < SINGERS; i++)
		if (uuid_eq(&u->singers[i].endpoint_id, endpoint))
			return &u->singers[i];
	return NULL;
}

/* A place nobody has, or that of one who has missed a canary. */
static struct singer *free_place(const struct status_watch *w, struct watched *u, usec_t now)
{
	for (size_t i = 0; i < SINGERS; i++) {
		struct singer *s = &u->singers[i];
		usec_t heard = later_of(s->told_at, s->sung_at);
		if (uuid_is_null(&s->endpoint_id) || s->stopping || now - heard > w->interval + SLACK || heard > now)
			return s;
	}
	return NULL;
}

int64_t status_watch_checkin(struct status_watch *w, const struct uuid *endpoint_id, const struct uuid *unit_id, bool sings)
{
	usec_t now = now_of(w);
	(void)pthread_mutex_lock(&w->lock);
	struct watched *u = unit_of(w, unit_id);
	u->checkin_at = now;
	struct singer *s = sings ? singer_of(u, endpoint_id) : NULL;
	/* One whose canaries do not arrive keeps its place until another wants it. */
	if (s == NULL && sings && (s = free_place(w, u, now)) != NULL)
		*s = (struct singer){.endpoint_id = *endpoint_id, .told_at = now};
	if (s != NULL && u->told_at == 0)
		u->told_at = now;
	(void)pthread_mutex_unlock(&w->lock);
	return s != NULL ? w->interval / USEC_PER_SEC : 0;
}

/* ---- what is heard ---- */

static void note_loss(struct singer *s, int64_t lost, usec_t now)
{
	/* Counted since the agent's start: less than before means that it has started again. */
	if (s->sung_at == 0 || lost < s->lost) {
		s->lost_before = s->sung_at == 0 ? lost : 0;
		s->lost = lost;
		return;
	}
	if (lost > s->lost) {
		if (s->lost_at == 0 || now - s->lost_at > LOSS_SHOWN) {
			s->lost_since = now;
			s->lost_before = s->lost;
		}
		s->lost_at = now;
		s->lost = lost;
	}
}

static void note_singer(struct singer *s, const struct status_canary *c, usec_t now)
{
	bool failed = str_eq_c(c->scanner, "failed");
	bool clock_off = c->clock_offset_s >= CLOCK_OFF_S || c->clock_offset_s <= -CLOCK_OFF_S;
	s->failed_since = !failed ? 0 : s->failed_since != 0 ? s->failed_since : c->received;
	s->clock_since = !clock_off ? 0 : s->clock_since != 0 ? s->clock_since : c->received;
	s->scanner_failed = failed;
	s->clock_offset_s = c->clock_offset_s;
	s->stopping = c->stopping;
	str_copy_c(c->machine, s->machine, sizeof(s->machine));
	note_loss(s, c->lost, now);
	s->sung_at = heard_at(s->sung_at, c->received, now);
}

void status_watch_heard(struct status_watch *w, const struct status_canary *c)
{
	usec_t now = now_of(w);
	(void)pthread_mutex_lock(&w->lock);
	struct watched *u = unit_of(w, &c->unit_id);
	u->last.handed_at = heard_at(u->last.handed_at, c->received, now);
	if (str_eq_c(c->scanner, "ready"))
		u->last.scanned_at = heard_at(u->last.scanned_at, c->received, now);
	u->changed = true;
	if (!uuid_is_null(&c->endpoint_id)) {
		struct singer *s = singer_of(u, &c->endpoint_id);
		/* Told by another core, or before we started. */
		if (s == NULL && (s = free_place(w, u, now)) != NULL)
			*s = (struct singer){.endpoint_id = c->endpoint_id, .told_at = now};
		if (s != NULL)
			note_singer(s, c, now);
	}
	(void)pthread_mutex_unlock(&w->lock);
}

void status_watch_stored(struct status_watch *w, const struct uuid *unit_id, usec_t at)
{
	(void)pthread_mutex_lock(&w->lock);
	struct watched *u = unit_of(w, unit_id);
	usec_t latest = heard_at(u->last.stored_at, at, now_of(w));
	u->changed = u->changed || latest != u->last.stored_at;
	u->last.stored_at = latest;
	(void)pthread_mutex_unlock(&w->lock);
}

void status_watch_central(struct status_watch *w, bool sound)
{
	usec_t now = now_of(w);
	(void)pthread_mutex_lock(&w->lock);
	if (!sound)
		w->sound_at = now;
	(void)pthread_mutex_unlock(&w->lock);
}

/* ---- the database ---- */

struct keeping {
	struct status_watch *watch;
	struct status_unit *changed;
	size_t count;
};

static int write_rows(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct keeping *k = ctx;
	int r = 0;
	for (size_t i = 0; i < k->count && r >= 0; i++)
		r = status_db_raise(tx, &k->changed[i], err);
	return r;
}

static void take_row(void *ctx, const struct status_unit *row)
{
	struct status_watch *w = ctx;
	usec_t ahead = now_of(w) + SLACK;
	(void)pthread_mutex_lock(&w->lock);
	struct status_unit *u = &unit_of(w, &row->unit_id)->last;
	u->handed_at = row->handed_at > ahead ? u->handed_at : later_of(u->handed_at, row->handed_at);
	u->stored_at = row->stored_at > ahead ? u->stored_at : later_of(u->stored_at, row->stored_at);
	u->scanned_at = row->scanned_at > ahead ? u->scanned_at : later_of(u->scanned_at, row->scanned_at);
	(void)pthread_mutex_unlock(&w->lock);
}

static void take_sum(void *ctx, const struct endpoint_unit_sum *sum)
{
	struct status_watch *w = ctx;
	(void)pthread_mutex_lock(&w->lock);
	unit_of(w, &sum->unit_id)->sum = *sum;
	(void)pthread_mutex_unlock(&w->lock);
}

static int read_rows(struct db_tx *tx, void *ctx, struct err *err)
{
	struct keeping *k = ctx;
	struct status_watch *w = k->watch;
	int r = status_db_each(tx, take_row, w, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->count; i++)
		w->units[i].sum.machines = 0;
	(void)pthread_mutex_unlock(&w->lock);
	return endpoint_each_unit(tx, take_sum, w, err);
}

int status_watch_keep(struct status_watch *w, struct err *err)
{
	struct keeping k = {.watch = w};
	static const struct uuid server = {.b = {0}};
	(void)pthread_mutex_lock(&w->lock);
	/* The server's own row always: that the database can be written is to be seen also when there is nothing to say. */
	unit_of(w, &server)->changed = true;
	k.changed = mem_alloc_array(w->count, sizeof(*k.changed));
	for (size_t i = 0; i < w->count; i++)
		if (w->units[i].changed)
			k.changed[k.count++] = w->units[i].last;
	(void)pthread_mutex_unlock(&w->lock);
	int r = db_write(w->sc->db, write_rows, &k, err);
	if (r >= 0) {
		(void)pthread_mutex_lock(&w->lock);
		for (size_t i = 0; i < k.count; i++)
			unit_of(w, &k.changed[i].unit_id)->changed = false;
		(void)pthread_mutex_unlock(&w->lock);
		r = db_read(w->sc->db, read_rows, &k, err);
	}
	mem_free(k.changed);
	return r < 0 ? r : 0;
}

size_t status_watch_units(struct status_watch *w, struct status_unit *ret, size_t max)
{
	size_t n = 0;
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->count && n < max; i++)
		if (w->units[i].last.handed_at > 0)
			ret[n++] = w->units[i].last;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

/* ---- judging ---- */

struct status_blind *status_report_add(struct status_report *report, const char *what, usec_t since)
{
	/* More than that nobody reads: the rest is counted with the last one. */
	unsigned at = report->blind_count < STATUS_BLIND_MAX ? report->blind_count++ : STATUS_BLIND_MAX - 1;
	struct status_blind *b = &report->blind[at];
	*b = (struct status_blind){.since = since};
	str_copy_c(str_c(what), b->what, sizeof(b->what));
	return b;
}

/* All who sang have said that they shut down. */
static bool all_stopped(const struct watched *u)
{
	bool any = false;
	for (size_t i = 0; i < SINGERS; i++) {
		if (uuid_is_null(&u->singers[i].endpoint_id))
			continue;
		if (!u->singers[i].stopping)
			return false;
		any = true;
	}
	return any;
}

/* A time ahead of us is from before our clock was set back: it tells nothing. */
static usec_t past(usec_t t, usec_t now)
{
	return t > now + SLACK ? 0 : t;
}

static void judge_silence(const struct status_watch *w, const struct watched *u, usec_t now, struct status_report *report)
{
	if (u->last.handed_at == 0 && u->told_at == 0) {
		/* Old agents, which cannot sing: all of them have been silent for as long as the pack allows. */
		if (u->sum.silent == u->sum.machines)
			status_report_add(report, "agent_silent", u->sum.last_seen_at)->unit_id = u->last.unit_id;
		return;
	}
	usec_t since = u->last.handed_at > 0 ? u->last.handed_at : u->told_at;
	usec_t from = later_of(later_of(past(since, now), past(w->started_at, now)), past(w->sound_at, now));
	if (now - from <= status_watch_limit(w) || all_stopped(u))
		return;
	/* It talks to us on the other listener: what it has to report does not get through. */
	bool calls = u->checkin_at > since + w->interval + SLACK && now - u->checkin_at < status_watch_limit(w) + USEC_PER_MINUTE;
	status_report_add(report, calls ? "agent_events" : "agent_silent", since < now ? since : now)->unit_id = u->last.unit_id;
}

static void add_of_singer(struct status_report *report, const struct watched *u, const struct singer *s, const char *what,
                          usec_t since, int64_t lost, int64_t number)
{
	struct status_blind *b = status_report_add(report, what, since);
	b->unit_id = u->last.unit_id;
	b->lost = lost;
	b->number = number;
	str_copy_c(str_c(s->machine), b->machine, sizeof(b->machine));
}

static void judge_singers(const struct status_watch *w, const struct watched *u, usec_t now, struct status_report *report)
{
	for (size_t i = 0; i < SINGERS; i++) {
		const struct singer *s = &u->singers[i];
		if (s->sung_at == 0 || s->stopping)
			continue;
		/* What a silent one said last is not known any more, but what it lost is lost. */
		bool fresh = now - s->sung_at <= status_watch_limit(w);
		if (fresh && s->failed_since != 0)
			add_of_singer(report, u, s, "scanner", s->failed_since, 0, 0);
		if (fresh && s->clock_since != 0)
			add_of_singer(report, u, s, "agent_clock", s->clock_since, 0, s->clock_offset_s);
		if (s->lost_at != 0 && now - s->lost_at <= LOSS_SHOWN)
			add_of_singer(report, u, s, "agent_loss", s->lost_since, s->lost - s->lost_before, 0);
	}
}

void status_watch_judge(struct status_watch *w, struct status_report *report)
{
	usec_t now = now_of(w);
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->count; i++) {
		const struct watched *u = &w->units[i];
		/* Without machines there is nothing to be blind to. */
		if (uuid_is_null(&u->last.unit_id) || u->sum.machines == 0)
			continue;
		judge_silence(w, u, now, report);
		judge_singers(w, u, now, report);
	}
	(void)pthread_mutex_unlock(&w->lock);
}
