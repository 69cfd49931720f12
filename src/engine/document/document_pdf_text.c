/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Text on a page: Pango shapes and breaks it, this places the lines and lays links over them. */
#include <math.h>

#include "engine/document/document_pdf_internal.h"

#define RULE_WIDTH 0.6
/* Debian's fonts-liberation2: metrics of Times New Roman, all letters of Vietnamese (U+1EA0-1EF9). */
#define FAMILIES "Liberation Serif, " DOCUMENT_FONT
#define FIXED_FAMILIES "Liberation Mono, Courier New"

static void attribute(PangoAttrList *list, PangoAttribute *a, size_t from, size_t to)
{
	a->start_index = (guint)from;
	a->end_index = (guint)to;
	pango_attr_list_insert(list, a);
}

static void put_style(PangoAttrList *list, unsigned style, bool link, size_t from, size_t to)
{
	if (style & DOCUMENT_BOLD)
		attribute(list, pango_attr_weight_new(PANGO_WEIGHT_BOLD), from, to);
	if (style & DOCUMENT_ITALIC)
		attribute(list, pango_attr_style_new(PANGO_STYLE_ITALIC), from, to);
	if (style & DOCUMENT_STRUCK)
		attribute(list, pango_attr_strikethrough_new(TRUE), from, to);
	if (style & DOCUMENT_CODE)
		attribute(list, pango_attr_family_new(FIXED_FAMILIES), from, to);
	if (link)
		attribute(list, pango_attr_underline_new(PANGO_UNDERLINE_SINGLE), from, to);
}

static size_t put_label(struct buf *b, const struct pdf_text *text)
{
	buf_append(b, text->label);
	if (text->label.n > 0)
		buf_append_char(b, ' ');
	return b->n;
}

static void put_runs(struct buf *b, PangoAttrList *list, const struct pdf_text *text)
{
	(void)put_label(b, text);
	buf_append(b, text->text);
	for (const struct document_run *run = text->runs; run != NULL; run = run->next) {
		size_t from = b->n;
		buf_append(b, run->text);
		put_style(list, run->style, run->url.n > 0, from, b->n);
	}
	put_style(list, text->style, false, 0, b->n);
}

PangoLayout *pdf_layout(struct pdf *p, const struct pdf_text *text)
{
	PangoLayout *layout = pango_layout_new(p->context);
	PangoAttrList *list = pango_attr_list_new();
	PangoFontDescription *font = pango_font_description_from_string(FAMILIES);
	struct buf b = BUF_INIT(2 * DOCUMENT_TEXT_MAX);
	pango_font_description_set_absolute_size(font, text->size * PANGO_SCALE);
	put_runs(&b, list, text);
	pango_layout_set_font_description(layout, font);
	pango_layout_set_text(layout, b.n > 0 ? b.p : "", (int)b.n);
	pango_layout_set_attributes(layout, list);
	pango_layout_set_width(layout, (int)(text->width * PANGO_SCALE));
	pango_layout_set_indent(layout, (int)(text->indent * PANGO_SCALE));
	/* A word wider than its column is broken, a document never runs over its edge. */
	pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_auto_dir(layout, FALSE);
	pango_layout_set_justify(layout, text->align == PDF_JUSTIFY);
	pango_layout_set_alignment(layout, text->align == PDF_CENTRE ? PANGO_ALIGN_CENTER : text->align == PDF_RIGHT ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
	pango_font_description_free(font);
	pango_attr_list_unref(list);
	buf_done(&b);
	return layout;
}

static double points(int units)
{
	return (double)units / PANGO_SCALE;
}

double pdf_height(PangoLayout *layout)
{
	int height = 0;
	pango_layout_get_size(layout, NULL, &height);
	return points(height);
}

double pdf_line_width(PangoLayout *layout)
{
	PangoRectangle r;
	pango_layout_get_extents(layout, NULL, &r);
	return points(r.width);
}

void pdf_rule(struct pdf *p, double x, double y, double length)
{
	cairo_set_line_width(p->cairo, RULE_WIDTH);
	cairo_move_to(p->cairo, x, y);
	cairo_line_to(p->cairo, x + length, y);
	cairo_stroke(p->cairo);
}

/* Cairo's attribute has its own quoting; document_url_allowed keeps quotes and backslashes out. */
static void show_link(struct pdf *p, struct str url, double x, double y, double width, double height)
{
	struct buf b = BUF_INIT(8192);
	buf_printf(&b, "rect=[%d %d %d %d] uri='%.*s'", (int)floor(x), (int)floor(y), (int)ceil(width), (int)ceil(height), STR_FMT(url));
	cairo_tag_begin(p->cairo, CAIRO_TAG_LINK, b.p);
	cairo_tag_end(p->cairo, CAIRO_TAG_LINK);
	buf_done(&b);
}

static void show_links(struct pdf *p, PangoLayoutLine *line, const struct pdf_text *text, const PangoRectangle *at, double x, double y)
{
	int begin = line->start_index, end = begin + line->length;
	struct buf label = BUF_INIT(4096);
	size_t from = put_label(&label, text) + text->text.n, to;
	buf_done(&label);
	for (const struct document_run *run = text->runs; run != NULL; run = run->next, from = to) {
		int *ranges = NULL, count = 0;
		to = from + run->text.n;
		if (run->url.n == 0 || (int)to <= begin || (int)from >= end)
			continue;
		pango_layout_line_get_x_ranges(line, (int)from > begin ? (int)from : begin, (int)to < end ? (int)to : end, &ranges, &count);
		for (int i = 0; i < count; i++)
			show_link(p, run->url, x + points(ranges[2 * i]), y, points(ranges[2 * i + 1] - ranges[2 * i]), points(at->height));
		g_free(ranges);
	}
}

double pdf_show_lines(struct pdf *p, PangoLayout *layout, const struct pdf_text *text, double x, double y, int from, int to)
{
	PangoLayoutIter *iter = pango_layout_get_iter(layout);
	double top = 0, height = 0;
	int number = 0;
	do {
		PangoRectangle r;
		pango_layout_iter_get_line_extents(iter, NULL, &r);
		if (number >= from && number < to) {
			PangoLayoutLine *line = pango_layout_iter_get_line_readonly(iter);
			top = number == from ? points(r.y) : top;
			cairo_move_to(p->cairo, x + points(r.x), y + points(pango_layout_iter_get_baseline(iter)) - top);
			pango_cairo_show_layout_line(p->cairo, line);
			show_links(p, line, text, &r, x, y + points(r.y) - top);
			height = points(r.y + r.height) - top;
		}
		number++;
	} while (number < to && pango_layout_iter_next_line(iter));
	pango_layout_iter_free(iter);
	return height;
}

double pdf_show(struct pdf *p, PangoLayout *layout, const struct pdf_text *text, double x, double y)
{
	return pdf_show_lines(p, layout, text, x, y, 0, pango_layout_get_line_count(layout));
}

int pdf_fit(PangoLayout *layout, int from, double height, double *ret_height)
{
	PangoLayoutIter *iter = pango_layout_get_iter(layout);
	double top = 0;
	int number = 0, fit = 0;
	*ret_height = 0;
	do {
		PangoRectangle r;
		pango_layout_iter_get_line_extents(iter, NULL, &r);
		if (number == from)
			top = points(r.y);
		if (number >= from) {
			double here = points(r.y + r.height) - top;
			if (here > height)
				break;
			*ret_height = here;
			fit++;
		}
		number++;
	} while (pango_layout_iter_next_line(iter));
	pango_layout_iter_free(iter);
	return fit;
}

void pdf_flow(struct pdf *p, const struct pdf_text *text, double x)
{
	PangoLayout *layout = pdf_layout(p, text);
	int lines = pango_layout_get_line_count(layout), done = 0;
	while (done < lines) {
		double height;
		int left = lines - done, fit = pdf_fit(layout, done, pdf_room(p), &height);
		bool fresh = p->y <= p->top;
		if (fit == left - 1 && left > 2)
			fit--; /* the last line has company */
		if (fit < left && fit < 2 && left > 1 && !fresh)
			fit = 0;
		if (fit == 0 && fresh)
			fit = 1; /* higher than a page: shown as far as it goes */
		if (fit > 0)
			p->y += pdf_show_lines(p, layout, text, x, p->y, done, done + fit);
		done += fit;
		if (done < lines)
			pdf_page(p);
	}
	g_object_unref(layout);
}
