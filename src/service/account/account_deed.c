/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Four eyes: what gives or takes power over the whole. */
#include "service/account/account_internal.h"

static void deed_of(const struct api_request *req, const struct account_row *a, struct str detail, struct service_deed *ret)
{
	ret->object_type = "account";
	ret->object_id = a->id;
	ret->unit_id = a->unit_id;
	ret->label = detail.n > 0 ? arena_printf(req->arena, "%.*s (%.*s) · %.*s", STR_FMT(a->display_name), STR_FMT(a->login), STR_FMT(detail))
	                          : arena_printf(req->arena, "%.*s (%.*s)", STR_FMT(a->display_name), STR_FMT(a->login));
}

static int person_of(struct db_tx *tx, const struct api_request *req, struct account_row *a, struct err *err)
{
	struct uuid id;
	int r = api_param_uuid(req, "id", &id, err);
	return r < 0 ? r : account_get_person(tx, req, &id, a, err);
}

/* Power over the whole: who has it over a part is the matter of those above. Who may approve is told by how far the
 * person's power reaches, not by where the person sits. */
static int reach_of(struct db_tx *tx, const struct api_request *req, const struct account_row *a, struct service_deed *ret,
                    struct err *err)
{
	struct uuid unit = a->unit_id;
	deed_of(req, a, STR_EMPTY, ret);
	int r = account_db_is_manager(tx, &a->id, api_now(req), &ret->needed, &unit, err);
	ret->unit_id = unit;
	return r;
}

static int look_change(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err)
{
	struct account_row a;
	if (!json_get_bool(req->body, "disabled", false))
		return 0;
	int r = person_of(tx, req, &a, err);
	if (r >= 0)
		r = account_require_manage(tx, req, &a, err);
	if (r >= 0)
		r = api_if_match(req, a.version, err);
	if (r >= 0 && !a.disabled)
		r = reach_of(tx, req, &a, ret, err);
	return r;
}

static int look_grant(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err)
{
	struct account_row a;
	struct account_role_row role;
	struct uuid unit;
	if (!uuid_parse(json_get_str(req->body, "unit_id", STR_EMPTY), &unit))
		return err_set(err, -EINVAL, "account.unit_unknown");
	int r = person_of(tx, req, &a, err);
	if (r >= 0)
		r = account_db_role(tx, req->arena, json_get_str(req->body, "role", STR_EMPTY), &role, err);
	if (r >= 0)
		r = account_db_role_manages(tx, role.role, &unit, &ret->needed, err);
	if (r < 0 || !ret->needed)
		return r;
	deed_of(req, &a, req->access->lang == MSG_LANG_VI ? role.label_vi : role.label_en, ret);
	ret->unit_id = unit;
	r = account_db_unit_open(tx, &unit, err);
	return r < 0 ? r : api_require_unit(tx, req, "account.manage", &unit, err);
}

static int look_revoke(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err)
{
	struct account_row a;
	struct account_grant_row g;
	struct uuid id;
	int r = api_param_uuid(req, "grant", &id, err);
	if (r >= 0)
		r = person_of(tx, req, &a, err);
	if (r >= 0)
		r = account_db_get_grant(tx, req->arena, &id, &g, err);
	if (r >= 0)
		r = api_require_unit(tx, req, "account.manage", &g.unit_id, err);
	if (r >= 0)
		r = account_db_role_manages(tx, g.role, &g.unit_id, &ret->needed, err);
	if (r < 0)
		return r;
	deed_of(req, &a, g.role, ret);
	ret->unit_id = g.unit_id;
	return 0;
}

static int look_unfactor(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err)
{
	struct account_row a;
	int r = person_of(tx, req, &a, err);
	if (r >= 0)
		r = account_require_reset(tx, req, &a, err);
	if (r >= 0)
		r = reach_of(tx, req, &a, ret, err);
	return r;
}

const struct service_four_eyes account_eyes_change = {"account.disable_administrator", look_change};
const struct service_four_eyes account_eyes_grant = {"account.grant_administrator", look_grant};
const struct service_four_eyes account_eyes_revoke = {"account.revoke_administrator", look_revoke};
const struct service_four_eyes account_eyes_unfactor = {"account.unfactor_administrator", look_unfactor};
