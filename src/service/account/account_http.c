/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Accounts, grants and tokens as managers see them, and the table of all routes. */
#include <stdio.h>

#include "base/text/text.h"
#include "service/account/account_session_http.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"

struct create_body {
	struct str login, display_name, email, phone, position, password;
	struct uuid unit_id;
};
struct change_body {
	struct str display_name, email, phone, position;
	struct uuid unit_id;
	bool has_unit, disabled, has_disabled;
};
struct grant_body {
	struct str role;
	struct uuid unit_id, restrict_id;
	usec_t expires_at;
};
struct token_body {
	struct str name, role;
	struct uuid unit_id;
	usec_t expires_at;
};

static const struct json_field create_fields[] = {
	{"login", JSON_FIELD_STR, offsetof(struct create_body, login), true, 2, ACCOUNT_LOGIN_MAX},
	{"display_name", JSON_FIELD_STR, offsetof(struct create_body, display_name), true, 1, ACCOUNT_NAME_MAX},
	{"unit_id", JSON_FIELD_UUID, offsetof(struct create_body, unit_id), true},
	{"email", JSON_FIELD_STR, offsetof(struct create_body, email), false, 0, 200},
	{"phone", JSON_FIELD_STR, offsetof(struct create_body, phone), false, 0, 40},
	{"position", JSON_FIELD_STR, offsetof(struct create_body, position), false, 0, 200},
	{"password", JSON_FIELD_STR, offsetof(struct create_body, password), false, 0, ACCOUNT_PASSWORD_MAX},
	{.name = NULL},
};
static const struct json_field change_fields[] = {
	{"display_name", JSON_FIELD_STR, offsetof(struct change_body, display_name), false, 1, ACCOUNT_NAME_MAX},
	{"email", JSON_FIELD_STR, offsetof(struct change_body, email), false, 0, 200},
	{"phone", JSON_FIELD_STR, offsetof(struct change_body, phone), false, 0, 40},
	{"position", JSON_FIELD_STR, offsetof(struct change_body, position), false, 0, 200},
	{.name = "unit_id", .type = JSON_FIELD_UUID, .offset = offsetof(struct change_body, unit_id),
	 .present_offset = offsetof(struct change_body, has_unit) + 1},
	{.name = "disabled", .type = JSON_FIELD_BOOL, .offset = offsetof(struct change_body, disabled),
	 .present_offset = offsetof(struct change_body, has_disabled) + 1},
	{.name = NULL},
};
static const struct json_field grant_fields[] = {
	{"role", JSON_FIELD_STR, offsetof(struct grant_body, role), true, 1, 40},
	{"unit_id", JSON_FIELD_UUID, offsetof(struct grant_body, unit_id), true},
	{"expires_at", JSON_FIELD_TIME, offsetof(struct grant_body, expires_at), false},
	{"restrict_id", JSON_FIELD_UUID, offsetof(struct grant_body, restrict_id), false},
	{.name = NULL},
};
static const struct json_field token_fields[] = {
	{"name", JSON_FIELD_STR, offsetof(struct token_body, name), true, 1, ACCOUNT_NAME_MAX},
	{"role", JSON_FIELD_STR, offsetof(struct token_body, role), true, 1, 40},
	{"unit_id", JSON_FIELD_UUID, offsetof(struct token_body, unit_id), true},
	{"expires_at", JSON_FIELD_TIME, offsetof(struct token_body, expires_at), false},
	{.name = NULL},
};
struct job {
	struct api_request *req;
	struct uuid id, grant_id;
	const unsigned char *digest;
};

static void changed(const struct api_request *req)
{
	outbox_wake(req->service);
	if (req->service->snapshot_changed != NULL)
		req->service->snapshot_changed(req->service->snapshot_changed_ctx);
}

static int create(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	const struct create_body *b = job->req->fields;
	struct account_new n = {.login = b->login, .display_name = b->display_name, .email = b->email, .phone = b->phone,
	                        .position = b->position, .unit_id = b->unit_id, .password = b->password, .must_change = true};
	int r = api_require_unit(tx, job->req, "account.manage", &n.unit_id, err);
	return r < 0 ? r : account_create(job->req->service, tx, job->req->access, &n, &job->id, err);
}

static int post_account(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = db_write(req->service->db, create, &job, err);
	if (r < 0)
		return r;
	changed(req);
	return account_db_show(req, res, 201, &job.id, err);
}

int account_get_person(struct db_tx *tx, const struct api_request *req, const struct uuid *id, struct account_row *ret,
                       struct err *err)
{
	int r = account_db_get(tx, req->arena, id, STR_EMPTY, ret, err);
	if (r >= 0 && !str_eq(ret->kind, STR("person")))
		return err_set(err, -ENOENT, "api.not_found");
	return r < 0 ? r : api_require_visible(tx, req, "account.read", &ret->unit_id, err);
}

static struct str either(struct str given, struct str kept)
{
	return given.p != NULL ? given : kept;
}

static int change(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	struct api_request *req = job->req;
	const struct change_body *b = req->fields;
	struct account_row a;
	struct uuid none = {.b = {0}};
	int r = account_get_person(tx, job->req, &job->id, &a, err);
	if (r >= 0)
		r = account_require_manage(tx, req, &a, err);
	if (r >= 0)
		r = api_if_match(req, a.version, err);
	if (r >= 0 && b->has_unit && !uuid_eq(&b->unit_id, &a.unit_id)) {
		r = api_require_unit(tx, req, "account.manage", &b->unit_id, err);
		if (r >= 0)
			r = account_db_unit_open(tx, &b->unit_id, err);
		a.unit_id = b->unit_id;
	}
	if (r < 0)
		return r;
	a.display_name = either(b->display_name, a.display_name);
	a.email = either(b->email, a.email);
	a.phone = either(b->phone, a.phone);
	a.position = either(b->position, a.position);
	bool disables = b->has_disabled && b->disabled && !a.disabled;
	a.disabled = b->has_disabled ? b->disabled : a.disabled;
	r = account_db_update(tx, &a, err);
	if (r >= 0 && disables)
		r = account_db_sessions_end(tx, &a.id, &none, err);
	if (r >= 0 && disables)
		r = account_check_managers_left(tx, api_now(req), err);
	if (r >= 0)
		r = account_tell(req->service, tx, req->access, disables ? "account.disabled" : "account.changed", &a.id,
		                 &a.unit_id, req->http->body, err);
	return r;
}

static int patch_account(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = api_param_uuid(req, "id", &job.id, err);
	if (r >= 0)
		r = db_write(req->service->db, change, &job, err);
	if (r < 0)
		return r;
	changed(req);
	return account_db_show(req, res, 200, &job.id, err);
}

static int get_account(struct api_request *req, struct http_response *res, struct err *err)
{
	struct uuid id;
	int r = api_param_uuid(req, "id", &id, err);
	return r < 0 ? r : account_db_show(req, res, 200, &id, err);
}

static int grant(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	const struct grant_body *b = job->req->fields;
	struct account_row a;
	struct account_grant g = {.account_id = job->id, .unit_id = b->unit_id, .role = b->role,
	                          .expires_at = b->expires_at, .restrict_id = b->restrict_id};
	int r = account_get_person(tx, job->req, &job->id, &a, err);
	if (r >= 0)
		r = api_require_unit(tx, job->req, "account.manage", &a.unit_id, err);
	if (r >= 0)
		r = api_require_unit(tx, job->req, "account.manage", &b->unit_id, err);
	return r < 0 ? r : account_add_grant(job->req->service, tx, job->req->access, &g, &job->grant_id, err);
}

static int post_grant(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = api_param_uuid(req, "id", &job.id, err);
	if (r >= 0)
		r = db_write(req->service->db, grant, &job, err);
	if (r < 0)
		return r;
	changed(req);
	return account_db_show(req, res, 201, &job.id, err);
}

static int revoke_grant(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	struct api_request *req = job->req;
	struct account_row a;
	struct account_grant_row g;
	int r = account_get_person(tx, job->req, &job->id, &a, err);
	if (r >= 0)
		r = account_db_get_grant(tx, req->arena, &job->grant_id, &g, err);
	if (r >= 0 && !uuid_eq(&g.account_id, &a.id))
		return err_set(err, -ENOENT, "api.not_found");
	/* Whoever manages the unit of the grant may take it back, wherever its holder sits. */
	if (r >= 0)
		r = api_require_unit(tx, req, "account.manage", &g.unit_id, err);
	if (r >= 0)
		r = account_db_delete_grant(tx, &g.id, err);
	if (r >= 0)
		r = account_db_bump(tx, &a.id, err);
	if (r >= 0)
		r = account_check_managers_left(tx, api_now(req), err);
	if (r < 0)
		return r;
	struct str details = arena_printf(req->arena, "{\"role\":\"%.*s\"}", STR_FMT(g.role));
	return account_tell(req->service, tx, req->access, "account.grant_revoked", &a.id, &g.unit_id, details, err);
}

static int delete_grant(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = api_param_uuid(req, "id", &job.id, err);
	if (r >= 0)
		r = api_param_uuid(req, "grant", &job.grant_id, err);
	if (r >= 0)
		r = db_write(req->service->db, revoke_grant, &job, err);
	if (r < 0)
		return r;
	changed(req);
	return api_reply_empty(res, 204);
}

/* A token's rights are those of a machine account of its own with one grant. */
static int create_token(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	struct api_request *req = job->req;
	const struct token_body *b = req->fields;
	char login[64], id[UUID_TEXT_SIZE];
	struct account_row machine = {.id = uuid_new(), .unit_id = b->unit_id, .kind = STR("machine"), .display_name = b->name};
	struct account_grant g = {.account_id = machine.id, .unit_id = b->unit_id, .role = b->role, .expires_at = b->expires_at};
	(void)snprintf(login, sizeof login, "token:%s", uuid_text(&machine.id, id));
	machine.login = str_c(login);
	job->id = uuid_new();
	int r = api_require_unit(tx, req, "token.manage", &b->unit_id, err);
	if (r >= 0)
		r = account_db_unit_open(tx, &b->unit_id, err);
	if (r >= 0)
		r = account_db_insert(tx, &machine, api_now(req), err);
	if (r >= 0)
		r = account_add_grant(req->service, tx, req->access, &g, &job->grant_id, err);
	if (r >= 0)
		r = account_db_token_add(tx, &job->id, &machine.id, b->name, job->digest, req->access, api_now(req),
		                         b->expires_at, err);
	if (r >= 0)
		r = audit_write(tx, req->access, api_now(req),
		                &(struct audit_entry){"token.created", "token", job->id, b->unit_id, req->http->body}, err);
	return r;
}

static int post_token(struct api_request *req, struct http_response *res, struct err *err)
{
	unsigned char bytes[32], digest[SHA256_SIZE];
	char text[64];
	struct buf out = BUF_FIXED(text, sizeof text);
	buf_append_c(&out, ACCOUNT_TOKEN_PREFIX);
	random_bytes(bytes, sizeof bytes);
	buf_append_base64url(&out, bytes, sizeof bytes);
	sha256(buf_str(&out), digest);
	struct job job = {.req = req, .digest = digest};
	int r = db_write(req->service->db, create_token, &job, err);
	if (r >= 0) {
		changed(req);
		struct json_writer w = api_reply(res, 201);
		json_object(&w);
		api_member_uuid(&w, "id", &job.id);
		json_member_str(&w, "token", buf_str(&out));
		json_object_end(&w);
	}
	mem_wipe(bytes, sizeof bytes);
	mem_wipe(text, sizeof text);
	return r < 0 ? r : 0;
}

static int revoke_token(struct db_tx *tx, void *ctx, struct err *err)
{
	struct job *job = ctx;
	struct uuid unit;
	struct str name;
	int r = account_db_token_get(tx, job->req->arena, &job->id, &unit, &name, err);
	if (r >= 0)
		r = api_require_visible(tx, job->req, "token.manage", &unit, err);
	if (r >= 0)
		r = account_db_token_revoke(tx, &job->id, api_now(job->req), err);
	if (r < 0)
		return r;
	return audit_write(tx, job->req->access, api_now(job->req),
	                   &(struct audit_entry){"token.revoked", "token", job->id, unit, STR_EMPTY}, err);
}

static int delete_token(struct api_request *req, struct http_response *res, struct err *err)
{
	struct job job = {.req = req};
	int r = api_param_uuid(req, "id", &job.id, err);
	if (r >= 0)
		r = db_write(req->service->db, revoke_token, &job, err);
	if (r < 0)
		return r;
	changed(req);
	return api_reply_empty(res, 204);
}

#define BODY(fields, type) fields, sizeof(struct type)
const struct service_route account_routes[] = {
	{"GET", "/api/v1/setup", SERVICE_PUBLIC, account_get_setup, "account.route_setup_state"},
	{"POST", "/api/v1/setup", SERVICE_PUBLIC, account_post_setup, "account.route_setup",
	 BODY(account_setup_fields, account_setup_body)},
	{"POST", "/api/v1/login", SERVICE_PUBLIC, account_post_login, "account.route_login",
	 BODY(account_login_fields, account_login_body)},
	{"POST", "/api/v1/login/second", SERVICE_PUBLIC, account_post_second, "account.route_login_second",
	 BODY(account_second_fields, account_second_body)},
	{"POST", "/api/v1/login/passkey/options", SERVICE_PUBLIC, account_post_passkey_options, "account.route_login_passkey_options"},
	{"POST", "/api/v1/login/passkey", SERVICE_PUBLIC, account_post_passkey, "account.route_login_passkey",
	 BODY(account_second_fields, account_second_body)},
	{"POST", "/api/v1/logout", SERVICE_SIGNED_IN, account_post_logout, "account.route_logout"},
	{"GET", "/api/v1/session", SERVICE_SIGNED_IN, account_get_session, "account.route_session"},
	{"POST", "/api/v1/session/password", SERVICE_SIGNED_IN, account_post_password, "account.route_password",
	 BODY(account_password_fields, account_password_body)},
	{"GET", "/api/v1/session/sessions", SERVICE_SIGNED_IN, account_get_sessions, "account.route_sessions"},
	{"DELETE", "/api/v1/session/sessions", SERVICE_SIGNED_IN, account_delete_sessions, "account.route_sessions_end"},
	{"DELETE", "/api/v1/session/sessions/{id}", SERVICE_SIGNED_IN, account_delete_session, "account.route_session_end"},
	{"GET", "/api/v1/session/factors", SERVICE_SIGNED_IN, account_get_factors, "account.route_factors"},
	{"POST", "/api/v1/session/factors/remove", SERVICE_SIGNED_IN, account_post_factor_remove, "account.route_factor_remove",
	 BODY(account_factor_fields, account_factor_body)},
	{"POST", "/api/v1/session/totp", SERVICE_SIGNED_IN, account_post_totp, "account.route_totp",
	 BODY(account_factor_fields, account_factor_body)},
	{"POST", "/api/v1/session/totp/confirm", SERVICE_SIGNED_IN, account_post_totp_confirm, "account.route_totp_confirm",
	 BODY(account_factor_fields, account_factor_body)},
	{"POST", "/api/v1/session/recovery-codes", SERVICE_SIGNED_IN, account_post_recovery, "account.route_recovery",
	 BODY(account_factor_fields, account_factor_body)},
	{"POST", "/api/v1/session/passkeys/options", SERVICE_SIGNED_IN, account_post_key_options, "account.route_key_options",
	 BODY(account_factor_fields, account_factor_body)},
	{"POST", "/api/v1/session/passkeys", SERVICE_SIGNED_IN, account_post_key, "account.route_key",
	 BODY(account_factor_fields, account_factor_body)},
	{"GET", "/api/v1/accounts", "account.read", account_db_list, "account.route_list"},
	{"POST", "/api/v1/accounts", "account.manage", post_account, "account.route_create", BODY(create_fields, create_body)},
	{.method = "GET", .path = "/api/v1/accounts/{id}", .permission = "account.read", .handler = get_account,
	 .summary_key = "account.route_get", .sensitive_read = true},
	{"PATCH", "/api/v1/accounts/{id}", "account.manage", patch_account, "account.route_change", BODY(change_fields, change_body),
	 .four_eyes = &account_eyes_change},
	{.method = "GET", .path = "/api/v1/accounts/{id}/contact", .permission = "account.read", .handler = account_help_contact,
	 .summary_key = "account.route_contact", .sensitive_read = true},
	{"POST", "/api/v1/accounts/{id}/password", "account.reset", account_help_password, "account.route_reset"},
	{"POST", "/api/v1/accounts/{id}/paper-codes", "account.reset", account_help_paper, "account.route_paper",
	 BODY(account_paper_fields, account_paper_body)},
	{"DELETE", "/api/v1/accounts/{id}/factors", "account.reset", account_help_remove_factors, "account.route_factors_remove",
	 .four_eyes = &account_eyes_unfactor},
	{.method = "GET", .path = "/api/v1/accounts/{id}/sessions", .permission = "account.reset", .handler = account_help_sessions,
	 .summary_key = "account.route_their_sessions", .sensitive_read = true},
	{"DELETE", "/api/v1/accounts/{id}/sessions", "account.reset", account_help_end_sessions, "account.route_their_sessions_end"},
	{"DELETE", "/api/v1/accounts/{id}/sessions/{session}", "account.reset", account_help_end_session,
	 "account.route_their_session_end"},
	{"POST", "/api/v1/accounts/{id}/grants", "account.manage", post_grant, "account.route_grant", BODY(grant_fields, grant_body),
	 .four_eyes = &account_eyes_grant},
	{"DELETE", "/api/v1/accounts/{id}/grants/{grant}", "account.manage", delete_grant, "account.route_revoke",
	 .four_eyes = &account_eyes_revoke},
	{"GET", "/api/v1/roles", "account.read", account_db_list_roles, "account.route_roles"},
	{"GET", "/api/v1/tokens", "token.manage", account_db_list_tokens, "account.route_tokens"},
	{"POST", "/api/v1/tokens", "token.manage", post_token, "account.route_token_create", BODY(token_fields, token_body)},
	{"DELETE", "/api/v1/tokens/{id}", "token.manage", delete_token, "account.route_token_revoke"},
	{.method = NULL},
};
