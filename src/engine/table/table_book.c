/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* xl/workbook.xml, its relations, styles and shared strings: what a sheet's cells refer to. */
#include <stdio.h>

#include "engine/table/table_internal.h"

#define TEXTS_MAX 2000000
#define STYLES_MAX 65536
#define FORMATS_MAX 2048
#define TEXT_BYTES_MAX ((size_t)128 << 20)

static void nothing(struct table_xml *x, const char *name)
{
	(void)x;
	(void)name;
}

static int too_big(struct err *err)
{
	return err_set(err, -E2BIG, "table.too_big", ARG_U64("limit_mb", TEXT_BYTES_MAX >> 20));
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool truth(const char *value)
{
	return value != NULL && (is(value, "1") || is(value, "true"));
}

/* ---- which sheet ---- */

static void book_start(struct table_xml *x, const char *name, const char **attributes)
{
	struct table_book *book = x->ctx;
	if (is(name, "workbookPr"))
		book->from_1904 = truth(table_xml_attribute(attributes, "date1904"));
	if (!is(name, "sheet") || book->sheet_id[0] != '\0')
		return;
	const char *state = table_xml_attribute(attributes, "state"), *id = table_xml_attribute(attributes, "id"),
		   *title = table_xml_attribute(attributes, "name");
	if (id == NULL || (state != NULL && !is(state, "visible")))
		return;
	str_copy_c(str_c(id), book->sheet_id, sizeof(book->sheet_id));
	str_copy_c(str_c(title), book->sheet, sizeof(book->sheet));
}

static void relation_start(struct table_xml *x, const char *name, const char **attributes)
{
	struct table_book *book = x->ctx;
	const char *id = table_xml_attribute(attributes, "Id"), *target = table_xml_attribute(attributes, "Target");
	if (!is(name, "Relationship") || id == NULL || target == NULL || !is(id, book->sheet_id))
		return;
	struct buf part = BUF_FIXED(book->sheet_part, sizeof(book->sheet_part));
	if (target[0] == '/')
		buf_append_c(&part, target + 1);
	else
		buf_printf(&part, "xl/%s", target);
}

/* ---- styles ---- */

struct styles {
	struct table_book *book;
	uint64_t formats[FORMATS_MAX]; /* numbers of the file's own formats that are dates */
	size_t format_count;
	bool in_cells;
};

static bool is_date_format(const struct styles *s, uint64_t id)
{
	for (size_t i = 0; i < s->format_count; i++)
		if (s->formats[i] == id)
			return true;
	/* 18.8.30: the formats everybody has, with those of East Asian Excels. */
	return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);
}

static void add_style(struct table_xml *x, struct table_book *book, bool date)
{
	if (book->style_count == STYLES_MAX) {
		x->r = too_big(x->err);
		return;
	}
	if (book->style_count == book->style_capacity) {
		book->style_capacity = book->style_capacity > 0 ? 2 * book->style_capacity : 64;
		book->dates = mem_realloc_array(book->dates, book->style_capacity, sizeof(*book->dates));
	}
	book->dates[book->style_count++] = date;
}

static void style_start(struct table_xml *x, const char *name, const char **attributes)
{
	struct styles *s = x->ctx;
	const char *id = table_xml_attribute(attributes, "numFmtId"), *code = table_xml_attribute(attributes, "formatCode");
	uint64_t number = 0;
	if (is(name, "cellXfs"))
		s->in_cells = true;
	if (id == NULL || !str_parse_u64(str_c(id), 0, UINT32_MAX, &number))
		number = 0;
	if (is(name, "numFmt") && code != NULL && table_format_is_date(str_c(code)) && s->format_count < FORMATS_MAX)
		s->formats[s->format_count++] = number;
	if (is(name, "xf") && s->in_cells)
		add_style(x, s->book, is_date_format(s, number));
}

static void style_end(struct table_xml *x, const char *name)
{
	struct styles *s = x->ctx;
	if (is(name, "cellXfs"))
		s->in_cells = false;
}

/* ---- shared strings ---- */

struct texts {
	struct table_book *book;
	bool in_text, in_reading; /* rPh: how a Japanese word is read */
	size_t begin;
};

static void text_start(struct table_xml *x, const char *name, const char **attributes)
{
	struct texts *t = x->ctx;
	(void)attributes;
	if (is(name, "si"))
		t->begin = t->book->texts.n;
	t->in_reading = t->in_reading || is(name, "rPh");
	t->in_text = is(name, "t") && !t->in_reading;
}

static void text_end(struct table_xml *x, const char *name)
{
	struct texts *t = x->ctx;
	struct table_book *book = t->book;
	t->in_text = false;
	if (is(name, "rPh"))
		t->in_reading = false;
	if (!is(name, "si"))
		return;
	if (book->texts.overflow || book->text_count == TEXTS_MAX) {
		x->r = too_big(x->err);
		return;
	}
	if (book->texts.n > t->begin)
		book->texts.n = t->begin + table_unescape(book->texts.p + t->begin, book->texts.n - t->begin);
	if (book->text_count == book->text_capacity) {
		book->text_capacity = book->text_capacity > 0 ? 2 * book->text_capacity : 256;
		book->ends = mem_realloc_array(book->ends, book->text_capacity, sizeof(*book->ends));
	}
	book->ends[book->text_count++] = book->texts.n;
}

static void text_text(struct table_xml *x, struct str text)
{
	struct texts *t = x->ctx;
	if (t->in_text)
		buf_append(&t->book->texts, text);
}

bool table_book_text(const struct table_book *book, uint64_t index, struct str *ret)
{
	if (index >= book->text_count)
		return false;
	*ret = str_sub(buf_str(&book->texts), index > 0 ? book->ends[index - 1] : 0, book->ends[index]);
	return true;
}

/* ---- all of it ---- */

static int read_styles(struct table_zip *zip, struct table_book *book, struct err *err)
{
	struct styles *s = MEM_NEW(struct styles);
	s->book = book;
	struct table_xml x = {.ctx = s, .start = style_start, .end = style_end};
	int r = table_zip_xml(zip, "xl/styles.xml", &x, err);
	mem_free(s);
	return r == -ENOENT ? 0 : r;
}

static int read_texts(struct table_zip *zip, struct table_book *book, struct err *err)
{
	struct texts t = {.book = book};
	struct table_xml x = {.ctx = &t, .start = text_start, .end = text_end, .text = text_text};
	int r = table_zip_xml(zip, "xl/sharedStrings.xml", &x, err);
	return r == -ENOENT ? 0 : r;
}

int table_book_read(struct table_zip *zip, struct table_book *ret, struct err *err)
{
	ret->texts = BUF_INIT(TEXT_BYTES_MAX);
	struct table_xml book = {.ctx = ret, .start = book_start, .end = nothing};
	struct table_xml relations = {.ctx = ret, .start = relation_start, .end = nothing};
	int r = table_zip_xml(zip, "xl/workbook.xml", &book, err);
	if (r == 0)
		r = table_zip_xml(zip, "xl/_rels/workbook.xml.rels", &relations, err);
	if (r == -ENOENT || (r == 0 && ret->sheet_part[0] == '\0'))
		return err_set(err, -EINVAL, "table.no_sheet");
	if (r == 0)
		r = read_styles(zip, ret, err);
	return r < 0 ? r : read_texts(zip, ret, err);
}

void table_book_done(struct table_book *book)
{
	buf_done(&book->texts);
	mem_free(book->ends);
	mem_free(book->dates);
	*book = (struct table_book){0};
}
