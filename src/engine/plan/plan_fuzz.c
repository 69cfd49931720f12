/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "engine/plan/plan.h"
#include "platform/pack/pack_fuzz_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A directory, proofs and plans, as the documents of one file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new(64 << 20);
	const struct pack_doc *doc = NULL;
	struct err err = {0};
	if (pack_parse(arena, "x", str_n(data, size), &doc, &err) < 0)
		return 0;
	struct plan_set *set = plan_set_new(arena);
	int r = plan_read_directory(arena, doc, set, &err);
	if (r >= 0 && (doc = doc->next) != NULL)
		r = plan_read_proofs(arena, doc, set, &err);
	while (r >= 0 && doc != NULL && (doc = doc->next) != NULL)
		r = plan_read_plan(arena, doc, set, &err);
	assert(r >= 0 || (err.key[0] != '\0' && err.place[0] == 'x'));
	for (unsigned p = 0; p < set->plan_count; p++)
		for (unsigned i = 0; i < set->plans[p].duty_count; i++)
			assert(set->plans[p].duties[i].lead_count > 0 && set->plans[p].duties[i].prove_count > 0);
	return 0;
}
