/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From a document to a regime. */
#include "engine/level/level_internal.h"

static const char *const kind_names[] = {"yes_no", "choice", "set", "count", NULL};

struct file_node {
	struct str version, regime, source, valid_from, valid_to;
	const struct json *facts, *rules, *cross_checks, *flags, *contradictions;
};
static const struct json_field file_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct file_node, version), true, 1, 40},
	{"regime", JSON_FIELD_STR, offsetof(struct file_node, regime), true, 1, 40},
	{"source", JSON_FIELD_STR, offsetof(struct file_node, source), true, 1, 200},
	{"valid_from", JSON_FIELD_STR, offsetof(struct file_node, valid_from), true, 10, 10},
	{"valid_to", JSON_FIELD_STR, offsetof(struct file_node, valid_to), false, 10, 10},
	{"facts", JSON_FIELD_ANY, offsetof(struct file_node, facts), true},
	{"rules", JSON_FIELD_ANY, offsetof(struct file_node, rules), true},
	{"cross_checks", JSON_FIELD_ANY, offsetof(struct file_node, cross_checks)},
	{"flags", JSON_FIELD_ANY, offsetof(struct file_node, flags)},
	{"contradictions", JSON_FIELD_ANY, offsetof(struct file_node, contradictions)},
	{.name = NULL},
};

struct fact_node {
	struct str id, source, confidence, presumed;
	int kind;
	bool cross_check;
	const struct json *label, *question, *help, *because, *values;
};
static const struct json_field fact_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct fact_node, id), true, 1, 40},
	{"kind", JSON_FIELD_ENUM, offsetof(struct fact_node, kind), true, .names = kind_names},
	{"label", JSON_FIELD_ANY, offsetof(struct fact_node, label), true},
	{"question", JSON_FIELD_ANY, offsetof(struct fact_node, question), true},
	{"help", JSON_FIELD_ANY, offsetof(struct fact_node, help)},
	{"source", JSON_FIELD_STR, offsetof(struct fact_node, source), true, 1, 200},
	{"confidence", JSON_FIELD_STR, offsetof(struct fact_node, confidence), true, 1, 20},
	{"presumed", JSON_FIELD_STR, offsetof(struct fact_node, presumed), false, 1, 40},
	{"because", JSON_FIELD_ANY, offsetof(struct fact_node, because)},
	{"cross_check", JSON_FIELD_BOOL, offsetof(struct fact_node, cross_check)},
	{"values", JSON_FIELD_ANY, offsetof(struct fact_node, values)},
	{.name = NULL},
};

struct value_node {
	struct str id;
	const struct json *label;
};
static const struct json_field value_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct value_node, id), true, 1, 40},
	{"label", JSON_FIELD_ANY, offsetof(struct value_node, label), true},
	{.name = NULL},
};

struct rule_node {
	struct str id, article, confidence;
	int64_t level;
	const struct json *condition, *text;
};
static const struct json_field rule_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct rule_node, id), true, 1, 40},
	{"level", JSON_FIELD_INT, offsetof(struct rule_node, level), false, 1, LEVEL_MOST},
	{"if", JSON_FIELD_ANY, offsetof(struct rule_node, condition), true},
	{"article", JSON_FIELD_STR, offsetof(struct rule_node, article), true, 1, 200},
	{"confidence", JSON_FIELD_STR, offsetof(struct rule_node, confidence), true, 1, 20},
	{"text", JSON_FIELD_ANY, offsetof(struct rule_node, text), true},
	{.name = NULL},
};

static const struct json_field text_fields[] = {
	{"vi", JSON_FIELD_STR, offsetof(struct level_text, vi), true, 1, 600},
	{"en", JSON_FIELD_STR, offsetof(struct level_text, en), true, 1, 600},
	{.name = NULL},
};

static int read_text(struct arena *arena, const struct pack_doc *doc, const struct json *node, struct level_text *ret, struct err *err)
{
	return node == NULL ? 0 : pack_decode(arena, doc, node, text_fields, ret, err);
}

/* The items of a list, at most `limit`; none is no list at all. */
static int count_items(const struct pack_doc *doc, const struct json *list, size_t limit, struct err *err)
{
	if (list->type != JSON_ARRAY || list->count == 0)
		return pack_error(doc, list, err_set(err, -EINVAL, "level.no_list"), err);
	if (list->count > limit)
		return pack_error(doc, list, err_set(err, -E2BIG, "level.too_many", ARG_U64("limit", limit)), err);
	return (int)list->count;
}

static int duplicate(const struct pack_doc *doc, const struct json *node, struct str id, struct err *err)
{
	return pack_error(doc, node, err_set(err, -EINVAL, "level.duplicate", ARG_STR("id", id)), err);
}

static int read_values(struct arena *arena, const struct pack_doc *doc, const struct json *list, struct level_fact *fact, struct err *err)
{
	int r = count_items(doc, list, LEVEL_FACTS, err);
	struct level_value *values = ARENA_ARRAY(arena, LEVEL_FACTS, struct level_value);
	fact->values = values;
	for (const struct json *item = list->child; r >= 0 && item != NULL; item = item->next) {
		struct value_node n = {.label = NULL};
		struct level_value *v = &values[fact->value_count];
		r = pack_decode(arena, doc, item, value_fields, &n, err);
		if (r >= 0 && level_value_bit(fact, n.id) != 0)
			r = duplicate(doc, item, n.id, err);
		if (r >= 0)
			r = read_text(arena, doc, n.label, &v->label, err);
		v->id = n.id;
		fact->value_count++;
	}
	return r;
}

/* Only a choice can be presumed: nothing else is needed. */
static int presume(const struct pack_doc *doc, const struct json *item, struct str value, struct level_fact *fact, struct err *err)
{
	if (value.n == 0)
		return 0;
	uint64_t bit = fact->kind == LEVEL_KIND_CHOICE ? level_value_bit(fact, value) : 0;
	if (bit == 0 || fact->because.vi.n == 0)
		return pack_error(doc, item, err_set(err, -EINVAL, "level.bad_presumption", ARG_STR("fact", fact->id)), err);
	fact->presumed.known = true;
	fact->presumed.choice = (unsigned)__builtin_ctzll(bit);
	return 0;
}

static int read_fact(struct arena *arena, const struct pack_doc *doc, const struct json *item, struct level_fact *fact, struct err *err)
{
	struct fact_node n = {.label = NULL};
	int r = pack_decode(arena, doc, item, fact_fields, &n, err);
	if (r < 0)
		return r;
	*fact = (struct level_fact){
		.id = n.id, .kind = (enum level_kind)n.kind, .source = n.source, .confidence = n.confidence, .cross_check = n.cross_check};
	bool wants_values = fact->kind == LEVEL_KIND_CHOICE || fact->kind == LEVEL_KIND_SET;
	if (wants_values != (n.values != NULL))
		return pack_error(doc, item, err_set(err, -EINVAL, "level.wrong_kind", ARG_STR("fact", n.id)), err);
	r = read_text(arena, doc, n.label, &fact->label, err);
	if (r >= 0)
		r = read_text(arena, doc, n.question, &fact->question, err);
	if (r >= 0)
		r = read_text(arena, doc, n.help, &fact->help, err);
	if (r >= 0)
		r = read_text(arena, doc, n.because, &fact->because, err);
	if (r >= 0 && wants_values)
		r = read_values(arena, doc, n.values, fact, err);
	return r < 0 ? r : presume(doc, item, n.presumed, fact, err);
}

static int read_facts(struct arena *arena, const struct pack_doc *doc, const struct json *list, struct level_regime *regime, struct err *err)
{
	int r = count_items(doc, list, LEVEL_FACTS, err);
	struct level_fact *facts = ARENA_ARRAY(arena, LEVEL_FACTS, struct level_fact);
	regime->facts = facts;
	for (const struct json *item = list->child; r >= 0 && item != NULL; item = item->next) {
		struct level_fact *fact = &facts[regime->fact_count];
		r = read_fact(arena, doc, item, fact, err);
		if (r >= 0 && level_fact_find(regime, fact->id) != NULL)
			r = duplicate(doc, item, fact->id, err);
		regime->fact_count++;
	}
	return r;
}

static bool has_rule(const struct level_rules *rules, struct str id)
{
	for (unsigned i = 0; i < rules->count; i++)
		if (str_eq(rules->items[i].id, id))
			return true;
	return false;
}

/* with_level: each rule gives one; else none does, and conditions may ask for the decided one. */
static int read_rules(struct arena *arena, const struct pack_doc *doc, const struct level_regime *regime, const struct json *list,
                      bool with_level, struct level_rules *ret, struct err *err)
{
	if (list == NULL)
		return 0;
	int r = count_items(doc, list, LEVEL_RULES, err);
	struct level_rule *rules = ARENA_ARRAY(arena, LEVEL_RULES, struct level_rule);
	ret->items = rules;
	for (const struct json *item = list->child; r >= 0 && item != NULL; item = item->next) {
		struct rule_node n = {.level = 0};
		struct level_rule *rule = &rules[ret->count];
		r = pack_decode(arena, doc, item, rule_fields, &n, err);
		if (r >= 0 && (n.level != 0) != with_level)
			r = pack_error(doc, item, err_set(err, -EINVAL, "level.bad_level", ARG_STR("id", n.id)), err);
		if (r >= 0 && has_rule(ret, n.id))
			r = duplicate(doc, item, n.id, err);
		*rule = (struct level_rule){.id = n.id, .level = (unsigned)n.level, .article = n.article, .confidence = n.confidence};
		if (r >= 0)
			r = level_condition_read(arena, doc, regime, n.condition, !with_level, 0, &rule->condition, err);
		if (r >= 0)
			r = read_text(arena, doc, n.text, &rule->text, err);
		ret->count++;
	}
	return r;
}

int level_regime_read(struct arena *arena, const struct pack_doc *doc, const struct level_regime **ret, struct err *err)
{
	struct file_node n = {.facts = NULL};
	int r = pack_decode(arena, doc, doc->root, file_fields, &n, err);
	if (r < 0)
		return r;
	struct level_regime *regime = ARENA_NEW(arena, struct level_regime);
	regime->id = n.regime;
	regime->version = n.version;
	regime->source = n.source;
	regime->valid_from = n.valid_from;
	regime->valid_to = n.valid_to;
	r = read_facts(arena, doc, n.facts, regime, err);
	if (r >= 0)
		r = read_rules(arena, doc, regime, n.rules, true, &regime->rules, err);
	if (r >= 0)
		r = read_rules(arena, doc, regime, n.cross_checks, true, &regime->cross_checks, err);
	if (r >= 0)
		r = read_rules(arena, doc, regime, n.flags, false, &regime->flags, err);
	if (r >= 0)
		r = read_rules(arena, doc, regime, n.contradictions, false, &regime->contradictions, err);
	*ret = regime;
	return r;
}

const struct level_fact *level_fact_find(const struct level_regime *regime, struct str id)
{
	for (unsigned i = 0; i < regime->fact_count; i++)
		if (str_eq(regime->facts[i].id, id))
			return &regime->facts[i];
	return NULL;
}

/* ---- answers ---- */

static int bad_answer(const struct level_fact *fact, struct err *err)
{
	return err_set(err, -EINVAL, "level.bad_answer", ARG_STR("fact", fact->id), ARG_CSTR("expected", kind_names[fact->kind]));
}

static int read_choice(const struct level_fact *fact, const struct json *value, uint64_t *bit, struct err *err)
{
	if (value->type != JSON_STRING)
		return bad_answer(fact, err);
	*bit = level_value_bit(fact, value->text);
	return *bit != 0 ? 0 : err_set(err, -EINVAL, "level.unknown_value", ARG_STR("fact", fact->id), ARG_STR("value", value->text));
}

static int read_answer(const struct level_fact *fact, const struct json *value, struct level_given *ret, struct err *err)
{
	uint64_t bit = 0;
	int r = 0;
	switch (fact->kind) {
	case LEVEL_KIND_YES_NO:
		ret->yes = value->boolean;
		r = value->type == JSON_BOOL ? 0 : bad_answer(fact, err);
		break;
	case LEVEL_KIND_CHOICE:
		r = read_choice(fact, value, &bit, err);
		ret->choice = bit != 0 ? (unsigned)__builtin_ctzll(bit) : 0;
		break;
	case LEVEL_KIND_COUNT:
		ret->count = value->integer;
		r = value->type == JSON_NUMBER && value->is_integer && value->integer >= 0 ? 0 : bad_answer(fact, err);
		break;
	case LEVEL_KIND_SET:
		/* None of them is no answer: a system without information is none. */
		r = value->type == JSON_ARRAY && value->child != NULL ? 0 : bad_answer(fact, err);
		for (const struct json *item = value->child; r >= 0 && item != NULL; item = item->next) {
			r = read_choice(fact, item, &bit, err);
			ret->set |= bit;
		}
		break;
	case LEVEL_KIND__COUNT:
		return bad_answer(fact, err);
	}
	ret->known = r >= 0;
	return r;
}

int level_answers_read(struct arena *arena, const struct level_regime *regime, const struct json *object,
                       const struct level_given **ret, struct err *err)
{
	struct level_given *answers = ARENA_ARRAY(arena, LEVEL_FACTS, struct level_given);
	if (object == NULL || object->type != JSON_OBJECT)
		return err_set(err, -EINVAL, "json.not_object");
	json_each(value, object) {
		const struct level_fact *fact = level_fact_find(regime, value->name);
		if (fact == NULL) {
			(void)err_set(err, -EINVAL, "level.unknown_fact", ARG_STR("fact", value->name));
			return err_at(err, value->name);
		}
		if (value->type == JSON_NULL)
			continue;
		if (read_answer(fact, value, &answers[fact - regime->facts], err) < 0)
			return err_at(err, value->name);
	}
	*ret = answers;
	return 0;
}
