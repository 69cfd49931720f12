/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* PDF as far as signatures need it (ISO 32000-1 clause 7): objects, cross-references, what a later revision changed. */
#pragma once
#include "base/cursor/cursor.h"
#include "base/mem/mem.h"
#include "engine/pades/pades.h"

enum pades_type { PADES_NULL, PADES_BOOL, PADES_INTEGER, PADES_REAL, PADES_NAME, PADES_STRING, PADES_ARRAY, PADES_DICT, PADES_REF };

struct pades_object {
	enum pades_type type;
	struct str raw;        /* as it stands in its source */
	size_t at;             /* where that begins, in the file or in its object stream */
	bool in_stream;        /* the source is an object stream */
	struct str key;        /* within a dictionary: decoded, without the slash */
	struct str text;       /* NAME, STRING: decoded */
	int64_t integer;       /* INTEGER, BOOL; REF: the object's number */
	uint32_t generation;   /* REF */
	bool hexadecimal;      /* STRING */
	struct pades_object *child, *next; /* ARRAY, DICT */
	struct str stream;     /* DICT: its bytes, when it is a stream */
	bool is_stream;
};

struct pades_entry {
	enum { PADES_UNSET, PADES_FREE, PADES_PLAIN, PADES_PACKED } kind;
	uint64_t at;     /* PLAIN: offset; PACKED: number of the object stream */
	uint32_t extra;  /* generation, or index */
	const struct pades_object *loaded;
	struct str unpacked; /* of an object stream, once it was asked for */
	bool loading;
};

struct pades_file {
	struct arena *arena;
	struct str bytes;
	struct pades_entry *entries;
	size_t count, capacity;
	const struct pades_object *trailer; /* the newest */
	uint64_t newest_xref;
	bool xref_is_stream;
	size_t nodes, inflated;
	struct err *err;
};

int pades_file_open(struct arena *arena, struct str bytes, struct pades_file *ret, struct err *err) WARN_UNUSED;
/* NULL: there is none, or it is broken. */
const struct pades_object *pades_load(struct pades_file *f, int64_t number);
const struct pades_object *pades_resolve(struct pades_file *f, const struct pades_object *o);
/* A dictionary's entry as it is; resolved; NULL without one. */
const struct pades_object *pades_entry(const struct pades_object *dict, const char *key);
const struct pades_object *pades_get(struct pades_file *f, const struct pades_object *dict, const char *key);
/* INTEGER or REAL; 0 of others. */
double pades_number(const struct pades_object *o);
bool pades_is_name(const struct pades_object *o, const char *name);

/* One object at the cursor; NULL when it is none. `source_at`: where the cursor's bytes begin. */
struct pades_object *pades_parse(struct pades_file *f, struct cursor *c, bool in_stream, unsigned depth);
void pades_skip_blank(struct cursor *c);
/* A stream's bytes, unpacked. False: a filter that cross-references never need, or broken. */
bool pades_unpack(struct pades_file *f, const struct pades_object *stream, struct str *ret);
int pades_read_xref(struct pades_file *f);

/* A copy; false when the arena is full, which hostile files can bring about. */
bool pades_keep(struct pades_file *f, struct str text, struct str *ret);
/* Text strings (7.9.2.2) as UTF-8. */
struct str pades_text(struct arena *arena, struct str text);

/* What the revision `now` has changed of `before`, which is its beginning. */
enum pades_change pades_compare(struct pades_file *before, struct pades_file *now);
