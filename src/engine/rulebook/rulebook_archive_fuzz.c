/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Any bytes as an archive: refused, or unpacked within the limits. */
#include <assert.h>

#include "engine/rulebook/rulebook_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)512 << 20);
	struct rulebook_files files = {.arena = arena};
	if (rulebook_unpack(STR("a.yml"), str_n(data, size), &files, NULL) >= 0)
		assert(files.unpacked <= RULEBOOK_UNPACKED_MAX && files.count <= RULEBOOK_RULES_MAX);
	return 0;
}
