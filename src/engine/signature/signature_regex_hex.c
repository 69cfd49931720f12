/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/cursor/cursor.h"
#include "engine/signature/signature_regex.h"

#define DEPTH_MAX 200

/*
 * tokens = token { [ jump ] token }, where a jump stands between two tokens
 * token  = [ "~" ] digit digit | "(" tokens { "|" tokens } ")"      digit: hexadecimal or "?"
 * jump   = "[" n "]" | "[" [ n ] "-" [ m ] "]"                      several in a row add up
 * Blanks and comments may stand anywhere between.
 */
struct parser {
	struct signature_regex *r;
	struct cursor c;
	unsigned depth;
	struct err *err;
};

static int fault(struct parser *p, const char *key)
{
	char place[24];
	struct buf b = BUF_FIXED(place, sizeof(place));
	buf_printf(&b, "%u", (unsigned)p->c.at);
	(void)err_set(p->err, -EINVAL, key);
	(void)err_at(p->err, buf_str(&b));
	return -EINVAL;
}

static int blanks_skip(struct parser *p)
{
	for (;;) {
		cursor_skip_space(&p->c);
		if (cursor_accept_str(&p->c, STR("//"))) {
			(void)cursor_until(&p->c, '\n');
		} else if (cursor_accept_str(&p->c, STR("/*"))) {
			size_t end = str_find(cursor_rest(&p->c), STR("*/"));
			if (end == SIZE_MAX)
				return fault(p, "signature.hex_comment");
			(void)cursor_take(&p->c, end + 2);
		} else {
			return 0;
		}
	}
}

static int nibble(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four bits and which of them count. */
static bool nibble_parse(struct parser *p, uint8_t *ret_value, uint8_t *ret_mask)
{
	int c = cursor_next(&p->c), v = nibble(c);
	*ret_mask = c == '?' ? 0 : 0xf;
	*ret_value = v < 0 ? 0 : (uint8_t)v;
	return c == '?' || v >= 0;
}

static int byte_parse(struct parser *p, struct signature_node **ret)
{
	uint8_t high, high_mask, low, low_mask;
	bool negated = cursor_accept(&p->c, '~');
	if (!nibble_parse(p, &high, &high_mask) || !nibble_parse(p, &low, &low_mask))
		return fault(p, "signature.hex_digit");
	uint8_t mask = (uint8_t)(high_mask << 4 | low_mask);
	if (negated && mask == 0)
		return fault(p, "signature.hex_digit");
	struct signature_node *n = signature_node_new(p->r, mask == 0 ? SIGNATURE_NODE_ANY : SIGNATURE_NODE_BYTE);
	n->line_feed = true;
	n->value = (uint8_t)(high << 4 | low);
	n->mask = mask;
	n->negated = negated;
	*ret = n;
	return 0;
}

static int number_parse(struct parser *p, uint64_t *ret)
{
	struct str digits = cursor_while(&p->c, "0123456789");
	if (digits.n == 0)
		return 0;
	return str_parse_u64(digits, 0, INT32_MAX, ret) ? 1 : fault(p, "signature.hex_jump");
}

/* After the opening bracket. */
static int jump_parse(struct parser *p, struct signature_node **ret)
{
	uint64_t min = 0, max = SIGNATURE_REPEAT_FOREVER;
	cursor_skip_space(&p->c);
	int low = number_parse(p, &min), high = 0;
	cursor_skip_space(&p->c);
	bool range = low >= 0 && cursor_accept(&p->c, '-');
	if (range) {
		cursor_skip_space(&p->c);
		high = number_parse(p, &max);
		cursor_skip_space(&p->c);
	}
	if (low < 0 || high < 0)
		return -EINVAL;
	if (!range)
		max = min;
	if (!cursor_accept(&p->c, ']') || (low == 0 && (!range || high > 0)) || max < min || max == 0)
		return fault(p, "signature.hex_jump");
	if (p->depth > 0 && max > SIGNATURE_JUMP_LIMIT)
		return fault(p, "signature.hex_jump_inside");
	struct signature_node *n = signature_node_new(p->r, SIGNATURE_NODE_REPEAT), *any = signature_node_new(p->r, SIGNATURE_NODE_ANY);
	any->line_feed = n->lazy = n->braces = true;
	n->min = (uint32_t)min;
	n->max = (uint32_t)max;
	signature_node_append(n, any);
	*ret = n;
	return 0;
}

static int tokens_parse(struct parser *p, struct signature_node **ret);

/* After the opening parenthesis. */
static int either_parse(struct parser *p, struct signature_node **ret)
{
	struct signature_node *either = signature_node_new(p->r, SIGNATURE_NODE_ALTERNATIVE), *n = NULL;
	if (++p->depth > DEPTH_MAX)
		return fault(p, "signature.regex_deep");
	do {
		int r = tokens_parse(p, &n);
		if (r < 0)
			return r;
		signature_node_append(either, n);
	} while (cursor_accept(&p->c, '|'));
	p->depth--;
	*ret = either->first == either->last ? either->first : either;
	return cursor_accept(&p->c, ')') ? 0 : fault(p, "signature.hex_syntax");
}

static int tokens_parse(struct parser *p, struct signature_node **ret)
{
	struct signature_node *concat = signature_node_new(p->r, SIGNATURE_NODE_CONCAT);
	bool jump = true; /* none may stand first */
	for (;;) {
		struct signature_node *n = NULL;
		int r = blanks_skip(p), c = cursor_peek(&p->c);
		if (r < 0)
			return r;
		if (c < 0 || c == '|' || c == ')')
			break;
		bool is_jump = c == '[';
		if (is_jump && concat->first == NULL)
			return fault(p, "signature.hex_syntax");
		if (c == '[' || c == '(') {
			(void)cursor_next(&p->c);
			r = is_jump ? jump_parse(p, &n) : either_parse(p, &n);
		} else {
			r = byte_parse(p, &n);
		}
		if (r < 0)
			return r;
		signature_node_append(concat, n);
		jump = is_jump;
	}
	*ret = concat;
	return jump ? fault(p, "signature.hex_syntax") : 0;
}

int signature_regex_parse_hex(struct signature_regex *r, struct str text, struct err *err)
{
	struct parser p = {.r = r, .c = cursor_of(text), .err = err};
	int result = tokens_parse(&p, &r->root);
	if (result == 0 && !cursor_at_end(&p.c))
		return fault(&p, "signature.hex_syntax");
	return result;
}
