/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/document/document_internal.h"

/* fontconfig keeps its configuration until the process ends. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\n";
}

static const struct document *make(struct arena *arena, const char *template)
{
	const struct document *d = NULL;
	const struct json *data = NULL;
	struct err err = {0};
	char line[512];
	assert_int_equal(json_parse(arena, STR("{\"x\": \"a\\nb\", \"evil\": \"</p><script>&\"}"), NULL, &data, NULL), 0);
	if (document_new(arena, str_c(template), data, &d, &err) < 0)
		fail_msg("%s", err_line(&err, line, sizeof(line)));
	return d;
}

static void expect(struct arena *arena, const struct document_block **b, enum document_block_kind kind, const char *label, const char *text)
{
	assert_non_null(*b);
	if ((*b)->kind != kind || !str_eq_c((*b)->label, label) || !str_eq_c(document_plain(arena, (*b)->runs), text))
		fail_msg("%d \"%.*s\" \"%.*s\" instead of %d \"%s\" \"%s\"", (int)(*b)->kind, STR_FMT((*b)->label),
			 STR_FMT(document_plain(arena, (*b)->runs)), (int)kind, label, text);
	*b = (*b)->next;
}

static void blocks(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	(void)state;
	const struct document *d = make(arena, "## A\n### B\n### C\n#### D\n#### E\n## F\n### G\n- x\n- y\n  - z\n\n3. u\n4. v\n   1. w\n\n> q\n\n***\n\n{{x}} **b *c***\n\n<b>h</b>\n\n"
					       "Phụ lục I\nTÊN\n===\n\n## H\n");
	const struct document_block *b = d->blocks;
	expect(arena, &b, DOCUMENT_HEADING, "I.", "A");
	expect(arena, &b, DOCUMENT_HEADING, "1.", "B");
	expect(arena, &b, DOCUMENT_HEADING, "2.", "C");
	expect(arena, &b, DOCUMENT_HEADING, "a)", "D");
	expect(arena, &b, DOCUMENT_HEADING, "b)", "E");
	expect(arena, &b, DOCUMENT_HEADING, "II.", "F");
	expect(arena, &b, DOCUMENT_HEADING, "1.", "G");
	expect(arena, &b, DOCUMENT_ITEM, "-", "x");
	expect(arena, &b, DOCUMENT_ITEM, "-", "y");
	expect(arena, &b, DOCUMENT_ITEM, "+", "z");
	expect(arena, &b, DOCUMENT_ITEM, "3.", "u");
	expect(arena, &b, DOCUMENT_ITEM, "4.", "v");
	expect(arena, &b, DOCUMENT_ITEM, "a)", "w");
	expect(arena, &b, DOCUMENT_QUOTE, "", "q");
	expect(arena, &b, DOCUMENT_PAGE, "", "");
	expect(arena, &b, DOCUMENT_PARAGRAPH, "", "a b b c");
	expect(arena, &b, DOCUMENT_PARAGRAPH, "", "<b>h</b>");
	expect(arena, &b, DOCUMENT_APPENDIX, "", "Phụ lục I TÊN");
	expect(arena, &b, DOCUMENT_HEADING, "I.", "H");
	assert_null(b);
}

static void tables(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	(void)state;
	const struct document *d = make(arena, "| STT | A long heading | C | D |\n|:-:|---|--:|---|\n| 1 | [l](https://x.example/a?b=1&c) [m](javascript:1) | | |\n| **I** | **G** | | |\n");
	const struct document_table *t = d->blocks->table;
	assert_int_equal(t->columns, 4);
	assert_int_equal(t->align[0], DOCUMENT_ALIGN_CENTRE);
	assert_int_equal(t->align[2], DOCUMENT_ALIGN_RIGHT);
	const struct document_row *row = t->rows->next;
	assert_false(row->spans);
	assert_true(row->next->spans);
	assert_true(str_eq_c(row->cells[1]->url, "https://x.example/a?b=1&c"));
	for (const struct document_run *run = row->cells[1]->next; run != NULL; run = run->next)
		assert_int_equal(run->url.n, 0);
	double sum = 0;
	for (size_t i = 0; i < t->columns; i++)
		sum += t->share[i];
	assert_true(sum > 0.999 && sum < 1.001);
	assert_true(t->share[1] > t->share[0] && t->share[0] > 0.04);
}

/* Annex I of Nghị định 30/2020: what may be chosen lies within what it allows. */
static void layout_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		double value, min, max;
	} rules[] = {{"top", DOCUMENT_MARGIN_TOP_MM, 20, 25}, {"bottom", DOCUMENT_MARGIN_BOTTOM_MM, 20, 25}, {"left", DOCUMENT_MARGIN_LEFT_MM, 30, 35},
		     {"right", DOCUMENT_MARGIN_RIGHT_MM, 15, 20}, {"indent", DOCUMENT_INDENT_MM, 10, 12.7}, {"gap", DOCUMENT_PARAGRAPH_GAP, 6, 12},
		     {"width", DOCUMENT_PAGE_WIDTH_MM, 210, 210}, {"height", DOCUMENT_PAGE_HEIGHT_MM, 297, 297}};
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (rules[i].value < rules[i].min || rules[i].value > rules[i].max)
			fail_msg("%s", rules[i].what);
	for (unsigned size = 13; size <= 14; size++) {
		const struct document_head h = {.size = size};
		assert_true(document_size_nation(&h) >= 12 && document_size_nation(&h) <= 13);
	}
}

static void files(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf pdf = BUF_INIT(DOCUMENT_FILE_MAX), docx = BUF_INIT(DOCUMENT_FILE_MAX), html = BUF_INIT(DOCUMENT_FILE_MAX);
	struct err err = {0};
	(void)state;
	const struct document *d = make(arena, "---\nagency: {{evil}}\ntitle: {{evil}}\n---\n{{evil}} [x](https://e.example/?a='\"b)\n\n| a |\n|---|\n| {{evil}} |\n");
	assert_int_equal(document_write(d, DOCUMENT_PDF, &pdf, &err), 0);
	assert_int_equal(document_write(d, DOCUMENT_DOCX, &docx, &err), 0);
	assert_int_equal(document_write(d, DOCUMENT_HTML, &html, &err), 0);
	assert_true(str_starts_with(buf_str(&pdf), STR("%PDF-1.")));
	assert_true(str_starts_with(buf_str(&docx), STR("PK")));
	assert_int_equal(str_find(buf_str(&html), STR("<script")), SIZE_MAX);
	assert_int_not_equal(str_find(buf_str(&html), STR("&lt;/p&gt;&lt;script&gt;&amp;")), SIZE_MAX);
}

/* A cell higher than a page, a word wider than a column, a table without rows: shown, and no end missing. */
static void hard_tables(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf template = BUF_INIT(1 << 20), pdf = BUF_INIT(DOCUMENT_FILE_MAX);
	(void)state;
	buf_append_c(&template, "| a | b |\n|---|---|\n\n| a | b |\n|---|---|\n| ");
	for (int i = 0; i < 3000; i++)
		buf_append_c(&template, "từ ");
	buf_append_c(&template, "| ");
	for (int i = 0; i < 3000; i++)
		buf_append_c(&template, "Ơ");
	buf_append_c(&template, " |\n");
	assert_int_equal(document_write(make(arena, template.p), DOCUMENT_PDF, &pdf, NULL), 0);
}

static void endings(void **state)
{
	enum document_format f;
	(void)state;
	assert_true(document_format_of(STR("a.b/x.PDF"), &f) && f == DOCUMENT_PDF);
	assert_true(document_format_of(STR("x.docx"), &f) && f == DOCUMENT_DOCX);
	assert_true(document_format_of(STR("x.html"), &f) && f == DOCUMENT_HTML);
	assert_false(document_format_of(STR("pdf"), &f));
	assert_false(document_format_of(STR("x.pdfx"), &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(blocks), cmocka_unit_test(tables), cmocka_unit_test(layout_numbers),
					   cmocka_unit_test(files), cmocka_unit_test(hard_tables), cmocka_unit_test(endings)};
	return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
