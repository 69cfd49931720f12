/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/json/json.h"

static void nests(void **state)
{
	(void)state;
	struct buf out cleanup_buf = BUF_INIT(1000);
	struct json_writer w = json_writer_init(&out);
	json_object(&w);
	json_member_int(&w, "i", INT64_MIN);
	json_name(&w, "l");
	json_array(&w);
	json_u64(&w, UINT64_MAX);
	json_array(&w);
	json_array_end(&w);
	json_object(&w);
	json_object_end(&w);
	json_cstr(&w, NULL);
	json_array_end(&w);
	json_member_bool(&w, "b", true);
	json_member_cstr(&w, "n", NULL);
	json_member_str(&w, "s", STR("x"));
	json_name_str(&w, STR("r\n"));
	json_raw(&w, STR("[1, 2]"));
	json_object_end(&w);
	assert_string_equal(out.p, "{\"i\":-9223372036854775808,\"l\":[18446744073709551615,[],{},null],\"b\":true,\"n\":null,"
	                           "\"s\":\"x\",\"r\\n\":[1, 2]}");
}

static void strings(void **state)
{
	(void)state;
	static const struct {
		struct str s;
		const char *want;
	} cases[] = {
		{STR(""), "\"\""},
		{STR_EMPTY, "\"\""},
		{STR("\"\\/\b\f\n\r\t"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
		{STR("\x01\x1F\x7F"), "\"\\u0001\\u001f\\u007f\""},
		{STR("a\0b"), "\"a\\u0000b\""},
		{STR("Hải 😹"), "\"Hải 😹\""},
		{STR("a\xFF\xC3(\xED\xA0\x80"), "\"a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD\""},
		{STR("\xE1\xBB"), "\"\uFFFD\uFFFD\""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out cleanup_buf = BUF_INIT(1000);
		struct json_writer w = json_writer_init(&out);
		json_str(&w, cases[i].s);
		assert_string_equal(out.p, cases[i].want);
	}
}

static void doubles(void **state)
{
	(void)state;
	static const struct {
		double v;
		const char *want;
	} cases[] = {
		{0, "0"},          {-0.0, "-0"},         {1.5, "1.5"},  {0.1, "0.1"},
		{1.0 / 3, "0.3333333333333333"}, {1e300, "1e+300"}, {100, "100"}, {5e-324, "4.94065645841247e-324"},
		{(double)INFINITY, "null"}, {-(double)INFINITY, "null"}, {(double)NAN, "null"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out cleanup_buf = BUF_INIT(1000);
		struct json_writer w = json_writer_init(&out);
		json_double(&w, cases[i].v);
		assert_string_equal(out.p, cases[i].want);
	}
}

static void trees_come_back(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"a\":[1,-2.50,1e5,true,false,null,\"x\\ny\"],\"\":{}}", "[]", "\"\\u0000\"", "12345678901234567890",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		struct buf out cleanup_buf = BUF_INIT(1000);
		const struct json *j;
		assert_int_equal(json_parse(arena, str_c(texts[i]), NULL, &j, NULL), 0);
		struct json_writer w = json_writer_init(&out);
		json_tree(&w, j);
		assert_string_equal(out.p, texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nests),
		cmocka_unit_test(strings),
		cmocka_unit_test(doubles),
		cmocka_unit_test(trees_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
