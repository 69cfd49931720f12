/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err/err.h"

static void records(void **state)
{
	(void)state;
	struct err e = {.place = "old"};
	char line[200];
	assert_int_equal(err_set(&e, -ENOENT, "unit.missing", ARG_CSTR("name", "x"), ARG_I64("n", INT64_MIN), ARG_U64("m", UINT64_MAX)),
	                 -ENOENT);
	assert_string_equal(err_line(&e, line, sizeof line),
	                    "unit.missing name=x n=-9223372036854775808 m=18446744073709551615");
	assert_string_equal(err_arg(&e, "name"), "x");
	assert_string_equal(err_arg(&e, "nothing"), "");
	assert_int_equal(err_set(NULL, -EIO, "a.b"), -EIO);
	err_clear(&e);
	assert_int_equal(e.code, 0);
}

static void cuts_what_is_too_long(void **state)
{
	(void)state;
	char name[400];
	memset(name, 'x', sizeof name);
	struct err e = {0};
	(void)err_set(&e, -EINVAL, "a.b", ARG_STR("t", str_n(name, sizeof name)), ARG_I64("1", 1), ARG_I64("2", 2),
	              ARG_I64("3", 3), ARG_I64("4", 4));
	assert_int_equal(strlen(err_arg(&e, "t")), ERR_ARG_VALUE_SIZE - 1);
	assert_int_equal(e.arg_count, ERR_ARGS);
	for (int i = 0; i < 10; i++)
		(void)err_at(&e, str_n(name, 100));
	assert_int_equal(strlen(e.place), ERR_PLACE_SIZE - 1);
}

static void places_nest(void **state)
{
	(void)state;
	static const struct {
		const char *inner, *outer, *want;
	} cases[] = {
		{"12:3", "pack.yaml", "pack.yaml:12:3"},
		{"/name", "/items/3", "/items/3/name"},
		{"", "file", "file"},
		{"x", "", "x"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = {0};
		(void)err_set(&e, -EINVAL, "a.b");
		(void)err_at(&e, str_c(cases[i].inner));
		assert_int_equal(err_at(&e, str_c(cases[i].outer)), -EINVAL);
		assert_string_equal(e.place, cases[i].want);
	}
	assert_int_equal(err_at(NULL, STR("x")), -EINVAL);
}

static void system_calls(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(err_errno(&e, ENOENT, "open", STR("/x")), -ENOENT);
	assert_string_equal(e.key, "system.call");
	assert_string_equal(err_arg(&e, "call"), "open");
	assert_string_equal(err_arg(&e, "object"), "/x");
	assert_int_equal(err_errno(&e, 0, "open", STR("/x")), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(cuts_what_is_too_long),
		cmocka_unit_test(places_nest),
		cmocka_unit_test(system_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
