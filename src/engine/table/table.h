/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * table: spreadsheets as rows of text. Reads CSV (RFC 4180) and XLSX (ECMA-376
 * part 1, SpreadsheetML; part 2, packages), writes XLSX. Files come from people,
 * so every size has a limit; the work is meant for a process that has nothing
 * to lose (role worker).
 *
 * Between the two stand packed rows: bytes that one process writes and another
 * checks while it reads them.
 *
 * Does not live here: what columns mean (services), where the files come from.
 * Threads: no shared state. Linux only.
 */
#pragma once
#include "base/cursor/cursor.h"
#include "base/err/err.h"
#include "base/mem/mem.h"

#define TABLE_ROWS_MAX 200000
#define TABLE_COLUMNS_MAX 256
#define TABLE_CELL_MAX ((size_t)32767) /* bytes; Excel counts letters */
#define TABLE_SHEET_MAX 124               /* bytes of a sheet's name: 31 letters */
#define TABLE_FILE_MAX ((size_t)32 << 20)
#define TABLE_PACKED_MAX ((size_t)128 << 20)

/* NUMBER: decimal, with a point. TIME: "2026-11-21 13:56:35", local. */
enum table_type { TABLE_TEXT, TABLE_NUMBER, TABLE_TIME, TABLE_TYPE__COUNT };

struct table_cell {
	struct str text; /* valid UTF-8 */
	enum table_type type;
};

/*
 * The rows of a CSV file or of an XLSX file's first sheet that is not hidden, all cells TABLE_TEXT. Numbers as a person sees them
 * (15 digits), dates "2026-11-21", "2026-11-21 13:56:35" or "13:56:35", of formulas the value last computed. Empty rows
 * are left out and keep their number. Appends packed rows.
 * -EINVAL table.malformed (what), table.utf8, csv.*, table.no_sheet, table.encrypted; -E2BIG table.too_many_rows,
 * table.too_many_columns, table.cell_too_long, table.too_big, table.bomb. Place: "A12" or the line.
 */
int table_read(struct str file, struct buf *ret_packed, struct err *err) WARN_UNUSED;

/* Packed rows as XLSX with one sheet: the first row bold and frozen, columns as wide as what is in them, times as
 * dd/mm/yyyy hh:mm. Numbers of more than 15 digits stay texts. -EBADMSG table.packed, -E2BIG table.too_big. */
int table_write(struct str packed, struct buf *ret_xlsx, struct err *err) WARN_UNUSED;

/* ---- packed rows ---- */

/* Begins with the sheet's name, cut to what a sheet may be called. */
void table_pack_begin(struct buf *out, struct str sheet);
/* `number`: the row's in its file, from 1. At most TABLE_COLUMNS_MAX cells. */
void table_pack_row(struct buf *out, uint32_t number, const struct table_cell *cells, size_t count);

struct table_rows {
	struct cursor at;
	struct str sheet;
	uint32_t number; /* of the current row */
	uint32_t rows;   /* so far */
	struct table_cell cells[TABLE_COLUMNS_MAX]; /* borrow from the packed bytes */
	size_t count;
};
/* -EBADMSG table.packed. */
int table_rows_begin(struct table_rows *rows, struct str packed, struct err *err) WARN_UNUSED;
/* 1: a row; 0: the end; numbers go up. -EBADMSG table.packed. */
int table_rows_next(struct table_rows *rows, struct err *err) WARN_UNUSED;
/* The current row's cell, empty past the end. */
struct str table_rows_cell(const struct table_rows *rows, size_t column);
/* "C12" of a column from 0 and a row from 1. */
#define TABLE_PLACE_SIZE 16
const char *table_place(uint32_t row, size_t column, char buf[TABLE_PLACE_SIZE]);
