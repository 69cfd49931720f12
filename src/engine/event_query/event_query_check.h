/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What holds of every query, for tests and the fuzz target: what is printed parses to the same, and no byte of it gets
 * into the SQL. For test programs only. */
#pragma once
#include <assert.h>

#include "engine/event_query/event_query_internal.h"

/* Letters of the SQL are ours: a text made of bytes that our literals never have must not be found in it. */
static inline void event_query_check_sql(const struct event_query *q, struct arena *arena)
{
	struct event_query_sql sql = {.arena = arena, .text = BUF_INIT(256 << 10)};
	if (event_query_compile(q, &sql, NULL) == 0) {
		unsigned open = 0;
		bool quoted = false;
		for (size_t i = 0; i < sql.text.n; i++) {
			char c = sql.text.p[i];
			quoted ^= c == '\'';
			open += !quoted && c == '(';
			assert(quoted || c != ')' || open > 0);
			open -= !quoted && c == ')';
			assert(c != '"' && c != '`' && c != ';' && c != '#');
		}
		assert(open == 0 && !quoted && str_find(buf_str(&sql.text), STR("--")) == SIZE_MAX);
	}
	buf_done(&sql.text);
}

static inline void event_query_check(struct str text)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct event_query *q, *again;
	cleanup_buf struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20), rule = BUF_INIT(1 << 20);
	struct err err = {.code = 0};
	if (event_query_parse(arena, text, &q, &err) < 0) {
		assert(err.key[0] != '\0');
		return;
	}
	event_query_check_sql(q, arena);
	event_query_print(q, &first);
	/* Printing adds quotes and parentheses: what was near a limit may pass it. */
	int r = event_query_parse(arena, buf_str(&first), &again, &err);
	assert(r == 0 || r == -E2BIG);
	if (r == 0) {
		event_query_print(again, &second);
		assert(str_eq(buf_str(&first), buf_str(&second)));
	}
	struct event_query_rule about = {.id = "00000000-0000-4000-8000-000000000000", .title = STR("t"), .date = STR("2026-11-21"),
	                                 .author = STR("a")};
	(void)!event_query_sigma(q, &about, &rule, NULL);
}
