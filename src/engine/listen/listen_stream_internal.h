/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Connections of the stream listener: each belongs to one thread (its worker). */
#pragma once
#include "engine/listen/listen_frame.h"
#include "engine/listen/listen_internal.h"

struct listen_tls_session; /* listen_tls.c */

enum listen_state { LISTEN_HANDSHAKE, LISTEN_OPEN, LISTEN_STRANGER };

struct listen_connection {
	int fd;
	struct event_address peer;
	struct listen_tls_session *tls; /* NULL: plain */
	char fingerprint[65];           /* of the certificate it showed; "" none */
	enum listen_state state;
	struct event_sender sender;     /* OPEN */
	struct listen_framer framer;
	struct buf in;                  /* what is no whole message yet */
	/* Monotonic. message_since: when the unfinished one began, 0: none. paused_until: over its rate, 0: not. */
	usec_t opened, heard, message_since, paused_until;
	struct listen_connection *next, *previous;
};

/* The result of a read: > 0 bytes, 0 the end, or one of these. */
#define LISTEN_READ_LATER (-1)
#define LISTEN_READ_FAILED (-2)

struct http_tls;
/* NULL: GnuTLS would not. Owns nothing of fd. */
struct listen_tls_session *listen_tls_new(struct http_tls *tls, int fd, bool require_certificate);
void listen_tls_free(struct listen_tls_session *s);
/* 1: done, and *fingerprint is filled when a certificate was shown; LISTEN_READ_LATER; LISTEN_READ_FAILED (err: listen.tls). */
int listen_tls_handshake(struct listen_tls_session *s, char fingerprint[65], struct err *err);
/* Does it wait to write rather than to read? */
bool listen_tls_wants_write(const struct listen_tls_session *s);
ssize_t listen_tls_read(struct listen_tls_session *s, void *out, size_t n);
/* Decrypted already, so that the socket would not tell. */
bool listen_tls_pending(const struct listen_tls_session *s);

/* What all threads of a listener share about who is connected. */
struct listen_peers;
struct listen_peers *listen_peers_new(unsigned max, unsigned max_per_address);
void listen_peers_free(struct listen_peers *p);
/* false: over a limit. */
bool listen_peers_add(struct listen_peers *p, const struct event_address *peer);
void listen_peers_remove(struct listen_peers *p, const struct event_address *peer);
