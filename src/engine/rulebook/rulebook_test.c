/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/clock/clock.h"
#include "engine/rulebook/rulebook_internal.h"

#define RULE                                                                                                           \
	"title: Marker\nid: 11111111-2222-4333-8444-555555555555\nstatus: test\nlevel: high\ntags: [attack.t1059.001]\n" \
	"logsource: {category: process_creation, product: windows}\n"                                              \
	"detection:\n  s: {CommandLine|contains: 'luytre-marker'}\n  condition: s\n"
#define BAD "title: Bad\nlogsource: {product: windows}\ndetection:\n  s: {A|nomod: 1}\n  condition: s\n"

static int run(enum rulebook_job job, const char *head, struct str payload, struct buf *out, struct err *err)
{
	cleanup_buf struct buf input = BUF_INIT(RULEBOOK_FILE_MAX * 2);
	buf_append_c(&input, head);
	buf_append_char(&input, '\n');
	buf_append(&input, payload);
	buf_clear(out);
	return rulebook_run(job, buf_str(&input), out, err);
}

struct made {
	const char *path, *text, *link;
	size_t zeros;
};

static size_t pack(const struct made *files, bool zip, char *to, size_t size)
{
	struct archive *a = archive_write_new();
	static char zeros[65536];
	size_t used = 0;
	assert_int_equal(zip ? archive_write_set_format_zip(a) : archive_write_set_format_pax(a), ARCHIVE_OK);
	if (!zip)
		assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_memory(a, to, size, &used), ARCHIVE_OK);
	for (; files->path != NULL; files++) {
		struct archive_entry *e = archive_entry_new();
		archive_entry_set_pathname(e, files->path);
		archive_entry_set_filetype(e, files->link != NULL ? AE_IFLNK : AE_IFREG);
		archive_entry_set_perm(e, 0644);
		size_t n = files->zeros > 0 ? files->zeros : files->text != NULL ? strlen(files->text) : 0;
		archive_entry_set_size(e, (la_int64_t)n);
		if (files->link != NULL)
			archive_entry_set_symlink(e, files->link);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		for (size_t done = 0; files->zeros > 0 && done < n; done += sizeof zeros)
			(void)archive_write_data(a, zeros, n - done < sizeof zeros ? n - done : sizeof zeros);
		if (files->zeros == 0 && n > 0)
			(void)archive_write_data(a, files->text, n);
		archive_entry_free(e);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	(void)archive_write_free(a);
	return used;
}

static char packed[1 << 20];

static void archives(void **state)
{
	(void)state;
	static const struct made good[] = {{.path = "sigma/rules/a.yml", .text = RULE}, {.path = "sigma/rules/b.yaml", .text = BAD},
	                                   {.path = "sigma/.github/c.yml", .text = RULE}, {.path = "sigma/tests/thor.yml", .text = "a: 1\n"},
	                                   {.path = "sigma/rules/link.yml", .link = "/etc/passwd"}, {.path = "README.md", .text = "x"},
	                                   {.path = NULL}};
	for (int zip = 0; zip < 2; zip++) {
		cleanup_buf struct buf out = BUF_INIT((size_t)16 << 20);
		cleanup(arena) struct arena *arena = arena_new(0);
		const struct json *head, *one;
		struct err err = {0};
		size_t n = pack(good, zip == 1, packed, sizeof packed);
		assert_int_equal(run(RULEBOOK_READ, "{\"name\":\"x.zip\"}", str_n(packed, n), &out, &err), 0);
		struct str rest = buf_str(&out), line;
		assert_true(str_split(&rest, '\n', &line));
		assert_int_equal(json_parse(arena, line, NULL, &head, &err), 0);
		assert_int_equal(json_get_int(head, "files", 0), 2);
		assert_int_equal(json_get_int(head, "documents", 0), 1);
		assert_int_equal(json_get_int(head, "refused", 0), 1);
		assert_int_equal(json_get_int(head, "skipped", 0), 4);
		assert_true(str_split(&rest, '\n', &line));
		assert_int_equal(json_parse(arena, line, NULL, &one, &err), 0);
		assert_true(str_eq_c(json_get_str(one, "title", STR_EMPTY), "Marker"));
		assert_true(str_eq_c(json_get_str(one, "level", STR_EMPTY), "high"));
		assert_true(str_eq_c(json_get_str(one, "text", STR_EMPTY), RULE));
		assert_int_equal(json_get(one, "refused")->type, JSON_NULL);
		assert_true(str_split(&rest, '\n', &line));
		assert_int_equal(json_parse(arena, line, NULL, &one, &err), 0);
		assert_true(str_eq_c(json_get_str(json_get(one, "refused"), "key", STR_EMPTY), "sigma.modifier"));
		assert_true(str_starts_with(json_get_str(json_get(one, "refused"), "place", STR_EMPTY), STR("sigma/rules/b.yaml:4")));
	}
}

static void hostile(void **state)
{
	(void)state;
	static const struct {
		struct made files[3];
		const char *key;
	} table[] = {
		{{{.path = "../../etc/cron.d/x.yml", .text = RULE}}, "rulebook.path"},
		{{{.path = "a/../b.yml", .text = RULE}}, "rulebook.path"},
		{{{.path = "/abs.yml", .text = RULE}}, "rulebook.path"},
		{{{.path = "C:\\x.yml", .text = RULE}}, "rulebook.path"},
		{{{.path = "a.yml", .text = "x: 1\n"}}, "rulebook.no_rules"},
		{{{.path = "big.yml", .zeros = (size_t)100 << 20}}, "rulebook.bomb"},
	};
	for (size_t i = 0; i < ARRAY_LEN(table) * 2; i++) {
		cleanup_buf struct buf out = BUF_INIT((size_t)16 << 20);
		struct err err = {0};
		size_t n = pack(table[i / 2].files, i % 2 == 1, packed, sizeof packed);
		assert_true(run(RULEBOOK_READ, "{\"name\":\"x\"}", str_n(packed, n), &out, &err) < 0);
		assert_string_equal(err.key, table[i / 2].key);
	}
	/* Cut short at every byte: refused or read, never more. */
	static const struct made one[] = {{.path = "a.yml", .text = RULE}, {.path = NULL}};
	for (int zip = 0; zip < 2; zip++) {
		size_t n = pack(one, zip == 1, packed, sizeof packed);
		for (size_t cut = 0; cut < n; cut += 7) {
			cleanup_buf struct buf out = BUF_INIT((size_t)1 << 20);
			(void)!run(RULEBOOK_READ, "{}", str_n(packed, cut), &out, NULL);
		}
	}
	cleanup_buf struct buf out = BUF_INIT((size_t)1 << 20);
	assert_int_equal(rulebook_run(RULEBOOK_READ, STR("no json\n"), &out, NULL), -EINVAL);
}

static void checks(void **state)
{
	(void)state;
	cleanup_buf struct buf out = BUF_INIT((size_t)4 << 20);
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *j;
	struct err err = {0};
	static const char head[] = "{\"events\":[\"{\\\"EventID\\\":1,\\\"Channel\\\":\\\"Microsoft-Windows-Sysmon/Operational\\\","
	                           "\\\"CommandLine\\\":\\\"x luytre-marker\\\"}\",\"{\\\"CommandLine\\\":\\\"other\\\"}\",\"{bad\"]}";
	assert_int_equal(run(RULEBOOK_CHECK, head, STR(RULE), &out, &err), 0);
	assert_int_equal(json_parse(arena, buf_str(&out), NULL, &j, &err), 0);
	assert_true(json_get_bool(j, "ok", false));
	const struct json *first = json_get(j, "results")->child;
	assert_int_equal(json_get(first, "matches")->count, 1);
	assert_true(json_get_bool(json_get(first, "explain"), "matches", false));
	assert_int_equal(json_get(first->next, "matches")->count, 0);
	assert_true(str_eq_c(json_get_str(json_get(first->next->next, "error"), "key", STR_EMPTY), "sigma.event_syntax"));
	assert_int_equal(run(RULEBOOK_CHECK, "{}", STR(BAD), &out, &err), 0);
	assert_int_equal(json_parse(arena, buf_str(&out), NULL, &j, &err), 0);
	assert_false(json_get_bool(j, "ok", true));
	assert_true(str_starts_with(json_get_str(json_get(j, "refused")->child, "place", STR_EMPTY), STR("rule.yml:4:")));
	assert_int_equal(run(RULEBOOK_CHECK, "{}", STR("a: [\n"), &out, &err), 0);
}

static void put_string(struct buf *out, const char *text)
{
	size_t n = strlen(text);
	for (; n >= 0x80; n >>= 7)
		buf_append_char(out, (char)(0x80 | (n & 0x7f)));
	buf_append_char(out, (char)n);
	buf_append_c(out, text);
}

static void put_row(struct buf *out, const char *event, const char *host, int64_t time, const char *raw)
{
	put_string(out, event);
	put_string(out, "unit");
	put_string(out, host);
	for (int i = 0; i < 8; i++)
		buf_append_char(out, (char)((uint64_t)time >> (8 * i)));
	put_string(out, raw);
}

#define SERIES                                                                                                         \
	"title: Base\nname: base\nlogsource: {product: luytre}\ndetection:\n  s: {m: bad}\n  condition: s\n---\n"      \
	"title: Series\ncorrelation: {type: event_count, rules: [base], group-by: [host], timespan: 10m, condition: {gte: 3}}\n"

static void replays(void **state)
{
	(void)state;
	cleanup_buf struct buf out = BUF_INIT((size_t)16 << 20), rows = BUF_INIT((size_t)1 << 20), head = BUF_INIT(256);
	cleanup_buf struct buf records = BUF_INIT((size_t)1 << 20);
	const int64_t now = (int64_t)1795000000 * 1000000;
	int64_t matched = 0;
	/* Three matches in two pieces: the correlation holds in the second. */
	for (int piece = 0; piece < 2; piece++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		const struct json *j;
		struct err err = {0};
		buf_clear(&head);
		buf_clear(&rows);
		buf_printf(&head, "{\"rule\":%zu,\"records\":%zu}", strlen(SERIES), records.n);
		buf_append_c(&rows, SERIES);
		buf_append(&rows, buf_str(&records));
		for (int i = 0; i < 2; i++) {
			char raw[200], iso[CLOCK_ISO_SIZE];
			(void)snprintf(raw, sizeof raw, "{\"@timestamp\":\"%s\",\"luytre.log\":\"server\",\"m\":\"bad\",\"host\":\"h1\"}",
			               clock_iso(now + (piece * 2 + i) * 1000000, iso));
			put_row(&rows, "e", "h1", now, raw);
		}
		put_row(&rows, "f", "h1", now, "{broken");
		assert_int_equal(run(RULEBOOK_REPLAY, head.p, buf_str(&rows), &out, &err), 0);
		size_t end = str_find_char(buf_str(&out), '\n');
		assert_int_equal(json_parse(arena, str_sub(buf_str(&out), 0, end), NULL, &j, &err), 0);
		assert_int_equal(json_get_int(j, "events", 0), 3);
		assert_int_equal(json_get_int(j, "unreadable", 0), 1);
		matched = json_get_int(j, "matched", 0);
		buf_clear(&records);
		buf_append(&records, str_sub(buf_str(&out), end + 1, out.n));
		assert_true(records.n > 0);
		assert_true(matched == (piece == 0 ? 0 : 1) || matched == (piece == 0 ? 0 : 2));
	}
	/* Rows cut short are refused. */
	buf_clear(&rows);
	buf_append_c(&rows, SERIES);
	put_row(&rows, "e", "h", now, "{}");
	buf_clear(&head);
	buf_printf(&head, "{\"rule\":%zu}", strlen(SERIES));
	for (size_t cut = strlen(SERIES) + 1; cut < rows.n; cut++)
		assert_int_equal(run(RULEBOOK_REPLAY, head.p, str_sub(buf_str(&rows), 0, cut), &out, NULL), -EINVAL);
}

static void indicators(void **state)
{
	(void)state;
	static const struct {
		const char *text, *type, *value; /* type NULL: none */
	} table[] = {
		{"275A021BBFB6489E54D471899F7DB9D1663FC695EC2FE2A2C4538AABF651FD0F", "sha256", "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"},
		{"d41d8cd98f00b204e9800998ecf8427e", "md5", "d41d8cd98f00b204e9800998ecf8427e"},
		{"da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{"hxxps://Evil[.]Example.com/A/b?C=1", "url", "https://evil.example.com/A/b?C=1"},
		{"evil[.]example", "domain", "evil.example"}, {"*.evil.example", "domain", "evil.example"},
		{" \"Bad.Example\" ", "domain", "bad.example"}, {"192.0.2.1", "ip", "192.0.2.1"}, {"192.0.2.0/24", "ip", "192.0.2.0/24"},
		{"2001:DB8::1", "ip", "2001:db8::1"}, {"192.0.2.300", NULL, NULL}, {"Invoice.EXE", "file_name", "invoice.exe"},
		{"evil.example/path", "url", "evil.example/path"}, {"một dòng chữ", NULL, NULL}, {"", NULL, NULL}, {"a\x01.example", NULL, NULL},
		{"1.2.3", NULL, NULL}, {"192.0.2.0/33", NULL, NULL},
	};
	cleanup_buf struct buf value = BUF_INIT(8192), out = BUF_INIT((size_t)1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int type = -1;
		bool taken = rulebook_indicator(str_c(table[i].text), &type, &value);
		if (taken != (table[i].type != NULL))
			fail_msg("%s", table[i].text);
		if (!taken)
			continue;
		assert_string_equal(rulebook_indicator_types[type], table[i].type);
		assert_string_equal(value.p, table[i].value);
	}
	struct err err = {0};
	assert_int_equal(run(RULEBOOK_INDICATORS, "{}", STR("# x\n\"first_seen\",\"ioc_value\",\"note\"\n\"2026\",\"b.example\",\"x, y\"\n2026,a.example,\n2026,a.example,\n2026,??,\n"), &out, &err), 0);
	assert_string_equal(out.p, "{\"lines\":6,\"taken\":2,\"refused\":1,\"repeated\":1,\"types\":{\"domain\":2},\"bad\":[{\"line\":6,\"text\":\"2026,??,\"}]}\n"
	                           "domain\ta.example\ndomain\tb.example\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(archives), cmocka_unit_test(hostile), cmocka_unit_test(checks),
	                                   cmocka_unit_test(replays), cmocka_unit_test(indicators)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
