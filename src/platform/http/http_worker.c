/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/http/http_worker.h"

#include <assert.h>
#include <pthread.h>

#include "base/mem/mem.h"

struct http_workers {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct http_work *head, **tail; /* lock */
	bool stopping;                  /* lock */
	unsigned thread_count;
	pthread_t threads[64];
};

static void *worker_main(void *arg)
{
	struct http_workers *w = arg;
	(void)pthread_mutex_lock(&w->lock);
	for (;;) {
		while (w->head == NULL && !w->stopping)
			(void)pthread_cond_wait(&w->wake, &w->lock);
		struct http_work *work = w->head;
		if (work == NULL)
			break;
		w->head = work->next;
		if (w->head == NULL)
			w->tail = &w->head;
		(void)pthread_mutex_unlock(&w->lock);
		work->run(work);
		(void)pthread_mutex_lock(&w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct http_workers *http_workers_new(unsigned threads)
{
	struct http_workers *w = MEM_NEW(struct http_workers);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	w->tail = &w->head;
	if (threads > ARRAY_LEN(w->threads))
		threads = ARRAY_LEN(w->threads);
	while (w->thread_count < threads && pthread_create(&w->threads[w->thread_count], NULL, worker_main, w) == 0)
		w->thread_count++;
	assert(w->thread_count > 0);
	return w;
}

void http_workers_submit(struct http_workers *w, struct http_work *work)
{
	work->next = NULL;
	(void)pthread_mutex_lock(&w->lock);
	*w->tail = work;
	w->tail = &work->next;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
}

void http_workers_free(struct http_workers *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->stopping = true;
	(void)pthread_cond_broadcast(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->thread_count; i++)
		(void)pthread_join(w->threads[i], NULL);
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	mem_free(w);
}
