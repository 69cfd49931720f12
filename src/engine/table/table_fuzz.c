/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A file of any bytes: refused, or its rows can be written and read again. */
#include <assert.h>

#include "engine/table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct buf rows = BUF_INIT((size_t)16 << 20), file = BUF_INIT((size_t)16 << 20);
	if (table_read(str_n(data, size), &rows, NULL) == 0 && rows.n < (size_t)1 << 20) {
		int r = table_write(buf_str(&rows), &file, NULL);
		assert(r == 0);
	}
	return 0;
}
