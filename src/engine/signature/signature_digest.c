/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_digest.h"

static uint32_t left(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}
static uint32_t right(uint32_t v, unsigned n)
{
	return v >> n | v << (32 - n);
}
static uint32_t big(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static uint32_t little(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* RFC 1321, section 3.4: floor(2^32 |sin(i + 1)|). */
static const uint32_t md5_sines[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1,
	0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453,
	0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942,
	0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05,
	0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d,
	0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void md5_block(uint32_t h[8], const uint8_t *p)
{
	static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3];

	for (unsigned i = 0; i < 64; i++) {
		uint32_t f = 0;
		unsigned word = i;
		switch (i / 16) {
		case 0:
			f = (b & c) | (~b & d);
			break;
		case 1:
			f = (d & b) | (~d & c);
			word = (5 * i + 1) % 16;
			break;
		case 2:
			f = b ^ c ^ d;
			word = (3 * i + 5) % 16;
			break;
		default:
			f = c ^ (b | ~d);
			word = 7 * i % 16;
		}
		const uint32_t next = b + left(a + f + md5_sines[i] + little(&p[4 * (size_t)word]), turns[i / 16][i % 4]);
		a = d;
		d = c;
		c = b;
		b = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
}

static void sha1_block(uint32_t h[8], const uint8_t *p)
{
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (size_t i = 0; i < 80; i++)
		w[i] = i < 16 ? big(&p[4 * i]) : left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (size_t i = 0; i < 80; i++) {
		const uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
				   : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
				   : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
					    : (b ^ c ^ d) + 0xca62c1d6;
		const uint32_t next = left(a, 5) + f + e + w[i];
		e = d;
		d = c;
		c = left(b, 30);
		b = a;
		a = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

/* FIPS 180-4, section 4.2.2. */
static const uint32_t sha256_roots[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
	0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
	0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
	0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void sha256_block(uint32_t h[8], const uint8_t *p)
{
	uint32_t w[64], v[8];

	for (size_t i = 0; i < 64; i++) {
		if (i < 16) {
			w[i] = big(&p[4 * i]);
			continue;
		}
		const uint32_t a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + (right(a, 7) ^ right(a, 18) ^ a >> 3) + w[i - 7] + (right(b, 17) ^ right(b, 19) ^ b >> 10);
	}
	memcpy(v, h, sizeof(v));
	for (size_t i = 0; i < 64; i++) {
		const uint32_t t1 = v[7] + (right(v[4], 6) ^ right(v[4], 11) ^ right(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) +
				    sha256_roots[i] + w[i];
		const uint32_t t2 = (right(v[0], 2) ^ right(v[0], 13) ^ right(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		for (unsigned k = 7; k > 0; k--)
			v[k] = v[k - 1];
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (unsigned i = 0; i < 8; i++)
		h[i] += v[i];
}

static void block(struct signature_digest_state *d, const uint8_t *p)
{
	switch (d->kind) {
	case SIGNATURE_DIGEST_MD5:
		md5_block(d->h, p);
		break;
	case SIGNATURE_DIGEST_SHA1:
		sha1_block(d->h, p);
		break;
	case SIGNATURE_DIGEST_SHA256:
		sha256_block(d->h, p);
		break;
	case SIGNATURE_DIGEST__COUNT:
		break;
	}
}

size_t signature_digest_size(enum signature_digest kind)
{
	return kind == SIGNATURE_DIGEST_MD5 ? 16 : kind == SIGNATURE_DIGEST_SHA1 ? 20 : 32;
}

void signature_digest_begin(struct signature_digest_state *d, enum signature_digest kind)
{
	static const uint32_t first[8] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	static const uint32_t first_256[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	d->kind = kind;
	d->length = 0;
	memcpy(d->h, kind == SIGNATURE_DIGEST_SHA256 ? first_256 : first, sizeof(d->h));
}

void signature_digest_update(struct signature_digest_state *d, struct str bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	size_t used = d->length % 64, at = 0;

	d->length += bytes.n;
	while (at < bytes.n) {
		if (used == 0 && bytes.n - at >= 64) {
			block(d, &p[at]);
			at += 64;
			continue;
		}
		const size_t n = bytes.n - at < 64 - used ? bytes.n - at : 64 - used;
		memcpy(&d->block[used], &p[at], n);
		at += n;
		used = (used + n) % 64;
		if (used == 0)
			block(d, d->block);
	}
}

void signature_digest_final(struct signature_digest_state *d, uint8_t out[SIGNATURE_DIGEST_MAX])
{
	static const uint8_t padding[64] = {0x80};
	const uint64_t bits = d->length * 8;
	const size_t used = d->length % 64;
	const bool is_little = d->kind == SIGNATURE_DIGEST_MD5;
	uint8_t length[8];

	signature_digest_update(d, str_n(padding, used < 56 ? 56 - used : 120 - used));
	for (unsigned i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> 8 * (is_little ? i : 7 - i));
	signature_digest_update(d, str_n(length, 8));
	for (size_t i = 0; i < signature_digest_size(d->kind); i++)
		out[i] = (uint8_t)(d->h[i / 4] >> 8 * (is_little ? i % 4 : 3 - i % 4));
}

size_t signature_digest_of(enum signature_digest kind, struct str bytes, uint8_t out[SIGNATURE_DIGEST_MAX])
{
	struct signature_digest_state d;

	signature_digest_begin(&d, kind);
	signature_digest_update(&d, bytes);
	signature_digest_final(&d, out);
	return signature_digest_size(kind);
}
