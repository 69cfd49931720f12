/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/text/text.h"

/*
 * RFC 3629 section 4. The first byte tells the length and the range of the
 * second; that range keeps out overlong forms, surrogates and what lies past U+10FFFF.
 *
 *   00..7F            C2..DF 80..BF
 *   E0 A0..BF tail    E1..EC,EE,EF 80..BF tail    ED 80..9F tail
 *   F0 90..BF tail2   F1..F3 80..BF tail2         F4 80..8F tail2
 */
static size_t lead_length(unsigned char lead, unsigned char *low, unsigned char *high)
{
	*low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
	*high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
	if (lead < 0x80)
		return 1;
	if (lead < 0xC2 || lead > 0xF4)
		return 0;
	return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

int32_t text_utf8_next(struct str s, size_t *at)
{
	const unsigned char *p = (const unsigned char *)s.p + *at;
	unsigned char low, high;
	size_t n = lead_length(p[0], &low, &high);
	bool good = n > 0 && n <= s.n - *at && (n == 1 || (p[1] >= low && p[1] <= high));
	for (size_t i = 2; good && i < n; i++)
		good = (p[i] & 0xC0) == 0x80;
	if (!good) {
		(*at)++;
		return -1;
	}
	*at += n;
	if (n == 1)
		return p[0];
	int32_t code = p[0] & (0x7F >> n);
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (p[i] & 0x3F);
	return code;
}

/* Eight bytes of ASCII without NUL: what most text is made of. */
static bool eight_ascii(const char *p)
{
	uint64_t w;
	(void)memcpy(&w, p, 8);
	return ((w | (w - 0x0101010101010101u)) & 0x8080808080808080u) == 0;
}

/* Four words at a time: most texts are long runs of ASCII. */
static bool many_ascii(const char *p)
{
	uint64_t w[4], found = 0;
	(void)memcpy(w, p, sizeof w);
	for (unsigned i = 0; i < 4; i++)
		found |= w[i] | (w[i] - 0x0101010101010101u);
	return (found & 0x8080808080808080u) == 0;
}

size_t text_utf8_error(struct str s)
{
	for (size_t at = 0; at < s.n;) {
		if (s.n - at >= 32 && many_ascii(s.p + at)) {
			at += 32;
			continue;
		}
		if (s.n - at >= 8 && eight_ascii(s.p + at)) {
			at += 8;
			continue;
		}
		size_t from = at;
		if (text_utf8_next(s, &at) <= 0)
			return from;
	}
	return SIZE_MAX;
}

bool text_is_utf8(struct str s)
{
	return text_utf8_error(s) == SIZE_MAX;
}

size_t text_length(struct str s)
{
	size_t count = 0;
	for (size_t i = 0; i < s.n; i++)
		count += ((unsigned char)s.p[i] & 0xC0) != 0x80;
	return count;
}

void text_append_code(struct buf *out, int32_t code)
{
	uint32_t c = (uint32_t)code;
	char bytes[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = n; i-- > 1; c >>= 6)
		bytes[i] = (char)(0x80 | (c & 0x3F));
	bytes[0] = (char)(lead[n] | c);
	buf_append(out, str_n(bytes, n));
}
