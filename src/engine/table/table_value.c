/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Cell values as a person sees them (ECMA-376 part 1, 18.17.4 dates, 18.8.30 number formats). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock/clock.h"
#include "engine/table/table_internal.h"

#define DAY_SECONDS 86400.0
#define SERIAL_END  2958466.0 /* 10000-01-01 */

static bool parse(struct str s, double *ret)
{
	char text[64];
	struct cursor c = cursor_of(s);
	if (s.n == 0 || s.n >= sizeof(text) || cursor_while(&c, "0123456789+-.eE").n != s.n)
		return false;
	str_copy_c(s, text, sizeof(text));
	char *end = NULL;
	*ret = strtod(text, &end);
	return end == text + s.n && isfinite(*ret);
}

bool table_show_number(struct str value, struct buf *out)
{
	double v;
	if (!parse(value, &v))
		return false;
	/* Excel computes with 15 digits and stores 17: 0.1 + 0.2 is 0.3 to whoever looks at it. */
	if (v == floor(v) && fabs(v) < 1e15)
		buf_printf(out, "%.0f", v == 0 ? 0.0 : v);
	else
		buf_printf(out, "%.15g", v);
	return true;
}

bool table_show_date(struct str value, bool from_1904, struct buf *out)
{
	double v;
	if (!parse(value, &v))
		return false;
	if (v < 0 || v >= SERIAL_END)
		return table_show_number(value, out);
	/* Excel's 1900 has a 29 February, number 60. */
	static const struct clock_date starts[] = {
	    {.year = 1899, .month = 12, .day = 31}, {.year = 1899, .month = 12, .day = 30}, {.year = 1904, .month = 1, .day = 1}};
	usec_t start = 0;
	if (!clock_from_civil(&starts[from_1904 ? 2 : v >= 60], 0, &start))
		return false;
	int64_t seconds = (int64_t)floor(v * DAY_SECONDS + 0.5);
	struct clock_date d = clock_civil(start + seconds * USEC_PER_SEC, 0);
	bool has_time = seconds % (int64_t)DAY_SECONDS != 0;
	if (v >= 1)
		buf_printf(out, "%04d-%02u-%02u%s", d.year, d.month, d.day, has_time ? " " : "");
	if (has_time || v < 1)
		buf_printf(out, "%02u:%02u:%02u", d.hour, d.minute, d.second);
	return true;
}

/* Past what a date's letters are not: quoted text, an escaped letter, a colour or condition in brackets. */
static void skip(struct cursor *c, int byte)
{
	if (byte == '"')
		(void)cursor_until(c, '"');
	else if (byte == '[' && (cursor_peek(c) | 0x20) != 'h' && (cursor_peek(c) | 0x20) != 'm' && (cursor_peek(c) | 0x20) != 's')
		(void)cursor_until(c, ']');
	if (byte == '"' || byte == '\\' || byte == '_' || byte == '*')
		(void)cursor_next(c);
}

bool table_format_is_date(struct str code)
{
	struct cursor c = cursor_of(code);
	if (str_eq_nocase(code, STR("General")))
		return false;
	for (int byte; (byte = cursor_next(&c)) >= 0;) {
		if (byte < 128 && strchr("dDmMyYhHsS", byte) != NULL && byte != 0)
			return true;
		skip(&c, byte);
	}
	return false;
}

size_t table_unescape(char *text, size_t n)
{
	size_t out = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char code[2];
		struct str s = str_sub(str_n(text, n), i, i + 7);
		bool escaped = s.n == 7 && s.p[0] == '_' && s.p[1] == 'x' && s.p[6] == '_' && str_parse_hex(str_sub(s, 2, 6), code, 2);
		unsigned v = escaped ? (unsigned)code[0] << 8 | code[1] : 0;
		/* Only what needs it: control characters, and "_" where it would begin such a thing. */
		if (escaped && ((v < 0x20 && v != 0) || v == '_')) {
			text[out++] = (char)v;
			i += 6;
		} else {
			text[out++] = text[i];
		}
	}
	return out;
}
