/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The primitives over OpenSSL 3. Algorithm objects are fetched once: fetching
 * takes a lock and searches the providers each time in OpenSSL 3.0.
 */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem/mem.h"
#include "platform/crypto/crypto_internal.h"

/* Constant after openssl_fetch. */
static struct {
	EVP_MD *sha256, *sha1, *md5;
	EVP_CIPHER *gcm;
} fetched;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	fetched.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	fetched.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	fetched.md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	fetched.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
}

/* Digests and ciphers fail only without memory or with a broken OpenSSL: nothing can go on then. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

static void openssl_setup(void)
{
	must(pthread_once(&fetch_once, fetch) == 0);
}

struct sha256 {
	EVP_MD_CTX *ctx;
};

struct sha256 *sha256_new(void)
{
	openssl_setup();
	struct sha256 *h = MEM_NEW(struct sha256);
	h->ctx = EVP_MD_CTX_new();
	must(h->ctx != NULL && fetched.sha256 != NULL && EVP_DigestInit_ex2(h->ctx, fetched.sha256, NULL) == 1);
	return h;
}

void sha256_update(struct sha256 *h, struct str bytes)
{
	if (bytes.n > 0)
		must(EVP_DigestUpdate(h->ctx, bytes.p, bytes.n) == 1);
}

void sha256_final(struct sha256 *h, unsigned char out[SHA256_SIZE])
{
	must(EVP_DigestFinal_ex(h->ctx, out, NULL) == 1);
	sha256_free(h);
}

void sha256_free(struct sha256 *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	mem_free(h);
}

static void digest_once(const EVP_MD *md, struct str bytes, unsigned char *out)
{
	must(md != NULL && EVP_Digest(bytes.n > 0 ? bytes.p : "", bytes.n, out, NULL, md, NULL) == 1);
}

void md5(struct str bytes, unsigned char out[16])
{
	openssl_setup();
	digest_once(fetched.md5, bytes, out);
}

void sha1(struct str bytes, unsigned char out[20])
{
	openssl_setup();
	digest_once(fetched.sha1, bytes, out);
}

static int openssl_failed(struct err *err, const char *call)
{
	return err_set(err, -EIO, "crypto.library", ARG_CSTR("call", call));
}

void crypto_backend_unload(struct crypto_key *key)
{
	EVP_PKEY_free(key->handle);
	key->handle = NULL;
}

int crypto_backend_generate(struct crypto_key *key, struct err *err)
{
	size_t n = 0;
	BIGNUM *d = NULL;
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	if (pkey == NULL)
		return openssl_failed(err, "EVP_EC_gen");
	key->handle = pkey;
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &d) != 1)
		return openssl_failed(err, "EVP_PKEY_get_bn_param");
	bool ok = BN_bn2binpad(d, key->d, sizeof(key->d)) == sizeof(key->d);
	BN_clear_free(d);
	if (!ok ||
	    EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, key->point, sizeof(key->point), &n) != 1 ||
	    n != sizeof(key->point))
		return openssl_failed(err, "EVP_PKEY_get_octet_string_param");
	return 0;
}

/* The point's place on the curve is checked by the import, d against the point by the pairwise check. */
static EVP_PKEY *import_key(const struct crypto_key *key)
{
	EVP_PKEY *pkey = NULL;
	BIGNUM *d = key->has_private ? BN_secure_new() : NULL;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL), *check = NULL;
	int selection = key->has_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
	must(bld != NULL && ctx != NULL && (!key->has_private || d != NULL));
	if (OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, key->point, sizeof(key->point)) != 1)
		goto done;
	if (key->has_private && (BN_bin2bn(key->d, sizeof(key->d), d) == NULL ||
				 OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) != 1))
		goto done;
	params = OSSL_PARAM_BLD_to_param(bld);
	if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
		goto done;
	check = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (check == NULL || EVP_PKEY_public_check(check) != 1 ||
	    (key->has_private && EVP_PKEY_pairwise_check(check) != 1)) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
done:
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(d);
	return pkey;
}

int crypto_backend_load(struct crypto_key *key, struct err *err)
{
	key->handle = import_key(key);
	return key->handle != NULL ? 0
				   : err_set(err, -EINVAL, "crypto.key_invalid", ARG_CSTR("reason", "not on P-256"));
}

int crypto_backend_sign(const struct crypto_key *key, const unsigned char digest[SHA256_SIZE],
			unsigned char rs[CRYPTO_RS_SIZE], struct err *err)
{
	unsigned char der[80];
	size_t n = sizeof(der);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->handle, NULL);
	bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
		  EVP_PKEY_sign(ctx, der, &n, digest, SHA256_SIZE) == 1 && crypto_signature_parse(str_n(der, n), rs);
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : openssl_failed(err, "EVP_PKEY_sign");
}

bool crypto_backend_verify(const struct crypto_key *key, const unsigned char digest[SHA256_SIZE],
			   const unsigned char rs[CRYPTO_RS_SIZE])
{
	char array[80];
	struct buf der = BUF_FIXED(array, sizeof(array));
	crypto_signature_put(&der, rs);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->handle, NULL);
	bool ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
		  EVP_PKEY_verify(ctx, (const unsigned char *)der.p, der.n, digest, SHA256_SIZE) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

void crypto_backend_gcm_seal(const unsigned char key[32], const unsigned char nonce[CRYPTO_GCM_NONCE_SIZE],
			     struct str plain, unsigned char *out)
{
	int n = 0, last = 0;
	openssl_setup();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	must(ctx != NULL && fetched.gcm != NULL && EVP_EncryptInit_ex2(ctx, fetched.gcm, key, nonce, NULL) == 1);
	if (plain.n > 0)
		must(EVP_EncryptUpdate(ctx, out, &n, (const unsigned char *)plain.p, (int)plain.n) == 1);
	must(EVP_EncryptFinal_ex(ctx, out + n, &last) == 1);
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CRYPTO_GCM_TAG_SIZE, out + plain.n) == 1);
	EVP_CIPHER_CTX_free(ctx);
}

bool crypto_backend_gcm_open(const unsigned char key[32], const unsigned char nonce[CRYPTO_GCM_NONCE_SIZE],
			     struct str sealed, unsigned char *out)
{
	int n = 0, last = 0;
	unsigned char tag[CRYPTO_GCM_TAG_SIZE];
	size_t body = sealed.n - CRYPTO_GCM_TAG_SIZE;
	openssl_setup();
	memcpy(tag, sealed.p + body, sizeof(tag));
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	must(ctx != NULL && fetched.gcm != NULL && EVP_DecryptInit_ex2(ctx, fetched.gcm, key, nonce, NULL) == 1);
	if (body > 0)
		must(EVP_DecryptUpdate(ctx, out, &n, (const unsigned char *)sealed.p, (int)body) == 1);
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) == 1);
	bool ok = EVP_DecryptFinal_ex(ctx, out + n, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}
