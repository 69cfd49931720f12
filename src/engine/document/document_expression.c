/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What stands between {{ and }}: paths, literals, comparisons, and/or/not, and formats behind "|". Worked out while it is
 * read; a dry run reads every branch and asks for no values.
 */
#include "engine/document/document_template.h"

#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

int document_fail_at(struct document_expand *x, const struct cursor *at, int code, const char *key, const struct arg *args)
{
	char place[32];
	struct buf b = BUF_FIXED(place, sizeof(place));
	unsigned line, column;
	struct cursor c = cursor_of(x->source);
	c.at = at->at;
	cursor_place(&c, &line, &column);
	buf_printf(&b, "%u:%u", line, column);
	(void)err_set_args(x->err, code, key, args);
	(void)err_at(x->err, buf_str(&b));
	return code;
}

static struct cursor part(struct document_expand *x, size_t from, size_t to)
{
	struct cursor c = cursor_of(str_sub(x->source, 0, to));
	c.at = from;
	return c;
}

static int expected(struct document_expand *x, const struct cursor *c, const char *what)
{
	return document_fail(x, c, -EINVAL, "document.syntax", ARG_CSTR("expected", what));
}

static int at_end(struct document_expand *x, struct cursor *c)
{
	cursor_skip_space(c);
	return cursor_at_end(c) ? 0 : expected(x, c, "}}");
}

static struct document_value value_of_json(const struct json *j)
{
	struct document_value v = {.type = DOCUMENT_NONE};
	if (j == NULL || j->type == JSON_NULL)
		return v;
	switch (j->type) {
	case JSON_NULL:
		break;
	case JSON_BOOL:
		v.type = DOCUMENT_BOOL;
		v.boolean = j->boolean;
		break;
	case JSON_NUMBER:
		v.type = DOCUMENT_NUMBER;
		v.number = j->number;
		break;
	case JSON_STRING:
		v.type = DOCUMENT_TEXT;
		v.text = j->text;
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		v.type = DOCUMENT_TREE;
		v.tree = j;
		break;
	}
	return v;
}

#define NAME_MAX_BYTES 64
static const struct json *member(const struct json *j, struct str name)
{
	char key[NAME_MAX_BYTES + 1];
	if (j == NULL || j->type != JSON_OBJECT || name.n > NAME_MAX_BYTES)
		return NULL;
	str_copy_c(name, key, sizeof(key));
	return json_get(j, key);
}

static const struct json *find(struct document_expand *x, struct str name)
{
	for (const struct document_scope *s = x->scope; s != NULL; s = s->up)
		if (str_eq(s->name, name))
			return s->item;
	return member(x->data, name);
}

/* "@number", "@count", "@first", "@last": of the innermost loop. */
static int read_loop_fact(struct document_expand *x, struct cursor *c, struct document_value *ret)
{
	size_t begin = c->at;
	struct str name = cursor_while(c, NAME_BYTES);
	const struct document_scope *s = x->scope;
	struct cursor place = *c;
	place.at = begin;
	bool number = str_eq_c(name, "number"), count = str_eq_c(name, "count"), first = str_eq_c(name, "first");
	if (!number && !count && !first && !str_eq_c(name, "last"))
		return expected(x, &place, "@number, @count, @first, @last");
	if (s == NULL)
		return x->dry ? 0 : document_fail(x, &place, -EINVAL, "document.no_value", ARG_STR("name", name));
	if (number || count)
		*ret = (struct document_value){.type = DOCUMENT_NUMBER, .number = (double)(number ? s->number : s->count)};
	else
		*ret = (struct document_value){.type = DOCUMENT_BOOL, .boolean = s->number == (first ? 1 : s->count)};
	return 0;
}

static int read_path(struct document_expand *x, struct cursor *c, struct document_value *ret)
{
	size_t begin = c->at;
	struct str name = cursor_while(c, NAME_BYTES);
	if (name.n == 0)
		return expected(x, c, "…");
	const struct json *j = x->dry ? NULL : find(x, name);
	while (cursor_accept(c, '.')) {
		name = cursor_while(c, NAME_BYTES);
		if (name.n == 0)
			return expected(x, c, "…");
		j = member(j, name);
	}
	*ret = value_of_json(j);
	ret->name = str_sub(c->s, begin, c->at);
	return 0;
}

static int read_text(struct document_expand *x, struct cursor *c, struct document_value *ret)
{
	*ret = (struct document_value){.type = DOCUMENT_TEXT, .text = cursor_until(c, '"')};
	return cursor_accept(c, '"') ? 0 : expected(x, c, "\"");
}

static int read_number(struct document_expand *x, struct cursor *c, struct document_value *ret)
{
	struct cursor begin = *c;
	bool negative = cursor_accept(c, '-');
	uint64_t whole = 0, fraction = 0;
	if (!cursor_u64(c, 0, UINT64_C(1) << 52, &whole))
		return expected(x, &begin, "0…9");
	double number = (double)whole;
	if (cursor_accept(c, '.')) {
		size_t from = c->at;
		if (!cursor_u64(c, 0, UINT64_C(1) << 52, &fraction))
			return expected(x, &begin, "0…9");
		double scale = 1;
		for (size_t i = from; i < c->at; i++)
			scale *= 10;
		number += (double)fraction / scale;
	}
	*ret = (struct document_value){.type = DOCUMENT_NUMBER, .number = negative ? -number : number};
	return 0;
}

static bool accept_word(struct cursor *c, const char *word)
{
	struct cursor ahead = *c;
	cursor_skip_space(&ahead);
	if (!str_eq_c(cursor_while(&ahead, NAME_BYTES), word) || cursor_peek(&ahead) == '.')
		return false;
	*c = ahead;
	return true;
}

static int read_any(struct document_expand *x, struct cursor *c, struct document_value *ret);

static int read_operand(struct document_expand *x, struct cursor *c, struct document_value *ret)
{
	if (++x->steps > DOCUMENT_STEPS_MAX)
		return document_fail(x, c, -E2BIG, "document.too_long", ARG_U64("limit", DOCUMENT_STEPS_MAX));
	cursor_skip_space(c);
	int next = cursor_peek(c);
	*ret = (struct document_value){.type = DOCUMENT_NONE};
	if (accept_word(c, "true") || accept_word(c, "false")) {
		*ret = (struct document_value){.type = DOCUMENT_BOOL, .boolean = next == 't'};
		return 0;
	}
	if (accept_word(c, "null"))
		return 0;
	if ((next >= '0' && next <= '9') || next == '-')
		return read_number(x, c, ret);
	if (cursor_accept(c, '"'))
		return read_text(x, c, ret);
	if (cursor_accept(c, '@'))
		return read_loop_fact(x, c, ret);
	if (!cursor_accept(c, '('))
		return read_path(x, c, ret);
	int r = read_any(x, c, ret);
	cursor_skip_space(c);
	return r < 0 ? r : cursor_accept(c, ')') ? 0 : expected(x, c, ")");
}

static bool is_true(const struct document_value *v)
{
	switch (v->type) {
	case DOCUMENT_NONE:
		return false;
	case DOCUMENT_BOOL:
		return v->boolean;
	case DOCUMENT_NUMBER:
		return v->number < 0 || v->number > 0;
	case DOCUMENT_TEXT:
		return v->text.n > 0;
	case DOCUMENT_TREE:
		return v->tree->count > 0;
	}
	return false;
}

enum compare { COMPARE_EQUAL, COMPARE_UNEQUAL, COMPARE_LESS_EQUAL, COMPARE_MORE_EQUAL, COMPARE_LESS, COMPARE_MORE, COMPARE__COUNT };
static const char *const compares[COMPARE__COUNT] = {"==", "!=", "<=", ">=", "<", ">"};

static bool holds(enum compare how, int order)
{
	switch (how) {
	case COMPARE_EQUAL:
		return order == 0;
	case COMPARE_UNEQUAL:
		return order != 0;
	case COMPARE_LESS_EQUAL:
		return order <= 0;
	case COMPARE_MORE_EQUAL:
		return order >= 0;
	case COMPARE_LESS:
		return order < 0;
	case COMPARE_MORE:
		return order > 0;
	case COMPARE__COUNT:
		break;
	}
	return false;
}

static int compare(struct document_expand *x, const struct cursor *at, enum compare how, struct document_value *a,
		   const struct document_value *b)
{
	int order = 0;
	bool by_order = how != COMPARE_EQUAL && how != COMPARE_UNEQUAL;
	if (a->type == DOCUMENT_NUMBER && b->type == DOCUMENT_NUMBER)
		order = (a->number > b->number) - (a->number < b->number);
	else if (a->type == DOCUMENT_TEXT && b->type == DOCUMENT_TEXT)
		order = str_cmp(a->text, b->text);
	else if (a->type == DOCUMENT_BOOL && b->type == DOCUMENT_BOOL && !by_order)
		order = a->boolean != b->boolean;
	else if (!by_order && (a->type == DOCUMENT_NONE || b->type == DOCUMENT_NONE))
		order = a->type != b->type;
	else if (!x->dry)
		return document_fail(x, at, -EINVAL, "document.compare", ARG_CSTR("sign", compares[how]));
	*a = (struct document_value){.type = DOCUMENT_BOOL, .boolean = holds(how, order)};
	return 0;
}

static int read_comparison(struct document_expand *x, struct cursor *c, struct document_value *ret)
{
	struct document_value right;
	bool negated = accept_word(c, "not");
	int r = read_operand(x, c, ret);
	if (r < 0)
		return r;
	cursor_skip_space(c);
	struct cursor place = *c;
	for (int how = 0; how < COMPARE__COUNT; how++) {
		if (!cursor_accept_str(c, str_c(compares[how])))
			continue;
		r = read_operand(x, c, &right);
		r = r < 0 ? r : compare(x, &place, (enum compare)how, ret, &right);
		break;
	}
	if (r == 0 && negated)
		*ret = (struct document_value){.type = DOCUMENT_BOOL, .boolean = !is_true(ret)};
	return r;
}

static int read_all(struct document_expand *x, struct cursor *c, struct document_value *ret)
{
	struct document_value more;
	int r = read_comparison(x, c, ret);
	while (r == 0 && accept_word(c, "and")) {
		r = read_comparison(x, c, &more);
		*ret = (struct document_value){.type = DOCUMENT_BOOL, .boolean = r == 0 && is_true(ret) && is_true(&more)};
	}
	return r;
}

static int read_any(struct document_expand *x, struct cursor *c, struct document_value *ret)
{
	struct document_value more;
	if (x->depth >= DOCUMENT_DEPTH_MAX)
		return document_fail(x, c, -E2BIG, "document.too_deep", ARG_U64("limit", DOCUMENT_DEPTH_MAX));
	x->depth++;
	int r = read_all(x, c, ret);
	while (r == 0 && accept_word(c, "or")) {
		r = read_all(x, c, &more);
		*ret = (struct document_value){.type = DOCUMENT_BOOL, .boolean = r == 0 && (is_true(ret) || is_true(&more))};
	}
	x->depth--;
	return r;
}

static int read_formats(struct document_expand *x, struct cursor *c, struct document_value *ret)
{
	int r = 0;
	cursor_skip_space(c);
	while (r == 0 && cursor_accept(c, '|')) {
		struct document_apply a = {.arg_count = 0};
		cursor_skip_space(c);
		struct cursor place = *c;
		a.name = cursor_while(c, NAME_BYTES);
		cursor_skip_space(c);
		while (r == 0 && a.arg_count < DOCUMENT_FORMAT_ARGS && !cursor_at_end(c) && cursor_peek(c) != '|') {
			r = read_operand(x, c, &a.args[a.arg_count++]);
			cursor_skip_space(c);
		}
		if (r == 0)
			r = document_apply(x, &place, &a, ret);
	}
	return r;
}

int document_value_of(struct document_expand *x, size_t from, size_t to, struct document_value *ret)
{
	struct cursor c = part(x, from, to), begin = c;
	int r = read_operand(x, &c, ret);
	if (r == 0)
		r = read_formats(x, &c, ret);
	if (r == 0)
		r = at_end(x, &c);
	if (r < 0 || x->dry)
		return r;
	if (ret->type == DOCUMENT_NONE)
		return document_fail(x, &begin, -EINVAL, "document.no_value", ARG_STR("name", ret->name));
	if (ret->type == DOCUMENT_TREE || ret->type == DOCUMENT_BOOL)
		return document_fail(x, &begin, -EINVAL, "document.not_a_value", ARG_STR("name", ret->name));
	return 0;
}

int document_condition(struct document_expand *x, size_t from, size_t to, bool *ret)
{
	struct cursor c = part(x, from, to);
	struct document_value v;
	int r = read_any(x, &c, &v);
	if (r == 0)
		r = at_end(x, &c);
	*ret = r == 0 && is_true(&v);
	return r;
}

int document_loop(struct document_expand *x, size_t from, size_t to, struct str *ret_name, struct document_value *ret_list)
{
	struct cursor c = part(x, from, to);
	cursor_skip_space(&c);
	*ret_name = cursor_while(&c, NAME_BYTES);
	if (ret_name->n == 0 || !accept_word(&c, "in"))
		return expected(x, &c, "#each x in y");
	cursor_skip_space(&c);
	struct cursor begin = c;
	int r = read_path(x, &c, ret_list);
	if (r == 0)
		r = at_end(x, &c);
	if (r < 0 || x->dry)
		return r;
	if (ret_list->type == DOCUMENT_NONE)
		return document_fail(x, &begin, -EINVAL, "document.no_value", ARG_STR("name", ret_list->name));
	if (ret_list->type != DOCUMENT_TREE || ret_list->tree->type != JSON_ARRAY)
		return document_fail(x, &begin, -EINVAL, "document.not_a_list", ARG_STR("name", ret_list->name));
	return 0;
}
