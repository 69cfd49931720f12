/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/file/file.h"
#include "engine/table/table_internal.h"

static void read_rows(struct str file, struct buf *packed, struct table_rows *rows)
{
	struct err err = {0};
	char line[512];
	if (table_read(file, packed, &err) < 0)
		fail_msg("%s", err_line(&err, line, sizeof(line)));
	assert_int_equal(table_rows_begin(rows, buf_str(packed), NULL), 0);
}

static void expect_row(struct table_rows *rows, uint32_t number, const char *const *cells)
{
	assert_int_equal(table_rows_next(rows, NULL), 1);
	assert_int_equal(rows->number, number);
	size_t n = 0;
	for (; cells[n] != NULL; n++)
		if (!str_eq_c(table_rows_cell(rows, n), cells[n]))
			fail_msg("row %u cell %zu: \"%.*s\" instead of \"%s\"", number, n, STR_FMT(table_rows_cell(rows, n)), cells[n]);
	assert_int_equal(rows->count, n);
}
#define ROW(rows, number, ...) expect_row((rows), (number), (const char *const[]){__VA_ARGS__, NULL})

static void csv_rows(void **state)
{
	(void)state;
	cleanup_buf struct buf packed = BUF_INIT(65536);
	struct table_rows rows;
	read_rows(STR("\xef\xbb\xbfmã;tên\r\n\r\nX1;\"Xã \"\"Bình An\"\"\"\r\n;\r\nX2;Đồng Kỵ\r\n"), &packed, &rows);
	ROW(&rows, 1, "mã", "tên");
	ROW(&rows, 3, "X1", "Xã \"Bình An\"");
	ROW(&rows, 5, "X2", "Đồng Kỵ");
	assert_int_equal(table_rows_next(&rows, NULL), 0);
}

/* Made with openpyxl: a hidden first sheet, shared strings, rich and inline text, dates, numbers, a formula, a gap. */
static void xlsx_of_others(void **state)
{
	(void)state;
	cleanup_buf struct buf file = BUF_INIT(TABLE_FILE_MAX), packed = BUF_INIT(65536), path = BUF_INIT(4096);
	struct table_rows rows;
	struct err err = {0};
	buf_printf(&path, "%s/fuzz/corpus/table/openpyxl.xlsx", getenv("LUYTRE_SOURCE"));
	assert_int_equal(file_read(path.p, TABLE_FILE_MAX, &file, &err), 0);
	read_rows(buf_str(&file), &packed, &rows);
	assert_true(str_eq_c(rows.sheet, "Đơn vị"));
	ROW(&rows, 1, "mã", "tên", "ngày", "số", "đúng");
	ROW(&rows, 2, "X1", "Xã Bình An", "2026-11-21", "0.3", "TRUE");
	ROW(&rows, 4, "X2", "", "2026-11-21 13:56:35", "12345678901234", "FALSE");
	ROW(&rows, 5, "007", "a\nb & <c>", "1900-01-01", "-2.5", "06:30:00");
	assert_int_equal(table_rows_next(&rows, NULL), 0);
}

static void written_and_read_again(void **state)
{
	(void)state;
	cleanup_buf struct buf packed = BUF_INIT(65536), file = BUF_INIT(65536), again = BUF_INIT(65536);
	struct table_rows rows;
	struct err err = {0};
	const struct table_cell heading[] = {{STR("Tên"), TABLE_TEXT}, {STR("12"), TABLE_NUMBER}, {STR("Lúc"), TABLE_TEXT}};
	const struct table_cell first[] = {{STR("=1+1"), TABLE_TEXT}, {STR("3.25"), TABLE_NUMBER}, {STR("2026-11-21 13:56:35"), TABLE_TIME}};
	const struct table_cell second[] = {{STR("_x000D_ \x01 <&>\"\r\n"), TABLE_TEXT}, {STR("1234567890123456"), TABLE_NUMBER}, {STR("sắp tới"), TABLE_TIME}};
	const struct table_cell third[] = {{STR("Nguyễn Văn Hải"), TABLE_TEXT}, {STR("007"), TABLE_NUMBER}, {STR("1899-01-01 00:00:00"), TABLE_TIME}};
	table_pack_begin(&packed, STR("Sự cố / [1]"));
	table_pack_row(&packed, 1, heading, 3);
	table_pack_row(&packed, 2, first, 3);
	table_pack_row(&packed, 3, second, 3);
	table_pack_row(&packed, 9, third, 3);
	assert_int_equal(table_write(buf_str(&packed), &file, &err), 0);
	read_rows(buf_str(&file), &again, &rows);
	assert_true(str_eq_c(rows.sheet, "Sự cố    1 "));
	ROW(&rows, 1, "Tên", "12", "Lúc");
	ROW(&rows, 2, "=1+1", "3.25", "2026-11-21 13:56:35");
	ROW(&rows, 3, "_x000D_ \x01 <&>\"\r\n", "1234567890123456", "sắp tới");
	ROW(&rows, 9, "Nguyễn Văn Hải", "007", "1899-01-01 00:00:00");
	assert_int_equal(table_rows_next(&rows, NULL), 0);
}

static const char book[] = "<workbook><sheets><sheet name='S' id='r1'/></sheets></workbook>";
static const char relations[] = "<Relationships><Relationship Id='r1' Target='/xl/s.xml'/></Relationships>";

/* A package of these parts; "" leaves the sheet out. */
static void make_package(const char *sheet, size_t sheet_bytes, struct buf *ret)
{
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_source_keep(source);
	zip_t *archive = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
	assert_true(zip_file_add(archive, "xl/workbook.xml", zip_source_buffer(archive, book, sizeof(book) - 1, 0), 0) >= 0);
	assert_true(zip_file_add(archive, "xl/_rels/workbook.xml.rels", zip_source_buffer(archive, relations, sizeof(relations) - 1, 0), 0) >= 0);
	if (sheet_bytes > 0)
		assert_true(zip_file_add(archive, "xl/s.xml", zip_source_buffer(archive, sheet, sheet_bytes, 0), 0) >= 0);
	assert_int_equal(zip_close(archive), 0);
	char piece[4096];
	zip_int64_t n;
	assert_int_equal(zip_source_open(source), 0);
	while ((n = zip_source_read(source, piece, sizeof(piece))) > 0)
		buf_append(ret, str_n(piece, (size_t)n));
	(void)zip_source_close(source);
	zip_source_free(source);
}

struct refused {
	const char *sheet, *key, *place;
	int code;
};

static void refusals(void **state)
{
	(void)state;
	static const struct refused cases[] = {
	    {"", "table.no_sheet", "", -EINVAL},
	    {"<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet/>", "table.malformed", "", -EINVAL},
	    {"<worksheet><sheetData>", "table.malformed", "", -EINVAL},
	    {"<w><sheetData><row r='5'/><row r='5'/></sheetData></w>", "table.malformed", "A5", -EINVAL},
	    {"<w><sheetData><row><c r='B1'/><c r='A1'/></row></sheetData></w>", "table.malformed", "A1", -EINVAL},
	    {"<w><sheetData><row r='3'><c r='C3' t='s'><v>0</v></c></row></sheetData></w>", "table.malformed", "C3", -EINVAL},
	    {"<w><sheetData><row r='3'><c r='C3'><v>1x</v></c></row></sheetData></w>", "table.malformed", "C3", -EINVAL},
	    {"<w><sheetData><row r='2'><c r='IW2'><v>1</v></c></row></sheetData></w>", "table.too_many_columns", "IW2", -E2BIG},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_buf struct buf file = BUF_INIT(65536), packed = BUF_INIT(65536);
		struct err err = {0};
		make_package(cases[i].sheet, strlen(cases[i].sheet), &file);
		assert_int_equal(table_read(buf_str(&file), &packed, &err), cases[i].code);
		assert_string_equal(err.key, cases[i].key);
		assert_string_equal(err.place, cases[i].place);
	}
	struct err err = {0};
	cleanup_buf struct buf packed = BUF_INIT(65536);
	assert_int_equal(table_read(STR("a,b\n\xff,2\n"), &packed, &err), -EINVAL);
	assert_string_equal(err.key, "table.utf8");
	assert_int_equal(table_read(STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), &packed, &err), -EINVAL);
	assert_string_equal(err.key, "table.encrypted");
	assert_int_equal(table_read(STR("PK\x03\x04 no zip"), &packed, &err), -EINVAL);
	assert_string_equal(err.key, "table.malformed");
}

/* 60 MiB of blanks pack to 60 KiB. */
static void bomb(void **state)
{
	(void)state;
	const size_t size = (size_t)60 << 20;
	cleanup_buf struct buf file = BUF_INIT((size_t)1 << 20), packed = BUF_INIT(65536);
	struct err err = {0};
	char *sheet = mem_alloc(size);
	memset(sheet, ' ', size);
	memcpy(sheet, "<worksheet>", 11);
	memcpy(sheet + size - 12, "</worksheet>", 12);
	make_package(sheet, size, &file);
	mem_free(sheet);
	assert_int_equal(table_read(buf_str(&file), &packed, &err), -E2BIG);
	assert_string_equal(err.key, "table.bomb");
}

static void values(void **state)
{
	(void)state;
	static const struct {
		const char *value, *number, *date, *date_1904;
	} cases[] = {
	    {"0.30000000000000004", "0.3", "07:12:00", "07:12:00"},
	    {"46347", "46347", "2026-11-21", "2030-11-22"},
	    {"59", "59", "1900-02-28", "1904-02-29"},
	    {"61", "61", "1900-03-01", "1904-03-02"},
	    {"1E3", "1000", "1902-09-26", "1906-09-27"},
	    {"-0", "0", "00:00:00", "00:00:00"},
	    {"-5", "-5", "-5", "-5"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_buf struct buf number = BUF_INIT(64), date = BUF_INIT(64), date_1904 = BUF_INIT(64);
		assert_true(table_show_number(str_c(cases[i].value), &number));
		assert_true(table_show_date(str_c(cases[i].value), false, &date));
		assert_true(table_show_date(str_c(cases[i].value), true, &date_1904));
		assert_string_equal(number.p, cases[i].number);
		assert_string_equal(date.p, cases[i].date);
		assert_string_equal(date_1904.p, cases[i].date_1904);
	}
	static const struct {
		const char *code;
		bool date;
	} formats[] = {{"General", false}, {"0.00", false}, {"#,##0\\ \"đồng\"", false}, {"[Red]0.00", false}, {"dd/mm/yyyy", true},
		       {"[h]:mm", true}, {"[$-42A]h:mm", true}, {"\"ngày\" 0", false}, {"_-* #,##0_-", false}};
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (table_format_is_date(str_c(formats[i].code)) != formats[i].date)
			fail_msg("%s", formats[i].code);
}

static void packed_is_checked(void **state)
{
	(void)state;
	cleanup_buf struct buf packed = BUF_INIT(65536);
	struct table_rows rows;
	table_pack_begin(&packed, STR("S"));
	table_pack_row(&packed, 2, (const struct table_cell[]){{STR("a"), TABLE_TEXT}}, 1);
	size_t good = packed.n;
	table_pack_row(&packed, 2, (const struct table_cell[]){{STR("b"), TABLE_TEXT}}, 1);
	assert_int_equal(table_rows_begin(&rows, buf_str(&packed), NULL), 0);
	assert_int_equal(table_rows_next(&rows, NULL), 1);
	assert_int_equal(table_rows_next(&rows, NULL), -EBADMSG);
	for (size_t cut = 6; cut < good; cut++) {
		int r = table_rows_begin(&rows, str_n(packed.p, cut), NULL);
		assert_int_equal(r == 0 ? table_rows_next(&rows, NULL) : r, cut == 6 ? 0 : -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(csv_rows),  cmocka_unit_test(xlsx_of_others), cmocka_unit_test(written_and_read_again),
	    cmocka_unit_test(refusals),  cmocka_unit_test(bomb),           cmocka_unit_test(values),
	    cmocka_unit_test(packed_is_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
