/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * indicator: large sets of known bad values: file hashes, domains (whose subdomains are meant too), URLs, addresses and
 * networks, file names. A builder makes one file of lines; the file is mapped and looked up where it lies, in about one
 * cache miss a question, so that millions cost neither memory of the process nor time to load.
 *
 * A line: type TAB value TAB expiry TAB source TAB confidence, as engine/detect/detect_set.h tells.
 *
 * File: head of 64 bytes (magic "LTINDIC2", slots, entries, bytes of sources, count of sources, seed, bitmap of prefix lengths), slots of 16 bytes,
 * names of sources (length byte, text). A slot keeps 64 + 23 bits of a hash of type and normalised value, the hour of
 * expiry, the source and the confidence, not the value: of 10 million entries a foreign value is taken for one of them
 * once in 10^19 questions. Slots are found by linear probing; at most two thirds are taken.
 *
 * Normalised: hashes to bytes; domains and file names to lower case (ASCII and by simple folding beyond), without a dot at the end, file names without
 * their folder; addresses to 16 bytes (IPv4 mapped); URLs: scheme and host in lower case, no user, no default port, no
 * fragment, "/" for no path, %41 as A where RFC 3986 section 2.3 calls the character unreserved.
 *
 * Does not live here: which fields are asked (engine/detect), lists and their upkeep (service/rule).
 * Threads: an open set is immutable; a builder belongs to one thread. Linux only.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/mem/mem.h"

enum indicator_type {
	INDICATOR_MD5, INDICATOR_SHA1, INDICATOR_SHA256, INDICATOR_DOMAIN, INDICATOR_URL, INDICATOR_IP, INDICATOR_FILE_NAME, INDICATOR_TYPE__COUNT
};
const char *indicator_type_name(enum indicator_type type); /* "md5" … "ip", "file_name" */
bool indicator_type_parse(struct str name, enum indicator_type *ret);

/* ---- building ---- */

struct indicator_builder;
struct indicator_built {
	uint64_t entries, repeated, bad; /* lines; a repeated value keeps the later expiry */
};
#define INDICATOR_ENTRIES_MAX ((size_t)100000000)
#define INDICATOR_SOURCES_MAX 4095
/* "<path>.tmp" for up to `most` entries. -E2BIG indicator.too_many (limit). */
int indicator_builder_new(const char *path, size_t most, struct indicator_builder **ret, struct err *err) WARN_UNUSED;
/* `list` names the source of lines that name none. Lines that are none are counted and passed over. */
int indicator_builder_add(struct indicator_builder *b, struct str list, struct str lines, struct err *err) WARN_UNUSED;
/* In place of `path`, durably. Frees the builder in any case. */
int indicator_builder_commit(struct indicator_builder *b, struct indicator_built *ret, struct err *err) WARN_UNUSED;
void indicator_builder_abandon(struct indicator_builder *b);
/* How many entries lines can hold at most: counts them. */
size_t indicator_count_lines(struct str lines);

/* One line in its parts; false: it is none (comments and empty ones too). Borrows. For whoever takes lists in. */
struct indicator_line {
	enum indicator_type type;
	struct str value, source;
	usec_t expires;      /* 0: never */
	unsigned confidence; /* 0..100; 50 when not told */
};
bool indicator_line_parse(struct str line, struct indicator_line *ret);

/* ---- asking ---- */

struct indicator_set;
/* -ENOENT; -EBADMSG indicator.image_broken. */
int indicator_set_open(const char *path, struct indicator_set **ret, struct err *err) WARN_UNUSED;
/* Over bytes that outlive the set. Any bytes are safe to ask. */
int indicator_set_parse(struct str bytes, struct indicator_set **ret, struct err *err) WARN_UNUSED;
void indicator_set_free(struct indicator_set *s);
DEFINE_CLEANUP(indicator_set)
uint64_t indicator_set_count(const struct indicator_set *s);

struct indicator_hit {
	struct str source; /* borrowed from the set */
	unsigned confidence;
	struct str matched; /* part of the value that the entry names: "x.vn" of "a.x.vn"; borrowed from value, or the value */
};
/* Is the value, a parent domain of it, or a network that holds it in the set and not expired at `now`? */
bool indicator_find(const struct indicator_set *s, enum indicator_type type, struct str value, usec_t now, struct indicator_hit *ret);
