/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Trees become parts of a set: split at long jumps, as plain bytes where they are, else as programs with their atoms. */
#include "engine/signature/signature_regex.h"

#define ARENA_LIMIT ((size_t)256 << 20)

struct maker {
	struct signature_pattern_set *set;
	struct signature_part part; /* what all parts have in common */
	struct err *err;
};

static bool is_plain(const struct signature_node *n)
{
	if (n->type == SIGNATURE_NODE_BYTE)
		return !n->negated;
	if (n->type == SIGNATURE_NODE_ANY)
		return n->line_feed;
	if (n->type != SIGNATURE_NODE_CONCAT)
		return false;
	for (const struct signature_node *child = n->first; child != NULL; child = child->next)
		if (!is_plain(child))
			return false;
	return true;
}

static void plain_append(const struct signature_node *n, struct buf *value, struct buf *mask)
{
	for (const struct signature_node *child = n->first; child != NULL; child = child->next) {
		if (child->type == SIGNATURE_NODE_CONCAT) {
			plain_append(child, value, mask);
			continue;
		}
		uint8_t m = child->type == SIGNATURE_NODE_ANY ? 0 : child->mask;
		buf_append_char(value, (char)(child->value & m));
		buf_append_char(mask, (char)m);
	}
}

/* 1: done; 0: it has no byte to look for. */
static int plain_make(struct maker *k, const struct signature_node *concat, uint32_t index, struct signature_part *part)
{
	cleanup_buf struct buf value = BUF_INIT(SIGNATURE_PATTERN_TEXT_LIMIT), mask = BUF_INIT(SIGNATURE_PATTERN_TEXT_LIMIT);
	plain_append(concat, &value, &mask);
	const uint8_t *v = (const void *)value.p, *m = (const void *)mask.p;
	if (value.n == 0 || value.n > UINT16_MAX / 2 || signature_window_choose(v, m, value.n, NULL).len == 0)
		return 0;
	part->kind = SIGNATURE_PART_MASKED;
	part->text = (uint32_t)k->set->bytes.n;
	part->text_len = (uint32_t)value.n;
	buf_append(&k->set->bytes, buf_str(&value));
	buf_append(&k->set->bytes, buf_str(&mask));
	if ((part->flags & (SIGNATURE_PATTERN_FIXED | SIGNATURE_PART_LINKED)) == SIGNATURE_PATTERN_FIXED) {
		signature_set_append(&k->set->fixed, &index, sizeof(index));
		return 1;
	}
	if ((part->flags & SIGNATURE_PATTERN_ASCII) != 0)
		signature_set_window(k->set, v, m, value.n, false, SIGNATURE_ATOM_MASKED, index);
	if ((part->flags & SIGNATURE_PATTERN_WIDE) != 0)
		signature_set_window(k->set, v, m, value.n, true, SIGNATURE_ATOM_MASKED, index);
	return 1;
}

static void step_first_bytes(const struct signature_step *t, const uint8_t *classes, uint8_t *ret)
{
	for (unsigned c = 0; c < 256; c++) {
		bool in = t->op == SIGNATURE_OP_ANY || (t->op == SIGNATURE_OP_BYTE && (c & t->mask) == t->value) ||
		          (t->op == SIGNATURE_OP_NOT_BYTE && (c & t->mask) != t->value) ||
		          (t->op == SIGNATURE_OP_CLASS && (classes[(size_t)t->a * 32 + (c >> 3)] >> (c & 7) & 1) != 0);
		if (in)
			ret[c >> 3] |= (uint8_t)(1u << (c & 7));
	}
}

/* The bytes a program may read first, as a class; NONE when it may read none at all. */
static uint32_t first_bytes(struct signature_pattern_set *set, uint32_t program, uint32_t entry)
{
	const struct signature_program *programs = (const void *)set->programs.p;
	const struct signature_step *steps = (const void *)set->steps.p;
	uint32_t count = programs[program].count, depth = 0;
	steps = &steps[programs[program].first];
	uint32_t *stack = mem_alloc_array((size_t)count * 2 + 2, sizeof(*stack));
	bool *seen = mem_alloc_array(count, sizeof(*seen)), none = false;
	uint8_t class[32] = {0};
	stack[depth++] = entry;
	while (depth > 0) {
		uint32_t at = stack[--depth];
		if (seen[at])
			continue;
		seen[at] = true;
		none |= steps[at].op == SIGNATURE_OP_MATCH;
		if (steps[at].op == SIGNATURE_OP_SPLIT)
			stack[depth++] = steps[at].b;
		if (steps[at].op == SIGNATURE_OP_SPLIT || steps[at].op == SIGNATURE_OP_JUMP)
			stack[depth++] = steps[at].a;
		else if (steps[at].op > SIGNATURE_OP_JUMP)
			stack[depth++] = at + 1;
		else
			step_first_bytes(&steps[at], (const uint8_t *)set->classes.p, class);
	}
	mem_free(stack);
	mem_free(seen);
	return none ? SIGNATURE_NONE : signature_set_class(set, class);
}

/* Where libyara begins an expression without an atom: an optional first node ("a?", but not ".?") is no longer optional. */
static uint32_t every_entry(const struct signature_node *n)
{
	for (;;) {
		bool into = n->type == SIGNATURE_NODE_CONCAT;
		if (n->type == SIGNATURE_NODE_REPEAT && n->first->type != SIGNATURE_NODE_ANY)
			into = n->min > 0 || n->max == 1;
		if (!into)
			return n->forward - 1;
		n = n->first;
	}
}

/* The windows are worth it when fewer than one in 256 offsets fits; else every offset is tried. */
static bool prefix_make(struct maker *k, const struct signature_node *concat, uint32_t target, const struct signature_part *part)
{
	struct signature_prefix p = {.len = 0};
	uint64_t cost;
	signature_prefix_extend(&p, concat->first);
	if (p.len == 0 || signature_window_choose(p.value, p.mask, p.len, &cost).len < 3 || cost > (uint64_t)1 << 24)
		return false;
	if ((part->flags & SIGNATURE_PATTERN_ASCII) != 0)
		signature_set_window(k->set, p.value, p.mask, p.len, false, SIGNATURE_ATOM_REGEX, target);
	if ((part->flags & SIGNATURE_PATTERN_WIDE) != 0)
		signature_set_window(k->set, p.value, p.mask, p.len, true, SIGNATURE_ATOM_REGEX, target);
	return true;
}

static void every_make(struct maker *k, const struct signature_node *concat, uint32_t index, const struct signature_part *part)
{
	uint32_t entry = every_entry(concat);
	const struct signature_target t = {.part = index, .forward = entry, .backward = SIGNATURE_NONE,
	                                   .class = first_bytes(k->set, part->program, entry)};
	uint32_t target = signature_set_count(&k->set->targets, sizeof(t));
	signature_set_append(&k->set->targets, &t, sizeof(t));
	if (!prefix_make(k, concat, target, part))
		signature_set_append(&k->set->every, &target, sizeof(target));
}

static void atoms_make(struct maker *k, uint32_t index, const struct signature_part *part, const struct signature_regex_atom *atoms, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t forward = atoms[i].node->forward - 1, backward = atoms[i].node->backward - 1;
		const struct signature_target t = {.part = index, .forward = forward, .backward = backward,
		                                   .class = first_bytes(k->set, part->backward, backward)};
		uint32_t target = signature_set_count(&k->set->targets, sizeof(t));
		signature_set_append(&k->set->targets, &t, sizeof(t));
		if ((part->flags & SIGNATURE_PATTERN_ASCII) != 0)
			signature_set_window(k->set, atoms[i].prefix.value, atoms[i].prefix.mask, atoms[i].prefix.len, false, SIGNATURE_ATOM_REGEX, target);
		if ((part->flags & SIGNATURE_PATTERN_WIDE) != 0)
			signature_set_window(k->set, atoms[i].prefix.value, atoms[i].prefix.mask, atoms[i].prefix.len, true, SIGNATURE_ATOM_REGEX, target);
	}
}

/* Bytes and lazy jumps only: from wherever one starts, the shortest match at an offset is found. */
static bool is_indifferent(const struct signature_node *concat)
{
	for (const struct signature_node *n = concat->first; n != NULL; n = n->next)
		if (n->type != SIGNATURE_NODE_BYTE && n->type != SIGNATURE_NODE_ANY &&
		    (n->type != SIGNATURE_NODE_REPEAT || !n->lazy || n->first->type != SIGNATURE_NODE_ANY))
			return false;
	return true;
}

#define PREFIX_STEP (SIGNATURE_REGEX_RUN - 8)

/* The rarest window of all; 0: there is none. */
static size_t rarest_atom(const struct signature_node *concat, struct signature_regex_atom *ret)
{
	uint64_t least = UINT64_MAX;
	size_t count = 0, since = 0;
	for (const struct signature_node *n = concat->first; n != NULL; n = n->next) {
		struct signature_regex_atom atom = {.node = n};
		uint64_t cost;
		if (n->type != SIGNATURE_NODE_BYTE || n->negated) {
			since = n->type == SIGNATURE_NODE_REPEAT ? 0 : since;
			continue;
		}
		if (since++ % PREFIX_STEP != 0)
			continue;
		signature_prefix_extend(&atom.prefix, n);
		struct signature_window w = signature_window_choose(atom.prefix.value, atom.prefix.mask, atom.prefix.len, &cost);
		if (w.len < 3) /* a pass of its own */
			cost = cost < UINT64_MAX / 8 ? cost * 8 : cost;
		if (w.len > 0 && cost < least) {
			least = cost;
			*ret = atom;
			count = 1;
		}
	}
	return count;
}

static int part_make(struct maker *k, struct signature_node *concat, uint32_t index, struct signature_part *part)
{
	if (is_plain(concat) && plain_make(k, concat, index, part) > 0)
		return 0;
	part->kind = SIGNATURE_PART_REGEX;
	part->flags &= ~(unsigned)SIGNATURE_PATTERN_FIXED;
	int r = signature_regex_emit(k->set, concat, false, &part->program, k->err);
	if (r == 0)
		r = signature_regex_emit(k->set, concat, true, &part->backward, k->err);
	if (r < 0)
		return r;
	struct signature_regex_atom *atoms = mem_alloc_array(SIGNATURE_REGEX_ATOMS, sizeof(*atoms));
	size_t count = is_indifferent(concat) ? rarest_atom(concat, atoms) : signature_regex_atoms(concat, atoms);
	if (count > 0)
		atoms_make(k, index, part, atoms, count);
	else
		every_make(k, concat, index, part);
	mem_free(atoms);
	return 0;
}

/* The first long jump with something on either side. */
static struct signature_node *before_jump(const struct signature_node *concat)
{
	for (struct signature_node *n = concat->first; n != NULL && n->next != NULL; n = n->next) {
		const struct signature_node *jump = n->next;
		if (jump->type == SIGNATURE_NODE_REPEAT && jump->braces && jump->lazy && jump->first->type == SIGNATURE_NODE_ANY && jump->next != NULL &&
		    (jump->min > SIGNATURE_JUMP_LIMIT || jump->max > SIGNATURE_JUMP_LIMIT))
			return n;
	}
	return NULL;
}

static int links_make(struct maker *k, struct signature_node *rest, struct signature_node *jump, struct signature_part *head)
{
	uint32_t previous = head->head, depth = 0;
	while (jump != NULL) {
		if (++depth > SIGNATURE_CHAIN_MAX)
			return err_set(k->err, -E2BIG, "signature.regex_chain", ARG_I64("limit", SIGNATURE_CHAIN_MAX));
		struct signature_node own = {.type = SIGNATURE_NODE_CONCAT, .first = rest}, *cut = before_jump(&own);
		struct signature_part part = k->part;
		part.previous = previous;
		part.gap_min = jump->min;
		part.gap_max = jump->max > INT32_MAX ? INT32_MAX : jump->max;
		part.depth = depth;
		part.waiting = k->set->waiting++;
		part.flags |= SIGNATURE_PART_LINKED | (cut == NULL ? (unsigned)SIGNATURE_PART_LAST : 0);
		jump = cut != NULL ? cut->next : NULL;
		if (cut != NULL) {
			rest = jump->next;
			cut->next = NULL;
		}
		uint32_t link = signature_set_count(&k->set->links, sizeof(part));
		signature_set_append(&k->set->links, &part, sizeof(part));
		int r = part_make(k, &own, SIGNATURE_LINK(link), &part);
		if (r < 0)
			return r;
		memcpy(&k->set->links.p[link * sizeof(part)], &part, sizeof(part));
		previous = SIGNATURE_LINK(link);
	}
	return 0;
}

/* What a part may be long, with what is found out of order. */
#define PART_REACH ((uint64_t)16 * SIGNATURE_REGEX_REACH)

static void reach_set(struct maker *k, size_t first_link)
{
	struct signature_part *links = (void *)k->set->links.p;
	uint64_t reach = 0;
	for (size_t i = signature_set_count(&k->set->links, sizeof(*links)); i > first_link; i--) {
		reach += links[i - 1].gap_max + PART_REACH;
		links[i - 1].reach = reach < INT32_MAX ? (uint32_t)reach : SIGNATURE_NONE;
	}
}

static int tree_make(struct maker *k, struct signature_regex *r, uint32_t id, struct signature_part *part)
{
	struct signature_node *cut = before_jump(r->root);
	if (cut == NULL)
		return part_make(k, r->root, id, part);
	k->part = *part;
	struct signature_node *jump = cut->next;
	cut->next = NULL;
	part->flags |= SIGNATURE_PART_LINKED;
	part->waiting = k->set->waiting++;
	int result = part_make(k, r->root, id, part);
	size_t first_link = signature_set_count(&k->set->links, sizeof(*part));
	if (result == 0 && (result = links_make(k, jump->next, jump, part)) == 0)
		reach_set(k, first_link);
	return result;
}

static int tree_parse(struct signature_regex *r, const struct signature_pattern *p, struct err *err)
{
	switch (p->kind) {
	case SIGNATURE_PATTERN_HEX:
		return signature_regex_parse_hex(r, str_n(p->text, p->text_len), err);
	case SIGNATURE_PATTERN_REGEX:
		return signature_regex_parse(r, str_n(p->text, p->text_len), p->flags, err);
	case SIGNATURE_PATTERN_TEXT:
	case SIGNATURE_PATTERN__COUNT:
		break;
	}
	return signature_regex_base64(r, p, err);
}

int signature_set_regex(struct signature_pattern_set *set, const struct signature_pattern *p, uint32_t id, struct signature_part *part,
                        struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(ARENA_LIMIT);
	struct signature_regex r = {.arena = arena};
	struct maker k = {.set = set, .err = err};
	int result = tree_parse(&r, p, err);
	if (result < 0)
		return result;
	if ((p->flags & SIGNATURE_PATTERN_VALUE) != 0) {
		part->kind = SIGNATURE_PART_REGEX;
		return signature_regex_emit(set, r.root, false, &part->program, err);
	}
	if (r.greedy && r.lazy)
		return err_set(err, -EINVAL, "signature.regex_mixed");
	if (r.greedy)
		part->flags |= SIGNATURE_PART_GREEDY;
	if (p->kind == SIGNATURE_PATTERN_TEXT) /* base64: each form stands for itself */
		part->flags = (part->flags | SIGNATURE_PATTERN_ASCII) & ~(unsigned)SIGNATURE_PATTERN_WIDE;
	return tree_make(&k, &r, id, part);
}
