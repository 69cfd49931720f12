/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Agents of one site give each other signatures, so that a slow line carries them once.
 *
 * Each agent tells its local networks by UDP broadcast (port 8447) what it wants, is fetching, or has; the datagram is signed with the
 * agent's key and carries its certificate, which must chain to our CA. Chunks go over TLS (port 8446) with the agents' certificates on
 * both sides. Nothing a neighbour says is believed: heads are signed, chunks are named by their hash.
 *
 * Whose turn it is: those who want a version wait a moment to hear of each other; the one whose id hashes lowest with
 * the version asks the server, the others wait while it says that it is fetching, and take it from whoever has it. One that falls silent is
 * forgotten after AGENT_SHARE_SILENT.
 *
 * Linux; on Windows nobody is found, and the server is asked (agent_share_windows.c). Threads: any.
 */
#pragma once
#include "base/clock/clock.h"
#include "program/agent/agent_identity.h"

#define AGENT_SHARE_UDP_PORT 8447
#define AGENT_SHARE_TLS_PORT 8446
#define AGENT_SHARE_SILENT (15 * USEC_PER_SEC)

struct agent_share;

/* NULL when this system or its network does not let us: logged, and the server is asked. */
struct agent_share *agent_share_start(const struct agent_identity *id);
void agent_share_stop(struct agent_share *s);
/* The server's policy: false closes both ports. */
void agent_share_allow(struct agent_share *s, bool allowed);
/* What can be given from now on: the container file of a loaded bundle. */
void agent_share_offer(struct agent_share *s, const char *container_path, uint64_t version, const char *manifest_hex);

/* For one update, from its thread. */
void agent_share_want(struct agent_share *s, uint64_t version, const char *manifest_hex);
enum agent_share_turn {
	AGENT_SHARE_OURS,  /* ask the server */
	AGENT_SHARE_WAIT,  /* ask again in a moment */
	AGENT_SHARE_PEER,  /* *ret_peer has it; give it back with agent_share_peer_done */
};
struct agent_share_peer;
enum agent_share_turn agent_share_turn(struct agent_share *s, struct agent_share_peer **ret_peer);
void agent_share_fetching(struct agent_share *s, bool fetching);
/* Append to out. -EAGAIN and others of http_client_do; agent.share_refused (status). */
int agent_share_head(struct agent_share_peer *peer, const char *manifest_hex, struct buf *out, struct err *err) WARN_UNUSED;
int agent_share_chunk(struct agent_share_peer *peer, const char *name_hex, struct buf *out, struct err *err) WARN_UNUSED;
/* good: false: not asked again for a minute. */
void agent_share_peer_done(struct agent_share_peer *peer, bool good);

struct agent_share_state {
	bool allowed;
	unsigned peers;            /* heard of lately */
	uint64_t given_bytes;      /* to neighbours, packed */
	uint64_t strangers;        /* datagrams that were not from an agent of ours */
};
void agent_share_state(struct agent_share *s, struct agent_share_state *ret);
