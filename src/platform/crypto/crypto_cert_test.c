/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "platform/crypto/crypto_internal.h"

#define DAY USEC_PER_DAY
#define T0  ((usec_t)1790000000 * USEC_PER_SEC)

struct ca {
	struct crypto_key *key;
	struct buf pem;
};

static void make_csr(const struct crypto_key *key, const char *name, struct buf *out)
{
	struct err err = {0};
	assert_int_equal(crypto_csr(key, name, out, &err), 0);
}

static void ca_make(struct ca *ca, const char *name)
{
	cleanup_buf struct buf csr = BUF_INIT(4096);
	struct err err = {0};
	ca->pem = BUF_INIT(8192);
	assert_int_equal(crypto_key_generate(&ca->key, &err), 0);
	make_csr(ca->key, name, &csr);
	struct crypto_cert_request req = {.csr_pem = buf_str(&csr),
					  .common_name = name,
					  .use = CRYPTO_CERT_CA,
					  .not_before = T0,
					  .not_after = T0 + 3650 * DAY};
	assert_int_equal(crypto_cert_issue(&req, STR_EMPTY, ca->key, &ca->pem, &err), 0);
}

static void ca_done(struct ca *ca)
{
	crypto_key_free(ca->key);
	buf_done(&ca->pem);
}

static int issue(const struct ca *ca, enum crypto_cert_use use, const char *const *names, struct buf *out,
		 struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	cleanup_buf struct buf csr = BUF_INIT(4096);
	assert_int_equal(crypto_key_generate(&key, NULL), 0);
	make_csr(key, "whatever", &csr);
	struct crypto_cert_request req = {.csr_pem = buf_str(&csr),
					  .common_name = "Máy chủ Cần Thơ",
					  .use = use,
					  .dns_names = names,
					  .not_before = T0,
					  .not_after = T0 + 90 * DAY};
	return crypto_cert_issue(&req, buf_str(&ca->pem), ca->key, out, err);
}

static X509 *openssl_cert(struct str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(cert);
	return cert;
}

/* What OpenSSL's own chain check says: our hand-made one must never say more. */
static bool openssl_accepts(X509 *cert, struct str ca_pem, usec_t at)
{
	X509 *ca = openssl_cert(ca_pem);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	assert_int_equal(X509_STORE_add_cert(store, ca), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)(at / USEC_PER_SEC));
	bool ok = X509_verify_cert(ctx) == 1;
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(ca);
	return ok;
}

static void issued_is_described(void **state)
{
	static const char *const names[] = {"soc.cantho.example", "192.0.2.7", "2001:db8::7", NULL};
	struct ca ca;
	cleanup_buf struct buf pem = BUF_INIT(8192);
	struct crypto_cert_info info, ca_info;
	struct err err = {0};
	(void)state;
	ca_make(&ca, "CA thử");
	assert_int_equal(issue(&ca, CRYPTO_CERT_SERVER, names, &pem, &err), 0);
	assert_int_equal(crypto_cert_info(buf_str(&pem), &info, &err), 0);
	assert_string_equal(info.common_name, "Máy chủ Cần Thơ");
	assert_true(info.not_before == T0 && info.not_after == T0 + 90 * DAY);
	assert_true(info.for_server && !info.for_client && !info.is_ca);
	assert_int_equal(strlen(info.serial_hex), 32);
	assert_int_equal(crypto_cert_info(buf_str(&ca.pem), &ca_info, &err), 0);
	assert_true(ca_info.is_ca);
	assert_int_equal(crypto_cert_verify(buf_str(&pem), buf_str(&ca.pem), T0 + DAY, &err), 0);

	X509 *x = openssl_cert(buf_str(&pem));
	unsigned char der_digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	assert_int_equal(X509_digest(x, EVP_sha256(), der_digest, NULL), 1);
	assert_string_equal(info.sha256_hex, sha256_hex(der_digest, hex));
	assert_true(openssl_accepts(x, buf_str(&ca.pem), T0 + DAY));
	/* An address is an address and not a host name, and the other way round. */
	assert_int_equal(X509_check_ip_asc(x, "192.0.2.7", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "2001:db8::7", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "192.0.2.8", 0), 0);
	assert_int_equal(X509_check_host(x, "192.0.2.7", 0, 0, NULL), 0);
	assert_int_equal(X509_check_host(x, "soc.cantho.example", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "other.example", 0, 0, NULL), 0);
	X509_free(x);
	ca_done(&ca);
}

static void wrong_ca_and_wrong_time(void **state)
{
	struct ca ca, same_name, other;
	cleanup_buf struct buf pem = BUF_INIT(8192), both = BUF_INIT(16384);
	struct err err = {0};
	(void)state;
	ca_make(&ca, "CA");
	ca_make(&same_name, "CA");
	ca_make(&other, "CA 2");
	assert_int_equal(issue(&ca, CRYPTO_CERT_CLIENT, NULL, &pem, &err), 0);
	buf_append(&both, buf_str(&other.pem));
	buf_append(&both, buf_str(&ca.pem));
	const struct {
		struct str ca;
		usec_t at;
		int want;
		const char *key;
	} rows[] = {
	    {buf_str(&ca.pem), T0, 0, ""},
	    {buf_str(&ca.pem), T0 + 90 * DAY, 0, ""},
	    {buf_str(&ca.pem), T0 - 1, -EBADMSG, "crypto.cert_time"},
	    {buf_str(&ca.pem), T0 + 90 * DAY + 1, -EBADMSG, "crypto.cert_time"},
	    {buf_str(&same_name.pem), T0, -EBADMSG, "crypto.cert_issuer"},
	    {buf_str(&other.pem), T0, -EBADMSG, "crypto.cert_issuer"},
	    {buf_str(&pem), T0, -EBADMSG, "crypto.cert_issuer"}, /* no CA at all */
	    {buf_str(&both), T0, 0, ""},
	    {STR_EMPTY, T0, -ENOENT, "crypto.pem_missing"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		err_clear(&err);
		assert_int_equal(crypto_cert_verify(buf_str(&pem), rows[i].ca, rows[i].at, &err), rows[i].want);
		if (rows[i].want < 0)
			assert_string_equal(err.key, rows[i].key);
	}
	ca_done(&ca);
	ca_done(&same_name);
	ca_done(&other);
}

/* One changed bit anywhere: refused by us; or else OpenSSL reads the same bytes as good too. */
static void changed_certificates(void **state)
{
	struct ca ca;
	cleanup_buf struct buf pem = BUF_INIT(8192), der = BUF_INIT(8192);
	struct err err = {0};
	(void)state;
	ca_make(&ca, "CA");
	assert_int_equal(issue(&ca, CRYPTO_CERT_CLIENT, NULL, &pem, &err), 0);
	assert_int_equal(crypto_pem_decode(buf_str(&pem), "CERTIFICATE", &der, &err), 0);
	assert_int_equal(crypto_cert_verify(buf_str(&der), buf_str(&ca.pem), T0, &err), 0);
	for (size_t i = 0; i < der.n * 8; i++) {
		der.p[i / 8] ^= (char)(1 << (i % 8));
		assert_true(crypto_cert_verify(buf_str(&der), buf_str(&ca.pem), T0, &err) < 0);
		der.p[i / 8] ^= (char)(1 << (i % 8));
	}
	for (size_t n = 0; n < der.n; n++)
		assert_true(crypto_cert_verify(str_sub(buf_str(&der), 0, n), buf_str(&ca.pem), T0, &err) < 0);
	ca_done(&ca);
}

/* A certificate that OpenSSL made: RSA, an unknown critical extension, a leaf that plays CA. */
static void foreign_certificates(void **state)
{
	static const struct {
		const char *extension;
		int want;
	} rows[] = {{NULL, 0}, {"critical,DER:0500", -EBADMSG}, {"DER:0500", 0}};
	struct ca ca;
	struct err err = {0};
	(void)state;
	ca_make(&ca, "CA");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_buf struct buf pem = BUF_INIT(8192);
		unsigned char *der = NULL;
		assert_int_equal(issue(&ca, CRYPTO_CERT_CLIENT, NULL, &pem, &err), 0);
		X509 *x = openssl_cert(buf_str(&pem));
		if (rows[i].extension != NULL) {
			X509_EXTENSION *e = X509V3_EXT_nconf(NULL, NULL, "1.2.3.4", rows[i].extension);
			assert_non_null(e);
			assert_int_equal(X509_add_ext(x, e, -1), 1);
			X509_EXTENSION_free(e);
			assert_true(X509_sign(x, ca.key->handle, EVP_sha256()) > 0);
		}
		int n = i2d_X509(x, &der);
		assert_true(n > 0);
		assert_int_equal(crypto_cert_verify(str_n(der, (size_t)n), buf_str(&ca.pem), T0, &err), rows[i].want);
		assert_int_equal(openssl_accepts(x, buf_str(&ca.pem), T0), rows[i].want == 0);
		OPENSSL_free(der);
		X509_free(x);
	}
	ca_done(&ca);
}

static void leaf_is_no_ca(void **state)
{
	struct ca ca;
	cleanup(crypto_key) struct crypto_key *leaf_key = NULL;
	cleanup_buf struct buf csr = BUF_INIT(4096), leaf = BUF_INIT(8192), forged = BUF_INIT(8192);
	struct err err = {0};
	(void)state;
	ca_make(&ca, "CA");
	assert_int_equal(crypto_key_generate(&leaf_key, &err), 0);
	make_csr(leaf_key, "agent", &csr);
	struct crypto_cert_request req = {.csr_pem = buf_str(&csr),
					  .common_name = "agent",
					  .use = CRYPTO_CERT_CLIENT,
					  .not_before = T0,
					  .not_after = T0 + DAY};
	assert_int_equal(crypto_cert_issue(&req, buf_str(&ca.pem), ca.key, &leaf, &err), 0);
	assert_int_equal(crypto_cert_issue(&req, buf_str(&leaf), leaf_key, &forged, &err), 0);
	assert_int_equal(crypto_cert_verify(buf_str(&forged), buf_str(&leaf), T0, &err), -EBADMSG);
	assert_int_equal(crypto_cert_verify(buf_str(&forged), buf_str(&ca.pem), T0, &err), -EBADMSG);
	ca_done(&ca);
}

static void refused_requests(void **state)
{
	static const char *const none[] = {NULL}, *const bad[] = {"ok.example", "a b", NULL},
				 *const good[] = {"x", NULL};
	struct ca ca;
	cleanup_buf struct buf csr = BUF_INIT(4096), out = BUF_INIT(8192), broken = BUF_INIT(4096);
	struct err err = {0};
	(void)state;
	ca_make(&ca, "CA");
	make_csr(ca.key, "x", &csr);
	buf_append(&broken, buf_str(&csr));
	size_t middle = str_find(buf_str(&broken), STR("\n")) + 100;
	broken.p[middle] = broken.p[middle] == 'A' ? 'B' : 'A';
	const struct {
		struct crypto_cert_request req;
		struct str ca_pem;
		int want;
	} rows[] = {
	    {{buf_str(&csr), "x", CRYPTO_CERT_SERVER, none, T0, T0 + 1 * USEC_PER_SEC}, buf_str(&ca.pem), -EINVAL},
	    {{buf_str(&csr), "x", CRYPTO_CERT_SERVER, bad, T0, T0 + 1 * USEC_PER_SEC}, buf_str(&ca.pem), -EINVAL},
	    {{buf_str(&csr), "x", CRYPTO_CERT_SERVER, good, T0, T0}, buf_str(&ca.pem), -EINVAL},
	    {{buf_str(&csr), "", CRYPTO_CERT_SERVER, good, T0, T0 + DAY}, buf_str(&ca.pem), -EINVAL},
	    {{buf_str(&csr), "\xff", CRYPTO_CERT_SERVER, good, T0, T0 + DAY}, buf_str(&ca.pem), -EINVAL},
	    {{buf_str(&csr), "x", CRYPTO_CERT_SERVER, good, T0, T0 + DAY}, STR_EMPTY, -EINVAL},
	    {{buf_str(&csr), "x", CRYPTO_CERT_CA, NULL, T0, T0 + DAY}, buf_str(&ca.pem), -EINVAL},
	    {{STR("nonsense"), "x", CRYPTO_CERT_CLIENT, NULL, T0, T0 + DAY}, buf_str(&ca.pem), -EINVAL},
	    {{buf_str(&csr), "x", CRYPTO_CERT_CLIENT, NULL, T0, T0 + DAY}, STR("nonsense"), -EINVAL},
	    {{buf_str(&csr), "x", CRYPTO_CERT_CLIENT, NULL, T0, T0 + DAY}, buf_str(&ca.pem), 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(crypto_cert_issue(&rows[i].req, rows[i].ca_pem, ca.key, &out, &err), rows[i].want);
	struct crypto_cert_request req = rows[9].req;
	req.csr_pem = buf_str(&broken);
	assert_true(crypto_cert_issue(&req, buf_str(&ca.pem), ca.key, &out, &err) < 0);
	cleanup(crypto_key) struct crypto_key *other = NULL;
	assert_int_equal(crypto_key_generate(&other, &err), 0);
	assert_int_equal(crypto_cert_issue(&rows[9].req, buf_str(&ca.pem), other, &out, &err), -EINVAL);
	ca_done(&ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(issued_is_described),  cmocka_unit_test(wrong_ca_and_wrong_time),
	    cmocka_unit_test(changed_certificates), cmocka_unit_test(foreign_certificates),
	    cmocka_unit_test(leaf_is_no_ca),        cmocka_unit_test(refused_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
