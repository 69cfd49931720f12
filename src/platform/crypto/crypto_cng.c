/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The primitives over Windows CNG (bcrypt.dll), at the level of Windows 7:
 * no pseudo handles, no BCryptHash, keys as BCRYPT_ECCKEY_BLOB.
 */
#include <stdlib.h>
#include <windows.h>

/* Needs the types above. */
#include <bcrypt.h>

#include "base/mem/mem.h"
#include "platform/crypto/crypto_internal.h"

/* Opened once, constant afterwards; opening searches the registry. */
static struct {
	BCRYPT_ALG_HANDLE sha256, sha1, md5, ecdsa, aes;
} providers;
static INIT_ONCE open_once = INIT_ONCE_STATIC_INIT;

/* Hashes and ciphers fail only without memory or with a broken system: nothing can go on then. */
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
	must(BCryptOpenAlgorithmProvider(&providers.sha256, BCRYPT_SHA256_ALGORITHM, NULL, 0));
	must(BCryptOpenAlgorithmProvider(&providers.sha1, BCRYPT_SHA1_ALGORITHM, NULL, 0));
	must(BCryptOpenAlgorithmProvider(&providers.md5, BCRYPT_MD5_ALGORITHM, NULL, 0));
	must(BCryptOpenAlgorithmProvider(&providers.ecdsa, BCRYPT_ECDSA_P256_ALGORITHM, NULL, 0));
	must(BCryptOpenAlgorithmProvider(&providers.aes, BCRYPT_AES_ALGORITHM, NULL, 0));
	wchar_t gcm[] = BCRYPT_CHAIN_MODE_GCM;
	must(BCryptSetProperty(providers.aes, BCRYPT_CHAINING_MODE, (PUCHAR)gcm, sizeof(gcm), 0));
	return TRUE;
}

static void cng_setup(void)
{
	if (!InitOnceExecuteOnce(&open_once, open_providers, NULL, NULL))
		abort();
}

/* CNG takes its input without const and with 32-bit lengths; it does not write to it. */
static PUCHAR input(const void *p)
{
	union {
		const void *in;
		PUCHAR out;
	} u = {.in = p};
	return u.out;
}

static void hash_add(BCRYPT_HASH_HANDLE h, struct str bytes)
{
	while (bytes.n > 0) {
		size_t n = bytes.n < ((size_t)1 << 30) ? bytes.n : (size_t)1 << 30;
		must(BCryptHashData(h, input(bytes.p), (ULONG)n, 0));
		bytes = str_sub(bytes, n, bytes.n);
	}
}

struct sha256 {
	BCRYPT_HASH_HANDLE handle;
};

struct sha256 *sha256_new(void)
{
	cng_setup();
	struct sha256 *h = MEM_NEW(struct sha256);
	must(BCryptCreateHash(providers.sha256, &h->handle, NULL, 0, NULL, 0, 0));
	return h;
}

void sha256_update(struct sha256 *h, struct str bytes)
{
	hash_add(h->handle, bytes);
}

void sha256_final(struct sha256 *h, unsigned char out[SHA256_SIZE])
{
	must(BCryptFinishHash(h->handle, out, SHA256_SIZE, 0));
	sha256_free(h);
}

void sha256_free(struct sha256 *h)
{
	if (h == NULL)
		return;
	BCryptDestroyHash(h->handle);
	mem_free(h);
}

static void digest_once(BCRYPT_ALG_HANDLE algorithm, struct str bytes, unsigned char *out, ULONG size)
{
	BCRYPT_HASH_HANDLE h = NULL;
	must(BCryptCreateHash(algorithm, &h, NULL, 0, NULL, 0, 0));
	hash_add(h, bytes);
	must(BCryptFinishHash(h, out, size, 0));
	BCryptDestroyHash(h);
}

void md5(struct str bytes, unsigned char out[16])
{
	cng_setup();
	digest_once(providers.md5, bytes, out, 16);
}

void sha1(struct str bytes, unsigned char out[20])
{
	cng_setup();
	digest_once(providers.sha1, bytes, out, 20);
}

static int cng_failed(struct err *err, const char *call)
{
	return err_set(err, -EIO, "crypto.library", ARG_CSTR("call", call));
}

/* BCRYPT_ECCKEY_BLOB, then x, y and, in private blobs, d. */
struct ecc_blob {
	BCRYPT_ECCKEY_BLOB head;
	unsigned char x[CRYPTO_P256_SIZE], y[CRYPTO_P256_SIZE], d[CRYPTO_P256_SIZE];
};
#define ECC_PUBLIC_SIZE (sizeof(struct ecc_blob) - CRYPTO_P256_SIZE)

void crypto_backend_unload(struct crypto_key *key)
{
	if (key->handle != NULL)
		BCryptDestroyKey(key->handle);
	key->handle = NULL;
}

int crypto_backend_generate(struct crypto_key *key, struct err *err)
{
	struct ecc_blob blob = {0};
	BCRYPT_KEY_HANDLE handle = NULL;
	ULONG n = 0;
	cng_setup();
	if (!BCRYPT_SUCCESS(BCryptGenerateKeyPair(providers.ecdsa, &handle, 256, 0)))
		return cng_failed(err, "BCryptGenerateKeyPair");
	key->handle = handle;
	if (!BCRYPT_SUCCESS(BCryptFinalizeKeyPair(handle, 0)) ||
	    !BCRYPT_SUCCESS(
		BCryptExportKey(handle, NULL, BCRYPT_ECCPRIVATE_BLOB, (PUCHAR)&blob, sizeof(blob), &n, 0)) ||
	    n != sizeof(blob))
		return cng_failed(err, "BCryptExportKey");
	key->point[0] = 4;
	memcpy(key->point + 1, blob.x, sizeof(blob.x));
	memcpy(key->point + 1 + sizeof(blob.x), blob.y, sizeof(blob.y));
	memcpy(key->d, blob.d, sizeof(blob.d));
	mem_wipe(&blob, sizeof(blob));
	return 0;
}

/* CNG does not compare d with the point: a signature made and checked does. */
static bool pair_fits(const struct crypto_key *key)
{
	static const unsigned char digest[SHA256_SIZE] = {1};
	unsigned char rs[CRYPTO_RS_SIZE];
	return crypto_backend_sign(key, digest, rs, NULL) == 0 && crypto_backend_verify(key, digest, rs);
}

int crypto_backend_load(struct crypto_key *key, struct err *err)
{
	struct ecc_blob blob = {0};
	BCRYPT_KEY_HANDLE handle = NULL;
	cng_setup();
	blob.head.dwMagic = key->has_private ? BCRYPT_ECDSA_PRIVATE_P256_MAGIC : BCRYPT_ECDSA_PUBLIC_P256_MAGIC;
	blob.head.cbKey = CRYPTO_P256_SIZE;
	memcpy(blob.x, key->point + 1, sizeof(blob.x));
	memcpy(blob.y, key->point + 1 + sizeof(blob.x), sizeof(blob.y));
	memcpy(blob.d, key->d, sizeof(blob.d));
	NTSTATUS status = BCryptImportKeyPair(
	    providers.ecdsa, NULL, key->has_private ? BCRYPT_ECCPRIVATE_BLOB : BCRYPT_ECCPUBLIC_BLOB, &handle,
	    (PUCHAR)&blob, key->has_private ? sizeof(blob) : ECC_PUBLIC_SIZE, 0);
	mem_wipe(&blob, sizeof(blob));
	if (BCRYPT_SUCCESS(status))
		key->handle = handle;
	if (key->handle == NULL || (key->has_private && !pair_fits(key)))
		return err_set(err, -EINVAL, "crypto.key_invalid", ARG_CSTR("reason", "not on P-256"));
	return 0;
}

int crypto_backend_sign(const struct crypto_key *key, const unsigned char digest[SHA256_SIZE],
			unsigned char rs[CRYPTO_RS_SIZE], struct err *err)
{
	ULONG n = 0;
	if (!BCRYPT_SUCCESS(BCryptSignHash(key->handle, NULL, input(digest), SHA256_SIZE, rs, CRYPTO_RS_SIZE, &n, 0)) ||
	    n != CRYPTO_RS_SIZE)
		return cng_failed(err, "BCryptSignHash");
	return 0;
}

bool crypto_backend_verify(const struct crypto_key *key, const unsigned char digest[SHA256_SIZE],
			   const unsigned char rs[CRYPTO_RS_SIZE])
{
	return BCRYPT_SUCCESS(
	    BCryptVerifySignature(key->handle, NULL, input(digest), SHA256_SIZE, input(rs), CRYPTO_RS_SIZE, 0));
}

static BCRYPT_KEY_HANDLE gcm_key(const unsigned char key[32])
{
	BCRYPT_KEY_HANDLE handle = NULL;
	cng_setup();
	must(BCryptGenerateSymmetricKey(providers.aes, &handle, NULL, 0, input(key), 32, 0));
	return handle;
}

void crypto_backend_gcm_seal(const unsigned char key[32], const unsigned char nonce[CRYPTO_GCM_NONCE_SIZE],
			     struct str plain, unsigned char *out)
{
	BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO info;
	ULONG n = 0;
	BCRYPT_KEY_HANDLE handle = gcm_key(key);
	BCRYPT_INIT_AUTH_MODE_INFO(info);
	info.pbNonce = input(nonce);
	info.cbNonce = CRYPTO_GCM_NONCE_SIZE;
	info.pbTag = out + plain.n;
	info.cbTag = CRYPTO_GCM_TAG_SIZE;
	must(BCryptEncrypt(handle, input(plain.p), (ULONG)plain.n, &info, NULL, 0, out, (ULONG)plain.n, &n, 0));
	BCryptDestroyKey(handle);
}

bool crypto_backend_gcm_open(const unsigned char key[32], const unsigned char nonce[CRYPTO_GCM_NONCE_SIZE],
			     struct str sealed, unsigned char *out)
{
	BCRYPT_AUTHENTICATED_CIPHER_MODE_INFO info;
	ULONG n = 0;
	size_t body = sealed.n - CRYPTO_GCM_TAG_SIZE;
	BCRYPT_KEY_HANDLE handle = gcm_key(key);
	BCRYPT_INIT_AUTH_MODE_INFO(info);
	info.pbNonce = input(nonce);
	info.cbNonce = CRYPTO_GCM_NONCE_SIZE;
	info.pbTag = input(sealed.p + body);
	info.cbTag = CRYPTO_GCM_TAG_SIZE;
	NTSTATUS status = BCryptDecrypt(handle, input(sealed.p), (ULONG)body, &info, NULL, 0, out, (ULONG)body, &n, 0);
	BCryptDestroyKey(handle);
	return BCRYPT_SUCCESS(status);
}
