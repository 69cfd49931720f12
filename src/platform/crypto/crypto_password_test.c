/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "platform/crypto/crypto_password.h"

static void right_and_wrong(void **state)
{
	char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];
	(void)state;
	assert_int_equal(password_hash(STR("mật khẩu dài"), hash, NULL), 0);
	assert_int_equal(password_hash(STR("mật khẩu dài"), again, NULL), 0);
	assert_memory_equal(hash, "$argon2id$v=19$m=65536,t=2,p=1$", 31);
	assert_string_not_equal(hash, again);
	assert_true(password_verify(hash, STR("mật khẩu dài")));
	assert_false(password_verify(hash, STR("mật khẩu dai")));
	assert_false(password_verify(hash, STR_EMPTY));
}

/* libsodium's own test vector would pass with any cost: ours must not hash what we did not set. */
static void foreign_hashes(void **state)
{
	static const char *const rows[] = {
	    "",
	    "x",
	    "$argon2id$",
	    "$2b$12$abcdefghijklmnopqrstuv",
	    "$argon2id$v=19$m=4194304,t=9,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	    "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_false(password_verify(rows[i], STR("x")));
}

static void long_password_is_refused(void **state)
{
	char hash[PASSWORD_HASH_SIZE], big[2000];
	struct err err = {0};
	(void)state;
	memset(big, 'a', sizeof(big));
	assert_int_equal(password_hash(str_n(big, sizeof(big)), hash, &err), -E2BIG);
	assert_int_equal(password_hash(str_n(big, 1024), hash, &err), 0);
	assert_true(password_verify(hash, str_n(big, 1024)));
	assert_false(password_verify(hash, str_n(big, 1025)));
}

static void keys_from_passphrases(void **state)
{
	static const unsigned char salt[PASSWORD_SALT_SIZE] = "sixteen bytes..", other_salt[PASSWORD_SALT_SIZE] = "sixteen bytes,,";
	const struct password_cost cheap = {1, (uint64_t)8 << 20}, more = {2, (uint64_t)8 << 20};
	static const struct password_cost refused[] = {{0, 8 << 20}, {17, 8 << 20}, {1, 1 << 20}, {1, (uint64_t)2 << 30}, {UINT64_MAX, UINT64_MAX}};
	unsigned char a[32], b[32];
	(void)state;
	assert_int_equal(password_key(STR("cụm mật khẩu"), salt, &cheap, a, NULL), 0);
	assert_int_equal(password_key(STR("cụm mật khẩu"), salt, &cheap, b, NULL), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(password_key(STR("cụm mật khâu"), salt, &cheap, b, NULL), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(password_key(STR("cụm mật khẩu"), other_salt, &cheap, b, NULL), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(password_key(STR("cụm mật khẩu"), salt, &more, b, NULL), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_int_equal(password_key(STR("x"), salt, &refused[i], a, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(right_and_wrong),
	    cmocka_unit_test(foreign_hashes),
	    cmocka_unit_test(long_password_is_refused),
	    cmocka_unit_test(keys_from_passphrases),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
