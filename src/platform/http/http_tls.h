/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The server's side of TLS over GnuTLS: credentials that can be replaced while
 * connections live, session tickets, client certificates. For platform/http and engine/listen only.
 *
 * Each connection holds a reference on the credentials it began with.
 * Threads: http_tls_* from any; a session belongs to its loop thread.
 */
#pragma once
#include <gnutls/gnutls.h>

#include "base/err/err.h"

struct http_tls; /* what lasts: ticket key, current credentials */
struct http_tls_cred;

#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

int http_tls_new(const char *cert_pem, const char *key_pem, const char *client_ca_pem, struct http_tls **ret,
                 struct err *err) WARN_UNUSED;
void http_tls_free(struct http_tls *tls);
/* New sessions use this pair; the client CA stays. */
int http_tls_replace(struct http_tls *tls, const char *cert_pem, const char *key_pem, struct err *err) WARN_UNUSED;
/* Puts current credentials, tickets (when wanted) and the certificate request into a new session. Give the result back with
 * _release. */
struct http_tls_cred *http_tls_attach(struct http_tls *tls, gnutls_session_t session, bool tickets);
void http_tls_release(struct http_tls_cred *cred);
/* The peer's certificate when it chains to the client CA; *ret_refused: there was one that does not. */
void http_tls_client_cert(gnutls_session_t session, struct buf *ret_der, bool *ret_refused);
