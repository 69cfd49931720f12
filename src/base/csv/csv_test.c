/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/csv/csv.h"

/* Rows are written back as [a|b] to compare. */
static const struct {
	const char *in, *rows, *key, *place;
} cases[] = {
	{"code,name\n1,x\n", "[1|x]", "", ""},
	{"code,name\r\n1,x\r\n2,y", "[1|x][2|y]", "", ""},
	{"\xef\xbb\xbf" "code;name\n1;\"a;b\"\n", "[1|a;b]", "", ""},
	{"code\tname\n1\t\n", "[1|]", "", ""},
	{"code,name\n\n1,\"a \"\"b\"\"\nc\"\n2,z\n", "[1|a \"b\"\nc][2|z]", "", ""},
	{"code,name\n", "", "", ""},
	{"", "", "csv.empty", "1"},
	{"code,name\n1\n", "", "csv.field_count", "2"},
	{"code,name\n1,2\n1,2,3\n", "[1|2]", "csv.field_count", "3"},
	{"code,name\n1,\"x\n", "", "csv.open_quote", "2"},
	{"code,name\n1,\"x\"y\n", "", "csv.after_quote", "2"},
};

static void rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		cleanup_buf struct buf got = BUF_INIT(1000);
		struct csv csv;
		struct err err = {.code = 0};
		int r = csv_begin(&csv, arena, str_c(cases[i].in), &err);
		while (r == 0 && (r = csv_next(&csv, arena, &err)) > 0) {
			buf_printf(&got, "[%.*s|%.*s]", STR_FMT(csv_field(&csv, "code")), STR_FMT(csv_field(&csv, "name")));
			assert_null(csv_field(&csv, "other").p);
			r = 0;
		}
		assert_true(str_eq_c(buf_str(&got), cases[i].rows));
		assert_string_equal(err.key, cases[i].key);
		assert_string_equal(err.place, cases[i].place);
		assert_int_equal(r < 0, cases[i].key[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rows)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
