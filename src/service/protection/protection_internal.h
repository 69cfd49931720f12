/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "service/protection/protection.h"

enum quarantine_state {
	QUARANTINE_STATE_HELD,
	QUARANTINE_STATE_RESTORE_REQUESTED,
	QUARANTINE_STATE_RESTORED,
	QUARANTINE_STATE_DELETE_REQUESTED,
	QUARANTINE_STATE_DELETED,
	QUARANTINE_STATE__COUNT
};
const char *protection_quarantine_name(enum quarantine_state state);
bool protection_quarantine_parse(struct str name, enum quarantine_state *ret);

enum quarantine_step {
	QUARANTINE_STEP_ASK_RESTORE,
	QUARANTINE_STEP_ASK_DELETE,
	QUARANTINE_STEP_CANCEL,   /* what was asked, before the machine has heard of it */
	QUARANTINE_STEP_RESTORED, /* the machine says so */
	QUARANTINE_STEP_DELETED,
	QUARANTINE_STEP_FAILED,   /* the machine could not do what was asked */
	QUARANTINE_STEP__COUNT
};
/* false: this step is not possible in this state. */
bool protection_quarantine_step(enum quarantine_state from, enum quarantine_step step, enum quarantine_state *ret);


struct protection_quarantine_row {
	struct uuid id, endpoint_id, unit_id;
	struct str agent_id, path, threat, hostname; /* in the arena */
	enum quarantine_state state;
	int64_t version;
};
int protection_db_quarantine_get(struct db_tx *tx, struct arena *arena, const struct uuid *id,
                                 struct protection_quarantine_row *ret, struct err *err) WARN_UNUSED;
/* 1 found, 0 not. */
int protection_db_quarantine_find(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id,
                                  struct str agent_id, struct protection_quarantine_row *ret,
                                  struct err *err) WARN_UNUSED;
/* -ESTALE protection.changed_meanwhile when `version` is not the row's. */
int protection_db_quarantine_set(struct db_tx *tx, const struct uuid *id, enum quarantine_state state,
                                 struct str reason, int64_t version, usec_t now, struct err *err) WARN_UNUSED;

struct protection_bundle {
	int64_t version;
	usec_t created_at, expires_at;
	char sha256[65];
	int64_t size_bytes, hash_count, rule_count;
	struct str note, author;
};
int protection_db_bundle_insert(struct db_tx *tx, const struct protection_bundle *bundle, struct err *err) WARN_UNUSED;
/* 1 found, 0 not; version 0: the current one. Texts are not filled. */
int protection_db_bundle_get(struct db_tx *tx, int64_t version, struct protection_bundle *ret,
                             struct err *err) WARN_UNUSED;
int protection_db_bundle_list(struct db_tx *tx, struct json_writer *w, struct err *err) WARN_UNUSED;
/* Texts that people uploaded: kind "yara" or "hashes". Called for each, oldest first. */
typedef int (*protection_upload_fn)(struct str kind, const struct uuid *id, struct str text, void *ctx, struct err *err);
int protection_db_uploads(struct db_tx *tx, protection_upload_fn fn, void *ctx, struct err *err) WARN_UNUSED;
int protection_db_upload_insert(struct db_tx *tx, const char *kind, struct str text, const struct protection_release *by,
                                usec_t now, struct err *err) WARN_UNUSED;
/* The container's file: data_dir/bundles/<sha256>.ltbundle. */
void protection_bundle_path(const struct service_context *sc, const char *sha256_hex, struct buf *out);
