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
/* ["initial-access", …] */
void alert_tactics_write(struct json_writer *w, int64_t tactics);
