/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/document/document_internal.h"
#include "engine/document/document_template.h"

#define BR DOCUMENT_BREAK
static const char data[] =
    "{\"n\": 1234567.5, \"one\": 1, \"share\": 0.9736, \"name\": \"Nguyễn Văn Hải\", \"none\": null, \"empty\": \"\", \"yes\": true,"
    " \"day\": \"2026-01-05\", \"late\": \"2026-11-20T20:30:00Z\", \"list\": [\"a\", \"b\"], \"nothing\": [], \"deep\": {\"er\": {\"x\": 7}},"
    " \"sly\": \"*b* [l](x) | <i> # \\n- z\", \"rows\": [{\"k\": 1, \"in\": [1, 2]}, {\"k\": 2, \"in\": []}], \"lines\": \"x\\ny\"}";

static int expand(struct arena *arena, const char *template, struct str *head, struct str *body, struct err *err)
{
	const struct json *tree = NULL;
	assert_int_equal(json_parse(arena, str_c(data), NULL, &tree, NULL), 0);
	struct document_expand x = {.arena = arena, .source = str_c(template), .data = tree, .err = err};
	return document_expand(&x, head, body);
}

static void values(void **state)
{
	static const struct {
		const char *template, *body;
	} cases[] = {
		{"a {{name}} b", "a Nguyễn Văn Hải b"},
		{"{{n}} {{one}} {{deep.er.x}}", "1234567\\,5 1 7"},
		{"{{n | number}} {{n | number 2}} {{one | pad 3}}", "1\\.234\\.568 1\\.234\\.567\\,50 001"},
		{"{{share | percent}} {{share | percent 1}}", "97\\% 97\\,4\\%"},
		{"{{day | date}} {{day | date_long}}", "05\\/01\\/2026 ngày 05 tháng 01 năm 2026"},
		{"{{late | date}} {{late | time}}", "21\\/11\\/2026 03\\:30 ngày 21\\/11\\/2026"},
		{"{{name | upper}} {{deep.er.x | roman}}", "NGUYỄN VĂN HẢI VII"},
		{"{{list | join \", \"}} {{list | count}}", "a\\, b 2"},
		{"{{none | default \"–\"}} {{empty | default \"?\"}} {{missing.x | date | default name}}", "– \\? Nguyễn Văn Hải"},
		{"{{sly}}", "\\*b\\* \\[l\\]\\(x\\) \\| \\<i\\> \\# " BR "\\- z"},
		{"{{lines}}|{{lines | paragraphs}}", "x" BR "y|x\n\ny"},
		{"{{! nothing }}x{{ \"a b\" | url }}", "xa\\%20b"},
		{"{{#if yes}}A{{else}}B{{/if}}{{#if not yes}}C{{else if one == 1}}D{{/if}}", "AD"},
		{"{{#if n > 3 and (none or yes)}}1{{/if}}{{#if name != \"x\"}}2{{/if}}{{#if none == null}}3{{/if}}{{#if missing}}4{{/if}}", "123"},
		{"{{#if nothing}}1{{/if}}{{#if list}}2{{/if}}{{#if one <= 1}}3{{/if}}{{#if one < 1}}4{{/if}}", "23"},
		{"{{#each r in rows}}{{@number}}/{{@count}}:{{r.k}}{{#each i in r.in}}({{r.k}}{{i}}){{else}}-{{/each}}{{#if @last}}.{{/if}} {{/each}}",
		 "1/2:1(11)(12) 2/2:2-. "},
		{"| a |\n|---|\n{{#each r in rows}}\n| {{r.k}} |\n{{/each}}\nend", "| a |\n|---|\n| 1 |\n| 2 |\nend"},
		{"  {{#if yes}}  \nx\n  {{/if}}\ny {{#if yes}} z {{/if}}\n", "x\ny  z \n"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct str head, body;
		struct err err = {0};
		char line[512];
		if (expand(arena, cases[i].template, &head, &body, &err) < 0)
			fail_msg("%s: %s", cases[i].template, err_line(&err, line, sizeof(line)));
		if (!str_eq_c(body, cases[i].body))
			fail_msg("%s: \"%.*s\" instead of \"%s\"", cases[i].template, STR_FMT(body), cases[i].body);
	}
}

static void faults_have_a_place(void **state)
{
	static const struct {
		const char *template, *place, *key;
	} cases[] = {
		{"a\nbc {{name", "2:4", "document.syntax"},
		{"{{#if yes}}x", "1:13", "document.syntax"},
		{"{{/if}}", "1:1", "document.syntax"},
		{"{{#each x in list}}{{/if}}", "1:20", "document.syntax"},
		{"{{#each list}}{{/each}}", "1:13", "document.syntax"},
		{"x {{missing}}", "1:5", "document.no_value"},
		{"{{deep.er.y}}", "1:3", "document.no_value"},
		{"{{@number}}", "1:4", "document.no_value"},
		{"{{@wrong}}", "1:4", "document.syntax"},
		{"{{list}}", "1:3", "document.not_a_value"},
		{"{{#each x in name}}{{/each}}", "1:14", "document.not_a_list"},
		{"{{#each x in missing}}{{/each}}", "1:14", "document.no_value"},
		{"{{n | numbr}}", "1:7", "document.no_format"},
		/* In a branch that is not taken, too. */
		{"{{#if none}}{{n | numbr}}{{/if}}", "1:19", "document.no_format"},
		{"{{name | number}}", "1:10", "document.format_value"},
		{"{{n | number 77}}", "1:7", "document.format_value"},
		{"{{name | date}}", "1:10", "document.format_value"},
		{"{{#if name > 3}}{{/if}}", "1:12", "document.compare"},
		{"{{name name}}", "1:8", "document.syntax"},
		{"{{\"open}}", "1:8", "document.syntax"},
		{"{{#if ((((((((((((((((((yes))))))))))))))))))}}{{/if}}", "1:23", "document.too_deep"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct str head, body;
		struct err err = {0};
		if (expand(arena, cases[i].template, &head, &body, &err) >= 0)
			fail_msg("%s: accepted", cases[i].template);
		if (strcmp(err.key, cases[i].key) != 0 || strcmp(err.place, cases[i].place) != 0)
			fail_msg("%s: %s %s instead of %s %s", cases[i].template, err.place, err.key, cases[i].place, cases[i].key);
	}
}

/* A document that would never end, or fill the memory, ends with an error. */
static void bounded(void **state)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)512 << 20);
	struct buf template = BUF_INIT(DOCUMENT_TEMPLATE_MAX), json = BUF_INIT(1 << 20);
	const struct json *tree = NULL;
	struct str head, body;
	struct err err = {0};
	(void)state;
	buf_append_c(&json, "{\"l\": [0");
	for (int i = 0; i < 2000; i++)
		buf_append_c(&json, ",1");
	buf_append_c(&json, "]}");
	for (int i = 0; i < 4; i++)
		buf_append_c(&template, "{{#each x in l}}");
	for (int i = 0; i < 4; i++)
		buf_append_c(&template, "{{/each}}");
	assert_int_equal(json_parse(arena, buf_str(&json), NULL, &tree, NULL), 0);
	struct document_expand x = {.arena = arena, .source = buf_str(&template), .data = tree, .err = &err};
	assert_int_equal(document_expand(&x, &head, &body), -E2BIG);
	assert_string_equal(err.key, "document.too_long");
	buf_clear(&template);
	for (int i = 0; i < 3; i++)
		buf_append_c(&template, "{{#each x in l}}");
	buf_append_c(&template, "0123456789012345678901234567890123456789");
	for (int i = 0; i < 3; i++)
		buf_append_c(&template, "{{/each}}");
	x = (struct document_expand){.arena = arena, .source = buf_str(&template), .data = tree, .err = &err};
	assert_int_equal(document_expand(&x, &head, &body), -E2BIG);
	assert_string_equal(err.key, "document.too_big");
	buf_done(&template);
	buf_done(&json);
}

static void head_is_plain_text(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct document_head h;
	struct str head, body;
	struct err err = {0};
	(void)state;
	static const char template[] = "---\nagency: {{name}} [x]\ndate: {{day}}\ntitle: {{sly}}\nrecipients:\n{{#each i in list}}\n- {{i}};\n{{/each}}\n- Lưu: VT.\nsize: 13\n---\nbody";
	assert_int_equal(expand(arena, template, &head, &body, &err), 0);
	assert_true(str_eq_c(body, "body"));
	assert_int_equal(document_read_head(arena, head, &h, &err), 0);
	assert_true(str_eq_c(h.agency, "Nguyễn Văn Hải [x]"));
	assert_true(str_eq_c(h.title, "*b* [l](x) | <i> #  - z"));
	assert_true(str_eq_c(h.date, "ngày 05 tháng 01 năm 2026"));
	assert_int_equal(h.recipients.count, 3);
	assert_true(str_eq_c(h.recipients.items[2], "Lưu: VT."));
	assert_int_equal(h.size, 13);
	assert_int_equal(document_read_head(arena, STR("agencie: x"), &h, &err), -EINVAL);
	assert_string_equal(err_arg(&err, "nearest"), "agency");
	assert_int_equal(document_read_head(arena, STR("size: 15"), &h, &err), -EINVAL);
	assert_int_equal(document_read_head(arena, STR("- x"), &h, &err), -EINVAL);
}

static void signs(void **state)
{
	static const struct {
		uint64_t n;
		const char *roman, *letter;
	} cases[] = {{1, "I", "a"}, {4, "IV", "d"}, {5, "V", "đ"}, {7, "VII", "g"}, {14, "XIV", "o"}, {23, "XXIII", "y"}, {24, "XXIV", "aa"}, {1999, "MCMXCIX", NULL}};
	cleanup(arena) struct arena *arena = arena_new(0);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(str_eq_c(document_roman(arena, cases[i].n), cases[i].roman));
		if (cases[i].letter != NULL)
			assert_true(str_eq_c(document_letter(arena, cases[i].n), cases[i].letter));
	}
	static const struct {
		double n;
		int decimals;
		const char *shown;
	} numbers[] = {{0, -1, "0"}, {-0.4, 0, "0"}, {-1234.5, 1, "-1.234,5"}, {999, 0, "999"}, {1000, 0, "1.000"}, {0.125, -1, "0,125"}, {2026, -1, "2026"}};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		assert_string_equal(document_show_number(arena, numbers[i].n, numbers[i].decimals).p, numbers[i].shown);
	/* Days below 10 and the months 1 and 2 are padded, others are not. */
	assert_string_equal(document_long_date(arena, STR("2026-03-09")).p, "ngày 09 tháng 3 năm 2026");
	assert_string_equal(document_long_date(arena, STR("2026-02-28")).p, "ngày 28 tháng 02 năm 2026");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(faults_have_a_place), cmocka_unit_test(bounded),
					   cmocka_unit_test(head_is_plain_text), cmocka_unit_test(signs)};
	return cmocka_run_group_tests_name("document_template", tests, NULL, NULL);
}
