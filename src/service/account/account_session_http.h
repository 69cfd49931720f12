/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/account: handlers of session and set-up routes, and their bodies. */
#pragma once
#include "service/account/account_internal.h"

struct account_login_body {
	struct str login, password;
};
struct account_password_body {
	struct str old_password, new_password;
};
struct account_setup_body {
	struct str code, login, display_name, password, city_name;
};

int account_get_setup(struct api_request *req, struct http_response *res, struct err *err);
int account_post_setup(struct api_request *req, struct http_response *res, struct err *err);
int account_post_login(struct api_request *req, struct http_response *res, struct err *err);
int account_post_logout(struct api_request *req, struct http_response *res, struct err *err);
int account_get_session(struct api_request *req, struct http_response *res, struct err *err);
int account_post_password(struct api_request *req, struct http_response *res, struct err *err);
int account_get_sessions(struct api_request *req, struct http_response *res, struct err *err);
int account_delete_session(struct api_request *req, struct http_response *res, struct err *err);
