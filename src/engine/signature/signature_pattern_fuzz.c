/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdlib.h>

#include "engine/signature/signature_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Two bytes of kind and flags, a pattern up to a zero, and data to look in. What is taken must open. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(signature_pattern_set) struct signature_pattern_set *set = NULL;
	cleanup_buf struct buf section = BUF_INIT(1 << 24);
	struct signature_patterns patterns;
	struct signature_matches matches;
	uint32_t id;
	if (size < 3 || size > 4096 || signature_pattern_set_new(&set, NULL) < 0)
		return 0;
	size_t n = str_find_char(str_n(&data[2], size - 2), '\0');
	n = n == SIZE_MAX ? size - 2 : n;
	const struct signature_pattern p = {.kind = (enum signature_pattern_kind)(data[0] % SIGNATURE_PATTERN__COUNT), .flags = data[1],
	                                    .text = &data[2], .text_len = n, .xor_min = 1, .xor_max = 255};
	if (signature_pattern_set_add(set, &p, &id, NULL) < 0 || signature_pattern_set_write(set, &section, NULL) < 0)
		return 0;
	if (signature_patterns_open(&patterns, section.p, section.n, NULL) < 0)
		abort();
	void *scratch = calloc(1, signature_patterns_scratch_size(&patterns));
	if (scratch == NULL || signature_patterns_scan(&patterns, &data[2], size - 2, scratch, &matches) < 0)
		abort();
	free(scratch);
	return 0;
}
