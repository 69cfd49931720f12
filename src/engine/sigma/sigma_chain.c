/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Correlations compiled: references resolved, inner ones first, and for each rule what its matches bring to whom. */
#include "engine/sigma/sigma_build.h"

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE, MARK_REFUSED };

struct entry {
	const struct sigma_correlation *c;
	enum mark mark;
	uint32_t rule; /* once done */
};

struct feed {
	uint32_t rule;
	struct sg_feed row;
};

struct chain {
	struct sg_builder *b;
	struct entry *entries;
	size_t count;
	struct feed *feeds;
	size_t feed_count, feed_capacity;
	bool *loud; /* by rule: some correlation generates */
};

static bool refers(struct str reference, struct str id, struct str name)
{
	return (id.n > 0 && str_eq_nocase(reference, id)) || (name.n > 0 && str_eq(reference, name));
}

static uint32_t find_rule(const struct chain *ch, struct str reference)
{
	const struct sg_image *image = &ch->b->image;
	for (uint32_t i = 0; i < image->known[0].rule_count; i++)
		if (refers(reference, sg_str(image, image->rules[i].id), sg_str(image, image->rules[i].name)))
			return i;
	return SG_NONE;
}

static struct entry *find_entry(const struct chain *ch, struct str reference)
{
	for (size_t i = 0; i < ch->count; i++)
		if (refers(reference, ch->entries[i].c->meta.id, ch->entries[i].c->meta.name))
			return &ch->entries[i];
	return NULL;
}

/* The field that stands for `name` in one input: by alias, or itself. */
static struct str field_for(const struct sigma_correlation *c, struct str name, struct str id, struct str rule_name)
{
	for (size_t a = 0; a < c->alias_count; a++) {
		if (!str_eq(c->aliases[a].name, name))
			continue;
		for (size_t i = 0; i < c->aliases[a].rules.count; i++)
			if (refers(c->aliases[a].rules.items[i], id, rule_name))
				return c->aliases[a].fields.items[i];
	}
	return name;
}

/* Fields of events for a rule; positions in the inner group for a correlation. */
static struct sg_range columns(struct chain *ch, const struct sigma_correlation *c, const struct sigma_names *names,
                               const struct sigma_correlation *inner, uint32_t rule)
{
	struct sg_builder *b = ch->b;
	uint32_t list[SIGMA_LIST_MAX];
	struct str id = sg_str(&b->image, b->image.rules[rule].id), name = sg_str(&b->image, b->image.rules[rule].name);
	for (size_t i = 0; i < names->count; i++) {
		struct str field = arena_str(b->arena, field_for(c, names->items[i], id, name));
		list[i] = SG_NONE;
		if (inner == NULL)
			list[i] = sg_field_add(b, field);
		for (size_t k = 0; inner != NULL && k < inner->group_by.count; k++)
			if (str_eq(inner->group_by.items[k], field))
				list[i] = (uint32_t)k;
	}
	struct sg_range range = {(uint32_t)b->image.lists_count, (uint32_t)names->count};
	for (size_t i = 0; i < names->count; i++)
		(void)SG_PUSH(b, lists, list[i]);
	return range;
}

static int resolve(struct chain *ch, struct entry *e, unsigned depth, struct err *err);

static int resolve_input(struct chain *ch, struct entry *e, size_t position, unsigned depth, uint32_t *ret, struct err *err)
{
	struct str reference = e->c->rules.items[position];
	struct entry *inner = find_entry(ch, reference);
	*ret = inner == NULL ? find_rule(ch, reference) : SG_NONE;
	if (inner == NULL)
		return *ret != SG_NONE ? 0 : err_set(err, -ENOENT, "sigma.correlation_reference", ARG_STR("name", reference));
	if (inner->mark == MARK_OPEN || depth > SIGMA_DEPTH_MAX)
		return err_set(err, -EINVAL, "sigma.correlation_cycle", ARG_STR("name", reference));
	if (inner->mark == MARK_NEW)
		(void)resolve(ch, inner, depth + 1, NULL);
	if (inner->mark != MARK_DONE)
		return err_set(err, -ENOENT, "sigma.correlation_reference", ARG_STR("name", reference));
	*ret = inner->rule;
	return 0;
}

static void emit_text(struct sg_builder *b, const struct sigma_correlation *c, const struct sigma_node *node)
{
	uint32_t at = (uint32_t)b->image.program_count;
	if (node->kind == SIGMA_NODE_PRED) {
		uint32_t position = 0;
		while (position < c->rules.count && !str_eq(c->rules.items[position], node->label))
			position++;
		(void)SG_PUSH(b, program, SG_WORD(SIGMA_NODE_PRED, position));
		return;
	}
	(void)SG_PUSH(b, program, 0);
	for (const struct sigma_node *child = node->child; child != NULL; child = child->next)
		emit_text(b, c, child);
	b->image.program[at] = SG_WORD(node->kind, (uint32_t)b->image.program_count - at);
}

static void add_feeds(struct chain *ch, const struct entry *e, const uint32_t *inputs, uint32_t correlation)
{
	for (uint32_t i = 0; i < e->c->rules.count; i++) {
		const struct entry *inner = find_entry(ch, e->c->rules.items[i]);
		const struct sigma_correlation *in = inner != NULL ? inner->c : NULL;
		struct feed feed = {.rule = inputs[i], .row = {.correlation = correlation, .position = i}};
		feed.row.group = columns(ch, e->c, &e->c->group_by, in, inputs[i]);
		feed.row.values = columns(ch, e->c, &e->c->fields, in, inputs[i]);
		ch->feeds = sg_grow(ch->feeds, &ch->feed_capacity, ch->feed_count, sizeof *ch->feeds);
		ch->feeds[ch->feed_count++] = feed;
		if (in == NULL)
			ch->loud[inputs[i]] |= e->c->meta.generate;
	}
}

static void add_row(struct chain *ch, struct entry *e, const uint32_t *inputs)
{
	struct sg_builder *b = ch->b;
	const struct sigma_correlation *c = e->c;
	const struct sigma_meta *m = &c->meta;
	struct sg_correlation row = {.type = c->type, .timespan_usec = c->timespan_usec, .percentile = c->percentile,
	                             .inputs = (uint32_t)c->rules.count, .group_count = (uint32_t)c->group_by.count};
	row.limits = (struct sg_range){(uint32_t)b->image.limits_count, (uint32_t)c->limit_count};
	for (size_t i = 0; i < c->limit_count; i++)
		(void)SG_PUSH(b, limits, (struct sg_limit){.value = c->limits[i].value, .compare = c->limits[i].compare});
	row.program.at = (uint32_t)b->image.program_count;
	if (c->condition != NULL)
		emit_text(b, c, c->condition);
	row.program.n = (uint32_t)b->image.program_count - row.program.at;
	struct sg_rule rule = {.id = sg_text_add(b, m->id), .title = sg_text_add(b, m->title), .name = sg_text_add(b, m->name),
	                       .level = sg_text_add(b, m->level), .status = sg_text_add(b, m->status),
	                       .author = sg_text_add(b, m->author), .description = sg_text_add(b, m->description),
	                       .date = sg_text_add(b, m->date), .tags = sg_text_add(b, m->tags),
	                       .falsepositives = sg_text_add(b, m->falsepositives), .file = sg_text_add(b, str_c(m->file)),
	                       .line = m->line, .source = SG_NONE};
	row.rule = e->rule = SG_PUSH(b, rules, rule);
	add_feeds(ch, e, inputs, SG_PUSH(b, correlations, row));
}

static int resolve(struct chain *ch, struct entry *e, unsigned depth, struct err *err)
{
	struct err own = {0};
	uint32_t inputs[SIGMA_LIST_MAX];
	int r = 0;
	e->mark = MARK_OPEN;
	for (size_t i = 0; i < e->c->rules.count && r == 0; i++)
		r = resolve_input(ch, e, i, depth, &inputs[i], &own);
	if (r < 0) {
		e->mark = MARK_REFUSED;
		struct buf place = BUF_FIXED(own.place, sizeof own.place);
		buf_printf(&place, "%s:%u:1", e->c->meta.file, e->c->meta.line);
		sg_refuse(ch->b, &e->c->meta, &own);
		if (err != NULL)
			*err = own;
		return r;
	}
	add_row(ch, e, inputs);
	e->mark = MARK_DONE;
	return 0;
}

static void store_feeds(struct chain *ch)
{
	struct sg_builder *b = ch->b;
	for (uint32_t rule = 0; rule < b->image.rules_count; rule++) {
		struct sg_range range = {(uint32_t)b->image.feeds_count, 0};
		for (size_t i = 0; i < ch->feed_count; i++)
			if (ch->feeds[i].rule == rule) {
				(void)SG_PUSH(b, feeds, ch->feeds[i].row);
				range.n++;
			}
		b->image.rules[rule].feeds = range;
		if (rule < b->image.known[0].rule_count)
			b->image.rules[rule].silent = range.n > 0 && !ch->loud[rule];
		if (ch->feed_count == 0)
			return;
	}
}

void sg_correlations_make(struct sg_builder *b)
{
	struct chain ch = {.b = b};
	ch.entries = mem_alloc_array(b->parsed->correlation_count, sizeof *ch.entries);
	ch.loud = mem_alloc_array(b->image.rules_count, sizeof *ch.loud);
	for (const struct sigma_correlation *c = b->parsed->correlations; c != NULL; c = c->next)
		ch.entries[ch.count++] = (struct entry){.c = c};
	for (size_t i = 0; i < ch.count; i++)
		if (ch.entries[i].mark == MARK_NEW)
			(void)resolve(&ch, &ch.entries[i], 0, NULL);
	store_feeds(&ch);
	mem_free(ch.entries);
	mem_free(ch.loud);
	mem_free(ch.feeds);
}
