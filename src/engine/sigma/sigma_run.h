/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What matching works with: the set made ready (databases, routes) and one thread's matcher. Private to the room.
 */
#pragma once
#include <pthread.h>

#include "engine/sigma/sigma_image.h"
#include "engine/sigma/sigma_regex.h"

/* The rules that see the events of one log source, and what must be read for them. */
struct sg_route {
	uint64_t *rules;     /* one bit a rule */
	uint32_t *always;    /* rules that nothing wakes */
	size_t always_count;
	struct sg_search {
		uint32_t field, engines;
		struct sg_probe *probe; /* of what wakes by SG_ENGINE_FOLDED; NULL: always search */
	} *fields;           /* with predicates that wake a rule of this route */
	size_t field_count;
	uint32_t *keywords;  /* keyword sets */
	size_t keyword_count;
	struct sg_range aliases;
	size_t rule_count;
};

/* Events of one channel with one number; `when` rows come before the row without. */
struct sg_kind {
	int64_t event_id;
	uint32_t when_field;
	struct str when_value;
	uint32_t route;
};

struct sg_channel_route {
	struct str name;
	uint64_t hash;
	uint32_t route;
	uint32_t first_kind, kind_count;
};

struct sg_service_route {
	uint32_t detect;
	struct str service;
	uint32_t route;
};

struct sigma_ruleset {
	_Atomic uint32_t refs;
	struct sg_image image;
	void *mapped; /* the cache file, or NULL when the image is on the heap */
	size_t mapped_bytes, image_bytes;
	hs_database_t **databases;
	struct sigma_regex **regexes;
	hs_scratch_t *scratch; /* large enough for all; cloned by matchers */
	struct sg_route *routes;
	size_t route_count, route_capacity;
	struct sg_channel_route *channels; /* the last: any other */
	struct sg_kind *kinds;
	size_t kind_count, kind_capacity;
	struct sg_service_route *services;
	size_t service_count, service_capacity;
	uint32_t *detect_routes; /* by detect row */
	bool from_cache;
};

/* Known log source of an event, or what was told. p == NULL in a text: not known. */
struct sg_attributes {
	struct str product, service;
	struct str also; /* further services, a blank between */
	struct str categories[16];
	size_t category_count;
	bool category_known;
	bool lenient, by_presence;
};

/* sigma_route.c */
int sg_routes_make(struct sigma_ruleset *set);
void sg_routes_done(struct sigma_ruleset *set);
void sg_route_fill(const struct sigma_ruleset *set, const struct sg_attributes *a, struct sg_route *ret);
void sg_route_done(struct sg_route *route);

/* sigma_ruleset.c: takes the image. */
int sg_ruleset_new(struct sg_image *image, void *mapped, size_t mapped_bytes, struct sigma_ruleset **ret, struct err *err) WARN_UNUSED;

enum sg_value_type { SG_VALUE_TEXT, SG_VALUE_SCALAR, SG_VALUE_NULL, SG_VALUE_OBJECT, SG_VALUE_EMPTY };

/* One value of a field, still as written in the event. TEXT: between its quotes. */
struct sg_value {
	const char *p;
	uint32_t n;
	uint32_t next; /* further member of an array, or SG_NONE */
	enum sg_value_type type;
};

struct sg_slot {
	uint32_t epoch, rank;
	uint32_t first, last;
};

/* The rank of a field that a category takes from another one (4688's NewProcessName as Image). */
#define SG_RANK_ALIAS (UINT32_MAX - 1)

/*
 * Values come again and again (an image, a call trace, a key). What a value of a field fired is remembered by its bytes as
 * written, so that a value seen before is neither decoded nor searched. One entry a hash; a new one takes the old one's
 * place. The bytes lie in a ring that all entries share.
 */
#define SG_MEMO_ENTRIES 16384
#define SG_MEMO_BYTES 2048
#define SG_MEMO_RING ((size_t)4 << 20)
#define SG_MEMO_FIRED 22
struct sg_memo {
	uint64_t hash; /* of bytes and field; 0: empty */
	uint64_t at;   /* how many bytes had been written to the ring before its own */
	const struct sg_probe *probe;
	uint32_t field;
	uint16_t n;
	uint8_t type, fired_count;
	uint8_t wanted, done; /* engines */
	uint8_t pad[6];
	uint32_t fired[SG_MEMO_FIRED];
};

struct sg_growing {
	char *p;
	size_t capacity;
};

struct sigma_matcher {
	struct sigma_ruleset *set;
	const struct sg_image *image;
	struct sg_route told;
	hs_scratch_t *scratch;
	struct sigma_regex_scratch *regex_scratch;

	/* the event */
	struct str json;
	uint32_t epoch;
	uint32_t *quotes; /* places of quotation marks that no backslash escapes */
	size_t quote_count, quote_capacity;
	bool has_codes, has_letters; /* an escape \u, a byte that may begin a letter of may_hide */
	bool hides;               /* a text may be there that the raw bytes do not show */
	struct sg_slot *slots;  /* by field */
	struct sg_done {
		uint32_t epoch, engines;
	} *scanned;             /* by field */
	struct sg_value *values;
	size_t value_count, value_capacity;
	const struct sg_route *route;

	/* results */
	uint64_t *fired;   /* one bit a predicate */
	uint32_t *touched; /* predicates whose bit is set */
	size_t touched_count;
	uint32_t *seen;    /* by rule: epoch */
	uint32_t *woken;
	size_t woken_count;
	struct sigma_match *matches;
	size_t match_count;

	struct sg_memo *memo;
	char *ring;
	uint64_t ring_written;
	struct sg_growing folded[2], raw[2], all;
	struct sigma_matcher_counters counters;
	bool measure;
	struct sigma_cost *costs;
};

/* sigma_scan.c: quotes, then the fields. */
int sg_scan(struct sigma_matcher *m, struct err *err) WARN_UNUSED;
/* Each scalar of the event, in order; for keywords. Only after a scan that went well. */
void sg_scan_scalars(struct sigma_matcher *m, void (*take)(void *user, const struct sg_value *value), void *user);

/* sigma_decode.c: a value's text; `which`: 0 or 1, each valid until the next call with the same number. */
struct str sg_decode_raw(struct sigma_matcher *m, const struct sg_value *v, unsigned which);
struct str sg_decode_folded(struct sigma_matcher *m, const struct sg_value *v, unsigned which);
void sg_grow_text(struct sg_growing *g, size_t need);

/* sigma_test_pred.c: a predicate that no database answers. */
bool sg_test(struct sigma_matcher *m, const struct sg_pred *pred);

static inline bool sg_has(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static inline const struct sg_slot *sg_slot_of(const struct sigma_matcher *m, uint32_t field)
{
	const struct sg_slot *slot = &m->slots[field];
	return slot->epoch == m->epoch ? slot : NULL;
}

/* sigma_match.c */
bool sg_fired(struct sigma_matcher *m, uint32_t pred);
bool sg_program_holds(struct sigma_matcher *m, const uint32_t *word);
int sg_prepare(struct sigma_matcher *m, struct str json, struct err *err) WARN_UNUSED;
/* sigma_ruleset.c: texts borrow from the image. */
struct sigma_info sg_info(const struct sg_image *image, uint32_t rule);
