/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdlib.h>

#include "base/cursor/cursor.h"
#include "platform/pack/pack_internal.h"

/*
 * YAML 1.2 core schema (10.3.2):
 *   null   null Null NULL ~ and nothing     bool  true True TRUE false False FALSE
 *   int    [-+]?[0-9]+   0o[0-7]+   0x[0-9a-fA-F]+
 *   float  [-+]? ( \.[0-9]+ | [0-9]+ (\.[0-9]*)? ) ([eE][-+]?[0-9]+)?   [-+]?\.inf  \.nan
 * Infinity and "not a number" are refused: JSON cannot say them and no pack needs them.
 */
#define NUMBER_MAX 400

static bool is_one_of(struct str s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (str_eq_c(s, *words))
			return true;
	return false;
}

static bool is_integer(struct str s)
{
	struct cursor c = cursor_of(s);
	if (!cursor_accept(&c, '-'))
		(void)cursor_accept(&c, '+');
	return cursor_while(&c, "0123456789").n > 0 && cursor_at_end(&c);
}

static bool is_float(struct str s)
{
	struct cursor c = cursor_of(s);
	if (!cursor_accept(&c, '-'))
		(void)cursor_accept(&c, '+');
	size_t whole = cursor_while(&c, "0123456789").n, fraction = 0;
	if (cursor_accept(&c, '.'))
		fraction = cursor_while(&c, "0123456789").n;
	if (whole + fraction == 0)
		return false;
	if (cursor_accept(&c, 'e') || cursor_accept(&c, 'E')) {
		if (!cursor_accept(&c, '-'))
			(void)cursor_accept(&c, '+');
		if (cursor_while(&c, "0123456789").n == 0)
			return false;
	}
	return cursor_at_end(&c);
}

static bool is_infinite(struct str s)
{
	static const char *const words[] = {".inf", ".Inf", ".INF", NULL}, *const nan[] = {".nan", ".NaN", ".NAN", NULL};
	if (is_one_of(s, nan))
		return true;
	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_sub(s, 1, s.n);
	return is_one_of(s, words);
}

static int out_of_range(struct str text, struct err *err)
{
	return err_set(err, -EINVAL, "pack.number", ARG_STR("text", text));
}

/* 0x1F and 0o17, unsigned 63 bits. */
static bool parse_based(struct str s, bool *ret_matches, int64_t *ret)
{
	unsigned shift = str_starts_with(s, STR("0x")) ? 4 : str_starts_with(s, STR("0o")) ? 3 : 0;
	struct cursor c = cursor_of(str_sub(s, 2, s.n));
	struct str digits = shift == 0 ? STR_EMPTY : cursor_while(&c, shift == 4 ? "0123456789abcdefABCDEF" : "01234567");
	*ret_matches = digits.n > 0 && cursor_at_end(&c);
	uint64_t value = 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (value >> (63 - shift) != 0)
			return false;
		unsigned char d = (unsigned char)digits.p[i];
		value = value << shift | (uint64_t)(d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
	}
	*ret = (int64_t)value;
	return true;
}

static void set_integer(struct arena *arena, int64_t value, struct json *out)
{
	out->type = JSON_NUMBER;
	out->is_integer = true;
	out->integer = value;
	out->number = (double)value;
	out->text = arena_printf(arena, "%lld", (long long)value);
}

/* True when `s` is a number as JSON writes it, too: then it is kept as written ("1.10"). */
static bool is_json_number(struct str s)
{
	struct str digits = s.n > 0 && s.p[0] == '-' ? str_sub(s, 1, s.n) : s;
	size_t dot = str_find_char(digits, '.');
	bool starts_well = digits.n > 0 && digits.p[0] >= '0' && digits.p[0] <= '9' &&
	                   (digits.p[0] != '0' || digits.n == 1 || digits.p[1] == '.' || (digits.p[1] | 0x20) == 'e');
	return starts_well && (dot == SIZE_MAX || (dot + 1 < digits.n && digits.p[dot + 1] >= '0' && digits.p[dot + 1] <= '9'));
}

static int set_float(struct arena *arena, struct str s, struct json *out, struct err *err)
{
	char text[NUMBER_MAX + 1];
	if (s.n > NUMBER_MAX)
		return out_of_range(s, err);
	str_copy_c(s, text, sizeof text);
	out->type = JSON_NUMBER;
	out->number = strtod(text, NULL);
	if (!__builtin_isfinite(out->number))
		return out_of_range(s, err);
	out->text = is_json_number(s) ? s : arena_printf(arena, "%.17g", out->number);
	return 0;
}

int pack_plain_scalar(struct arena *arena, struct str s, struct json *out, struct err *err)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL}, *const falses[] = {"false", "False", "FALSE", NULL};
	bool based;
	int64_t value;
	out->text = s;
	out->type = JSON_STRING;
	if (is_one_of(s, nulls)) {
		out->type = JSON_NULL;
		return 0;
	}
	out->boolean = is_one_of(s, trues);
	if (out->boolean || is_one_of(s, falses)) {
		out->type = JSON_BOOL;
		return 0;
	}
	if (!parse_based(s, &based, &value))
		return out_of_range(s, err);
	if (based || (is_integer(s) && str_parse_i64(s.p[0] == '+' ? str_sub(s, 1, s.n) : s, INT64_MIN, INT64_MAX, &value))) {
		set_integer(arena, value, out);
		return 0;
	}
	if (is_infinite(s))
		return out_of_range(s, err);
	return is_float(s) ? set_float(arena, s, out, err) : 0;
}
