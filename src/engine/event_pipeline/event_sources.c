/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_sources.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/text/text.h"

#define SKEWS 64

struct source {
	struct event_source_counts c;
	int64_t skews[SKEWS]; /* a ring */
	uint64_t skew_next;
};

struct event_sources {
	pthread_mutex_t lock; /* everything below */
	struct source *sources;
	size_t count, capacity;
	uint32_t *slots; /* open addressing over ids: place in `sources` + 1, 0 free */
	size_t slot_count;
	struct event_stranger *strangers;
	size_t stranger_count;
	struct event_sources_totals totals;
};

const char *event_via_name(enum event_via via)
{
	static const char *const names[EVENT_VIA__COUNT] = {"http", "udp", "tcp", "tls", "file", "journal"};
	return via < EVENT_VIA__COUNT ? names[via] : "";
}

struct event_sources *event_sources_new(void)
{
	struct event_sources *s = MEM_NEW(struct event_sources);
	(void)pthread_mutex_init(&s->lock, NULL);
	s->strangers = mem_alloc_array(EVENT_STRANGERS_MAX, sizeof(*s->strangers));
	return s;
}

void event_sources_free(struct event_sources *s)
{
	if (s == NULL)
		return;
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s->sources);
	mem_free(s->slots);
	mem_free(s->strangers);
	mem_free(s);
}

/* ---- rows; the lock is held ---- */

static size_t slot_of(const struct event_sources *s, const struct uuid *id)
{
	uint64_t h;
	memcpy(&h, id->b + 8, sizeof(h)); /* the random half of a UUIDv7 */
	size_t i = (size_t)(h % s->slot_count);
	while (s->slots[i] != 0 && !uuid_eq(&s->sources[s->slots[i] - 1].c.id, id))
		i = (i + 1) % s->slot_count;
	return i;
}

static void grow(struct event_sources *s)
{
	s->capacity = s->capacity > 0 ? 2 * s->capacity : 64;
	s->sources = mem_realloc_array(s->sources, s->capacity, sizeof(*s->sources));
	s->slot_count = 2 * s->capacity + 1;
	mem_free(s->slots);
	s->slots = mem_alloc_array(s->slot_count, sizeof(*s->slots));
	memset(s->slots, 0, s->slot_count * sizeof(*s->slots));
	for (size_t i = 0; i < s->count; i++)
		s->slots[slot_of(s, &s->sources[i].c.id)] = (uint32_t)(i + 1);
}

static struct source *source_of(struct event_sources *s, const struct uuid *id)
{
	if (s->count == s->capacity)
		grow(s);
	size_t slot = slot_of(s, id);
	if (s->slots[slot] == 0) {
		s->sources[s->count] = (struct source){.c.id = *id};
		s->slots[slot] = (uint32_t)++s->count;
	}
	return &s->sources[s->slots[slot] - 1];
}

/* Whole characters that fit; what is no text becomes '?'. */
static void keep_sample(char out[EVENT_SOURCE_SAMPLE], struct str text)
{
	struct buf b = BUF_FIXED(out, EVENT_SOURCE_SAMPLE);
	for (size_t at = 0; at < text.n;) {
		size_t from = at;
		int32_t code = text_utf8_next(text, &at);
		struct str bytes = code >= 0x20 ? str_sub(text, from, at) : code == '\t' ? STR(" ") : STR("?");
		if (b.n + bytes.n >= EVENT_SOURCE_SAMPLE)
			break;
		buf_append(&b, bytes);
	}
	out[b.n] = '\0';
}

/* ---- counting ---- */

void event_sources_took(struct event_sources *s, const struct uuid *id, const struct event_ingested *taken, uint64_t bytes,
                        enum event_via via, usec_t now)
{
	(void)pthread_mutex_lock(&s->lock);
	struct event_source_counts *c = &source_of(s, id)->c;
	c->taken += taken->taken;
	c->bytes += bytes;
	c->duplicates += taken->duplicates;
	c->rejected += taken->rejected;
	if (taken->shown_count > 0)
		str_copy_c(str_c(taken->shown[taken->shown_count - 1].key), c->rejected_key, sizeof(c->rejected_key));
	if (taken->taken > 0) {
		c->first_received = c->first_received == 0 ? now : c->first_received;
		c->last_received = now;
		c->via = via;
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void event_sources_rejected(struct event_sources *s, const struct uuid *id, const char *key, uint64_t count)
{
	(void)pthread_mutex_lock(&s->lock);
	struct event_source_counts *c = &source_of(s, id)->c;
	c->rejected += count;
	str_copy_c(str_c(key), c->rejected_key, sizeof(c->rejected_key));
	(void)pthread_mutex_unlock(&s->lock);
}

void event_sources_dropped(struct event_sources *s, const struct uuid *id, uint64_t count)
{
	(void)pthread_mutex_lock(&s->lock);
	source_of(s, id)->c.dropped += count;
	(void)pthread_mutex_unlock(&s->lock);
}

void event_sources_limited(struct event_sources *s, const struct uuid *id, uint64_t count)
{
	(void)pthread_mutex_lock(&s->lock);
	source_of(s, id)->c.limited += count;
	(void)pthread_mutex_unlock(&s->lock);
}

static void note_skew(struct source *x, int64_t skew_s)
{
	struct event_source_counts *c = &x->c;
	x->skews[x->skew_next++ % SKEWS] = skew_s;
	c->skew_min_s = c->skew_count == 0 || skew_s < c->skew_min_s ? skew_s : c->skew_min_s;
	c->skew_max_s = c->skew_count == 0 || skew_s > c->skew_max_s ? skew_s : c->skew_max_s;
	c->skew_count++;
}

void event_sources_parsed(struct event_sources *s, const struct uuid *id, usec_t received, usec_t time, struct str unparsed)
{
	(void)pthread_mutex_lock(&s->lock);
	struct source *x = source_of(s, id);
	if (time != 0)
		note_skew(x, (received - time) / USEC_PER_SEC);
	if (unparsed.p != NULL && x->c.unparsed++ % 64 == 0)
		keep_sample(x->c.unparsed_sample, unparsed);
	(void)pthread_mutex_unlock(&s->lock);
}

/* ---- strangers ---- */

static struct event_stranger *find_stranger(struct event_sources *s, const struct event_address *address, struct str credential)
{
	for (size_t i = 0; i < s->stranger_count; i++)
		if (memcmp(s->strangers[i].address.ip, address->ip, sizeof(address->ip)) == 0 &&
		    str_eq_c(credential, s->strangers[i].credential))
			return &s->strangers[i];
	return NULL;
}

/* Forged datagrams could fill the table: the one that was silent longest makes room. */
static struct event_stranger *new_stranger(struct event_sources *s)
{
	if (s->stranger_count < EVENT_STRANGERS_MAX)
		return &s->strangers[s->stranger_count++];
	struct event_stranger *oldest = &s->strangers[0];
	for (size_t i = 1; i < s->stranger_count; i++)
		if (s->strangers[i].last < oldest->last)
			oldest = &s->strangers[i];
	s->totals.strangers_forgotten++;
	return oldest;
}

void event_sources_stranger(struct event_sources *s, const struct event_address *address, struct str credential,
                            enum event_via via, struct str sample, uint64_t count, usec_t now)
{
	(void)pthread_mutex_lock(&s->lock);
	struct event_stranger *x = find_stranger(s, address, credential);
	if (x == NULL) {
		x = new_stranger(s);
		*x = (struct event_stranger){.address = *address, .first = now};
		str_copy_c(credential, x->credential, sizeof(x->credential));
	}
	if (x->sample[0] == '\0')
		keep_sample(x->sample, sample);
	x->via = via;
	x->count += count;
	x->last = now;
	s->totals.unknown_events += count;
	(void)pthread_mutex_unlock(&s->lock);
}

void event_sources_forget_stranger(struct event_sources *s, const struct event_address *address, struct str credential)
{
	(void)pthread_mutex_lock(&s->lock);
	struct event_stranger *x = find_stranger(s, address, credential);
	if (x != NULL)
		*x = s->strangers[--s->stranger_count];
	(void)pthread_mutex_unlock(&s->lock);
}

void event_sources_kernel_dropped(struct event_sources *s, uint64_t count)
{
	(void)pthread_mutex_lock(&s->lock);
	s->totals.kernel_dropped += count;
	(void)pthread_mutex_unlock(&s->lock);
}

void event_sources_connections(struct event_sources *s, int64_t opened, uint64_t refused)
{
	(void)pthread_mutex_lock(&s->lock);
	s->totals.connections += (uint64_t)opened;
	s->totals.connections_refused += refused;
	(void)pthread_mutex_unlock(&s->lock);
}

/* ---- showing ---- */

void event_sources_totals(struct event_sources *s, struct event_sources_totals *ret)
{
	(void)pthread_mutex_lock(&s->lock);
	*ret = s->totals;
	ret->sources = s->count;
	ret->strangers = s->stranger_count;
	(void)pthread_mutex_unlock(&s->lock);
}

static int compare_skews(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static int64_t median(const struct source *x)
{
	int64_t sorted[SKEWS];
	size_t n = x->skew_next < SKEWS ? (size_t)x->skew_next : SKEWS;
	if (n == 0)
		return 0;
	memcpy(sorted, x->skews, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_skews);
	return sorted[n / 2];
}

size_t event_sources_list(struct event_sources *s, size_t from, struct event_source_counts *ret, size_t max)
{
	size_t n = 0;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = from; i < s->count && n < max; i++) {
		ret[n] = s->sources[i].c;
		ret[n++].skew_median_s = median(&s->sources[i]);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

size_t event_sources_strangers(struct event_sources *s, size_t from, struct event_stranger *ret, size_t max)
{
	size_t n = 0;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = from; i < s->stranger_count && n < max; i++)
		ret[n++] = s->strangers[i];
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}
