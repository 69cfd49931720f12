/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>
#include <stdlib.h>

#include "engine/signature/signature_yara_internal.h"

static const char *const words[YARA_WORD__COUNT] = {
#define WORD(name, text) text,
#include "engine/signature/signature_yara_word.def"
#undef WORD
};

static const char *const reads[SIGNATURE_READ__COUNT] = {"int8",   "int16",   "int32",   "uint8",   "uint16",   "uint32",
                                                         "int8be", "int16be", "int32be", "uint8be", "uint16be", "uint32be"};

const char *yara_word_text(enum yara_word word)
{
	return words[word];
}

static int byte_at(const struct yara_lexer *lx, size_t at)
{
	return at < lx->s.n ? (unsigned char)lx->s.p[at] : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void count_line(struct yara_lexer *lx, size_t at)
{
	if (lx->s.p[at] == '\n') {
		lx->line++;
		lx->line_begin = at + 1;
	}
}

static void bad_at(const struct yara_lexer *lx, size_t at, struct yara_token *t, struct err *err, const char *key, struct arg arg)
{
	char place[48];
	(void)snprintf(place, sizeof place, "%u:%zu", lx->line, at - lx->line_begin + 1);
	t->kind = YARA_TOKEN_BAD;
	(void)err_set(err, -EINVAL, key, arg);
	(void)err_at(err, str_c(place));
}

static void bad(const struct yara_lexer *lx, struct yara_token *t, struct err *err, const char *key)
{
	bad_at(lx, t->begin, t, err, key, (struct arg){0});
}

/* false: a comment without end. */
static bool skip_block_comment(struct yara_lexer *lx)
{
	for (lx->at += 2; lx->at + 1 < lx->s.n; lx->at++) {
		if (lx->s.p[lx->at] == '*' && lx->s.p[lx->at + 1] == '/') {
			lx->at += 2;
			return true;
		}
		count_line(lx, lx->at);
	}
	lx->at = lx->s.n;
	return false;
}

static bool skip_blank(struct yara_lexer *lx)
{
	for (;;) {
		int c = byte_at(lx, lx->at), next = byte_at(lx, lx->at + 1);
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			count_line(lx, lx->at);
			lx->at++;
		} else if (c == '/' && next == '/') {
			while (lx->at < lx->s.n && lx->s.p[lx->at] != '\n')
				lx->at++;
		} else if (c == '/' && next == '*') {
			if (!skip_block_comment(lx))
				return false;
		} else {
			return true;
		}
	}
}

static void number_based(struct yara_lexer *lx, struct yara_token *t, int base, struct err *err)
{
	uint64_t v = 0;
	bool over = false;
	for (lx->at += 2; base == 16 ? is_hex(byte_at(lx, lx->at)) : byte_at(lx, lx->at) >= '0' && byte_at(lx, lx->at) <= '7'; lx->at++) {
		int c = byte_at(lx, lx->at);
		int digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
		over = over || v > (uint64_t)(INT64_MAX - digit) / (uint64_t)base;
		v = v * (uint64_t)base + (uint64_t)digit;
	}
	t->integer = (int64_t)v;
	if (over)
		bad_at(lx, t->begin, t, err, "signature.integer_overflow", ARG_STR("text", str_sub(lx->s, t->begin, lx->at)));
}

static void number(struct yara_lexer *lx, struct yara_token *t, struct err *err)
{
	int64_t v = 0;
	bool over = false;
	t->kind = YARA_TOKEN_INTEGER;
	int next = byte_at(lx, lx->at + 1);
	if (byte_at(lx, lx->at) == '0' && next == 'x' && is_hex(byte_at(lx, lx->at + 2))) {
		number_based(lx, t, 16, err);
		return;
	}
	if (byte_at(lx, lx->at) == '0' && next == 'o' && byte_at(lx, lx->at + 2) >= '0' && byte_at(lx, lx->at + 2) <= '7') {
		number_based(lx, t, 8, err);
		return;
	}
	for (; is_digit(byte_at(lx, lx->at)); lx->at++)
		over = __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, byte_at(lx, lx->at) - '0', &v) || over;
	if (byte_at(lx, lx->at) == '.' && is_digit(byte_at(lx, lx->at + 1))) {
		for (lx->at++; is_digit(byte_at(lx, lx->at)); lx->at++)
			;
		t->kind = YARA_TOKEN_FLOAT;
		t->number = strtod(arena_cstr(lx->arena, str_sub(lx->s, t->begin, lx->at)), NULL);
		return;
	}
	int unit = byte_at(lx, lx->at);
	if ((unit == 'K' || unit == 'M') && byte_at(lx, lx->at + 1) == 'B') {
		over = __builtin_mul_overflow(v, unit == 'K' ? 1024 : 1048576, &v) || over;
		lx->at += 2;
	}
	t->integer = v;
	if (over)
		bad_at(lx, t->begin, t, err, "signature.integer_overflow", ARG_STR("text", str_sub(lx->s, t->begin, lx->at)));
}

static int hex_value(int c)
{
	return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* One escape at the backslash; -1: there is no such one. */
static int escape(struct yara_lexer *lx)
{
	int c = byte_at(lx, lx->at + 1);
	int high = byte_at(lx, lx->at + 2), low = byte_at(lx, lx->at + 3);
	if (c == 'x' && is_hex(high) && is_hex(low)) {
		lx->at += 4;
		return hex_value(high) * 16 + hex_value(low);
	}
	lx->at += 2;
	return c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == '"' || c == '\\' ? c : -1;
}

static void text(struct yara_lexer *lx, struct yara_token *t, struct err *err)
{
	size_t end = lx->at + 1, n = 0;
	while (end < lx->s.n && lx->s.p[end] != '"' && lx->s.p[end] != '\n')
		end += lx->s.p[end] == '\\' ? 2 : 1;
	if (end >= lx->s.n || lx->s.p[end] != '"') {
		bad(lx, t, err, "signature.text_end");
		return;
	}
	char *out = arena_try(lx->arena, end - lx->at, 1);
	for (lx->at++; out != NULL && lx->at < end;) {
		size_t at = lx->at;
		int c = lx->s.p[at] == '\\' ? escape(lx) : (unsigned char)lx->s.p[lx->at++];
		if (c < 0) {
			bad_at(lx, at, t, err, "signature.escape", (struct arg){0});
			return;
		}
		out[n++] = (char)c;
	}
	lx->at = end + 1;
	t->kind = YARA_TOKEN_TEXT;
	t->text = str_n(out, out != NULL ? n : 0);
}

/* "\/" is how a slash stands in a regular expression; every other escape is the expression's own. */
static void regex(struct yara_lexer *lx, struct yara_token *t, struct err *err)
{
	size_t end = lx->at + 1, n = 0;
	while (end < lx->s.n && lx->s.p[end] != '/' && lx->s.p[end] != '\n')
		end += lx->s.p[end] == '\\' && byte_at(lx, end + 1) != '\n' ? 2 : 1;
	if (end >= lx->s.n || lx->s.p[end] != '/') {
		bad(lx, t, err, "signature.regex_end");
		return;
	}
	char *out = arena_try(lx->arena, end - lx->at, 1);
	for (lx->at++; out != NULL && lx->at < end; lx->at++) {
		if (lx->s.p[lx->at] == '\\' && lx->s.p[lx->at + 1] == '/')
			lx->at++;
		else if (lx->s.p[lx->at] == '\\')
			out[n++] = lx->s.p[lx->at++];
		out[n++] = lx->s.p[lx->at];
	}
	lx->at = end + 1;
	t->nocase = byte_at(lx, lx->at) == 'i';
	lx->at += t->nocase;
	t->dot_all = byte_at(lx, lx->at) == 's';
	lx->at += t->dot_all;
	t->kind = YARA_TOKEN_REGEX;
	t->text = str_n(out, out != NULL ? n : 0);
}

static size_t word_end(const struct yara_lexer *lx, size_t at)
{
	while (is_word(byte_at(lx, at)))
		at++;
	return at;
}

static void word(struct yara_lexer *lx, struct yara_token *t, struct err *err)
{
	lx->at = word_end(lx, lx->at);
	t->text = str_sub(lx->s, t->begin, lx->at);
	t->kind = YARA_TOKEN_NAME;
	for (int i = 0; i < YARA_WORD__COUNT; i++)
		if (str_eq_c(t->text, words[i])) {
			t->kind = YARA_TOKEN_WORD;
			t->which = i;
			return;
		}
	for (int i = 0; i < SIGNATURE_READ__COUNT; i++)
		if (str_eq_c(t->text, reads[i])) {
			t->kind = YARA_TOKEN_WORD;
			t->which = YARA_WORD_READ;
			t->integer = i;
			return;
		}
	if (t->text.n > SIGNATURE_YARA_NAME_MAX)
		bad_at(lx, t->begin, t, err, "signature.too_long", ARG_U64("limit", SIGNATURE_YARA_NAME_MAX));
}

static void marked(struct yara_lexer *lx, struct yara_token *t, enum yara_token_kind kind)
{
	size_t end = word_end(lx, lx->at + 1);
	t->kind = kind;
	t->text = str_sub(lx->s, lx->at + 1, end);
	lx->at = end;
	if (kind == YARA_TOKEN_STRING && byte_at(lx, end) == '*') {
		t->kind = YARA_TOKEN_STRINGS;
		lx->at++;
	}
}

static bool pair(struct yara_lexer *lx, struct yara_token *t, char first, char second, enum yara_token_kind kind)
{
	if (byte_at(lx, lx->at) != first || byte_at(lx, lx->at + 1) != second)
		return false;
	t->kind = kind;
	lx->at += 2;
	return true;
}

static void sign(struct yara_lexer *lx, struct yara_token *t)
{
	if (pair(lx, t, '.', '.', YARA_TOKEN_DOTS) || pair(lx, t, '<', '<', YARA_TOKEN_SHL) || pair(lx, t, '>', '>', YARA_TOKEN_SHR) ||
	    pair(lx, t, '=', '=', YARA_TOKEN_EQ) || pair(lx, t, '!', '=', YARA_TOKEN_NE) || pair(lx, t, '<', '=', YARA_TOKEN_LE) ||
	    pair(lx, t, '>', '=', YARA_TOKEN_GE))
		return;
	int c = byte_at(lx, lx->at);
	if (c == '$')
		marked(lx, t, YARA_TOKEN_STRING);
	else if (c == '#')
		marked(lx, t, YARA_TOKEN_COUNT);
	else if (c == '@')
		marked(lx, t, YARA_TOKEN_OFFSET);
	else if (c == '!')
		marked(lx, t, YARA_TOKEN_LENGTH);
	else {
		t->kind = YARA_TOKEN_BYTE;
		t->which = c;
		lx->at++;
	}
}

void yara_lexer_next(struct yara_lexer *lx, struct yara_token *ret, struct err *err)
{
	*ret = (struct yara_token){0};
	bool whole = skip_blank(lx);
	ret->begin = ret->end = lx->at;
	ret->line = lx->line;
	ret->column = (unsigned)(lx->at - lx->line_begin + 1);
	int c = byte_at(lx, lx->at);
	if (!whole)
		bad(lx, ret, err, "signature.comment_end");
	else if (c < 0)
		ret->kind = YARA_TOKEN_END;
	else if (is_digit(c))
		number(lx, ret, err);
	else if (is_word(c))
		word(lx, ret, err);
	else if (c == '"')
		text(lx, ret, err);
	else if (c == '/')
		regex(lx, ret, err);
	else
		sign(lx, ret);
	ret->end = lx->at;
}

void yara_lexer_hex(struct yara_lexer *lx, struct yara_token *t, struct err *err)
{
	size_t from = lx->at;
	while (lx->at < lx->s.n && lx->s.p[lx->at] != '}') {
		size_t at = lx->at;
		if (!skip_blank(lx))
			break;
		if (lx->at == at)
			lx->at++;
	}
	if (lx->at >= lx->s.n) {
		bad(lx, t, err, "signature.hex_end");
		return;
	}
	t->kind = YARA_TOKEN_TEXT;
	t->text = str_sub(lx->s, from, lx->at);
	t->end = ++lx->at;
}

static void skip_quoted(struct yara_lexer *lx, char quote)
{
	for (lx->at++; lx->at < lx->s.n && lx->s.p[lx->at] != quote && lx->s.p[lx->at] != '\n'; lx->at++)
		if (lx->s.p[lx->at] == '\\' && byte_at(lx, lx->at + 1) != '\n')
			lx->at++;
	/* A text without end ends with its line. */
	if (byte_at(lx, lx->at) == quote)
		lx->at++;
}

void yara_lexer_skip_rule(struct yara_lexer *lx, size_t begin)
{
	unsigned depth = 0;
	lx->at = begin;
	lx->line = 1;
	lx->line_begin = 0;
	for (size_t i = 0; i < begin; i++)
		count_line(lx, i);
	while (skip_blank(lx) && lx->at < lx->s.n) {
		char c = lx->s.p[lx->at];
		if (c == '"' || c == '/') {
			skip_quoted(lx, c);
			continue;
		}
		lx->at++;
		if (c == '{')
			depth++;
		else if (c == '}' && depth == 1)
			return;
		else if (c == '}' && depth > 0)
			depth--;
	}
	lx->at = lx->s.n < lx->at ? lx->s.n : lx->at;
}
