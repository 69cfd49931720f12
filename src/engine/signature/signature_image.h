/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The image's form (private to the room). Little endian; places are offsets, within a section or a rule; nothing is
 * fixed up after mapping. docs/signatures.md tells it to people.
 *
 *   head · table of sections · sections, each 8-aligned (PATTERNS 64-aligned)
 */
#pragma once
#include "base/file/file_map.h"
#include "engine/signature/signature_condition.h"

#define SIGNATURE_IMAGE_MAGIC   "LTSIGN1\n"
#define SIGNATURE_IMAGE_VERSION 1u

/* The numbers are part of the format: append only. */
enum signature_section_kind {
	SIGNATURE_SECTION_RULES,     /* struct image_rule */
	SIGNATURE_SECTION_BODIES,    /* one struct image_body with what belongs to it per rule */
	SIGNATURE_SECTION_NUMBERS,   /* uint32_t: the pattern of each string of each rule */
	SIGNATURE_SECTION_SPACES,    /* struct image_text */
	SIGNATURE_SECTION_EXTERNALS, /* struct image_external */
	SIGNATURE_SECTION_WANTED,    /* uint32_t per pattern and one: where its rules begin in WANTING */
	SIGNATURE_SECTION_WANTING,   /* uint32_t: rules that a pattern makes candidates */
	SIGNATURE_SECTION_ALWAYS,    /* uint32_t: rules that are candidates for every file */
	SIGNATURE_SECTION_RESTS,     /* struct image_rest */
	SIGNATURE_SECTION_FALLBACKS, /* struct image_fallback */
	SIGNATURE_SECTION_TEXTS,     /* bytes */
	SIGNATURE_SECTION_PATTERNS,  /* signature_pattern's */
	SIGNATURE_SECTION_HASHES,    /* signature_clamav's */
	SIGNATURE_SECTION__COUNT
};

struct image_head {
	char magic[8];
	uint32_t version, section_count;
	uint64_t size;     /* of the file */
	uint64_t checksum; /* signature_image_checksum of all bytes behind the head */
};

struct image_section {
	uint32_t kind, unused;
	uint64_t offset, length; /* in the file */
};

struct image_text {
	uint32_t at, n; /* in TEXTS */
};

struct image_rule {
	uint64_t at;    /* of its body in BODIES */
	uint32_t size;
	uint32_t first; /* of its strings in NUMBERS */
	uint32_t space, flags;
};
enum { IMAGE_PRIVATE = 1, IMAGE_GLOBAL = 2 };

/* Followed by: constants (8 bytes each), code (8), metas, strings, tags, members (4), texts; padded to 8. Places of
 * texts count from the rule's first text. */
struct image_body {
	uint32_t name_at, name_n;
	uint32_t constants, code, metas, strings, tags, members, texts; /* how many */
	uint32_t patterns; /* strings and regular expressions of the condition */
};
struct image_meta {
	uint32_t name_at, name_n;
	int64_t integer; /* STRING: its place */
	uint32_t kind, text_n;
};
struct image_string {
	uint32_t name_at, name_n;
	uint32_t flags, unused; /* IMAGE_PRIVATE */
};
struct image_external {
	struct image_text name;
	uint32_t type, unused;
};
struct image_rest {
	uint32_t space, for_libyara;
	struct image_text rule, place, key, reason;
};
struct image_fallback {
	uint32_t space, unused;
	struct image_text text;
};

/* Finds damage, not forgery: that is what a bundle's signature is for. Eight bytes at a time. */
uint64_t signature_image_checksum(struct str bytes);

/* A body with its parts found; everything borrowed. */
struct image_body_view {
	struct signature_code code;
	const struct image_body *body;
	const struct image_meta *metas;
	const struct image_string *strings;
	const struct image_text *tags; /* places in the rule's texts */
};

struct signature_image {
	struct file_map map; /* of signature_image_map */
	struct str bytes;
	struct str sections[SIGNATURE_SECTION__COUNT];
	const struct image_rule *rules;
	const uint32_t *wanted, *wanting, *always;
	const struct image_text *spaces;
	const struct image_external *externals;
	uint32_t rule_count, space_count, external_count, always_count, rest_count, fallback_count;
	uint32_t *globals; /* rules */
	uint32_t global_count;
	struct signature_patterns patterns;
	uint8_t *external_types;
};

/* The rule must be there. */
void signature_image_body(const struct signature_image *image, uint32_t rule, struct image_body_view *ret);
struct str signature_image_text(const struct signature_image *image, struct image_text text);
/* A section's bytes, for the room's other parts; empty when the image has none. */
struct str signature_image_section(const struct signature_image *image, enum signature_section_kind kind);
