/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Templates: {{value | format}}, {{#if c}} {{else if c}} {{else}} {{/if}}, {{#each x in list}} {{else}} {{/each}}, {{! note}}.
 * A block's tag alone on its line takes the line with it, so that table rows stay together. Read into a tree, every
 * expression tried dry; then carried out under limits of steps, depth and size.
 */
#include "engine/document/document_template.h"

#define OPEN "{{"
#define CLOSE "}}"

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_IF, NODE_EACH };
struct node {
	enum node_kind kind;
	size_t from, to; /* of the text or of the expression */
	struct node *body, *otherwise, *next;
};

enum tag_kind { TAG_END, TAG_VALUE, TAG_IF, TAG_EACH, TAG_ELSE, TAG_ELSE_IF, TAG_END_IF, TAG_END_EACH, TAG_NOTE, TAG__COUNT };
struct tag {
	enum tag_kind kind;
	size_t at;       /* of its first brace */
	size_t from, to; /* of the expression */
	size_t text_to;  /* where the text in front of it ends, white space of its own line taken off */
	size_t next;     /* where what follows begins */
};

struct reader {
	struct document_expand *x;
	size_t at;
	struct tag tag; /* the one that ended the last list */
};

static struct cursor place(const struct reader *t, size_t at)
{
	struct cursor c = cursor_of(t->x->source);
	c.at = at;
	return c;
}

static int expected(const struct reader *t, size_t at, const char *what)
{
	struct cursor c = place(t, at);
	return document_fail(t->x, &c, -EINVAL, "document.syntax", ARG_CSTR("expected", what));
}

static bool starts_word(struct str s, const char *word, struct str *ret_rest)
{
	struct str w = str_c(word);
	if (!str_starts_with(s, w) || (s.n > w.n && strchr(" \t\n\r", s.p[w.n]) == NULL))
		return false;
	*ret_rest = str_sub(s, w.n, s.n);
	return true;
}

static enum tag_kind kind_of(struct str inner, struct str *ret_rest)
{
	static const struct {
		const char *word;
		enum tag_kind kind;
	} words[] = {{"#if", TAG_IF}, {"#each", TAG_EACH}, {"else if", TAG_ELSE_IF}, {"else", TAG_ELSE},
		     {"/if", TAG_END_IF}, {"/each", TAG_END_EACH}};
	*ret_rest = inner;
	if (inner.n > 0 && inner.p[0] == '!')
		return TAG_NOTE;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (starts_word(inner, words[i].word, ret_rest))
			return words[i].kind;
	return TAG_VALUE;
}

/* Blanks around a block's tag, when nothing else stands on its line. */
static void take_line(struct str source, size_t text_from, struct tag *tag)
{
	size_t from = tag->at, to = tag->next;
	while (from > text_from && (source.p[from - 1] == ' ' || source.p[from - 1] == '\t'))
		from--;
	while (to < source.n && (source.p[to] == ' ' || source.p[to] == '\t' || source.p[to] == '\r'))
		to++;
	bool begins = from == 0 || source.p[from - 1] == '\n';
	if (!begins || (to < source.n && source.p[to] != '\n'))
		return;
	tag->text_to = from;
	tag->next = to < source.n ? to + 1 : to;
}

static int next_tag(struct reader *t, struct tag *ret)
{
	struct str source = t->x->source, rest;
	size_t skip = str_find(str_sub(source, t->at, source.n), STR(OPEN));
	*ret = (struct tag){.kind = TAG_END, .at = source.n, .text_to = source.n, .next = source.n};
	if (skip == SIZE_MAX)
		return 0;
	ret->at = ret->text_to = t->at + skip;
	size_t inner_from = ret->at + 2, length = str_find(str_sub(source, inner_from, source.n), STR(CLOSE));
	if (length == SIZE_MAX)
		return expected(t, ret->at, CLOSE);
	ret->next = inner_from + length + 2;
	struct str inner = str_sub(source, inner_from, inner_from + length);
	size_t blanks = cursor_while(&(struct cursor){.s = inner}, " \t\r\n").n;
	inner = str_sub(inner, blanks, inner.n);
	ret->kind = kind_of(inner, &rest);
	ret->to = inner_from + length;
	ret->from = ret->to - rest.n;
	if (ret->kind != TAG_VALUE)
		take_line(source, t->at, ret);
	return 0;
}

static struct node *append(struct reader *t, struct node ***last, enum node_kind kind, size_t from, size_t to)
{
	struct node *n = ARENA_NEW(t->x->arena, struct node);
	*n = (struct node){.kind = kind, .from = from, .to = to};
	**last = n;
	*last = &n->next;
	return n;
}

static int read_list(struct reader *t, unsigned depth, struct node **ret);

/* {{else}}, {{else if}} and the end of an {{#if}} whose list just ended. */
static int read_rest_of_if(struct reader *t, unsigned depth, struct node *n)
{
	bool yes;
	int r = document_condition(t->x, n->from, n->to, &yes);
	if (r == 0)
		r = read_list(t, depth, &n->body);
	if (r < 0)
		return r;
	if (t->tag.kind == TAG_ELSE_IF) {
		struct node *other = ARENA_NEW(t->x->arena, struct node);
		*other = (struct node){.kind = NODE_IF, .from = t->tag.from, .to = t->tag.to};
		n->otherwise = other;
		return depth < DOCUMENT_DEPTH_MAX ? read_rest_of_if(t, depth + 1, other) : expected(t, t->tag.at, "{{/if}}");
	}
	if (t->tag.kind == TAG_ELSE)
		r = read_list(t, depth, &n->otherwise);
	return r < 0 ? r : t->tag.kind == TAG_END_IF ? 0 : expected(t, t->tag.at, "{{/if}}");
}

static int read_rest_of_each(struct reader *t, unsigned depth, struct node *n)
{
	struct str name;
	struct document_value list;
	int r = document_loop(t->x, n->from, n->to, &name, &list);
	if (r == 0)
		r = read_list(t, depth, &n->body);
	if (r == 0 && t->tag.kind == TAG_ELSE)
		r = read_list(t, depth, &n->otherwise);
	return r < 0 ? r : t->tag.kind == TAG_END_EACH ? 0 : expected(t, t->tag.at, "{{/each}}");
}

/* Up to a tag that ends the list, which stays in t->tag. */
static int read_list(struct reader *t, unsigned depth, struct node **ret)
{
	struct node **last = ret;
	*ret = NULL;
	if (depth > DOCUMENT_DEPTH_MAX) {
		struct cursor c = place(t, t->tag.at);
		return document_fail(t->x, &c, -E2BIG, "document.too_deep", ARG_U64("limit", DOCUMENT_DEPTH_MAX));
	}
	for (;;) {
		struct tag tag;
		struct document_value v;
		size_t from = t->at;
		int r = next_tag(t, &tag);
		if (r < 0)
			return r;
		t->tag = tag;
		t->at = tag.next;
		if (tag.text_to > from)
			(void)append(t, &last, NODE_TEXT, from, tag.text_to);
		if (tag.kind == TAG_VALUE) {
			(void)append(t, &last, NODE_VALUE, tag.from, tag.to);
			r = document_value_of(t->x, tag.from, tag.to, &v);
		} else if (tag.kind == TAG_IF) {
			r = read_rest_of_if(t, depth + 1, append(t, &last, NODE_IF, tag.from, tag.to));
		} else if (tag.kind == TAG_EACH) {
			r = read_rest_of_each(t, depth + 1, append(t, &last, NODE_EACH, tag.from, tag.to));
		} else if (tag.kind != TAG_NOTE) {
			return 0;
		}
		if (r < 0)
			return r;
	}
}

/* ---- carried out ---- */

struct writer {
	struct document_expand *x;
	size_t head_end; /* in the source */
	struct buf head, body;
};

/* In the head a value is one line of plain text. */
static void put_head(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		buf_append_char(out, (unsigned char)text.p[i] < 0x20 ? ' ' : text.p[i]);
}

/* In the body every sign that Markdown could mean something by is escaped. */
static void put_body(struct buf *out, struct str text, bool paragraphs)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
		if (str_starts_with(str_sub(text, i, text.n), STR(DOCUMENT_BREAK)))
			i += 2;
		else if (c == '\n')
			buf_append_c(out, paragraphs ? "\n\n" : DOCUMENT_BREAK);
		else if (letter)
			buf_append_char(out, c);
		else if ((unsigned char)c > ' ' && c != 0x7f)
			buf_printf(out, "\\%c", c);
		else if (out->n > 0 && out->p[out->n - 1] != ' ' && out->p[out->n - 1] != '\n')
			buf_append_char(out, ' ');
	}
}

static int put_value(struct writer *w, const struct node *n)
{
	struct document_value v;
	int r = document_value_of(w->x, n->from, n->to, &v);
	if (r < 0)
		return r;
	struct str text = v.type == DOCUMENT_NUMBER ? document_show_number(w->x->arena, v.number, -1) : v.text;
	if (n->from < w->head_end)
		put_head(&w->head, str_trim(text));
	else
		put_body(&w->body, str_trim(text), v.paragraphs);
	return 0;
}

static int put_list(struct writer *w, const struct node *list);

static int step(struct writer *w, size_t at)
{
	struct cursor c = cursor_of(w->x->source);
	c.at = at;
	return ++w->x->steps <= DOCUMENT_STEPS_MAX ? 0 : document_fail(w->x, &c, -E2BIG, "document.too_long", ARG_U64("limit", DOCUMENT_STEPS_MAX));
}

static int put_loop(struct writer *w, const struct node *n)
{
	struct document_scope turn = {.up = w->x->scope};
	struct document_value list;
	int r = document_loop(w->x, n->from, n->to, &turn.name, &list);
	if (r < 0)
		return r;
	if (list.tree->count == 0)
		return put_list(w, n->otherwise);
	turn.count = list.tree->count;
	json_each(item, list.tree) {
		turn.item = item;
		turn.number++;
		w->x->scope = &turn;
		/* A turn that puts nothing is a step, too. */
		r = step(w, n->from);
		if (r == 0)
			r = put_list(w, n->body);
		if (r < 0)
			break;
	}
	w->x->scope = turn.up;
	return r;
}

static int put_node(struct writer *w, const struct node *n)
{
	struct str source = w->x->source;
	bool yes = false;
	int r = 0;
	switch (n->kind) {
	case NODE_TEXT:
		buf_append(&w->head, str_sub(source, n->from, n->to < w->head_end ? n->to : w->head_end));
		buf_append(&w->body, str_sub(source, n->from > w->head_end ? n->from : w->head_end, n->to));
		return 0;
	case NODE_VALUE:
		return put_value(w, n);
	case NODE_EACH:
		return put_loop(w, n);
	case NODE_IF:
		r = document_condition(w->x, n->from, n->to, &yes);
		return r < 0 ? r : put_list(w, yes ? n->body : n->otherwise);
	}
	return r;
}

static int put_list(struct writer *w, const struct node *list)
{
	int r = 0;
	for (const struct node *n = list; r == 0 && n != NULL; n = n->next) {
		struct cursor c = cursor_of(w->x->source);
		c.at = n->from;
		r = put_node(w, n);
		if (r == 0)
			r = step(w, n->from);
		if (r == 0 && (w->head.overflow || w->body.overflow))
			r = document_fail(w->x, &c, -E2BIG, "document.too_big", ARG_U64("limit_mb", DOCUMENT_TEXT_MAX >> 20));
	}
	return r;
}

/* "---", lines, "---": where the body begins; 0 without a head. */
static size_t end_of_head(struct str source)
{
	static const char fence[] = "---\n";
	if (!str_starts_with(source, str_c(fence)))
		return 0;
	size_t at = str_find(str_sub(source, 3, source.n), STR("\n---\n"));
	return at == SIZE_MAX ? 0 : 3 + at + 5;
}

int document_expand(struct document_expand *x, struct str *ret_head, struct str *ret_body)
{
	struct reader t = {.x = x};
	struct node *list;
	x->dry = true;
	int r = read_list(&t, 0, &list);
	if (r == 0 && t.tag.kind != TAG_END)
		r = expected(&t, t.tag.at, "{{#if …}} / {{#each …}}");
	x->dry = ret_head == NULL;
	if (r < 0 || x->dry)
		return r;
	struct writer w = {.x = x, .head_end = end_of_head(x->source), .head = BUF_INIT(DOCUMENT_TEXT_MAX), .body = BUF_INIT(DOCUMENT_TEXT_MAX)};
	r = put_list(&w, list);
	if (r == 0) {
		*ret_head = arena_str(x->arena, buf_str(&w.head));
		*ret_body = arena_str(x->arena, buf_str(&w.body));
	}
	buf_done(&w.head);
	buf_done(&w.body);
	return r;
}
