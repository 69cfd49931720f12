/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_query: the language of the search bar, and what it is compiled to: a
 * condition over the event tables with parameters, or a Sigma rule.
 *
 *   query  = or ;                 or = and { "OR" and } ;      and = not { [ "AND" ] not } ;
 *   not    = ( "NOT" | "-" ) not | "(" or ")" | term ;
 *   term   = name ":" value | text | "~" text ;                        ~: without diacritics, slower
 *   value  = [ ">" | ">=" | "<" | "<=" ] text | "*" | cidr | "(" text { "OR" text } ")" ;
 *   text   = word with * and ? | "phrase" ;  in phrases \" and \\ ; AND, OR, NOT in capitals
 *
 * Does not live here: who may see what, the range of time (service/event).
 * Threads: values. Ownership: everything lives in the arena and borrows from the text: keep both.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

#define EVENT_QUERY_LIMIT 2000 /* bytes of text */
#define EVENT_QUERY_DEPTH 20
#define EVENT_QUERY_TERMS 20

enum event_query_kind {
	EVENT_QUERY_ALL, /* nothing was asked for */
	EVENT_QUERY_AND,
	EVENT_QUERY_OR,
	EVENT_QUERY_NOT, /* left only */
	EVENT_QUERY_TEXT,   /* words in the original text */
	EVENT_QUERY_FOLDED, /* somewhere in the text, without diacritics */
	EVENT_QUERY_EQUAL,
	EVENT_QUERY_LIKE, /* value with wildcards */
	EVENT_QUERY_EXISTS,
	EVENT_QUERY_LESS,
	EVENT_QUERY_LESS_EQUAL,
	EVENT_QUERY_GREATER,
	EVENT_QUERY_GREATER_EQUAL,
	EVENT_QUERY_CIDR,
	EVENT_QUERY__COUNT
};

struct event_query {
	enum event_query_kind kind;
	const struct event_query *left, *right; /* AND, OR; NOT */
	struct str field;                       /* as people call it; known ones in their known spelling */
	struct str value;                       /* unescaped; LIKE: wildcards are bytes 1 (any) and 2 (one) */
	bool phrase;                            /* was in quotes */
	size_t at;                              /* byte in the text */
};

/*
 * -EINVAL event.query_no_quote, _no_parenthesis, _no_term, _no_value, _end, _folded_wildcard, _time, _utf8 (at each),
 * event.query_field (at, name, nearest: did you mean), event.query_not_number, _not_uuid (at, value);
 * -E2BIG event.query_too_long, _too_deep, _too_many (limit). `at` is the byte, from 0.
 */
int event_query_parse(struct arena *arena, struct str text, const struct event_query **ret, struct err *err) WARN_UNUSED;
/* The query as text that parses to the same. */
void event_query_print(const struct event_query *q, struct buf *out);

/* ---- fields ---- */

enum event_query_column { EVENT_QUERY_MAP, EVENT_QUERY_STRING, EVENT_QUERY_NUMBER, EVENT_QUERY_UUID };
struct event_query_field {
	const char *name, *column;
	enum event_query_column kind;
};
/* Fields with a column of their own. NULL: in the map, under just this name. */
const struct event_query_field *event_query_field(struct str name);
/* Do events often have several of it? The first is in the column, all others are in the map under the same name. */
bool event_query_has_several(const struct event_query_field *f);
/* The i-th of them; NULL past the end. */
const struct event_query_field *event_query_field_at(size_t i);

/* ---- SQL ---- */

#define EVENT_QUERY_PARAMS 56
#define EVENT_QUERY_PARAM_NAME 16
/* A statement that grows: its text, and values that stand apart from it. */
struct event_query_sql {
	struct arena *arena;
	struct buf text;
	struct {
		char name[EVENT_QUERY_PARAM_NAME];
		struct str value;
	} params[EVENT_QUERY_PARAMS];
	size_t count;
};
/* Appends {pN:type} and keeps the value, which is borrowed. -E2BIG event.query_too_many. `type` is a literal. */
int event_query_param(struct event_query_sql *sql, const char *type, struct str value, struct err *err) WARN_UNUSED;
/* Appends a condition in parentheses over a row of `event`. */
int event_query_compile(const struct event_query *q, struct event_query_sql *sql, struct err *err) WARN_UNUSED;
/* Appends an expression for the field's text ('' where there is none). */
int event_query_value_of(struct str field, struct event_query_sql *sql, struct err *err) WARN_UNUSED;

/* ---- Sigma ---- */

/* Appends a rule in YAML. -EINVAL event.rule_cannot_folded, _record, _field, _all (at). `id`: UUID text. */
struct event_query_rule {
	const char *id;
	struct str title, date, author;
};
int event_query_sigma(const struct event_query *q, const struct event_query_rule *rule, struct buf *out,
                      struct err *err) WARN_UNUSED;
