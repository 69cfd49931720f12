/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Which deeds need a second person: <packs_dir>/vn/four_eyes.yaml, read at each start. */
#include "platform/pack/pack.h"
#include "service/approval/approval_internal.h"

#define RULES_MAX 64

struct file {
	struct str version;
	int64_t hours;
	const struct json *actions;
};
struct node {
	struct str id;
	const struct json *label;
	bool on;
};
struct label {
	struct str vi, en;
};
static const struct json_field file_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct file, version), true},
	{"hours", JSON_FIELD_INT, offsetof(struct file, hours), true, 1, 24 * 31},
	{"actions", JSON_FIELD_ANY, offsetof(struct file, actions), true},
	{.name = NULL},
};
static const struct json_field node_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct node, id), true, 1, 60},
	{"label", JSON_FIELD_ANY, offsetof(struct node, label), true},
	{"on", JSON_FIELD_BOOL, offsetof(struct node, on), true},
	{.name = NULL},
};
static const struct json_field label_fields[] = {
	{"vi", JSON_FIELD_STR, offsetof(struct label, vi), true, 1, 200},
	{"en", JSON_FIELD_STR, offsetof(struct label, en), true, 1, 200},
	{.name = NULL},
};

int approval_load_rules(const struct service_context *sc, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *path = arena_printf(arena, "%s/vn/four_eyes.yaml", sc->packs_dir).p;
	const struct pack_doc *doc = NULL;
	struct file file = {.hours = 0};
	struct approval_rule rules[RULES_MAX];
	size_t count = 0;
	int r = pack_load(arena, path, &doc, err);
	if (r >= 0)
		r = pack_decode(arena, doc, doc->root, file_fields, &file, err);
	if (r < 0)
		return r;
	json_each(item, file.actions) {
		struct node n = {.on = false};
		struct label l = {.vi = STR_EMPTY};
		if (count == RULES_MAX)
			return pack_error(doc, item, err_set(err, -E2BIG, "approval.too_many_rules", ARG_I64("most", RULES_MAX)), err);
		r = pack_decode(arena, doc, item, node_fields, &n, err);
		if (r >= 0)
			r = pack_decode(arena, doc, n.label, label_fields, &l, err);
		if (r < 0)
			return r;
		rules[count++] = (struct approval_rule){.action = n.id, .label_vi = l.vi, .label_en = l.en, .hours = file.hours, .on = n.on};
	}
	return approval_db_replace_rules(sc->db, rules, count, err);
}
