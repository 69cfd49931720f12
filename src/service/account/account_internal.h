/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/account: rows, queries, secrets. */
#pragma once
#include "platform/crypto/crypto.h"
#include "platform/crypto/crypto_password.h"
#include "service/account/account.h"
#include "service/api/api.h"

#define ACCOUNT_LOGIN_MAX 64
#define ACCOUNT_NAME_MAX 200
#define ACCOUNT_PASSWORD_MIN 10 /* characters */
#define ACCOUNT_PASSWORD_MAX 256 /* bytes */

#define SESSION_IDLE (4 * USEC_PER_HOUR)
#define SESSION_ABSOLUTE (12 * USEC_PER_HOUR)
#define SESSION_ROTATE (1 * USEC_PER_HOUR)
#define SESSION_GRACE (60 * USEC_PER_SEC)
#define SESSION_SEEN_STEP (60 * USEC_PER_SEC) /* how exactly "last seen" is kept */

static inline usec_t account_now(const struct service_context *sc)
{
	return sc->now != NULL ? sc->now() : clock_now();
}

struct account_row {
	struct uuid id, unit_id;
	struct str kind, login, display_name, email, phone, position, password_hash; /* in the arena */
	bool must_change, disabled, sample;
	int64_t version;
	usec_t password_until; /* 0: for good */
};

/* Columns of an account row; by id, or by login when id is NULL. -ENOENT (api.not_found). */
int account_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str login,
                   struct account_row *ret, struct err *err) WARN_UNUSED;
int account_db_insert(struct db_tx *tx, const struct account_row *a, usec_t now, struct err *err) WARN_UNUSED;
/* Names, contact, unit, disabled; version + 1. */
int account_db_update(struct db_tx *tx, const struct account_row *a, struct err *err) WARN_UNUSED;
/* until: when a password given by somebody else ends; 0: for good. */
int account_db_set_password(struct db_tx *tx, const struct uuid *id, const char *hash, bool must_change, usec_t until,
                            struct err *err) WARN_UNUSED;
int account_db_bump(struct db_tx *tx, const struct uuid *id, struct err *err) WARN_UNUSED;

struct account_grant_row {
	struct uuid id, account_id, unit_id;
	struct str role;
};
int account_db_insert_grant(struct db_tx *tx, const struct uuid *id, const struct account_grant *g,
                            struct str restrict_kind, const struct access *by, usec_t now, struct err *err) WARN_UNUSED;
int account_db_get_grant(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct account_grant_row *ret,
                         struct err *err) WARN_UNUSED;
int account_db_delete_grant(struct db_tx *tx, const struct uuid *id, struct err *err) WARN_UNUSED;
/* How many grants of this account lie outside the units where the asking one holds account.manage. */
int account_db_grants_outside(struct db_tx *tx, const struct access *asking, const struct uuid *account_id, usec_t now,
                              int64_t *ret, struct err *err) WARN_UNUSED;
/* How many unexpired grants of administration over a root are left to accounts that can sign in. */
int account_db_root_managers(struct db_tx *tx, usec_t now, int64_t *ret, struct err *err) WARN_UNUSED;
/* How many rights of this account the asking one does not hold in the same unit. */
int account_db_rights_beyond(struct db_tx *tx, const struct access *asking, const struct uuid *account_id, usec_t now,
                             int64_t *ret, struct err *err) WARN_UNUSED;
/* Does the account hold account.manage over a root, and which? Would this role, granted there? */
int account_db_is_manager(struct db_tx *tx, const struct uuid *account_id, usec_t now, bool *ret, struct uuid *ret_unit,
                          struct err *err) WARN_UNUSED;
int account_db_role_manages(struct db_tx *tx, struct str role, const struct uuid *unit_id, bool *ret,
                            struct err *err) WARN_UNUSED;
int account_db_unit_open(struct db_tx *tx, const struct uuid *unit_id, struct err *err) WARN_UNUSED;

struct account_role_row {
	struct str role, label_vi, label_en, shell, restrict_kind;
	bool needs_expiry, for_machines, second_factor;
	const struct str *permissions;
	size_t permission_count;
};
int account_db_replace_roles(struct db *db, const struct account_role_row *roles, size_t count,
                             struct err *err) WARN_UNUSED;
/* -EINVAL (account.role_unknown). Without permissions. */
int account_db_role(struct db_tx *tx, struct arena *arena, struct str role, struct account_role_row *ret,
                    struct err *err) WARN_UNUSED;

/* Sessions. */
struct account_session_row {
	struct uuid id, account_id;
	usec_t previous_until, rotated_at, created_at, seen_at;
	bool by_previous; /* found by the digest before the last rotation */
	bool has_factor;  /* signed in with more than the password */
};
int account_db_session_add(struct db_tx *tx, const struct account_session_row *s,
                           const unsigned char digest[SHA256_SIZE], struct str peer, struct str user_agent,
                           const char *factor, struct err *err) WARN_UNUSED;
/* 1 found, 0 not. */
int account_db_session_find(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], struct account_session_row *ret,
                            struct err *err) WARN_UNUSED;
int account_db_session_by_id(struct db_tx *tx, const struct uuid *id, struct account_session_row *ret,
                             struct err *err) WARN_UNUSED;
int account_db_session_seen(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err) WARN_UNUSED;
/* 0 when another request rotated first. */
int account_db_session_rotate(struct db_tx *tx, const struct uuid *id, const unsigned char from[SHA256_SIZE],
                              const unsigned char to[SHA256_SIZE], usec_t now, struct err *err) WARN_UNUSED;
int account_db_session_end(struct db_tx *tx, const struct uuid *account_id, const struct uuid *id,
                           struct err *err) WARN_UNUSED;
/* All sessions of an account but one (null: all). */
int account_db_sessions_end(struct db_tx *tx, const struct uuid *account_id, const struct uuid *but,
                            struct err *err) WARN_UNUSED;
int account_db_signed_in(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err) WARN_UNUSED;

/* Throttling. */
int account_db_throttle_get(struct db_tx *tx, struct str key, int64_t *ret_failures, usec_t *ret_last,
                            struct err *err) WARN_UNUSED;
int account_db_throttle_set(struct db_tx *tx, struct str key, int64_t failures, usec_t now, struct err *err) WARN_UNUSED;

/* Tokens. */
int account_db_token_add(struct db_tx *tx, const struct uuid *id, const struct uuid *account_id, struct str name,
                         const unsigned char digest[SHA256_SIZE], const struct access *by, usec_t now,
                         usec_t expires_at, struct err *err) WARN_UNUSED;
/* 1 a live token: its account. */
int account_db_token_find(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], usec_t now, struct uuid *ret_token,
                          struct uuid *ret_account, usec_t *ret_used, struct err *err) WARN_UNUSED;
int account_db_token_used(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err) WARN_UNUSED;
/* The unit of its grant and its name; -ENOENT when unknown or revoked. */
int account_db_token_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct uuid *ret_unit,
                         struct str *ret_name, struct err *err) WARN_UNUSED;
int account_db_token_revoke(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err) WARN_UNUSED;

/* Set-up. */
int account_db_setup_needed(struct db_tx *tx, bool *ret, struct err *err) WARN_UNUSED;
int account_db_setup_code_add(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], usec_t now,
                              struct err *err) WARN_UNUSED;
int account_db_setup_code_known(struct db_tx *tx, const unsigned char digest[SHA256_SIZE], bool *ret,
                                struct err *err) WARN_UNUSED;
/* -EEXIST (account.setup_done) the second time. */
int account_db_setup_close(struct db_tx *tx, usec_t now, struct err *err) WARN_UNUSED;
int account_db_first_root(struct db_tx *tx, struct uuid *ret, struct err *err) WARN_UNUSED;
/* Drops what has ended long ago. */
int account_db_clean(struct db_tx *tx, usec_t now, struct err *err) WARN_UNUSED;

/* Pages (account_list_db.c). */
int account_db_list(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
int account_db_show(struct api_request *req, struct http_response *res, int status, const struct uuid *id,
                    struct err *err) WARN_UNUSED;
int account_db_list_roles(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
int account_db_list_tokens(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
int account_db_list_sessions(struct api_request *req, struct http_response *res, const struct uuid *account_id,
                             const struct uuid *current, struct err *err) WARN_UNUSED;
/* The session object of the signed-in account. */
int account_db_session_object(struct api_request *req, struct http_response *res, const struct access *who,
                              bool must_change, struct err *err) WARN_UNUSED;

/* Rules (account.c). */
int account_check_password(struct str password, struct str login, struct err *err) WARN_UNUSED;
/* NFC, then Argon2id. */
int account_hash_password(struct str password, char out[PASSWORD_HASH_SIZE], struct err *err) WARN_UNUSED;
bool account_verify_password(const struct account_row *a, struct str password);
int account_tell(const struct service_context *sc, struct db_tx *tx, const struct access *access, const char *action,
                 const struct uuid *account_id, const struct uuid *unit_id, struct str details,
                 struct err *err) WARN_UNUSED;
/* May the asking account change this one: its unit, and all that it has been granted? */
int account_require_manage(struct db_tx *tx, const struct api_request *req, const struct account_row *a,
                           struct err *err) WARN_UNUSED;
/* A person's account that the asking one may see; -ENOENT. */
int account_get_person(struct db_tx *tx, const struct api_request *req, const struct uuid *id, struct account_row *ret,
                       struct err *err) WARN_UNUSED;
/* May the asking account help this one to sign in again? account.reset over its unit; and it manages it, or holds all that
 * it holds: helping must not be a way up. Never oneself: that would be a way around the old password. */
int account_require_reset(struct db_tx *tx, const struct api_request *req, const struct account_row *a,
                          struct err *err) WARN_UNUSED;
/* -EBUSY (account.last_manager) when nobody could manage the tree any more. */
int account_check_managers_left(struct db_tx *tx, usec_t now, struct err *err) WARN_UNUSED;

/* Sessions (account_session.c). */
int account_session_start(const struct service_context *sc, struct db_tx *tx, const struct http_request *http,
                          const struct uuid *account_id, const char *factor, char set_cookie[ACCOUNT_COOKIE_SIZE],
                          struct err *err) WARN_UNUSED;
extern const char account_cookie_gone[];
/* "word" of random letters without look-alikes, in groups: for codes and one-time passwords. */
void account_random_word(char *out, size_t groups);
/* People copy codes with blanks, dashes and capitals: the letters and digits only, in small letters. Empty when too long. */
struct str account_plain_code(struct str code, char plain[ACCOUNT_SETUP_CODE_SIZE]);
/* Makes the key file that seals stored secrets, when it is not there. */
int account_key_ensure(const struct service_context *sc, struct err *err) WARN_UNUSED;

/* Four eyes (account_deed.c). */
extern const struct service_four_eyes account_eyes_change, account_eyes_grant, account_eyes_revoke, account_eyes_unfactor;

extern const struct service_route account_routes[];
