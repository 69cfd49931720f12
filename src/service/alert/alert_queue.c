/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdlib.h>
#include <string.h>

#include "service/alert/alert_queue.h"
#include "service/alert/alert_tactics.h"

const char *const alert_group_kind_names[ALERT_GROUP__COUNT + 1] = {
	[ALERT_GROUP_ONE] = "one", [ALERT_GROUP_RULE] = "rule", [ALERT_GROUP_CASE] = "case",
	[ALERT_GROUP_WAVE] = "wave", [ALERT_GROUP_LEARNING] = "learning",
};

/* While gathering, `group` tells what became of an item. */
enum fate { FATE_OPEN, FATE_CASE, FATE_RULE };

static int by_rule(const void *a, const void *b)
{
	const struct alert_queue_item *x = a, *y = b;
	int c = (x->group > y->group) - (x->group < y->group);
	if (c == 0)
		c = str_cmp(x->rule_key, y->rule_key);
	return c != 0 ? c : str_cmp(x->machine, y->machine);
}

static int by_machine(const void *a, const void *b)
{
	const struct alert_queue_item *x = a, *y = b;
	int c = (x->group > y->group) - (x->group < y->group);
	if (c == 0)
		c = str_cmp(x->machine, y->machine);
	return c != 0 ? c : str_cmp(x->rule_key, y->rule_key);
}

static bool same_rule(const struct alert_queue_item *a, const struct alert_queue_item *b)
{
	return a->group == b->group && str_eq(a->rule_key, b->rule_key);
}

static bool same_machine(const struct alert_queue_item *a, const struct alert_queue_item *b)
{
	return a->group == b->group && str_eq(a->machine, b->machine);
}

/* Waves are numbered from 1 on; all else is 0. */
static int by_wave(const void *a, const void *b)
{
	const struct alert_queue_item *x = a, *y = b;
	return x->wave != y->wave ? (x->wave > y->wave) - (x->wave < y->wave) : by_rule(a, b);
}

static bool same_wave(const struct alert_queue_item *a, const struct alert_queue_item *b)
{
	return a->group == b->group && a->wave == b->wave && (a->wave > 0 || str_eq(a->rule_key, b->rule_key));
}

typedef bool (*same_fn)(const struct alert_queue_item *, const struct alert_queue_item *);

static size_t run_length(const struct alert_queue_item *items, size_t count, same_fn same)
{
	size_t n = 1;
	while (n < count && same(&items[0], &items[n]))
		n++;
	return n;
}

static int64_t different(const struct alert_queue_item *items, size_t count, same_fn same)
{
	int64_t n = 1;
	for (size_t i = 1; i < count; i++)
		n += !same(&items[i - 1], &items[i]);
	return n;
}

/* Runs of what belongs together get their fate when enough differs in them. */
static void decide(struct alert_queue_item *items, size_t count, same_fn same, same_fn other, int64_t enough, enum fate fate)
{
	for (size_t at = 0, n; at < count; at += n) {
		n = items[at].group == FATE_OPEN ? run_length(items + at, count - at, same) : 1;
		if (items[at].group != FATE_OPEN || different(items + at, n, other) < enough)
			continue;
		for (size_t i = 0; i < n; i++)
			items[at + i].group = fate;
	}
}

/* ---- waves over the same machines ---- */

/* Bounds the comparisons; further waves stay lines of their own. */
#define WAVES_MOST 500
#define SAME_TENTHS 8

struct wave {
	struct alert_queue_item *first; /* `count` of one rule, in the order of their machines */
	size_t count, machines, number;
	bool founder;
};

static size_t in_both(const struct wave *a, const struct wave *b)
{
	size_t n = 0;
	for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
		int c = str_cmp(a->first[i].machine, b->first[k].machine);
		const struct str machine = a->first[i].machine;
		n += c == 0;
		while (c <= 0 && i < a->count && str_eq(a->first[i].machine, machine))
			i++;
		const struct str other = b->first[k].machine;
		while (c >= 0 && k < b->count && str_eq(b->first[k].machine, other))
			k++;
	}
	return n;
}

static bool same_cause(const struct wave *a, const struct wave *b)
{
	const size_t small = a->machines < b->machines ? a->machines : b->machines, large = a->machines + b->machines - small;
	if (small * 10 < large * SAME_TENTHS)
		return false;
	const size_t both = in_both(a, b);
	return both * 10 >= (small + large - both) * SAME_TENTHS;
}

/* Each joins the first that founded a wave and that it is like: not what only is like another that joined, or chains would grow. */
static void join_waves(struct alert_queue_item *items, size_t count)
{
	struct wave waves[WAVES_MOST];
	size_t n = 0, next = 1;
	for (size_t at = 0, length; at < count; at += length) {
		length = run_length(items + at, count - at, same_rule);
		if (items[at].group != FATE_RULE || n == WAVES_MOST)
			continue;
		struct wave *w = &waves[n++];
		*w = (struct wave){.first = items + at, .count = length, .machines = (size_t)different(items + at, length, same_machine)};
		for (size_t k = 0; w->number == 0 && k + 1 < n; k++)
			w->number = waves[k].founder && same_cause(&waves[k], w) ? waves[k].number : 0;
		w->founder = w->number == 0;
		w->number = w->founder ? next++ : w->number;
		for (size_t i = 0; i < length; i++)
			w->first[i].wave = w->number;
	}
}

static bool worse(const struct alert_queue_item *a, const struct alert_queue_item *b)
{
	if (a->severity != b->severity)
		return a->severity > b->severity;
	return a->score != b->score ? a->score > b->score : a->number < b->number;
}

static int by_unit(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static int64_t count_units(const struct alert_queue_item *items, size_t count)
{
	struct uuid *units = mem_alloc_array(count, sizeof *units);
	int64_t n = 1;
	for (size_t i = 0; i < count; i++)
		units[i] = items[i].unit_id;
	qsort(units, count, sizeof *units, by_unit);
	for (size_t i = 1; i < count; i++)
		n += !uuid_eq(&units[i - 1], &units[i]);
	mem_free(units);
	return n;
}

/* Of a wave of several rules in the order of rules. */
static void sum_wave(struct alert_queue_group *g, struct alert_queue_item *items, size_t count)
{
	g->rules = different(items, count, same_rule);
	if (g->rules < 2)
		return;
	g->kind = ALERT_GROUP_WAVE;
	qsort(items, count, sizeof *items, by_machine);
	g->machines = different(items, count, same_machine);
}

static struct alert_queue_group sum_up(struct alert_queue_item *items, size_t count, bool is_case)
{
	struct alert_queue_group g = {.first = items, .lead = items, .alerts = (int64_t)count, .units = count_units(items, count), .learning = true};
	g.machines = is_case ? 1 : different(items, count, same_machine);
	g.rules = is_case ? different(items, count, same_rule) : 1;
	g.kind = count == 1 ? ALERT_GROUP_ONE : is_case ? ALERT_GROUP_CASE : ALERT_GROUP_RULE;
	if (!is_case && items[0].wave > 0)
		sum_wave(&g, items, count);
	for (size_t i = 0; i < count; i++) {
		g.learning = g.learning && items[i].learning;
		g.findings += items[i].findings;
		g.tactics |= items[i].tactics;
		g.last_at = items[i].last_at > g.last_at ? items[i].last_at : g.last_at;
		g.lead = worse(&items[i], g.lead) ? &items[i] : g.lead;
	}
	return g;
}

static int by_urgency(const void *a, const void *b)
{
	const struct alert_queue_group *x = a, *y = b;
	if (x->lead->severity != y->lead->severity)
		return x->lead->severity < y->lead->severity ? 1 : -1;
	if (x->lead->score != y->lead->score)
		return x->lead->score < y->lead->score ? 1 : -1;
	if (x->last_at != y->last_at)
		return x->last_at < y->last_at ? 1 : -1;
	return (x->lead->number > y->lead->number) - (x->lead->number < y->lead->number);
}

size_t alert_queue_gather(struct alert_queue_item *items, size_t count, int64_t wave_machines, struct alert_queue_group *ret_groups)
{
	size_t groups = 0, at = 0;
	for (size_t i = 0; i < count; i++) {
		items[i].group = FATE_OPEN;
		items[i].wave = 0;
	}
	if (count == 0)
		return 0;
	qsort(items, count, sizeof *items, by_rule);
	decide(items, count, same_rule, same_machine, wave_machines, FATE_RULE);
	qsort(items, count, sizeof *items, by_rule);
	join_waves(items, count);
	qsort(items, count, sizeof *items, by_machine);
	decide(items, count, same_machine, same_rule, 2, FATE_CASE);
	for (size_t i = 0; i < count; i++)
		items[i].group = items[i].group == FATE_CASE ? FATE_CASE : FATE_RULE;
	/* Cases come first; among them the machine decides, among the rest the rule. */
	qsort(items, count, sizeof *items, by_machine);
	for (size_t n; at < count && items[at].group == FATE_CASE; at += n) {
		n = run_length(items + at, count - at, same_machine);
		ret_groups[groups++] = sum_up(items + at, n, true);
	}
	qsort(items + at, count - at, sizeof *items, by_wave);
	for (size_t n; at < count; at += n) {
		n = run_length(items + at, count - at, same_wave);
		ret_groups[groups++] = sum_up(items + at, n, false);
	}
	qsort(ret_groups, groups, sizeof *ret_groups, by_urgency);
	return groups;
}

/* ---- what is being learned ---- */

/* The first tactic in the order of an attack that its worst alert names. */
static int tactic_of(const struct alert_queue_group *g)
{
	int i = 0;
	while (i < ALERT_TACTIC_NAMES && (g->lead->tactics >> i & 1) == 0)
		i++;
	return i < ALERT_TACTIC_NAMES ? i : -1;
}

/* Of what is being learned the least common is the most telling. */
static int by_tactic(const void *a, const void *b)
{
	const struct alert_queue_group *x = a, *y = b;
	if (x->learning != y->learning)
		return x->learning ? 1 : -1;
	int c = x->learning ? tactic_of(x) - tactic_of(y) : 0;
	if (!x->learning || c != 0)
		return c != 0 ? c : by_urgency(a, b);
	if (x->lead->severity != y->lead->severity)
		return x->lead->severity < y->lead->severity ? 1 : -1;
	if (x->machines != y->machines)
		return x->machines < y->machines ? -1 : 1;
	return by_urgency(a, b);
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

enum told { TOLD_RULE, TOLD_MACHINE, TOLD_UNIT };

static struct str told_of(const struct alert_queue_item *item, enum told what)
{
	return what == TOLD_RULE ? item->rule_key : what == TOLD_MACHINE ? item->machine : (struct str){(const char *)item->unit_id.b, sizeof item->unit_id.b};
}

static int64_t count_told(const struct alert_queue_line *line, enum told what)
{
	struct str *texts = mem_alloc_array((size_t)line->sum.alerts, sizeof *texts);
	size_t n = 0;
	for (size_t g = 0; g < line->count; g++) {
		for (int64_t i = 0; i < line->groups[g].alerts; i++)
			texts[n++] = told_of(&line->groups[g].first[i], what);
	}
	qsort(texts, n, sizeof *texts, by_text);
	int64_t different_ones = n > 0;
	for (size_t i = 1; i < n; i++)
		different_ones += !str_eq(texts[i - 1], texts[i]);
	mem_free(texts);
	return different_ones;
}

static struct alert_queue_line line_of(const struct alert_queue_group *groups, size_t count)
{
	struct alert_queue_line line = {.sum = groups[0], .groups = groups, .count = count, .tactic = -1};
	if (count == 1)
		return line;
	for (size_t i = 1; i < count; i++) {
		const struct alert_queue_group *g = &groups[i];
		line.sum.alerts += g->alerts;
		line.sum.findings += g->findings;
		line.sum.tactics |= g->tactics;
		line.sum.last_at = g->last_at > line.sum.last_at ? g->last_at : line.sum.last_at;
		line.sum.lead = worse(g->lead, line.sum.lead) ? g->lead : line.sum.lead;
	}
	line.sum.kind = ALERT_GROUP_LEARNING;
	line.tactic = tactic_of(&groups[0]);
	line.sum.rules = count_told(&line, TOLD_RULE);
	line.sum.machines = count_told(&line, TOLD_MACHINE);
	line.sum.units = count_told(&line, TOLD_UNIT);
	return line;
}

static int lines_by_urgency(const void *a, const void *b)
{
	const struct alert_queue_line *x = a, *y = b;
	return by_urgency(&x->sum, &y->sum);
}

size_t alert_queue_learn(struct alert_queue_group *groups, size_t count, int64_t learning_lines, struct alert_queue_line *ret_lines)
{
	int64_t learning = 0;
	size_t lines = 0;
	for (size_t i = 0; i < count; i++)
		learning += groups[i].learning;
	if (learning > learning_lines)
		qsort(groups, count, sizeof *groups, by_tactic);
	for (size_t at = 0, n; at < count; at += n) {
		n = 1;
		while (learning > learning_lines && groups[at].learning && at + n < count && tactic_of(&groups[at + n]) == tactic_of(&groups[at]))
			n++;
		ret_lines[lines++] = line_of(groups + at, n);
	}
	if (lines > 0)
		qsort(ret_lines, lines, sizeof *ret_lines, lines_by_urgency);
	return lines;
}
