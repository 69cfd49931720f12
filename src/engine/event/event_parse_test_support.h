/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Records and the fields that must come of them; after cmocka.h. */
#pragma once
#include "engine/event/event_parse.h"

/* Received at 2026-11-21T07:00:00Z. */
static const struct event_clock at_receipt = {.received = (usec_t)1795244400 * USEC_PER_SEC, .zone = CLOCK_VN_OFFSET_USEC};

struct form_case {
	const char *raw;
	const char *want; /* lines "name=value"; "!name": no such field */
};

static void check_line(const struct form_case *c, const struct event *e, struct str line)
{
	char name[128];
	if (line.p[0] == '!') {
		str_copy_c(str_sub(line, 1, line.n), name, sizeof name);
		if (event_find(e, name) != NULL)
			fail_msg("%s\n  has %s", c->raw, name);
		return;
	}
	size_t sign = str_find_char(line, '=');
	str_copy_c(str_sub(line, 0, sign), name, sizeof name);
	struct str got = event_get(e, name), want = str_sub(line, sign + 1, line.n);
	if (!str_eq(got, want))
		fail_msg("%s\n  %s is \"%.*s\", wanted \"%.*s\"", c->raw, name, STR_FMT(got), STR_FMT(want));
}

static void check_all(enum event_format format, const struct form_case *cases, size_t count)
{
	struct arena *arena = arena_new(0);
	for (size_t i = 0; i < count; i++) {
		struct event e;
		struct str rest = str_c(cases[i].want), line;
		arena_clear(arena);
		assert_int_equal(event_parse_at(arena, format, str_c(cases[i].raw), &at_receipt, &e, NULL), 0);
		while (str_split(&rest, '\n', &line))
			check_line(&cases[i], &e, line);
	}
	arena_free(arena);
}
