/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the listeners share. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "engine/listen/listen.h"

#define LISTEN_ROUND_BYTES ((size_t)8 << 20)
#define LISTEN_ROUND_MESSAGES 20000
#define LISTEN_FULL_PAUSE_MS 100 /* a full spool is tried again after */

/* ---- rate limits, shared by all threads ---- */

struct listen_rates;
struct listen_rates *listen_rates_new(void);
void listen_rates_free(struct listen_rates *r);
/* How many of `wanted` events pass now. Senders without a limit: all, without a lock. */
uint64_t listen_rate_pass(struct listen_rates *r, const struct event_sender *s, uint64_t wanted, usec_t now);
/* All are there already: charges them. Returns how long to wait before more is read; 0: not at all. */
usec_t listen_rate_charge(struct listen_rates *r, const struct event_sender *s, uint64_t events, usec_t now);

/* ---- who it is ---- */

/* The sender of that certificate fingerprint ("" none) or address; `unknown` when the setting takes everybody. */
bool listen_identify(const struct listen_config *config, const struct event_address *peer, const char *fingerprint, usec_t now,
                     struct event_sender *ret);

/* Taken only because the setting says so. */
bool listen_is_unknown(const struct event_sender *s);

/* ---- messages on their way to disk: one thread's ---- */

struct listen_round {
	const struct listen_config *config;
	enum event_via via;
	const atomic_bool *stopping;
	bool may_drop; /* when the spool is full; else it is waited for */
	struct buf bytes;
	size_t *ends;  /* of each text in bytes */
	const struct event_sender **senders;
	size_t count;
	struct arena *arena; /* the senders */
	const struct event_sender *last;
	usec_t began;  /* monotonic: when the first came; 0: empty */
	struct str *texts; /* for the call */
};
void listen_round_init(struct listen_round *r, const struct listen_config *config, enum event_via via, const atomic_bool *stopping);
void listen_round_done(struct listen_round *r);
/* Copies both. The round must not be full. */
void listen_round_add(struct listen_round *r, const struct event_sender *sender, struct str text);
bool listen_round_full(const struct listen_round *r);
/* Is it time? */
bool listen_round_due(const struct listen_round *r, usec_t now);
/* Returns when all is on disk, dropped (may_drop, counted), or the end was asked for. Empty afterwards. */
void listen_round_commit(struct listen_round *r);

/* ---- the listeners ---- */

struct listen_udp;
int listen_udp_start(const struct listen_config *config, struct listen_rates *rates, struct listen_udp **ret, struct err *err) WARN_UNUSED;
void listen_udp_stop(struct listen_udp *u);
unsigned listen_udp_port(const struct listen_udp *u);

struct http_tls;
struct listen_stream;
/* `tls` NULL: plain TCP. Borrowed. */
int listen_stream_start(const struct listen_config *config, struct listen_rates *rates, struct http_tls *tls, int port,
                        unsigned threads, struct listen_stream **ret, struct err *err) WARN_UNUSED;
void listen_stream_stop(struct listen_stream *s);
unsigned listen_stream_port(const struct listen_stream *s);

/* listen_socket.c. port LISTEN_ANY_PORT: any. *ret_port: the one taken. */
int listen_socket(const char *address, int port, bool datagram, int *ret_fd, unsigned *ret_port, struct err *err) WARN_UNUSED;
