/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * factor: what proves that a person is there besides a password: time-based
 * codes (TOTP, RFC 6238, through liboath), passkeys (W3C Web Authentication
 * Level 2, through libfido2) and the QR code that carries a TOTP secret into a
 * telephone (libqrencode).
 *
 * Does not live here: who has which factor, tries, storage (service/account).
 * Servers only. Threads: any.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"

/* ---- codes that change with time: SHA-1, 6 digits, 30 s, what every authenticator app takes ---- */

#define FACTOR_TOTP_SECRET_SIZE 20
#define FACTOR_TOTP_DIGITS 6

/* The step (Unix time / 30 s) that the digits belong to, within one step of `at` and later than `after` (steps that were
 * used); -1 when none. Every candidate is compared, in constant time. */
int64_t factor_totp_check(const unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct str digits, usec_t at, int64_t after);
/* RFC 4648 base32 without padding: what is typed where no camera is. */
void factor_totp_secret_text(const unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct buf *out);
/* otpauth://totp/ISSUER:ACCOUNT?…; both are percent-encoded. */
void factor_totp_uri(const unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct str issuer, struct str account,
                     struct buf *out);

/* The path ("M0 0h7v1h-7z…") of an SVG whose side is *ret_size modules, without the quiet zone (four modules a side,
 * the page's matter). -E2BIG (factor.qr_too_long). */
int factor_qr_path(struct str text, unsigned *ret_size, struct buf *ret_path, struct err *err) WARN_UNUSED;

/* ---- passkeys: ES256 only, user verification always; attestation is neither asked for nor judged ---- */

#define FACTOR_KEY_SIZE 64           /* x and y of the P-256 point */
#define FACTOR_CREDENTIAL_ID_MAX 512 /* bytes; the standard allows 1023, authenticators use up to 256 */
#define FACTOR_CHALLENGE_SIZE 32

/* What the server expects of this ceremony; everything borrowed. */
struct factor_ceremony {
	struct str challenge; /* the bytes that were given to the browser */
	struct str origin;    /* "https://soc.example:8443" */
	const char *rp_id;    /* "soc.example" */
};

struct factor_key {
	unsigned char public_key[FACTOR_KEY_SIZE];
	unsigned char credential_id[FACTOR_CREDENTIAL_ID_MAX];
	size_t credential_id_size;
	uint32_t sign_count;
};

/* A new passkey: section 7.1 of the standard, with the authenticator data as the browser gives it
 * (getAuthenticatorData). -EINVAL: factor.client_data, factor.challenge, factor.origin, factor.rp,
 * factor.user_verification, factor.key_kind. */
int factor_key_register(const struct factor_ceremony *c, struct str client_data, struct str authenticator_data,
                        struct factor_key *ret, struct err *err) WARN_UNUSED;
/* A use of it: section 7.2. Also -EINVAL factor.signature, and factor.counter when the counter did not grow (a copied
 * authenticator; one that stays at 0 does not count). */
int factor_key_assert(const struct factor_ceremony *c, const struct factor_key *key, struct str client_data,
                      struct str authenticator_data, struct str signature, uint32_t *ret_sign_count,
                      struct err *err) WARN_UNUSED;
