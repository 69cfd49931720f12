/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "engine/level/level.h"
#include "platform/pack/pack_fuzz_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new(64 << 20);
	const struct pack_doc *doc = NULL;
	const struct level_regime *regime = NULL;
	const struct level_given *answers = NULL;
	struct level_result result;
	struct err err = {0};
	/* A regime and, after "---", answers for it. */
	if (pack_parse(arena, "x", str_n(data, size), &doc, &err) < 0)
		return 0;
	if (level_regime_read(arena, doc, &regime, &err) < 0 || doc->next == NULL ||
	    level_answers_read(arena, regime, doc->next->root, &answers, &err) < 0) {
		assert(doc->next == NULL || err.key[0] != '\0');
		return 0;
	}
	level_decide(arena, regime, answers, &result);
	assert((result.status == LEVEL_STATUS_DECIDED) == (result.level != 0) && result.at_least <= LEVEL_MOST);
	return 0;
}
