/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "platform/pack/pack.h"
#include "platform/pack/pack_fuzz_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena cleanup(arena) = arena_new(64 << 20);
	struct buf out cleanup_buf = BUF_INIT(1 << 24);
	const struct json_limits limits = {.depth = 33};
	const struct pack_doc *doc;
	const struct json *again;
	struct err err = {0};
	if (pack_parse(arena, "x", str_n(data, size), &doc, &err) < 0) {
		assert(err.key[0] != '\0' && err.place[0] == 'x');
		return 0;
	}
	/* Whatever YAML gave must be JSON. */
	struct json_writer w = json_writer_init(&out);
	json_tree(&w, doc->root);
	assert(json_parse(arena, buf_str(&out), &limits, &again, NULL) == 0);
	return 0;
}
