/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* RFC 4180, with a byte order mark (Excel takes UTF-8 for something else without it) and nothing that a spreadsheet would run. */
#include "service/api/api.h"

static int begin(struct api_export_sink *sink, struct err *err)
{
	(void)err;
	buf_append_c(&sink->out, "\xEF\xBB\xBF");
	return 0;
}

/* What spreadsheets take for a formula, full-width letters and leading blanks included
 * (OWASP "CSV injection"). An apostrophe makes it a text. */
static bool looks_like_formula(struct str text)
{
	static const struct str starts[] = {STR("="), STR("+"), STR("-"), STR("@"), STR("\t"), STR("\r"), STR("\n"),
	                                    STR("＝"), STR("＋"), STR("－"), STR("＠")};
	while (text.n > 0 && text.p[0] == ' ')
		text = str_sub(text, 1, text.n);
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		if (str_starts_with(text, starts[i]))
			return true;
	}
	return false;
}

static bool needs_quotes(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (strchr("\",;\r\n\t'", text.p[i]) != NULL)
			return true;
	}
	return text.n > 0 && (text.p[0] == ' ' || text.p[text.n - 1] == ' ');
}

static void put(struct buf *out, const struct api_cell *cell)
{
	bool guarded = !cell->is_number && looks_like_formula(cell->text);
	bool quoted = guarded || needs_quotes(cell->text);
	if (quoted)
		buf_append_char(out, '"');
	if (guarded)
		buf_append_char(out, '\'');
	for (size_t i = 0; i < cell->text.n; i++) {
		if (cell->text.p[i] == '"')
			buf_append_char(out, '"');
		buf_append_char(out, cell->text.p[i]);
	}
	if (quoted)
		buf_append_char(out, '"');
}

static int row(struct api_export_sink *sink, const struct api_cell *cells, size_t count, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_char(&sink->out, ',');
		put(&sink->out, &cells[i]);
	}
	buf_append_c(&sink->out, "\r\n");
	return 0;
}

const struct api_export_format api_export_csv = {"csv", "text/csv; charset=utf-8; header=present", begin, row, NULL};
