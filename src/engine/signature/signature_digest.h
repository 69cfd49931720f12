/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Inside the room: MD5 (RFC 1321), SHA-1 and SHA-256 (FIPS 180-4). Own code, since the room is linked where OpenSSL must not
 * be: beside libclamav (GPL-2.0-only). For telling files apart by published digests; never for trust.
 */
#pragma once
#include <stdint.h>

#include "base/str/str.h"

enum signature_digest { SIGNATURE_DIGEST_MD5, SIGNATURE_DIGEST_SHA1, SIGNATURE_DIGEST_SHA256, SIGNATURE_DIGEST__COUNT };

#define SIGNATURE_DIGEST_MAX 32

struct signature_digest_state {
	enum signature_digest kind;
	uint32_t h[8];
	uint64_t length;
	uint8_t block[64];
};

/* 16, 20, 32. */
size_t signature_digest_size(enum signature_digest kind);
void signature_digest_begin(struct signature_digest_state *d, enum signature_digest kind);
void signature_digest_update(struct signature_digest_state *d, struct str bytes);
void signature_digest_final(struct signature_digest_state *d, uint8_t out[SIGNATURE_DIGEST_MAX]);
/* In one go; returns the size. */
size_t signature_digest_of(enum signature_digest kind, struct str bytes, uint8_t out[SIGNATURE_DIGEST_MAX]);
