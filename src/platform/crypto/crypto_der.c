/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/crypto/crypto_internal.h"

/* X.690, 8.1.3 and 10.1: shortest form only; four length bytes are more than any limit of ours. */
static bool der_length(struct cursor *c, size_t *ret)
{
	unsigned first = cursor_u8(c);
	if (first < 0x80) {
		*ret = first;
		return !c->failed;
	}
	unsigned count = first & 0x7f;
	if (count == 0 || count > 4)
		return false;
	size_t n = 0;
	for (unsigned i = 0; i < count; i++)
		n = n << 8 | cursor_u8(c);
	if (c->failed || n < 0x80 || (count > 1 && n >> (8 * (count - 1)) == 0))
		return false;
	*ret = n;
	return true;
}

bool crypto_der_next(struct cursor *c, unsigned *ret_tag, struct str *ret_body, struct str *ret_whole)
{
	size_t from = c->at, n = 0;
	if (c->failed)
		return false;
	unsigned tag = cursor_u8(c);
	/* 0x1f in the low bits announces a long tag, which nothing of ours uses. */
	if (c->failed || (tag & 0x1f) == 0x1f || !der_length(c, &n)) {
		c->at = from;
		c->failed = true;
		return false;
	}
	struct str body = cursor_take(c, n);
	if (c->failed) {
		c->at = from;
		return false;
	}
	*ret_tag = tag;
	*ret_body = body;
	if (ret_whole != NULL)
		*ret_whole = str_sub(c->s, from, c->at);
	return true;
}

static bool der_take_both(struct cursor *c, unsigned tag, struct str *ret_body, struct str *ret_whole)
{
	size_t from = c->at;
	unsigned found = 0;
	*ret_body = STR_EMPTY;
	*ret_whole = STR_EMPTY;
	if (!crypto_der_next(c, &found, ret_body, ret_whole))
		return false;
	if (found == tag)
		return true;
	c->at = from;
	c->failed = true;
	*ret_body = STR_EMPTY;
	*ret_whole = STR_EMPTY;
	return false;
}

struct str crypto_der_take(struct cursor *c, unsigned tag)
{
	struct str body, whole;
	(void)der_take_both(c, tag, &body, &whole);
	return body;
}

struct str crypto_der_take_whole(struct cursor *c, unsigned tag)
{
	struct str body, whole;
	(void)der_take_both(c, tag, &body, &whole);
	return whole;
}

bool crypto_der_accept(struct cursor *c, unsigned tag, struct str *ret_body)
{
	if (c->failed || cursor_peek(c) != (int)tag)
		return false;
	*ret_body = crypto_der_take(c, tag);
	return !c->failed;
}

struct str crypto_der_take_bits(struct cursor *c)
{
	struct str body = crypto_der_take(c, DER_BIT_STRING);
	if (body.n < 1 || body.p[0] != 0) {
		c->failed = true;
		return STR_EMPTY;
	}
	return str_sub(body, 1, body.n);
}

void crypto_der_put(struct buf *out, unsigned tag, struct str body)
{
	buf_append_char(out, (char)tag);
	if (body.n < 0x80) {
		buf_append_char(out, (char)body.n);
	} else {
		unsigned count = body.n > 0xffffff ? 4 : body.n > 0xffff ? 3 : body.n > 0xff ? 2 : 1;
		buf_append_char(out, (char)(0x80 | count));
		while (count-- > 0)
			buf_append_char(out, (char)(body.n >> (8 * count)));
	}
	buf_append(out, body);
}

void crypto_der_put_unsigned(struct buf *out, struct str bytes)
{
	char body[1 + 64] = {0};
	while (bytes.n > 1 && bytes.p[0] == 0)
		bytes = str_sub(bytes, 1, bytes.n);
	size_t pad = bytes.n == 0 || (bytes.p[0] & 0x80) != 0 ? 1 : 0;
	bytes = str_sub(bytes, 0, sizeof(body) - 1);
	if (bytes.n > 0)
		memcpy(body + pad, bytes.p, bytes.n);
	crypto_der_put(out, DER_INTEGER, str_n(body, bytes.n + pad));
}

void crypto_signature_put(struct buf *out, const unsigned char rs[CRYPTO_RS_SIZE])
{
	char array[80];
	struct buf body = BUF_FIXED(array, sizeof(array));
	crypto_der_put_unsigned(&body, str_n(rs, 32));
	crypto_der_put_unsigned(&body, str_n(rs + 32, 32));
	crypto_der_put(out, DER_SEQUENCE, buf_str(&body));
}

/* A positive INTEGER of at most 32 bytes in its shortest form, right-aligned. */
static bool take_scalar(struct cursor *c, unsigned char out[32])
{
	struct str n = crypto_der_take(c, DER_INTEGER);
	if (c->failed || n.n == 0 || (n.p[0] & 0x80) != 0)
		return false;
	if (n.n > 1 && n.p[0] == 0) {
		if ((n.p[1] & 0x80) == 0)
			return false;
		n = str_sub(n, 1, n.n);
	}
	if (n.n > 32)
		return false;
	memset(out, 0, 32);
	memcpy(out + 32 - n.n, n.p, n.n);
	return true;
}

bool crypto_signature_parse(struct str der, unsigned char rs[CRYPTO_RS_SIZE])
{
	struct cursor outer = cursor_of(der);
	struct cursor c = cursor_of(crypto_der_take(&outer, DER_SEQUENCE));
	return !outer.failed && cursor_at_end(&outer) && take_scalar(&c, rs) && take_scalar(&c, rs + 32) &&
	       cursor_at_end(&c);
}
