/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A search identifier's definition as a tree of predicates (R "Detection", M all). */
#include <assert.h>

#include "engine/sigma/sigma_rule.h"
#include "engine/sigma/sigma_value.h"

struct sigma_node *sigma_node_new(struct arena *arena, enum sigma_node_kind kind)
{
	struct sigma_node *node = ARENA_NEW(arena, struct sigma_node);
	node->kind = kind;
	return node;
}

struct sigma_node *sigma_node_join(struct arena *arena, enum sigma_node_kind kind, struct sigma_node *list)
{
	if (list != NULL && list->next == NULL)
		return list;
	struct sigma_node *node = sigma_node_new(arena, kind);
	node->child = list;
	return node;
}

unsigned sigma_line(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *node)
{
	struct sigma_line_memo *memo = p->lines;
	if (memo->text != doc->text.p || node->at < memo->at)
		*memo = (struct sigma_line_memo){.text = doc->text.p, .line = 1};
	for (; memo->at < node->at && memo->at < doc->text.n; memo->at++)
		memo->line += doc->text.p[memo->at] == '\n';
	return memo->line;
}

static int map_entries(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *map,
                       struct sigma_node **ret, struct err *err)
{
	struct sigma_node *list = NULL, **tail = &list;
	if (map->child == NULL)
		return pack_error(doc, map, err_set(err, -EINVAL, "sigma.empty"), err);
	json_each(entry, map) {
		int r = sigma_entry_parse(p, doc, entry->name, entry, tail, err);
		if (r != 0)
			return r;
		assert(*tail != NULL);
		tail = &(*tail)->next;
	}
	*ret = sigma_node_join(p->arena, SIGMA_NODE_AND, list);
	return 0;
}

/* A run of scalars in a list is one list of keywords. */
static int element(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *item, struct sigma_node **ret,
                   struct err *err)
{
	switch (item->type) {
	case JSON_OBJECT:
		return map_entries(p, doc, item, ret, err);
	case JSON_STRING:
	case JSON_NUMBER:
	case JSON_BOOL:
		return sigma_entry_parse(p, doc, STR(""), item, ret, err);
	case JSON_NULL:
	case JSON_ARRAY:
		break;
	}
	return pack_error(doc, item, err_set(err, -EINVAL, "sigma.definition"), err);
}

int sigma_detection_parse(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *definition,
                          struct sigma_node **ret, struct err *err)
{
	if (definition->type != JSON_ARRAY)
		return element(p, doc, definition, ret, err);
	struct sigma_node *list = NULL, **tail = &list;
	if (definition->child == NULL)
		return pack_error(doc, definition, err_set(err, -EINVAL, "sigma.empty"), err);
	if (definition->count > SIGMA_VALUES_MAX)
		return pack_error(doc, definition, err_set(err, -E2BIG, "sigma.too_many", ARG_U64("limit", SIGMA_VALUES_MAX)), err);
	json_each(item, definition) {
		int r = element(p, doc, item, tail, err);
		if (r != 0)
			return r;
		assert(*tail != NULL);
		tail = &(*tail)->next;
	}
	*ret = sigma_node_join(p->arena, SIGMA_NODE_OR, list);
	return 0;
}
