/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A sheet's rows (ECMA-376 part 1, 18.3.1: sheetData, row, c, v, is). */
#include "engine/table/table_internal.h"

enum kind { KIND_NUMBER, KIND_SHARED, KIND_TEXT, KIND_BOOL };

struct sheet {
	const struct table_book *book;
	struct buf *out;
	struct buf value; /* of the current cell, as written in the file */
	struct buf row;   /* texts of the current row */
	size_t ends[TABLE_COLUMNS_MAX];
	uint32_t number, rows;
	size_t column; /* of the current cell */
	size_t next;   /* column after the last one */
	size_t filled; /* columns of the row up to the last that holds something */
	enum kind kind;
	bool date, in_data, in_cell, in_value, in_reading;
};

static void refuse(struct table_xml *x, struct sheet *s, int r)
{
	char place[TABLE_PLACE_SIZE];
	x->r = r;
	(void)err_at(x->err, str_c(table_place(s->number, s->column, place)));
}

static void malformed(struct table_xml *x, struct sheet *s, const char *what)
{
	refuse(x, s, err_set(x->err, -EINVAL, "table.malformed", ARG_CSTR("what", what)));
}

static void begin_row(struct table_xml *x, struct sheet *s, const char *number)
{
	uint64_t n = s->number + 1;
	if (number != NULL && !str_parse_u64(str_c(number), n, UINT32_MAX - 1, &n)) {
		malformed(x, s, "row");
		return;
	}
	s->number = (uint32_t)n;
	s->next = s->filled = 0;
	buf_clear(&s->row);
}

/* "AB12": which column, from 0. */
static bool read_column(const char *reference, size_t *ret)
{
	size_t v = 0;
	while (*reference >= 'A' && *reference <= 'Z' && v < 100000)
		v = v * 26 + (size_t)(*reference++ - 'A' + 1);
	*ret = v - 1;
	return v > 0 && v < 100000;
}

static enum kind kind_of(const char *type)
{
	if (type == NULL || strcmp(type, "n") == 0)
		return KIND_NUMBER;
	if (strcmp(type, "s") == 0)
		return KIND_SHARED;
	return strcmp(type, "b") == 0 ? KIND_BOOL : KIND_TEXT;
}

static void begin_cell(struct table_xml *x, struct sheet *s, const char **attributes)
{
	const char *reference = table_xml_attribute(attributes, "r"), *style = table_xml_attribute(attributes, "s");
	uint64_t number = 0;
	s->column = s->next;
	if (reference != NULL && (!read_column(reference, &s->column) || s->column < s->next)) {
		malformed(x, s, "cell");
		return;
	}
	s->next = s->column + 1;
	s->kind = kind_of(table_xml_attribute(attributes, "t"));
	bool styled = style != NULL && str_parse_u64(str_c(style), 0, UINT32_MAX, &number);
	s->date = styled && number < s->book->style_count && s->book->dates[number];
	s->in_cell = true;
	buf_clear(&s->value);
}

static void start(struct table_xml *x, const char *name, const char **attributes)
{
	struct sheet *s = x->ctx;
	if (strcmp(name, "sheetData") == 0)
		s->in_data = true;
	if (!s->in_data)
		return;
	if (strcmp(name, "row") == 0)
		begin_row(x, s, table_xml_attribute(attributes, "r"));
	else if (strcmp(name, "c") == 0)
		begin_cell(x, s, attributes);
	else if (strcmp(name, "rPh") == 0)
		s->in_reading = true;
	s->in_value = s->in_cell && !s->in_reading && (strcmp(name, "v") == 0 || strcmp(name, "t") == 0);
}

static void text(struct table_xml *x, struct str piece)
{
	struct sheet *s = x->ctx;
	if (s->in_value)
		buf_append(&s->value, piece);
}

/* False: not what its type says. */
static bool show(struct sheet *s)
{
	struct str value = buf_str(&s->value), shared = STR_EMPTY;
	uint64_t index = 0;
	switch (s->kind) {
	case KIND_NUMBER:
		return s->date ? table_show_date(str_trim(value), s->book->from_1904, &s->row)
			       : table_show_number(str_trim(value), &s->row);
	case KIND_SHARED:
		if (!str_parse_u64(str_trim(value), 0, UINT32_MAX, &index) || !table_book_text(s->book, index, &shared))
			return false;
		buf_append(&s->row, shared);
		return true;
	case KIND_BOOL:
		buf_append_c(&s->row, str_eq_c(value, "1") ? "TRUE" : "FALSE");
		return true;
	case KIND_TEXT:
		s->value.n = table_unescape(s->value.p, s->value.n);
		buf_append(&s->row, buf_str(&s->value));
		return true;
	}
	return false;
}

static void end_cell(struct table_xml *x, struct sheet *s)
{
	s->in_cell = false;
	/* Programs style whole rows of cells that hold nothing. */
	if (s->value.n == 0)
		return;
	if (s->column >= TABLE_COLUMNS_MAX) {
		refuse(x, s, err_set(x->err, -E2BIG, "table.too_many_columns", ARG_U64("limit", TABLE_COLUMNS_MAX)));
		return;
	}
	size_t begin = s->row.n;
	while (s->filled < s->column)
		s->ends[s->filled++] = begin;
	if (!s->value.overflow && !show(s)) {
		malformed(x, s, "value");
		return;
	}
	if (s->value.overflow || s->row.n - begin > TABLE_CELL_MAX) {
		refuse(x, s, err_set(x->err, -E2BIG, "table.cell_too_long", ARG_U64("limit", TABLE_CELL_MAX)));
		return;
	}
	s->ends[s->filled++] = s->row.n;
}

static void end_row(struct table_xml *x, struct sheet *s)
{
	struct table_cell cells[TABLE_COLUMNS_MAX];
	if (s->row.n == 0)
		return;
	if (s->rows++ == TABLE_ROWS_MAX) {
		x->r = err_set(x->err, -E2BIG, "table.too_many_rows", ARG_U64("limit", TABLE_ROWS_MAX));
		return;
	}
	for (size_t i = 0; i < s->filled; i++)
		cells[i] = (struct table_cell){.text = str_sub(buf_str(&s->row), i > 0 ? s->ends[i - 1] : 0, s->ends[i])};
	table_pack_row(s->out, s->number, cells, s->filled);
	if (s->out->overflow || s->row.overflow)
		x->r = err_set(x->err, -E2BIG, "table.too_big", ARG_U64("limit_mb", s->out->max >> 20));
}

static void end(struct table_xml *x, const char *name)
{
	struct sheet *s = x->ctx;
	s->in_value = false;
	if (strcmp(name, "sheetData") == 0)
		s->in_data = false;
	else if (strcmp(name, "rPh") == 0)
		s->in_reading = false;
	else if (s->in_data && strcmp(name, "c") == 0)
		end_cell(x, s);
	else if (s->in_data && strcmp(name, "row") == 0)
		end_row(x, s);
}

int table_sheet_read(struct table_zip *zip, const struct table_book *book, struct buf *out, struct err *err)
{
	struct sheet *s = MEM_NEW(struct sheet);
	*s = (struct sheet){.book = book, .out = out, .value = BUF_INIT(TABLE_CELL_MAX + 1),
			    .row = BUF_INIT((TABLE_COLUMNS_MAX + 1) * (TABLE_CELL_MAX + 1))};
	struct table_xml x = {.ctx = s, .start = start, .end = end, .text = text};
	table_pack_begin(out, str_c(book->sheet));
	int r = table_zip_xml(zip, book->sheet_part, &x, err);
	buf_done(&s->value);
	buf_done(&s->row);
	mem_free(s);
	return r == -ENOENT ? err_set(err, -EINVAL, "table.no_sheet") : r;
}
