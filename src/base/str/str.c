/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/str/str.h"

bool str_eq_c(struct str a, const char *b)
{
	return str_eq(a, str_c(b));
}

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;
	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool str_eq_constant_time(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	unsigned char difference = 0;
	for (size_t i = 0; i < a.n; i++)
		difference |= (unsigned char)(a.p[i] ^ b.p[i]);
	return difference == 0;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool str_starts_with(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_sub(s, 0, prefix.n), prefix);
}

bool str_ends_with(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_sub(s, s.n - suffix.n, s.n), suffix);
}

size_t str_find(struct str s, struct str needle)
{
	if (needle.n == 0)
		return 0;
	for (size_t i = 0; i + needle.n <= s.n; i++) {
		const char *hit = memchr(s.p + i, needle.p[0], s.n - needle.n - i + 1);
		if (hit == NULL)
			return SIZE_MAX;
		i = (size_t)(hit - s.p);
		if (memcmp(hit, needle.p, needle.n) == 0)
			return i;
	}
	return SIZE_MAX;
}

size_t str_find_char(struct str s, char c)
{
	const char *hit = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
	return hit != NULL ? (size_t)(hit - s.p) : SIZE_MAX;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s = str_sub(s, 1, s.n);
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_split(struct str *rest, char sep, struct str *ret_part)
{
	if (rest->p == NULL)
		return false;
	size_t at = str_find_char(*rest, sep);
	if (at == SIZE_MAX) {
		*ret_part = *rest;
		*rest = STR_EMPTY;
		return true;
	}
	*ret_part = str_sub(*rest, 0, at);
	*rest = (struct str){rest->p + at + 1, rest->n - at - 1};
	return true;
}

void str_copy_c(struct str s, char *buf, size_t size)
{
	if (size == 0)
		return;
	size_t n = s.n;
	if (n > size - 1) {
		n = size - 1;
		/* Step back over continuation bytes so that no character is halved. */
		while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
			n--;
	}
	if (n > 0)
		(void)memcpy(buf, s.p, n);
	buf[n] = '\0';
}

bool str_parse_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
			return false;
	}
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}

bool str_parse_i64(struct str s, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t magnitude;
	if (!str_parse_u64(negative ? str_sub(s, 1, s.n) : s, 0, (uint64_t)INT64_MAX + (negative ? 1 : 0), &magnitude))
		return false;
	int64_t value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}

/* Levenshtein distance, given up (3) past two edits or 63 bytes. */
static unsigned edits(struct str a, struct str b)
{
	enum { LIMIT = 64 };
	if (a.n >= LIMIT || b.n >= LIMIT)
		return 3;
	unsigned row[LIMIT];
	for (size_t j = 0; j <= b.n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned keep = diagonal + (a.p[i - 1] != b.p[j - 1]);
			diagonal = row[j];
			unsigned change = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = keep < change ? keep : change;
		}
	}
	return row[b.n];
}

const char *str_closest(struct str word, const char *const *names)
{
	const char *best = NULL;
	unsigned best_edits = 3;
	for (; *names != NULL; names++) {
		unsigned n = edits(word, str_c(*names));
		if (n < best_edits) {
			best_edits = n;
			best = *names;
		}
	}
	return best;
}
