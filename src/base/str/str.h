/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * str: a borrowed slice of bytes (`struct str`, never NUL-terminated input) and
 * a growing buffer with a limit given at birth (`struct buf`).
 *
 * Does not live here: reading bytes piece by piece (base/cursor), Unicode (base/text).
 * Ownership: a str borrows, always; the comment of whoever hands one out says until when.
 * Threads: no shared state.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p; /* may be NULL only when n is 0 */
	size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_EMPTY ((struct str){NULL, 0})
/* For printf's "%.*s". */
#define STR_FMT(s) (int)((s).n), ((s).p != NULL ? (s).p : "")

static inline struct str str_c(const char *c)
{
	return c != NULL ? (struct str){c, strlen(c)} : STR_EMPTY;
}

static inline struct str str_n(const void *p, size_t n)
{
	return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
bool str_eq_c(struct str a, const char *b);
/* ASCII letters compare equal in either case; other bytes exactly. */
bool str_eq_nocase(struct str a, struct str b);
/* Takes a time that depends on the lengths only: for secrets. */
bool str_eq_constant_time(struct str a, struct str b);
/* Bytewise order: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
/* Index of the first occurrence, or SIZE_MAX. */
size_t str_find(struct str s, struct str needle);
size_t str_find_char(struct str s, char c);
/* [from, to) clamped to the string. */
static inline struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from >= to)
		return (struct str){s.n > 0 ? s.p + to : s.p, 0};
	return (struct str){s.p + from, to - from};
}
/* Without ASCII white space at both ends. */
struct str str_trim(struct str s);
/* Cuts the part before `sep` off *rest; false when *rest is exhausted (p == NULL). */
bool str_split(struct str *rest, char sep, struct str *ret_part);
/* Copies at most size-1 bytes and terminates; never cuts a UTF-8 character in two. */
void str_copy_c(struct str s, char *buf, size_t size);

/* Whole-string numbers. true and *ret set only when every byte belongs to a
 * decimal number within [min, max]; no sign for u64, no blanks, no "+". */
bool str_parse_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret);
bool str_parse_i64(struct str s, int64_t min, int64_t max, int64_t *ret);

/* The closest of `names` (NULL-terminated list) within two edits of `word`, or NULL: "did you mean". */
const char *str_closest(struct str word, const char *const *names);

/*
 * A growing byte buffer, always NUL-terminated for convenience (the terminator
 * is not counted). Growth past `max` sets `overflow` and drops what does not
 * fit; callers that write untrusted amounts check it once at the end.
 */
struct buf {
	char *p;
	size_t n;
	size_t capacity;
	size_t max;
	bool overflow;
	bool fixed; /* memory belongs to the caller, never freed */
};

#define BUF_DEFAULT_MAX ((size_t)64 << 20)
#define BUF_INIT(max_) ((struct buf){.max = (max_)})
/* A buffer over the caller's array; overflow cuts. */
#define BUF_FIXED(array, size) buf_fixed((array), (size))

struct buf buf_fixed(char *array, size_t size);
/* Frees the memory and leaves an empty buffer with the same limit. */
void buf_done(struct buf *b);
/* As buf_done, wiping the bytes first: for secrets. */
void buf_done_secret(struct buf *b);
void buf_clear(struct buf *b);
/* Makes room for `extra` more bytes; false when that passes `max`. */
bool buf_reserve(struct buf *b, size_t extra);
void buf_append(struct buf *b, struct str s);
void buf_append_c(struct buf *b, const char *c);
/* A byte is often all: no call for it where there is room, which is never more than `max` allows. */
static inline void buf_append_char(struct buf *b, char c)
{
	if (b->overflow || b->capacity - b->n < 2) {
		buf_append(b, (struct str){&c, 1});
		return;
	}
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));
/* Drops `n` bytes at the front. */
void buf_consume(struct buf *b, size_t n);
/* Borrowed until the buffer changes. */
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

/* Lower-case hexadecimal. */
void buf_append_hex(struct buf *b, const void *bytes, size_t n);
/* Exactly out_size bytes from 2*out_size hex digits of either case. */
bool str_parse_hex(struct str hex, void *out, size_t out_size);
/* RFC 4648 section 4 (padded) and section 5 (URL-safe, no padding). */
void buf_append_base64(struct buf *b, const void *bytes, size_t n);
void buf_append_base64url(struct buf *b, const void *bytes, size_t n);
/* Either alphabet, padding optional; false on any other byte. Appends to b. */
bool buf_append_base64_decoded(struct buf *b, struct str text);

#define cleanup_buf __attribute__((__cleanup__(buf_done)))
#define cleanup_buf_secret __attribute__((__cleanup__(buf_done_secret)))
