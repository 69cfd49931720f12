/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The formats of the template language: how dates, numbers and lists are written here. */
#include <math.h>
#include <utf8proc.h>

#include "base/clock/clock.h"
#include "base/text/text.h"
#include "engine/document/document_template.h"
#include "engine/document/document_words.h"

#define DECIMALS_MAX 6
#define NUMBER_MAX 1e15
#define ROMAN_MAX 3999
#define LIST_MAX 10000
#define BYTES_PER_STEP 32 /* long texts through many formats come to an end, too */

struct str document_show_number(struct arena *arena, double number, int decimals)
{
	char digits[64];
	struct buf b = BUF_FIXED(digits, sizeof(digits)), out = BUF_INIT(256);
	buf_printf(&b, "%.*f", decimals < 0 ? DECIMALS_MAX : decimals, fabs(number));
	struct str whole = str_sub(buf_str(&b), 0, str_find_char(buf_str(&b), '.'));
	struct str fraction = str_sub(buf_str(&b), whole.n + 1, b.n);
	while (decimals < 0 && fraction.n > 0 && fraction.p[fraction.n - 1] == '0')
		fraction.n--;
	bool zero = cursor_while(&(struct cursor){.s = buf_str(&b)}, "0.").n == b.n;
	if (number < 0 && !zero)
		buf_append_char(&out, '-');
	for (size_t i = 0; i < whole.n; i++) {
		if (decimals >= 0 && i > 0 && (whole.n - i) % 3 == 0)
			buf_append_char(&out, '.');
		buf_append_char(&out, whole.p[i]);
	}
	if (fraction.n > 0) {
		buf_append_char(&out, ',');
		buf_append(&out, fraction);
	}
	struct str shown = arena_str(arena, buf_str(&out));
	buf_done(&out);
	return shown;
}

struct str document_roman(struct arena *arena, uint64_t number)
{
	static const struct {
		unsigned value;
		const char *sign;
	} signs[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
		     {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}};
	char text[32];
	struct buf b = BUF_FIXED(text, sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(signs) && number <= ROMAN_MAX; i++)
		for (; number >= signs[i].value; number -= signs[i].value)
			buf_append_c(&b, signs[i].sign);
	return arena_str(arena, buf_str(&b));
}

struct str document_letter(struct arena *arena, uint64_t number)
{
	static const char *const letters[] = {"a", "b", "c", "d", "đ", "e", "g", "h", "i", "k", "l", "m",
					      "n", "o", "p", "q", "r", "s", "t", "u", "v", "x", "y"};
	uint64_t i = number > 0 ? number - 1 : 0;
	const char *first = i < ARRAY_LEN(letters) ? "" : letters[(i / ARRAY_LEN(letters) - 1) % ARRAY_LEN(letters)];
	return arena_printf(arena, "%s%s", first, letters[i % ARRAY_LEN(letters)]);
}

struct str document_upper(struct arena *arena, struct str text)
{
	struct buf out = BUF_INIT(DOCUMENT_TEXT_MAX);
	for (size_t at = 0; at < text.n;) {
		int32_t code = text_utf8_next(text, &at);
		text_append_code(&out, code < 0 ? 0xFFFD : utf8proc_toupper(code));
	}
	struct str upper = arena_str(arena, buf_str(&out));
	buf_done(&out);
	return upper;
}

static bool read_date(struct str iso, struct clock_date *ret)
{
	usec_t t;
	if (clock_parse_iso(str_trim(iso), &t, NULL) < 0)
		return false;
	*ret = clock_civil(t, CLOCK_VN_OFFSET_USEC);
	return true;
}

/* Days below 10 and the months 1 and 2 have a zero in front (NĐ 30/2020, Annex I, II.4). */
struct str document_long_date(struct arena *arena, struct str iso)
{
	struct clock_date d;
	if (!read_date(iso, &d))
		return iso.n > 0 ? arena_str(arena, iso) : STR(DOCUMENT_WORD_DATE_OPEN);
	return arena_printf(arena, d.month < 3 ? DOCUMENT_WORD_DATE_PADDED : DOCUMENT_WORD_DATE, d.day, d.month, d.year);
}

static int unfit(struct document_expand *x, const struct cursor *at, const struct document_apply *a)
{
	return document_fail(x, at, -EINVAL, "document.format_value", ARG_STR("format", a->name));
}

static void set_text(struct document_value *v, struct str text)
{
	*v = (struct document_value){.type = DOCUMENT_TEXT, .text = text, .name = v->name};
}

static bool whole_arg(const struct document_apply *a, int64_t fallback, int64_t max, int64_t *ret)
{
	double n = a->arg_count > 0 ? a->args[0].number : (double)fallback;
	if ((a->arg_count > 0 && a->args[0].type != DOCUMENT_NUMBER) || !(n >= 0 && n <= (double)max))
		return false;
	*ret = (int64_t)n;
	return true;
}

enum date_form { FORM_DAY, FORM_LONG, FORM_TIME };
static int apply_date(struct document_expand *x, const struct cursor *at, const struct document_apply *a,
		      struct document_value *v, enum date_form form)
{
	struct clock_date d;
	if (v->type != DOCUMENT_TEXT || !read_date(v->text, &d))
		return unfit(x, at, a);
	if (form == FORM_LONG)
		set_text(v, document_long_date(x->arena, v->text));
	else if (form == FORM_DAY)
		set_text(v, arena_printf(x->arena, "%02u/%02u/%04d", d.day, d.month, d.year));
	else
		set_text(v, arena_printf(x->arena, DOCUMENT_WORD_TIME, d.hour, d.minute, d.day, d.month, d.year));
	return 0;
}
static int apply_day(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	return apply_date(x, at, a, v, FORM_DAY);
}
static int apply_long(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	return apply_date(x, at, a, v, FORM_LONG);
}
static int apply_time(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	return apply_date(x, at, a, v, FORM_TIME);
}

static int apply_number(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	int64_t decimals = 0;
	if (v->type != DOCUMENT_NUMBER || fabs(v->number) > NUMBER_MAX || !whole_arg(a, 0, DECIMALS_MAX, &decimals))
		return unfit(x, at, a);
	set_text(v, document_show_number(x->arena, v->number, (int)decimals));
	return 0;
}

/* Of a share between 0 and 1. */
static int apply_percent(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	int64_t decimals = 0;
	if (v->type != DOCUMENT_NUMBER || fabs(v->number) > NUMBER_MAX || !whole_arg(a, 0, DECIMALS_MAX, &decimals))
		return unfit(x, at, a);
	struct str shown = document_show_number(x->arena, v->number * 100, (int)decimals);
	set_text(v, arena_printf(x->arena, "%.*s%%", STR_FMT(shown)));
	return 0;
}

static bool whole_value(const struct document_value *v, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;
	if (v->type == DOCUMENT_TEXT)
		return str_parse_u64(v->text, 0, max, ret);
	if (v->type != DOCUMENT_NUMBER || !(v->number >= 0 && v->number <= (double)max))
		return false;
	n = (uint64_t)v->number;
	*ret = n;
	return true;
}

static int apply_pad(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	int64_t width = 2;
	uint64_t n = 0;
	if (!whole_value(v, UINT64_C(1) << 52, &n) || !whole_arg(a, 2, 9, &width))
		return unfit(x, at, a);
	set_text(v, arena_printf(x->arena, "%0*llu", (int)width, (unsigned long long)n));
	return 0;
}

static int apply_roman(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	uint64_t n = 0;
	if (!whole_value(v, ROMAN_MAX, &n) || n == 0)
		return unfit(x, at, a);
	set_text(v, document_roman(x->arena, n));
	return 0;
}

static int apply_upper(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	if (v->type != DOCUMENT_TEXT)
		return unfit(x, at, a);
	set_text(v, document_upper(x->arena, v->text));
	return 0;
}

static int apply_paragraphs(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	if (v->type != DOCUMENT_TEXT)
		return unfit(x, at, a);
	v->paragraphs = true;
	return 0;
}

static int apply_count(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	if (v->type != DOCUMENT_TREE)
		return unfit(x, at, a);
	*v = (struct document_value){.type = DOCUMENT_NUMBER, .number = (double)v->tree->count};
	return 0;
}

/* A list of texts; parted by "; " where nothing is said. */
static int apply_join(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	struct str between = a->arg_count > 0 && a->args[0].type == DOCUMENT_TEXT ? a->args[0].text : STR("; ");
	if (v->type != DOCUMENT_TREE || v->tree->type != JSON_ARRAY || v->tree->count > LIST_MAX)
		return unfit(x, at, a);
	struct buf out = BUF_INIT(DOCUMENT_TEXT_MAX);
	json_each(item, v->tree) {
		if (item != v->tree->child)
			buf_append(&out, between);
		buf_append(&out, item->type == JSON_STRING || item->type == JSON_NUMBER ? item->text : STR("?"));
	}
	set_text(v, arena_str(x->arena, buf_str(&out)));
	buf_done(&out);
	return 0;
}

/* An address that a link may have: what else stands in it is percent-encoded. */
static int apply_url(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v)
{
	static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'*+,;=%";
	if (v->type != DOCUMENT_TEXT)
		return unfit(x, at, a);
	struct buf out = BUF_INIT(DOCUMENT_TEXT_MAX);
	for (size_t i = 0; i < v->text.n; i++) {
		if (v->text.p[i] != '\0' && strchr(kept, v->text.p[i]) != NULL)
			buf_append_char(&out, v->text.p[i]);
		else
			buf_printf(&out, "%%%02X", (unsigned char)v->text.p[i]);
	}
	set_text(v, arena_str(x->arena, buf_str(&out)));
	buf_done(&out);
	return 0;
}

static const struct {
	const char *name;
	int (*apply)(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *v);
} formats[] = {{"date", apply_day}, {"date_long", apply_long}, {"time", apply_time}, {"number", apply_number},
	       {"percent", apply_percent}, {"pad", apply_pad}, {"roman", apply_roman}, {"upper", apply_upper},
	       {"paragraphs", apply_paragraphs}, {"count", apply_count}, {"join", apply_join}, {"url", apply_url}};

int document_apply(struct document_expand *x, const struct cursor *at, const struct document_apply *a, struct document_value *value)
{
	const char *names[ARRAY_LEN(formats) + 2] = {"default"};
	if (str_eq_c(a->name, "default")) {
		if (a->arg_count != 1)
			return document_fail(x, at, -EINVAL, "document.syntax", ARG_CSTR("expected", "default \"…\""));
		if (value->type == DOCUMENT_NONE || (value->type == DOCUMENT_TEXT && value->text.n == 0))
			*value = a->args[0];
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		names[i + 1] = formats[i].name;
		if (!str_eq_c(a->name, formats[i].name))
			continue;
		/* Nothing stays nothing: a later "default" may name what to write. */
		if (x->dry || value->type == DOCUMENT_NONE)
			return 0;
		int r = formats[i].apply(x, at, a, value);
		x->steps += value->type == DOCUMENT_TEXT ? value->text.n / BYTES_PER_STEP : 0;
		return r;
	}
	const char *nearest = str_closest(a->name, names);
	return document_fail(x, at, -EINVAL, "document.no_format", ARG_STR("name", a->name), ARG_CSTR("nearest", nearest != NULL ? nearest : names[0]));
}
