/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Kleene's three values, and what they leave open. */
#include "engine/level/level_internal.h"

enum truth { FALSE, UNKNOWN, TRUE };

const char *const level_status_names[LEVEL_STATUS__COUNT + 1] = {"decided", "incomplete", "no_rule", "contradictory", NULL};

struct deciding {
	const struct level_given *given; /* presumptions filled in */
	unsigned level;                  /* the decided one; 0: none */
};

static enum truth truth_of(bool yes)
{
	return yes ? TRUE : FALSE;
}

static enum truth look(const struct deciding *d, const struct level_condition *c);

/* ALL is the least of its parts, ANY the greatest. */
static enum truth look_many(const struct deciding *d, const struct level_condition *c)
{
	enum truth all = TRUE, any = FALSE;
	for (const struct level_condition *child = c->first; child != NULL; child = child->next) {
		enum truth t = look(d, child);
		all = t < all ? t : all;
		any = t > any ? t : any;
	}
	return c->op == LEVEL_OP_ALL ? all : any;
}

static enum truth look(const struct deciding *d, const struct level_condition *c)
{
	const struct level_given *g = &d->given[c->fact];
	switch (c->op) {
	case LEVEL_OP_ALL:
	case LEVEL_OP_ANY:
		return look_many(d, c);
	case LEVEL_OP_NOT:
		return (enum truth)(TRUE - look(d, c->first));
	case LEVEL_OP_LEVEL_IS:
		return d->level == 0 ? UNKNOWN : truth_of(d->level == (unsigned)c->number);
	case LEVEL_OP_YES:
		return !g->known ? UNKNOWN : truth_of(g->yes == (c->number != 0));
	case LEVEL_OP_IN:
		return !g->known ? UNKNOWN : truth_of((c->set >> g->choice & 1) != 0);
	case LEVEL_OP_HAS_ANY:
		return !g->known ? UNKNOWN : truth_of((g->set & c->set) != 0);
	case LEVEL_OP_ONLY:
		return !g->known ? UNKNOWN : truth_of(g->set != 0 && (g->set & ~c->set) == 0);
	case LEVEL_OP_AT_LEAST:
		return !g->known ? UNKNOWN : truth_of(g->count >= c->number);
	case LEVEL_OP_BELOW:
		return !g->known ? UNKNOWN : truth_of(g->count < c->number);
	}
	return UNKNOWN;
}

/* The unanswered facts that an unknown condition waits for. */
static uint64_t waits_for(const struct deciding *d, const struct level_condition *c)
{
	uint64_t facts = 0;
	if (look(d, c) != UNKNOWN || c->op == LEVEL_OP_LEVEL_IS)
		return 0;
	if (c->op > LEVEL_OP_NOT)
		return UINT64_C(1) << c->fact;
	for (const struct level_condition *child = c->first; child != NULL; child = child->next)
		facts |= waits_for(d, child);
	return facts;
}

static void list_add(struct arena *arena, struct level_rule_list *list, const struct level_rule *rule)
{
	if (list->items == NULL)
		list->items = ARENA_ARRAY(arena, LEVEL_RULES, const struct level_rule *);
	list->items[list->count++] = rule;
}

static struct level_rule_list those(struct arena *arena, const struct deciding *d, const struct level_rules *rules, enum truth wanted)
{
	struct level_rule_list list = {.count = 0};
	for (unsigned i = 0; i < rules->count; i++)
		if (look(d, rules->items[i].condition) == wanted)
			list_add(arena, &list, &rules->items[i]);
	return list;
}

static unsigned highest(const struct level_rule_list *list)
{
	unsigned level = 0;
	for (unsigned i = 0; i < list->count; i++)
		level = list->items[i]->level > level ? list->items[i]->level : level;
	return level;
}

static const struct level_given *presume(struct arena *arena, const struct level_regime *regime, const struct level_given *answers,
                                         struct level_result *ret)
{
	struct level_given *given = ARENA_ARRAY(arena, LEVEL_FACTS, struct level_given);
	ret->presumed = ARENA_ARRAY(arena, LEVEL_FACTS, const struct level_fact *);
	for (unsigned i = 0; i < regime->fact_count; i++) {
		given[i] = answers[i];
		if (!given[i].known && regime->facts[i].presumed.known) {
			given[i] = regime->facts[i].presumed;
			ret->presumed[ret->presumed_count++] = &regime->facts[i];
		}
	}
	return given;
}

/* What could still raise the level, and what to ask. */
static void find_open(struct arena *arena, const struct level_regime *regime, const struct deciding *d, struct level_result *ret)
{
	uint64_t facts = 0;
	for (unsigned i = 0; i < regime->rules.count; i++) {
		const struct level_rule *rule = &regime->rules.items[i];
		if (rule->level <= ret->at_least || look(d, rule->condition) != UNKNOWN)
			continue;
		list_add(arena, &ret->open, rule);
		facts |= waits_for(d, rule->condition);
	}
	ret->asks = ARENA_ARRAY(arena, LEVEL_FACTS, const struct level_fact *);
	for (unsigned i = 0; i < regime->fact_count; i++)
		if ((facts >> i & 1) != 0)
			ret->asks[ret->ask_count++] = &regime->facts[i];
}

void level_decide(struct arena *arena, const struct level_regime *regime, const struct level_given *answers, struct level_result *ret)
{
	*ret = (struct level_result){.level = 0};
	struct deciding d = {.given = presume(arena, regime, answers, ret)};
	ret->holding = those(arena, &d, &regime->rules, TRUE);
	ret->at_least = highest(&ret->holding);
	for (unsigned i = 0; i < ret->holding.count && ret->deciding == NULL; i++)
		if (ret->holding.items[i]->level == ret->at_least)
			ret->deciding = ret->holding.items[i];
	find_open(arena, regime, &d, ret);
	ret->contradictions = those(arena, &d, &regime->contradictions, TRUE);
	ret->status = ret->contradictions.count > 0 ? LEVEL_STATUS_CONTRADICTORY
	              : ret->open.count > 0         ? LEVEL_STATUS_INCOMPLETE
	              : ret->deciding == NULL       ? LEVEL_STATUS_NO_RULE
	                                            : LEVEL_STATUS_DECIDED;
	d.level = ret->level = ret->status == LEVEL_STATUS_DECIDED ? ret->at_least : 0;
	ret->cross_checks = those(arena, &d, &regime->cross_checks, TRUE);
	ret->cross_check_higher = ret->level != 0 && highest(&ret->cross_checks) > ret->level;
	ret->flags = those(arena, &d, &regime->flags, TRUE);
}

/* ---- as JSON ---- */

static void write_text(struct json_writer *w, const char *name, const struct level_text *text)
{
	json_name(w, name);
	json_object(w);
	json_member_str(w, "vi", text->vi);
	json_member_str(w, "en", text->en);
	json_object_end(w);
}

static void write_rule(struct json_writer *w, const struct level_rule *rule)
{
	json_object(w);
	json_member_str(w, "id", rule->id);
	if (rule->level != 0)
		json_member_int(w, "level", rule->level);
	json_member_str(w, "article", rule->article);
	json_member_str(w, "confidence", rule->confidence);
	write_text(w, "text", &rule->text);
	json_object_end(w);
}

static void write_rules(struct json_writer *w, const char *name, const struct level_rule_list *list)
{
	json_name(w, name);
	json_array(w);
	for (unsigned i = 0; i < list->count; i++)
		write_rule(w, list->items[i]);
	json_array_end(w);
}

static void write_facts(struct json_writer *w, const char *name, const struct level_fact *const *facts, unsigned count, bool asked)
{
	json_name(w, name);
	json_array(w);
	for (unsigned i = 0; i < count; i++) {
		json_object(w);
		json_member_str(w, "fact", facts[i]->id);
		write_text(w, "label", &facts[i]->label);
		write_text(w, asked ? "question" : "because", asked ? &facts[i]->question : &facts[i]->because);
		json_object_end(w);
	}
	json_array_end(w);
}

void level_result_write(struct json_writer *w, const struct level_regime *regime, const struct level_result *result)
{
	json_object(w);
	json_member_str(w, "regime", regime->id);
	json_member_str(w, "version", regime->version);
	json_member_str(w, "source", regime->source);
	json_member_cstr(w, "status", level_status_names[result->status]);
	json_name(w, "level");
	if (result->level != 0)
		json_int(w, result->level);
	else
		json_null(w);
	json_member_int(w, "at_least", result->at_least);
	json_name(w, "deciding");
	if (result->deciding != NULL)
		write_rule(w, result->deciding);
	else
		json_null(w);
	write_rules(w, "holding", &result->holding);
	write_rules(w, "open", &result->open);
	write_facts(w, "asks", result->asks, result->ask_count, true);
	write_facts(w, "presumed", result->presumed, result->presumed_count, false);
	write_rules(w, "cross_checks", &result->cross_checks);
	json_member_bool(w, "cross_check_higher", result->cross_check_higher);
	write_rules(w, "flags", &result->flags);
	write_rules(w, "contradictions", &result->contradictions);
	json_object_end(w);
}
