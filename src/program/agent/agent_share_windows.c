/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* There is no TLS server for agents on Windows yet: nobody is found here, and the server is asked. */
#include "program/agent/agent_share.h"

struct agent_share *agent_share_start(const struct agent_identity *id)
{
	(void)id;
	return NULL;
}

void agent_share_stop(struct agent_share *s)
{
	(void)s;
}

void agent_share_allow(struct agent_share *s, bool allowed)
{
	(void)s;
	(void)allowed;
}

void agent_share_offer(struct agent_share *s, const char *container_path, uint64_t version, const char *manifest_hex)
{
	(void)s;
	(void)container_path;
	(void)version;
	(void)manifest_hex;
}

void agent_share_want(struct agent_share *s, uint64_t version, const char *manifest_hex)
{
	(void)s;
	(void)version;
	(void)manifest_hex;
}

enum agent_share_turn agent_share_turn(struct agent_share *s, struct agent_share_peer **ret_peer)
{
	(void)s;
	*ret_peer = NULL;
	return AGENT_SHARE_OURS;
}

void agent_share_fetching(struct agent_share *s, bool fetching)
{
	(void)s;
	(void)fetching;
}

int agent_share_head(struct agent_share_peer *peer, const char *manifest_hex, struct buf *out, struct err *err)
{
	(void)peer;
	(void)manifest_hex;
	(void)out;
	return err_set(err, -EAGAIN, "agent.share_refused", ARG_I64("status", 0));
}

int agent_share_chunk(struct agent_share_peer *peer, const char *name_hex, struct buf *out, struct err *err)
{
	return agent_share_head(peer, name_hex, out, err);
}

void agent_share_peer_done(struct agent_share_peer *peer, bool good)
{
	(void)peer;
	(void)good;
}

void agent_share_state(struct agent_share *s, struct agent_share_state *ret)
{
	(void)s;
	*ret = (struct agent_share_state){.allowed = false};
}
