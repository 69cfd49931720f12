/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor/cursor.h"

static void bytes(void **state)
{
	(void)state;
	struct cursor c = cursor_of(STR("a\xFF"));
	assert_int_equal(cursor_peek(&c), 'a');
	assert_int_equal(cursor_next(&c), 'a');
	assert_false(cursor_accept(&c, 'x'));
	assert_true(cursor_accept(&c, '\xFF'));
	assert_true(cursor_at_end(&c));
	assert_int_equal(cursor_peek(&c), -1);
	/* '\xFF' is -1 as a signed char: the end must not look like it. */
	assert_false(cursor_accept(&c, '\xFF'));
	assert_false(c.failed);
	assert_int_equal(cursor_next(&c), -1);
	assert_true(c.failed);
}

static void failures_stay_and_move_nothing(void **state)
{
	(void)state;
	struct cursor c = cursor_of(STR("abc"));
	assert_int_equal(cursor_take(&c, 4).n, 0);
	assert_true(c.failed);
	assert_int_equal(c.at, 0);
	assert_true(str_eq_c(cursor_take(&c, 3), "abc"));
	assert_true(c.failed);
	assert_int_equal(cursor_take(&c, SIZE_MAX).n, 0);
	c = cursor_of(STR("abc"));
	assert_false(cursor_expect(&c, 'b'));
	assert_true(c.failed);
	assert_int_equal(c.at, 0);
}

static void runs(void **state)
{
	(void)state;
	struct cursor c = cursor_of(str_n("12ab, \t\n;x\0y", 12));
	assert_true(str_eq_c(cursor_while(&c, "0123456789"), "12"));
	assert_true(str_eq_c(cursor_until(&c, ','), "ab"));
	assert_true(cursor_accept_str(&c, STR(",")));
	assert_false(cursor_accept_str(&c, STR("  ")));
	cursor_skip_space(&c);
	assert_true(cursor_expect(&c, ';'));
	/* The terminator of the set is no member of it. */
	assert_true(str_eq_c(cursor_while(&c, "x"), "x"));
	assert_int_equal(cursor_rest(&c).n, 2);
	assert_int_equal(cursor_until(&c, '!').n, 2);
	assert_false(c.failed);
}

static void numbers(void **state)
{
	(void)state;
	uint64_t value = 0;
	struct cursor c = cursor_of(STR("65535 65536"));
	assert_true(cursor_u64(&c, 1, 65535, &value));
	assert_int_equal(value, 65535);
	cursor_skip_space(&c);
	assert_false(cursor_u64(&c, 1, 65535, &value));
	assert_int_equal(c.at, 6);
	assert_int_equal(value, 65535);
	c = cursor_of(STR("x"));
	assert_false(cursor_u64(&c, 0, 9, &value));
	assert_true(c.failed);
}

static void little_endian(void **state)
{
	(void)state;
	struct cursor c = cursor_of(str_n("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xff", 15));
	assert_int_equal(cursor_u8(&c), 0x01);
	assert_int_equal(cursor_u16_le(&c), 0x0302);
	assert_int_equal(cursor_u32_le(&c), 0x07060504);
	assert_true(cursor_u64_le(&c) == 0xff0e0d0c0b0a0908U);
	assert_false(c.failed);
	c.at = 8;
	assert_true(cursor_u64_le(&c) == 0 && c.failed);
}

static void places(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		unsigned line, column;
	} cases[] = {{0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {4, 3, 1}, {6, 3, 3}, {99, 3, 3}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cursor c = {.s = STR("ab\n\ncd"), .at = cases[i].at};
		unsigned line, column;
		cursor_place(&c, &line, &column);
		assert_int_equal(line, cases[i].line);
		assert_int_equal(column, cases[i].column);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes),   cmocka_unit_test(failures_stay_and_move_nothing),
		cmocka_unit_test(runs),    cmocka_unit_test(numbers),
		cmocka_unit_test(little_endian), cmocka_unit_test(places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
