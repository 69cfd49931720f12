/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Sealed bytes: authenticated encryption for what stays on this machine
 * (quarantined files, stored secrets). The same format on Linux and Windows.
 *
 * Format: "LTSEAL1\n", 32 bytes of salt, then chunks of 64 KiB (the last one
 * shorter or equal; empty only when the whole is empty), each AES-256-GCM with
 * its 16-byte tag behind it. Chunk key = HMAC-SHA256(key, salt and context), nonce =
 * chunk number and a flag on the last chunk (the STREAM construction of Hoang,
 * Reyhanitabar, Rogaway and Vizár, 2015): changed, swapped, missing and cut-off
 * chunks are all refused. "context" ties the bytes to their use ("quarantine",
 * "totp"), so that one sealed thing cannot be put in another's place.
 *
 * Streaming: output is appended to the caller's buffer, who empties it between calls.
 * Threads: one object belongs to one thread. Keys are wiped when freed.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

#define CRYPTO_SEAL_KEY_SIZE 32

struct crypto_seal;
/* Appends the header to out. */
struct crypto_seal *crypto_seal_new(const unsigned char key[CRYPTO_SEAL_KEY_SIZE], struct str context, struct buf *out);
void crypto_seal_update(struct crypto_seal *s, struct str bytes, struct buf *out);
/* Writes the last chunk. -E2BIG (crypto.seal_too_long) past 2^32 chunks or when out is full. */
int crypto_seal_final(struct crypto_seal *s, struct buf *out, struct err *err) WARN_UNUSED;
void crypto_seal_free(struct crypto_seal *s);
DEFINE_CLEANUP(crypto_seal)

struct crypto_unseal;
struct crypto_unseal *crypto_unseal_new(const unsigned char key[CRYPTO_SEAL_KEY_SIZE], struct str context);
/* Appends verified plain bytes. -EBADMSG (crypto.seal_broken): other key, other context or changed bytes. */
int crypto_unseal_update(struct crypto_unseal *u, struct str bytes, struct buf *out, struct err *err) WARN_UNUSED;
/* Until this returns 0 the end may be missing: keep what came so far in a temporary place. */
int crypto_unseal_final(struct crypto_unseal *u, struct buf *out, struct err *err) WARN_UNUSED;
void crypto_unseal_free(struct crypto_unseal *u);
DEFINE_CLEANUP(crypto_unseal)

/* In one go, for small things. */
int crypto_seal_bytes(const unsigned char key[CRYPTO_SEAL_KEY_SIZE], struct str context, struct str bytes,
		      struct buf *out, struct err *err) WARN_UNUSED;
int crypto_unseal_bytes(const unsigned char key[CRYPTO_SEAL_KEY_SIZE], struct str context, struct str sealed,
			struct buf *out, struct err *err) WARN_UNUSED;
