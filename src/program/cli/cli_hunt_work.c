/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <pthread.h>
#include <stdlib.h>

#include "program/cli/cli_hunt.h"

#define SLOTS_A_THREAD 3
#define HIT_RECORDS_MAX ((size_t)1 << 30)

enum slot_state { SLOT_FREE, SLOT_FULL, SLOT_BUSY, SLOT_DONE };

struct slot {
	struct hunt_batch batch;
	struct hunt_result result;
	enum slot_state state; /* under lock */
};

struct worker {
	struct hunt_work *work;
	struct sigma_matcher *matcher;
	pthread_t thread;
};

struct hunt_work {
	struct sigma_ruleset *set;
	bool correlates;
	const volatile sig_atomic_t *interrupted;
	struct worker *workers;
	unsigned count;
	struct slot *slots;
	size_t slot_count;
	pthread_mutex_t lock;
	pthread_cond_t full, done;
	size_t next_full; /* under lock: the slot a worker takes next */
	bool stop;        /* under lock */
};

static void add_hit(struct hunt_result *r, uint32_t rule, uint64_t line)
{
	if (r->hit_count == r->hit_capacity) {
		r->hit_capacity = r->hit_capacity > 0 ? r->hit_capacity * 2 : 256;
		r->hits = mem_realloc_array(r->hits, r->hit_capacity, sizeof *r->hits);
	}
	r->hits[r->hit_count++] = (struct hunt_hit){rule, line};
}

static void match_event(struct worker *w, const struct hunt_batch *batch, struct str event, uint64_t line, struct hunt_result *r)
{
	const struct sigma_match *matches;
	struct err err = {0};
	if (event.n == 0)
		return;
	int n = sigma_matcher_run(w->matcher, event, &matches, &err);
	r->events++;
	if (n < 0 && r->bad_events++ == 0) {
		r->first_bad_line = line;
		r->first_bad = err;
	}
	for (int i = 0; i < n; i++) {
		add_hit(r, matches[i].rule, line);
		if (w->work->correlates)
			sigma_matcher_capture(w->matcher, &matches[i], (uint64_t)batch->file << 40 | line, &r->records);
	}
}

static void match_batch(struct worker *w, const struct hunt_batch *batch, struct hunt_result *r)
{
	struct str rest = buf_str(&batch->bytes);
	uint64_t line = batch->first_line;
	r->hit_count = 0;
	r->events = r->bad_events = 0;
	r->bytes = rest.n;
	buf_clear(&r->records);
	for (size_t i = 0; i < batch->item_count; i++)
		match_event(w, batch, str_sub(rest, batch->items[i].at, batch->items[i].at + batch->items[i].n), batch->items[i].number, r);
	while (batch->item_count == 0 && rest.n > 0) {
		const char *newline = memchr(rest.p, '\n', rest.n);
		size_t n = newline != NULL ? (size_t)(newline - rest.p) : rest.n;
		struct str event = str_sub(rest, 0, n);
		if (event.n > 0 && event.p[event.n - 1] == '\r')
			event.n--;
		match_event(w, batch, event, line++, r);
		rest = str_sub(rest, n + 1, rest.n);
	}
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct hunt_work *work = w->work;
	(void)pthread_mutex_lock(&work->lock);
	while (!work->stop) {
		struct slot *slot = &work->slots[work->next_full];
		if (slot->state != SLOT_FULL) {
			(void)pthread_cond_wait(&work->full, &work->lock);
			continue;
		}
		slot->state = SLOT_BUSY;
		work->next_full = (work->next_full + 1) % work->slot_count;
		(void)pthread_mutex_unlock(&work->lock);
		match_batch(w, &slot->batch, &slot->result);
		(void)pthread_mutex_lock(&work->lock);
		slot->state = SLOT_DONE;
		(void)pthread_cond_signal(&work->done);
	}
	(void)pthread_mutex_unlock(&work->lock);
	return NULL;
}

struct hunt_work *hunt_work_new(struct sigma_ruleset *set, const struct sigma_source *source, unsigned threads, bool measure,
                                const volatile sig_atomic_t *stop)
{
	struct hunt_work *work = MEM_NEW(struct hunt_work);
	work->set = sigma_ruleset_ref(set);
	work->correlates = sigma_ruleset_correlates(set);
	work->count = threads;
	work->interrupted = stop;
	work->slot_count = threads > 1 ? (size_t)threads * SLOTS_A_THREAD : 1;
	work->slots = mem_alloc_array(work->slot_count, sizeof *work->slots);
	for (size_t i = 0; i < work->slot_count; i++) {
		work->slots[i].batch.bytes = BUF_INIT((size_t)4 << 30);
		work->slots[i].result.records = BUF_INIT(HIT_RECORDS_MAX);
	}
	work->workers = mem_alloc_array(threads, sizeof *work->workers);
	(void)pthread_mutex_init(&work->lock, NULL);
	(void)pthread_cond_init(&work->full, NULL);
	(void)pthread_cond_init(&work->done, NULL);
	for (unsigned i = 0; i < threads; i++) {
		work->workers[i] = (struct worker){.work = work, .matcher = sigma_matcher_new(set, source)};
		sigma_matcher_measure(work->workers[i].matcher, measure);
	}
	for (unsigned i = 0; i < threads && threads > 1; i++)
		if (pthread_create(&work->workers[i].thread, NULL, run_worker, &work->workers[i]) != 0)
			abort(); /* all are waited for at the end */
	return work;
}

void hunt_work_free(struct hunt_work *work, struct sigma_cost *costs)
{
	(void)pthread_mutex_lock(&work->lock);
	work->stop = true;
	(void)pthread_cond_broadcast(&work->full);
	(void)pthread_mutex_unlock(&work->lock);
	for (unsigned i = 0; i < work->count; i++) {
		if (work->count > 1)
			(void)pthread_join(work->workers[i].thread, NULL);
		for (uint32_t rule = 0; costs != NULL && rule < sigma_ruleset_count(work->set); rule++) {
			struct sigma_cost cost = sigma_matcher_cost(work->workers[i].matcher, rule);
			costs[rule].evaluated += cost.evaluated;
			costs[rule].nsec += cost.nsec;
		}
		sigma_matcher_free(work->workers[i].matcher);
	}
	for (size_t i = 0; i < work->slot_count; i++) {
		buf_done(&work->slots[i].batch.bytes);
		buf_done(&work->slots[i].result.records);
		mem_free(work->slots[i].batch.items);
		mem_free(work->slots[i].result.hits);
	}
	(void)pthread_mutex_destroy(&work->lock);
	(void)pthread_cond_destroy(&work->full);
	(void)pthread_cond_destroy(&work->done);
	(void)sigma_ruleset_unref(work->set);
	mem_free(work->workers);
	mem_free(work->slots);
	mem_free(work);
}

typedef void done_fn(void *user, const struct hunt_batch *batch, const struct hunt_result *result);

/* A read that the signal cut short is no error. */
static int next_batch(const struct hunt_work *work, struct hunt_input *in, struct hunt_batch *batch, struct err *err)
{
	int r = *work->interrupted ? 0 : hunt_input_next(in, batch, err);
	return *work->interrupted ? 0 : r;
}

static int alone(struct hunt_work *work, struct hunt_input *in, uint32_t file, done_fn *done, void *user, struct err *err)
{
	struct slot *slot = &work->slots[0];
	int r;
	slot->batch.file = file;
	while ((r = next_batch(work, in, &slot->batch, err)) > 0) {
		match_batch(&work->workers[0], &slot->batch, &slot->result);
		done(user, &slot->batch, &slot->result);
	}
	return r;
}

/* Waits for the oldest batch and hands its result on. */
static void finish(struct hunt_work *work, struct slot *slot, done_fn *done, void *user)
{
	(void)pthread_mutex_lock(&work->lock);
	while (slot->state != SLOT_DONE)
		(void)pthread_cond_wait(&work->done, &work->lock);
	(void)pthread_mutex_unlock(&work->lock);
	done(user, &slot->batch, &slot->result);
	(void)pthread_mutex_lock(&work->lock);
	slot->state = SLOT_FREE;
	(void)pthread_mutex_unlock(&work->lock);
}

int hunt_work_file(struct hunt_work *work, struct hunt_input *in, uint32_t file, done_fn *done, void *user, struct err *err)
{
	if (work->count <= 1)
		return alone(work, in, file, done, user, err);
	size_t fill = work->next_full, drain = fill, open = 0;
	int r;
	for (;;) {
		if (open == work->slot_count) {
			finish(work, &work->slots[drain], done, user);
			drain = (drain + 1) % work->slot_count;
			open--;
		}
		struct slot *slot = &work->slots[fill];
		slot->batch.file = file;
		r = next_batch(work, in, &slot->batch, err);
		if (r <= 0)
			break;
		(void)pthread_mutex_lock(&work->lock);
		slot->state = SLOT_FULL;
		(void)pthread_cond_signal(&work->full);
		(void)pthread_mutex_unlock(&work->lock);
		fill = (fill + 1) % work->slot_count;
		open++;
	}
	for (; open > 0; open--, drain = (drain + 1) % work->slot_count)
		finish(work, &work->slots[drain], done, user);
	return r;
}
