/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Any bytes as an exported log: refused, or a verdict with its place. */
#include <assert.h>

#include "service/audit/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audit_verdict v;
	if (audit_verify_file(str_n(data, size), NULL, &v, NULL) == 0)
		assert(v.ok || (v.bad_number > 0 && v.reason != NULL) || v.records == 0);
	return 0;
}
