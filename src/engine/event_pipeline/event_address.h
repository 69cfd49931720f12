/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_address: an IP address or network that a sender is known by. IPv4 is kept as IPv4-mapped IPv6 (RFC 4291
 * section 2.5.5.2), so that one table holds both.
 *
 * Threads: values.
 */
#pragma once
#include "base/err/err.h"

#define EVENT_ADDRESS_TEXT 50 /* the longest, with "/128" and the end */

/* All zero: none. */
struct event_address {
	unsigned char ip[16];
	unsigned char prefix; /* bits, 0..128; of IPv4 96 + its own */
	bool set;
};

/* "10.1.2.3", "10.1.0.0/16", "2001:db8::/32". Bits past the prefix must be zero: who writes 10.1.2.3/16 may mean either.
 * -EINVAL (event.bad_address: value). */
int event_address_parse(struct str text, struct event_address *ret, struct err *err) WARN_UNUSED;
/* Whole addresses without their prefix. Returns buf. */
const char *event_address_text(const struct event_address *a, char buf[EVENT_ADDRESS_TEXT]);
/* Bits past the prefix are zero. */
bool event_address_is_clean(const struct event_address *a);
/* Cuts to the first `prefix` bits. */
struct event_address event_address_network(const struct event_address *a, unsigned prefix);
/* A peer's address (struct sockaddr_in or sockaddr_in6); others give none. Linux only. */
struct sockaddr;
struct event_address event_address_of_peer(const struct sockaddr *peer);
