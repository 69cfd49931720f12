/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_pipeline.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/event_pipeline/event_hold.h"
#include "engine/event_pipeline/event_senders.h"
#include "engine/event_pipeline/event_stage.h"
#include "engine/event_store/event_move.h"

#define LINGER_MS 1000
#define AGAIN_MS 30000
#define IDLE_WAIT_MS 500
#define RETRY_MIN_MS 200
#define RETRY_MAX_MS 2000
#define CHECKPOINT_EVERY (60 * USEC_PER_SEC)
#define HOLD_PAUSE_MS 20
#define HOLD_GAP_MS 2

struct event_pipeline {
	struct event_pipeline_config config;
	struct event_spool *spool;
	struct event_ingest *ingest;
	struct event_outbox *outbox;
	struct event_stage_detector *detector; /* the detecting thread's */
	int hold_fd; /* the store's thread's */
	struct event_spool_cursor stored, detected; /* each its own thread's; copies for others below */
	pthread_t store_thread, detect_thread, deliver_thread;
	unsigned threads; /* how many were started, in that order */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* stopping, a new alert, progress */
	bool stopping;                               /* lock */
	struct event_spool_position stored_at, detected_at; /* lock */
	struct event_senders *senders;               /* lock */
	uint64_t senders_version;                    /* lock */
	struct event_sources *sources;               /* has its own */
	struct event_pipeline_stats stats;           /* lock; what is counted here */
	struct event_stage_counts store_counts, detect_counts; /* lock */
	uint64_t alerts_made;                        /* lock; tells the deliverer */
	/* lock; monotonic: when each part last got on or had nothing to do; ingest_failed: 0 or when it began to fail */
	usec_t detect_moved, store_moved, ingest_failed;
};

static void note_moved(struct event_pipeline *p, usec_t *when)
{
	(void)pthread_mutex_lock(&p->lock);
	*when = clock_monotonic();
	(void)pthread_mutex_unlock(&p->lock);
}

static bool stopping(struct event_pipeline *p)
{
	(void)pthread_mutex_lock(&p->lock);
	bool s = p->stopping;
	(void)pthread_mutex_unlock(&p->lock);
	return s;
}

static struct timespec later(unsigned ms)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

/* Sleeps unless stopping. */
static void pause_ms(struct event_pipeline *p, unsigned ms)
{
	struct timespec until = later(ms);
	int r = 0;
	(void)pthread_mutex_lock(&p->lock);
	while (!p->stopping && r == 0)
		r = pthread_cond_timedwait(&p->changed, &p->lock, &until);
	(void)pthread_mutex_unlock(&p->lock);
}

/* ---- the store's thread; also keeps house ---- */

static void keep_house(struct event_pipeline *p, usec_t *checkpoint_at)
{
	struct event_spool_stats st;
	event_spool_stats(p->spool, &st);
	usec_t now = clock_monotonic();
	if (st.segments < 2 || (now - *checkpoint_at < CHECKPOINT_EVERY && st.bytes < st.limit_bytes / 2))
		return;
	*checkpoint_at = now;
	if (event_ingest_checkpoint(p->ingest, NULL) < 0)
		return;
	struct event_spool_position keep = event_ingest_keep(p->ingest);
	(void)pthread_mutex_lock(&p->lock);
	if (event_spool_position_cmp(p->stored_at, keep) < 0)
		keep = p->stored_at;
	if (event_spool_position_cmp(p->detected_at, keep) < 0)
		keep = p->detected_at;
	(void)pthread_mutex_unlock(&p->lock);
	if (event_spool_trim(p->spool, keep, NULL) < 0)
		return;
}

static void note_stored(struct event_pipeline *p, int r, const struct event_stage_counts *c, const struct err *err)
{
	(void)pthread_mutex_lock(&p->lock);
	p->store_counts = *c;
	p->stored_at = p->stored.at;
	if (r >= 0) {
		p->store_moved = clock_monotonic();
		p->stats.store_up = p->config.store != NULL;
		p->stats.store_blind_since = 0;
		err_clear(&p->stats.store_err);
	} else {
		p->stats.store_up = false;
		if (p->stats.store_blind_since == 0)
			p->stats.store_blind_since = clock_now();
		p->stats.store_err = *err;
	}
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
}

/* Lets a small block grow, so that the store gets few large inserts instead of many small ones. */
static void linger(struct event_pipeline *p)
{
	const uint64_t enough = (uint64_t)16 << 20;
	if (p->stored.block_end.segment == 0 && event_spool_lag_bytes(p->spool, p->stored.at) < enough)
		pause_ms(p, p->config.linger_ms);
}

/* Rows of an older release's table, a slice between two blocks. */
static void move_older(struct event_pipeline *p, struct event_move *move, const struct event_stage_counts *counts, bool *moved)
{
	struct err err = {0};
	if (*moved || !event_hold_enter(p->hold_fd))
		return;
	int r = event_move_step(p->config.store, move, &err);
	event_hold_leave(p->hold_fd);
	*moved = r == 0;
	if (r < 0)
		note_stored(p, r, counts, &err);
}

static void *store_main(void *ctx)
{
	struct event_pipeline *p = ctx;
	struct event_stage_counts counts = {0};
	cleanup(event_stage_storer) struct event_stage_storer *storer = event_stage_storer_new();
	struct event_move move = {.count = 0};
	usec_t checkpoint_at = clock_monotonic();
	unsigned retry_ms = RETRY_MIN_MS;
	bool migrated = p->config.store == NULL, moved = migrated;
	while (!stopping(p)) {
		struct err err = {0};
		int r = 0;
		if (!migrated && (r = event_store_migrate(p->config.store, &err)) == 0)
			migrated = true;
		if (migrated && !event_spool_wait(p->spool, p->stored.at, IDLE_WAIT_MS)) {
			note_moved(p, &p->store_moved);
			keep_house(p, &checkpoint_at);
			move_older(p, &move, &counts, &moved);
			continue;
		}
		if (migrated) {
			linger(p);
			if (stopping(p))
				break;
			/* A backup is copying the store as it stands at the cursor; events stay in the spool meanwhile. */
			if (!event_hold_enter(p->hold_fd)) {
				pause_ms(p, HOLD_PAUSE_MS);
				continue;
			}
			r = event_stage_store(storer, p->spool, p->config.store, p->ingest, &p->stored, &counts, &err);
			event_hold_leave(p->hold_fd);
			/* Without a gap whoever waits for the hold would never get it while there is a backlog. */
			pause_ms(p, HOLD_GAP_MS);
		}
		note_stored(p, r, &counts, &err);
		if (r >= 0) {
			retry_ms = RETRY_MIN_MS;
			keep_house(p, &checkpoint_at);
			move_older(p, &move, &counts, &moved);
			continue;
		}
		pause_ms(p, retry_ms);
		retry_ms = retry_ms * 2 < RETRY_MAX_MS ? retry_ms * 2 : RETRY_MAX_MS;
	}
	event_move_done(&move);
	return NULL;
}

/* ---- detection and delivery ---- */

static void *detect_main(void *ctx)
{
	struct event_pipeline *p = ctx;
	struct event_stage_counts counts = {0};
	while (!stopping(p)) {
		if (!event_spool_wait(p->spool, p->detected.at, IDLE_WAIT_MS)) {
			note_moved(p, &p->detect_moved);
			continue;
		}
		struct err err = {0};
		/* Before the first set is there, nothing would be found in what passes. */
		if (p->config.detect != NULL && !detect_wait_ready(p->config.detect, IDLE_WAIT_MS))
			continue;
		int r = event_stage_detect(p->detector, p->spool, p->outbox, p->sources, &p->detected, &counts, &err);
		const struct event_flood_stats flood = event_stage_detector_stats(p->detector);
		(void)pthread_mutex_lock(&p->lock);
		p->detect_counts = counts;
		p->stats.flood = flood;
		if (r >= 0)
			p->detect_moved = clock_monotonic();
		p->detected_at = p->detected.at;
		p->alerts_made = counts.alerts;
		(void)pthread_cond_broadcast(&p->changed);
		(void)pthread_mutex_unlock(&p->lock);
		if (r < 0)
			pause_ms(p, RETRY_MIN_MS);
	}
	return NULL;
}

/* Hands out what waits. false: the keeper cannot take alerts now. */
static bool deliver(struct event_pipeline *p, struct arena *arena)
{
	usec_t again = (usec_t)p->config.alert_again_ms * USEC_PER_MS;
	for (;;) {
		struct event_alert a;
		arena_clear(arena);
		int r = event_outbox_next(p->outbox, again, arena, &a, NULL);
		if (r == 0)
			return true;
		/* One that cannot be read is passed over until its time comes again. */
		if (r > 0 && !p->config.on_alert(p->config.ctx, &a)) {
			event_outbox_put_back(p->outbox, a.key);
			return false;
		}
		if (stopping(p))
			return true;
	}
}

static void *deliver_main(void *ctx)
{
	struct event_pipeline *p = ctx;
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	uint64_t seen = UINT64_MAX;
	while (!stopping(p)) {
		bool taken = deliver(p, arena);
		struct timespec until = later(taken ? IDLE_WAIT_MS : RETRY_MIN_MS);
		(void)pthread_mutex_lock(&p->lock);
		int r = 0;
		while (!p->stopping && r == 0 && (!taken || p->alerts_made == seen))
			r = pthread_cond_timedwait(&p->changed, &p->lock, &until);
		seen = p->alerts_made;
		(void)pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}

/* ---- start and stop ---- */

static int open_parts(struct event_pipeline *p, struct err *err)
{
	char spool_dir[1024], outbox_dir[1024];
	(void)snprintf(spool_dir, sizeof spool_dir, "%s/spool", p->config.dir);
	(void)snprintf(outbox_dir, sizeof outbox_dir, "%s/outbox", p->config.dir);
	struct event_spool_config sc = {
		.dir = spool_dir, .limit_bytes = p->config.spool_bytes, .segment_bytes = p->config.segment_bytes};
	int r = event_spool_open(&sc, &p->spool, err);
	if (r == 0)
		r = event_hold_open(p->config.dir, &p->hold_fd, err);
	if (r == 0)
		r = event_spool_cursor_load(p->spool, "stored", &p->stored, err);
	if (r == 0)
		r = event_spool_cursor_load(p->spool, "detected", &p->detected, err);
	if (r == 0)
		r = event_ingest_open(p->spool, spool_dir, p->stored.at, &p->ingest, err);
	if (r == 0)
		r = event_outbox_open(outbox_dir, 0, &p->outbox, err);
	p->detector = event_stage_detector_new(
		&(struct event_stage_detect_config){.dir = p->config.dir, .detect = p->config.detect});
	p->stored_at = p->stored.at;
	p->detected_at = p->detected.at;
	p->detect_moved = p->store_moved = clock_monotonic();
	return r;
}

static int start_threads(struct event_pipeline *p, struct err *err)
{
	struct {
		pthread_t *thread;
		void *(*main)(void *ctx);
	} parts[] = {{&p->detect_thread, detect_main}, {&p->deliver_thread, deliver_main}, {&p->store_thread, store_main}};
	size_t count = p->config.store != NULL || p->config.discard ? 3 : 2;
	for (size_t i = 0; i < count; i++) {
		int e = pthread_create(parts[i].thread, NULL, parts[i].main, p);
		if (e != 0)
			return err_errno(err, e, "pthread_create", STR_EMPTY);
		p->threads++;
	}
	return 0;
}

int event_pipeline_start(const struct event_pipeline_config *config, struct event_pipeline **ret, struct err *err)
{
	struct event_pipeline *p = MEM_NEW(struct event_pipeline);
	pthread_condattr_t attr;
	p->config = *config;
	p->sources = event_sources_new();
	p->hold_fd = -1;
	if (p->config.linger_ms == 0)
		p->config.linger_ms = LINGER_MS;
	if (p->config.alert_again_ms == 0)
		p->config.alert_again_ms = AGAIN_MS;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	int r = open_parts(p, err);
	if (r == 0)
		r = start_threads(p, err);
	if (r < 0) {
		event_pipeline_stop(p);
		return r;
	}
	*ret = p;
	return 0;
}

void event_pipeline_stop(struct event_pipeline *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->stopping = true;
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
	if (p->spool != NULL)
		event_spool_wake(p->spool);
	pthread_t *threads[] = {&p->detect_thread, &p->deliver_thread, &p->store_thread};
	for (unsigned i = 0; i < p->threads && i < ARRAY_LEN(threads); i++)
		(void)pthread_join(*threads[i], NULL);
	event_stage_detector_free(p->detector);
	event_outbox_close(p->outbox);
	event_ingest_close(p->ingest);
	event_spool_close(p->spool);
	file_close(&p->hold_fd);
	(void)pthread_cond_destroy(&p->changed);
	(void)pthread_mutex_destroy(&p->lock);
	event_senders_free(p->senders);
	event_sources_free(p->sources);
	mem_free(p);
}

/* ---- senders, batches, figures ---- */

void event_pipeline_set_senders(struct event_pipeline *p, const struct event_sender *senders, size_t count)
{
	struct event_senders *fresh = event_senders_new(senders, count);
	(void)pthread_mutex_lock(&p->lock);
	struct event_senders *old = p->senders;
	p->senders = fresh;
	p->senders_version++;
	(void)pthread_mutex_unlock(&p->lock);
	event_senders_free(old);
}

uint64_t event_pipeline_senders_version(struct event_pipeline *p)
{
	(void)pthread_mutex_lock(&p->lock);
	uint64_t version = p->senders_version;
	(void)pthread_mutex_unlock(&p->lock);
	return version;
}

bool event_pipeline_find_sender(struct event_pipeline *p, struct str credential, usec_t now, struct event_sender *ret)
{
	(void)pthread_mutex_lock(&p->lock);
	const struct event_sender *found = event_senders_by_credential(p->senders, credential, now);
	if (found != NULL)
		*ret = *found;
	(void)pthread_mutex_unlock(&p->lock);
	return found != NULL;
}

bool event_pipeline_find_sender_by_address(struct event_pipeline *p, const struct event_address *address, usec_t now,
                                           struct event_sender *ret)
{
	(void)pthread_mutex_lock(&p->lock);
	const struct event_sender *found = event_senders_by_address(p->senders, address, now);
	if (found != NULL)
		*ret = *found;
	(void)pthread_mutex_unlock(&p->lock);
	return found != NULL;
}

struct event_sources *event_pipeline_sources(struct event_pipeline *p)
{
	return p->sources;
}

/* Writes down how an acceptance ended; returns r. */
static int accepted(struct event_pipeline *p, int r, const struct event_ingested *ret, const struct err *err)
{
	struct event_spool_stats st;
	event_spool_stats(p->spool, &st);
	bool roomy = st.bytes <= st.limit_bytes - st.limit_bytes / 8;
	(void)pthread_mutex_lock(&p->lock);
	if (r == 0) {
		p->stats.received += ret->taken;
		p->stats.duplicates += ret->duplicates;
		p->stats.rejected += ret->rejected;
		/* A batch of nothing proves nothing, and a small one that fits into a full spool little. */
		if (ret->taken > 0 && roomy)
			p->ingest_failed = 0;
	} else if (r == -EAGAIN || r == -EIO) {
		p->stats.refused_batches++;
		if (p->ingest_failed == 0)
			p->ingest_failed = clock_monotonic();
		if (err != NULL)
			p->stats.ingest_err = *err;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return r;
}

int event_pipeline_accept(struct event_pipeline *p, const struct event_sender *sender, const struct event_batch *batch,
                          usec_t now, struct event_ingested *ret, struct err *err)
{
	int r = accepted(p, event_ingest_accept(p->ingest, sender, batch, now, ret, err), ret, err);
	if (r == 0)
		event_sources_took(p->sources, &sender->id, ret, ret->bytes, EVENT_VIA_HTTP, now);
	return r;
}

/* Many senders' texts: each run of one sender's counts for it. Texts that were too long were told to be no event's. */
static void count_each(struct event_pipeline *p, const struct event_messages *m, enum event_via via, usec_t now)
{
	for (size_t i = 0; i < m->count;) {
		struct event_ingested run = {0};
		const struct event_sender *s = m->senders[i];
		for (; i < m->count && m->senders[i] == s; i++)
			if (m->texts[i].n <= EVENT_LINE_LIMIT) {
				run.taken++;
				run.bytes += m->texts[i].n;
			} else {
				run.rejected++;
			}
		event_sources_took(p->sources, &s->id, &run, run.bytes, via, now);
	}
}

int event_pipeline_accept_messages(struct event_pipeline *p, const struct event_sender *sender, const struct event_messages *messages,
                                   enum event_via via, usec_t now, struct event_ingested *ret, struct err *err)
{
	int r = accepted(p, event_ingest_accept_messages(p->ingest, sender, messages, now, ret, err), ret, err);
	if (r == 0 && messages->senders != NULL)
		count_each(p, messages, via, now);
	else if (r == 0)
		event_sources_took(p->sources, &sender->id, ret, ret->bytes, via, now);
	return r;
}

void event_pipeline_alert_ack(struct event_pipeline *p, const char *key)
{
	/* A file that stays is handed over again and acknowledged again. */
	if (event_outbox_remove(p->outbox, key, NULL) < 0)
		return;
	(void)pthread_mutex_lock(&p->lock);
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
}

void event_pipeline_set_spool_limit(struct event_pipeline *p, uint64_t limit_bytes)
{
	event_spool_set_limit(p->spool, limit_bytes);
}

static uint64_t age(usec_t now, usec_t then)
{
	return then < now ? (uint64_t)(now - then) : 0;
}

void event_pipeline_stats(struct event_pipeline *p, struct event_pipeline_stats *ret)
{
	struct event_spool_stats st;
	event_spool_stats(p->spool, &st);
	(void)pthread_mutex_lock(&p->lock);
	*ret = p->stats;
	ret->stored = p->store_counts.stored;
	ret->dead = p->store_counts.dead;
	ret->damaged_bytes = p->store_counts.damaged_bytes;
	ret->detected = p->detect_counts.detected;
	ret->alerts = p->detect_counts.alerts;
	struct event_spool_position stored = p->stored_at, detected = p->detected_at;
	usec_t now = clock_monotonic();
	ret->detect_still = age(now, p->detect_moved);
	ret->store_still = age(now, p->store_moved);
	ret->ingest_failing = p->ingest_failed != 0 ? age(now, p->ingest_failed) + 1 : 0;
	(void)pthread_mutex_unlock(&p->lock);
	ret->cut_bytes = st.cut_bytes;
	ret->spool_bytes = st.bytes;
	if (p->config.detect != NULL)
		detect_stats(p->config.detect, &ret->rules);
	ret->spool_limit_bytes = st.limit_bytes;
	ret->store_lag_bytes = event_spool_lag_bytes(p->spool, stored);
	ret->detect_lag_bytes = event_spool_lag_bytes(p->spool, detected);
	ret->alerts_waiting = event_outbox_count(p->outbox);
	if (ret->detect_lag_bytes == 0)
		ret->detect_still = 0;
	if (ret->store_lag_bytes == 0)
		ret->store_still = 0;
	usec_t oldest = event_outbox_oldest(p->outbox);
	ret->handover_still = oldest != 0 ? age(now, oldest) : 0;
}

bool event_pipeline_settle(struct event_pipeline *p, unsigned timeout_ms)
{
	struct timespec until = later(timeout_ms);
	struct event_spool_position end = event_spool_end(p->spool);
	bool stores = p->config.store != NULL || p->config.discard;
	int r = 0;
	(void)pthread_mutex_lock(&p->lock);
	/* The end may be the head of an empty spool, where no cursor ever comes to. */
	bool done = false;
	while (r == 0) {
		done = event_spool_lag_bytes(p->spool, p->detected_at) == 0 || event_spool_position_cmp(p->detected_at, end) >= 0;
		if (stores)
			done = done && (event_spool_lag_bytes(p->spool, p->stored_at) == 0 || event_spool_position_cmp(p->stored_at, end) >= 0);
		if (done)
			break;
		r = pthread_cond_timedwait(&p->changed, &p->lock, &until);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return done;
}
