/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "base/str/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf plain cleanup_buf = BUF_INIT(1 << 20), again cleanup_buf = BUF_INIT(1 << 20);
	if (!buf_append_base64_decoded(&plain, str_n(data, size)))
		return 0;
	buf_append_base64(&again, plain.p, plain.n);
	struct buf back cleanup_buf = BUF_INIT(1 << 20);
	assert(buf_append_base64_decoded(&back, buf_str(&again)) && str_eq(buf_str(&plain), buf_str(&back)));
	return 0;
}
