/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "engine/indicator/indicator.h"

#define INDICATOR_MAGIC "LTINDIC2"
#define INDICATOR_VALUE_MAX 2048 /* bytes of a normalised value */
#define INDICATOR_PREFIXES 129

struct indicator_head {
	char magic[8];
	uint64_t slots; /* power of two */
	uint64_t entries;
	uint32_t source_bytes, source_count;
	uint64_t seed;
	unsigned char prefixes[17]; /* bit n: there is a network of n bits */
	unsigned char pad[7];
};
_Static_assert(sizeof(struct indicator_head) == 64, "written as it is");

struct indicator_slot {
	uint64_t hash; /* 0: empty */
	uint64_t rest; /* check 23, hours to expiry since 1970 22 (0: never), source 12, confidence 7 */
};

struct indicator_key {
	uint64_t hash, check;
};

/* Of a normalised value; `kind` is type and, of addresses, the prefix' length. */
struct indicator_key indicator_key(uint64_t seed, unsigned kind, struct str value);
#define INDICATOR_KIND(type, prefix) ((unsigned)(type) << 8 | (unsigned)(prefix))

/* Normalised into out (a buf over at least INDICATOR_VALUE_MAX); false: not a value of this type. */
bool indicator_normalise(enum indicator_type type, struct str value, struct buf *out, unsigned *ret_prefix);
/* Keeps the first `bits` of 16 bytes. */
void indicator_mask(unsigned char address[16], unsigned bits);
