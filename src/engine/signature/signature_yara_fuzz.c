/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A rule text: whatever is taken makes an image that opens and runs. */
#include <assert.h>

#include "engine/signature/signature.h"

static bool on_hit(void *ctx, const struct signature_hit *hit)
{
	(void)ctx;
	return hit->rule % 2 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct signature_build_options options = {.externals = signature_externals_usual, .external_count = SIGNATURE_EXTERNALS_USUAL};
	struct signature_build *build cleanup(signature_build) = signature_build_new(&options);
	struct signature_image *image cleanup(signature_image) = NULL;
	struct buf out cleanup_buf = BUF_INIT((size_t)1 << 28);
	if (signature_build_yara(build, STR("s"), "t.yar", str_n(data, size), NULL) < 0 || signature_build_finish(build, &out, NULL) < 0)
		return 0;
	assert(signature_image_open(out.p, out.n, &image, NULL) == 0);
	struct signature_scanner *scanner cleanup(signature_scanner) = signature_scanner_new(image);
	(void)signature_scan(scanner, data, size, NULL, 0, on_hit, NULL);
	return 0;
}
