/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "platform/crypto/crypto_digest.h"

/* Constant after fetch: fetching takes a lock in OpenSSL 3.0. */
static EVP_MD *fetched[CRYPTO_DIGEST__COUNT];
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static const struct {
	const char *name;
	size_t size;
} kinds[CRYPTO_DIGEST__COUNT] = {
    [CRYPTO_DIGEST_MD5] = {"MD5", 16}, [CRYPTO_DIGEST_SHA1] = {"SHA1", 20}, [CRYPTO_DIGEST_SHA256] = {"SHA256", 32}};

struct crypto_digest {
	EVP_MD_CTX *ctx;
};

/* Digests fail only without memory or with a broken OpenSSL: nothing can go on then. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

static void fetch(void)
{
	for (size_t i = 0; i < CRYPTO_DIGEST__COUNT; i++)
		fetched[i] = EVP_MD_fetch(NULL, kinds[i].name, NULL);
}

size_t crypto_digest_size(enum crypto_digest_kind kind)
{
	return kinds[kind].size;
}

struct crypto_digest *crypto_digest_new(enum crypto_digest_kind kind)
{
	must(pthread_once(&fetch_once, fetch) == 0);
	struct crypto_digest *d = MEM_NEW(struct crypto_digest);
	d->ctx = EVP_MD_CTX_new();
	must(d->ctx != NULL && fetched[kind] != NULL && EVP_DigestInit_ex2(d->ctx, fetched[kind], NULL) == 1);
	return d;
}

void crypto_digest_update(struct crypto_digest *d, struct str bytes)
{
	if (bytes.n > 0)
		must(EVP_DigestUpdate(d->ctx, bytes.p, bytes.n) == 1);
}

void crypto_digest_final(struct crypto_digest *d, unsigned char *out)
{
	must(EVP_DigestFinal_ex(d->ctx, out, NULL) == 1);
	crypto_digest_free(d);
}

void crypto_digest_free(struct crypto_digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	mem_free(d);
}
