/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What an agent, or somebody who says so, sends: a token, and a check-in with an inventory. */
#include "service/endpoint/endpoint_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	const struct json *root = NULL;
	struct endpoint_report report;
	struct endpoint_description description = {.has_addresses = false};
	unsigned char hash[SHA256_SIZE];
	(void)!endpoint_token_hash(str_n(data, size), hash, NULL);
	if (json_parse(arena, str_n(data, size), NULL, &root, NULL) < 0)
		return 0;
	endpoint_describe(arena, json_get(root, "inventory"), &description);
	(void)endpoint_machine_key(arena, json_get(root, "machine"));
	(void)!endpoint_report_read(arena, root, &report, NULL);
	return 0;
}
