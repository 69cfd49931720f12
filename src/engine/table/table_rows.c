/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * "LTT1", u8 length, sheet; per row u32 number, u16 cells; per cell u8 type, u32 length, bytes. Little-endian.
 */
#include <assert.h>
#include <stdio.h>

#include "base/text/text.h"
#include "engine/table/table.h"

#define MAGIC STR("LTT1")

static void put(struct buf *out, uint32_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_append_char(out, (char)(v >> (8 * i)));
}

void table_pack_begin(struct buf *out, struct str sheet)
{
	char name[TABLE_SHEET_MAX + 1];
	str_copy_c(sheet, name, sizeof(name));
	buf_append(out, MAGIC);
	put(out, (uint32_t)strlen(name), 1);
	buf_append_c(out, name);
}

void table_pack_row(struct buf *out, uint32_t number, const struct table_cell *cells, size_t count)
{
	assert(count <= TABLE_COLUMNS_MAX);
	put(out, number, 4);
	put(out, (uint32_t)count, 2);
	for (size_t i = 0; i < count; i++) {
		put(out, (uint32_t)cells[i].type, 1);
		put(out, (uint32_t)cells[i].text.n, 4);
		buf_append(out, cells[i].text);
	}
}

static int packed(struct err *err)
{
	return err_set(err, -EBADMSG, "table.packed");
}

int table_rows_begin(struct table_rows *rows, struct str bytes, struct err *err)
{
	*rows = (struct table_rows){.at = cursor_of(bytes)};
	if (!cursor_accept_str(&rows->at, MAGIC))
		return packed(err);
	size_t n = cursor_u8(&rows->at);
	rows->sheet = cursor_take(&rows->at, n);
	return rows->at.failed || n > TABLE_SHEET_MAX || !text_is_utf8(rows->sheet) ? packed(err) : 0;
}

int table_rows_next(struct table_rows *rows, struct err *err)
{
	rows->count = 0;
	if (cursor_at_end(&rows->at))
		return 0;
	uint32_t number = cursor_u32_le(&rows->at);
	size_t count = cursor_u16_le(&rows->at);
	if (rows->at.failed || number <= rows->number || count > TABLE_COLUMNS_MAX || rows->rows > TABLE_ROWS_MAX)
		return packed(err);
	for (size_t i = 0; i < count; i++) {
		unsigned type = cursor_u8(&rows->at);
		size_t n = cursor_u32_le(&rows->at);
		struct str text = cursor_take(&rows->at, n);
		if (rows->at.failed || type >= TABLE_TYPE__COUNT || n > TABLE_CELL_MAX || !text_is_utf8(text))
			return packed(err);
		rows->cells[i] = (struct table_cell){text, (enum table_type)type};
	}
	rows->count = count;
	rows->number = number;
	rows->rows++;
	return 1;
}

struct str table_rows_cell(const struct table_rows *rows, size_t column)
{
	return column < rows->count ? rows->cells[column].text : STR_EMPTY;
}

const char *table_place(uint32_t row, size_t column, char place[TABLE_PLACE_SIZE])
{
	char letters[4];
	size_t n = sizeof(letters);
	letters[--n] = '\0';
	for (size_t v = column + 1; v > 0 && n > 0; v = (v - 1) / 26)
		letters[--n] = (char)('A' + (v - 1) % 26);
	(void)snprintf(place, TABLE_PLACE_SIZE, "%s%u", letters + n, row);
	return place;
}
