/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* key=value logs (FortiGate, Sophos, netfilter, logfmt), Check Point's bracketed pairs, and auditd's lines. */
#include "engine/event/event_build_internal.h"

#define KEY_LIMIT 64
#define PAIRS_LEAST 3
#define NEST_LIMIT 2

static char at(struct str s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

static bool key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == 0x1d;
}

/* Without backslashes before quotes and backslashes. */
static struct str unquoted(struct event_build *b, struct str s)
{
	if (str_find_char(s, '\\') == SIZE_MAX)
		return s;
	char *out = arena_try(b->arena, s.n, 1);
	size_t n = 0;
	if (out == NULL)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && (at(s, i + 1) == '"' || at(s, i + 1) == '\'' || (at(s, i + 1) == '\\' && at(s, i + 2) == '"')))
			i++;
		out[n++] = s.p[i];
	}
	return str_n(out, n);
}

/* After a quote: nothing more, or a blank and the next key. */
static bool pair_ends(struct str s, size_t i)
{
	if (i >= s.n)
		return true;
	if (!blank(s.p[i]))
		return false;
	size_t from = ++i;
	while (i < s.n && i - from < KEY_LIMIT && key_char(s.p[i]))
		i++;
	return i > from && at(s, i) == '=';
}

/* A quoted value from its quote; *i moves behind the closing one. Without one it ends at the text's end. A path of Windows
 * may end in a backslash that escapes nothing: such a quote closes when the next key follows. */
static struct str quoted(struct event_build *b, struct str s, size_t *i)
{
	char quote = s.p[*i];
	size_t from = *i + 1, to = from;
	for (; to < s.n && s.p[to] != quote; to++)
		if (s.p[to] == '\\' && to + 1 < s.n && (s.p[to + 1] == '\\' || (s.p[to + 1] == quote && !pair_ends(s, to + 2))))
			to++;
	*i = to < s.n ? to + 1 : to;
	return unquoted(b, str_sub(s, from, to));
}

static struct str bare(struct str s, size_t *i)
{
	size_t from = *i, to = from;
	while (to < s.n && !blank(s.p[to]))
		to++;
	*i = to;
	while (to > from && (s.p[to - 1] == ',' || s.p[to - 1] == ';'))
		to--;
	return str_sub(s, from, to);
}

/* The next pair at or after *i; words that are none are counted in *words. */
static bool next_pair(struct event_build *b, struct str s, size_t *i, struct str *key, struct str *value, bool *was_quoted, size_t *words)
{
	while (*i < s.n) {
		size_t from = *i;
		while (blank(at(s, from)) || at(s, from) == ',' || at(s, from) == ';')
			from++;
		size_t to = from;
		while (to < s.n && to - from < KEY_LIMIT && key_char(s.p[to]))
			to++;
		*key = str_sub(s, from, to);
		if (key->n > 0 && at(s, to) == '=') {
			*i = to + 1;
			char c = at(s, *i);
			*was_quoted = c == '"' || c == '\'';
			*value = *was_quoted ? quoted(b, s, i) : bare(s, i);
			return true;
		}
		*i = from;
		if (from < s.n)
			(*words)++;
		(void)bare(s, i);
	}
	return false;
}

static bool check_point(struct event_build *b, struct str s)
{
	size_t i = 1, count = b->count, pairs = 0;
	while (i < s.n && s.p[i] != ']') {
		size_t from = i;
		while (i < s.n && i - from < KEY_LIMIT && key_char(s.p[i]))
			i++;
		struct str key = str_sub(s, from, i);
		if (key.n == 0 || at(s, i) != ':' || at(s, i + 1) != '"')
			break;
		i++;
		struct str value = quoted(b, s, &i);
		if (value.n > 0)
			event_build_add(b, key, value);
		pairs++;
		while (at(s, i) == ';' || at(s, i) == ' ')
			i++;
	}
	if (pairs >= PAIRS_LEAST && at(s, i) == ']')
		return true;
	b->count = count;
	return false;
}

static bool enough_signs(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n && n < PAIRS_LEAST; i++)
		n += s.p[i] == '=';
	return n == PAIRS_LEAST;
}

bool event_pairs_parse(struct event_build *b, struct str s)
{
	size_t i = 0, count = b->count, words = 0, pairs = 0;
	struct str key, value;
	bool was_quoted = false;
	if (at(s, 0) == '[' && check_point(b, s))
		return b->foreign = true;
	if (!enough_signs(s))
		return false;
	while (next_pair(b, s, &i, &key, &value, &was_quoted, &words)) {
		pairs++;
		if (value.n > 0)
			event_build_add(b, key, value);
	}
	if (pairs < PAIRS_LEAST || pairs < words) {
		b->count = count;
		return false;
	}
	return b->foreign = true;
}

/* ---- auditd ---- */

/* Fields whose text the kernel writes as hexadecimal digits when it has blanks, quotes or bytes that are no ASCII. */
static bool encoded(struct str key, bool execve)
{
	static const char *const names[] = {"proctitle", "name", "cwd", "exe", "comm", "ocomm", "cmd", "path", "data", "acct", "key", "vm", "dir"};
	if (key.p[0] == 'a' && key.n >= 2 && key.p[1] >= '0' && key.p[1] <= '9')
		return execve;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_c(key, names[i]))
			return true;
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The decoded text (NUL, which separates arguments, as a blank), or s when it is no such text. */
static struct str from_hex(struct event_build *b, struct str s)
{
	char *out = s.n >= 2 && s.n % 2 == 0 ? arena_try(b->arena, s.n / 2, 1) : NULL;
	if (out == NULL)
		return s;
	for (size_t i = 0; i < s.n; i += 2) {
		int high = hex_digit(s.p[i]), low = hex_digit(s.p[i + 1]);
		if (high < 0 || low < 0)
			return s;
		char c = (char)(high << 4 | low);
		out[i / 2] = c == '\0' ? ' ' : c;
	}
	return event_text(b->arena, str_n(out, s.n / 2));
}

/* "audit(1604994496.155:92733):" at *i. */
static bool audit_head(struct event_build *b, struct str s, size_t *i)
{
	static const struct str begin = STR("audit(");
	usec_t t;
	struct str rest = str_sub(s, *i, s.n);
	if (!str_starts_with(rest, begin))
		return false;
	size_t close = str_find_char(rest, ')');
	if (close == SIZE_MAX || close > 64)
		return false;
	struct str inside = str_sub(rest, begin.n, close), stamp = inside;
	size_t colon = str_find_char(inside, ':');
	if (colon == SIZE_MAX || !event_stamp_parse(str_sub(stamp, 0, colon), &b->clock, &t))
		return false;
	event_build_add_time(b, STR("@timestamp"), t);
	event_build_add(b, STR("event.sequence"), str_sub(inside, colon + 1, inside.n));
	*i += close + 1;
	if (at(s, *i) == ':')
		(*i)++;
	return true;
}

static void audit_fields(struct event_build *b, struct str s, bool execve, unsigned depth)
{
	size_t i = 0, words = 0;
	struct str key, value;
	bool was_quoted = false;
	while (next_pair(b, s, &i, &key, &value, &was_quoted, &words)) {
		if (was_quoted && depth < NEST_LIMIT && str_eq(key, STR("msg"))) {
			audit_fields(b, value, execve, depth + 1);
			continue;
		}
		if (value.n == 0 || str_eq(value, STR("(null)")) || str_eq(value, STR("?")))
			continue;
		if (!was_quoted && encoded(key, execve))
			value = from_hex(b, value);
		event_build_add(b, key, value);
	}
}

/* EXECVE's a0, a1, … as one line. */
static void command_line(struct event_build *b, size_t from)
{
	size_t n = 0, to = b->count;
	for (size_t i = from; i < to; i++)
		n += b->fields[i].value.n + 1;
	char *out = arena_try(b->arena, n, 1);
	if (out == NULL)
		return;
	n = 0;
	for (size_t i = from; i < to; i++) {
		struct str name = b->fields[i].name, v = b->fields[i].value;
		if (name.p[0] != 'a' || name.n < 2 || name.p[1] < '0' || name.p[1] > '9' || str_find_char(name, '_') != SIZE_MAX)
			continue;
		if (n > 0)
			out[n++] = ' ';
		(void)memcpy(out + n, v.p, v.n);
		n += v.n;
	}
	if (n > 0)
		event_build_add(b, STR("process.command_line"), str_n(out, n));
}

bool event_audit_parse(struct event_build *b, struct str s)
{
	size_t i = 0, words = 0;
	struct str key, value, type = STR_EMPTY, node = STR_EMPTY;
	bool was_quoted;
	while (str_starts_with(str_sub(s, i, s.n), STR("node=")) || str_starts_with(str_sub(s, i, s.n), STR("type="))) {
		if (!next_pair(b, s, &i, &key, &value, &was_quoted, &words))
			return false;
		if (str_eq(key, STR("type")))
			type = value;
		else
			node = value;
		while (at(s, i) == ' ')
			i++;
	}
	if (str_starts_with(str_sub(s, i, s.n), STR("msg=")))
		i += 4;
	if (type.n == 0 || !audit_head(b, s, &i))
		return false;
	event_build_add(b, STR("event.module"), STR("auditd"));
	event_build_add(b, STR("type"), type);
	if (node.n > 0 && event_build_find(b, STR("host.name")) == NULL)
		event_build_add(b, STR("host.name"), node);
	bool execve = str_eq(type, STR("EXECVE")) || str_eq(type, STR("1309"));
	size_t from = b->count;
	audit_fields(b, str_sub(s, i, s.n), execve, 0);
	if (execve)
		command_line(b, from);
	return b->foreign = true;
}
