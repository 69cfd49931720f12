/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "service/endpoint/endpoint.h"
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

enum bundle_state { BUNDLE_STATE_ALL, BUNDLE_STATE_ROLLING, BUNDLE_STATE_HALTED, BUNDLE_STATE_REPLACED, BUNDLE_STATE__COUNT };
const char *protection_bundle_state_name(enum bundle_state state);

struct protection_bundle {
	int64_t version;
	usec_t created_at, expires_at;
	char sha256[65];           /* of the file of format 1; "": there is none (a bundle signed elsewhere) */
	char manifest_sha256[65];  /* "": no chunks */
	char container_sha256[65]; /* of the file of format 2 */
	int64_t size_bytes, hash_count, rule_count; /* size of format 1 */
	enum bundle_state state;
	int64_t wave, permille;
	usec_t wave_at;
	struct str note, author, held_json;
};
int protection_db_bundle_insert(struct db_tx *tx, const struct protection_bundle *bundle, struct err *err) WARN_UNUSED;
/* 1 found, 0 not; version 0: the current one. Texts are not filled. */
int protection_db_bundle_get(struct db_tx *tx, int64_t version, struct protection_bundle *ret,
                             struct err *err) WARN_UNUSED;
/* The newest bundle that is with some and not with all, rolling or halted: 1, or 0. */
int protection_db_bundle_under_way(struct db_tx *tx, struct protection_bundle *ret, struct err *err) WARN_UNUSED;
/* -ESTALE protection.rollout_changed when its state is no longer `from`. */
int protection_db_bundle_advance(struct db_tx *tx, const struct protection_bundle *b, enum bundle_state from, const char *halt_key,
                                 struct str halt_args, struct err *err) WARN_UNUSED;
/* Those under way are replaced by a newer one. */
int protection_db_bundle_replace(struct db_tx *tx, int64_t by_version, struct err *err) WARN_UNUSED;
int protection_db_bundle_list(struct db_tx *tx, struct json_writer *w, struct err *err) WARN_UNUSED;
/* Texts that people uploaded: kind "yara" or "hashes". Called for each, oldest first. */
typedef int (*protection_upload_fn)(struct str kind, const struct uuid *id, struct str text, void *ctx, struct err *err);
int protection_db_uploads(struct db_tx *tx, protection_upload_fn fn, void *ctx, struct err *err) WARN_UNUSED;
int protection_db_upload_insert(struct db_tx *tx, const char *kind, struct str text, const struct protection_release *by,
                                usec_t now, struct err *err) WARN_UNUSED;

/* ---- rollout: packs/vn/rollout.yaml ---- */
#define PROTECTION_WAVES_MOST 10
struct protection_rollout {
	int64_t whole_below; /* fewer machines than this: all at once */
	struct {
		int64_t permille;
		usec_t hold;
	} waves[PROTECTION_WAVES_MOST];
	size_t wave_count;
	int64_t min_machines; /* fewer of them with the new bundle say nothing */
	int64_t finders_permille, crashed_permille, slower_percent;
};
int protection_rollout_load(const struct service_context *sc, struct protection_rollout *ret, struct err *err) WARN_UNUSED;
/* NULL: nothing speaks against it. Else the message key, with its arguments as JSON. */
const char *protection_rollout_judge(const struct protection_rollout *rules, const struct endpoint_health *with,
                                     const struct endpoint_health *without, struct buf *ret_args);
/* In the transaction that stores a new bundle: decides how it begins and tells the machines. */
int protection_rollout_begin(struct db_tx *tx, const struct protection_rollout *rules, bool at_once, struct protection_bundle *b, usec_t now, struct err *err) WARN_UNUSED;
/* Next wave, or halt; from the tick. */
int protection_rollout_tick(const struct service_context *sc, struct err *err) WARN_UNUSED;
/* What a person decides. */
enum rollout_step { ROLLOUT_HALT, ROLLOUT_RESUME, ROLLOUT_FINISH };
int protection_rollout_order(struct db_tx *tx, const struct service_context *sc, const struct access *access, int64_t version, enum rollout_step step, struct str reason,
                             struct err *err) WARN_UNUSED;
int protection_emit_bundle(struct db_tx *tx, int64_t version, struct err *err) WARN_UNUSED;

/* Folder of the chunks: data_dir/bundles/chunks. */
void protection_chunks_dir(const struct service_context *sc, struct buf *out);
/* The container's file: data_dir/bundles/<sha256>.ltbundle. */
void protection_bundle_path(const struct service_context *sc, const char *sha256_hex, struct buf *out);
