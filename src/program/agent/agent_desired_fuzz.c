/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What a server, or somebody in its place, answers to a check-in: refused, or within the limits. */
#include <assert.h>

#include "program/agent/agent_checkin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct agent_desired d;
	if (agent_desired_parse(arena, str_n(data, size), &d, NULL) >= 0)
		assert(d.interval_s >= 5 && d.interval_s <= 86400 && d.watch_paths.count <= AGENT_PATHS_MAX &&
		       d.excluded_paths.count <= AGENT_PATHS_MAX && d.command_count <= AGENT_DESIRED_COMMANDS_MAX);
	return 0;
}
