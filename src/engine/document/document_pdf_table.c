/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Tables: rows stay whole where a page can hold them, and the head stands on every page. */
#include "engine/document/document_pdf_internal.h"

#define PAD_X 4.0
#define PAD_Y 3.0
#define LINE_WIDTH 0.5

struct row {
	PangoLayout *cells[DOCUMENT_COLUMNS_MAX];
	struct pdf_text texts[DOCUMENT_COLUMNS_MAX];
	int done[DOCUMENT_COLUMNS_MAX]; /* lines shown */
	size_t columns;
	double width[DOCUMENT_COLUMNS_MAX];
	double height; /* of all of it */
};

static enum pdf_align align_of(enum document_align a, bool head)
{
	return a == DOCUMENT_ALIGN_CENTRE || head ? PDF_CENTRE : a == DOCUMENT_ALIGN_RIGHT ? PDF_RIGHT : PDF_LEFT;
}

static void row_lay(struct pdf *p, const struct document_table *t, const struct document_row *from, bool head, struct row *ret)
{
	*ret = (struct row){.columns = document_row_cells(t, from)};
	for (size_t i = 0; i < ret->columns; i++) {
		ret->width[i] = document_cell_share(t, from, i) * p->width;
		ret->texts[i] = (struct pdf_text){.runs = from->cells[i], .size = document_size_table(&p->d->head), .align = align_of(t->align[i], head),
						  .width = ret->width[i] - 2 * PAD_X, .style = head ? DOCUMENT_BOLD : 0};
		ret->cells[i] = pdf_layout(p, &ret->texts[i]);
		double height = pdf_height(ret->cells[i]) + 2 * PAD_Y;
		ret->height = height > ret->height ? height : ret->height;
	}
}

static void row_done(struct row *row)
{
	for (size_t i = 0; i < row->columns; i++)
		g_object_unref(row->cells[i]);
	row->columns = 0;
}

/* What fits of each cell into `room`; true when all is shown. */
static bool row_show(struct pdf *p, struct row *row, double room)
{
	double x = p->left, used = 2 * PAD_Y;
	bool all = true;
	for (size_t i = 0; i < row->columns; x += row->width[i], i++) {
		double height = 0;
		int lines = pango_layout_get_line_count(row->cells[i]), fit = pdf_fit(row->cells[i], row->done[i], room - 2 * PAD_Y, &height);
		/* A line higher than a page would never fit. */
		if (fit == 0 && p->y <= p->top && row->done[i] < lines)
			fit = 1;
		(void)pdf_show_lines(p, row->cells[i], &row->texts[i], x + PAD_X, p->y + PAD_Y, row->done[i], row->done[i] + fit);
		row->done[i] += fit;
		all = all && row->done[i] >= lines;
		used = height + 2 * PAD_Y > used ? height + 2 * PAD_Y : used;
	}
	x = p->left;
	cairo_set_line_width(p->cairo, LINE_WIDTH);
	for (size_t i = 0; i < row->columns; x += row->width[i], i++)
		cairo_rectangle(p->cairo, x, p->y, row->width[i], used);
	cairo_stroke(p->cairo);
	p->y += used;
	return all;
}

static void show_head(struct pdf *p, const struct document_table *t)
{
	struct row head;
	row_lay(p, t, t->rows, true, &head);
	(void)row_show(p, &head, pdf_room(p));
	row_done(&head);
}

/* A group's heading is not the last row of a page. */
static double height_after(struct pdf *p, const struct document_table *t, const struct document_row *from)
{
	double height = 0;
	for (; from->spans && from->next != NULL; from = from->next) {
		struct row next;
		row_lay(p, t, from->next, false, &next);
		height += next.height;
		row_done(&next);
	}
	return height;
}

void pdf_table(struct pdf *p, const struct document_table *t)
{
	struct row head, row;
	if (t->rows == NULL)
		return;
	row_lay(p, t, t->rows, true, &head);
	double head_height = head.height, page = p->bottom - p->top;
	row_done(&head);
	/* A head that leaves no place for rows is shown once. */
	bool repeats = head_height < page / 3;
	for (const struct document_row *from = t->rows->next; from != NULL || from == t->rows->next; from = from->next) {
		if (from == NULL) {
			show_head(p, t);
			return;
		}
		row_lay(p, t, from, false, &row);
		bool first = from == t->rows->next, whole = row.height <= page - (repeats ? head_height : 0);
		double least = (whole ? row.height : page / 4) + height_after(p, t, from);
		least = least < page - head_height ? least : page / 4;
		if (first) {
			pdf_need(p, head_height + least);
			show_head(p, t);
		} else if (pdf_room(p) < least) {
			pdf_page(p);
			if (repeats)
				show_head(p, t);
		}
		while (!row_show(p, &row, pdf_room(p))) {
			pdf_page(p);
			if (repeats)
				show_head(p, t);
		}
		row_done(&row);
	}
}
