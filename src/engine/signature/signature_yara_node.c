/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Nodes: types and constants, as libyara checks them while it compiles. */
#include <stdio.h>

#include "engine/signature/signature_yara_internal.h"

struct signature_expr *signature_expr_new(struct arena *arena, enum signature_expr_kind kind, enum signature_class class)
{
	struct signature_expr *n = ARENA_NEW(arena, struct signature_expr);
	n->kind = kind;
	n->class = class;
	n->primary = class != SIGNATURE_CLASS_BOOLEAN;
	return n;
}

struct signature_expr *signature_expr_integer(struct arena *arena, int64_t value)
{
	struct signature_expr *n = signature_expr_new(arena, SIGNATURE_EXPR_INTEGER, SIGNATURE_CLASS_INTEGER);
	n->integer = value;
	n->constant = true;
	return n;
}

struct signature_expr *signature_expr_string(struct arena *arena, enum signature_expr_kind kind, uint32_t string)
{
	bool found = kind == SIGNATURE_EXPR_FOUND || kind == SIGNATURE_EXPR_FOUND_AT || kind == SIGNATURE_EXPR_FOUND_IN;
	struct signature_expr *n = signature_expr_new(arena, kind, found ? SIGNATURE_CLASS_BOOLEAN : SIGNATURE_CLASS_INTEGER);
	n->string = string;
	return n;
}

static bool is_truth(enum signature_expr_kind kind)
{
	return kind == SIGNATURE_EXPR_AND || kind == SIGNATURE_EXPR_OR || (kind >= SIGNATURE_EXPR_EQ && kind <= SIGNATURE_EXPR_GE) ||
	       kind >= SIGNATURE_EXPR_CONTAINS;
}

static enum signature_class class_of(enum signature_expr_kind kind, const struct signature_expr *a, const struct signature_expr *b)
{
	if (is_truth(kind))
		return SIGNATURE_CLASS_BOOLEAN;
	return a->class == SIGNATURE_CLASS_FLOAT || b->class == SIGNATURE_CLASS_FLOAT ? SIGNATURE_CLASS_FLOAT : SIGNATURE_CLASS_INTEGER;
}

struct signature_expr *signature_expr_binary(struct arena *arena, enum signature_expr_kind kind, struct signature_expr *a,
                                             struct signature_expr *b)
{
	struct signature_expr *n = signature_expr_new(arena, kind, class_of(kind, a, b));
	n->a = a;
	n->b = b;
	return n;
}

struct signature_expr *yara_new(struct yara_parser *p, enum signature_expr_kind kind, enum signature_class class)
{
	return signature_expr_new(p->arena, kind, class);
}

static const char *const class_names[] = {"boolean", "integer", "float", "string", "regexp"};

static struct signature_expr *wrong_type(struct yara_parser *p, const struct yara_token *op, const struct signature_expr *n)
{
	return yara_fail(p, op, "signature.wrong_type", ARG_CSTR("type", class_names[n->class]),
	                 ARG_STR("operator", str_sub(p->lexer.s, op->begin, op->end)));
}

static bool is_number(const struct signature_expr *n)
{
	return n->class == SIGNATURE_CLASS_INTEGER || n->class == SIGNATURE_CLASS_FLOAT;
}

struct signature_expr *yara_unary(struct yara_parser *p, const struct yara_token *op, enum signature_expr_kind kind, struct signature_expr *a)
{
	if (a == NULL)
		return NULL;
	enum signature_class class = SIGNATURE_CLASS_BOOLEAN;
	if (kind == SIGNATURE_EXPR_MINUS || kind == SIGNATURE_EXPR_COMPLEMENT) {
		if (!a->primary)
			return yara_unexpected(p);
		if (!is_number(a) || (kind == SIGNATURE_EXPR_COMPLEMENT && a->class != SIGNATURE_CLASS_INTEGER))
			return wrong_type(p, op, a);
		class = a->class;
		if (a->constant)
			return signature_expr_integer(p->arena, kind == SIGNATURE_EXPR_MINUS ? (int64_t)(0 - (uint64_t)a->integer) : ~a->integer);
	}
	struct signature_expr *n = yara_new(p, kind, class);
	n->a = a;
	return n;
}

static bool fold_overflows(enum signature_expr_kind kind, int64_t a, int64_t b, int64_t *ret)
{
	if (kind == SIGNATURE_EXPR_ADD)
		return __builtin_add_overflow(a, b, ret);
	if (kind == SIGNATURE_EXPR_SUB)
		return __builtin_sub_overflow(a, b, ret);
	return __builtin_mul_overflow(a, b, ret);
}

/* Both are constants; NULL: not one after all, or the rule fails. */
static struct signature_expr *fold(struct yara_parser *p, const struct yara_token *op, enum signature_expr_kind kind, int64_t a, int64_t b)
{
	int64_t v = 0;
	if (kind == SIGNATURE_EXPR_ADD || kind == SIGNATURE_EXPR_SUB || kind == SIGNATURE_EXPR_MUL) {
		if (fold_overflows(kind, a, b, &v)) {
			char text[96];
			(void)snprintf(text, sizeof text, "%lld %.*s %lld", (long long)a, STR_FMT(str_sub(p->lexer.s, op->begin, op->end)), (long long)b);
			return yara_fail(p, op, "signature.integer_overflow", ARG_CSTR("text", text));
		}
	} else if (kind == SIGNATURE_EXPR_DIV || kind == SIGNATURE_EXPR_MOD) {
		if (b == 0 || (a == INT64_MIN && b == -1))
			return NULL;
		v = kind == SIGNATURE_EXPR_DIV ? a / b : a % b;
	} else if (kind == SIGNATURE_EXPR_SHR) {
		return NULL; /* libyara knows it at run time only */
	} else if (kind == SIGNATURE_EXPR_SHL) {
		v = b > 63 ? 0 : (int64_t)((uint64_t)a << b);
	} else {
		v = kind == SIGNATURE_EXPR_BIT_AND ? (a & b) : kind == SIGNATURE_EXPR_BIT_OR ? (a | b) : (a ^ b);
	}
	return signature_expr_integer(p->arena, v);
}

static bool is_arithmetic(enum signature_expr_kind kind)
{
	return kind >= SIGNATURE_EXPR_ADD && kind <= SIGNATURE_EXPR_SHR;
}

/* NULL: the operands fit the operator; else the one that does not. */
static const struct signature_expr *misfit(enum signature_expr_kind kind, const struct signature_expr *a, const struct signature_expr *b)
{
	bool only_integers = kind >= SIGNATURE_EXPR_MOD && kind <= SIGNATURE_EXPR_SHR;
	for (unsigned i = 0; i < 2; i++) {
		const struct signature_expr *n = i == 0 ? a : b;
		bool fits = true;
		if (is_arithmetic(kind))
			fits = only_integers ? n->class == SIGNATURE_CLASS_INTEGER : is_number(n);
		else if (kind == SIGNATURE_EXPR_MATCHES)
			fits = n->class == (i == 0 ? SIGNATURE_CLASS_STRING : SIGNATURE_CLASS_REGEX);
		else if (kind >= SIGNATURE_EXPR_CONTAINS)
			fits = n->class == SIGNATURE_CLASS_STRING;
		if (!fits)
			return n;
	}
	return NULL;
}

static struct signature_expr *check_constants(struct yara_parser *p, const struct yara_token *op, enum signature_expr_kind kind,
                                              const struct signature_expr *a, const struct signature_expr *b)
{
	if (!b->constant || !is_arithmetic(kind))
		return NULL;
	if ((kind == SIGNATURE_EXPR_DIV || kind == SIGNATURE_EXPR_MOD) && b->integer == 0 && a->class == SIGNATURE_CLASS_INTEGER)
		return yara_fail(p, op, "signature.division_by_zero");
	if ((kind == SIGNATURE_EXPR_SHL || kind == SIGNATURE_EXPR_SHR) && b->integer < 0)
		return yara_fail(p, op, "signature.shift");
	return a->constant ? fold(p, op, kind, a->integer, b->integer) : NULL;
}

struct signature_expr *yara_binary(struct yara_parser *p, const struct yara_token *op, enum signature_expr_kind kind,
                                   struct signature_expr *a, struct signature_expr *b)
{
	if (a == NULL || b == NULL || p->failed)
		return NULL;
	if (kind == SIGNATURE_EXPR_AND || kind == SIGNATURE_EXPR_OR)
		return signature_expr_binary(p->arena, kind, a, b);
	if (!a->primary || !b->primary)
		return yara_fail(p, op, "signature.unexpected", ARG_STR("text", str_sub(p->lexer.s, op->begin, op->end)));
	const struct signature_expr *wrong = misfit(kind, a, b);
	if (wrong != NULL)
		return wrong_type(p, op, wrong);
	if (kind >= SIGNATURE_EXPR_EQ && kind <= SIGNATURE_EXPR_GE && !(is_number(a) && is_number(b)) &&
	    !(a->class == SIGNATURE_CLASS_STRING && b->class == SIGNATURE_CLASS_STRING))
		return yara_fail(p, op, "signature.type_mismatch", ARG_CSTR("left", class_names[a->class]), ARG_CSTR("right", class_names[b->class]));
	struct signature_expr *folded = check_constants(p, op, kind, a, b);
	return folded != NULL || p->failed ? folded : signature_expr_binary(p->arena, kind, a, b);
}
