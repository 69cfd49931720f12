/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdlib.h>
#include <windows.h>

/* Needs the types above. */
#include <bcrypt.h>

#include "platform/crypto/crypto_digest.h"

/* Opened once, constant afterwards. */
static BCRYPT_ALG_HANDLE providers[CRYPTO_DIGEST__COUNT];
static INIT_ONCE open_once = INIT_ONCE_STATIC_INIT;

static const struct {
	const wchar_t *name;
	size_t size;
} kinds[CRYPTO_DIGEST__COUNT] = {[CRYPTO_DIGEST_MD5] = {BCRYPT_MD5_ALGORITHM, 16},
				 [CRYPTO_DIGEST_SHA1] = {BCRYPT_SHA1_ALGORITHM, 20},
				 [CRYPTO_DIGEST_SHA256] = {BCRYPT_SHA256_ALGORITHM, 32}};

struct crypto_digest {
	enum crypto_digest_kind kind;
	BCRYPT_HASH_HANDLE handle;
};

/* Hashes fail only without memory or with a broken system: nothing can go on then. */
static void must(NTSTATUS status)
{
	if (!BCRYPT_SUCCESS(status))
		abort();
}

static BOOL CALLBACK open_providers(PINIT_ONCE once, PVOID parameter, PVOID *context)
{
	(void)once;
	(void)parameter;
	(void)context;
	for (size_t i = 0; i < CRYPTO_DIGEST__COUNT; i++)
		must(BCryptOpenAlgorithmProvider(&providers[i], kinds[i].name, NULL, 0));
	return TRUE;
}

size_t crypto_digest_size(enum crypto_digest_kind kind)
{
	return kinds[kind].size;
}

struct crypto_digest *crypto_digest_new(enum crypto_digest_kind kind)
{
	if (!InitOnceExecuteOnce(&open_once, open_providers, NULL, NULL))
		abort();
	struct crypto_digest *d = MEM_NEW(struct crypto_digest);
	d->kind = kind;
	must(BCryptCreateHash(providers[kind], &d->handle, NULL, 0, NULL, 0, 0));
	return d;
}

void crypto_digest_update(struct crypto_digest *d, struct str bytes)
{
	while (bytes.n > 0) {
		size_t n = bytes.n < ((size_t)1 << 30) ? bytes.n : (size_t)1 << 30;
		/* CNG takes its input without const; it does not write to it. */
		union {
			const char *in;
			PUCHAR out;
		} u = {.in = bytes.p};
		must(BCryptHashData(d->handle, u.out, (ULONG)n, 0));
		bytes = str_sub(bytes, n, bytes.n);
	}
}

void crypto_digest_final(struct crypto_digest *d, unsigned char *out)
{
	must(BCryptFinishHash(d->handle, out, (ULONG)kinds[d->kind].size, 0));
	crypto_digest_free(d);
}

void crypto_digest_free(struct crypto_digest *d)
{
	if (d == NULL)
		return;
	BCryptDestroyHash(d->handle);
	mem_free(d);
}
