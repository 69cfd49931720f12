/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Conformance lists in the manner of JSONTestSuite; where RFC 8259 leaves a choice, ours is in the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json/json.h"

#define S(literal) STR(literal)

static const struct str accepted[] = {
	/* structure */
	S("[]"), S("{}"), S("[ ]"), S("{ }"), S("[[]]"), S("[[],[]]"), S("{\"a\":[]}"), S("{\"a\":{}}"), S(" [1] "),
	S("\t\n\r []"), S("[1 , 2]"), S("{\"a\" : 1 , \"b\" : 2}"), S("[1,\n2]"), S("[null, 1, \"1\", {}]"), S("[1,null,null,2]"),
	S("{\"\":0}"), S("{\"a\":1,\"A\":2}"), S("{\"a\\u0000b\":1}"), S("[[[[[[[[[[]]]]]]]]]]"), S("{\"x\":[{\"id\":\"y\"}],\"id\":\"y\"}"),
	/* scalars at the top */
	S("null"), S("true"), S("false"), S("0"), S("-1"), S("\"\""), S("\"x\""), S(" 5 "), S("1.5"), S("\"\\u0061\""),
	/* numbers */
	S("[0]"), S("[-0]"), S("[1]"), S("[-1]"), S("[10]"), S("[123456789]"), S("[0.0]"), S("[-0.0]"), S("[0.1]"), S("[1.25]"),
	S("[1e1]"), S("[1E1]"), S("[1e+1]"), S("[1e-1]"), S("[0e1]"), S("[0e+1]"), S("[0E0]"), S("[1.5e10]"), S("[1.5E-10]"),
	S("[123.456e78]"), S("[1e00]"), S("[1e-400]"), S("[-237462374673276894279832749832423479823246327846]"),
	S("[9223372036854775807]"), S("[9223372036854775808]"), S("[20e1]"), S("[123.456789]"), S("[-1.5]"), S("[1.7976931348623157e308]"),
	/* strings */
	S("[\"\"]"), S("[\"a\"]"), S("[\" \"]"), S("[\"\\\"\"]"), S("[\"\\\\\"]"), S("[\"\\/\"]"), S("[\"/\"]"), S("[\"\\b\\f\\n\\r\\t\"]"),
	S("[\"\\u0000\"]"), S("[\"\\u0060\"]"), S("[\"\\u012a\"]"), S("[\"\\u012A\"]"), S("[\"\\uD801\\uDC37\"]"), S("[\"\\ud83d\\ude39\\ud83d\\udc8d\"]"),
	S("[\"\\uDBFF\\uDFFF\"]"), S("[\"\\uFFFF\"]"), S("[\"\\\\u0000\"]"), S("[\"\\\"\\\\\"]"), S("[\"\x7F\"]"), S("[\"\xC3\xA9\"]"),
	S("[\"\xE2\x80\xA8\"]"), S("[\"\xF0\x9D\x84\x9E\"]"), S("[\"\xEF\xBF\xBF\"]"), S("[\"\xF4\x8F\xBF\xBF\"]"), S("[\"Vi\xE1\xBB\x87t Nam\"]"),
	S("[\"a/*b*/c\"]"), S("[\"\\u0012\"]"), S("[\"asd \"]"), S("[\"new\\u00A0line\"]"), S("[\"\\u2028\\u2029\"]"), S("[\"\\uFEFF\"]"),
	S("{\"\\u0073\":1}"), S("{\"title\":\"\\u041f\\u043e\"}"), S("{\"a\":\"b\"}"), S("[\"{\",\"}\",\"[\",\",\",\":\"]"),
};

static const struct str refused[] = {
	/* structure */
	S(""), S(" "), S("["), S("]"), S("{"), S("}"), S("[1"), S("[1,"), S("[1,]"), S("[,1]"), S("[,]"), S("[1,,2]"), S("[1 2]"), S("[1]]"),
	S("[1]x"), S("[1] 2"), S("[}"), S("{]"), S("[1}"), S("{\"a\":1]"), S("{\"a\"}"), S("{\"a\":}"), S("{\"a\":1,}"), S("{,\"a\":1}"),
	S("{\"a\":1,,\"b\":2}"), S("{\"a\" 1}"), S("{\"a\":1 \"b\":2}"), S("{\"a\"::1}"), S("{:1}"), S("{a:1}"), S("{'a':1}"), S("{1:1}"), S("{null:1}"),
	S("{\"a\":1"), S("{\"a\":"), S("{\"a\""), S("{\"a"), S("{\"a\":1}}"), S("{\"a\":1}#"), S("{\"a\":\"b\"}/**/"), S("[/**/]"), S("[1]//x"),
	S("{\"a\":1,\"a\":2}"), S("{\"a\":1,\"\\u0061\":1}"), S("{\"\":1,\"\":1}"), S(":"), S(","), S("[\"a\",\n4\n,1,"), S("[1:2]"), S("{\"a\",1}"),
	S("[][]"), S("{}{}"), S("1 2"), S("\"a\" \"b\""), S("[\"a\"\"b\"]"), S("[\xC2\xA0]"), S("[\v]"), S("[\f]"), S("[1\0]"), S("[]\0"),
	/* words */
	S("nul"), S("nulll"), S("tru"), S("True"), S("TRUE"), S("fals"), S("NaN"), S("[NaN]"), S("[Infinity]"), S("[-Infinity]"), S("[undefined]"), S("[nan]"),
	S("[-]"), S("[+]"), S("*"), S("[*]"), S("[a]"), S("abc"), S("[truefalse]"), S("<null>"), S("<.>"), S("[<null>]"),
	/* numbers */
	S("[+1]"), S("[01]"), S("[-01]"), S("[00]"), S("[-]"), S("[--1]"), S("[1.]"), S("[-2.]"), S("[.5]"), S("[-.5]"), S("[0.e1]"), S("[1.e1]"), S("[1e]"),
	S("[1E+]"), S("[1e-]"), S("[1eE2]"), S("[1.2.3]"), S("[1.2e3e4]"), S("[0x1]"), S("[0x42]"), S("[1a]"), S("[1 000]"), S("[1_000]"), S("[1,5.]"),
	S("[1e400]"), S("[-1e9999]"), S("[- 1]"), S("[1+2]"), S("[0e]"), S("[0e+]"), S("[1.0e]"), S("[1.0e+]"), S("[\xEF\xBC\x91]"), S("[-foo]"), S("[0.1.2]"),
	S("[.123]"), S("[9.e+]"), S("[2.e3]"), S("[Inf]"), S("-"), S("0123"), S("1."),
	/* strings */
	S("\""), S("\"abc"), S("[\"a"), S("[\"a]"), S("[\"\\\"]"), S("[\"\\"), S("[\"\\x00\"]"), S("[\"\\a\"]"), S("[\"\\'\"]"), S("[\"\\0\"]"), S("[\"\\ \"]"),
	S("[\"\\\xC3\xA9\"]"), S("[\"\\U0061\"]"), S("[\"\\u\"]"), S("[\"\\u1\"]"), S("[\"\\u123\"]"), S("[\"\\u123g\"]"), S("[\"\\u00G0\"]"), S("[\"\\u{61}\"]"),
	S("[\"\\uD800\"]"), S("[\"\\uDC00\"]"), S("[\"\\uD800\\n\"]"), S("[\"\\uD800\\uD800\"]"), S("[\"\\uD800\\u0061\"]"), S("[\"\\uDC00\\uD800\"]"), S("[\"\\uD800abc\"]"),
	S("[\"\\uD8"), S("[\"\\uD834\\uDd\"]"), S("[\"a\nb\"]"), S("[\"a\tb\"]"), S("[\"\x1F\"]"), S("[\"a\0b\"]"), S("['a']"), S("[\"a\"]\"b\""), S("[\xC3\xA9]"),
	S("[\"\xFF\"]"), S("[\"\x80\"]"), S("[\"\xC0\x80\"]"), S("[\"\xC3\"]"), S("[\"\xED\xA0\x80\"]"), S("[\"\xF4\x90\x80\x80\"]"), S("[\"\xE0\x80\xAF\"]"),
	S("\xEF\xBB\xBF[]"), S("\xEF\xBB\xBF"), S("\xFF\xFE[\0]\0"), S("[\xE2\x81\xA0]"), S("{\"a\\uD800\":1}"), S("\x00[]"),
};

static void accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		const struct json *j = NULL;
		struct err err = {0};
		char line[500];
		if (json_parse(arena, accepted[i], NULL, &j, &err) != 0)
			fail_msg("%.*s: %s", STR_FMT(accepted[i]), err_line(&err, line, sizeof line));
		assert_non_null(j);
	}
}

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		const struct json *j = NULL;
		struct err err = {0};
		/* An exact copy: the sanitizer sees a byte read too many. */
		char *copy = mem_strdup(refused[i]);
		copy = mem_realloc_array(copy, refused[i].n, 1);
		int r = json_parse(arena, str_n(copy, refused[i].n), NULL, &j, &err);
		mem_free(copy);
		if (r != -EINVAL || j != NULL || err.key[0] == '\0')
			fail_msg("%zu: %.*s", i, STR_FMT(refused[i]));
	}
}

static const struct json *parse(struct arena *arena, const char *text)
{
	const struct json *j = NULL;
	assert_int_equal(json_parse(arena, str_c(text), NULL, &j, NULL), 0);
	return j;
}

static void values(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(0);
	const struct json *j = parse(arena, " {\"s\":\"a\\n\\u1ec7\\ud83d\\ude39\\u0000.\",\"i\":-42,\"d\":1.5,\"e\":1e2,\"big\":9223372036854775808,"
	                                    "\"min\":-9223372036854775808,\"t\":true,\"n\":null,\"l\":[1,2,3]}");
	assert_int_equal(j->type, JSON_OBJECT);
	assert_int_equal(j->count, 9);
	assert_int_equal(j->at, 1);
	assert_true(str_eq(json_get_str(j, "s", STR("")), STR("a\n\u1ec7\U0001F639\0.")));
	assert_int_equal(json_get_int(j, "i", 0), -42);
	assert_int_equal(json_get_int(j, "d", 7), 7);
	assert_true(json_get(j, "d")->number == 1.5 && !json_get(j, "d")->is_integer);
	assert_false(json_get(j, "e")->is_integer);
	assert_false(json_get(j, "big")->is_integer);
	assert_true(json_get(j, "big")->number > 9.2e18);
	assert_true(json_get_int(j, "min", 0) == INT64_MIN);
	assert_true(json_get_bool(j, "t", false));
	assert_true(json_get_bool(j, "absent", true));
	assert_int_equal(json_get(j, "n")->type, JSON_NULL);
	assert_null(json_get(j, "absent"));
	assert_null(json_get(NULL, "x"));
	assert_null(json_get(json_get(j, "l"), "x"));
	int64_t sum = 0;
	json_each(item, json_get(j, "l"))
		sum += item->integer;
	assert_int_equal(sum, 6);
}

static void places(void **state)
{
	(void)state;
	static const struct {
		const char *text, *byte, *line, *column, *expected;
	} cases[] = {
		{"{\n  \"a\": 1,\n  \"b\": x\n}", "19", "3", "8", "{ [ \" 0..9 - true false null"},
		{"[1 2]", "3", "1", "4", ", ]"},
		{"{\"a\":1 2}", "7", "1", "8", ", }"},
		{"{\"a\" 1}", "5", "1", "6", ":"},
		{"[]]", "2", "1", "3", "EOF"},
		{"[\"abc", "5", "1", "6", "\""},
		{"[\n\"\xFF\"]", "3", "2", "2", "UTF-8"},
		{"[tru]", "1", "1", "2", "true"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		const struct json *j;
		struct err err = {0};
		assert_int_equal(json_parse(arena, str_c(cases[i].text), NULL, &j, &err), -EINVAL);
		assert_string_equal(err.key, "json.syntax");
		assert_string_equal(err_arg(&err, "byte"), cases[i].byte);
		assert_string_equal(err_arg(&err, "line"), cases[i].line);
		assert_string_equal(err_arg(&err, "column"), cases[i].column);
		assert_string_equal(err_arg(&err, "expected"), cases[i].expected);
	}
}

static int parse_repeated(const char *open, const char *middle, const char *close, unsigned count, const struct json_limits *limits,
                          size_t arena_bytes, struct err *err)
{
	struct buf text cleanup_buf = BUF_INIT(10 << 20);
	for (unsigned i = 0; i < count; i++)
		buf_append_c(&text, open);
	buf_append_c(&text, middle);
	for (unsigned i = 0; i < count; i++)
		buf_append_c(&text, close);
	struct arena *arena cleanup(arena) = arena_new(arena_bytes);
	const struct json *j;
	return json_parse(arena, buf_str(&text), limits, &j, err);
}

static void limits(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(parse_repeated("[", "", "]", 32, NULL, 0, &err), 0);
	assert_int_equal(parse_repeated("[", "", "]", 33, NULL, 0, &err), -E2BIG);
	assert_string_equal(err.key, "json.too_deep");
	assert_int_equal(parse_repeated("{\"a\":", "1", "}", 33, NULL, 0, &err), -E2BIG);
	assert_int_equal(parse_repeated("[", "", "", 1000000, NULL, 0, &err), -E2BIG);
	assert_int_equal(parse_repeated("[", "", "]", 5, &(struct json_limits){.depth = 4}, 0, &err), -E2BIG);
	assert_int_equal(parse_repeated("", "[1,2,3]", "", 1, &(struct json_limits){.nodes = 4}, 0, &err), 0);
	assert_int_equal(parse_repeated("", "[1,2,3,4]", "", 1, &(struct json_limits){.nodes = 4}, 0, &err), -E2BIG);
	assert_string_equal(err.key, "json.too_many");
	assert_int_equal(parse_repeated("", "[1,2,3,4]", "", 1, NULL, 300, &err), -E2BIG);
	assert_string_equal(err.key, "json.too_large");
	assert_int_equal(parse_repeated("1", "", "", 400, NULL, 0, &err), -EINVAL);
	assert_string_equal(err.key, "json.number_range");
	assert_int_equal(parse_repeated("1", "", "", 401, NULL, 0, &err), -E2BIG);
	assert_string_equal(err.key, "json.number_too_long");
}

/* 100,000 members in a hostile order take no noticeable time, and the one twin among them is found. */
static void many_members(void **state)
{
	(void)state;
	struct buf text cleanup_buf = BUF_INIT(10 << 20);
	for (unsigned twin = 0; twin < 2; twin++) {
		struct arena *arena cleanup(arena) = arena_new(0);
		const struct json *j;
		struct err err = {0};
		buf_clear(&text);
		buf_append_c(&text, "{");
		for (unsigned i = 100000; i > 0; i--)
			buf_printf(&text, "\"m%u\":%u,", i, i);
		buf_printf(&text, "\"m%u\":0}", twin != 0 ? 50000U : 0U);
		assert_int_equal(json_parse(arena, buf_str(&text), NULL, &j, &err), twin != 0 ? -EINVAL : 0);
		assert_string_equal(err_arg(&err, "name"), twin != 0 ? "m50000" : "");
	}
}

static void pointers(void **state)
{
	(void)state;
	struct arena *arena cleanup(arena) = arena_new(0);
	const struct json *j = parse(arena, "{\"a/b\":{\"~x\":[10,20]},\"\":5}");
	struct buf pointer cleanup_buf = BUF_INIT(100);
	json_pointer_append(&pointer, STR("a/b~"));
	assert_string_equal(pointer.p, "a~1b~0");
	assert_int_equal(json_pointer_nearest(j, STR("/a~1b/~0x/1"))->integer, 20);
	assert_int_equal(json_pointer_nearest(j, STR("/"))->integer, 5);
	assert_ptr_equal(json_pointer_nearest(j, STR("")), j);
	assert_ptr_equal(json_pointer_nearest(j, STR("/nothing")), j);
	assert_int_equal(json_pointer_nearest(j, STR("/a~1b/~0x/2"))->type, JSON_ARRAY);
	assert_int_equal(json_pointer_nearest(j, STR("/a~1b/~0x/x"))->type, JSON_ARRAY);
}

int main(void)
{
	_Static_assert(ARRAY_LEN(accepted) + ARRAY_LEN(refused) >= 150, "the conformance list has shrunk");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts), cmocka_unit_test(refuses), cmocka_unit_test(values),  cmocka_unit_test(places),
		cmocka_unit_test(limits),  cmocka_unit_test(many_members), cmocka_unit_test(pointers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
