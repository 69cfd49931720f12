/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Keeping the signatures up to date, on a thread of its own: a slow line must not keep the check-in, commands or isolation
 * waiting. What the server wants comes with each check-in; chunks come from neighbours (agent_share.h) or the
 * server, the whole container from servers that know no chunks. What is installed and how it gets there: engine/malware.
 *
 * Threads: any; the callbacks come from the updating thread.
 */
#pragma once
#include "program/agent/agent_checkin.h"
#include "program/agent/agent_protect.h"
#include "program/agent/agent_share.h"

struct agent_update;

struct agent_update_config {
	const char *state_dir;          /* identity.json is read there before each update */
	struct agent_protect *protect;
	struct agent_share *share;      /* NULL: neighbours are not asked */
	void (*installed)(void *ctx);   /* new signatures are loaded */
	void *ctx;
	void (*step)(void *ctx, const char *what); /* malware_bundle_update.step; NULL but in tests */
};
struct agent_update *agent_update_start(const struct agent_update_config *config);
/* Breaks off; what was fetched stays for the next time. */
void agent_update_stop(struct agent_update *u);
/* What the server wants; an older version than ours is never fetched. One that did not verify is tried again after an hour. Waits up to
 * `patience` for an update that is quick. */
void agent_update_want(struct agent_update *u, const struct agent_desired *desired, usec_t patience);

struct agent_update_state {
	uint64_t wanted;              /* version; 0: nothing is wanted or it is installed */
	bool busy;
	char problem[ERR_KEY_SIZE];   /* why the last try ended; "": well */
	uint64_t centre_bytes, site_bytes, resumed; /* fetched since the start, packed; chunks that an earlier try had left */
};
void agent_update_state(struct agent_update *u, struct agent_update_state *ret);
