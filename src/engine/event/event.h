/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event: a flat set of typed fields and the original text, and the fast scanner
 * that makes it of one JSON object. Nested objects become dotted names; the
 * elements of an array become fields of the same name, in order:
 * {"a":{"b":[1,{"c":2}]}} is a.b = 1, a.b.c = 2. Empty ones leave no field.
 *
 * Strict RFC 8259: anything else is an error with its byte. Same names twice
 * are kept both (event_get gives the first): loggers do that.
 *
 * Does not live here: API documents (base/json). Portable.
 * Ownership: fields live in the arena and borrow from the JSON text: keep both.
 * Threads: no shared state.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/mem/mem.h"

enum event_type { EVENT_TYPE_NULL, EVENT_TYPE_BOOL, EVENT_TYPE_INT, EVENT_TYPE_NUMBER, EVENT_TYPE_STR };

struct event_field {
	struct str name;
	struct str value; /* text of the value: strings decoded, numbers as written, "true", "false"; null: empty */
	enum event_type type;
	bool pathless; /* raw does not show it at the path that its name says: an element of an array, or below a name with a dot */
	int64_t integer; /* INT */
};

/* What a listener knows of a record's form before it is parsed. Numbers are kept in spools: they only grow. */
enum event_format {
	EVENT_FORMAT_JSON,   /* one JSON object */
	EVENT_FORMAT_SYSLOG, /* what a syslog listener took: RFC 5424, RFC 3164 or what devices really send */
	EVENT_FORMAT_TEXT,   /* a line of some file: JSON, CEF, LEEF, key=value, or just text */
	EVENT_FORMAT__COUNT,
};

struct event {
	struct str raw;
	const struct event_field *fields;
	size_t count;
	/* The first so many fields are those of raw, a JSON object that others read in the same way: a store may take them
	 * from there. 0: raw is no such text. */
	size_t in_raw;
};

struct event_limits {
	unsigned depth;  /* 0: 32 */
	size_t fields;   /* 0: 2000 */
	size_t name_bytes; /* 0: 512; of a whole dotted name */
};

/* -EINVAL: event.syntax (byte), event.not_utf8 (byte); -E2BIG: event.too_deep, event.too_many_fields,
 * event.name_too_long (limit each). `limits` may be NULL. */
int event_flatten(struct arena *arena, struct str json, const struct event_limits *limits, struct event *ret,
                  struct err *err) WARN_UNUSED;

/* Would event_flatten take it? The same errors (the byte may be a later one) at half the cost. */
int event_check(struct str json, const struct event_limits *limits, struct err *err) WARN_UNUSED;

/* First field of that name, or NULL. */
const struct event_field *event_find(const struct event *e, const char *name);
/* Its value; p == NULL when there is none or it is null. */
struct str event_get(const struct event *e, const char *name);
