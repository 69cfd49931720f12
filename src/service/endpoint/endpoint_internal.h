/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the files of the room share: rules (endpoint.c), tables (endpoint_*_db.c), routes (endpoint_*_http.c). */
#pragma once
#include "platform/crypto/crypto.h"
#include "service/endpoint/endpoint.h"

#define ENDPOINT_SECRET_SIZE 32
#define ENDPOINT_TOKEN_MAX 256
#define ENDPOINT_ADDRESSES_MAX 32
#define ENDPOINT_COMMANDS_MAX 50
#define ENDPOINT_INVENTORY_KEPT 20
#define ENDPOINT_LIST_MAX 500

/* One row of table endpoint, texts in an arena. */
struct endpoint_row {
	struct uuid id, unit_id;
	struct str hostname, unit_name, os, os_version, addresses_json;
	struct str agent_version, boot_id, previous_boot_id, inventory_hash, facts_json, note;
	struct str watch_mode, scanner;
	int64_t bundle_version;
	enum endpoint_state state;
	struct str state_reason;
	usec_t state_since, last_seen_at, enrolled_at, inventory_at;
	usec_t clone_seen_at, retired_at; /* 0: never */
	bool sample;
	int64_t isolation; /* enum endpoint_isolation_state */
	int64_t version; /* grows with what people change: the ETag */
};

/* What an agent says about its protection. */
struct endpoint_protection {
	int64_t bundle_version;
	struct str watch_mode, scanner;
	int64_t found, crashes, files, scan_us; /* since this bundle was loaded; agents before that say nothing: 0 */
};

struct endpoint_answer {
	struct uuid command_id;
	bool ok;
	struct str result_json;
};

struct endpoint_report {
	struct str agent_version, boot_id, inventory_hash;
	const struct json *inventory; /* NULL: not sent */
	struct endpoint_protection protection;
	struct str facts_json; /* the "protection" object as it came, less what changes every minute */
	bool sings; /* it can send canaries */
	const struct json *isolation; /* what it says of it; NULL: it knows nothing of that */
	const struct endpoint_answer *answers; /* NULL: none */
	size_t answer_count;
};

/* What a check-in changes: decided without the database. */
struct endpoint_plan {
	struct endpoint_judgement judgement;
	bool state_changed;
	bool clone;             /* two machines use one certificate */
	bool booted;
	bool store_inventory;   /* new content */
	bool confirm_inventory; /* sent, maybe the same */
	bool want_inventory;
	bool write;             /* anything to write at all */
};
struct endpoint_plan endpoint_plan_checkin(const struct endpoint_row *row, const struct endpoint_policy *policy,
                                           const struct endpoint_report *report, usec_t now);

/* "lt1.<base64url secret>.<base64url SHA-256 of the CA's DER>": the agent trusts that CA before it sends the secret.
 * The database keeps only the hash of the secret. */
int endpoint_token_make(struct str ca_pem, struct buf *ret_token, unsigned char ret_hash[SHA256_SIZE],
                        struct err *err) WARN_UNUSED;
/* -EINVAL endpoint.token_malformed. */
int endpoint_token_hash(struct str token, unsigned char ret_hash[SHA256_SIZE], struct err *err) WARN_UNUSED;
bool endpoint_boots_conflict(struct str reported, struct str current, struct str previous);
/* Tells machines apart for refusing a second enrolment; n == 0 when the agent gave nothing to go by. */
struct str endpoint_machine_key(struct arena *arena, const struct json *machine);

struct endpoint_description {
	struct str os, os_version, addresses_json;
	bool has_addresses;
};
/* From the "machine" object of an enrolment or from an inventory. */
void endpoint_describe(struct arena *arena, const struct json *facts, struct endpoint_description *ret);

/* endpoint_pack.c: endpoint_states.yaml into table endpoint_setting. */
int endpoint_pack_load(const struct service_context *sc, struct err *err) WARN_UNUSED;

/* endpoint_db.c: machines and settings. */
int endpoint_db_policy(struct db_tx *tx, struct arena *arena, struct endpoint_policy *ret, struct err *err) WARN_UNUSED;
int endpoint_db_setting(struct db_tx *tx, const char *name, struct str value, struct err *err) WARN_UNUSED;
int endpoint_db_setting_number(struct db_tx *tx, const char *name, int64_t value, struct err *err) WARN_UNUSED;
/* -ENOENT endpoint.unknown. With `access` set: only when the account holds `permission` for its unit. */
int endpoint_db_get(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct endpoint_row *ret,
                    struct err *err) WARN_UNUSED;
struct endpoint_new {
	struct uuid id, unit_id;
	struct str hostname, machine_key, agent_version;
	struct endpoint_description description;
	bool sample;
};
/* -EEXIST endpoint.already_enrolled. */
int endpoint_db_insert(struct db_tx *tx, const struct endpoint_new *e, usec_t now, struct err *err) WARN_UNUSED;
int endpoint_db_checkin(struct db_tx *tx, const struct endpoint_row *row, const struct endpoint_report *report,
                        const struct endpoint_plan *plan, usec_t now, struct err *err) WARN_UNUSED;
int endpoint_db_describe(struct db_tx *tx, const struct endpoint_row *row, const struct endpoint_description *d,
                         struct str hostname, struct err *err) WARN_UNUSED;
int endpoint_db_inventory(struct db_tx *tx, struct arena *arena, const struct uuid *id, struct str *ret_json,
                          usec_t *ret_at, struct err *err) WARN_UNUSED;
int endpoint_db_store_inventory(struct db_tx *tx, const struct uuid *id, struct str hash, struct str json, usec_t now,
                                struct err *err) WARN_UNUSED;
/* -ESTALE http.stale when `version` is not the row's. */
int endpoint_db_change(struct db_tx *tx, const struct endpoint_row *row, const struct uuid *unit_id, struct str note,
                       int64_t version, struct err *err) WARN_UNUSED;
int endpoint_db_retire(struct db_tx *tx, const struct uuid *id, int64_t version, usec_t now,
                       struct err *err) WARN_UNUSED;
int endpoint_db_set_state(struct db_tx *tx, const struct uuid *id, struct endpoint_judgement judgement, usec_t now,
                          struct err *err) WARN_UNUSED;
/* Machines that have gone silent since the last look; at most `limit`. */
int endpoint_db_newly_silent(struct db_tx *tx, struct arena *arena, usec_t seen_before, unsigned limit,
                             const struct endpoint_row **ret, size_t *ret_count, struct err *err) WARN_UNUSED;
int endpoint_db_timeline_add(struct db_tx *tx, const struct uuid *id, usec_t at, const char *what, struct str details,
                             struct err *err) WARN_UNUSED;
int endpoint_db_timeline(struct db_tx *tx, const struct uuid *id, struct json_writer *w, struct err *err) WARN_UNUSED;

/* endpoint_certificate_db.c: tokens and certificates. */
struct endpoint_token {
	struct uuid id, unit_id, created_by;
	struct str created_by_name, unit_name;
	usec_t created_at, expires_at;
	int64_t uses, used;
	bool revoked;
};
int endpoint_db_token_insert(struct db_tx *tx, const struct endpoint_token *token,
                             const unsigned char hash[SHA256_SIZE], struct err *err) WARN_UNUSED;
/* -ENOENT→-EACCES endpoint.token_unknown, -EACCES endpoint.token_expired, -EEXIST endpoint.token_used. */
int endpoint_db_token_check(struct db_tx *tx, const unsigned char hash[SHA256_SIZE], usec_t now, struct uuid *ret_id,
                            struct uuid *ret_unit, struct err *err) WARN_UNUSED;
/* Takes one use; the same errors when another was faster. */
int endpoint_db_token_take(struct db_tx *tx, const unsigned char hash[SHA256_SIZE], usec_t now,
                           struct err *err) WARN_UNUSED;
/* -ENOENT endpoint.no_such_token. */
int endpoint_db_token_unit(struct db_tx *tx, const struct uuid *id, struct uuid *ret_unit, struct err *err) WARN_UNUSED;
int endpoint_db_token_revoke(struct db_tx *tx, const struct uuid *id, usec_t now, struct err *err) WARN_UNUSED;
int endpoint_db_certificate_insert(struct db_tx *tx, const struct uuid *endpoint_id,
                                   const struct crypto_cert_info *info, usec_t now, struct err *err) WARN_UNUSED;

/* endpoint_command_db.c */
/* Call it in the transaction that read them: from now on they cannot be taken back. */
int endpoint_db_commands_fetched(struct db_tx *tx, const struct uuid *endpoint_id, usec_t now, struct err *err) WARN_UNUSED;
int endpoint_db_commands(struct db_tx *tx, const struct uuid *endpoint_id, struct json_writer *w, unsigned *ret_count,
                         struct err *err) WARN_UNUSED;
/* Records the answer once; *ret_type and the quarantine id tell what was answered. 1: recorded, 0: known or not its own. */
int endpoint_db_command_answer(struct db_tx *tx, struct arena *arena, const struct uuid *endpoint_id,
                               const struct endpoint_answer *answer, usec_t now, int64_t *ret_type,
                               struct str *ret_quarantine_id, struct err *err) WARN_UNUSED;

/* endpoint_report.c: a check-in from the wire to the rows. */
int endpoint_report_read(struct arena *arena, const struct json *body, struct endpoint_report *ret,
                         struct err *err) WARN_UNUSED;
int endpoint_report_apply(struct db_tx *tx, struct arena *arena, const struct uuid *id,
                          const struct endpoint_policy *policy, const struct endpoint_report *report, usec_t now,
                          struct endpoint_plan *ret_plan, struct err *err) WARN_UNUSED;
#define ENDPOINT_INVENTORY_MAX ((size_t)4 << 20)
int endpoint_emit_changed(struct db_tx *tx, const struct uuid *id, const struct uuid *unit_id, struct str hostname,
                          struct endpoint_judgement judgement, struct err *err) WARN_UNUSED;
/* A line on the timeline and the event. */
int endpoint_note_state(struct db_tx *tx, const struct endpoint_row *row, struct endpoint_judgement to, usec_t now,
                        struct err *err) WARN_UNUSED;
