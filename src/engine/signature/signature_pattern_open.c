/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_pattern_internal.h"

/* Whether an array lies within the section, and its elements are aligned. */
static bool array_fits(const struct signature_section *h, struct signature_array a, size_t size)
{
	return a.at % 8 == 0 && a.at >= sizeof(*h) && (uint64_t)a.at + (uint64_t)a.count * size <= h->size;
}

static bool arrays_fit(const struct signature_section *h)
{
	return array_fits(h, h->bytes, 1) && array_fits(h, h->parts, sizeof(struct signature_part)) && array_fits(h, h->filter, sizeof(uint32_t)) &&
	       array_fits(h, h->buckets, sizeof(uint32_t)) && array_fits(h, h->atoms, sizeof(struct signature_atom)) &&
	       array_fits(h, h->pair_bitmap, 1) && array_fits(h, h->pair_nibbles, 1) && array_fits(h, h->pair_buckets, sizeof(uint32_t)) &&
	       array_fits(h, h->pairs, sizeof(struct signature_atom)) && array_fits(h, h->targets, sizeof(struct signature_target)) &&
	       array_fits(h, h->programs, sizeof(struct signature_program)) && array_fits(h, h->steps, sizeof(struct signature_step)) &&
	       array_fits(h, h->classes, 32) && array_fits(h, h->every, sizeof(uint32_t)) && array_fits(h, h->fixed, sizeof(uint32_t));
}

static bool head_fits(const struct signature_section *h)
{
	return h->pattern_count <= SIGNATURE_PATTERN_LIMIT && h->parts.count >= h->pattern_count &&
	       h->parts.count <= 2 * SIGNATURE_PATTERN_LIMIT && h->filter_bits >= SIGNATURE_FILTER_BITS_MIN && h->filter_bits <= SIGNATURE_FILTER_BITS_MAX &&
	       h->filter.count == 1u << (h->filter_bits - 5) && h->bucket_bits >= 1 && h->bucket_bits <= SIGNATURE_BUCKET_BITS_MAX &&
	       h->buckets.count == (1u << h->bucket_bits) + 1 && h->pair_bitmap.count == SIGNATURE_PAIR_BITMAP && h->pair_nibbles.count == 64 &&
	       h->waiting <= h->parts.count && h->longest_program <= SIGNATURE_STEPS_MAX && h->pair_buckets.count == 257 && h->pair_atoms == h->pairs.count;
}

/* Bucket i ends where i+1 begins; the last one with the atoms. */
static bool buckets_fit(const uint32_t *buckets, uint32_t count, uint32_t atoms)
{
	for (uint32_t i = 0; i + 1 < count; i++)
		if (buckets[i] > buckets[i + 1])
			return false;
	return buckets[count - 1] <= atoms;
}

static bool atoms_fit(const struct signature_patterns *p, struct signature_array atoms)
{
	const struct signature_atom *a = signature_array_of(p, atoms);
	const struct signature_part *parts = signature_array_of(p, p->head->parts);
	for (uint32_t i = 0; i < atoms.count; i++) {
		if (a[i].len < 1 || a[i].len > 8 || a[i].kind >= SIGNATURE_ATOM__COUNT)
			return false;
		if (a[i].kind == SIGNATURE_ATOM_REGEX) {
			if (a[i].target >= p->head->targets.count)
				return false;
			continue;
		}
		uint8_t kind = a[i].kind == SIGNATURE_ATOM_TEXT ? SIGNATURE_PART_TEXT : SIGNATURE_PART_MASKED;
		if (a[i].target >= p->head->parts.count || parts[a[i].target].kind != kind)
			return false;
	}
	return true;
}

static bool program_fits(const struct signature_patterns *p, uint32_t program)
{
	return program < p->head->programs.count;
}

/* Parts of a chain come one after the other, so that no chain is a ring. */
static bool chain_fits(const struct signature_patterns *p, const struct signature_part *parts, const struct signature_part *part)
{
	bool first = part->previous == SIGNATURE_NONE;
	if ((part->flags & SIGNATURE_PART_LINKED) == 0)
		return first && part->depth == 0;
	if (part->waiting >= p->head->waiting || (parts[part->head].flags & SIGNATURE_PART_LINKED) == 0)
		return false;
	if (first)
		return part->depth == 0 && (part->flags & SIGNATURE_PART_LAST) == 0 && &parts[part->head] == part;
	return part->previous < p->head->parts.count && part->depth <= SIGNATURE_CHAIN_MAX && part->depth == parts[part->previous].depth + 1 &&
	       parts[part->previous].head == part->head && (parts[part->previous].flags & SIGNATURE_PART_LINKED) != 0;
}

static bool part_fits(const struct signature_patterns *p, const struct signature_part *parts, uint32_t i)
{
	const struct signature_part *part = &parts[i];
	uint64_t bytes = (uint64_t)part->text_len * (part->kind == SIGNATURE_PART_MASKED ? 2 : 1);
	if (part->head >= p->head->pattern_count || (i < p->head->pattern_count && (part->head != i || part->previous != SIGNATURE_NONE)))
		return false;
	if ((part->program != SIGNATURE_NONE && !program_fits(p, part->program)) ||
	    (part->backward != SIGNATURE_NONE && !program_fits(p, part->backward)))
		return false;
	if ((part->flags & SIGNATURE_PATTERN_VALUE) != 0 && part->program == SIGNATURE_NONE)
		return false;
	switch (part->kind) {
	case SIGNATURE_PART_TEXT:
	case SIGNATURE_PART_MASKED:
		if (part->text_len == 0 || part->text_len > SIGNATURE_PATTERN_TEXT_LIMIT || part->text + bytes > p->head->bytes.count)
			return false;
		break;
	case SIGNATURE_PART_REGEX:
		break;
	default:
		return false;
	}
	return chain_fits(p, parts, part);
}

static bool parts_fit(const struct signature_patterns *p)
{
	const struct signature_part *parts = signature_array_of(p, p->head->parts);
	for (uint32_t i = 0; i < p->head->parts.count; i++)
		if (!part_fits(p, parts, i))
			return false;
	const uint32_t *fixed = signature_array_of(p, p->head->fixed);
	for (uint32_t i = 0; i < p->head->fixed.count; i++)
		if (fixed[i] >= p->head->pattern_count || parts[fixed[i]].kind == SIGNATURE_PART_REGEX)
			return false;
	return true;
}

/* Every step leads to steps of its program; the last one leads nowhere. */
static bool steps_fit(const struct signature_patterns *p, const struct signature_step *steps, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct signature_step *t = &steps[i];
		if (t->op >= SIGNATURE_OP__COUNT)
			return false;
		bool jumps = t->op == SIGNATURE_OP_SPLIT || t->op == SIGNATURE_OP_JUMP;
		if (jumps && (t->a >= count || (t->op == SIGNATURE_OP_SPLIT && t->b >= count)))
			return false;
		if (!jumps && t->op != SIGNATURE_OP_MATCH && i + 1 >= count)
			return false;
		if (t->op == SIGNATURE_OP_CLASS && t->a >= p->head->classes.count)
			return false;
	}
	return count > 0;
}

static bool programs_fit(const struct signature_patterns *p)
{
	const struct signature_program *programs = signature_array_of(p, p->head->programs);
	const struct signature_step *steps = signature_array_of(p, p->head->steps);
	for (uint32_t i = 0; i < p->head->programs.count; i++)
		if (programs[i].count > p->head->longest_program ||
		    (uint64_t)programs[i].first + programs[i].count > p->head->steps.count ||
		    !steps_fit(p, &steps[programs[i].first], programs[i].count))
			return false;
	return true;
}

static bool targets_fit(const struct signature_patterns *p)
{
	const struct signature_target *t = signature_array_of(p, p->head->targets);
	const struct signature_part *parts = signature_array_of(p, p->head->parts);
	const struct signature_program *programs = signature_array_of(p, p->head->programs);
	for (uint32_t i = 0; i < p->head->targets.count; i++) {
		if (t[i].part >= p->head->parts.count)
			return false;
		const struct signature_part *part = &parts[t[i].part];
		if (part->kind != SIGNATURE_PART_REGEX || part->program == SIGNATURE_NONE || t[i].forward >= programs[part->program].count)
			return false;
		if (t[i].class != SIGNATURE_NONE && t[i].class >= p->head->classes.count)
			return false;
		if (t[i].backward != SIGNATURE_NONE &&
		    (part->backward == SIGNATURE_NONE || t[i].backward >= programs[part->backward].count))
			return false;
	}
	const uint32_t *every = signature_array_of(p, p->head->every);
	for (uint32_t i = 0; i < p->head->every.count; i++)
		if (every[i] >= p->head->targets.count)
			return false;
	return true;
}

int signature_patterns_open(struct signature_patterns *ret, const void *section, size_t len, struct err *err)
{
	const struct signature_section *head = section;
	struct signature_patterns p = {section, len, head};
	if ((uintptr_t)section % 8 != 0 || len < sizeof(*head) || memcmp(head->magic, SIGNATURE_SECTION_MAGIC, sizeof(head->magic)) != 0)
		return err_set(err, -EBADMSG, "signature.pattern_section", ARG_STR("what", STR("head")));
	if (head->size > len || !arrays_fit(head) || !head_fits(head))
		return err_set(err, -EBADMSG, "signature.pattern_section", ARG_STR("what", STR("arrays")));
	if (!buckets_fit(signature_array_of(&p, head->buckets), head->buckets.count, head->atoms.count) ||
	    !buckets_fit(signature_array_of(&p, head->pair_buckets), head->pair_buckets.count, head->pairs.count))
		return err_set(err, -EBADMSG, "signature.pattern_section", ARG_STR("what", STR("buckets")));
	if (!programs_fit(&p) || !parts_fit(&p) || !targets_fit(&p))
		return err_set(err, -EBADMSG, "signature.pattern_section", ARG_STR("what", STR("programs")));
	if (!atoms_fit(&p, head->atoms) || !atoms_fit(&p, head->pairs))
		return err_set(err, -EBADMSG, "signature.pattern_section", ARG_STR("what", STR("atoms")));
	*ret = p;
	return 0;
}

uint32_t signature_patterns_count(const struct signature_patterns *p)
{
	return p->head->pattern_count;
}
