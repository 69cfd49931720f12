/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/csv/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new(16 << 20);
	struct csv csv;
	if (csv_begin(&csv, arena, str_n(data, size), NULL) == 0)
		while (csv_next(&csv, arena, NULL) > 0)
			(void)csv_field(&csv, "name");
	return 0;
}
