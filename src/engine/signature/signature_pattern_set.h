/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The maker's side of a section, between the files that fill it: text, hex and regular expressions add parts and atoms,
 * signature_pattern_write.c lays them out. Threads: a set belongs to one thread.
 */
#pragma once
#include "engine/signature/signature_literal.h"
#include "engine/signature/signature_pattern_internal.h"

struct signature_pattern_set {
	struct buf keys;    /* every pattern as it was given, one after the other: to find equal ones */
	struct buf index;   /* struct signature_key each pattern */
	uint32_t *slots;    /* hash table of ids + 1 */
	uint32_t slot_count;
	struct buf parts;   /* struct signature_part, one each pattern */
	struct buf links;   /* further parts; their index in the section is the number of patterns more */
	struct buf bytes, atoms, targets, programs, steps, classes, every, fixed;
	uint32_t longest_program, waiting;
};

/* The part of a chain that is link number n; resolved when the section is written. */
#define SIGNATURE_LINK(n) (0x80000000u | (n))

static inline uint32_t signature_set_count(const struct buf *b, size_t size)
{
	return (uint32_t)(b->n / size);
}

static inline void signature_set_append(struct buf *b, const void *p, size_t n)
{
	buf_append(b, str_n(p, n));
}

/* One atom from n masked bytes of a pattern, whose window begins at `w.at`. */
void signature_set_atom(struct signature_pattern_set *set, const uint8_t *value, const uint8_t *mask, struct signature_window w,
                        enum signature_atom_kind kind, uint32_t target);

/* The parts of one kind of pattern. `part` is complete but for what they know; `id` is its index. */
int signature_set_text(struct signature_pattern_set *set, const struct signature_pattern *p, uint32_t id,
                       struct signature_part *part, struct err *err) WARN_UNUSED;
/* HEX, REGEX, and TEXT in base64. */
int signature_set_regex(struct signature_pattern_set *set, const struct signature_pattern *p, uint32_t id, struct signature_part *part,
                        struct err *err) WARN_UNUSED;
/* The window that is rarest, for n masked bytes `back` bytes after the pattern's begin, as they are or with a zero after each. */
void signature_set_window(struct signature_pattern_set *set, const uint8_t *value, const uint8_t *mask, size_t n, bool wide,
                          enum signature_atom_kind kind, uint32_t target);
/* A class of 256 bits; equal ones are shared as far as that is quickly found out. */
uint32_t signature_set_class(struct signature_pattern_set *set, const uint8_t *class);
