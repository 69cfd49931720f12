/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * cursor: the one way to read bytes of hostile input piece by piece. It never
 * reads past the end; a failed read moves nothing and sets `failed`, which
 * stays set, so that a parser may check once per record.
 *
 * Threads: a cursor belongs to one thread.
 */
#pragma once
#include "base/str/str.h"

struct cursor {
	struct str s;
	size_t at;
	bool failed;
};

static inline struct cursor cursor_of(struct str s)
{
	return (struct cursor){.s = s};
}

static inline bool cursor_at_end(const struct cursor *c)
{
	return c->at >= c->s.n;
}

static inline struct str cursor_rest(const struct cursor *c)
{
	return str_sub(c->s, c->at, c->s.n);
}

/* The byte at the cursor, or -1 at the end. */
int cursor_peek(const struct cursor *c);
/* The next byte, or -1 (and failed) at the end. */
int cursor_next(struct cursor *c);
/* Takes `c` when it is next; false (not failed) otherwise. */
bool cursor_accept(struct cursor *c, char byte);
bool cursor_accept_str(struct cursor *c, struct str s);
/* As accept, but anything else is a failure. */
bool cursor_expect(struct cursor *c, char byte);
/* Exactly n bytes, or an empty string and failed. */
struct str cursor_take(struct cursor *c, size_t n);
/* Up to (not including) `stop`, which stays; everything when there is none. */
struct str cursor_until(struct cursor *c, char stop);
/* The longest run of bytes found in `set`. */
struct str cursor_while(struct cursor *c, const char *set);
void cursor_skip_space(struct cursor *c);
/* A decimal number of at least one digit within [min, max]. */
bool cursor_u64(struct cursor *c, uint64_t min, uint64_t max, uint64_t *ret);
/* Fixed-width integers. */
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16_le(struct cursor *c);
uint32_t cursor_u32_le(struct cursor *c);
uint64_t cursor_u64_le(struct cursor *c);
/* Line and column (both from 1; column in bytes) of the cursor: for messages. */
void cursor_place(const struct cursor *c, unsigned *ret_line, unsigned *ret_column);
