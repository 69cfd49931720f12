/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Sets of folders: what is watched, what is left out. Threads: a set is constant once made. */
#pragma once
#include "base/mem/mem.h"

struct agent_paths {
	char **items; /* without a separator at the end, NULL-terminated */
	size_t count;
};

/* Copies; on Linux links in the given paths are resolved where they exist. */
void agent_paths_init(struct agent_paths *p, const struct str *items, size_t count);
void agent_paths_done(struct agent_paths *p);
bool agent_paths_equal(const struct agent_paths *a, const struct agent_paths *b);
/* The member that is `path` or lies above it, or NULL. */
const char *agent_paths_above(const struct agent_paths *p, struct str path);
/* Watched and not left out. */
bool agent_paths_wants(const struct agent_paths *watched, const struct agent_paths *excluded, struct str path);
