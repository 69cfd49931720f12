/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "service/rule/rule.h"
#include "service/api/api.h"

enum rule_origin { RULE_ORIGIN_OWN, RULE_ORIGIN_ARCHIVE, RULE_ORIGIN_WRITTEN, RULE_ORIGIN__COUNT };
extern const char *const rule_origin_names[]; /* NULL-terminated */
extern const char *const rule_levels[];       /* by rank, from 0 "" */

#define RULE_NAME_MAX 120
#define RULE_REASON_MAX 2000
#define RULE_CONDITION_MAX 8000

/* One file of rules as the worker read it. Texts borrow from the JSON line. */
struct rule_file {
	struct str key, path, sha256, sigma_id, ids, kind, title, level, status, category, product, service, tags, author, text, refused;
	int64_t documents;
};
/* A line of engine/rulebook's READ. -EPROTO rule.worker: it is not one. */
int rule_file_parse(struct arena *arena, struct str line, struct rule_file *ret, struct err *err) WARN_UNUSED;
/* Of an edition's or a reading's bytes: the line after the head, and so on. 1, 0 at the end. The arena is cleared each time. */
struct rule_reader {
	struct arena *arena;
	struct str rest;
	int64_t files, documents, refused, skipped;
};
int rule_reader_begin(struct rule_reader *r, struct str bytes, struct err *err) WARN_UNUSED;
int rule_reader_next(struct rule_reader *r, struct rule_file *ret, struct err *err) WARN_UNUSED;

struct rule_place {
	enum rule_origin origin;
	struct uuid archive_id, edition_id; /* null: none */
	struct str by;
	usec_t now;
};

/* ---- rule_db.c ---- */

int rule_db_put(struct db_tx *tx, const struct rule_place *place, const struct rule_file *file, struct err *err) WARN_UNUSED;
/* What the place's edition did not bring is gone; its choices are kept for the day it comes back. */
int rule_db_sweep(struct db_tx *tx, const struct rule_place *place, struct err *err) WARN_UNUSED;

struct rule_row {
	struct uuid id, archive_id;
	enum rule_origin origin;
	struct str path, sigma_id, title, text, archive_name; /* in the arena */
	bool enabled, gone;
	int64_t version;
};
int rule_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_row *ret, struct err *err) WARN_UNUSED;
/* Why a rule is off until somebody switches it on: "author" (its author gave it up), of archives "level" (low and informational rules tell
 * of everyday things) and "experimental" (untried and of medium level at most); NULL: it is on. */
const char *rule_off_why(enum rule_origin origin, struct str level, struct str status);
/* By its key within an origin; -ENOENT rule.unknown. */
int rule_db_find(struct db_tx *tx, const char *origin, struct str key, struct uuid *ret, struct err *err) WARN_UNUSED;
/* A written rule's new text. */
int rule_db_write(struct db_tx *tx, const struct uuid *id, const struct rule_file *file, struct str by, usec_t now, struct err *err) WARN_UNUSED;
int rule_db_remove(struct db_tx *tx, const struct uuid *id, struct err *err) WARN_UNUSED;
/* Tells that detection has to hear of something. */
int rule_db_touch(struct db_tx *tx, usec_t now, struct err *err) WARN_UNUSED;

struct rule_set_state {
	int64_t changed, written, rules, indicators;
	usec_t changed_at, written_at;
	char digest[65], own_version[65];
};
int rule_db_state(struct db_tx *tx, struct rule_set_state *ret, struct err *err) WARN_UNUSED;
int rule_db_state_written(struct db_tx *tx, const struct rule_set_state *s, struct err *err) WARN_UNUSED;
/* Exclusions and lists that ran out in (from, to]. */
int rule_db_count_due(struct db_tx *tx, usec_t from, usec_t to, int64_t *ret, struct err *err) WARN_UNUSED;
int rule_db_own_version(struct db_tx *tx, struct str version, struct err *err) WARN_UNUSED;
/* Every rule that is on: its name for detection and its text. */
typedef int (*rule_each_fn)(struct str name, struct str text, void *ctx, struct err *err);
int rule_db_each_enabled(struct db_tx *tx, rule_each_fn fn, void *ctx, struct err *err) WARN_UNUSED;

/* Which rules a bulk switch means; empty: any. */
struct rule_filter {
	struct str level, status, product, category, service, tag, q;
	struct uuid archive_id;
	int origin; /* -1: any */
	const struct str *ids; /* texts of uuids */
	size_t id_count;
};
/* The number of rules that changed. */
int rule_db_switch(struct db_tx *tx, struct arena *arena, const struct rule_filter *filter, bool enabled, const struct uuid *switch_id,
                   usec_t now, struct err *err) WARN_UNUSED;
int rule_db_switch_undo(struct db_tx *tx, const struct uuid *switch_id, usec_t now, struct err *err) WARN_UNUSED;
int rule_db_replayed(struct db_tx *tx, const struct uuid *id, int64_t hits_per_day, usec_t now, struct err *err) WARN_UNUSED;

/* ---- rule_list_db.c ---- */

int rule_list(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
int rule_show(struct api_request *req, struct http_response *res, int status, const struct uuid *id, struct err *err) WARN_UNUSED;

/* ---- rule_own.c ---- */

/* Loads packs/sigma/own when its version is another one. */
int rule_own_load(const struct service_context *sc, struct err *err) WARN_UNUSED;

/* ---- rule_worker.c: the jobs of engine/rulebook ---- */

int rule_worker_run(const struct service_context *sc, enum rulebook_job job, struct str head, struct str bytes, struct buf *ret,
                    struct err *err) WARN_UNUSED;
/* The worker's {"key","place","args":{…}} becomes an error of ours, -EINVAL. */
int rule_refusal(struct str json, struct err *err) WARN_UNUSED;
int rule_worker_read(const struct service_context *sc, struct str name, struct str bytes, struct buf *ret, struct err *err) WARN_UNUSED;
/* One file that a person wrote: refused with its first fault. Texts of *ret live in the arena. */
int rule_worker_read_one(const struct service_context *sc, struct arena *arena, struct str text, struct rule_file *ret, struct err *err) WARN_UNUSED;

/* ---- rule_set.c ---- */

/* Writes the file for detection when something has changed; false in *ret_written: nothing had. */
int rule_set_write(const struct service_context *sc, bool *ret_written, struct err *err) WARN_UNUSED;
void rule_set_path(const struct service_context *sc, struct buf *out);
/* The job that looks every second. */
void rule_set_start(const struct service_context *sc);
/* What ran out is written anew; archives that are kept up to date are fetched. */
int rule_tick(const struct service_context *sc, struct err *err);

/* ---- rule_exclusion.c, rule_exclusion_db.c ---- */

/* One as detection reads it: appended to `yaml` (exclusions) or, for a unit, given to `add` as a Sigma filter of its own. */
typedef int (*rule_filter_fn)(struct str name, struct str text, void *ctx, struct err *err);
int rule_exclusions_write(struct db_tx *tx, usec_t now, struct buf *yaml, rule_filter_fn add, void *ctx, struct err *err) WARN_UNUSED;

/* ---- rule_indicator.c ---- */

struct detect_set_writer;
int rule_indicators_write(const struct service_context *sc, struct db_tx *tx, usec_t now, struct detect_set_writer *w, int64_t *ret_count,
                          struct err *err) WARN_UNUSED;

/* Rules are the whole city's: the right over one unit is not enough to change them. */
int rule_check_write(const struct api_request *req, struct err *err) WARN_UNUSED;
int rule_require_write(struct db_tx *tx, const struct api_request *req, struct err *err) WARN_UNUSED;
/* `details`: a JSON object. */
int rule_audit(struct db_tx *tx, const struct api_request *req, const char *action, const struct uuid *id, struct str details,
               struct err *err) WARN_UNUSED;
/* Event rule.changed on the stream. */
int rule_emit(struct db_tx *tx, const char *what, struct err *err) WARN_UNUSED;
