/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A value's text from its JSON form: escapes undone, bytes that are no UTF-8 as U+FFFD, and the folded form. */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/text/text.h"
#include "engine/sigma/sigma_run.h"

void sg_grow_text(struct sg_growing *g, size_t need)
{
	if (need <= g->capacity)
		return;
	g->capacity = need < 4096 ? 4096 : need + need / 2;
	g->p = mem_realloc_array(g->p, g->capacity, 1);
}

/*
 * Folds ASCII, 16 bytes at a time, until a backslash or a byte outside ASCII; how far it came. Writes up to 16 bytes past
 * that, in the buffer's slack.
 */
static inline size_t fold_plain(const char *p, size_t n, char *out)
{
	size_t i = 0;
#ifdef __SSE2__
	const __m128i slash = _mm_set1_epi8('\\'), before_a = _mm_set1_epi8('A' - 1), after_z = _mm_set1_epi8('Z' + 1);
	for (; i + 16 <= n; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		int odd = _mm_movemask_epi8(_mm_or_si128(v, _mm_cmpeq_epi8(v, slash)));
		__m128i upper = _mm_and_si128(_mm_cmpgt_epi8(v, before_a), _mm_cmplt_epi8(v, after_z));
		v = _mm_or_si128(v, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
		_mm_storeu_si128((__m128i *)(void *)(out + i), v);
		if (odd != 0)
			return i + (size_t)__builtin_ctz((unsigned)odd);
	}
#endif
	for (; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (c == '\\' || c >= 0x80)
			return i;
		out[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	return n;
}

/* What \x stands for in JSON, already folded; 0: not a simple escape. */
static const char simple_escapes[256] = {['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};

/* Unescapes and folds in one pass what is ASCII with simple escapes; SIZE_MAX: there is something else. */
static size_t fold_simple(const char *p, size_t n, char *out)
{
	char *begin = out;
	for (;;) {
		size_t plain = fold_plain(p, n, out);
		out += plain;
		if (plain == n)
			return (size_t)(out - begin);
		char c = p[plain] == '\\' && plain + 1 < n ? simple_escapes[(unsigned char)p[plain + 1]] : '\0';
		if (c == '\0')
			return SIZE_MAX;
		*out++ = c;
		p += plain + 2;
		n -= plain + 2;
	}
}

static bool hex4(const char *p, const char *end, uint32_t *ret)
{
	uint32_t v = 0;
	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)p[i];
		uint32_t d = c - '0';
		if (d > 9) {
			d = (c | 0x20u) - 'a';
			if (d > 5)
				return false;
			d += 10;
		}
		v = v << 4 | d;
	}
	*ret = v;
	return true;
}

static char *put_code(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* At a backslash; moves *p behind the escape. An escape that JSON does not know stays as it is. */
static char *put_escape(char *out, const char **at, const char *end)
{
	const char *p = *at + 1;
	uint32_t code, low;
	char simple = p < end ? simple_escapes[(unsigned char)*p] : '\0';
	if (simple != '\0') {
		*out++ = simple;
		*at = p + 1;
		return out;
	}
	if (p >= end || *p != 'u' || !hex4(p + 1, end, &code)) {
		*out++ = '\\';
		*at = p;
		return out;
	}
	p += 5;
	if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' && hex4(p + 2, end, &low) &&
	    low >= 0xdc00 && low < 0xe000) {
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	} else if (code >= 0xd800 && code < 0xe000) {
		code = 0xfffd;
	}
	*at = p;
	return put_code(out, code);
}

/* Escapes and UTF-8. Needs room for three times the bytes (a bad byte becomes three). */
static size_t unescape(const char *p, size_t n, bool escapes, char *out)
{
	char *begin = out;
	const char *end = p + n;
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		if (c == '\\' && escapes) {
			out = put_escape(out, &p, end);
		} else if (c < 0x80) {
			*out++ = *p++;
		} else {
			size_t at = 0;
			int32_t code = text_utf8_next(str_n(p, (size_t)(end - p)), &at);
			out = put_code(out, code >= 0 ? (uint32_t)code : 0xfffd);
			p += at;
		}
	}
	return (size_t)(out - begin);
}

static size_t fold_all(struct str raw, char *out)
{
	char *begin = out;
	for (size_t i = 0; i < raw.n;) {
		unsigned char c = (unsigned char)raw.p[i];
		if (c < 0x80) {
			*out++ = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
			i++;
		} else {
			out = put_code(out, (uint32_t)sigma_fold_code(text_utf8_next(raw, &i)));
		}
	}
	return (size_t)(out - begin);
}

/* An object is compared by its compact form: blanks outside strings go. */
static size_t compact(const struct sg_value *v, char *out)
{
	size_t n = 0;
	bool inside = false;
	for (uint32_t i = 0; i < v->n; i++) {
		char c = v->p[i];
		if (!inside && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
			continue;
		if (c == '"')
			inside = !inside;
		out[n++] = c;
		if (inside && c == '\\' && i + 1 < v->n)
			out[n++] = v->p[++i];
	}
	return n;
}

struct str sg_decode_raw(struct sigma_matcher *m, const struct sg_value *v, unsigned which)
{
	struct sg_growing *g = &m->raw[which];
	if (v->type == SG_VALUE_SCALAR)
		return str_n(v->p, v->n);
	sg_grow_text(g, (size_t)v->n * 4 + 64);
	if (v->type == SG_VALUE_TEXT)
		return str_n(g->p, unescape(v->p, v->n, true, g->p));
	size_t n = compact(v, g->p + (size_t)v->n * 3);
	return str_n(g->p, unescape(g->p + (size_t)v->n * 3, n, false, g->p));
}

struct str sg_decode_folded(struct sigma_matcher *m, const struct sg_value *v, unsigned which)
{
	struct sg_growing *g = &m->folded[which];
	sg_grow_text(g, (size_t)v->n + 64);
	size_t n = SIZE_MAX;
	if (v->type == SG_VALUE_SCALAR)
		n = fold_plain(v->p, v->n, g->p);
	else if (v->type == SG_VALUE_TEXT)
		n = fold_simple(v->p, v->n, g->p);
	if (n != SIZE_MAX)
		return str_n(g->p, n);
	struct str raw = sg_decode_raw(m, v, which);
	/* The longest folding doubles its bytes (U+023A: 2 to 3). */
	sg_grow_text(g, raw.n * 2 + 64);
	return str_n(g->p, fold_all(raw, g->p));
}
