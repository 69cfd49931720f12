/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* How long logs are kept, from packs/vn/retention.yaml. */
#include "platform/pack/pack.h"
#include "service/source/source_internal.h"

struct file {
	struct str version;
	const struct json *classes;
};
struct item {
	struct str id, confidence;
	const struct json *label, *basis;
	int64_t level, days;
	bool has_level;
};
struct text {
	struct str vi, en;
};

static const struct json_field file_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct file, version), true},
	{"classes", JSON_FIELD_ANY, offsetof(struct file, classes), true},
	{.name = NULL},
};
static const struct json_field item_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct item, id), true, 1, 40},
	{"label", JSON_FIELD_ANY, offsetof(struct item, label), true},
	{"basis", JSON_FIELD_ANY, offsetof(struct item, basis), true},
	{"confidence", JSON_FIELD_STR, offsetof(struct item, confidence), true, 1, 20},
	{"level", JSON_FIELD_INT, offsetof(struct item, level), false, 0, SOURCE_LEVEL_MAX, .present_offset = offsetof(struct item, has_level) + 1},
	{"days", JSON_FIELD_INT, offsetof(struct item, days), true, 1, SOURCE_DAYS_MAX},
	{.name = NULL},
};
static const struct json_field text_fields[] = {
	{"vi", JSON_FIELD_STR, offsetof(struct text, vi), true, 1, 500},
	{"en", JSON_FIELD_STR, offsetof(struct text, en), true, 1, 500},
	{.name = NULL},
};

static int read_class(struct arena *arena, const struct pack_doc *doc, const struct json *node, struct source_class *ret, struct err *err)
{
	struct item item = {.label = NULL};
	struct text label = {.vi = STR_EMPTY}, basis = {.vi = STR_EMPTY};
	int r = pack_decode(arena, doc, node, item_fields, &item, err);
	if (r >= 0)
		r = pack_decode(arena, doc, item.label, text_fields, &label, err);
	if (r >= 0)
		r = pack_decode(arena, doc, item.basis, text_fields, &basis, err);
	*ret = (struct source_class){.class_name = item.id, .label_vi = label.vi, .label_en = label.en, .basis_vi = basis.vi,
	                             .basis_en = basis.en, .confidence = item.confidence, .level = item.has_level ? item.level : -1,
	                             .days = item.days};
	return r;
}

int source_load_retention(const struct service_context *sc, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *path = arena_printf(arena, "%s/vn/retention.yaml", sc->packs_dir).p;
	const struct pack_doc *doc = NULL;
	struct file file = {.classes = NULL};
	struct source_class classes[SOURCE_CLASSES_MAX];
	size_t count = 0;
	int r = pack_load(arena, path, &doc, err);
	if (r >= 0)
		r = pack_decode(arena, doc, doc->root, file_fields, &file, err);
	if (r < 0)
		return r;
	json_each(node, file.classes) {
		if (count == SOURCE_CLASSES_MAX)
			return pack_error(doc, node, err_set(err, -E2BIG, "source.too_many_classes", ARG_I64("limit", SOURCE_CLASSES_MAX)), err);
		r = read_class(arena, doc, node, &classes[count], err);
		if (r < 0)
			return r;
		classes[count].position = (int64_t)count;
		count++;
	}
	return source_db_put_classes(sc->db, classes, count, err);
}
