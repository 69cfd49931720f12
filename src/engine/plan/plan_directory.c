/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* directory.yaml and proofs.yaml. */
#include "engine/plan/plan_internal.h"

#define WAITS 32

static const char *const kind_names[] = {"body", "group", "part", "outside", NULL};

const struct json_field plan_text_fields[] = {
	{"vi", JSON_FIELD_STR, offsetof(struct plan_text, vi), true, 1, 400},
	{"en", JSON_FIELD_STR, offsetof(struct plan_text, en), true, 1, 400},
	{.name = NULL},
};

struct file_node {
	struct str version;
	const struct json *names, *waits, *proofs;
};
static const struct json_field directory_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct file_node, version), true, 1, 40},
	{"names", JSON_FIELD_ANY, offsetof(struct file_node, names), true},
	{.name = NULL},
};
static const struct json_field proof_file_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct file_node, version), true, 1, 40},
	{"waits", JSON_FIELD_ANY, offsetof(struct file_node, waits), true},
	{"proofs", JSON_FIELD_ANY, offsetof(struct file_node, proofs), true},
	{.name = NULL},
};

struct item_node {
	struct str id, valid_to, waits_for;
	int kind;
	const struct json *label, *successors;
};
static const struct json_field name_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct item_node, id), true, 1, 60},
	{"kind", JSON_FIELD_ENUM, offsetof(struct item_node, kind), true, .names = kind_names},
	{"label", JSON_FIELD_ANY, offsetof(struct item_node, label), true},
	{"valid_to", JSON_FIELD_STR, offsetof(struct item_node, valid_to), false, 10, 10},
	{"successors", JSON_FIELD_ANY, offsetof(struct item_node, successors)},
	{.name = NULL},
};
static const struct json_field proof_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct item_node, id), true, 1, 60},
	{"waits_for", JSON_FIELD_STR, offsetof(struct item_node, waits_for), false, 1, 60},
	{"label", JSON_FIELD_ANY, offsetof(struct item_node, label), true},
	{.name = NULL},
};
static const struct json_field wait_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct item_node, id), true, 1, 60},
	{"label", JSON_FIELD_ANY, offsetof(struct item_node, label), true},
	{.name = NULL},
};

int plan_count_items(const struct pack_doc *doc, const struct json *list, size_t limit, struct err *err)
{
	if (list->type != JSON_ARRAY)
		return pack_error(doc, list, err_set(err, -EINVAL, "plan.no_list"), err);
	if (list->count > limit)
		return pack_error(doc, list, err_set(err, -E2BIG, "plan.too_many", ARG_U64("limit", limit)), err);
	return (int)list->count;
}

int plan_fail(const struct pack_doc *doc, const struct json *node, const char *key, const char *name, struct str value, struct err *err)
{
	return pack_error(doc, node, err_set(err, -EINVAL, key, ARG_STR(name, value)), err);
}

const struct plan_name *plan_name_find(const struct plan_set *set, struct str id)
{
	for (unsigned i = 0; i < set->name_count; i++)
		if (str_eq(set->names[i].id, id))
			return &set->names[i];
	return NULL;
}

const struct plan_proof *plan_proof_find(const struct plan_set *set, struct str id)
{
	for (unsigned i = 0; i < set->proof_count; i++)
		if (str_eq(set->proofs[i].id, id))
			return &set->proofs[i];
	return NULL;
}

int plan_read_names(struct arena *arena, const struct pack_doc *doc, const struct plan_set *set, const struct json *node,
                    const struct plan_name *const **ret, unsigned *ret_count, struct err *err)
{
	int r = node != NULL ? plan_count_items(doc, node, PLAN_LEADS, err) : 0;
	if (r <= 0)
		return r;
	const struct plan_name **names = ARENA_ARRAY(arena, (size_t)r, const struct plan_name *);
	json_each(item, node) {
		const struct plan_name *name = item->type == JSON_STRING ? plan_name_find(set, item->text) : NULL;
		if (name == NULL)
			return plan_fail(doc, item, "plan.unknown_name", "name", item->text, err);
		names[(*ret_count)++] = name;
	}
	*ret = names;
	return 0;
}

static int read_successors(struct arena *arena, const struct pack_doc *doc, const struct plan_set *set, const struct json *list,
                           struct plan_name *names, struct err *err)
{
	unsigned i = 0;
	json_each(item, list) {
		struct plan_name *name = &names[i++];
		const struct json *successors = json_get(item, "successors");
		int r = plan_read_names(arena, doc, set, successors, &name->successors, &name->successor_count, err);
		if (r >= 0 && (name->valid_to.n > 0) != (name->successor_count > 0))
			r = plan_fail(doc, item, "plan.successors", "id", name->id, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_read_directory(struct arena *arena, const struct pack_doc *doc, struct plan_set *set, struct err *err)
{
	struct file_node f = {.names = NULL};
	int r = pack_decode(arena, doc, doc->root, directory_fields, &f, err);
	if (r >= 0)
		r = plan_count_items(doc, f.names, PLAN_NAMES, err);
	if (r < 0)
		return r;
	struct plan_name *names = ARENA_ARRAY(arena, f.names->count + 1, struct plan_name);
	set->names = names;
	for (const struct json *item = f.names->child; r >= 0 && item != NULL; item = item->next) {
		struct item_node n = {.label = NULL};
		struct plan_name *name = &names[set->name_count];
		r = pack_decode(arena, doc, item, name_fields, &n, err);
		if (r >= 0 && plan_name_find(set, n.id) != NULL)
			r = plan_fail(doc, item, "plan.duplicate", "id", n.id, err);
		*name = (struct plan_name){.id = n.id, .kind = (enum plan_name_kind)n.kind, .valid_to = n.valid_to};
		if (r >= 0)
			r = pack_decode(arena, doc, n.label, plan_text_fields, &name->label, err);
		set->name_count++;
	}
	return r < 0 ? r : read_successors(arena, doc, set, f.names, names, err);
}

static const struct plan_wait *wait_find(const struct plan_set *set, struct str id)
{
	for (unsigned i = 0; i < set->wait_count; i++)
		if (str_eq(set->waits[i].id, id))
			return &set->waits[i];
	return NULL;
}

static int read_waits(struct arena *arena, const struct pack_doc *doc, const struct json *list, struct plan_set *set, struct err *err)
{
	int r = plan_count_items(doc, list, WAITS, err);
	struct plan_wait *waits = ARENA_ARRAY(arena, WAITS, struct plan_wait);
	set->waits = waits;
	for (const struct json *item = list->child; r >= 0 && item != NULL; item = item->next) {
		struct item_node n = {.label = NULL};
		r = pack_decode(arena, doc, item, wait_fields, &n, err);
		if (r >= 0 && wait_find(set, n.id) != NULL)
			r = plan_fail(doc, item, "plan.duplicate", "id", n.id, err);
		if (r >= 0)
			r = pack_decode(arena, doc, n.label, plan_text_fields, &waits[set->wait_count].label, err);
		waits[set->wait_count++].id = n.id;
	}
	return r;
}

static bool is_proof_id(struct str id)
{
	static const char *const kinds[] = {"measure:", "record:", "register:", "report:"};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (str_starts_with(id, str_c(kinds[i])) && id.n > str_c(kinds[i]).n)
			return true;
	return false;
}

int plan_read_proofs(struct arena *arena, const struct pack_doc *doc, struct plan_set *set, struct err *err)
{
	struct file_node f = {.names = NULL};
	int r = pack_decode(arena, doc, doc->root, proof_file_fields, &f, err);
	if (r >= 0)
		r = read_waits(arena, doc, f.waits, set, err);
	if (r >= 0)
		r = plan_count_items(doc, f.proofs, PLAN_PROOFS, err);
	if (r < 0)
		return r;
	struct plan_proof *proofs = ARENA_ARRAY(arena, f.proofs->count + 1, struct plan_proof);
	set->proofs = proofs;
	for (const struct json *item = f.proofs->child; r >= 0 && item != NULL; item = item->next) {
		struct item_node n = {.label = NULL};
		struct plan_proof *proof = &proofs[set->proof_count];
		r = pack_decode(arena, doc, item, proof_fields, &n, err);
		if (r >= 0 && (plan_proof_find(set, n.id) != NULL || !is_proof_id(n.id)))
			r = plan_fail(doc, item, is_proof_id(n.id) ? "plan.duplicate" : "plan.proof_id", "id", n.id, err);
		*proof = (struct plan_proof){.id = n.id, .waits_for = wait_find(set, n.waits_for)};
		if (r >= 0 && n.waits_for.n > 0 && proof->waits_for == NULL)
			r = plan_fail(doc, item, "plan.unknown_wait", "wait", n.waits_for, err);
		if (r >= 0)
			r = pack_decode(arena, doc, n.label, plan_text_fields, &proof->label, err);
		set->proof_count++;
	}
	return r;
}
