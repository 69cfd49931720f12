/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/event_query/event_query_check.h"
#include "engine/sigma/sigma.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void reads(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"", "*"},
		{"  \t ", "*"},
		{"*", "*"},
		{"mimikatz", "\"mimikatz\""},
		{"a b", "(\"a\" AND \"b\")"},
		{"a AND b OR c", "((\"a\" AND \"b\") OR \"c\")"},
		{"a (b OR c)", "(\"a\" AND (\"b\" OR \"c\"))"},
		{"NOT a", "NOT \"a\""},
		{"-a b", "(NOT \"a\" AND \"b\")"},
		{"a-b", "\"a-b\""},
		{"and or not", "((\"and\" AND \"or\") AND \"not\")"},
		{"\"nguyen van\"", "\"nguyen van\""},
		{"~nguyen", "~\"nguyen\""},
		{"\"a \\\"b\\\" \\\\ c\"", "\"a \\\"b\\\" \\\\ c\""},
		{"user.name:an", "\"user.name\":\"an\""},
		{"User.Name:an", "\"user.name\":\"an\""},
		{"user.name: an", "\"user.name\":\"an\""},
		{"user.name:*", "\"user.name\":*"},
		{"user.name:a*", "\"user.name\":a*"},
		{"user.name:\"a*\"", "\"user.name\":\"a*\""},
		{"user.name:a\\*", "\"user.name\":a\\*"},
		{"user.name:(an OR binh \"c d\")", "((\"user.name\":\"an\" OR \"user.name\":\"binh\") OR \"user.name\":\"c d\")"},
		{"event.severity:>=4", "\"event.severity\":>=\"4\""},
		{"event.severity:<4.5", "\"event.severity\":<\"4.5\""},
		{"source.ip:10.0.0.0/8", "\"source.ip\":10.0.0.0/8"},
		{"source.ip:\"10.0.0.0/8\"", "\"source.ip\":\"10.0.0.0/8\""},
		{"source.ip:fe80::1", "\"source.ip\":\"fe80::1\""},
		{"url.full:https://a.vn/x?y=1", "\"url.full\":https://a.vn/x?y=1"},
		{"https://a.vn/x", "\"https://a.vn/x\""},
		{"C:\\Windows\\cmd.exe", "\"C:\\\\Windows\\\\cmd.exe\""},
		{"process.executable:C:\\Windows\\*", "\"process.executable\":C:\\Windows\\*"},
		{"process.executable:*\\cmd.exe", "\"process.executable\":*\\cmd.exe"},
		{"fe80::1", "\"fe80::1\""},
		{"12:30", "\"12:30\""},
		{"CommandLine:x", "\"CommandLine\":\"x\""},
		{"\"usre.name\":x", "\"usre.name\":\"x\""},
		{"host.id:x", "\"host.id\":\"x\""},
		{"\"'; DROP TABLE event --\"", "\"'; DROP TABLE event --\""},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct event_query *q;
		struct err err = {.code = 0};
		cleanup_buf struct buf out = BUF_INIT(4096);
		char line[300];
		if (event_query_parse(arena, str_c(rows[i][0]), &q, &err) < 0)
			fail_msg("%s: %s", rows[i][0], err_line(&err, line, sizeof line));
		event_query_print(q, &out);
		assert_string_equal(out.p, rows[i][1]);
		event_query_check(str_c(rows[i][0]));
	}
}

static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *key, *at, *name, *value;
	} rows[] = {
		{"a (b", "event.query_no_parenthesis", "2", NULL, NULL},
		{"a ) b", "event.query_end", "2", NULL, NULL},
		{"()", "event.query_no_term", "1", NULL, NULL},
		{"a OR", "event.query_no_term", "4", NULL, NULL},
		{"OR a", "event.query_no_term", "0", NULL, NULL},
		{"a AND AND b", "event.query_no_term", "6", NULL, NULL},
		{"NOT", "event.query_no_term", "3", NULL, NULL},
		{"a \"b", "event.query_no_quote", "2", NULL, NULL},
		{"user.name:", "event.query_no_value", "10", NULL, NULL},
		{"user.name:(a", "event.query_no_parenthesis", "10", NULL, NULL},
		{"~a*", "event.query_folded_wildcard", "0", NULL, NULL},
		{"a usre.name:x", "event.query_field", "2", "nearest", "user.name"},
		{"proces.name:x", "event.query_field", "0", "nearest", "process.name"},
		{"USRE.NAME:x", "event.query_field", "0", "nearest", "user.name"},
		{"event.severity:>high", "event.query_not_number", "15", NULL, NULL},
		{"event.severity:>-", "event.query_not_number", "15", NULL, NULL},
		{"unit.id:x", "event.query_not_uuid", "8", NULL, NULL},
		{"@timestamp:>1", "event.query_time", "0", NULL, NULL},
		{"a \xff", "event.query_utf8", "2", NULL, NULL},
		{"a \x01", "event.query_utf8", "2", NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct event_query *q;
		struct err err = {.code = 0};
		int r = event_query_parse(arena, str_c(rows[i].text), &q, &err);
		if (r == 0 || strcmp(err.key, rows[i].key) != 0 || strcmp(err_arg(&err, "at"), rows[i].at) != 0 ||
		    (rows[i].name != NULL && strcmp(err_arg(&err, rows[i].name), rows[i].value) != 0))
			fail_msg("%s: %d %s at %s", rows[i].text, r, err.key, err_arg(&err, "at"));
	}
}

static void has_limits(void **state)
{
	(void)state;
	static const struct {
		const char *piece;
		size_t times, beyond;
		const char *key;
	} rows[] = {
		{"(", EVENT_QUERY_DEPTH + 1, 0, "event.query_too_deep"},
		{"-", EVENT_QUERY_DEPTH + 1, 0, "event.query_too_deep"},
		{"NOT ", EVENT_QUERY_DEPTH + 1, 0, "event.query_too_deep"},
		{"a ", EVENT_QUERY_TERMS + 1, 0, "event.query_too_many"},
		{"x", EVENT_QUERY_LIMIT + 1, 0, "event.query_too_long"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_buf struct buf text = BUF_INIT(1 << 20);
		const struct event_query *q;
		struct err err = {.code = 0};
		for (size_t n = 0; n < rows[i].times; n++)
			buf_append_c(&text, rows[i].piece);
		buf_append_c(&text, rows[i].piece[0] == 'x' ? "" : "a");
		assert_int_equal(event_query_parse(arena, buf_str(&text), &q, &err), -E2BIG);
		assert_string_equal(err.key, rows[i].key);
	}
}

static void compiles(void **state)
{
	(void)state;
	static const struct {
		const char *text, *sql, *values; /* values joined by "|" */
	} rows[] = {
		{"", "(1)", ""},
		{"Mimikatz", "(((hasToken(lower(raw), {p0:String}))))", "mimikatz|"},
		{"a.b", "(((hasToken(lower(raw), {p0:String})) AND (hasToken(lower(raw), {p1:String})) AND (position(lower(raw), {p2:String}) > 0)))",
		 "a|b|a.b|"},
		{"\"Đặng\"",
		 "(((hasToken(lower(raw), {p0:String}) OR hasToken(lower(raw), {p1:String}) OR hasToken(lower(raw), {p2:String}))))",
		 "đặng|ĐẶng|Đặng|"},
		{"a*", "(lower(raw) LIKE {p0:String})", "%a%%|"},
		{"a_*", "(lower(raw) LIKE {p0:String})", "%a\\_%%|"},
		{"user.name:AN", "(lower(user_name) = {p0:String})", "an|"},
		{"user.name:*", "(user_name != '')", ""},
		{"process.name:c*.exe", "(lower(process_name) LIKE {p0:String})", "c%.exe|"},
		{"event.severity:4", "(ifNull(event_severity = {p0:UInt32}, 0))", "4|"},
		{"event.severity:>=4", "(ifNull(event_severity >= {p0:Float64}, 0))", "4|"},
		{"source.ip:10.0.0.0/8",
		 "(ifNull(toIPv6OrNull(source_ip) BETWEEN toIPv6({p0:String}) AND toIPv6({p1:String}), 0))",
		 "::ffff:10.0.0.0|::ffff:10.255.255.255|"},
		{"x:y", "(arrayExists(x -> lower(x) = {p0:String}, splitByChar('\\n', if(mapContains(fields, {p1:String}), fields[{p1:String}],"
		 " JSONExtract(raw, {p1:String}, 'String')))))",
		 "y|x|"},
		{"a.b:y", "(arrayExists(x -> lower(x) = {p0:String}, splitByChar('\\n', if(mapContains(fields, {p1:String}), fields[{p1:String}],"
		 " firstNonDefault(JSONExtract(raw, {p1:String}, 'String'), JSONExtract(raw, {p2:String}, {p3:String}, 'String'))))))",
		 "y|a.b|a|b|"},
		{"message:a", "((((hasToken(lower(raw), {p0:String}))) AND ((hasToken(lower(text), {p1:String})))))", "a|a|"},
		{"x:*", "((if(mapContains(fields, {p0:String}), fields[{p0:String}], JSONExtract(raw, {p0:String}, 'String')) != ''))", "x|"},
		{"event.id:0190c4f2-8a52-7d3e-9f10-aabbccddeeff", "(event_id = {p0:UUID})", "0190c4f2-8a52-7d3e-9f10-aabbccddeeff|"},
		{"NOT (user.name:a OR user.name:b)",
		 "(NOT ((lower(user_name) = {p0:String}) OR (lower(user_name) = {p1:String})))", "a|b|"},
		{"user.name:\"' OR 1=1 --\"", "(lower(user_name) = {p0:String})", "' or 1=1 --|"},
		{"\"x') UNION SELECT 1\":\"} {p0:String}\"",
		 "((hasToken(lower(raw), {p0:String}) OR mapContains(fields, {p1:String})) AND arrayExists(x -> lower(x) = {p2:String},"
		 " splitByChar('\\n', if(mapContains(fields, {p3:String}), fields[{p3:String}], JSONExtract(raw, {p3:String}, 'String')))))",
		 "string|x') UNION SELECT 1|} {p0:string}|x') UNION SELECT 1|"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct event_query *q;
		struct err err = {.code = 0};
		struct event_query_sql sql = {.arena = arena, .text = BUF_INIT(1 << 16)};
		cleanup_buf struct buf values = BUF_INIT(4096);
		assert_int_equal(event_query_parse(arena, str_c(rows[i].text), &q, &err), 0);
		assert_int_equal(event_query_compile(q, &sql, &err), 0);
		assert_string_equal(sql.text.p, rows[i].sql);
		for (size_t n = 0; n < sql.count; n++)
			buf_printf(&values, "%.*s|", STR_FMT(sql.params[n].value));
		assert_string_equal(values.n > 0 ? values.p : "", rows[i].values);
		buf_done(&sql.text);
	}
}

/* Does the rule made of the query find what the query finds? */
static void becomes_a_rule(void **state)
{
	(void)state;
	static const struct {
		const char *text, *event;
		bool hit;
	} rows[] = {
		{"user.name:an", "{\"user\":{\"name\":\"An\"}}", true},
		{"user.name:an", "{\"user\":{\"name\":\"Anh\"}}", false},
		{"user.name:a*", "{\"user\":{\"name\":\"Anh\"}}", true},
		{"user.name:\"a*\"", "{\"user\":{\"name\":\"Anh\"}}", false},
		{"user.name:an -process.name:cmd.exe", "{\"user\":{\"name\":\"an\"},\"process\":{\"name\":\"x\"}}", true},
		{"user.name:an -process.name:cmd.exe", "{\"user\":{\"name\":\"an\"},\"process\":{\"name\":\"cmd.exe\"}}", false},
		{"user.name:(an OR binh) event.severity:>=4", "{\"user\":{\"name\":\"binh\"},\"event\":{\"severity\":5}}", true},
		{"user.name:(an OR binh) event.severity:>=4", "{\"user\":{\"name\":\"binh\"},\"event\":{\"severity\":3}}", false},
		{"source.ip:10.0.0.0/8", "{\"source\":{\"ip\":\"10.2.3.4\"}}", true},
		{"source.ip:10.0.0.0/8", "{\"source\":{\"ip\":\"11.2.3.4\"}}", false},
		{"user.name:*", "{\"user\":{\"name\":\"a\"}}", true},
		{"user.name:*", "{\"x\":1}", false},
		{"mimikatz", "{\"CommandLine\":\"run Mimikatz now\"}", true},
		{"mimikatz", "{\"CommandLine\":\"run it\"}", false},
		{"process.executable:C:\\Windows\\cmd.exe", "{\"process\":{\"executable\":\"c:\\\\windows\\\\cmd.exe\"}}", true},
		{"process.executable:C:\\Windows\\*", "{\"process\":{\"executable\":\"c:\\\\windows\\\\cmd.exe\"}}", true},
		{"process.executable:*\\cmd.exe", "{\"process\":{\"executable\":\"c:\\\\windows\\\\cmd.exe\"}}", true},
		{"CommandLine:\"it's \\\"x\\\"\"", "{\"CommandLine\":\"it's \\\"x\\\"\"}", true},
		{"message:login", "{\"message\":\"bad login of x\"}", true},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct event_query *q;
		struct err err = {.code = 0};
		char line[300];
		cleanup_buf struct buf rule = BUF_INIT(1 << 16);
		struct event_query_rule about = {.id = "0190c4f2-8a52-7d3e-9f10-aabbccddeeff", .title = STR("it's one"),
		                                 .date = STR("2026-11-21"), .author = STR("a")};
		assert_int_equal(event_query_parse(arena, str_c(rows[i].text), &q, &err), 0);
		assert_int_equal(event_query_sigma(q, &about, &rule, &err), 0);
		struct sigma_loader *loader = sigma_loader_new(NULL);
		struct sigma_ruleset *rules = NULL;
		int r = sigma_loader_add_text(loader, "q.yml", buf_str(&rule), &err);
		if (r == 0)
			r = sigma_loader_compile(loader, &rules, &err);
		for (size_t n = 0; n < sigma_loader_refused_count(loader); n++)
			fail_msg("%s\n%s", err_line(&sigma_loader_refused(loader, n)->err, line, sizeof line), rule.p);
		if (r < 0)
			fail_msg("%s\n%s", err_line(&err, line, sizeof line), rule.p);
		struct sigma_matcher *matcher = sigma_matcher_new(rules, NULL);
		const struct sigma_match *matches;
		int n = sigma_matcher_run(matcher, str_c(rows[i].event), &matches, &err);
		if (n != (rows[i].hit ? 1 : 0))
			fail_msg("%s on %s: %d\n%s", rows[i].text, rows[i].event, n, rule.p);
		sigma_matcher_free(matcher);
		sigma_ruleset_unref(rules);
		sigma_loader_free(loader);
	}
}

static void says_what_no_rule_can(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"~nguyen", "event.rule_cannot_folded"}, {"", "event.rule_cannot_all"}, {"unit.id:0190c4f2-8a52-7d3e-9f10-aabbccddeeff a", "event.rule_cannot_record"}, {"source:x", "event.rule_cannot_record"},
		{"\"a|b\":x", "event.rule_cannot_field"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct event_query *q;
		struct err err = {.code = 0};
		cleanup_buf struct buf rule = BUF_INIT(1 << 16);
		struct event_query_rule about = {.id = "x"};
		assert_int_equal(event_query_parse(arena, str_c(rows[i][0]), &q, &err), 0);
		assert_int_equal(event_query_sigma(q, &about, &rule, &err), -EINVAL);
		assert_string_equal(err.key, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),        cmocka_unit_test(refuses),        cmocka_unit_test(has_limits),
		cmocka_unit_test(compiles),     cmocka_unit_test(becomes_a_rule), cmocka_unit_test(says_what_no_rule_can),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
