/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "base/str/str.h"

static void compares(void **state)
{
	(void)state;
	assert_true(str_eq(STR("abc"), STR("abc")));
	assert_true(str_eq(STR_EMPTY, STR("")));
	assert_false(str_eq(STR("abc"), STR("abd")));
	assert_false(str_eq(STR("abc"), STR("ab")));
	assert_true(str_eq_c(STR("x"), "x"));
	assert_true(str_eq_c(STR_EMPTY, NULL));
	assert_true(str_eq_nocase(STR("aBz[@"), STR("AbZ[@")));
	assert_false(str_eq_nocase(STR("["), STR("{")));
	assert_false(str_eq_nocase(STR("\xC3\x80"), STR("\xC3\xA0")));
	assert_true(str_eq_constant_time(STR("secret"), STR("secret")));
	assert_false(str_eq_constant_time(STR("secret"), STR("secreT")));
	assert_false(str_eq_constant_time(STR("secret"), STR("secre")));
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("ab"), STR("a")) > 0);
	assert_true(str_cmp(STR("\x80"), STR("a")) > 0);
	assert_int_equal(str_cmp(STR_EMPTY, STR("")), 0);
}

static void finds(void **state)
{
	(void)state;
	static const struct {
		struct str s, needle;
		size_t at;
	} cases[] = {
		{STR("hello"), STR("l"), 2},          {STR("hello"), STR("lo"), 3},      {STR("hello"), STR("hello"), 0},
		{STR("hello"), STR("hellos"), SIZE_MAX}, {STR("hello"), STR(""), 0},      {STR(""), STR("a"), SIZE_MAX},
		{STR("aaab"), STR("aab"), 1},         {STR("abababac"), STR("abac"), 4}, {STR("x\0y"), STR("\0y"), 1},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(str_find(cases[i].s, cases[i].needle), cases[i].at);
	assert_int_equal(str_find_char(STR("abc"), 'c'), 2);
	assert_int_equal(str_find_char(STR_EMPTY, 'c'), SIZE_MAX);
	assert_true(str_starts_with(STR("abc"), STR("ab")));
	assert_false(str_starts_with(STR("a"), STR("ab")));
	assert_true(str_ends_with(STR("abc"), STR("bc")));
	assert_false(str_ends_with(STR("c"), STR("bc")));
}

static void cuts(void **state)
{
	(void)state;
	assert_true(str_eq_c(str_sub(STR("hello"), 1, 3), "el"));
	assert_true(str_eq_c(str_sub(STR("hello"), 3, SIZE_MAX), "lo"));
	assert_int_equal(str_sub(STR("hello"), 4, 2).n, 0);
	assert_int_equal(str_sub(STR("hello"), 9, 12).n, 0);
	assert_int_equal(str_sub(STR_EMPTY, 0, 5).n, 0);
	assert_true(str_eq_c(str_trim(STR(" \t\r\n a b\v\f ")), "a b"));
	assert_int_equal(str_trim(STR("   ")).n, 0);
}

static void splits(void **state)
{
	(void)state;
	static const struct {
		struct str s;
		const char *parts; /* each followed by "|" */
	} cases[] = {{STR("a,b"), "a|b|"}, {STR("a,"), "a||"}, {STR(","), "||"}, {STR(""), "|"}, {STR("abc"), "abc|"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf joined cleanup_buf = BUF_INIT(100);
		struct str rest = cases[i].s, part;
		while (str_split(&rest, ',', &part)) {
			buf_append(&joined, part);
			buf_append_char(&joined, '|');
		}
		assert_string_equal(joined.p, cases[i].parts);
	}
	struct str none = STR_EMPTY, part;
	assert_false(str_split(&none, ',', &part));
}

static void copies_whole_characters(void **state)
{
	(void)state;
	static const struct {
		struct str s;
		size_t size;
		const char *want;
	} cases[] = {
		{STR("abc"), 10, "abc"}, {STR("abc"), 3, "ab"}, {STR("aế"), 5, "aế"}, {STR("aế"), 4, "a"},
		{STR("aế"), 2, "a"},     {STR("ế"), 3, ""},     {STR("abc"), 1, ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[16] = "unchanged";
		str_copy_c(cases[i].s, out, cases[i].size);
		assert_string_equal(out, cases[i].want);
	}
}

static void parses_unsigned(void **state)
{
	(void)state;
	static const struct {
		struct str s;
		uint64_t min, max;
		bool good;
		uint64_t value;
	} cases[] = {
		{STR("0"), 0, 10, true, 0},          {STR("10"), 0, 10, true, 10},  {STR("11"), 0, 10, false, 0},
		{STR("007"), 0, 10, true, 7},        {STR("4"), 5, 10, false, 0},   {STR(""), 0, 10, false, 0},
		{STR("+1"), 0, 10, false, 0},        {STR("-1"), 0, 10, false, 0},  {STR(" 1"), 0, 10, false, 0},
		{STR("1 "), 0, 10, false, 0},        {STR("1\0"), 0, 10, false, 0}, {STR("0x1"), 0, 10, false, 0},
		{STR("18446744073709551615"), 0, UINT64_MAX, true, UINT64_MAX},
		{STR("18446744073709551616"), 0, UINT64_MAX, false, 0},
		{STR("99999999999999999999999"), 0, UINT64_MAX, false, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t value = 99;
		assert_int_equal(str_parse_u64(cases[i].s, cases[i].min, cases[i].max, &value), cases[i].good);
		assert_int_equal(value, cases[i].good ? cases[i].value : 99);
	}
}

static void parses_signed(void **state)
{
	(void)state;
	static const struct {
		struct str s;
		bool good;
		int64_t value;
	} cases[] = {
		{STR("-5"), true, -5},
		{STR("5"), true, 5},
		{STR("-0"), true, 0},
		{STR("-"), false, 0},
		{STR("--1"), false, 0},
		{STR("9223372036854775807"), true, INT64_MAX},
		{STR("9223372036854775808"), false, 0},
		{STR("-9223372036854775808"), true, INT64_MIN},
		{STR("-9223372036854775809"), false, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t value = 99;
		assert_int_equal(str_parse_i64(cases[i].s, INT64_MIN, INT64_MAX, &value), cases[i].good);
		assert_true(value == (cases[i].good ? cases[i].value : 99));
	}
	int64_t value;
	assert_false(str_parse_i64(STR("-5"), -4, 4, &value));
}

static void suggests(void **state)
{
	(void)state;
	static const char *const names[] = {"name", "title", "level", NULL};
	assert_string_equal(str_closest(STR("nmae"), names), "name");
	assert_string_equal(str_closest(STR("titel"), names), "title");
	assert_string_equal(str_closest(STR("levels"), names), "level");
	assert_null(str_closest(STR("completely"), names));
	static char longest[100] = "name";
	assert_null(str_closest(str_n(longest, sizeof longest), names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares),        cmocka_unit_test(finds),
		cmocka_unit_test(cuts),            cmocka_unit_test(splits),
		cmocka_unit_test(parses_unsigned), cmocka_unit_test(parses_signed),
		cmocka_unit_test(suggests),        cmocka_unit_test(copies_whole_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
