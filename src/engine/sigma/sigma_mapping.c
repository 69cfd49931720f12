/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_mapping.h"

struct reader {
	struct arena *arena;
	const struct pack_doc *doc;
	struct err *err;
};

static int wrong(struct reader *r, const struct json *node)
{
	return pack_error(r->doc, node, err_set(r->err, -EINVAL, "sigma.mapping", ARG_STR("name", node->name)), r->err);
}

static struct str text(struct reader *r, const struct json *row, const char *name)
{
	return arena_str(r->arena, json_get_str(row, name, STR("")));
}

static struct str folded(struct reader *r, struct str s)
{
	return sigma_fold_arena(r->arena, s, false);
}

static int read_names(struct reader *r, const struct json *list, struct sigma_names *ret)
{
	json_each(item, list) {
		if (item->type != JSON_STRING || ret->count == SIGMA_LIST_MAX)
			return wrong(r, item);
		ret->items[ret->count++] = arena_str(r->arena, item->text);
	}
	return 0;
}

static int read_prefixes(struct reader *r, const struct json *list, struct sigma_prefix **tail)
{
	json_each(row, list) {
		if (row->type != JSON_OBJECT)
			return wrong(r, row);
		struct sigma_prefix *p = *tail = ARENA_NEW(r->arena, struct sigma_prefix);
		*p = (struct sigma_prefix){.path = text(r, row, "path"), .text = text(r, row, "text"), .blanks = json_get_bool(row, "blanks", false)};
		tail = &p->next;
	}
	return 0;
}

static int read_homes(struct reader *r, const struct json *map, struct sigma_home **tail)
{
	json_each(field, map) {
		if (field->type != JSON_ARRAY)
			return wrong(r, field);
		json_each(path, field) {
			if (path->type != JSON_STRING)
				return wrong(r, path);
			struct sigma_home *home = *tail = ARENA_NEW(r->arena, struct sigma_home);
			*home = (struct sigma_home){.field = arena_str(r->arena, field->name), .path = arena_str(r->arena, path->text)};
			tail = &home->next;
		}
	}
	return 0;
}

static int read_channels(struct reader *r, const struct json *list, struct sigma_channel **tail)
{
	json_each(row, list) {
		const struct json *names = json_get(row, "names");
		if (names == NULL || names->type != JSON_ARRAY)
			return wrong(r, row);
		json_each(name, names) {
			struct sigma_channel *c = *tail = ARENA_NEW(r->arena, struct sigma_channel);
			*c = (struct sigma_channel){folded(r, name->text), text(r, row, "product"), text(r, row, "service"), NULL};
			tail = &c->next;
		}
	}
	return 0;
}

static int read_categories(struct reader *r, const struct json *list, struct sigma_category **tail)
{
	json_each(row, list) {
		const struct json *ids = json_get(row, "event_ids"), *when = json_get(row, "when");
		struct sigma_alias_of *aliases = NULL, **alias_tail = &aliases;
		if (ids == NULL || ids->type != JSON_ARRAY)
			return wrong(r, row);
		json_each(field, json_get(row, "fields")) {
			*alias_tail = ARENA_NEW(r->arena, struct sigma_alias_of);
			**alias_tail = (struct sigma_alias_of){arena_str(r->arena, field->name), arena_str(r->arena, field->text), NULL};
			alias_tail = &(*alias_tail)->next;
		}
		json_each(id, ids) {
			struct sigma_category *c = *tail = ARENA_NEW(r->arena, struct sigma_category);
			*c = (struct sigma_category){.category = text(r, row, "category"), .product = text(r, row, "product"),
			                             .service = text(r, row, "service"), .event_id = id->integer, .aliases = aliases};
			if (when != NULL && when->child != NULL) {
				c->when_field = arena_str(r->arena, when->child->name);
				c->when_value = folded(r, when->child->text);
			}
			tail = &c->next;
		}
	}
	return 0;
}

static int read_detects(struct reader *r, const struct json *list, struct sigma_detect **tail)
{
	json_each(row, list) {
		struct sigma_detect *d = *tail = ARENA_NEW(r->arena, struct sigma_detect);
		*d = (struct sigma_detect){.product = text(r, row, "product"), .category = text(r, row, "category"),
		                           .service = text(r, row, "service"), .service_from = text(r, row, "service_from")};
		tail = &d->next;
		json_each(also, json_get(row, "also"))
			d->also = arena_printf(r->arena, "%.*s %.*s", STR_FMT(d->also), STR_FMT(also->text));
		int code = read_names(r, json_get(row, "present"), &d->present);
		if (code < 0)
			return code;
	}
	return 0;
}

int sigma_mapping_parse(struct arena *arena, const struct pack_doc *doc, struct sigma_mapping *ret, struct err *err)
{
	static const char *const keys[] = {"prefixes", "fields", "times", "channels", "channel_product", "categories", "detect"};
	struct reader r = {.arena = arena, .doc = doc, .err = err};
	*ret = (struct sigma_mapping){0};
	if (doc->root->type != JSON_OBJECT)
		return wrong(&r, doc->root);
	json_each(member, doc->root) {
		size_t i = 0;
		while (i < ARRAY_LEN(keys) && !str_eq_c(member->name, keys[i]))
			i++;
		if (i == ARRAY_LEN(keys))
			return wrong(&r, member);
	}
	int code = read_prefixes(&r, json_get(doc->root, "prefixes"), &ret->prefixes);
	if (code == 0)
		code = read_homes(&r, json_get(doc->root, "fields"), &ret->homes);
	if (code == 0)
		code = read_names(&r, json_get(doc->root, "times"), &ret->times);
	if (code == 0)
		code = read_channels(&r, json_get(doc->root, "channels"), &ret->channels);
	if (code == 0)
		code = read_categories(&r, json_get(doc->root, "categories"), &ret->categories);
	if (code == 0)
		code = read_detects(&r, json_get(doc->root, "detect"), &ret->detects);
	ret->channel_product = text(&r, doc->root, "channel_product");
	return code;
}
