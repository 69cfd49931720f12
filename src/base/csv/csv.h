/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * csv: comma-separated values (RFC 4180) row by row: quoted fields with doubled
 * quotes and line breaks, CRLF or LF, an optional byte order mark, and comma,
 * semicolon or tab, whichever the first line has most of outside quotes.
 *
 * Does not live here: what the columns mean; spreadsheets.
 * Threads: a reader belongs to one thread.
 */
#pragma once
#include "base/cursor/cursor.h"
#include "base/err/err.h"
#include "base/mem/mem.h"

#define CSV_FIELDS_MAX 64

struct csv {
	struct cursor at;
	char separator;
	unsigned line; /* of the current row, from 1 */
	struct str fields[CSV_FIELDS_MAX];
	size_t count;
	struct str names[CSV_FIELDS_MAX]; /* of the heading */
	size_t name_count;
};

/* Reads the heading. Fields live in the arena or borrow from text. Errors are -EINVAL csv.* with place "line". */
int csv_begin(struct csv *csv, struct arena *arena, struct str text, struct err *err) WARN_UNUSED;
/* 1: a row in fields, with as many fields as the heading; 0: the end. Empty lines are skipped. */
int csv_next(struct csv *csv, struct arena *arena, struct err *err) WARN_UNUSED;
/* The current row's field under this heading; p == NULL when there is no such column. */
struct str csv_field(const struct csv *csv, const char *name);
