/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The room signature: rules that tell bad files by their bytes. At the centre, YARA rules and ClamAV signatures are compiled
 * into ONE read-only image; everywhere, one portable engine matches a mapped image, without memory of its own per file.
 *
 *   signature.h            this face: build, open, scan, explain
 *   signature_yara_*       the YARA language: text to condition trees
 *   signature_condition_*  trees to byte code, and the machine that runs it
 *   signature_image_*      the file: sections, checksum, checks at opening
 *   signature_pattern_*, signature_regex_*, signature_literal_*   strings and their search
 *   signature_module_*, signature_pe_*, signature_elf_* …         what the modules pe, elf, math, hash say of a file
 *   signature_clamav_*     ClamAV's formats
 *
 * Does not live here: verdicts, quarantine, bundles (engine/malware, engine/distribution).
 * Reference: libyara 4.2.3; equal results are what the tests ask for. What the image cannot take is listed in it, with the
 * reason and the text, so that libyara, where it is, can run that rest.
 * Threads: a builder belongs to one thread; an image is constant; a scanner belongs to one thread at a time.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

#define SIGNATURE_IMAGE_MAX  ((size_t)1 << 30)
#define SIGNATURE_TEXT_MAX   ((size_t)64 << 20) /* of one rule file */
#define SIGNATURE_RULES_MAX  UINT32_C(4000000)
/* What one file may cost in conditions (instructions and loop rounds) before the rest is left undecided. */
#define SIGNATURE_STEPS_MAX UINT64_C(50000000)

/* --- building --- */

enum signature_external_type { SIGNATURE_EXTERNAL_STRING, SIGNATURE_EXTERNAL_INTEGER, SIGNATURE_EXTERNAL_BOOLEAN, SIGNATURE_EXTERNAL_FLOAT };
struct signature_external {
	const char *name;
	enum signature_external_type type;
};
/* What LOKI and signature-base expect, and luytre gives: filename, filepath, extension, filetype, owner. In this order. */
#define SIGNATURE_EXTERNALS_USUAL 5
extern const struct signature_external signature_externals_usual[SIGNATURE_EXTERNALS_USUAL];

struct signature_refused {
	struct str space, rule; /* rule: "" for a part of a file that is no rule */
	struct err err;         /* place and reason; -ENOTSUP: libyara would take it, else it is wrong for libyara too */
};

struct signature_build_options {
	const struct signature_external *externals;
	size_t external_count;
	/* The text of `include "name"`, borrowed until the build is freed; NULL: includes are refused. */
	int (*include)(void *ctx, struct str name, struct str *ret_text, struct err *err);
	void *ctx;
	/* Every match of every string is kept, as libyara does without its fast mode; else only what conditions ask for. */
	bool all_matches;
};

struct signature_build;
struct signature_build *signature_build_new(const struct signature_build_options *options);
void signature_build_free(struct signature_build *build);
DEFINE_CLEANUP(signature_build)
/* YARA rules. `space`: their namespace; `file`: what places begin with. Rules that cannot be taken are listed, the others
 * are taken: < 0 only for limits (-E2BIG). The text may go afterwards. */
int signature_build_yara(struct signature_build *build, struct str space, const char *file, struct str text, struct err *err) WARN_UNUSED;
/* Borrowed until the next signature_build_* call. */
size_t signature_build_refused_count(const struct signature_build *build);
const struct signature_refused *signature_build_refused(const struct signature_build *build, size_t i);
/* Appends the image. Once per build. */
int signature_build_finish(struct signature_build *build, struct buf *out, struct err *err) WARN_UNUSED;

/* --- the image --- */

struct signature_image;
/* Checks every byte that is ever relied on, the checksum of the whole included: a broken or hostile image is
 * -EINVAL signature.image with what; one of a newer form -ENOTSUP. `bytes` (8-aligned) stay as they are until close. */
int signature_image_open(const void *bytes, size_t len, struct signature_image **ret, struct err *err) WARN_UNUSED;
/* The same over a file, mapped read-only; a file that is replaced by renaming stays mapped as it was. */
int signature_image_map(const char *path, struct signature_image **ret, struct err *err) WARN_UNUSED;
void signature_image_free(struct signature_image *image);
DEFINE_CLEANUP(signature_image)

struct signature_image_info {
	uint32_t rules, patterns, spaces, refused;
	uint32_t always;    /* rules whose condition is asked of every file, since no string of theirs must be there */
	size_t size_bytes;
	uint64_t checksum;  /* tells images apart */
};
void signature_image_info(const struct signature_image *image, struct signature_image_info *ret);

enum signature_meta_kind { SIGNATURE_META_KIND_INTEGER, SIGNATURE_META_KIND_STRING, SIGNATURE_META_KIND_BOOLEAN };
struct signature_meta {
	struct str name;
	enum signature_meta_kind kind;
	int64_t integer;
	struct str text;
};
struct signature_rule {
	struct str space, name;
	bool is_private, is_global;
	uint32_t tags, metas, strings; /* how many */
};
uint32_t signature_image_rules(const struct signature_image *image);
/* false: no such rule. Texts are borrowed from the image. */
bool signature_image_rule(const struct signature_image *image, uint32_t rule, struct signature_rule *ret);
struct str signature_image_tag(const struct signature_image *image, uint32_t rule, uint32_t i);
bool signature_image_meta(const struct signature_image *image, uint32_t rule, uint32_t i, struct signature_meta *ret);
/* UINT32_MAX: no rule with this name in this namespace (any, where space.p is NULL). */
uint32_t signature_image_find(const struct signature_image *image, struct str space, struct str name);

struct signature_rest {
	struct str space, rule, place, key; /* the reason's message key */
	struct str reason;                  /* its arguments, "name=value …" */
	bool for_libyara;                   /* false: wrong for libyara too */
};
/* The i-th rule that the image could not take. */
bool signature_image_rest(const struct signature_image *image, uint32_t i, struct signature_rest *ret);
/* The texts, one a namespace, that libyara runs for what the image could not take: only those rules are reported (all
 * others in them are private). false: no more. */
bool signature_image_fallback(const struct signature_image *image, uint32_t i, struct str *ret_space, struct str *ret_text);

/* --- scanning --- */

struct signature_given { /* a value for an external variable */
	int64_t integer;
	double number;
	struct str text;
};

enum signature_result {
	SIGNATURE_DONE,
	SIGNATURE_STOPPED,   /* the callback said so */
	SIGNATURE_UNDECIDED, /* a limit struck: some rule's answer is not known */
};

struct signature_scanner;
struct signature_hit {
	const struct signature_image *image;
	uint32_t rule;
	struct signature_scanner *scanner; /* for signature_hit_string */
};
/* A rule that matched; false: no more of them, please. */
typedef bool (*signature_on_hit)(void *ctx, const struct signature_hit *hit);

/* The memory for one file at a time: taken once, here. Fine for any number of files, one after the other. */
struct signature_scanner *signature_scanner_new(const struct signature_image *image);
void signature_scanner_free(struct signature_scanner *scanner);
DEFINE_CLEANUP(signature_scanner)
/* given: one per external variable of the build, in its order, borrowed for the call; NULL: all empty. Rules are told in
 * their order, private ones not. */
enum signature_result signature_scan(struct signature_scanner *scanner, const uint8_t *data, size_t len, const struct signature_given *given,
                                     size_t given_count, signature_on_hit on_hit, void *ctx);

/* Within on_hit: the match-th match of the string-th string of the rule that matched. false: no more. */
struct signature_found {
	struct str name; /* without "$" */
	bool is_private;
	uint64_t offset;
	uint32_t length;
};
bool signature_hit_string(const struct signature_hit *hit, uint32_t string, uint32_t match, struct signature_found *ret);

/* Why a rule matches this file or not: its strings with their matches and every part of its condition with its value, as
 * lines of text. Evaluates this rule (and those it names) alone, without the filter. */
int signature_explain(struct signature_scanner *scanner, uint32_t rule, const uint8_t *data, size_t len, const struct signature_given *given,
                      size_t given_count, struct buf *out, struct err *err) WARN_UNUSED;
