/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/listen/listen_stream_internal.h"

struct listen_peers {
	pthread_mutex_t lock;
	struct event_address *list; /* lock; one a connection */
	unsigned count;             /* lock */
	unsigned max, max_per_address;
};

struct listen_peers *listen_peers_new(unsigned max, unsigned max_per_address)
{
	struct listen_peers *p = MEM_NEW(struct listen_peers);
	(void)pthread_mutex_init(&p->lock, NULL);
	p->list = mem_alloc_array(max, sizeof(*p->list));
	p->max = max;
	p->max_per_address = max_per_address;
	return p;
}

void listen_peers_free(struct listen_peers *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_destroy(&p->lock);
	mem_free(p->list);
	mem_free(p);
}

static bool same(const struct event_address *a, const struct event_address *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool listen_peers_add(struct listen_peers *p, const struct event_address *peer)
{
	unsigned there = 0;
	(void)pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < p->count; i++)
		there += same(&p->list[i], peer) ? 1 : 0;
	bool ok = p->count < p->max && there < p->max_per_address;
	if (ok)
		p->list[p->count++] = *peer;
	(void)pthread_mutex_unlock(&p->lock);
	return ok;
}

void listen_peers_remove(struct listen_peers *p, const struct event_address *peer)
{
	(void)pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < p->count; i++)
		if (same(&p->list[i], peer)) {
			p->list[i] = p->list[--p->count];
			break;
		}
	(void)pthread_mutex_unlock(&p->lock);
}
