/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>
#include <string.h>

#include "engine/event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new((size_t)64 << 20);
	struct event e;
	struct err why = {0}, other = {0};
	int r = event_flatten(arena, str_n(data, size), NULL, &e, &why);
	assert(event_check(str_n(data, size), NULL, &other) == r && strcmp(why.key, other.key) == 0);
	if (r == 0)
		for (size_t i = 0; i < e.count; i++)
			assert(e.fields[i].name.n <= 512 && e.fields[i].value.n <= size);
	arena_free(arena);
	return 0;
}
