/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The tree between a template and the files made of it: what stands in the document, not where. */
#pragma once
#include "engine/document/document.h"
#include "engine/document/document_words.h"

enum document_style { DOCUMENT_BOLD = 1, DOCUMENT_ITALIC = 2, DOCUMENT_STRUCK = 4, DOCUMENT_CODE = 8 };

/* A piece of text in one style; "\n" in it breaks the line. */
struct document_run {
	struct str text;
	unsigned style;
	struct str url; /* http, https, mailto; or empty */
	struct document_run *next;
};

enum document_block_kind {
	DOCUMENT_PARAGRAPH,
	DOCUMENT_HEADING,  /* level 2…6; `label` "I." */
	DOCUMENT_ITEM,     /* a paragraph of a list; `label` "-", "1." or empty for its later paragraphs */
	DOCUMENT_QUOTE,
	DOCUMENT_TABLE,
	DOCUMENT_APPENDIX, /* heading of level 1: new pages with numbers of their own */
	DOCUMENT_PAGE,     /* a new page */
};

enum document_align { DOCUMENT_ALIGN_NONE, DOCUMENT_ALIGN_LEFT, DOCUMENT_ALIGN_CENTRE, DOCUMENT_ALIGN_RIGHT };
#define DOCUMENT_COLUMNS_MAX 24
#define DOCUMENT_ROWS_MAX 20000
#define DOCUMENT_BLOCKS_DEEP 8 /* lists and quotes in each other */

struct document_row {
	struct document_run *cells[DOCUMENT_COLUMNS_MAX];
	bool spans; /* the second cell goes on to the last column */
	struct document_row *next;
};

struct document_table {
	size_t columns;
	enum document_align align[DOCUMENT_COLUMNS_MAX];
	double share[DOCUMENT_COLUMNS_MAX]; /* of the width, together 1 */
	struct document_row *rows;          /* the first is the head */
};

struct document_block {
	enum document_block_kind kind;
	unsigned level; /* of a heading; of an item from 1 */
	struct str label;
	struct document_run *runs;
	struct document_table *table;
	struct document_block *next;
};

#define DOCUMENT_LIST_MAX 64
struct document_list {
	struct str items[DOCUMENT_LIST_MAX];
	size_t count;
};

/* The components of Annex I, by its numbers. */
struct document_head {
	struct str superior, agency;            /* 2 */
	struct str number;                      /* 3, without "Số: " */
	struct str place, date;                 /* 4, the date in words */
	struct str type, title;                 /* 5; no type: an official letter (công văn) */
	struct str authority, position, signer; /* 7 */
	struct document_list to;                /* 9a */
	struct document_list recipients;        /* 9b */
	struct str secrecy, urgency;            /* 10 */
	struct str annex;                       /* the line below an appendix's title */
	bool landscape, appendix_landscape;
	bool plain_headings; /* headings keep the numbers that their texts have */
	unsigned size;       /* of the body, 13 or 14 points */
};

struct document {
	struct arena *arena;
	struct document_head head;
	struct document_block *blocks;
};

int document_read_head(struct arena *arena, struct str lines, struct document_head *ret, struct err *err) WARN_UNUSED;
int document_read_body(struct arena *arena, struct str markdown, struct document *d, struct err *err) WARN_UNUSED;
/* Sets the labels of headings: I. 1. a) and so on. */
void document_number_headings(struct document *d);
/* Sets the shares of a table's columns by what is in them. */
void document_share_columns(struct document_table *t, bool broad);
static inline size_t document_row_cells(const struct document_table *t, const struct document_row *row)
{
	return row->spans ? 2 : t->columns;
}
/* Of a cell, with what it spans. */
static inline double document_cell_share(const struct document_table *t, const struct document_row *row, size_t cell)
{
	return row->spans && cell == 1 ? 1 - t->share[0] : t->share[cell];
}
/* The text of runs, styles and line breaks forgotten. */
struct str document_plain(struct arena *arena, const struct document_run *runs);
/* May a link have this address? */
bool document_url_allowed(struct str url);

int document_write_pdf(const struct document *d, struct buf *ret, struct err *err) WARN_UNUSED;
int document_write_docx(const struct document *d, struct buf *ret, struct err *err) WARN_UNUSED;
int document_write_html(const struct document *d, struct buf *ret, struct err *err) WARN_UNUSED;

/* ---- the page (Annex I, I; millimetres and points) ---- */

#define DOCUMENT_MM (72.0 / 25.4) /* points */
#define DOCUMENT_PAGE_WIDTH_MM 210.0
#define DOCUMENT_PAGE_HEIGHT_MM 297.0
#define DOCUMENT_MARGIN_TOP_MM 20.0    /* 20-25 */
#define DOCUMENT_MARGIN_BOTTOM_MM 20.0 /* 20-25 */
#define DOCUMENT_MARGIN_LEFT_MM 30.0   /* 30-35 */
#define DOCUMENT_MARGIN_RIGHT_MM 15.0  /* 15-20 */
#define DOCUMENT_INDENT_MM 12.7        /* first line: 1 or 1.27 cm */
#define DOCUMENT_PARAGRAPH_GAP 6.0     /* points, at least 6 */
#define DOCUMENT_FONT "Times New Roman"
#define DOCUMENT_LEFT_SHARE 0.42 /* of the width: boxes 2 and 3; the rest is for 1 and 4 */
#define DOCUMENT_SIGNATURE_SHARE 0.5
#define DOCUMENT_SIGNATURE_GAP_MM 26.0 /* between position and name */
/* Sizes go together: Quốc hiệu 12, Tiêu ngữ 13 and a body of 13; or 13, 14, 14. */
static inline double document_size_nation(const struct document_head *h)
{
	return h->size - 1;
}
static inline double document_size_table(const struct document_head *h)
{
	return h->size - 2;
}
