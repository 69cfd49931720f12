/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Tuning as data: exclusions laid over rules, so that upstream files stay as they came. One YAML file, a list:
 *   - rules: [id or name, …]
 *     author: who decided     (needed)
 *     reason: why             (needed)
 *     expires: 2027-06-30     (needed; from that day on it has no effect)
 *     when: {User|startswith: adm_}    a detection as in a rule; without it the rule is switched off
 * Private to the room.
 */
#pragma once
#include "engine/sigma/sigma_rule.h"

struct sigma_exclusions {
	const struct pack_doc *doc; /* NULL: none */
	struct str fingerprint;     /* of what is in force now: part of the cache key */
	int64_t now_usec;
	size_t active;
};

int sigma_exclusions_read(struct arena *arena, const char *path, int64_t now_usec, struct sigma_exclusions *ret, struct err *err) WARN_UNUSED;
/* As filters, or as rules taken out. */
int sigma_exclusions_apply(const struct sigma_exclusions *x, struct sigma_parsed *parsed, struct err *err) WARN_UNUSED;
