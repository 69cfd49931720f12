/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem/mem.h"
#include "engine/event_pipeline/event_ingest.h"
#include "engine/listen/listen_frame.h"

/* "[message]" of each, "!key@byte" of what was refused or broken, then "+" and what waits for more. */
static void run(struct str all, size_t piece, struct buf *out)
{
	struct listen_framer f = {0};
	size_t at = 0;
	for (size_t end = 0; end < all.n;) {
		end = end + piece < all.n ? end + piece : all.n;
		for (;;) {
			struct str m;
			struct err err = {0};
			enum listen_step step = listen_frame_next(&f, str_sub(all, 0, end), &at, end == all.n, &m, &err);
			assert_int_equal(f.passed, at);
			if (step == LISTEN_STEP_MORE)
				break;
			if (step == LISTEN_STEP_MESSAGE)
				buf_printf(out, "[%.*s]", STR_FMT(m));
			else
				buf_printf(out, "!%s@%s", err.key, err_arg(&err, "byte"));
			if (step == LISTEN_STEP_BROKEN)
				return;
		}
	}
}

static void test_table(void **state)
{
	static const struct {
		struct str stream;
		const char *want;
	} rows[] = {
		/* lines */
		{STR("<13>one\n<13>two\r\n<13>three"), "[<13>one][<13>two][<13>three]"},
		{STR("<13>one\0<13>two\0"), "[<13>one][<13>two]"},
		{STR("\n\n<13>a\n\n"), "[<13>a]"},
		{STR("no header at all\n"), "[no header at all]"},
		{STR("2026-11-21 a line that begins with digits\n"), "[2026-11-21 a line that begins with digits]"},
		{STR("12 monkeys\n"), "[12 monkeys]"},
		{STR("7"), "[7]"},
		{STR("7 "), "[7 ]"},
		{STR("0 <13>zero\n"), "[0 <13>zero]"},
		{STR("{\"a\":1}\n{\"a\":2}\n"), "[{\"a\":1}][{\"a\":2}]"},
		{STR("<13>\xff\xfe binary \x01\n"), "[<13>\xff\xfe binary \x01]"},
		/* counted */
		{STR("7 <13>one7 <13>two"), "[<13>one][<13>two]"},
		{STR("8 <13>one\n8 <13>two\n"), "[<13>one][<13>two]"},
		{STR("7 <13>one\n7 <13>two\n"), "[<13>one][<13>two]"},
		{STR("11 <13>one\ntwo7 {\"a\":1}"), "[<13>one\ntwo][{\"a\":1}]"},
		{STR("9 <13>\0\0\0\0\0" "7 <13>two"), "[<13>][<13>two]"},
		/* lies: too short a count, too long, too many digits, none, cut */
		{STR("5 <13>one7 <13>two"), "[<13>o]!listen.bad_count@7"},
		{STR("9 <13>one7 <13>two"), "[<13>one7 ]!listen.bad_count@11"},
		{STR("99 <13>one"), "!listen.cut@10"},
		{STR("123456789 <13>one"), "!listen.bad_count@8"},
		{STR("99999999999999999999999 <13>one"), "!listen.bad_count@8"},
		{STR("7 <13>one<13>two\n"), "[<13>one]!listen.bad_count@9"},
		{STR("7 <13>one0 <13>two"), "[<13>one]!listen.bad_count@9"},
		{STR("7 <13>one7x<13>two"), "[<13>one]!listen.bad_count@10"},
		{STR("7 <13>one7"), "[<13>one]!listen.cut@10"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t piece = 1; piece <= rows[i].stream.n; piece++) {
			cleanup_buf struct buf got = BUF_INIT(4096);
			run(rows[i].stream, piece, &got);
			assert_string_equal(got.p, rows[i].want);
		}
}

/* Past the limit one message is lost, by its place, and the next is there. */
static void test_too_long(void **state)
{
	(void)state;
	for (unsigned counted = 0; counted < 2; counted++)
		for (size_t over = 0; over < 2; over++)
			for (size_t piece = 1 << 16; piece <= 4 << 20; piece <<= 3) {
				cleanup_buf struct buf all = BUF_INIT(8 << 20), got = BUF_INIT(8 << 20);
				const size_t size = EVENT_LINE_LIMIT + over;
				buf_append_c(&all, counted != 0 ? "6 <13>ok" : "<13>ok\n");
				size_t at = all.n;
				if (counted != 0)
					buf_printf(&all, "%zu ", size);
				for (size_t i = 0; i < size; i++)
					buf_append_char(&all, 'x');
				buf_append_c(&all, counted != 0 ? "6 <13>ok" : "\n<13>ok\n");
				run(buf_str(&all), piece, &got);
				char want[100];
				struct buf w = BUF_FIXED(want, sizeof(want));
				buf_printf(&w, "[<13>ok]!listen.too_long@%zu[<13>ok]", at);
				if (over != 0)
					assert_string_equal(got.p, want);
				else
					assert_int_equal(got.n, 2 * strlen("[<13>ok]") + size + 2);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_too_long)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
