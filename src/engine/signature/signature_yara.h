/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The YARA language as of 4.2.3 (private to the room): text → rules with a typed condition tree. Names, types, constants and
 * limits are checked while parsing, as rules see only what stands before them; a tree that comes out is right.
 * ClamAV's logical signatures become the same trees.
 *
 * Does not live here: strings' own syntax (signature_pattern), byte code (signature_condition), modules' names (signature_module).
 * Ownership: everything is of the arena given, which is cleared before each rule; texts may borrow from the source text.
 * Threads: a parser belongs to one thread. Source: "Writing YARA rules", yara.readthedocs.io, release 4.2.3.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "engine/signature/signature_module.h"
#include "engine/signature/signature_pattern.h"

#define SIGNATURE_YARA_NAME_MAX  128
#define SIGNATURE_YARA_LOOPS     4 /* for in for in for in for */
#define SIGNATURE_YARA_DEPTH     64 /* parentheses and operators within each other */
#define SIGNATURE_YARA_ERRORS    64 /* kept of one text */

enum signature_expr_kind {
	SIGNATURE_EXPR_INTEGER,
	SIGNATURE_EXPR_FLOAT,
	SIGNATURE_EXPR_TEXT,
	SIGNATURE_EXPR_REGEX,    /* text, flags */
	SIGNATURE_EXPR_BOOLEAN,  /* integer */
	SIGNATURE_EXPR_FILESIZE,
	SIGNATURE_EXPR_ENTRYPOINT,
	SIGNATURE_EXPR_READ,      /* int8(a) …: which */
	SIGNATURE_EXPR_FOUND,     /* string */
	SIGNATURE_EXPR_FOUND_AT,  /* string, a */
	SIGNATURE_EXPR_FOUND_IN,  /* string, a..b */
	SIGNATURE_EXPR_COUNT,     /* string */
	SIGNATURE_EXPR_COUNT_IN,  /* string, a..b */
	SIGNATURE_EXPR_OFFSET,    /* string, [a] */
	SIGNATURE_EXPR_LENGTH,    /* string, [a] */
	SIGNATURE_EXPR_OF,        /* quantifier a of set; in b..c where b is there */
	SIGNATURE_EXPR_OF_RULES,  /* quantifier a of rules */
	SIGNATURE_EXPR_FOR_OF,    /* quantifier a of set: body b; slot */
	SIGNATURE_EXPR_FOR_RANGE, /* quantifier a in c..d: body b; slot */
	SIGNATURE_EXPR_FOR_LIST,  /* quantifier a in list: body b; slot */
	SIGNATURE_EXPR_FOR_ITEMS, /* quantifier a over the c elements of an array or dictionary: body b; slot */
	SIGNATURE_EXPR_RULE,      /* index */
	SIGNATURE_EXPR_EXTERNAL,  /* index */
	SIGNATURE_EXPR_LOOP_VALUE, /* what slot's loop is at: its integer, or the number of the element */
	SIGNATURE_EXPR_FIELD,     /* value of a module; keys: list */
	SIGNATURE_EXPR_CALL,      /* function of a module; list: `slot` keys, then the arguments */
	SIGNATURE_EXPR_NOT,
	SIGNATURE_EXPR_DEFINED,
	SIGNATURE_EXPR_MINUS,
	SIGNATURE_EXPR_COMPLEMENT,
	SIGNATURE_EXPR_AND,
	SIGNATURE_EXPR_OR,
	SIGNATURE_EXPR_EQ,
	SIGNATURE_EXPR_NE,
	SIGNATURE_EXPR_LT,
	SIGNATURE_EXPR_LE,
	SIGNATURE_EXPR_GT,
	SIGNATURE_EXPR_GE,
	SIGNATURE_EXPR_ADD,
	SIGNATURE_EXPR_SUB,
	SIGNATURE_EXPR_MUL,
	SIGNATURE_EXPR_DIV,
	SIGNATURE_EXPR_MOD,
	SIGNATURE_EXPR_BIT_AND,
	SIGNATURE_EXPR_BIT_OR,
	SIGNATURE_EXPR_BIT_XOR,
	SIGNATURE_EXPR_SHL,
	SIGNATURE_EXPR_SHR,
	SIGNATURE_EXPR_CONTAINS,
	SIGNATURE_EXPR_ICONTAINS,
	SIGNATURE_EXPR_STARTSWITH,
	SIGNATURE_EXPR_ISTARTSWITH,
	SIGNATURE_EXPR_ENDSWITH,
	SIGNATURE_EXPR_IENDSWITH,
	SIGNATURE_EXPR_IEQUALS,
	SIGNATURE_EXPR_MATCHES,
	SIGNATURE_EXPR__COUNT
};

/* What a condition reads at an offset: int8 … uint32be, in the order of their names' table. */
enum signature_read {
	SIGNATURE_READ_INT8,
	SIGNATURE_READ_INT16,
	SIGNATURE_READ_INT32,
	SIGNATURE_READ_UINT8,
	SIGNATURE_READ_UINT16,
	SIGNATURE_READ_UINT32,
	SIGNATURE_READ_INT8BE,
	SIGNATURE_READ_INT16BE,
	SIGNATURE_READ_INT32BE,
	SIGNATURE_READ_UINT8BE,
	SIGNATURE_READ_UINT16BE,
	SIGNATURE_READ_UINT32BE,
	SIGNATURE_READ__COUNT
};

enum signature_quantity { SIGNATURE_QUANTITY_NUMBER, SIGNATURE_QUANTITY_PERCENT, SIGNATURE_QUANTITY_ALL, SIGNATURE_QUANTITY_ANY, SIGNATURE_QUANTITY_NONE };

/* The string of the innermost "for … of": "$" within its body. */
#define SIGNATURE_STRING_CURRENT UINT32_MAX

/* Types beside the modules' ones: a truth value is an integer that no arithmetic takes. */
enum signature_class { SIGNATURE_CLASS_BOOLEAN, SIGNATURE_CLASS_INTEGER, SIGNATURE_CLASS_FLOAT, SIGNATURE_CLASS_STRING, SIGNATURE_CLASS_REGEX };

struct signature_expr {
	enum signature_expr_kind kind;
	enum signature_class class;
	bool primary;  /* may be an operand of arithmetic and comparison */
	bool constant; /* its integer is known */
	bool dot_all, nocase;
	uint8_t slot, which; /* which: READ's kind, quantity of a quantifier, overload of a call, module in bits of its own below */
	uint8_t module;
	uint16_t id;      /* of the module's value */
	uint32_t string;  /* index among the rule's strings, or SIGNATURE_STRING_CURRENT */
	uint32_t index;   /* rule, external */
	int64_t integer;
	double number;
	struct str text;
	struct signature_expr *a, *b, *c, *d;
	struct signature_expr **list; /* arguments, subscripts, enumeration */
	uint32_t *members;            /* of a set: strings of the rule, or rules */
	uint32_t count;               /* of list or members */
};

struct signature_yara_string {
	struct str name; /* without "$"; "" for an anonymous one */
	bool is_private, used;
	unsigned line, column; /* of the name */
	struct signature_pattern pattern;
};

enum signature_meta_type { SIGNATURE_META_INTEGER, SIGNATURE_META_STRING, SIGNATURE_META_BOOLEAN };
struct signature_yara_meta {
	struct str name;
	enum signature_meta_type type;
	int64_t integer; /* booleans too */
	struct str text;
};

struct signature_yara_rule {
	struct str name;
	bool is_private, is_global;
	unsigned line, column;   /* of the name */
	struct str text;         /* its bytes, modifiers included */
	struct signature_yara_string *strings;
	size_t string_count;
	struct signature_yara_meta *metas;
	size_t meta_count;
	struct str *tags;
	size_t tag_count;
	struct signature_expr *condition;
	uint32_t *rules; /* indexes of the rules that the condition names, each once */
	size_t rule_count;
};

/* What a rule sees of the world. Calls are for one namespace. */
struct signature_yara_world {
	void *ctx;
	/* A rule of this name that stands before: its index. */
	bool (*rule)(void *ctx, struct str name, uint32_t *ret);
	/* The i-th rule, in their order, whose name begins so; false when there are no more. */
	bool (*rule_beginning)(void *ctx, struct str prefix, size_t i, uint32_t *ret);
	/* Was a rule of this name, or, with `beginning`, one whose name begins so, refused although libyara would take it? */
	bool (*refused)(void *ctx, struct str name, bool beginning);
	bool (*external)(void *ctx, struct str name, uint32_t *ret, enum signature_class *ret_class);
	/* A rule came out right and takes the next index. < 0: it is refused after all. */
	int (*take)(void *ctx, struct signature_yara_rule *rule, struct err *err);
	/* A rule (name may be "") or another part of the text is refused; err has place and reason. The text's rest goes on.
	 * text: the rule's bytes. */
	void (*refuse)(void *ctx, struct str name, const struct err *err, struct str text);
	/* The text of an include, borrowed until the parse ends; NULL function: includes are refused. */
	int (*include)(void *ctx, struct str name, struct str *ret_text, struct err *err);
	/* An import statement, as far as modules are known. */
	void (*imported)(void *ctx, struct str name);
};

/* Parses one text. `file` is the first part of every place. 0 also when rules were refused; < 0 when memory is out (-E2BIG). */
int signature_yara_parse(struct arena *arena, const char *file, struct str text, const struct signature_yara_world *world,
                         struct err *err) WARN_UNUSED;
/* A condition alone, over these strings; `strings[].used` is set. For tests and other kinds of signatures. */
int signature_yara_parse_condition(struct arena *arena, const char *file, struct str text, const struct signature_yara_world *world,
                                   struct signature_yara_string *strings, size_t string_count, struct signature_expr **ret,
                                   struct err *err) WARN_UNUSED;

/* Makes a node. For compilers of other kinds of signatures. */
struct signature_expr *signature_expr_new(struct arena *arena, enum signature_expr_kind kind, enum signature_class class);
struct signature_expr *signature_expr_integer(struct arena *arena, int64_t value);
struct signature_expr *signature_expr_string(struct arena *arena, enum signature_expr_kind kind, uint32_t string);
/* The class of the result follows from the kind and the operands. */
struct signature_expr *signature_expr_binary(struct arena *arena, enum signature_expr_kind kind, struct signature_expr *a, struct signature_expr *b);
