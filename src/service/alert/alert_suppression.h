/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Suppressions: for a while, findings of one rule (and threat) about one entity, machine or unit make no alert. They are counted, their
 * events stay in the event store, a machine's malware findings stay in its history. Each has a reason, an author and an end.
 */
#pragma once
#include "service/alert/alert_internal.h"
#include "service/api/api.h"

#define ALERT_SUPPRESSION_DAYS_MAX 90

/* How far it reaches, narrowest first. */
enum alert_scope { ALERT_SCOPE_ENTITY, ALERT_SCOPE_HOST, ALERT_SCOPE_UNIT, ALERT_SCOPE_CITY, ALERT_SCOPE__COUNT };
extern const char *const alert_scope_names[ALERT_SCOPE__COUNT + 1]; /* NULL-terminated */

struct alert_suppression {
	struct uuid id, endpoint_id, unit_id, author_id;
	struct str rule_id, rule_title, threat, entity, host, reason, author_name;
	enum alert_scope scope;
	usec_t created_at, expires_at, ended_at;
	int64_t version;
};

/* The alert's own group made as wide as `scope`, and whether that takes two persons: the whole city, or a rule that is or came
 * out as critical. -ENOENT alert.unknown, -EINVAL alert.scope_nothing (no such entity or machine). */
int alert_db_plan_suppression(struct db_tx *tx, struct arena *arena, const struct uuid *alert_id, enum alert_scope scope,
                              struct alert_suppression *ret, bool *ret_wide, struct err *err) WARN_UNUSED;
int alert_db_put_suppression(struct db_tx *tx, const struct alert_suppression *s, struct err *err) WARN_UNUSED;
int alert_db_get_suppression(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct alert_suppression *ret,
                             struct err *err) WARN_UNUSED;
/* -ESTALE alert.changed_meanwhile. */
int alert_db_end_suppression(struct db_tx *tx, const struct uuid *id, int64_t version, struct str by, usec_t now,
                             struct err *err) WARN_UNUSED;
/* Closes the open alerts that it covers, at most ALERT_SUPPRESSED_MOST, the latest first; *ret_closed. */
#define ALERT_SUPPRESSED_MOST 1000
int alert_db_close_covered(struct db_tx *tx, struct arena *arena, const struct alert_suppression *s, usec_t now, int64_t *ret_closed,
                           struct err *err) WARN_UNUSED;
/* Opens again what was closed with it and not touched since; what has a successor in its group stays closed. */
int alert_db_reopen_covered(struct db_tx *tx, struct arena *arena, const struct uuid *suppression_id, usec_t now, int64_t *ret_opened,
                            struct err *err) WARN_UNUSED;
/* Columns of a list row and its tables, for alert_suppression_http.c's list. */
int alert_suppression_list(struct api_request *req, struct http_response *res, struct err *err);

/* alert_suppression_http.c */
int alert_suppress(struct api_request *req, struct http_response *res, struct err *err);
/* ?reopen=1: what was closed with it is opened again, that is, it is taken back. */
int alert_suppression_end(struct api_request *req, struct http_response *res, struct err *err);
struct alert_suppress_body {
	int scope;
	struct str reason;
	usec_t expires_at;
	bool close_open; /* what is open and would be covered is closed with it */
};
extern const struct json_field alert_suppress_fields[];
extern const struct service_four_eyes alert_suppress_eyes;
