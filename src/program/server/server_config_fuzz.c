/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct server_config config = {0};
	(void)!server_config_parse(arena, str_n(data, size), &config, NULL);
	return 0;
}
