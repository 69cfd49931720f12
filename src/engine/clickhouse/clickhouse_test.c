/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/clickhouse/clickhouse.h"

static int read_it(const char *sql, bool readonly, struct clickhouse_statement *s, struct err *err)
{
	*err = (struct err){0};
	return clickhouse_statement_read(str_c(sql), readonly, s, err);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool readonly;
		const char *key; /* NULL: taken */
	} cases[] = {
		{"SELECT 1", true, NULL},
		{"SELECT 1;", true, NULL},
		{"SELECT 1 ; -- end\n", true, NULL},
		{"SELECT ';' , \"a;b\", `c;d`", true, NULL},
		{"SELECT 1; SELECT 2", true, "clickhouse.many_statements"},
		{"SELECT 1; SELECT 2", false, "clickhouse.many_statements"},
		{"SELECT '1'';' ; DROP TABLE t", false, "clickhouse.many_statements"},
		{"SELECT '\\';' ; DROP TABLE t", false, "clickhouse.many_statements"},
		{"SELECT 1 /* ; */", true, NULL},
		{"SELECT 1 /* /* */ ; DROP TABLE t */", true, "clickhouse.syntax"},
		{"SELECT 1 # ; x", true, "clickhouse.syntax"},
		{"SELECT $a$ ; $a$", true, NULL},
		{"SELECT $a$ ; $b$", true, "clickhouse.syntax"},
		{"SELECT 'unfinished", true, "clickhouse.syntax"},
		{"", true, "clickhouse.empty"},
		{" -- only a comment", true, "clickhouse.empty"},
		{"SELECT * FROM file('/etc/passwd')", true, "clickhouse.refused"},
		{"SELECT * FROM FILE ('/etc/passwd')", false, "clickhouse.refused"},
		{"SELECT * FROM `file`('/etc/passwd')", true, "clickhouse.refused"},
		{"SELECT * FROM `fi\\x6ce`('/etc/passwd')", true, "clickhouse.refused"},
		{"SELECT file/**/('/etc/hostname')", true, "clickhouse.refused"},
		{"SELECT 1 FORMAT file ('x')", true, "clickhouse.refused"},
		{"SELECT * FROM url('http://x')", true, "clickhouse.refused"},
		{"INSERT INTO FUNCTION file('x') SELECT 1", false, "clickhouse.refused"},
		{"SELECT 1 INTO OUTFILE 'x'", true, "clickhouse.refused"},
		{"SELECT 1 into /* x */ outfile 'x'", false, "clickhouse.refused"},
		{"INSERT INTO t FROM INFILE 'x' FORMAT CSV", false, "clickhouse.refused"},
		{"SELECT file, url FROM t WHERE file = 'x'", true, NULL},
		{"SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)", true, "clickhouse.refused"},
		{"SELECT * FROM (SELECT 1 SETTINGS max_threads = 1)", false, NULL},
		{"SELECT * FROM system.settings WHERE (name = 'x')", true, NULL},
		{"SELECT \xE2\x80\x98x\xE2\x80\x99", true, "clickhouse.not_ascii"},
		{"SELECT 'Tr\xE1\xBA\xA7n'", true, NULL},
		{"SELECT format('{}', 1), number FROM numbers(3)", true, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct clickhouse_statement s;
		struct err err;
		int r = read_it(cases[i].sql, cases[i].readonly, &s, &err);
		if ((cases[i].key == NULL) != (r == 0))
			fail_msg("%s: %d %s", cases[i].sql, r, err.key);
		if (cases[i].key != NULL)
			assert_string_equal(err.key, cases[i].key);
	}
}

static void assert_str(struct str got, const char *want)
{
	if (!str_eq_c(got, want))
		fail_msg("got \"%.*s\", want \"%s\"", STR_FMT(got), want);
}

static void test_insert_parts(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *head, *settings, *format, *data;
		bool is_insert;
	} cases[] = {
		{"INSERT INTO t FORMAT JSONEachRow\n{\"a\":1}\n", "INSERT INTO t", "", "JSONEachRow", "{\"a\":1}\n", true},
		{"INSERT INTO t (a, `format`) SETTINGS x=1 FORMAT CSV\r\n1\r\n", "INSERT INTO t (a, `format`)", "SETTINGS x=1", "CSV",
		 "1\r\n", true},
		{"insert into t values (1,';'),(2)", "insert into t", "", "Values", "(1,';'),(2)", true},
		{"INSERT INTO t FORMAT RowBinary\n\n\n;", "INSERT INTO t", "", "RowBinary", "\n\n;", true},
		{"INSERT INTO t SELECT a FROM values('a', 1) FORMAT Null", "INSERT INTO t SELECT a FROM values('a', 1) FORMAT Null", "",
		 "Null", "", false},
		{" SELECT 1 FORMAT JSON ; ", "SELECT 1 FORMAT JSON", "", "JSON", "", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct clickhouse_statement s;
		struct err err;
		assert_int_equal(read_it(cases[i].sql, false, &s, &err), 0);
		assert_int_equal(s.is_insert, cases[i].is_insert);
		assert_str(s.head, cases[i].head);
		assert_str(s.settings, cases[i].settings);
		assert_str(s.format, cases[i].format);
		assert_str(s.data, cases[i].data);
	}
}

static void test_kind_and_placeholders(void **state)
{
	(void)state;
	struct clickhouse_statement s;
	struct err err;
	assert_int_equal(read_it("SELECT {a:String}, {b:UInt8}, {a:String}, {'k':1}", true, &s, &err), 0);
	assert_true(s.reads_only);
	assert_int_equal(s.placeholder_count, 2);
	assert_str(s.placeholders[0], "a");
	assert_str(s.placeholders[1], "b");
	assert_int_equal(read_it("WITH x AS (SELECT 1) INSERT INTO t SELECT 1", false, &s, &err), 0);
	assert_false(s.reads_only);
	assert_int_equal(read_it("DROP TABLE t", false, &s, &err), 0);
	assert_false(s.reads_only);
}

static void test_quote_and_codes(void **state)
{
	(void)state;
	char bytes[100];
	struct buf b = BUF_FIXED(bytes, sizeof bytes);
	clickhouse_quote(&b, STR("a'\\b"));
	clickhouse_quote_name(&b, STR("c`d"));
	assert_str(buf_str(&b), "'a\\'\\\\b'`c\\`d`");
	assert_int_equal(clickhouse_exception_code(STR("Code: 62. DB::Exception: x")), 62);
	assert_int_equal(clickhouse_exception_code(STR("no code")), 0);
	assert_int_equal(clickhouse_exception_status(60), 404);
	assert_int_equal(clickhouse_exception_status(99999), 500);
	assert_int_equal(clickhouse_exception_blame(27), CLICKHOUSE_BLAME_DATA);
	assert_int_equal(clickhouse_exception_blame(241), CLICKHOUSE_BLAME_SERVER);
	assert_int_equal(clickhouse_exception_blame(60), CLICKHOUSE_BLAME_SCHEMA);
	assert_string_equal(clickhouse_content_type(STR("JSON")), "application/json; charset=UTF-8");
	assert_string_equal(clickhouse_content_type(STR("JSONEachRow")), "application/x-ndjson; charset=UTF-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_insert_parts),
		cmocka_unit_test(test_kind_and_placeholders),
		cmocka_unit_test(test_quote_and_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
