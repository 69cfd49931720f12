/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/distribution/distribution_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct distribution_chunk *chunks = mem_alloc_array(DISTRIBUTION_PAGE_RECORDS, sizeof(*chunks));
	struct distribution_chunk wanted = {.size_bytes = size > 0 ? (uint32_t)data[0] * 257 : 1};
	size_t count;
	cleanup_buf struct buf out = BUF_INIT(DISTRIBUTION_CHUNK_MOST);
	(void)!distribution_read_page(str_n(data, size), 0, chunks, DISTRIBUTION_PAGE_RECORDS, &count, NULL);
	(void)!distribution_unpack(str_n(data, size), &wanted, &out, NULL);
	mem_free(chunks);
	return 0;
}
