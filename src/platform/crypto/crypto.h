/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * crypto: hashes, MACs, ECDSA P-256 keys, signatures and certificates, over
 * OpenSSL 3 on Linux and CNG (bcrypt) on Windows. Passwords (Argon2id) and
 * sealed files (secretbox) are in crypto_password.h and crypto_seal.h.
 *
 * P-256 with SHA-256 is used everywhere because Windows 7's CNG verifies it.
 * Signatures are DER (ECDSA-Sig-Value, RFC 3279) in files and in bundles.
 * Secrets are wiped when freed and never logged. Threads: keys are immutable, any thread.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/uuid/uuid.h"

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE 65

struct sha256;
struct sha256 *sha256_new(void);
void sha256_update(struct sha256 *h, struct str bytes);
/* Writes the digest and frees h. */
void sha256_final(struct sha256 *h, unsigned char out[SHA256_SIZE]);
void sha256_free(struct sha256 *h);
void sha256(struct str bytes, unsigned char out[SHA256_SIZE]);
const char *sha256_hex(const unsigned char digest[SHA256_SIZE], char buf[SHA256_HEX_SIZE]);
/* RFC 2104. */
void hmac_sha256(struct str key, struct str bytes, unsigned char out[SHA256_SIZE]);
void md5(struct str bytes, unsigned char out[16]);  /* for matching published indicators only */
void sha1(struct str bytes, unsigned char out[20]); /* likewise */

/* ECDSA P-256 key pair (private part may be absent). */
struct crypto_key;
int crypto_key_generate(struct crypto_key **ret, struct err *err) WARN_UNUSED;
/* PKCS#8 PEM private key (with its public point, as OpenSSL writes it), or SubjectPublicKeyInfo PEM public key.
 * -EINVAL: crypto.pem_missing, crypto.pem_broken, crypto.key_invalid. */
int crypto_key_from_pem(struct str pem, struct crypto_key **ret, struct err *err) WARN_UNUSED;
int crypto_key_private_pem(const struct crypto_key *key, struct buf *out, struct err *err) WARN_UNUSED;
int crypto_key_public_pem(const struct crypto_key *key, struct buf *out, struct err *err) WARN_UNUSED;
void crypto_key_free(struct crypto_key *key);
/* x, y and d, 32 bytes each, most significant first: for handing a key to the system's TLS (WinHTTP), nothing else.
 * -EINVAL without a private part. The caller wipes out. */
int crypto_key_raw(const struct crypto_key *key, unsigned char out[96], struct err *err) WARN_UNUSED;
DEFINE_CLEANUP(crypto_key)
/* DER signature over SHA-256 of bytes. */
int crypto_sign(const struct crypto_key *key, struct str bytes, struct buf *ret_signature, struct err *err) WARN_UNUSED;
/* The same where only the SHA-256 digest is at hand (documents). */
int crypto_sign_digest(const struct crypto_key *key, const unsigned char digest[SHA256_SIZE], struct buf *ret_signature,
		       struct err *err) WARN_UNUSED;
/* 0: good. -EBADMSG (crypto.bad_signature): not made by this key over these bytes. Portable. */
int crypto_verify(const struct crypto_key *key, struct str bytes, struct str signature, struct err *err) WARN_UNUSED;

/* PKCS#10 request (PEM) with the subject's common name. */
int crypto_csr(const struct crypto_key *key, const char *common_name, struct buf *ret_pem, struct err *err) WARN_UNUSED;

enum crypto_cert_use { CRYPTO_CERT_CA, CRYPTO_CERT_SERVER, CRYPTO_CERT_CLIENT, CRYPTO_CERT_SIGN };

struct crypto_cert_request {
	struct str csr_pem;      /* its signature is checked, its extensions are ignored */
	const char *common_name; /* replaces the request's name */
	enum crypto_cert_use use;
	const char *const *dns_names; /* SERVER: NULL-terminated; entries that parse as IP become IP names */
	usec_t not_before, not_after;
};

/* Servers only (not built on Windows). Signs with the CA's certificate and key (both PEM); CA certificates: self-signed
 * when ca_cert_pem is empty. */
int crypto_cert_issue(const struct crypto_cert_request *req, struct str ca_cert_pem, const struct crypto_key *ca_key,
		      struct buf *ret_pem, struct err *err) WARN_UNUSED;

struct crypto_cert_info {
	char common_name[128];
	char serial_hex[44];
	char sha256_hex[SHA256_HEX_SIZE]; /* of the DER */
	usec_t not_before, not_after;
	bool is_ca;
	bool for_server, for_client; /* extended key usage names it, or the certificate has none */
};
/* PEM (the first certificate in it) or DER. -EINVAL crypto.cert_invalid and the PEM errors. */
int crypto_cert_info(struct str cert, struct crypto_cert_info *ret, struct err *err) WARN_UNUSED;
/* The public key in a certificate (PEM or DER). */
int crypto_cert_key(struct str cert, struct crypto_key **ret, struct err *err) WARN_UNUSED;
/* Was the certificate issued by (one of) this CA, and are both valid at `at`? -EBADMSG when not: crypto.cert_issuer,
 * crypto.cert_time, crypto.cert_critical. What it may be used for is the caller's question (crypto_cert_info). */
int crypto_cert_verify(struct str cert, struct str ca_pem, usec_t at, struct err *err) WARN_UNUSED;
