/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The state of one scan, between the files that do it. */
#pragma once
#include "engine/signature/signature_literal.h"
#include "engine/signature/signature_pattern_scratch.h"

struct signature_scan {
	const struct signature_patterns *p;
	const uint8_t *data;
	uint64_t len;
	struct signature_scratch *scratch;
	signature_filter_pairs_fn *pairs_fn;
	const uint8_t *bytes;
	const struct signature_part *parts;
	const uint32_t *filter;
	const uint32_t *buckets;
	const struct signature_atom *atoms;
	const uint8_t *pair_bitmap, *pair_nibbles;
	const uint32_t *pair_buckets;
	const struct signature_atom *pairs;
	const struct signature_target *targets;
	const struct signature_program *programs;
	const struct signature_step *steps;
	const uint8_t *classes;
	bool every_linked;
};

/* A part fits at [start, start + length): a match, or a link of a chain. */
void signature_scan_found(struct signature_scan *s, const struct signature_part *part, uint64_t start, uint64_t length, bool wide);
void signature_scan_chain(struct signature_scan *s, const struct signature_part *part, uint64_t start, uint32_t length);
/* Runs a regular expression around the atom at `offset`. */
void signature_scan_regex(struct signature_scan *s, const struct signature_target *t, uint64_t offset);
/* Tries the parts without an atom at every offset; those of chains at one offset, in turn with all others. */
void signature_scan_every(struct signature_scan *s);
bool signature_scan_every_is_linked(const struct signature_scan *s);
void signature_scan_every_at(struct signature_scan *s, uint64_t at);
/* Whether nothing more is asked of the pattern. */
static inline bool signature_scan_is_done(const struct signature_scan *s, const struct signature_part *part)
{
	return (part->flags & SIGNATURE_PATTERN_ONCE) != 0 && s->scratch->slots[part->head].count > 0;
}
/* Takes work off what is left; false when there is none. */
static inline bool signature_scan_work(struct signature_scan *s, uint64_t work)
{
	uint64_t *left = &s->scratch->machine.work;
	*left -= *left < work ? *left : work;
	return *left > 0;
}
