/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "base/str/str.h"

static void grows_to_its_limit(void **state)
{
	(void)state;
	struct buf b cleanup_buf = BUF_INIT(100);
	for (int i = 0; i < 100; i++)
		buf_append_char(&b, 'x');
	assert_false(b.overflow);
	assert_int_equal(b.n, 100);
	assert_int_equal(b.p[100], '\0');
	buf_append_char(&b, 'y');
	assert_true(b.overflow);
	assert_int_equal(b.n, 100);
	/* Nothing sneaks in after an overflow, not even what would fit. */
	buf_consume(&b, 50);
	buf_append_c(&b, "z");
	assert_int_equal(b.n, 50);
	buf_clear(&b);
	buf_append_c(&b, "z");
	assert_string_equal(b.p, "z");
}

static void fixed_cuts_whole_characters(void **state)
{
	(void)state;
	char space[6];
	struct buf b = BUF_FIXED(space, sizeof space);
	buf_append_c(&b, "abc");
	buf_append_c(&b, "ế");
	assert_true(b.overflow);
	assert_string_equal(space, "abc");
	b = BUF_FIXED(space, sizeof space);
	buf_printf(&b, "%d", 1234567);
	assert_string_equal(space, "12345");
	buf_done(&b);
}

static void huge_requests_fail(void **state)
{
	(void)state;
	struct buf b cleanup_buf = BUF_INIT(1000);
	assert_false(buf_reserve(&b, SIZE_MAX));
	assert_false(buf_reserve(&b, 1001));
	assert_true(buf_reserve(&b, 1000));
	struct buf none cleanup_buf = BUF_INIT(0);
	buf_append_char(&none, 'x');
	assert_true(none.overflow);
}

static void prints_long(void **state)
{
	(void)state;
	struct buf b cleanup_buf = BUF_INIT(10000);
	buf_printf(&b, "%0500d|%s", 7, "end");
	assert_int_equal(b.n, 504);
	assert_true(str_ends_with(buf_str(&b), STR("7|end")));
}

static void consumes(void **state)
{
	(void)state;
	struct buf b cleanup_buf = BUF_INIT(100);
	buf_consume(&b, 5);
	buf_append_c(&b, "hello");
	buf_consume(&b, 2);
	assert_string_equal(b.p, "llo");
	buf_consume(&b, 99);
	assert_int_equal(b.n, 0);
}

static void hex(void **state)
{
	(void)state;
	struct buf b cleanup_buf = BUF_INIT(100);
	unsigned char bytes[4] = {0};
	buf_append_hex(&b, "\x00\xFF\xaB\x10", 4);
	assert_string_equal(b.p, "00ffab10");
	assert_true(str_parse_hex(STR("00FFab10"), bytes, 4));
	assert_memory_equal(bytes, "\x00\xFF\xaB\x10", 4);
	assert_false(str_parse_hex(STR("00FFab1"), bytes, 4));
	assert_false(str_parse_hex(STR("00FFab1g"), bytes, 4));
	assert_false(str_parse_hex(STR("00FFab1000"), bytes, 4));
	assert_false(str_parse_hex(STR_EMPTY, bytes, 4));
}

/* RFC 4648 section 10. */
static void base64_vectors(void **state)
{
	(void)state;
	static const struct {
		struct str plain;
		const char *standard, *url;
	} cases[] = {
		{STR(""), "", ""},
		{STR("f"), "Zg==", "Zg"},
		{STR("fo"), "Zm8=", "Zm8"},
		{STR("foo"), "Zm9v", "Zm9v"},
		{STR("foob"), "Zm9vYg==", "Zm9vYg"},
		{STR("fooba"), "Zm9vYmE=", "Zm9vYmE"},
		{STR("foobar"), "Zm9vYmFy", "Zm9vYmFy"},
		{STR("\xFB\xEF\xFF"), "++//", "--__"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out cleanup_buf = BUF_INIT(100);
		struct buf url cleanup_buf = BUF_INIT(100);
		struct buf back cleanup_buf = BUF_INIT(100);
		buf_append_base64(&out, cases[i].plain.p, cases[i].plain.n);
		buf_append_base64url(&url, cases[i].plain.p, cases[i].plain.n);
		assert_true(str_eq_c(buf_str(&out), cases[i].standard));
		assert_true(str_eq_c(buf_str(&url), cases[i].url));
		assert_true(buf_append_base64_decoded(&back, buf_str(&out)));
		assert_true(str_eq(buf_str(&back), cases[i].plain));
		buf_clear(&back);
		assert_true(buf_append_base64_decoded(&back, buf_str(&url)));
		assert_true(str_eq(buf_str(&back), cases[i].plain));
	}
}

static void base64_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {"Z",    "Zg=",   "Zg===", "Z===", "====", "Zm9v=", "Zm 9v", "Zm9v\n", "Zg=a",
	                                  "Zm9*", "Zg==Zg==", "Zh==",  "Zm9="};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf out cleanup_buf = BUF_INIT(100);
		buf_append_c(&out, "kept");
		if (buf_append_base64_decoded(&out, str_c(bad[i])))
			fail_msg("accepted %s", bad[i]);
		assert_string_equal(out.p, "kept");
	}
	struct buf small cleanup_buf = BUF_INIT(2);
	assert_false(buf_append_base64_decoded(&small, STR("Zm9v")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_its_limit), cmocka_unit_test(fixed_cuts_whole_characters),
		cmocka_unit_test(huge_requests_fail), cmocka_unit_test(prints_long),
		cmocka_unit_test(consumes),           cmocka_unit_test(hex),
		cmocka_unit_test(base64_vectors),     cmocka_unit_test(base64_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
