/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * audit: who did what, when, from where; append-only, each record chained to
 * the one before by SHA-256, so that nothing can be changed, left out or put in
 * unseen by whoever notes the head (luytre audit verify).
 *
 * The chain: hash(n) = SHA-256(hash(n-1) · canonical(n)), hash(0) = 32 zero
 * bytes; canonical is number, at, account_id, account_name, kind, peer, action,
 * object_type, object_id, unit_id, details, each as "<length>:<bytes>,"
 * (numbers in decimal, ids in hex, absent ones empty).
 *
 * Does not live here: program logs (base/log). Threads: any.
 */
#pragma once
#include "platform/crypto/crypto.h"
#include "service/service.h"

extern const struct service audit_service;

struct audit_entry {
	const char *action;      /* "unit.moved", "account.login_failed", "api.denied" */
	const char *object_type; /* "unit"; NULL: none */
	struct uuid object_id;
	struct uuid unit_id;     /* whose inspectors may read it; null: the whole city's */
	struct str details;      /* a JSON object; empty: {} */
};

/* Appends in the caller's transaction: the record and the change stand or fall together. */
int audit_write(struct db_tx *tx, const struct access *access, usec_t now, const struct audit_entry *e,
                struct err *err) WARN_UNUSED;
/* In a transaction of its own: for refusals and reads, which change nothing else. */
int audit_record(const struct service_context *sc, const struct access *access, const struct audit_entry *e,
                 struct err *err) WARN_UNUSED;

struct audit_verdict {
	bool ok;
	int64_t records;
	int64_t bad_number;             /* the first record that does not fit, when not ok */
	const char *reason;             /* "hash", "gap", "head", "form" */
	int64_t noted_number;           /* the record with the noted hash; 0: noted before the first; -1: none has it */
	unsigned char head[SHA256_SIZE]; /* hash of the last good record */
};
/* Walks the whole chain. */
int audit_verify(const struct service_context *sc, struct audit_verdict *ret, struct err *err) WARN_UNUSED;
/* And looks for a head that was noted elsewhere earlier. Without it an end that was cut off together with the head goes unseen. */
int audit_verify_noted(const struct service_context *sc, const unsigned char noted[SHA256_SIZE], struct audit_verdict *ret,
                       struct err *err) WARN_UNUSED;

/*
 * The log as a file, for whoever checks it without server and database: one JSON object a line,
 *   {"luytre":"audit log","format":1}
 *   {"number":1,"at":<UTC microseconds>,"account_id":hex or "","account_name","kind","peer","action","object_type",
 *    "object_id","unit_id","details":"<the JSON text as it was hashed>","hash"}   …
 *   {"end":<number of the last record>,"head":"<its hash>"}
 * `put` takes the lines as they come.
 */
int audit_export(const struct service_context *sc, int (*put)(void *ctx, struct str bytes, struct err *err), void *ctx,
                 struct audit_verdict *ret, struct err *err) WARN_UNUSED;
#define AUDIT_FILE_START STR("{\"luytre\":\"audit log\"")
/* Walks such a file. `noted` may be NULL. -EINVAL (audit.not_a_log): not such a file; a line that cannot be read is a verdict
 * (reason "form"). */
int audit_verify_file(struct str text, const unsigned char *noted, struct audit_verdict *ret, struct err *err) WARN_UNUSED;

const char *audit_access_kind(enum access_kind kind);
