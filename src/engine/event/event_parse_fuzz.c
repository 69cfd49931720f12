/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>
#include <errno.h>

#include "base/text/text.h"
#include "engine/event/event_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte is the format. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct event_clock clock = {.received = (usec_t)1795000000 * USEC_PER_SEC, .zone = CLOCK_VN_OFFSET_USEC};
	struct arena *arena = arena_new((size_t)64 << 20);
	enum event_format format = size > 0 ? data[0] % EVENT_FORMAT__COUNT : EVENT_FORMAT_TEXT;
	struct event e, again;
	if (size > 0 && event_parse_at(arena, format, str_n(data + 1, size - 1), &clock, &e, NULL) == 0) {
		for (size_t i = 0; i < e.count; i++)
			assert(e.fields[i].name.n <= 512 && text_is_utf8(e.fields[i].name) &&
			       (format == EVENT_FORMAT_JSON || text_is_utf8(e.fields[i].value) || e.raw.p[0] == '{'));
		/* What Sigma reads is JSON. */
		int r = event_flatten(arena, event_json(arena, format, &e), NULL, &again, NULL);
		assert(r == 0 || r == -E2BIG);
	}
	arena_free(arena);
	return 0;
}
