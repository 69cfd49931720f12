/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/mem/mem.h"
#include "platform/crypto/crypto.h"

#define HMAC_BLOCK 64

void sha256(struct str bytes, unsigned char out[SHA256_SIZE])
{
	struct sha256 *h = sha256_new();
	sha256_update(h, bytes);
	sha256_final(h, out);
}

const char *sha256_hex(const unsigned char digest[SHA256_SIZE], char buf[SHA256_HEX_SIZE])
{
	struct buf b = BUF_FIXED(buf, SHA256_HEX_SIZE);
	buf_append_hex(&b, digest, SHA256_SIZE);
	return buf;
}

static void hmac_pass(const unsigned char block[HMAC_BLOCK], unsigned char mask, struct str bytes,
		      unsigned char out[SHA256_SIZE])
{
	unsigned char pad[HMAC_BLOCK];
	for (unsigned i = 0; i < HMAC_BLOCK; i++)
		pad[i] = block[i] ^ mask;
	struct sha256 *h = sha256_new();
	sha256_update(h, str_n(pad, sizeof(pad)));
	sha256_update(h, bytes);
	sha256_final(h, out);
	mem_wipe(pad, sizeof(pad));
}

void hmac_sha256(struct str key, struct str bytes, unsigned char out[SHA256_SIZE])
{
	unsigned char block[HMAC_BLOCK] = {0}, inner[SHA256_SIZE];
	if (key.n > HMAC_BLOCK)
		sha256(key, block);
	else if (key.n > 0)
		memcpy(block, key.p, key.n);
	hmac_pass(block, 0x36, bytes, inner);
	hmac_pass(block, 0x5c, str_n(inner, sizeof(inner)), out);
	mem_wipe(block, sizeof(block));
	mem_wipe(inner, sizeof(inner));
}
