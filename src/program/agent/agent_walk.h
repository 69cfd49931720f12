/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Walking a tree to find what is bad in it; one implementation a system. Threads: callbacks one at a time. */
#pragma once
#include "engine/malware/malware_scan.h"

struct agent_walk_options {
	bool (*exclude)(void *ctx, struct str path);
	/* A file in which something was found; it has not been acted on. */
	void (*on_found)(void *ctx, const char *path);
	/* Now and then; false: end early. */
	bool (*on_progress)(void *ctx, uint64_t done, uint64_t listed, struct str path);
	void *ctx;
};
struct agent_walk_totals {
	uint64_t files, found, errors;
};
/* -ECANCELED when on_progress ended it; -ENOENT agent.scan_missing. */
int agent_walk(struct malware_scanner *scanner, const char *path, const struct agent_walk_options *options,
               struct agent_walk_totals *ret, struct err *err) WARN_UNUSED;
