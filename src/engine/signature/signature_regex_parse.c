/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/cursor/cursor.h"
#include "engine/signature/signature_regex.h"

#define DEPTH_MAX 200

/*
 * alternative   = concatenation { "|" [ concatenation ] }
 * concatenation = repeat { repeat }
 * repeat        = single [ ( "*" | "+" | "?" | "{" range "}" ) [ "?" ] ] | "^" | "$" | "\b" | "\B"
 * single        = "(" alternative ")" | class | "." | escape | any other byte
 */
struct parser {
	struct signature_regex *r;
	struct cursor c;
	unsigned flags;
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

struct signature_node *signature_node_new(struct signature_regex *r, enum signature_node_type type)
{
	struct signature_node *n = arena_alloc(r->arena, sizeof(*n));
	n->type = type;
	return n;
}

void signature_node_append(struct signature_node *parent, struct signature_node *child)
{
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

static bool is_letter(uint8_t c)
{
	return signature_lower(c) >= 'a' && signature_lower(c) <= 'z';
}

static struct signature_node *byte_node(struct parser *p, uint8_t c)
{
	struct signature_node *n = signature_node_new(p->r, SIGNATURE_NODE_BYTE);
	n->mask = (p->flags & SIGNATURE_PATTERN_NOCASE) != 0 && is_letter(c) ? 0xdf : 0xff;
	n->value = c & n->mask;
	return n;
}

static void class_add(uint8_t *class, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to; c++)
		class[c >> 3] |= (uint8_t)(1u << (c & 7));
}

/* \w \s \d and their opposites; false: no such letter. */
static bool class_add_named(uint8_t *class, int letter)
{
	uint8_t named[32] = {0};
	switch (letter | 0x20) {
	case 'w':
		class_add(named, '0', '9');
		class_add(named, 'a', 'z');
		class_add(named, 'A', 'Z');
		class_add(named, '_', '_');
		break;
	case 's':
		class_add(named, '\t', '\r');
		class_add(named, ' ', ' ');
		break;
	case 'd':
		class_add(named, '0', '9');
		break;
	default:
		return false;
	}
	bool opposite = (letter & 0x20) == 0;
	for (size_t i = 0; i < sizeof(named); i++)
		class[i] |= opposite ? (uint8_t)~named[i] : named[i];
	return true;
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What stands after a backslash, as one byte; negative: fault. */
static int escaped_byte(struct parser *p)
{
	static const char names[] = "ntrfa", bytes[] = "\n\t\r\f\a";
	int c = cursor_next(&p->c);
	if (c < 0)
		return fault(p, "signature.regex_escape");
	if (c == 'x') {
		int high = hex_digit(cursor_next(&p->c)), low = high < 0 ? -1 : hex_digit(cursor_next(&p->c));
		return low < 0 ? fault(p, "signature.regex_escape") : high << 4 | low;
	}
	for (size_t i = 0; names[i] != '\0'; i++)
		if (names[i] == c)
			return bytes[i];
	return c;
}

static int byte_at(const struct parser *p, size_t ahead)
{
	return p->c.at + ahead < p->c.s.n ? (uint8_t)p->c.s.p[p->c.at + ahead] : -1;
}

/* Bytes the next member of a class takes before a possible "-". */
static size_t member_length(const struct parser *p)
{
	if (byte_at(p, 0) != '\\')
		return 1;
	return byte_at(p, 1) == 'x' && hex_digit(byte_at(p, 2)) >= 0 && hex_digit(byte_at(p, 3)) >= 0 ? 4 : 2;
}

static int class_byte(struct parser *p)
{
	int c = cursor_next(&p->c);
	return c == '\\' ? escaped_byte(p) : c;
}

static int class_member(struct parser *p, uint8_t *class)
{
	size_t length = member_length(p);
	int end = byte_at(p, length + 1);
	if (byte_at(p, length) == '-' && end >= 0 && end != ']') {
		int from = class_byte(p);
		(void)cursor_next(&p->c);
		int to = from < 0 ? from : class_byte(p);
		if (to < 0)
			return to;
		if (from > to)
			return fault(p, "signature.regex_range");
		class_add(class, (unsigned)from, (unsigned)to);
		return 0;
	}
	if (byte_at(p, 0) == '\\' && class_add_named(class, byte_at(p, 1))) {
		(void)cursor_take(&p->c, 2);
		return 0;
	}
	int c = class_byte(p);
	if (c >= 0)
		class_add(class, (unsigned)c, (unsigned)c);
	return c < 0 ? c : 0;
}

static void class_fold(uint8_t *class)
{
	for (unsigned c = 'a'; c <= 'z'; c++) {
		unsigned upper = c & 0xdf;
		if ((class[c >> 3] >> (c & 7) & 1) != 0 || (class[upper >> 3] >> (upper & 7) & 1) != 0) {
			class_add(class, c, c);
			class_add(class, upper, upper);
		}
	}
}

static struct signature_node *class_node(struct parser *p, const uint8_t *class)
{
	struct signature_node *n = signature_node_new(p->r, SIGNATURE_NODE_CLASS);
	uint8_t *own = arena_alloc(p->r->arena, 32);
	memcpy(own, class, 32);
	n->class = own;
	return n;
}

/* After the opening bracket. A bracket that comes first is a member. */
static int class_parse(struct parser *p, struct signature_node **ret)
{
	uint8_t class[32] = {0};
	bool negated = cursor_accept(&p->c, '^'), first = true;
	for (;; first = false) {
		int c = cursor_peek(&p->c);
		if (c < 0)
			return fault(p, "signature.regex_class");
		if (c == ']' && !first)
			break;
		int r = class_member(p, class);
		if (r < 0)
			return r;
	}
	(void)cursor_next(&p->c);
	if ((p->flags & SIGNATURE_PATTERN_NOCASE) != 0)
		class_fold(class);
	for (size_t i = 0; negated && i < sizeof(class); i++)
		class[i] = (uint8_t)~class[i];
	*ret = class_node(p, class);
	return 0;
}

static int alternative_parse(struct parser *p, struct signature_node **ret);

static int group_parse(struct parser *p, struct signature_node **ret)
{
	if (++p->depth > DEPTH_MAX)
		return fault(p, "signature.regex_deep");
	int r = alternative_parse(p, ret);
	if (r < 0)
		return r;
	p->depth--;
	return cursor_accept(&p->c, ')') ? 0 : fault(p, "signature.regex_syntax");
}

static int escape_parse(struct parser *p, struct signature_node **ret)
{
	uint8_t class[32] = {0};
	int letter = cursor_peek(&p->c);
	if (letter == 'b' || letter == 'B') {
		(void)cursor_next(&p->c);
		*ret = signature_node_new(p->r, letter == 'b' ? SIGNATURE_NODE_WORD : SIGNATURE_NODE_NOT_WORD);
		return 0;
	}
	if (class_add_named(class, letter)) {
		(void)cursor_next(&p->c);
		*ret = class_node(p, class);
		return 0;
	}
	int c = escaped_byte(p);
	if (c < 0)
		return c;
	*ret = byte_node(p, (uint8_t)c);
	return 0;
}

static int single_parse(struct parser *p, struct signature_node **ret)
{
	int c = cursor_next(&p->c);
	switch (c) {
	case '(':
		return group_parse(p, ret);
	case '[':
		return class_parse(p, ret);
	case '\\':
		return escape_parse(p, ret);
	case '^':
	case '$':
		*ret = signature_node_new(p->r, c == '^' ? SIGNATURE_NODE_START : SIGNATURE_NODE_END);
		return 0;
	case '.':
		*ret = signature_node_new(p->r, SIGNATURE_NODE_ANY);
		(*ret)->line_feed = (p->flags & SIGNATURE_PATTERN_DOT_ALL) != 0;
		return 0;
	case -1:
	case '*':
	case '+':
	case '?':
	case ')':
	case '|':
		return fault(p, "signature.regex_syntax");
	default:
		*ret = byte_node(p, (uint8_t)c);
		return 0;
	}
}

/* "{n}", "{n,}", "{,m}", "{n,m}": 1; anything else is a plain brace: 0. */
static int braces_parse(struct parser *p, uint32_t *ret_min, uint32_t *ret_max)
{
	struct cursor c = p->c;
	if (!cursor_accept(&c, '{'))
		return 0;
	struct str low = cursor_while(&c, "0123456789"), high = low;
	bool comma = cursor_accept(&c, ',');
	if (comma)
		high = cursor_while(&c, "0123456789");
	if (!cursor_accept(&c, '}') || (!comma && low.n == 0))
		return 0;
	uint64_t min = 0, max = SIGNATURE_REPEAT_MAX;
	p->c = c;
	if ((low.n > 0 && !str_parse_u64(low, 0, SIGNATURE_REPEAT_MAX, &min)) ||
	    (high.n > 0 && !str_parse_u64(high, 0, SIGNATURE_REPEAT_MAX, &max)) || max < min || max == 0)
		return fault(p, "signature.regex_interval");
	*ret_min = (uint32_t)min;
	*ret_max = (uint32_t)max;
	return 1;
}

/* 1: a quantifier was there. */
static int quantifier_parse(struct parser *p, uint32_t *ret_min, uint32_t *ret_max)
{
	*ret_min = 0;
	*ret_max = SIGNATURE_REPEAT_FOREVER;
	if (cursor_accept(&p->c, '*'))
		return 1;
	if (cursor_accept(&p->c, '+')) {
		*ret_min = 1;
		return 1;
	}
	if (cursor_accept(&p->c, '?')) {
		*ret_max = 1;
		return 1;
	}
	return braces_parse(p, ret_min, ret_max);
}

static int repeat_parse(struct parser *p, struct signature_node **ret)
{
	uint32_t min, max;
	int r = single_parse(p, ret), c = cursor_peek(&p->c);
	if (r < 0 || (r = quantifier_parse(p, &min, &max)) <= 0)
		return r;
	if ((*ret)->type >= SIGNATURE_NODE_START)
		return fault(p, "signature.regex_syntax");
	struct signature_node *repeat = signature_node_new(p->r, SIGNATURE_NODE_REPEAT);
	repeat->min = min;
	repeat->max = max;
	repeat->braces = c == '{';
	repeat->lazy = cursor_accept(&p->c, '?');
	if (repeat->lazy)
		p->r->lazy = true;
	else
		p->r->greedy = true;
	signature_node_append(repeat, *ret);
	*ret = repeat;
	return 0;
}

static int concat_parse(struct parser *p, struct signature_node **ret)
{
	struct signature_node *concat = signature_node_new(p->r, SIGNATURE_NODE_CONCAT);
	do {
		struct signature_node *n = NULL;
		int r = repeat_parse(p, &n);
		if (r < 0)
			return r;
		signature_node_append(concat, n);
	} while (!cursor_at_end(&p->c) && cursor_peek(&p->c) != '|' && cursor_peek(&p->c) != ')');
	*ret = concat;
	return 0;
}

static int alternative_parse(struct parser *p, struct signature_node **ret)
{
	struct signature_node *n = NULL, *either = NULL;
	int r = concat_parse(p, &n);
	while (r == 0 && cursor_accept(&p->c, '|')) {
		if (either == NULL) {
			either = signature_node_new(p->r, SIGNATURE_NODE_ALTERNATIVE);
			signature_node_append(either, n);
		}
		int c = cursor_peek(&p->c);
		if (c < 0 || c == '|' || c == ')')
			n = signature_node_new(p->r, SIGNATURE_NODE_EMPTY);
		else
			r = concat_parse(p, &n);
		signature_node_append(either, n);
	}
	*ret = either != NULL ? either : n;
	return r;
}

int signature_regex_parse(struct signature_regex *r, struct str text, unsigned flags, struct err *err)
{
	struct parser p = {.r = r, .c = cursor_of(text), .flags = flags, .err = err};
	struct signature_node *n = NULL;
	int result = alternative_parse(&p, &n);
	if (result < 0)
		return result;
	if (!cursor_at_end(&p.c))
		return fault(&p, "signature.regex_syntax");
	if (n->type != SIGNATURE_NODE_CONCAT) {
		r->root = signature_node_new(r, SIGNATURE_NODE_CONCAT);
		signature_node_append(r->root, n);
	} else {
		r->root = n;
	}
	return 0;
}
