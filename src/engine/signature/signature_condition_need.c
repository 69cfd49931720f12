/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What must be there before a condition can be true. Of "a and b" the rarer side will do, of "a or b" both count; "3 of
 * ($x*)" with 10 strings needs one of any 8 of them, so the 8 rarest. An undefined value makes every comparison false.
 */
#include <stdlib.h>

#include "engine/signature/signature_condition.h"

#define RULE_WEIGHT 64

struct needing {
	const struct signature_need_world *world;
	const struct signature_expr *set; /* of the "for … of" around */
};

static const struct signature_need nothing = {0};
static const struct signature_need never = {.is_needed = true};

static struct signature_need need(const struct needing *w, const struct signature_expr *n);
static struct signature_need need_to_be_defined(const struct needing *w, const struct signature_expr *n);

static struct signature_need of_strings(const struct needing *w, const uint32_t *strings, uint32_t count)
{
	struct signature_need r = {.is_needed = true, .strings = strings, .string_count = count};
	for (uint32_t i = 0; i < count; i++)
		r.cost += w->world->weights[strings[i]];
	return r;
}

static struct signature_need of_string(const struct needing *w, const struct signature_expr *n)
{
	if (n->string == SIGNATURE_STRING_CURRENT)
		return w->set != NULL ? of_strings(w, w->set->members, w->set->count) : nothing;
	return of_strings(w, &n->string, 1);
}

static struct signature_need cheaper(const struct signature_need *a, const struct signature_need *b)
{
	if (!a->is_needed)
		return *b;
	return !b->is_needed || a->cost <= b->cost ? *a : *b;
}

/* Every term of a chain of "and": the cheapest will do. */
static struct signature_need all_of_chain(const struct needing *w, const struct signature_expr *n)
{
	struct signature_need best = nothing;
	const struct signature_expr *at = n;
	for (;; at = at->a) {
		struct signature_need one = need(w, at->kind == n->kind ? at->b : at);
		best = cheaper(&best, &one);
		if (at->kind != n->kind)
			return best;
	}
}

static struct signature_need any_of_chain(const struct needing *w, const struct signature_expr *n)
{
	struct signature_need all = never;
	const struct signature_expr *at;
	uint32_t count = 1, i = 0;
	for (at = n; at->kind == n->kind; at = at->a)
		count++;
	struct signature_need *parts = arena_alloc(w->world->arena, count * sizeof(*parts));
	uint32_t strings = 0, rules = 0;
	for (at = n; i < count; at = at->a) {
		parts[i] = need(w, at->kind == n->kind ? at->b : at);
		if (!parts[i].is_needed)
			return nothing;
		strings += parts[i].string_count;
		rules += parts[i].rule_count;
		all.cost += parts[i].cost;
		i++;
	}
	uint32_t *to_strings = arena_alloc(w->world->arena, (strings + 1) * sizeof(uint32_t));
	uint32_t *to_rules = arena_alloc(w->world->arena, (rules + 1) * sizeof(uint32_t));
	for (i = 0; i < count; i++) {
		for (uint32_t k = 0; k < parts[i].string_count; k++)
			to_strings[all.string_count++] = parts[i].strings[k];
		for (uint32_t k = 0; k < parts[i].rule_count; k++)
			to_rules[all.rule_count++] = parts[i].rules[k];
	}
	all.strings = to_strings;
	all.rules = to_rules;
	return all;
}

/* How many of `count` a quantifier asks for; 0: perhaps none. */
static uint32_t wanted(const struct signature_expr *q, uint32_t count)
{
	int64_t n = 0;
	switch ((enum signature_quantity)q->which) {
	case SIGNATURE_QUANTITY_ALL:
		return count;
	case SIGNATURE_QUANTITY_ANY:
		return 1;
	case SIGNATURE_QUANTITY_NONE:
		return 0;
	case SIGNATURE_QUANTITY_PERCENT:
		n = q->a->constant ? (q->a->integer * count + 99) / 100 : 0;
		break;
	case SIGNATURE_QUANTITY_NUMBER:
		n = q->a->constant ? q->a->integer : 0;
		break;
	}
	return n < 0 ? 0 : n > count ? count : (uint32_t)n;
}

struct weighed {
	uint32_t string, weight;
};

static int lighter(const void *a, const void *b)
{
	const struct weighed *x = a, *y = b;
	return x->weight != y->weight ? (x->weight < y->weight ? -1 : 1) : (x->string > y->string) - (x->string < y->string);
}

static struct signature_need of_set(const struct needing *w, const struct signature_expr *n)
{
	uint32_t k = wanted(n->a, n->count);
	if (k == 0 || n->count == 0)
		return nothing;
	struct weighed *all = arena_alloc(w->world->arena, n->count * sizeof(*all));
	uint32_t *chosen = arena_alloc(w->world->arena, n->count * sizeof(*chosen));
	for (uint32_t i = 0; i < n->count; i++)
		all[i] = (struct weighed){n->members[i], w->world->weights[n->members[i]]};
	qsort(all, n->count, sizeof(*all), lighter);
	for (uint32_t i = 0; i < n->count - k + 1; i++)
		chosen[i] = all[i].string;
	return of_strings(w, chosen, n->count - k + 1);
}

static struct signature_need of_rules(const struct needing *w, const uint32_t *rules, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (w->world->rule_needs == NULL || !w->world->rule_needs(w->world->ctx, rules[i]))
			return nothing;
	return (struct signature_need){.is_needed = true, .rules = rules, .rule_count = count, .cost = (uint64_t)count * RULE_WEIGHT};
}

/* At least one body must be true; "all" and "any" of no round at all are false. */
static struct signature_need of_loop(const struct needing *w, const struct signature_expr *n)
{
	struct needing inner = *w;
	if (n->kind == SIGNATURE_EXPR_FOR_OF)
		inner.set = n;
	return wanted(n->a, UINT32_MAX / 2) > 0 && n->a->which != SIGNATURE_QUANTITY_PERCENT ? need(&inner, n->b) : nothing;
}

static bool is_positive(const struct signature_expr *n)
{
	return n->constant && n->integer > 0;
}

static bool counts(const struct signature_expr *n)
{
	return n->kind == SIGNATURE_EXPR_COUNT || n->kind == SIGNATURE_EXPR_COUNT_IN;
}

/* #a > 0, 2 <= #a, #a == 3 … */
static bool asks_for_some(const struct signature_expr *n)
{
	const struct signature_expr *a = n->a, *b = n->b;
	switch (n->kind) {
	case SIGNATURE_EXPR_GT:
		return counts(a) && b->constant && b->integer >= 0;
	case SIGNATURE_EXPR_GE:
		return counts(a) && is_positive(b);
	case SIGNATURE_EXPR_LT:
		return counts(b) && a->constant && a->integer >= 0;
	case SIGNATURE_EXPR_LE:
		return counts(b) && is_positive(a);
	case SIGNATURE_EXPR_EQ:
		return (counts(a) && is_positive(b)) || (counts(b) && is_positive(a));
	default:
		return false;
	}
}

static struct signature_need of_operands(const struct needing *w, const struct signature_expr *n)
{
	struct signature_need a = need_to_be_defined(w, n->a);
	struct signature_need b = n->b != NULL ? need_to_be_defined(w, n->b) : nothing;
	return cheaper(&a, &b);
}

static struct signature_need need_to_be_defined(const struct needing *w, const struct signature_expr *n)
{
	if (n->kind == SIGNATURE_EXPR_OFFSET || n->kind == SIGNATURE_EXPR_LENGTH)
		return of_string(w, n);
	/* This one is false, and so defined, of what is undefined. */
	if (n->kind == SIGNATURE_EXPR_LT &&
	    (n->a->class == SIGNATURE_CLASS_FLOAT || n->b->class == SIGNATURE_CLASS_FLOAT))
		return nothing;
	bool passes = n->kind == SIGNATURE_EXPR_READ || n->kind == SIGNATURE_EXPR_MINUS || n->kind == SIGNATURE_EXPR_COMPLEMENT ||
		      n->kind == SIGNATURE_EXPR_NOT || n->kind >= SIGNATURE_EXPR_EQ;
	return passes ? of_operands(w, n) : nothing;
}

static struct signature_need of_comparison(const struct needing *w, const struct signature_expr *n)
{
	struct signature_need defined = of_operands(w, n);
	if (!asks_for_some(n))
		return defined;
	struct signature_need counted = of_string(w, counts(n->a) ? n->a : n->b);
	return cheaper(&defined, &counted);
}

static struct signature_need need(const struct needing *w, const struct signature_expr *n)
{
	if (n->kind == SIGNATURE_EXPR_BOOLEAN || (n->kind == SIGNATURE_EXPR_INTEGER && n->constant))
		return n->integer == 0 ? never : nothing;
	if (n->kind >= SIGNATURE_EXPR_FOUND && n->kind <= SIGNATURE_EXPR_LENGTH)
		return of_string(w, n);
	if (n->kind == SIGNATURE_EXPR_OF)
		return of_set(w, n);
	if (n->kind == SIGNATURE_EXPR_OF_RULES)
		return wanted(n->a, n->count) > 0 ? of_rules(w, n->members, n->count) : nothing;
	if (n->kind >= SIGNATURE_EXPR_FOR_OF && n->kind <= SIGNATURE_EXPR_FOR_ITEMS)
		return of_loop(w, n);
	if (n->kind == SIGNATURE_EXPR_RULE)
		return of_rules(w, &n->index, 1);
	if (n->kind == SIGNATURE_EXPR_AND)
		return all_of_chain(w, n);
	if (n->kind == SIGNATURE_EXPR_OR)
		return any_of_chain(w, n);
	if (n->kind == SIGNATURE_EXPR_DEFINED)
		return need_to_be_defined(w, n->a);
	if (n->kind == SIGNATURE_EXPR_NOT)
		/* "not" of what is undefined stays undefined; of what is false it is true. */
		return need_to_be_defined(w, n->a);
	if (n->kind >= SIGNATURE_EXPR_EQ)
		return of_comparison(w, n);
	return need_to_be_defined(w, n);
}

struct signature_need signature_condition_need(const struct signature_need_world *world, const struct signature_expr *condition)
{
	struct needing w = {.world = world};
	return need(&w, condition);
}

static void ask(struct signature_asking *s, enum signature_asked how, int64_t at)
{
	if (how == SIGNATURE_ASKED_FIXED && s->asked == SIGNATURE_ASKED_FIXED && s->at != at)
		how = SIGNATURE_ASKED_MANY;
	/* Once anywhere and at a place: both are answered only by all of them. */
	if (s->asked != SIGNATURE_ASKED_NOTHING && how != s->asked)
		how = SIGNATURE_ASKED_MANY;
	s->asked = how;
	s->at = at;
}

static void ask_set(const struct signature_expr *set, enum signature_asked how, struct signature_asking *asking, uint32_t count)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (set->members[i] < count)
			ask(&asking[set->members[i]], how, 0);
}

static void asked(const struct signature_expr *n, const struct signature_expr *set, struct signature_asking *asking, uint32_t count)
{
	if (n == NULL)
		return;
	if (n->kind >= SIGNATURE_EXPR_FOUND && n->kind <= SIGNATURE_EXPR_LENGTH) {
		enum signature_asked how = n->kind == SIGNATURE_EXPR_FOUND ? SIGNATURE_ASKED_ONCE : SIGNATURE_ASKED_MANY;
		int64_t at = 0;
		if (n->kind == SIGNATURE_EXPR_FOUND_AT && n->a->constant && n->a->integer >= 0 && n->string != SIGNATURE_STRING_CURRENT) {
			how = SIGNATURE_ASKED_FIXED;
			at = n->a->integer;
		}
		if (n->string < count)
			ask(&asking[n->string], how, at);
		else if (set != NULL)
			ask_set(set, how, asking, count);
	}
	if (n->kind == SIGNATURE_EXPR_OF)
		ask_set(n, n->b != NULL ? SIGNATURE_ASKED_MANY : SIGNATURE_ASKED_ONCE, asking, count);
	const struct signature_expr *inner = n->kind == SIGNATURE_EXPR_FOR_OF ? n : set;
	const struct signature_expr *chain = n;
	/* Chains lean to the left: not a call for each. */
	while ((chain->kind == SIGNATURE_EXPR_AND || chain->kind == SIGNATURE_EXPR_OR) && chain->a->kind == chain->kind) {
		asked(chain->b, inner, asking, count);
		chain = chain->a;
	}
	asked(chain->a, inner, asking, count);
	asked(chain->b, inner, asking, count);
	asked(chain->c, inner, asking, count);
	asked(chain->d, inner, asking, count);
	for (uint32_t i = 0; chain->list != NULL && i < chain->count; i++)
		asked(chain->list[i], inner, asking, count);
}

void signature_condition_asked(const struct signature_expr *condition, struct signature_asking *asking, uint32_t string_count)
{
	asked(condition, NULL, asking, string_count);
}
