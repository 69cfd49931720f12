/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * detect_set: everything detection works with, in one file: the texts of all rules that are switched on, tuning
 * exclusions, values of placeholders, lists of indicators. Written by whoever keeps the rules (core), read by
 * whoever detects (pipeline); replaced as a whole and atomically, so that nobody sees half of a change.
 *
 *   head     "LTRULES1"
 *   entry    kind (1)  0 (3)  bytes of the name (4)  bytes of the body (8)  name  body
 *   end      kind DETECT_SET_END with no name, and a body of 32 bytes: SHA-256 of all before its body
 *
 * Numbers are little-endian. The digest names the set. The same entries in the same order give the same digest.
 *
 * A line of an indicator list: type TAB value TAB expiry TAB source TAB confidence LF; type one of md5 sha1 sha256 domain url
 * ip (also a network, "10.0.0.0/8") file_name; expiry RFC 3339 or empty (never); confidence 0 to 100 or empty; what follows
 * the value may be missing. Empty lines and lines that begin with # are passed over.
 *
 * Does not live here: what the texts mean (engine/sigma, engine/indicator), which rules are on (service/rule).
 * Threads: a writer belongs to one thread; an open set is immutable. Linux only.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

#define DETECT_SET_FILE "current.set" /* in <data>/rules */
#define DETECT_DIGEST_SIZE 65

/* Kept in files: they only grow. Kinds of a newer release are passed over. */
enum detect_set_kind {
	DETECT_SET_END,
	DETECT_SET_RULE,         /* name: as it is shown ("windows/proc_x.yml"); body: YAML, one document or several (filters and correlations too) */
	DETECT_SET_EXCLUSIONS,   /* body: YAML as `luytre hunt --exclusions`; at most one */
	DETECT_SET_PLACEHOLDERS, /* body: YAML as `--placeholders`; at most one */
	DETECT_SET_INDICATORS,   /* name: of the list; body: lines as above; a list may come in several entries, cut at line ends */
	DETECT_SET_KIND__COUNT,
};

#define DETECT_SET_BYTES_MAX   ((uint64_t)4 << 30)
#define DETECT_SET_ENTRIES_MAX ((size_t)1000000)
#define DETECT_SET_NAME_MAX    ((size_t)500)
#define DETECT_SET_RULE_MAX    ((size_t)1 << 20)  /* body of a rule */
#define DETECT_SET_TEXT_MAX    ((size_t)64 << 20) /* any other body */

/* ---- writing ---- */

struct detect_set_writer;
/* Begins "<path>.tmp", mode 0640; the folder must be there. */
int detect_set_create(const char *path, struct detect_set_writer **ret, struct err *err) WARN_UNUSED;
/* -EINVAL detect.set_kind, -E2BIG detect.set_limit (what, limit). After an error only abandon is left. */
int detect_set_add(struct detect_set_writer *w, enum detect_set_kind kind, struct str name, struct str body, struct err *err) WARN_UNUSED;
/* Durable and in place of the former one when it returns 0. Frees the writer in any case. digest: lower-case hex; may be NULL. */
int detect_set_commit(struct detect_set_writer *w, char digest[DETECT_DIGEST_SIZE], struct err *err) WARN_UNUSED;
/* Removes what was begun and frees; NULL is fine. */
void detect_set_abandon(struct detect_set_writer *w);

/* ---- reading ---- */

struct detect_set;
struct detect_set_entry {
	enum detect_set_kind kind;
	struct str name, body; /* borrowed from the set; name has no NUL in it, body may have */
};

/* Maps the file: costs no memory of its own. -ENOENT; -EBADMSG detect.set_broken (byte): not such a file, cut short, damaged;
 * -E2BIG detect.set_limit. */
int detect_set_open(const char *path, struct detect_set **ret, struct err *err) WARN_UNUSED;
/* The same over bytes that stay the caller's and must outlive the set. */
int detect_set_parse(struct str bytes, struct detect_set **ret, struct err *err) WARN_UNUSED;
void detect_set_free(struct detect_set *s);
DEFINE_CLEANUP(detect_set)
size_t detect_set_count(const struct detect_set *s);
struct detect_set_entry detect_set_entry(const struct detect_set *s, size_t i);
/* Of one kind. */
size_t detect_set_count_of(const struct detect_set *s, enum detect_set_kind kind);
const char *detect_set_digest(const struct detect_set *s);
/* Only the digest of a file, read from its end and not checked: "is it still the same?". false: no such file. */
bool detect_set_peek(const char *path, char digest[DETECT_DIGEST_SIZE]);
