/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The parser's parts among themselves. One token of look-ahead; the first fault of a rule is kept and ends it: functions
 * that give a node then give NULL. Threads: one.
 */
#pragma once
#include "engine/signature/signature_yara.h"

enum yara_token_kind {
	YARA_TOKEN_END,
	YARA_TOKEN_BAD,        /* the lexer has set the error */
	YARA_TOKEN_NAME,
	YARA_TOKEN_STRING,     /* $a: text without "$" */
	YARA_TOKEN_STRINGS,    /* $a*: text without "$" and "*" */
	YARA_TOKEN_COUNT,      /* #a */
	YARA_TOKEN_OFFSET,     /* @a */
	YARA_TOKEN_LENGTH,     /* !a */
	YARA_TOKEN_INTEGER,
	YARA_TOKEN_FLOAT,
	YARA_TOKEN_TEXT,       /* escapes resolved */
	YARA_TOKEN_REGEX,      /* between the slashes */
	YARA_TOKEN_DOTS,       /* .. */
	YARA_TOKEN_SHL,
	YARA_TOKEN_SHR,
	YARA_TOKEN_EQ,
	YARA_TOKEN_NE,
	YARA_TOKEN_LE,
	YARA_TOKEN_GE,
	YARA_TOKEN_BYTE,       /* any other: which */
	YARA_TOKEN_WORD,       /* keyword: which */
};

enum yara_word {
#define WORD(name, text) YARA_WORD_##name,
#include "engine/signature/signature_yara_word.def"
#undef WORD
	YARA_WORD__COUNT
};

struct yara_token {
	enum yara_token_kind kind;
	int which;         /* byte, word, or enum signature_read for YARA_WORD_READ */
	struct str text;
	int64_t integer;
	double number;
	bool nocase, dot_all;
	size_t begin, end;
	unsigned line, column;
};

struct yara_lexer {
	struct arena *arena;
	struct str s;
	size_t at, line_begin;
	unsigned line;
};

struct yara_variable {
	struct str name;
	uint8_t slot;
	/* Of a module: the array or dictionary that is walked through; NULL: an integer. */
	const struct signature_field *field;
	const struct signature_module *module;
	struct signature_expr **keys; /* with the loop's own as the last */
	uint32_t key_count;
	bool is_key; /* of a dictionary */
};

struct yara_parser {
	struct arena *arena;
	const char *file;
	const struct signature_yara_world *world;
	struct yara_lexer lexer;
	struct yara_token token, previous;
	unsigned include_depth, tokens;
	unsigned imported; /* bits of modules */
	struct str foreign[8]; /* names of modules imported that are not ours; of the text */
	unsigned foreign_count;
	/* The rule at work. */
	struct signature_yara_string *strings;
	size_t string_count, string_capacity;
	uint32_t *rules;
	size_t rule_count, rule_capacity;
	struct yara_variable variables[2 * SIGNATURE_YARA_LOOPS];
	unsigned variable_count, loops, depth;
	bool in_for_of;
	uint8_t for_of_slot;
	bool failed;
	struct err err;
};

/* Lexer. BAD fills *err (place: line and column). */
void yara_lexer_next(struct yara_lexer *lx, struct yara_token *ret, struct err *err);
/* After "{": what stands before the next "}"; the token becomes TEXT. */
void yara_lexer_hex(struct yara_lexer *lx, struct yara_token *t, struct err *err);
/* Moves past the rule that begins at `begin`, whatever is in it. */
void yara_lexer_skip_rule(struct yara_lexer *lx, size_t begin);
const char *yara_word_text(enum yara_word word);

/* Parser: tokens. */
void yara_next(struct yara_parser *p);
bool yara_at_byte(const struct yara_parser *p, char c);
bool yara_at_word(const struct yara_parser *p, enum yara_word word);
bool yara_accept_byte(struct yara_parser *p, char c);
bool yara_accept_word(struct yara_parser *p, enum yara_word word);
/* Fails the rule when something else is there. */
bool yara_expect_byte(struct yara_parser *p, char c);
/* The token after this one, which stays. */
struct yara_token yara_peek(struct yara_parser *p);
/* Keeps the first fault, at the token. NULL, so that it can be returned. */
void *yara_fail_args(struct yara_parser *p, const struct yara_token *at, int code, const char *key, const struct arg *args);
#define yara_fail(p, at, key, ...) yara_fail_args((p), (at), -EINVAL, (key), ARGS(__VA_ARGS__))
/* "unexpected …" at the present token. */
void *yara_unexpected(struct yara_parser *p);

/* Expressions. */
struct signature_expr *yara_expression(struct yara_parser *p);
struct signature_expr *yara_primary_expression(struct yara_parser *p); /* of arithmetic */
struct signature_expr *yara_name(struct yara_parser *p);               /* a name and all that hangs on it */
/* The array or dictionary that a loop walks through. */
bool yara_iterated(struct yara_parser *p, struct yara_variable *ret);
/* The section "strings", where there is one. */
bool yara_strings(struct yara_parser *p);
struct signature_expr *yara_for(struct yara_parser *p);
struct signature_expr *yara_of(struct yara_parser *p, struct signature_expr *quantifier);
struct signature_expr *yara_quantifier(struct yara_parser *p, enum signature_quantity quantity, struct signature_expr *n);
bool yara_range(struct yara_parser *p, struct signature_expr **ret_from, struct signature_expr **ret_to);
/* The string that a name means; SIGNATURE_STRING_CURRENT for "$" in a loop. */
/* Fails, when such a rule is known but was refused: nothing here can be said of it. */
bool yara_rule_is_refused(struct yara_parser *p, const struct yara_token *t, bool beginning);
/* The condition names this rule. */
bool yara_rule_named(struct yara_parser *p, uint32_t index);
bool yara_string_find(struct yara_parser *p, const struct yara_token *t, uint32_t *ret);

/* Nodes with types checked and constants folded. */
struct signature_expr *yara_new(struct yara_parser *p, enum signature_expr_kind kind, enum signature_class class);
struct signature_expr *yara_unary(struct yara_parser *p, const struct yara_token *op, enum signature_expr_kind kind, struct signature_expr *a);
struct signature_expr *yara_binary(struct yara_parser *p, const struct yara_token *op, enum signature_expr_kind kind,
                                   struct signature_expr *a, struct signature_expr *b);
