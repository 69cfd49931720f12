/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The section of patterns as it lies in memory, and what its maker and its reader share.
 *
 * An atom is a window of up to eight masked bytes of a pattern. Windows of three bytes and more are found through the filter
 * (one bit for a hash of four bytes; letters without their case) and a bucket of the same hash; shorter ones through a bitmap of byte pairs. What agrees with an atom is then checked as a whole.
 */
#pragma once
#include "engine/signature/signature_pattern.h"

#define SIGNATURE_SECTION_MAGIC "LTPATS1\n"
#define SIGNATURE_BLOCK 4096u /* offsets the filter looks at in one go */
#define SIGNATURE_SLACK 32u   /* bytes the filter may read past the last offset */
#define SIGNATURE_NONE UINT32_MAX
#define SIGNATURE_PAIR_BITMAP 8192u
#define SIGNATURE_BUCKET_BITS_MAX 18u
#define SIGNATURE_FILTER_BITS_MIN 13u
#define SIGNATURE_FILTER_BITS_MAX 23u
/* As many bytes as a regular expression looks at on either side of its atom (libyara's limit). */
#define SIGNATURE_REGEX_REACH 4096u

#define SIGNATURE_STEPS_MAX 65536u /* of one program */
#define SIGNATURE_CHAIN_MAX 256u   /* parts of a pattern after its first */

enum signature_atom_kind {
	SIGNATURE_ATOM_TEXT,   /* target: the part */
	SIGNATURE_ATOM_MASKED, /* target: the part */
	SIGNATURE_ATOM_REGEX,  /* target: an entry of `targets` */
	SIGNATURE_ATOM__COUNT
};

struct signature_atom {
	uint64_t value, mask; /* bytes in the order of memory, first byte lowest */
	uint32_t target;
	uint16_t back; /* bytes of the pattern before the window (text) */
	uint8_t kind;
	uint8_t len; /* bytes of the window, all of which must be there */
};

/* Where in its programs a regular expression begins at an atom. */
struct signature_target {
	uint32_t part;
	uint32_t forward;  /* step of the part's program, to the right */
	uint32_t backward; /* step of its other program, to the left; NONE: the part begins here */
	uint32_t class;    /* the bytes it may begin with, or with `backward` those that may stand to the left; NONE: any */
};

enum signature_part_kind {
	SIGNATURE_PART_TEXT,
	SIGNATURE_PART_MASKED, /* bytes with masks, of one length */
	SIGNATURE_PART_REGEX,
	SIGNATURE_PART__COUNT
};

/* A pattern, or (after all patterns) a further part of one that is split at a long jump. */
struct signature_part {
	uint32_t flags; /* enum signature_pattern_flag and the ones below */
	uint32_t text, text_len; /* in `bytes`: TEXT (lower case with NOCASE); MASKED: as many masks follow the values */
	uint32_t head;           /* the pattern it belongs to */
	uint32_t previous;       /* the part before it, or NONE */
	uint32_t gap_min, gap_max; /* between the part before it and this one */
	uint32_t depth;          /* parts before this one */
	uint32_t reach;          /* LINKED: from this part to the end of the chain, in bytes; NONE: any distance */
	uint32_t waiting;        /* LINKED: its list of those that wait for the next part */
	uint32_t program, backward; /* REGEX; NONE: it has none */
	uint8_t xor_min, xor_max;
	uint8_t kind; /* enum signature_part_kind */
	uint8_t spare[5];
	uint64_t at;
};
enum signature_part_flag {
	SIGNATURE_PART_GREEDY = 1 << 16, /* of two matches at one offset the later counts */
	SIGNATURE_PART_LINKED = 1 << 17, /* belongs to a chain */
	SIGNATURE_PART_LAST = 1 << 18,   /* its last part */
};

/* One step of a program (signature_regex_run.c). */
struct signature_step {
	uint8_t op; /* enum signature_op */
	uint8_t value, mask;
	uint8_t spare;
	uint32_t a, b; /* steps, relative to the program's begin; or a class */
};

enum signature_op {
	SIGNATURE_OP_MATCH,
	SIGNATURE_OP_BYTE,     /* (byte & mask) == value */
	SIGNATURE_OP_NOT_BYTE, /* (byte & mask) != value */
	SIGNATURE_OP_CLASS,    /* bit of class a */
	SIGNATURE_OP_ANY,
	SIGNATURE_OP_SPLIT, /* a first, then b */
	SIGNATURE_OP_JUMP,
	SIGNATURE_OP_START,
	SIGNATURE_OP_END,
	SIGNATURE_OP_WORD,
	SIGNATURE_OP_NOT_WORD,
	SIGNATURE_OP__COUNT
};

struct signature_program {
	uint32_t first, count; /* in `steps` */
};

/* An array in the section: where from its begin, how many elements. */
struct signature_array {
	uint32_t at, count;
};

struct signature_section {
	char magic[8];
	uint32_t size;
	uint32_t pattern_count;
	uint32_t filter_bits, bucket_bits;
	uint32_t longest_program; /* steps */
	uint32_t waiting;         /* lists of chained parts */
	uint32_t factor;          /* of the hash: one by which runs of one byte meet no atom */
	uint32_t pair_atoms;      /* how many of `pair` there are: 0 lets the pass over pairs fall away */
	struct signature_array bytes;
	struct signature_array parts;
	struct signature_array filter;  /* 1 << filter_bits bits, in words of 32 */
	struct signature_array buckets; /* (1 << bucket_bits) + 1 indices into `atoms` */
	struct signature_array atoms;
	struct signature_array pair_bitmap;
	struct signature_array pair_nibbles; /* 64 bytes: of each half of both bytes, which groups of pairs have it */
	struct signature_array pair_buckets; /* 257 indices into `pairs`, by the first byte */
	struct signature_array pairs;        /* atoms of one or two bytes */
	struct signature_array targets;
	struct signature_array programs;
	struct signature_array steps;
	struct signature_array classes; /* 32 bytes each */
	struct signature_array every;   /* targets tried at every offset */
	struct signature_array fixed;   /* parts looked for at one offset */
};

static inline const void *signature_array_of(const struct signature_patterns *p, struct signature_array a)
{
	return &p->base[a.at];
}

/* Letters (and all from 0x40 on) lose their case, zeros stay apart from blanks. */
static inline uint32_t signature_fold(uint32_t four)
{
	return four | (four & 0x40404040u) >> 1;
}

/* Filter and buckets go by the upper bits of it. */
static inline uint32_t signature_hash4(uint32_t four, uint32_t factor)
{
	return signature_fold(four) * factor;
}

static inline uint32_t signature_load32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t signature_load64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* ASCII, whatever the locale. */
static inline uint8_t signature_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}
static inline bool signature_is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (signature_lower(c) >= 'a' && signature_lower(c) <= 'z');
}
