/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "base/text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once cleanup_buf = BUF_INIT(1 << 22), twice cleanup_buf = BUF_INIT(1 << 22);
	struct buf key cleanup_buf = BUF_INIT(1 << 22), order cleanup_buf = BUF_INIT(1 << 22);
	struct str s = str_n(data, size);
	if (text_nfc(s, &once, NULL) == 0)
		assert(text_nfc(buf_str(&once), &twice, NULL) == 0 && str_eq(buf_str(&once), buf_str(&twice)));
	text_search_key(s, &key);
	text_sort_key(s, &order);
	assert(text_is_utf8(buf_str(&key)) && text_is_utf8(buf_str(&order)));
	return 0;
}
