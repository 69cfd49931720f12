/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Digests fed piece by piece, of the kinds that published indicators come in.
 * MD5 and SHA-1 are for matching such lists only. Threads: one object belongs to one thread.
 */
#pragma once
#include "base/mem/mem.h"

enum crypto_digest_kind { CRYPTO_DIGEST_MD5, CRYPTO_DIGEST_SHA1, CRYPTO_DIGEST_SHA256, CRYPTO_DIGEST__COUNT };

#define CRYPTO_DIGEST_MAX 32

struct crypto_digest;
/* 16, 20, 32. */
size_t crypto_digest_size(enum crypto_digest_kind kind);
struct crypto_digest *crypto_digest_new(enum crypto_digest_kind kind);
void crypto_digest_update(struct crypto_digest *d, struct str bytes);
/* Writes crypto_digest_size bytes and frees d. */
void crypto_digest_final(struct crypto_digest *d, unsigned char *out);
void crypto_digest_free(struct crypto_digest *d);
