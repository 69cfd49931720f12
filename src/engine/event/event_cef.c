/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* ArcSight CEF (Common Event Format, revision 25) and IBM LEEF 1.0 and 2.0 (Log Event Extended Format). */
#include "engine/event/event_build_internal.h"

#define KEY_LIMIT 128
#define HEAD_PARTS_MAX 8

static char at(struct str s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

/* Without escapes: "\\=", "\\|", "\\\\", "\\n", "\\r". */
static struct str unescaped(struct event_build *b, struct str s)
{
	if (str_find_char(s, '\\') == SIZE_MAX)
		return s;
	char *out = arena_try(b->arena, s.n, 1);
	size_t n = 0;
	if (out == NULL)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], next = at(s, i + 1);
		if (c == '\\' && (next == '=' || next == '|' || next == '\\')) {
			c = next;
			i++;
		} else if (c == '\\' && (next == 'n' || next == 'r')) {
			c = next == 'n' ? '\n' : '\r';
			i++;
		}
		out[n++] = c;
	}
	return str_n(out, n);
}

/* `want` parts that end in "|"; returns how many there are, *i behind the last. */
static size_t head(struct event_build *b, struct str s, size_t *i, struct str *parts, size_t want)
{
	size_t n = 0, from = *i;
	for (size_t k = from; k < s.n && n < want; k++) {
		if (s.p[k] == '\\' && k + 1 < s.n) {
			k++;
		} else if (s.p[k] == '|') {
			parts[n++] = unescaped(b, str_trim(str_sub(s, from, k)));
			from = k + 1;
		}
	}
	*i = from;
	return n;
}

static void add(struct event_build *b, struct str name, struct str value)
{
	if (value.n > 0)
		event_build_add(b, name, value);
}

static bool key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '[' ||
	       c == ']' || c == '-';
}

/* The next "key=" at or after `from`, where a key follows a blank and its "=" has no backslash. */
static bool next_key(struct str s, size_t from, size_t *key_at, size_t *equals)
{
	for (size_t i = from; i < s.n; i++) {
		if (s.p[i] == '\\') {
			i++;
			continue;
		}
		if (s.p[i] != '=')
			continue;
		size_t k = i;
		while (k > from && i - k < KEY_LIMIT && key_char(s.p[k - 1]))
			k--;
		if (k == i || (k > from && s.p[k - 1] != ' ') || (k > 0 && k == from && s.p[k - 1] != ' ' && s.p[k - 1] != '|'))
			continue;
		*key_at = k;
		*equals = i;
		return true;
	}
	return false;
}

static void extension(struct event_build *b, struct str s)
{
	size_t key_at, equals, next_at = 0, next_equals = 0;
	bool more = next_key(s, 0, &key_at, &equals);
	while (more) {
		more = next_key(s, equals + 1, &next_at, &next_equals);
		struct str value = str_sub(s, equals + 1, more ? next_at : s.n);
		while (value.n > 0 && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\n'))
			value.n--;
		add(b, str_sub(s, key_at, equals), unescaped(b, value));
		key_at = next_at;
		equals = next_equals;
	}
}

bool event_cef_parse(struct event_build *b, struct str s)
{
	struct str part[7];
	size_t i = 4;
	while (at(s, i) == ' ')
		i++;
	if (!str_starts_with(s, STR("CEF:")) || at(s, i) < '0' || at(s, i) > '9')
		return false;
	if (head(b, s, &i, part, ARRAY_LEN(part)) != ARRAY_LEN(part))
		return false;
	add(b, STR("cef.version"), part[0]);
	add(b, STR("deviceVendor"), part[1]);
	add(b, STR("deviceProduct"), part[2]);
	add(b, STR("deviceVersion"), part[3]);
	add(b, STR("deviceEventClassId"), part[4]);
	add(b, STR("name"), part[5]);
	add(b, STR("severity"), part[6]);
	extension(b, str_sub(s, i, s.n));
	return b->foreign = true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "^", "x5E", "0x5E"; anything else: a tab. */
static char delimiter(struct str s)
{
	if (s.n == 1)
		return s.p[0];
	if (s.n > 1 && (s.p[0] == 'x' || s.p[0] == 'X' || (s.p[0] == '0' && (s.p[1] | 0x20) == 'x'))) {
		int v = 0;
		for (size_t i = s.p[0] == '0' ? 2 : 1; i < s.n; i++) {
			int d = hex_digit(s.p[i]);
			if (d < 0 || v > 15)
				return '\t';
			v = v << 4 | d;
		}
		if (v > 0 && v < 128)
			return (char)v;
	}
	return '\t';
}

bool event_leef_parse(struct event_build *b, struct str s)
{
	struct str part[HEAD_PARTS_MAX], pair;
	size_t i = 5;
	bool second = str_starts_with(s, STR("LEEF:2"));
	char separator = '\t';
	if (!second && !str_starts_with(s, STR("LEEF:1")))
		return false;
	if (head(b, s, &i, part, 5) != 5)
		return false;
	/* The delimiter's own part may be left out. */
	size_t bar = str_find_char(str_sub(s, i, s.n), '|'), equals = str_find_char(str_sub(s, i, s.n), '=');
	if (second && bar != SIZE_MAX && bar <= 4 && (equals == SIZE_MAX || equals > bar || bar <= 1)) {
		separator = delimiter(str_sub(s, i, i + bar));
		i += bar + 1;
	}
	add(b, STR("leef.version"), part[0]);
	add(b, STR("deviceVendor"), part[1]);
	add(b, STR("deviceProduct"), part[2]);
	add(b, STR("deviceVersion"), part[3]);
	add(b, STR("deviceEventClassId"), part[4]);
	for (struct str rest = str_sub(s, i, s.n); str_split(&rest, separator, &pair);) {
		size_t sign = str_find_char(pair, '=');
		if (sign != SIZE_MAX && sign > 0 && sign <= KEY_LIMIT)
			add(b, str_trim(str_sub(pair, 0, sign)), str_trim(str_sub(pair, sign + 1, pair.n)));
	}
	return b->foreign = true;
}
