/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_regex.h"

static const uint8_t standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct base64 {
	struct signature_regex *r;
	struct signature_node *either;
	const uint8_t *alphabet;
};

/* The characters that follow from the text alone when it begins `shift` bytes into a group of three. */
static void form_add(struct base64 *b, const uint8_t *text, size_t n, unsigned shift, bool wide)
{
	size_t bits = n * 8, first = (shift * 8 + 5) / 6, last = (shift * 8 + bits) / 6;
	if (first >= last)
		return;
	struct signature_node *concat = signature_node_new(b->r, SIGNATURE_NODE_CONCAT);
	for (size_t i = first; i < last; i++) {
		unsigned six = 0;
		for (size_t bit = i * 6 - shift * 8; bit < i * 6 - shift * 8 + 6; bit++)
			six = six << 1 | (text[bit / 8] >> (7 - bit % 8) & 1u);
		struct signature_node *c = signature_node_new(b->r, SIGNATURE_NODE_BYTE);
		c->value = b->alphabet[six];
		c->mask = 0xff;
		signature_node_append(concat, c);
		if (wide) {
			c = signature_node_new(b->r, SIGNATURE_NODE_BYTE);
			c->mask = 0xff;
			signature_node_append(concat, c);
		}
	}
	signature_node_append(b->either, concat);
}

static void forms_add(struct base64 *b, const struct signature_pattern *p, const uint8_t *text, size_t n)
{
	for (unsigned shift = 0; shift < 3; shift++)
		if ((p->flags & SIGNATURE_PATTERN_BASE64) != 0)
			form_add(b, text, n, shift, false);
	for (unsigned shift = 0; shift < 3; shift++)
		if ((p->flags & SIGNATURE_PATTERN_BASE64WIDE) != 0)
			form_add(b, text, n, shift, true);
}

int signature_regex_base64(struct signature_regex *r, const struct signature_pattern *p, struct err *err)
{
	(void)err;
	struct base64 b = {r, signature_node_new(r, SIGNATURE_NODE_ALTERNATIVE), p->base64_alphabet != NULL ? p->base64_alphabet : standard};
	if ((p->flags & SIGNATURE_PATTERN_WIDE) != 0) {
		uint8_t *wide = arena_alloc(r->arena, p->text_len * 2);
		for (size_t i = 0; i < p->text_len; i++)
			wide[i * 2] = p->text[i];
		forms_add(&b, p, wide, p->text_len * 2);
	}
	if ((p->flags & SIGNATURE_PATTERN_ASCII) != 0 || (p->flags & SIGNATURE_PATTERN_WIDE) == 0)
		forms_add(&b, p, p->text, p->text_len);
	r->root = signature_node_new(r, SIGNATURE_NODE_CONCAT);
	signature_node_append(r->root, b.either);
	return 0;
}
