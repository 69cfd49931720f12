/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "engine/recurrence/recurrence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A rule as JSON, which YAML includes; the window is fixed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(arena) struct arena *arena = arena_new(16 << 20);
	struct pack_doc doc = {.file = "x", .text = str_n(data, size)};
	struct recurrence_occurrence out[8];
	struct recurrence r;
	struct err err = {0};
	if (json_parse(arena, doc.text, NULL, &doc.root, &err) < 0 || recurrence_read(arena, &doc, doc.root, &r, &err) < 0)
		return 0;
	struct clock_calendar *calendar = clock_calendar_new();
	usec_t from = (usec_t)1767200400 * USEC_PER_SEC, to = from + 40000 * USEC_PER_DAY;
	size_t n = recurrence_list(&r, calendar, from, to, out, 8);
	for (size_t i = 0; i < n && i < 8; i++)
		assert(out[i].due >= from && out[i].due <= to && out[i].opens >= from && (i == 0 || out[i].due > out[i - 1].due));
	(void)recurrence_due_after(&r, calendar, from);
	clock_calendar_free(calendar);
	return 0;
}
