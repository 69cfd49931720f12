/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Is a rule's code sound? One pass from front to back follows how many values lie on the stack: every way to an instruction
 * must bring the same number. Jumps go forward and stay within their loop; a loop's end leads back to its own begin.
 */
#include "engine/signature/signature_condition.h"

struct open_loop {
	uint32_t begin, end;    /* its instruction; the one behind LOOP_NEXT */
	int32_t body, after;    /* values in the body, and behind the loop */
	uint8_t slot, op;
};

struct way { /* how one comes to an instruction */
	int32_t depth;    /* -1: not yet */
	uint32_t in_loop; /* the begin of the innermost loop there, or UINT32_MAX */
};

struct checker {
	const struct signature_code *code;
	uint32_t self, external_count;
	struct way *ways;
	struct open_loop loops[SIGNATURE_YARA_LOOPS];
	unsigned loop_count;
};

static uint32_t innermost(const struct checker *c)
{
	return c->loop_count > 0 ? c->loops[c->loop_count - 1].begin : UINT32_MAX;
}

static const struct open_loop *loop_of(const struct checker *c, unsigned slot)
{
	for (unsigned i = 0; i < c->loop_count; i++)
		if (c->loops[i].slot == slot)
			return &c->loops[i];
	return NULL;
}

static bool reach(struct checker *c, uint32_t to, int32_t depth, uint32_t in_loop)
{
	if (to >= c->code->code_count || depth < 0 || depth >= SIGNATURE_STACK_MAX)
		return false;
	struct way *w = &c->ways[to];
	if (w->depth < 0)
		*w = (struct way){depth, in_loop};
	return w->depth == depth && w->in_loop == in_loop;
}

static bool string_is_there(const struct checker *c, const struct signature_instruction *in)
{
	if (in->c != SIGNATURE_STRING_CURRENT)
		return in->c < c->code->string_count;
	const struct open_loop *loop = loop_of(c, in->a);
	return loop != NULL && loop->op == SIGNATURE_OP_LOOP_STRINGS;
}

static bool set_is_there(const struct checker *c, uint32_t constant, bool rules)
{
	if (constant >= c->code->constant_count)
		return false;
	uint64_t set = c->code->constants[constant], first = set >> 32, n = set & UINT32_MAX;
	if (n == 0 || first + n > c->code->member_count)
		return false;
	for (uint64_t i = first; i < first + n; i++) {
		uint32_t m = c->code->members[i];
		if (rules ? m == 0 || m > c->self : m >= c->code->string_count)
			return false;
	}
	return true;
}

static bool text_is_there(const struct checker *c, uint32_t constant)
{
	if (constant >= c->code->constant_count)
		return false;
	uint64_t text = c->code->constants[constant];
	return (text >> 32) + (text & UINT32_MAX) <= c->code->text_size;
}

static bool field_is_there(const struct signature_instruction *in, bool function)
{
	unsigned keys;
	const struct signature_field *f = signature_field_by_id(in->c >> 16, in->c & 0xffff, &keys);
	if (f == NULL || (f->type == SIGNATURE_TYPE_FUNCTION) != function)
		return false;
	if (function)
		return (in->a & 15) <= SIGNATURE_MODULE_ARGUMENTS && in->a >> 4 <= SIGNATURE_MODULE_KEYS && in->b < signature_field_overloads(f);
	return in->a <= SIGNATURE_MODULE_KEYS + 1;
}

/* Operands beyond the stack, and what the instruction does to its depth; false: unsound. */
static bool simple(const struct checker *c, const struct signature_instruction *in, int32_t *ret_takes, int32_t *ret_gives)
{
	*ret_takes = 0;
	*ret_gives = 1;
	switch ((enum signature_op)in->op) {
	case SIGNATURE_OP_INTEGER:
	case SIGNATURE_OP_FILESIZE:
	case SIGNATURE_OP_ENTRYPOINT:
		return true;
	case SIGNATURE_OP_INTEGER_LONG:
	case SIGNATURE_OP_FLOAT:
		return in->c < c->code->constant_count;
	case SIGNATURE_OP_TEXT:
		return text_is_there(c, in->c);
	case SIGNATURE_OP_REGEX:
		return in->c < c->code->pattern_count;
	case SIGNATURE_OP_RULE:
		return in->c >= 1 && in->c <= c->self;
	case SIGNATURE_OP_EXTERNAL:
		return in->c < c->external_count;
	case SIGNATURE_OP_LOOP_VALUE:
		return loop_of(c, in->a) != NULL;
	case SIGNATURE_OP_FIELD:
	case SIGNATURE_OP_CALL:
		*ret_takes = in->op == SIGNATURE_OP_CALL ? (in->a & 15) + (in->a >> 4) : in->a;
		return field_is_there(in, in->op == SIGNATURE_OP_CALL);
	case SIGNATURE_OP_OF:
	case SIGNATURE_OP_OF_IN:
	case SIGNATURE_OP_OF_RULES:
		*ret_takes = in->op == SIGNATURE_OP_OF_IN ? 3 : 1;
		return in->b <= SIGNATURE_QUANTITY_NONE && set_is_there(c, in->c, in->op == SIGNATURE_OP_OF_RULES);
	case SIGNATURE_OP_READ:
		*ret_takes = 1;
		return in->a < SIGNATURE_READ__COUNT;
	default:
		break;
	}
	if (in->op >= SIGNATURE_OP_FOUND && in->op <= SIGNATURE_OP_LENGTH) {
		*ret_takes = in->op == SIGNATURE_OP_FOUND || in->op == SIGNATURE_OP_COUNT            ? 0
			     : in->op == SIGNATURE_OP_FOUND_IN || in->op == SIGNATURE_OP_COUNT_IN ? 2
												   : 1;
		return string_is_there(c, in);
	}
	*ret_takes = in->op >= SIGNATURE_OP_EQ && in->op <= SIGNATURE_OP_MATCHES ? 2 : 1;
	return in->op <= SIGNATURE_OP_MATCHES;
}

static bool loop_begins(struct checker *c, uint32_t at, const struct signature_instruction *in, int32_t depth)
{
	const struct signature_code *code = c->code;
	if (at + 2 >= code->code_count || in[1].op != SIGNATURE_OP_OPERAND || c->ways[at + 1].depth >= 0 || in->a >= SIGNATURE_YARA_LOOPS ||
	    loop_of(c, in->a) != NULL || c->loop_count == SIGNATURE_YARA_LOOPS || in->b > SIGNATURE_QUANTITY_NONE ||
	    in->b == SIGNATURE_QUANTITY_PERCENT || in->c <= at + 2 || in->c > code->code_count)
		return false;
	int32_t takes = in->op == SIGNATURE_OP_LOOP_STRINGS ? 1 : in->op == SIGNATURE_OP_LOOP_RANGE ? 3 : 2;
	int32_t keeps = 0;
	if (in->op == SIGNATURE_OP_LOOP_LIST) {
		if (in[1].c == 0 || in[1].c >= SIGNATURE_STACK_MAX)
			return false;
		takes = keeps = (int32_t)in[1].c + 1;
	}
	if (in->op == SIGNATURE_OP_LOOP_STRINGS && !set_is_there(c, in[1].c, false))
		return false;
	if (depth < takes || !reach(c, in->c, depth - takes + 1, innermost(c)))
		return false;
	c->loops[c->loop_count++] = (struct open_loop){.begin = at, .end = in->c, .body = depth - takes + keeps, .after = depth - takes + 1,
						       .slot = in->a, .op = in->op};
	return reach(c, at + 2, depth - takes + keeps, at);
}

static bool loop_ends(struct checker *c, uint32_t at, const struct signature_instruction *in, int32_t depth)
{
	if (c->loop_count == 0)
		return false;
	const struct open_loop loop = c->loops[--c->loop_count];
	return loop.slot == in->a && loop.end == at + 1 && in->c == loop.begin + 2 && depth == loop.body + 1 &&
	       reach(c, at + 1, loop.after, innermost(c));
}

static bool skips(struct checker *c, uint32_t at, const struct signature_instruction *in, int32_t depth)
{
	return depth >= 1 && in->c > at + 1 && reach(c, in->c, depth, innermost(c)) && reach(c, at + 1, depth - 1, innermost(c));
}

static bool step(struct checker *c, uint32_t at, const struct signature_instruction *in, int32_t depth)
{
	int32_t takes, gives;
	if (in->op >= SIGNATURE_OP_LOOP_STRINGS && in->op <= SIGNATURE_OP_LOOP_LIST)
		return loop_begins(c, at, in, depth);
	if (in->op == SIGNATURE_OP_LOOP_NEXT)
		return loop_ends(c, at, in, depth);
	if (in->op == SIGNATURE_OP_AND_SKIP || in->op == SIGNATURE_OP_OR_SKIP)
		return skips(c, at, in, depth);
	return simple(c, in, &takes, &gives) && depth >= takes && reach(c, at + 1, depth - takes + gives, innermost(c));
}

static bool walk(struct checker *c)
{
	const struct signature_code *code = c->code;
	for (uint32_t at = 0; at < code->code_count; at++) {
		const struct signature_instruction *in = &code->code[at];
		const struct way w = c->ways[at];
		if (w.depth < 0 || w.in_loop != innermost(c))
			return false;
		if (in->op == SIGNATURE_OP_END)
			return at + 1 == code->code_count && w.depth == 1 && c->loop_count == 0;
		if (!step(c, at, in, w.depth))
			return false;
		if (in->op >= SIGNATURE_OP_LOOP_STRINGS && in->op <= SIGNATURE_OP_LOOP_LIST)
			at++;
	}
	return false;
}

bool signature_condition_check(const struct signature_code *code, uint32_t self, uint32_t external_count)
{
	if (code->code_count == 0)
		return false;
	struct checker c = {.code = code, .self = self, .external_count = external_count};
	c.ways = mem_try_array(code->code_count, sizeof(*c.ways), (size_t)64 << 20);
	if (c.ways == NULL)
		return false;
	for (uint32_t i = 0; i < code->code_count; i++)
		c.ways[i] = (struct way){-1, UINT32_MAX};
	c.ways[0].depth = 0;
	bool sound = walk(&c);
	mem_free(c.ways);
	return sound;
}
