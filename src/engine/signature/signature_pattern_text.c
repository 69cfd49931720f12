/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_pattern_set.h"

/* The bytes a text may have at one place in the data. */
struct variant {
	uint8_t *value, *mask;
	size_t n;
};

static void variant_make(struct variant *v, struct str text, bool wide, bool nocase, uint8_t xor_key)
{
	size_t step = wide ? 2 : 1;
	v->n = text.n * step;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = (uint8_t)text.p[i];
		bool letter = signature_lower(c) >= 'a' && signature_lower(c) <= 'z';
		v->mask[i * step] = nocase && letter ? 0xdf : 0xff;
		v->value[i * step] = (c ^ xor_key) & v->mask[i * step];
		if (wide) {
			v->mask[i * 2 + 1] = 0xff;
			v->value[i * 2 + 1] = xor_key;
		}
	}
}

/* Every key is looked for by the same window, so that one offset is met once. */
static void variant_add(struct signature_pattern_set *set, const struct signature_pattern *p, uint32_t id, struct variant *v, bool wide)
{
	struct str text = str_n(p->text, p->text_len);
	if ((p->flags & SIGNATURE_PATTERN_XOR) == 0) {
		variant_make(v, text, wide, (p->flags & SIGNATURE_PATTERN_NOCASE) != 0, 0);
		signature_set_atom(set, v->value, v->mask, signature_window_choose(v->value, v->mask, v->n, NULL),
		                   SIGNATURE_ATOM_TEXT, id);
		return;
	}
	for (unsigned key = p->xor_min; key <= p->xor_max; key++) {
		variant_make(v, text, wide, false, (uint8_t)key);
		signature_set_atom(set, v->value, v->mask, signature_window_choose(v->value, v->mask, v->n, NULL),
		                   SIGNATURE_ATOM_TEXT, id);
	}
}

int signature_set_text(struct signature_pattern_set *set, const struct signature_pattern *p, uint32_t id, struct signature_part *part,
                       struct err *err)
{
	if (p->text_len > UINT16_MAX / 2)
		return err_set(err, -E2BIG, "signature.pattern_long", ARG_I64("limit", UINT16_MAX / 2));
	part->kind = SIGNATURE_PART_TEXT;
	part->text = (uint32_t)set->bytes.n;
	part->text_len = (uint32_t)p->text_len;
	for (size_t i = 0; i < p->text_len; i++) {
		bool nocase = (p->flags & SIGNATURE_PATTERN_NOCASE) != 0;
		buf_append_char(&set->bytes, (char)(nocase ? signature_lower(p->text[i]) : p->text[i]));
	}
	if ((p->flags & SIGNATURE_PATTERN_FIXED) != 0) {
		signature_set_append(&set->fixed, &id, sizeof(id));
		return 0;
	}
	struct variant v = {mem_alloc(p->text_len * 2), mem_alloc(p->text_len * 2), 0};
	if ((p->flags & SIGNATURE_PATTERN_ASCII) != 0)
		variant_add(set, p, id, &v, false);
	if ((p->flags & SIGNATURE_PATTERN_WIDE) != 0)
		variant_add(set, p, id, &v, true);
	mem_free(v.value);
	mem_free(v.mask);
	return 0;
}
