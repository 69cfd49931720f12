/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/event/event.h"

/* Fields as "name=t:value;" with t the first letter of the type. */
static void show(const struct event *e, char *out, size_t size)
{
	struct buf b = BUF_FIXED(out, size);
	for (size_t i = 0; i < e->count; i++)
		buf_printf(&b, "%.*s=%c:%.*s;", STR_FMT(e->fields[i].name), "nbids"[e->fields[i].type], STR_FMT(e->fields[i].value));
}

static void test_good(void **state)
{
	(void)state;
	static const struct {
		const char *json, *want;
	} cases[] = {
		{"{}", ""},
		{" { } ", ""},
		{"{\"a\":1}", "a=i:1;"},
		{"{\"event.id\":\"x\",\"b\":true,\"c\":null,\"d\":-1.5e3,\"e\":false}", "event.id=s:x;b=b:true;c=n:;d=d:-1.5e3;e=b:false;"},
		{"{\"a\":{\"b\":[1,{\"c\":2},[3]],\"d\":{}},\"e\":[]}", "a.b=i:1;a.b.c=i:2;a.b=i:3;"},
		{"{\"a\":\"x\\\"y\\\\\\/\\b\\f\\n\\r\\t\"}", "a=s:x\"y\\/\b\f\n\r\t;"},
		{"{\"\\u0061\\u00e9\\u1EA7\":\"\\ud83d\\ude00\"}", "a\xC3\xA9\xE1\xBA\xA7=s:\xF0\x9F\x98\x80;"},
		{"{\"a\":\"\\ud83d\",\"b\":\"\\ude00x\",\"c\":\"\\ud83d\\u0041\"}", "a=s:\xEF\xBF\xBD;b=s:\xEF\xBF\xBDx;c=s:\xEF\xBF\xBD" "A;"},
		{"{\"a\":1,\"a\":2}", "a=i:1;a=i:2;"},
		{"{\"\":{\"\":0}}", "=i:0;"},
		{"{\"a\":{\"\":0}}", "a.=i:0;"},
		{"{\"n\":9223372036854775807,\"m\":-9223372036854775808,\"o\":9223372036854775808}",
		 "n=i:9223372036854775807;m=i:-9223372036854775808;o=d:9223372036854775808;"},
		{"{\"long\":\"0123456789abcdef0123456789abcdef\\n0123456789abcdef\"}", "long=s:0123456789abcdef0123456789abcdef\n0123456789abcdef;"},
	};
	struct arena *arena = arena_new(0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct event e;
		struct err err = {0};
		char got[500] = "", line[300];
		if (event_flatten(arena, str_c(cases[i].json), NULL, &e, &err) != 0)
			fail_msg("%s: %s", cases[i].json, err_line(&err, line, sizeof line));
		show(&e, got, sizeof got);
		assert_string_equal(got, cases[i].want);
	}
	arena_free(arena);
}

static void test_bad(void **state)
{
	(void)state;
	static const struct {
		const char *json, *key;
		int byte;
	} cases[] = {
		{"", "event.syntax", 0},
		{"[]", "event.syntax", 0},
		{"{\"a\":1}x", "event.syntax", 7},
		{"{\"a\"}", "event.syntax", 4},
		{"{\"a\":}", "event.syntax", 5},
		{"{\"a\":1,}", "event.syntax", 7},
		{"{\"a\":01}", "event.syntax", 6},
		{"{\"a\":1.}", "event.syntax", 7},
		{"{\"a\":-}", "event.syntax", 6},
		{"{\"a\":1e}", "event.syntax", 7},
		{"{\"a\":tru}", "event.syntax", 5},
		{"{\"a\":\"\\x\"}", "event.syntax", -1},
		{"{\"a\":\"\\u12g4\"}", "event.syntax", -1},
		{"{\"a\":\"tab\there\"}", "event.syntax", -1},
		{"{\"a\":\"open}", "event.syntax", -1},
		{"{\"a\":\"open\\", "event.syntax", -1},
		{"{\"a\":[1 2]}", "event.syntax", -1},
		{"{\"a\":\"\xff\"}", "event.not_utf8", 6},
		{"{\"a\":\"\xed\xa0\x80\"}", "event.not_utf8", 6},
	};
	struct arena *arena = arena_new(0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct event e;
		struct err err = {0};
		/* An exact copy, so that the sanitizer sees a step past the end. */
		size_t n = strlen(cases[i].json);
		char *copy = malloc(n + (n == 0));
		memcpy(copy, cases[i].json, n);
		assert_int_equal(event_check(str_n(copy, n), NULL, &err), -EINVAL);
		assert_string_equal(err.key, cases[i].key);
		assert_int_equal(event_flatten(arena, str_n(copy, n), NULL, &e, &err), -EINVAL);
		free(copy);
		assert_string_equal(err.key, cases[i].key);
		char want[20];
		(void)snprintf(want, sizeof want, "%d", cases[i].byte);
		if (cases[i].byte >= 0)
			assert_string_equal(err_arg(&err, "byte"), want);
	}
	arena_free(arena);
}

static void test_limits(void **state)
{
	(void)state;
	static const struct event_limits limits = {.depth = 3, .fields = 3, .name_bytes = 5};
	static const struct {
		const char *json, *key;
	} cases[] = {
		{"{\"a\":{\"b\":{\"c\":1}}}", NULL},
		{"{\"a\":{\"b\":{\"c\":{}}}}", "event.too_deep"},
		{"{\"a\":[[[1]]]}", "event.too_deep"},
		{"{\"a\":[1,2,3]}", NULL},
		{"{\"a\":[1,2,3,4]}", "event.too_many_fields"},
		{"{\"abcde\":1}", NULL},
		{"{\"abcdef\":1}", "event.name_too_long"},
		{"{\"ab\":{\"cde\":1}}", "event.name_too_long"},
	};
	struct arena *arena = arena_new(0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct event e;
		struct err err = {0};
		int r = event_flatten(arena, str_c(cases[i].json), &limits, &e, &err);
		assert_int_equal(r, cases[i].key == NULL ? 0 : -E2BIG);
		if (cases[i].key != NULL)
			assert_string_equal(err.key, cases[i].key);
		struct err checked = {0};
		assert_int_equal(event_check(str_c(cases[i].json), &limits, &checked), r);
		assert_string_equal(checked.key, err.key);
	}
	arena_free(arena);
}

static void test_get(void **state)
{
	(void)state;
	struct arena *arena = arena_new(0);
	struct event e;
	assert_int_equal(event_flatten(arena, STR("{\"a\":null,\"b\":\"\",\"c\":5}"), NULL, &e, NULL), 0);
	assert_null(event_get(&e, "a").p);
	assert_null(event_get(&e, "z").p);
	assert_non_null(event_get(&e, "b").p);
	assert_int_equal(event_get(&e, "b").n, 0);
	assert_int_equal(event_find(&e, "c")->integer, 5);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_get),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
