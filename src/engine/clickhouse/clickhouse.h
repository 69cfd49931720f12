/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * clickhouse: what both ends of the ClickHouse HTTP interface share: a scanner
 * that splits one SQL statement into the parts the interface needs and refuses
 * what must not reach the engine, quoting, error codes and content types.
 *
 * The scanner knows ClickHouse's lexical rules (strings, quoted identifiers,
 * comments, heredocs), not its grammar. Whatever it cannot read for certain it
 * refuses: a difference between its reading and the engine's would be a hole.
 *
 * Does not live here: HTTP, tables (engine/event), libchdb (program/eventdb).
 * Threads: no shared state. Strings borrow from the given SQL.
 */
#pragma once
#include "base/err/err.h"

#define CLICKHOUSE_SQL_LIMIT ((size_t)1 << 20) /* SQL without insert data */
#define CLICKHOUSE_PLACEHOLDERS 64

struct clickhouse_statement {
	bool is_insert;  /* INSERT whose rows come with the request */
	bool reads_only; /* begins with SELECT, WITH, SHOW, DESCRIBE, EXPLAIN or EXISTS and inserts nothing */
	struct str head; /* without ";", comments kept; an insert: up to where FROM INFILE would go */
	struct str settings; /* insert: "SETTINGS …" written before FORMAT, or empty */
	struct str format; /* name after FORMAT; "Values" for an insert with VALUES; p == NULL: none */
	struct str data; /* insert: everything after FORMAT x or VALUES, without the one line break that follows */
	/* Names in {name:Type}, each once. */
	struct str placeholders[CLICKHOUSE_PLACEHOLDERS];
	unsigned placeholder_count;
};

/*
 * Reads one statement. Refused for everybody: a second statement, INTO OUTFILE, FROM INFILE, table
 * functions that touch files, network or processes, the function file(); characters
 * outside ASCII that are not in quotes or comments. With `readonly` also SETTINGS inside parentheses, where it would
 * undo limits. -EINVAL with key clickhouse.syntax, .many_statements, .refused (arg word), .not_ascii; -E2BIG.
 */
int clickhouse_statement_read(struct str sql, bool readonly, struct clickhouse_statement *ret,
                              struct err *err) WARN_UNUSED;

/* True when the scanner refuses name( in a statement. Either case. */
bool clickhouse_function_is_refused(struct str name);
/* True for table functions that only compute (numbers, values, …): the rest of system.table_functions is refused. */
bool clickhouse_table_function_is_harmless(struct str name);

/* 'text' with escapes, `name` with escapes. Appends. */
void clickhouse_quote(struct buf *out, struct str text);
void clickhouse_quote_name(struct buf *out, struct str name);

/* The number in "Code: 62. DB::Exception: …", or 0. */
int clickhouse_exception_code(struct str message);
/* The HTTP status that ClickHouse answers with for an exception code. */
int clickhouse_exception_status(int code);
enum clickhouse_blame {
	CLICKHOUSE_BLAME_DATA,   /* these rows will never be taken: split, then dead-letter */
	CLICKHOUSE_BLAME_SCHEMA, /* table or database is missing: migrate, then try again */
	CLICKHOUSE_BLAME_SERVER, /* not now: try again later */
};
/* Whose fault a refused insert is, by the exception's text. SERVER for what is not known. */
enum clickhouse_blame clickhouse_exception_blame(struct str message);
/* The catalogue's key for why, without arguments ("clickhouse.why_syntax"); NULL of a reason that has none: then its own words. */
const char *clickhouse_exception_key(struct str message);
/* Content type of an output format; "text/plain; charset=UTF-8" for unknown ones. Static string. */
const char *clickhouse_content_type(struct str format);
