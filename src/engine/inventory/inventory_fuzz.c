/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/inventory/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT((size_t)1 << 20);
	struct json_writer w = json_writer_init(&out);
	uint64_t left_out = 0;
	json_array(&w);
	inventory_dpkg(str_n(data, size), &w, 10000, &left_out);
	json_array_end(&w);
	inventory_os_release(str_n(data, size), "NAME", &out);
	buf_done(&out);
	return 0;
}
