/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * How severe an alert is: level of the rule × level of the system × exposure × how common its rule is here × how many tactics of
 * ATT&CK its machine shows, by the figures of packs/vn/alert_severity.yaml. The arithmetic is kept with the alert, so that "Vì sao?" shows what was reckoned then, not what would be now.
 */
#pragma once
#include "platform/pack/pack.h"
#include "service/alert/alert.h"

#define ALERT_SYSTEM_LEVELS 6 /* 0: unknown, 1 to 5 */
enum alert_exposure { ALERT_EXPOSURE_UNKNOWN, ALERT_EXPOSURE_WORKSTATION, ALERT_EXPOSURE_SERVER, ALERT_EXPOSURE_INTERNET,
                      ALERT_EXPOSURE__COUNT };
extern const char *const alert_exposure_names[ALERT_EXPOSURE__COUNT + 1]; /* NULL-terminated */

/* How common a rule is here: on so many earlier days of the last 30, and on so many machines on those days together. Today does not
 * count, so that an outbreak never makes itself common. Malware and indicators are never common. */
enum alert_rarity { ALERT_RARITY_RARE, ALERT_RARITY_UNCOMMON, ALERT_RARITY_COMMON, ALERT_RARITY_EVERYDAY, ALERT_RARITY__COUNT };
extern const char *const alert_rarity_names[ALERT_RARITY__COUNT + 1]; /* NULL-terminated */
#define ALERT_RARITY_DAYS 30
#define ALERT_TACTICS 4 /* 1, 2, 3, 4 or more */

struct alert_policy {
	int64_t window_hours, wave_machines;
	int64_t rule_points[ALERT_SEVERITY__COUNT];
	int64_t system_percent[ALERT_SYSTEM_LEVELS];
	int64_t exposure_percent[ALERT_EXPOSURE__COUNT];
	int64_t rarity_percent[ALERT_RARITY__COUNT];
	int64_t rarity_days[ALERT_RARITY__COUNT], rarity_machines[ALERT_RARITY__COUNT]; /* both are needed; [RARE] is 0 */
	int64_t tactics_percent[ALERT_TACTICS];
	int64_t severity_from[ALERT_SEVERITY__COUNT]; /* [LOW] is 0 */
	/* A rule is being learned for so many days; more lines of such rules than so many are put together; up to this severity. */
	int64_t learning_days, learning_lines, learning_up_to;
};

/* pack_decode's errors with the place; -EINVAL alert.policy_order: a higher severity needs more points. */
int alert_policy_read(struct arena *arena, const struct pack_doc *doc, struct alert_policy *ret, struct err *err) WARN_UNUSED;

struct alert_weight {
	enum alert_severity rule_level;
	int64_t system_level; /* 0: unknown; others are taken as the nearest */
	enum alert_exposure exposure;
	enum alert_rarity rarity;
	int64_t tactics; /* of this machine, with this alert's own; 0 counts as 1 */
	bool learning;   /* what is common here is not known yet */
};
enum alert_rarity alert_rarity_of(const struct alert_policy *policy, int64_t days, int64_t machines);
/* Points, rounded; *ret_severity by the thresholds. */
int64_t alert_score(const struct alert_policy *policy, const struct alert_weight *weight, enum alert_severity *ret_severity);
/* {"rule":{"level","points"},"system":{"level","percent"},"exposure":{"value","percent"},
 * "rarity":{"value","percent"[,"learning"]},"tactics":{"count","percent"},"score","severity"} */
void alert_score_write(const struct alert_policy *policy, const struct alert_weight *weight, struct json_writer *w);

/* alert_severity_db.c */
int alert_policy_store(struct db_tx *tx, const struct alert_policy *policy, struct err *err) WARN_UNUSED;
int alert_policy_get(struct db_tx *tx, struct alert_policy *ret, struct err *err) WARN_UNUSED;
/* What is known of the machine (may be null) or of the log source: one of its own addresses is a public one, or what Windows says. */
int alert_exposure_of(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id, struct str source, enum alert_exposure *ret,
                      struct err *err) WARN_UNUSED;
/*
 * Is the record's rule still being learned: watched here for less than learning_days? It is watched since the latest of: it was switched
 * on; its log source was; half of the machines were enrolled. Malware, indicators and our own rules are never learned.
 */
int alert_learning_of(struct db_tx *tx, const struct alert_policy *policy, const struct alert_record *record, usec_t now, bool *ret,
                      struct err *err) WARN_UNUSED;
/* Can the address (or network "203.0.113.0/28") be reached from the Internet? false of what is no address, too. */
bool alert_address_is_public(struct str address);
