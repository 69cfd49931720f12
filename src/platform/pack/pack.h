/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * pack: YAML files (packs, rules, settings) as the same tree that JSON gives,
 * with the place of every node, so that one set of decoding tables serves both
 * and every error is told as file:line:col.
 *
 * A strict part of YAML 1.2: core schema (quoted scalars stay text), no
 * anchors, aliases or tags, keys are texts, a key stands once. Limits: 8 MiB a
 * file, depth 32, 1,000,000 nodes.
 *
 * Does not live here: what the packs mean (services), regular expressions or includes.
 * Ownership: everything lives in the arena. Threads: no shared state.
 */
#pragma once
#include "base/json/json.h"

#define PACK_MAX_BYTES ((size_t)8 << 20)

/* One document of a file; `next` is the one after "---". An empty document's root is null. */
struct pack_doc {
	const char *file;    /* as given: for messages */
	struct str text;     /* the whole file */
	const struct json *root; /* node->at: byte offset of the member's key, or of the element */
	size_t at;           /* where the document begins */
	const struct pack_doc *next;
};

/*
 * A file without documents gives one whose root is null. Errors have the place "file:line:col":
 * -EINVAL pack.yaml (reason), pack.utf8, pack.alias, pack.tag, pack.key, pack.duplicate_key (name), pack.number (text);
 * -E2BIG pack.too_big, pack.too_deep, pack.too_many (limit), pack.too_large.
 */
int pack_parse(struct arena *arena, const char *file, struct str text, const struct pack_doc **ret,
               struct err *err) WARN_UNUSED;
/* For files that others write (Sigma rules): anchors and aliases are taken, each alias a counted copy of its anchor's value;
 * whole numbers with leading zeros stay text, as YAML 1.1 and 1.2 read them differently. */
int pack_parse_foreign(struct arena *arena, const char *file, struct str text, const struct pack_doc **ret,
                       struct err *err) WARN_UNUSED;
/* Reads the file first: also system.call. */
int pack_load(struct arena *arena, const char *path, const struct pack_doc **ret, struct err *err) WARN_UNUSED;

#define PACK_PLACE_SIZE ERR_PLACE_SIZE
/* "file:line:col" (both from 1) of a node of this document; NULL: of the document. Returns buf. */
const char *pack_place(const struct pack_doc *doc, const struct json *node, char buf[PACK_PLACE_SIZE]);
/* As err_set, with the node's place: `return pack_error(doc, node, err_set(err, -EINVAL, …), err);` */
int pack_error(const struct pack_doc *doc, const struct json *node, int code, struct err *err);
/* json_decode on a node of this document; errors have the place of the member at fault. */
int pack_decode(struct arena *arena, const struct pack_doc *doc, const struct json *object,
                const struct json_field *fields, void *out, struct err *err) WARN_UNUSED;
