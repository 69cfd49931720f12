/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Why a rule does or does not match: its program walked in full, without short cuts, with the values it looked at. */
#include "base/json/json.h"
#include "engine/sigma/sigma_run.h"

#define SHOWN_BYTES 400

struct explain {
	struct sigma_matcher *m;
	struct json_writer w;
	const struct sg_rule *rule;
	const uint32_t *program;
};

static void put_values(struct explain *x, uint32_t field)
{
	struct sigma_matcher *m = x->m;
	const struct sg_slot *slot = sg_slot_of(m, field);
	json_name(&x->w, "values");
	json_array(&x->w);
	for (uint32_t i = slot != NULL ? slot->first : SG_NONE; i != SG_NONE; i = m->values[i].next) {
		if (m->values[i].type == SG_VALUE_NULL)
			json_null(&x->w);
		else if (m->values[i].type != SG_VALUE_EMPTY)
			json_str(&x->w, str_sub(sg_decode_raw(m, &m->values[i], 0), 0, SHOWN_BYTES));
	}
	json_array_end(&x->w);
}

static const struct sg_label *label_of(const struct explain *x, const uint32_t *word)
{
	const struct sg_image *image = x->m->image;
	uint32_t at = (uint32_t)(word - x->program);
	for (uint32_t i = 0; i < x->rule->labels.n; i++)
		if (image->labels[x->rule->labels.at + i].at == at)
			return &image->labels[x->rule->labels.at + i];
	return NULL;
}

static void put_pred(struct explain *x, uint32_t index)
{
	const struct sg_image *image = x->m->image;
	const struct sg_pred *pred = &image->preds[index];
	json_member_bool(&x->w, "holds", sg_fired(x->m, index));
	json_member_str(&x->w, "field", pred->field != SG_NONE ? sg_str(image, image->fields[pred->field].name) : STR(""));
	json_member_str(&x->w, "test", sg_str(image, pred->text));
	if (pred->field == SG_NONE)
		return;
	json_member_bool(&x->w, "present", sg_slot_of(x->m, pred->field) != NULL);
	put_values(x, pred->field);
}

static void put_node(struct explain *x, const uint32_t *word)
{
	static const char *const kinds[] = {"and", "or", "not", "test"};
	const struct sg_label *label = label_of(x, word);
	json_object(&x->w);
	if (label != NULL)
		json_member_str(&x->w, "identifier", sg_str(x->m->image, label->name));
	json_member_cstr(&x->w, "kind", kinds[SG_KIND(*word)]);
	if (SG_KIND(*word) == SIGMA_NODE_PRED) {
		put_pred(x, SG_VALUE(*word));
	} else {
		const uint32_t *end = word + sg_size(*word);
		json_member_bool(&x->w, "holds", sg_program_holds(x->m, word));
		json_name(&x->w, "of");
		json_array(&x->w);
		for (const uint32_t *child = word + 1; child < end; child += sg_size(*child))
			put_node(x, child);
		json_array_end(&x->w);
	}
	json_object_end(&x->w);
}

int sigma_explain(struct sigma_matcher *m, uint32_t rule, struct str event, struct buf *out, struct err *err)
{
	const struct sigma_match *matches;
	const struct sg_image *image = m->image;
	struct explain x = {.m = m, .w = json_writer_init(out), .rule = &image->rules[rule]};
	if (rule >= image->known[0].rule_count)
		return err_set(err, -ENOTSUP, "sigma.explain_correlation");
	x.program = image->program + x.rule->program.at;
	/* A whole run first: keywords are searched before conditions ask. */
	int r = sigma_matcher_run(m, event, &matches, err);
	if (r < 0)
		return r;
	bool sees = sg_has(m->route->rules, rule);
	json_object(&x.w);
	json_member_str(&x.w, "rule", sg_str(image, x.rule->id));
	json_member_str(&x.w, "title", sg_str(image, x.rule->title));
	json_name(&x.w, "logsource");
	json_object(&x.w);
	json_member_str(&x.w, "product", sg_str(image, x.rule->product));
	json_member_str(&x.w, "category", sg_str(image, x.rule->category));
	json_member_str(&x.w, "service", sg_str(image, x.rule->service));
	json_member_bool(&x.w, "applies", sees);
	json_object_end(&x.w);
	json_member_bool(&x.w, "condition_holds", sg_program_holds(m, x.program));
	json_member_bool(&x.w, "matches", sees && sg_program_holds(m, x.program));
	json_name(&x.w, "condition");
	put_node(&x, x.program);
	json_object_end(&x.w);
	return 0;
}
