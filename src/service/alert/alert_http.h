/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Handlers of the room's routes. */
#pragma once
#include "service/alert/alert_internal.h"
#include "service/api/api.h"

int alert_list(struct api_request *req, struct http_response *res, struct err *err);
int alert_figures(struct api_request *req, struct http_response *res, struct err *err);
int alert_firings(struct api_request *req, struct http_response *res, struct err *err);
int alert_queue(struct api_request *req, struct http_response *res, struct err *err);
/* What the event store is asked by; "" when the alert is gone. */
int alert_db_get_asked(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret_why, struct str *ret_host, struct err *err) WARN_UNUSED;
int alert_common(struct api_request *req, struct http_response *res, struct err *err);
int alert_day(struct api_request *req, struct http_response *res, struct err *err);
int alert_group(struct api_request *req, struct http_response *res, struct err *err);

/* alert_deed.c: what a person does to an alert. */
struct alert_deed {
	enum alert_step step;
	const char *action; /* of the audit log */
	int resolution;     /* index, for CLOSE */
	struct str note;
	struct uuid assignee;
};
/* -ENOENT to those who may not know of it, -EACCES to those who may only read. */
int alert_deed_allowed(struct db_tx *tx, struct api_request *req, const struct uuid *id, struct alert_brief *ret, struct err *err) WARN_UNUSED;
/* -EBUSY alert.not_in_state, -EEXIST alert.in_incident and alert.another_open: then nothing was changed. */
int alert_deed_do(struct db_tx *tx, struct api_request *req, const struct alert_deed *d, const struct alert_brief *alert,
                  struct err *err) WARN_UNUSED;
int alert_deed_audit(struct db_tx *tx, struct api_request *req, const struct alert_deed *d, const struct alert_brief *alert,
                     struct err *err) WARN_UNUSED;
/* Several at once, each as it was seen: what changed since, or cannot be done in its state, is left alone and counted. */
#define ALERT_TOGETHER_MOST 500
struct alert_together_body {
	int step, resolution;
	bool has_resolution;
	const struct json *alerts; /* [{"id","etag"}] */
	struct uuid account_id;
	struct str note;
};
extern const struct json_field alert_together_fields[];
int alert_together(struct api_request *req, struct http_response *res, struct err *err);
int alert_summary(struct api_request *req, struct http_response *res, struct err *err);
/* One alert with detail, why, raw, comments, similar_30d; *ret_version for the ETag. */
int alert_db_write_one(struct db_tx *tx, struct api_request *req, struct http_response *res, const struct uuid *id,
                       int64_t *ret_version, struct err *err) WARN_UNUSED;
