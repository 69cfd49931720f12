/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The main loop, shared by the Linux daemon and the Windows service. */
#pragma once
#include "program/agent/agent_core.h"

/* Checks in until told to stop. */
void agent_run_loop(struct agent_core *core);
/* Runs until told to stop (agent_os_wait). agent_os_wait_setup was called before. */
int agent_run(const struct agent_core_options *options, struct err *err) WARN_UNUSED;
