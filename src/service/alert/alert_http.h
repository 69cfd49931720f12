/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Handlers of the room's routes. */
#pragma once
#include "service/alert/alert_internal.h"
#include "service/api/api.h"

int alert_list(struct api_request *req, struct http_response *res, struct err *err);
int alert_figures(struct api_request *req, struct http_response *res, struct err *err);
int alert_summary(struct api_request *req, struct http_response *res, struct err *err);
/* One alert with detail, why, raw, comments, similar_30d; *ret_version for the ETag. */
int alert_db_write_one(struct db_tx *tx, struct api_request *req, struct http_response *res, const struct uuid *id,
                       int64_t *ret_version, struct err *err) WARN_UNUSED;
