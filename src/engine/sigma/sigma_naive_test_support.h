/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The specification read literally: one rule, one event as a tree, no indices, no compiled form. What the compiled matcher
 * is compared with. Tests only; knows flat and nested events, not the shapes of shippers.
 */
#pragma once
#include <stdlib.h>

#include "base/json/json.h"
#include "base/text/text.h"
#include "engine/sigma/sigma_regex.h"

struct naive {
	const struct json *event;
	struct sigma_regex_scratch *scratch;
	struct buf a, b;
};

static void naive_text(const struct json *v, struct buf *out)
{
	buf_clear(out);
	if (v->type == JSON_OBJECT || v->type == JSON_ARRAY) {
		struct json_writer w = json_writer_init(out);
		json_tree(&w, v);
	} else if (v->type == JSON_BOOL) {
		buf_append_c(out, v->boolean ? "true" : "false");
	} else {
		buf_append(out, v->text);
	}
	buf_append_c(out, "");
}

static bool naive_dash(struct str s, size_t at, size_t *ret_n)
{
	size_t next = at;
	int32_t c = at < s.n ? text_utf8_next(s, &next) : -1;
	*ret_n = next - at;
	return c == '-' || c == '/' || (c >= 0x2013 && c <= 0x2015);
}

static bool naive_glob(const struct sigma_piece *p, struct str s, size_t at)
{
	size_t n;
	if (p == NULL)
		return at == s.n;
	switch (p->kind) {
	case SIGMA_PIECE_TEXT:
		return str_starts_with(str_sub(s, at, s.n), p->text) && naive_glob(p->next, s, at + p->text.n);
	case SIGMA_PIECE_DASH:
		return naive_dash(s, at, &n) && naive_glob(p->next, s, at + n);
	case SIGMA_PIECE_ANY_ONE:
		if (at == s.n)
			return false;
		(void)text_utf8_next(s, &at);
		return naive_glob(p->next, s, at);
	case SIGMA_PIECE_ANY_RUN:
		for (; at <= s.n; at++)
			if (naive_glob(p->next, s, at))
				return true;
		return false;
	}
	return false;
}

/* fn over every value the field has: members of arrays one by one. Returns whether the field is there at all. */
typedef bool naive_fn(struct naive *n, const struct sigma_pred *pred, const struct json *v);

struct naive_find {
	struct naive *n;
	const struct sigma_pred *pred;
	naive_fn *fn;
	bool there, holds;
};

static void naive_value(struct naive_find *f, const struct json *v)
{
	f->there = true;
	if (v->type == JSON_ARRAY) {
		json_each(item, v)
			naive_value(f, item);
		return;
	}
	f->holds = f->fn(f->n, f->pred, v) || f->holds;
}

static void naive_path(struct naive_find *f, const struct json *at, const struct str *groups, size_t count)
{
	if (at->type == JSON_ARRAY) {
		json_each(item, at)
			naive_path(f, item, groups, count);
		return;
	}
	if (at->type != JSON_OBJECT)
		return;
	json_each(member, at) {
		if (!str_eq(member->name, groups[0]))
			continue;
		if (count == 1)
			naive_value(f, member);
		else
			naive_path(f, member, groups + 1, count - 1);
	}
}

/* Cuts the name at its dots in every way, the longest literal key first. */
static void naive_field(struct naive_find *f, struct str name)
{
	struct str parts[16], rest = name;
	size_t count = 0;
	while (count < 16 && str_split(&rest, '.', &parts[count]))
		count++;
	for (uint32_t cuts = 0; cuts < 1u << (count - 1) && !f->there; cuts++) {
		struct str groups[16];
		size_t used = 0;
		for (size_t i = 0; i < count; i++) {
			bool joined = i > 0 && !(cuts >> (count - 1 - i) & 1);
			if (joined)
				groups[used - 1].n = (size_t)(parts[i].p + parts[i].n - groups[used - 1].p);
			else
				groups[used++] = parts[i];
		}
		naive_path(f, f->n->event, groups, used);
	}
}

static bool naive_compare(enum sigma_op op, long double a, long double b)
{
	return op == SIGMA_OP_EQ ? a == b : op == SIGMA_OP_LT ? a < b : op == SIGMA_OP_LTE ? a <= b : op == SIGMA_OP_GT ? a > b : a >= b;
}

static bool naive_number(const struct sigma_pred *p, struct str s)
{
	long double v;
	int64_t part;
	if (p->part != SIGMA_PART_NONE)
		return sigma_time_part(s, p->part, &part) && naive_compare(p->op, (long double)part, p->number);
	return sigma_number_parse(s, &v) && naive_compare(p->op, v, p->number);
}

static bool naive_ref_value(struct naive *n, const struct sigma_pred *p, const struct json *v)
{
	struct buf folded cleanup_buf = BUF_INIT(1 << 20);
	if (v->type == JSON_NULL)
		return false;
	naive_text(v, &n->b);
	if (!p->cased) {
		sigma_fold(buf_str(&n->b), &folded);
		buf_clear(&n->b);
		buf_append(&n->b, buf_str(&folded));
	}
	struct str a = buf_str(&n->a), b = buf_str(&n->b);
	return p->ref == SIGMA_REF_EQUAL      ? str_eq(a, b)
	       : p->ref == SIGMA_REF_CONTAINS ? b.n == 0 || str_find(a, b) != SIZE_MAX
	       : p->ref == SIGMA_REF_STARTSWITH ? str_starts_with(a, b)
	                                        : str_ends_with(a, b);
}

static bool naive_test(struct naive *n, const struct sigma_pred *p, const struct json *v)
{
	struct buf folded cleanup_buf = BUF_INIT(1 << 20);
	unsigned char address[16];
	bool v6;
	if (p->op == SIGMA_OP_NULL || p->op == SIGMA_OP_EXISTS)
		return p->op == SIGMA_OP_EXISTS || v->type == JSON_NULL;
	if (v->type == JSON_NULL)
		return false;
	naive_text(v, &n->a);
	struct str raw = buf_str(&n->a);
	sigma_fold(raw, &folded);
	struct str s = p->cased ? raw : buf_str(&folded);
	if (s.p == NULL)
		s = STR("");
	switch (p->op) {
	case SIGMA_OP_PRESENT:
		return true;
	case SIGMA_OP_EXACT:
		return str_eq(s, p->text);
	case SIGMA_OP_PATTERN:
		return naive_glob(p->pattern.first, s, 0);
	case SIGMA_OP_REGEX: {
		struct sigma_regex *re cleanup(sigma_regex) = NULL;
		return sigma_regex_new(p->text, p->re_flags, &re, NULL) == 0 && sigma_regex_match(re, raw, n->scratch) > 0;
	}
	case SIGMA_OP_CIDR:
		return sigma_net_parse_address(raw, address, &v6) && sigma_net_has(&p->net, address, v6);
	case SIGMA_OP_EQ:
	case SIGMA_OP_LT:
	case SIGMA_OP_LTE:
	case SIGMA_OP_GT:
	case SIGMA_OP_GTE:
		return naive_number(p, raw);
	case SIGMA_OP_FIELDREF: {
		struct naive_find f = {.n = n, .pred = p, .fn = naive_ref_value};
		if (!p->cased) {
			buf_clear(&n->a);
			buf_append(&n->a, s);
		}
		naive_field(&f, p->text);
		return f.holds;
	}
	case SIGMA_OP_NULL:
	case SIGMA_OP_EXISTS:
	case SIGMA_OP__COUNT:
		break;
	}
	return false;
}

static bool naive_keyword(struct naive *n, const struct sigma_pred *p, const struct json *v)
{
	if (v->type != JSON_OBJECT && v->type != JSON_ARRAY)
		return naive_test(n, p, v);
	json_each(child, v)
		if (naive_keyword(n, p, child))
			return true;
	return false;
}

static bool naive_pred(struct naive *n, const struct sigma_pred *p)
{
	if (p->field.n == 0)
		return naive_keyword(n, p, n->event);
	struct naive_find f = {.n = n, .pred = p, .fn = naive_test};
	naive_field(&f, p->field);
	return f.there ? f.holds || p->op == SIGMA_OP_EXISTS : p->op == SIGMA_OP_NULL;
}

static bool naive_node(struct naive *n, const struct sigma_node *node)
{
	bool all = true, any = false;
	if (node->kind == SIGMA_NODE_PRED)
		return naive_pred(n, node->pred);
	if (node->kind == SIGMA_NODE_NOT)
		return !naive_node(n, node->child);
	for (const struct sigma_node *child = node->child; child != NULL; child = child->next) {
		bool holds = naive_node(n, child);
		all = all && holds;
		any = any || holds;
	}
	return node->kind == SIGMA_NODE_AND ? all : any;
}

/* Whether the condition holds; -1 when the event is no JSON to the strict reader. */
static int naive_holds(const struct sigma_node *condition, struct str event)
{
	struct arena *arena cleanup(arena) = arena_new(0);
	const struct json *tree;
	if (json_parse(arena, event, &(struct json_limits){.depth = 64}, &tree, NULL) < 0)
		return -1;
	struct naive n = {.event = tree, .scratch = sigma_regex_scratch_new(), .a = BUF_INIT(1 << 20), .b = BUF_INIT(1 << 20)};
	int r = naive_node(&n, condition);
	sigma_regex_scratch_free(n.scratch);
	buf_done(&n.a);
	buf_done(&n.b);
	return r;
}
