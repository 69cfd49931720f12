/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Tactics of MITRE ATT&CK (Enterprise) in a rule's tags, as one bit each. */
#pragma once
#include "base/json/json.h"
#include "base/str/str.h"

#define ALERT_TACTIC_NAMES 16
extern const char *const alert_tactic_names[ALERT_TACTIC_NAMES + 1]; /* "initial-access"; NULL-terminated; the order never changes */

/* Of tags one a line ("attack.initial-access", older rules: "attack.initial_access"). */
int64_t alert_tactics_of(struct str tags);
int64_t alert_tactics_count(int64_t tactics);

/*
 * What a machine's alerts prove: each event proves one tactic at most. A rule's tags often name several (persistence and privilege
 * escalation are both ways of seeing one autostart entry), and one command line makes several rules fire: that is one step, not four.
 * So: the most tactics that can be given to different events (a bipartite matching).
 */
#define ALERT_EVIDENCE_MOST 200
struct alert_evidence {
	struct str event; /* id of the first event; empty: an event of its own */
	int64_t tactics;
};
/* Of `count` up to ALERT_EVIDENCE_MOST; those of the same event are put together in place. */
int64_t alert_tactics_proven(struct alert_evidence *list, size_t count);
/* ["initial-access", …] */
void alert_tactics_write(struct json_writer *w, int64_t tactics);
