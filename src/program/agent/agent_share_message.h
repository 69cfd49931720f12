/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What agents tell their local network: one datagram of at most AGENT_SHARE_MESSAGE_MOST bytes.
 *   "LTSHARE1\n"  u16 body size  u16 certificate size  u16 signature size (little endian)  body  certificate (DER)  signature
 * The body is JSON; the signature (ECDSA P-256, DER) is over "luytre-share-v1\n" and the body, by the certificate's key.
 * Threads: values.
 */
#pragma once
#include "base/clock/clock.h"
#include "platform/crypto/crypto.h"

#define AGENT_SHARE_MESSAGE_MOST 1400

struct agent_share_word {
	struct uuid id;                /* of the machine: its certificate's name */
	uint64_t sequence;             /* grows with each datagram: what was said before is not said again by others */
	uint16_t port;                 /* where chunks are given */
	char have[SHA256_HEX_SIZE];    /* manifest of what can be given; "": nothing */
	char want[SHA256_HEX_SIZE];    /* "": nothing */
	bool fetching;                 /* what it wants, from the server */
};

int agent_share_write(const struct agent_share_word *word, struct str cert_der, const struct crypto_key *key, struct buf *out,
                      struct err *err) WARN_UNUSED;
/* -EBADMSG agent.share_message (what): not one of ours, or not from an agent of this CA. */
/* The JSON alone; nothing is verified. -EBADMSG agent.share_message. */
int agent_share_read_body(struct str text, struct agent_share_word *ret, struct err *err) WARN_UNUSED;
int agent_share_read(struct str datagram, struct str ca_pem, usec_t now, struct agent_share_word *ret, struct err *err) WARN_UNUSED;
