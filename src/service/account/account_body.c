/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the bodies of sign-in, session and factor routes hold. */
#include "service/account/account_session_http.h"

#define BASE64_MAX 6000

const struct json_field account_login_fields[] = {
	{"login", JSON_FIELD_STR, offsetof(struct account_login_body, login), true, 1, 200},
	{"password", JSON_FIELD_STR, offsetof(struct account_login_body, password), true, 1, ACCOUNT_PASSWORD_MAX},
	{.name = NULL},
};
const struct json_field account_password_fields[] = {
	{"old_password", JSON_FIELD_STR, offsetof(struct account_password_body, old_password), true, 1, ACCOUNT_PASSWORD_MAX},
	{"new_password", JSON_FIELD_STR, offsetof(struct account_password_body, new_password), true, 1, ACCOUNT_PASSWORD_MAX},
	{.name = NULL},
};
const struct json_field account_setup_fields[] = {
	{"code", JSON_FIELD_STR, offsetof(struct account_setup_body, code), true, 1, 100},
	{"login", JSON_FIELD_STR, offsetof(struct account_setup_body, login), true, 2, ACCOUNT_LOGIN_MAX},
	{"display_name", JSON_FIELD_STR, offsetof(struct account_setup_body, display_name), true, 1, ACCOUNT_NAME_MAX},
	{"password", JSON_FIELD_STR, offsetof(struct account_setup_body, password), true, 1, ACCOUNT_PASSWORD_MAX},
	{"city_name", JSON_FIELD_STR, offsetof(struct account_setup_body, city_name), true, 1, 200},
	{.name = NULL},
};
const struct json_field account_second_fields[] = {
	{"ticket", JSON_FIELD_STR, offsetof(struct account_second_body, ticket), true, 1, 100},
	{"code", JSON_FIELD_STR, offsetof(struct account_second_body, code), false, 0, 60},
	{"credential_id", JSON_FIELD_STR, offsetof(struct account_second_body, credential_id), false, 0, 1024},
	{"client_data", JSON_FIELD_STR, offsetof(struct account_second_body, client_data), false, 0, BASE64_MAX},
	{"authenticator_data", JSON_FIELD_STR, offsetof(struct account_second_body, authenticator_data), false, 0, BASE64_MAX},
	{"signature", JSON_FIELD_STR, offsetof(struct account_second_body, signature), false, 0, 512},
	{.name = NULL},
};
const struct json_field account_factor_fields[] = {
	{"password", JSON_FIELD_STR, offsetof(struct account_factor_body, password), false, 0, ACCOUNT_PASSWORD_MAX},
	{"code", JSON_FIELD_STR, offsetof(struct account_factor_body, code), false, 0, 60},
	{"kind", JSON_FIELD_STR, offsetof(struct account_factor_body, kind), false, 0, 20},
	{"id", JSON_FIELD_UUID, offsetof(struct account_factor_body, id), false},
	{"name", JSON_FIELD_STR, offsetof(struct account_factor_body, name), false, 0, 100},
	{"ticket", JSON_FIELD_STR, offsetof(struct account_factor_body, ticket), false, 0, 100},
	{"client_data", JSON_FIELD_STR, offsetof(struct account_factor_body, client_data), false, 0, BASE64_MAX},
	{"authenticator_data", JSON_FIELD_STR, offsetof(struct account_factor_body, authenticator_data), false, 0, BASE64_MAX},
	{.name = NULL},
};
const struct json_field account_paper_fields[] = {
	{"count", JSON_FIELD_INT, offsetof(struct account_paper_body, count), false, 5, ACCOUNT_PAPER_CODES_MAX},
	{.name = NULL},
};
