/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/http/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct str path = STR_EMPTY, input = str_n(data, size);
	struct http_fields fields = {0};
	if (http_parse_target(arena, input, &path, &fields.query, NULL) >= 0 &&
	    (path.p[0] != '/' || str_find(path, STR("/../")) != SIZE_MAX || str_find_char(path, '\0') != SIZE_MAX))
		__builtin_trap();
	http_parse_cookies(arena, input, &fields.cookies);
	arena_free(arena);
	return 0;
}
