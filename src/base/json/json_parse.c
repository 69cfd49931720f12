/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdlib.h>

#include "base/cursor/cursor.h"
#include "base/json/json.h"
#include "base/text/text.h"

#define DEFAULT_DEPTH 32
#define DEFAULT_NODES 1000000
/* No honest number is longer; keeps the exact conversion cheap. */
#define NUMBER_MAX 400

struct parser {
	struct cursor c;
	struct arena *arena;
	unsigned depth_left, depth_limit;
	size_t nodes_left, nodes_limit;
	struct err *err;
};

static int fail_at(struct parser *p, size_t at, const char *expected)
{
	struct cursor place = {.s = p->c.s, .at = at};
	unsigned line, column;
	cursor_place(&place, &line, &column);
	return err_set(p->err, -EINVAL, "json.syntax", ARG_U64("byte", at), ARG_U64("line", line),
	               ARG_U64("column", column), ARG_CSTR("expected", expected));
}

static int fail(struct parser *p, const char *expected)
{
	return fail_at(p, p->c.at, expected);
}

static int too_large(struct parser *p)
{
	return err_set(p->err, -E2BIG, "json.too_large", ARG_U64("byte", p->c.at));
}

static int parse_value(struct parser *p, struct json *out);

static int new_node(struct parser *p, struct json **ret)
{
	if (p->nodes_left == 0)
		return err_set(p->err, -E2BIG, "json.too_many", ARG_U64("limit", p->nodes_limit));
	p->nodes_left--;
	*ret = ARENA_ARRAY(p->arena, 1, struct json);
	return *ret != NULL ? 0 : too_large(p);
}

/* Four hex digits, or -1. */
static int32_t read_hex4(struct cursor *c)
{
	unsigned char b[2];
	struct str digits = cursor_take(c, 4);
	return str_parse_hex(digits, b, sizeof b) ? b[0] << 8 | b[1] : -1;
}

/* After "\u". Half a surrogate pair has no UTF-8 form and is refused. */
static int32_t read_unicode_escape(struct cursor *c)
{
	int32_t high = read_hex4(c);
	if (high < 0xD800 || high > 0xDFFF)
		return high;
	if (high > 0xDBFF || !cursor_accept_str(c, STR("\\u")))
		return -1;
	int32_t low = read_hex4(c);
	if (low < 0xDC00 || low > 0xDFFF)
		return -1;
	return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

static int32_t read_escape(struct cursor *c)
{
	static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	int letter = cursor_next(c);
	if (letter == 'u')
		return read_unicode_escape(c);
	const char *at = letter > 0 ? strchr(letters, letter) : NULL;
	return at != NULL ? values[at - letters] : -1;
}

/* The end of the string's plain part: a quote, backslash, control character or the end of the input. */
static size_t plain_end(const struct cursor *c)
{
	size_t at = c->at;
	while (at < c->s.n && c->s.p[at] != '"' && c->s.p[at] != '\\' && (unsigned char)c->s.p[at] >= 0x20)
		at++;
	return at;
}

/* The rest of a string that holds escapes. `out` has room for every byte up to the closing quote. */
static int unescape(struct parser *p, struct buf *out)
{
	for (;;) {
		buf_append(out, cursor_take(&p->c, plain_end(&p->c) - p->c.at));
		size_t at = p->c.at;
		int byte = cursor_next(&p->c);
		if (byte == '"')
			return 0;
		if (byte != '\\')
			return fail_at(p, at, byte < 0 ? "\"" : "\\u00..");
		int32_t code = read_escape(&p->c);
		if (code < 0)
			return fail_at(p, at, "\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
		text_append_code(out, code);
	}
}

/* Closing quote of a string with escapes, to know how much room decoding needs at most. */
static size_t closing_quote(const struct cursor *c)
{
	size_t at = c->at;
	while (at < c->s.n && c->s.p[at] != '"')
		at += c->s.p[at] == '\\' ? 2 : 1;
	return at < c->s.n ? at : c->s.n;
}

/* After the opening quote. Without escapes the text is borrowed from the input. */
static int parse_string(struct parser *p, struct str *ret)
{
	size_t end = plain_end(&p->c);
	if (end < p->c.s.n && p->c.s.p[end] == '"') {
		*ret = cursor_take(&p->c, end - p->c.at);
		(void)cursor_next(&p->c);
		return 0;
	}
	size_t room = closing_quote(&p->c) - p->c.at + 1;
	char *bytes = arena_try(p->arena, room, 1);
	if (bytes == NULL)
		return too_large(p);
	struct buf out = BUF_FIXED(bytes, room);
	int r = unescape(p, &out);
	*ret = buf_str(&out);
	return r;
}

static bool skip_digits(struct cursor *c)
{
	return cursor_while(c, "0123456789").n > 0;
}

/* number = [ "-" ] ( "0" / digit1-9 *DIGIT ) [ "." 1*DIGIT ] [ ("e"/"E") ["+"/"-"] 1*DIGIT ] */
static bool skip_number(struct cursor *c, bool *ret_whole)
{
	*ret_whole = true;
	(void)cursor_accept(c, '-');
	if (!cursor_accept(c, '0') && !skip_digits(c))
		return false;
	if (cursor_accept(c, '.')) {
		*ret_whole = false;
		if (!skip_digits(c))
			return false;
	}
	if (cursor_accept(c, 'e') || cursor_accept(c, 'E')) {
		*ret_whole = false;
		if (!cursor_accept(c, '+'))
			(void)cursor_accept(c, '-');
		return skip_digits(c);
	}
	return true;
}

static int parse_number(struct parser *p, struct json *out)
{
	size_t from = p->c.at;
	bool whole;
	if (!skip_number(&p->c, &whole))
		return fail(p, "0..9");
	out->type = JSON_NUMBER;
	out->text = str_sub(p->c.s, from, p->c.at);
	if (out->text.n > NUMBER_MAX)
		return err_set(p->err, -E2BIG, "json.number_too_long", ARG_U64("byte", from), ARG_I64("limit", NUMBER_MAX));
	char digits[NUMBER_MAX + 1];
	str_copy_c(out->text, digits, sizeof digits);
	out->number = strtod(digits, NULL);
	if (!__builtin_isfinite(out->number))
		return err_set(p->err, -EINVAL, "json.number_range", ARG_U64("byte", from), ARG_STR("text", out->text));
	out->is_integer = whole && str_parse_i64(out->text, INT64_MIN, INT64_MAX, &out->integer);
	return 0;
}

static int parse_literal(struct parser *p, const char *word, enum json_type type, bool value, struct json *out)
{
	if (!cursor_accept_str(&p->c, str_c(word)))
		return fail(p, word);
	out->type = type;
	out->boolean = value;
	return 0;
}

static int enter(struct parser *p)
{
	(void)cursor_next(&p->c);
	cursor_skip_space(&p->c);
	if (p->depth_left == 0)
		return err_set(p->err, -E2BIG, "json.too_deep", ARG_U64("limit", p->depth_limit), ARG_U64("byte", p->c.at));
	p->depth_left--;
	return 0;
}

/* After an element: true when another one follows. */
static int next_element(struct parser *p, char close, const char *expected, bool *ret_more)
{
	cursor_skip_space(&p->c);
	*ret_more = cursor_accept(&p->c, ',');
	if (!*ret_more && !cursor_accept(&p->c, close))
		return fail(p, expected);
	cursor_skip_space(&p->c);
	return 0;
}

static int parse_member_name(struct parser *p, struct str *ret)
{
	if (!cursor_accept(&p->c, '"'))
		return fail(p, "\"");
	int r = parse_string(p, ret);
	if (r < 0)
		return r;
	cursor_skip_space(&p->c);
	if (!cursor_accept(&p->c, ':'))
		return fail(p, ":");
	cursor_skip_space(&p->c);
	return 0;
}

static int refuse_duplicates(struct parser *p, const struct json *object)
{
	const struct json *twin;
	if (json_duplicate_name(object, &twin) < 0)
		return too_large(p);
	if (twin == NULL)
		return 0;
	struct cursor place = {.s = p->c.s, .at = twin->at};
	unsigned line, column;
	cursor_place(&place, &line, &column);
	return err_set(p->err, -EINVAL, "json.duplicate_name", ARG_STR("name", twin->name), ARG_U64("byte", twin->at),
	               ARG_U64("line", line), ARG_U64("column", column));
}

static int parse_container(struct parser *p, struct json *out, enum json_type type)
{
	const char close = type == JSON_OBJECT ? '}' : ']';
	const char *expected = type == JSON_OBJECT ? ", }" : ", ]";
	out->type = type;
	int r = enter(p);
	bool more = r >= 0 && !cursor_accept(&p->c, close);
	for (struct json **tail = &out->child; r >= 0 && more;) {
		struct json *item;
		struct str name = STR_EMPTY;
		if (type == JSON_OBJECT)
			r = parse_member_name(p, &name);
		if (r >= 0)
			r = new_node(p, &item);
		if (r >= 0)
			r = parse_value(p, item);
		if (r >= 0) {
			item->name = name;
			*tail = item;
			tail = &item->next;
			out->count++;
			r = next_element(p, close, expected, &more);
		}
	}
	if (r >= 0 && type == JSON_OBJECT)
		r = refuse_duplicates(p, out);
	p->depth_left++;
	return r;
}

static int parse_value(struct parser *p, struct json *out)
{
	out->at = p->c.at;
	int byte = cursor_peek(&p->c);
	switch (byte) {
	case '{':
		return parse_container(p, out, JSON_OBJECT);
	case '[':
		return parse_container(p, out, JSON_ARRAY);
	case '"':
		out->type = JSON_STRING;
		(void)cursor_next(&p->c);
		return parse_string(p, &out->text);
	case 't':
		return parse_literal(p, "true", JSON_BOOL, true, out);
	case 'f':
		return parse_literal(p, "false", JSON_BOOL, false, out);
	case 'n':
		return parse_literal(p, "null", JSON_NULL, false, out);
	default:
		if (byte == '-' || (byte >= '0' && byte <= '9'))
			return parse_number(p, out);
		return fail(p, "{ [ \" 0..9 - true false null");
	}
}

int json_parse(struct arena *arena, struct str text, const struct json_limits *limits, const struct json **ret,
               struct err *err)
{
	struct parser p = {.c = cursor_of(text), .arena = arena, .err = err};
	p.depth_limit = limits != NULL && limits->depth > 0 ? limits->depth : DEFAULT_DEPTH;
	p.nodes_limit = limits != NULL && limits->nodes > 0 ? limits->nodes : DEFAULT_NODES;
	p.depth_left = p.depth_limit;
	p.nodes_left = p.nodes_limit;
	size_t bad = text_utf8_error(text);
	if (bad != SIZE_MAX)
		return fail_at(&p, bad, "UTF-8");
	struct json *root;
	cursor_skip_space(&p.c);
	int r = new_node(&p, &root);
	if (r >= 0)
		r = parse_value(&p, root);
	if (r < 0)
		return r;
	cursor_skip_space(&p.c);
	if (!cursor_at_end(&p.c))
		return fail(&p, "EOF");
	*ret = root;
	return 0;
}
