/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Patterns split at a long jump: a part that fits waits until the next one turns up at the right distance. */
#include "engine/signature/signature_pattern_scan.h"

static bool in_gap(const struct signature_waiting *w, const struct signature_part *next, uint64_t offset)
{
	uint64_t end = w->offset + w->length;
	return end + next->gap_min <= offset && end + next->gap_max >= offset;
}

static void list_remove(struct signature_scratch *s, struct signature_waiting_list *list, uint32_t i)
{
	struct signature_waiting *w = &s->waiting[i];
	*(w->before != SIGNATURE_NONE ? &s->waiting[w->before].after : &list->first) = w->after;
	*(w->after != SIGNATURE_NONE ? &s->waiting[w->after].before : &list->last) = w->before;
	w->after = s->waiting_free;
	s->waiting_free = i;
}

static uint32_t waiting_new(struct signature_scratch *s)
{
	uint32_t i = s->waiting_free;
	if (i != SIGNATURE_NONE) {
		s->waiting_free = s->waiting[i].after;
		return i;
	}
	return s->waiting_count < SIGNATURE_WAITING_LIMIT ? s->waiting_count++ : SIGNATURE_NONE;
}

static void list_add(struct signature_scan *scan, struct signature_waiting_list *list, uint64_t offset, uint32_t length)
{
	struct signature_scratch *s = scan->scratch;
	uint32_t before = list->last;
	while (before != SIGNATURE_NONE && s->waiting[before].offset > offset && signature_scan_work(scan, 1))
		before = s->waiting[before].before;
	if (before != SIGNATURE_NONE && s->waiting[before].offset == offset)
		return;
	uint32_t new = waiting_new(s);
	if (new == SIGNATURE_NONE) {
		s->too_many = true;
		return;
	}
	uint32_t after = before != SIGNATURE_NONE ? s->waiting[before].after : list->first;
	s->waiting[new] = (struct signature_waiting){.offset = offset, .length = length, .before = before, .after = after};
	*(before != SIGNATURE_NONE ? &s->waiting[before].after : &list->first) = new;
	*(after != SIGNATURE_NONE ? &s->waiting[after].before : &list->last) = new;
}

/* libyara forgets as soon as the last part is too far, though a nearer one may turn up yet. */
static bool out_of_reach(const struct signature_waiting *w, const struct signature_part *part, uint64_t offset)
{
	if ((part->flags & SIGNATURE_PART_LAST) != 0)
		return w->offset + w->length + part->gap_max < offset;
	return part->reach != SIGNATURE_NONE && w->offset + w->length + part->reach < offset;
}

/* Whether a part before this one waits at the right distance. What no end of the chain can meet any more is forgotten. */
static bool follows(struct signature_scan *s, const struct signature_part *part, uint64_t offset)
{
	struct signature_scratch *m = s->scratch;
	struct signature_waiting_list *list = &m->lists[s->parts[part->previous].waiting];
	for (uint32_t i = list->first, next; i != SIGNATURE_NONE && signature_scan_work(s, 1); i = next) {
		next = m->waiting[i].after;
		if (out_of_reach(&m->waiting[i], part, offset))
			list_remove(m, list, i);
		else if (in_gap(&m->waiting[i], part, offset))
			return true;
	}
	return false;
}

/* Every part that leads to the one at `offset` learns how many follow it. */
static void chain_tell(struct signature_scan *s, const struct signature_part *part, uint64_t offset, uint32_t chained)
{
	struct signature_scratch *m = s->scratch;
	if (part->previous == SIGNATURE_NONE)
		return;
	const struct signature_part *previous = &s->parts[part->previous];
	for (uint32_t i = m->lists[previous->waiting].first; i != SIGNATURE_NONE && signature_scan_work(s, 1); i = m->waiting[i].after) {
		struct signature_waiting *w = &m->waiting[i];
		if (!in_gap(w, part, offset) || w->chained == chained)
			continue;
		w->chained = chained;
		chain_tell(s, previous, w->offset, chained + 1);
	}
}

static void chain_end(struct signature_scan *s, const struct signature_part *part, uint64_t start, uint32_t length)
{
	struct signature_scratch *m = s->scratch;
	chain_tell(s, part, start, 1);
	struct signature_waiting_list *heads = &m->lists[s->parts[part->head].waiting];
	for (uint32_t i = heads->first, next; i != SIGNATURE_NONE && signature_scan_work(s, 1); i = next) {
		const struct signature_waiting *w = &m->waiting[i];
		next = w->after;
		if (w->chained != part->depth)
			continue;
		signature_scratch_add(m, part->head, w->offset, (uint32_t)(start - w->offset) + length, false);
		list_remove(m, heads, i);
	}
}

void signature_scan_chain(struct signature_scan *s, const struct signature_part *part, uint64_t start, uint32_t length)
{
	if (signature_scan_is_done(s, part) || (part->previous != SIGNATURE_NONE && !follows(s, part, start)))
		return;
	if ((part->flags & SIGNATURE_PART_LAST) != 0)
		chain_end(s, part, start, length);
	else
		list_add(s, &s->scratch->lists[part->waiting], start, length);
}
