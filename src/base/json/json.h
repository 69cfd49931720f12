/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * json: RFC 8259 in and out, for servers and for the Windows agent alike.
 * In: a strict tree in an arena (depth, size and node limits; duplicate names,
 * bad UTF-8, trailing bytes are errors with byte place), and tables that decode
 * a tree into a struct. Out: a streaming writer.
 *
 * Does not live here: the event hot path's flattening scanner (engine/event).
 * Ownership: a tree lives in its arena and may borrow from the parsed text:
 * keep both. Threads: no shared state.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/str/str.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	bool boolean;
	bool is_integer;   /* number: no fraction or exponent and fits int64 */
	int64_t integer;
	double number;
	struct str text;   /* string value (decoded UTF-8, may hold NUL), or the number as written */
	struct str name;   /* member name, when inside an object */
	struct json *child; /* first element or member */
	struct json *next;  /* sibling */
	size_t count;       /* children */
	size_t at;          /* byte offset in the input */
};

struct json_limits {
	unsigned depth;  /* 0: 32 */
	size_t nodes;    /* 0: 1,000,000 */
};

/* On success *ret lives in `arena`. Errors: -EINVAL json.syntax with args byte, line, column, expected;
 * json.duplicate_name (name, byte, line, column); json.number_range (byte, text). -E2BIG json.too_deep,
 * json.too_many, json.too_large, json.number_too_long (limit, byte). */
int json_parse(struct arena *arena, struct str text, const struct json_limits *limits, const struct json **ret,
               struct err *err) WARN_UNUSED;

/* Member of an object, or NULL (also when j is NULL or no object). */
const struct json *json_get(const struct json *j, const char *name);
/* Value of a string member, or `fallback`. */
struct str json_get_str(const struct json *j, const char *name, struct str fallback);
int64_t json_get_int(const struct json *j, const char *name, int64_t fallback);
bool json_get_bool(const struct json *j, const char *name, bool fallback);
#define json_each(item, container)                                                                 \
	for (const struct json *item = (container) != NULL ? (container)->child : NULL; item != NULL; item = item->next)
/* Appends the JSON pointer (RFC 6901) escape of a member name. */
void json_pointer_append(struct buf *out, struct str name);
/* The node a JSON pointer names, or the innermost one on its way that exists. */
const struct json *json_pointer_nearest(const struct json *j, struct str pointer);
/* *ret is the second of two members with the same name, or NULL. -E2BIG when memory is out. */
int json_duplicate_name(const struct json *object, const struct json **ret) WARN_UNUSED;

/*
 * Decoding tables: one row a member. Unknown members are errors with "did you
 * mean" (key json.unknown_field); every error names the field as JSON pointer.
 */
enum json_field_type {
	JSON_FIELD_STR,      /* struct str; min/max are lengths in bytes; must be UTF-8 without NUL */
	JSON_FIELD_INT,      /* int64_t; min/max are values */
	JSON_FIELD_BOOL,     /* bool */
	JSON_FIELD_UUID,     /* struct uuid */
	JSON_FIELD_TIME,     /* usec_t from RFC 3339 */
	JSON_FIELD_ENUM,     /* int; `names` lists the spellings, the value is the index */
	JSON_FIELD_STR_LIST, /* struct json_str_list; min/max are counts */
	JSON_FIELD_ANY,      /* const struct json * */
};

struct json_str_list {
	const struct str *items;
	size_t count;
};

struct json_field {
	const char *name;
	enum json_field_type type;
	size_t offset;           /* offsetof the target member */
	bool required;           /* null counts as absent */
	int64_t min, max;        /* both 0: STR up to 10,000 bytes, INT any, list up to 1,000 */
	const char *const *names; /* ENUM: NULL-terminated */
	size_t present_offset;   /* offset + 1 of a bool told whether the member was there; 0: none */
};

/* `fields` ends with a NULL name. `out` must be zeroed by the caller; absent members leave it alone.
 * -EINVAL with the pointer as place: json.not_object; json.unknown_field (field, nearest: the likely name or all
 * names); json.required (field); json.type (field, expected); json.length, json.range, json.count (field, min, max);
 * json.text, json.uuid, json.time (field); json.enum (field, value, allowed). */
int json_decode(struct arena *arena, const struct json *object, const struct json_field *fields, void *out,
                struct err *err) WARN_UNUSED;

/*
 * The writer. Commas, quoting and escapes are its work; the caller nests
 * correctly (asserted). Invalid UTF-8 in strings is written as U+FFFD.
 */
struct json_writer {
	struct buf *out;
	unsigned depth;
	bool need_comma;
	bool after_name;
	uint64_t objects; /* one bit a level: 1 object, 0 array */
};

struct json_writer json_writer_init(struct buf *out);
void json_object(struct json_writer *w); /* { */
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w); /* [ */
void json_array_end(struct json_writer *w);
void json_name(struct json_writer *w, const char *name);
void json_name_str(struct json_writer *w, struct str name);
void json_str(struct json_writer *w, struct str s);
void json_cstr(struct json_writer *w, const char *s); /* NULL writes null */
void json_int(struct json_writer *w, int64_t v);
void json_u64(struct json_writer *w, uint64_t v);
void json_double(struct json_writer *w, double v); /* not finite: null */
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
/* Already valid JSON, copied as it is. */
void json_raw(struct json_writer *w, struct str json);
/* A parsed tree. */
void json_tree(struct json_writer *w, const struct json *j);
/* A whole member in one call. */
void json_member_str(struct json_writer *w, const char *name, struct str s);
void json_member_cstr(struct json_writer *w, const char *name, const char *s);
void json_member_int(struct json_writer *w, const char *name, int64_t v);
void json_member_bool(struct json_writer *w, const char *name, bool v);
