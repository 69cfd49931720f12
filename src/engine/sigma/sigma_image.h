/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * sigma_image: the compiled form: flat tables without pointers, so that caching is a file write and publishing a pointer
 * swap. Written by the compiler, read by routes, matcher, explanation and correlator. Private to the room.
 */
#pragma once
#include <hs/hs.h>

#include "engine/sigma/sigma.h"
#include "engine/sigma/sigma_probe.h"
#include "engine/sigma/sigma_rule.h"

#define SG_NONE UINT32_MAX

/* A slice of the `text` section. */
struct sg_text {
	uint32_t at, n;
};

/* An index range of another section. */
struct sg_range {
	uint32_t at, n;
};

struct sg_rule {
	struct sg_text id, title, name, level, status, author, description, date, tags, falsepositives, file;
	struct sg_text category, product, service;
	uint32_t line;
	uint32_t source;       /* of sources; correlations: SG_NONE */
	struct sg_range program;
	struct sg_range labels; /* of the program's nodes: search identifiers */
	struct sg_range feeds;
	uint8_t always;        /* no predicate can wake it: evaluated for each event of its source */
	uint8_t silent, pad[2];
};

struct sg_label {
	uint32_t at; /* offset in the rule's program */
	struct sg_text name;
	uint32_t line;
};

struct sg_pred {
	uint32_t field; /* SG_NONE: keyword */
	uint8_t op, flags, part, ref;
	uint32_t engine;     /* that finds it, of enum sg_engine; 0: tested when asked */
	struct sg_text text; /* as explained to people; FIELDREF: the other field's name */
	struct sg_text run;  /* PATTERN: text that JSON never writes another way but by \u; empty: too short */
	uint32_t arg;        /* NUMBER: numbers; CIDR: nets; REGEX by PCRE2: regexes; FIELDREF: the other field; PATTERN: globs */
};
enum { SG_PRED_CASED = 1 };

/* Ways to search a field's value, cheap first; each is run only when some rule needs it. */
enum sg_engine {
	SG_ENGINE_TABLES = 1, /* whole values, numbers, beginnings and ends by hash */
	SG_ENGINE_FOLDED = 2, /* Hyperscan over the folded text */
	SG_ENGINE_RAW = 4,    /* Hyperscan over the text as it is */
};

#define SG_ENDS_WORDS 3
#define SG_ENDS_MAX (SG_ENDS_WORDS * 64 - 1)
/* Texts that values begin (or end) with: the lengths in use, and a table by the hash of the text. */
struct sg_ends {
	uint64_t lengths[SG_ENDS_WORDS]; /* one bit a length */
	struct sg_range table;           /* of exacts */
	uint32_t longest, pad;
};

/*
 * Long texts anywhere in a value (thousands of file hashes): the first bytes of each as a window that slides over the value
 * (Karp and Rabin 1987), with one bit a hash before the table.
 */
#define SG_WINDOW_BYTES 24
#define SG_WINDOW_BITS 65536
struct sg_windows {
	struct sg_range bits;  /* of words, SG_WINDOW_BITS / 64 of them; n 0: none */
	struct sg_range table; /* of exacts */
};

struct sg_field {
	struct sg_text name;
	uint32_t folded_db, raw_db; /* of databases, or SG_NONE */
	struct sg_range exact;      /* slots of exacts; n is a power of two or 0 */
	uint32_t exact_longest, pad;
	struct sg_range numbers;    /* sorted number rows */
	struct sg_ends begins, ends;
	struct sg_windows windows;
};

struct sg_exact {
	uint32_t hash; /* 0: empty slot */
	uint32_t pred;
	struct sg_text text;
};

struct sg_number {
	long double value;
	uint32_t pred;
	uint32_t pad[3];
};

struct sg_regex {
	struct sg_text text;
	uint32_t flags;
};

struct sg_database {
	uint64_t at, n; /* bytes, serialized */
};

/* Keys of JSON objects on the way to fields. */
struct sg_node {
	struct sg_range slots; /* n is a power of two */
	uint32_t any;          /* node for any other key, or SG_NONE */
	uint32_t blanks;       /* keys are looked up without their blanks, too */
};

struct sg_key {
	uint64_t hash; /* 0: empty */
	struct sg_text name;
	uint32_t node; /* inside the key's object or SG_NONE */
	struct sg_range hits;
};

struct sg_hit {
	uint32_t field, rank; /* the lowest rank of an event wins */
};

struct sg_source {
	struct sg_text category, product, service;
	uint32_t keywords; /* of keyword sets, or SG_NONE */
};

/* Keyword patterns of one source. */
struct sg_keywords {
	uint32_t folded_db, raw_db;
	uint8_t always_full, pad[3];
	struct sg_probe probe; /* of the raw event */
};

/* A way to recognise events: see packs/sigma/mapping.yaml. */
struct sg_channel {
	struct sg_text name; /* folded */
	struct sg_text product, service;
};

struct sg_category {
	struct sg_text category, product, service;
	int64_t event_id;
	uint32_t when_field; /* or SG_NONE */
	struct sg_text when_value; /* folded */
	struct sg_range aliases;
};

struct sg_alias {
	uint32_t field, from;
};

struct sg_detect {
	struct sg_range present;       /* of lists: fields that must be there */
	uint32_t when_field;           /* or SG_NONE */
	struct sg_text when_value;     /* folded; empty: any */
	struct sg_text product, category, service, also; /* also: further services, a blank between */
	uint32_t service_field; /* the service is this field's value */
	uint32_t pad;
};

/* A rule (or correlation) that feeds a correlation: what a match of it brings. */
struct sg_feed {
	uint32_t correlation; /* index of correlations */
	uint32_t position;    /* among the correlation's inputs */
	struct sg_range group, values; /* of lists: fields; for a correlation as input: positions in its own group, or SG_NONE */
};

struct sg_correlation {
	uint32_t rule; /* its own number */
	uint32_t type;
	int64_t timespan_usec;
	double percentile;
	uint32_t inputs;         /* how many */
	uint32_t group_count;
	struct sg_range limits;
	struct sg_range program; /* of a temporal text; leaves are positions */
};

struct sg_limit {
	long double value;
	uint32_t compare;
	uint32_t pad[3];
};

/* A document that was not taken, as in struct sigma_refusal. */
struct sg_refusal {
	struct sg_text file, title, id, key, place;
	struct {
		struct sg_text name, value;
	} args[ERR_ARGS];
	int32_t code;
	uint32_t arg_count;
};

/* The trie's fields that are read for every event, whatever the rules. */
struct sg_known {
	uint32_t channel, event_id, message;
	uint32_t filters, exclusions, rule_count, string_count, regex_count;
	uint32_t always_count, root;
	struct sg_range times; /* of lists: fields of time, best first */
};

#define SG_SECTIONS(X)                                                                             \
	X(char, text)                                                                              \
	X(struct sg_known, known)                                                                  \
	X(struct sg_rule, rules)                                                                   \
	X(uint32_t, program)                                                                       \
	X(struct sg_label, labels)                                                                 \
	X(struct sg_pred, preds)                                                                   \
	X(struct sg_field, fields)                                                                 \
	X(struct sg_exact, exacts)                                                                 \
	X(uint64_t, words)                                                                         \
	X(struct sg_number, numbers)                                                               \
	X(struct sigma_net, nets)                                                                  \
	X(struct sg_regex, regexes)                                                                \
	X(struct sg_database, databases)                                                           \
	X(char, database_bytes)                                                                    \
	X(uint32_t, trigger_at)                                                                    \
	X(uint32_t, triggers)                                                                      \
	X(struct sg_node, nodes)                                                                   \
	X(struct sg_key, keys)                                                                     \
	X(struct sg_hit, hits)                                                                     \
	X(struct sg_source, sources)                                                               \
	X(struct sg_keywords, keywords)                                                            \
	X(struct sg_channel, channels)                                                             \
	X(struct sg_category, categories)                                                          \
	X(struct sg_alias, aliases)                                                                \
	X(struct sg_detect, detects)                                                               \
	X(struct sg_feed, feeds)                                                                   \
	X(struct sg_correlation, correlations)                                                     \
	X(struct sg_refusal, refusals)                                                             \
	X(struct sg_limit, limits)                                                                 \
	X(uint32_t, lists)

struct sg_image {
#define X(type, name) type *name; size_t name##_count;
	SG_SECTIONS(X)
#undef X
};

static inline struct str sg_str(const struct sg_image *image, struct sg_text t)
{
	return (struct str){image->text + t.at, t.n};
}

/*
 * Program words, preorder: kind in the upper two bits; below them the predicate (PRED) or the number of words of the
 * whole node (AND, OR, NOT), itself included.
 */
#define SG_WORD(kind, value) ((uint32_t)(kind) << 30 | (value))
#define SG_KIND(word) ((enum sigma_node_kind)((word) >> 30))
#define SG_VALUE(word) ((word) & 0x3fffffffu)
static inline uint32_t sg_size(uint32_t word)
{
	return SG_KIND(word) == SIGMA_NODE_PRED ? 1 : SG_VALUE(word);
}

/* Hashes of the tables: the same on every machine of one byte order, since the tables are cached. */
static inline uint64_t sg_mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t sg_hash(const char *p, size_t n)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ n, a = 0, b = 0;
	while (n > 16) {
		(void)memcpy(&a, p, 8);
		(void)memcpy(&b, p + 8, 8);
		h = sg_mix(a ^ 0xa0761d6478bd642fu, b ^ h);
		p += 16;
		n -= 16;
	}
	a = b = 0;
	if (n >= 8) {
		(void)memcpy(&a, p, 8);
		(void)memcpy(&b, p + n - 8, 8);
	} else if (n >= 4) {
		(void)memcpy(&a, p, 4);
		(void)memcpy(&b, p + n - 4, 4);
	} else if (n > 0) {
		a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 | (unsigned char)p[n - 1];
	}
	h = sg_mix(a ^ 0xe7037ed1a0b428dbu, b ^ h);
	h = sg_mix(h, 0x8ebc6af09c88c6e3u);
	return h != 0 ? h : 1;
}

uint32_t sg_hash32(const char *p, size_t n);
/* A hash that grows byte by byte, for beginnings and ends. */
static inline uint64_t sg_roll(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * UINT64_C(0x9e3779b97f4a7c15);
}
#define SG_WINDOW_PRIME UINT64_C(0x9e3779b97f4a7c15)
static inline uint64_t sg_window_first(const char *p)
{
	uint64_t h = 0;
	for (unsigned i = 0; i < SG_WINDOW_BYTES; i++)
		h = h * SG_WINDOW_PRIME + (unsigned char)p[i];
	return h;
}
static inline uint32_t sg_rolled(uint64_t h)
{
	return (uint32_t)(h >> 32) | 1;
}

/* sigma_compile.c. A rule that cannot be compiled goes to `refuse` and the rest goes on. */
struct sigma_mapping;
struct sigma_refused {
	struct sigma_meta meta;
	struct err err;
	struct sigma_refused *next;
};
/* `look`: without the pattern databases: tells what is there and what is refused, and cannot match. */
int sigma_compile(struct sigma_parsed *parsed, const struct sigma_mapping *mapping, struct sigma_refused *refused, bool look,
                  struct sg_image *ret, struct err *err) WARN_UNUSED;
void sg_image_done(struct sg_image *image);
/* One block: the sections behind a heading. Reading borrows from `bytes` (aligned to 16), which must outlive the image. */
void sg_image_write(const struct sg_image *image, struct buf *out);
int sg_image_read(struct str bytes, struct sg_image *ret, struct err *err) WARN_UNUSED;
