/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Token buckets: a sender may save up ten seconds' worth. */
#include <assert.h>

#include "engine/listen/listen_internal.h"

#define BURST_S 10

struct bucket {
	struct uuid id;
	int64_t tokens; /* below nought: what was charged beforehand */
	usec_t filled;  /* monotonic */
};

struct listen_rates {
	pthread_mutex_t lock; /* everything below */
	struct bucket *buckets; /* senders with a limit: few */
	size_t count, capacity;
};

struct listen_rates *listen_rates_new(void)
{
	struct listen_rates *r = MEM_NEW(struct listen_rates);
	(void)pthread_mutex_init(&r->lock, NULL);
	return r;
}

void listen_rates_free(struct listen_rates *r)
{
	if (r == NULL)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	mem_free(r->buckets);
	mem_free(r);
}

/* Lock held. */
static struct bucket *filled(struct listen_rates *r, const struct event_sender *s, usec_t now)
{
	const int64_t most = (int64_t)s->rate_per_s * BURST_S;
	struct bucket *b = NULL;
	for (size_t i = 0; i < r->count && b == NULL; i++)
		if (uuid_eq(&r->buckets[i].id, &s->id))
			b = &r->buckets[i];
	if (b == NULL) {
		if (r->count == r->capacity) {
			r->capacity = r->capacity > 0 ? 2 * r->capacity : 16;
			r->buckets = mem_realloc_array(r->buckets, r->capacity, sizeof(*r->buckets));
		}
		assert(r->buckets != NULL);
		b = &r->buckets[r->count++];
		*b = (struct bucket){.id = s->id, .tokens = most, .filled = now};
	}
	usec_t passed = now - b->filled, whole = passed < BURST_S * USEC_PER_SEC ? passed : BURST_S * USEC_PER_SEC;
	int64_t more = whole * (int64_t)s->rate_per_s / USEC_PER_SEC;
	if (more > 0) {
		b->tokens = b->tokens + more < most ? b->tokens + more : most;
		b->filled = now;
	}
	return b;
}

uint64_t listen_rate_pass(struct listen_rates *r, const struct event_sender *s, uint64_t wanted, usec_t now)
{
	if (s->rate_per_s == 0)
		return wanted;
	(void)pthread_mutex_lock(&r->lock);
	struct bucket *b = filled(r, s, now);
	uint64_t there = b->tokens > 0 ? (uint64_t)b->tokens : 0, passes = wanted < there ? wanted : there;
	b->tokens -= (int64_t)passes;
	(void)pthread_mutex_unlock(&r->lock);
	return passes;
}

usec_t listen_rate_charge(struct listen_rates *r, const struct event_sender *s, uint64_t events, usec_t now)
{
	if (s->rate_per_s == 0)
		return 0;
	(void)pthread_mutex_lock(&r->lock);
	struct bucket *b = filled(r, s, now);
	b->tokens -= (int64_t)events;
	usec_t wait = b->tokens < 0 ? -b->tokens * USEC_PER_SEC / (int64_t)s->rate_per_s + 1 : 0;
	(void)pthread_mutex_unlock(&r->lock);
	return wait;
}
