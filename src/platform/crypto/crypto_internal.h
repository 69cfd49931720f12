/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Inside the room: the few primitives that OpenSSL (crypto_openssl.c) and CNG
 * (crypto_cng.c) supply, and the DER and PEM code that both share.
 */
#pragma once
#include "base/cursor/cursor.h"
#include "platform/crypto/crypto.h"

#define CRYPTO_P256_SIZE      32
#define CRYPTO_POINT_SIZE     65 /* 0x04, x, y (SEC 1, section 2.3.3) */
#define CRYPTO_RS_SIZE        64 /* r, s, each 32 bytes, most significant first */
#define CRYPTO_GCM_TAG_SIZE   16
#define CRYPTO_GCM_NONCE_SIZE 12
/* No certificate, key or request of ours comes near; longer input is refused unread. */
#define CRYPTO_PEM_LIMIT ((size_t)64 << 10)

struct crypto_key {
	unsigned char point[CRYPTO_POINT_SIZE];
	bool has_private;
	unsigned char d[CRYPTO_P256_SIZE];
	void *handle; /* the system's key object */
};

/* The system's part. Loading checks that the point is on the curve and, where the system can, that d belongs to it. */
int crypto_backend_generate(struct crypto_key *key, struct err *err) WARN_UNUSED;
int crypto_backend_load(struct crypto_key *key, struct err *err) WARN_UNUSED;
void crypto_backend_unload(struct crypto_key *key);
int crypto_backend_sign(const struct crypto_key *key, const unsigned char digest[SHA256_SIZE],
			unsigned char rs[CRYPTO_RS_SIZE], struct err *err) WARN_UNUSED;
bool crypto_backend_verify(const struct crypto_key *key, const unsigned char digest[SHA256_SIZE],
			   const unsigned char rs[CRYPTO_RS_SIZE]);
/* AES-256-GCM of one chunk. out: n + 16 bytes when sealing, n - 16 when opening (n includes the tag). */
void crypto_backend_gcm_seal(const unsigned char key[32], const unsigned char nonce[CRYPTO_GCM_NONCE_SIZE],
			     struct str plain, unsigned char *out);
bool crypto_backend_gcm_open(const unsigned char key[32], const unsigned char nonce[CRYPTO_GCM_NONCE_SIZE],
			     struct str sealed, unsigned char *out);

/* DER (X.690): the subset that certificates and keys need. Tags of one byte, definite, shortest lengths. */
enum crypto_der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_PRINTABLE_STRING = 0x13,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT_0 = 0xa0, /* constructed; + n */
};

/* The next element whatever its tag. false (and failed) when there is none or it is not DER. ret_whole may be NULL. */
bool crypto_der_next(struct cursor *c, unsigned *ret_tag, struct str *ret_body, struct str *ret_whole);
/* The next element, which must have this tag; its body, or empty and failed. */
struct str crypto_der_take(struct cursor *c, unsigned tag);
/* As take, with the tag and length bytes. */
struct str crypto_der_take_whole(struct cursor *c, unsigned tag);
/* True and skipped when the next element has this tag. */
bool crypto_der_accept(struct cursor *c, unsigned tag, struct str *ret_body);
/* A BIT STRING of whole bytes. */
struct str crypto_der_take_bits(struct cursor *c);
void crypto_der_put(struct buf *out, unsigned tag, struct str body);
/* An INTEGER that is not negative, from big-endian bytes. */
void crypto_der_put_unsigned(struct buf *out, struct str bytes);

/* Appends the DER of the first block with this label. -EINVAL (crypto.pem_missing, crypto.pem_broken). */
int crypto_pem_decode(struct str pem, const char *label, struct buf *ret_der, struct err *err) WARN_UNUSED;
/* The same for the block at or after *at, which moves behind it. -ENOENT when there is no more. */
int crypto_pem_next(struct str pem, const char *label, size_t *at, struct buf *ret_der, struct err *err) WARN_UNUSED;
void crypto_pem_encode(struct buf *out, const char *label, struct str der);

/* Object identifiers, as DER bodies. */
#define OID_EC_PUBLIC_KEY     STR("\x2a\x86\x48\xce\x3d\x02\x01")
#define OID_P256              STR("\x2a\x86\x48\xce\x3d\x03\x01\x07")
#define OID_ECDSA_SHA256      STR("\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define OID_COMMON_NAME       STR("\x55\x04\x03")
#define OID_KEY_USAGE         STR("\x55\x1d\x0f")
#define OID_ALT_NAME          STR("\x55\x1d\x11")
#define OID_BASIC_CONSTRAINTS STR("\x55\x1d\x13")
#define OID_EXT_KEY_USAGE     STR("\x55\x1d\x25")
#define OID_SERVER_AUTH       STR("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define OID_CLIENT_AUTH       STR("\x2b\x06\x01\x05\x05\x07\x03\x02")

/* SubjectPublicKeyInfo (RFC 5480) in and out. */
void crypto_spki_put(struct buf *out, const struct crypto_key *key);
int crypto_key_from_spki(struct str der, struct crypto_key **ret, struct err *err) WARN_UNUSED;
/* ECDSA-Sig-Value (RFC 3279, section 2.2.3) in and out. */
void crypto_signature_put(struct buf *out, const unsigned char rs[CRYPTO_RS_SIZE]);
bool crypto_signature_parse(struct str der, unsigned char rs[CRYPTO_RS_SIZE]);
