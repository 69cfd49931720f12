/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * protection: what machines are protected with and what that found: signature
 * bundles (built here, signed by the key role), detections, quarantined files
 * and what was asked of them, threats.
 *
 * Does not live here: the bundle's format and the engines (engine/malware), alerts
 * (service/alert, which hands every finding down to here).
 * Threads: any; rows are in the database, bundles are files in data_dir/bundles.
 */
#pragma once
#include "service/service.h"

extern const struct service protection_service;

/* A finding on a machine. `key` makes repeats no-ops. */
struct protection_detection {
	struct str key;
	struct uuid endpoint_id, unit_id, alert_id;
	usec_t at;
	struct str threat, engine, rule, path, sha256, action; /* action: "quarantined", "reported", "failed" */
	int64_t size_bytes;      /* -1: unknown */
	struct str quarantine_id; /* the agent's own; n == 0: none */
	bool sample;
};
/* Stores the detection and, when the file was taken away, its quarantine item. 1: new, 0: known. */
int protection_detected(struct db_tx *tx, const struct protection_detection *d, struct err *err) WARN_UNUSED;

/* The machine says that a quarantined file was given back or removed (by command or by hand there); unknown items are ignored. */
int protection_quarantine_reported(struct db_tx *tx, const struct uuid *endpoint_id, struct str quarantine_id,
                                   bool deleted, usec_t at, struct err *err) WARN_UNUSED;

/* 0 when there is none. */
int protection_newest_bundle(struct db_tx *tx, int64_t *ret_version, struct err *err) WARN_UNUSED;
/* What a released bundle knows (its ClamAV database not); freed with malware_signatures_unref. -ENOENT protection.no_such_bundle. */
struct malware_signatures;
int protection_load_signatures(const struct service_context *sc, int64_t version, struct malware_signatures **ret,
                               struct err *err) WARN_UNUSED;

/* Builds, signs and releases a bundle. Texts are added to what was uploaded before; may be empty. */
struct protection_release {
	struct str note, yara, hashes_csv;
	bool at_once;      /* to every machine, without waves */
	struct str author; /* for the list and the audit log */
	const char *scand_path; /* NULL: beside this program */
};
int protection_release_bundle(const struct service_context *sc, const struct access *access,
                              const struct protection_release *release, int64_t *ret_version,
                              struct err *err) WARN_UNUSED;
