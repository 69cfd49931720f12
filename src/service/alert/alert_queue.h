/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The queue as people see it: open alerts put together so that one line is one thing to decide. Nothing is stored: who may see which
 * alerts decides what is put together, so a line never tells of a unit that its reader may not see.
 *
 * - A rule (or threat) on `wave_machines` machines or more is one line, whatever else those machines show.
 * - Of what is left, alerts of several rules on one machine are one line: the machine's case.
 * - Of what is left, one line a rule.
 */
#pragma once
#include "service/alert/alert_internal.h"

enum alert_group_kind { ALERT_GROUP_ONE, ALERT_GROUP_RULE, ALERT_GROUP_CASE, ALERT_GROUP__COUNT };
extern const char *const alert_group_kind_names[ALERT_GROUP__COUNT + 1]; /* "one", "rule", "case"; NULL-terminated */

struct alert_queue_item {
	struct uuid id, unit_id;
	struct str rule_key, machine; /* borrowed */
	int64_t number, findings, tactics, score, version;
	usec_t last_at;
	enum alert_severity severity;
	size_t group; /* alert_queue_gather's own */
};
struct alert_queue_group {
	enum alert_group_kind kind;
	const struct alert_queue_item *first; /* of `alerts` that lie together */
	const struct alert_queue_item *lead; /* the worst, of those the oldest: it stays when others join */
	int64_t alerts, machines, units, rules, findings, tactics;
	usec_t last_at;
};
/* Groups in order: severity, points, latest finding. Reorders `items`: those of a group lie together; `ret_groups` has room for
 * `count`. Returns the number of groups. */
size_t alert_queue_gather(struct alert_queue_item *items, size_t count, int64_t wave_machines, struct alert_queue_group *ret_groups);
