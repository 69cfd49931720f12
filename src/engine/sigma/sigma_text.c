/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* String values: wildcards and escapes, and the modifiers that rewrite them (M "Wildcards", "Encoding modifiers"). */
#include <assert.h>
#include <utf8proc.h>

#include "base/text/text.h"
#include "engine/sigma/sigma_rule.h"

static struct sigma_piece **add(struct arena *arena, struct sigma_piece **tail, enum sigma_piece_kind kind, struct str text)
{
	struct sigma_piece *piece = ARENA_NEW(arena, struct sigma_piece);
	*piece = (struct sigma_piece){.kind = kind, .text = text};
	*tail = piece;
	return &piece->next;
}

/*
 * Left to right, once: "\*" "\?" "\\" are the second character, a backslash before anything else or at the end is
 * itself, a bare * or ? is a wildcard.
 */
struct sigma_pattern sigma_text_parse(struct arena *arena, struct str value)
{
	struct sigma_pattern p = {0};
	struct sigma_piece **tail = &p.first;
	char *text = arena_alloc(arena, value.n + 1);
	size_t from = 0, n = 0;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		char after = i + 1 < value.n ? value.p[i + 1] : '\0';
		if (c == '\\' && (after == '*' || after == '?' || after == '\\')) {
			text[n++] = after;
			i++;
		} else if (c == '*' || c == '?') {
			if (n > from)
				tail = add(arena, tail, SIGMA_PIECE_TEXT, str_n(text + from, n - from));
			from = n;
			tail = add(arena, tail, c == '*' ? SIGMA_PIECE_ANY_RUN : SIGMA_PIECE_ANY_ONE, STR_EMPTY);
		} else {
			text[n++] = c;
		}
	}
	if (n > from)
		(void)add(arena, tail, SIGMA_PIECE_TEXT, str_n(text + from, n - from));
	return p;
}

void sigma_text_surround(struct arena *arena, struct sigma_pattern *p, bool before, bool after)
{
	if (before && (p->first == NULL || p->first->kind != SIGMA_PIECE_ANY_RUN)) {
		struct sigma_piece *piece = ARENA_NEW(arena, struct sigma_piece);
		*piece = (struct sigma_piece){.kind = SIGMA_PIECE_ANY_RUN, .next = p->first};
		p->first = piece;
	}
	struct sigma_piece **tail = &p->first, *last = NULL;
	for (; *tail != NULL; tail = &(*tail)->next)
		last = *tail;
	if (after && (last == NULL || last->kind != SIGMA_PIECE_ANY_RUN))
		(void)add(arena, tail, SIGMA_PIECE_ANY_RUN, STR_EMPTY);
}

bool sigma_text_has_wildcards(const struct sigma_pattern *p)
{
	for (const struct sigma_piece *piece = p->first; piece != NULL; piece = piece->next)
		if (piece->kind != SIGMA_PIECE_TEXT)
			return true;
	return false;
}

size_t sigma_text_wildcards(const struct sigma_pattern *p)
{
	size_t n = 0;
	for (const struct sigma_piece *piece = p->first; piece != NULL; piece = piece->next)
		n += piece->kind == SIGMA_PIECE_ANY_RUN || piece->kind == SIGMA_PIECE_ANY_ONE;
	return n;
}

struct str sigma_text_plain(struct arena *arena, const struct sigma_pattern *p)
{
	if (p->first == NULL)
		return STR("");
	if (p->first->next == NULL)
		return p->first->text;
	struct buf out cleanup_buf = BUF_INIT(BUF_DEFAULT_MAX);
	for (const struct sigma_piece *piece = p->first; piece != NULL; piece = piece->next)
		buf_append(&out, piece->text);
	return arena_str(arena, buf_str(&out));
}

static bool is_word_byte(unsigned char c)
{
	/* A byte of a character outside ASCII counts as a letter: \b in pySigma is Unicode's. */
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

/* The length of a dash of windash at s[i], or 0. U+2013, U+2014, U+2015 are E2 80 93, 94, 95. */
static size_t dash_length(struct str s, size_t i)
{
	if (s.p[i] == '-' || s.p[i] == '/')
		return 1;
	bool long_dash = s.n - i >= 3 && (unsigned char)s.p[i] == 0xe2 && (unsigned char)s.p[i + 1] == 0x80 &&
	                 (unsigned char)s.p[i + 2] >= 0x93 && (unsigned char)s.p[i + 2] <= 0x95;
	return long_dash ? 3 : 0;
}

static bool word_before(struct str s, size_t i)
{
	if (i == 0 || !is_word_byte((unsigned char)s.p[i - 1]))
		return false;
	/* The last byte of a long dash is no letter. */
	return !(i >= 3 && dash_length(s, i - 3) == 3);
}

/* \B[-/]\b: no word character before, one after (M "windash"). Wildcards are no word characters. */
void sigma_text_windash(struct arena *arena, struct sigma_pattern *p)
{
	struct sigma_piece *old = p->first, **tail = &p->first;
	p->first = NULL;
	for (; old != NULL; old = old->next) {
		struct str s = old->text;
		size_t from = 0;
		if (old->kind != SIGMA_PIECE_TEXT) {
			tail = add(arena, tail, old->kind, old->text);
			continue;
		}
		for (size_t i = 0; i < s.n;) {
			size_t n = dash_length(s, i);
			bool starts_word = n > 0 && !word_before(s, i) && i + n < s.n && dash_length(s, i + n) == 0 &&
			                   is_word_byte((unsigned char)s.p[i + n]);
			if (starts_word) {
				if (i > from)
					tail = add(arena, tail, SIGMA_PIECE_TEXT, str_sub(s, from, i));
				tail = add(arena, tail, SIGMA_PIECE_DASH, str_sub(s, i, i + n));
				from = i + n;
			}
			i += n > 0 ? n : 1;
		}
		if (from < s.n)
			tail = add(arena, tail, SIGMA_PIECE_TEXT, str_sub(s, from, s.n));
	}
}

static void put_unit(struct buf *out, uint32_t unit, bool big_endian)
{
	buf_append_char(out, (char)(big_endian ? unit >> 8 : unit & 0xff));
	buf_append_char(out, (char)(big_endian ? unit & 0xff : unit >> 8));
}

struct str sigma_text_utf16(struct arena *arena, struct str text, bool big_endian, bool mark)
{
	struct buf out cleanup_buf = BUF_INIT(BUF_DEFAULT_MAX);
	if (mark)
		put_unit(&out, 0xfeff, big_endian);
	for (size_t at = 0; at < text.n;) {
		int32_t code = text_utf8_next(text, &at);
		uint32_t c = code >= 0 ? (uint32_t)code : 0xfffd;
		if (c >= 0x10000) {
			put_unit(&out, 0xd800 + ((c - 0x10000) >> 10), big_endian);
			put_unit(&out, 0xdc00 + ((c - 0x10000) & 0x3ff), big_endian);
		} else {
			put_unit(&out, c, big_endian);
		}
	}
	return arena_str(arena, buf_str(&out));
}

struct str sigma_text_base64(struct arena *arena, struct str bytes, unsigned offset, bool whole)
{
	static const size_t skip[] = {0, 2, 3}, drop[] = {0, 3, 2};
	struct buf in cleanup_buf = BUF_INIT(BUF_DEFAULT_MAX);
	struct buf out cleanup_buf = BUF_INIT(BUF_DEFAULT_MAX);
	assert(offset < ARRAY_LEN(skip));
	for (unsigned i = 0; i < offset; i++)
		buf_append_char(&in, ' ');
	buf_append(&in, bytes);
	buf_append_base64(&out, in.p, in.n);
	if (whole)
		return arena_str(arena, buf_str(&out));
	size_t cut = drop[in.n % 3];
	size_t end = out.n > cut ? out.n - cut : 0;
	return arena_str(arena, str_sub(buf_str(&out), skip[offset], end));
}

int32_t sigma_fold_code(int32_t code)
{
	if (code < 0x80)
		return code >= 'A' && code <= 'Z' ? code + 32 : code;
	if (code == 0x130) /* its folding is of two characters (F) or for Turkic only (T) */
		return code;
	utf8proc_int32_t folded[8];
	int boundary = 0;
	utf8proc_ssize_t n = utf8proc_decompose_char(code, folded, 8, UTF8PROC_CASEFOLD, &boundary);
	/* A folding of several characters (F) is not simple; then S is the lower case, where there is one. */
	return n == 1 ? folded[0] : utf8proc_tolower(code);
}

void sigma_fold(struct str s, struct buf *out)
{
	for (size_t at = 0; at < s.n;) {
		unsigned char c = (unsigned char)s.p[at];
		if (c < 0x80) {
			buf_append_char(out, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
			at++;
			continue;
		}
		size_t from = at;
		int32_t code = text_utf8_next(s, &at);
		if (code < 0)
			buf_append(out, str_sub(s, from, at));
		else
			text_append_code(out, sigma_fold_code(code));
	}
}

struct str sigma_fold_arena(struct arena *arena, struct str s, bool ascii_only)
{
	struct buf out cleanup_buf = BUF_INIT(BUF_DEFAULT_MAX);
	if (!ascii_only) {
		sigma_fold(s, &out);
		return arena_str(arena, buf_str(&out));
	}
	struct str copy = arena_str(arena, s);
	char *p = arena_alloc(arena, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)(copy.p[i] >= 'A' && copy.p[i] <= 'Z' ? copy.p[i] + 32 : copy.p[i]);
	return str_n(p, s.n);
}
