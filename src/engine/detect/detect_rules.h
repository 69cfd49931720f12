/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A set as it is matched: compiled rules with what their alerts say, and the indicators. Immutable but for its counters;
 * shared by reference. Private to the room. */
#pragma once
#include <stdatomic.h>

#include "engine/detect/detect.h"
#include "engine/indicator/indicator.h"
#include "engine/sigma/sigma.h"

struct detect_rule {
	struct sigma_info info; /* borrowed from the ruleset */
	struct str severity;
	char hash[65]; /* of the rule's text */
	bool quiet;    /* the canary, or one that only feeds correlations */
	_Atomic uint64_t matches;
	_Atomic uint64_t evaluated, nsec; /* of the events that are measured */
};

struct detect_refused {
	struct str file, title, id, key, place;
};

struct detect_rules {
	_Atomic unsigned references;
	struct arena *arena;
	struct sigma_ruleset *sigma;
	struct indicator_set *indicators; /* NULL: none */
	struct detect_rule *rules;
	size_t count;
	uint32_t canary; /* UINT32_MAX: not there */
	struct detect_refused *refused;
	size_t refused_count;
	struct sigma_counts counts;
	char digest[DETECT_DIGEST_SIZE];
	char key[DETECT_DIGEST_SIZE]; /* digest and what of the exclusions is in force */
	bool has_exclusions;
	int64_t day; /* for which exclusions were weighed */
	usec_t loaded_at;
};

/* `set` may be NULL: only what is built in. `dir`: own folder. */
int detect_rules_build(const struct detect_set *set, const char *dir, struct detect_rules **ret, struct err *err) WARN_UNUSED;
struct detect_rules *detect_rules_ref(struct detect_rules *r);
void detect_rules_unref(struct detect_rules *r);

/* ---- one thread's matcher ---- */

struct detect_matcher;
struct detect_matcher *detect_matcher_new(struct detect_rules *rules);
void detect_matcher_free(struct detect_matcher *m);
const struct detect_rules *detect_matcher_rules(const struct detect_matcher *m);

/* What one thread found in one piece of a block. */
struct detect_piece {
	struct arena *arena;
	struct detect_finding *findings;
	size_t count, capacity;
	struct buf captured;
	uint64_t unread, indicator_hits;
};
void detect_match(struct detect_matcher *m, const struct event_record *record, size_t index, struct detect_seen *seen,
                  struct detect_piece *piece);
void detect_match_why(struct detect_matcher *m, const struct detect_finding *f, const struct event_record *record, struct buf *out);
struct sigma_cost detect_matcher_cost(const struct detect_matcher *m, uint32_t rule);
struct sigma_matcher_counters detect_matcher_counters(const struct detect_matcher *m);
