/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * agent_firewall: cutting this machine off from the network, and taking that
 * back. What stays open: loopback, the server's addresses and ports, name
 * servers when the server is known by name, DHCP, neighbour discovery.
 *
 * Linux: an nftables table of our own, "inet luytre_isolation", replaced as one
 * transaction through /usr/sbin/nft (nft(8)); other tables are left alone, and a
 * packet that ours drops no other can let through. Windows: a provider and a
 * sublayer of our own in the Windows Filtering Platform, persistent.
 *
 * Does not live here: when and for how long (agent_isolation.h).
 * Threads: one at a time.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/str/str.h"

#define AGENT_FIREWALL_SERVERS 32
#define AGENT_FIREWALL_RESOLVERS 8
#define AGENT_FIREWALL_ADDRESS 46 /* an address as text, without zone */

struct agent_firewall_peer {
	char address[AGENT_FIREWALL_ADDRESS];
	uint16_t port;
};

struct agent_firewall_rules {
	struct agent_firewall_peer servers[AGENT_FIREWALL_SERVERS];
	size_t server_count;
	char resolvers[AGENT_FIREWALL_RESOLVERS][AGENT_FIREWALL_ADDRESS];
	size_t resolver_count; /* 0: no names are asked for */
};

/* The system's, or a test's. */
struct agent_firewall {
	void *ctx;
	/* Can this machine be cut off at all? -ENOTSUP agent.isolation_no_nft, agent.isolation_not_allowed. */
	int (*able)(void *ctx, struct err *err);
	/* All at once, in place of what stood before; nothing changes when it fails. -EIO agent.isolation_firewall (text). */
	int (*apply)(void *ctx, const struct agent_firewall_rules *rules, struct err *err);
	/* 0 also when nothing stood. */
	int (*lift)(void *ctx, struct err *err);
	/* 1: it stands as it was applied; 0: somebody changed or removed it. */
	int (*check)(void *ctx, struct err *err);
};
extern const struct agent_firewall agent_firewall_system;

/* Adds the addresses of "https://host:port" (asks the name service), and the name servers when host is a name. -EINVAL
 * agent.isolation_address, -EAGAIN agent.isolation_unresolved (host). */
int agent_firewall_add_server(struct agent_firewall_rules *rules, const char *url, struct err *err) WARN_UNUSED;
/* The system's name servers. */
void agent_firewall_add_resolvers(struct agent_firewall_rules *rules);
/* Address only, numbers checked: what a state file says is not trusted to be one. */
bool agent_firewall_is_address(const char *text, bool *ret_v6);
/* Linux: the text for "nft -f -". */
void agent_firewall_write(const struct agent_firewall_rules *rules, struct buf *out);
