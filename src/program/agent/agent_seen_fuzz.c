/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What lies in the state folder, damaged as it may be: taken whole or not at all, and a report of it is within its bounds. */
#include <assert.h>

#include "program/agent/agent_seen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct agent_seen *s;
	if (s == NULL)
		s = agent_seen_new("/nonexistent/seen");
	size_t before = agent_seen_counts(s).places;
	bool taken = agent_seen_take(s, str_n(data, size));
	size_t after = agent_seen_counts(s).places;
	assert(after <= AGENT_SEEN_PLACES && (taken || after == before));
	return 0;
}
