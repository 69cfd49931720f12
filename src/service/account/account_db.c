/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Accounts, grants, roles. */
#include "base/text/text.h"
#include "service/account/account_internal.h"

#define KEY_MAX ((size_t)64 * ACCOUNT_NAME_MAX)

int account_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str login,
                   struct account_row *ret, struct err *err)
{
#define COLUMNS                                                                                                        \
	"SELECT id, unit_id, kind, login, display_name, email, phone, position, password_hash, must_change, disabled,"     \
	" sample, version, password_until FROM account WHERE "
	cleanup_rows struct db_rows *rows = NULL;
	int r = id != NULL ? db_query(tx, &rows, err, COLUMNS "id = $1", DB_UUID(id))
	                   : db_query(tx, &rows, err, COLUMNS "login = $1", DB_TEXT(login));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	*ret = (struct account_row){
		.id = db_uuid(rows, 0),
		.unit_id = db_uuid(rows, 1),
		.kind = arena_str(arena, db_text(rows, 2)),
		.login = arena_str(arena, db_text(rows, 3)),
		.display_name = arena_str(arena, db_text(rows, 4)),
		.email = arena_str(arena, db_text(rows, 5)),
		.phone = arena_str(arena, db_text(rows, 6)),
		.position = arena_str(arena, db_text(rows, 7)),
		.password_hash = arena_str(arena, db_text(rows, 8)),
		.must_change = db_int(rows, 9) != 0,
		.disabled = db_int(rows, 10) != 0,
		.sample = db_int(rows, 11) != 0,
		.version = db_int(rows, 12),
		.password_until = db_int(rows, 13),
	};
	return 0;
}

static void keys_of(const struct account_row *a, struct buf *search, struct buf *sort)
{
	cleanup_buf struct buf all = BUF_INIT(KEY_MAX);
	buf_printf(&all, "%.*s %.*s %.*s %.*s", STR_FMT(a->display_name), STR_FMT(a->login), STR_FMT(a->email),
	           STR_FMT(a->position));
	text_search_key(buf_str(&all), search);
	text_sort_key(a->display_name, sort);
}

int account_db_insert(struct db_tx *tx, const struct account_row *a, usec_t now, struct err *err)
{
	cleanup_buf struct buf search = BUF_INIT(KEY_MAX), sort = BUF_INIT(KEY_MAX);
	keys_of(a, &search, &sort);
	return db_exec(tx, err,
	               "INSERT INTO account (id, kind, login, display_name, search_key, sort_key, email, phone, position,"
	               " unit_id, password_hash, must_change, disabled, sample, created_at, last_login_at, version)"
	               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, 0, 1)",
	               DB_UUID(&a->id), DB_TEXT(a->kind), DB_TEXT(a->login), DB_TEXT(a->display_name),
	               DB_TEXT(buf_str(&search)), DB_BLOB(buf_str(&sort)), DB_TEXT(a->email), DB_TEXT(a->phone),
	               DB_TEXT(a->position), DB_UUID(&a->unit_id), DB_TEXT_OR_NULL(a->password_hash),
	               DB_INT(a->must_change), DB_INT(a->sample), DB_INT(now));
}

int account_db_update(struct db_tx *tx, const struct account_row *a, struct err *err)
{
	cleanup_buf struct buf search = BUF_INIT(KEY_MAX), sort = BUF_INIT(KEY_MAX);
	keys_of(a, &search, &sort);
	return db_exec(tx, err,
	               "UPDATE account SET display_name = $1, search_key = $2, sort_key = $3, email = $4, phone = $5,"
	               " position = $6, unit_id = $7, disabled = $8, version = version + 1 WHERE id = $9",
	               DB_TEXT(a->display_name), DB_TEXT(buf_str(&search)), DB_BLOB(buf_str(&sort)), DB_TEXT(a->email),
	               DB_TEXT(a->phone), DB_TEXT(a->position), DB_UUID(&a->unit_id), DB_INT(a->disabled), DB_UUID(&a->id));
}

int account_db_set_password(struct db_tx *tx, const struct uuid *id, const char *hash, bool must_change, usec_t until,
                            struct err *err)
{
	return db_exec(tx, err,
	               "UPDATE account SET password_hash = $1, must_change = $2, password_until = $3, version = version + 1"
	               " WHERE id = $4", DB_CSTR(hash), DB_INT(must_change), DB_INT(until), DB_UUID(id));
}

int account_db_bump(struct db_tx *tx, const struct uuid *id, struct err *err)
{
	return db_exec(tx, err, "UPDATE account SET version = version + 1 WHERE id = $1", DB_UUID(id));
}

int account_db_insert_grant(struct db_tx *tx, const struct uuid *id, const struct account_grant *g,
                            struct str restrict_kind, const struct access *by, usec_t now, struct err *err)
{
	return db_exec(tx, err,
	               "INSERT INTO account_grant (id, account_id, unit_id, role, restrict_kind, restrict_id, expires_at,"
	               " created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	               DB_UUID(id), DB_UUID(&g->account_id), DB_UUID(&g->unit_id), DB_TEXT(g->role),
	               DB_TEXT_OR_NULL(restrict_kind), DB_UUID_OR_NULL(&g->restrict_id),
	               g->expires_at != 0 ? DB_INT(g->expires_at) : DB_NULL, DB_INT(now), DB_UUID_OR_NULL(&by->account_id));
}

int account_db_get_grant(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct account_grant_row *ret,
                         struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT account_id, unit_id, role FROM account_grant WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	*ret = (struct account_grant_row){*id, db_uuid(rows, 0), db_uuid(rows, 1), arena_str(arena, db_text(rows, 2))};
	return 0;
}

int account_db_delete_grant(struct db_tx *tx, const struct uuid *id, struct err *err)
{
	return db_exec(tx, err, "DELETE FROM account_grant WHERE id = $1", DB_UUID(id));
}

int account_db_grants_outside(struct db_tx *tx, const struct access *asking, const struct uuid *account_id, usec_t now,
                              int64_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err,
	                    "SELECT count(*) FROM account_grant g WHERE g.account_id = $4 AND NOT ("
	                    ACCESS_UNIT_SCOPE("g.unit_id", "$1", "$2", "$3") ")",
	                    DB_UUID(&asking->account_id), DB_CSTR("account.manage"), DB_INT(now), DB_UUID(account_id));
}

int account_db_rights_beyond(struct db_tx *tx, const struct access *asking, const struct uuid *account_id, usec_t now,
                             int64_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err,
	                    "SELECT count(*) FROM account_grant g JOIN role_permission tp ON tp.role = g.role"
	                    " JOIN unit tu ON tu.id = g.unit_id WHERE g.account_id = $1"
	                    " AND (g.expires_at IS NULL OR g.expires_at > $2) AND NOT EXISTS (SELECT 1 FROM account_grant ag"
	                    " JOIN role_permission rp ON rp.role = ag.role JOIN unit gu ON gu.id = ag.unit_id"
	                    " WHERE ag.account_id = $3 AND rp.permission = tp.permission AND ag.restrict_kind IS NULL"
	                    " AND (ag.expires_at IS NULL OR ag.expires_at > $2) AND substr(tu.path, 1, length(gu.path)) = gu.path)",
	                    DB_UUID(account_id), DB_INT(now), DB_UUID(&asking->account_id));
}

int account_db_is_manager(struct db_tx *tx, const struct uuid *account_id, usec_t now, bool *ret, struct uuid *ret_unit,
                          struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT g.unit_id FROM account_grant g JOIN role_permission rp ON rp.role = g.role"
	                 " JOIN unit u ON u.id = g.unit_id WHERE g.account_id = $1 AND rp.permission = 'account.manage'"
	                 " AND u.parent_id IS NULL AND (g.expires_at IS NULL OR g.expires_at > $2) ORDER BY u.path LIMIT 1",
	                 DB_UUID(account_id), DB_INT(now));
	if (r >= 0)
		r = db_next(rows, err);
	*ret = r > 0;
	if (r > 0)
		*ret_unit = db_uuid(rows, 0);
	return r;
}

int account_db_role_manages(struct db_tx *tx, struct str role, const struct uuid *unit_id, bool *ret, struct err *err)
{
	int64_t n = 0;
	int r = db_query_int(tx, &n, err,
	                     "SELECT count(*) FROM role_permission rp, unit u WHERE rp.role = $1 AND rp.permission = 'account.manage'"
	                     " AND u.id = $2 AND u.parent_id IS NULL", DB_TEXT(role), DB_UUID(unit_id));
	*ret = n > 0;
	return r;
}

int account_db_root_managers(struct db_tx *tx, usec_t now, int64_t *ret, struct err *err)
{
	return db_query_int(tx, ret, err,
	                    "SELECT count(*) FROM account_grant g JOIN unit u ON u.id = g.unit_id JOIN account a ON a.id = g.account_id"
	                    " JOIN role_permission rp ON rp.role = g.role WHERE u.parent_id IS NULL AND a.kind = 'person'"
	                    " AND a.disabled = 0 AND rp.permission = 'account.manage' AND g.restrict_kind IS NULL"
	                    " AND (g.expires_at IS NULL OR g.expires_at > $1)", DB_INT(now));
}

int account_db_unit_open(struct db_tx *tx, const struct uuid *unit_id, struct err *err)
{
	int64_t found = 0;
	int r = db_query_int(tx, &found, err, "SELECT count(*) FROM unit WHERE id = $1 AND closed_at IS NULL", DB_UUID(unit_id));
	if (r < 0)
		return r;
	return found > 0 ? 0 : err_set(err, -EINVAL, "account.unit_unknown");
}

struct roles {
	const struct account_role_row *rows;
	size_t count;
};

static int insert_role(struct db_tx *tx, const struct account_role_row *role, size_t position, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO role (role, position, label_vi, label_en, shell, restrict_kind, needs_expiry, for_machines,"
	                " second_factor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	                DB_TEXT(role->role), DB_INT(position), DB_TEXT(role->label_vi), DB_TEXT(role->label_en),
	                DB_TEXT(role->shell), DB_TEXT_OR_NULL(role->restrict_kind), DB_INT(role->needs_expiry),
	                DB_INT(role->for_machines), DB_INT(role->second_factor));
	for (size_t i = 0; i < role->permission_count && r >= 0; i++)
		r = db_exec(tx, err, "INSERT INTO role_permission (role, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING",
		            DB_TEXT(role->role), DB_TEXT(role->permissions[i]));
	return r;
}

static int replace_roles(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct roles *roles = ctx;
	int r = db_exec(tx, err, "DELETE FROM role_permission");
	if (r >= 0)
		r = db_exec(tx, err, "DELETE FROM role");
	for (size_t i = 0; i < roles->count && r >= 0; i++)
		r = insert_role(tx, &roles->rows[i], i, err);
	return r;
}

int account_db_replace_roles(struct db *db, const struct account_role_row *rows, size_t count, struct err *err)
{
	struct roles roles = {rows, count};
	return db_write(db, replace_roles, &roles, err);
}

int account_db_role(struct db_tx *tx, struct arena *arena, struct str role, struct account_role_row *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT label_vi, label_en, shell, restrict_kind, needs_expiry, for_machines FROM role WHERE role = $1",
	                 DB_TEXT(role));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -EINVAL, "account.role_unknown", ARG_STR("role", role));
	*ret = (struct account_role_row){
		.role = role,
		.label_vi = arena_str(arena, db_text(rows, 0)),
		.label_en = arena_str(arena, db_text(rows, 1)),
		.shell = arena_str(arena, db_text(rows, 2)),
		.restrict_kind = arena_str(arena, db_text(rows, 3)),
		.needs_expiry = db_int(rows, 4) != 0,
		.for_machines = db_int(rows, 5) != 0,
	};
	return 0;
}

int account_name(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT display_name FROM account WHERE id = $1", DB_UUID(id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r >= 0)
		*ret = r > 0 ? arena_str(arena, db_text(rows, 0)) : STR("");
	return r < 0 ? r : 0;
}

int account_restricted(struct db_tx *tx, const struct access *access, const char *permission, const char *kind,
                       const struct uuid *record, usec_t now, bool *ret, struct err *err)
{
	int64_t found = 0;
	int r = db_query_int(tx, &found, err,
	                     "SELECT count(*) FROM account_grant ag JOIN role_permission rp ON rp.role = ag.role"
	                     " WHERE ag.account_id = $1 AND rp.permission = $2 AND ag.restrict_kind = $3 AND ag.restrict_id = $4"
	                     " AND (ag.expires_at IS NULL OR ag.expires_at > $5)",
	                     DB_UUID(&access->account_id), DB_CSTR(permission), DB_CSTR(kind), DB_UUID(record), DB_INT(now));
	*ret = found > 0;
	return r;
}

int account_each_reader(struct db_tx *tx, const char *permission, const struct uuid *unit_id, usec_t now,
                        void (*fn)(const struct uuid *account_id, void *ctx), void *ctx, struct err *err)
{
#define READERS(condition)                                                                                             \
	"SELECT DISTINCT ag.account_id FROM account_grant ag JOIN role_permission rp ON rp.role = ag.role"               \
	" JOIN unit gu ON gu.id = ag.unit_id" condition                                                                \
	" AND rp.permission = $1 AND ag.restrict_kind IS NULL AND (ag.expires_at IS NULL OR ag.expires_at > $2)"
	cleanup_rows struct db_rows *rows = NULL;
	int r;
	if (uuid_is_null(unit_id))
		r = db_query(tx, &rows, err, READERS(" WHERE gu.parent_id IS NULL"), DB_CSTR(permission), DB_INT(now));
	else
		r = db_query(tx, &rows, err,
		             READERS(" JOIN unit su ON substr(su.path, 1, length(gu.path)) = gu.path WHERE su.id = $3"),
		             DB_CSTR(permission), DB_INT(now), DB_UUID(unit_id));
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		fn(&id, ctx);
	}
	return r;
}
