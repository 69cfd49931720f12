/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Reads the figures, and reckons. */
#include "service/alert/alert_severity.h"

const char *const alert_exposure_names[ALERT_EXPOSURE__COUNT + 1] = {
	[ALERT_EXPOSURE_UNKNOWN] = "unknown", [ALERT_EXPOSURE_WORKSTATION] = "workstation",
	[ALERT_EXPOSURE_SERVER] = "server",   [ALERT_EXPOSURE_INTERNET] = "internet",
};

const char *const alert_rarity_names[ALERT_RARITY__COUNT + 1] = {
	[ALERT_RARITY_RARE] = "rare", [ALERT_RARITY_UNCOMMON] = "uncommon", [ALERT_RARITY_COMMON] = "common", [ALERT_RARITY_EVERYDAY] = "everyday",
};

struct file {
	struct str version, confidence;
	int64_t window_hours, wave_machines;
	const struct json *rule, *system, *exposure, *rarity, *rarity_days, *rarity_machines, *tactics, *from, *learning;
};
#define FILE(member) offsetof(struct file, member)
static const struct json_field file_fields[] = {
	{"version", JSON_FIELD_STR, FILE(version), true, 1, 40},
	{"confidence", JSON_FIELD_STR, FILE(confidence), true, 1, 20},
	{"group_window_hours", JSON_FIELD_INT, FILE(window_hours), true, 1, 24 * 31},
	{"rule_points", JSON_FIELD_ANY, FILE(rule), true},
	{"system_percent", JSON_FIELD_ANY, FILE(system), true},
	{"exposure_percent", JSON_FIELD_ANY, FILE(exposure), true},
	{"rarity_percent", JSON_FIELD_ANY, FILE(rarity), true},
	{"rarity_days", JSON_FIELD_ANY, FILE(rarity_days), true},
	{"rarity_machines", JSON_FIELD_ANY, FILE(rarity_machines), true},
	{"tactics_percent", JSON_FIELD_ANY, FILE(tactics), true},
	{"wave_machines", JSON_FIELD_INT, FILE(wave_machines), true, 2, 1000},
	{"severity_from", JSON_FIELD_ANY, FILE(from), true},
	{"learning", JSON_FIELD_ANY, FILE(learning), true},
	{.name = NULL},
};

#define POLICY(member) offsetof(struct alert_policy, member)
#define POINTS(name, array, i) {name, JSON_FIELD_INT, POLICY(array) + (i) * sizeof(int64_t), true, 0, 1000}
static const struct json_field rule_fields[] = {
	POINTS("low", rule_points, ALERT_SEVERITY_LOW), POINTS("medium", rule_points, ALERT_SEVERITY_MEDIUM),
	POINTS("high", rule_points, ALERT_SEVERITY_HIGH), POINTS("critical", rule_points, ALERT_SEVERITY_CRITICAL), {.name = NULL},
};
static const struct json_field system_fields[] = {
	POINTS("unknown", system_percent, 0), POINTS("1", system_percent, 1), POINTS("2", system_percent, 2),
	POINTS("3", system_percent, 3),       POINTS("4", system_percent, 4), POINTS("5", system_percent, 5), {.name = NULL},
};
static const struct json_field exposure_fields[] = {
	POINTS("unknown", exposure_percent, ALERT_EXPOSURE_UNKNOWN), POINTS("workstation", exposure_percent, ALERT_EXPOSURE_WORKSTATION),
	POINTS("server", exposure_percent, ALERT_EXPOSURE_SERVER), POINTS("internet", exposure_percent, ALERT_EXPOSURE_INTERNET),
	{.name = NULL},
};
static const struct json_field rarity_fields[] = {
	POINTS("rare", rarity_percent, ALERT_RARITY_RARE), POINTS("uncommon", rarity_percent, ALERT_RARITY_UNCOMMON),
	POINTS("common", rarity_percent, ALERT_RARITY_COMMON), POINTS("everyday", rarity_percent, ALERT_RARITY_EVERYDAY), {.name = NULL},
};
static const struct json_field rarity_days_fields[] = {
	POINTS("uncommon", rarity_days, ALERT_RARITY_UNCOMMON), POINTS("common", rarity_days, ALERT_RARITY_COMMON),
	POINTS("everyday", rarity_days, ALERT_RARITY_EVERYDAY), {.name = NULL},
};
static const struct json_field rarity_machines_fields[] = {
	POINTS("uncommon", rarity_machines, ALERT_RARITY_UNCOMMON), POINTS("common", rarity_machines, ALERT_RARITY_COMMON),
	POINTS("everyday", rarity_machines, ALERT_RARITY_EVERYDAY), {.name = NULL},
};
static const struct json_field tactics_fields[] = {
	POINTS("1", tactics_percent, 0), POINTS("2", tactics_percent, 1), POINTS("3", tactics_percent, 2), POINTS("4", tactics_percent, 3),
	{.name = NULL},
};
static const struct json_field from_fields[] = {
	POINTS("medium", severity_from, ALERT_SEVERITY_MEDIUM), POINTS("high", severity_from, ALERT_SEVERITY_HIGH),
	POINTS("critical", severity_from, ALERT_SEVERITY_CRITICAL), {.name = NULL},
};

static const char *const up_to_words[] = {"low", "medium", "high", NULL};
struct learning {
	int64_t days, lines;
	int up_to;
};
#define LEARNING(member) offsetof(struct learning, member)
static const struct json_field learning_fields[] = {
	{"days", JSON_FIELD_INT, LEARNING(days), true, 0, 30},
	{"lines", JSON_FIELD_INT, LEARNING(lines), true, 0, 1000},
	{"up_to", JSON_FIELD_ENUM, LEARNING(up_to), true, .names = up_to_words},
	{.name = NULL},
};

int alert_policy_read(struct arena *arena, const struct pack_doc *doc, struct alert_policy *ret, struct err *err)
{
	struct file f = {.window_hours = 0};
	struct alert_policy p = {.window_hours = 0};
	int r = pack_decode(arena, doc, doc->root, file_fields, &f, err);
	const struct {
		const struct json *in;
		const struct json_field *fields;
	} tables[] = {
		{f.rule, rule_fields},   {f.system, system_fields},           {f.exposure, exposure_fields},
		{f.rarity, rarity_fields}, {f.rarity_days, rarity_days_fields}, {f.rarity_machines, rarity_machines_fields},
		{f.tactics, tactics_fields}, {f.from, from_fields},
	};
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(tables); i++)
		r = pack_decode(arena, doc, tables[i].in, tables[i].fields, &p, err);
	struct learning learning = {.days = 0};
	if (r >= 0)
		r = pack_decode(arena, doc, f.learning, learning_fields, &learning, err);
	if (r < 0)
		return r;
	for (int i = 1; i < ALERT_SEVERITY__COUNT; i++) {
		if (p.severity_from[i] <= p.severity_from[i - 1])
			return pack_error(doc, f.from, err_set(err, -EINVAL, "alert.policy_order"), err);
	}
	p.window_hours = f.window_hours;
	p.wave_machines = f.wave_machines;
	p.learning_days = learning.days;
	p.learning_lines = learning.lines;
	p.learning_up_to = learning.up_to;
	*ret = p;
	return 0;
}

static int64_t level_of(const struct alert_weight *weight)
{
	return weight->system_level < 0 ? 0 : weight->system_level >= ALERT_SYSTEM_LEVELS ? ALERT_SYSTEM_LEVELS - 1 : weight->system_level;
}

static int64_t tactics_percent(const struct alert_policy *policy, const struct alert_weight *weight)
{
	int64_t n = weight->tactics < 1 ? 1 : weight->tactics > ALERT_TACTICS ? ALERT_TACTICS : weight->tactics;
	return policy->tactics_percent[n - 1];
}

enum alert_rarity alert_rarity_of(const struct alert_policy *policy, int64_t days, int64_t machines)
{
	int rarity = ALERT_RARITY__COUNT - 1;
	while (rarity > ALERT_RARITY_RARE && (days < policy->rarity_days[rarity] || machines < policy->rarity_machines[rarity]))
		rarity--;
	return (enum alert_rarity)rarity;
}

int64_t alert_score(const struct alert_policy *policy, const struct alert_weight *weight, enum alert_severity *ret_severity)
{
	/* Each factor is at most 1,000 by the file's own limits: 10^15 at most. */
	int64_t score = (policy->rule_points[weight->rule_level] * policy->system_percent[level_of(weight)] * policy->exposure_percent[weight->exposure] *
	                 policy->rarity_percent[weight->rarity] * tactics_percent(policy, weight) + 50000000) / 100000000;
	int severity = ALERT_SEVERITY__COUNT - 1;
	while (severity > ALERT_SEVERITY_LOW && score < policy->severity_from[severity])
		severity--;
	*ret_severity = (enum alert_severity)severity;
	return score;
}

void alert_score_write(const struct alert_policy *policy, const struct alert_weight *weight, struct json_writer *w)
{
	enum alert_severity severity;
	int64_t score = alert_score(policy, weight, &severity), level = level_of(weight);
	json_object(w);
	json_name(w, "rule");
	json_object(w);
	json_member_cstr(w, "level", alert_severity_name(weight->rule_level));
	json_member_int(w, "points", policy->rule_points[weight->rule_level]);
	json_object_end(w);
	json_name(w, "system");
	json_object(w);
	json_member_int(w, "level", level);
	json_member_int(w, "percent", policy->system_percent[level]);
	json_object_end(w);
	json_name(w, "exposure");
	json_object(w);
	json_member_cstr(w, "value", alert_exposure_names[weight->exposure]);
	json_member_int(w, "percent", policy->exposure_percent[weight->exposure]);
	json_object_end(w);
	json_name(w, "rarity");
	json_object(w);
	json_member_cstr(w, "value", alert_rarity_names[weight->rarity]);
	json_member_int(w, "percent", policy->rarity_percent[weight->rarity]);
	if (weight->learning)
		json_member_int(w, "learning", policy->learning_days);
	json_object_end(w);
	json_name(w, "tactics");
	json_object(w);
	json_member_int(w, "count", weight->tactics < 1 ? 1 : weight->tactics);
	json_member_int(w, "percent", tactics_percent(policy, weight));
	json_object_end(w);
	json_member_int(w, "score", score);
	json_member_cstr(w, "severity", alert_severity_name(severity));
	json_object_end(w);
}
