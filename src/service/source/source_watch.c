/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What was counted of each source, and what follows from it. Rows are read and written in source_watch_db.c. */
#include <pthread.h>
#include <stdlib.h>

#include "service/source/source_watch_internal.h"

/* Lost events are told for so long after the last of them. */
#define LOSS_SHOWN (10 * USEC_PER_MINUTE)
#define CLOCK_OFF_S 300
/* A clock is judged by events that came of late. */
#define CLOCK_AGE USEC_PER_HOUR
/* After a start, or a break on our side, senders need a moment to come back. */
#define GRACE (60 * USEC_PER_SEC)

const char *const source_count_names[] = {"taken", "bytes", "duplicates", "rejected", "dropped", "limited", "unparsed"};
static const char *const condition_names[] = {"disabled", "waiting", "ok", "unreadable", "clock", "losing", "silent"};

const char *source_condition_name(enum source_condition c)
{
	return condition_names[c];
}

struct source_watch *source_watch_new(const struct service_context *sc)
{
	struct source_watch *w = MEM_NEW(struct source_watch);
	w->sc = sc;
	w->sound_at = sc->now();
	w->sound = true;
	(void)pthread_mutex_init(&w->lock, NULL);
	return w;
}

void source_watch_free(struct source_watch *w)
{
	if (w == NULL)
		return;
	mem_free(w->rows);
	mem_free(w->strangers);
	mem_free(w->networks);
	(void)pthread_mutex_destroy(&w->lock);
	mem_free(w);
}

static int compare_rows(const void *a, const void *b)
{
	return memcmp(((const struct source_watched *)a)->id.b, ((const struct source_watched *)b)->id.b, sizeof(struct uuid));
}

struct source_watched *source_watch_find(struct source_watch *w, const struct uuid *id)
{
	struct source_watched key = {.id = *id};
	return w->count > 0 ? bsearch(&key, w->rows, w->count, sizeof(key), compare_rows) : NULL;
}

/* ---- counting ---- */

static void note_loss(struct source_watched *row, uint64_t more, usec_t now)
{
	if (more == 0)
		return;
	if (row->lost_at == 0 || now - row->lost_at > LOSS_SHOWN) {
		row->lost_since = now;
		row->lost = 0;
	}
	row->lost_at = now;
	row->lost += more;
}

static void take_row(struct source_watched *row, const struct event_source_counts *c, usec_t now)
{
	const uint64_t seen[SOURCE_COUNT__COUNT] = {[SOURCE_TAKEN] = c->taken, [SOURCE_BYTES] = c->bytes, [SOURCE_DUPLICATES] = c->duplicates,
	                                            [SOURCE_REJECTED] = c->rejected, [SOURCE_DROPPED] = c->dropped,
	                                            [SOURCE_LIMITED] = c->limited, [SOURCE_UNPARSED] = c->unparsed};
	uint64_t lost = 0;
	/* The pipeline counts from its own start. */
	bool begun_anew = c->first_received != row->epoch;
	for (int i = 0; i < SOURCE_COUNT__COUNT; i++) {
		uint64_t before = begun_anew || seen[i] < row->seen[i] ? 0 : row->seen[i];
		row->dirty = row->dirty || seen[i] != before;
		row->totals[i] += seen[i] - before;
		row->seen[i] = seen[i];
		if (i == SOURCE_DROPPED || i == SOURCE_LIMITED)
			lost += seen[i] - before;
	}
	row->epoch = c->first_received;
	if (row->first_at == 0)
		row->first_at = c->first_received;
	if (c->last_received > row->last_at)
		row->last_at = c->last_received;
	row->via = c->via;
	row->has_skew = c->skew_count > 0;
	row->skew_s = c->skew_median_s;
	bool off = row->has_skew && (row->skew_s > CLOCK_OFF_S || row->skew_s < -CLOCK_OFF_S);
	row->clock_since = !off ? 0 : row->clock_since != 0 ? row->clock_since : now;
	memcpy(row->unparsed_sample, c->unparsed_sample, sizeof(row->unparsed_sample));
	memcpy(row->rejected_key, c->rejected_key, sizeof(row->rejected_key));
	note_loss(row, lost, now);
}

static int compare_strangers(const void *a, const void *b)
{
	usec_t x = ((const struct event_stranger *)a)->last, y = ((const struct event_stranger *)b)->last;
	return x < y ? 1 : x > y ? -1 : 0;
}

void source_watch_take(struct source_watch *w, const struct event_source_counts *counts, size_t count,
                       const struct event_stranger *strangers, size_t stranger_count)
{
	usec_t now = w->sc->now();
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < count; i++) {
		struct source_watched *row = source_watch_find(w, &counts[i].id);
		if (row != NULL)
			take_row(row, &counts[i], now);
	}
	mem_free(w->strangers);
	w->strangers = mem_alloc_array(stranger_count, sizeof(*w->strangers));
	w->stranger_count = stranger_count;
	if (stranger_count > 0)
		memcpy(w->strangers, strangers, stranger_count * sizeof(*w->strangers));
	qsort(w->strangers, w->stranger_count, sizeof(*w->strangers), compare_strangers);
	(void)pthread_mutex_unlock(&w->lock);
}

void source_watch_kernel_dropped(struct source_watch *w, uint64_t count)
{
	usec_t now = w->sc->now();
	(void)pthread_mutex_lock(&w->lock);
	struct source_listener_loss *l = &w->listeners;
	/* A smaller number: the pipeline counts anew. When we began anew, what it had is told once more rather than not at all. */
	uint64_t more = count < w->kernel_seen ? count : count - w->kernel_seen;
	w->kernel_seen = count;
	if (more > 0) {
		if (l->last_at == 0 || now - l->last_at > LOSS_SHOWN) {
			l->lost_since = now;
			l->lost = 0;
		}
		l->last_at = now;
		l->lost += more;
		l->total += more;
	}
	(void)pthread_mutex_unlock(&w->lock);
}

void source_watch_listener_loss(struct source_watch *w, struct source_listener_loss *ret)
{
	usec_t now = w->sc->now();
	(void)pthread_mutex_lock(&w->lock);
	*ret = w->listeners;
	(void)pthread_mutex_unlock(&w->lock);
	if (ret->last_at == 0 || now - ret->last_at > LOSS_SHOWN) {
		ret->lost = 0;
		ret->lost_since = 0;
	}
}

void source_watch_central(struct source_watch *w, bool sound)
{
	(void)pthread_mutex_lock(&w->lock);
	if (sound && !w->sound)
		w->sound_at = w->sc->now();
	w->sound = sound;
	(void)pthread_mutex_unlock(&w->lock);
}

/* ---- judging; the lock is held ---- */

static usec_t silent_since(const struct source_watch *w, const struct source_watched *row, usec_t now)
{
	usec_t heard = row->last_at > row->enabled_at ? row->last_at : row->enabled_at, patience = row->silence_s * USEC_PER_SEC;
	usec_t grace = patience < GRACE ? patience : GRACE;
	if (!row->enabled || patience == 0 || now - heard <= patience || !w->sound || now - w->sound_at < grace)
		return 0;
	return heard;
}

static bool is_losing(const struct source_watched *row, usec_t now)
{
	return row->lost_at != 0 && now - row->lost_at <= LOSS_SHOWN;
}

static bool is_clock_off(const struct source_watched *row, usec_t now)
{
	return row->clock_since != 0 && now - row->last_at < CLOCK_AGE;
}

static enum source_condition condition_of(const struct source_watched *row, usec_t late, usec_t now)
{
	if (!row->enabled)
		return SOURCE_DISABLED;
	if (late != 0)
		return SOURCE_SILENT;
	if (is_losing(row, now))
		return SOURCE_LOSING;
	if (is_clock_off(row, now))
		return SOURCE_CLOCK;
	if (row->last_at == 0)
		return SOURCE_WAITING;
	return row->totals[SOURCE_TAKEN] > 0 && 2 * row->totals[SOURCE_UNPARSED] > row->totals[SOURCE_TAKEN] ? SOURCE_UNREADABLE : SOURCE_OK;
}

static void fill(const struct source_watch *w, const struct source_watched *row, struct source_state *ret)
{
	usec_t now = w->sc->now(), late = silent_since(w, row, now);
	*ret = (struct source_state){.id = row->id, .unit_id = row->unit_id, .enabled = row->enabled,
	                             .condition = condition_of(row, late, now), .first_at = row->first_at, .last_at = row->last_at,
	                             .silent_since = late, .clock_since = row->clock_since, .via = row->via, .has_skew = row->has_skew, .skew_s = row->skew_s};
	if (is_losing(row, now)) {
		ret->lost = row->lost;
		ret->lost_since = row->lost_since;
	}
	memcpy(ret->name, row->name, sizeof(ret->name));
	memcpy(ret->counts, row->totals, sizeof(ret->counts));
	memcpy(ret->unparsed_sample, row->unparsed_sample, sizeof(ret->unparsed_sample));
	memcpy(ret->rejected_key, row->rejected_key, sizeof(ret->rejected_key));
}

bool source_watch_get(struct source_watch *w, const struct uuid *id, struct source_state *ret)
{
	(void)pthread_mutex_lock(&w->lock);
	const struct source_watched *row = source_watch_find(w, id);
	if (row != NULL)
		fill(w, row, ret);
	(void)pthread_mutex_unlock(&w->lock);
	return row != NULL;
}

size_t source_watch_count(struct source_watch *w)
{
	(void)pthread_mutex_lock(&w->lock);
	size_t n = w->count;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

size_t source_watch_list(struct source_watch *w, struct source_state *ret, size_t max)
{
	(void)pthread_mutex_lock(&w->lock);
	size_t n = w->count < max ? w->count : max;
	for (size_t i = 0; i < n; i++)
		fill(w, &w->rows[i], &ret[i]);
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

void source_watch_judge(struct source_watch *w, source_fault_fn fn, void *ctx)
{
	usec_t now = w->sc->now();
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->count; i++) {
		const struct source_watched *row = &w->rows[i];
		struct source_state s;
		if (!row->enabled)
			continue;
		fill(w, row, &s);
		if (s.silent_since != 0)
			fn(&s, SOURCE_SILENT, ctx);
		if (is_losing(row, now))
			fn(&s, SOURCE_LOSING, ctx);
		if (is_clock_off(row, now))
			fn(&s, SOURCE_CLOCK, ctx);
	}
	(void)pthread_mutex_unlock(&w->lock);
}

/* ---- strangers ---- */

static bool is_claimed(const struct source_watch *w, const struct event_stranger *s)
{
	for (size_t i = 0; i < w->network_count && s->address.set; i++) {
		struct event_address n = event_address_network(&s->address, w->networks[i].prefix);
		if (memcmp(n.ip, w->networks[i].ip, sizeof(n.ip)) == 0)
			return true;
	}
	return false;
}

size_t source_watch_strangers(struct source_watch *w, struct event_stranger *ret, size_t max)
{
	size_t n = 0;
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->stranger_count && n < max; i++)
		if (!is_claimed(w, &w->strangers[i]))
			ret[n++] = w->strangers[i];
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}
