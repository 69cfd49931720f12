/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Who may: grants of roles over subtrees of units (tables of service/account and service/unit). */
#include "service/api/api.h"

static bool has_grants(const struct access *access)
{
	return access->kind == ACCESS_ACCOUNT || access->kind == ACCESS_TOKEN;
}

int api_holds(struct db_tx *tx, const struct access *access, const char *permission, usec_t now, bool *ret,
              struct err *err)
{
	*ret = access->kind == ACCESS_SYSTEM;
	if (!has_grants(access))
		return 0;
	int64_t found = 0;
	int r = db_query_int(tx, &found, err,
	                     "SELECT count(*) FROM account_grant ag JOIN role_permission rp ON rp.role = ag.role"
	                     " WHERE ag.account_id = $1 AND rp.permission = $2"
	                     " AND (ag.expires_at IS NULL OR ag.expires_at > $3)",
	                     DB_UUID(&access->account_id), DB_CSTR(permission), DB_INT(now));
	*ret = found > 0;
	return r;
}

int api_may(struct db_tx *tx, const struct access *access, const char *permission, const struct uuid *unit_id,
            usec_t now, bool *ret, struct err *err)
{
	*ret = access->kind == ACCESS_SYSTEM;
	if (!has_grants(access))
		return 0;
	int64_t found = 0;
	int r;
	if (uuid_is_null(unit_id))
		r = db_query_int(tx, &found, err,
		                 "SELECT count(*) FROM unit WHERE parent_id IS NULL AND" ACCESS_UNIT_SCOPE("id", "$1", "$2", "$3"),
		                 DB_UUID(&access->account_id), DB_CSTR(permission), DB_INT(now));
	else
		r = db_query_int(tx, &found, err,
		                 "SELECT count(*) FROM unit WHERE id = $4 AND" ACCESS_UNIT_SCOPE("id", "$1", "$2", "$3"),
		                 DB_UUID(&access->account_id), DB_CSTR(permission), DB_INT(now), DB_UUID(unit_id));
	*ret = found > 0;
	return r;
}

static int require(struct db_tx *tx, const struct api_request *req, const char *permission,
                   const struct uuid *unit_id, int code, const char *key, struct err *err)
{
	bool may = false;
	int r = api_may(tx, req->access, permission, unit_id, api_now(req), &may, err);
	if (r < 0 || may)
		return r;
	return err_set(err, code, key, ARG_CSTR("permission", permission));
}

int api_require_unit(struct db_tx *tx, const struct api_request *req, const char *permission,
                     const struct uuid *unit_id, struct err *err)
{
	return require(tx, req, permission, unit_id, -EACCES, "api.forbidden", err);
}

int api_require_visible(struct db_tx *tx, const struct api_request *req, const char *permission,
                        const struct uuid *unit_id, struct err *err)
{
	return require(tx, req, permission, unit_id, -ENOENT, "api.not_found", err);
}
