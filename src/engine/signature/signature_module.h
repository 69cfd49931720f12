/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The modules of the YARA language: pe, elf, math, hash, with the fields, functions and values of libyara 4.2.3. A
 * module is a constant table of names and types, which the compiler reads, and two functions that give a value at run time.
 * Values are read on demand from the file's bytes, every read within bounds; nothing is parsed before a rule asks.
 *
 * Does not live here: the language (signature_yara_*), its machine (signature_condition_*).
 * Ownership: tables are constant. A state lives in memory of the caller, never allocates, and is for one file at a time.
 * Threads: tables any; a state belongs to one thread.
 * Source: the YARA documentation, "Modules"; Microsoft "PE Format"; System V ABI, "Object Files".
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str/str.h"

enum signature_type {
	SIGNATURE_TYPE_UNDEFINED, /* a value that is not there; not a field's type */
	SIGNATURE_TYPE_INTEGER,   /* signed, 64 bits */
	SIGNATURE_TYPE_FLOAT,
	SIGNATURE_TYPE_STRING, /* any bytes, NUL too */
	SIGNATURE_TYPE_REGEX,  /* an argument only */
	SIGNATURE_TYPE_STRUCT,
	SIGNATURE_TYPE_ARRAY,      /* element: INTEGER, FLOAT, STRING, or STRUCT with `members` */
	SIGNATURE_TYPE_DICTIONARY, /* string to element, likewise */
	SIGNATURE_TYPE_FUNCTION,
	SIGNATURE_TYPE__COUNT
};

/* The order is part of the image's format: append only. */
enum signature_module_id {
	SIGNATURE_MODULE_PE,
	SIGNATURE_MODULE_ELF,
	SIGNATURE_MODULE_MATH,
	SIGNATURE_MODULE_HASH,
	SIGNATURE_MODULE__COUNT
};

#define SIGNATURE_MODULE_KEYS      2 /* most subscripts on one path: pe.import_details[0].functions[1].name */
#define SIGNATURE_MODULE_ARGUMENTS 3

/* One name. A list of fields ends with a NULL name. */
struct signature_field {
	const char *name;
	enum signature_type type;
	enum signature_type element;           /* of ARRAY and DICTIONARY */
	uint16_t id;                           /* unique in its module; 0 for STRUCT and constants; part of the image's format */
	bool is_constant;                      /* `constant` or `constant_float` is the value, no file needed (and no id) */
	int64_t constant;
	double constant_float;
	const struct signature_field *members; /* of STRUCT, or of the elements of ARRAY and DICTIONARY */
	/* FUNCTION: its overloads in the order of their numbers, ended by NULL; each the argument types, a letter for each
	 * (i integer, f float, s string, r regular expression, b boolean), then ':' and the type of the result. "ss:i" */
	const char *const *overloads;
};

struct signature_module {
	const char *name;
	enum signature_module_id id;
	const struct signature_field *fields;
};

/* NULL: no such module. */
const struct signature_module *signature_module_find(struct str name);
const struct signature_module *signature_module_at(unsigned id);
/* NULL: no such name in this list (a module's fields or a field's members). */
const struct signature_field *signature_field_find(const struct signature_field *fields, struct str name);
/* The same for an image that is opened: has this module a value or function with this id, and how many subscripts and
 * overloads has it? NULL when not. */
const struct signature_field *signature_field_by_id(unsigned module, unsigned id, unsigned *ret_keys);
/* Overloads of a function; 0 for anything else. */
unsigned signature_field_overloads(const struct signature_field *f);

struct signature_value {
	enum signature_type type; /* UNDEFINED, INTEGER, FLOAT or STRING */
	int64_t integer;          /* booleans too: 0 or 1 */
	double number;
	struct str text; /* borrowed: from the file, or from the state, see SIGNATURE_MODULE_TEXTS */
};

/* Texts that are not in the file as they are (digests, version information, names of certificates) stand in a ring of
 * the state: such a text is good until this many bytes of later ones were asked for. Longer ones are undefined. */
#define SIGNATURE_MODULE_TEXTS ((size_t)65536)

/* A subscript. Of an array: index. Of a dictionary: text, or, where text.p is NULL, the index-th entry (for loops). */
struct signature_key {
	int64_t index;
	struct str text;
};

/* An argument of a call. A regular expression comes as a question that the caller answers: is it found in this text? */
struct signature_argument {
	struct signature_value value; /* UNDEFINED type with `matches` set: a regular expression */
	bool (*matches)(const void *regex, struct str text);
	const void *regex;
};

struct signature_module_state;
/* Bytes of memory (8-aligned) for a state. */
size_t signature_module_state_size(void);
/* A state in that memory for these bytes, which stay as they are while it is used. Cheap: a few hundred bytes are set. */
struct signature_module_state *signature_module_begin(void *memory, const uint8_t *data, size_t len);

/*
 * The value with this id. For an ARRAY or DICTIONARY itself: the number of elements (an integer), and, for a
 * dictionary with one key of an index, the key of that entry. ids, keys and their number may be anything: what does not
 * fit is UNDEFINED.
 */
void signature_module_value(struct signature_module_state *s, unsigned module, unsigned id,
			    const struct signature_key *keys, unsigned key_count, struct signature_value *ret);
/* The result of a function; keys as above, for functions within arrays (pe.signatures[0].valid_on). Arguments that do not
 * fit the overload: UNDEFINED. */
void signature_module_call(struct signature_module_state *s, unsigned module, unsigned id, unsigned overload,
			   const struct signature_key *keys, unsigned key_count,
			   const struct signature_argument *arguments, unsigned count, struct signature_value *ret);

/* What the language's word `entrypoint` means: a PE or ELF file's entry point as file offset; false: undefined. */
bool signature_module_entrypoint(struct signature_module_state *s, uint64_t *ret_offset);

