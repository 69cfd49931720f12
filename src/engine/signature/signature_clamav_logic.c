/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Logical expressions. libclamav splits at the first operator outside of parentheses, so both operators bind to the right:
 * 0&1|2 is 0&(1|2), and 0|1&2 is 0|(1&2).
 */
#include "base/cursor/cursor.h"
#include "engine/signature/signature_clamav_internal.h"

#define DEPTH_MAX 24

struct logic {
	struct cursor c;
	const struct clamav_sub *subs;
	unsigned count, depth;
	struct buf *out;
	struct err *err;
};

static int wrong(struct logic *l)
{
	return err_set(l->err, -EINVAL, "signature.clamav_logic", ARG_STR("text", l->c.s));
}

static void found(struct logic *l, unsigned sub)
{
	const struct clamav_place *p = &l->subs[sub].place;

	if (p->anywhere)
		buf_printf(l->out, "$s%u", sub);
	else
		buf_printf(l->out, "$s%u in (%s..%s)", sub, p->from, p->to);
}

static void how_often(struct logic *l, unsigned sub)
{
	const struct clamav_place *p = &l->subs[sub].place;

	if (p->anywhere)
		buf_printf(l->out, "#s%u", sub);
	else
		buf_printf(l->out, "#s%u in (%s..%s)", sub, p->from, p->to);
}

static bool sub_number(struct logic *l, unsigned *ret)
{
	uint64_t n = 0;

	if (!cursor_u64(&l->c, 0, UINT32_MAX, &n) || n >= l->count)
		return false;
	*ret = (unsigned)n;
	return true;
}

/* ">n", "=n", "<n" behind something; '\0' when there is none. `distinct`: ",m" behind it, 0 when there is none. */
static bool comparison(struct logic *l, char *ret_operator, uint64_t *ret_number, uint64_t *ret_distinct)
{
	const int c = cursor_peek(&l->c);

	*ret_operator = '\0';
	*ret_number = *ret_distinct = 0;
	if (c != '>' && c != '<' && c != '=')
		return true;
	*ret_operator = (char)cursor_next(&l->c);
	return cursor_u64(&l->c, 0, UINT32_MAX, ret_number) &&
	       (!cursor_accept(&l->c, ',') || cursor_u64(&l->c, 0, UINT32_MAX, ret_distinct));
}

static int leaf(struct logic *l)
{
	char operator = '\0';
	uint64_t number = 0, distinct = 0;
	unsigned sub = 0;

	if (!sub_number(l, &sub) || !comparison(l, &operator, &number, &distinct))
		return wrong(l);
	if (distinct > 1)
		return clamav_refuse(l->err, "signature.clamav_count", l->c.s);
	if (operator == '\0') {
		found(l, sub);
		return 0;
	}
	how_often(l, sub);
	buf_printf(l->out, "%s%llu", operator== '=' ? "==" : operator== '>' ? ">" : "<", (unsigned long long)number);
	return 0;
}

static int expression(struct logic *l);

/* Is what stands between these parentheses "a|b|c" and nothing else? The cursor goes behind the closing one. */
static bool plain_group(struct logic *l, unsigned subs[CLAMAV_SUBS_MAX], unsigned *ret_count)
{
	unsigned n = 0;

	do {
		if (n == CLAMAV_SUBS_MAX || !sub_number(l, &subs[n]))
			return false;
		n++;
	} while (cursor_accept(&l->c, '|'));
	*ret_count = n;
	return cursor_accept(&l->c, ')');
}

/* "(a|b|c)>n,m": more than n matches of them together, of at least m of them. */
static int counted_group(struct logic *l, const unsigned *subs, unsigned count)
{
	char operator = '\0';
	uint64_t number = 0, distinct = 0;

	if (!comparison(l, &operator, &number, &distinct))
		return wrong(l);
	if (operator!= '>' || distinct > count)
		return clamav_refuse(l->err, "signature.clamav_count", l->c.s);
	buf_append_char(l->out, '(');
	for (unsigned i = 0; i < count; i++) {
		buf_append_c(l->out, i > 0 ? "+" : "");
		if (!l->subs[subs[i]].place.anywhere)
			return clamav_refuse(l->err, "signature.clamav_count", l->c.s);
		how_often(l, subs[i]);
	}
	buf_printf(l->out, ">%llu", (unsigned long long)number);
	if (distinct > 0) {
		buf_printf(l->out, " and %llu of (", (unsigned long long)distinct);
		for (unsigned i = 0; i < count; i++)
			buf_printf(l->out, i > 0 ? ",$s%u" : "$s%u", subs[i]);
		buf_append_char(l->out, ')');
	}
	buf_append_char(l->out, ')');
	return 0;
}

static int group(struct logic *l)
{
	unsigned subs[CLAMAV_SUBS_MAX], count = 0;
	const struct cursor start = l->c;

	if (plain_group(l, subs, &count) && (cursor_peek(&l->c) == '>' || cursor_peek(&l->c) == '<' || cursor_peek(&l->c) == '='))
		return counted_group(l, subs, count);
	l->c = start;
	buf_append_char(l->out, '(');
	int r = expression(l);
	if (r < 0)
		return r;
	if (!cursor_expect(&l->c, ')'))
		return wrong(l);
	if (cursor_peek(&l->c) == '>' || cursor_peek(&l->c) == '<' || cursor_peek(&l->c) == '=')
		return clamav_refuse(l->err, "signature.clamav_count", l->c.s);
	buf_append_char(l->out, ')');
	return 0;
}

static int expression(struct logic *l)
{
	if (++l->depth > DEPTH_MAX * 4)
		return wrong(l);
	buf_append_char(l->out, '(');
	int r = cursor_accept(&l->c, '(') ? group(l) : leaf(l);
	if (r < 0)
		return r;
	const bool both = cursor_accept(&l->c, '&');
	if (both || cursor_accept(&l->c, '|')) {
		buf_append_c(l->out, both ? " and " : " or ");
		r = expression(l);
	}
	buf_append_char(l->out, ')');
	return r;
}

int clamav_logic(struct str text, const struct clamav_sub *subs, unsigned count, struct buf *out, struct err *err)
{
	struct logic l = {.c = cursor_of(text), .subs = subs, .count = count, .out = out, .err = err};
	int r = expression(&l);

	if (r == 0 && !cursor_at_end(&l.c))
		return wrong(&l);
	return r;
}
