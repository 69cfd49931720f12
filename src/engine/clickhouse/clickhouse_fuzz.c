/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "engine/clickhouse/clickhouse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clickhouse_statement s;
	struct err err;
	int strict = clickhouse_statement_read(str_n(data, size), true, &s, &err);
	int loose = clickhouse_statement_read(str_n(data, size), false, &s, NULL);
	assert(strict < 0 || loose == 0);
	assert(clickhouse_exception_code(str_n(data, size)) >= 0);
	return 0;
}
