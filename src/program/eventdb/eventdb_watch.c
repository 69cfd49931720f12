/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/eventdb/eventdb_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock/clock_wait.h"

#define LOOK_EVERY (250 * USEC_PER_MS)
#define ENDED_AT_ONCE 16

struct eventdb_watch {
	void (*end)(void *ctx, const char *name);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct eventdb_watched *list; /* lock */
	uint64_t last;                /* lock */
	bool stopping;                /* lock */
};

/* Lock held: an entry, and with it the request that gone() asks about, stays as long as it is listed. */
static size_t find_gone(const struct eventdb_watch *w, char names[ENDED_AT_ONCE][EVENTDB_WATCH_NAME])
{
	size_t n = 0;
	for (const struct eventdb_watched *e = w->list; e != NULL && n < ENDED_AT_ONCE; e = e->next)
		if (e->query->gone != NULL && e->query->gone(e->query->gone_ctx))
			str_copy_c(str_c(e->name), names[n++], EVENTDB_WATCH_NAME);
	return n;
}

static void *watch_main(void *arg)
{
	struct eventdb_watch *w = arg;
	char names[ENDED_AT_ONCE][EVENTDB_WATCH_NAME];
	(void)pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		if (w->list == NULL)
			(void)pthread_cond_wait(&w->wake, &w->lock);
		else
			(void)clock_wait(&w->wake, &w->lock, clock_monotonic() + LOOK_EVERY);
		size_t n = find_gone(w, names);
		(void)pthread_mutex_unlock(&w->lock);
		for (size_t i = 0; i < n; i++)
			w->end(w->ctx, names[i]);
		(void)pthread_mutex_lock(&w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct eventdb_watch *eventdb_watch_new(void (*end)(void *ctx, const char *name), void *ctx)
{
	struct eventdb_watch *w = MEM_NEW(struct eventdb_watch);
	w->end = end;
	w->ctx = ctx;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	if (pthread_create(&w->thread, NULL, watch_main, w) != 0)
		abort();
	return w;
}

void eventdb_watch_free(struct eventdb_watch *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stopping = true;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	mem_free(w);
}

void eventdb_watch_begin(struct eventdb_watch *w, struct eventdb_watched *entry, const struct eventdb_query *query)
{
	(void)pthread_mutex_lock(&w->lock);
	entry->query = query;
	(void)snprintf(entry->name, sizeof entry->name, "luytre-%d-%llu", (int)getpid(), (unsigned long long)++w->last);
	entry->next = w->list;
	w->list = entry;
	(void)pthread_cond_signal(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
}

void eventdb_watch_end(struct eventdb_watch *w, struct eventdb_watched *entry)
{
	(void)pthread_mutex_lock(&w->lock);
	struct eventdb_watched **link = &w->list;
	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	(void)pthread_mutex_unlock(&w->lock);
}
