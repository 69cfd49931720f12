/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * XLSX from rows. libxlsxwriter of Debian 12 (1.1.4) opens temporary files, which the process that does this may not;
 * libzip packs in memory. One sheet, texts inline (ECMA-376 part 1, 18.3.1.53), so that a text is never a formula.
 */
#include <stdio.h>

#include "base/clock/clock.h"
#include "base/text/text.h"
#include "engine/table/table_internal.h"

#define SHEET_BYTES_MAX ((size_t)768 << 20)
#define WIDTH_MIN 8
#define WIDTH_MAX 60
#define EPOCH_SERIAL 25569 /* 1970-01-01 */
#define DIGITS_MAX 15
#define DOS_DATE ((zip_uint16_t)(1 << 5 | 1)) /* 1980-01-01: the same rows make the same file */

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define PACKAGE "http://schemas.openxmlformats.org/package/2006/"
#define DOCUMENT "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define KIND_OF "application/vnd.openxmlformats-officedocument.spreadsheetml."

static const char types[] = HEAD
    "<Types xmlns=\"" PACKAGE "content-types\"><Default Extension=\"rels\" ContentType=\"application/"
    "vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/>"
    "<Override PartName=\"/xl/workbook.xml\" ContentType=\"" KIND_OF "sheet.main+xml\"/>"
    "<Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"" KIND_OF "worksheet+xml\"/>"
    "<Override PartName=\"/xl/styles.xml\" ContentType=\"" KIND_OF "styles+xml\"/></Types>";
static const char package_relations[] = HEAD
    "<Relationships xmlns=\"" PACKAGE "relationships\"><Relationship Id=\"rId1\" Type=\"" DOCUMENT
    "/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>";
static const char book_relations[] = HEAD
    "<Relationships xmlns=\"" PACKAGE "relationships\"><Relationship Id=\"rId1\" Type=\"" DOCUMENT
    "/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"" DOCUMENT
    "/styles\" Target=\"styles.xml\"/></Relationships>";
/* Styles by number: plain, heading, time. */
static const char styles[] = HEAD
    "<styleSheet xmlns=\"" MAIN "\"><numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"dd/mm/yyyy\\ hh:mm\"/></numFmts>"
    "<fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font><font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font>"
    "</fonts><fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill>"
    "</fills><borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
    "<cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs><cellXfs count=\"3\">"
    "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>"
    "<xf numFmtId=\"0\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyFont=\"1\"/>"
    "<xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/></cellXfs>"
    "<cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>";

/* What XML 1.0 cannot hold goes out as "_x001F_", and so does a text that looks like that. */
static void put_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool looks_escaped = c == '_' && i + 6 < text.n && text.p[i + 1] == 'x' && text.p[i + 6] == '_';
		if (c == '&')
			buf_append_c(out, "&amp;");
		else if (c == '<')
			buf_append_c(out, "&lt;");
		else if (c == '>')
			buf_append_c(out, "&gt;");
		else if (c == '"')
			buf_append_c(out, "&quot;");
		else if ((c < 0x20 && c != '\n' && c != '\t') || looks_escaped)
			buf_printf(out, "_x%04X_", c);
		else if (c == 0xEF && i + 2 < text.n && (unsigned char)text.p[i + 1] == 0xBF && (unsigned char)text.p[i + 2] >= 0xBE)
			i += 2; /* U+FFFE, U+FFFF: no XML characters */
		else
			buf_append_char(out, (char)c);
	}
}

/* More digits than Excel keeps, or zeros in front: a number that is a name. */
static bool is_number(struct str text)
{
	char shown[64];
	struct buf as_read = BUF_FIXED(shown, sizeof(shown));
	struct cursor c = cursor_of(text);
	size_t digits = 0;
	for (size_t i = 0; i < text.n; i++)
		digits += text.p[i] >= '0' && text.p[i] <= '9';
	bool padded = text.n > 1 && text.p[0] == '0' && text.p[1] != '.';
	return digits > 0 && digits <= DIGITS_MAX && !padded && cursor_while(&c, "0123456789.-").n == text.n &&
	       table_show_number(text, &as_read);
}

/* "2026-11-21 13:56:35" as days since 1899-12-30. */
static bool serial(struct str text, double *ret)
{
	char iso[CLOCK_ISO_SIZE];
	usec_t t;
	if (text.n != strlen("2026-11-21 13:56:35"))
		return false;
	(void)snprintf(iso, sizeof(iso), "%.*sZ", STR_FMT(text));
	if (clock_parse_iso(str_c(iso), &t, NULL) < 0)
		return false;
	*ret = (double)t / (double)USEC_PER_DAY + EPOCH_SERIAL;
	return *ret >= 61;
}

static void put_cell(struct buf *out, const struct table_cell *cell, uint32_t row, size_t column)
{
	char place[TABLE_PLACE_SIZE];
	double days = 0;
	(void)table_place(row, column, place);
	if (cell->text.n == 0)
		return;
	if (row > 1 && cell->type == TABLE_NUMBER && is_number(cell->text)) {
		buf_printf(out, "<c r=\"%s\"><v>%.*s</v></c>", place, STR_FMT(cell->text));
	} else if (row > 1 && cell->type == TABLE_TIME && serial(cell->text, &days)) {
		buf_printf(out, "<c r=\"%s\" s=\"2\"><v>%.10f</v></c>", place, days);
	} else {
		buf_printf(out, "<c r=\"%s\"%s t=\"inlineStr\"><is><t xml:space=\"preserve\">", place, row == 1 ? " s=\"1\"" : "");
		put_text(out, cell->text);
		buf_append_c(out, "</t></is></c>");
	}
}

/* The widest cell of each column, in letters. */
static int measure(struct str packed, size_t widths[TABLE_COLUMNS_MAX], size_t *ret_columns, struct err *err)
{
	struct table_rows *rows = MEM_NEW(struct table_rows);
	int r = table_rows_begin(rows, packed, err);
	*ret_columns = 0;
	while (r >= 0 && (r = table_rows_next(rows, err)) > 0) {
		*ret_columns = rows->count > *ret_columns ? rows->count : *ret_columns;
		for (size_t i = 0; i < rows->count; i++) {
			size_t n = text_length(str_sub(rows->cells[i].text, 0, 4 * (size_t)WIDTH_MAX)) + 2;
			widths[i] = n > widths[i] ? n : widths[i];
		}
	}
	mem_free(rows);
	return r;
}

static void put_head(struct buf *out, const size_t widths[TABLE_COLUMNS_MAX], size_t columns)
{
	buf_append_c(out, HEAD "<worksheet xmlns=\"" MAIN "\"><sheetViews><sheetView workbookViewId=\"0\" tabSelected=\"1\"><pane ySplit=\"1\" "
		     "topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews>");
	if (columns > 0)
		buf_append_c(out, "<cols>");
	for (size_t i = 0; i < columns; i++) {
		size_t width = widths[i] < WIDTH_MIN ? WIDTH_MIN : widths[i] > WIDTH_MAX ? WIDTH_MAX : widths[i];
		buf_printf(out, "<col min=\"%zu\" max=\"%zu\" width=\"%zu\" customWidth=\"1\"/>", i + 1, i + 1, width);
	}
	buf_append_c(out, columns > 0 ? "</cols><sheetData>" : "<sheetData>");
}

static int make_sheet(struct str packed, struct buf *out, struct err *err)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0}, columns = 0;
	int r = measure(packed, widths, &columns, err);
	if (r < 0)
		return r;
	put_head(out, widths, columns);
	struct table_rows *rows = MEM_NEW(struct table_rows);
	r = table_rows_begin(rows, packed, err);
	while (r >= 0 && (r = table_rows_next(rows, err)) > 0) {
		buf_printf(out, "<row r=\"%u\">", rows->number);
		for (size_t i = 0; i < rows->count; i++)
			put_cell(out, &rows->cells[i], rows->number, i);
		buf_append_c(out, "</row>");
	}
	mem_free(rows);
	buf_append_c(out, "</sheetData></worksheet>");
	return r < 0 ? r : out->overflow ? err_set(err, -E2BIG, "table.too_big", ARG_U64("limit_mb", SHEET_BYTES_MAX >> 20)) : 0;
}

static void make_book(struct str packed, struct buf *out)
{
	struct table_rows *rows = MEM_NEW(struct table_rows);
	struct str sheet = table_rows_begin(rows, packed, NULL) == 0 ? rows->sheet : STR_EMPTY;
	buf_append_c(out, HEAD "<workbook xmlns=\"" MAIN "\" xmlns:r=\"" DOCUMENT "\"><sheets><sheet name=\"");
	if (sheet.n == 0)
		buf_append_c(out, "Sheet1");
	/* Excel refuses these in a sheet's name, and more than 31 letters. */
	size_t letters = 0;
	for (size_t at = 0, from; at < sheet.n && letters < 31; letters++) {
		from = at;
		(void)text_utf8_next(sheet, &at);
		bool good = (unsigned char)sheet.p[from] >= 0x20 && strchr("\\/?*[]:'", sheet.p[from]) == NULL;
		put_text(out, good ? str_sub(sheet, from, at) : STR(" "));
	}
	buf_append_c(out, "\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>");
	mem_free(rows);
}

static int add(zip_t *archive, const char *name, struct str bytes, struct err *err)
{
	zip_source_t *source = zip_source_buffer(archive, bytes.p, bytes.n, 0);
	zip_int64_t at = source != NULL ? zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) : -1;
	if (at < 0) {
		zip_source_free(source);
		return err_set(err, -EIO, "table.not_written");
	}
	/* Level 1: three times as fast, and a third larger. */
	bool done = zip_file_set_dostime(archive, (zip_uint64_t)at, 0, DOS_DATE, 0) == 0 &&
		    zip_set_file_compression(archive, (zip_uint64_t)at, ZIP_CM_DEFLATE, 1) == 0;
	return done ? 0 : err_set(err, -EIO, "table.not_written");
}

/* The archive's bytes, once it is closed. */
static int take(zip_source_t *source, struct buf *out, struct err *err)
{
	zip_stat_t s;
	zip_stat_init(&s);
	bool good = zip_source_stat(source, &s) == 0 && (s.valid & ZIP_STAT_SIZE) != 0 && zip_source_open(source) == 0;
	if (!good || !buf_reserve(out, s.size)) {
		if (good)
			(void)zip_source_close(source);
		return good ? err_set(err, -E2BIG, "table.too_big", ARG_U64("limit_mb", out->max >> 20)) : err_set(err, -EIO, "table.not_written");
	}
	char piece[8192];
	zip_int64_t n;
	while ((n = zip_source_read(source, piece, sizeof(piece))) > 0)
		buf_append(out, str_n(piece, (size_t)n));
	(void)zip_source_close(source);
	return n < 0 ? err_set(err, -EIO, "table.not_written") : 0;
}

static int pack(struct str book, struct str sheet, zip_source_t *source, struct err *err)
{
	const struct {
		const char *name;
		struct str bytes;
	} parts[] = {{"[Content_Types].xml", str_c(types)},
		     {"_rels/.rels", str_c(package_relations)},
		     {"xl/workbook.xml", book},
		     {"xl/_rels/workbook.xml.rels", str_c(book_relations)},
		     {"xl/styles.xml", str_c(styles)},
		     {"xl/worksheets/sheet1.xml", sheet}};
	zip_source_keep(source); /* opening takes one hold */
	zip_t *archive = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
	if (archive == NULL) {
		zip_source_free(source);
		return err_set(err, -EIO, "table.not_written");
	}
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++)
		r = add(archive, parts[i].name, parts[i].bytes, err);
	if (r == 0 && zip_close(archive) == 0)
		return 0;
	zip_discard(archive);
	return r < 0 ? r : err_set(err, -EIO, "table.not_written");
}

int table_write(struct str packed, struct buf *ret_xlsx, struct err *err)
{
	cleanup_buf struct buf sheet = BUF_INIT(SHEET_BYTES_MAX), book = BUF_INIT(8192);
	int r = make_sheet(packed, &sheet, err);
	if (r < 0)
		return r;
	make_book(packed, &book);
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
	if (source == NULL)
		return err_set(err, -EIO, "table.not_written");
	r = pack(buf_str(&book), buf_str(&sheet), source, err);
	if (r == 0)
		r = take(source, ret_xlsx, err);
	zip_source_free(source);
	return r;
}
