/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Documents: what kind each is, what all kinds have in common, rules and filters (R "Structure", F). */
#include "base/uuid/uuid.h"
#include "engine/sigma/sigma_rule.h"

void sigma_parsed_init(struct sigma_parsed *p, struct arena *arena)
{
	*p = (struct sigma_parsed){.arena = arena, .lines = ARENA_NEW(arena, struct sigma_line_memo)};
	p->rule_tail = &p->rules;
	p->correlation_tail = &p->correlations;
	p->filter_tail = &p->filters;
}

/* A scalar's text, copied. Other types give the empty text: metadata is never a reason to refuse. */
static struct str text_of(struct arena *arena, const struct json *node)
{
	if (node == NULL || node->type == JSON_NULL || node->type == JSON_ARRAY || node->type == JSON_OBJECT)
		return STR("");
	return arena_str(arena, node->text);
}

static struct str lower_of(struct arena *arena, const struct json *node)
{
	return sigma_fold_arena(arena, str_trim(text_of(arena, node)), true);
}

/* A list of texts as lines. */
static struct str lines_of(struct arena *arena, const struct json *node)
{
	struct buf out cleanup_buf = BUF_INIT(1 << 16);
	if (node == NULL || node->type != JSON_ARRAY)
		return text_of(arena, node);
	json_each(item, node) {
		if (out.n > 0)
			buf_append_char(&out, '\n');
		buf_append(&out, text_of(arena, item));
	}
	return arena_str(arena, buf_str(&out));
}

static int parse_meta(const struct sigma_parsed *p, const struct pack_doc *doc, struct sigma_meta *meta, struct err *err)
{
	struct arena *arena = p->arena;
	const struct json *root = doc->root, *title = json_get(root, "title");
	const struct json *generate = json_get(root, "generate");
	*meta = (struct sigma_meta){
		.title = text_of(arena, title),
		.id = str_trim(text_of(arena, json_get(root, "id"))),
		.name = text_of(arena, json_get(root, "name")),
		.level = lower_of(arena, json_get(root, "level")),
		.status = lower_of(arena, json_get(root, "status")),
		.author = text_of(arena, json_get(root, "author")),
		.description = text_of(arena, json_get(root, "description")),
		.date = text_of(arena, json_get(root, "date")),
		.tags = lines_of(arena, json_get(root, "tags")),
		.falsepositives = lines_of(arena, json_get(root, "falsepositives")),
		.file = arena_cstr(arena, str_c(doc->file)),
		.line = sigma_line(p, doc, root),
		.generate = generate != NULL && generate->type == JSON_BOOL && generate->boolean,
	};
	if (meta->title.n == 0)
		return pack_error(doc, title, err_set(err, -EINVAL, "sigma.title"), err);
	/* 256 characters by the schema; four bytes each. */
	if (meta->title.n > 1024)
		return pack_error(doc, title, err_set(err, -E2BIG, "sigma.too_long", ARG_U64("limit", 1024)), err);
	struct uuid uuid;
	if (meta->id.n > 0 && !uuid_parse(meta->id, &uuid))
		return pack_error(doc, json_get(root, "id"), err_set(err, -EINVAL, "sigma.id", ARG_STR("id", meta->id)), err);
	return 0;
}

static int parse_logsource(struct arena *arena, const struct pack_doc *doc, struct sigma_logsource *ret, struct err *err)
{
	const struct json *source = json_get(doc->root, "logsource");
	if (source == NULL || source->type != JSON_OBJECT)
		return pack_error(doc, source, err_set(err, -EINVAL, "sigma.logsource"), err);
	ret->category = lower_of(arena, json_get(source, "category"));
	ret->product = lower_of(arena, json_get(source, "product"));
	ret->service = lower_of(arena, json_get(source, "service"));
	return 0;
}

static bool is_reserved(struct str name, bool filter)
{
	return str_eq_c(name, "condition") || str_eq_c(name, "timeframe") || (filter && str_eq_c(name, "rules"));
}

static bool is_name(struct str s)
{
	if (s.n == 0 || s.n > SIGMA_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" \t\r\n()*", s.p[i]) != NULL)
			return false;
	return true;
}

static int parse_identifiers(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *map, bool filter,
                             struct sigma_identifiers **ret, struct err *err)
{
	struct sigma_identifiers **tail = ret;
	json_each(member, map) {
		if (is_reserved(member->name, filter))
			continue;
		if (!is_name(member->name))
			return pack_error(doc, member, err_set(err, -EINVAL, "sigma.identifier_name", ARG_STR("name", member->name)), err);
		struct sigma_identifiers *id = ARENA_NEW(p->arena, struct sigma_identifiers);
		id->name = arena_str(p->arena, member->name);
		int r = sigma_detection_parse(p, doc, member, &id->node, err);
		if (r < 0)
			return r;
		*tail = id;
		tail = &id->next;
	}
	return 0;
}

/* One condition or a list of them, which is an OR. */
static int parse_conditions(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *map, bool filter,
                            struct sigma_node **ret, struct err *err)
{
	const struct json *condition = json_get(map, "condition");
	struct sigma_identifiers *identifiers = NULL;
	struct sigma_node *list = NULL, **tail = &list;
	if (condition == NULL || (condition->type == JSON_ARRAY && condition->child == NULL))
		return pack_error(doc, map, err_set(err, -EINVAL, "sigma.condition_missing"), err);
	int r = parse_identifiers(p, doc, map, filter, &identifiers, err);
	if (r < 0)
		return r;
	const struct json *item = condition->type == JSON_ARRAY ? condition->child : condition;
	for (; item != NULL; item = condition->type == JSON_ARRAY ? item->next : NULL) {
		if (item->type != JSON_STRING)
			return pack_error(doc, item, err_set(err, -EINVAL, "sigma.condition_text"), err);
		r = sigma_condition_parse(p->arena, item->text, identifiers, tail, err);
		if (r < 0)
			return pack_error(doc, item, r, err);
		tail = &(*tail)->next;
	}
	*ret = sigma_node_join(p->arena, SIGMA_NODE_OR, list);
	return 0;
}

static int parse_rule(struct sigma_parsed *p, const struct pack_doc *doc, const struct sigma_meta *meta, struct err *err)
{
	const struct json *detection = json_get(doc->root, "detection"), *taxonomy = json_get(doc->root, "taxonomy");
	struct sigma_rule *rule = ARENA_NEW(p->arena, struct sigma_rule);
	rule->meta = *meta;
	if (taxonomy != NULL && !(taxonomy->type == JSON_STRING && str_eq_c(taxonomy->text, "sigma")))
		return pack_error(doc, taxonomy, err_set(err, -ENOTSUP, "sigma.taxonomy", ARG_STR("name", taxonomy->text)), err);
	int r = parse_logsource(p->arena, doc, &rule->logsource, err);
	if (r < 0)
		return r;
	if (detection->type != JSON_OBJECT)
		return pack_error(doc, detection, err_set(err, -EINVAL, "sigma.detection"), err);
	r = parse_conditions(p, doc, detection, false, &rule->condition, err);
	if (r < 0)
		return r;
	*p->rule_tail = rule;
	p->rule_tail = &rule->next;
	p->rule_count++;
	return 0;
}

static int parse_filter(struct sigma_parsed *p, const struct pack_doc *doc, const struct sigma_meta *meta, struct err *err)
{
	const struct json *map = json_get(doc->root, "filter"), *rules;
	struct sigma_filter *filter = ARENA_NEW(p->arena, struct sigma_filter);
	filter->meta = *meta;
	int r = parse_logsource(p->arena, doc, &filter->logsource, err);
	if (r < 0)
		return r;
	if (map->type != JSON_OBJECT)
		return pack_error(doc, map, err_set(err, -EINVAL, "sigma.filter"), err);
	rules = json_get(map, "rules");
	filter->any_rule = rules == NULL || rules->type == JSON_NULL || (rules->type == JSON_ARRAY && rules->child == NULL) ||
	                   (rules->type == JSON_STRING && str_eq_nocase(rules->text, STR("any")));
	if (!filter->any_rule)
		r = sigma_names_parse(p, doc, map, "rules", &filter->rules, err);
	if (r == 0)
		r = parse_conditions(p, doc, map, true, &filter->condition, err);
	if (r < 0)
		return r;
	*p->filter_tail = filter;
	p->filter_tail = &filter->next;
	p->filter_count++;
	return 0;
}

int sigma_parse_doc(struct sigma_parsed *p, const struct pack_doc *doc, struct err *err)
{
	const struct json *root = doc->root;
	struct sigma_meta meta;
	if (root->type == JSON_NULL)
		return 0;
	if (root->type != JSON_OBJECT)
		return pack_error(doc, root, err_set(err, -EINVAL, "sigma.document"), err);
	if (json_get(root, "action") != NULL)
		return pack_error(doc, json_get(root, "action"), err_set(err, -ENOTSUP, "sigma.action"), err);
	int r = parse_meta(p, doc, &meta, err);
	if (r < 0)
		return r;
	if (json_get(root, "correlation") != NULL)
		return sigma_correlation_parse(p, doc, &meta, err);
	if (json_get(root, "filter") != NULL)
		return parse_filter(p, doc, &meta, err);
	if (json_get(root, "detection") != NULL)
		return parse_rule(p, doc, &meta, err);
	return pack_error(doc, root, err_set(err, -EINVAL, "sigma.detection"), err);
}
