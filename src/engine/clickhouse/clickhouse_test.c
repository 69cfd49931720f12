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
	assert_string_equal(clickhouse_exception_key(STR("Code: 62. DB::Exception: Syntax error: failed at position 8")), "clickhouse.why_syntax");
	assert_string_equal(clickhouse_exception_key(STR("Code: 41. DB::Exception: Cannot parse DateTime")), "clickhouse.why_time");
	assert_null(clickhouse_exception_key(STR("Code: 99999. DB::Exception: x")));
	assert_null(clickhouse_exception_key(STR("62")));
	assert_int_equal(clickhouse_exception_status(99999), 500);
	assert_string_equal(clickhouse_content_type(STR("JSON")), "application/json; charset=UTF-8");
	assert_string_equal(clickhouse_content_type(STR("JSONEachRow")), "application/x-ndjson; charset=UTF-8");
}

/* What is blamed on the rows leaves the table of events: nothing that passes may be. */
static void test_blame(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum clickhouse_blame blame;
	} cases[] = {
		{"Code: 27. DB::Exception: Cannot parse input: expected ',' before: 'x'", CLICKHOUSE_BLAME_DATA},
		{"Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 100). The limit is controlled by "
		 "'max_partitions_per_insert_block' setting. (TOO_MANY_PARTS)", CLICKHOUSE_BLAME_DATA},
		{"Code: 252. DB::Exception: Too many parts (3001 with average size of 1.21 MiB) in table 'luytre.event'. Merges are "
		 "processing significantly slower than inserts: while pushing to view. (TOO_MANY_PARTS)", CLICKHOUSE_BLAME_SERVER},
		{"Code: 252. DB::Exception: Too many parts (100000) in all partitions in total in table 'luytre.event'.",
		 CLICKHOUSE_BLAME_SERVER},
		{"Code: 252. DB::Exception: Too many inactive parts (1000) in table. Too many partitions for single INSERT block",
		 CLICKHOUSE_BLAME_SERVER},
		{"Code: 252", CLICKHOUSE_BLAME_SERVER},
		{"Code: 117. DB::Exception: Unknown field found while parsing JSONEachRow format: user_sid", CLICKHOUSE_BLAME_SCHEMA},
		{"Code: 117. DB::Exception: Cannot parse JSON object here: {\"a\":\"Unknown field found\"}", CLICKHOUSE_BLAME_DATA},
		{"Code: 60. DB::Exception: Table luytre.event does not exist.", CLICKHOUSE_BLAME_SCHEMA},
		{"Code: 16. DB::Exception: No such column user_sid in table luytre.event", CLICKHOUSE_BLAME_SCHEMA},
		{"Code: 32. DB::Exception: Attempt to read after eof", CLICKHOUSE_BLAME_SERVER},
		{"Code: 159. DB::Exception: Timeout exceeded", CLICKHOUSE_BLAME_SERVER},
		{"Code: 164. DB::Exception: Cannot execute query in readonly mode.", CLICKHOUSE_BLAME_SERVER},
		{"Code: 202. DB::Exception: Too many simultaneous queries.", CLICKHOUSE_BLAME_SERVER},
		{"Code: 209. DB::Exception: Timeout exceeded while reading from socket", CLICKHOUSE_BLAME_SERVER},
		{"Code: 225. DB::Exception: ZooKeeper session expired", CLICKHOUSE_BLAME_SERVER},
		{"Code: 241. DB::Exception: Memory limit (total) exceeded", CLICKHOUSE_BLAME_SERVER},
		{"Code: 242. DB::Exception: Table is in readonly mode", CLICKHOUSE_BLAME_SERVER},
		{"Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space", CLICKHOUSE_BLAME_SERVER},
		{"Code: 319. DB::Exception: Unknown status, client must retry.", CLICKHOUSE_BLAME_SERVER},
		{"Code: 394. DB::Exception: Query was cancelled", CLICKHOUSE_BLAME_SERVER},
		{"Code: 516. DB::Exception: Authentication failed", CLICKHOUSE_BLAME_SERVER},
		{"Code: 999. DB::Exception: Coordination error", CLICKHOUSE_BLAME_SERVER},
		{"Code: 4711. DB::Exception: not known yet", CLICKHOUSE_BLAME_SERVER},
		{"<html>502 Bad Gateway</html>", CLICKHOUSE_BLAME_SERVER},
		{"", CLICKHOUSE_BLAME_SERVER},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (clickhouse_exception_blame(str_c(cases[i].text)) != cases[i].blame)
			fail_msg("%s", cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_insert_parts),
		cmocka_unit_test(test_kind_and_placeholders),
		cmocka_unit_test(test_quote_and_codes),
		cmocka_unit_test(test_blame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
