/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The query of a list: cursor, sort, limit, search words. */
#include "platform/http/http_parse.h"
#include "service/api/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct api_sort sorts[] = {{"path", "u.path", DB_TYPE_TEXT, false}, {"at", "u.at", DB_TYPE_INT, true}, {.name = NULL}};
	cleanup(arena) struct arena *arena = arena_new(0);
	struct http_fields fields = {.headers.count = 0};
	struct http_request http = {.arena = arena, .connection = &fields};
	struct api_request req = {.http = &http, .arena = arena};
	struct api_list list;
	if (http_parse_target(arena, str_n(data, size), &http.path, &fields.query, NULL) == 0 && api_list_begin(&req, sorts, &list, NULL) == 0)
		api_list_search(&list, &req, "u.search_key");
	return 0;
}
