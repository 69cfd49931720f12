/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the parts of the PDF writer share. Lengths are points, y grows downwards. */
#pragma once
#include <pango/pangocairo.h>

#include "engine/document/document_internal.h"

struct pdf {
	const struct document *d;
	cairo_surface_t *surface;
	cairo_t *cairo;
	PangoFontMap *fonts;
	PangoContext *context;
	bool landscape;
	unsigned page;        /* of its section, from 1 */
	unsigned pages;       /* of the file */
	double left, width;   /* of the text */
	double top, bottom;
	double y;
};

void pdf_page(struct pdf *p);
/* A new page unless `height` fits on this one or the page is still empty. */
void pdf_need(struct pdf *p, double height);
double pdf_room(const struct pdf *p);

enum pdf_align { PDF_LEFT, PDF_CENTRE, PDF_RIGHT, PDF_JUSTIFY };
struct pdf_text {
	struct str label;                /* in front, parted by a blank */
	const struct document_run *runs; /* or */
	struct str text;                 /* plain */
	double size, width, indent;
	unsigned style; /* of all of it */
	enum pdf_align align;
};
/* The caller unrefs it. */
PangoLayout *pdf_layout(struct pdf *p, const struct pdf_text *text);
double pdf_height(PangoLayout *layout);
/* The widest line. */
double pdf_line_width(PangoLayout *layout);
/* Lines [from, to) with the first one's top at y; with the links of `text`. Returns the height. */
double pdf_show_lines(struct pdf *p, PangoLayout *layout, const struct pdf_text *text, double x, double y, int from, int to);
/* All of it. Returns the height. */
double pdf_show(struct pdf *p, PangoLayout *layout, const struct pdf_text *text, double x, double y);
/* Lines that fit into `height`, from line `from`; *ret_height what they take. */
int pdf_fit(PangoLayout *layout, int from, double height, double *ret_height);
/* Down the page and over its end; no line is left alone. */
void pdf_flow(struct pdf *p, const struct pdf_text *text, double x);
void pdf_rule(struct pdf *p, double x, double y, double length);

void pdf_table(struct pdf *p, const struct document_table *t);
/* Annex I: boxes 1-5, 9a, 10; boxes 7 and 9b. */
void pdf_form_head(struct pdf *p);
void pdf_form_end(struct pdf *p, bool draw, double *ret_height);
