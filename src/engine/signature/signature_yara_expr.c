/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Expressions, from the weakest operator to the strongest:
 *   or · and · not defined · == != < <= > >= contains … matches (one, not a chain) · | · ^ · & · << >> · + - · * \ % · - ~
 * "of" and "for" stand where a comparison may stand.
 */
#include "engine/signature/signature_yara_internal.h"

struct operator {
	enum yara_token_kind token;
	int which;
	enum signature_expr_kind kind;
	uint8_t level;
};

enum { LEVEL_OR = 1, LEVEL_XOR, LEVEL_AND, LEVEL_SHIFT, LEVEL_ADD, LEVEL_MUL, LEVEL_END };

static const struct operator arithmetic[] = {
	{YARA_TOKEN_BYTE, '|', SIGNATURE_EXPR_BIT_OR, LEVEL_OR},   {YARA_TOKEN_BYTE, '^', SIGNATURE_EXPR_BIT_XOR, LEVEL_XOR},
	{YARA_TOKEN_BYTE, '&', SIGNATURE_EXPR_BIT_AND, LEVEL_AND}, {YARA_TOKEN_SHL, 0, SIGNATURE_EXPR_SHL, LEVEL_SHIFT},
	{YARA_TOKEN_SHR, 0, SIGNATURE_EXPR_SHR, LEVEL_SHIFT},      {YARA_TOKEN_BYTE, '+', SIGNATURE_EXPR_ADD, LEVEL_ADD},
	{YARA_TOKEN_BYTE, '-', SIGNATURE_EXPR_SUB, LEVEL_ADD},     {YARA_TOKEN_BYTE, '*', SIGNATURE_EXPR_MUL, LEVEL_MUL},
	{YARA_TOKEN_BYTE, '\\', SIGNATURE_EXPR_DIV, LEVEL_MUL},    {YARA_TOKEN_BYTE, '%', SIGNATURE_EXPR_MOD, LEVEL_MUL},
};

static const struct operator relations[] = {
	{YARA_TOKEN_EQ, 0, SIGNATURE_EXPR_EQ, 0},
	{YARA_TOKEN_NE, 0, SIGNATURE_EXPR_NE, 0},
	{YARA_TOKEN_BYTE, '<', SIGNATURE_EXPR_LT, 0},
	{YARA_TOKEN_LE, 0, SIGNATURE_EXPR_LE, 0},
	{YARA_TOKEN_BYTE, '>', SIGNATURE_EXPR_GT, 0},
	{YARA_TOKEN_GE, 0, SIGNATURE_EXPR_GE, 0},
	{YARA_TOKEN_WORD, YARA_WORD_CONTAINS, SIGNATURE_EXPR_CONTAINS, 0},
	{YARA_TOKEN_WORD, YARA_WORD_ICONTAINS, SIGNATURE_EXPR_ICONTAINS, 0},
	{YARA_TOKEN_WORD, YARA_WORD_STARTSWITH, SIGNATURE_EXPR_STARTSWITH, 0},
	{YARA_TOKEN_WORD, YARA_WORD_ISTARTSWITH, SIGNATURE_EXPR_ISTARTSWITH, 0},
	{YARA_TOKEN_WORD, YARA_WORD_ENDSWITH, SIGNATURE_EXPR_ENDSWITH, 0},
	{YARA_TOKEN_WORD, YARA_WORD_IENDSWITH, SIGNATURE_EXPR_IENDSWITH, 0},
	{YARA_TOKEN_WORD, YARA_WORD_IEQUALS, SIGNATURE_EXPR_IEQUALS, 0},
	{YARA_TOKEN_WORD, YARA_WORD_MATCHES, SIGNATURE_EXPR_MATCHES, 0},
};

static const struct operator *find_operator(const struct operator *of, size_t n, const struct yara_token *t)
{
	for (size_t i = 0; i < n; i++)
		if (of[i].token == t->kind && of[i].which == t->which)
			return &of[i];
	return NULL;
}

static bool deeper(struct yara_parser *p)
{
	if (p->depth < SIGNATURE_YARA_DEPTH) {
		p->depth++;
		return true;
	}
	(void)yara_fail(p, &p->token, "signature.too_deep", ARG_U64("limit", SIGNATURE_YARA_DEPTH));
	return false;
}

bool yara_string_find(struct yara_parser *p, const struct yara_token *t, uint32_t *ret)
{
	if (t->text.n == 0) {
		*ret = SIGNATURE_STRING_CURRENT;
		if (!p->in_for_of)
			(void)yara_fail(p, t, "signature.anonymous");
		return p->in_for_of;
	}
	for (size_t i = 0; i < p->string_count; i++)
		if (str_eq(p->strings[i].name, t->text)) {
			p->strings[i].used = true;
			*ret = (uint32_t)i;
			return true;
		}
	(void)yara_fail(p, t, "signature.undefined_string", ARG_STR("name", t->text));
	return false;
}

bool yara_range(struct yara_parser *p, struct signature_expr **ret_from, struct signature_expr **ret_to)
{
	struct yara_token at = p->token;
	if (!yara_expect_byte(p, '('))
		return false;
	*ret_from = yara_primary_expression(p);
	if (p->failed)
		return false;
	if (p->token.kind != YARA_TOKEN_DOTS)
		return yara_unexpected(p) != NULL;
	yara_next(p);
	*ret_to = yara_primary_expression(p);
	if (p->failed || *ret_from == NULL || *ret_to == NULL || !yara_expect_byte(p, ')'))
		return false;
	if ((*ret_from)->class != SIGNATURE_CLASS_INTEGER || (*ret_to)->class != SIGNATURE_CLASS_INTEGER)
		return yara_fail(p, &at, "signature.range_type") != NULL;
	return true;
}

/* $a · $a at x · $a in (x..y) */
static struct signature_expr *string_found(struct yara_parser *p)
{
	uint32_t string;
	if (!yara_string_find(p, &p->token, &string))
		return NULL;
	struct signature_expr *n = signature_expr_string(p->arena, SIGNATURE_EXPR_FOUND, string);
	n->slot = p->for_of_slot;
	yara_next(p);
	struct yara_token at = p->token;
	if (yara_accept_word(p, YARA_WORD_AT)) {
		n->kind = SIGNATURE_EXPR_FOUND_AT;
		n->a = yara_primary_expression(p);
		if (n->a != NULL && n->a->class != SIGNATURE_CLASS_INTEGER)
			return yara_fail(p, &at, "signature.type_mismatch", ARG_CSTR("left", "integer"), ARG_CSTR("right", "?"));
	} else if (yara_accept_word(p, YARA_WORD_IN)) {
		n->kind = SIGNATURE_EXPR_FOUND_IN;
		(void)yara_range(p, &n->a, &n->b);
	}
	return p->failed ? NULL : n;
}

/* #a · #a in (x..y) · @a · @a[i] · !a · !a[i] */
static struct signature_expr *string_number(struct yara_parser *p)
{
	struct yara_token t = p->token;
	uint32_t string;
	if (!yara_string_find(p, &t, &string))
		return NULL;
	enum signature_expr_kind kind = t.kind == YARA_TOKEN_COUNT    ? SIGNATURE_EXPR_COUNT
					: t.kind == YARA_TOKEN_OFFSET ? SIGNATURE_EXPR_OFFSET
								      : SIGNATURE_EXPR_LENGTH;
	struct signature_expr *n = signature_expr_string(p->arena, kind, string);
	n->slot = p->for_of_slot;
	yara_next(p);
	if (kind == SIGNATURE_EXPR_COUNT && yara_accept_word(p, YARA_WORD_IN)) {
		n->kind = SIGNATURE_EXPR_COUNT_IN;
		(void)yara_range(p, &n->a, &n->b);
	} else if (kind != SIGNATURE_EXPR_COUNT && yara_accept_byte(p, '[')) {
		n->a = yara_primary_expression(p);
		if (n->a != NULL && n->a->class != SIGNATURE_CLASS_INTEGER)
			return yara_fail(p, &t, "signature.index_type");
		(void)yara_expect_byte(p, ']');
	}
	return p->failed ? NULL : n;
}

static struct signature_expr *literal(struct yara_parser *p)
{
	const struct yara_token t = p->token;
	struct signature_expr *n;
	if (t.kind == YARA_TOKEN_INTEGER) {
		n = signature_expr_integer(p->arena, t.integer);
	} else if (t.kind == YARA_TOKEN_FLOAT) {
		n = yara_new(p, SIGNATURE_EXPR_FLOAT, SIGNATURE_CLASS_FLOAT);
		n->number = t.number;
	} else if (t.kind == YARA_TOKEN_TEXT) {
		n = yara_new(p, SIGNATURE_EXPR_TEXT, SIGNATURE_CLASS_STRING);
		n->text = t.text;
	} else {
		n = yara_new(p, SIGNATURE_EXPR_REGEX, SIGNATURE_CLASS_REGEX);
		n->text = t.text;
		n->nocase = t.nocase;
		n->dot_all = t.dot_all;
	}
	yara_next(p);
	return n;
}

static struct signature_expr *read_at(struct yara_parser *p)
{
	struct yara_token t = p->token;
	struct signature_expr *n = yara_new(p, SIGNATURE_EXPR_READ, SIGNATURE_CLASS_INTEGER);
	n->which = (uint8_t)t.integer;
	yara_next(p);
	if (!yara_expect_byte(p, '('))
		return NULL;
	n->a = yara_primary_expression(p);
	if (p->failed || !yara_expect_byte(p, ')'))
		return NULL;
	if (n->a->class != SIGNATURE_CLASS_INTEGER)
		return yara_fail(p, &t, "signature.index_type");
	return n;
}

static struct signature_expr *atom_word(struct yara_parser *p)
{
	int word = p->token.which;
	if (word == YARA_WORD_READ)
		return read_at(p);
	if (word != YARA_WORD_TRUE && word != YARA_WORD_FALSE && word != YARA_WORD_FILESIZE && word != YARA_WORD_ENTRYPOINT)
		return yara_unexpected(p);
	yara_next(p);
	if (word == YARA_WORD_FILESIZE)
		return yara_new(p, SIGNATURE_EXPR_FILESIZE, SIGNATURE_CLASS_INTEGER);
	if (word == YARA_WORD_ENTRYPOINT)
		return yara_new(p, SIGNATURE_EXPR_ENTRYPOINT, SIGNATURE_CLASS_INTEGER);
	struct signature_expr *n = yara_new(p, SIGNATURE_EXPR_BOOLEAN, SIGNATURE_CLASS_BOOLEAN);
	n->integer = word == YARA_WORD_TRUE;
	return n;
}

static struct signature_expr *parenthesis(struct yara_parser *p)
{
	yara_next(p);
	struct signature_expr *n = yara_expression(p);
	return n != NULL && yara_expect_byte(p, ')') ? n : NULL;
}

static struct signature_expr *atom(struct yara_parser *p)
{
	switch (p->token.kind) {
	case YARA_TOKEN_INTEGER:
	case YARA_TOKEN_FLOAT:
	case YARA_TOKEN_TEXT:
	case YARA_TOKEN_REGEX:
		return literal(p);
	case YARA_TOKEN_STRING:
		return string_found(p);
	case YARA_TOKEN_COUNT:
	case YARA_TOKEN_OFFSET:
	case YARA_TOKEN_LENGTH:
		return string_number(p);
	case YARA_TOKEN_NAME:
		return yara_name(p);
	case YARA_TOKEN_WORD:
		return atom_word(p);
	case YARA_TOKEN_BYTE:
		if (p->token.which == '(')
			return parenthesis(p);
		return yara_unexpected(p);
	case YARA_TOKEN_BAD:
		return NULL;
	case YARA_TOKEN_END:
	case YARA_TOKEN_STRINGS:
	case YARA_TOKEN_DOTS:
	case YARA_TOKEN_SHL:
	case YARA_TOKEN_SHR:
	case YARA_TOKEN_EQ:
	case YARA_TOKEN_NE:
	case YARA_TOKEN_LE:
	case YARA_TOKEN_GE:
		break;
	}
	return yara_unexpected(p);
}

static struct signature_expr *prefix(struct yara_parser *p)
{
	struct yara_token op = p->token;
	if (!yara_at_byte(p, '-') && !yara_at_byte(p, '~'))
		return atom(p);
	if (!deeper(p))
		return NULL;
	yara_next(p);
	struct signature_expr *n = yara_unary(p, &op, op.which == '-' ? SIGNATURE_EXPR_MINUS : SIGNATURE_EXPR_COMPLEMENT, prefix(p));
	p->depth--;
	return n;
}

/* "50 % of them": the sign belongs to "of". */
static bool is_percentage(struct yara_parser *p)
{
	if (!yara_at_byte(p, '%'))
		return false;
	struct yara_token next = yara_peek(p);
	return next.kind == YARA_TOKEN_WORD && next.which == YARA_WORD_OF;
}

static struct signature_expr *operators(struct yara_parser *p, unsigned level)
{
	if (level == LEVEL_END)
		return prefix(p);
	struct signature_expr *left = operators(p, level + 1);
	const struct operator *op;
	while (left != NULL && (op = find_operator(arithmetic, ARRAY_LEN(arithmetic), &p->token)) != NULL && op->level == level &&
	       !is_percentage(p)) {
		struct yara_token token = p->token;
		yara_next(p);
		left = yara_binary(p, &token, op->kind, left, operators(p, level + 1));
	}
	return p->failed ? NULL : left;
}

struct signature_expr *yara_primary_expression(struct yara_parser *p)
{
	if (!deeper(p))
		return NULL;
	struct signature_expr *n = operators(p, LEVEL_OR);
	p->depth--;
	if (n != NULL && !n->primary)
		return yara_unexpected(p);
	return n;
}

static struct signature_expr *relation(struct yara_parser *p)
{
	if (yara_at_word(p, YARA_WORD_FOR))
		return yara_for(p);
	if (yara_at_word(p, YARA_WORD_ALL) || yara_at_word(p, YARA_WORD_ANY) || yara_at_word(p, YARA_WORD_NONE))
		return yara_of(p, yara_quantifier(p, SIGNATURE_QUANTITY_NUMBER, NULL));
	struct signature_expr *left = operators(p, LEVEL_OR);
	if (left == NULL)
		return NULL;
	if (left->primary && yara_at_word(p, YARA_WORD_OF))
		return yara_of(p, yara_quantifier(p, SIGNATURE_QUANTITY_NUMBER, left));
	if (left->primary && is_percentage(p)) {
		yara_next(p);
		return yara_of(p, yara_quantifier(p, SIGNATURE_QUANTITY_PERCENT, left));
	}
	const struct operator *op = find_operator(relations, ARRAY_LEN(relations), &p->token);
	if (op == NULL)
		return left;
	struct yara_token token = p->token;
	yara_next(p);
	return yara_binary(p, &token, op->kind, left, operators(p, LEVEL_OR));
}

static struct signature_expr *negation(struct yara_parser *p)
{
	struct yara_token op = p->token;
	bool is_not = yara_at_word(p, YARA_WORD_NOT);
	if (!is_not && !yara_at_word(p, YARA_WORD_DEFINED))
		return relation(p);
	if (!deeper(p))
		return NULL;
	yara_next(p);
	struct signature_expr *n = yara_unary(p, &op, is_not ? SIGNATURE_EXPR_NOT : SIGNATURE_EXPR_DEFINED, negation(p));
	p->depth--;
	return n;
}

static struct signature_expr *conjunction(struct yara_parser *p)
{
	struct signature_expr *left = negation(p);
	while (left != NULL && yara_at_word(p, YARA_WORD_AND)) {
		struct yara_token op = p->token;
		yara_next(p);
		left = yara_binary(p, &op, SIGNATURE_EXPR_AND, left, negation(p));
	}
	return left;
}

struct signature_expr *yara_expression(struct yara_parser *p)
{
	if (!deeper(p))
		return NULL;
	struct signature_expr *left = conjunction(p);
	while (left != NULL && yara_at_word(p, YARA_WORD_OR)) {
		struct yara_token op = p->token;
		yara_next(p);
		left = yara_binary(p, &op, SIGNATURE_EXPR_OR, left, conjunction(p));
	}
	p->depth--;
	return p->failed ? NULL : left;
}
