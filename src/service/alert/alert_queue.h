/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The queue as people see it: open alerts put together so that one line is one thing to decide. Nothing is stored: who may see which
 * alerts decides what is put together, so a line never tells of a unit that its reader may not see.
 *
 * - A rule (or threat) on `wave_machines` machines or more is one line, whatever else those machines show. Several such rules on the same
 *   machines have one cause (a piece of software that is rolled out, an outbreak): they are one line. The same: of the machines of the
 *   two together, eight in ten have both.
 * - Of what is left, alerts of several rules on one machine are one line: the machine's case.
 * - Of what is left, one line a rule.
 * - While rules are being learned (the first days of a city, of a log source, of an archive of rules) and more such lines stand there than
 *   `learning_lines`, those of one tactic of ATT&CK are one line, which opens into them. ATT&CK's tactics are the bound: whatever a first
 *   day brings, it is no more lines than that. What anything but its rule made urgent is never among them (alert_weighed.raised).
 */
#pragma once
#include "service/alert/alert_internal.h"

enum alert_group_kind { ALERT_GROUP_ONE, ALERT_GROUP_RULE, ALERT_GROUP_CASE, ALERT_GROUP_WAVE, ALERT_GROUP_LEARNING, ALERT_GROUP__COUNT };
extern const char *const alert_group_kind_names[ALERT_GROUP__COUNT + 1]; /* "one", "rule", "case", "wave", "learning"; NULL-terminated */

struct alert_queue_item {
	struct uuid id, unit_id;
	struct str rule_key, machine; /* borrowed */
	int64_t number, findings, tactics, score, version;
	usec_t last_at;
	enum alert_severity severity;
	bool learning;
	size_t group, wave; /* alert_queue_gather's own */
};
struct alert_queue_group {
	enum alert_group_kind kind;
	const struct alert_queue_item *first; /* of `alerts` that lie together */
	const struct alert_queue_item *lead; /* the worst, of those the oldest: it stays when others join */
	int64_t alerts, machines, units, rules, findings, tactics;
	usec_t last_at;
	bool learning; /* all of its alerts */
};
/* Groups in order: severity, points, latest finding. Reorders `items`: those of a group lie together; `ret_groups` has room for
 * `count`. Returns the number of groups. */
size_t alert_queue_gather(struct alert_queue_item *items, size_t count, int64_t wave_machines, struct alert_queue_group *ret_groups);

/* A line of the queue: a group, or several that are being learned. */
struct alert_queue_line {
	struct alert_queue_group sum; /* of several: ALERT_GROUP_LEARNING; machines, units and rules counted once */
	const struct alert_queue_group *groups; /* `count` that lie together: those on the fewest machines first, within a severity */
	size_t count;
	int tactic; /* of several: index into alert_tactic_names; -1: rules that name none */
};
/* Lines in the order of groups. Reorders `groups`; `ret_lines` has room for `count`. Returns the number of lines. */
size_t alert_queue_learn(struct alert_queue_group *groups, size_t count, int64_t learning_lines, struct alert_queue_line *ret_lines);
