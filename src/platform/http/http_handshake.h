/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * http_handshake: lets TLS handshakes wait for their clients without work.
 *
 * libmicrohttpd 0.9.75 with epoll never notes that a handshake has read all
 * there is: it calls gnutls_handshake again and again until the client sends
 * more, and one client that stops in the middle takes a whole processor. Here
 * the connection is suspended at that point, and resumed by a thread that
 * waits for all such descriptors. Private to platform/http.
 *
 * Threads: _watch and what GnuTLS calls: the connection's loop thread; `hold` runs on that one (true) or on the
 * waiting one (false).
 */
#pragma once
#include <gnutls/gnutls.h>

#include "base/err/err.h"

struct http_handshakes; /* of one server */

/* Part of a connection; lives as long. */
struct http_handshake {
	int fd;
	void (*hold)(void *ctx, bool hold); /* suspends or resumes the connection; must not fail */
	void *ctx;
	struct http_handshakes *all;
	bool done;                               /* loop thread */
	bool waiting;                            /* the lock of `all` */
	struct http_handshake *next, *previous;  /* likewise; while waiting */
};

int http_handshakes_new(struct http_handshakes **ret, struct err *err) WARN_UNUSED;
/* Lets all go; from now on none is held. */
void http_handshakes_end(struct http_handshakes *all);
/* After _end, when no connection is left. */
void http_handshakes_free(struct http_handshakes *all);
/* fd, hold and ctx are set. */
void http_handshake_watch(struct http_handshakes *all, struct http_handshake *h, gnutls_session_t session);
