/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * From which byte of a regular expression libyara starts: the best window of four bytes by its rule of thumb. What a window
 * stands for, and how long a match is when several lengths fit, follows from that place, so it is found the same way here.
 */
#include "engine/signature/signature_regex.h"

#define WINDOW 4u
#define RUN_MAX 4096u

struct choice {
	int quality;
	size_t first, count; /* in the list of atoms */
};

struct chooser {
	struct signature_regex_atom *atoms;
	size_t count;
	const struct signature_node *run[RUN_MAX]; /* bytes next to each other */
	size_t run_length;
	struct choice best; /* of the sequence that is looked at; count 0: none yet */
};

static bool is_repetitive(uint8_t byte)
{
	return byte == 0x00 || byte == 0x20 || byte == 0x90 || byte == 0xcc || byte == 0xff;
}

static int byte_quality(uint8_t byte)
{
	uint8_t lower = signature_lower(byte);
	if (byte == 0x00 || byte == 0x20 || byte == 0xcc || byte == 0xff)
		return 12;
	return lower >= 'a' && lower <= 'z' ? 18 : 20;
}

static int window_quality(const struct signature_node *const *nodes, size_t n)
{
	int quality = 0, unique = 0;
	uint8_t seen[32] = {0}, one = 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t mask = nodes[i]->type == SIGNATURE_NODE_ANY ? 0 : nodes[i]->mask, byte = nodes[i]->value;
		if (mask == 0) {
			quality -= 10;
		} else if (mask != 0xff && mask != 0xdf) {
			quality += 4;
		} else {
			quality += byte_quality(byte);
			if ((seen[byte >> 3] >> (byte & 7) & 1) == 0) {
				seen[byte >> 3] |= (uint8_t)(1u << (byte & 7));
				unique++;
				one = byte;
			}
		}
	}
	return unique == 1 && is_repetitive(one) ? quality - 10 * (int)n : quality + 2 * unique;
}

static bool is_wild(const struct signature_node *n)
{
	return n->type == SIGNATURE_NODE_ANY;
}

static void run_keep(const struct chooser *c, size_t at, struct signature_regex_atom *ret)
{
	ret->node = c->run[at];
	struct signature_prefix *p = &ret->prefix;
	for (p->len = 0; p->len < SIGNATURE_REGEX_RUN && at + p->len < c->run_length; p->len++) {
		const struct signature_node *n = c->run[at + p->len];
		p->mask[p->len] = is_wild(n) ? 0 : n->mask;
		p->value[p->len] = n->value & p->mask[p->len];
	}
	if (at + p->len == c->run_length)
		signature_prefix_extend(p, c->run[c->run_length - 1]->next);
}

/* Keeps the better of what is known and the window, without the open bytes at its ends. */
static void window_offer(struct chooser *c, size_t at, size_t n)
{
	while (n > 0 && is_wild(c->run[at])) {
		at++;
		n--;
	}
	while (n > 0 && is_wild(c->run[at + n - 1]))
		n--;
	if (n == 0)
		return;
	int quality = window_quality(&c->run[at], n);
	if (c->best.count > 0 && quality <= c->best.quality)
		return;
	if (c->best.count == 0)
		c->best.first = c->count;
	if (c->best.first >= SIGNATURE_REGEX_ATOMS)
		return;
	run_keep(c, at, &c->atoms[c->best.first]);
	c->best.quality = quality;
	c->best.count = 1;
	c->count = c->best.first + 1;
}

static void run_end(struct chooser *c)
{
	if (c->run_length <= WINDOW)
		window_offer(c, 0, c->run_length);
	for (size_t at = 0; c->run_length > WINDOW && at + WINDOW <= c->run_length; at++)
		window_offer(c, at, WINDOW);
	c->run_length = 0;
}

static void sequence_visit(struct chooser *c, const struct signature_node *n);

/* The atoms of the best member of a sequence, at the end of the list. */
static struct choice sequence_choose(struct chooser *c, const struct signature_node *n)
{
	struct choice outer = c->best;
	c->best = (struct choice){0};
	c->run_length = 0;
	sequence_visit(c, n);
	run_end(c);
	struct choice mine = c->best;
	c->best = outer;
	return mine;
}

/* Keeps the better of what is known and `other`, whose atoms stand after those. */
static void choice_offer(struct chooser *c, struct choice other)
{
	if (other.count == 0)
		return;
	if (c->best.count > 0 && other.quality <= c->best.quality) {
		c->count = other.first;
		return;
	}
	size_t to = c->best.count > 0 ? c->best.first : other.first;
	memmove(&c->atoms[to], &c->atoms[other.first], other.count * sizeof(c->atoms[0]));
	c->best = (struct choice){other.quality, to, other.count};
	c->count = to + other.count;
}

static void alternative_visit(struct chooser *c, const struct signature_node *n)
{
	struct choice all = {.quality = INT32_MAX, .first = c->count};
	for (const struct signature_node *child = n->first; child != NULL; child = child->next) {
		struct choice one = sequence_choose(c, child);
		if (one.count == 0 || c->count >= SIGNATURE_REGEX_ATOMS) {
			c->count = all.first;
			return;
		}
		all.count = c->count - all.first;
		if (one.quality < all.quality)
			all.quality = one.quality;
	}
	choice_offer(c, all);
}

/* What comes at least once goes on with what stands before it; nothing goes on after it. */
static void repeat_visit(struct chooser *c, const struct signature_node *n)
{
	const struct signature_node *child = n->first;
	bool plain = child->type == SIGNATURE_NODE_BYTE && !child->negated;
	for (uint32_t i = 1; plain && i < n->min && i < WINDOW && c->run_length < RUN_MAX; i++)
		c->run[c->run_length++] = child;
	if (n->min > 0)
		sequence_visit(c, child);
	run_end(c);
}

static void sequence_visit(struct chooser *c, const struct signature_node *n)
{
	switch (n->type) {
	case SIGNATURE_NODE_BYTE:
	case SIGNATURE_NODE_ANY:
		if (n->negated || c->run_length == RUN_MAX)
			run_end(c);
		if (!n->negated)
			c->run[c->run_length++] = n;
		break;
	case SIGNATURE_NODE_CONCAT:
		for (const struct signature_node *child = n->first; child != NULL; child = child->next)
			sequence_visit(c, child);
		break;
	case SIGNATURE_NODE_ALTERNATIVE:
		run_end(c);
		alternative_visit(c, n);
		break;
	case SIGNATURE_NODE_REPEAT:
		repeat_visit(c, n);
		break;
	case SIGNATURE_NODE_EMPTY:
	case SIGNATURE_NODE_CLASS:
	case SIGNATURE_NODE_START:
	case SIGNATURE_NODE_END:
	case SIGNATURE_NODE_WORD:
	case SIGNATURE_NODE_NOT_WORD:
	case SIGNATURE_NODE__COUNT:
		run_end(c);
		break;
	}
}

size_t signature_regex_atoms(const struct signature_node *concat, struct signature_regex_atom *ret)
{
	struct chooser *c = MEM_NEW(struct chooser);
	c->atoms = ret;
	size_t count = sequence_choose(c, concat).count;
	mem_free(c);
	return count;
}
