/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The search bar's text as a tree, by recursive descent; all growth is bounded by the limits of the header. */
#include "base/cursor/cursor.h"
#include "base/text/text.h"
#include "engine/event_query/event_query.h"
#include "engine/event_query/event_query_internal.h"

struct parser {
	struct arena *arena;
	struct cursor c;
	unsigned depth, terms;
	struct err *err;
};

static int syntax(struct parser *p, size_t at, const char *key)
{
	return err_set(p->err, -EINVAL, key, ARG_U64("at", at));
}

static const struct event_query *node(struct parser *p, struct event_query q)
{
	struct event_query *n = ARENA_NEW(p->arena, struct event_query);
	*n = q;
	return n;
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_word(int c)
{
	return c < 0 || is_blank(c) || c == '(' || c == ')' || c == '"';
}

static void skip_blanks(struct parser *p)
{
	(void)cursor_while(&p->c, " \t\r\n");
}

/* The word that follows, when it is this one in capitals and stands alone. */
static bool accept_keyword(struct parser *p, struct str word)
{
	struct str rest = cursor_rest(&p->c);
	if (!str_starts_with(rest, word) || !ends_word(rest.n > word.n ? (unsigned char)rest.p[word.n] : -1))
		return false;
	(void)cursor_take(&p->c, word.n);
	return true;
}

static bool is_name_byte(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
	       c == '@';
}

/* Bytes of a field's name before ":", or 0: what looks like an address, a path, a time or a URL is text. */
static size_t name_length(struct str s)
{
	size_t n = 0;
	bool letters = false;
	while (n < s.n && is_name_byte((unsigned char)s.p[n])) {
		letters |= s.p[n] > '9' && s.p[n] != '_';
		n++;
	}
	if (n == 0 || n >= s.n || s.p[n] != ':' || !letters || s.p[0] == '-')
		return 0;
	struct str after = str_sub(s, n + 1, s.n);
	if (str_starts_with(after, STR("//")) || str_starts_with(after, STR("\\")) || str_starts_with(after, STR(":")))
		return 0;
	return n;
}

/* After the opening quote. \" and \\ are the two escapes. */
static int read_phrase(struct parser *p, size_t at, struct str *ret)
{
	struct buf out = buf_fixed(arena_alloc(p->arena, p->c.s.n + 1), p->c.s.n + 1);
	for (;;) {
		int c = cursor_peek(&p->c);
		if (c < 0)
			return syntax(p, at, "event.query_no_quote");
		(void)cursor_next(&p->c);
		if (c == '"')
			break;
		int after = cursor_peek(&p->c);
		if (c == '\\' && (after == '"' || after == '\\'))
			c = cursor_next(&p->c);
		buf_append_char(&out, (char)c);
	}
	*ret = buf_str(&out);
	return 0;
}

/* Backslashes are themselves, as in paths; a star that is meant stands in quotes. *ret_wild: wildcards are in it. */
static struct str read_word(struct parser *p, bool *ret_wild)
{
	struct buf out = buf_fixed(arena_alloc(p->arena, p->c.s.n + 1), p->c.s.n + 1);
	*ret_wild = false;
	while (!ends_word(cursor_peek(&p->c))) {
		int c = cursor_next(&p->c);
		if (c == '*' || c == '?') {
			*ret_wild = true;
			c = c == '*' ? EVENT_QUERY_ANY : EVENT_QUERY_ONE;
		}
		buf_append_char(&out, (char)c);
	}
	return buf_str(&out);
}

static int count_term(struct parser *p)
{
	if (++p->terms > EVENT_QUERY_TERMS)
		return err_set(p->err, -E2BIG, "event.query_too_many", ARG_U64("limit", EVENT_QUERY_TERMS));
	return 0;
}

/* A word or phrase; blank phrases say nothing. */
static int read_text(struct parser *p, struct event_query *q)
{
	size_t at = p->c.at;
	bool wild = false;
	int r = count_term(p);
	if (r < 0)
		return r;
	q->phrase = cursor_accept(&p->c, '"');
	if (q->phrase)
		r = read_phrase(p, at, &q->value);
	else
		q->value = read_word(p, &wild);
	if (r == 0 && q->value.n == 0 && !q->phrase)
		return syntax(p, at, "event.query_no_value");
	q->kind = wild ? EVENT_QUERY_LIKE : EVENT_QUERY_EQUAL;
	return r;
}

static bool only_any(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != EVENT_QUERY_ANY)
			return false;
	return s.n > 0;
}

static int check_value(struct parser *p, struct event_query *q)
{
	const struct event_query_field *f = event_query_field(q->field);
	bool range = q->kind >= EVENT_QUERY_LESS && q->kind <= EVENT_QUERY_GREATER_EQUAL;
	if (range && !event_query_is_number(q->value))
		return err_set(p->err, -EINVAL, "event.query_not_number", ARG_U64("at", q->at), ARG_STR("value", str_sub(q->value, 0, 60)));
	struct uuid id;
	if (f != NULL && f->kind == EVENT_QUERY_UUID && q->kind != EVENT_QUERY_EXISTS &&
	    (q->kind != EVENT_QUERY_EQUAL || !uuid_parse(q->value, &id)))
		return err_set(p->err, -EINVAL, "event.query_not_uuid", ARG_U64("at", q->at), ARG_STR("value", str_sub(q->value, 0, 60)));
	return 0;
}

/* [<>=] text; "*" alone: there is one; an address with a prefix length: a network. */
static int read_value(struct parser *p, struct event_query q, const struct event_query **ret)
{
	static const struct {
		struct str sign;
		enum event_query_kind kind;
	} signs[] = {
		{STR(">="), EVENT_QUERY_GREATER_EQUAL},
		{STR("<="), EVENT_QUERY_LESS_EQUAL},
		{STR(">"), EVENT_QUERY_GREATER},
		{STR("<"), EVENT_QUERY_LESS},
	};
	q.at = p->c.at;
	size_t i = 0;
	while (i < ARRAY_LEN(signs) && !cursor_accept_str(&p->c, signs[i].sign))
		i++;
	int r = read_text(p, &q);
	if (r < 0)
		return r;
	struct event_query_network net;
	if (i < ARRAY_LEN(signs))
		q.kind = signs[i].kind;
	else if (q.kind == EVENT_QUERY_LIKE && only_any(q.value))
		q.kind = EVENT_QUERY_EXISTS;
	else if (q.kind == EVENT_QUERY_EQUAL && !q.phrase && event_query_network(q.value, &net))
		q.kind = EVENT_QUERY_CIDR;
	r = check_value(p, &q);
	*ret = node(p, q);
	return r;
}

static const struct event_query *join(struct parser *p, enum event_query_kind kind, const struct event_query *left,
                                      const struct event_query *right)
{
	return left == NULL ? right : node(p, (struct event_query){.kind = kind, .left = left, .right = right, .at = left->at});
}

/* field:(a OR b "c d") */
static int read_values(struct parser *p, struct event_query q, const struct event_query **ret)
{
	size_t open = p->c.at;
	const struct event_query *all = NULL;
	if (!cursor_accept(&p->c, '('))
		return read_value(p, q, ret);
	for (;;) {
		skip_blanks(p);
		if (all != NULL && cursor_accept(&p->c, ')'))
			break;
		if (cursor_at_end(&p->c))
			return syntax(p, open, "event.query_no_parenthesis");
		if (all != NULL && accept_keyword(p, STR("OR")))
			skip_blanks(p);
		const struct event_query *one;
		int r = read_value(p, q, &one);
		if (r < 0)
			return r;
		all = join(p, EVENT_QUERY_OR, all, one);
	}
	*ret = all;
	return 0;
}

static int check_name(struct parser *p, struct event_query *q, bool quoted)
{
	const struct event_query_field *f = event_query_field(q->field);
	if (f != NULL) {
		q->field = str_c(f->name);
		return 0;
	}
	if (str_eq_nocase(q->field, STR("time")) || str_eq_c(q->field, "@timestamp") || str_eq_nocase(q->field, STR("received")))
		return err_set(p->err, -EINVAL, "event.query_time", ARG_U64("at", q->at));
	const char *nearest = quoted ? NULL : event_query_nearest(q->field);
	if (nearest != NULL)
		return err_set(p->err, -EINVAL, "event.query_field", ARG_U64("at", q->at), ARG_STR("name", q->field),
		               ARG_CSTR("nearest", nearest));
	return 0;
}

static int read_plain_text(struct parser *p, const struct event_query **ret)
{
	struct event_query q = {.at = p->c.at};
	bool folded = cursor_accept(&p->c, '~');
	int r = read_text(p, &q);
	if (r < 0)
		return r;
	if (folded && q.kind == EVENT_QUERY_LIKE)
		return syntax(p, q.at, "event.query_folded_wildcard");
	if (q.kind == EVENT_QUERY_EQUAL)
		q.kind = folded ? EVENT_QUERY_FOLDED : EVENT_QUERY_TEXT;
	/* "*" alone asks for everything; so does a phrase without words. */
	if (str_trim(q.value).n == 0 || (q.kind == EVENT_QUERY_LIKE && only_any(q.value)))
		q.kind = EVENT_QUERY_ALL;
	*ret = node(p, q);
	return 0;
}

static int read_term(struct parser *p, const struct event_query **ret)
{
	size_t at = p->c.at, n = name_length(cursor_rest(&p->c));
	struct event_query q = {.at = at};
	if (n > 0) {
		q.field = cursor_take(&p->c, n);
	} else if (cursor_peek(&p->c) == '"') {
		/* "a name":value */
		(void)cursor_next(&p->c);
		int r = read_phrase(p, at, &q.field);
		if (r < 0)
			return r;
		if (cursor_peek(&p->c) != ':' || q.field.n == 0) {
			p->c.at = at;
			return read_plain_text(p, ret);
		}
	} else {
		return read_plain_text(p, ret);
	}
	int r = check_name(p, &q, n == 0);
	if (r < 0)
		return r;
	(void)cursor_next(&p->c);
	skip_blanks(p);
	return read_values(p, q, ret);
}

static int read_or(struct parser *p, const struct event_query **ret);

static int deeper(struct parser *p)
{
	if (++p->depth > EVENT_QUERY_DEPTH)
		return err_set(p->err, -E2BIG, "event.query_too_deep", ARG_U64("limit", EVENT_QUERY_DEPTH));
	return 0;
}

static int read_group(struct parser *p, const struct event_query **ret)
{
	size_t open = p->c.at - 1;
	int r = deeper(p);
	if (r == 0)
		r = read_or(p, ret);
	if (r < 0)
		return r;
	skip_blanks(p);
	if (!cursor_accept(&p->c, ')'))
		return syntax(p, open, "event.query_no_parenthesis");
	p->depth--;
	return 0;
}

static int read_not(struct parser *p, const struct event_query **ret)
{
	skip_blanks(p);
	size_t at = p->c.at;
	if (cursor_at_end(&p->c) || cursor_peek(&p->c) == ')')
		return syntax(p, at, "event.query_no_term");
	struct str rest = cursor_rest(&p->c);
	bool minus = rest.n > 1 && rest.p[0] == '-' && !is_blank((unsigned char)rest.p[1]) && cursor_accept(&p->c, '-');
	if (minus || accept_keyword(p, STR("NOT"))) {
		const struct event_query *inner;
		int r = deeper(p);
		if (r == 0)
			r = read_not(p, &inner);
		if (r < 0)
			return r;
		p->depth--;
		*ret = node(p, (struct event_query){.kind = EVENT_QUERY_NOT, .left = inner, .at = at});
		return 0;
	}
	if (cursor_accept(&p->c, '('))
		return read_group(p, ret);
	if (accept_keyword(p, STR("AND")) || accept_keyword(p, STR("OR")))
		return syntax(p, at, "event.query_no_term");
	return read_term(p, ret);
}

static bool next_is(struct parser *p, struct str word)
{
	size_t at = p->c.at;
	bool found = accept_keyword(p, word);
	p->c.at = at;
	return found;
}

static int read_and(struct parser *p, const struct event_query **ret)
{
	const struct event_query *all = NULL, *one = NULL;
	do {
		int r = read_not(p, &one);
		if (r < 0)
			return r;
		all = join(p, EVENT_QUERY_AND, all, one);
		skip_blanks(p);
	} while (accept_keyword(p, STR("AND")) ||
	         (!cursor_at_end(&p->c) && cursor_peek(&p->c) != ')' && !next_is(p, STR("OR"))));
	*ret = all;
	return 0;
}

static int read_or(struct parser *p, const struct event_query **ret)
{
	const struct event_query *all = NULL, *one = NULL;
	do {
		int r = read_and(p, &one);
		if (r < 0)
			return r;
		all = join(p, EVENT_QUERY_OR, all, one);
		skip_blanks(p);
	} while (accept_keyword(p, STR("OR")));
	*ret = all;
	return 0;
}

int event_query_parse(struct arena *arena, struct str text, const struct event_query **ret, struct err *err)
{
	struct parser p = {.arena = arena, .c = cursor_of(text), .err = err};
	if (text.n > EVENT_QUERY_LIMIT)
		return err_set(err, -E2BIG, "event.query_too_long", ARG_U64("limit", EVENT_QUERY_LIMIT));
	if (!text_is_utf8(text))
		return err_set(err, -EINVAL, "event.query_utf8", ARG_U64("at", text_utf8_error(text)));
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' && !is_blank(text.p[i]))
			return err_set(err, -EINVAL, "event.query_utf8", ARG_U64("at", i));
	skip_blanks(&p);
	if (cursor_at_end(&p.c)) {
		*ret = node(&p, (struct event_query){.kind = EVENT_QUERY_ALL});
		return 0;
	}
	int r = read_or(&p, ret);
	if (r == 0 && !cursor_at_end(&p.c))
		r = syntax(&p, p.c.at, "event.query_end");
	return r;
}
