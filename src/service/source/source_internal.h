/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the files of the room share. */
#pragma once
#include "service/api/api.h"
#include "service/source/source.h"
#include "service/source/source_watch.h"

#define SOURCE_ADDRESSES_MAX 64
#define SOURCE_TEXT_MAX      (SOURCE_ADDRESSES_MAX * (EVENT_ADDRESS_TEXT + 1))
#define SOURCE_RATE_MAX      1000000
#define SOURCE_SILENCE_MIN   30
#define SOURCE_SILENCE_MAX   (31 * 86400)
#define SOURCE_DAYS_MAX      36500
#define SOURCE_CLASSES_MAX   32

extern const char *const source_formats[]; /* NULL-terminated; as of the API */
enum source_format { SOURCE_FORMAT_AUTO, SOURCE_FORMAT_JSON, SOURCE_FORMAT_SYSLOG, SOURCE_FORMAT_TEXT, SOURCE_FORMAT__COUNT };
extern const char *const source_kinds[]; /* NULL-terminated; kinds of device, for the console's help */

struct source_row {
	struct uuid id, unit_id, token_id;
	struct str name, system_name, kind, addresses, fingerprint, retention, note, time_zone; /* addresses: canonical, one a line */
	int64_t system_level, rate_per_s, silence_s;
	int format; /* enum source_format */
	bool enabled;
	usec_t created_at, enabled_at;
	int64_t version;
};

/* source_check.c: what a row may be; makes its texts canonical (in `arena`). `addresses` comes as people type them: by
 * lines, commas or blanks. -EINVAL source.name, source.no_match, source.time_zone, source.fingerprint, source.bad_address,
 * source.too_many_addresses, source.everybody. */
int source_check(struct arena *arena, struct source_row *row, struct err *err) WARN_UNUSED;

/* What people decide about a source is the same in both. */
bool source_same(const struct source_row *a, const struct source_row *b);

/* source.c: a change with its claims, its audit record and its event, in the caller's transaction. Conflicts:
 * -EEXIST source.address_taken, source.fingerprint_taken, source.token_taken (value, name); source.name_taken. */
int source_create(struct db_tx *tx, const struct service_context *sc, const struct access *access, struct source_row *row,
                  struct err *err) WARN_UNUSED;
int source_change(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct source_row *before, struct source_row *row, struct err *err) WARN_UNUSED;
int source_delete(struct db_tx *tx, const struct service_context *sc, const struct access *access,
                  const struct source_row *row, struct err *err) WARN_UNUSED;

/* source_db.c */
int source_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct source_row *ret, struct err *err) WARN_UNUSED;
/* 1 found, 0 not. */
int source_db_find(struct db_tx *tx, struct str name, struct uuid *ret_id, struct err *err) WARN_UNUSED;
int source_db_insert(struct db_tx *tx, const struct source_row *row, struct err *err) WARN_UNUSED;
int source_db_update(struct db_tx *tx, const struct source_row *row, struct err *err) WARN_UNUSED;
int source_db_delete(struct db_tx *tx, const struct uuid *id, struct err *err) WARN_UNUSED;
/* Gives up what it claims. */
int source_db_unclaim(struct db_tx *tx, const struct uuid *id, struct err *err) WARN_UNUSED;
/* 1: another source has it, its name in *ret_name (in the arena); 0: it is ours now. */
int source_db_claim(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str claim, struct str *ret_name,
                    struct err *err) WARN_UNUSED;
/* 1: such a token may be used, 0: no. */
int source_db_token_exists(struct db_tx *tx, const struct uuid *token_id, struct err *err) WARN_UNUSED;

/* source_list_db.c: handlers that only read. */
int source_list(struct api_request *req, struct http_response *res, struct err *err);
int source_show(struct api_request *req, struct http_response *res, int status, const struct uuid *id, struct err *err) WARN_UNUSED;
int source_list_strangers(struct api_request *req, struct http_response *res, struct err *err);

/* source_pack.c, source_retention_db.c */
struct source_class {
	struct str class_name, label_vi, label_en, basis_vi, basis_en, confidence;
	int64_t position, level, days; /* level -1: of none in particular */
};
int source_load_retention(const struct service_context *sc, struct err *err) WARN_UNUSED;
int source_db_put_classes(struct db *db, const struct source_class *classes, size_t count, struct err *err) WARN_UNUSED;
struct source_retention_body {
	int64_t days;
	struct str reason;
};
int source_list_retention(struct api_request *req, struct http_response *res, struct err *err);
int source_patch_retention(struct api_request *req, struct http_response *res, struct err *err);
/* 1: there is such a class, 0: no. */
int source_db_class_exists(struct db_tx *tx, struct str class_name, struct err *err) WARN_UNUSED;

/* source_sheet.c */
int source_post_sheet(struct api_request *req, struct http_response *res, struct err *err);
