/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The room's routes: bodies, handlers and rows, file by file; rule_http.c puts them together. */
#pragma once
#include "service/rule/rule_internal.h"

/* ---- exclusions ---- */

struct rule_exclusion {
	struct uuid id, rule_id, author_id, unit_id; /* unit null: the whole city */
	struct str author, reason, condition, ids;   /* ids: of the rule's documents, one blank between */
	usec_t created_at, expires_at;
};
struct rule_exclusion_body {
	struct str reason, condition;
	usec_t expires_at;
	struct uuid unit_id;
};
extern const struct json_field rule_exclusion_fields[];
int rule_post_exclusion(struct api_request *req, struct http_response *res, struct err *err);
int rule_delete_exclusion(struct api_request *req, struct http_response *res, struct err *err);

int rule_db_exclusion_insert(struct db_tx *tx, const struct rule_exclusion *x, struct err *err) WARN_UNUSED;
/* -ENOENT rule.no_exclusion. */
int rule_db_exclusion_end(struct db_tx *tx, const struct uuid *rule_id, const struct uuid *id, struct str by, usec_t now, struct err *err) WARN_UNUSED;
typedef int (*rule_exclusion_fn)(const struct rule_exclusion *x, void *ctx, struct err *err);
int rule_db_exclusions_active(struct db_tx *tx, usec_t now, rule_exclusion_fn fn, void *ctx, struct err *err) WARN_UNUSED;
int rule_db_unit_hosts(struct db_tx *tx, const struct uuid *unit_id, void (*each)(struct str hostname, void *ctx), void *ctx, struct err *err) WARN_UNUSED;
/* The ids that an exclusion of this rule names; empty: it has none. */
int rule_db_exclusion_test(struct db_tx *tx, const struct uuid *rule_id, struct arena *arena, struct str *ret_ids, struct err *err) WARN_UNUSED;

#define RULE_EXCLUSION_ROUTES                                                                                          \
	{"POST", "/api/v1/rules/{id}/exclusions", "rule.write", rule_post_exclusion, "rule.route_exclude", rule_exclusion_fields, \
	 sizeof(struct rule_exclusion_body)},                                                                           \
	{"DELETE", "/api/v1/rules/{id}/exclusions/{exclusion}", "rule.write", rule_delete_exclusion, "rule.route_include"},

/* ---- archives ---- */

struct rule_archive {
	struct uuid id, edition_id, former_id, waiting_id;
	struct str name, url, etag; /* in the arena */
	bool keep_updated;
	usec_t checked_at;
	int64_t version;
};
struct rule_edition {
	struct uuid id, archive_id;
	struct str label, sha256, by; /* in the arena */
	usec_t at;
	int64_t files, documents, refused, skipped;
};
int rule_db_archive_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_archive *ret, struct err *err) WARN_UNUSED;
/* 1 found, 0 not. */
int rule_db_archive_find(struct db_tx *tx, struct arena *arena, struct str name, struct rule_archive *ret, struct err *err) WARN_UNUSED;
int rule_db_archive_insert(struct db_tx *tx, const struct rule_archive *a, struct str by, usec_t now, struct err *err) WARN_UNUSED;
/* url, keep_updated, etag, checked_at, edition_id, former_id, waiting_id. */
int rule_db_archive_update(struct db_tx *tx, const struct rule_archive *a, struct err *err) WARN_UNUSED;
int rule_db_archive_problem(struct db_tx *tx, const struct uuid *id, struct str problem, usec_t now, struct err *err) WARN_UNUSED;
int rule_db_archive_remove(struct db_tx *tx, const struct uuid *id, struct err *err) WARN_UNUSED;
int rule_db_edition_insert(struct db_tx *tx, const struct rule_edition *e, struct err *err) WARN_UNUSED;
int rule_db_edition_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_edition *ret, struct err *err) WARN_UNUSED;
int rule_db_edition_applied(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err) WARN_UNUSED;
/* Due to be fetched: kept up to date, not looked at since `before`. */
int rule_db_archives_due(struct db_tx *tx, usec_t before, struct uuid *ret, size_t most, size_t *ret_count, struct err *err) WARN_UNUSED;
/* A rule of an archive, for comparing. */
typedef void (*rule_known_fn)(struct str key, struct str sha256, struct str title, struct str level, void *ctx);
int rule_db_archive_known(struct db_tx *tx, const struct uuid *archive_id, rule_known_fn fn, void *ctx, struct err *err) WARN_UNUSED;
int rule_db_archive_list(struct db_tx *tx, const struct api_request *req, struct json_writer *w, struct err *err) WARN_UNUSED;
/* Names of all editions of an archive, but those in force, before or waiting: their files may go. */
int rule_db_editions_old(struct db_tx *tx, const struct rule_archive *a, struct uuid *ret, size_t most, size_t *ret_count, struct err *err) WARN_UNUSED;

/* What an import brings in: makes an edition that waits. `by` etc. are kept. */
struct rule_import {
	struct uuid archive_id;
	struct str file, label, etag; /* etag empty: not from an address */
	struct access access;
};
int rule_archive_import(const struct service_context *sc, const struct rule_import *import, struct str bytes, struct err *err) WARN_UNUSED;
void rule_edition_path(const struct service_context *sc, const struct uuid *id, struct buf *out);

struct rule_archive_body {
	struct str name, url;
	bool keep_updated, has_keep;
};
struct rule_apply_body {
	struct uuid edition_id;
};
extern const struct json_field rule_archive_fields[], rule_archive_change_fields[], rule_apply_fields[];
int rule_get_archives(struct api_request *req, struct http_response *res, struct err *err);
int rule_post_archive(struct api_request *req, struct http_response *res, struct err *err);
int rule_post_upload(struct api_request *req, struct http_response *res, struct err *err);
int rule_patch_archive(struct api_request *req, struct http_response *res, struct err *err);
int rule_delete_archive(struct api_request *req, struct http_response *res, struct err *err);
int rule_post_fetch(struct api_request *req, struct http_response *res, struct err *err);
int rule_get_difference(struct api_request *req, struct http_response *res, struct err *err);
int rule_post_apply(struct api_request *req, struct http_response *res, struct err *err);
int rule_post_back(struct api_request *req, struct http_response *res, struct err *err);
int rule_post_discard(struct api_request *req, struct http_response *res, struct err *err);
int rule_archives_tick(const struct service_context *sc, struct err *err) WARN_UNUSED;

#define RULE_ARCHIVE_ROUTES                                                                                            \
	{"GET", "/api/v1/rule-archives", "rule.read", rule_get_archives, "rule.route_archives"},                        \
	{"POST", "/api/v1/rule-archives", "rule.write", rule_post_archive, "rule.route_archive_create", rule_archive_fields, \
	 sizeof(struct rule_archive_body)},                                                                             \
	{"POST", "/api/v1/rule-archives/upload", "rule.write", rule_post_upload, "rule.route_upload",                   \
	 .body_limit_bytes = RULEBOOK_FILE_MAX, .raw_body = true},                                                      \
	{"PATCH", "/api/v1/rule-archives/{id}", "rule.write", rule_patch_archive, "rule.route_archive_change", rule_archive_change_fields, \
	 sizeof(struct rule_archive_body)},                                                                             \
	{"DELETE", "/api/v1/rule-archives/{id}", "rule.write", rule_delete_archive, "rule.route_archive_remove"},       \
	{"POST", "/api/v1/rule-archives/{id}/fetch", "rule.write", rule_post_fetch, "rule.route_fetch"},                \
	{"GET", "/api/v1/rule-archives/{id}/difference", "rule.read", rule_get_difference, "rule.route_difference"},    \
	{"POST", "/api/v1/rule-archives/{id}/apply", "rule.write", rule_post_apply, "rule.route_apply", rule_apply_fields, \
	 sizeof(struct rule_apply_body)},                                                                               \
	{"POST", "/api/v1/rule-archives/{id}/back", "rule.write", rule_post_back, "rule.route_back"},                   \
	{"POST", "/api/v1/rule-archives/{id}/discard", "rule.write", rule_post_discard, "rule.route_discard"},

/* ---- replay ---- */

struct rule_replay_body {
	struct str text;
	struct uuid rule_id;
	usec_t from, to;
};
extern const struct json_field rule_replay_fields[];
int rule_post_replay(struct api_request *req, struct http_response *res, struct err *err);
int rule_get_replay(struct api_request *req, struct http_response *res, struct err *err);
int rule_delete_replay(struct api_request *req, struct http_response *res, struct err *err);

enum rule_replay_state { RULE_REPLAY_RUNNING, RULE_REPLAY_DONE, RULE_REPLAY_FAILED, RULE_REPLAY_CANCELLED };
struct rule_replay {
	struct uuid id, rule_id, account_id;
	usec_t from, to, started_at, ended_at;
	enum rule_replay_state state;
	int64_t done, total, matched;
	struct str result, problem; /* in the arena */
};
int rule_db_replay_insert(struct db_tx *tx, const struct rule_replay *r, struct err *err) WARN_UNUSED;
int rule_db_replay_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_replay *ret, struct err *err) WARN_UNUSED;
/* 0: somebody cancelled it. */
int rule_db_replay_progress(struct db_tx *tx, const struct rule_replay *r, struct err *err) WARN_UNUSED;
int rule_db_replay_end(struct db_tx *tx, const struct rule_replay *r, struct err *err) WARN_UNUSED;
/* The name of each unit, or nothing for those that are not there. */
int rule_db_unit_name(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret, struct err *err) WARN_UNUSED;

/* ---- rule_history_db.c ---- */

struct event_store;
struct rule_history {
	int kind;
	bool ordered;
};
/* The part of history that rules of this product can see. Ordered by time for correlations only: sorting costs the most. */
struct rule_history rule_history_of(struct str product, bool ordered);
/* Lines "begin of the step TAB events TAB bytes", in seconds. */
int rule_history_measure(struct event_store *s, const struct rule_history *h, int64_t step_s, int64_t from_s, int64_t to_s, struct buf *out,
                         struct err *err) WARN_UNUSED;
/* Rows of engine/rulebook; of `parts` by the events' ids the one numbered `part`. */
int rule_history_piece(struct event_store *s, const struct rule_history *h, int64_t from_s, int64_t to_s, uint64_t parts, uint64_t part,
                       struct buf *out, struct err *err) WARN_UNUSED;

#define RULE_REPLAY_ROUTES                                                                                             \
	{"POST", "/api/v1/rule-replays", "rule.write", rule_post_replay, "rule.route_replay", rule_replay_fields,        \
	 sizeof(struct rule_replay_body), .body_limit_bytes = 2 * RULEBOOK_RULE_MAX},                                   \
	{"GET", "/api/v1/rule-replays/{id}", "rule.write", rule_get_replay, "rule.route_replay_get"},                   \
	{"DELETE", "/api/v1/rule-replays/{id}", "rule.write", rule_delete_replay, "rule.route_replay_cancel"},

/* ---- indicators ---- */

struct rule_indicator_body {
	struct str name, source, tlp;
	int64_t confidence;
	usec_t expires_at;
	bool enabled, has_enabled, has_expires, has_confidence;
};
struct rule_list {
	struct uuid id;
	struct str name, source, tlp, types, sha256, by; /* in the arena or borrowed */
	int64_t confidence, count, version;
	usec_t expires_at, created_at, changed_at;
	bool enabled;
};
int rule_db_list_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct rule_list *ret, struct err *err) WARN_UNUSED;
/* By name: made, or its values replaced. */
int rule_db_list_put(struct db_tx *tx, const struct rule_list *l, struct err *err) WARN_UNUSED;
int rule_db_list_update(struct db_tx *tx, const struct rule_list *l, struct err *err) WARN_UNUSED;
int rule_db_list_remove(struct db_tx *tx, const struct uuid *id, struct err *err) WARN_UNUSED;
/* All of them, by name, in the arena. */
int rule_db_lists(struct db_tx *tx, struct arena *arena, struct rule_list **ret, size_t *ret_count, struct err *err) WARN_UNUSED;
extern const struct json_field rule_indicator_fields[];
int rule_get_indicators(struct api_request *req, struct http_response *res, struct err *err);
int rule_post_indicators(struct api_request *req, struct http_response *res, struct err *err);
int rule_patch_indicators(struct api_request *req, struct http_response *res, struct err *err);
int rule_delete_indicators(struct api_request *req, struct http_response *res, struct err *err);
int rule_find_indicator(struct api_request *req, struct http_response *res, struct err *err);

#define RULE_INDICATOR_ROUTES                                                                                          \
	{"GET", "/api/v1/indicators", "rule.read", rule_get_indicators, "rule.route_indicators"},                       \
	{"POST", "/api/v1/indicators", "rule.write", rule_post_indicators, "rule.route_indicators_import",              \
	 .body_limit_bytes = RULEBOOK_FILE_MAX, .raw_body = true},                                                      \
	{"GET", "/api/v1/indicators/find", "rule.read", rule_find_indicator, "rule.route_indicators_find"},             \
	{"PATCH", "/api/v1/indicators/{id}", "rule.write", rule_patch_indicators, "rule.route_indicators_change", rule_indicator_fields, \
	 sizeof(struct rule_indicator_body)},                                                                           \
	{"DELETE", "/api/v1/indicators/{id}", "rule.write", rule_delete_indicators, "rule.route_indicators_remove"},

/* ---- routes of rule_set.c ---- */
int rule_get_state(struct api_request *req, struct http_response *res, struct err *err);
