/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/unit/unit_internal.h"

#include <stdio.h>

#include "base/text/text.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/unit/unit_sql.gen.h"

static usec_t now_of(const struct service_context *sc)
{
	return sc->now != NULL ? sc->now() : clock_now();
}

static bool has_word(struct str words, struct str word)
{
	struct str part;
	while (str_split(&words, ' ', &part)) {
		if (word.n > 0 && str_eq(part, word))
			return true;
	}
	return false;
}

static int check_name(struct str name, struct str code, struct err *err)
{
	if (str_trim(name).n == 0 || name.n > UNIT_NAME_MAX)
		return err_set(err, -EINVAL, "unit.name", ARG_I64("most", UNIT_NAME_MAX));
	bool good = code.n > 0 && code.n <= UNIT_CODE_MAX;
	for (size_t i = 0; i < code.n && good; i++) {
		char c = code.p[i];
		good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
	}
	return good ? 0 : err_set(err, -EINVAL, "unit.code", ARG_I64("most", UNIT_CODE_MAX));
}

/* May a unit of this kind lie under this parent (NULL: be a root)? */
static int check_place(struct db_tx *tx, struct arena *arena, struct str kind, const struct unit_row *parent,
                       struct err *err)
{
	struct unit_kind_row k;
	int r = unit_db_kind(tx, arena, kind, &k, err);
	if (r < 0)
		return r;
	if (parent == NULL)
		return k.parents.n == 0 ? 0 : err_set(err, -EINVAL, "unit.parent_missing", ARG_STR("kind", kind));
	if (parent->closed_at != 0)
		return err_set(err, -EINVAL, "unit.parent_closed", ARG_STR("name", parent->name));
	if (!has_word(k.parents, parent->kind))
		return err_set(err, -EINVAL, "unit.parent_kind", ARG_STR("kind", kind), ARG_STR("parent_kind", parent->kind));
	return 0;
}

static int get_parent(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct unit_row *ret, struct err *err)
{
	int r = unit_db_get(tx, arena, id, ret, err);
	return r == -ENOENT ? err_set(err, -ENOENT, "unit.parent_unknown") : r;
}

static void describe(struct buf *out, const struct unit_row *u)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	api_member_uuid(&w, "id", &u->id);
	api_member_uuid(&w, "unit_id", &u->id);
	json_member_str(&w, "code", u->code);
	json_member_str(&w, "kind", u->kind);
	json_member_str(&w, "name", u->name);
	api_member_uuid(&w, "parent_id", &u->parent_id);
	api_member_time(&w, "closed_at", u->closed_at);
	json_object_end(&w);
}

/* The audit record and the event of one change. */
static int tell(const struct service_context *sc, struct db_tx *tx, const struct access *access, const struct unit_row *u,
                const char *action, const char *event, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT(8192);
	describe(&details, u);
	int r = audit_write(tx, access, now_of(sc), &(struct audit_entry){action, "unit", u->id, u->id, buf_str(&details)}, err);
	if (r < 0)
		return r;
	return outbox_write(tx, &(struct service_event){.name = event, .unit_id = u->id, .permission = "unit.read",
	                                                .json = buf_str(&details), .at = now_of(sc)}, err);
}

int unit_create(const struct service_context *sc, struct db_tx *tx, const struct access *access,
                const struct unit_new *n, struct uuid *ret_id, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct unit_row u = {.id = uuid_new(), .parent_id = n->parent_id, .code = n->code, .kind = n->kind, .name = n->name,
	                     .valid_from = now_of(sc), .sample = n->sample};
	struct unit_row parent, *under = NULL;
	bool taken = false;
	int r = check_name(n->name, n->code, err);
	if (r >= 0 && !uuid_is_null(&n->parent_id)) {
		r = get_parent(tx, arena, &n->parent_id, &parent, err);
		under = &parent;
	}
	if (r >= 0)
		r = check_place(tx, arena, n->kind, under, err);
	if (r >= 0)
		r = unit_db_code_taken(tx, n->code, &u.id, &taken, err);
	if (r >= 0 && taken)
		return err_set(err, -EEXIST, "unit.code_taken", ARG_STR("code", n->code));
	if (r >= 0)
		r = unit_db_new_path(tx, arena, under, &u.path, err);
	if (r >= 0 && u.path.n > UNIT_DEPTH_MAX * UNIT_LABEL)
		return err_set(err, -EINVAL, "unit.too_deep", ARG_I64("most", UNIT_DEPTH_MAX));
	if (r >= 0)
		r = unit_db_insert(tx, &u, err);
	if (r >= 0)
		r = tell(sc, tx, access, &u, "unit.created", "unit.created", err);
	if (r >= 0)
		*ret_id = u.id;
	return r < 0 ? r : 0;
}

static int move(struct db_tx *tx, struct arena *arena, const struct unit_row *before, const struct unit_row *parent,
                struct err *err)
{
	if (str_starts_with(parent->path, before->path))
		return err_set(err, -EINVAL, "unit.below_itself");
	struct str path;
	int64_t deepest = 0;
	int r = unit_db_deepest(tx, before->path, &deepest, err);
	if (r >= 0 && deepest - (int64_t)before->path.n + (int64_t)parent->path.n + UNIT_LABEL > UNIT_DEPTH_MAX * UNIT_LABEL)
		return err_set(err, -EINVAL, "unit.too_deep", ARG_I64("most", UNIT_DEPTH_MAX));
	if (r >= 0)
		r = unit_db_new_path(tx, arena, parent, &path, err);
	return r < 0 ? r : unit_db_move(tx, &before->id, &parent->id, before->path, path, err);
}

static int check_closing(struct db_tx *tx, const struct unit_row *before, struct err *err)
{
	int64_t open = 0;
	int r = unit_db_open_children(tx, before->path, &open, err);
	if (r < 0)
		return r;
	return open == 0 ? 0 : err_set(err, -EBUSY, "unit.has_open_children", ARG_I64("count", open));
}

/* The row as it will stand. */
static struct unit_row changed(const struct unit_row *before, const struct unit_change *c, usec_t now)
{
	struct unit_row after = *before;
	after.code = c->code.p != NULL ? c->code : before->code;
	after.kind = c->kind.p != NULL ? c->kind : before->kind;
	after.name = c->name.p != NULL ? c->name : before->name;
	after.parent_id = c->has_parent ? c->parent_id : before->parent_id;
	after.valid_from = now;
	if (c->has_closed && !c->closed)
		after.closed_at = 0;
	else if (c->has_closed && before->closed_at == 0)
		after.closed_at = now;
	return after;
}

/* May the unit stand there under that name and code? *ret_parent is set unless it is the root. */
static int check_changed(struct db_tx *tx, struct arena *arena, const struct unit_row *before, const struct unit_row *after,
                         struct unit_row *ret_parent, struct err *err)
{
	bool closes = after->closed_at != 0 && before->closed_at == 0, taken = false;
	bool is_root = uuid_is_null(&after->parent_id);
	if (is_root != uuid_is_null(&before->parent_id))
		return err_set(err, -EINVAL, "unit.root_stays");
	int r = check_name(after->name, after->code, err);
	if (r >= 0 && !is_root)
		r = get_parent(tx, arena, &after->parent_id, ret_parent, err);
	if (r >= 0 && !closes)
		r = check_place(tx, arena, after->kind, is_root ? NULL : ret_parent, err);
	if (r >= 0)
		r = unit_db_code_taken(tx, after->code, &after->id, &taken, err);
	if (r >= 0 && taken)
		return err_set(err, -EEXIST, "unit.code_taken", ARG_STR("code", after->code));
	return r >= 0 && closes ? check_closing(tx, before, err) : r;
}

int unit_change(const struct service_context *sc, struct db_tx *tx, struct arena *arena, const struct access *access,
                const struct unit_row *before, const struct unit_change *c, struct err *err)
{
	struct unit_row after = changed(before, c, now_of(sc)), parent = {.path = STR_EMPTY};
	bool moves = !uuid_eq(&after.parent_id, &before->parent_id);
	bool closes = after.closed_at != 0 && before->closed_at == 0;
	int r = check_changed(tx, arena, before, &after, &parent, err);
	if (r >= 0 && moves)
		r = move(tx, arena, before, &parent, err);
	if (r >= 0)
		r = unit_db_keep_past(tx, before, now_of(sc), err);
	if (r >= 0)
		r = unit_db_update(tx, &after, err);
	const char *action = moves ? "unit.moved" : closes ? "unit.closed" : "unit.changed";
	return r < 0 ? r : tell(sc, tx, access, &after, action, "unit.changed", err);
}

static const char *const permissions[] = {"unit.read", "unit.manage", NULL};

const struct service unit_service = {
	.name = "unit",
	.routes = unit_routes,
	.permissions = permissions,
	.migrations = unit_migrations,
	.migration_count = UNIT_MIGRATION_COUNT,
	.start = unit_load_kinds,
};
