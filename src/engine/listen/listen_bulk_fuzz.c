/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdlib.h>

#include "engine/listen/listen_bulk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct listen_bulk b;
	if (listen_bulk_parse(arena, str_n(data, size), STR("x"), &b, NULL) == 0 && b.good > b.count)
		abort();
	return 0;
}
