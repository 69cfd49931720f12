/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Whatever an archive claims: it ends, within its limits. */
#include <assert.h>

#include "program/scand/scand.h"

static bool look(void *ctx, const uint8_t *data, size_t len, struct str path)
{
	(void)ctx;
	assert(data != NULL && len > 0 && len <= SCAND_ARCHIVE_MEMBER && path.n > 0);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scand_archive a = {.packed = size, .member_most = 1 << 20, .on_member = look};
	(void)scand_archive_walk(&a, data, size);
	assert(a.members <= SCAND_ARCHIVE_MEMBERS && a.unpacked <= size * SCAND_ARCHIVE_RATIO + (1 << 20));
	return 0;
}
