/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From files: roles of the pack, people of the sample. */
#include "platform/pack/pack.h"
#include "service/account/account_internal.h"
#include "service/outbox/outbox.h"
#include "service/unit/unit.h"

#define ROLES_MAX 64
#define PEOPLE_MAX 10000

struct file {
	struct str version;
	bool sample;
	const struct json *items;
};
struct label {
	struct str vi, en;
};
struct role_item {
	struct str id, restrict_kind;
	int shell;
	const struct json *label;
	struct json_str_list permissions;
	bool needs_expiry, for_machines, second_factor;
};

static const char *const shells[] = {"unit", "watch", "leader", NULL};

static const struct json_field roles_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct file, version), true},
	{"roles", JSON_FIELD_ANY, offsetof(struct file, items), true},
	{.name = NULL},
};
static const struct json_field label_fields[] = {
	{"vi", JSON_FIELD_STR, offsetof(struct label, vi), true, 1, 200},
	{"en", JSON_FIELD_STR, offsetof(struct label, en), true, 1, 200},
	{.name = NULL},
};
static const struct json_field role_fields[] = {
	{"id", JSON_FIELD_STR, offsetof(struct role_item, id), true, 1, 40},
	{"label", JSON_FIELD_ANY, offsetof(struct role_item, label), true},
	{.name = "shell", .type = JSON_FIELD_ENUM, .offset = offsetof(struct role_item, shell), .required = true, .names = shells},
	{"permissions", JSON_FIELD_STR_LIST, offsetof(struct role_item, permissions), true},
	{"restrict", JSON_FIELD_STR, offsetof(struct role_item, restrict_kind), false, 1, 40},
	{"needs_expiry", JSON_FIELD_BOOL, offsetof(struct role_item, needs_expiry), false},
	{"for_machines", JSON_FIELD_BOOL, offsetof(struct role_item, for_machines), false},
	{"second_factor", JSON_FIELD_BOOL, offsetof(struct role_item, second_factor), false},
	{.name = NULL},
};

static int read_role(struct arena *arena, const struct pack_doc *doc, const struct json *node,
                     struct account_role_row *ret, struct err *err)
{
	struct role_item item = {.label = NULL};
	struct label label = {.vi = STR_EMPTY};
	int r = pack_decode(arena, doc, node, role_fields, &item, err);
	if (r >= 0)
		r = pack_decode(arena, doc, item.label, label_fields, &label, err);
	if (r < 0)
		return r;
	*ret = (struct account_role_row){
		.role = item.id,
		.label_vi = label.vi,
		.label_en = label.en,
		.shell = str_c(shells[item.shell]),
		.restrict_kind = item.restrict_kind,
		.needs_expiry = item.needs_expiry,
		.for_machines = item.for_machines,
		.second_factor = item.second_factor,
		.permissions = item.permissions.items,
		.permission_count = item.permissions.count,
	};
	return 0;
}

int account_load_roles(const struct service_context *sc, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *path = arena_printf(arena, "%s/vn/roles.yaml", sc->packs_dir).p;
	const struct pack_doc *doc = NULL;
	struct file file = {.items = NULL};
	int r = pack_load(arena, path, &doc, err);
	if (r >= 0)
		r = pack_decode(arena, doc, doc->root, roles_fields, &file, err);
	if (r < 0)
		return r;
	struct account_role_row roles[ROLES_MAX];
	size_t count = 0;
	json_each(node, file.items) {
		if (count == ROLES_MAX)
			return pack_error(doc, node, err_set(err, -E2BIG, "account.too_many_roles", ARG_I64("most", ROLES_MAX)), err);
		r = read_role(arena, doc, node, &roles[count++], err);
		if (r < 0)
			return r;
	}
	return account_db_replace_roles(sc->db, roles, count, err);
}

struct grant_item {
	struct str role, unit;
	int64_t days;
};
struct person {
	struct str login, name, unit, position;
	const struct json *grants;
};

static const struct json_field people_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct file, version), true},
	{"sample", JSON_FIELD_BOOL, offsetof(struct file, sample), false},
	{"people", JSON_FIELD_ANY, offsetof(struct file, items), true},
	{.name = NULL},
};
static const struct json_field person_fields[] = {
	{"login", JSON_FIELD_STR, offsetof(struct person, login), true},
	{"name", JSON_FIELD_STR, offsetof(struct person, name), true},
	{"unit", JSON_FIELD_STR, offsetof(struct person, unit), true},
	{"position", JSON_FIELD_STR, offsetof(struct person, position), false},
	{"grants", JSON_FIELD_ANY, offsetof(struct person, grants), true},
	{.name = NULL},
};
static const struct json_field grant_fields[] = {
	{"role", JSON_FIELD_STR, offsetof(struct grant_item, role), true},
	{"unit", JSON_FIELD_STR, offsetof(struct grant_item, unit), true},
	{"days", JSON_FIELD_INT, offsetof(struct grant_item, days), false, 1, 36500},
	{.name = NULL},
};

struct import {
	const struct service_context *sc;
	const struct access *access;
	const struct pack_doc *doc;
	const struct file *file;
	struct arena *arena;
	struct str password;
	unsigned added;
};

static int add_grants(struct import *im, struct db_tx *tx, const struct uuid *account, const struct json *grants,
                      struct err *err)
{
	json_each(node, grants) {
		struct grant_item item = {.days = 0};
		struct account_grant g = {.account_id = *account};
		struct uuid id;
		int r = pack_decode(im->arena, im->doc, node, grant_fields, &item, err);
		if (r < 0)
			return r;
		g.role = item.role;
		g.expires_at = item.days > 0 ? account_now(im->sc) + item.days * USEC_PER_DAY : 0;
		r = unit_find(tx, item.unit, &g.unit_id, err);
		if (r >= 0)
			r = account_add_grant(im->sc, tx, im->access, &g, &id, err);
		if (r < 0)
			return pack_error(im->doc, node, r, err);
	}
	return 0;
}

static int add_person(struct import *im, struct db_tx *tx, const struct json *node, struct err *err)
{
	struct person p = {.grants = NULL};
	struct account_row there;
	int r = pack_decode(im->arena, im->doc, node, person_fields, &p, err);
	if (r < 0)
		return r;
	r = account_db_get(tx, im->arena, NULL, p.login, &there, err);
	if (r != -ENOENT)
		return r;
	struct account_new n = {.login = p.login, .display_name = p.name, .position = p.position,
	                        .password = im->password, .sample = im->file->sample};
	struct uuid id;
	r = unit_find(tx, p.unit, &n.unit_id, err);
	if (r >= 0)
		r = account_create(im->sc, tx, im->access, &n, &id, err);
	if (r < 0)
		return pack_error(im->doc, node, r, err);
	im->added++;
	return add_grants(im, tx, &id, p.grants, err);
}

static int add_people(struct db_tx *tx, void *ctx, struct err *err)
{
	struct import *im = ctx;
	im->added = 0;
	json_each(node, im->file->items) {
		int r = add_person(im, tx, node, err);
		if (r < 0)
			return r;
	}
	bool needed = false;
	int r = account_db_setup_needed(tx, &needed, err);
	if (r >= 0 && needed)
		r = account_db_setup_close(tx, account_now(im->sc), err);
	return r;
}

int account_import_people(const struct service_context *sc, const struct access *access, const char *path,
                          struct str password, unsigned *ret_added, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct pack_doc *doc = NULL;
	struct file file = {.items = NULL};
	int r = pack_load(arena, path, &doc, err);
	if (r >= 0)
		r = pack_decode(arena, doc, doc->root, people_fields, &file, err);
	if (r < 0)
		return r;
	if (file.items->count > PEOPLE_MAX)
		return pack_error(doc, file.items, err_set(err, -E2BIG, "account.too_many_people", ARG_I64("most", PEOPLE_MAX)), err);
	struct import im = {sc, access, doc, &file, arena, password, 0};
	r = db_write(sc->db, add_people, &im, err);
	if (r < 0)
		return r;
	outbox_wake(sc);
	*ret_added = im.added;
	return 0;
}
