/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What an image says of itself and its rules. */
#include "engine/signature/signature_image.h"

void signature_image_info(const struct signature_image *m, struct signature_image_info *ret)
{
	const struct image_head *head = (const void *)m->bytes.p;
	*ret = (struct signature_image_info){.rules = m->rule_count, .patterns = signature_patterns_count(&m->patterns), .spaces = m->space_count,
					     .refused = m->rest_count, .always = m->always_count, .size_bytes = m->bytes.n,
					     .checksum = head->checksum};
}

uint32_t signature_image_rules(const struct signature_image *m)
{
	return m->rule_count;
}

static struct str own(const struct image_body_view *v, uint64_t at, uint32_t n)
{
	return str_n(v->code.texts + at, n);
}

bool signature_image_rule(const struct signature_image *m, uint32_t rule, struct signature_rule *ret)
{
	struct image_body_view v;
	if (rule >= m->rule_count)
		return false;
	signature_image_body(m, rule, &v);
	*ret = (struct signature_rule){.space = signature_image_text(m, m->spaces[m->rules[rule].space]),
				       .name = own(&v, v.body->name_at, v.body->name_n),
				       .is_private = (m->rules[rule].flags & IMAGE_PRIVATE) != 0,
				       .is_global = (m->rules[rule].flags & IMAGE_GLOBAL) != 0,
				       .tags = v.body->tags, .metas = v.body->metas, .strings = v.body->strings};
	return true;
}

struct str signature_image_tag(const struct signature_image *m, uint32_t rule, uint32_t i)
{
	struct image_body_view v;
	if (rule >= m->rule_count)
		return STR_EMPTY;
	signature_image_body(m, rule, &v);
	return i < v.body->tags ? own(&v, v.tags[i].at, v.tags[i].n) : STR_EMPTY;
}

bool signature_image_meta(const struct signature_image *m, uint32_t rule, uint32_t i, struct signature_meta *ret)
{
	struct image_body_view v;
	if (rule >= m->rule_count)
		return false;
	signature_image_body(m, rule, &v);
	if (i >= v.body->metas)
		return false;
	const struct image_meta *from = &v.metas[i];
	*ret = (struct signature_meta){.name = own(&v, from->name_at, from->name_n), .kind = (enum signature_meta_kind)from->kind};
	if (ret->kind == SIGNATURE_META_KIND_STRING)
		ret->text = own(&v, (uint64_t)from->integer, from->text_n);
	else
		ret->integer = from->integer;
	return true;
}

uint32_t signature_image_find(const struct signature_image *m, struct str space, struct str name)
{
	for (uint32_t i = 0; i < m->rule_count; i++) {
		struct image_body_view v;
		signature_image_body(m, i, &v);
		if (str_eq(own(&v, v.body->name_at, v.body->name_n), name) &&
		    (space.p == NULL || str_eq(space, signature_image_text(m, m->spaces[m->rules[i].space]))))
			return i;
	}
	return UINT32_MAX;
}

bool signature_image_rest(const struct signature_image *m, uint32_t i, struct signature_rest *ret)
{
	const struct image_rest *rests = (const void *)m->sections[SIGNATURE_SECTION_RESTS].p;
	if (i >= m->rest_count)
		return false;
	*ret = (struct signature_rest){.space = signature_image_text(m, m->spaces[rests[i].space]), .rule = signature_image_text(m, rests[i].rule),
				       .place = signature_image_text(m, rests[i].place), .key = signature_image_text(m, rests[i].key),
				       .reason = signature_image_text(m, rests[i].reason), .for_libyara = rests[i].for_libyara != 0};
	return true;
}

bool signature_image_fallback(const struct signature_image *m, uint32_t i, struct str *ret_space, struct str *ret_text)
{
	const struct image_fallback *fallbacks = (const void *)m->sections[SIGNATURE_SECTION_FALLBACKS].p;
	if (i >= m->fallback_count)
		return false;
	*ret_space = signature_image_text(m, m->spaces[fallbacks[i].space]);
	*ret_text = signature_image_text(m, fallbacks[i].text);
	return true;
}
