/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Kinds from the pack, units from a file. */
#include <stdio.h>

#include "base/csv/csv.h"
#include "base/file/file.h"
#include "base/text/text.h"
#include "platform/pack/pack.h"
#include "service/outbox/outbox.h"
#include "service/unit/unit_internal.h"

#define FILE_MAX ((size_t)16 << 20)
#define KINDS_MAX 64

struct kinds_file {
	struct str version;
	const struct json *kinds;
};
struct kind_item {
	struct str id, confidence;
	const struct json *label;
	struct json_str_list parents;
};
struct label {
	struct str vi, en;
};

static const struct json_field file_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct kinds_file, version), true},
	{"kinds", JSON_FIELD_ANY, offsetof(struct kinds_file, kinds), true},
	{.name = NULL},
};
static const struct json_field kind_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct kind_item, id), true, 1, 40},
	{"label", JSON_FIELD_ANY, offsetof(struct kind_item, label), true},
	{"parents", JSON_FIELD_STR_LIST, offsetof(struct kind_item, parents), true},
	{"confidence", JSON_FIELD_STR, offsetof(struct kind_item, confidence), false},
	{.name = NULL},
};
static const struct json_field label_fields[] = {
	{"vi", JSON_FIELD_STR, offsetof(struct label, vi), true, 1, 200},
	{"en", JSON_FIELD_STR, offsetof(struct label, en), true, 1, 200},
	{.name = NULL},
};

static int read_kind(struct arena *arena, const struct pack_doc *doc, const struct json *node, struct unit_kind_row *ret,
                     struct err *err)
{
	struct kind_item item = {.label = NULL};
	struct label label = {.vi = STR_EMPTY};
	int r = pack_decode(arena, doc, node, kind_fields, &item, err);
	if (r >= 0)
		r = pack_decode(arena, doc, item.label, label_fields, &label, err);
	if (r < 0)
		return r;
	struct str parents = STR("");
	for (size_t i = 0; i < item.parents.count; i++)
		parents = arena_printf(arena, "%.*s%s%.*s", STR_FMT(parents), i > 0 ? " " : "", STR_FMT(item.parents.items[i]));
	ret->kind = item.id;
	ret->label_vi = label.vi;
	ret->label_en = label.en;
	ret->parents = parents;
	return 0;
}

int unit_load_kinds(const struct service_context *sc, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *path = arena_printf(arena, "%s/vn/unit_kinds.yaml", sc->packs_dir).p;
	const struct pack_doc *doc = NULL;
	struct kinds_file file = {.kinds = NULL};
	int r = pack_load(arena, path, &doc, err);
	if (r >= 0)
		r = pack_decode(arena, doc, doc->root, file_fields, &file, err);
	struct unit_kind_row kinds[KINDS_MAX];
	size_t count = 0;
	if (r < 0)
		return r;
	json_each(node, file.kinds) {
		if (count == KINDS_MAX)
			return pack_error(doc, node, err_set(err, -E2BIG, "unit.too_many"), err);
		r = read_kind(arena, doc, node, &kinds[count], err);
		if (r < 0)
			return r;
		kinds[count].position = (int64_t)count;
		count++;
	}
	return unit_db_replace_kinds(sc->db, kinds, count, err);
}

struct import {
	const struct service_context *sc;
	const struct access *access;
	const char *path;
	struct str text;
	bool sample;
	unsigned added;
};

static int import_row(struct import *im, struct db_tx *tx, const struct csv *csv, struct err *err)
{
	struct str code = str_trim(csv_field(csv, "code")), parent = str_trim(csv_field(csv, "parent"));
	cleanup_buf struct buf name = BUF_INIT(4096);
	struct unit_new n = {.code = code, .kind = str_trim(csv_field(csv, "kind")), .sample = im->sample};
	struct uuid id;
	int r = text_nfc(str_trim(csv_field(csv, "name")), &name, err);
	if (r < 0)
		return r;
	n.name = buf_str(&name);
	r = unit_find(tx, code, &id, err);
	if (r != -ENOENT)
		return r; /* there already */
	if (parent.n > 0 && (r = unit_find(tx, parent, &n.parent_id, err)) < 0)
		return r;
	r = unit_create(im->sc, tx, im->access, &n, &id, err);
	im->added += r >= 0;
	return r;
}

static int import_all(struct db_tx *tx, void *ctx, struct err *err)
{
	struct import *im = ctx;
	im->added = 0;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct csv csv;
	int r = csv_begin(&csv, arena, im->text, err);
	if (r < 0)
		return r;
	static const char *const columns[] = {"code", "kind", "name", "parent"};
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		bool found = false;
		for (size_t k = 0; k < csv.name_count; k++)
			found = found || str_eq_c(csv.names[k], columns[i]);
		if (!found)
			return err_set(err, -EINVAL, "unit.column_missing", ARG_CSTR("column", columns[i]));
	}
	while ((r = csv_next(&csv, arena, err)) > 0) {
		r = import_row(im, tx, &csv, err);
		if (r < 0) {
			char line[16];
			(void)snprintf(line, sizeof line, "%u", csv.line);
			return err_at(err, str_c(line));
		}
	}
	return r;
}

int unit_import_csv(const struct service_context *sc, const struct access *access, const char *path, bool sample,
                    unsigned *ret_added, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_MAX);
	int r = file_read(path, FILE_MAX, &text, err);
	if (r < 0)
		return r;
	struct import im = {.sc = sc, .access = access, .path = path, .text = buf_str(&text), .sample = sample};
	r = db_write(sc->db, import_all, &im, err);
	if (r < 0)
		return err_at(err, str_c(path));
	outbox_wake(sc);
	*ret_added = im.added;
	return 0;
}
