/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * signature_regex: the tree that hex strings and regular expressions (YARA 4.2's dialects) become, the programs made of it
 * and the windows to look for. Lives in the maker's side only, but for signature_regex_run.h.
 * Threads: a tree belongs to one thread.
 */
#pragma once
#include "engine/signature/signature_pattern_set.h"

enum signature_node_type {
	SIGNATURE_NODE_EMPTY,
	SIGNATURE_NODE_BYTE, /* (byte & mask) == value, or != with `negated` */
	SIGNATURE_NODE_CLASS,
	SIGNATURE_NODE_ANY,  /* any byte; not a line feed unless `line_feed` */
	SIGNATURE_NODE_CONCAT,
	SIGNATURE_NODE_ALTERNATIVE,
	SIGNATURE_NODE_REPEAT,
	SIGNATURE_NODE_START,
	SIGNATURE_NODE_END,
	SIGNATURE_NODE_WORD,
	SIGNATURE_NODE_NOT_WORD,
	SIGNATURE_NODE__COUNT
};

#define SIGNATURE_REPEAT_MAX 32767u /* as libyara; also what an unbounded one is written as */
#define SIGNATURE_REPEAT_FOREVER UINT32_MAX
#define SIGNATURE_JUMP_LIMIT 200u /* a longer lazy jump splits a pattern in two */

struct signature_node {
	enum signature_node_type type;
	uint8_t value, mask;
	bool negated, line_feed, lazy;
	bool braces; /* REPEAT written as an interval: long ones split a pattern, `.*?` does not */
	uint32_t min, max; /* REPEAT */
	const uint8_t *class; /* 32 bytes */
	struct signature_node *first, *last, *next; /* children; the next child of its parent */
	uint32_t forward, backward; /* the steps, counted from 1, that stand at its begin; by signature_regex_emit */
};

struct signature_regex {
	struct arena *arena;
	struct signature_node *root; /* CONCAT */
	bool greedy, lazy;           /* which kinds of repetition occur */
};

struct signature_node *signature_node_new(struct signature_regex *r, enum signature_node_type type);
void signature_node_append(struct signature_node *parent, struct signature_node *child);

/* Parse `text`; flags are the pattern's (NOCASE, DOT_ALL). The tree lives in r->arena, which the caller made.
 * Errors: -EINVAL with the byte position as place. */
int signature_regex_parse(struct signature_regex *r, struct str text, unsigned flags, struct err *err) WARN_UNUSED;
int signature_regex_parse_hex(struct signature_regex *r, struct str text, struct err *err) WARN_UNUSED;
/* The three forms a text has within base64, of the text and of its wide form, as alternatives. */
int signature_regex_base64(struct signature_regex *r, const struct signature_pattern *p, struct err *err) WARN_UNUSED;

/* A program of `concat`, reading to the right or to the left; nodes get their place in it. -E2BIG: too long. */
int signature_regex_emit(struct signature_pattern_set *set, struct signature_node *concat, bool backward, uint32_t *ret_program,
                         struct err *err) WARN_UNUSED;

#define SIGNATURE_REGEX_RUN 32u
/* The bytes each match begins with, from `n` (a child of a sequence) and its followers on, appended to those that are known:
 * classes become what their members have in common. Ends where the length is open. */
struct signature_prefix {
	uint8_t value[SIGNATURE_REGEX_RUN], mask[SIGNATURE_REGEX_RUN];
	size_t len;
};
void signature_prefix_extend(struct signature_prefix *p, const struct signature_node *n);
/* One of the windows of which every match contains one: chosen as libyara does, because lengths follow from it. */
struct signature_regex_atom {
	const struct signature_node *node; /* its first byte */
	struct signature_prefix prefix; /* what follows from there in every match */
};
#define SIGNATURE_REGEX_ATOMS 4096u
/* How many there are, 0: none, every offset must be tried. `ret` has room for SIGNATURE_REGEX_ATOMS. */
size_t signature_regex_atoms(const struct signature_node *concat, struct signature_regex_atom *ret);
