/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The condition (R "Condition"):
 *   expr  := and ('or' and)*
 *   and   := not ('and' not)*
 *   not   := 'not' not | prim
 *   prim  := '(' expr ')' | ('1' | 'any' | 'all') 'of' ('them' | pattern) | identifier
 * Words end at blanks and parentheses, so "notepad" and "orgs" are identifiers. A quantifier is one only before "of".
 */
#include <assert.h>

#include "base/cursor/cursor.h"
#include "engine/sigma/sigma_rule.h"

struct parse {
	struct arena *arena;
	struct cursor at;
	const struct sigma_identifiers *identifiers;
	unsigned depth;
	struct err *err;
};

static const char blanks[] = " \t\r\n";

static struct str peek_word(const struct parse *p)
{
	struct cursor c = p->at;
	(void)cursor_while(&c, blanks);
	struct str rest = cursor_rest(&c);
	if (rest.n > 0 && (rest.p[0] == '(' || rest.p[0] == ')' || rest.p[0] == '|'))
		return str_sub(rest, 0, 1);
	size_t n = 0;
	while (n < rest.n && strchr(" \t\r\n()|", rest.p[n]) == NULL)
		n++;
	return str_sub(rest, 0, n);
}

static void skip_word(struct parse *p, struct str word)
{
	(void)cursor_while(&p->at, blanks);
	(void)cursor_take(&p->at, word.n);
}

static bool accept_word(struct parse *p, const char *word)
{
	struct str next = peek_word(p);
	if (!str_eq_nocase(next, str_c(word)))
		return false;
	skip_word(p, next);
	return true;
}

static int unexpected(struct parse *p)
{
	struct str word = peek_word(p);
	if (word.n == 0)
		return err_set(p->err, -EINVAL, "sigma.condition_end");
	if (str_eq_c(word, "|"))
		return err_set(p->err, -EINVAL, "sigma.aggregation");
	return err_set(p->err, -EINVAL, "sigma.condition_word", ARG_STR("word", word));
}

/* '*' anywhere. */
static bool name_fits(struct str pattern, struct str name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, resume = 0;
	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			resume = n;
		} else if (p < pattern.n && pattern.p[p] == name.p[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* A reference is a node of its own, so that one identifier may stand in several places. */
static struct sigma_node *reference(struct parse *p, const struct sigma_identifiers *id)
{
	struct sigma_node *node = ARENA_NEW(p->arena, struct sigma_node);
	*node = *id->node;
	node->label = id->name;
	node->next = NULL;
	return node;
}

static int quantified(struct parse *p, bool all, struct str pattern, struct sigma_node **ret)
{
	struct sigma_node *list = NULL, **tail = &list;
	bool them = str_eq_nocase(pattern, STR("them"));
	bool hidden_too = !them && pattern.n > 0 && pattern.p[0] == '_';
	if (pattern.n == 0 || strchr("()|", pattern.p[0]) != NULL)
		return unexpected(p);
	skip_word(p, pattern);
	for (const struct sigma_identifiers *id = p->identifiers; id != NULL; id = id->next) {
		bool hidden = id->name.n > 0 && id->name.p[0] == '_';
		if ((hidden && !hidden_too) || (!them && !name_fits(pattern, id->name)))
			continue;
		*tail = reference(p, id);
		tail = &(*tail)->next;
	}
	if (list == NULL)
		return err_set(p->err, -EINVAL, "sigma.condition_nothing", ARG_STR("pattern", pattern));
	*ret = sigma_node_join(p->arena, all ? SIGMA_NODE_AND : SIGMA_NODE_OR, list);
	return 0;
}

static int identifier(struct parse *p, struct str word, struct sigma_node **ret)
{
	const char *names[128];
	size_t n = 0;
	for (const struct sigma_identifiers *id = p->identifiers; id != NULL; id = id->next) {
		if (str_eq(id->name, word)) {
			*ret = reference(p, id);
			return 0;
		}
		if (n + 1 < ARRAY_LEN(names))
			names[n++] = arena_cstr(p->arena, id->name);
	}
	names[n] = NULL;
	/* Within two edits of a word of two letters is every word of two letters. */
	const char *near = word.n > 3 ? str_closest(word, names) : NULL;
	return near != NULL ? err_set(p->err, -EINVAL, "sigma.identifier_near", ARG_STR("name", word), ARG_CSTR("nearest", near))
	                    : err_set(p->err, -EINVAL, "sigma.identifier", ARG_STR("name", word));
}

static int parse_or(struct parse *p, struct sigma_node **ret);

static int parse_prim(struct parse *p, struct sigma_node **ret)
{
	struct str word = peek_word(p);
	if (word.n == 0 || str_eq_c(word, ")") || str_eq_c(word, "|"))
		return unexpected(p);
	if (accept_word(p, "(")) {
		int r = parse_or(p, ret);
		if (r < 0)
			return r;
		return accept_word(p, ")") ? 0 : unexpected(p);
	}
	skip_word(p, word);
	bool all = str_eq_nocase(word, STR("all"));
	if ((all || str_eq_c(word, "1") || str_eq_nocase(word, STR("any"))) && accept_word(p, "of"))
		return quantified(p, all, peek_word(p), ret);
	if (str_eq_nocase(word, STR("and")) || str_eq_nocase(word, STR("or")))
		return err_set(p->err, -EINVAL, "sigma.condition_word", ARG_STR("word", word));
	return identifier(p, word, ret);
}

static int parse_not(struct parse *p, struct sigma_node **ret)
{
	if (!accept_word(p, "not"))
		return parse_prim(p, ret);
	if (++p->depth > SIGMA_DEPTH_MAX)
		return err_set(p->err, -E2BIG, "sigma.too_deep", ARG_U64("limit", SIGMA_DEPTH_MAX));
	struct sigma_node *child = NULL;
	int r = parse_not(p, &child);
	p->depth--;
	if (r < 0)
		return r;
	*ret = sigma_node_new(p->arena, SIGMA_NODE_NOT);
	(*ret)->child = child;
	return 0;
}

static int parse_list(struct parse *p, enum sigma_node_kind kind, struct sigma_node **ret)
{
	struct sigma_node *list = NULL, **tail = &list;
	do {
		struct sigma_node *child = NULL;
		int r;
		if (kind == SIGMA_NODE_OR)
			r = parse_list(p, SIGMA_NODE_AND, &child);
		else
			r = parse_not(p, &child);
		if (r != 0)
			return r;
		assert(child != NULL);
		*tail = child;
		tail = &child->next;
	} while (accept_word(p, kind == SIGMA_NODE_OR ? "or" : "and"));
	*ret = sigma_node_join(p->arena, kind, list);
	return 0;
}

static int parse_or(struct parse *p, struct sigma_node **ret)
{
	if (++p->depth > SIGMA_DEPTH_MAX)
		return err_set(p->err, -E2BIG, "sigma.too_deep", ARG_U64("limit", SIGMA_DEPTH_MAX));
	int r = parse_list(p, SIGMA_NODE_OR, ret);
	p->depth--;
	return r;
}

int sigma_condition_parse(struct arena *arena, struct str text, const struct sigma_identifiers *identifiers,
                          struct sigma_node **ret, struct err *err)
{
	struct parse p = {.arena = arena, .at = cursor_of(text), .identifiers = identifiers, .err = err};
	if (text.n > SIGMA_VALUE_BYTES_MAX)
		return err_set(err, -E2BIG, "sigma.too_long", ARG_U64("limit", SIGMA_VALUE_BYTES_MAX));
	int r = parse_or(&p, ret);
	if (r < 0)
		return r;
	return peek_word(&p).n == 0 ? 0 : unexpected(&p);
}
