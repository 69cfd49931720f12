/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Tuning a rule from an alert: what an exclusion would have hidden. Each alert keeps why it fired (field and value of the first finding);
 * an exclusion whose every test holds there would have kept it from being. What the rule did not match itself is not known any more, so
 * the figures are a lower bound: service/rule's replay reads the events themselves.
 */
#pragma once
#include "service/alert/alert_http.h"

enum alert_tune_op { ALERT_TUNE_IS, ALERT_TUNE_STARTS, ALERT_TUNE_ENDS, ALERT_TUNE_CONTAINS, ALERT_TUNE__COUNT };
extern const char *const alert_tune_op_names[ALERT_TUNE__COUNT + 1]; /* "is", "starts", "ends", "contains"; NULL-terminated */

#define ALERT_TUNE_TESTS 10
#define ALERT_TUNE_DAYS 30
struct alert_tune_test {
	struct str field, value; /* letter case does not matter in values, as in Sigma; no wildcards */
	enum alert_tune_op op;
};
/* Do all of them hold for [{"field","value"}]? false of no tests. */
bool alert_tune_covers(const struct alert_tune_test *tests, size_t count, const struct json *why);

struct alert_tune_body {
	const struct json *tests; /* [{"field","op","value"}] */
	struct uuid unit_id;      /* null: everywhere */
};
extern const struct json_field alert_tune_fields[];
/* {"rule":{"id","title"}|null,"days","all":{"alerts"},"hidden":{"alerts","findings","machines","units","critical","high","incidents"},
 * "open":[{"id","etag","state"}],"open_total","sample":[…]}: of the last 30 days, that the reader may see. -EINVAL alert.tune_tests. */
int alert_tune(struct api_request *req, struct http_response *res, struct err *err);

/* alert_tune_db.c */
struct alert_tuned {
	struct uuid id, unit_id;
	struct str machine, why; /* borrowed until the callback returns */
	int64_t findings, version;
	enum alert_severity severity;
	enum alert_state state;
	bool in_incident;
};
typedef int (*alert_tuned_fn)(const struct alert_tuned *alert, void *ctx, struct err *err);
/* Alerts of the same rule as `id`'s, that saw something since then and that the reader may see, the newest first; with a unit, of its
 * enrolled machines and those of the units below it. */
int alert_db_each_of_rule(struct db_tx *tx, const struct api_request *req, const struct uuid *id, const struct uuid *unit_id, usec_t since,
                          alert_tuned_fn fn, void *ctx, struct err *err) WARN_UNUSED;
/* The rule as service/rule knows it: 1, or 0. *ret_title in the arena. */
int alert_db_rule_of(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct uuid *ret_rule, struct str *ret_title,
                     struct err *err) WARN_UNUSED;
