/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_build.h"

void *sg_grow(void *items, size_t *capacity, size_t count, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity > 0 ? *capacity * 2 : 64;
	return mem_realloc_array(items, *capacity, size);
}

static void map_grow(struct sg_map *map)
{
	size_t old = map->slots != NULL ? map->mask + 1 : 0, size = old > 0 ? old * 2 : 256;
	struct sg_map_slot *slots = mem_alloc_array(size, sizeof *slots);
	for (size_t i = 0; i < old; i++) {
		if (map->slots[i].hash == 0)
			continue;
		size_t at = map->slots[i].hash & (size - 1);
		while (slots[at].hash != 0)
			at = (at + 1) & (size - 1);
		slots[at] = map->slots[i];
	}
	mem_free(map->slots);
	map->slots = slots;
	map->mask = size - 1;
}

uint32_t sg_map_put(struct sg_map *map, struct arena *arena, struct str key, uint32_t fresh, bool *ret_new)
{
	if (map->slots == NULL || map->count * 2 > map->mask)
		map_grow(map);
	uint64_t hash = sg_hash(key.p, key.n);
	size_t at = hash & map->mask;
	for (; map->slots[at].hash != 0; at = (at + 1) & map->mask)
		if (map->slots[at].hash == hash && str_eq(map->slots[at].key, key)) {
			*ret_new = false;
			return map->slots[at].value;
		}
	map->slots[at] = (struct sg_map_slot){.hash = hash, .key = arena_str(arena, key), .value = fresh};
	map->count++;
	*ret_new = true;
	return fresh;
}

bool sg_map_has(const struct sg_map *map, struct str key)
{
	uint64_t hash = sg_hash(key.p, key.n);
	if (map->slots == NULL)
		return false;
	for (size_t at = hash & map->mask; map->slots[at].hash != 0; at = (at + 1) & map->mask)
		if (map->slots[at].hash == hash && str_eq(map->slots[at].key, key))
			return true;
	return false;
}

void sg_map_done(struct sg_map *map)
{
	mem_free(map->slots);
	*map = (struct sg_map){0};
}

void sg_uses_add(struct sg_uses *list, uint32_t value)
{
	list->items = sg_grow(list->items, &list->capacity, list->count, sizeof *list->items);
	list->items[list->count++] = value;
}

struct sg_text sg_text_add(struct sg_builder *b, struct str s)
{
	bool fresh;
	if (s.n == 0)
		return (struct sg_text){0};
	uint32_t at = sg_map_put(&b->texts, b->arena, s, (uint32_t)b->image.text_count, &fresh);
	if (fresh) {
		size_t need = b->image.text_count + s.n;
		while (need > b->text_capacity) {
			b->text_capacity = b->text_capacity > 0 ? b->text_capacity * 2 : 1 << 16;
			b->image.text = mem_realloc_array(b->image.text, b->text_capacity, 1);
		}
		(void)memcpy(b->image.text + b->image.text_count, s.p, s.n);
		b->image.text_count = need;
	}
	return (struct sg_text){at, (uint32_t)s.n};
}

uint32_t sg_field_add(struct sg_builder *b, struct str name)
{
	bool fresh;
	uint32_t id = sg_map_put(&b->fields, b->arena, name, (uint32_t)b->image.fields_count, &fresh);
	if (fresh)
		(void)SG_PUSH(b, fields, (struct sg_field){.name = sg_text_add(b, name), .folded_db = SG_NONE, .raw_db = SG_NONE});
	return id;
}

static uint32_t source_add(struct sg_builder *b, const struct sigma_logsource *s)
{
	bool fresh;
	struct str key = arena_printf(b->arena, "%.*s|%.*s|%.*s", STR_FMT(s->product), STR_FMT(s->category), STR_FMT(s->service));
	uint32_t id = sg_map_put(&b->sources, b->arena, key, (uint32_t)b->image.sources_count, &fresh);
	if (!fresh)
		return id;
	b->keyword_preds = sg_grow(b->keyword_preds, &b->keyword_capacity, b->image.sources_count, sizeof *b->keyword_preds);
	b->keyword_preds[b->image.sources_count] = (struct sg_uses){0};
	return SG_PUSH(b, sources, (struct sg_source){.category = sg_text_add(b, s->category), .product = sg_text_add(b, s->product),
	                                              .service = sg_text_add(b, s->service), .keywords = SG_NONE});
}

static bool covers(struct str filter, struct str rule)
{
	return filter.n == 0 || str_eq(filter, rule);
}

static bool filter_applies(const struct sigma_filter *f, const struct sigma_rule *rule)
{
	if (!covers(f->logsource.category, rule->logsource.category) || !covers(f->logsource.product, rule->logsource.product) ||
	    !covers(f->logsource.service, rule->logsource.service))
		return false;
	if (f->any_rule)
		return true;
	for (size_t i = 0; i < f->rules.count; i++)
		if ((rule->meta.id.n > 0 && str_eq_nocase(f->rules.items[i], rule->meta.id)) ||
		    (rule->meta.name.n > 0 && str_eq(f->rules.items[i], rule->meta.name)))
			return true;
	return false;
}

/* (rule condition) and (filter condition), for each filter that applies (F). */
static struct sigma_node *with_filters(struct sg_builder *b, const struct sigma_rule *rule)
{
	struct sigma_node *list = rule->condition, *tail = NULL;
	for (const struct sigma_filter *f = b->parsed->filters; f != NULL; f = f->next) {
		if (!filter_applies(f, rule))
			continue;
		if (tail == NULL) {
			list = tail = ARENA_NEW(b->arena, struct sigma_node);
			*list = *rule->condition;
		}
		tail->next = ARENA_NEW(b->arena, struct sigma_node);
		tail = tail->next;
		*tail = *f->condition;
		tail->next = NULL;
	}
	return sigma_node_join(b->arena, SIGMA_NODE_AND, list);
}

static struct sg_rule rule_row(struct sg_builder *b, const struct sigma_meta *m)
{
	return (struct sg_rule){
		.id = sg_text_add(b, m->id), .title = sg_text_add(b, m->title), .name = sg_text_add(b, m->name),
		.level = sg_text_add(b, m->level), .status = sg_text_add(b, m->status), .author = sg_text_add(b, m->author),
		.description = sg_text_add(b, m->description), .date = sg_text_add(b, m->date), .tags = sg_text_add(b, m->tags),
		.falsepositives = sg_text_add(b, m->falsepositives), .file = sg_text_add(b, str_c(m->file)), .line = m->line,
		.source = SG_NONE,
	};
}

void sg_refuse(struct sg_builder *b, const struct sigma_meta *meta, const struct err *err)
{
	struct sg_refusal row = {
		.file = sg_text_add(b, str_c(meta->file)), .title = sg_text_add(b, meta->title), .id = sg_text_add(b, meta->id),
		.key = sg_text_add(b, str_c(err->key)), .place = sg_text_add(b, str_c(err->place)), .code = err->code, .arg_count = err->arg_count,
	};
	for (unsigned i = 0; i < err->arg_count; i++) {
		row.args[i].name = sg_text_add(b, str_c(err->args[i].name));
		row.args[i].value = sg_text_add(b, str_c(err->args[i].value));
	}
	(void)SG_PUSH(b, refusals, row);
}

static void refuse_here(struct sg_builder *b, const struct sigma_meta *meta, struct err *err)
{
	struct buf place = BUF_FIXED(err->place, sizeof err->place);
	buf_printf(&place, "%s:%u:1", meta->file, meta->line);
	sg_refuse(b, meta, err);
}

static void add_rules(struct sg_builder *b)
{
	for (const struct sigma_rule *rule = b->parsed->rules; rule != NULL; rule = rule->next) {
		struct err err = {0};
		struct sg_rule row = rule_row(b, &rule->meta);
		row.category = sg_text_add(b, rule->logsource.category);
		row.product = sg_text_add(b, rule->logsource.product);
		row.service = sg_text_add(b, rule->logsource.service);
		row.source = source_add(b, &rule->logsource);
		if (sg_program_add(b, with_filters(b, rule), row.source, &row, &err) < 0)
			refuse_here(b, &rule->meta, &err);
		else
			(void)SG_PUSH(b, rules, row);
	}
	b->image.known[0].rule_count = (uint32_t)b->image.rules_count;
}

static void builder_done(struct sg_builder *b)
{
	sg_map_done(&b->fields);
	sg_map_done(&b->preds);
	sg_map_done(&b->sources);
	sg_map_done(&b->texts);
	for (size_t i = 0; i < b->image.sources_count; i++)
		mem_free(b->keyword_preds[i].items);
	mem_free(b->keyword_preds);
	mem_free(b->plans);
}

/* What a database does not take goes to PCRE2, so a look refuses all that is ever refused. */
int sigma_compile(struct sigma_parsed *parsed, const struct sigma_mapping *mapping, struct sigma_refused *refused, bool look,
                  struct sg_image *ret, struct err *err)
{
	struct sg_builder b = {.arena = parsed->arena, .mapping = mapping, .parsed = parsed};
	(void)SG_PUSH(&b, known, (struct sg_known){.filters = (uint32_t)parsed->filter_count});
	(void)SG_PUSH(&b, text, ' ');
	for (; refused != NULL; refused = refused->next)
		sg_refuse(&b, &refused->meta, &refused->err);
	sg_sources_make(&b);
	add_rules(&b);
	sg_correlations_make(&b);
	int r = look ? 0 : sg_databases_make(&b, err);
	if (r == 0 && !look) {
		/* After the databases: an expression that went to PCRE2 wakes no rule. */
		sg_triggers_make(&b);
		sg_keys_make(&b);
	}
	builder_done(&b);
	if (r < 0)
		sg_image_done(&b.image);
	else
		*ret = b.image;
	return r;
}
