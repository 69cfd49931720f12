/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What a scan works in, laid out in the caller's scratch, and the matches it collects. Threads: one scratch, one thread.
 */
#pragma once
#include "engine/signature/signature_pattern_internal.h"

/* The matches of a part: a list from the last to the first while scanning; after it `last` is where its matches begin. */
struct signature_slot {
	uint32_t count, last;
};

struct signature_record {
	uint64_t offset;
	uint32_t length;
	uint32_t before; /* record with the next smaller offset; after the scan: the place it belongs to */
};

struct signature_scratch {
	uint64_t made_for; /* 0: untouched */
	uint32_t hit_count, record_count;
	bool too_many;
	struct signature_slot *slots; /* one each part; those of chained parts hold what still waits for its next part */
	uint32_t *hits;               /* parts with a match */
	struct signature_record *records;
	uint16_t candidates[SIGNATURE_BLOCK];
	uint8_t tail[SIGNATURE_BLOCK + SIGNATURE_SLACK];
};

/* Prepares the scratch for the section; NULL when it was made for another. */
struct signature_scratch *signature_scratch_begin(const struct signature_patterns *p, void *memory);
/* A match of part `id`. At an offset that is known: kept, or with `replace` given the new length. */
void signature_scratch_add(struct signature_scratch *s, uint32_t id, uint64_t offset, uint32_t length, bool replace);
/* Puts the matches in order. */
void signature_scratch_finish(struct signature_scratch *s);
