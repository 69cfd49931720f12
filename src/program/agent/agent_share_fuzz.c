/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_share_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_share_word word = {.port = 0};
	(void)!agent_share_read(str_n(data, size), STR(""), 1, &word, NULL);
	(void)!agent_share_read_body(str_n(data, size), &word, NULL);
	return 0;
}
