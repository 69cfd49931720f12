/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What every administrative document begins and ends with (NĐ 30/2020, Annex I, II and the figure of boxes). */
#include <math.h>

#include "engine/document/document_pdf_internal.h"
#include "engine/document/document_template.h"

#define RULE_GAP 3.0
#define ROW_GAP 8.0
#define RULE_SHARE 0.4 /* of the text above: between 1/3 and 1/2 */
#define STAMP_HEIGHT_MM 8.0
#define RECIPIENTS_SIZE 12.0
#define RECIPIENT_SIZE 11.0
#define TO_LABEL_MM 28.0
#define TO_LEFT_MM 35.0

struct box {
	double x, width;
};

/* As narrow as its number of lines allows: no word is left alone on the last one. */
static void balance(PangoLayout *layout, double width)
{
	int lines = pango_layout_get_line_count(layout), low = 0, high = (int)(width * PANGO_SCALE);
	for (int i = 0; lines > 1 && i < 8; i++) {
		int middle = low + (high - low) / 2;
		pango_layout_set_width(layout, middle);
		if (pango_layout_get_line_count(layout) > lines)
			low = middle;
		else
			high = middle;
	}
	pango_layout_set_width(layout, high);
}

/* One centred text below y; the new y. */
static double centred(struct pdf *p, struct box box, double y, struct str text, double size, unsigned style, bool draw, double *ret_width)
{
	if (text.n == 0)
		return y;
	const struct pdf_text t = {.text = text, .size = size, .width = box.width, .style = style, .align = PDF_CENTRE};
	PangoLayout *layout = pdf_layout(p, &t);
	balance(layout, box.width);
	double x = box.x + (box.width - (double)pango_layout_get_width(layout) / PANGO_SCALE) / 2;
	double height = draw ? pdf_show(p, layout, &t, x, y) : pdf_height(layout);
	if (ret_width != NULL)
		*ret_width = pdf_line_width(layout);
	g_object_unref(layout);
	return y + height;
}

static double rule_below(struct pdf *p, struct box box, double y, double length)
{
	pdf_rule(p, box.x + (box.width - length) / 2, y + RULE_GAP, length);
	return y + RULE_GAP;
}

static double show_agency(struct pdf *p, struct box box)
{
	const struct document_head *h = &p->d->head;
	double size = document_size_nation(h), width = 0;
	double y = centred(p, box, p->top, document_upper(p->d->arena, h->superior), size, 0, true, NULL);
	y = centred(p, box, y, document_upper(p->d->arena, h->agency), size, DOCUMENT_BOLD, true, &width);
	return h->agency.n > 0 ? rule_below(p, box, y, width * RULE_SHARE) : y;
}

static double show_nation(struct pdf *p, struct box box)
{
	const struct document_head *h = &p->d->head;
	double width = 0;
	double y = centred(p, box, p->top, STR(DOCUMENT_WORD_NATION), document_size_nation(h), DOCUMENT_BOLD, true, NULL);
	y = centred(p, box, y, STR(DOCUMENT_WORD_MOTTO), h->size, DOCUMENT_BOLD, true, &width);
	return rule_below(p, box, y, width);
}

/* "Số: 05/BC-CATP"; before the slash there is room when there is no number yet. */
static double show_number(struct pdf *p, struct box box, double y)
{
	const struct document_head *h = &p->d->head;
	bool open = h->number.n > 0 && h->number.p[0] == '/';
	struct str text = arena_printf(p->d->arena, "%s%s%.*s", DOCUMENT_WORD_NUMBER, open ? DOCUMENT_WORD_NUMBER_OPEN : "", STR_FMT(h->number));
	y = h->number.n > 0 ? centred(p, box, y, text, 13, 0, true, NULL) : y;
	if (h->type.n == 0 && h->title.n > 0)
		y = centred(p, box, y + DOCUMENT_PARAGRAPH_GAP, arena_printf(p->d->arena, "%s%.*s", DOCUMENT_WORD_SUBJECT, STR_FMT(h->title)), 12, 0, true, NULL);
	return y;
}

/* Secrecy and urgency: red, framed, 8 mm high, under the number. */
static double show_stamp(struct pdf *p, struct box box, double y, struct str text)
{
	if (text.n == 0)
		return y;
	const struct pdf_text t = {.text = document_upper(p->d->arena, text), .size = 13, .width = box.width, .style = DOCUMENT_BOLD, .align = PDF_CENTRE};
	PangoLayout *layout = pdf_layout(p, &t);
	double height = STAMP_HEIGHT_MM * DOCUMENT_MM, width = fmax(pdf_line_width(layout) + 12, 20 * DOCUMENT_MM);
	y += DOCUMENT_PARAGRAPH_GAP;
	cairo_set_source_rgb(p->cairo, 0.8, 0, 0);
	(void)pdf_show(p, layout, &t, box.x, y + (height - pdf_height(layout)) / 2);
	cairo_set_line_width(p->cairo, 1.2);
	cairo_rectangle(p->cairo, box.x + (box.width - width) / 2, y, width, height);
	cairo_stroke(p->cairo);
	cairo_set_source_rgb(p->cairo, 0, 0, 0);
	g_object_unref(layout);
	return y + height;
}

static void show_title(struct pdf *p)
{
	const struct document_head *h = &p->d->head;
	const struct box page = {p->left, p->width};
	double width = 0;
	if (h->type.n == 0)
		return;
	p->y = centred(p, page, p->y + ROW_GAP, document_upper(p->d->arena, h->type), 14, DOCUMENT_BOLD, true, &width);
	p->y = centred(p, page, p->y, h->title, h->size, DOCUMENT_BOLD, true, &width);
	p->y = rule_below(p, page, p->y, fmin(width * RULE_SHARE, p->width / 4)) + ROW_GAP;
}

/* One recipient stands behind "Kính gửi:", several in lines of their own. */
static void show_to(struct pdf *p)
{
	const struct document_head *h = &p->d->head;
	const struct document_list *to = &h->to;
	const struct box page = {p->left, p->width};
	if (to->count == 0)
		return;
	p->y += ROW_GAP;
	if (to->count == 1) {
		p->y = centred(p, page, p->y, arena_printf(p->d->arena, "%s %.*s", DOCUMENT_WORD_TO, STR_FMT(to->items[0])), h->size, 0, true, NULL) + ROW_GAP;
		return;
	}
	struct pdf_text t = {.text = STR(DOCUMENT_WORD_TO), .size = h->size, .width = p->width};
	pdf_flow(p, &t, p->left + TO_LABEL_MM * DOCUMENT_MM);
	for (size_t i = 0; i < to->count; i++) {
		t = (struct pdf_text){.label = STR("-"), .text = to->items[i], .size = h->size, .width = p->width - TO_LEFT_MM * DOCUMENT_MM};
		pdf_flow(p, &t, p->left + TO_LEFT_MM * DOCUMENT_MM);
	}
	p->y += ROW_GAP;
}

void pdf_form_head(struct pdf *p)
{
	const struct document_head *h = &p->d->head;
	/* On a broad page the boxes keep the shares of an upright one. */
	const struct box left = {p->left, p->width * DOCUMENT_LEFT_SHARE};
	const struct box right = {p->left + left.width, p->width - left.width};
	if (h->agency.n > 0) {
		double y = fmax(show_agency(p, left), show_nation(p, right)) + ROW_GAP;
		double number = show_number(p, left, y);
		struct str date = arena_printf(p->d->arena, "%.*s%s%.*s", STR_FMT(h->place), h->place.n > 0 ? ", " : "", STR_FMT(h->date));
		double dated = centred(p, right, y, date, h->size, DOCUMENT_ITALIC, true, NULL);
		number = show_stamp(p, left, number, h->secrecy);
		number = show_stamp(p, left, number, h->urgency);
		p->y = fmax(number, dated) + ROW_GAP;
	}
	show_title(p);
	show_to(p);
}

static double show_recipients(struct pdf *p, struct box box, double y, bool draw)
{
	const struct document_list *list = &p->d->head.recipients;
	if (list->count == 0)
		return y;
	struct pdf_text t = {.text = STR(DOCUMENT_WORD_RECIPIENTS), .size = RECIPIENTS_SIZE, .width = box.width, .style = DOCUMENT_BOLD | DOCUMENT_ITALIC};
	for (size_t i = 0; i <= list->count; i++) {
		PangoLayout *layout = pdf_layout(p, &t);
		y += draw ? pdf_show(p, layout, &t, box.x, y) : pdf_height(layout);
		g_object_unref(layout);
		if (i < list->count)
			t = (struct pdf_text){.label = STR("-"), .text = list->items[i], .size = RECIPIENT_SIZE, .width = box.width};
	}
	return y;
}

/* Whoever signs the file finds the middle of the place by this name. */
static void mark_place(struct pdf *p, double x, double y)
{
	struct buf b = BUF_INIT(128);
	buf_printf(&b, "name='" DOCUMENT_SIGNATURE_PLACE "' x=%d y=%d", (int)x, (int)y);
	cairo_tag_begin(p->cairo, CAIRO_TAG_DEST, b.p);
	cairo_tag_end(p->cairo, CAIRO_TAG_DEST);
	buf_done(&b);
}

static double show_signer(struct pdf *p, struct box box, double y, bool draw)
{
	const struct document_head *h = &p->d->head;
	y = centred(p, box, y, document_upper(p->d->arena, h->authority), h->size, DOCUMENT_BOLD, draw, NULL);
	y = centred(p, box, y, document_upper(p->d->arena, h->position), h->size, DOCUMENT_BOLD, draw, NULL);
	if (h->position.n + h->signer.n > 0) {
		if (draw)
			mark_place(p, box.x + box.width / 2, y + DOCUMENT_SIGNATURE_GAP_MM * DOCUMENT_MM / 2);
		y += DOCUMENT_SIGNATURE_GAP_MM * DOCUMENT_MM;
	}
	return centred(p, box, y, h->signer, h->size, DOCUMENT_BOLD, draw, NULL);
}

void pdf_form_end(struct pdf *p, bool draw, double *ret_height)
{
	const struct box left = {p->left, p->width * (1 - DOCUMENT_SIGNATURE_SHARE)};
	const struct box right = {p->left + left.width, p->width * DOCUMENT_SIGNATURE_SHARE};
	double y = p->y + ROW_GAP;
	y = fmax(show_recipients(p, left, y, draw), show_signer(p, right, y, draw));
	*ret_height = y - p->y;
	if (draw)
		p->y = y;
}
