/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "base/mem/mem.h"
#include "engine/listen/listen_join.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte: rule, and how much is read at a time. All at once and in pieces give the same records. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { ROOM = 4096, LIMIT = 200 };
	struct str texts[ROOM], text = size > 0 ? str_n(data + 1, size - 1) : STR_EMPTY;
	static uint64_t whole[ROOM], places[ROOM];
	struct listen_join *j = NULL;
	if (size == 0 || size > ROOM || listen_join_new(data[0] & 1 ? "[A-Z0-9]" : "", &j, NULL) < 0)
		return 0;
	struct listen_join_records all = {.texts = texts, .places = whole, .room = ROOM}, part = {.texts = texts, .places = places, .room = 1 + data[0] / 64};
	const struct listen_join_text in = {.text = text, .line_limit = LIMIT, .last = true};
	listen_join_split(j, &in, &all);
	assert(all.used == text.n);
	size_t seen = 0, window = LIMIT * 4 + data[0];
	for (size_t at = 0; at < text.n;) {
		bool end = at + window >= text.n;
		const struct listen_join_text piece = {.text = str_sub(text, at, end ? text.n : at + window), .from = at, .line_limit = LIMIT, .last = end};
		listen_join_split(j, &piece, &part);
		for (size_t i = 0; i < part.count; i++, seen++)
			assert(seen < all.count && part.places[i] == whole[seen] && part.texts[i].n > 0);
		if (part.used == 0)
			window *= 2;
		at += part.used;
	}
	assert(seen == all.count);
	listen_join_free(j);
	return 0;
}
