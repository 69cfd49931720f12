/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Private to service/account: second factors. Time-based codes, passkeys, one's
 * own recovery codes and the paper codes that an officer of the city prints;
 * tickets that tie the steps of one sign-in together.
 */
#pragma once
#include "platform/factor/factor.h"
#include "service/account/account_internal.h"

#define ACCOUNT_RECOVERY_CODES 10
#define ACCOUNT_PAPER_CODES_MAX 50
#define ACCOUNT_PAPER_LIFE (365 * USEC_PER_DAY)
#define ACCOUNT_PASSKEYS_MAX 10
#define ACCOUNT_CODE_SIZE 16 /* "abcd-efgh-jkmn" */
#define ACCOUNT_TICKET_LIFE (5 * USEC_PER_MINUTE)
#define ACCOUNT_TICKET_TRIES 10
#define ACCOUNT_TICKET_SIZE 64
/* So long after signing in nobody is asked for the password again before changing factors. */
#define ACCOUNT_FRESH (10 * USEC_PER_MINUTE)

/* ---- rows ---- */

struct account_factors {
	bool totp;
	int64_t recovery_left, paper_left, passkeys;
};
static inline bool account_has_factor(const struct account_factors *f)
{
	/* Recovery codes alone are what is left of a factor, not one. */
	return f->totp || f->passkeys > 0 || f->paper_left > 0;
}
int account_db_factors(struct db_tx *tx, const struct uuid *account_id, usec_t now, struct account_factors *ret,
                       struct err *err) WARN_UNUSED;
/* Does an unexpired grant's role demand one? Sample accounts are never asked. */
int account_db_factor_demanded(struct db_tx *tx, const struct uuid *account_id, usec_t now, bool *ret,
                               struct err *err) WARN_UNUSED;

int account_db_totp_put(struct db_tx *tx, const struct uuid *account_id, struct str sealed, usec_t now,
                        struct err *err) WARN_UNUSED;
/* 1: found. `sealed` in the arena. */
int account_db_totp_get(struct db_tx *tx, struct arena *arena, const struct uuid *account_id, struct str *ret_sealed,
                        int64_t *ret_last_step, usec_t *ret_confirmed_at, struct err *err) WARN_UNUSED;
/* 1: this call took the step; 0: it was used in the meantime. Also confirms. */
int account_db_totp_step(struct db_tx *tx, const struct uuid *account_id, int64_t step, usec_t now,
                         struct err *err) WARN_UNUSED;
int account_db_totp_remove(struct db_tx *tx, const struct uuid *account_id, struct err *err) WARN_UNUSED;

int account_db_code_add(struct db_tx *tx, const struct uuid *account_id, const char *kind,
                        const unsigned char digest[SHA256_SIZE], usec_t now, usec_t expires_at, struct err *err) WARN_UNUSED;
/* 1: this call used it up. */
int account_db_code_use(struct db_tx *tx, const struct uuid *account_id, const unsigned char digest[SHA256_SIZE], usec_t now,
                        struct err *err) WARN_UNUSED;
int account_db_codes_remove(struct db_tx *tx, const struct uuid *account_id, const char *kind, struct err *err) WARN_UNUSED;

struct account_passkey {
	struct uuid id, account_id;
	struct factor_key key;
	struct str rp_id, name;
};
int account_db_passkey_add(struct db_tx *tx, const struct account_passkey *p, usec_t now, struct err *err) WARN_UNUSED;
/* 1: found, strings in the arena. */
int account_db_passkey_find(struct db_tx *tx, struct arena *arena, struct str credential_id, struct account_passkey *ret,
                            struct err *err) WARN_UNUSED;
int account_db_passkey_used(struct db_tx *tx, const struct uuid *id, uint32_t from, uint32_t count, usec_t now,
                            struct err *err) WARN_UNUSED;
int account_db_passkey_remove(struct db_tx *tx, const struct uuid *account_id, const struct uuid *id,
                              struct err *err) WARN_UNUSED;
int account_db_passkeys_remove(struct db_tx *tx, const struct uuid *account_id, struct err *err) WARN_UNUSED;
/* Columns: id, name, rp_id, created_at, used_at. */
int account_db_passkey_list(struct db_tx *tx, const struct uuid *account_id, struct db_rows **ret, struct err *err) WARN_UNUSED;
/* "allowCredentials"/"excludeCredentials": an array of base64url ids of this site. */
int account_db_write_credentials(struct db_tx *tx, struct json_writer *w, const struct uuid *account_id, const char *rp_id,
                                 struct err *err) WARN_UNUSED;

/* ---- tickets ---- */

struct account_ticket {
	char text[ACCOUNT_TICKET_SIZE]; /* given to the browser, digest at rest */
	struct uuid account_id;
	unsigned char challenge[FACTOR_CHALLENGE_SIZE];
};
#define ACCOUNT_TICKET_SECOND "second"   /* the password was right */
#define ACCOUNT_TICKET_PASSKEY "passkey" /* nobody known yet */
#define ACCOUNT_TICKET_ADD "add"         /* a passkey is being made */
int account_ticket_open(const struct service_context *sc, struct db_tx *tx, const char *purpose,
                        const struct uuid *account_id, struct account_ticket *ret, struct err *err) WARN_UNUSED;
/* Counts a try in a transaction of its own. -EPERM account.ticket: unknown, too old, tried too often. */
int account_ticket_try(const struct service_context *sc, const char *purpose, struct str text, struct account_ticket *ret,
                       struct err *err) WARN_UNUSED;
/* -EPERM account.ticket when another request closed it first. */
int account_ticket_close(struct db_tx *tx, struct str text, struct err *err) WARN_UNUSED;
int account_db_ticket_add(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], const char *purpose,
                          const struct account_ticket *t, usec_t expires_at, struct err *err) WARN_UNUSED;
int account_db_ticket_try(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], const char *purpose, usec_t now,
                          struct account_ticket *ret, struct err *err) WARN_UNUSED;
int account_db_ticket_remove(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], struct err *err) WARN_UNUSED;

/* ---- rules ---- */

/* The server asks for second factors, a role of this account demands one, and there is none yet. */
int account_must_add_factor(const struct service_context *sc, struct db_tx *tx, const struct uuid *account_id, bool *ret,
                            struct err *err) WARN_UNUSED;

/* What was sent to prove the second factor; empty strings where it is the other kind. Base64url as browsers write it. */
struct account_proof {
	struct str code;
	struct str credential_id, client_data, authenticator_data, signature;
};
/* In the writing transaction, because a code is used up. Returns 1 and the name of the factor, 0 when it is not right. */
int account_prove_code(const struct service_context *sc, struct db_tx *tx, struct arena *arena,
                       const struct uuid *account_id, struct str code, const char **ret_factor, struct err *err) WARN_UNUSED;
/* Makes codes, writes them as a JSON array of texts, keeps digests. Replaces those of this kind. */
int account_make_codes(const struct service_context *sc, struct db_tx *tx, const struct uuid *account_id, const char *kind,
                       unsigned count, usec_t expires_at, struct buf *ret_json, struct err *err) WARN_UNUSED;
/* A new, unconfirmed secret, sealed at rest. */
int account_totp_begin(const struct service_context *sc, const struct uuid *account_id,
                       unsigned char secret[FACTOR_TOTP_SECRET_SIZE], struct err *err) WARN_UNUSED;
/* 1: the code belongs to the unconfirmed or confirmed secret, its step is used up now. */
int account_totp_use(const struct service_context *sc, struct db_tx *tx, struct arena *arena, const struct uuid *account_id,
                     struct str code, bool confirming, struct err *err) WARN_UNUSED;

/* Where passkeys belong: from the Host that the browser named, if the server is known by that name.
 * -EINVAL account.passkey_host: an address instead of a name, or a name that the server does not have. */
struct account_site {
	const char *rp_id;
	struct str origin;
};
int account_site(const struct api_request *req, struct account_site *ret, struct err *err) WARN_UNUSED;
/* The decoded parts in the arena. */
struct account_assertion {
	struct str credential_id, client_data, authenticator_data, signature;
};
int account_decode_assertion(struct arena *arena, const struct account_proof *proof, struct account_assertion *ret,
                             struct err *err) WARN_UNUSED;
/* Checks the assertion of a known passkey and notes its use. account: null when nobody is known yet. 1: right, *ret set. */
int account_prove_passkey(const struct api_request *req, struct db_tx *tx, const struct account_ticket *ticket,
                          const struct account_proof *proof, struct account_passkey *ret, struct err *err) WARN_UNUSED;
