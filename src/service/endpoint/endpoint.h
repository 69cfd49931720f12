/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * endpoint: the machines. Enrolment by one-time token and CSR, certificates,
 * check-ins (facts in, desired state and commands out), inventory with history,
 * and the state of each machine computed from its rows.
 *
 * Does not live here: signatures and quarantine (service/protection), alerts,
 * who holds the CA key (the key role, behind service_keys).
 * Threads: any; state is in the database.
 */
#pragma once
#include "service/service.h"

extern const struct service endpoint_service;

enum endpoint_state {
	ENDPOINT_STATE_PROTECTED,
	ENDPOINT_STATE_OUTDATED,
	ENDPOINT_STATE_SILENT,
	ENDPOINT_STATE_UNPROTECTED,
	ENDPOINT_STATE__COUNT
};
const char *endpoint_state_name(enum endpoint_state state);
bool endpoint_state_parse(struct str name, enum endpoint_state *ret);

/* What machines are told to have. */
struct endpoint_bundle {
	int64_t version;
	struct str sha256;          /* of the container of format 1, for agents that fetch it whole */
	int64_t size_bytes;         /* of the same */
	struct str manifest_sha256; /* of the signed manifest, for agents that fetch chunks; n == 0: there is none */
	usec_t released_at;
};

/* Data of the pack (endpoint_states.yaml) and the bundle that every machine should have. */
struct endpoint_policy {
	usec_t checkin_interval, silent_after, bundle_grace, inventory_max_age, seen_granularity;
	int64_t token_days, certificate_days;
	struct endpoint_bundle bundle; /* for everybody; version 0: none was released yet */
	struct endpoint_bundle trial;  /* for a share of the machines, while it is rolled out; version 0: none */
	int64_t trial_permille;
	int64_t bundle_keys; /* number of the newest list of keys that sign bundles */
	bool site_sharing;
	struct str watch_paths_json[2], excluded_paths_json[2]; /* JSON arrays: Linux, Windows */
};

/* What a state follows from. */
struct endpoint_facts {
	usec_t last_seen_at;
	int64_t bundle_version; /* 0: none */
	struct str watch_mode, scanner;
};

struct endpoint_judgement {
	enum endpoint_state state;
	const char *reason; /* "no_checkin", …; "" when protected. Message key: endpoint.reason_<reason> */
};
/* The first that holds: silent, unprotected (scanner, watch, no bundle), outdated, protected. */
struct endpoint_judgement endpoint_judge(const struct endpoint_facts *facts, const struct endpoint_policy *policy,
                                         usec_t now);

/* Commands for a machine; handed out at each check-in until answered once. */
enum endpoint_command_type {
	ENDPOINT_COMMAND_SCAN,
	ENDPOINT_COMMAND_QUARANTINE_RESTORE,
	ENDPOINT_COMMAND_QUARANTINE_DELETE,
	ENDPOINT_COMMAND__COUNT
};
const char *endpoint_command_name(enum endpoint_command_type type);

struct endpoint_command {
	struct uuid id, endpoint_id;
	enum endpoint_command_type type;
	struct str path;          /* SCAN */
	struct str quarantine_id; /* QUARANTINE_*: the agent's own id */
	struct str created_by;
};
/* Takes back a quarantine command that the machine has not fetched: 0; -EBUSY endpoint.command_fetched when it has. */
int endpoint_command_cancel(struct db_tx *tx, const struct uuid *endpoint_id, struct str quarantine_id,
                            struct err *err) WARN_UNUSED;
/* An answer becomes the event endpoint.command_answered {"id","endpoint_id","unit_id","type","quarantine_id","ok","result"}. */
int endpoint_command_add(struct db_tx *tx, const struct endpoint_command *command, usec_t now,
                         struct err *err) WARN_UNUSED;

/* The bundle that all machines should have from now on. */
int endpoint_set_bundle(struct db_tx *tx, const struct endpoint_bundle *bundle, struct err *err) WARN_UNUSED;
/* The one that is tried on so many of a thousand machines, chosen anew for each version; 0: on no more of them. */
int endpoint_try_bundle(struct db_tx *tx, const struct endpoint_bundle *bundle, int64_t permille, struct err *err) WARN_UNUSED;
/* The number of the newest list of keys (engine/malware/malware_keys.h). */
int endpoint_set_bundle_keys(struct db_tx *tx, int64_t number, struct err *err) WARN_UNUSED;
/* Is this machine among them? */
bool endpoint_in_trial(const struct uuid *id, int64_t version, int64_t permille);

/* What machines report since they loaded their bundle, summed. */
struct endpoint_health {
	int64_t machines;
	int64_t found, finders;   /* detections, machines with at least one */
	int64_t crashes, crashed; /* of the scanner, machines with at least one */
	int64_t files, scan_us;   /* looked into, and the time it took */
};
/* Machines that have this very version, or an older one that is not 0. */
int endpoint_bundle_health(struct db_tx *tx, int64_t version, bool older, struct endpoint_health *ret, struct err *err) WARN_UNUSED;

/* Enrolled machines of a unit itself (not of those below it), as they stand. */
struct endpoint_unit_sum {
	struct uuid unit_id;
	int64_t machines, silent;
	usec_t last_seen_at; /* of the one seen last */
};
typedef void (*endpoint_unit_fn)(void *ctx, const struct endpoint_unit_sum *sum);
int endpoint_each_unit(struct db_tx *tx, endpoint_unit_fn fn, void *ctx, struct err *err) WARN_UNUSED;
int endpoint_count_states(struct db_tx *tx, int64_t ret[ENDPOINT_STATE__COUNT], struct err *err) WARN_UNUSED;
/* When half of the machines that are here now were enrolled; 0: there are none. */
int endpoint_watched_since(struct db_tx *tx, usec_t *ret, struct err *err) WARN_UNUSED;
/* When the newest bundle was released; 0: there is none. */
int endpoint_bundle_released(struct db_tx *tx, usec_t *ret, struct err *err) WARN_UNUSED;

struct endpoint_identity {
	struct uuid id, unit_id;
	char hostname[256];
	bool retired;
};
/* -ENOENT endpoint.unknown. */
int endpoint_identify(struct db_tx *tx, const struct uuid *id, struct endpoint_identity *ret,
                      struct err *err) WARN_UNUSED;
/* The certificate of a request made by an agent: known, not revoked, its machine not retired; -EPERM
 * endpoint.certificate_unknown or endpoint.retired. */
int endpoint_authenticate(struct db_tx *tx, struct str certificate_der, usec_t now, struct endpoint_identity *ret,
                          struct err *err) WARN_UNUSED;

/* What the pipeline must know: one call a certificate that is accepted now. */
struct endpoint_snapshot_row {
	char fingerprint[65]; /* SHA-256 of the DER, hex */
	struct uuid endpoint_id, unit_id;
	char hostname[256];
	usec_t not_after;
};
typedef int (*endpoint_snapshot_fn)(const struct endpoint_snapshot_row *row, void *ctx, struct err *err);
int endpoint_snapshot(const struct service_context *sc, endpoint_snapshot_fn fn, void *ctx,
                      struct err *err) WARN_UNUSED;

/* A machine of the sample: shown with its mark, never calls in, takes no commands. Putting it again refreshes it. */
struct endpoint_sample {
	struct uuid unit_id;
	struct str hostname, os, os_version, address, agent_version;
	enum endpoint_state state;
	const char *reason;
	usec_t last_seen_at;
};
int endpoint_put_sample(struct db_tx *tx, const struct endpoint_sample *sample, usec_t now, struct err *err) WARN_UNUSED;
/* 1 found (a sample machine of this name), 0 not. */
int endpoint_find_sample(struct db_tx *tx, struct str hostname, struct uuid *ret_id, struct err *err) WARN_UNUSED;

/*
 * The protocol that agents speak is numbered and only grows: members are added, never taken away, so a server reads every
 * earlier number; it promises the two before its newest. An agent from number 2 on sends "Luytre-Protocol: N" with every
 * request to the control listener; none means 1. Servers are brought up to date before agents.
 */
#define ENDPOINT_PROTOCOL 1
#define ENDPOINT_PROTOCOL_HEADER "Luytre-Protocol"
/* -EINVAL endpoint.protocol_newer (given, newest); -EINVAL endpoint.protocol_old (given, oldest; status 426). */
int endpoint_protocol_check(int64_t given, int64_t newest, struct err *err) WARN_UNUSED;
/* By the request's header, before its body is looked at. Also -EINVAL endpoint.protocol_malformed. */
int endpoint_protocol_of_request(const struct http_request *http, struct err *err) WARN_UNUSED;
