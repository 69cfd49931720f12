/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* DOCX (ECMA-376 part 1, WordprocessingML): what a person goes on writing in. Styles carry the layout, tables are tables. */
#include "engine/document/document_docx_internal.h"
#include "engine/document/document_template.h"

struct docx {
	const struct document *d;
	struct buf out, links;
	unsigned link_count;
	bool landscape;
	unsigned section; /* appendices begun */
};

static int twips(double mm)
{
	return (int)(mm * DOCX_TWIPS_PER_MM + 0.5);
}
static int text_width(bool landscape)
{
	return twips((landscape ? DOCUMENT_PAGE_HEIGHT_MM : DOCUMENT_PAGE_WIDTH_MM) - DOCUMENT_MARGIN_LEFT_MM - DOCUMENT_MARGIN_RIGHT_MM);
}

static void put_text(struct docx *x, struct str text)
{
	struct str line;
	bool first = true;
	while (str_split(&text, '\n', &line)) {
		buf_append_c(&x->out, first ? "<w:t xml:space=\"preserve\">" : "<w:br/><w:t xml:space=\"preserve\">");
		docx_escape(&x->out, line);
		buf_append_c(&x->out, "</w:t>");
		first = false;
	}
}

/* `points`: 0 for the style's own size. */
static void put_run(struct docx *x, struct str text, unsigned style, unsigned points, const char *more)
{
	buf_printf(&x->out, "<w:r><w:rPr>%s%s%s%s%s", style & DOCUMENT_CODE ? "<w:rFonts w:ascii=\"Courier New\" w:hAnsi=\"Courier New\"/>" : "",
		   style & DOCUMENT_BOLD ? "<w:b/>" : "", style & DOCUMENT_ITALIC ? "<w:i/>" : "", style & DOCUMENT_STRUCK ? "<w:strike/>" : "", more);
	if (points > 0)
		buf_printf(&x->out, "<w:sz w:val=\"%u\"/><w:szCs w:val=\"%u\"/>", 2 * points, 2 * points);
	buf_append_c(&x->out, "</w:rPr>");
	put_text(x, text);
	buf_append_c(&x->out, "</w:r>");
}

static void put_runs(struct docx *x, const struct document_run *runs, unsigned style)
{
	for (const struct document_run *run = runs; run != NULL; run = run->next) {
		if (run->url.n > 0) {
			buf_printf(&x->links, "<Relationship Id=\"rIdLink%u\" TargetMode=\"External\" Type=\"" DOCX_RELATIONS "/hyperlink\" Target=\"", ++x->link_count);
			docx_escape(&x->links, run->url);
			buf_append_c(&x->links, "\"/>");
			buf_printf(&x->out, "<w:hyperlink r:id=\"rIdLink%u\">", x->link_count);
		}
		put_run(x, run->text, run->style | style, 0, run->url.n > 0 ? "<w:u w:val=\"single\"/>" : "");
		buf_append_c(&x->out, run->url.n > 0 ? "</w:hyperlink>" : "");
	}
}

static void open_paragraph(struct docx *x, const char *style, const char *properties)
{
	buf_printf(&x->out, "<w:p><w:pPr><w:pStyle w:val=\"%s\"/>%s</w:pPr>", style, properties);
}

static void put_line(struct docx *x, const char *style, const char *properties, struct str text, unsigned run_style, unsigned points)
{
	if (text.n == 0)
		return;
	open_paragraph(x, style, properties);
	put_run(x, text, run_style, points, "");
	buf_append_c(&x->out, "</w:p>");
}

/* A line of that length in the middle of its column: the border of an empty paragraph. */
static void put_rule(struct docx *x, int column, int length)
{
	int side = (column - length) / 2;
	buf_printf(&x->out, "<w:p><w:pPr><w:pStyle w:val=\"Form\"/><w:pBdr><w:top w:val=\"single\" w:sz=\"6\" w:space=\"1\" w:color=\"000000\"/></w:pBdr>"
			    "<w:spacing w:line=\"120\" w:lineRule=\"exact\"/><w:ind w:left=\"%d\" w:right=\"%d\"/></w:pPr></w:p>",
		   side, side);
}

static void open_grid(struct docx *x, const int *widths, size_t columns, bool borders)
{
	static const char *const sides[] = {"top", "left", "bottom", "right", "insideH", "insideV"};
	int total = 0;
	for (size_t i = 0; i < columns; i++)
		total += widths[i];
	buf_printf(&x->out, "<w:tbl><w:tblPr><w:tblW w:w=\"%d\" w:type=\"dxa\"/>", total);
	if (borders)
		buf_append_c(&x->out, "<w:tblBorders>");
	for (size_t i = 0; borders && i < ARRAY_LEN(sides); i++)
		buf_printf(&x->out, "<w:%s w:val=\"single\" w:sz=\"4\" w:space=\"0\" w:color=\"000000\"/>", sides[i]);
	buf_append_c(&x->out, borders ? "</w:tblBorders>" : "");
	buf_printf(&x->out, "<w:tblLayout w:type=\"fixed\"/><w:tblCellMar><w:left w:w=\"%d\" w:type=\"dxa\"/><w:right w:w=\"%d\" w:type=\"dxa\"/></w:tblCellMar></w:tblPr><w:tblGrid>",
		   borders ? 80 : 0, borders ? 80 : 0);
	for (size_t i = 0; i < columns; i++)
		buf_printf(&x->out, "<w:gridCol w:w=\"%d\"/>", widths[i]);
	buf_append_c(&x->out, "</w:tblGrid>");
}

static void open_span(struct docx *x, int width, size_t columns)
{
	buf_printf(&x->out, "<w:tc><w:tcPr><w:tcW w:w=\"%d\" w:type=\"dxa\"/>", width);
	if (columns > 1)
		buf_printf(&x->out, "<w:gridSpan w:val=\"%zu\"/>", columns);
	buf_append_c(&x->out, "</w:tcPr>");
}
static void open_cell(struct docx *x, int width)
{
	open_span(x, width, 1);
}

static void put_row(struct docx *x, const struct document_table *t, const struct document_row *row, bool head)
{
	static const char *const aligns[] = {"", "", "<w:jc w:val=\"center\"/>", "<w:jc w:val=\"right\"/>"};
	buf_append_c(&x->out, head ? "<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>" : "<w:tr><w:trPr><w:cantSplit/></w:trPr>");
	for (size_t i = 0; i < document_row_cells(t, row); i++) {
		open_span(x, (int)(document_cell_share(t, row, i) * text_width(x->landscape)), row->spans && i == 1 ? t->columns - 1 : 1);
		open_paragraph(x, "TableText", aligns[head ? DOCUMENT_ALIGN_CENTRE : t->align[i]]);
		put_runs(x, row->cells[i], head ? DOCUMENT_BOLD : 0);
		buf_append_c(&x->out, "</w:p></w:tc>");
	}
	buf_append_c(&x->out, "</w:tr>");
}

static void put_table(struct docx *x, const struct document_table *t)
{
	int widths[DOCUMENT_COLUMNS_MAX];
	for (size_t i = 0; i < t->columns; i++)
		widths[i] = (int)(t->share[i] * text_width(x->landscape));
	open_grid(x, widths, t->columns, true);
	for (const struct document_row *row = t->rows; row != NULL; row = row->next)
		put_row(x, t, row, row == t->rows);
	/* A paragraph keeps two tables apart. */
	buf_append_c(&x->out, "</w:tbl><w:p><w:pPr><w:spacing w:line=\"120\" w:lineRule=\"exact\"/></w:pPr></w:p>");
}

static void put_agency(struct docx *x, int width)
{
	const struct document_head *h = &x->d->head;
	unsigned size = h->size - 1;
	open_cell(x, width);
	put_line(x, "Form", "", document_upper(x->d->arena, h->superior), 0, size);
	put_line(x, "Form", "", document_upper(x->d->arena, h->agency), DOCUMENT_BOLD, size);
	put_rule(x, width, width / 3);
	buf_append_c(&x->out, "</w:tc>");
}

static void put_nation(struct docx *x, int width)
{
	const struct document_head *h = &x->d->head;
	open_cell(x, width);
	put_line(x, "Form", "", STR(DOCUMENT_WORD_NATION), DOCUMENT_BOLD, h->size - 1);
	put_line(x, "Form", "", STR(DOCUMENT_WORD_MOTTO), DOCUMENT_BOLD, h->size);
	put_rule(x, width, twips(h->size == 14 ? 67 : 62)); /* as long as the motto */
	buf_append_c(&x->out, "</w:tc>");
}

static void put_stamp(struct docx *x, struct str text)
{
	if (text.n == 0)
		return;
	open_paragraph(x, "Form", "<w:spacing w:before=\"120\"/>");
	put_run(x, document_upper(x->d->arena, text), DOCUMENT_BOLD, 13, "<w:color w:val=\"CC0000\"/><w:bdr w:val=\"single\" w:sz=\"8\" w:space=\"4\" w:color=\"CC0000\"/>");
	buf_append_c(&x->out, "</w:p>");
}

static void put_number(struct docx *x, int width)
{
	const struct document_head *h = &x->d->head;
	bool open = h->number.n > 0 && h->number.p[0] == '/';
	open_cell(x, width);
	put_line(x, "Form", "<w:spacing w:before=\"120\"/>",
		 h->number.n > 0 ? arena_printf(x->d->arena, "%s%s%.*s", DOCUMENT_WORD_NUMBER, open ? DOCUMENT_WORD_NUMBER_OPEN : "", STR_FMT(h->number)) : STR(" "), 0, 13);
	if (h->type.n == 0 && h->title.n > 0)
		put_line(x, "Form", "<w:spacing w:before=\"120\"/>", arena_printf(x->d->arena, "%s%.*s", DOCUMENT_WORD_SUBJECT, STR_FMT(h->title)), 0, 12);
	put_stamp(x, h->secrecy);
	put_stamp(x, h->urgency);
	buf_append_c(&x->out, "</w:tc>");
}

static void put_form(struct docx *x)
{
	const struct document_head *h = &x->d->head;
	int width = text_width(x->landscape), left = (int)(width * DOCUMENT_LEFT_SHARE), widths[] = {left, width - left};
	if (h->agency.n == 0)
		return;
	open_grid(x, widths, 2, false);
	buf_append_c(&x->out, "<w:tr>");
	put_agency(x, widths[0]);
	put_nation(x, widths[1]);
	buf_append_c(&x->out, "</w:tr><w:tr>");
	put_number(x, widths[0]);
	open_cell(x, widths[1]);
	put_line(x, "Form", "<w:spacing w:before=\"120\"/>",
		 arena_printf(x->d->arena, "%.*s%s%.*s", STR_FMT(h->place), h->place.n > 0 ? ", " : "", STR_FMT(h->date)), DOCUMENT_ITALIC, h->size);
	buf_append_c(&x->out, "</w:tc></w:tr></w:tbl>");
}

static void put_title(struct docx *x)
{
	const struct document_head *h = &x->d->head;
	if (h->type.n > 0) {
		put_line(x, "Title", "<w:spacing w:before=\"240\"/>", document_upper(x->d->arena, h->type), 0, 0);
		put_line(x, "Title", "", h->title, 0, 0);
		put_rule(x, text_width(x->landscape), text_width(x->landscape) / 5);
	}
	if (h->to.count == 1)
		put_line(x, "Form", "<w:spacing w:before=\"160\" w:after=\"160\"/>", arena_printf(x->d->arena, "%s %.*s", DOCUMENT_WORD_TO, STR_FMT(h->to.items[0])), 0, 0);
	else if (h->to.count > 1)
		put_line(x, "Normal", "<w:spacing w:before=\"160\"/><w:ind w:left=\"1587\"/>", STR(DOCUMENT_WORD_TO), 0, 0);
	for (size_t i = 0; h->to.count > 1 && i < h->to.count; i++)
		put_line(x, "Normal", i + 1 == h->to.count ? "<w:spacing w:after=\"160\"/><w:ind w:left=\"1984\"/>" : "<w:ind w:left=\"1984\"/>",
			 arena_printf(x->d->arena, "- %.*s", STR_FMT(h->to.items[i])), 0, 0);
}

static void put_end(struct docx *x)
{
	const struct document_head *h = &x->d->head;
	int width = text_width(x->landscape), widths[] = {width / 2, width - width / 2};
	open_grid(x, widths, 2, false);
	buf_append_c(&x->out, "<w:tr><w:trPr><w:cantSplit/></w:trPr>");
	open_cell(x, widths[0]);
	if (h->recipients.count > 0)
		put_line(x, "Normal", "", STR(DOCUMENT_WORD_RECIPIENTS), DOCUMENT_BOLD | DOCUMENT_ITALIC, 12);
	for (size_t i = 0; i < h->recipients.count; i++)
		put_line(x, "Normal", "", arena_printf(x->d->arena, "- %.*s", STR_FMT(h->recipients.items[i])), 0, 11);
	buf_append_c(&x->out, h->recipients.count > 0 ? "</w:tc>" : "<w:p/></w:tc>");
	open_cell(x, widths[1]);
	put_line(x, "Form", "", document_upper(x->d->arena, h->authority), DOCUMENT_BOLD, 0);
	put_line(x, "Form", "", document_upper(x->d->arena, h->position), DOCUMENT_BOLD, 0);
	if (h->position.n + h->signer.n > 0)
		buf_printf(&x->out, "<w:p><w:pPr><w:pStyle w:val=\"Form\"/><w:spacing w:line=\"%d\" w:lineRule=\"exact\"/></w:pPr></w:p>", twips(DOCUMENT_SIGNATURE_GAP_MM));
	put_line(x, "Form", "", h->signer, DOCUMENT_BOLD, 0);
	buf_append_c(&x->out, h->signer.n > 0 ? "</w:tc></w:tr></w:tbl>" : "<w:p/></w:tc></w:tr></w:tbl>");
}

/* Numbers from 1 on each section's pages, none on its first. */
static void put_section(struct docx *x)
{
	int width = twips(DOCUMENT_PAGE_WIDTH_MM), height = twips(DOCUMENT_PAGE_HEIGHT_MM);
	buf_printf(&x->out, "<w:sectPr><w:headerReference w:type=\"default\" r:id=\"rIdHeader\"/><w:pgSz w:w=\"%d\" w:h=\"%d\"%s/>"
			    "<w:pgMar w:top=\"%d\" w:right=\"%d\" w:bottom=\"%d\" w:left=\"%d\" w:header=\"%d\" w:footer=\"0\" w:gutter=\"0\"/>"
			    "<w:pgNumType w:start=\"1\"/><w:titlePg/></w:sectPr>",
		   x->landscape ? height : width, x->landscape ? width : height, x->landscape ? " w:orient=\"landscape\"" : "",
		   twips(DOCUMENT_MARGIN_TOP_MM), twips(DOCUMENT_MARGIN_RIGHT_MM), twips(DOCUMENT_MARGIN_BOTTOM_MM), twips(DOCUMENT_MARGIN_LEFT_MM),
		   twips(DOCUMENT_MARGIN_TOP_MM / 2));
}

static void put_appendix(struct docx *x, const struct document_block *b)
{
	if (x->section++ == 0)
		put_end(x);
	buf_append_c(&x->out, "<w:p><w:pPr><w:spacing w:line=\"20\" w:lineRule=\"exact\"/>");
	put_section(x);
	buf_append_c(&x->out, "</w:pPr></w:p>");
	x->landscape = x->d->head.appendix_landscape;
	open_paragraph(x, "Heading1", "");
	put_runs(x, b->runs, 0);
	buf_append_c(&x->out, "</w:p>");
	put_line(x, "Form", "<w:spacing w:after=\"240\"/>", x->d->head.annex, DOCUMENT_ITALIC, 0);
}

static void put_paragraph(struct docx *x, const struct document_block *b)
{
	char style[16] = "BodyText";
	struct buf s = BUF_FIXED(style, sizeof(style));
	if (b->kind == DOCUMENT_HEADING)
		buf_printf(&s, "Heading%u", b->level);
	else
		buf_append_c(&s, b->kind == DOCUMENT_QUOTE ? "Quote" : "BodyText");
	open_paragraph(x, style, "");
	if (b->label.n > 0)
		put_run(x, arena_printf(x->d->arena, "%.*s ", STR_FMT(b->label)), 0, 0, "");
	put_runs(x, b->runs, 0);
	buf_append_c(&x->out, "</w:p>");
}

static void put_block(struct docx *x, const struct document_block *b)
{
	switch (b->kind) {
	case DOCUMENT_APPENDIX:
		put_appendix(x, b);
		break;
	case DOCUMENT_PAGE:
		buf_append_c(&x->out, "<w:p><w:r><w:br w:type=\"page\"/></w:r></w:p>");
		break;
	case DOCUMENT_TABLE:
		put_table(x, b->table);
		break;
	case DOCUMENT_HEADING:
	case DOCUMENT_PARAGRAPH:
	case DOCUMENT_ITEM:
	case DOCUMENT_QUOTE:
		put_paragraph(x, b);
		break;
	}
}

int document_write_docx(const struct document *d, struct buf *ret, struct err *err)
{
	struct docx x = {.d = d, .out = BUF_INIT(DOCUMENT_FILE_MAX), .links = BUF_INIT(DOCUMENT_FILE_MAX), .landscape = d->head.landscape};
	buf_append_c(&x.out, DOCX_HEAD "<w:document xmlns:w=\"" DOCX_MAIN "\" xmlns:r=\"" DOCX_RELATIONS "\"><w:body>");
	put_form(&x);
	put_title(&x);
	for (const struct document_block *b = d->blocks; b != NULL; b = b->next)
		put_block(&x, b);
	if (x.section == 0)
		put_end(&x);
	buf_append_c(&x.out, "<w:p><w:pPr><w:spacing w:line=\"20\" w:lineRule=\"exact\"/></w:pPr></w:p>");
	put_section(&x);
	buf_append_c(&x.out, "</w:body></w:document>");
	int r = x.out.overflow || x.links.overflow ? err_set(err, -E2BIG, "document.too_big", ARG_U64("limit_mb", DOCUMENT_FILE_MAX >> 20))
						   : docx_pack(d, buf_str(&x.out), buf_str(&x.links), ret, err);
	buf_done(&x.out);
	buf_done(&x.links);
	return r;
}
