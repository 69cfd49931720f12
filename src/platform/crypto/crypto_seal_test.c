/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/uuid/uuid.h"
#include "platform/crypto/crypto_seal.h"

#define CHUNK 65536

static const unsigned char key[CRYPTO_SEAL_KEY_SIZE] = {1, 2, 3};
static const unsigned char other_key[CRYPTO_SEAL_KEY_SIZE] = {1, 2, 4};

static void fill(struct buf *b, size_t n)
{
	assert_true(buf_reserve(b, n));
	for (size_t i = 0; i < n; i++)
		b->p[i] = (char)(i * 31 + i / 251);
	b->n = n;
}

static int unseal_in_steps(struct str sealed, size_t step, struct buf *out)
{
	cleanup(crypto_unseal) struct crypto_unseal *u = crypto_unseal_new(key, STR("test"));
	for (size_t at = 0; at < sealed.n; at += step) {
		int r = crypto_unseal_update(u, str_sub(sealed, at, at + step), out, NULL);
		if (r < 0)
			return r;
	}
	return crypto_unseal_final(u, out, NULL);
}

/* Sizes around the chunk's edge, in steps of many sizes: the bytes come back. */
static void round_trips(void **state)
{
	static const size_t sizes[] = {0, 1, 15, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7};
	static const size_t steps[] = {97, 4096, 65552, 1000000};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		cleanup_buf struct buf plain = BUF_INIT(1 << 20), sealed = BUF_INIT(1 << 20);
		fill(&plain, sizes[i]);
		assert_int_equal(crypto_seal_bytes(key, STR("test"), buf_str(&plain), &sealed, NULL), 0);
		for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
			cleanup_buf struct buf back = BUF_INIT(1 << 20);
			assert_int_equal(unseal_in_steps(buf_str(&sealed), steps[k], &back), 0);
			assert_true(str_eq(buf_str(&back), buf_str(&plain)));
		}
	}
}

static void cut_anywhere_is_noticed(void **state)
{
	cleanup_buf struct buf plain = BUF_INIT(1 << 20), sealed = BUF_INIT(1 << 20);
	(void)state;
	fill(&plain, 2 * CHUNK + 100);
	assert_int_equal(crypto_seal_bytes(key, STR("test"), buf_str(&plain), &sealed, NULL), 0);
	const size_t cuts[] = {0, 1, 39, 40, 41, 56, 40 + CHUNK + 16, 40 + 2 * (CHUNK + 16), sealed.n - 1};
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		cleanup_buf struct buf back = BUF_INIT(1 << 20);
		assert_int_equal(unseal_in_steps(str_sub(buf_str(&sealed), 0, cuts[i]), 50000, &back), -EBADMSG);
	}
	cleanup_buf struct buf back = BUF_INIT(1 << 20);
	buf_append_char(&sealed, 0);
	assert_int_equal(unseal_in_steps(buf_str(&sealed), 50000, &back), -EBADMSG);
}

static void every_changed_byte_is_noticed(void **state)
{
	cleanup_buf struct buf sealed = BUF_INIT(4096);
	struct err err = {0};
	(void)state;
	assert_int_equal(crypto_seal_bytes(key, STR("test"), STR("secret"), &sealed, &err), 0);
	assert_int_equal(str_find(buf_str(&sealed), STR("secret")), SIZE_MAX);
	for (size_t i = 0; i < sealed.n; i++) {
		cleanup_buf struct buf back = BUF_INIT(4096);
		sealed.p[i] ^= 0x40;
		assert_int_equal(crypto_unseal_bytes(key, STR("test"), buf_str(&sealed), &back, &err), -EBADMSG);
		assert_string_equal(err.key, "crypto.seal_broken");
		assert_int_equal(back.n, 0);
		sealed.p[i] ^= 0x40;
	}
}

static void chunks_may_not_be_swapped(void **state)
{
	cleanup_buf struct buf plain = BUF_INIT(1 << 20), sealed = BUF_INIT(1 << 20), swapped = BUF_INIT(1 << 20);
	cleanup_buf struct buf back = BUF_INIT(1 << 20);
	const size_t full = CHUNK + 16;
	(void)state;
	fill(&plain, 2 * CHUNK + 1);
	assert_int_equal(crypto_seal_bytes(key, STR("test"), buf_str(&plain), &sealed, NULL), 0);
	struct str s = buf_str(&sealed);
	buf_append(&swapped, str_sub(s, 0, 40));
	buf_append(&swapped, str_sub(s, 40 + full, 40 + 2 * full));
	buf_append(&swapped, str_sub(s, 40, 40 + full));
	buf_append(&swapped, str_sub(s, 40 + 2 * full, s.n));
	assert_int_equal(swapped.n, sealed.n);
	assert_int_equal(crypto_unseal_bytes(key, STR("test"), buf_str(&swapped), &back, NULL), -EBADMSG);
}

static void other_key_or_context(void **state)
{
	cleanup_buf struct buf sealed = BUF_INIT(4096), back = BUF_INIT(4096);
	(void)state;
	assert_int_equal(crypto_seal_bytes(key, STR("test"), STR("secret"), &sealed, NULL), 0);
	assert_int_equal(crypto_unseal_bytes(other_key, STR("test"), buf_str(&sealed), &back, NULL), -EBADMSG);
	assert_int_equal(crypto_unseal_bytes(key, STR("best"), buf_str(&sealed), &back, NULL), -EBADMSG);
	assert_int_equal(crypto_unseal_bytes(key, STR("test"), buf_str(&sealed), &back, NULL), 0);
	assert_string_equal(back.p, "secret");
}

/* A full output is an error at the end, even when the caller emptied the buffer in between. */
static void full_output_is_told(void **state)
{
	cleanup_buf struct buf plain = BUF_INIT(1 << 20), out = BUF_INIT(1000);
	(void)state;
	fill(&plain, 3 * CHUNK);
	cleanup(crypto_seal) struct crypto_seal *s = crypto_seal_new(key, STR("test"), &out);
	crypto_seal_update(s, buf_str(&plain), &out);
	buf_clear(&out);
	assert_int_equal(crypto_seal_final(s, &out, NULL), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trips),
	    cmocka_unit_test(cut_anywhere_is_noticed),
	    cmocka_unit_test(every_changed_byte_is_noticed),
	    cmocka_unit_test(chunks_may_not_be_swapped),
	    cmocka_unit_test(other_key_or_context),
	    cmocka_unit_test(full_output_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
