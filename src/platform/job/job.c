/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/job/job.h"

#include <pthread.h>

#include "base/mem/mem.h"

#define KEPT_FOR USEC_PER_HOUR
/* Finished work that nobody asks about must not pile up either. A periodic job that fails simply runs again in time. */
#define KEPT_MAX 10000

struct job {
	struct job *next;
	struct job_runner *runner;
	/* Under the runner's lock: everything below. */
	struct job_status status;
	job_fn fn;
	void *ctx;
	void (*done)(void *ctx);
	usec_t period; /* 0: once */
	usec_t due;    /* monotonic */
	bool cancelled;
};

struct job_runner {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t *threads;
	unsigned thread_count;
	struct job *jobs; /* oldest first */
	bool stopping;
};

static void job_free(struct job *j)
{
	mem_free(j);
}

/* Forgets what ended long ago. Lock is held. */
static void forget_old(struct job_runner *r)
{
	usec_t now = clock_now();
	size_t kept = 0;
	for (const struct job *j = r->jobs; j != NULL; j = j->next)
		kept += j->status.ended_at != 0 && j->period == 0;
	for (struct job **p = &r->jobs; *p != NULL;) {
		struct job *j = *p;
		bool over = j->period == 0 && j->status.ended_at != 0;
		if (over &&
		    (now - j->status.ended_at > KEPT_FOR || now < j->status.ended_at - KEPT_FOR || kept > KEPT_MAX)) {
			*p = j->next;
			kept--;
			job_free(j);
		} else {
			p = &j->next;
		}
	}
}

/* The waiting job that is due first, or NULL. Lock is held. */
static struct job *first_waiting(const struct job_runner *r)
{
	struct job *first = NULL;
	for (struct job *j = r->jobs; j != NULL; j = j->next)
		if (j->status.state == JOB_WAITING && (first == NULL || j->due < first->due))
			first = j;
	return first;
}

/* Lock is held on entry and exit, not while fn runs. */
static void run(struct job_runner *r, struct job *j)
{
	struct err err = {0};
	int result = -ECANCELED;
	bool started = !j->cancelled;
	if (started) {
		j->status.state = JOB_RUNNING;
		j->status.started_at = clock_now();
		j->status.done = j->status.total = 0;
		(void)pthread_mutex_unlock(&r->lock);
		result = j->fn(j, j->ctx, &err);
		(void)pthread_mutex_lock(&r->lock);
	}
	if (j->done != NULL) {
		(void)pthread_mutex_unlock(&r->lock);
		j->done(j->ctx);
		(void)pthread_mutex_lock(&r->lock);
	}
	j->status.ended_at = clock_now();
	j->status.err = err;
	if (result < 0)
		j->status.state = j->cancelled ? JOB_CANCELLED : JOB_FAILED;
	else
		j->status.state = JOB_DONE;
	if (j->period > 0 && !r->stopping) {
		/* A wake that came while it ran has set an earlier time already. */
		usec_t due = clock_monotonic() + j->period;
		j->due = j->due == 0 ? clock_monotonic() : due;
		j->status.state = JOB_WAITING;
	}
	(void)pthread_cond_broadcast(&r->changed);
}

static void *worker(void *arg)
{
	struct job_runner *r = arg;
	(void)pthread_mutex_lock(&r->lock);
	while (!r->stopping) {
		forget_old(r);
		struct job *j = first_waiting(r);
		usec_t now = clock_monotonic();
		if (j == NULL) {
			(void)pthread_cond_wait(&r->changed, &r->lock);
		} else if (j->due > now) {
			struct timespec until = {.tv_sec = j->due / USEC_PER_SEC,
						 .tv_nsec = j->due % USEC_PER_SEC * 1000};
			(void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
		} else {
			run(r, j);
		}
	}
	(void)pthread_mutex_unlock(&r->lock);
	return NULL;
}

struct job_runner *job_runner_new(unsigned threads)
{
	struct job_runner *r = MEM_NEW(struct job_runner);
	pthread_condattr_t attr;
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&r->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	r->threads = mem_alloc_array(threads > 0 ? threads : 1, sizeof(pthread_t));
	for (unsigned i = 0; i < threads || i == 0; i++)
		if (pthread_create(&r->threads[r->thread_count], NULL, worker, r) == 0)
			r->thread_count++;
	return r;
}

void job_runner_free(struct job_runner *r)
{
	if (r == NULL)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->stopping = true;
	(void)pthread_cond_broadcast(&r->changed);
	(void)pthread_mutex_unlock(&r->lock);
	for (unsigned i = 0; i < r->thread_count; i++)
		(void)pthread_join(r->threads[i], NULL);
	for (struct job *j = r->jobs, *next; j != NULL; j = next) {
		next = j->next;
		if (j->status.state == JOB_WAITING && j->done != NULL)
			j->done(j->ctx);
		job_free(j);
	}
	(void)pthread_mutex_destroy(&r->lock);
	(void)pthread_cond_destroy(&r->changed);
	mem_free(r->threads);
	mem_free(r);
}

static struct uuid add(struct job_runner *r, struct job *j)
{
	struct job **end = &r->jobs;
	struct uuid id = uuid_new();
	j->runner = r;
	j->status.id = id;
	j->status.state = JOB_WAITING;
	j->due = clock_monotonic();
	(void)pthread_mutex_lock(&r->lock);
	while (*end != NULL)
		end = &(*end)->next;
	*end = j;
	(void)pthread_cond_broadcast(&r->changed);
	(void)pthread_mutex_unlock(&r->lock);
	return id;
}

void job_every(struct job_runner *r, const char *name, usec_t period, job_fn fn, void *ctx)
{
	struct job *j = MEM_NEW(struct job);
	j->status.name = name;
	j->period = period > 0 ? period : 1;
	j->fn = fn;
	j->ctx = ctx;
	(void)add(r, j);
}

struct uuid job_start(struct job_runner *r, const char *name, job_fn fn, void *ctx, void (*done)(void *ctx))
{
	struct job *j = MEM_NEW(struct job);
	j->status.name = name;
	j->fn = fn;
	j->ctx = ctx;
	j->done = done;
	return add(r, j);
}

void job_wake(struct job_runner *r, const char *name)
{
	(void)pthread_mutex_lock(&r->lock);
	for (struct job *j = r->jobs; j != NULL; j = j->next)
		if (j->period > 0 && str_eq_c(str_c(name), j->status.name))
			/* Running: 0 says "once more at once" to run(). */
			j->due = j->status.state == JOB_WAITING ? clock_monotonic() : 0;
	(void)pthread_cond_broadcast(&r->changed);
	(void)pthread_mutex_unlock(&r->lock);
}

void job_progress(struct job *job, uint64_t done, uint64_t total)
{
	(void)pthread_mutex_lock(&job->runner->lock);
	job->status.done = done;
	job->status.total = total;
	(void)pthread_mutex_unlock(&job->runner->lock);
}

bool job_cancelled(const struct job *job)
{
	(void)pthread_mutex_lock(&job->runner->lock);
	bool cancelled = job->cancelled || job->runner->stopping;
	(void)pthread_mutex_unlock(&job->runner->lock);
	return cancelled;
}

/* Lock is held. */
static struct job *find(struct job_runner *r, const struct uuid *id)
{
	for (struct job *j = r->jobs; j != NULL; j = j->next)
		if (uuid_eq(&j->status.id, id))
			return j;
	return NULL;
}

bool job_status(struct job_runner *r, const struct uuid *id, struct job_status *ret)
{
	(void)pthread_mutex_lock(&r->lock);
	const struct job *j = find(r, id);
	if (j != NULL)
		*ret = j->status;
	(void)pthread_mutex_unlock(&r->lock);
	return j != NULL;
}

void job_cancel(struct job_runner *r, const struct uuid *id)
{
	(void)pthread_mutex_lock(&r->lock);
	struct job *j = find(r, id);
	if (j != NULL && j->period == 0)
		j->cancelled = true;
	(void)pthread_cond_broadcast(&r->changed);
	(void)pthread_mutex_unlock(&r->lock);
}

void job_counts(struct job_runner *r, uint64_t ret[JOB_STATE__COUNT])
{
	for (size_t i = 0; i < JOB_STATE__COUNT; i++)
		ret[i] = 0;
	(void)pthread_mutex_lock(&r->lock);
	for (const struct job *j = r->jobs; j != NULL; j = j->next)
		ret[j->status.state]++;
	(void)pthread_mutex_unlock(&r->lock);
}
