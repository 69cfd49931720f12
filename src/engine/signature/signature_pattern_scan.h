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
	signature_filter_fn *filter_fn;
	const uint8_t *bytes;
	const struct signature_part *parts;
	const uint8_t *filter;
	const uint32_t *buckets;
	const struct signature_atom *atoms;
	const uint8_t *pair_bitmap;
	const uint32_t *pair_buckets;
	const struct signature_atom *pairs;
	bool gave_up;
};

/* Whether no letter or digit stands next to the match (libyara's fullword). */
bool signature_scan_is_word(const struct signature_scan *s, uint64_t start, uint64_t length, bool wide);
