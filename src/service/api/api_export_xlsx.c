/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A spreadsheet: packed rows, which the worker makes into XLSX. A text stays a text there, so nothing needs an apostrophe. */
#include "engine/table/table.h"
#include "service/api/api.h"

#define CELLS_MAX 64

static int begin(struct api_export_sink *sink, struct err *err)
{
	(void)err;
	table_pack_begin(&sink->out, STR_EMPTY);
	return 0;
}

/* As much as a cell holds, whole letters. */
static struct str cut(struct str text)
{
	size_t n = text.n < TABLE_CELL_MAX ? text.n : TABLE_CELL_MAX;
	while (n > 0 && n < text.n && ((unsigned char)text.p[n] & 0xC0) == 0x80)
		n--;
	return str_sub(text, 0, n);
}

static int row(struct api_export_sink *sink, const struct api_cell *cells, size_t count, struct err *err)
{
	struct table_cell packed[CELLS_MAX];
	if (count > CELLS_MAX)
		return err_set(err, -E2BIG, "table.too_many_columns", ARG_U64("limit", CELLS_MAX));
	for (size_t i = 0; i < count; i++)
		packed[i] = (struct table_cell){cut(cells[i].text),
		                                cells[i].is_number ? TABLE_NUMBER : cells[i].is_time ? TABLE_TIME : TABLE_TEXT};
	table_pack_row(&sink->out, sink->rows, packed, count);
	return 0;
}

static int render(const struct service_context *sc, struct str written, struct buf *ret, struct err *err)
{
	if (sc->worker == NULL)
		return err_set(err, -EAGAIN, "api.no_worker");
	return sc->worker->table_write(sc->worker->ctx, written, ret, err);
}

const struct api_export_format api_export_xlsx = {
	.name = "xlsx",
	.content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	.begin = begin,
	.row = row,
	.render = render,
};
