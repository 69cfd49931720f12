/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From YAML to conditions. */
#include "engine/level/level_internal.h"

uint64_t level_value_bit(const struct level_fact *fact, struct str id)
{
	for (unsigned i = 0; i < fact->value_count; i++)
		if (str_eq(fact->values[i].id, id))
			return UINT64_C(1) << i;
	return 0;
}

static int wrong(const struct pack_doc *doc, const struct json *node, struct err *err)
{
	return pack_error(doc, node, err_set(err, -EINVAL, "level.bad_condition"), err);
}

static int read_children(struct arena *arena, const struct pack_doc *doc, const struct level_regime *regime, const struct json *list,
                         bool allow_level, unsigned depth, struct level_condition *c, struct err *err)
{
	const struct level_condition **end = &c->first;
	if (list->type != JSON_ARRAY || list->child == NULL)
		return wrong(doc, list, err);
	json_each(node, list) {
		const struct level_condition *child = NULL;
		int r = level_condition_read(arena, doc, regime, node, allow_level, depth + 1, &child, err);
		if (r < 0 || child == NULL)
			return r;
		struct level_condition *copy = ARENA_NEW(arena, struct level_condition);
		*copy = *child;
		*end = copy;
		end = &copy->next;
	}
	return 0;
}

static int add_value(const struct pack_doc *doc, const struct level_fact *fact, const struct json *node, uint64_t *set, struct err *err)
{
	uint64_t bit = node->type == JSON_STRING ? level_value_bit(fact, node->text) : 0;
	*set |= bit;
	return bit != 0 ? 0
	                : pack_error(doc, node, err_set(err, -EINVAL, "level.unknown_value", ARG_STR("fact", fact->id), ARG_STR("value", node->text)), err);
}

static int read_values(const struct pack_doc *doc, const struct level_fact *fact, const struct json *node, uint64_t *set, struct err *err)
{
	if (node->type != JSON_ARRAY)
		return add_value(doc, fact, node, set, err);
	int r = node->child != NULL ? 0 : wrong(doc, node, err);
	for (const struct json *item = node->child; r >= 0 && item != NULL; item = item->next)
		r = add_value(doc, fact, item, set, err);
	return r;
}

/* How a fact of each kind may be asked. */
static const struct test {
	const char *name;
	enum level_kind kind;
	enum level_op op;
} tests[] = {
	{"is", LEVEL_KIND_YES_NO, LEVEL_OP_YES},        {"is", LEVEL_KIND_CHOICE, LEVEL_OP_IN},
	{"in", LEVEL_KIND_CHOICE, LEVEL_OP_IN},         {"has", LEVEL_KIND_SET, LEVEL_OP_HAS_ANY},
	{"has_any", LEVEL_KIND_SET, LEVEL_OP_HAS_ANY},  {"only", LEVEL_KIND_SET, LEVEL_OP_ONLY},
	{"at_least", LEVEL_KIND_COUNT, LEVEL_OP_AT_LEAST}, {"below", LEVEL_KIND_COUNT, LEVEL_OP_BELOW},
};

static int read_test(const struct pack_doc *doc, const struct level_regime *regime, const struct json *node, struct level_condition *c,
                     struct err *err)
{
	const struct json *name = node->child, *value = name->next;
	if (name->type != JSON_STRING || value == NULL || value->next != NULL)
		return wrong(doc, node, err);
	const struct level_fact *fact = level_fact_find(regime, name->text);
	if (fact == NULL)
		return pack_error(doc, name, err_set(err, -EINVAL, "level.unknown_fact", ARG_STR("fact", name->text)), err);
	c->fact = (unsigned)(fact - regime->facts);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		if (tests[i].kind != fact->kind || !str_eq_c(value->name, tests[i].name))
			continue;
		c->op = tests[i].op;
		if (fact->kind == LEVEL_KIND_CHOICE || fact->kind == LEVEL_KIND_SET)
			return read_values(doc, fact, value, &c->set, err);
		bool fits = fact->kind == LEVEL_KIND_YES_NO ? value->type == JSON_BOOL : value->type == JSON_NUMBER && value->is_integer;
		c->number = fact->kind == LEVEL_KIND_YES_NO ? value->boolean : value->integer;
		return fits ? 0 : wrong(doc, value, err);
	}
	return pack_error(doc, value, err_set(err, -EINVAL, "level.wrong_kind", ARG_STR("fact", fact->id)), err);
}

int level_condition_read(struct arena *arena, const struct pack_doc *doc, const struct level_regime *regime, const struct json *node,
                         bool allow_level, unsigned depth, const struct level_condition **ret, struct err *err)
{
	const struct json *first = node->child;
	if (node->type != JSON_OBJECT || first == NULL || depth > LEVEL_DEPTH)
		return wrong(doc, node, err);
	struct level_condition *c = ARENA_NEW(arena, struct level_condition);
	*ret = c;
	if (str_eq_c(first->name, "fact"))
		return read_test(doc, regime, node, c, err);
	if (first->next != NULL)
		return wrong(doc, node, err);
	if (str_eq_c(first->name, "level_is") && allow_level && first->type == JSON_NUMBER && first->is_integer) {
		c->op = LEVEL_OP_LEVEL_IS;
		c->number = first->integer;
		return 0;
	}
	if (str_eq_c(first->name, "not")) {
		c->op = LEVEL_OP_NOT;
		return level_condition_read(arena, doc, regime, first, allow_level, depth + 1, &c->first, err);
	}
	c->op = str_eq_c(first->name, "all") ? LEVEL_OP_ALL : LEVEL_OP_ANY;
	if (c->op == LEVEL_OP_ANY && !str_eq_c(first->name, "any"))
		return wrong(doc, first, err);
	return read_children(arena, doc, regime, first, allow_level, depth, c, err);
}
