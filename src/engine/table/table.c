/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/table/table.h"

#include <stdio.h>

#include "base/csv/csv.h"
#include "base/text/text.h"
#include "engine/table/table_internal.h"

/* A zip begins so; no CSV does. */
#define XLSX_BEGINS STR("PK\x03\x04")
/* Compound File Binary: an XLSX with a password, or the format before XLSX. */
#define CFB_BEGINS STR("\xd0\xcf\x11\xe0")

static int pack_fields(struct buf *out, const struct csv *csv, const struct str *fields, size_t count, struct err *err)
{
	struct table_cell cells[CSV_FIELDS_MAX];
	char place[TABLE_PLACE_SIZE];
	bool empty = true;
	for (size_t i = 0; i < count; i++) {
		cells[i] = (struct table_cell){.text = fields[i]};
		empty = empty && fields[i].n == 0;
		if (fields[i].n <= TABLE_CELL_MAX)
			continue;
		(void)err_set(err, -E2BIG, "table.cell_too_long", ARG_U64("limit", TABLE_CELL_MAX));
		return err_at(err, str_c(table_place(csv->line, i, place)));
	}
	if (!empty)
		table_pack_row(out, csv->line, cells, count);
	return out->overflow ? err_set(err, -E2BIG, "table.too_big", ARG_U64("limit_mb", out->max >> 20)) : 0;
}

static int read_csv(struct str file, struct buf *out, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(TABLE_FILE_MAX);
	struct csv csv;
	uint32_t rows = 0;
	size_t bad = text_utf8_error(file);
	if (bad < file.n)
		return err_set(err, -EINVAL, "table.utf8", ARG_U64("byte", bad));
	int r = csv_begin(&csv, arena, file, err);
	table_pack_begin(out, STR_EMPTY);
	if (r == 0)
		r = pack_fields(out, &csv, csv.names, csv.name_count, err);
	while (r >= 0 && (r = csv_next(&csv, arena, err)) > 0) {
		if (++rows >= TABLE_ROWS_MAX)
			return err_set(err, -E2BIG, "table.too_many_rows", ARG_U64("limit", TABLE_ROWS_MAX));
		r = pack_fields(out, &csv, csv.fields, csv.count, err);
		arena_clear(arena);
	}
	return r;
}

static int read_xlsx(struct str file, struct buf *out, struct err *err)
{
	struct table_zip zip = {0};
	struct table_book book = {0};
	int r = table_zip_open(file, &zip, err);
	if (r == 0)
		r = table_book_read(&zip, &book, err);
	if (r == 0)
		r = table_sheet_read(&zip, &book, out, err);
	table_book_done(&book);
	table_zip_done(&zip);
	return r;
}

int table_read(struct str file, struct buf *out, struct err *err)
{
	if (file.n > TABLE_FILE_MAX)
		return err_set(err, -E2BIG, "table.too_big", ARG_U64("limit_mb", TABLE_FILE_MAX >> 20));
	if (str_starts_with(file, CFB_BEGINS))
		return err_set(err, -EINVAL, "table.encrypted");
	return str_starts_with(file, XLSX_BEGINS) ? read_xlsx(file, out, err) : read_csv(file, out, err);
}
