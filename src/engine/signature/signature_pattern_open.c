/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_pattern_internal.h"

/* Whether an array lies within the section, and its elements are aligned. */
static bool array_fits(const struct signature_section *h, struct signature_array a, size_t size)
{
	return a.at % 8 == 0 && a.at >= sizeof(*h) && (uint64_t)a.at + (uint64_t)a.count * size <= h->size;
}

static bool arrays_fit(const struct signature_section *h)
{
	return array_fits(h, h->bytes, 1) && array_fits(h, h->parts, sizeof(struct signature_part)) && array_fits(h, h->filter, 1) &&
	       array_fits(h, h->buckets, sizeof(uint32_t)) && array_fits(h, h->atoms, sizeof(struct signature_atom)) &&
	       array_fits(h, h->pair_bitmap, 1) && array_fits(h, h->pair_buckets, sizeof(uint32_t)) &&
	       array_fits(h, h->pairs, sizeof(struct signature_atom)) && array_fits(h, h->targets, sizeof(struct signature_target)) &&
	       array_fits(h, h->programs, sizeof(struct signature_program)) && array_fits(h, h->steps, sizeof(struct signature_step)) &&
	       array_fits(h, h->classes, 32) && array_fits(h, h->every, sizeof(uint32_t)) && array_fits(h, h->fixed, sizeof(uint32_t));
}

static bool head_fits(const struct signature_section *h)
{
	return h->pattern_count <= SIGNATURE_PATTERN_LIMIT && h->parts.count >= h->pattern_count &&
	       h->parts.count <= 2 * SIGNATURE_PATTERN_LIMIT && h->filter_bits >= 1 && h->filter_bits <= SIGNATURE_FILTER_BITS_MAX &&
	       h->filter.count == (1u << h->filter_bits) + 4 && h->bucket_bits >= 1 && h->bucket_bits <= SIGNATURE_BUCKET_BITS_MAX &&
	       h->buckets.count == (1u << h->bucket_bits) + 1 && h->pair_bitmap.count == SIGNATURE_PAIR_BITMAP &&
	       h->pair_buckets.count == 257 && h->pair_atoms == h->pairs.count;
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
		if (a[i].len < 1 || a[i].len > 8)
			return false;
		switch ((enum signature_atom_kind)a[i].kind) {
		case SIGNATURE_ATOM_TEXT:
			if (a[i].target >= p->head->pattern_count || parts[a[i].target].kind != SIGNATURE_PATTERN_TEXT)
				return false;
			break;
		case SIGNATURE_ATOM_REGEX:
		case SIGNATURE_ATOM_REGEX_WIDE:
			if (a[i].target >= p->head->targets.count)
				return false;
			break;
		case SIGNATURE_ATOM__COUNT:
		default: /* bytes from outside */
			return false;
		}
	}
	return true;
}

static bool parts_fit(const struct signature_patterns *p)
{
	const struct signature_part *parts = signature_array_of(p, p->head->parts);
	for (uint32_t i = 0; i < p->head->parts.count; i++) {
		const struct signature_part *part = &parts[i];
		if (part->kind >= SIGNATURE_PATTERN__COUNT || part->head >= p->head->pattern_count)
			return false;
		if (i < p->head->pattern_count ? part->head != i : part->kind == SIGNATURE_PATTERN_TEXT)
			return false;
		if (part->kind == SIGNATURE_PATTERN_TEXT &&
		    (part->text_len == 0 || (uint64_t)part->text + part->text_len > p->head->bytes.count))
			return false;
	}
	const uint32_t *fixed = signature_array_of(p, p->head->fixed);
	for (uint32_t i = 0; i < p->head->fixed.count; i++)
		if (fixed[i] >= p->head->pattern_count || parts[fixed[i]].kind != SIGNATURE_PATTERN_TEXT)
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
	if (!parts_fit(&p) || !atoms_fit(&p, head->atoms) || !atoms_fit(&p, head->pairs))
		return err_set(err, -EBADMSG, "signature.pattern_section", ARG_STR("what", STR("parts")));
	*ret = p;
	return 0;
}

uint32_t signature_patterns_count(const struct signature_patterns *p)
{
	return p->head->pattern_count;
}
