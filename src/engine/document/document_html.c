/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* HTML: one file with its style, nothing fetched, every text escaped. */
#include "engine/document/document_internal.h"
#include "engine/document/document_template.h"

static const char style[] =
    "body{font:14pt/1.3 'Times New Roman','Liberation Serif',Tinos,serif;color:#000;background:#fff;max-width:165mm;margin:20mm auto;padding:0 5mm}"
    "p,h2,h3,h4,h5,h6{font-size:1em;text-align:justify;text-indent:12.7mm;margin:6pt 0}h4,h5,h6{font-weight:normal;font-style:italic}"
    ".form{display:grid;grid-template-columns:42% 58%;text-align:center;row-gap:6pt}.form p,.c{text-align:center;text-indent:0;margin:0}"
    ".b{font-weight:bold}.i{font-style:italic}.u{text-decoration:underline;text-underline-offset:4pt}.s{font-size:12pt}"
    "h1{font-size:1em;text-align:center;margin:12pt 0}table{border-collapse:collapse;width:100%;font-size:12pt;margin:6pt 0}"
    "th,td{border:.5pt solid #000;padding:3pt 4pt;vertical-align:top;text-align:left}th{text-align:center}"
    ".end{display:grid;grid-template-columns:50% 50%;margin-top:12pt}.end p{text-indent:0}.to p{text-indent:0;margin:0 0 0 35mm}"
    ".gap{height:26mm}a{color:inherit}.stamp{color:#c00;border:1pt solid;font-weight:bold;padding:1mm 2mm}"
    "thead{display:table-header-group}.page{break-before:page}@media print{body{margin:0;max-width:none;padding:0}}"
    "@page{size:A4;margin:20mm 15mm 20mm 30mm}";

static void put(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '&')
			buf_append_c(out, "&amp;");
		else if (c == '<')
			buf_append_c(out, "&lt;");
		else if (c == '>')
			buf_append_c(out, "&gt;");
		else if (c == '"')
			buf_append_c(out, "&quot;");
		else if (c == '\'')
			buf_append_c(out, "&#39;");
		else if (c == '\n')
			buf_append_c(out, "<br>");
		else
			buf_append_char(out, c);
	}
}

static void put_element(struct buf *out, const char *open, struct str text, const char *close)
{
	if (text.n == 0)
		return;
	buf_append_c(out, open);
	put(out, text);
	buf_append_c(out, close);
}

static void put_runs(struct buf *out, const struct document_run *runs)
{
	static const struct {
		unsigned style;
		const char *open, *close;
	} styles[] = {{DOCUMENT_BOLD, "<b>", "</b>"}, {DOCUMENT_ITALIC, "<i>", "</i>"}, {DOCUMENT_STRUCK, "<s>", "</s>"}, {DOCUMENT_CODE, "<code>", "</code>"}};
	for (const struct document_run *run = runs; run != NULL; run = run->next) {
		if (run->url.n > 0) {
			buf_append_c(out, "<a rel=\"noopener noreferrer\" href=\"");
			put(out, run->url);
			buf_append_c(out, "\">");
		}
		for (size_t i = 0; i < ARRAY_LEN(styles); i++)
			buf_append_c(out, run->style & styles[i].style ? styles[i].open : "");
		put(out, run->text);
		for (size_t i = ARRAY_LEN(styles); i-- > 0;)
			buf_append_c(out, run->style & styles[i].style ? styles[i].close : "");
		buf_append_c(out, run->url.n > 0 ? "</a>" : "");
	}
}

static void put_row(struct buf *out, const struct document_table *t, const struct document_row *row, const char *cell)
{
	static const char *const aligns[] = {"", "", " style=\"text-align:center\"", " style=\"text-align:right\""};
	buf_append_c(out, "<tr>");
	for (size_t i = 0; i < document_row_cells(t, row); i++) {
		if (row->spans && i == 1)
			buf_printf(out, "<%s colspan=\"%zu\">", cell, t->columns - 1);
		else
			buf_printf(out, "<%s%s>", cell, aligns[t->align[i]]);
		put_runs(out, row->cells[i]);
		buf_printf(out, "</%s>", cell);
	}
	buf_append_c(out, "</tr>\n");
}

static void put_table(struct buf *out, const struct document_table *t)
{
	if (t->rows == NULL)
		return;
	buf_append_c(out, "<table><thead>");
	put_row(out, t, t->rows, "th");
	buf_append_c(out, "</thead><tbody>\n");
	for (const struct document_row *row = t->rows->next; row != NULL; row = row->next)
		put_row(out, t, row, "td");
	buf_append_c(out, "</tbody></table>\n");
}

static void put_form(struct buf *out, const struct document *d)
{
	const struct document_head *h = &d->head;
	bool open = h->number.n > 0 && h->number.p[0] == '/';
	if (h->agency.n > 0) {
		buf_append_c(out, "<div class=\"form\"><div>");
		put_element(out, "<p class=\"s\">", document_upper(d->arena, h->superior), "</p>");
		put_element(out, "<p class=\"b s\">", document_upper(d->arena, h->agency), "</p></div><div>");
		buf_append_c(out, "<p class=\"b s\">" DOCUMENT_WORD_NATION "</p><p class=\"b u\">" DOCUMENT_WORD_MOTTO "</p></div><div>");
		put_element(out, open ? "<p>" DOCUMENT_WORD_NUMBER DOCUMENT_WORD_NUMBER_OPEN : "<p>" DOCUMENT_WORD_NUMBER, h->number, "</p>");
		if (h->type.n == 0)
			put_element(out, "<p class=\"s\">" DOCUMENT_WORD_SUBJECT, h->title, "</p>");
		put_element(out, "<p><span class=\"stamp\">", document_upper(d->arena, h->secrecy), "</span></p>");
		put_element(out, "<p><span class=\"stamp\">", document_upper(d->arena, h->urgency), "</span></p>");
		buf_append_c(out, "</div><div><p class=\"i\">");
		put(out, h->place);
		buf_append_c(out, h->place.n > 0 ? ", " : "");
		put(out, h->date);
		buf_append_c(out, "</p></div></div>\n");
	}
	if (h->type.n > 0) {
		put_element(out, "<h1>", document_upper(d->arena, h->type), "</h1>");
		put_element(out, "<p class=\"c b\">", h->title, "</p>\n");
	}
	if (h->to.count == 1)
		put_element(out, "<p class=\"c\">" DOCUMENT_WORD_TO " ", h->to.items[0], "</p>\n");
	else if (h->to.count > 1)
		buf_append_c(out, "<div class=\"to\"><p>" DOCUMENT_WORD_TO "</p>");
	for (size_t i = 0; h->to.count > 1 && i < h->to.count; i++)
		put_element(out, "<p>- ", h->to.items[i], "</p>");
	buf_append_c(out, h->to.count > 1 ? "</div>\n" : "");
}

static void put_end(struct buf *out, const struct document *d)
{
	const struct document_head *h = &d->head;
	buf_append_c(out, "<div class=\"end\"><div>");
	if (h->recipients.count > 0)
		buf_append_c(out, "<p class=\"b i s\">" DOCUMENT_WORD_RECIPIENTS "</p>");
	for (size_t i = 0; i < h->recipients.count; i++)
		put_element(out, "<p class=\"s\">- ", h->recipients.items[i], "</p>");
	buf_append_c(out, "</div><div>");
	put_element(out, "<p class=\"c b\">", document_upper(d->arena, h->authority), "</p>");
	put_element(out, "<p class=\"c b\">", document_upper(d->arena, h->position), "</p>");
	put_element(out, "<div class=\"gap\"></div><p class=\"c b\">", h->signer, "</p>");
	buf_append_c(out, "</div></div>\n");
}

static void put_block(struct buf *out, const struct document *d, const struct document_block *b)
{
	switch (b->kind) {
	case DOCUMENT_APPENDIX:
		buf_append_c(out, "<h1 class=\"page\">");
		put_runs(out, b->runs);
		buf_append_c(out, "</h1>\n");
		put_element(out, "<p class=\"c i\">", d->head.annex, "</p>\n");
		break;
	case DOCUMENT_PAGE:
		buf_append_c(out, "<div class=\"page\"></div>\n");
		break;
	case DOCUMENT_TABLE:
		put_table(out, b->table);
		break;
	case DOCUMENT_HEADING:
	case DOCUMENT_PARAGRAPH:
	case DOCUMENT_ITEM:
	case DOCUMENT_QUOTE: {
		char tag[4] = "p";
		if (b->kind == DOCUMENT_HEADING)
			tag[0] = 'h', tag[1] = (char)('0' + b->level);
		buf_printf(out, "<%s>", tag);
		put_element(out, "", b->label, " ");
		put_runs(out, b->runs);
		buf_printf(out, "</%s>\n", tag);
		break;
	}
	}
}

int document_write_html(const struct document *d, struct buf *ret, struct err *err)
{
	const struct document_head *h = &d->head;
	struct buf out = BUF_INIT(DOCUMENT_FILE_MAX);
	bool ended = false;
	buf_append_c(&out, "<!doctype html>\n<html lang=\"vi\"><head><meta charset=\"utf-8\">"
			   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>");
	put(&out, h->type);
	buf_append_c(&out, h->type.n > 0 && h->title.n > 0 ? " " : "");
	put(&out, h->title);
	buf_printf(&out, "</title><style>%s</style></head><body>\n", style);
	put_form(&out, d);
	for (const struct document_block *b = d->blocks; b != NULL; b = b->next) {
		if (b->kind == DOCUMENT_APPENDIX && !ended) {
			put_end(&out, d);
			ended = true;
		}
		put_block(&out, d, b);
	}
	if (!ended)
		put_end(&out, d);
	buf_append_c(&out, "</body></html>\n");
	int r = out.overflow ? err_set(err, -E2BIG, "document.too_big", ARG_U64("limit_mb", DOCUMENT_FILE_MAX >> 20)) : 0;
	if (r == 0)
		buf_append(ret, buf_str(&out));
	buf_done(&out);
	return r;
}
