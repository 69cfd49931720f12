/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_senders.h"

#include <stdlib.h>

struct event_senders {
	struct event_sender *all; /* sorted by credential; those without one first */
	size_t count;
	const struct event_sender **by_address; /* by prefix, the longest first, then by address */
	size_t address_count;
	unsigned char prefixes[129]; /* those that occur, the longest first */
	size_t prefix_count;
};

static int compare_credentials(const void *a, const void *b)
{
	return strcmp(((const struct event_sender *)a)->credential, ((const struct event_sender *)b)->credential);
}

static int compare_networks(const struct event_address *a, const struct event_address *b)
{
	if (a->prefix != b->prefix)
		return a->prefix > b->prefix ? -1 : 1;
	return memcmp(a->ip, b->ip, sizeof(a->ip));
}

static int compare_addresses(const void *a, const void *b)
{
	const struct event_sender *const *x = a, *const *y = b;
	int c = compare_networks(&(*x)->address, &(*y)->address);
	return c != 0 ? c : memcmp((*x)->id.b, (*y)->id.b, sizeof((*x)->id.b));
}

static int find_address(const void *key, const void *element)
{
	const struct event_sender *const *e = element;
	return compare_networks(key, &(*e)->address);
}

struct event_senders *event_senders_new(const struct event_sender *senders, size_t count)
{
	struct event_senders *s = MEM_NEW(struct event_senders);
	s->all = mem_alloc_array(count, sizeof(*s->all));
	s->by_address = mem_alloc_array(count, sizeof(*s->by_address));
	s->count = count;
	if (count > 0)
		memcpy(s->all, senders, count * sizeof(*s->all));
	qsort(s->all, count, sizeof(*s->all), compare_credentials);
	for (size_t i = 0; i < count; i++)
		if (s->all[i].address.set)
			s->by_address[s->address_count++] = &s->all[i];
	qsort(s->by_address, s->address_count, sizeof(*s->by_address), compare_addresses);
	for (size_t i = 0; i < s->address_count; i++) {
		unsigned char prefix = s->by_address[i]->address.prefix;
		if (s->prefix_count == 0 || s->prefixes[s->prefix_count - 1] != prefix)
			s->prefixes[s->prefix_count++] = prefix;
	}
	return s;
}

void event_senders_free(struct event_senders *s)
{
	if (s == NULL)
		return;
	mem_free(s->all);
	mem_free(s->by_address);
	mem_free(s);
}

static bool lives(const struct event_sender *s, usec_t now)
{
	return s->not_after == 0 || s->not_after > now;
}

const struct event_sender *event_senders_by_credential(const struct event_senders *s, struct str credential, usec_t now)
{
	struct event_sender key = {0};
	if (s == NULL || credential.n != sizeof(key.credential) - 1 || s->count == 0)
		return NULL;
	str_copy_c(credential, key.credential, sizeof(key.credential));
	const struct event_sender *found = bsearch(&key, s->all, s->count, sizeof(key), compare_credentials);
	return found != NULL && lives(found, now) ? found : NULL;
}

const struct event_sender *event_senders_by_address(const struct event_senders *s, const struct event_address *address,
                                                    usec_t now)
{
	if (s == NULL || !address->set)
		return NULL;
	for (size_t i = 0; i < s->prefix_count; i++) {
		if (s->prefixes[i] > address->prefix)
			continue;
		struct event_address network = event_address_network(address, s->prefixes[i]);
		const struct event_sender *const *found =
			bsearch(&network, s->by_address, s->address_count, sizeof(*s->by_address), find_address);
		if (found != NULL && lives(*found, now))
			return *found;
	}
	return NULL;
}

