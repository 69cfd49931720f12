/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Message patterns: literals and captures, matched from left to right without going back, so that a hostile text costs one
 * pass a pattern. A capture ends where the next literal begins: at its first place, or (greedy) at its last, for names that
 * a stranger chooses: he must not be able to write the address that follows.
 */
#include "engine/event/event_dictionary_internal.h"

struct match {
	const struct event_dictionary *d;
	const struct event_pattern *pattern;
	struct event_build *b;
	struct str text;
	size_t at;
	struct str values[EVENT_PATTERN_PIECES];
	usec_t time;
};

static char at(struct str s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

/* How many bytes of the text from i the literal takes, a blank of it standing for one or more; SIZE_MAX: it is not there. */
static size_t literal_at(struct str text, size_t i, struct str literal)
{
	size_t k = i;
	for (size_t j = 0; j < literal.n; j++) {
		if (k >= text.n || text.p[k] != literal.p[j])
			return SIZE_MAX;
		k++;
		if (literal.p[j] == ' ')
			while (k < text.n && text.p[k] == ' ')
				k++;
	}
	return k - i;
}

static bool address_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

/* Length of the address at i, 0: none. It may be followed by a colon with a port, or by a sentence's full stop. */
static size_t address_at(struct str text, size_t i)
{
	size_t to = i;
	while (to < text.n && to - i < 64 && address_char(text.p[to]))
		to++;
	while (to > i && (text.p[to - 1] == '.' || text.p[to - 1] == ':') && !event_is_address(str_sub(text, i, to)))
		to--;
	struct str run = str_sub(text, i, to);
	if (event_is_address(run))
		return run.n;
	size_t colon = str_find_char(run, ':');
	return colon != SIZE_MAX && event_is_address(str_sub(run, 0, colon)) ? colon : 0;
}

/* Where the literal stands first or (last) at the end; `address`: an address has to follow it. */
static size_t find_literal(struct str text, size_t from, struct str literal, bool last, bool address)
{
	size_t found = SIZE_MAX;
	for (size_t i = from; i < text.n; i++) {
		const char *hit = memchr(text.p + i, literal.p[0], text.n - i);
		if (hit == NULL)
			break;
		i = (size_t)(hit - text.p);
		size_t n = literal_at(text, i, literal);
		bool fits = n != SIZE_MAX && (!address || address_at(text, i + n) > 0);
		if (fits && !last)
			return i;
		found = fits ? i : found;
		/* Once for a run of blanks: a text of nothing else must not cost its square. */
		while (literal.p[0] == ' ' && i + 1 < text.n && text.p[i + 1] == ' ')
			i++;
	}
	return found;
}

static bool is_level(struct str s)
{
	static const char *const names[] = {"trace", "debug", "info", "information", "notice", "warn", "warning", "error", "err", "fatal",
	                                    "critical", "crit", "alert", "emerg", "severe", "failure", "v", "d", "i", "w", "e", "f"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(s, str_c(names[i])))
			return true;
	return false;
}

/* A run that the type allows. */
static size_t run_of(const struct match *m, enum event_capture type)
{
	size_t i = m->at;
	for (; i < m->text.n; i++) {
		char c = m->text.p[i];
		bool taken = type == EVENT_CAPTURE_INT ? c >= '0' && c <= '9'
		             : type == EVENT_CAPTURE_LEVEL ? (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
		                                           : c != '"' || at(m->text, i - 1) == '\\';
		if (!taken)
			break;
	}
	return i;
}

static bool take_address(struct match *m, struct str *ret)
{
	size_t n = address_at(m->text, m->at);
	*ret = str_sub(m->text, m->at, m->at + n);
	m->at += n;
	return n > 0;
}

/* Up to the next literal, or to the end. */
static bool take_text(struct match *m, size_t piece, enum event_capture type, struct str *ret)
{
	const struct event_pattern *p = m->pattern;
	size_t to = m->text.n;
	if (piece + 1 < p->piece_count && p->pieces[piece + 1].literal.n > 0)
		to = find_literal(m->text, m->at, p->pieces[piece + 1].literal, type == EVENT_CAPTURE_GREEDY,
		                  type == EVENT_CAPTURE_GREEDY && piece + 2 < p->piece_count && p->pieces[piece + 2].literal.n == 0 &&
		                          p->pieces[piece + 2].type == EVENT_CAPTURE_IP);
	if (to == SIZE_MAX || (to == m->at && type != EVENT_CAPTURE_ANY))
		return false;
	*ret = str_sub(m->text, m->at, to);
	if (type == EVENT_CAPTURE_WORD && str_find_char(*ret, ' ') != SIZE_MAX)
		return false;
	m->at = to;
	return true;
}

static bool take_time(struct match *m)
{
	struct event_stamp_memo *memo = &m->b->memo;
	if (m->at != 0)
		return event_stamp_read(m->text, &m->at, &m->b->clock, &m->time);
	if (memo->text != m->text.p) {
		*memo = (struct event_stamp_memo){.text = m->text.p};
		memo->ok = event_stamp_read(m->text, &memo->end, &m->b->clock, &memo->t);
	}
	m->at = memo->end;
	m->time = memo->t;
	return memo->ok;
}

static bool capture(struct match *m, size_t piece, struct str *ret)
{
	enum event_capture type = m->pattern->pieces[piece].type;
	size_t from = m->at;
	switch (type) {
	case EVENT_CAPTURE_TEXT:
	case EVENT_CAPTURE_ANY:
	case EVENT_CAPTURE_GREEDY:
	case EVENT_CAPTURE_WORD:
		return take_text(m, piece, type, ret);
	case EVENT_CAPTURE_IP:
		return take_address(m, ret);
	case EVENT_CAPTURE_TIME:
		*ret = STR("");
		return take_time(m);
	case EVENT_CAPTURE_INT:
	case EVENT_CAPTURE_LEVEL:
	case EVENT_CAPTURE_QUOTED:
		m->at = run_of(m, type);
		*ret = str_sub(m->text, from, m->at);
		return type == EVENT_CAPTURE_LEVEL ? is_level(*ret) : type == EVENT_CAPTURE_QUOTED || ret->n > 0;
	case EVENT_CAPTURE_PAIRS:
	case EVENT_CAPTURE_SYSLOG:
	case EVENT_CAPTURE_REST:
	case EVENT_CAPTURE__COUNT:
		break;
	}
	*ret = str_sub(m->text, m->at, m->text.n);
	m->at = m->text.n;
	return true;
}

static void add_once(struct event_build *b, struct str name, struct str value)
{
	if (value.n > 0 && !str_eq(value, STR("-")) && event_build_find(b, name) == NULL)
		event_build_add(b, name, value);
}

/* false: it is no syslog header after all. */
static bool keep(struct match *m, const struct event_piece *piece, struct str value)
{
	struct event_build *b = m->b;
	struct str name = m->d->names.names[piece->name].text;
	if (piece->type == EVENT_CAPTURE_PAIRS)
		b->foreign = b->foreign || event_pairs_parse(b, value);
	else if (piece->type == EVENT_CAPTURE_SYSLOG)
		return event_syslog_parse(b, value);
	else if (piece->name == 0)
		return true;
	else if (piece->type == EVENT_CAPTURE_TIME)
		event_build_add_time(b, name, m->time);
	else if (str_eq(name, STR("message")))
		b->content = value;
	else
		add_once(b, name, value);
	if (piece->name != 0 && str_eq(name, STR("process.name")))
		b->program = value;
	return true;
}

static void add_constants(const struct event_dictionary *d, struct event_build *b, const struct event_constant *constants, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_once(b, d->names.names[constants[i].name].text, constants[i].value);
}

bool event_pattern_match(const struct event_dictionary *d, const struct event_pattern *p, struct event_build *b, struct str text)
{
	struct match m = {.d = d, .pattern = p, .b = b, .text = text};
	for (size_t i = 0; i < p->piece_count; i++) {
		const struct event_piece *piece = &p->pieces[i];
		if (piece->literal.n == 0) {
			if (!capture(&m, i, &m.values[i]))
				return false;
			continue;
		}
		size_t taken = literal_at(text, m.at, piece->literal);
		if (taken == SIZE_MAX)
			return false;
		m.at += taken;
	}
	if (m.at != text.n)
		return false;
	for (size_t i = 0; i < p->piece_count; i++)
		if (p->pieces[i].literal.n == 0 && !keep(&m, &p->pieces[i], m.values[i]))
			return false;
	add_constants(d, b, p->constants, p->constant_count);
	return true;
}

static bool match_any(const struct event_dictionary *d, const struct event_patterns *g, struct event_build *b, struct str text)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct event_piece *first = &g->items[i].pieces[0];
		/* Most patterns differ in their first byte. */
		if (first->literal.n > 0 && first->literal.p[0] != at(text, 0))
			continue;
		if (event_pattern_match(d, &g->items[i], b, text))
			return true;
	}
	return false;
}

/* "%ASA-6-302013: …", "%SYS-5-CONFIG_I: …", "%%10SHELL/5/SHELL_LOGIN(l): …": facility, severity, code. */
static bool mnemonic(struct event_build *b, struct str *facility)
{
	struct str s = b->content;
	size_t i = 1, colon = str_find_char(s, ':');
	if (at(s, 1) == '%') {
		for (i = 2; at(s, i) >= '0' && at(s, i) <= '9';)
			i++;
	}
	struct str head = str_sub(s, i, colon), rest = str_sub(s, colon + 1, s.n);
	char dash = i > 1 ? '/' : '-';
	size_t bracket = str_find_char(head, '(');
	head = str_sub(head, 0, bracket);
	/* Severity: one digit between the last two separators. */
	size_t k = head.n;
	while (k > 0 && head.p[k - 1] != dash)
		k--;
	if (colon == SIZE_MAX || k < 4 || k == head.n || head.p[k - 3] != dash || head.p[k - 2] < '0' || head.p[k - 2] > '7' ||
	    str_find_char(head, ' ') != SIZE_MAX)
		return false;
	*facility = str_sub(head, 0, k - 3);
	add_once(b, STR("event.provider"), *facility);
	add_once(b, STR("event.code"), str_sub(head, k, head.n));
	if (event_build_find(b, STR("event.severity")) == NULL)
		event_build_add_int(b, STR("event.severity"), head.p[k - 2] - '0');
	b->content = str_trim(rest);
	return true;
}

/* MikroTik: topics, "firewall,info" or "system,info,account", before the text. */
static bool topics(struct event_build *b)
{
	size_t i = 0, commas = 0;
	struct str s = b->content;
	for (; (at(s, i) >= 'a' && at(s, i) <= 'z') || (at(s, i) == ',' && i > 0); i++)
		commas += s.p[i] == ',';
	if (commas == 0 || at(s, i) != ' ')
		return false;
	add_once(b, STR("log.logger"), str_sub(s, 0, i));
	b->content = str_sub(s, i + 1, s.n);
	return true;
}

/* "sshd(pam_unix)" and "/usr/sbin/sshd" are "sshd". */
static struct str program_key(struct str program)
{
	size_t from = 0;
	for (size_t i = 0; i < program.n; i++) {
		if (program.p[i] == '/')
			from = i + 1;
		else if (program.p[i] == '(')
			return str_sub(program, from, i);
	}
	return str_sub(program, from, program.n);
}

bool event_message_parse(const struct event_dictionary *d, struct event_build *b)
{
	struct str whole = b->content, key = program_key(b->program), facility;
	char head[40];
	if (b->program.n == 0 && at(whole, 0) == '%' && mnemonic(b, &facility)) {
		str_copy_c(facility, head + 1, sizeof head - 1);
		head[0] = '%';
		key = str_c(head);
	} else if (b->program.n == 0 && topics(b)) {
		key = STR("%mikrotik");
	}
	uint16_t id = key.n > 0 ? event_names_find(&d->names, key) : 0;
	uint16_t group = id != 0 ? d->program_of_name[id] : 0;
	if (group == 0)
		group = b->program.n > 0 ? d->any_program : 0;
	if (group == 0) {
		b->content = whole;
		return false;
	}
	const struct event_patterns *g = &d->messages[group - 1];
	struct str text = b->content;
	/* What people read keeps its head. */
	b->content = whole;
	bool found = match_any(d, g, b, text) || (g->lines && event_line_parse(d, b, text));
	add_constants(d, b, g->constants, g->constant_count);
	return found;
}

bool event_line_parse(const struct event_dictionary *d, struct event_build *b, struct str line)
{
	size_t count = b->count;
	if (match_any(d, &d->lines, b, line))
		return b->foreign = true;
	b->count = count;
	return false;
}
