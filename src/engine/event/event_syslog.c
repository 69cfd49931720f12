/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Syslog headers: RFC 5424, and what RFC 3164 devices really send: no priority, no host, a year, ISO times, sequence
 * numbers and "*" before the time (Cisco), a colon after it, a tag with blanks around.
 */
#include "engine/event/event_build_internal.h"

#define TAG_LIMIT 80
#define HOST_LIMIT 255
#define PARAMS_LIMIT 256

static const char *const facilities[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
                                         "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
                                         "local5", "local6", "local7"};
static const char *const severities[] = {"emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char at(struct str s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

static size_t skip_blanks(struct str s, size_t i)
{
	while (at(s, i) == ' ')
		i++;
	return i;
}

/* Up to a blank. */
static struct str token(struct str s, size_t from)
{
	size_t to = from;
	while (to < s.n && s.p[to] != ' ')
		to++;
	return str_sub(s, from, to);
}

/* "<0>" to "<191>"; *i moves behind it. */
static bool priority(struct str s, size_t *i, unsigned *ret)
{
	unsigned v = 0;
	size_t k = 1;
	if (at(s, 0) != '<')
		return false;
	for (; k <= 3 && is_digit(at(s, k)); k++)
		v = v * 10 + (unsigned)(s.p[k] - '0');
	if (k == 1 || at(s, k) != '>' || v > 191)
		return false;
	*i = k + 1;
	*ret = v;
	return true;
}

static void add_priority(struct event_build *b, unsigned v)
{
	event_build_add(b, STR("log.syslog.facility.name"), str_c(facilities[v / 8]));
	event_build_add(b, STR("log.level"), str_c(severities[v % 8]));
	event_build_add_int(b, STR("event.severity"), v % 8);
}

static void add_host(struct event_build *b, struct str host)
{
	if (host.n == 0 || host.n > HOST_LIMIT)
		return;
	event_build_add(b, STR("host.name"), host);
	if ((is_digit(host.p[0]) || str_find_char(host, ':') != SIZE_MAX) && event_is_address(host))
		event_build_add(b, STR("host.ip"), host);
}

static void add_pid(struct event_build *b, struct str pid)
{
	uint64_t v = 0;
	if (str_parse_u64(pid, 0, UINT32_MAX, &v))
		event_build_add_int(b, STR("process.pid"), (int64_t)v);
	else
		event_build_add(b, STR("log.syslog.procid"), pid);
}

/* ---- RFC 5424 ---- */

/* A parameter's value from after its quote; *i moves behind the closing one. Decoded in the arena when it has escapes. */
static bool param_value(struct event_build *b, struct str s, size_t *i, struct str *ret)
{
	size_t from = *i, to = from;
	bool escaped = false;
	for (; to < s.n && s.p[to] != '"'; to++)
		if (s.p[to] == '\\') {
			escaped = true;
			to++;
		}
	if (to >= s.n)
		return false;
	*i = to + 1;
	*ret = str_sub(s, from, to);
	if (!escaped)
		return true;
	char *out = arena_try(b->arena, ret->n, 1);
	size_t n = 0;
	if (out == NULL)
		return false;
	for (size_t k = 0; k < ret->n; k++) {
		char next = k + 1 < ret->n ? ret->p[k + 1] : '\0';
		if (ret->p[k] == '\\' && (next == '"' || next == '\\' || next == ']'))
			k++;
		out[n++] = ret->p[k];
	}
	*ret = str_n(out, n);
	return true;
}

/* One "[id name="value" …]"; *i stands at "[". */
static bool element(struct event_build *b, struct str s, size_t *i)
{
	size_t k = *i + 1, from = k, params = 0;
	while (k < s.n && s.p[k] != ' ' && s.p[k] != ']' && s.p[k] != '=' && s.p[k] != '"')
		k++;
	struct str id = str_sub(s, from, k), prefix = event_build_join(b, STR("log.syslog.structured_data"), id);
	if (id.n == 0)
		return false;
	while (at(s, k = skip_blanks(s, k)) != ']') {
		struct str value;
		from = k;
		while (k < s.n && s.p[k] != '=' && s.p[k] != ' ' && s.p[k] != ']' && s.p[k] != '"')
			k++;
		struct str name = str_sub(s, from, k);
		if (name.n == 0 || at(s, k) != '=' || at(s, k + 1) != '"' || params++ == PARAMS_LIMIT)
			return false;
		k += 2;
		if (!param_value(b, s, &k, &value))
			return false;
		event_build_add(b, event_build_join(b, prefix, name), value);
		b->foreign = true;
	}
	*i = k + 1;
	return true;
}

/* "-" or elements. What only looks like them (Check Point) belongs to the message. */
static void structured_data(struct event_build *b, struct str s, size_t *i)
{
	if (at(s, *i) == '-' && (at(s, *i + 1) == ' ' || *i + 1 == s.n)) {
		*i += 1;
		return;
	}
	while (at(s, *i) == '[') {
		size_t count = b->count;
		if (!element(b, s, i)) {
			b->count = count;
			return;
		}
	}
}

static struct str present(struct str s)
{
	return str_eq(s, STR("-")) ? STR_EMPTY : s;
}

/* From the version on: "1 2026-11-21T06:56:35Z host app procid msgid [sd] message". */
static bool parse_5424(struct event_build *b, struct str s, size_t i)
{
	usec_t t = 0;
	bool timed = false;
	struct str word[4]; /* host, app, procid, msgid */
	if (!is_digit(at(s, i)) || at(s, i) == '0' || at(s, i + 1) != ' ')
		return false;
	i += 2;
	if (at(s, i) == '-' && at(s, i + 1) == ' ')
		i++;
	else if (!(timed = event_stamp_read(s, &i, &b->clock, &t)))
		return false;
	for (size_t w = 0; w < ARRAY_LEN(word); w++) {
		if (at(s, i) != ' ')
			return false;
		i = skip_blanks(s, i);
		word[w] = token(s, i);
		i += word[w].n;
		word[w] = present(word[w]);
	}
	i = skip_blanks(s, i);
	if (timed)
		event_build_add_time(b, STR("@timestamp"), t);
	add_host(b, word[0]);
	b->program = word[1];
	if (word[1].n > 0)
		event_build_add(b, STR("process.name"), word[1]);
	if (word[2].n > 0)
		add_pid(b, word[2]);
	if (word[3].n > 0)
		event_build_add(b, STR("log.syslog.msgid"), word[3]);
	structured_data(b, s, &i);
	i = skip_blanks(s, i);
	if (at(s, i) == '\xef' && at(s, i + 1) == '\xbb' && at(s, i + 2) == '\xbf')
		i += 3;
	b->content = str_sub(s, i, s.n);
	return true;
}

/* ---- RFC 3164 and relatives ---- */

/* Cisco: "000123: " before the time or the host. */
static size_t sequence(struct event_build *b, struct str s, size_t i)
{
	size_t k = i;
	while (is_digit(at(s, k)) && k - i < 12)
		k++;
	if (k == i || at(s, k) != ':' || at(s, k + 1) != ' ')
		return i;
	event_build_add(b, STR("event.sequence"), str_sub(s, i, k));
	return skip_blanks(s, k + 1);
}

/* The time with what devices put around it: "*" or "." before (clock not set), ":" before or after. */
static bool header_time(struct event_build *b, struct str s, size_t *i, usec_t *ret)
{
	size_t k = *i;
	while (at(s, k) == '*' || at(s, k) == '.' || at(s, k) == ':')
		k++;
	if (!event_stamp_read(s, &k, &b->clock, ret))
		return false;
	char after = at(s, k);
	if (after != ' ' && after != ':' && after != '\0')
		return false;
	if (after == ':')
		k++;
	*i = skip_blanks(s, k);
	return true;
}

static bool tag_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || (c != '\0' && strchr("_-./()@+#*\\", c) != NULL) || (c & 0x80);
}

/* "[pid]" at *i; *i moves behind. */
static bool bracketed_pid(struct str s, size_t *i, struct str *ret)
{
	size_t k = *i + 1, from = k;
	while (k < s.n && k - from < 32 && s.p[k] != ']' && s.p[k] != ' ')
		k++;
	*ret = str_sub(s, from, k);
	*i = k + 1;
	return ret->n > 0 && at(s, k) == ']';
}

/* Names may have blanks inside when a number of the process ("Google Chrome[12]:") or a version ("syslogd 1.4.1:") follows. */
static struct str tag_name(struct str s, size_t i)
{
	size_t k = i, blanks = 0;
	bool version = false;
	while (k - i < TAG_LIMIT && (tag_char(at(s, k)) || (at(s, k) == ' ' && blanks < 2 && tag_char(at(s, k + 1))))) {
		if (s.p[k] == ' ')
			version = blanks++ == 0 && is_digit(s.p[k + 1]);
		k++;
	}
	return blanks > 0 && !version && at(s, k) != '[' ? STR_EMPTY : str_sub(s, i, k);
}

/* "name[pid]:", "name:", "name[pid] "; *i moves behind. */
static bool tag(struct event_build *b, struct str s, size_t *i)
{
	struct str name = tag_name(s, *i), pid = STR_EMPTY;
	size_t k = *i + name.n;
	bool bracket = at(s, k) == '[';
	if (name.n == 0 || (bracket && !bracketed_pid(s, &k, &pid)))
		return false;
	char after = at(s, k + 1);
	bool colon = at(s, k) == ':' && (after == ' ' || after == '{' || k + 1 == s.n || bracket);
	if (!colon && !(bracket && at(s, k) == ' '))
		return false;
	b->program = name;
	event_build_add(b, STR("process.name"), name);
	if (pid.n > 0)
		add_pid(b, pid);
	*i = skip_blanks(s, k + colon);
	return true;
}

static bool is_content(struct str s)
{
	char c = at(s, 0);
	return c == '%' || c == '{' || c == '[' || str_starts_with(s, STR("CEF:")) || str_starts_with(s, STR("LEEF:")) ||
	       str_starts_with(s, STR("@cee:"));
}

static bool host_like(struct str s)
{
	if (s.n == 0 || s.n > HOST_LIMIT || s.p[s.n - 1] == ':')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!tag_char(s.p[i]) && s.p[i] != ':')
			return false;
	return true;
}

/* After the time. */
static void host_and_tag(struct event_build *b, struct str s, size_t i, bool timed)
{
	struct str rest = str_sub(s, i, s.n), word = token(s, i);
	b->content = rest;
	if (is_content(rest))
		return;
	size_t after = skip_blanks(s, i + word.n), k = after;
	/* Without a time only what has a tag after it is a host. */
	bool host = host_like(word) && after < s.n;
	if (host && at(s, after) == ':' && at(s, after + 1) == ' ')
		k = after = skip_blanks(s, after + 1);
	if (host && !is_content(str_sub(s, after, s.n)) && !tag(b, s, &k) && !timed)
		host = false;
	if (!host && tag(b, s, &i)) {
		b->content = str_sub(s, i, s.n);
		return;
	}
	if (!host)
		return;
	add_host(b, word);
	b->content = str_sub(s, k, s.n);
}

/* Cisco behind the sequence number: "hostname: *Mar  1 …". */
static void host_before_time(struct event_build *b, struct str s, size_t *i)
{
	struct str word = token(s, *i);
	usec_t t;
	if (word.n < 2 || word.p[word.n - 1] != ':')
		return;
	size_t k = skip_blanks(s, *i + word.n), behind = k;
	if (!host_like(str_sub(word, 0, word.n - 1)) || !header_time(b, s, &behind, &t))
		return;
	add_host(b, str_sub(word, 0, word.n - 1));
	*i = k;
}

bool event_syslog_parse(struct event_build *b, struct str text)
{
	unsigned value = 0;
	size_t i = 0;
	usec_t t = 0;
	bool marked = priority(text, &i, &value);
	i = skip_blanks(text, i);
	if (marked) {
		add_priority(b, value);
		size_t count = b->count;
		if (parse_5424(b, text, i))
			return true;
		b->count = count;
		i = sequence(b, text, i);
		host_before_time(b, text, &i);
	}
	bool timed = header_time(b, text, &i, &t);
	if (!marked && !timed)
		return false;
	if (timed)
		event_build_add_time(b, STR("@timestamp"), t);
	if (event_build_find(b, STR("host.name")) != NULL) {
		if (!is_content(str_sub(text, i, text.n)))
			(void)tag(b, text, &i);
		b->content = str_sub(text, i, text.n);
		return true;
	}
	host_and_tag(b, text, i, timed);
	return true;
}
