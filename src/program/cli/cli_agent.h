/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Asks the running agent, over the control socket beside its quarantine, to give
 * back or delete an item: the agent reports it and lets a restored file alone, which
 * it would otherwise take away again at once.
 */
#pragma once
#include "base/err/err.h"
#include "base/uuid/uuid.h"

/* 1: done by the agent. 0: no agent runs with this store. Negative: it refused. */
int cli_agent_restore(const char *store, const struct uuid *id, const char *to, bool overwrite, struct err *err) WARN_UNUSED;
int cli_agent_delete(const char *store, const struct uuid *id, struct err *err) WARN_UNUSED;
/* The agent whose bundles lie in `store` takes a bundle file. 1: installed; 0: no agent runs there. */
int cli_agent_import(const char *store, const char *file, struct err *err) WARN_UNUSED;
