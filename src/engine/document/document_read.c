/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Markdown as blocks and runs: cmark-gfm reads CommonMark 0.29 and GFM's tables, this takes what a document can show. */
#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm-extension_api.h>
#include <cmark-gfm.h>
#include <pthread.h>

#include "engine/document/document_internal.h"
#include "engine/document/document_template.h"

struct reader {
	struct arena *arena;
	struct document_block **last;
	struct err *err;
	const struct document_head *head;
	bool broad; /* the page lies on its side */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

bool document_url_allowed(struct str url)
{
	static const struct str schemes[] = {STR("https://"), STR("http://"), STR("mailto:")};
	bool known = false;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		known = known || str_starts_with(url, schemes[i]);
	for (size_t i = 0; known && i < url.n; i++)
		known = (unsigned char)url.p[i] > ' ' && (unsigned char)url.p[i] < 0x7f && strchr("\"'<>\\", url.p[i]) == NULL;
	return known && url.n <= 2000;
}

struct str document_plain(struct arena *arena, const struct document_run *runs)
{
	struct buf out = BUF_INIT(DOCUMENT_TEXT_MAX);
	for (const struct document_run *run = runs; run != NULL; run = run->next)
		for (size_t i = 0; i < run->text.n; i++)
			buf_append_char(&out, run->text.p[i] == '\n' ? ' ' : run->text.p[i]);
	struct str text = arena_str(arena, buf_str(&out));
	buf_done(&out);
	return text;
}

/* The break's private character becomes a line feed. */
static struct str broken(struct arena *arena, struct str text)
{
	struct buf out = BUF_INIT(DOCUMENT_TEXT_MAX);
	for (size_t i = 0; i < text.n; i++) {
		bool is_break = str_starts_with(str_sub(text, i, text.n), STR(DOCUMENT_BREAK));
		buf_append_char(&out, is_break ? '\n' : text.p[i]);
		i += is_break ? 2 : 0;
	}
	struct str kept = arena_str(arena, buf_str(&out));
	buf_done(&out);
	return kept;
}

struct runs {
	struct document_run **last;
	unsigned style;
	struct str url;
	bool keeps_lines; /* an appendix's title */
};

static void put_run(struct reader *rd, struct runs *runs, struct str text, unsigned style)
{
	struct document_run *run = ARENA_NEW(rd->arena, struct document_run);
	*run = (struct document_run){.text = broken(rd->arena, text), .style = style, .url = runs->url};
	*runs->last = run;
	runs->last = &run->next;
}

/* The types of extensions have no numbers in Debian's headers. */
static bool is_type(cmark_node *node, const char *type)
{
	return str_eq_c(str_c(cmark_node_get_type_string(node)), type);
}

static unsigned style_of(cmark_node *node)
{
	cmark_node_type type = cmark_node_get_type(node);
	return type == CMARK_NODE_STRONG   ? DOCUMENT_BOLD
	       : type == CMARK_NODE_EMPH   ? DOCUMENT_ITALIC
	       : is_type(node, "strikethrough") ? DOCUMENT_STRUCK
						: 0;
}

static void put_leaf(struct reader *rd, struct runs *runs, cmark_node *node)
{
	cmark_node_type type = cmark_node_get_type(node);
	if (type == CMARK_NODE_SOFTBREAK)
		put_run(rd, runs, runs->keeps_lines ? STR("\n") : STR(" "), runs->style);
	else if (type == CMARK_NODE_LINEBREAK)
		put_run(rd, runs, STR("\n"), runs->style);
	else if (type == CMARK_NODE_TEXT || type == CMARK_NODE_HTML_INLINE || type == CMARK_NODE_CODE)
		put_run(rd, runs, str_c(cmark_node_get_literal(node)), runs->style | (type == CMARK_NODE_CODE ? DOCUMENT_CODE : 0));
}

static void enter(struct runs *runs, cmark_node *node, bool leaving, struct arena *arena)
{
	if (leaving)
		runs->style &= ~style_of(node);
	else
		runs->style |= style_of(node);
	if (cmark_node_get_type(node) != CMARK_NODE_LINK)
		return;
	struct str url = leaving ? STR_EMPTY : str_c(cmark_node_get_url(node));
	runs->url = document_url_allowed(url) ? arena_str(arena, url) : STR_EMPTY;
}

/* The runs of a paragraph, heading or cell. Styles do not nest into themselves. */
static struct document_run *read_runs(struct reader *rd, cmark_node *block)
{
	struct document_run *first = NULL;
	struct runs runs = {.last = &first, .keeps_lines = cmark_node_get_type(block) == CMARK_NODE_HEADING};
	cmark_iter *iter = cmark_iter_new(block);
	cmark_event_type event;
	while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
		cmark_node *node = cmark_iter_get_node(iter);
		if (cmark_node_first_child(node) == NULL && event == CMARK_EVENT_ENTER)
			put_leaf(rd, &runs, node);
		if (node != block)
			enter(&runs, node, event == CMARK_EVENT_EXIT || cmark_node_first_child(node) == NULL, rd->arena);
	}
	cmark_iter_free(iter);
	return first;
}

static struct document_block *put_block(struct reader *rd, enum document_block_kind kind, unsigned level)
{
	struct document_block *b = ARENA_NEW(rd->arena, struct document_block);
	*b = (struct document_block){.kind = kind, .level = level};
	*rd->last = b;
	rd->last = &b->next;
	return b;
}

static int read_table(struct reader *rd, cmark_node *node)
{
	struct document_table *t = ARENA_NEW(rd->arena, struct document_table);
	struct document_row **last = &t->rows;
	size_t rows = 0;
	t->columns = cmark_gfm_extensions_get_table_columns(node);
	const uint8_t *align = cmark_gfm_extensions_get_table_alignments(node);
	if (t->columns > DOCUMENT_COLUMNS_MAX)
		return err_set(rd->err, -E2BIG, "document.too_long", ARG_U64("limit", DOCUMENT_COLUMNS_MAX));
	for (size_t i = 0; i < t->columns; i++)
		t->align[i] = align[i] == 'l' ? DOCUMENT_ALIGN_LEFT : align[i] == 'c' ? DOCUMENT_ALIGN_CENTRE : align[i] == 'r' ? DOCUMENT_ALIGN_RIGHT : DOCUMENT_ALIGN_NONE;
	for (cmark_node *row = cmark_node_first_child(node); row != NULL; row = cmark_node_next(row)) {
		if (++rows > DOCUMENT_ROWS_MAX)
			return err_set(rd->err, -E2BIG, "document.too_long", ARG_U64("limit", DOCUMENT_ROWS_MAX));
		struct document_row *r = ARENA_NEW(rd->arena, struct document_row);
		size_t i = 0;
		for (cmark_node *cell = cmark_node_first_child(row); cell != NULL && i < t->columns; cell = cmark_node_next(cell))
			r->cells[i++] = read_runs(rd, cell);
		*last = r;
		last = &r->next;
	}
	document_share_columns(t, rd->broad);
	put_block(rd, DOCUMENT_TABLE, 0)->table = t;
	return 0;
}

static int read_blocks(struct reader *rd, cmark_node *parent, unsigned depth);

static int read_list(struct reader *rd, cmark_node *list, unsigned depth)
{
	int number = cmark_node_get_list_start(list), r = 0;
	bool ordered = cmark_node_get_list_type(list) == CMARK_ORDERED_LIST;
	for (cmark_node *item = cmark_node_first_child(list); r == 0 && item != NULL; item = cmark_node_next(item), number++) {
		struct document_block **before = rd->last;
		r = read_blocks(rd, item, depth + 1);
		if (r < 0 || *before == NULL)
			continue;
		/* Outer numbers are Arabic, inner ones letters (khoản, điểm). */
		struct str label = !ordered ? (depth % 2 == 0 ? STR("-") : STR("+"))
				   : depth % 2 == 0 ? arena_printf(rd->arena, "%d.", number)
						    : arena_printf(rd->arena, "%.*s)", STR_FMT(document_letter(rd->arena, (uint64_t)(number > 0 ? number : 1))));
		if ((*before)->kind == DOCUMENT_ITEM && (*before)->label.n == 0)
			(*before)->label = label;
	}
	return r;
}

static int read_block(struct reader *rd, cmark_node *node, unsigned depth)
{
	cmark_node_type type = cmark_node_get_type(node);
	bool in_item = depth > 0 && cmark_node_get_type(cmark_node_parent(node)) == CMARK_NODE_ITEM;
	if (is_type(node, "table"))
		return read_table(rd, node);
	if (type == CMARK_NODE_LIST)
		return read_list(rd, node, depth);
	if (type == CMARK_NODE_BLOCK_QUOTE)
		return read_blocks(rd, node, depth + 1);
	if (type == CMARK_NODE_THEMATIC_BREAK) {
		(void)put_block(rd, DOCUMENT_PAGE, 0);
	} else if (type == CMARK_NODE_HEADING) {
		unsigned level = (unsigned)cmark_node_get_heading_level(node);
		rd->broad = level == 1 ? rd->head->appendix_landscape : rd->broad;
		put_block(rd, level == 1 ? DOCUMENT_APPENDIX : DOCUMENT_HEADING, level)->runs = read_runs(rd, node);
	} else if (type == CMARK_NODE_PARAGRAPH) {
		put_block(rd, in_item ? DOCUMENT_ITEM : depth > 0 ? DOCUMENT_QUOTE : DOCUMENT_PARAGRAPH, depth)->runs = read_runs(rd, node);
	} else if (type == CMARK_NODE_CODE_BLOCK || type == CMARK_NODE_HTML_BLOCK) {
		struct document_run *run = ARENA_NEW(rd->arena, struct document_run);
		*run = (struct document_run){.text = broken(rd->arena, str_trim(str_c(cmark_node_get_literal(node)))), .style = DOCUMENT_CODE};
		put_block(rd, DOCUMENT_QUOTE, depth)->runs = run;
	}
	return 0;
}

static int read_blocks(struct reader *rd, cmark_node *parent, unsigned depth)
{
	int r = 0;
	if (depth > DOCUMENT_BLOCKS_DEEP)
		return err_set(rd->err, -E2BIG, "document.too_deep", ARG_U64("limit", DOCUMENT_BLOCKS_DEEP));
	for (cmark_node *node = cmark_node_first_child(parent); r == 0 && node != NULL; node = cmark_node_next(node))
		r = read_block(rd, node, depth);
	return r;
}

int document_read_body(struct arena *arena, struct str markdown, struct document *d, struct err *err)
{
	struct reader rd = {.arena = arena, .last = &d->blocks, .err = err, .head = &d->head, .broad = d->head.landscape};
	(void)pthread_once(&once, cmark_gfm_core_extensions_ensure_registered);
	cmark_parser *parser = cmark_parser_new(CMARK_OPT_VALIDATE_UTF8);
	(void)cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension("table"));
	(void)cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension("strikethrough"));
	cmark_parser_feed(parser, markdown.p, markdown.n);
	cmark_node *root = cmark_parser_finish(parser);
	cmark_consolidate_text_nodes(root);
	int r = read_blocks(&rd, root, 0);
	cmark_node_free(root);
	cmark_parser_free(parser);
	return r;
}
