/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_regex.h"

static void byte_append(struct signature_prefix *p, uint8_t value, uint8_t mask)
{
	p->value[p->len] = value & mask;
	p->mask[p->len] = mask;
	p->len++;
}

/* The bits all members agree on. */
static void class_append(struct signature_prefix *p, const uint8_t *class)
{
	int first = -1;
	uint8_t differ = 0;
	for (unsigned c = 0; c < 256; c++) {
		if ((class[c >> 3] >> (c & 7) & 1) == 0)
			continue;
		if (first < 0)
			first = (int)c;
		differ |= (uint8_t)(c ^ (unsigned)first);
	}
	byte_append(p, first < 0 ? 0 : (uint8_t)first, (uint8_t)~differ);
}

/* false: what follows does not stand at a known place. */
static bool node_append(struct signature_prefix *p, const struct signature_node *n)
{
	bool goes_on = true;
	if (p->len == SIGNATURE_REGEX_RUN)
		return false;
	switch (n->type) {
	case SIGNATURE_NODE_EMPTY:
	case SIGNATURE_NODE_START:
	case SIGNATURE_NODE_END:
	case SIGNATURE_NODE_WORD:
	case SIGNATURE_NODE_NOT_WORD:
		return true;
	case SIGNATURE_NODE_BYTE:
		byte_append(p, n->value, n->negated ? 0 : n->mask);
		return true;
	case SIGNATURE_NODE_CLASS:
		class_append(p, n->class);
		return true;
	case SIGNATURE_NODE_ANY:
		byte_append(p, 0, 0);
		return true;
	case SIGNATURE_NODE_CONCAT:
		for (const struct signature_node *child = n->first; child != NULL && goes_on; child = child->next)
			goes_on = node_append(p, child);
		return goes_on;
	case SIGNATURE_NODE_REPEAT:
		for (uint32_t i = 0; i < n->min && goes_on; i++)
			goes_on = node_append(p, n->first);
		return goes_on && n->min == n->max;
	case SIGNATURE_NODE_ALTERNATIVE:
	case SIGNATURE_NODE__COUNT:
		break;
	}
	return false;
}

void signature_prefix_extend(struct signature_prefix *p, const struct signature_node *n)
{
	bool goes_on = true;
	for (; n != NULL && goes_on; n = n->next)
		goes_on = node_append(p, n);
}
