/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * http client: one request at a time over a kept connection. Linux: libcurl;
 * Windows: WinHTTP. Used by the agent, the command line and the event-store client.
 *
 * TLS: the server is verified against `ca_pem` only when it is set (our own CA;
 * the system's store otherwise); a client certificate is optional. Proxies of the
 * environment are not used, redirects not followed.
 * Threads: a client belongs to one thread at a time. Portable.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"

struct http_client;

struct http_client_config {
	const char *base_url;   /* "https://host:8445" or "http://localhost" with unix_path; kept by copy */
	const char *unix_path;  /* connect here instead (Linux) */
	const char *ca_pem;
	const char *client_cert_pem;
	const char *client_key_pem;
	unsigned connect_timeout_s; /* 0: 10 */
	unsigned timeout_s;         /* 0: 60; whole exchange */
	size_t response_limit_bytes; /* 0: 16 MiB */
	bool verify_name_off;        /* accept any name in the server's certificate (chain still checked): only where the
	                                server is known by CA alone, such as agents addressed by IP */
	bool peer_is_client;         /* the server shows a client's certificate: agents among themselves. Not on Windows */
	bool verify_off;             /* trust nobody and check nothing: only to fetch what proves itself by other means
	                                (the CA certificate, against the fingerprint in an enrolment token) */
};

struct http_client_request {
	const char *method; /* NULL: GET, or POST when there is a body */
	const char *path;   /* begins with "/" */
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	struct str body;
	const char *content_type;
	/* Asked about once a second while waiting, from the caller's thread: true breaks off (-ECANCELED, http.cancelled). NULL:
	 * never. Not on Windows. */
	bool (*gone)(const void *ctx);
	const void *gone_ctx;
};

struct http_client_response {
	int status;
	struct buf body;
	char etag[80];
	char content_type[80];
	char retry_after[16];
	struct buf set_cookie; /* first Set-Cookie value; for the command line */
};

int http_client_new(const struct http_client_config *config, struct http_client **ret, struct err *err) WARN_UNUSED;
void http_client_free(struct http_client *client);
/* 0: an HTTP answer came, whatever its status. Negative: none did; -EAGAIN could not connect or broke off
 * (http.unreachable), -ETIMEDOUT, -EPROTO, -EACCES (http.tls_untrusted). *res is cleared first; free with _done. */
int http_client_do(struct http_client *client, const struct http_client_request *req, struct http_client_response *res,
                   struct err *err) WARN_UNUSED;
void http_client_response_done(struct http_client_response *res);
static inline void http_client_freep(struct http_client **c)
{
	if (*c != NULL)
		http_client_free(*c);
}
