/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "engine/inflate/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const encodings[] = {"gzip", "deflate", "zstd"};
	for (size_t i = 0; i < 3; i++) {
		struct buf out = BUF_INIT((size_t)1 << 20);
		int r = inflate_body(str_c(encodings[i]), str_n(data, size), &out, NULL);
		assert(r <= 0 && out.n <= out.max);
		buf_done(&out);
	}
	return 0;
}
