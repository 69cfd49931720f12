/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the XLSX files of this room share: parts of a package, read as XML with limits. */
#pragma once
#include <expat.h>
#include <zip.h>

#include "engine/table/table.h"

struct table_zip {
	zip_t *archive;
	uint64_t packed_bytes;   /* of the file */
	uint64_t inflated_bytes; /* so far, of all parts */
};
int table_zip_open(struct str file, struct table_zip *ret, struct err *err) WARN_UNUSED;
void table_zip_done(struct table_zip *zip);

/* Elements by their local names. A handler that fails sets r; nothing is called afterwards. */
struct table_xml {
	void *ctx;
	void (*start)(struct table_xml *x, const char *name, const char **attributes);
	void (*end)(struct table_xml *x, const char *name);
	void (*text)(struct table_xml *x, struct str text); /* may be NULL */
	int r;
	struct err *err;
	XML_Parser parser;
	unsigned depth;
};
/* The value of an attribute by its local name, or NULL. */
const char *table_xml_attribute(const char **attributes, const char *name);
/* -ENOENT (nothing recorded): there is no such part. */
int table_zip_xml(struct table_zip *zip, const char *part, struct table_xml *x, struct err *err) WARN_UNUSED;

/* ---- what cells refer to ---- */

struct table_book {
	char sheet[TABLE_SHEET_MAX + 1], sheet_id[64], sheet_part[256];
	bool from_1904;
	struct buf texts; /* of all shared strings */
	size_t *ends;     /* where each one ends */
	size_t text_count, text_capacity;
	bool *dates; /* by style: is it a date? */
	size_t style_count, style_capacity;
};
int table_book_read(struct table_zip *zip, struct table_book *ret, struct err *err) WARN_UNUSED;
void table_book_done(struct table_book *book);
/* False: there is no such text. */
bool table_book_text(const struct table_book *book, uint64_t index, struct str *ret);

int table_sheet_read(struct table_zip *zip, const struct table_book *book, struct buf *ret_packed,
		     struct err *err) WARN_UNUSED;

/* ---- values ---- */

/* Appends what a person sees. False: no number. */
bool table_show_number(struct str value, struct buf *out);
bool table_show_date(struct str value, bool from_1904, struct buf *out);
/* Does this number format show a date or a time? */
bool table_format_is_date(struct str code);
/* Excel's "_x000D_" for what XML cannot hold, in place; returns the new length. */
size_t table_unescape(char *text, size_t n);
