/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct table_rows rows;
	if (table_rows_begin(&rows, str_n(data, size), NULL) == 0)
		while (table_rows_next(&rows, NULL) > 0)
			(void)table_rows_cell(&rows, 1);
	return 0;
}
