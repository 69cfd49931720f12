/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_queue.h"

#include <pthread.h>

#include "base/clock/clock_wait.h"

#define BUCKETS 4096

struct node {
	struct node *next;        /* in order */
	struct node *next_bucket;
	char *path;
};

struct agent_queue {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* All below: lock. */
	struct node *head, **tail;
	struct node *buckets[BUCKETS];
	size_t count, limit;
	char **folders;
	size_t folder_count, folder_limit;
	bool everything;
	bool stopped;
	uint64_t overflows;
};

static size_t bucket_of(const char *path)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a */
	for (; *path != '\0'; path++)
		h = (h ^ (unsigned char)*path) * 1099511628211u;
	return (size_t)(h % BUCKETS);
}

struct agent_queue *agent_queue_new(size_t limit, size_t folder_limit)
{
	struct agent_queue *q = MEM_NEW(struct agent_queue);
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->wake, NULL);
	q->tail = &q->head;
	q->limit = limit;
	q->folder_limit = folder_limit;
	q->folders = mem_alloc_array(folder_limit, sizeof *q->folders);
	return q;
}

void agent_queue_free(struct agent_queue *q)
{
	if (q == NULL)
		return;
	while (q->head != NULL) {
		struct node *n = q->head;
		q->head = n->next;
		mem_free(n->path);
		mem_free(n);
	}
	for (size_t i = 0; i < q->folder_count; i++)
		mem_free(q->folders[i]);
	mem_free(q->folders);
	(void)pthread_cond_destroy(&q->wake);
	(void)pthread_mutex_destroy(&q->lock);
	mem_free(q);
}

/* Lock held. */
static void add_folder(struct agent_queue *q, struct str folder)
{
	if (q->everything)
		return;
	for (size_t i = 0; i < q->folder_count; i++)
		if (str_eq_c(folder, q->folders[i]))
			return;
	if (folder.n == 0 || q->folder_count == q->folder_limit) {
		q->everything = true;
		while (q->folder_count > 0)
			mem_free(q->folders[--q->folder_count]);
		return;
	}
	q->folders[q->folder_count++] = mem_strdup(folder);
}

static struct str folder_of(const char *path)
{
	struct str p = str_c(path);
	while (p.n > 0 && p.p[p.n - 1] != '/' && p.p[p.n - 1] != '\\')
		p.n--;
	return p.n > 1 ? str_sub(p, 0, p.n - 1) : p;
}

void agent_queue_push(struct agent_queue *q, const char *path)
{
	size_t bucket = bucket_of(path);
	(void)pthread_mutex_lock(&q->lock);
	struct node *n = q->buckets[bucket];
	while (n != NULL && strcmp(n->path, path) != 0)
		n = n->next_bucket;
	if (n == NULL && q->count >= q->limit) {
		q->overflows++;
		add_folder(q, folder_of(path));
	} else if (n == NULL) {
		n = MEM_NEW(struct node);
		n->path = mem_strdup(str_c(path));
		n->next_bucket = q->buckets[bucket];
		q->buckets[bucket] = n;
		*q->tail = n;
		q->tail = &n->next;
		q->count++;
	}
	(void)pthread_cond_broadcast(&q->wake);
	(void)pthread_mutex_unlock(&q->lock);
}

void agent_queue_push_folder(struct agent_queue *q, const char *folder)
{
	(void)pthread_mutex_lock(&q->lock);
	if (folder == NULL)
		q->overflows++;
	add_folder(q, str_c(folder));
	(void)pthread_cond_broadcast(&q->wake);
	(void)pthread_mutex_unlock(&q->lock);
}

static char *take_first(struct agent_queue *q)
{
	struct node *n = q->head;
	q->head = n->next;
	if (q->head == NULL)
		q->tail = &q->head;
	struct node **link = &q->buckets[bucket_of(n->path)];
	while (*link != n)
		link = &(*link)->next_bucket;
	*link = n->next_bucket;
	q->count--;
	char *path = n->path;
	mem_free(n);
	return path;
}

char *agent_queue_pop(struct agent_queue *q, usec_t timeout)
{
	char *path = NULL;
	usec_t until = clock_monotonic() + timeout;
	(void)pthread_mutex_lock(&q->lock);
	while (q->head == NULL && !q->stopped)
		if (clock_wait(&q->wake, &q->lock, until) != 0)
			break;
	if (q->head != NULL && !q->stopped) {
		path = take_first(q);
		if (q->count <= q->limit / 2)
			(void)pthread_cond_broadcast(&q->wake);
	}
	(void)pthread_mutex_unlock(&q->lock);
	return path;
}

char *agent_queue_pop_folder(struct agent_queue *q, usec_t timeout)
{
	char *folder = NULL;
	usec_t until = clock_monotonic() + timeout;
	(void)pthread_mutex_lock(&q->lock);
	while (!q->stopped && (q->count > q->limit / 2 || (q->folder_count == 0 && !q->everything)))
		if (clock_wait(&q->wake, &q->lock, until) != 0)
			break;
	if (!q->stopped && q->count <= q->limit / 2) {
		if (q->everything) {
			q->everything = false;
			folder = mem_strdup(STR(""));
		} else if (q->folder_count > 0) {
			folder = q->folders[--q->folder_count];
		}
	}
	(void)pthread_mutex_unlock(&q->lock);
	return folder;
}

void agent_queue_stop(struct agent_queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	q->stopped = true;
	(void)pthread_cond_broadcast(&q->wake);
	(void)pthread_mutex_unlock(&q->lock);
}

size_t agent_queue_length(struct agent_queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	size_t n = q->count;
	(void)pthread_mutex_unlock(&q->lock);
	return n;
}

uint64_t agent_queue_overflows(struct agent_queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	uint64_t n = q->overflows;
	(void)pthread_mutex_unlock(&q->lock);
	return n;
}
