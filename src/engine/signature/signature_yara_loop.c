/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* "of" and "for": quantifiers, sets of strings and rules, iterators. */
#include "engine/signature/signature_yara_internal.h"

#define LIST_MAX 100000u

struct members {
	uint32_t *items;
	size_t count, capacity;
};

static bool add_member(struct yara_parser *p, struct members *m, uint32_t item)
{
	if (m->count == m->capacity) {
		size_t capacity = m->capacity * 2 + 16;
		uint32_t *more = m->count < LIST_MAX ? ARENA_ARRAY(p->arena, capacity, uint32_t) : NULL;
		if (more == NULL)
			return yara_fail(p, &p->token, "signature.too_many", ARG_U64("limit", LIST_MAX)) != NULL;
		for (size_t i = 0; i < m->count; i++)
			more[i] = m->items[i];
		m->items = more;
		m->capacity = capacity;
	}
	m->items[m->count++] = item;
	return true;
}

static bool add_strings(struct yara_parser *p, struct members *m, const struct yara_token *t, bool beginning)
{
	size_t before = m->count;
	for (size_t i = 0; i < p->string_count; i++) {
		struct signature_yara_string *s = &p->strings[i];
		if (beginning ? !str_starts_with(s->name, t->text) : s->name.n == 0 || !str_eq(s->name, t->text))
			continue;
		s->used = true;
		if (!add_member(p, m, (uint32_t)i))
			return false;
	}
	if (m->count > before)
		return true;
	return yara_fail(p, t, "signature.undefined_string", ARG_STR("name", t->text)) != NULL;
}

static bool add_rules(struct yara_parser *p, struct members *m, const struct yara_token *t)
{
	uint32_t index;
	size_t i = 0;
	bool beginning = yara_accept_byte(p, '*');
	if (yara_rule_is_refused(p, t, beginning))
		return false;
	if (!beginning) {
		if (p->world->rule != NULL && p->world->rule(p->world->ctx, t->text, &index))
			return yara_rule_named(p, index) && add_member(p, m, index);
	} else if (p->world->rule_beginning != NULL) {
		for (; p->world->rule_beginning(p->world->ctx, t->text, i, &index); i++)
			if (!yara_rule_named(p, index) || !add_member(p, m, index))
				return false;
	}
	return i > 0 || yara_fail(p, t, "signature.undefined_identifier", ARG_STR("name", t->text)) != NULL;
}

/* them · ($a, $b*) · (rule_a, rule_b*), where rules may stand */
static bool set(struct yara_parser *p, struct members *m, bool rules_too, bool *ret_rules)
{
	static const struct yara_token all = {0};
	*ret_rules = false;
	if (yara_accept_word(p, YARA_WORD_THEM))
		return p->string_count == 0 ? yara_fail(p, &p->previous, "signature.no_strings") != NULL : add_strings(p, m, &all, true);
	if (!yara_expect_byte(p, '('))
		return false;
	*ret_rules = rules_too && p->token.kind == YARA_TOKEN_NAME;
	do {
		struct yara_token t = p->token;
		bool fits = *ret_rules ? t.kind == YARA_TOKEN_NAME : t.kind == YARA_TOKEN_STRING || t.kind == YARA_TOKEN_STRINGS;
		if (!fits)
			return yara_unexpected(p) != NULL;
		yara_next(p);
		if (!(*ret_rules ? add_rules(p, m, &t) : add_strings(p, m, &t, t.kind == YARA_TOKEN_STRINGS)))
			return false;
	} while (yara_accept_byte(p, ','));
	return yara_expect_byte(p, ')');
}

struct signature_expr *yara_quantifier(struct yara_parser *p, enum signature_quantity quantity, struct signature_expr *n)
{
	struct signature_expr *q = yara_new(p, SIGNATURE_EXPR_INTEGER, SIGNATURE_CLASS_INTEGER);
	q->which = (uint8_t)quantity;
	q->a = n;
	if (quantity == SIGNATURE_QUANTITY_PERCENT && n->class != SIGNATURE_CLASS_INTEGER)
		return yara_fail(p, &p->token, "signature.index_type");
	if (quantity == SIGNATURE_QUANTITY_PERCENT && n->constant && (n->integer < 1 || n->integer > 100))
		return yara_fail(p, &p->token, "signature.percentage");
	if (n != NULL)
		return q;
	q->which = yara_at_word(p, YARA_WORD_ALL)   ? SIGNATURE_QUANTITY_ALL
		   : yara_at_word(p, YARA_WORD_ANY) ? SIGNATURE_QUANTITY_ANY
						    : SIGNATURE_QUANTITY_NONE;
	yara_next(p);
	return q;
}

static struct signature_expr *of_node(struct yara_parser *p, enum signature_expr_kind kind, struct signature_expr *quantifier,
				      const struct members *m)
{
	struct signature_expr *n = yara_new(p, kind, SIGNATURE_CLASS_BOOLEAN);
	n->a = quantifier;
	n->members = m->items;
	n->count = (uint32_t)m->count;
	return n;
}

struct signature_expr *yara_of(struct yara_parser *p, struct signature_expr *quantifier)
{
	struct members m = {0};
	bool rules;
	if (quantifier == NULL || p->failed)
		return NULL;
	if (!yara_accept_word(p, YARA_WORD_OF))
		return yara_unexpected(p);
	if (!set(p, &m, true, &rules))
		return NULL;
	struct signature_expr *n = of_node(p, rules ? SIGNATURE_EXPR_OF_RULES : SIGNATURE_EXPR_OF, quantifier, &m);
	if (!rules && quantifier->which != SIGNATURE_QUANTITY_PERCENT && yara_accept_word(p, YARA_WORD_IN))
		(void)yara_range(p, &n->b, &n->c);
	return p->failed ? NULL : n;
}

static struct signature_expr *body(struct yara_parser *p)
{
	if (!yara_expect_byte(p, ':') || !yara_expect_byte(p, '('))
		return NULL;
	struct signature_expr *n = yara_expression(p);
	return n != NULL && yara_expect_byte(p, ')') ? n : NULL;
}

static struct signature_expr *for_of(struct yara_parser *p, struct signature_expr *quantifier)
{
	struct members m = {0};
	struct yara_token at = p->previous;
	bool rules;
	if (p->in_for_of)
		return yara_fail(p, &at, "signature.nested_for_of");
	if (!set(p, &m, false, &rules))
		return NULL;
	struct signature_expr *n = of_node(p, SIGNATURE_EXPR_FOR_OF, quantifier, &m);
	n->slot = p->for_of_slot = (uint8_t)(p->loops - 1);
	p->in_for_of = true;
	n->b = body(p);
	p->in_for_of = false;
	return p->failed ? NULL : n;
}

static bool name_variables(struct yara_parser *p, struct yara_token *names, unsigned *count)
{
	*count = 0;
	do {
		struct yara_token t = p->token;
		if (t.kind != YARA_TOKEN_NAME)
			return yara_unexpected(p) != NULL;
		for (unsigned i = 0; i < p->variable_count; i++)
			if (str_eq(p->variables[i].name, t.text))
				return yara_fail(p, &t, "signature.loop_name", ARG_STR("name", t.text)) != NULL;
		if (*count == 2 || (*count == 1 && str_eq(names[0].text, t.text)))
			return yara_fail(p, &t, "signature.loop_name", ARG_STR("name", t.text)) != NULL;
		names[(*count)++] = t;
		yara_next(p);
	} while (yara_accept_byte(p, ','));
	return true;
}

/* (a..b) or (a, b, c) */
static bool integers(struct yara_parser *p, struct signature_expr *n)
{
	size_t capacity = 0;
	if (!yara_expect_byte(p, '('))
		return false;
	do {
		struct yara_token t = p->token;
		struct signature_expr *item = yara_primary_expression(p);
		if (item == NULL)
			return false;
		if (item->class != SIGNATURE_CLASS_INTEGER)
			return yara_fail(p, &t, "signature.enumeration_type") != NULL;
		if (n->count == 0 && p->token.kind == YARA_TOKEN_DOTS) {
			yara_next(p);
			n->kind = SIGNATURE_EXPR_FOR_RANGE;
			n->c = item;
			n->d = yara_primary_expression(p);
			if (n->d != NULL && n->d->class != SIGNATURE_CLASS_INTEGER)
				return yara_fail(p, &t, "signature.range_type") != NULL;
			return yara_expect_byte(p, ')');
		}
		if (n->count == capacity) {
			struct signature_expr **more = capacity < LIST_MAX ? ARENA_ARRAY(p->arena, capacity * 2 + 16, struct signature_expr *) : NULL;
			if (more == NULL)
				return yara_fail(p, &t, "signature.too_many", ARG_U64("limit", LIST_MAX)) != NULL;
			for (uint32_t i = 0; i < n->count; i++)
				more[i] = n->list[i];
			n->list = more;
			capacity = capacity * 2 + 16;
		}
		n->list[n->count++] = item;
	} while (yara_accept_byte(p, ','));
	return yara_expect_byte(p, ')');
}

static struct yara_variable *new_variable(struct yara_parser *p, struct str name, uint8_t slot)
{
	struct yara_variable *v = &p->variables[p->variable_count++];
	*v = (struct yara_variable){.name = name, .slot = slot};
	return v;
}

/* Over an array or dictionary: the loop counts its elements, the variables stand for the one it is at. */
static bool items(struct yara_parser *p, struct signature_expr *n, const struct yara_token *names, unsigned count)
{
	struct yara_variable over;
	if (!yara_iterated(p, &over))
		return false;
	bool dictionary = over.field->type == SIGNATURE_TYPE_DICTIONARY;
	if (count != (dictionary ? 2u : 1u))
		return yara_fail(p, &names[0], "signature.loop_names", ARG_U64("expected", dictionary ? 2 : 1)) != NULL;
	n->kind = SIGNATURE_EXPR_FOR_ITEMS;
	n->c = yara_new(p, SIGNATURE_EXPR_FIELD, SIGNATURE_CLASS_INTEGER);
	n->c->module = (uint8_t)over.module->id;
	n->c->id = over.field->id;
	n->c->list = over.keys;
	n->c->count = over.key_count;
	struct signature_expr **keys = arena_alloc(p->arena, (over.key_count + 1) * sizeof(*keys));
	for (uint32_t i = 0; i < over.key_count; i++)
		keys[i] = over.keys[i];
	keys[over.key_count] = yara_new(p, SIGNATURE_EXPR_LOOP_VALUE, SIGNATURE_CLASS_INTEGER);
	keys[over.key_count]->slot = n->slot;
	over.keys = keys;
	over.key_count++;
	over.slot = n->slot;
	for (unsigned i = 0; i < count; i++) {
		struct yara_variable *v = new_variable(p, names[i].text, n->slot);
		*v = over;
		v->name = names[i].text;
		v->is_key = dictionary && i == 0;
	}
	return true;
}

static struct signature_expr *for_in(struct yara_parser *p, struct signature_expr *quantifier)
{
	struct yara_token names[2];
	unsigned count, before = p->variable_count;
	struct signature_expr *n = yara_new(p, SIGNATURE_EXPR_FOR_LIST, SIGNATURE_CLASS_BOOLEAN);
	n->a = quantifier;
	n->slot = (uint8_t)(p->loops - 1);
	if (!name_variables(p, names, &count))
		return NULL;
	if (!yara_accept_word(p, YARA_WORD_IN))
		return yara_unexpected(p);
	if (p->token.kind == YARA_TOKEN_NAME) {
		if (!items(p, n, names, count))
			return NULL;
	} else {
		if (!integers(p, n))
			return NULL;
		if (count != 1)
			return yara_fail(p, &names[0], "signature.loop_names", ARG_U64("expected", 1));
		(void)new_variable(p, names[0].text, n->slot);
	}
	n->b = body(p);
	p->variable_count = before;
	return p->failed ? NULL : n;
}

struct signature_expr *yara_for(struct yara_parser *p)
{
	struct yara_token at = p->token;
	struct signature_expr *quantifier;
	yara_next(p);
	if (p->loops == SIGNATURE_YARA_LOOPS)
		return yara_fail(p, &at, "signature.loops", ARG_U64("limit", SIGNATURE_YARA_LOOPS));
	if (yara_at_word(p, YARA_WORD_ALL) || yara_at_word(p, YARA_WORD_ANY) || yara_at_word(p, YARA_WORD_NONE)) {
		quantifier = yara_quantifier(p, SIGNATURE_QUANTITY_NUMBER, NULL);
	} else {
		struct signature_expr *n = yara_primary_expression(p);
		quantifier = n != NULL ? yara_quantifier(p, SIGNATURE_QUANTITY_NUMBER, n) : NULL;
	}
	if (quantifier == NULL)
		return NULL;
	p->loops++;
	struct signature_expr *n = yara_accept_word(p, YARA_WORD_OF) ? for_of(p, quantifier) : for_in(p, quantifier);
	p->loops--;
	return n;
}
