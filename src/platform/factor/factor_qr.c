/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <qrencode.h>

#include "base/mem/mem.h"
#include "platform/factor/factor.h"

#define TEXT_MAX 1000

/* Runs of dark modules, line by line: a tenth of the bytes that single squares would take. */
static void draw(const QRcode *code, struct buf *out)
{
	int side = code->width;
	for (int y = 0; y < side; y++) {
		for (int x = 0, end; x < side; x = end + 1) {
			for (end = x; end < side && (code->data[y * side + end] & 1) != 0; end++)
				continue;
			if (end > x)
				buf_printf(out, "M%d %dh%dv1h-%dz", x, y, end - x, end - x);
		}
	}
}

int factor_qr_path(struct str text, unsigned *ret_size, struct buf *ret_path, struct err *err)
{
	char plain[TEXT_MAX + 1];
	if (text.n == 0 || text.n > TEXT_MAX)
		return err_set(err, -E2BIG, "factor.qr_too_long", ARG_I64("most", TEXT_MAX));
	str_copy_c(text, plain, sizeof plain);
	QRcode *code = QRcode_encodeString8bit(plain, 0, QR_ECLEVEL_M);
	mem_wipe(plain, sizeof plain);
	if (code == NULL)
		return err_set(err, -E2BIG, "factor.qr_too_long", ARG_I64("most", TEXT_MAX));
	draw(code, ret_path);
	*ret_size = (unsigned)code->width;
	mem_wipe(code->data, (size_t)code->width * (size_t)code->width);
	QRcode_free(code);
	return 0;
}
