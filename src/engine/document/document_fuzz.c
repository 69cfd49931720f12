/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A template of any bytes: refused, or a document in HTML. */
#include "engine/document/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)512 << 20);
	cleanup_buf struct buf html = BUF_INIT(DOCUMENT_FILE_MAX);
	const struct json *tree = NULL;
	const struct document *d = NULL;
	if (json_parse(arena, STR("{\"a\": 1, \"b\": \"x*\\n\", \"l\": [1, {\"m\": [\"2026-01-05\"]}], \"n\": null}"), NULL, &tree, NULL) == 0 &&
	    document_new(arena, str_n(data, size), tree, &d, NULL) == 0)
		(void)!document_write(d, DOCUMENT_HTML, &html, NULL);
	return 0;
}
