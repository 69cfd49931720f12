/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the compiler's files share: the growing image and its indices. Private to the compiler. */
#pragma once
#include "engine/sigma/sigma_image.h"
#include "engine/sigma/sigma_mapping.h"

/* Bytes to a number. Keys are copied into the arena. */
struct sg_map {
	struct sg_map_slot {
		uint64_t hash;
		struct str key;
		uint32_t value;
	} *slots;
	size_t mask, count;
};

/* The value of the key, or `fresh` when it was not there (then *ret_new). */
uint32_t sg_map_put(struct sg_map *map, struct arena *arena, struct str key, uint32_t fresh, bool *ret_new);
bool sg_map_has(const struct sg_map *map, struct str key);
void sg_map_done(struct sg_map *map);

struct sg_uses {
	uint32_t *items;
	size_t count, capacity;
};
void sg_uses_add(struct sg_uses *list, uint32_t value);

/* What is known of a predicate only while compiling. */
struct sg_pred_plan {
	const struct sigma_pred *pred;
	uint32_t rules; /* that use it */
};

struct sg_builder {
	struct arena *arena;
	const struct sigma_mapping *mapping;
	struct sigma_parsed *parsed;
	struct sg_image image;
#define X(type, name) size_t name##_capacity;
	SG_SECTIONS(X)
#undef X
	struct sg_map fields, preds, sources, texts;
	struct sg_pred_plan *plans;
	size_t plan_capacity;
	struct sg_uses *keyword_preds; /* by source */
	size_t keyword_capacity;
	struct sg_job *jobs; /* databases to compile */
	size_t job_count, job_capacity;
};

void *sg_grow(void *items, size_t *capacity, size_t count, size_t size);
/* Appends `value` to a section; its index. */
#define SG_PUSH(b, section, ...)                                                                   \
	({                                                                                         \
		(b)->image.section = sg_grow((b)->image.section, &(b)->section##_capacity, (b)->image.section##_count, \
		                             sizeof *(b)->image.section);                          \
		(b)->image.section[(b)->image.section##_count] = (__VA_ARGS__);                    \
		(uint32_t)(b)->image.section##_count++;                                            \
	})

/* `err` as the reason why this document is not taken. */
void sg_refuse(struct sg_builder *b, const struct sigma_meta *meta, const struct err *err);

struct sg_text sg_text_add(struct sg_builder *b, struct str s);
uint32_t sg_field_add(struct sg_builder *b, struct str name);

/* sigma_program.c */
int sg_program_add(struct sg_builder *b, const struct sigma_node *node, uint32_t source, struct sg_rule *rule, struct err *err) WARN_UNUSED;
uint32_t sg_pred_add(struct sg_builder *b, const struct sigma_pred *pred);
/* Which predicates wake which rule. */
void sg_triggers_make(struct sg_builder *b);

/* sigma_library.c: -ENOTSUP sigma.library (version) when the pattern library misses matches on this processor. */
int sg_library_check(struct err *err) WARN_UNUSED;

/* sigma_patterns.c: the predicates' patterns become one database, whose number it returns; SG_NONE: no patterns. Compiled
 * all together; a predicate that the library does not take goes to PCRE2. A database may stay empty. */
uint32_t sg_patterns_add(struct sg_builder *b, const struct sg_uses *preds, bool keyword, struct str name);
int sg_patterns_compile(struct sg_builder *b, struct err *err) WARN_UNUSED;

/* sigma_database.c: tables and Hyperscan databases of every field and keyword set. */
uint32_t sg_engine_for(const struct sigma_pred *pred);
/* The longest part of a pattern that JSON never writes another way but by \u. */
struct str sg_plain_run(const struct sigma_pred *pred);
int sg_databases_make(struct sg_builder *b, struct err *err) WARN_UNUSED;

/* sigma_keys.c: the tree of JSON keys. */
void sg_keys_make(struct sg_builder *b);

/* sigma_sources.c: channels, categories and other ways to tell a source. */
void sg_sources_make(struct sg_builder *b);

/* sigma_chain.c: correlations; those that cannot be are refused. */
void sg_correlations_make(struct sg_builder *b);
