/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Conditions as they are kept. Private to engine/level. */
#pragma once
#include "engine/level/level.h"

#define LEVEL_DEPTH 8

enum level_op {
	LEVEL_OP_ALL,
	LEVEL_OP_ANY,
	LEVEL_OP_NOT,
	LEVEL_OP_YES,      /* fact is `number` (0, 1) */
	LEVEL_OP_IN,       /* choice is one of `set` */
	LEVEL_OP_HAS_ANY,  /* set shares with `set` */
	LEVEL_OP_ONLY,     /* set is not empty and lies within `set` */
	LEVEL_OP_AT_LEAST, /* count ≥ number */
	LEVEL_OP_BELOW,    /* count < number */
	LEVEL_OP_LEVEL_IS, /* the decided level; for flags */
};

struct level_condition {
	enum level_op op;
	unsigned fact; /* index */
	uint64_t set;
	int64_t number;
	const struct level_condition *first; /* of ALL, ANY, NOT */
	const struct level_condition *next;  /* beside it */
};

/* level_condition.c: reads one node of a document. allow_level: level_is may stand in it. */
int level_condition_read(struct arena *arena, const struct pack_doc *doc, const struct level_regime *regime, const struct json *node,
                         bool allow_level, unsigned depth, const struct level_condition **ret, struct err *err) WARN_UNUSED;
/* The bit of a value, or 0. */
uint64_t level_value_bit(const struct level_fact *fact, struct str id);
