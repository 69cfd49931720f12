/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* An image of any bytes, with a checksum that fits: what opens must run. */
#include "engine/signature/signature_image.h"

static bool on_hit(void *ctx, const struct signature_hit *hit)
{
	struct signature_found f;
	(void)ctx;
	return signature_hit_string(hit, 0, 0, &f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signature_image *image cleanup(signature_image) = NULL;
	struct buf copy cleanup_buf = BUF_INIT(SIGNATURE_IMAGE_MAX);
	struct image_head head;
	buf_append(&copy, str_n(data, size));
	if (size >= sizeof head) {
		memcpy(&head, copy.p, sizeof head);
		head.size = size;
		head.checksum = signature_image_checksum(str_n(copy.p + sizeof head, size - sizeof head));
		memcpy(copy.p, &head, sizeof head);
	}
	if (signature_image_open(copy.p, copy.n, &image, NULL) < 0)
		return 0;
	struct signature_scanner *scanner cleanup(signature_scanner) = signature_scanner_new(image);
	(void)signature_scan(scanner, data, size < 4096 ? size : 4096, NULL, 0, on_hit, NULL);
	return 0;
}
