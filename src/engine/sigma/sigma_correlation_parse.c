/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Correlation documents (C). */
#include "base/clock/clock.h"
#include "engine/sigma/sigma_rule.h"

static const char *const type_names[] = {"event_count", "value_count", "temporal", "temporal_ordered", "value_sum",
                                         "value_avg", "value_percentile", "value_median", NULL};
static const char *const compare_names[] = {"gt", "gte", "lt", "lte", "eq", "neq", NULL};

static int index_of(struct str s, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
		if (str_eq_c(s, names[i]))
			return i;
	return -1;
}

static int fail(const struct pack_doc *doc, const struct json *node, struct err *err, const char *key, struct str name)
{
	return pack_error(doc, node, err_set(err, -EINVAL, key, ARG_STR("name", name)), err);
}

int sigma_names_parse(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *node, const char *field,
                      struct sigma_names *ret, struct err *err)
{
	const struct json *list = json_get(node, field);
	if (list == NULL || list->type == JSON_NULL)
		return 0;
	const struct json *item = list->type == JSON_ARRAY ? list->child : list;
	for (; item != NULL; item = list->type == JSON_ARRAY ? item->next : NULL) {
		if (item->type != JSON_STRING && item->type != JSON_NUMBER)
			return fail(doc, item, err, "sigma.names", str_c(field));
		if (ret->count == SIGMA_LIST_MAX)
			return pack_error(doc, item, err_set(err, -E2BIG, "sigma.too_many", ARG_U64("limit", SIGMA_LIST_MAX)), err);
		ret->items[ret->count++] = arena_str(p->arena, item->text);
	}
	return 0;
}

static int parse_timespan(const struct pack_doc *doc, const struct json *node, int64_t *ret, struct err *err)
{
	static const struct {
		char unit;
		usec_t usec;
	} units[] = {{'s', USEC_PER_SEC}, {'m', USEC_PER_MINUTE}, {'h', USEC_PER_HOUR}, {'d', USEC_PER_DAY},
	             {'w', 7 * USEC_PER_DAY}, {'M', 30 * USEC_PER_DAY + 44 * USEC_PER_DAY / 100}, {'y', 365 * USEC_PER_DAY}};
	uint64_t n;
	if (node == NULL || node->type != JSON_STRING || node->text.n < 2 ||
	    !str_parse_u64(str_sub(node->text, 0, node->text.n - 1), 1, 100000, &n))
		return fail(doc, node, err, "sigma.timespan", node != NULL ? node->text : STR(""));
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (node->text.p[node->text.n - 1] == units[i].unit) {
			*ret = (int64_t)n * units[i].usec;
			return 0;
		}
	return fail(doc, node, err, "sigma.timespan", node->text);
}

static int parse_limit(const struct pack_doc *doc, const struct json *member, struct sigma_correlation *c, struct err *err)
{
	int compare = index_of(member->name, compare_names);
	if (compare < 0)
		return fail(doc, member, err, "sigma.correlation_key", member->name);
	if (c->limit_count == SIGMA_LIMITS_MAX || member->type != JSON_NUMBER ||
	    !sigma_number_parse(member->text, &c->limits[c->limit_count].value))
		return fail(doc, member, err, "sigma.number", member->text);
	c->limits[c->limit_count++].compare = (enum sigma_compare)compare;
	return 0;
}

/* A text over rule names; the names join `rules` (pySigma's extended condition). */
static int parse_text(struct sigma_parsed *p, const struct pack_doc *doc, const struct json *node, struct sigma_correlation *c,
                      struct err *err)
{
	struct sigma_identifiers *ids = NULL, **tail = &ids;
	struct str text = node->text;
	for (size_t i = 0; i < text.n;) {
		size_t from = i;
		while (i < text.n && strchr(" \t\r\n()", text.p[i]) == NULL)
			i++;
		struct str word = str_sub(text, from, i);
		i += i == from;
		if (word.n == 0 || str_eq_nocase(word, STR("and")) || str_eq_nocase(word, STR("or")) || str_eq_nocase(word, STR("not")))
			continue;
		size_t known = 0;
		while (known < c->rules.count && !str_eq(c->rules.items[known], word))
			known++;
		if (known == SIGMA_LIST_MAX)
			return pack_error(doc, node, err_set(err, -E2BIG, "sigma.too_many", ARG_U64("limit", SIGMA_LIST_MAX)), err);
		if (known == c->rules.count)
			c->rules.items[c->rules.count++] = arena_str(p->arena, word);
	}
	for (size_t i = 0; i < c->rules.count; i++) {
		*tail = ARENA_NEW(p->arena, struct sigma_identifiers);
		(*tail)->name = c->rules.items[i];
		(*tail)->node = sigma_node_new(p->arena, SIGMA_NODE_PRED);
		tail = &(*tail)->next;
	}
	int r = sigma_condition_parse(p->arena, text, ids, &c->condition, err);
	return r < 0 ? pack_error(doc, node, r, err) : 0;
}

/* One member of the condition's map; `node` is the map. */
static int parse_condition_member(struct sigma_parsed *p, const struct pack_doc *doc, const struct json *node,
                                  const struct json *member, struct sigma_correlation *c, struct err *err)
{
	if (str_eq_c(member->name, "field"))
		return sigma_names_parse(p, doc, node, "field", &c->fields, err);
	if (!str_eq_c(member->name, "percentile"))
		return parse_limit(doc, member, c, err);
	if (member->type != JSON_NUMBER || member->number < 0 || member->number > 100)
		return fail(doc, member, err, "sigma.number", member->text);
	c->percentile = member->number;
	return 0;
}

static int parse_condition(struct sigma_parsed *p, const struct pack_doc *doc, const struct json *node,
                           struct sigma_correlation *c, struct err *err)
{
	bool temporal = c->type == SIGMA_CORRELATION_TEMPORAL || c->type == SIGMA_CORRELATION_TEMPORAL_ORDERED;
	if (node != NULL && node->type == JSON_STRING && temporal)
		return parse_text(p, doc, node, c, err);
	if (node == NULL && temporal)
		return 0;
	if (node == NULL || node->type != JSON_OBJECT)
		return fail(doc, node, err, "sigma.correlation_condition", STR(""));
	json_each(member, node) {
		int r = parse_condition_member(p, doc, node, member, c, err);
		if (r < 0)
			return r;
	}
	bool needs_field = c->type == SIGMA_CORRELATION_VALUE_COUNT || c->type >= SIGMA_CORRELATION_VALUE_SUM;
	if (c->limit_count == 0 || (needs_field && c->fields.count == 0) || (c->type >= SIGMA_CORRELATION_VALUE_SUM && c->fields.count != 1))
		return fail(doc, node, err, "sigma.correlation_condition", STR(""));
	return 0;
}

static int parse_aliases(struct sigma_parsed *p, const struct pack_doc *doc, const struct json *map, struct sigma_correlation *c,
                         struct err *err)
{
	json_each(member, map) {
		if (member->type != JSON_OBJECT || c->alias_count == ARRAY_LEN(c->aliases) || member->count > SIGMA_LIST_MAX)
			return fail(doc, member, err, "sigma.aliases", member->name);
		struct sigma_alias *alias = &c->aliases[c->alias_count++];
		alias->name = arena_str(p->arena, member->name);
		json_each(of, member) {
			if (of->type != JSON_STRING)
				return fail(doc, of, err, "sigma.aliases", of->name);
			alias->rules.items[alias->rules.count++] = arena_str(p->arena, of->name);
			alias->fields.items[alias->fields.count++] = arena_str(p->arena, of->text);
		}
	}
	return 0;
}

int sigma_correlation_parse(struct sigma_parsed *p, const struct pack_doc *doc, const struct sigma_meta *meta, struct err *err)
{
	static const char *const keys[] = {"type", "rules", "group-by", "timespan", "condition", "aliases", "generate", NULL};
	const struct json *map = json_get(doc->root, "correlation"), *type = json_get(map, "type");
	struct sigma_correlation *c = ARENA_NEW(p->arena, struct sigma_correlation);
	c->meta = *meta;
	c->percentile = 50;
	if (map->type != JSON_OBJECT)
		return fail(doc, map, err, "sigma.correlation_condition", STR(""));
	json_each(member, map)
		if (index_of(member->name, keys) < 0)
			return fail(doc, member, err, "sigma.correlation_key", member->name);
	int kind = type != NULL && type->type == JSON_STRING ? index_of(type->text, type_names) : -1;
	if (kind < 0)
		return fail(doc, type != NULL ? type : map, err, "sigma.correlation_type", type != NULL ? type->text : STR(""));
	c->type = (enum sigma_correlation_type)kind;
	c->meta.generate |= json_get_bool(map, "generate", false);
	int r = sigma_names_parse(p, doc, map, "rules", &c->rules, err);
	if (r == 0)
		r = sigma_names_parse(p, doc, map, "group-by", &c->group_by, err);
	if (r == 0)
		r = parse_timespan(doc, json_get(map, "timespan"), &c->timespan_usec, err);
	if (r == 0)
		r = parse_condition(p, doc, json_get(map, "condition"), c, err);
	if (r == 0 && json_get(map, "aliases") != NULL)
		r = parse_aliases(p, doc, json_get(map, "aliases"), c, err);
	if (r < 0)
		return r;
	if (c->rules.count == 0)
		return fail(doc, map, err, "sigma.names", STR("rules"));
	*p->correlation_tail = c;
	p->correlation_tail = &c->next;
	p->correlation_count++;
	return 0;
}
