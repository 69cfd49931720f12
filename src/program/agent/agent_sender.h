/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Carries the spool to the events listener: batches with their epoch and first
 * sequence, removed from the spool after 200 only. Works on a thread of its own,
 * begins at once when a report comes, backs off while the server is away.
 */
#pragma once
#include "program/agent/agent_identity.h"
#include "program/agent/agent_spool.h"

struct agent_sender;

int agent_sender_start(const struct agent_identity *id, struct agent_spool *spool, struct agent_sender **ret,
                       struct err *err) WARN_UNUSED;
void agent_sender_stop(struct agent_sender *s);
/* The server answers again: what waits is tried now. */
void agent_sender_kick(struct agent_sender *s);
/* The last error's key ("" when the last batch was taken), and since when it holds. */
void agent_sender_state(struct agent_sender *s, char key[ERR_KEY_SIZE], usec_t *ret_since);
