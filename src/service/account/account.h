/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * account: people and machines, what roles they hold over which units, how
 * they sign in (passwords, sessions, tokens) and the first set-up.
 *
 * Roles are rows of the pack (packs/vn/roles.yaml) over one table of
 * permissions; a grant is role × unit subtree, optionally until a date, and
 * optionally restricted to one record (restrict_kind, restrict_id): a
 * restricted grant opens the route, and the service of that record asks
 * account_restricted() which ones.
 *
 * Does not live here: refusing requests (service/gate), scope of queries (service.h, service/api).
 * Threads: any.
 */
#pragma once
#include "service/service.h"

extern const struct service account_service;

#define ACCOUNT_COOKIE "__Host-luytre"
#define ACCOUNT_TOKEN_PREFIX "lt_"
#define ACCOUNT_COOKIE_SIZE 256
#define ACCOUNT_SETUP_CODE_SIZE 32

/* ---- people ---- */

struct account_new {
	struct str login, display_name, email, phone, position;
	struct uuid unit_id;
	struct str password; /* empty: cannot sign in yet */
	bool must_change;    /* the password is a first one, given by somebody else */
	bool sample;
};
/* Audited, in the caller's transaction. -EEXIST account.login_taken, -EINVAL account.login, account.password_*. */
int account_create(const struct service_context *sc, struct db_tx *tx, const struct access *access,
                   const struct account_new *a, struct uuid *ret_id, struct err *err) WARN_UNUSED;

struct account_grant {
	struct uuid account_id, unit_id;
	struct str role;
	usec_t expires_at;       /* 0: none */
	struct uuid restrict_id; /* for roles that are restricted; null: none named yet */
};
int account_add_grant(const struct service_context *sc, struct db_tx *tx, const struct access *access,
                      const struct account_grant *g, struct uuid *ret_id, struct err *err) WARN_UNUSED;

/* The sample's people (people.yaml); those whose login is there already are left alone. Marks set-up as done. */
int account_import_people(const struct service_context *sc, const struct access *access, const char *path,
                          struct str password, unsigned *ret_added, struct err *err) WARN_UNUSED;

/* Display name of a person, in the arena; "" when unknown. */
int account_name(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret, struct err *err) WARN_UNUSED;

/* Does an unexpired restricted grant carry the permission for this record? */
int account_restricted(struct db_tx *tx, const struct access *access, const char *permission, const char *kind,
                       const struct uuid *record, usec_t now, bool *ret, struct err *err) WARN_UNUSED;

/* Roles and permissions from <packs_dir>/vn/roles.yaml; also done at start. */
int account_load_roles(const struct service_context *sc, struct err *err) WARN_UNUSED;

/* ---- first start ---- */

/* Call after the services' start. When set-up has yet to be done, makes a one-time code, keeps its digest and
 * returns 1 with the code to print on the terminal; 0 when set-up is done. Codes of other processes stay valid. */
int account_setup_begin(const struct service_context *sc, char code[ACCOUNT_SETUP_CODE_SIZE], struct err *err) WARN_UNUSED;

/* ---- for service/gate: who is it ---- */

struct account_identity {
	struct access access; /* kind ANONYMOUS when nobody; texts in the arena */
	struct uuid session_id;
	bool must_change_password;
	bool must_add_factor; /* a role demands a second factor, and there is none yet */
	char set_cookie[ACCOUNT_COOKIE_SIZE]; /* Set-Cookie value when the secret was rotated, else "" */
};
/* Cookie value; an unknown or ended session is not an error but nobody. */
int account_from_session(const struct service_context *sc, struct arena *arena, struct str cookie,
                         struct account_identity *ret, struct err *err) WARN_UNUSED;
/* "lt_…". -EPERM account.bad_token when unknown, revoked or expired. */
int account_from_token(const struct service_context *sc, struct arena *arena, struct str token,
                       struct account_identity *ret, struct err *err) WARN_UNUSED;
/* An account as the one who asks, when it is not a request of its own; *ret_may_sign_in: a person, not disabled. */
int account_access(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct access *ret, bool *ret_may_sign_in,
                   struct err *err) WARN_UNUSED;
/* Is the session still good? For streams that outlive their request. */
int account_session_lives(const struct service_context *sc, const struct uuid *session_id, bool *ret,
                          struct err *err) WARN_UNUSED;

/* How the session of a request proved who it is: "totp", "passkey", "paper", …; "password" without a second factor, "token" when the
 * request has no session. In the arena. */
int account_session_factor(struct db_tx *tx, struct arena *arena, const struct http_request *http, struct str *ret,
                           struct err *err) WARN_UNUSED;

/* The accounts that hold a permission over a unit (null: over a root), for handing out events: calls fn with each. */
int account_each_reader(struct db_tx *tx, const char *permission, const struct uuid *unit_id, usec_t now,
                        void (*fn)(const struct uuid *account_id, void *ctx), void *ctx, struct err *err) WARN_UNUSED;

/* Live tokens whose account holds the permission, for the pipeline's snapshot. */
struct account_token_info {
	struct uuid token_id, account_id, unit_id; /* unit: where its grant lies */
	unsigned char digest[32];                  /* SHA-256 of the token's text */
	usec_t expires_at;                         /* 0: never */
};
int account_each_token(struct db_tx *tx, const char *permission, usec_t now,
                       void (*fn)(const struct account_token_info *t, void *ctx), void *ctx,
                       struct err *err) WARN_UNUSED;
