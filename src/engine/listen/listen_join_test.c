/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "engine/listen/listen_join.h"

#define ROOM 64

static void expect(const char *pattern, const char *text, bool flush, const char *want, size_t used)
{
	struct listen_join *j;
	struct err err = {0};
	struct str texts[ROOM];
	uint64_t places[ROOM];
	struct listen_join_records out = {.texts = texts, .places = places, .room = ROOM};
	assert_int_equal(listen_join_new(pattern, &j, &err), 0);
	const struct listen_join_text in = {.text = str_c(text), .from = 1000, .line_limit = 100, .flush = flush};
	listen_join_split(j, &in, &out);
	cleanup_buf struct buf got = BUF_INIT(1 << 16);
	for (size_t i = 0; i < out.count; i++)
		buf_printf(&got, "[%llu %.*s]", (unsigned long long)places[i] - 1000, STR_FMT(texts[i]));
	if (!str_eq_c(buf_str(&got), want) || out.used != used)
		fail_msg("%s\n got %.*s (%zu)\nwant %s (%zu)", text, STR_FMT(buf_str(&got)), out.used, want, used);
	listen_join_free(j);
}

static void joins(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool flush;
		const char *want;
		size_t used;
	} rows[] = {
		{"", "one\ntwo\nthr", false, "[0 one]", 4},
		{"", "one\ntwo\nthr", true, "[0 one][4 two]", 8},
		{"", "E x\na.BException: y\n\tat a.B\nCaused by: z\n\t... 2 more\n... 3 more\nnext\n", true,
		 "[0 E x\na.BException: y\n\tat a.B\nCaused by: z\n\t... 2 more\n... 3 more][64 next]", 69},
		{"", "E\na.b.CError\nCError: d\na.Exception x\n", true, "[0 E\na.b.CError][13 CError: d][23 a.Exception x]", 37},
		{"", "E\r\n at x\r\n\r\nF\r\n", true, "[0 E\r\n at x][12 F]", 15},
		{"", "\n\n at x\n", true, "[2  at x]", 8},
		{"", "\n\n", false, "", 2},
		{"", "atlas\n... and so on\nattention\n", true, "[0 atlas][6 ... and so on][20 attention]", 30},
		{"", "E\n   at N.M()\n--- End of stack trace ---\n   at O.P()\nF\n", false,
		 "[0 E\n   at N.M()\n--- End of stack trace ---\n   at O.P()]", 53},
		{"\\d{4}-", "2026-11 a\nb\n\nc\n2026-12 d\n", false, "[0 2026-11 a\nb\n\nc]", 15},
		{"\\d{4}-", "lost beginning\n2026-12 d\n", true, "[0 lost beginning][15 2026-12 d]", 25},
		/* From the first byte only, and one that gives up does not glue. */
		{"X", "X1\naX\nX2\n", true, "[0 X1\naX][6 X2]", 9},
		{"(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n", true,
		 "[0 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab][38 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab]", 76},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect(rows[i].pattern, rows[i].text, rows[i].flush, rows[i].want, rows[i].used);
}

static void keeps_to_limits(void **state)
{
	(void)state;
	cleanup_buf struct buf text = BUF_INIT(1 << 22);
	struct listen_join *j;
	struct err err = {0};
	struct str texts[ROOM];
	uint64_t places[ROOM];
	struct listen_join_records out = {.texts = texts, .places = places, .room = ROOM};
	assert_int_equal(listen_join_new("", &j, &err), 0);
	for (unsigned i = 0; i < 2 * LISTEN_JOIN_LINES + 10; i++)
		buf_append_c(&text, i == 0 ? "E\n" : " at x\n");
	const struct listen_join_text many = {.text = buf_str(&text), .line_limit = 1 << 20, .flush = true};
	listen_join_split(j, &many, &out);
	assert_int_equal(out.count, 3);
	buf_clear(&text);
	for (unsigned i = 0; i < 6; i++)
		buf_printf(&text, "%s%0*u\n", i == 0 ? "E" : " ", 100000, i);
	const struct listen_join_text big = {.text = buf_str(&text), .line_limit = 1 << 20, .flush = true};
	listen_join_split(j, &big, &out);
	assert_int_equal(out.count, 3);
	for (size_t i = 0; i < out.count; i++)
		assert_true(texts[i].n <= LISTEN_JOIN_BYTES);
	/* Too long a line is passed over and parts what is around it; a boundary does, too. */
	const struct listen_join_text longer = {.text = buf_str(&text), .line_limit = 50000, .flush = true};
	listen_join_split(j, &longer, &out);
	assert_int_equal(out.count, 0);
	assert_int_equal(out.overlong, 6);
	const struct listen_join_text again = {.text = STR("E\n at x\n at y\n"), .from = 10, .boundary = 18, .line_limit = 100, .flush = true};
	listen_join_split(j, &again, &out);
	assert_int_equal(out.count, 2);
	assert_int_equal(places[1], 18);
	listen_join_free(j);
	assert_int_equal(listen_join_new("(", &j, &err), -EINVAL);
	assert_string_equal(err.key, "listen.bad_pattern");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(joins), cmocka_unit_test(keeps_to_limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
