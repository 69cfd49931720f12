/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What operators do with two values. Anything that does not fit, or is undefined, gives undefined. */
#include <float.h>
#include <math.h>

#include "engine/signature/signature_condition.h"

static const char *const op_texts[SIGNATURE_OP__COUNT] = {
	[SIGNATURE_OP_NOT] = "not",
	[SIGNATURE_OP_DEFINED] = "defined",
	[SIGNATURE_OP_MINUS] = "-",
	[SIGNATURE_OP_COMPLEMENT] = "~",
	[SIGNATURE_OP_EQ] = "==",
	[SIGNATURE_OP_NE] = "!=",
	[SIGNATURE_OP_LT] = "<",
	[SIGNATURE_OP_LE] = "<=",
	[SIGNATURE_OP_GT] = ">",
	[SIGNATURE_OP_GE] = ">=",
	[SIGNATURE_OP_ADD] = "+",
	[SIGNATURE_OP_SUB] = "-",
	[SIGNATURE_OP_MUL] = "*",
	[SIGNATURE_OP_DIV] = "\\",
	[SIGNATURE_OP_MOD] = "%",
	[SIGNATURE_OP_BIT_AND] = "&",
	[SIGNATURE_OP_BIT_OR] = "|",
	[SIGNATURE_OP_BIT_XOR] = "^",
	[SIGNATURE_OP_SHL] = "<<",
	[SIGNATURE_OP_SHR] = ">>",
	[SIGNATURE_OP_CONTAINS] = "contains",
	[SIGNATURE_OP_ICONTAINS] = "icontains",
	[SIGNATURE_OP_STARTSWITH] = "startswith",
	[SIGNATURE_OP_ISTARTSWITH] = "istartswith",
	[SIGNATURE_OP_ENDSWITH] = "endswith",
	[SIGNATURE_OP_IENDSWITH] = "iendswith",
	[SIGNATURE_OP_IEQUALS] = "iequals",
	[SIGNATURE_OP_MATCHES] = "matches",
};

const char *signature_op_text(enum signature_op op)
{
	return (unsigned)op < SIGNATURE_OP__COUNT && op_texts[op] != NULL ? op_texts[op] : "";
}

bool signature_value_is_true(const struct signature_value *v)
{
	uint64_t bits;
	switch (v->type) {
	case SIGNATURE_TYPE_INTEGER:
		return v->integer != 0;
	case SIGNATURE_TYPE_FLOAT:
		memcpy(&bits, &v->number, sizeof bits);
		return bits != 0;
	case SIGNATURE_TYPE_STRING:
		return v->text.n > 0;
	case SIGNATURE_TYPE_UNDEFINED:
	case SIGNATURE_TYPE_REGEX:
	case SIGNATURE_TYPE_STRUCT:
	case SIGNATURE_TYPE_ARRAY:
	case SIGNATURE_TYPE_DICTIONARY:
	case SIGNATURE_TYPE_FUNCTION:
	case SIGNATURE_TYPE__COUNT:
		break;
	}
	return v->type == SIGNATURE_TYPE_REGEX;
}

static void give(struct signature_value *ret, int64_t v)
{
	*ret = (struct signature_value){.type = SIGNATURE_TYPE_INTEGER, .integer = v};
}

static void give_float(struct signature_value *ret, double v)
{
	*ret = (struct signature_value){.type = SIGNATURE_TYPE_FLOAT, .number = v};
}

static bool holds(enum signature_op op, int order)
{
	return op == SIGNATURE_OP_EQ   ? order == 0
	       : op == SIGNATURE_OP_NE ? order != 0
	       : op == SIGNATURE_OP_LT ? order < 0
	       : op == SIGNATURE_OP_LE ? order <= 0
	       : op == SIGNATURE_OP_GT ? order > 0
				       : order >= 0;
}

static int64_t shift(enum signature_op op, int64_t a, int64_t by)
{
	if (by > 63)
		return 0;
	return op == SIGNATURE_OP_SHL ? (int64_t)((uint64_t)a << by) : a >> by;
}

static void integers(enum signature_op op, int64_t a, int64_t b, struct signature_value *ret)
{
	const uint64_t x = (uint64_t)a, y = (uint64_t)b;
	if (op <= SIGNATURE_OP_GE) {
		give(ret, holds(op, (a > b) - (a < b)));
		return;
	}
	switch (op) {
	case SIGNATURE_OP_ADD:
		give(ret, (int64_t)(x + y));
		break;
	case SIGNATURE_OP_SUB:
		give(ret, (int64_t)(x - y));
		break;
	case SIGNATURE_OP_MUL:
		give(ret, (int64_t)(x * y));
		break;
	case SIGNATURE_OP_DIV:
	case SIGNATURE_OP_MOD:
		if (b != 0 && !(a == INT64_MIN && b == -1))
			give(ret, op == SIGNATURE_OP_DIV ? a / b : a % b);
		break;
	case SIGNATURE_OP_BIT_AND:
		give(ret, a & b);
		break;
	case SIGNATURE_OP_BIT_OR:
		give(ret, a | b);
		break;
	case SIGNATURE_OP_BIT_XOR:
		give(ret, a ^ b);
		break;
	case SIGNATURE_OP_SHL:
	case SIGNATURE_OP_SHR:
		if (b >= 0)
			give(ret, shift(op, a, b));
		break;
	default:
		break;
	}
}

/* Two floats are equal when they are closer than the smallest step at 1.0, as in libyara. */
static void floats(enum signature_op op, double a, double b, struct signature_value *ret)
{
	switch (op) {
	case SIGNATURE_OP_EQ:
		give(ret, fabs(a - b) < DBL_EPSILON);
		break;
	case SIGNATURE_OP_NE:
		give(ret, fabs(a - b) >= DBL_EPSILON);
		break;
	case SIGNATURE_OP_LT:
		give(ret, a < b);
		break;
	case SIGNATURE_OP_LE:
		give(ret, a <= b);
		break;
	case SIGNATURE_OP_GT:
		give(ret, a > b);
		break;
	case SIGNATURE_OP_GE:
		give(ret, a >= b);
		break;
	case SIGNATURE_OP_ADD:
		give_float(ret, a + b);
		break;
	case SIGNATURE_OP_SUB:
		give_float(ret, a - b);
		break;
	case SIGNATURE_OP_MUL:
		give_float(ret, a * b);
		break;
	case SIGNATURE_OP_DIV:
		give_float(ret, a / b);
		break;
	default:
		break;
	}
}

/* libyara compares bytes as signed ones. */
static int order_of(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	for (size_t i = 0; i < n; i++)
		if (a.p[i] != b.p[i])
			return (signed char)a.p[i] < (signed char)b.p[i] ? -1 : 1;
	return (a.n > b.n) - (a.n < b.n);
}

static bool contains(struct str text, struct str part, bool nocase)
{
	if (!nocase)
		return part.n == 0 || str_find(text, part) != SIZE_MAX;
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (str_eq_nocase(str_sub(text, i, i + part.n), part))
			return true;
	return false;
}

static void texts(enum signature_op op, struct str a, struct str b, struct signature_value *ret)
{
	struct str begin = str_sub(a, 0, b.n), end = str_sub(a, a.n >= b.n ? a.n - b.n : 0, a.n);
	if (op <= SIGNATURE_OP_GE)
		give(ret, holds(op, order_of(a, b)));
	else if (op == SIGNATURE_OP_CONTAINS || op == SIGNATURE_OP_ICONTAINS)
		give(ret, contains(a, b, op == SIGNATURE_OP_ICONTAINS));
	else if (op == SIGNATURE_OP_STARTSWITH)
		give(ret, str_eq(begin, b));
	else if (op == SIGNATURE_OP_ISTARTSWITH)
		give(ret, str_eq_nocase(begin, b));
	else if (op == SIGNATURE_OP_ENDSWITH)
		give(ret, str_eq(end, b));
	else if (op == SIGNATURE_OP_IENDSWITH)
		give(ret, str_eq_nocase(end, b));
	else if (op == SIGNATURE_OP_IEQUALS)
		give(ret, str_eq_nocase(a, b));
}

void signature_operate(enum signature_op op, const struct signature_value *a, const struct signature_value *b, struct signature_value *ret)
{
	const struct signature_value x = *a, y = *b;
	*ret = (struct signature_value){0};
	if (x.type == SIGNATURE_TYPE_INTEGER && y.type == SIGNATURE_TYPE_INTEGER)
		integers(op, x.integer, y.integer, ret);
	else if (x.type == SIGNATURE_TYPE_STRING && y.type == SIGNATURE_TYPE_STRING)
		texts(op, x.text, y.text, ret);
	else if ((x.type == SIGNATURE_TYPE_FLOAT || x.type == SIGNATURE_TYPE_INTEGER) && (y.type == SIGNATURE_TYPE_FLOAT || y.type == SIGNATURE_TYPE_INTEGER))
		floats(op, x.type == SIGNATURE_TYPE_FLOAT ? x.number : (double)x.integer,
		       y.type == SIGNATURE_TYPE_FLOAT ? y.number : (double)y.integer, ret);
}
