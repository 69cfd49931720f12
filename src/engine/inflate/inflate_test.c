/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem/mem.h"
#include "engine/inflate/inflate.h"

static char packed[1 << 20];

static size_t pack_zlib(const char *p, size_t n, int window_bits)
{
	z_stream z = {0};
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)p;
	z.avail_in = (unsigned)n;
	z.next_out = (unsigned char *)packed;
	z.avail_out = sizeof packed;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	size_t made = sizeof packed - z.avail_out;
	(void)deflateEnd(&z);
	return made;
}

static size_t pack(const char *encoding, const char *p, size_t n)
{
	if (strcmp(encoding, "gzip") == 0)
		return pack_zlib(p, n, 31);
	if (strcmp(encoding, "deflate") == 0)
		return pack_zlib(p, n, 15);
	size_t made = ZSTD_compress(packed, sizeof packed, p, n, 3);
	assert_false(ZSTD_isError(made));
	return made;
}

static const char *const encodings[] = {"gzip", "deflate", "zstd"};

static void test_round_trip(void **state)
{
	(void)state;
	char *text = mem_alloc(400000);
	for (size_t i = 0; i < 400000; i++)
		text[i] = (char)('a' + (i * 7919 / 13) % 26);
	for (size_t e = 0; e < 3; e++) {
		size_t n = pack(encodings[e], text, 400000);
		/* Exactly the limit is fine, one less is not. */
		struct buf out = BUF_INIT(400000);
		struct err err = {0};
		assert_int_equal(inflate_body(str_c(encodings[e]), str_n(packed, n), &out, &err), 0);
		assert_int_equal(out.n, 400000);
		assert_memory_equal(out.p, text, 400000);
		buf_done(&out);
		out = BUF_INIT(399999);
		assert_int_equal(inflate_body(str_c(encodings[e]), str_n(packed, n), &out, &err), -E2BIG);
		assert_string_equal(err.key, "inflate.too_big");
		buf_done(&out);
	}
	mem_free(text);
}

static void test_torn_and_bombs(void **state)
{
	(void)state;
	char *zeros = mem_alloc(16 << 20);
	for (size_t e = 0; e < 3; e++) {
		struct err err = {0};
		struct buf out = BUF_INIT((size_t)64 << 20);
		size_t n = pack(encodings[e], zeros, 16 << 20);
		assert_int_equal(inflate_body(str_c(encodings[e]), str_n(packed, n), &out, &err), -E2BIG);
		assert_string_equal(err.key, "inflate.ratio");
		buf_clear(&out);
		n = pack(encodings[e], "{\"a\":1}\n", 8);
		for (size_t cut = 1; cut < n; cut++) {
			buf_clear(&out);
			assert_int_equal(inflate_body(str_c(encodings[e]), str_n(packed, cut), &out, &err), -EINVAL);
		}
		buf_done(&out);
	}
	struct err err = {0};
	struct buf out = BUF_INIT(100);
	assert_int_equal(inflate_body(STR("br"), STR("x"), &out, &err), -ENOTSUP);
	assert_int_equal(inflate_body(STR("identity"), STR("x"), &out, &err), 0);
	assert_int_equal(out.n, 1);
	buf_done(&out);
	mem_free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_torn_and_bombs)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
