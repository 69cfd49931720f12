/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_query/event_query_internal.h"

static void put_phrase(struct buf *out, struct str s)
{
	buf_append_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, s.p[i]);
	}
	buf_append_char(out, '"');
}

static void put_word(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		buf_append_char(out, c == EVENT_QUERY_ANY ? '*' : c == EVENT_QUERY_ONE ? '?' : c);
	}
}

static const char *sign_of(enum event_query_kind kind)
{
	switch (kind) {
	case EVENT_QUERY_LESS: return "<";
	case EVENT_QUERY_LESS_EQUAL: return "<=";
	case EVENT_QUERY_GREATER: return ">";
	case EVENT_QUERY_GREATER_EQUAL: return ">=";
	case EVENT_QUERY_FOLDED: return "~";
	case EVENT_QUERY_ALL: case EVENT_QUERY_AND: case EVENT_QUERY_OR: case EVENT_QUERY_NOT: case EVENT_QUERY_TEXT:
	case EVENT_QUERY_EQUAL: case EVENT_QUERY_LIKE: case EVENT_QUERY_EXISTS: case EVENT_QUERY_CIDR: case EVENT_QUERY__COUNT:
		break;
	}
	return "";
}

void event_query_print(const struct event_query *q, struct buf *out)
{
	if (q->kind == EVENT_QUERY_AND || q->kind == EVENT_QUERY_OR) {
		buf_append_char(out, '(');
		event_query_print(q->left, out);
		buf_append_c(out, q->kind == EVENT_QUERY_AND ? " AND " : " OR ");
		event_query_print(q->right, out);
		buf_append_char(out, ')');
		return;
	}
	if (q->kind == EVENT_QUERY_NOT) {
		buf_append_c(out, "NOT ");
		event_query_print(q->left, out);
		return;
	}
	if (q->kind == EVENT_QUERY_ALL) {
		buf_append_char(out, '*');
		return;
	}
	if (q->field.n > 0) {
		put_phrase(out, q->field);
		buf_append_char(out, ':');
	}
	buf_append_c(out, sign_of(q->kind));
	if (q->kind == EVENT_QUERY_LIKE || q->kind == EVENT_QUERY_CIDR)
		put_word(out, q->value);
	else if (q->kind == EVENT_QUERY_EXISTS)
		buf_append_char(out, '*');
	else
		put_phrase(out, q->value);
}
