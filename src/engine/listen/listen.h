/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * listen: takes syslog over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425) and hands it to the pipeline, which has it
 * on disk before more is read from the same thread.
 *
 * Who sends is told by the certificate shown (its fingerprint) or by the address; who is not known is refused and
 * listed among the pipeline's strangers, or taken as the source "unknown". What is lost is counted: by the kernel before
 * we read (SO_RXQ_OVFL), by a full spool (UDP), over a rate limit (UDP). TCP and TLS wait instead: nothing is read, so
 * the sender's queue fills. None of the three protocols acknowledges, so what a dying server had read and not yet on disk
 * (a few milliseconds' worth) is lost; what must arrive comes over HTTP or by an agent.
 *
 * Does not live here: what a message means (engine/event), files and the journal (listen_tail.h, listen_journal.h).
 * Threads: start, stop and set_certificate from one; each listener has threads of its own. Linux only.
 */
#pragma once
#include "engine/event_pipeline/event_pipeline.h"

#define LISTEN_ANY_PORT (-1)
#define LISTEN_UNKNOWN_SOURCE "unknown"

struct listen;

struct listen_config {
	struct event_pipeline *events; /* borrowed */
	const char *address;           /* to bind, "0.0.0.0", "::" */
	int udp_port, tcp_port, tls_port; /* 0: none; LISTEN_ANY_PORT: a free one (tests) */
	const char *cert_pem, *key_pem; /* of the TLS listener; copied */
	bool require_certificate;      /* TLS: only senders whose certificate is registered */
	bool accept_unknown;           /* into the source "unknown", at most 1000 a second from all together */
	unsigned tcp_threads;          /* 0: 2 */
	unsigned max_connections;      /* 0: 4096; of TCP and TLS each */
	unsigned max_per_address;      /* 0: 64 */
	unsigned idle_s;               /* 0: 3600; a connection that says nothing for longer is closed */
	unsigned message_s;            /* 0: 60; so long a message may take from its first byte to its last */
	unsigned linger_ms;            /* 0: 5; how long messages wait for others, to share a write to disk */
};

/* Errors: system.call (bind, …), http.bad_address, http.tls_config. */
int listen_start(const struct listen_config *config, struct listen **ret, struct err *err) WARN_UNUSED;
/* What was read is on disk when it returns (unless the spool is full). */
void listen_stop(struct listen *l);
/* New TLS connections use it. */
int listen_set_certificate(struct listen *l, const char *cert_pem, const char *key_pem, struct err *err) WARN_UNUSED;
/* The port taken; 0: no such listener. */
unsigned listen_port(const struct listen *l, enum event_via via);
/* Can it be bound? For --check-config. `datagram`: UDP. */
int listen_check(const char *address, unsigned port, bool datagram, struct err *err) WARN_UNUSED;
