/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * A query as a Sigma rule: each term is a selection of its own and the condition joins them as the query does. Sigma has
 * no words for text without diacritics, nor for whose event it is.
 */
#include <stdio.h>

#include "engine/event_query/event_query_internal.h"

#define SELECTION_SIZE 16

struct rule {
	struct buf *out;
	struct buf condition;
	unsigned count;
	struct err *err;
};

static int cannot(struct rule *r, const struct event_query *q, const char *key)
{
	return err_set(r->err, -EINVAL, key, ARG_U64("at", q->at));
}

/* Single quotes, in which YAML knows one escape; with control characters double ones. */
static void put_quoted(struct buf *out, struct str s)
{
	bool control = false;
	for (size_t i = 0; i < s.n; i++)
		control |= (unsigned char)s.p[i] < ' ';
	buf_append_char(out, control ? '"' : '\'');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!control && c == '\'')
			buf_append_c(out, "''");
		else if (control && (c == '"' || c == '\\'))
			buf_printf(out, "\\%c", c);
		else if (control && (unsigned char)c < ' ')
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)c);
		else
			buf_append_char(out, c);
	}
	buf_append_char(out, control ? '"' : '\'');
}

/* A value as Sigma writes it: "\" before wildcards and itself. */
static void put_value(struct buf *out, const struct event_query *q)
{
	cleanup_buf struct buf text = BUF_INIT(4 * EVENT_QUERY_LIMIT);
	for (size_t i = 0; i < q->value.n; i++) {
		char c = q->value.p[i];
		bool wild = q->kind == EVENT_QUERY_LIKE && (c == EVENT_QUERY_ANY || c == EVENT_QUERY_ONE);
		if (c == '*' || c == '?' || c == '\\')
			buf_append_char(&text, '\\');
		buf_append_char(&text, !wild ? c : c == EVENT_QUERY_ANY ? '*' : '?');
	}
	put_quoted(out, buf_str(&text));
}

static bool is_record(struct str field)
{
	return str_eq_c(field, "event.id") || str_eq_c(field, "unit.id") || str_eq_c(field, "endpoint.id") ||
	       str_eq_c(field, "source");
}

static void begin_selection(struct rule *r)
{
	r->count++;
	buf_printf(r->out, "  s%u:\n", r->count);
	buf_printf(&r->condition, "s%u", r->count);
}

static int put_keyword(struct rule *r, const struct event_query *q)
{
	begin_selection(r);
	buf_append_c(r->out, "    - ");
	put_value(r->out, q);
	buf_append_char(r->out, '\n');
	return 0;
}

static const char *modifier_of(const struct event_query *q)
{
	switch (q->kind) {
	case EVENT_QUERY_EXISTS: return "|exists";
	case EVENT_QUERY_LESS: return "|lt";
	case EVENT_QUERY_LESS_EQUAL: return "|lte";
	case EVENT_QUERY_GREATER: return "|gt";
	case EVENT_QUERY_GREATER_EQUAL: return "|gte";
	case EVENT_QUERY_CIDR: return "|cidr";
	case EVENT_QUERY_EQUAL: return str_eq_c(q->field, "message") ? "|contains" : "";
	case EVENT_QUERY_ALL: case EVENT_QUERY_AND: case EVENT_QUERY_OR: case EVENT_QUERY_NOT: case EVENT_QUERY_TEXT:
	case EVENT_QUERY_FOLDED: case EVENT_QUERY_LIKE: case EVENT_QUERY__COUNT:
		break;
	}
	return "";
}

static int put_field(struct rule *r, const struct event_query *q)
{
	if (is_record(q->field))
		return cannot(r, q, "event.rule_cannot_record");
	if (str_find_char(q->field, '|') != SIZE_MAX)
		return cannot(r, q, "event.rule_cannot_field");
	if (str_eq_c(q->field, "raw"))
		return q->kind == EVENT_QUERY_EQUAL || q->kind == EVENT_QUERY_LIKE ? put_keyword(r, q) : cannot(r, q, "event.rule_cannot_record");
	begin_selection(r);
	cleanup_buf struct buf name = BUF_INIT(4 * EVENT_QUERY_LIMIT);
	buf_append(&name, q->field);
	buf_append_c(&name, modifier_of(q));
	buf_append_c(r->out, "    ");
	put_quoted(r->out, buf_str(&name));
	buf_append_c(r->out, ": ");
	if (q->kind == EVENT_QUERY_EXISTS)
		buf_append_c(r->out, "true");
	else if (q->kind >= EVENT_QUERY_LESS && q->kind <= EVENT_QUERY_GREATER_EQUAL)
		buf_append(r->out, q->value);
	else
		put_value(r->out, q);
	buf_append_char(r->out, '\n');
	return 0;
}

static int put_node(struct rule *r, const struct event_query *q)
{
	int e;
	switch (q->kind) {
	case EVENT_QUERY_AND:
	case EVENT_QUERY_OR:
		buf_append_char(&r->condition, '(');
		e = put_node(r, q->left);
		buf_append_c(&r->condition, q->kind == EVENT_QUERY_AND ? " and " : " or ");
		if (e == 0)
			e = put_node(r, q->right);
		buf_append_char(&r->condition, ')');
		return e;
	case EVENT_QUERY_NOT:
		buf_append_c(&r->condition, "not ");
		return put_node(r, q->left);
	case EVENT_QUERY_ALL:
		return cannot(r, q, "event.rule_cannot_all");
	case EVENT_QUERY_FOLDED:
		return cannot(r, q, "event.rule_cannot_folded");
	case EVENT_QUERY_TEXT:
		return put_keyword(r, q);
	case EVENT_QUERY_LIKE:
		return q->field.n == 0 ? put_keyword(r, q) : put_field(r, q);
	case EVENT_QUERY_EQUAL: case EVENT_QUERY_EXISTS: case EVENT_QUERY_LESS: case EVENT_QUERY_LESS_EQUAL:
	case EVENT_QUERY_GREATER: case EVENT_QUERY_GREATER_EQUAL: case EVENT_QUERY_CIDR: case EVENT_QUERY__COUNT:
		break;
	}
	return put_field(r, q);
}

int event_query_sigma(const struct event_query *q, const struct event_query_rule *rule, struct buf *out, struct err *err)
{
	struct rule r = {.out = out, .condition = BUF_INIT(16 << 10), .err = err};
	buf_append_c(out, "title: ");
	put_quoted(out, rule->title);
	buf_printf(out, "\nid: %s\nstatus: experimental\nauthor: ", rule->id);
	put_quoted(out, rule->author);
	buf_printf(out, "\ndate: %.*s\nlogsource:\n  definition: 'every source'\ndetection:\n", STR_FMT(rule->date));
	int e = put_node(&r, q);
	if (e == 0) {
		struct str condition = buf_str(&r.condition);
		/* Without the parentheses around everything. */
		if (q->kind == EVENT_QUERY_AND || q->kind == EVENT_QUERY_OR)
			condition = str_sub(condition, 1, condition.n - 1);
		buf_printf(out, "  condition: %.*s\nlevel: medium\n", STR_FMT(condition));
	}
	buf_done(&r.condition);
	return e;
}
