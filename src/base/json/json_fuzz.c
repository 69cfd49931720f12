/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "base/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena cleanup(arena) = arena_new(64 << 20);
	struct buf once cleanup_buf = BUF_INIT(1 << 24), twice cleanup_buf = BUF_INIT(1 << 24);
	const struct json *first, *second;
	if (json_parse(arena, str_n(data, size), NULL, &first, NULL) < 0)
		return 0;
	struct json_writer w = json_writer_init(&once), again = json_writer_init(&twice);
	json_tree(&w, first);
	assert(json_parse(arena, buf_str(&once), NULL, &second, NULL) == 0);
	json_tree(&again, second);
	assert(str_eq(buf_str(&once), buf_str(&twice)));
	return 0;
}
