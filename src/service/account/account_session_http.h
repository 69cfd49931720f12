/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/account: handlers of sign-in, session, factor and set-up routes, their bodies, and what they share. */
#pragma once
#include "service/account/account_factor.h"

struct account_login_body {
	struct str login, password;
};
/* A second step, and a passkey alone: a code, or the four parts of an assertion. */
struct account_second_body {
	struct str ticket, code, credential_id, client_data, authenticator_data, signature;
};
struct account_password_body {
	struct str old_password, new_password;
};
struct account_setup_body {
	struct str code, login, display_name, password, city_name;
};
/* Changing factors: the password, where signing in was a while ago. */
struct account_factor_body {
	struct str password, code, kind, name, ticket, client_data, authenticator_data;
	struct uuid id;
};

struct account_paper_body {
	int64_t count;
};
extern const struct json_field account_login_fields[], account_second_fields[], account_password_fields[],
	account_setup_fields[], account_factor_fields[], account_paper_fields[];

/* ---- throttling (account_throttle.c) ---- */

struct account_throttle {
	const struct service_context *sc;
	struct str key;
	int64_t free; /* attempts without a wait */
	usec_t first; /* wait after those; doubles */
};
struct account_attempt {
	struct account_throttle login, peer;
};
/* -EAGAIN (account.throttled, 429) while one has to wait. `login`: empty where no account is known. */
int account_attempt_begin(const struct api_request *req, struct str login, struct account_attempt *ret,
                          struct err *err) WARN_UNUSED;
/* The good attempt does not count; those of others from the same address stay. */
int account_attempt_end(struct db_tx *tx, const struct account_attempt *a, struct err *err) WARN_UNUSED;

/* ---- one signing in ---- */

struct account_signing {
	struct api_request *req;
	struct account_attempt attempt;
	struct account_row account;
	struct access access;
	struct account_factors factors;
	struct account_ticket ticket;
	const char *hash, *factor;
	bool proven;
	char cookie[ACCOUNT_COOKIE_SIZE];
};
struct access account_access_of(const struct api_request *req, const struct account_row *a);
int account_answer_signed_in(struct account_signing *s, struct http_response *res, int status, struct err *err) WARN_UNUSED;
/* The session of this request: 1 found. */
int account_session_current(struct db_tx *tx, const struct api_request *req, struct account_session_row *ret,
                            struct err *err) WARN_UNUSED;
int account_session_end_current(struct db_tx *tx, const struct api_request *req, struct err *err) WARN_UNUSED;

/* ---- handlers ---- */

int account_get_setup(struct api_request *req, struct http_response *res, struct err *err);
int account_post_setup(struct api_request *req, struct http_response *res, struct err *err);
int account_post_login(struct api_request *req, struct http_response *res, struct err *err);
int account_post_second(struct api_request *req, struct http_response *res, struct err *err);
int account_post_passkey_options(struct api_request *req, struct http_response *res, struct err *err);
int account_post_passkey(struct api_request *req, struct http_response *res, struct err *err);
int account_post_logout(struct api_request *req, struct http_response *res, struct err *err);
int account_get_session(struct api_request *req, struct http_response *res, struct err *err);
int account_post_password(struct api_request *req, struct http_response *res, struct err *err);
int account_get_sessions(struct api_request *req, struct http_response *res, struct err *err);
int account_delete_session(struct api_request *req, struct http_response *res, struct err *err);
int account_delete_sessions(struct api_request *req, struct http_response *res, struct err *err);
/* One's own factors (account_factor_http.c). */
int account_get_factors(struct api_request *req, struct http_response *res, struct err *err);
int account_post_totp(struct api_request *req, struct http_response *res, struct err *err);
int account_post_totp_confirm(struct api_request *req, struct http_response *res, struct err *err);
int account_post_recovery(struct api_request *req, struct http_response *res, struct err *err);
int account_post_key_options(struct api_request *req, struct http_response *res, struct err *err);
int account_post_key(struct api_request *req, struct http_response *res, struct err *err);
int account_post_factor_remove(struct api_request *req, struct http_response *res, struct err *err);
/* Helping others to sign in (account_help_http.c). */
int account_help_sessions(struct api_request *req, struct http_response *res, struct err *err);
int account_help_end_session(struct api_request *req, struct http_response *res, struct err *err);
int account_help_end_sessions(struct api_request *req, struct http_response *res, struct err *err);
int account_help_password(struct api_request *req, struct http_response *res, struct err *err);
int account_help_paper(struct api_request *req, struct http_response *res, struct err *err);
int account_help_remove_factors(struct api_request *req, struct http_response *res, struct err *err);
int account_help_contact(struct api_request *req, struct http_response *res, struct err *err);
