/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdlib.h>

#include "engine/signature/signature_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A section from outside: what opens can be scanned with, over its own bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signature_patterns patterns;
	struct signature_matches matches;
	uint8_t *section = malloc(size + 1);
	if (section == NULL)
		return 0;
	memcpy(section, data, size);
	if (signature_patterns_open(&patterns, section, size, NULL) == 0) {
		void *scratch = calloc(1, signature_patterns_scratch_size(&patterns));
		size_t n = size < 65536 ? size : 65536;
		if (scratch == NULL || signature_patterns_scan(&patterns, section, n, scratch, &matches) < 0)
			abort();
		for (uint32_t id = 0; id < 64; id++)
			(void)signature_patterns_regex_matches(&patterns, id, section, n, scratch);
		free(scratch);
	}
	free(section);
	return 0;
}
