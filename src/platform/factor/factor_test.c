/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/factor/factor_cbor.h"
#include "platform/factor/factor_test_support.h"

static const unsigned char secret[] = "12345678901234567890";

/* RFC 6238, appendix B (SHA-1), the last six of the eight digits. */
static void totp_of_the_standard(void **state)
{
	(void)state;
	static const struct {
		int64_t at_s;
		const char *digits;
	} cases[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
	             {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		usec_t at = cases[i].at_s * USEC_PER_SEC;
		struct str digits = str_c(cases[i].digits);
		int64_t step = cases[i].at_s / 30;
		assert_int_equal(factor_totp_check(secret, digits, at, 0), step);
		/* One step to either side, no further. */
		assert_int_equal(factor_totp_check(secret, digits, at + 30 * USEC_PER_SEC, 0), step);
		assert_int_equal(factor_totp_check(secret, digits, at - 30 * USEC_PER_SEC, 0), step);
		assert_int_equal(factor_totp_check(secret, digits, at + 60 * USEC_PER_SEC, 0), -1);
		if (at > USEC_PER_MINUTE)
			assert_int_equal(factor_totp_check(secret, digits, at - 60 * USEC_PER_SEC, 0), -1);
		/* Used once is used. */
		assert_int_equal(factor_totp_check(secret, digits, at, step), -1);
		assert_int_equal(factor_totp_check(secret, digits, at, step - 1), step);
	}
	assert_int_equal(factor_totp_check(secret, STR("287083"), 59 * USEC_PER_SEC, 0), -1);
	assert_int_equal(factor_totp_check(secret, STR("28708"), 59 * USEC_PER_SEC, 0), -1);
	assert_int_equal(factor_totp_check(secret, STR(""), 59 * USEC_PER_SEC, 0), -1);
}

static void secret_for_people(void **state)
{
	(void)state;
	cleanup_buf struct buf text = BUF_INIT(100), uri = BUF_INIT(1000), path = BUF_INIT(100000);
	factor_totp_secret_text(secret, &text);
	assert_string_equal(text.p, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	factor_totp_uri(secret, STR("Lũy Tre"), STR("a:b@c"), &uri);
	assert_string_equal(uri.p, "otpauth://totp/L%C5%A9y%20Tre:a%3Ab%40c?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=L%C5%A9y%20Tre");
	unsigned size = 0;
	assert_int_equal(factor_qr_path(buf_str(&uri), &size, &path, NULL), 0);
	assert_true(size >= 21);
	/* Each code begins with the finder pattern: seven dark modules at the top left. */
	assert_true(str_starts_with(buf_str(&path), STR("M0 0h7v1h-7z")));
	char longer[1100];
	(void)memset(longer, 'a', sizeof longer);
	assert_int_equal(factor_qr_path(str_n(longer, sizeof longer), &size, &path, NULL), -E2BIG);
}

#define CHALLENGE STR("0123456789abcdef0123456789abcdef")
static const struct factor_ceremony ceremony = {{"0123456789abcdef0123456789abcdef", 32}, {"https://soc.example:8443", 24}, "soc.example"};

static struct str client_data(const struct authenticator *a)
{
	return str_c(a->client_data);
}
static struct str data_of(const struct authenticator *a)
{
	return str_n(a->data, a->data_size);
}

static void expect(int r, const struct err *err, const char *key)
{
	assert_int_equal(r, key != NULL ? -EINVAL : 0);
	if (key != NULL)
		assert_string_equal(err->key, key);
}

static void passkey_made_and_used(void **state)
{
	(void)state;
	struct authenticator a;
	struct factor_key key;
	struct err err = {.code = 0};
	uint32_t count = 0;
	authenticator_init(&a, "soc.example", "https://soc.example:8443");
	authenticator_create(&a, CHALLENGE);
	expect(factor_key_register(&ceremony, client_data(&a), data_of(&a), &key, &err), &err, NULL);
	assert_int_equal(key.credential_id_size, sizeof a.credential_id);
	assert_memory_equal(key.credential_id, a.credential_id, sizeof a.credential_id);
	assert_int_equal(key.sign_count, 1);
	authenticator_get(&a, CHALLENGE);
	struct str signature = str_n(a.signature, a.signature_size);
	expect(factor_key_assert(&ceremony, &key, client_data(&a), data_of(&a), signature, &count, &err), &err, NULL);
	assert_int_equal(count, 2);
	/* The same once more, after the server has taken note. */
	key.sign_count = 2;
	expect(factor_key_assert(&ceremony, &key, client_data(&a), data_of(&a), signature, &count, &err), &err, "factor.counter");
	key.sign_count = 1;
	for (size_t i = 0; i < a.signature_size; i += 7) {
		a.signature[i] ^= 1;
		expect(factor_key_assert(&ceremony, &key, client_data(&a), data_of(&a), signature, &count, &err), &err, "factor.signature");
		a.signature[i] ^= 1;
	}
	/* Another's key over the same data. */
	struct authenticator other;
	struct factor_key theirs;
	authenticator_init(&other, "soc.example", "https://soc.example:8443");
	authenticator_create(&other, CHALLENGE);
	expect(factor_key_register(&ceremony, client_data(&other), data_of(&other), &theirs, &err), &err, NULL);
	theirs.sign_count = 0;
	expect(factor_key_assert(&ceremony, &theirs, client_data(&a), data_of(&a), signature, &count, &err), &err, "factor.signature");
	authenticator_done(&other);
	authenticator_done(&a);
}

static void passkeys_refused(void **state)
{
	(void)state;
	static const struct {
		const char *rp_id, *origin, *challenge, *key;
		unsigned char flags;
	} cases[] = {
		{"soc.example", "https://soc.example:8443", "0123456789abcdef0123456789abcdeX", "factor.challenge", 5},
		{"soc.example", "https://soc.example:8443", "", "factor.challenge", 5},
		{"soc.example", "https://evil.example", "0123456789abcdef0123456789abcdef", "factor.origin", 5},
		{"soc.example", "http://soc.example:8443", "0123456789abcdef0123456789abcdef", "factor.origin", 5},
		{"evil.example", "https://soc.example:8443", "0123456789abcdef0123456789abcdef", "factor.rp", 5},
		{"soc.example", "https://soc.example:8443", "0123456789abcdef0123456789abcdef", "factor.user_verification", 1},
		{"soc.example", "https://soc.example:8443", "0123456789abcdef0123456789abcdef", "factor.user_verification", 4},
	};
	struct factor_key key = {.credential_id_size = 0};
	uint32_t count = 0;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct authenticator a;
		struct err err = {.code = 0};
		authenticator_init(&a, cases[i].rp_id, cases[i].origin);
		a.flags = cases[i].flags;
		authenticator_create(&a, str_c(cases[i].challenge));
		expect(factor_key_register(&ceremony, client_data(&a), data_of(&a), &key, &err), &err, cases[i].key);
		/* The data of one ceremony is not good for the other. */
		expect(factor_key_assert(&ceremony, &key, client_data(&a), data_of(&a), STR("x"), &count, &err), &err, "factor.client_data");
		authenticator_get(&a, str_c(cases[i].challenge));
		expect(factor_key_assert(&ceremony, &key, client_data(&a), data_of(&a), str_n(a.signature, a.signature_size), &count, &err), &err, cases[i].key);
		authenticator_done(&a);
	}
}

static void broken_bytes(void **state)
{
	(void)state;
	struct authenticator a;
	struct factor_key key;
	struct err err = {.code = 0};
	authenticator_init(&a, "soc.example", "https://soc.example:8443");
	authenticator_create(&a, CHALLENGE);
	for (size_t n = 0; n < a.data_size; n++)
		assert_int_equal(factor_key_register(&ceremony, client_data(&a), str_n(a.data, n), &key, &err), -EINVAL);
	/* A point that is not on the curve. */
	a.data[a.data_size - 1] ^= 1;
	expect(factor_key_register(&ceremony, client_data(&a), data_of(&a), &key, &err), &err, "factor.key_kind");
	a.data[a.data_size - 1] ^= 1;
	expect(factor_key_register(&ceremony, STR("[1]"), data_of(&a), &key, &err), &err, "factor.client_data");
	expect(factor_key_register(&ceremony, STR(""), data_of(&a), &key, &err), &err, "factor.client_data");
	authenticator_done(&a);
}

static void lengths_that_lie(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
		bool sound;
	} cases[] = {
		{"", 0, true},
		{"\xa5\x01\x02\x03\x26\x20\x01\x21\x41\x00\x22\x41\x00", 13, true}, /* a COSE key in short */
		{"\xa1\x61\x61\xf5\x00", 5, true},            /* two items: a map, a number */
		{"\x9a\x9a\x9a\x9a\x9a", 5, false},            /* an array of 2.6 thousand million */
		{"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9, false},
		{"\xbb\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00", 11, false}, /* twice that is two */
		{"\x42\x00", 2, false},
		{"\x9f\x00\xff", 3, false},                    /* indefinite */
		{"\x1c", 1, false},                            /* reserved */
		{"\x81\x81\x81\x81\x00", 5, true},
		{"\x81\x81\x81\x81\x81\x00", 6, false},         /* five levels */
		{"\xc1\x00", 2, true},
		{"\xc1", 1, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (factor_cbor_is_sound(str_n(cases[i].bytes, cases[i].n)) != cases[i].sound)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totp_of_the_standard), cmocka_unit_test(secret_for_people), cmocka_unit_test(passkey_made_and_used),
		cmocka_unit_test(passkeys_refused), cmocka_unit_test(lengths_that_lie), cmocka_unit_test(broken_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
