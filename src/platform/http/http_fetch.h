/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * http_fetch: one file by HTTPS from somebody else's server (libcurl): the system's certificates, at most five redirects and
 * only to HTTPS, a limit of bytes and of time, and not again what has not changed.
 *
 * Does not live here: who may reach out (the program's settings and sandbox), talking to our own servers (http_client.h).
 * Threads: any. Linux only.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

#define HTTP_FETCH_ETAG_SIZE 200

struct http_fetch {
	const char *url;    /* https://… */
	const char *etag;   /* of what is here already; NULL or "": nothing */
	const char *ca_pem; /* instead of the system's certificates; NULL: those */
	size_t limit_bytes;
	unsigned timeout_s; /* 0: 300; of the whole exchange */
};
/*
 * 1: the bytes are appended, and the entity tag is in ret_etag ("" when there is none); 0: not changed. -EINVAL fetch.url,
 * fetch.status (status); -E2BIG fetch.too_big (limit_mb); -EACCES fetch.tls (reason); -EAGAIN fetch.unreachable (reason).
 */
int http_fetch(const struct http_fetch *what, struct buf *out, char ret_etag[HTTP_FETCH_ETAG_SIZE], struct err *err) WARN_UNUSED;
