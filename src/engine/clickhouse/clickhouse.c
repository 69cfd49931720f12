/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/clickhouse/clickhouse.h"

#include "base/cursor/cursor.h"

static void quote(struct buf *out, struct str text, char mark)
{
	buf_append_char(out, mark);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == mark || c == '\\') {
			buf_append_char(out, '\\');
			buf_append_char(out, c);
		} else if (c == '\0') {
			buf_append_c(out, "\\0");
		} else {
			buf_append_char(out, c);
		}
	}
	buf_append_char(out, mark);
}

void clickhouse_quote(struct buf *out, struct str text)
{
	quote(out, text, '\'');
}

void clickhouse_quote_name(struct buf *out, struct str name)
{
	quote(out, name, '`');
}

int clickhouse_exception_code(struct str message)
{
	struct cursor c = cursor_of(message);
	uint64_t code;
	if (!cursor_accept_str(&c, STR("Code: ")) || !cursor_u64(&c, 0, 100000, &code))
		return 0;
	return (int)code;
}

/*
 * Exception codes (src/Common/ErrorCodes.cpp of ClickHouse): status as its HTTP handler maps them, and whose fault a
 * refused insert is. The rows are blamed only by codes that its text parsers raise while they read a value; every other
 * code, also one that is not listed, waits: what is blamed wrongly leaves the table of events, what waits wrongly is seen
 * on the status page.
 */
static const struct {
	int code, status;
	enum clickhouse_blame blame;
} codes[] = {
	{6, 400, CLICKHOUSE_BLAME_DATA},     /* CANNOT_PARSE_TEXT */
	{8, 400, CLICKHOUSE_BLAME_SCHEMA},   /* THERE_IS_NO_COLUMN: ours come from our own list */
	{16, 404, CLICKHOUSE_BLAME_SCHEMA},  /* NO_SUCH_COLUMN_IN_TABLE */
	{26, 400, CLICKHOUSE_BLAME_DATA},    /* CANNOT_PARSE_QUOTED_STRING */
	{27, 400, CLICKHOUSE_BLAME_DATA},    /* CANNOT_PARSE_INPUT_ASSERTION_FAILED */
	{32, 400, CLICKHOUSE_BLAME_SERVER},  /* ATTEMPT_TO_READ_AFTER_EOF: also a part or a body that was cut off; ours are whole */
	{33, 400, CLICKHOUSE_BLAME_SERVER},  /* CANNOT_READ_ALL_DATA: likewise */
	{36, 400, CLICKHOUSE_BLAME_SERVER},  /* BAD_ARGUMENTS */
	{38, 400, CLICKHOUSE_BLAME_DATA},    /* CANNOT_PARSE_DATE */
	{41, 400, CLICKHOUSE_BLAME_DATA},    /* CANNOT_PARSE_DATETIME */
	{43, 400, CLICKHOUSE_BLAME_SERVER},  /* ILLEGAL_TYPE_OF_ARGUMENT */
	{46, 404, CLICKHOUSE_BLAME_SERVER},  /* UNKNOWN_FUNCTION */
	{47, 404, CLICKHOUSE_BLAME_SERVER},  /* UNKNOWN_IDENTIFIER */
	{53, 400, CLICKHOUSE_BLAME_SERVER},  /* TYPE_MISMATCH: between columns, not in a value */
	{60, 404, CLICKHOUSE_BLAME_SCHEMA},  /* UNKNOWN_TABLE */
	{62, 400, CLICKHOUSE_BLAME_SERVER},  /* SYNTAX_ERROR */
	{69, 400, CLICKHOUSE_BLAME_DATA},    /* ARGUMENT_OUT_OF_BOUND */
	{70, 400, CLICKHOUSE_BLAME_SERVER},  /* CANNOT_CONVERT_TYPE: likewise between columns */
	{72, 400, CLICKHOUSE_BLAME_DATA},    /* CANNOT_PARSE_NUMBER */
	{73, 404, CLICKHOUSE_BLAME_SERVER},  /* UNKNOWN_FORMAT */
	{81, 404, CLICKHOUSE_BLAME_SCHEMA},  /* UNKNOWN_DATABASE */
	{115, 404, CLICKHOUSE_BLAME_SERVER}, /* UNKNOWN_SETTING */
	{117, 400, CLICKHOUSE_BLAME_DATA},   /* INCORRECT_DATA; see texts */
	{130, 400, CLICKHOUSE_BLAME_DATA},   /* CANNOT_READ_ARRAY_FROM_TEXT */
	{131, 400, CLICKHOUSE_BLAME_DATA},   /* TOO_LARGE_STRING_SIZE */
	{158, 400, CLICKHOUSE_BLAME_SERVER}, /* TOO_MANY_ROWS */
	{159, 408, CLICKHOUSE_BLAME_SERVER}, /* TIMEOUT_EXCEEDED */
	{164, 403, CLICKHOUSE_BLAME_SERVER}, /* READONLY */
	{202, 503, CLICKHOUSE_BLAME_SERVER}, /* TOO_MANY_SIMULTANEOUS_QUERIES */
	{241, 500, CLICKHOUSE_BLAME_SERVER}, /* MEMORY_LIMIT_EXCEEDED */
	{242, 500, CLICKHOUSE_BLAME_SERVER}, /* TABLE_IS_READ_ONLY: its keeper is away */
	{243, 507, CLICKHOUSE_BLAME_SERVER}, /* NOT_ENOUGH_SPACE */
	{252, 500, CLICKHOUSE_BLAME_SERVER}, /* TOO_MANY_PARTS: merges are slower than inserts; see texts */
	{277, 403, CLICKHOUSE_BLAME_SERVER}, /* INTO_OUTFILE_NOT_ALLOWED */
	{307, 400, CLICKHOUSE_BLAME_SERVER}, /* TOO_MANY_BYTES */
	{319, 500, CLICKHOUSE_BLAME_SERVER}, /* UNKNOWN_STATUS_OF_INSERT: the token makes the second try harmless */
	{376, 400, CLICKHOUSE_BLAME_DATA},   /* CANNOT_PARSE_UUID */
	{394, 500, CLICKHOUSE_BLAME_SERVER}, /* QUERY_WAS_CANCELLED */
	{396, 400, CLICKHOUSE_BLAME_SERVER}, /* TOO_MANY_ROWS_OR_BYTES */
	{441, 400, CLICKHOUSE_BLAME_DATA},   /* CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING */
	{456, 400, CLICKHOUSE_BLAME_SERVER}, /* UNKNOWN_QUERY_PARAMETER */
	{457, 400, CLICKHOUSE_BLAME_SERVER}, /* BAD_QUERY_PARAMETER */
	{467, 400, CLICKHOUSE_BLAME_DATA},   /* CANNOT_PARSE_BOOL */
	{497, 403, CLICKHOUSE_BLAME_SERVER}, /* ACCESS_DENIED */
};

/* One code, two meanings: how the message begins tells them apart. Not what stands later in it, where bytes of the rows
 * are quoted. */
static const struct {
	int code;
	const char *begins;
	enum clickhouse_blame blame;
} texts[] = {
	{117, "Unknown field found", CLICKHOUSE_BLAME_SCHEMA},
	{252, "Too many partitions for single INSERT block", CLICKHOUSE_BLAME_DATA}, /* halves have fewer */
};

int clickhouse_exception_status(int code)
{
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i].code == code)
			return codes[i].status;
	return 500;
}

enum clickhouse_blame clickhouse_exception_blame(struct str message)
{
	int code = clickhouse_exception_code(message);
	size_t at = str_find(message, STR("DB::Exception: "));
	struct str said = at != SIZE_MAX ? str_sub(message, at + strlen("DB::Exception: "), message.n) : STR_EMPTY;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (texts[i].code == code && str_starts_with(said, str_c(texts[i].begins)))
			return texts[i].blame;
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i].code == code)
			return codes[i].blame;
	return CLICKHOUSE_BLAME_SERVER;
}

const char *clickhouse_content_type(struct str format)
{
	static const struct {
		const char *prefix, *type;
	} types[] = {
		{"JSONEachRow", "application/x-ndjson; charset=UTF-8"},
		{"JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"},
		{"JSONStringsEachRow", "application/x-ndjson; charset=UTF-8"},
		{"JSONLines", "application/x-ndjson; charset=UTF-8"},
		{"NDJSON", "application/x-ndjson; charset=UTF-8"},
		{"JSON", "application/json; charset=UTF-8"},
		{"CSV", "text/csv; charset=UTF-8"},
		{"TabSeparated", "text/tab-separated-values; charset=UTF-8"},
		{"TSV", "text/tab-separated-values; charset=UTF-8"},
		{"RowBinary", "application/octet-stream"},
		{"Native", "application/octet-stream"},
		{"Parquet", "application/octet-stream"},
		{"Arrow", "application/octet-stream"},
	};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (str_starts_with(format, str_c(types[i].prefix)))
			return types[i].type;
	return "text/plain; charset=UTF-8";
}
