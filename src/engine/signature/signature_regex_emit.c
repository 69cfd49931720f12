/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_regex.h"

#define DEPTH_MAX 1000u

struct emitter {
	struct signature_pattern_set *set;
	uint32_t first; /* the program's begin */
	bool backward;
	bool too_long;
};

static uint32_t here(const struct emitter *e)
{
	return signature_set_count(&e->set->steps, sizeof(struct signature_step)) - e->first;
}

static struct signature_step *step_at(const struct emitter *e, uint32_t at)
{
	struct signature_step *steps = (void *)e->set->steps.p;
	return &steps[e->first + at];
}

static uint32_t step_add(struct emitter *e, enum signature_op op)
{
	const struct signature_step step = {.op = (uint8_t)op};
	uint32_t at = here(e);
	if (at >= SIGNATURE_STEPS_MAX)
		e->too_long = true;
	else
		signature_set_append(&e->set->steps, &step, sizeof(step));
	return e->too_long ? 0 : at;
}

static void byte_emit(struct emitter *e, struct signature_node *n)
{
	static const enum signature_op ops[SIGNATURE_NODE__COUNT] = {
		[SIGNATURE_NODE_BYTE] = SIGNATURE_OP_BYTE,   [SIGNATURE_NODE_CLASS] = SIGNATURE_OP_CLASS, [SIGNATURE_NODE_ANY] = SIGNATURE_OP_ANY,
		[SIGNATURE_NODE_START] = SIGNATURE_OP_START, [SIGNATURE_NODE_END] = SIGNATURE_OP_END,     [SIGNATURE_NODE_WORD] = SIGNATURE_OP_WORD,
		[SIGNATURE_NODE_NOT_WORD] = SIGNATURE_OP_NOT_WORD};
	enum signature_op op = ops[n->type];
	uint8_t value = n->value & n->mask, mask = n->mask;
	if (n->type == SIGNATURE_NODE_ANY && !n->line_feed) {
		op = SIGNATURE_OP_NOT_BYTE;
		value = '\n';
		mask = 0xff;
	} else if (n->negated) {
		op = SIGNATURE_OP_NOT_BYTE;
	}
	uint32_t at = step_add(e, op), class = n->type == SIGNATURE_NODE_CLASS ? signature_set_class(e->set, n->class) : 0;
	if (e->too_long)
		return;
	*step_at(e, at) = (struct signature_step){.op = (uint8_t)op, .value = value, .mask = mask, .a = class};
	if (e->backward)
		n->backward = at + 2;
}

static void node_emit(struct emitter *e, struct signature_node *n, unsigned depth);

/* To the left the children come in reverse: the list is turned round and back. */
static void children_turn(struct signature_node *n)
{
	struct signature_node *before = NULL, *child = n->first;
	n->last = child;
	while (child != NULL) {
		struct signature_node *next = child->next;
		child->next = before;
		before = child;
		child = next;
	}
	n->first = before;
}

static void concat_emit(struct emitter *e, struct signature_node *n, unsigned depth)
{
	if (e->backward)
		children_turn(n);
	for (struct signature_node *child = n->first; child != NULL && !e->too_long; child = child->next)
		node_emit(e, child, depth);
	if (e->backward)
		children_turn(n);
}

static void alternative_emit(struct emitter *e, struct signature_node *n, unsigned depth)
{
	uint32_t jumps = SIGNATURE_NONE; /* those to the end, each naming the one before it */
	for (struct signature_node *child = n->first; child != NULL && !e->too_long; child = child->next) {
		uint32_t split = child->next != NULL ? step_add(e, SIGNATURE_OP_SPLIT) : 0;
		node_emit(e, child, depth);
		if (child->next == NULL || e->too_long)
			break;
		uint32_t jump = step_add(e, SIGNATURE_OP_JUMP);
		if (e->too_long)
			break;
		step_at(e, jump)->a = jumps;
		jumps = jump;
		step_at(e, split)->a = split + 1;
		step_at(e, split)->b = jump + 1;
	}
	while (jumps != SIGNATURE_NONE && !e->too_long) {
		uint32_t before = step_at(e, jumps)->a;
		step_at(e, jumps)->a = here(e);
		jumps = before;
	}
}

/* Which of the two ways comes first. */
static void split_set(struct emitter *e, uint32_t split, uint32_t more, uint32_t enough, bool lazy)
{
	if (e->too_long)
		return;
	step_at(e, split)->a = lazy ? enough : more;
	step_at(e, split)->b = lazy ? more : enough;
}

static void copies_emit(struct emitter *e, struct signature_node *n, uint32_t count, unsigned depth)
{
	for (uint32_t i = 0; i < count && !e->too_long; i++)
		node_emit(e, n->first, depth);
}

static void loop_emit(struct emitter *e, struct signature_node *n, uint32_t min, unsigned depth)
{
	if (min == 0) {
		uint32_t split = step_add(e, SIGNATURE_OP_SPLIT);
		node_emit(e, n->first, depth);
		uint32_t jump = step_add(e, SIGNATURE_OP_JUMP);
		if (!e->too_long)
			step_at(e, jump)->a = split;
		split_set(e, split, split + 1, jump + 1, n->lazy);
		return;
	}
	/* The loop is farthest from the leftmost copy. */
	if (!e->backward)
		copies_emit(e, n, min - 1, depth);
	uint32_t body = here(e);
	node_emit(e, n->first, depth);
	uint32_t split = step_add(e, SIGNATURE_OP_SPLIT);
	split_set(e, split, body, split + 1, n->lazy);
	if (e->backward)
		copies_emit(e, n, min - 1, depth);
}

static void optional_emit(struct emitter *e, struct signature_node *n, uint32_t count, unsigned depth)
{
	uint32_t splits = SIGNATURE_NONE;
	for (uint32_t i = 0; i < count && !e->too_long; i++) {
		uint32_t split = step_add(e, SIGNATURE_OP_SPLIT);
		if (e->too_long)
			return;
		step_at(e, split)->a = splits;
		splits = split;
		node_emit(e, n->first, depth);
	}
	while (splits != SIGNATURE_NONE && !e->too_long) {
		uint32_t before = step_at(e, splits)->a;
		split_set(e, splits, splits + 1, here(e), n->lazy);
		splits = before;
	}
}

/* What is repeated more often than a match can be long is repeated for ever, or never fits. */
static void repeat_emit(struct emitter *e, struct signature_node *n, unsigned depth)
{
	uint32_t min = n->min > SIGNATURE_REGEX_REACH ? SIGNATURE_REGEX_REACH + 1 : n->min;
	if (n->max > SIGNATURE_REGEX_REACH) {
		loop_emit(e, n, min, depth);
	} else if (e->backward) {
		optional_emit(e, n, n->max - min, depth);
		copies_emit(e, n, min, depth);
	} else {
		copies_emit(e, n, min, depth);
		optional_emit(e, n, n->max - min, depth);
	}
}

static void node_emit(struct emitter *e, struct signature_node *n, unsigned depth)
{
	if (e->too_long || depth >= DEPTH_MAX) {
		e->too_long = true;
		return;
	}
	/* Of a repeated node the copy that is leftmost: the first one to the right, the last one to the left. */
	if (!e->backward && n->forward == 0)
		n->forward = here(e) + 1;
	switch (n->type) {
	case SIGNATURE_NODE_EMPTY:
	case SIGNATURE_NODE__COUNT:
		break;
	case SIGNATURE_NODE_BYTE:
	case SIGNATURE_NODE_CLASS:
	case SIGNATURE_NODE_ANY:
	case SIGNATURE_NODE_START:
	case SIGNATURE_NODE_END:
	case SIGNATURE_NODE_WORD:
	case SIGNATURE_NODE_NOT_WORD:
		byte_emit(e, n);
		break;
	case SIGNATURE_NODE_CONCAT:
		concat_emit(e, n, depth + 1);
		break;
	case SIGNATURE_NODE_ALTERNATIVE:
		alternative_emit(e, n, depth + 1);
		break;
	case SIGNATURE_NODE_REPEAT:
		repeat_emit(e, n, depth + 1);
		break;
	}
}

int signature_regex_emit(struct signature_pattern_set *set, struct signature_node *concat, bool backward, uint32_t *ret_program, struct err *err)
{
	struct emitter e = {.set = set, .first = signature_set_count(&set->steps, sizeof(struct signature_step)), .backward = backward};
	node_emit(&e, concat, 0);
	(void)step_add(&e, SIGNATURE_OP_MATCH);
	if (e.too_long || set->steps.overflow) {
		set->steps.n = e.first * sizeof(struct signature_step);
		return err_set(err, -E2BIG, "signature.regex_long", ARG_I64("limit", SIGNATURE_STEPS_MAX));
	}
	const struct signature_program program = {e.first, here(&e)};
	*ret_program = signature_set_count(&set->programs, sizeof(program));
	signature_set_append(&set->programs, &program, sizeof(program));
	if (program.count > set->longest_program)
		set->longest_program = program.count;
	return 0;
}
