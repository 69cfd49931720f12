/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_pattern_scratch.h"

struct areas {
	size_t slots, hits, lists, machine, records, waiting, size;
};

static size_t align(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

static struct areas areas_of(const struct signature_section *head)
{
	struct areas a;
	a.slots = align(sizeof(struct signature_scratch));
	a.hits = align(a.slots + (size_t)head->pattern_count * sizeof(struct signature_slot));
	a.lists = align(a.hits + (size_t)head->pattern_count * sizeof(uint32_t));
	a.machine = align(a.lists + (size_t)head->waiting * sizeof(struct signature_waiting_list));
	a.records = align(a.machine + signature_machine_size(head->longest_program));
	a.waiting = align(a.records + (size_t)SIGNATURE_MATCH_LIMIT * sizeof(struct signature_record));
	a.size = align(a.waiting + (head->waiting > 0 ? (size_t)SIGNATURE_WAITING_LIMIT * sizeof(struct signature_waiting) : 0));
	return a;
}

size_t signature_patterns_scratch_size(const struct signature_patterns *p)
{
	return areas_of(p->head).size;
}

struct signature_scratch *signature_scratch_begin(const struct signature_patterns *p, void *memory)
{
	struct signature_scratch *s = memory;
	uint8_t *bytes = memory;
	struct areas a = areas_of(p->head);
	if (s->made_for != 0 && s->made_for != signature_scratch_owner(p))
		return NULL;
	s->made_for = signature_scratch_owner(p);
	s->slots = (void *)&bytes[a.slots];
	s->hits = (void *)&bytes[a.hits];
	s->records = (void *)&bytes[a.records];
	s->lists = (void *)&bytes[a.lists];
	s->waiting = (void *)&bytes[a.waiting];
	signature_machine_place(&s->machine, &bytes[a.machine], p->head->longest_program);
	for (uint32_t i = 0; i < p->head->waiting; i++)
		s->lists[i] = (struct signature_waiting_list){SIGNATURE_NONE, SIGNATURE_NONE};
	s->waiting_count = 0;
	s->waiting_free = SIGNATURE_NONE;
	for (uint32_t i = 0; i < s->hit_count; i++)
		s->slots[s->hits[i]] = (struct signature_slot){0, 0};
	s->hit_count = s->record_count = 0;
	s->too_many = false;
	return s;
}

void signature_scratch_add(struct signature_scratch *s, uint32_t id, uint64_t offset, uint32_t length, bool replace)
{
	struct signature_slot *slot = &s->slots[id];
	uint32_t at = slot->count > 0 ? slot->last : SIGNATURE_NONE, after = SIGNATURE_NONE;
	while (at != SIGNATURE_NONE && s->records[at].offset > offset) {
		after = at;
		at = s->records[at].before;
	}
	if (at != SIGNATURE_NONE && s->records[at].offset == offset) {
		if (replace)
			s->records[at].length = length;
		return;
	}
	if (s->record_count == SIGNATURE_MATCH_LIMIT) {
		s->too_many = true;
		return;
	}
	uint32_t new = s->record_count++;
	s->records[new] = (struct signature_record){offset, length, at};
	if (after == SIGNATURE_NONE)
		slot->last = new;
	else
		s->records[after].before = new;
	if (slot->count++ == 0)
		s->hits[s->hit_count++] = id;
}

void signature_scratch_finish(struct signature_scratch *s)
{
	uint32_t begin = 0;
	for (uint32_t i = 0; i < s->hit_count; i++) {
		struct signature_slot *slot = &s->slots[s->hits[i]];
		uint32_t at = slot->last;
		for (uint32_t n = slot->count; n > 0; n--) {
			uint32_t before = s->records[at].before;
			s->records[at].before = begin + n - 1;
			at = before;
		}
		slot->last = begin;
		begin += slot->count;
	}
	for (uint32_t i = 0; i < begin; i++)
		while (s->records[i].before != i) {
			uint32_t to = s->records[i].before;
			struct signature_record displaced = s->records[to];
			s->records[to] = s->records[i];
			s->records[i] = displaced;
		}
}

uint32_t signature_matches_hits(const struct signature_matches *m, const uint32_t **ret_ids)
{
	*ret_ids = m->scratch->hits;
	return m->scratch->hit_count;
}

uint32_t signature_matches_count(const struct signature_matches *m, uint32_t id)
{
	return id < m->pattern_count ? m->scratch->slots[id].count : 0;
}

bool signature_matches_any(const struct signature_matches *m, uint32_t id)
{
	return signature_matches_count(m, id) > 0;
}

int signature_matches_at(const struct signature_matches *m, uint32_t id, uint32_t index, uint64_t *ret_offset, uint32_t *ret_length)
{
	if (index >= signature_matches_count(m, id))
		return -ENOENT;
	const struct signature_record *r = &m->scratch->records[m->scratch->slots[id].last + index];
	*ret_offset = r->offset;
	*ret_length = r->length;
	return 0;
}

/* How many matches begin before the offset. */
static uint32_t count_before(const struct signature_record *r, uint32_t count, uint64_t offset)
{
	uint32_t from = 0, to = count;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (r[middle].offset < offset)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

uint32_t signature_matches_count_in(const struct signature_matches *m, uint32_t id, uint64_t from, uint64_t to)
{
	uint32_t count = signature_matches_count(m, id);
	if (count == 0 || from > to)
		return 0;
	const struct signature_record *r = &m->scratch->records[m->scratch->slots[id].last];
	return (to == UINT64_MAX ? count : count_before(r, count, to + 1)) - count_before(r, count, from);
}
