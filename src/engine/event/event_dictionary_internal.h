/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The dictionary as tables. Private to the room. */
#pragma once
#include "engine/event/event_build_internal.h"
#include "engine/event/event_dictionary.h"

#define EVENT_NAMES_MAX 4000
#define EVENT_ROW_SOURCES 3
#define EVENT_SHAPE_CONDITIONS 6
#define EVENT_PATTERN_PIECES 40

/* Every name the dictionary knows has a number from 1; open addressing. */
struct event_names {
	struct event_name {
		struct str text;
		uint32_t hash;
	} *names; /* [0] is not used */
	uint16_t *slots;
	size_t count, mask;
};

/* TRANSFORM(name): rows of event_transform.c. */
enum event_transform {
#define TRANSFORM(name) EVENT_TRANSFORM_##name,
#include "engine/event/event_transform.def"
#undef TRANSFORM
	EVENT_TRANSFORM__COUNT,
};

struct event_table {
	struct str name, fallback;
	struct event_table_row {
		struct str key, value;
	} *rows; /* sorted by key */
	size_t count;
};

struct event_row_rule {
	uint16_t from[EVENT_ROW_SOURCES];
	uint16_t to[3]; /* further ones: .domain, .port, hashes of a transform that makes several */
	uint8_t from_count;
	uint8_t transform;
	bool replace;
	const struct event_table *table;
	struct str argument;
};

struct event_constant {
	uint16_t name;
	struct str value;
};

struct event_rules {
	struct event_row_rule *rows;
	size_t row_count;
	struct event_constant *constants;
	size_t constant_count;
};

struct event_shape {
	struct str name;
	struct event_condition {
		uint16_t name;
		const struct str *values; /* none: it is enough that the field is there */
		size_t value_count;
	} conditions[EVENT_SHAPE_CONDITIONS];
	size_t condition_count;
	struct event_rules rules;
	bool messages; /* its message is a program's text */
};

/* The first four end at the next literal. */
enum event_capture {
	EVENT_CAPTURE_TEXT,
	EVENT_CAPTURE_ANY,
	EVENT_CAPTURE_GREEDY,
	EVENT_CAPTURE_WORD,
	EVENT_CAPTURE_IP,
	EVENT_CAPTURE_INT,
	EVENT_CAPTURE_TIME,
	EVENT_CAPTURE_LEVEL,
	EVENT_CAPTURE_QUOTED,
	EVENT_CAPTURE_PAIRS,
	EVENT_CAPTURE_SYSLOG,
	EVENT_CAPTURE_REST,
	EVENT_CAPTURE__COUNT,
};

struct event_pattern {
	struct event_piece {
		struct str literal;      /* n == 0: a capture */
		uint16_t name;           /* 0: not kept */
		enum event_capture type;
	} *pieces;
	size_t piece_count;
	struct event_constant *constants;
	size_t constant_count;
};

struct event_patterns {
	struct event_pattern *items;
	size_t count;
	struct event_constant *constants; /* of every message of the program, matched or not */
	size_t constant_count;
	bool lines; /* its messages may also be lines of a known file */
};

struct event_dictionary {
	struct arena *arena;
	struct event_names names;
	struct event_container {
		struct str path; /* with its dot */
		bool any;        /* one more name, whatever it is, belongs to it */
	} *containers;
	size_t container_count;
	struct event_table *tables;
	size_t table_count;
	struct event_shape *shapes;
	size_t shape_count;
	struct event_patterns *messages;
	size_t message_count;
	uint16_t *alias_of_name;   /* number of a name → the number it is known by */
	uint16_t *program_of_name; /* number of a name → index + 1 in messages */
	uint16_t any_program;      /* index + 1 of "*" */
	struct event_patterns lines;
};

static inline uint32_t event_name_hash(struct str s)
{
	uint64_t a = 0, b = 0;
	if (s.n >= 8) {
		(void)memcpy(&a, s.p, 8);
		(void)memcpy(&b, s.p + s.n - 8, 8);
	} else if (s.n > 0) {
		a = (uint64_t)(unsigned char)s.p[0] | (uint64_t)(unsigned char)s.p[s.n - 1] << 8 | (uint64_t)(unsigned char)s.p[s.n / 2] << 16;
	}
	uint64_t middle = s.n > 16 ? (uint64_t)(unsigned char)s.p[s.n / 2] << 8 | (unsigned char)s.p[s.n / 2 - 1] : 0;
	uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15u) ^ (uint64_t)s.n << 56 ^ middle << 32) * 0xff51afd7ed558ccdu;
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

/* 0: not known. */
static inline uint16_t event_names_find(const struct event_names *t, struct str s)
{
	uint32_t hash = event_name_hash(s);
	for (size_t at = hash & t->mask; t->slots[at] != 0; at = (at + 1) & t->mask) {
		const struct event_name *n = &t->names[t->slots[at]];
		if (n->hash == hash && n->text.n == s.n && memcmp(n->text.p, s.p, s.n) == 0)
			return t->slots[at];
	}
	return 0;
}

/* An event while rules are applied to it. */
struct event_apply {
	const struct event_dictionary *d;
	struct event_build *b;
	uint16_t first[EVENT_NAMES_MAX]; /* number of a name → index + 1 of the first field of that name */
};

/* Finds the shape of the fields and adds what it says. */
void event_dictionary_apply(const struct event_dictionary *d, struct event_build *b);
/* A value under a name the dictionary knows, unless the event has it already (or `replace`). */
void event_apply_put(struct event_apply *a, uint16_t name, struct str value, bool replace);
void event_transform_run(struct event_apply *a, const struct event_row_rule *row, const struct event_field *field, struct str value);
struct str event_table_get(const struct event_table *t, struct str key);

/* The message of a program: adds its constants and, from the first pattern that fits, its fields. */
bool event_message_parse(const struct event_dictionary *d, struct event_build *b);
/* A line of a known file. */
bool event_line_parse(const struct event_dictionary *d, struct event_build *b, struct str line);
/* Whether the pattern fits the whole text; then its captures and constants are added. */
bool event_pattern_match(const struct event_dictionary *d, const struct event_pattern *p, struct event_build *b, struct str text);
