/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * sigma_rule: a rule as written: predicates, the tree of its condition, correlations and filters. Made by
 * sigma_parse.c, read by the compiler (and by the naive interpreter of the tests, which must not see more than this).
 *
 * Everything lives in the builder's arena. Clauses in comments are those of the Sigma specification 2.1.0
 * (rules R, modifiers appendix M, correlation C, filters F).
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "platform/pack/pack.h"

/* Limits on one rule: a hostile one is refused, never slow. */
#define SIGMA_VALUE_BYTES_MAX 8192
#define SIGMA_WILDCARDS_MAX 64
#define SIGMA_VALUES_MAX 50000
#define SIGMA_PROGRAM_MAX 200000
#define SIGMA_DEPTH_MAX 64
#define SIGMA_NAME_MAX 256

enum sigma_piece_kind { SIGMA_PIECE_TEXT, SIGMA_PIECE_ANY_RUN, SIGMA_PIECE_ANY_ONE, SIGMA_PIECE_DASH };

/* A string value: texts and wildcards in turn (M "Wildcards"). DASH: any of the five of windash. */
struct sigma_piece {
	enum sigma_piece_kind kind;
	struct str text;
	struct sigma_piece *next;
};

struct sigma_pattern {
	struct sigma_piece *first;
	bool is_bytes; /* after wide, utf16…: no longer UTF-8, folded as ASCII only */
};

enum sigma_op {
	SIGMA_OP_PRESENT, /* '*' */
	SIGMA_OP_NULL,
	SIGMA_OP_EXISTS,
	SIGMA_OP_EXACT,   /* the whole value equals `text` */
	SIGMA_OP_PATTERN, /* the whole value fits `pattern` */
	SIGMA_OP_REGEX,
	SIGMA_OP_CIDR,
	SIGMA_OP_EQ,
	SIGMA_OP_LT,
	SIGMA_OP_LTE,
	SIGMA_OP_GT,
	SIGMA_OP_GTE,
	SIGMA_OP_FIELDREF,
	SIGMA_OP__COUNT,
};

enum sigma_part {
	SIGMA_PART_NONE,
	SIGMA_PART_MINUTE,
	SIGMA_PART_HOUR,
	SIGMA_PART_DAY,
	SIGMA_PART_WEEK,
	SIGMA_PART_MONTH,
	SIGMA_PART_YEAR,
	SIGMA_PART__COUNT,
};

enum sigma_ref { SIGMA_REF_EQUAL, SIGMA_REF_CONTAINS, SIGMA_REF_STARTSWITH, SIGMA_REF_ENDSWITH };

enum { SIGMA_RE_CASELESS = 1, SIGMA_RE_MULTILINE = 2, SIGMA_RE_DOTALL = 4, SIGMA_RE_BYTES = 8 /* made of wildcards, not of `re` */ };

struct sigma_net {
	unsigned char address[16]; /* v4 in the first four */
	uint8_t prefix;
	bool v6;
};

/* One test of one field. An empty field name: a keyword, tested on every scalar of the event. */
struct sigma_pred {
	struct str field;
	enum sigma_op op;
	bool cased;
	enum sigma_part part;  /* EQ … GTE: of this part of a time */
	enum sigma_ref ref;
	unsigned re_flags;
	struct str text;       /* EXACT (folded unless cased), REGEX; FIELDREF: the other field; CIDR, EQ …: as written */
	struct sigma_pattern pattern;
	long double number;
	struct sigma_net net;
};

enum sigma_node_kind { SIGMA_NODE_AND, SIGMA_NODE_OR, SIGMA_NODE_NOT, SIGMA_NODE_PRED };

struct sigma_node {
	enum sigma_node_kind kind;
	const struct sigma_pred *pred;
	struct sigma_node *child; /* first */
	struct sigma_node *next;  /* sibling */
	struct str label;         /* the search identifier, for explanations; else empty */
	unsigned line;            /* of the entry in its file */
};

struct sigma_logsource {
	struct str category, product, service; /* lower case; empty: not given */
};

struct sigma_meta {
	struct str title, id, name, level, status, author, description, date, tags, falsepositives; /* lists: one a line */
	const char *file;
	unsigned line;
	bool generate; /* correlations: the rules it refers to still alert */
};

struct sigma_rule {
	struct sigma_meta meta;
	struct sigma_logsource logsource;
	struct sigma_node *condition;
	struct sigma_rule *next;
};

enum sigma_correlation_type {
	SIGMA_CORRELATION_EVENT_COUNT,
	SIGMA_CORRELATION_VALUE_COUNT,
	SIGMA_CORRELATION_TEMPORAL,
	SIGMA_CORRELATION_TEMPORAL_ORDERED,
	SIGMA_CORRELATION_VALUE_SUM,
	SIGMA_CORRELATION_VALUE_AVG,
	SIGMA_CORRELATION_VALUE_PERCENTILE,
	SIGMA_CORRELATION_VALUE_MEDIAN,
	SIGMA_CORRELATION__COUNT,
};

enum sigma_compare { SIGMA_COMPARE_GT, SIGMA_COMPARE_GTE, SIGMA_COMPARE_LT, SIGMA_COMPARE_LTE, SIGMA_COMPARE_EQ, SIGMA_COMPARE_NEQ, SIGMA_COMPARE__COUNT };

#define SIGMA_LIMITS_MAX 6
#define SIGMA_LIST_MAX 64

struct sigma_names {
	struct str items[SIGMA_LIST_MAX];
	size_t count;
};

struct sigma_alias {
	struct str name;
	struct sigma_names rules, fields; /* side by side */
};

struct sigma_correlation {
	struct sigma_meta meta;
	enum sigma_correlation_type type;
	struct sigma_names rules, group_by, fields;
	struct sigma_alias aliases[8];
	size_t alias_count;
	int64_t timespan_usec;
	struct {
		enum sigma_compare compare;
		long double value;
	} limits[SIGMA_LIMITS_MAX];
	size_t limit_count;
	double percentile;
	struct sigma_node *condition; /* temporal with a text: leaves have pred NULL and the rule's name as label */
	struct sigma_correlation *next;
};

struct sigma_filter {
	struct sigma_meta meta;
	struct sigma_logsource logsource;
	bool any_rule;
	struct sigma_names rules;
	struct sigma_node *condition;
	struct sigma_filter *next;
};

/* Values for `expand`: name to a list. */
struct sigma_placeholder {
	struct str name;
	const struct str *values;
	size_t count;
	struct sigma_placeholder *next;
};

struct sigma_line_memo {
	const char *text;
	size_t at;
	unsigned line;
};

struct sigma_parsed {
	struct arena *arena;
	struct sigma_line_memo *lines;
	const struct sigma_placeholder *placeholders;
	struct sigma_rule *rules, **rule_tail;
	struct sigma_correlation *correlations, **correlation_tail;
	struct sigma_filter *filters, **filter_tail;
	size_t rule_count, correlation_count, filter_count;
};

void sigma_parsed_init(struct sigma_parsed *p, struct arena *arena);
/* Adds one document; strings are copied. Errors have file:line:col. */
int sigma_parse_doc(struct sigma_parsed *p, const struct pack_doc *doc, struct err *err) WARN_UNUSED;

/* sigma_text.c */
struct sigma_pattern sigma_text_parse(struct arena *arena, struct str value);
void sigma_text_surround(struct arena *arena, struct sigma_pattern *p, bool before, bool after);
bool sigma_text_has_wildcards(const struct sigma_pattern *p);
size_t sigma_text_wildcards(const struct sigma_pattern *p);
/* The text of a pattern without wildcards. */
struct str sigma_text_plain(struct arena *arena, const struct sigma_pattern *p);
void sigma_text_windash(struct arena *arena, struct sigma_pattern *p);
struct str sigma_text_utf16(struct arena *arena, struct str text, bool big_endian, bool mark);
/* offset 0 to 2; `whole`: base64 with padding instead of the slice that survives any neighbour (M "base64offset"). */
struct str sigma_text_base64(struct arena *arena, struct str bytes, unsigned offset, bool whole);

/* Simple case folding (Unicode CaseFolding.txt, C and S). Appends. Bytes that are no UTF-8 stay. */
void sigma_fold(struct str s, struct buf *out);
struct str sigma_fold_arena(struct arena *arena, struct str s, bool ascii_only);
int32_t sigma_fold_code(int32_t code);

/* sigma_number.c: decimal text as a number, exact for all 64-bit integers. */
bool sigma_number_parse(struct str s, long double *ret);
/* Address or network. */
bool sigma_net_parse_address(struct str s, unsigned char ret[16], bool *ret_v6);
bool sigma_net_parse(struct str s, struct sigma_net *ret);
bool sigma_net_has(const struct sigma_net *net, const unsigned char address[16], bool v6);
/* The part of a time as written (M "Time modifiers"), or false. */
bool sigma_time_part(struct str s, enum sigma_part part, int64_t *ret);
/* Any of the forms of time seen in events, as UTC microseconds. */
bool sigma_time_parse(struct str s, int64_t *ret_usec);

/* sigma_condition.c: resolves a word ("1 of x*": quantified pattern) to trees; see the .c file for the grammar. */
struct sigma_identifiers {
	struct str name;
	struct sigma_node *node;
	struct sigma_identifiers *next;
};
int sigma_condition_parse(struct arena *arena, struct str text, const struct sigma_identifiers *identifiers,
                          struct sigma_node **ret, struct err *err) WARN_UNUSED;

/* sigma_detection.c */
int sigma_detection_parse(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *definition,
                          struct sigma_node **ret, struct err *err) WARN_UNUSED;
struct sigma_node *sigma_node_new(struct arena *arena, enum sigma_node_kind kind);
/* AND or OR of a list; the list itself when it is one. */
struct sigma_node *sigma_node_join(struct arena *arena, enum sigma_node_kind kind, struct sigma_node *list);
/* Its line in the file. Places are mostly asked for in ascending order: the last answer is where counting goes on. */
unsigned sigma_line(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *node);

/* sigma_correlation_parse.c */
int sigma_correlation_parse(struct sigma_parsed *p, const struct pack_doc *doc, const struct sigma_meta *meta,
                            struct err *err) WARN_UNUSED;
int sigma_names_parse(const struct sigma_parsed *p, const struct pack_doc *doc, const struct json *node, const char *field,
                      struct sigma_names *ret, struct err *err) WARN_UNUSED;
