/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What can be tried without a journal: cursors, fields, and that a missing journal is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json/json.h"
#include "engine/listen/listen_journal.h"

static void test_cursors(void **state)
{
	static const struct {
		const char *cursor;
		bool good;
		uint64_t sequence;
	} rows[] = {
		{"s=0639878d7b0a4c1d9a4a3b0f2d8a11c2;i=4d3a;b=1;m=2;t=3;x=4", true, 0x4d3a},
		{"i=1;s=0639878d7b0a4c1d9a4a3b0f2d8a11c2", true, 1},
		{"s=0639878d7b0a4c1d9a4a3b0f2d8a11c2;i=ffffffffffffffff", false, 0},
		{"s=0639878d7b0a4c1d9a4a3b0f2d8a11c2;i=11111111111111111", false, 0},
		{"s=00000000000000000000000000000000;i=1", false, 0},
		{"s=0639;i=1", false, 0},
		{"s=0639878d7b0a4c1d9a4a3b0f2d8a11c2", false, 0},
		{"", false, 0},
		{";;=;s;i", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct uuid epoch;
		uint64_t sequence = 0;
		assert_int_equal(listen_journal_cursor(str_c(rows[i].cursor), &epoch, &sequence), rows[i].good);
		if (rows[i].good)
			assert_int_equal(sequence, rows[i].sequence);
	}
}

static void test_fields(void **state)
{
	static const struct {
		struct str data;
		const char *want;
	} rows[] = {
		{STR("MESSAGE=a \"b\" = c"), "{\"message\":\"a \\\"b\\\" = c\"}"},
		{STR("MESSAGE=\xff"), "{\"message\":\"\xef\xbf\xbd\"}"},
		{STR("_PID=12"), "{\"process.pid\":12}"},
		{STR("_PID=x"), "{\"process.pid\":\"x\"}"},
		{STR("_SYSTEMD_CGROUP=/a"), "{\"journald._systemd_cgroup\":\"/a\"}"},
		{STR("no equals sign"), "{}"},
		{STR("=x"), "{}"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_buf struct buf out = BUF_INIT(4096);
		struct json_writer w = json_writer_init(&out);
		json_object(&w);
		listen_journal_field(&w, rows[i].data);
		json_object_end(&w);
		assert_string_equal(out.p, rows[i].want);
	}
}

static void test_none(void **state)
{
	struct err err = {0};
	(void)state;
	assert_int_equal(listen_journal_check("/nowhere/at/all", &err), -ENOENT);
	assert_string_equal(err.key, "listen.no_journal");
	err_clear(&err);
	assert_int_equal(listen_journal_check("/etc", &err), -ENOENT);
	assert_string_equal(err.key, "listen.no_journal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cursors), cmocka_unit_test(test_fields), cmocka_unit_test(test_none)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
