/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * How severe an alert is: level of the rule × level of the system × exposure, by the figures of packs/vn/alert_severity.yaml.
 * The arithmetic is kept with the alert, so that "Vì sao?" shows what was reckoned then, not what would be now.
 */
#pragma once
#include "platform/pack/pack.h"
#include "service/alert/alert.h"

#define ALERT_SYSTEM_LEVELS 6 /* 0: unknown, 1 to 5 */
enum alert_exposure { ALERT_EXPOSURE_UNKNOWN, ALERT_EXPOSURE_WORKSTATION, ALERT_EXPOSURE_SERVER, ALERT_EXPOSURE_INTERNET,
                      ALERT_EXPOSURE__COUNT };
extern const char *const alert_exposure_names[ALERT_EXPOSURE__COUNT + 1]; /* NULL-terminated */

struct alert_policy {
	int64_t window_hours;
	int64_t rule_points[ALERT_SEVERITY__COUNT];
	int64_t system_percent[ALERT_SYSTEM_LEVELS];
	int64_t exposure_percent[ALERT_EXPOSURE__COUNT];
	int64_t severity_from[ALERT_SEVERITY__COUNT]; /* [LOW] is 0 */
};

/* pack_decode's errors with the place; -EINVAL alert.policy_order: a higher severity needs more points. */
int alert_policy_read(struct arena *arena, const struct pack_doc *doc, struct alert_policy *ret, struct err *err) WARN_UNUSED;

struct alert_weight {
	enum alert_severity rule_level;
	int64_t system_level; /* 0: unknown; others are taken as the nearest */
	enum alert_exposure exposure;
};
/* Points, rounded; *ret_severity by the thresholds. */
int64_t alert_score(const struct alert_policy *policy, const struct alert_weight *weight, enum alert_severity *ret_severity);
/* {"rule":{"level","points"},"system":{"level","percent"},"exposure":{"value","percent"},"score","severity"} */
void alert_score_write(const struct alert_policy *policy, const struct alert_weight *weight, struct json_writer *w);

/* alert_severity_db.c */
int alert_policy_store(struct db_tx *tx, const struct alert_policy *policy, struct err *err) WARN_UNUSED;
int alert_policy_get(struct db_tx *tx, struct alert_policy *ret, struct err *err) WARN_UNUSED;
/* What is known of the machine (may be null). */
int alert_exposure_of(struct db_tx *tx, const struct uuid *endpoint_id, enum alert_exposure *ret, struct err *err) WARN_UNUSED;
