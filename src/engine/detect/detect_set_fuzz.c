/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Any bytes: a set or refused; entries lie within the bytes. */
#include <assert.h>

#include "engine/detect/detect_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(detect_set) struct detect_set *s = NULL;
	if (detect_set_parse(str_n(data, size), &s, NULL) == 0)
		for (size_t i = 0; i < detect_set_count(s); i++)
			assert(detect_set_entry(s, i).body.n + detect_set_entry(s, i).name.n < size);
	return 0;
}
