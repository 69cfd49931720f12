/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * agent_sandbox: what the agent gives up on Linux. It watches, seals and gives
 * back files anywhere as root, and starts the scanner: a list of what is
 * allowed would be one of everything. So it keeps the privileges that these
 * need and no others, gains none, and never traces, mounts, loads modules or
 * sets the clock. Hostile bytes are read by luytre-scand, which keeps nothing.
 */
#pragma once
#include "base/err/err.h"

/* Before threads exist. */
int agent_sandbox_enter(struct err *err) WARN_UNUSED;
