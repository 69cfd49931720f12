/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Condition byte code (private to the room): its instructions, the compiler from trees, the machine.
 *
 * A rule's code is its own: texts, constants and sets are beside it, its strings have numbers of the rule, other rules are
 * named by their distance; a rule that is added elsewhere changes nothing in it. Instructions are eight bytes; values
 * carry their type, so that hostile code computes nonsense at worst. Loops are bounded by the step limit of a scan.
 * What is not there is UNDEFINED, as in libyara: arithmetic and comparison give it on, and/or/for take it for false.
 *
 * Threads: a run belongs to one thread.
 */
#pragma once
#include "engine/signature/signature.h"
#include "engine/signature/signature_yara.h"

struct signature_instruction {
	uint8_t op, a;
	uint16_t b;
	uint32_t c;
};
_Static_assert(sizeof(struct signature_instruction) == 8, "part of the image's format");

/* The numbers are part of the image's format: append only. */
enum signature_op {
	SIGNATURE_OP_INTEGER,      /* c: signed */
	SIGNATURE_OP_INTEGER_LONG, /* c: constant */
	SIGNATURE_OP_FLOAT,        /* c: constant */
	SIGNATURE_OP_TEXT,         /* c: constant: place and length among the rule's texts */
	SIGNATURE_OP_REGEX,        /* c: string of the rule */
	SIGNATURE_OP_FILESIZE,
	SIGNATURE_OP_ENTRYPOINT,
	SIGNATURE_OP_READ,         /* a: enum signature_read; offset → value */
	SIGNATURE_OP_FOUND,        /* c: string of the rule, or CURRENT of the loop a; so up to LENGTH */
	SIGNATURE_OP_FOUND_AT,     /* offset → */
	SIGNATURE_OP_FOUND_IN,     /* from, to → */
	SIGNATURE_OP_COUNT,
	SIGNATURE_OP_COUNT_IN,     /* from, to → */
	SIGNATURE_OP_OFFSET,       /* index → */
	SIGNATURE_OP_LENGTH,       /* index → */
	SIGNATURE_OP_OF,           /* c: constant: place and number of members; b: enum signature_quantity; quantifier → */
	SIGNATURE_OP_OF_IN,        /* likewise; quantifier, from, to → */
	SIGNATURE_OP_OF_RULES,     /* likewise; members are distances */
	SIGNATURE_OP_RULE,         /* c: distance back, from 1 */
	SIGNATURE_OP_EXTERNAL,     /* c: number */
	SIGNATURE_OP_LOOP_VALUE,   /* a: loop */
	SIGNATURE_OP_FIELD,        /* a: keys; c: module << 16 | id; keys → */
	SIGNATURE_OP_CALL,         /* a: arguments, and keys << 4; b: overload; c likewise; keys, arguments → */
	SIGNATURE_OP_NOT,
	SIGNATURE_OP_DEFINED,
	SIGNATURE_OP_MINUS,
	SIGNATURE_OP_COMPLEMENT,
	SIGNATURE_OP_AND_SKIP,     /* top is false: it becomes 0 and c is next; else it goes */
	SIGNATURE_OP_OR_SKIP,      /* top is true: it stays as it is and c is next; else it goes */
	SIGNATURE_OP_TRUTH,        /* top becomes 0 or 1 */
	SIGNATURE_OP_EQ,           /* a: 1 where a side is a float by its type; so up to SHR */
	SIGNATURE_OP_NE,
	SIGNATURE_OP_LT,
	SIGNATURE_OP_LE,
	SIGNATURE_OP_GT,
	SIGNATURE_OP_GE,
	SIGNATURE_OP_ADD,
	SIGNATURE_OP_SUB,
	SIGNATURE_OP_MUL,
	SIGNATURE_OP_DIV,
	SIGNATURE_OP_MOD,
	SIGNATURE_OP_BIT_AND,
	SIGNATURE_OP_BIT_OR,
	SIGNATURE_OP_BIT_XOR,
	SIGNATURE_OP_SHL,
	SIGNATURE_OP_SHR,
	SIGNATURE_OP_CONTAINS,
	SIGNATURE_OP_ICONTAINS,
	SIGNATURE_OP_STARTSWITH,
	SIGNATURE_OP_ISTARTSWITH,
	SIGNATURE_OP_ENDSWITH,
	SIGNATURE_OP_IENDSWITH,
	SIGNATURE_OP_IEQUALS,
	SIGNATURE_OP_MATCHES,
	SIGNATURE_OP_LOOP_STRINGS, /* a: loop; b: quantity; c: where it ends; the next word: constant of the set; quantifier → */
	SIGNATURE_OP_LOOP_RANGE,   /* likewise; the next word unused; quantifier, from, to → */
	SIGNATURE_OP_LOOP_ITEMS,   /* likewise; quantifier, number of elements → */
	SIGNATURE_OP_LOOP_LIST,    /* likewise; the next word: how many values; they stay until the loop ends; quantifier, values → */
	SIGNATURE_OP_OPERAND,      /* the next word of a loop: c */
	SIGNATURE_OP_LOOP_NEXT,    /* a: loop; c: its body; value of the body → result, or on with the body */
	SIGNATURE_OP_END,
	SIGNATURE_OP__COUNT
};

#define SIGNATURE_STACK_MAX 1024 /* values */

/* A rule's code as it stands in an image: everything is within the rule. */
struct signature_code {
	const struct signature_instruction *code;
	const uint64_t *constants;
	const uint32_t *members;
	const char *texts;
	const uint32_t *patterns; /* of each string of the rule; regular expressions of conditions come after the strings */
	uint32_t code_count, constant_count, member_count, text_size, string_count, pattern_count;
};

/* What comes out of a tree. Owned by the caller: signature_emitted_done. */
struct signature_emitted {
	struct buf code, constants, members, texts;
	const struct signature_expr **regexes; /* in the order of their numbers, which begin after the strings'; of the arena */
	uint32_t regex_count, string_count;
	uint32_t external_count; /* the highest one + 1 */
};
void signature_emitted_init(struct signature_emitted *e, uint32_t string_count);
void signature_emitted_done(struct signature_emitted *e);
/* `self`: the rule's own number. -E2BIG: more values at once, or more code, than the machine has room for. */
int signature_condition_emit(struct arena *arena, const struct signature_expr *condition, uint32_t self, struct signature_emitted *ret,
                             struct err *err) WARN_UNUSED;

/* Is the code such that the machine can run it: operations, operands and jumps are there. self: the rule's number. */
bool signature_condition_check(const struct signature_code *code, uint32_t self, uint32_t external_count);

/* What a rule is asked about its strings: the search may stop early where little is. */
enum signature_asked { SIGNATURE_ASKED_NOTHING, SIGNATURE_ASKED_ONCE, SIGNATURE_ASKED_FIXED, SIGNATURE_ASKED_MANY };
struct signature_asking {
	enum signature_asked asked;
	int64_t at; /* of FIXED */
};
/* asking: one per string, all zero. */
void signature_condition_asked(const struct signature_expr *condition, struct signature_asking *asking, uint32_t string_count);

/*
 * What a true condition needs: one of these strings or one of these rules to be there. `is_needed` false: it may be true
 * without any. An empty set: it is never true.
 */
struct signature_need {
	bool is_needed;
	const uint32_t *strings, *rules; /* of the arena; a number may stand twice */
	uint32_t string_count, rule_count;
	uint64_t cost;
};
struct signature_need_world {
	struct arena *arena;
	const uint32_t *weights; /* of each string: how often it may be expected in clean files */
	bool (*rule_needs)(void *ctx, uint32_t rule); /* does that rule need something itself? */
	void *ctx;
};
struct signature_need signature_condition_need(const struct signature_need_world *world, const struct signature_expr *condition);

/* One file's evaluation. */
struct signature_loop {
	int64_t at, last;    /* range: the value; else: the element's number */
	int64_t wanted;      /* true bodies */
	int64_t sum, rounds;
	uint32_t base;       /* of a list: its first value on the stack; of strings: the first member */
	uint8_t kind;        /* the operation it was begun with; 0: none */
	bool all;
};

struct signature_run;
/* Told after each instruction, for explanations: stack[0..depth). */
typedef void (*signature_on_step)(void *ctx, const struct signature_run *run, uint32_t at, const struct signature_instruction *in);

struct signature_run {
	const struct signature_patterns *patterns;
	void *pattern_scratch;
	struct signature_matches matches;
	const uint8_t *data;
	size_t len;
	const struct signature_given *given;
	const uint8_t *given_types; /* enum signature_external_type */
	uint32_t given_count;
	void *module_memory; /* signature_module_state_size() bytes */
	struct signature_module_state *module_state; /* NULL: not begun */
	uint64_t *results;   /* one bit per rule */
	uint64_t steps;      /* left */
	const struct signature_code *code;
	uint32_t rule, depth;
	signature_on_step on_step;
	void *step_ctx;
	struct signature_loop loops[SIGNATURE_YARA_LOOPS];
	struct signature_value stack[SIGNATURE_STACK_MAX];
};
/* Is the rule's condition true? -E2BIG: the steps are used up (or the stack, by hostile code): not known. */
int signature_condition_run(struct signature_run *run, const struct signature_code *code, uint32_t rule);
bool signature_value_is_true(const struct signature_value *v);

/* Operators on texts and numbers, for the machine. */
void signature_operate(enum signature_op op, const struct signature_value *a, const struct signature_value *b, struct signature_value *ret);
const char *signature_op_text(enum signature_op op);
