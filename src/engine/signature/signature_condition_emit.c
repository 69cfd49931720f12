/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_condition.h"

#define CODE_MAX  1000000u
#define CHAIN_MAX 2048u /* operators of one level after each other: how deep a tree leans to the left */

struct emitter {
	struct arena *arena;
	struct signature_emitted *out;
	uint32_t self, depth, left;
	int failed; /* negative: the code is not good */
};

void signature_emitted_init(struct signature_emitted *e, uint32_t string_count)
{
	*e = (struct signature_emitted){.code = BUF_INIT(CODE_MAX * sizeof(struct signature_instruction)),
					.constants = BUF_INIT(BUF_DEFAULT_MAX),
					.members = BUF_INIT(BUF_DEFAULT_MAX),
					.texts = BUF_INIT(BUF_DEFAULT_MAX),
					.string_count = string_count};
}

void signature_emitted_done(struct signature_emitted *e)
{
	buf_done(&e->code);
	buf_done(&e->constants);
	buf_done(&e->members);
	buf_done(&e->texts);
}

static uint32_t here(const struct emitter *e)
{
	return (uint32_t)(e->out->code.n / sizeof(struct signature_instruction));
}

/* `change`: what the instruction does to the number of values. */
static uint32_t put(struct emitter *e, enum signature_op op, unsigned a, unsigned b, uint32_t c, int change)
{
	const struct signature_instruction in = {.op = (uint8_t)op, .a = (uint8_t)a, .b = (uint16_t)b, .c = c};
	uint32_t at = here(e);
	buf_append(&e->out->code, str_n(&in, sizeof in));
	e->depth = (uint32_t)((int64_t)e->depth + change);
	if (e->depth >= SIGNATURE_STACK_MAX || e->out->code.overflow)
		e->failed = -E2BIG;
	return at;
}

static void jump_here(struct emitter *e, uint32_t from)
{
	if (e->out->code.overflow)
		return;
	struct signature_instruction *in = (struct signature_instruction *)(void *)e->out->code.p;
	in[from].c = here(e);
}

static uint32_t constant(struct emitter *e, uint64_t v)
{
	uint32_t at = (uint32_t)(e->out->constants.n / sizeof v);
	buf_append(&e->out->constants, str_n(&v, sizeof v));
	if (e->out->constants.overflow)
		e->failed = -E2BIG;
	return at;
}

static uint32_t constant_text(struct emitter *e, struct str text)
{
	uint64_t at = e->out->texts.n;
	buf_append(&e->out->texts, text);
	if (e->out->texts.overflow)
		e->failed = -E2BIG;
	return constant(e, at << 32 | text.n);
}

static uint32_t constant_set(struct emitter *e, const struct signature_expr *n)
{
	uint64_t at = e->out->members.n / sizeof(uint32_t);
	for (uint32_t i = 0; i < n->count; i++) {
		uint32_t member = n->kind == SIGNATURE_EXPR_OF_RULES ? e->self - n->members[i] : n->members[i];
		buf_append(&e->out->members, str_n(&member, sizeof member));
	}
	if (e->out->members.overflow)
		e->failed = -E2BIG;
	return constant(e, at << 32 | n->count);
}

static void emit(struct emitter *e, const struct signature_expr *n);

static void emit_integer(struct emitter *e, int64_t v)
{
	if (v >= INT32_MIN && v <= INT32_MAX)
		(void)put(e, SIGNATURE_OP_INTEGER, 0, 0, (uint32_t)v, 1);
	else
		(void)put(e, SIGNATURE_OP_INTEGER_LONG, 0, 0, constant(e, (uint64_t)v), 1);
}

static uint32_t regex_number(struct emitter *e, const struct signature_expr *n)
{
	struct signature_emitted *out = e->out;
	if (out->regex_count % 8 == 0) {
		const struct signature_expr **more = arena_alloc(e->arena, (out->regex_count + 8) * sizeof(const struct signature_expr *));
		for (uint32_t i = 0; i < out->regex_count; i++)
			more[i] = out->regexes[i];
		out->regexes = more;
	}
	out->regexes[out->regex_count] = n;
	return out->string_count + out->regex_count++;
}

static void emit_literal(struct emitter *e, const struct signature_expr *n)
{
	uint64_t bits;
	switch (n->class) {
	case SIGNATURE_CLASS_BOOLEAN:
	case SIGNATURE_CLASS_INTEGER:
		emit_integer(e, n->integer);
		break;
	case SIGNATURE_CLASS_FLOAT:
		memcpy(&bits, &n->number, sizeof bits);
		(void)put(e, SIGNATURE_OP_FLOAT, 0, 0, constant(e, bits), 1);
		break;
	case SIGNATURE_CLASS_STRING:
		(void)put(e, SIGNATURE_OP_TEXT, 0, 0, constant_text(e, n->text), 1);
		break;
	case SIGNATURE_CLASS_REGEX:
		(void)put(e, SIGNATURE_OP_REGEX, 0, 0, regex_number(e, n), 1);
		break;
	}
}

/* $a, #a, @a, !a and what is said of them. */
static void emit_string(struct emitter *e, const struct signature_expr *n)
{
	enum signature_op op = (enum signature_op)(SIGNATURE_OP_FOUND + (n->kind - SIGNATURE_EXPR_FOUND));
	int change = 1;
	if (n->kind == SIGNATURE_EXPR_OFFSET || n->kind == SIGNATURE_EXPR_LENGTH) {
		if (n->a != NULL)
			emit(e, n->a);
		else
			emit_integer(e, 1);
		change = 0;
	} else if (n->a != NULL) {
		emit(e, n->a);
		change = 0;
		if (n->b != NULL) {
			emit(e, n->b);
			change = -1;
		}
	}
	(void)put(e, op, n->slot, 0, n->string, change);
}

/* The quantifier's value where it has one: 1 for "any", 0 for "none"; "all" is said by the quantity alone. */
static void emit_quantifier(struct emitter *e, const struct signature_expr *q)
{
	if (q->a != NULL)
		emit(e, q->a);
	else
		emit_integer(e, q->which == SIGNATURE_QUANTITY_ANY);
}

static void emit_of(struct emitter *e, const struct signature_expr *n)
{
	emit_quantifier(e, n->a);
	if (n->b != NULL) {
		emit(e, n->b);
		emit(e, n->c);
	}
	enum signature_op op = n->kind == SIGNATURE_EXPR_OF_RULES ? SIGNATURE_OP_OF_RULES : n->b != NULL ? SIGNATURE_OP_OF_IN : SIGNATURE_OP_OF;
	(void)put(e, op, 0, n->a->which, constant_set(e, n), op == SIGNATURE_OP_OF_IN ? -2 : 0);
}

static void emit_for(struct emitter *e, const struct signature_expr *n)
{
	enum signature_op op = SIGNATURE_OP_LOOP_STRINGS;
	uint32_t operand = 0, before = e->depth;
	int taken = -1;
	emit_quantifier(e, n->a);
	if (n->kind == SIGNATURE_EXPR_FOR_OF) {
		operand = constant_set(e, n);
	} else if (n->kind == SIGNATURE_EXPR_FOR_RANGE) {
		op = SIGNATURE_OP_LOOP_RANGE;
		emit(e, n->c);
		emit(e, n->d);
		taken = -3;
	} else if (n->kind == SIGNATURE_EXPR_FOR_ITEMS) {
		op = SIGNATURE_OP_LOOP_ITEMS;
		emit(e, n->c);
		taken = -2;
	} else {
		op = SIGNATURE_OP_LOOP_LIST;
		operand = n->count;
		for (uint32_t i = 0; i < n->count && e->failed == 0; i++)
			emit(e, n->list[i]);
		taken = 0;
	}
	uint32_t begin = put(e, op, n->slot, n->a->which, 0, taken);
	(void)put(e, SIGNATURE_OP_OPERAND, 0, 0, operand, 0);
	uint32_t body = here(e);
	emit(e, n->b);
	(void)put(e, SIGNATURE_OP_LOOP_NEXT, n->slot, 0, body, 0);
	jump_here(e, begin);
	e->depth = before + 1;
}

/* a and b and c …: the tree leans to the left, as long as the rule's author likes. */
static void emit_chain(struct emitter *e, const struct signature_expr *n)
{
	enum signature_op op = n->kind == SIGNATURE_EXPR_AND ? SIGNATURE_OP_AND_SKIP : SIGNATURE_OP_OR_SKIP;
	const struct signature_expr *at;
	uint32_t count = 1, i;
	for (at = n; at->kind == n->kind; at = at->a)
		count++;
	const struct signature_expr **terms = arena_alloc(e->arena, count * sizeof(const struct signature_expr *));
	uint32_t *skips = arena_alloc(e->arena, count * sizeof(uint32_t));
	for (i = count, at = n; at->kind == n->kind; at = at->a)
		terms[--i] = at->b;
	terms[0] = at;
	for (i = 0; i < count && e->failed == 0; i++) {
		if (i > 0)
			skips[i - 1] = put(e, op, 0, 0, 0, -1);
		emit(e, terms[i]);
	}
	(void)put(e, SIGNATURE_OP_TRUTH, 0, 0, 0, 0);
	for (i = 0; i + 1 < count && e->failed == 0; i++)
		jump_here(e, skips[i]);
}

static void emit_list(struct emitter *e, const struct signature_expr *n)
{
	for (uint32_t i = 0; i < n->count; i++)
		emit(e, n->list[i]);
	bool call = n->kind == SIGNATURE_EXPR_CALL;
	unsigned a = call ? (n->count - n->slot) | (unsigned)n->slot << 4 : n->count;
	(void)put(e, call ? SIGNATURE_OP_CALL : SIGNATURE_OP_FIELD, a, n->which, (uint32_t)n->module << 16 | n->id, 1 - (int)n->count);
}

static void emit_operation(struct emitter *e, const struct signature_expr *n)
{
	if (n->kind >= SIGNATURE_EXPR_EQ) {
		emit(e, n->a);
		emit(e, n->b);
		bool floats = n->a->class == SIGNATURE_CLASS_FLOAT || n->b->class == SIGNATURE_CLASS_FLOAT;
		(void)put(e, (enum signature_op)(SIGNATURE_OP_EQ + (n->kind - SIGNATURE_EXPR_EQ)), floats, 0, 0, -1);
	} else {
		emit(e, n->a);
		(void)put(e, (enum signature_op)(SIGNATURE_OP_NOT + (n->kind - SIGNATURE_EXPR_NOT)), 0, 0, 0, 0);
	}
}
_Static_assert(SIGNATURE_OP_MATCHES - SIGNATURE_OP_EQ == SIGNATURE_EXPR_MATCHES - SIGNATURE_EXPR_EQ, "one order");
_Static_assert(SIGNATURE_OP_COMPLEMENT - SIGNATURE_OP_NOT == SIGNATURE_EXPR_COMPLEMENT - SIGNATURE_EXPR_NOT, "one order");
_Static_assert(SIGNATURE_OP_LENGTH - SIGNATURE_OP_FOUND == SIGNATURE_EXPR_LENGTH - SIGNATURE_EXPR_FOUND, "one order");

static void emit_simple(struct emitter *e, const struct signature_expr *n)
{
	switch (n->kind) {
	case SIGNATURE_EXPR_FILESIZE:
		(void)put(e, SIGNATURE_OP_FILESIZE, 0, 0, 0, 1);
		break;
	case SIGNATURE_EXPR_ENTRYPOINT:
		(void)put(e, SIGNATURE_OP_ENTRYPOINT, 0, 0, 0, 1);
		break;
	case SIGNATURE_EXPR_READ:
		emit(e, n->a);
		(void)put(e, SIGNATURE_OP_READ, n->which, 0, 0, 0);
		break;
	case SIGNATURE_EXPR_RULE:
		(void)put(e, SIGNATURE_OP_RULE, 0, 0, e->self - n->index, 1);
		break;
	case SIGNATURE_EXPR_EXTERNAL:
		(void)put(e, SIGNATURE_OP_EXTERNAL, 0, 0, n->index, 1);
		if (n->index >= e->out->external_count)
			e->out->external_count = n->index + 1;
		break;
	default:
		(void)put(e, SIGNATURE_OP_LOOP_VALUE, n->slot, 0, 0, 1);
	}
}

static void emit(struct emitter *e, const struct signature_expr *n)
{
	if (e->failed != 0)
		return;
	if (++e->left > CHAIN_MAX) {
		e->failed = -E2BIG;
		return;
	}
	if (n->kind <= SIGNATURE_EXPR_BOOLEAN)
		emit_literal(e, n);
	else if (n->kind >= SIGNATURE_EXPR_FOUND && n->kind <= SIGNATURE_EXPR_LENGTH)
		emit_string(e, n);
	else if (n->kind == SIGNATURE_EXPR_OF || n->kind == SIGNATURE_EXPR_OF_RULES)
		emit_of(e, n);
	else if (n->kind >= SIGNATURE_EXPR_FOR_OF && n->kind <= SIGNATURE_EXPR_FOR_ITEMS)
		emit_for(e, n);
	else if (n->kind == SIGNATURE_EXPR_FIELD || n->kind == SIGNATURE_EXPR_CALL)
		emit_list(e, n);
	else if (n->kind == SIGNATURE_EXPR_AND || n->kind == SIGNATURE_EXPR_OR)
		emit_chain(e, n);
	else if (n->kind >= SIGNATURE_EXPR_NOT)
		emit_operation(e, n);
	else
		emit_simple(e, n);
	e->left--;
}

int signature_condition_emit(struct arena *arena, const struct signature_expr *condition, uint32_t self, struct signature_emitted *ret,
			     struct err *err)
{
	struct emitter e = {.arena = arena, .out = ret, .self = self};
	emit(&e, condition);
	(void)put(&e, SIGNATURE_OP_END, 0, 0, 0, 0);
	if (e.failed != 0)
		return err_set(err, e.failed, "signature.condition_size");
	return 0;
}
