/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A decoder that trusts a declared length reserves gigabytes for four bytes: lengths are held against what is there first. */
#include "platform/factor/factor_cbor.h"

#include "base/cursor/cursor.h"

enum major { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
#define DEPTH_MAX 4 /* CTAP 2.1 section 8: at most four levels */

/* The argument of an item's head. Indefinite lengths (31) are not canonical. */
static uint64_t argument(struct cursor *c, unsigned info)
{
	uint64_t value = 0;
	if (info < 24)
		return info;
	if (info > 27) {
		c->failed = true;
		return 0;
	}
	for (unsigned i = 0; i < 1u << (info - 24); i++)
		value = value << 8 | cursor_u8(c);
	return value;
}

static void skip_item(struct cursor *c, unsigned depth)
{
	unsigned head = cursor_u8(c);
	enum major major = head >> 5;
	uint64_t n = argument(c, head & 31), left = cursor_rest(c).n;
	if (c->failed || major == UNSIGNED || major == NEGATIVE || major == SIMPLE)
		return;
	/* An element is a byte or more. */
	if (n > left || depth == DEPTH_MAX)
		c->failed = true;
	else if (major == BYTES || major == TEXT)
		(void)cursor_take(c, n);
	else
		for (uint64_t i = major == TAG ? 1 : major == MAP ? 2 * n : n; i > 0 && !c->failed; i--)
			skip_item(c, depth + 1);
}

bool factor_cbor_is_sound(struct str items)
{
	struct cursor c = cursor_of(items);
	while (!c.failed && !cursor_at_end(&c))
		skip_item(&c, 0);
	return !c.failed;
}
