/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Table bundle: what was released and how far it is rolled out. */
#include "service/protection/protection_internal.h"

int protection_db_bundle_insert(struct db_tx *tx, const struct protection_bundle *b, struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO bundle (version, created_at, expires_at, sha256, size_bytes, hash_count, rule_count, note,"
	                " author, manifest_sha256, container_sha256, state, wave, wave_at, permille, held)"
	                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
	                DB_INT(b->version), DB_INT(b->created_at), DB_INT(b->expires_at), DB_CSTR(b->sha256),
	                DB_INT(b->size_bytes), DB_INT(b->hash_count), DB_INT(b->rule_count), DB_TEXT(b->note),
	                DB_TEXT(b->author), DB_CSTR(b->manifest_sha256), DB_CSTR(b->container_sha256), DB_INT(b->state), DB_INT(b->wave),
	                DB_INT(b->wave_at), DB_INT(b->permille), DB_TEXT(b->held_json.n > 0 ? b->held_json : STR("[]")));
	return r < 0 ? r : 0;
}

#define COLUMNS                                                                                                        \
	"SELECT version, created_at, expires_at, sha256, size_bytes, hash_count, rule_count, manifest_sha256,"         \
	" container_sha256, state, wave, wave_at, permille FROM bundle"

static int read_one(struct db_rows *rows, struct protection_bundle *ret, struct err *err)
{
	int r = db_next(rows, err);
	if (r <= 0)
		return r;
	int64_t state = db_int(rows, 9);
	*ret = (struct protection_bundle){
		.version = db_int(rows, 0), .created_at = db_int(rows, 1), .expires_at = db_int(rows, 2), .size_bytes = db_int(rows, 4),
		.hash_count = db_int(rows, 5), .rule_count = db_int(rows, 6),
		.state = state >= 0 && state < BUNDLE_STATE__COUNT ? (enum bundle_state)state : BUNDLE_STATE_HALTED,
		.wave = db_int(rows, 10), .wave_at = db_int(rows, 11), .permille = db_int(rows, 12)};
	str_copy_c(db_text(rows, 3), ret->sha256, sizeof ret->sha256);
	str_copy_c(db_text(rows, 7), ret->manifest_sha256, sizeof ret->manifest_sha256);
	str_copy_c(db_text(rows, 8), ret->container_sha256, sizeof ret->container_sha256);
	return 1;
}

int protection_db_bundle_get(struct db_tx *tx, int64_t version, struct protection_bundle *ret,
                             struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, COLUMNS " WHERE version = $1 OR $1 = 0 ORDER BY version DESC LIMIT 1", DB_INT(version));
	return r < 0 ? r : read_one(rows, ret, err);
}

int protection_db_bundle_under_way(struct db_tx *tx, struct protection_bundle *ret, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, COLUMNS " WHERE state = $1 OR state = $2 ORDER BY version DESC LIMIT 1",
	                 DB_INT(BUNDLE_STATE_ROLLING), DB_INT(BUNDLE_STATE_HALTED));
	return r < 0 ? r : read_one(rows, ret, err);
}

int protection_db_bundle_advance(struct db_tx *tx, const struct protection_bundle *b, enum bundle_state from, const char *halt_key,
                                 struct str halt_args, struct err *err)
{
	int r = db_exec(tx, err,
	                "UPDATE bundle SET state = $2, wave = $3, wave_at = $4, permille = $5, halt_key = $6, halt_args = $7"
	                " WHERE version = $1 AND state = $8",
	                DB_INT(b->version), DB_INT(b->state), DB_INT(b->wave), DB_INT(b->wave_at), DB_INT(b->permille),
	                DB_CSTR(halt_key), DB_TEXT(halt_args.n > 0 ? halt_args : STR("{}")), DB_INT(from));
	if (r < 0)
		return r;
	return r == 1 ? 0 : err_set(err, -ESTALE, "protection.rollout_changed");
}

int protection_db_bundle_replace(struct db_tx *tx, int64_t by_version, struct err *err)
{
	int r = db_exec(tx, err, "UPDATE bundle SET state = $2 WHERE version < $1 AND (state = $3 OR state = $4)", DB_INT(by_version),
	                DB_INT(BUNDLE_STATE_REPLACED), DB_INT(BUNDLE_STATE_ROLLING), DB_INT(BUNDLE_STATE_HALTED));
	return r < 0 ? r : 0;
}

static const char *shown_state(int64_t state, bool newest_whole)
{
	if (state == BUNDLE_STATE_ALL)
		return newest_whole ? "current" : "superseded";
	return protection_bundle_state_name(state > 0 && state < BUNDLE_STATE__COUNT ? (enum bundle_state)state : BUNDLE_STATE_HALTED);
}

int protection_db_bundle_list(struct db_tx *tx, struct json_writer *w, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT b.version, b.created_at, b.expires_at, b.sha256, b.size_bytes, b.hash_count, b.rule_count,"
	                 " b.note, b.author, (SELECT count(*) FROM endpoint e WHERE e.bundle_version = b.version AND"
	                 " e.retired_at IS NULL AND e.sample = 0), (SELECT max(version) FROM bundle WHERE state = 0), b.state, b.wave,"
	                 " b.wave_at, b.permille, b.halt_key, b.halt_args, b.held, b.manifest_sha256 FROM bundle b"
	                 " ORDER BY b.version DESC LIMIT 100");
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		char iso[CLOCK_ISO_SIZE];
		json_object(w);
		json_member_int(w, "version", db_int(rows, 0));
		json_member_cstr(w, "created_at", clock_iso(db_int(rows, 1), iso));
		json_member_cstr(w, "expires_at", clock_iso(db_int(rows, 2), iso));
		json_member_str(w, "sha256", db_text(rows, 3));
		json_member_int(w, "size_bytes", db_int(rows, 4));
		json_member_int(w, "hash_count", db_int(rows, 5));
		json_member_int(w, "rule_count", db_int(rows, 6));
		json_member_cstr(w, "state", shown_state(db_int(rows, 11), db_int(rows, 0) == db_int(rows, 10)));
		json_member_int(w, "wave", db_int(rows, 12) + 1);
		json_member_cstr(w, "wave_at", db_int(rows, 13) > 0 ? clock_iso(db_int(rows, 13), iso) : NULL);
		json_member_int(w, "permille", db_int(rows, 14));
		json_member_str(w, "halt_key", db_text(rows, 15));
		json_name(w, "halt_args");
		json_raw(w, db_text(rows, 16));
		json_name(w, "held");
		json_raw(w, db_text(rows, 17));
		json_member_bool(w, "chunks", db_text(rows, 18).n > 0);
		json_member_str(w, "note", db_text(rows, 7));
		json_member_str(w, "author", db_text(rows, 8));
		json_member_int(w, "endpoints_on_it", db_int(rows, 9));
		json_object_end(w);
	}
	json_array_end(w);
	return r < 0 ? r : 0;
}
