/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Canaries: every so many seconds, as long as the server wants them of this
 * machine, an event that says that spool, sender, network and all behind them
 * work; and whether the scanner finds the harmless sample that it is given
 * (engine/malware/malware_canary.h) in the same way as any file.
 *
 * One canary at most waits in the spool: a machine that is away for weeks does not fill it with them. Threads of its own: the
 * scanner may hang. Threads: any.
 */
#pragma once
#include "program/agent/agent_protect.h"
#include "program/agent/agent_spool.h"

struct agent_canary;
/* `wake`: called when canaries do not get through, so that the server is told on the other way. May be NULL. */
struct agent_canary *agent_canary_start(struct agent_protect *protect, struct agent_spool *spool, void (*wake)(void));
void agent_canary_stop(struct agent_canary *c);
/* What the check-in brought. interval 0: none. */
void agent_canary_set(struct agent_canary *c, usec_t interval, usec_t clock_offset);
/* The machine shuts down: the last one says so, so that its silence is no alarm. Waits at most two seconds for it to arrive. */
void agent_canary_goodbye(struct agent_canary *c);
