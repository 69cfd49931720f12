/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The local control socket: HTTP on "<state>/control.sock", mode 0600 in a folder
 * of mode 0700: for root. Routes and shapes: docs/agent.md. Linux only.
 */
#pragma once
#include "program/agent/agent_core.h"

struct agent_control;
int agent_control_start(struct agent_core *core, const char *socket_path, struct agent_control **ret,
                        struct err *err) WARN_UNUSED;
void agent_control_stop(struct agent_control *c);
