/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * signature_literal: which window of a pattern to look for, and the filter over all of them. Does not live here: what is
 * done with a place where a window fits (signature_pattern_scan.c). Threads: no state.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str/str.h"

/* A window of masked bytes; a byte with mask 0 may be anything. */
struct signature_window {
	size_t at, len; /* len ≤ 8 */
};

/* The rarest window of n masked bytes: three or four well-known bytes and what follows them. len is 0 when every byte may
 * be anything. ret_cost (may be NULL): how often it is to be met, as a share of 2^32 offsets. */
struct signature_window signature_window_choose(const uint8_t *value, const uint8_t *mask, size_t n, uint64_t *ret_cost);
/* How rarely a byte follows another: see the table. */
extern const char *const signature_pairs_rarity[256];
/* The expected share of offsets, of 2^32, whose next n bytes fit. */
uint64_t signature_window_cost(const uint8_t *value, const uint8_t *mask, size_t n);

/* The offsets (of count ≤ SIGNATURE_BLOCK) whose four bytes the filter of 1 << bits bits lets through, ascending; `data` has
 * SIGNATURE_SLACK bytes more. Returns how many. */
size_t signature_filter_longs(const uint32_t *filter, unsigned bits, uint32_t factor, const uint8_t *data, size_t count, uint16_t *ret);

/* The offsets whose byte pair the bitmap holds. */
typedef size_t signature_filter_pairs_fn(const uint8_t *bitmap, const uint8_t *nibbles, const uint8_t *data, size_t count, uint16_t *ret);
size_t signature_filter_pairs_portable(const uint8_t *bitmap, const uint8_t *nibbles, const uint8_t *data, size_t count, uint16_t *ret);
/* The fastest this processor can run. */
signature_filter_pairs_fn *signature_filter_pairs_best(void);
/* The nibbles of a bitmap: 16 bytes each for the low and high half of the first byte and of the second. */
void signature_filter_nibbles(const uint8_t *bitmap, uint8_t *ret);
