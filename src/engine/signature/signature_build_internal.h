/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The builder's own state, shared by its two files. */
#pragma once
#include "engine/signature/signature_build.h"

struct built_rule {
	struct str name;      /* owned */
	uint32_t space;
	uint32_t body, body_size; /* in bodies */
	uint32_t first;       /* in numbers */
	uint32_t flags;
	struct str text;      /* its source, owned; may be empty */
	uint32_t *rules;      /* that it names, owned */
	uint32_t rule_count;
	uint32_t *wants;      /* patterns, owned; any of them makes it a candidate */
	uint32_t want_count;
	bool always;          /* a candidate for every file */
};

struct built_space {
	struct str name; /* owned */
	struct buf imports;
};

struct built_refusal {
	struct signature_refused public;
	uint32_t space;
	bool for_libyara;
	struct str text;     /* owned */
	uint32_t rules_then; /* how many rules stood before it */
	uint32_t *rules;     /* that it names, owned; NULL with all_before */
	uint32_t rule_count;
	bool all_before;     /* what it names is not known */
};

struct signature_build {
	struct signature_build_options options;
	struct signature_external *externals; /* copies */
	struct arena *arena;                  /* of the rule being parsed */
	struct arena *names;                  /* of what stays */
	struct signature_pattern_set *patterns;
	struct built_rule *rules;
	uint32_t rule_count, rule_capacity;
	uint32_t *table; /* open addressing: rule + 1 */
	uint32_t table_size;
	struct built_space *spaces;
	uint32_t space_count;
	struct built_refusal *refused;
	size_t refused_count, refused_capacity;
	struct buf bodies, numbers;
	struct buf sections[SIGNATURE_SECTION__COUNT]; /* of others */
	uint32_t space; /* being parsed */
	const uint32_t *taken_rules; /* named by the rule that take just refused */
	size_t taken_rule_count;
	bool tree_known;
};

/* UINT32_MAX: none. */
uint32_t built_rule_find(const struct signature_build *b, uint32_t space, struct str name);
