/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Any bytes as saved counts: refused, or a state that hands over what it holds and is the same when it was saved and read. */
#include <assert.h>

#include "engine/event_pipeline/event_flood.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_record(void *ctx, struct event_alert *alert, const struct event_alert *finding)
{
	(void)finding;
	*(uint64_t *)ctx += alert->count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct event_flood_limits limits = {.groups = 16};
	struct event_flood *f = event_flood_new(&limits), *again = event_flood_new(&limits);
	struct buf saved = BUF_INIT((size_t)16 << 20);
	uint64_t first = 0, second = 0;
	if (event_flood_load(f, str_n(data, size), NULL) == 0) {
		event_flood_save(f, true, &saved);
		assert(event_flood_load(again, buf_str(&saved), NULL) == 0);
		event_flood_advance(f, INT64_MAX / 2, on_record, &first);
		event_flood_advance(again, INT64_MAX / 2, on_record, &second);
		assert(first == second);
	}
	event_flood_free(f);
	event_flood_free(again);
	buf_done(&saved);
	return 0;
}
