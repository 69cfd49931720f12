/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* How often which name: open addressing in an arena, with a limit after which new names are only counted together. */
#include "service/rule/rule_tally.h"

#include <stdlib.h>

static uint64_t hash_of(struct str s)
{
	uint64_t h = 1469598103934665603ULL; /* FNV-1a */
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211ULL;
	return h;
}

void rule_tally_add(struct rule_tally *t, struct arena *arena, struct str name)
{
	if (t->slots == NULL)
		t->slots = arena_alloc(arena, RULE_TALLY_SLOTS * sizeof *t->slots);
	size_t i = hash_of(name) % RULE_TALLY_SLOTS;
	while (t->slots[i].count > 0 && !str_eq(t->slots[i].name, name))
		i = (i + 1) % RULE_TALLY_SLOTS;
	if (t->slots[i].count == 0) {
		if (t->names >= RULE_TALLY_SLOTS / 2)
			return;
		t->slots[i].name = arena_str(arena, name);
		t->names++;
	}
	t->slots[i].count++;
}

static int by_count(const void *a, const void *b)
{
	const struct rule_count *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return str_cmp(x->name, y->name);
}

size_t rule_tally_top(struct rule_tally *t, struct rule_count *ret, size_t most)
{
	size_t n = 0;
	if (t->slots == NULL)
		return 0;
	/* Emptied slots stand last: the tally is not added to afterwards. */
	qsort(t->slots, RULE_TALLY_SLOTS, sizeof *t->slots, by_count);
	for (; n < most && n < t->names; n++)
		ret[n] = t->slots[n];
	return n;
}
