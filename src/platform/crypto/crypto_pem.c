/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* PEM, strict form of RFC 7468: one label, base64 lines, nothing else between the two markers. */
#include "base/mem/mem.h"
#include "platform/crypto/crypto_internal.h"

static struct str marker(char *array, size_t size, const char *word, const char *label)
{
	struct buf b = BUF_FIXED(array, size);
	buf_printf(&b, "-----%s %s-----", word, label);
	return buf_str(&b);
}

static bool decode_body(struct str body, struct buf *ret_der)
{
	cleanup_buf_secret struct buf tight = BUF_INIT(CRYPTO_PEM_LIMIT);
	struct str line;
	/* Room at once: growing would leave copies of a secret behind. */
	if (!buf_reserve(&tight, body.n) || !buf_reserve(ret_der, body.n))
		return false;
	while (str_split(&body, '\n', &line))
		buf_append(&tight, str_trim(line));
	return tight.n > 0 && !tight.overflow && buf_append_base64_decoded(ret_der, buf_str(&tight)) && ret_der->n > 0;
}

int crypto_pem_next(struct str pem, const char *label, size_t *at, struct buf *ret_der, struct err *err)
{
	char begin_array[64], end_array[64];
	struct str begin = marker(begin_array, sizeof(begin_array), "BEGIN", label);
	struct str end = marker(end_array, sizeof(end_array), "END", label);
	if (pem.n > CRYPTO_PEM_LIMIT)
		return err_set(err, -E2BIG, "crypto.pem_too_big", ARG_U64("limit", CRYPTO_PEM_LIMIT));
	struct str rest = str_sub(pem, *at, pem.n);
	size_t from = str_find(rest, begin);
	if (from == SIZE_MAX)
		return err_set(err, -ENOENT, "crypto.pem_missing", ARG_CSTR("label", label));
	rest = str_sub(rest, from + begin.n, rest.n);
	size_t to = str_find(rest, end);
	if (to == SIZE_MAX || !decode_body(str_sub(rest, 0, to), ret_der))
		return err_set(err, -EINVAL, "crypto.pem_broken", ARG_CSTR("label", label));
	*at += from + begin.n + to + end.n;
	return 0;
}

int crypto_pem_decode(struct str pem, const char *label, struct buf *ret_der, struct err *err)
{
	size_t at = 0;
	int r = crypto_pem_next(pem, label, &at, ret_der, err);
	if (r != -ENOENT)
		return r;
	if (err != NULL)
		err->code = -EINVAL;
	return -EINVAL;
}

void crypto_pem_encode(struct buf *out, const char *label, struct str der)
{
	cleanup_buf_secret struct buf text = BUF_INIT(CRYPTO_PEM_LIMIT * 2);
	(void)buf_reserve(&text, der.n * 2);
	buf_append_base64(&text, der.p, der.n);
	buf_printf(out, "-----BEGIN %s-----\n", label);
	for (size_t at = 0; at < text.n; at += 64) {
		buf_append(out, str_sub(buf_str(&text), at, at + 64));
		buf_append_char(out, '\n');
	}
	buf_printf(out, "-----END %s-----\n", label);
}
