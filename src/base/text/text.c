/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/text/text.h"

#include <utf8proc.h>

#include "base/mem/mem.h"

/* Stream-safe text (UAX #15 section 13); the library's reordering is quadratic in a run of marks. */
#define MARKS_MAX 30

/* Index of the mark that is one too many, or SIZE_MAX. */
static size_t too_many_marks(struct str s)
{
	unsigned run = 0;
	for (size_t at = 0; at < s.n;) {
		size_t from = at;
		int32_t code = text_utf8_next(s, &at);
		run = utf8proc_get_property(code)->combining_class != 0 ? run + 1 : 0;
		if (run > MARKS_MAX)
			return from;
	}
	return SIZE_MAX;
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

int text_nfc(struct str s, struct buf *out, struct err *err)
{
	size_t bad = text_utf8_error(s);
	if (bad != SIZE_MAX)
		return err_set(err, -EINVAL, "text.utf8", ARG_U64("byte", bad));
	if (is_ascii(s)) {
		buf_append(out, s);
	} else {
		bad = too_many_marks(s);
		if (bad != SIZE_MAX)
			return err_set(err, -EINVAL, "text.marks", ARG_U64("byte", bad), ARG_I64("limit", MARKS_MAX));
		utf8proc_uint8_t *composed = NULL;
		utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.n, &composed,
		                                  UTF8PROC_STABLE | UTF8PROC_COMPOSE);
		if (n < 0)
			return err_set(err, -E2BIG, "text.too_long", ARG_U64("limit", out->max));
		buf_append(out, str_n(composed, (size_t)n));
		mem_free(composed);
	}
	return out->overflow ? err_set(err, -E2BIG, "text.too_long", ARG_U64("limit", out->max)) : 0;
}

#define REPLACEMENT 0xFFFD
/* The longest decomposition of one code point is 18 (U+FDFA, compatibility); canonical ones are shorter. */
#define PIECES_MAX 32

/* The next code point folded and taken apart (marks kept unless `options` strips them). Returns the number of pieces. */
static size_t next_pieces(struct str s, size_t *at, int options, int32_t pieces[PIECES_MAX])
{
	int32_t code = text_utf8_next(s, at);
	if (code <= 0)
		code = REPLACEMENT;
	int last_class = 0;
	utf8proc_ssize_t n = utf8proc_decompose_char(
		code, pieces, PIECES_MAX, (utf8proc_option_t)(UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | options),
		&last_class);
	return n > 0 && n <= PIECES_MAX ? (size_t)n : 0;
}

static bool is_space(int32_t code)
{
	if ((code >= '\t' && code <= '\r') || code == ' ' || code == 0x85)
		return true;
	utf8proc_category_t category = utf8proc_category(code);
	return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

#define D_STROKE 0x111

void text_search_key(struct str s, struct buf *out)
{
	bool blank = false, begun = false;
	int32_t pieces[PIECES_MAX];
	for (size_t at = 0; at < s.n;) {
		size_t n = next_pieces(s, &at, UTF8PROC_STRIPMARK, pieces);
		for (size_t i = 0; i < n; i++) {
			if (is_space(pieces[i])) {
				blank = begun;
				continue;
			}
			if (blank)
				buf_append_char(out, ' ');
			text_append_code(out, pieces[i] == D_STROKE ? 'd' : pieces[i]);
			blank = false;
			begun = true;
		}
	}
}

/*
 * Sort keys. A syllable gives its letters, then its tone, so that "ba, bà, bả,
 * bã, bá, bạ, bác" come in dictionary order and "hoà" equals "hòa":
 *
 *   !            between syllables (white space, punctuation)
 *   1..6         tone: none, huyền, hỏi, ngã, sắc, nặng
 *   : length digits      a number without leading zeros
 *   A..a         the 33 letters of the table below
 *   ~ hex hex …  any other letter, by code point
 */
#define KEY_BETWEEN '!'
#define KEY_NUMBER ':'
#define KEY_OTHER '~'

static const int32_t letters[] = {'a', 0x103, 0xE2, 'b', 'c', 'd', D_STROKE, 'e', 0xEA, 'f', 'g',
                                  'h', 'i',   'j',  'k', 'l', 'm', 'n',      'o', 0xF4, 0x1A1, 'p',
                                  'q', 'r',   's',  't', 'u', 0x1B0, 'v',    'w', 'x',  'y', 'z'};

/* A base letter and the mark that makes it another letter of the alphabet. */
static const struct {
	int32_t base, mark, letter;
} marked_letters[] = {{'a', 0x306, 0x103}, {'a', 0x302, 0xE2},  {'e', 0x302, 0xEA},
                      {'o', 0x302, 0xF4},  {'o', 0x31B, 0x1A1}, {'u', 0x31B, 0x1B0}};

/* In dictionary order; the code is '2' + index. */
static const int32_t tone_marks[] = {0x300, 0x309, 0x303, 0x301, 0x323};

struct sort_state {
	struct buf *out;
	int32_t letter; /* waiting for its marks; 0: none */
	bool in_syllable, begun, between;
	unsigned tone_count;
	char tones[8];
	struct buf digits;
};

static void flush_letter(struct sort_state *st)
{
	int32_t letter = st->letter;
	if (letter == 0)
		return;
	st->letter = 0;
	for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
		if (letters[i] == letter) {
			buf_append_char(st->out, (char)('A' + i));
			return;
		}
	}
	buf_printf(st->out, "%c%06X", KEY_OTHER, (unsigned)letter);
}

static void end_syllable(struct sort_state *st)
{
	if (!st->in_syllable)
		return;
	flush_letter(st);
	if (st->tone_count == 0)
		buf_append_char(st->out, '1');
	else
		buf_append(st->out, str_n(st->tones, st->tone_count));
	st->tone_count = 0;
	st->in_syllable = false;
}

static void end_number(struct sort_state *st)
{
	if (st->digits.n == 0)
		return;
	struct str digits = buf_str(&st->digits);
	while (digits.n > 1 && digits.p[0] == '0')
		digits = str_sub(digits, 1, digits.n);
	buf_append_char(st->out, KEY_NUMBER);
	/* One byte of length keeps 9 before 10; lengths past 57 share the last one. */
	buf_append_char(st->out, (char)(digits.n < 57 ? 'A' + digits.n : 'z'));
	buf_append(st->out, digits);
	buf_clear(&st->digits);
}

static void begin_part(struct sort_state *st)
{
	if (st->between && st->begun)
		buf_append_char(st->out, KEY_BETWEEN);
	st->between = false;
	st->begun = true;
}

static void take_mark(struct sort_state *st, int32_t mark)
{
	for (size_t i = 0; i < ARRAY_LEN(tone_marks); i++)
		if (tone_marks[i] == mark && st->in_syllable && st->tone_count < sizeof st->tones)
			st->tones[st->tone_count++] = (char)('2' + i);
	for (size_t i = 0; i < ARRAY_LEN(marked_letters); i++)
		if (marked_letters[i].base == st->letter && marked_letters[i].mark == mark) {
			st->letter = marked_letters[i].letter;
			return;
		}
}

static bool is_mark(utf8proc_category_t category)
{
	return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

static bool is_letter(utf8proc_category_t category)
{
	return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
	       (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

static void take_piece(struct sort_state *st, int32_t code)
{
	utf8proc_category_t category = utf8proc_category(code);
	if (code >= '0' && code <= '9') {
		end_syllable(st);
		begin_part(st);
		buf_append_char(&st->digits, (char)code);
		return;
	}
	if (is_mark(category)) {
		take_mark(st, code);
		return;
	}
	end_number(st);
	if (!is_letter(category)) {
		end_syllable(st);
		st->between = true;
		return;
	}
	flush_letter(st);
	begin_part(st);
	st->in_syllable = true;
	st->letter = code;
}

void text_sort_key(struct str s, struct buf *out)
{
	struct sort_state st = {.out = out, .digits = BUF_INIT(s.n)};
	int32_t pieces[PIECES_MAX];
	for (size_t at = 0; at < s.n;) {
		size_t n = next_pieces(s, &at, 0, pieces);
		for (size_t i = 0; i < n; i++)
			take_piece(&st, pieces[i]);
	}
	end_syllable(&st);
	end_number(&st);
	buf_done(&st.digits);
}
