/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * factor_test_support: an authenticator in software, that makes and uses one
 * passkey as the standard says; each part of its answers can be spoilt.
 *
 * For test programs only.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "base/mem/mem.h"
#include "platform/crypto/crypto.h"
#include "platform/factor/factor.h"

struct authenticator {
	struct crypto_key *key;
	const char *rp_id, *origin;
	unsigned char credential_id[16];
	unsigned char flags; /* user present 1, user verified 4, attested data 0x40 */
	uint32_t count;
	char client_data[1024];
	unsigned char data[512];
	size_t data_size;
	char signature[128];
	size_t signature_size;
};

static inline void authenticator_init(struct authenticator *a, const char *rp_id, const char *origin)
{
	*a = (struct authenticator){.rp_id = rp_id, .origin = origin, .flags = 1 | 4};
	random_bytes(a->credential_id, sizeof a->credential_id);
	if (crypto_key_generate(&a->key, NULL) < 0)
		abort();
}

static inline void authenticator_done(struct authenticator *a)
{
	crypto_key_free(a->key);
}

static inline void authenticator_put(struct authenticator *a, const void *p, size_t n)
{
	(void)memcpy(a->data + a->data_size, p, n);
	a->data_size += n;
}

static inline void authenticator_begin(struct authenticator *a, const char *type, struct str challenge, bool attested)
{
	char text[128];
	struct buf out = BUF_FIXED(text, sizeof text);
	buf_append_base64url(&out, challenge.p, challenge.n);
	(void)snprintf(a->client_data, sizeof a->client_data,
	               "{\"type\":\"%s\",\"challenge\":\"%.*s\",\"origin\":\"%s\",\"crossOrigin\":false}", type,
	               STR_FMT(buf_str(&out)), a->origin);
	unsigned char hash[SHA256_SIZE];
	sha256(str_c(a->rp_id), hash);
	a->data_size = 0;
	a->count++;
	const unsigned char head[5] = {(unsigned char)(a->flags | (attested ? 0x40 : 0)), (unsigned char)(a->count >> 24),
	                               (unsigned char)(a->count >> 16), (unsigned char)(a->count >> 8), (unsigned char)a->count};
	authenticator_put(a, hash, sizeof hash);
	authenticator_put(a, head, sizeof head);
}

/* navigator.credentials.create */
static inline void authenticator_create(struct authenticator *a, struct str challenge)
{
	static const unsigned char aaguid[16] = {0}, size[2] = {0, sizeof a->credential_id};
	/* COSE: {1: 2, 3: -7, -1: 1, -2: x, -3: y} */
	static const unsigned char before_x[] = {0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20},
	                           before_y[] = {0x22, 0x58, 0x20};
	unsigned char raw[96];
	if (crypto_key_raw(a->key, raw, NULL) < 0)
		abort();
	authenticator_begin(a, "webauthn.create", challenge, true);
	authenticator_put(a, aaguid, sizeof aaguid);
	authenticator_put(a, size, sizeof size);
	authenticator_put(a, a->credential_id, sizeof a->credential_id);
	authenticator_put(a, before_x, sizeof before_x);
	authenticator_put(a, raw, 32);
	authenticator_put(a, before_y, sizeof before_y);
	authenticator_put(a, raw + 32, 32);
}

/* navigator.credentials.get */
static inline void authenticator_get(struct authenticator *a, struct str challenge)
{
	authenticator_begin(a, "webauthn.get", challenge, false);
	unsigned char all[sizeof a->data + SHA256_SIZE];
	(void)memcpy(all, a->data, a->data_size);
	sha256(str_c(a->client_data), all + a->data_size);
	struct buf out = BUF_FIXED(a->signature, sizeof a->signature);
	if (crypto_sign(a->key, str_n(all, a->data_size + SHA256_SIZE), &out, NULL) < 0)
		abort();
	a->signature_size = out.n;
}
