/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * signature_pattern: the strings of signatures (text, hex, regular expression), compiled into one section of bytes and
 * matched in one pass over a file. What follows from a match (conditions, rules) does not live here.
 *
 * Semantics are those of libyara 4.2.3, string by string: which offsets, which lengths, which of two at one offset;
 * beyond it `~` in hex strings. tests/signature/patterns_diff.c compares.
 *
 * The section is little endian, position independent, read only; its bytes may be hostile: signature_patterns_open
 * checks every reference once, and the scan relies on that. A scan allocates nothing and its time is bounded by
 * SIGNATURE_WORK_PER_BYTE. Threads: a set belongs to one thread; an opened section is shared by any number, each with its own
 * scratch.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/str/str.h"

enum signature_pattern_kind {
	SIGNATURE_PATTERN_TEXT,
	SIGNATURE_PATTERN_HEX,
	SIGNATURE_PATTERN_REGEX,
	SIGNATURE_PATTERN__COUNT
};

enum signature_pattern_flag {
	SIGNATURE_PATTERN_NOCASE = 1 << 0, /* text, regex (also /i) */
	SIGNATURE_PATTERN_ASCII = 1 << 1,  /* implied where neither WIDE nor BASE64* is set */
	SIGNATURE_PATTERN_WIDE = 1 << 2,
	SIGNATURE_PATTERN_FULLWORD = 1 << 3,
	SIGNATURE_PATTERN_XOR = 1 << 4,        /* text */
	SIGNATURE_PATTERN_BASE64 = 1 << 5,     /* text */
	SIGNATURE_PATTERN_BASE64WIDE = 1 << 6, /* text */
	SIGNATURE_PATTERN_DOT_ALL = 1 << 7,    /* regex: /s */
	/* Only "does it occur" is ever asked: the first match found is kept, no other. */
	SIGNATURE_PATTERN_ONCE = 1 << 8,
	/* Only "does it occur at `at`" is ever asked: it is looked for there and nowhere else. */
	SIGNATURE_PATTERN_FIXED = 1 << 9,
	/* A regular expression for signature_patterns_regex_matches; never looked for in the data. */
	SIGNATURE_PATTERN_VALUE = 1 << 10,
};

/* Borrowed while it is added. */
struct signature_pattern {
	enum signature_pattern_kind kind;
	unsigned flags;
	const uint8_t *text; /* TEXT: the bytes; HEX: what stands between { and }; REGEX: what stands between the slashes */
	size_t text_len;
	uint8_t xor_min, xor_max;       /* with XOR: both ends included; 0 and 255 is YARA's default */
	const uint8_t *base64_alphabet; /* 64 bytes, or NULL for RFC 4648's */
	uint64_t at;                    /* with FIXED: the offset */
};

#define SIGNATURE_PATTERN_LIMIT 2000000u      /* patterns in a set */
#define SIGNATURE_PATTERN_TEXT_LIMIT 65536u   /* bytes of one pattern's source */
#define SIGNATURE_MATCH_LIMIT 1000000u        /* matches kept in one scan, of all patterns together */
#define SIGNATURE_WORK_PER_BYTE 4096u         /* regex steps per byte of data (and a free megabyte) before a scan gives up */

struct signature_pattern_set;
int signature_pattern_set_new(struct signature_pattern_set **ret, struct err *err) WARN_UNUSED;
void signature_pattern_set_free(struct signature_pattern_set *set);
DEFINE_CLEANUP(signature_pattern_set)

/* Ids count from 0; equal patterns share one. Errors: -EINVAL (faulty or meaningless together), -E2BIG, with the byte
 * position in the pattern's text as place; the set is unchanged then. */
int signature_pattern_set_add(struct signature_pattern_set *set, const struct signature_pattern *p, uint32_t *ret_id,
                              struct err *err) WARN_UNUSED;
uint32_t signature_pattern_set_count(const struct signature_pattern_set *set);
/* Appends the section, its length a multiple of 8. The set stays usable. */
int signature_pattern_set_write(struct signature_pattern_set *set, struct buf *out, struct err *err) WARN_UNUSED;

/* Borrows the section, which must be 8-aligned and stay until the last use. */
struct signature_patterns {
	const uint8_t *base;
	size_t len;
	const struct signature_section *head;
};

/* -EBADMSG: not a section, or one that contradicts itself. */
int signature_patterns_open(struct signature_patterns *ret, const void *section, size_t len, struct err *err) WARN_UNUSED;
uint32_t signature_patterns_count(const struct signature_patterns *p);

/* Bytes a scan works in. They are zero before the first scan, 64-aligned, belong to one thread and one section, and hold
 * the matches until the next scan. Most are never touched: untouched pages cost nothing. */
size_t signature_patterns_scratch_size(const struct signature_patterns *p);

/* Answers about the last scan; valid as long as its scratch. */
struct signature_matches {
	struct signature_scratch *scratch;
	uint32_t pattern_count;
	bool too_many; /* SIGNATURE_MATCH_LIMIT was reached: matches are missing */
	bool gave_up;  /* the work limit was reached: matches are missing */
};

/* Looks for every pattern in the data. 0, or -EINVAL when the scratch was made for another section. */
int signature_patterns_scan(const struct signature_patterns *p, const uint8_t *data, size_t len, void *scratch,
                            struct signature_matches *ret) WARN_UNUSED;

/* The ids with a match, in no particular order; borrowed until the next scan. */
uint32_t signature_matches_hits(const struct signature_matches *m, const uint32_t **ret_ids);
bool signature_matches_any(const struct signature_matches *m, uint32_t id);
uint32_t signature_matches_count(const struct signature_matches *m, uint32_t id);
/* Matches are in the order of their offsets, `index` counts from 0. -ENOENT past the last. */
int signature_matches_at(const struct signature_matches *m, uint32_t id, uint32_t index, uint64_t *ret_offset,
                         uint32_t *ret_length);
/* How many begin within [from, to]. */
uint32_t signature_matches_count_in(const struct signature_matches *m, uint32_t id, uint64_t from, uint64_t to);
static inline bool signature_matches_in(const struct signature_matches *m, uint32_t id, uint64_t from, uint64_t to)
{
	return signature_matches_count_in(m, id, from, to) > 0;
}


/* Whether a VALUE pattern matches anywhere in the text (the operator `matches`): within its first 4,096 bytes, as libyara.
 * Uses the scratch of a scan that has begun once, and keeps its matches. */
bool signature_patterns_regex_matches(const struct signature_patterns *p, uint32_t id, const uint8_t *text, size_t len, void *scratch);
