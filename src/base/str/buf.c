/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>

#include "base/mem/mem.h"
#include "base/str/str.h"

struct buf buf_fixed(char *array, size_t size)
{
	if (size > 0)
		array[0] = '\0';
	return (struct buf){.p = array, .capacity = size, .max = size > 0 ? size - 1 : 0, .fixed = true};
}

void buf_done(struct buf *b)
{
	size_t max = b->max;
	if (!b->fixed)
		mem_free(b->p);
	*b = BUF_INIT(max);
}

void buf_done_secret(struct buf *b)
{
	if (b->p != NULL)
		mem_wipe(b->p, b->capacity);
	buf_done(b);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->overflow = false;
	if (b->p != NULL && b->capacity > 0)
		b->p[0] = '\0';
}

bool buf_reserve(struct buf *b, size_t extra)
{
	if (extra > b->max || b->n > b->max - extra)
		return false;
	size_t need = b->n + extra + 1;
	if (need <= b->capacity)
		return true;
	if (b->fixed)
		return false;
	size_t capacity = b->capacity > 0 ? b->capacity : 64;
	while (capacity < need)
		capacity *= 2;
	if (capacity > b->max + 1)
		capacity = b->max + 1;
	b->p = mem_realloc_array(b->p, capacity, 1);
	b->capacity = capacity;
	return true;
}

void buf_append(struct buf *b, struct str s)
{
	if (b->overflow)
		return;
	if (s.n >= b->capacity - b->n && !buf_reserve(b, s.n)) {
		b->overflow = true;
		/* A fixed buffer keeps what fits, cut at a character boundary. */
		if (b->fixed && b->capacity > b->n) {
			str_copy_c(s, b->p + b->n, b->capacity - b->n);
			b->n += strlen(b->p + b->n);
		}
		return;
	}
	if (s.n > 0)
		(void)memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	b->p[b->n] = '\0';
}

void buf_append_c(struct buf *b, const char *c)
{
	buf_append(b, str_c(c));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	buf_vprintf(b, format, ap);
	va_end(ap);
}

void buf_vprintf(struct buf *b, const char *format, va_list ap)
{
	char small[256];
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(small, sizeof small, format, ap);
	if (n < 0) {
		b->overflow = true;
	} else if ((size_t)n < sizeof small) {
		buf_append(b, (struct str){small, (size_t)n});
	} else {
		char *large = mem_alloc((size_t)n + 1);
		(void)vsnprintf(large, (size_t)n + 1, format, again);
		buf_append(b, (struct str){large, (size_t)n});
		mem_free(large);
	}
	va_end(again);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	if (n == 0)
		return;
	(void)memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = '\0';
}

void buf_append_hex(struct buf *b, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;
	for (size_t i = 0; i < n; i++) {
		const char pair[2] = {digits[p[i] >> 4], digits[p[i] & 15]};
		buf_append(b, (struct str){pair, 2});
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool str_parse_hex(struct str hex, void *out, size_t out_size)
{
	unsigned char *bytes = out;
	if (hex.n != out_size * 2)
		return false;
	for (size_t i = 0; i < hex.n; i++)
		if (hex_digit(hex.p[i]) < 0)
			return false;
	for (size_t i = 0; i < out_size; i++)
		bytes[i] = (unsigned char)(hex_digit(hex.p[2 * i]) << 4 | hex_digit(hex.p[2 * i + 1]));
	return true;
}

static const char standard_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void append_base64(struct buf *b, const unsigned char *p, size_t n, const char *alphabet, bool pad)
{
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)p[i] << 16;
		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], '=', '='};
		if (left > 1)
			four[2] = alphabet[v >> 6 & 63];
		if (left > 2)
			four[3] = alphabet[v & 63];
		buf_append(b, (struct str){four, pad ? 4 : left + 1});
	}
}

void buf_append_base64(struct buf *b, const void *bytes, size_t n)
{
	append_base64(b, bytes, n, standard_alphabet, true);
}

void buf_append_base64url(struct buf *b, const void *bytes, size_t n)
{
	append_base64(b, bytes, n, url_alphabet, false);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

bool buf_append_base64_decoded(struct buf *b, struct str text)
{
	size_t start = b->n;
	if (text.n > 0 && text.n % 4 == 0)
		for (int pad = 0; pad < 2 && text.n > 0 && text.p[text.n - 1] == '='; pad++)
			text.n--;
	bool good = text.n % 4 != 1;
	uint32_t value = 0;
	unsigned bits = 0;
	for (size_t i = 0; good && i < text.n; i++) {
		int digit = base64_digit(text.p[i]);
		good = digit >= 0;
		value = value << 6 | (uint32_t)(digit & 63);
		bits += 6;
		if (good && bits >= 8) {
			bits -= 8;
			buf_append_char(b, (char)(value >> bits & 0xFF));
		}
	}
	/* Left-over bits must be zero, or one value would have several spellings (RFC 4648 section 3.5). */
	good = good && (value & ((1U << bits) - 1)) == 0 && !b->overflow;
	if (!good && b->p != NULL) {
		b->n = start;
		b->p[start] = '\0';
	}
	return good;
}
