/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/detect/detect_internal.h"

struct worker {
	struct detect_pool *pool;
	pthread_t thread;
	unsigned number;
};

struct detect_pool {
	struct worker workers[DETECT_THREADS_MAX];
	unsigned count; /* started; thread 0 is the caller */
	pthread_mutex_t lock;
	pthread_cond_t begin, end;
	/* lock */
	bool stopping;
	uint64_t round;
	unsigned busy;
	/* Set while nobody works. */
	detect_pool_fn fn;
	void *ctx;
	size_t pieces;
	_Atomic size_t next;
};

static void work(struct detect_pool *p, unsigned thread)
{
	for (size_t piece; (piece = atomic_fetch_add(&p->next, 1)) < p->pieces;)
		p->fn(p->ctx, thread, piece);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct detect_pool *p = w->pool;
	uint64_t seen = 0;
	(void)pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->stopping && p->round == seen)
			(void)pthread_cond_wait(&p->begin, &p->lock);
		if (p->stopping)
			break;
		seen = p->round;
		(void)pthread_mutex_unlock(&p->lock);
		work(p, w->number);
		(void)pthread_mutex_lock(&p->lock);
		if (--p->busy == 0)
			(void)pthread_cond_signal(&p->end);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

int detect_pool_new(unsigned threads, struct detect_pool **ret, struct err *err)
{
	struct detect_pool *p = MEM_NEW(struct detect_pool);
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->begin, NULL);
	(void)pthread_cond_init(&p->end, NULL);
	for (unsigned i = 1; i < threads && i < DETECT_THREADS_MAX; i++) {
		struct worker *w = &p->workers[p->count];
		*w = (struct worker){.pool = p, .number = i};
		int e = pthread_create(&w->thread, NULL, worker_main, w);
		if (e != 0) {
			detect_pool_free(p);
			return err_errno(err, e, "pthread_create", STR_EMPTY);
		}
		p->count++;
	}
	*ret = p;
	return 0;
}

void detect_pool_free(struct detect_pool *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->stopping = true;
	(void)pthread_cond_broadcast(&p->begin);
	(void)pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->count; i++)
		(void)pthread_join(p->workers[i].thread, NULL);
	(void)pthread_cond_destroy(&p->begin);
	(void)pthread_cond_destroy(&p->end);
	(void)pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

void detect_pool_run(struct detect_pool *p, size_t pieces, detect_pool_fn fn, void *ctx)
{
	p->fn = fn;
	p->ctx = ctx;
	p->pieces = pieces;
	atomic_store(&p->next, 0);
	/* One piece is done sooner here than another thread is woken. */
	bool alone = pieces < 2 || p->count == 0;
	if (!alone) {
		(void)pthread_mutex_lock(&p->lock);
		p->round++;
		p->busy = p->count;
		(void)pthread_cond_broadcast(&p->begin);
		(void)pthread_mutex_unlock(&p->lock);
	}
	work(p, 0);
	if (alone)
		return;
	(void)pthread_mutex_lock(&p->lock);
	while (p->busy > 0)
		(void)pthread_cond_wait(&p->end, &p->lock);
	(void)pthread_mutex_unlock(&p->lock);
}
