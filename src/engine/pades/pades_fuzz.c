/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A file of any bytes: refused, or its signatures are told; never one that is called good, since nobody is trusted. */
#include <assert.h>

#include "engine/pades/pades.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct pades_report report;
	const struct pades_trust trust = {.now = 1800000000 * USEC_PER_SEC};
	if (pades_verify(arena, str_n(data, size), &trust, &report, NULL) == 0)
		for (size_t i = 0; i < report.count; i++)
			assert(!pades_is_good(&report.signatures[i]));
	return 0;
}
