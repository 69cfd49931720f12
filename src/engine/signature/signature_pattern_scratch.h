/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What a scan works in, laid out in the caller's scratch, and the matches it collects. Threads: one scratch, one thread.
 */
#pragma once
#include "engine/signature/signature_pattern_internal.h"
#include "engine/signature/signature_regex_run.h"

/* The matches of a part: a list from the last to the first while scanning; after it `last` is where its matches begin. */
struct signature_slot {
	uint32_t count, last;
};

struct signature_record {
	uint64_t offset;
	uint32_t length;
	uint32_t before; /* record with the next smaller offset; after the scan: the place it belongs to */
};

/* A part of a chain that waits for the next one. */
struct signature_waiting {
	uint64_t offset;
	uint32_t length;
	uint32_t chained; /* how many parts follow it that fit */
	uint32_t before, after;
};
struct signature_waiting_list {
	uint32_t first, last;
};
#define SIGNATURE_WAITING_LIMIT (1u << 18)

struct signature_scratch {
	uint64_t made_for; /* 0: untouched */
	uint32_t hit_count, record_count;
	bool too_many;
	struct signature_slot *slots; /* one each pattern */
	uint32_t *hits;               /* patterns with a match */
	struct signature_record *records;
	struct signature_waiting_list *lists; /* by a part's `waiting` */
	struct signature_waiting *waiting;
	uint32_t waiting_count, waiting_free; /* used so far; the first that is free again */
	struct signature_machine machine;
	uint16_t candidates[SIGNATURE_BLOCK], pairs[SIGNATURE_BLOCK];
	uint8_t tail[SIGNATURE_BLOCK + SIGNATURE_SLACK];
};

/* What a scratch remembers of the section it was made for. */
static inline uint64_t signature_scratch_owner(const struct signature_patterns *p)
{
	return (uint64_t)p->head->parts.count << 32 | p->head->size;
}
/* Prepares the scratch for the section; NULL when it was made for another. */
struct signature_scratch *signature_scratch_begin(const struct signature_patterns *p, void *memory);
/* A match of pattern `id`. At an offset that is known: kept, or with `replace` given the new length. */
void signature_scratch_add(struct signature_scratch *s, uint32_t id, uint64_t offset, uint32_t length, bool replace);
/* Puts the matches in order. */
void signature_scratch_finish(struct signature_scratch *s);
