/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The section "strings": names, values, modifiers. What a value means is signature_pattern's. */
#include "engine/signature/signature_yara_internal.h"

static bool duplicate(struct yara_parser *p, unsigned *flags, unsigned flag)
{
	if ((*flags & flag) != 0)
		return yara_fail(p, &p->previous, "signature.modifier_twice", ARG_STR("name", p->previous.text)) != NULL;
	*flags |= flag;
	return true;
}

static bool small_number(struct yara_parser *p, uint8_t *ret)
{
	if (p->token.kind != YARA_TOKEN_INTEGER)
		return yara_unexpected(p) != NULL;
	if (p->token.integer > 255)
		return yara_fail(p, &p->token, "signature.xor_range") != NULL;
	*ret = (uint8_t)p->token.integer;
	yara_next(p);
	return true;
}

/* xor · xor(n) · xor(n-m) */
static bool xor_range(struct yara_parser *p, struct signature_pattern *pattern)
{
	pattern->xor_min = 0;
	pattern->xor_max = 255;
	if (!yara_accept_byte(p, '('))
		return true;
	if (!small_number(p, &pattern->xor_min))
		return false;
	pattern->xor_max = pattern->xor_min;
	if (yara_accept_byte(p, '-') && !small_number(p, &pattern->xor_max))
		return false;
	if (pattern->xor_min > pattern->xor_max)
		return yara_fail(p, &p->previous, "signature.xor_range") != NULL;
	return yara_expect_byte(p, ')');
}

static bool alphabet(struct yara_parser *p, struct signature_pattern *pattern)
{
	if (!yara_accept_byte(p, '('))
		return true;
	struct yara_token t = p->token;
	if (t.kind != YARA_TOKEN_TEXT)
		return yara_unexpected(p) != NULL;
	const uint8_t *given = (const uint8_t *)t.text.p;
	if (t.text.n != 64 || (pattern->base64_alphabet != NULL && memcmp(pattern->base64_alphabet, given, 64) != 0))
		return yara_fail(p, &t, "signature.alphabet") != NULL;
	pattern->base64_alphabet = given;
	yara_next(p);
	return yara_expect_byte(p, ')');
}

static unsigned flag_of(const struct yara_token *t)
{
	static const struct {
		enum yara_word word;
		unsigned flag;
	} flags[] = {
		{YARA_WORD_ASCII, SIGNATURE_PATTERN_ASCII},       {YARA_WORD_WIDE, SIGNATURE_PATTERN_WIDE},
		{YARA_WORD_NOCASE, SIGNATURE_PATTERN_NOCASE},     {YARA_WORD_FULLWORD, SIGNATURE_PATTERN_FULLWORD},
		{YARA_WORD_XOR, SIGNATURE_PATTERN_XOR},           {YARA_WORD_BASE64, SIGNATURE_PATTERN_BASE64},
		{YARA_WORD_BASE64WIDE, SIGNATURE_PATTERN_BASE64WIDE},
	};
	for (size_t i = 0; t->kind == YARA_TOKEN_WORD && i < ARRAY_LEN(flags); i++)
		if (t->which == (int)flags[i].word)
			return flags[i].flag;
	return 0;
}

static bool flag_allowed(unsigned flag, enum signature_pattern_kind kind)
{
	if (kind == SIGNATURE_PATTERN_HEX)
		return false;
	return kind == SIGNATURE_PATTERN_TEXT || (flag & (SIGNATURE_PATTERN_XOR | SIGNATURE_PATTERN_BASE64 | SIGNATURE_PATTERN_BASE64WIDE)) == 0;
}

static bool modifiers(struct yara_parser *p, struct signature_yara_string *s)
{
	unsigned flags = 0, flag;
	for (;;) {
		if (yara_accept_word(p, YARA_WORD_PRIVATE)) {
			if (s->is_private)
				return yara_fail(p, &p->previous, "signature.modifier_twice", ARG_CSTR("name", "private")) != NULL;
			s->is_private = true;
			continue;
		}
		flag = flag_of(&p->token);
		if (flag == 0)
			break;
		if (!flag_allowed(flag, s->pattern.kind))
			return yara_unexpected(p) != NULL;
		yara_next(p);
		if (!duplicate(p, &flags, flag))
			return false;
		if (flag == SIGNATURE_PATTERN_XOR && !xor_range(p, &s->pattern))
			return false;
		if ((flag == SIGNATURE_PATTERN_BASE64 || flag == SIGNATURE_PATTERN_BASE64WIDE) && !alphabet(p, &s->pattern))
			return false;
	}
	s->pattern.flags |= flags;
	return !p->failed;
}

static bool value(struct yara_parser *p, struct signature_yara_string *s)
{
	struct signature_pattern *pattern = &s->pattern;
	struct yara_token t = p->token;
	if (yara_at_byte(p, '{')) {
		yara_lexer_hex(&p->lexer, &t, &p->err);
		if (t.kind == YARA_TOKEN_BAD) {
			p->failed = true;
			(void)err_at(&p->err, str_c(p->file));
			return false;
		}
		pattern->kind = SIGNATURE_PATTERN_HEX;
	} else if (t.kind == YARA_TOKEN_TEXT) {
		pattern->kind = SIGNATURE_PATTERN_TEXT;
	} else if (t.kind == YARA_TOKEN_REGEX) {
		pattern->kind = SIGNATURE_PATTERN_REGEX;
		pattern->flags = (t.nocase ? SIGNATURE_PATTERN_NOCASE : 0u) | (t.dot_all ? SIGNATURE_PATTERN_DOT_ALL : 0u);
	} else {
		return yara_unexpected(p) != NULL;
	}
	if (pattern->kind == SIGNATURE_PATTERN_TEXT && t.text.n == 0)
		return yara_fail(p, &t, "signature.empty_string") != NULL;
	pattern->text = (const uint8_t *)t.text.p;
	pattern->text_len = t.text.n;
	yara_next(p);
	return true;
}

static struct signature_yara_string *new_string(struct yara_parser *p, const struct yara_token *name)
{
	for (size_t i = 0; name->text.n > 0 && i < p->string_count; i++)
		if (str_eq(p->strings[i].name, name->text))
			return yara_fail(p, name, "signature.string_twice", ARG_STR("name", name->text));
	if (p->string_count == p->string_capacity) {
		size_t capacity = p->string_capacity * 2 + 16;
		struct signature_yara_string *more = capacity <= 100000 ? ARENA_ARRAY(p->arena, capacity, struct signature_yara_string) : NULL;
		if (more == NULL)
			return yara_fail(p, name, "signature.too_many", ARG_U64("limit", 100000));
		for (size_t i = 0; i < p->string_count; i++)
			more[i] = p->strings[i];
		p->strings = more;
		p->string_capacity = capacity;
	}
	struct signature_yara_string *s = &p->strings[p->string_count++];
	*s = (struct signature_yara_string){.name = name->text, .line = name->line, .column = name->column};
	return s;
}

bool yara_strings(struct yara_parser *p)
{
	if (!yara_accept_word(p, YARA_WORD_STRINGS))
		return true;
	if (!yara_expect_byte(p, ':'))
		return false;
	if (p->token.kind != YARA_TOKEN_STRING)
		return yara_unexpected(p) != NULL;
	while (p->token.kind == YARA_TOKEN_STRING) {
		struct yara_token name = p->token;
		struct signature_yara_string *s = new_string(p, &name);
		yara_next(p);
		if (s == NULL || !yara_expect_byte(p, '=') || !value(p, s) || !modifiers(p, s))
			return false;
	}
	return !p->failed;
}
