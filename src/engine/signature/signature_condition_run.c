/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The machine. The code was checked when the image was opened (signature_condition_check): there is room for every value
 * and a value for every operand. What the values are is looked at here.
 */
#include <assert.h>
#include <math.h>

#include "engine/signature/signature_condition.h"

#define OVER (-E2BIG)

static struct signature_value *push(struct signature_run *r)
{
	return &r->stack[r->depth++];
}

static struct signature_value *pop(struct signature_run *r)
{
	return &r->stack[--r->depth];
}

static struct signature_value *top(struct signature_run *r)
{
	return &r->stack[r->depth - 1];
}

static void give(struct signature_value *v, int64_t n)
{
	*v = (struct signature_value){.type = SIGNATURE_TYPE_INTEGER, .integer = n};
}

static void give_undefined(struct signature_value *v)
{
	*v = (struct signature_value){0};
}

static bool is_integer(const struct signature_value *v)
{
	return v->type == SIGNATURE_TYPE_INTEGER;
}

static uint64_t constant(const struct signature_run *r, uint32_t i)
{
	return r->code->constants[i];
}

static struct signature_module_state *modules(struct signature_run *r)
{
	if (r->module_state == NULL)
		r->module_state = signature_module_begin(r->module_memory, r->data, r->len);
	return r->module_state;
}

/* The pattern that a string of the rule, or the one the loop is at, stands for. */
static uint32_t pattern_of(const struct signature_run *r, const struct signature_instruction *in)
{
	if (in->c != SIGNATURE_STRING_CURRENT)
		return r->code->patterns[in->c];
	const struct signature_loop *loop = &r->loops[in->a];
	return r->code->patterns[r->code->members[loop->base + (uint64_t)loop->at]];
}

static bool spend(struct signature_run *r, uint64_t steps)
{
	if (r->steps < steps)
		return false;
	r->steps -= steps;
	return true;
}

static void read_at(struct signature_run *r, unsigned which, struct signature_value *v)
{
	static const uint8_t sizes[3] = {1, 2, 4};
	const unsigned size = sizes[which % 3];
	const bool big = which >= SIGNATURE_READ_INT8BE, is_signed = which % 6 < 3;
	uint64_t value = 0;
	if (!is_integer(v) || v->integer < 0 || (uint64_t)v->integer > r->len || r->len - (uint64_t)v->integer < size) {
		give_undefined(v);
		return;
	}
	const uint8_t *at = r->data + v->integer;
	assert(size > 0);
	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)at[i] << 8 * (big ? size - 1 - i : i);
	if (is_signed && (value & UINT64_C(1) << (8 * size - 1)) != 0)
		value |= ~((UINT64_C(1) << 8 * size) - 1);
	give(v, (int64_t)value);
}

static void entrypoint(struct signature_run *r)
{
	uint64_t at;
	struct signature_value *v = push(r);
	if (signature_module_entrypoint(modules(r), &at))
		give(v, (int64_t)at);
	else
		give_undefined(v);
}

static uint32_t count_in(const struct signature_run *r, uint32_t pattern, int64_t from, int64_t to)
{
	if (to < 0 || to < from)
		return 0;
	return signature_matches_count_in(&r->matches, pattern, from < 0 ? 0 : (uint64_t)from, (uint64_t)to);
}

static void found_at(struct signature_run *r, uint32_t pattern)
{
	struct signature_value *v = top(r);
	bool defined = is_integer(v);
	give(v, defined && v->integer >= 0 && count_in(r, pattern, v->integer, v->integer) > 0);
}

/* $a in (x..y) and #a in (x..y) */
static void ranged(struct signature_run *r, uint32_t pattern, bool count)
{
	const struct signature_value to = *pop(r);
	struct signature_value *v = top(r);
	if (!is_integer(v) || !is_integer(&to)) {
		give_undefined(v);
		return;
	}
	uint32_t n = count_in(r, pattern, v->integer, to.integer);
	give(v, count ? n : n > 0);
}

static void match_part(struct signature_run *r, uint32_t pattern, bool offset)
{
	struct signature_value *v = top(r);
	uint64_t at;
	uint32_t length;
	if (!is_integer(v) || v->integer < 1 || v->integer > UINT32_MAX ||
	    signature_matches_at(&r->matches, pattern, (uint32_t)(v->integer - 1), &at, &length) < 0)
		give_undefined(v);
	else
		give(v, offset ? (int64_t)at : (int64_t)length);
}

static void string_op(struct signature_run *r, const struct signature_instruction *in)
{
	const uint32_t pattern = pattern_of(r, in);
	switch ((enum signature_op)in->op) {
	case SIGNATURE_OP_FOUND:
		give(push(r), signature_matches_any(&r->matches, pattern));
		break;
	case SIGNATURE_OP_FOUND_AT:
		found_at(r, pattern);
		break;
	case SIGNATURE_OP_FOUND_IN:
	case SIGNATURE_OP_COUNT_IN:
		ranged(r, pattern, in->op == SIGNATURE_OP_COUNT_IN);
		break;
	case SIGNATURE_OP_COUNT:
		give(push(r), signature_matches_count(&r->matches, pattern));
		break;
	default:
		match_part(r, pattern, in->op == SIGNATURE_OP_OFFSET);
		break;
	}
}

static int64_t quantity_bits(const struct signature_value *v)
{
	int64_t bits = INT64_MAX;
	if (v->type == SIGNATURE_TYPE_INTEGER)
		return v->integer;
	if (v->type == SIGNATURE_TYPE_FLOAT)
		memcpy(&bits, &v->number, sizeof bits);
	return bits;
}

/* An undefined quantifier means "all"; 0 means "none". */
static bool enough(enum signature_quantity quantity, const struct signature_value *q, uint32_t found, uint32_t total)
{
	if (quantity == SIGNATURE_QUANTITY_ALL)
		return found >= total;
	if (quantity == SIGNATURE_QUANTITY_PERCENT)
		return is_integer(q) && (double)found >= ceil((double)total * (double)q->integer / 100.0);
	if (q->type == SIGNATURE_TYPE_UNDEFINED)
		return found >= total;
	int64_t n = quantity_bits(q);
	return n == 0 ? found == 0 : (int64_t)found >= n;
}

static bool member_found(const struct signature_run *r, const struct signature_instruction *in, uint32_t member, int64_t from, int64_t to)
{
	if (in->op == SIGNATURE_OP_OF_RULES) {
		uint32_t rule = r->rule - member;
		return (r->results[rule / 64] >> rule % 64 & 1) != 0;
	}
	if (in->op == SIGNATURE_OP_OF)
		return signature_matches_any(&r->matches, r->code->patterns[member]);
	return count_in(r, r->code->patterns[member], from, to) > 0;
}

static int of(struct signature_run *r, const struct signature_instruction *in)
{
	const uint64_t set = constant(r, in->c);
	const uint32_t first = (uint32_t)(set >> 32), total = (uint32_t)set;
	struct signature_value from = {0}, to = {0};
	uint32_t found = 0;
	if (in->op == SIGNATURE_OP_OF_IN) {
		to = *pop(r);
		from = *pop(r);
	}
	struct signature_value *q = top(r);
	if (in->op == SIGNATURE_OP_OF_IN && (!is_integer(&from) || !is_integer(&to))) {
		give_undefined(q);
		return 0;
	}
	if (!spend(r, total))
		return OVER;
	for (uint32_t i = 0; i < total; i++)
		found += member_found(r, in, r->code->members[first + i], from.integer, to.integer);
	if (in->b == SIGNATURE_QUANTITY_PERCENT && !is_integer(q))
		give_undefined(q);
	else
		give(q, enough((enum signature_quantity)in->b, q, found, total));
	return 0;
}

static void external(struct signature_run *r, uint32_t i)
{
	struct signature_value *v = push(r);
	static const enum signature_type types[] = {SIGNATURE_TYPE_STRING, SIGNATURE_TYPE_INTEGER, SIGNATURE_TYPE_INTEGER, SIGNATURE_TYPE_FLOAT};
	*v = (struct signature_value){.type = types[r->given_types[i] & 3]};
	if (i >= r->given_count)
		return;
	v->integer = r->given[i].integer;
	v->number = r->given[i].number;
	v->text = r->given[i].text;
}

static void loop_value(struct signature_run *r, const struct signature_instruction *in)
{
	const struct signature_loop *loop = &r->loops[in->a];
	if (loop->kind == SIGNATURE_OP_LOOP_LIST) {
		const struct signature_value v = r->stack[loop->base + (uint32_t)loop->at];
		*push(r) = v;
	} else {
		give(push(r), loop->at);
	}
}

/* Subscripts from the stack; false: one is undefined. */
static bool take_keys(struct signature_run *r, unsigned n, struct signature_key *keys)
{
	bool defined = true;
	r->depth -= n;
	for (unsigned i = 0; i < n; i++) {
		const struct signature_value *v = &r->stack[r->depth + i];
		keys[i].index = is_integer(v) ? v->integer : 0;
		keys[i].text = v->type == SIGNATURE_TYPE_STRING ? str_n(v->text.p != NULL ? v->text.p : "", v->text.n) : STR_EMPTY;
		defined = defined && (is_integer(v) || v->type == SIGNATURE_TYPE_STRING);
	}
	return defined;
}

static void field(struct signature_run *r, const struct signature_instruction *in)
{
	struct signature_key keys[SIGNATURE_MODULE_KEYS + 1];
	bool defined = take_keys(r, in->a, keys);
	struct signature_value *v = push(r);
	if (defined)
		signature_module_value(modules(r), in->c >> 16, in->c & 0xffff, keys, in->a, v);
	else
		give_undefined(v);
}

struct regex {
	const struct signature_run *run;
	uint32_t pattern;
};

static bool regex_matches(const void *regex, struct str text)
{
	const struct regex *x = regex;
	return text.n > 0 && signature_patterns_regex_matches(x->run->patterns, x->pattern, (const uint8_t *)text.p, text.n, x->run->pattern_scratch);
}

static void call(struct signature_run *r, const struct signature_instruction *in)
{
	struct signature_argument arguments[SIGNATURE_MODULE_ARGUMENTS] = {0};
	struct regex regexes[SIGNATURE_MODULE_ARGUMENTS];
	struct signature_key keys[SIGNATURE_MODULE_KEYS + 1];
	const unsigned count = in->a & 15, key_count = in->a >> 4;
	bool defined = true;
	r->depth -= count;
	for (unsigned i = 0; i < count; i++) {
		const struct signature_value *v = &r->stack[r->depth + i];
		defined = defined && v->type != SIGNATURE_TYPE_UNDEFINED;
		if (v->type == SIGNATURE_TYPE_REGEX) {
			regexes[i] = (struct regex){r, (uint32_t)v->integer};
			arguments[i].matches = regex_matches;
			arguments[i].regex = &regexes[i];
		} else {
			arguments[i].value = *v;
		}
	}
	defined = take_keys(r, key_count, keys) && defined;
	struct signature_value *ret = push(r);
	give_undefined(ret);
	/* A function is not called with what is undefined. */
	if (defined)
		signature_module_call(modules(r), in->c >> 16, in->c & 0xffff, in->b, keys, key_count, arguments, count, ret);
}

static void unary(struct signature_run *r, enum signature_op op)
{
	struct signature_value *v = top(r);
	if (op == SIGNATURE_OP_DEFINED) {
		give(v, v->type != SIGNATURE_TYPE_UNDEFINED);
	} else if (op == SIGNATURE_OP_NOT) {
		if (v->type != SIGNATURE_TYPE_UNDEFINED)
			give(v, !signature_value_is_true(v));
	} else if (op == SIGNATURE_OP_MINUS && v->type == SIGNATURE_TYPE_FLOAT) {
		v->number = -v->number;
	} else if (is_integer(v)) {
		give(v, op == SIGNATURE_OP_MINUS ? (int64_t)(0 - (uint64_t)v->integer) : ~v->integer);
	} else {
		give_undefined(v);
	}
}

/* libyara forgets to ask here: for "<" of floats its undefined is no number, smaller than nothing, which is false, and defined. */
static bool is_less_of_undefined(const struct signature_instruction *in, const struct signature_value *a, const struct signature_value *b)
{
	return in->a == 1 && in->op == SIGNATURE_OP_LT &&
	       (a->type == SIGNATURE_TYPE_UNDEFINED || b->type == SIGNATURE_TYPE_UNDEFINED);
}

static int binary(struct signature_run *r, const struct signature_instruction *in)
{
	const enum signature_op op = (enum signature_op)in->op;
	const struct signature_value right = *pop(r);
	struct signature_value *left = top(r);
	if (op != SIGNATURE_OP_MATCHES) {
		if ((op == SIGNATURE_OP_CONTAINS || op == SIGNATURE_OP_ICONTAINS) && left->type == SIGNATURE_TYPE_STRING && !spend(r, left->text.n))
			return OVER;
		if (is_less_of_undefined(in, left, &right))
			give(left, 0);
		else
			signature_operate(op, left, &right, left);
	} else if (left->type == SIGNATURE_TYPE_STRING && right.type == SIGNATURE_TYPE_REGEX) {
		const struct regex x = {r, (uint32_t)right.integer};
		if (!spend(r, left->text.n))
			return OVER;
		give(left, regex_matches(&x, left->text));
	} else {
		give_undefined(left);
	}
	return 0;
}

/* Sets the loop up; false: there is no round in it. */
static bool loop_begin(struct signature_run *r, const struct signature_instruction *in, uint32_t operand, struct signature_loop *loop)
{
	struct signature_value from, to;
	*loop = (struct signature_loop){.kind = in->op};
	bool defined = true;
	switch ((enum signature_op)in->op) {
	case SIGNATURE_OP_LOOP_STRINGS:
		loop->base = (uint32_t)(constant(r, operand) >> 32);
		loop->last = (int64_t)(constant(r, operand) & UINT32_MAX) - 1;
		break;
	case SIGNATURE_OP_LOOP_RANGE:
		to = *pop(r);
		from = *pop(r);
		defined = is_integer(&from) && is_integer(&to);
		loop->at = from.integer;
		loop->last = to.integer;
		break;
	case SIGNATURE_OP_LOOP_ITEMS:
		to = *pop(r);
		defined = is_integer(&to) && to.integer > 0;
		loop->last = defined ? to.integer - 1 : -1;
		break;
	default:
		loop->base = r->depth - operand;
		loop->last = (int64_t)operand - 1;
		break;
	}
	const struct signature_value *q = in->op == SIGNATURE_OP_LOOP_LIST ? &r->stack[loop->base - 1] : pop(r);
	loop->all = in->b == SIGNATURE_QUANTITY_ALL || q->type == SIGNATURE_TYPE_UNDEFINED;
	loop->wanted = loop->all ? 0 : quantity_bits(q);
	return defined && loop->at <= loop->last;
}

static uint32_t loop_start(struct signature_run *r, const struct signature_instruction *in, uint32_t at)
{
	struct signature_loop *loop = &r->loops[in->a];
	if (loop_begin(r, in, in[1].c, loop))
		return at + 2;
	if (in->op == SIGNATURE_OP_LOOP_LIST)
		r->depth = loop->base - 1;
	give(push(r), 0);
	return in->c;
}

static int64_t body_worth(const struct signature_value *v)
{
	int64_t bits = 0;
	if (v->type == SIGNATURE_TYPE_FLOAT)
		memcpy(&bits, &v->number, sizeof bits);
	return v->type == SIGNATURE_TYPE_INTEGER ? v->integer : v->type == SIGNATURE_TYPE_FLOAT ? bits : signature_value_is_true(v);
}

/* libyara adds the bodies' values up, whatever they are, and compares the sum. */
static uint32_t loop_next(struct signature_run *r, const struct signature_instruction *in, uint32_t at)
{
	struct signature_loop *loop = &r->loops[in->a];
	loop->sum = (int64_t)((uint64_t)loop->sum + (uint64_t)body_worth(pop(r)));
	loop->rounds++;
	bool done = !loop->all && loop->sum >= loop->wanted;
	if (!done && loop->at < loop->last) {
		loop->at++;
		return in->c;
	}
	if (loop->kind == SIGNATURE_OP_LOOP_LIST)
		r->depth = loop->base - 1;
	give(push(r), done || (loop->all && loop->sum >= loop->rounds));
	return at + 1;
}

/* and/or: the next instruction. */
static uint32_t skip(struct signature_run *r, const struct signature_instruction *in, uint32_t at)
{
	bool is_true = signature_value_is_true(top(r));
	if (is_true != (in->op == SIGNATURE_OP_OR_SKIP)) {
		(void)pop(r);
		return at + 1;
	}
	/* A true left side stays what it is: a loop adds it up. */
	if (!is_true)
		give(top(r), 0);
	return in->c;
}

static void simple(struct signature_run *r, const struct signature_instruction *in)
{
	uint64_t c;
	struct signature_value *v;
	switch ((enum signature_op)in->op) {
	case SIGNATURE_OP_INTEGER:
		give(push(r), (int32_t)in->c);
		break;
	case SIGNATURE_OP_INTEGER_LONG:
		give(push(r), (int64_t)constant(r, in->c));
		break;
	case SIGNATURE_OP_FLOAT:
		c = constant(r, in->c);
		v = push(r);
		*v = (struct signature_value){.type = SIGNATURE_TYPE_FLOAT};
		memcpy(&v->number, &c, sizeof c);
		break;
	case SIGNATURE_OP_TEXT:
		c = constant(r, in->c);
		*push(r) = (struct signature_value){.type = SIGNATURE_TYPE_STRING, .text = str_n(r->code->texts + (c >> 32), (uint32_t)c)};
		break;
	case SIGNATURE_OP_REGEX:
		*push(r) = (struct signature_value){.type = SIGNATURE_TYPE_REGEX, .integer = r->code->patterns[in->c]};
		break;
	case SIGNATURE_OP_FILESIZE:
		give(push(r), (int64_t)r->len);
		break;
	case SIGNATURE_OP_ENTRYPOINT:
		entrypoint(r);
		break;
	case SIGNATURE_OP_READ:
		read_at(r, in->a, top(r));
		break;
	case SIGNATURE_OP_RULE:
		give(push(r), (int64_t)(r->results[(r->rule - in->c) / 64] >> (r->rule - in->c) % 64 & 1));
		break;
	case SIGNATURE_OP_EXTERNAL:
		external(r, in->c);
		break;
	case SIGNATURE_OP_LOOP_VALUE:
		loop_value(r, in);
		break;
	case SIGNATURE_OP_FIELD:
		field(r, in);
		break;
	case SIGNATURE_OP_CALL:
		call(r, in);
		break;
	case SIGNATURE_OP_TRUTH:
		give(top(r), signature_value_is_true(top(r)));
		break;
	default:
		unary(r, (enum signature_op)in->op);
		break;
	}
}

int signature_condition_run(struct signature_run *r, const struct signature_code *code, uint32_t rule)
{
	uint32_t at = 0;
	r->code = code;
	r->rule = rule;
	r->depth = 0;
	for (;;) {
		const struct signature_instruction *in = &code->code[at];
		const uint32_t was = at++;
		int failed = 0;
		if (!spend(r, 1))
			return OVER;
		if (in->op >= SIGNATURE_OP_FOUND && in->op <= SIGNATURE_OP_LENGTH)
			string_op(r, in);
		else if (in->op >= SIGNATURE_OP_OF && in->op <= SIGNATURE_OP_OF_RULES)
			failed = of(r, in);
		else if (in->op == SIGNATURE_OP_AND_SKIP || in->op == SIGNATURE_OP_OR_SKIP)
			at = skip(r, in, was);
		else if (in->op >= SIGNATURE_OP_EQ && in->op <= SIGNATURE_OP_MATCHES)
			failed = binary(r, in);
		else if (in->op >= SIGNATURE_OP_LOOP_STRINGS && in->op <= SIGNATURE_OP_LOOP_LIST)
			at = loop_start(r, in, was);
		else if (in->op == SIGNATURE_OP_LOOP_NEXT)
			at = loop_next(r, in, was);
		else if (in->op == SIGNATURE_OP_END)
			return signature_value_is_true(top(r));
		else
			simple(r, in);
		if (failed != 0)
			return failed;
		if (r->on_step != NULL)
			r->on_step(r->step_ctx, r, was, in);
	}
}
