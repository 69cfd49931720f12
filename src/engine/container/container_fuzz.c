/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A file of any bytes: refused, or its manifest fits it. */
#include <assert.h>

#include "engine/container/container_fuzz_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str left = str_n(data, size);
	const struct container_source source = {.ctx = &left, .read = fuzz_read};
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct container_manifest m = {0};
	if (container_read(&source, NULL, arena, &m, NULL) == 0)
		assert(m.about->type == JSON_OBJECT && m.text.n > 0);
	return 0;
}
