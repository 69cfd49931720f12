/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * text: Unicode for Vietnamese. Stored text is NFC; search ignores case and
 * diacritics ("nguyen van hai" finds "Nguyễn Văn Hải", đ = d); order is
 * Vietnamese (a ă â b c d đ e ê … , tones by dictionary order: none, huyền,
 * hỏi, ngã, sắc, nặng).
 *
 * text_nfc, text_search_key and text_sort_key are built where utf8proc is (Linux, not the Windows agent).
 * Threads: no shared state. Output buffers belong to the caller.
 */
#pragma once
#include "base/err/err.h"

/* Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without NUL bytes. */
bool text_is_utf8(struct str s);
/* Index of the first bad byte, or SIZE_MAX. */
size_t text_utf8_error(struct str s);
/* The code point at *at (which must be < s.n) and moves past it; for a bad byte -1 and moves one byte. */
int32_t text_utf8_next(struct str s, size_t *at);
/* Appends the UTF-8 form of a code point (0..0x10FFFF). */
void text_append_code(struct buf *out, int32_t code);
/* Appends the NFC form. -EINVAL: text.utf8 (arg byte) when s is not UTF-8, text.marks (arg byte) when more
 * than 30 combining marks follow each other (UAX #15 section 13). -E2BIG (text.too_long) when out is full. */
int text_nfc(struct str s, struct buf *out, struct err *err) WARN_UNUSED;
/* Appends the folded search form: NFD, marks dropped, đ→d, lower case, runs of
 * white space as one blank, trimmed. Bad bytes become U+FFFD. */
void text_search_key(struct str s, struct buf *out);
/* Appends bytes whose memcmp order is Vietnamese order (digits by value, then letters). ASCII only. */
void text_sort_key(struct str s, struct buf *out);
/* Number of characters (code points). */
size_t text_length(struct str s);
