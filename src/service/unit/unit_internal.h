/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/unit: rows and queries. */
#pragma once
#include "service/api/api.h"
#include "service/unit/unit.h"

#define UNIT_NAME_MAX 200
#define UNIT_CODE_MAX 40
#define UNIT_DEPTH_MAX 10
#define UNIT_LABEL 4 /* letters of a path a level */

struct unit_row {
	struct uuid id, parent_id;
	struct str code, kind, name, path; /* in the arena */
	usec_t valid_from, closed_at;
	int64_t version;
	bool sample;
};

struct unit_kind_row {
	struct str kind, label_vi, label_en, parents; /* parents: words separated by blanks */
	int64_t position;
};

/* -ENOENT (api.not_found) when there is none. */
int unit_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct unit_row *ret,
                struct err *err) WARN_UNUSED;
int unit_db_insert(struct db_tx *tx, const struct unit_row *u, struct err *err) WARN_UNUSED;
/* Code, kind, name, closed_at, version + 1. */
int unit_db_update(struct db_tx *tx, const struct unit_row *u, struct err *err) WARN_UNUSED;
int unit_db_keep_past(struct db_tx *tx, const struct unit_row *before, usec_t now, struct err *err) WARN_UNUSED;
/* The next free path below a parent (or of a root); gives it out once. */
int unit_db_new_path(struct db_tx *tx, struct arena *arena, const struct unit_row *parent, struct str *ret,
                     struct err *err) WARN_UNUSED;
/* Moves a whole subtree: every path that begins with `from` begins with `to` afterwards. */
int unit_db_move(struct db_tx *tx, const struct uuid *id, const struct uuid *parent_id, struct str from, struct str to,
                 struct err *err) WARN_UNUSED;
/* The longest path below, in letters. */
int unit_db_deepest(struct db_tx *tx, struct str path, int64_t *ret, struct err *err) WARN_UNUSED;
int unit_db_open_children(struct db_tx *tx, struct str path, int64_t *ret, struct err *err) WARN_UNUSED;
int unit_db_code_taken(struct db_tx *tx, struct str code, const struct uuid *but, bool *ret,
                       struct err *err) WARN_UNUSED;
/* -EINVAL (unit.kind_unknown) when there is none. */
int unit_db_kind(struct db_tx *tx, struct arena *arena, struct str kind, struct unit_kind_row *ret,
                 struct err *err) WARN_UNUSED;
int unit_db_replace_kinds(struct db *db, const struct unit_kind_row *kinds, size_t count, struct err *err) WARN_UNUSED;

int unit_db_list(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
int unit_db_list_kinds(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
/* Answers one unit, which the reader must be able to see. */
int unit_db_show(struct api_request *req, struct http_response *res, int status, const struct uuid *id,
                 struct err *err) WARN_UNUSED;

/* unit_sheet.c: units from a CSV or XLSX file, all or none; ?mode=preview (without one, too) or apply. */
int unit_post_sheet(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;

extern const struct service_route unit_routes[];

/* A change of one unit; absent members stay. */
struct unit_change {
	struct str code, kind, name;
	struct uuid parent_id;
	bool has_parent, closed, has_closed;
};
int unit_change(const struct service_context *sc, struct db_tx *tx, struct arena *arena, const struct access *access,
                const struct unit_row *before, const struct unit_change *change, struct err *err) WARN_UNUSED;
