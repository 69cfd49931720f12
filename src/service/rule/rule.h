/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * rule: the Sigma rules in force: those of imported archives (with editions, preview and a step back), the own pack,
 * what is written here; what is switched on, exclusions with reason and end, lists of indicators; what they would have
 * found in history. Writes the file that detection works with (engine/detect_set).
 *
 * Does not live here: reading archives and matching (engine/rulebook, in the worker), the stream (engine/detect), alerts.
 * Threads: any; state is in the database, texts of editions and lists in files named by their content.
 */
#pragma once
#include "service/service.h"

extern const struct service rule_service;

/* Does detection work with what was decided? For the health strip. */
struct rule_health {
	usec_t since;      /* 0: it does; else since when it does not */
	usec_t changed_at; /* of the newest decision */
	char digest[65], loaded[65];
};
int rule_health(const struct service_context *sc, struct rule_health *ret, struct err *err) WARN_UNUSED;

/* A rule in force or switched off by its Sigma id; where several archives have it, the one that detection calls `file` (detect_set.h's name).
 * 1 found, 0 none; the title in the arena. */
int rule_find(struct db_tx *tx, struct arena *arena, struct str sigma_id, struct str file, struct uuid *ret_id, struct str *ret_title,
              struct err *err) WARN_UNUSED;

/* Since when a rule of an archive or one written here is switched on, by its Sigma id. 0: since ever, one of ours, or unknown. */
int rule_since(struct db_tx *tx, struct str sigma_id, usec_t *ret, struct err *err) WARN_UNUSED;
