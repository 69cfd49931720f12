/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "platform/crypto/crypto_internal.h"

static void assert_hex(const unsigned char *got, size_t n, const char *want)
{
	char array[256];
	struct buf hex = BUF_FIXED(array, sizeof(array));
	buf_append_hex(&hex, got, n);
	assert_string_equal(hex.p, want);
}

/* FIPS 180-4 examples. */
static void sha256_vectors(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned char out[SHA256_SIZE];
		char hex[SHA256_HEX_SIZE];
		sha256(str_c(rows[i].in), out);
		assert_string_equal(sha256_hex(out, hex), rows[i].want);
	}
}

/* The same million letters in pieces of every awkward size (FIPS 180-4). */
static void sha256_in_pieces(void **state)
{
	static const char letters[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	unsigned char out[SHA256_SIZE];
	struct sha256 *h = sha256_new();
	size_t left = 1000000;
	(void)state;
	for (size_t step = 0; left > 0; step = (step + 1) % 70) {
		size_t n = step < left ? step : left;
		sha256_update(h, str_n(letters, n));
		left -= n;
	}
	sha256_final(h, out);
	assert_hex(out, sizeof(out), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void old_digests(void **state)
{
	unsigned char out[20];
	(void)state;
	md5(STR("abc"), out);
	assert_hex(out, 16, "900150983cd24fb0d6963f7d28e17f72");
	md5(STR_EMPTY, out);
	assert_hex(out, 16, "d41d8cd98f00b204e9800998ecf8427e");
	sha1(STR("abc"), out);
	assert_hex(out, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

/* RFC 4231. */
static void hmac_vectors(void **state)
{
	char aa[131], dd[50], bb[20];
	memset(aa, 0xaa, sizeof(aa));
	memset(dd, 0xdd, sizeof(dd));
	memset(bb, 0x0b, sizeof(bb));
	const struct {
		struct str key, data;
		const char *want;
	} rows[] = {
	    {str_n(bb, 20), STR("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	    {STR("Jefe"), STR("what do ya want for nothing?"),
	     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	    {str_n(aa, 20), str_n(dd, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	    {str_n(aa, 131), STR("Test Using Larger Than Block-Size Key - Hash Key First"),
	     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	    {str_n(aa, 131),
	     STR("This is a test using a larger than block-size key and a larger than block-size data. The key needs "
		 "to be hashed before being used by the HMAC algorithm."),
	     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned char out[SHA256_SIZE];
		hmac_sha256(rows[i].key, rows[i].data, out);
		assert_hex(out, sizeof(out), rows[i].want);
	}
}

#define RFC6979_D "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define RFC6979_X "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define RFC6979_Y "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"

static struct crypto_key *rfc6979_key(bool has_private)
{
	struct crypto_key *key = MEM_NEW(struct crypto_key);
	struct err err = {0};
	key->point[0] = 4;
	key->has_private = has_private;
	assert_true(str_parse_hex(STR(RFC6979_X), key->point + 1, 32));
	assert_true(str_parse_hex(STR(RFC6979_Y), key->point + 33, 32));
	assert_true(str_parse_hex(STR(RFC6979_D), key->d, 32));
	assert_int_equal(crypto_backend_load(key, &err), 0);
	return key;
}

/* RFC 6979, A.2.5, P-256 with SHA-256. */
static void verify_vectors(void **state)
{
	static const struct {
		const char *message, *rs;
		bool good;
	} rows[] = {
	    {"sample",
	     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
	     true},
	    {"test",
	     "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
	     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
	     true},
	    {"sample",
	     "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
	     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
	     false},
	    {"test",
	     "0000000000000000000000000000000000000000000000000000000000000000"
	     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
	     false},
	    {"test",
	     "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
	     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
	     false},
	};
	cleanup(crypto_key) struct crypto_key *key = rfc6979_key(false);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned char rs[CRYPTO_RS_SIZE];
		cleanup_buf struct buf der = BUF_INIT(128);
		struct err err = {0};
		assert_true(str_parse_hex(str_c(rows[i].rs), rs, sizeof(rs)));
		crypto_signature_put(&der, rs);
		int r = crypto_verify(key, str_c(rows[i].message), buf_str(&der), &err);
		assert_int_equal(r, rows[i].good ? 0 : -EBADMSG);
	}
}

/* A key with a private part that does not belong to its point, and a point off the curve. */
static void wrong_keys_are_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		cleanup(crypto_key) struct crypto_key *key = rfc6979_key(true);
		struct err err = {0};
		crypto_backend_unload(key);
		if (i == 0)
			key->d[5] ^= 1;
		else
			key->point[20] ^= 1;
		assert_int_equal(crypto_backend_load(key, &err), -EINVAL);
		assert_string_equal(err.key, "crypto.key_invalid");
	}
}

static void sign_and_carry(void **state)
{
	cleanup(crypto_key) struct crypto_key *key = NULL, *again = NULL, *public = NULL;
	cleanup_buf struct buf private_pem = BUF_INIT(4096), public_pem = BUF_INIT(4096), signature = BUF_INIT(256);
	struct err err = {0};
	(void)state;
	assert_int_equal(crypto_key_generate(&key, &err), 0);
	assert_int_equal(crypto_key_private_pem(key, &private_pem, &err), 0);
	assert_int_equal(crypto_key_public_pem(key, &public_pem, &err), 0);
	assert_int_equal(crypto_key_from_pem(buf_str(&private_pem), &again, &err), 0);
	assert_int_equal(crypto_key_from_pem(buf_str(&public_pem), &public, &err), 0);
	assert_int_equal(crypto_sign(again, STR("bundle"), &signature, &err), 0);
	assert_int_equal(crypto_verify(public, STR("bundle"), buf_str(&signature), &err), 0);
	assert_int_equal(crypto_verify(public, STR("bundlf"), buf_str(&signature), &err), -EBADMSG);
	assert_int_equal(crypto_sign(public, STR("bundle"), &signature, &err), -EINVAL);
	assert_int_equal(crypto_key_private_pem(public, &private_pem, &err), -EINVAL);
}

/* No byte of a signature may change without being noticed: DER has one spelling only. */
static void every_changed_signature_fails(void **state)
{
	cleanup(crypto_key) struct crypto_key *key = rfc6979_key(true);
	cleanup_buf struct buf signature = BUF_INIT(256);
	struct err err = {0};
	(void)state;
	assert_int_equal(crypto_sign(key, STR("x"), &signature, &err), 0);
	for (size_t i = 0; i < signature.n; i++) {
		signature.p[i] ^= 1;
		assert_int_equal(crypto_verify(key, STR("x"), buf_str(&signature), &err), -EBADMSG);
		signature.p[i] ^= 1;
		assert_int_equal(crypto_verify(key, STR("x"), str_n(signature.p, i), &err), -EBADMSG);
	}
	buf_append_char(&signature, 0);
	assert_int_equal(crypto_verify(key, STR("x"), buf_str(&signature), &err), -EBADMSG);
}

static void spellings_of_der(void **state)
{
	static const struct {
		struct str der;
		bool good;
	} rows[] = {
	    {STR("\x30\x06\x02\x01\x01\x02\x01\x01"), true},
	    {STR("\x30\x81\x06\x02\x01\x01\x02\x01\x01"), false},     /* long length of a short one */
	    {STR("\x30\x80\x02\x01\x01\x02\x01\x01\x00\x00"), false}, /* indefinite */
	    {STR("\x30\x07\x02\x02\x00\x01\x02\x01\x01"), false},     /* padded integer */
	    {STR("\x30\x06\x02\x01\xff\x02\x01\x01"), false},         /* negative */
	    {STR("\x30\x05\x02\x00\x02\x01\x01"), false},             /* empty integer */
	    {STR("\x30\x07\x02\x01\x01\x02\x01\x01\x00"), false},     /* rest inside */
	    {STR("\x30\x06\x02\x01\x01\x02\x01\x01\x00"), false},     /* rest outside */
	    {STR("\x30\x7f\x02\x01\x01\x02\x01\x01"), false},         /* past the end */
	    {STR("\x30\x84\xff\xff\xff\xff\x02\x01\x01\x02\x01\x01"), false},
	    {STR("\x1f\x81\x06\x02\x01\x01"), false}, /* long tag */
	    {STR(""), false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned char rs[CRYPTO_RS_SIZE];
		assert_int_equal(crypto_signature_parse(rows[i].der, rs), rows[i].good);
	}
}

/* Written by "openssl genpkey": ours must be readable there and theirs here. For tests only. */
#define OPENSSL_P256                                                                                                   \
	"-----BEGIN PRIVATE KEY-----\n"                                                                                \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgze0jezdmJ11EokJN\n"                                           \
	"p6QKJU+aRNnfms1Mr4jX44qOpgehRANCAAR1JDdKsAiJ/8fTuq3cgYzji0yPXSG6\n"                                           \
	"MKKFWIbSq1ah/yEBMHsNiA8/1WahvJtVyzKi6jXEqU1xRQBf6XwsiCc+\n"                                                   \
	"-----END PRIVATE KEY-----\n"
#define OPENSSL_P384                                                                                                   \
	"-----BEGIN PRIVATE KEY-----\n"                                                                                \
	"MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCNVXTjCE3E1yFuH2RF\n"                                           \
	"5WPDudWBBunVtB4P/3Ya7v/UxZEnUqI/MKyKf+LpY5td7CihZANiAASlnbV1n21/\n"                                           \
	"CIqIw5h4pfsRQrZW9psxiCH5QAuC6L4Ipg80YSyPAsrvdYwYUMn2VMNb1s1MSb4J\n"                                           \
	"xtFpMVwWaUh0NA5TSytcJpRUujusQxiQWFf7Jb1mbPA36Lubshz9CVI=\n"                                                   \
	"-----END PRIVATE KEY-----\n"

static void key_of_openssl(void **state)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	cleanup_buf struct buf signature = BUF_INIT(256), pem = BUF_INIT(4096);
	struct err err = {0};
	(void)state;
	assert_int_equal(crypto_key_from_pem(STR(OPENSSL_P256), &key, &err), 0);
	assert_int_equal(crypto_sign(key, STR("x"), &signature, &err), 0);
	assert_int_equal(crypto_verify(key, STR("x"), buf_str(&signature), &err), 0);
	assert_int_equal(crypto_key_private_pem(key, &pem, &err), 0);
	assert_string_equal(pem.p, OPENSSL_P256);
}

static void wrong_pem(void **state)
{
	static const struct {
		const char *pem, *key;
	} rows[] = {
	    {"", "crypto.pem_missing"},
	    {"hello", "crypto.pem_missing"},
	    {"-----BEGIN PUBLIC KEY-----\n", "crypto.pem_broken"},
	    {"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "crypto.pem_broken"},
	    {"-----BEGIN PUBLIC KEY-----\nMFkw!!\n-----END PUBLIC KEY-----\n", "crypto.pem_broken"},
	    {"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n", "crypto.key_invalid"},
	    {"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PRIVATE KEY-----\n", "crypto.pem_broken"},
	    {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "crypto.key_invalid"},
	    {"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "crypto.key_invalid"},
	    {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
	     "crypto.pem_missing"},
	    {OPENSSL_P384, "crypto.key_invalid"},
	    {"-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n", "crypto.pem_missing"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct crypto_key *key = NULL;
		struct err err = {0};
		assert_int_equal(crypto_key_from_pem(str_c(rows[i].pem), &key, &err), -EINVAL);
		assert_string_equal(err.key, rows[i].key);
		assert_null(key);
	}
}

static void long_pem_is_refused_unread(void **state)
{
	cleanup_buf struct buf big = BUF_INIT((size_t)1 << 20);
	struct crypto_key *key = NULL;
	struct err err = {0};
	(void)state;
	for (unsigned i = 0; i < 70000; i++)
		buf_append_char(&big, 'A');
	assert_int_equal(crypto_key_from_pem(buf_str(&big), &key, &err), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sha256_vectors),   cmocka_unit_test(sha256_in_pieces),
	    cmocka_unit_test(old_digests),      cmocka_unit_test(hmac_vectors),
	    cmocka_unit_test(verify_vectors),   cmocka_unit_test(wrong_keys_are_refused),
	    cmocka_unit_test(sign_and_carry),   cmocka_unit_test(every_changed_signature_fails),
	    cmocka_unit_test(spellings_of_der), cmocka_unit_test(key_of_openssl),
	    cmocka_unit_test(wrong_pem),        cmocka_unit_test(long_pem_is_refused_unread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
