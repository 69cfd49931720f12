/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Counts of names. Private to the room. */
#pragma once
#include "base/mem/mem.h"

#define RULE_TALLY_SLOTS 16384 /* half of them names; further names are not told apart */
struct rule_count {
	struct str name;
	int64_t count;
};
struct rule_tally {
	struct rule_count *slots;
	size_t names;
};
/* The name is copied into the arena. */
void rule_tally_add(struct rule_tally *t, struct arena *arena, struct str name);
/* The most frequent first. Once, at the end. */
size_t rule_tally_top(struct rule_tally *t, struct rule_count *ret, size_t most);
