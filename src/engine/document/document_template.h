/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The template language: what one document's expansion carries from expression to expression. */
#pragma once
#include "base/cursor/cursor.h"
#include "engine/document/document.h"

#define DOCUMENT_DEPTH_MAX 16
/* Stands for a line break within a value until the Markdown is read: a private-use character that values cannot bring. */
#define DOCUMENT_BREAK "\xee\x80\x80"

enum document_value_type { DOCUMENT_NONE, DOCUMENT_BOOL, DOCUMENT_NUMBER, DOCUMENT_TEXT, DOCUMENT_TREE };

struct document_value {
	enum document_value_type type;
	bool boolean;
	double number;
	struct str text;
	const struct json *tree; /* a list or an object */
	struct str name;         /* NONE: of what was asked for */
	bool paragraphs;         /* TEXT: line breaks part paragraphs */
};

/* A loop's turn. */
struct document_scope {
	const struct document_scope *up;
	struct str name;
	const struct json *item;
	size_t number, count;
};

struct document_expand {
	struct arena *arena;
	struct str source;
	const struct json *data;
	const struct document_scope *scope;
	bool dry; /* only the syntax counts, there are no values */
	uint64_t steps;
	unsigned depth;
	struct err *err;
};

/* Records the error with the cursor's place in the template. */
int document_fail_at(struct document_expand *x, const struct cursor *at, int code, const char *key, const struct arg *args);
#define document_fail(x, at, code, key, ...) err_negative(document_fail_at((x), (at), (code), (key), ARGS(__VA_ARGS__)))

/* [from, to) of the source as a value with formats, as a condition, as "name in list". */
int document_value_of(struct document_expand *x, size_t from, size_t to, struct document_value *ret) WARN_UNUSED;
int document_condition(struct document_expand *x, size_t from, size_t to, bool *ret) WARN_UNUSED;
int document_loop(struct document_expand *x, size_t from, size_t to, struct str *ret_name, struct document_value *ret_list) WARN_UNUSED;

/* One format on a value, in place. */
#define DOCUMENT_FORMAT_ARGS 2
struct document_apply {
	struct str name;
	struct document_value args[DOCUMENT_FORMAT_ARGS];
	size_t arg_count;
};
int document_apply(struct document_expand *x, const struct cursor *at, const struct document_apply *a,
		   struct document_value *value) WARN_UNUSED;
/* A number as people write it here: "1.234,5". `decimals` < 0: as many as it has, at most 6, and thousands unparted. */
struct str document_show_number(struct arena *arena, double number, int decimals);
struct str document_roman(struct arena *arena, uint64_t number);
/* a b c d đ e g h i k l m n o p q r s t u v x y, then aa, ab … (NĐ 30/2020, Annex I, II.5). */
struct str document_letter(struct arena *arena, uint64_t number);
/* "ngày 05 tháng 01 năm 2026" of a date; of nothing the same with room to write in. */
struct str document_long_date(struct arena *arena, struct str iso);
struct str document_upper(struct arena *arena, struct str text);

/* The template with its values put in: *ret_head the lines of the head, *ret_body Markdown. */
int document_expand(struct document_expand *x, struct str *ret_head, struct str *ret_body) WARN_UNUSED;
