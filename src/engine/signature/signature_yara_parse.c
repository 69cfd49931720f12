/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules, imports, includes. A fault ends its rule; the text goes on behind it. */
#include <stdio.h>

#include "engine/signature/signature_yara_internal.h"

#define INCLUDES_MAX 16
#define TOKENS_MAX 400000 /* of one rule: what its tree may cost in memory */

void yara_next(struct yara_parser *p)
{
	p->previous = p->token;
	if (p->failed)
		return;
	struct err err = {0};
	yara_lexer_next(&p->lexer, &p->token, &err);
	if (++p->tokens > TOKENS_MAX) {
		(void)yara_fail_args(p, &p->token, -E2BIG, "signature.too_many", ARGS(ARG_U64("limit", TOKENS_MAX)));
	} else if (p->token.kind == YARA_TOKEN_BAD) {
		p->failed = true;
		p->err = err;
		(void)err_at(&p->err, str_c(p->file));
	}
}

bool yara_at_byte(const struct yara_parser *p, char c)
{
	return !p->failed && p->token.kind == YARA_TOKEN_BYTE && p->token.which == c;
}

bool yara_at_word(const struct yara_parser *p, enum yara_word word)
{
	return !p->failed && p->token.kind == YARA_TOKEN_WORD && p->token.which == (int)word;
}

bool yara_accept_byte(struct yara_parser *p, char c)
{
	if (!yara_at_byte(p, c))
		return false;
	yara_next(p);
	return true;
}

bool yara_accept_word(struct yara_parser *p, enum yara_word word)
{
	if (!yara_at_word(p, word))
		return false;
	yara_next(p);
	return true;
}

bool yara_expect_byte(struct yara_parser *p, char c)
{
	if (yara_accept_byte(p, c))
		return true;
	(void)yara_unexpected(p);
	return false;
}

struct yara_token yara_peek(struct yara_parser *p)
{
	struct yara_lexer lexer = p->lexer;
	struct yara_token t;
	struct err err = {0};
	yara_lexer_next(&lexer, &t, &err);
	return t;
}

void *yara_fail_args(struct yara_parser *p, const struct yara_token *at, int code, const char *key, const struct arg *args)
{
	if (p->failed)
		return NULL;
	char place[ERR_PLACE_SIZE];
	p->failed = true;
	(void)err_set_args(&p->err, code, key, args);
	(void)snprintf(place, sizeof place, "%s:%u:%u", p->file, at->line, at->column);
	(void)err_at(&p->err, str_c(place));
	return NULL;
}

void *yara_unexpected(struct yara_parser *p)
{
	if (p->token.kind == YARA_TOKEN_END)
		return yara_fail(p, &p->token, "signature.unexpected_end");
	return yara_fail(p, &p->token, "signature.unexpected", ARG_STR("text", str_sub(p->lexer.s, p->token.begin, p->token.end)));
}

static bool tags(struct yara_parser *p, struct signature_yara_rule *rule)
{
	size_t capacity = 0;
	if (!yara_accept_byte(p, ':'))
		return true;
	if (p->token.kind != YARA_TOKEN_NAME)
		return yara_unexpected(p) != NULL;
	while (p->token.kind == YARA_TOKEN_NAME) {
		for (size_t i = 0; i < rule->tag_count; i++)
			if (str_eq(rule->tags[i], p->token.text))
				return yara_fail(p, &p->token, "signature.tag_twice", ARG_STR("name", p->token.text)) != NULL;
		if (rule->tag_count == capacity) {
			capacity = capacity * 2 + 4;
			struct str *more = capacity < 4096 ? ARENA_ARRAY(p->arena, capacity, struct str) : NULL;
			if (more == NULL)
				return yara_fail(p, &p->token, "signature.too_many", ARG_U64("limit", 4096)) != NULL;
			for (size_t i = 0; i < rule->tag_count; i++)
				more[i] = rule->tags[i];
			rule->tags = more;
		}
		rule->tags[rule->tag_count++] = p->token.text;
		yara_next(p);
	}
	return !p->failed;
}

static bool meta_value(struct yara_parser *p, struct signature_yara_meta *m)
{
	bool minus = yara_accept_byte(p, '-');
	if (p->token.kind == YARA_TOKEN_INTEGER) {
		m->type = SIGNATURE_META_INTEGER;
		m->integer = minus ? -p->token.integer : p->token.integer;
	} else if (!minus && p->token.kind == YARA_TOKEN_TEXT) {
		m->type = SIGNATURE_META_STRING;
		m->text = p->token.text;
	} else if (!minus && (yara_at_word(p, YARA_WORD_TRUE) || yara_at_word(p, YARA_WORD_FALSE))) {
		m->type = SIGNATURE_META_BOOLEAN;
		m->integer = yara_at_word(p, YARA_WORD_TRUE);
	} else {
		return yara_unexpected(p) != NULL;
	}
	yara_next(p);
	return !p->failed;
}

static bool metas(struct yara_parser *p, struct signature_yara_rule *rule)
{
	size_t capacity = 0;
	if (!yara_accept_word(p, YARA_WORD_META))
		return true;
	if (!yara_expect_byte(p, ':'))
		return false;
	if (p->token.kind != YARA_TOKEN_NAME)
		return yara_unexpected(p) != NULL;
	while (p->token.kind == YARA_TOKEN_NAME) {
		if (rule->meta_count == capacity) {
			capacity = capacity * 2 + 8;
			struct signature_yara_meta *more = capacity < 65536 ? ARENA_ARRAY(p->arena, capacity, struct signature_yara_meta) : NULL;
			if (more == NULL)
				return yara_fail(p, &p->token, "signature.too_many", ARG_U64("limit", 65536)) != NULL;
			for (size_t i = 0; i < rule->meta_count; i++)
				more[i] = rule->metas[i];
			rule->metas = more;
		}
		struct signature_yara_meta *m = &rule->metas[rule->meta_count++];
		m->name = p->token.text;
		yara_next(p);
		if (!yara_expect_byte(p, '=') || !meta_value(p, m))
			return false;
	}
	return !p->failed;
}

static bool all_used(struct yara_parser *p)
{
	for (size_t i = 0; i < p->string_count; i++) {
		const struct signature_yara_string *s = &p->strings[i];
		const struct yara_token at = {.line = s->line, .column = s->column};
		if (!s->used)
			return yara_fail(p, &at, "signature.unused_string", ARG_STR("name", s->name)) != NULL;
	}
	return true;
}

static bool condition(struct yara_parser *p, struct signature_expr **ret)
{
	p->loops = p->depth = p->variable_count = 0;
	p->in_for_of = false;
	p->for_of_slot = 0;
	p->rules = NULL;
	p->rule_count = p->rule_capacity = 0;
	*ret = yara_expression(p);
	return *ret != NULL && !p->failed;
}

static bool name_is_free(struct yara_parser *p, const struct yara_token *t)
{
	const struct signature_yara_world *w = p->world;
	const struct signature_module *module = signature_module_find(t->text);
	uint32_t index;
	enum signature_class class;
	bool taken = (w->rule != NULL && w->rule(w->ctx, t->text, &index)) ||
		     (w->external != NULL && w->external(w->ctx, t->text, &index, &class)) ||
		     (module != NULL && (p->imported & (1u << module->id)) != 0);
	return !taken || yara_fail(p, t, "signature.rule_twice", ARG_STR("name", t->text)) != NULL;
}

static bool modifiers(struct yara_parser *p, struct signature_yara_rule *rule)
{
	for (;;) {
		bool *to = yara_at_word(p, YARA_WORD_PRIVATE) ? &rule->is_private : yara_at_word(p, YARA_WORD_GLOBAL) ? &rule->is_global : NULL;
		if (to == NULL)
			break;
		*to = true;
		yara_next(p);
	}
	if (!yara_accept_word(p, YARA_WORD_RULE))
		return yara_unexpected(p) != NULL;
	if (p->token.kind != YARA_TOKEN_NAME)
		return yara_unexpected(p) != NULL;
	rule->name = p->token.text;
	rule->line = p->token.line;
	rule->column = p->token.column;
	return name_is_free(p, &p->token);
}

static bool rule_body(struct yara_parser *p, struct signature_yara_rule *rule)
{
	size_t begin = p->token.begin;
	p->strings = NULL;
	p->string_count = p->string_capacity = 0;
	if (!modifiers(p, rule))
		return false;
	yara_next(p);
	if (!tags(p, rule) || !yara_expect_byte(p, '{') || !metas(p, rule) || !yara_strings(p))
		return false;
	if (!yara_accept_word(p, YARA_WORD_CONDITION))
		return yara_unexpected(p) != NULL;
	if (!yara_expect_byte(p, ':') || !condition(p, &rule->condition))
		return false;
	if (!yara_at_byte(p, '}'))
		return yara_unexpected(p) != NULL;
	rule->text = str_sub(p->lexer.s, begin, p->token.end);
	return all_used(p);
}

static void refuse(struct yara_parser *p, struct str name, size_t begin, size_t end)
{
	p->world->refuse(p->world->ctx, name, &p->err, str_sub(p->lexer.s, begin, end));
	p->failed = false;
	p->err = (struct err){0};
}

static void rule(struct yara_parser *p)
{
	struct signature_yara_rule r = {0};
	size_t begin = p->token.begin;
	arena_clear(p->arena);
	p->tokens = 0;
	bool fine = rule_body(p, &r);
	if (!fine) {
		yara_lexer_skip_rule(&p->lexer, begin);
		refuse(p, r.name, begin, p->lexer.at);
		yara_next(p);
		return;
	}
	r.strings = p->strings;
	r.string_count = p->string_count;
	r.rules = p->rules;
	r.rule_count = p->rule_count;
	if (p->world->take(p->world->ctx, &r, &p->err) < 0) {
		char place[ERR_PLACE_SIZE];
		(void)snprintf(place, sizeof place, "%s:%u:%u", p->file, r.line, r.column);
		if (p->err.place[0] == '\0')
			(void)err_at(&p->err, str_c(place));
		refuse(p, r.name, begin, p->token.end);
	}
	yara_next(p);
}

static void import(struct yara_parser *p)
{
	size_t begin = p->token.begin;
	yara_next(p);
	struct yara_token t = p->token;
	if (t.kind != YARA_TOKEN_TEXT) {
		(void)yara_unexpected(p);
	} else {
		const struct signature_module *module = signature_module_find(t.text);
		if (module != NULL) {
			p->imported |= 1u << module->id;
		} else {
			(void)yara_fail_args(p, &t, -ENOTSUP, "signature.module", ARGS(ARG_STR("name", t.text)));
			/* The token's text dies with the rules that come; the source stays. */
			if (p->foreign_count < ARRAY_LEN(p->foreign) && t.text.n + 2 == t.end - t.begin)
				p->foreign[p->foreign_count++] = str_sub(p->lexer.s, t.begin + 1, t.end - 1);
		}
		if (p->world->imported != NULL)
			p->world->imported(p->world->ctx, t.text);
	}
	if (p->failed)
		refuse(p, STR_EMPTY, begin, t.end);
	yara_next(p);
}

static void rules(struct yara_parser *p);

static void include(struct yara_parser *p)
{
	struct str text;
	yara_next(p);
	struct yara_token t = p->token;
	if (t.kind != YARA_TOKEN_TEXT)
		(void)yara_unexpected(p);
	else if (p->world->include == NULL)
		(void)yara_fail_args(p, &t, -ENOTSUP, "signature.include", ARGS(ARG_STR("name", t.text)));
	else if (p->include_depth == INCLUDES_MAX)
		(void)yara_fail(p, &t, "signature.too_deep", ARG_U64("limit", INCLUDES_MAX));
	else if (p->world->include(p->world->ctx, t.text, &text, &p->err) < 0)
		p->failed = true;
	if (p->failed) {
		refuse(p, STR_EMPTY, t.begin, t.end);
	} else {
		struct yara_parser inner = *p;
		char file[ERR_PLACE_SIZE / 2];
		str_copy_c(t.text, file, sizeof file);
		inner.file = file;
		inner.lexer = (struct yara_lexer){.arena = p->arena, .s = text, .line = 1};
		inner.include_depth++;
		rules(&inner);
		p->imported |= inner.imported;
	}
	yara_next(p);
}

static bool begins_rule(const struct yara_parser *p)
{
	return yara_at_word(p, YARA_WORD_RULE) || yara_at_word(p, YARA_WORD_PRIVATE) || yara_at_word(p, YARA_WORD_GLOBAL);
}

/* What is no rule is told once, up to where something known begins. */
static void garbage(struct yara_parser *p)
{
	size_t begin = p->token.begin;
	(void)yara_unexpected(p);
	struct err err = p->err;
	do {
		if (p->token.kind == YARA_TOKEN_BAD && p->lexer.at <= p->token.begin)
			p->lexer.at = p->token.begin + 1;
		p->failed = false;
		yara_next(p);
	} while (p->token.kind == YARA_TOKEN_BAD ||
		 (p->token.kind != YARA_TOKEN_END && !begins_rule(p) && !yara_at_word(p, YARA_WORD_IMPORT) && !yara_at_word(p, YARA_WORD_INCLUDE)));
	p->err = err;
	refuse(p, STR_EMPTY, begin, p->token.begin);
}

static void rules(struct yara_parser *p)
{
	/* A byte order mark is none of the language, but editors leave it. */
	if (str_starts_with(p->lexer.s, STR("\xef\xbb\xbf")))
		p->lexer.at = p->lexer.line_begin = 3;
	yara_next(p);
	while (p->token.kind != YARA_TOKEN_END) {
		if (begins_rule(p))
			rule(p);
		else if (yara_at_word(p, YARA_WORD_IMPORT))
			import(p);
		else if (yara_at_word(p, YARA_WORD_INCLUDE))
			include(p);
		else
			garbage(p);
	}
}

int signature_yara_parse(struct arena *arena, const char *file, struct str text, const struct signature_yara_world *world, struct err *err)
{
	struct yara_parser *p = mem_alloc(sizeof(*p));
	(void)err;
	*p = (struct yara_parser){.arena = arena, .file = file, .world = world, .lexer = {.arena = arena, .s = text, .line = 1}};
	rules(p);
	mem_free(p);
	return 0;
}

int signature_yara_parse_condition(struct arena *arena, const char *file, struct str text, const struct signature_yara_world *world,
				   struct signature_yara_string *strings, size_t string_count, struct signature_expr **ret,
				   struct err *err)
{
	struct yara_parser *p = mem_alloc(sizeof(*p));
	*p = (struct yara_parser){.arena = arena, .file = file, .world = world, .lexer = {.arena = arena, .s = text, .line = 1},
				  .strings = strings, .string_count = string_count, .string_capacity = string_count,
				  .imported = (1u << SIGNATURE_MODULE__COUNT) - 1};
	yara_next(p);
	if (condition(p, ret) && p->token.kind != YARA_TOKEN_END)
		(void)yara_unexpected(p);
	int r = p->failed ? p->err.code : 0;
	if (p->failed && err != NULL)
		*err = p->err;
	mem_free(p);
	return r;
}
