/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* PDF (1.5, as Cairo writes it): pages, their numbers, and blocks one below the other. */
#include <cairo-pdf.h>
#include <math.h>

#include "engine/document/document_pdf_internal.h"

#define HEAD_LINES_AFTER 3 /* of text that stay with a heading */
#define CELL_GAP 6.0

double pdf_room(const struct pdf *p)
{
	return p->bottom - p->y;
}

static void set_page(struct pdf *p)
{
	double width = DOCUMENT_PAGE_WIDTH_MM, height = DOCUMENT_PAGE_HEIGHT_MM;
	if (p->landscape) {
		width = DOCUMENT_PAGE_HEIGHT_MM;
		height = DOCUMENT_PAGE_WIDTH_MM;
	}
	cairo_pdf_surface_set_size(p->surface, width * DOCUMENT_MM, height * DOCUMENT_MM);
	p->left = DOCUMENT_MARGIN_LEFT_MM * DOCUMENT_MM;
	p->width = (width - DOCUMENT_MARGIN_LEFT_MM - DOCUMENT_MARGIN_RIGHT_MM) * DOCUMENT_MM;
	p->top = DOCUMENT_MARGIN_TOP_MM * DOCUMENT_MM;
	p->bottom = (height - DOCUMENT_MARGIN_BOTTOM_MM) * DOCUMENT_MM;
	p->y = p->top;
}

/* In the middle of the top margin, not on a section's first page. */
static void show_page_number(struct pdf *p)
{
	if (p->page < 2)
		return;
	char digits[16];
	struct buf b = BUF_FIXED(digits, sizeof(digits));
	buf_printf(&b, "%u", p->page);
	const struct pdf_text t = {.text = buf_str(&b), .size = p->d->head.size, .width = p->width, .align = PDF_CENTRE};
	PangoLayout *layout = pdf_layout(p, &t);
	(void)pdf_show(p, layout, &t, p->left, (p->top - pdf_height(layout)) / 2);
	g_object_unref(layout);
}

void pdf_page(struct pdf *p)
{
	if (p->pages > 0)
		cairo_show_page(p->cairo);
	p->pages++;
	p->page++;
	set_page(p);
	show_page_number(p);
}

void pdf_need(struct pdf *p, double height)
{
	if (p->y > p->top && pdf_room(p) < height)
		pdf_page(p);
}

static void outline(struct pdf *p, const struct document_block *b)
{
	struct buf to = BUF_INIT(256), name = BUF_INIT(4096);
	struct str text = document_plain(p->d->arena, b->runs);
	buf_printf(&to, "page=%u pos=[%d %d]", p->pages, (int)p->left, (int)p->y);
	buf_printf(&name, "%.*s%s%.*s", STR_FMT(b->label), b->label.n > 0 ? " " : "", STR_FMT(str_sub(text, 0, 2000)));
	(void)cairo_pdf_surface_add_outline(p->surface, CAIRO_PDF_OUTLINE_ROOT, name.p, to.p, 0);
	buf_done(&to);
	buf_done(&name);
}

static void show_appendix(struct pdf *p, const struct document_block *b)
{
	const struct document_head *h = &p->d->head;
	p->landscape = h->appendix_landscape;
	p->page = 0;
	pdf_page(p);
	outline(p, b);
	const struct pdf_text title = {.runs = b->runs, .size = 14, .width = p->width, .style = DOCUMENT_BOLD, .align = PDF_CENTRE};
	pdf_flow(p, &title, p->left);
	if (h->annex.n > 0) {
		const struct pdf_text annex = {.text = h->annex, .size = h->size, .width = p->width, .style = DOCUMENT_ITALIC, .align = PDF_CENTRE};
		pdf_flow(p, &annex, p->left);
	}
	p->y += 2 * DOCUMENT_PARAGRAPH_GAP;
}

static struct pdf_text text_of(const struct pdf *p, const struct document_block *b)
{
	const struct document_head *h = &p->d->head;
	struct pdf_text t = {.label = b->label, .runs = b->runs, .size = h->size, .width = p->width, .align = PDF_JUSTIFY,
			     .indent = DOCUMENT_INDENT_MM * DOCUMENT_MM};
	if (b->kind == DOCUMENT_HEADING)
		t.style = b->level < 4 ? DOCUMENT_BOLD : b->level == 4 ? DOCUMENT_ITALIC : 0;
	if (b->kind == DOCUMENT_QUOTE) {
		t.width -= 2 * t.indent;
		t.indent = 0;
	}
	return t;
}

/* The signature's page has the last words of the text, too. */
static void keep_with_end(struct pdf *p, const struct document_block *b, const struct pdf_text *t)
{
	double end;
	if (b->next != NULL && b->next->kind != DOCUMENT_APPENDIX)
		return;
	PangoLayout *layout = pdf_layout(p, t);
	pdf_form_end(p, false, &end);
	double height = pdf_height(layout) + DOCUMENT_PARAGRAPH_GAP + end;
	if (height < (p->bottom - p->top) / 2)
		pdf_need(p, height);
	g_object_unref(layout);
}

static void show_text(struct pdf *p, const struct document_block *b)
{
	struct pdf_text t = text_of(p, b);
	bool heading = b->kind == DOCUMENT_HEADING;
	if (heading)
		pdf_need(p, (HEAD_LINES_AFTER + 1) * 1.2 * t.size + 2 * DOCUMENT_PARAGRAPH_GAP);
	else
		keep_with_end(p, b, &t);
	if (heading)
		outline(p, b);
	pdf_flow(p, &t, p->left + (b->kind == DOCUMENT_QUOTE ? DOCUMENT_INDENT_MM * DOCUMENT_MM : 0));
	p->y += DOCUMENT_PARAGRAPH_GAP;
}

static void show_end(struct pdf *p)
{
	double height;
	pdf_form_end(p, false, &height);
	pdf_need(p, height);
	pdf_form_end(p, true, &height);
}

static void show_blocks(struct pdf *p)
{
	bool ended = false;
	for (const struct document_block *b = p->d->blocks; b != NULL; b = b->next) {
		switch (b->kind) {
		case DOCUMENT_APPENDIX:
			if (!ended)
				show_end(p); /* the signature stands before the appendices */
			ended = true;
			show_appendix(p, b);
			break;
		case DOCUMENT_PAGE:
			pdf_page(p);
			break;
		case DOCUMENT_TABLE:
			pdf_table(p, b->table);
			p->y += CELL_GAP;
			break;
		case DOCUMENT_PARAGRAPH:
		case DOCUMENT_HEADING:
		case DOCUMENT_ITEM:
		case DOCUMENT_QUOTE:
			show_text(p, b);
			break;
		}
	}
	if (!ended)
		show_end(p);
}

static cairo_status_t take(void *ctx, const unsigned char *bytes, unsigned n)
{
	buf_append(ctx, str_n(bytes, n));
	return CAIRO_STATUS_SUCCESS;
}

/* Positions as the printer has them, not rounded to a screen's dots. */
static void set_context(struct pdf *p)
{
	cairo_font_options_t *options = cairo_font_options_create();
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	p->fonts = pango_cairo_font_map_new();
	p->context = pango_font_map_create_context(p->fonts);
	pango_cairo_context_set_resolution(p->context, 72);
	pango_cairo_context_set_font_options(p->context, options);
	pango_context_set_round_glyph_positions(p->context, FALSE);
	pango_context_set_language(p->context, pango_language_from_string("vi"));
	pango_context_set_base_dir(p->context, PANGO_DIRECTION_LTR);
	cairo_font_options_destroy(options);
}

/* A font of other widths would be another document. */
static int check_font(struct pdf *p, struct err *err)
{
	static const char *const known[] = {"Liberation Serif", "Times New Roman", "Tinos"};
	PangoFontDescription *wanted = pango_font_description_from_string("Liberation Serif, Times New Roman 14");
	PangoFont *font = pango_font_map_load_font(p->fonts, p->context, wanted);
	PangoFontDescription *got = font != NULL ? pango_font_describe(font) : NULL;
	struct str family = got != NULL ? str_c(pango_font_description_get_family(got)) : STR_EMPTY;
	bool good = false;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		good = good || str_eq_c(family, known[i]);
	pango_font_description_free(wanted);
	if (got != NULL)
		pango_font_description_free(got);
	if (font != NULL)
		g_object_unref(font);
	return good ? 0 : err_set(err, -ENOENT, "document.no_font", ARG_CSTR("font", known[0]));
}

static void set_facts(struct pdf *p)
{
	const struct document_head *h = &p->d->head;
	struct str title = arena_printf(p->d->arena, "%.*s%s%.*s", STR_FMT(h->type), h->type.n > 0 && h->title.n > 0 ? " " : "", STR_FMT(h->title));
	cairo_pdf_surface_set_metadata(p->surface, CAIRO_PDF_METADATA_TITLE, title.p != NULL ? title.p : "");
	if (h->agency.n > 0)
		cairo_pdf_surface_set_metadata(p->surface, CAIRO_PDF_METADATA_AUTHOR, h->agency.p);
}

int document_write_pdf(const struct document *d, struct buf *ret, struct err *err)
{
	struct buf file = BUF_INIT(DOCUMENT_FILE_MAX);
	struct pdf p = {.d = d, .landscape = d->head.landscape};
	set_context(&p);
	int r = check_font(&p, err);
	if (r == 0) {
		p.surface = cairo_pdf_surface_create_for_stream(take, &file, DOCUMENT_PAGE_WIDTH_MM * DOCUMENT_MM, DOCUMENT_PAGE_HEIGHT_MM * DOCUMENT_MM);
		p.cairo = cairo_create(p.surface);
		set_facts(&p);
		pdf_page(&p);
		pdf_form_head(&p);
		show_blocks(&p);
		cairo_show_page(p.cairo);
		bool good = cairo_status(p.cairo) == CAIRO_STATUS_SUCCESS;
		cairo_destroy(p.cairo);
		cairo_surface_finish(p.surface);
		good = good && cairo_surface_status(p.surface) == CAIRO_STATUS_SUCCESS;
		cairo_surface_destroy(p.surface);
		r = file.overflow ? err_set(err, -E2BIG, "document.too_big", ARG_U64("limit_mb", DOCUMENT_FILE_MAX >> 20))
		    : good	  ? 0
				  : err_set(err, -EIO, "document.not_written");
	}
	if (r == 0)
		buf_append(ret, buf_str(&file));
	buf_done(&file);
	g_object_unref(p.context);
	g_object_unref(p.fonts);
	return r;
}
