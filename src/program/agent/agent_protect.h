/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What the agent does with a file: scan it, take it away when something was
 * found, report it. Owns the scanner, the installed bundle and the quarantine.
 *
 * A file that a person gave back is let alone from then on: its hash and place
 * are remembered ("allowed"); a copy elsewhere is found again. Findings that could not be taken away are reported once an
 * hour a file. Threads: any.
 */
#pragma once
#include "engine/malware/malware_bundle.h"
#include "engine/malware/malware_keys.h"
#include "engine/malware/malware_quarantine.h"
#include "engine/malware/malware_scan.h"
#include "program/agent/agent_seen.h"
#include "program/agent/agent_spool.h"

struct agent_protect;

struct agent_protect_config {
	const char *state_dir;
	const char *bundle_key_pem; /* "" : none yet, agent_protect_set_key later */
	const char *scand_path;     /* NULL: beside this program */
	unsigned workers;           /* 0: 2 */
	struct agent_spool *spool;
	struct agent_seen *seen;    /* told of programs; outlives the scanner. NULL: nobody asks */
};

int agent_protect_open(const struct agent_protect_config *config, struct agent_protect **ret, struct err *err) WARN_UNUSED;
void agent_protect_free(struct agent_protect *p);
int agent_protect_set_key(struct agent_protect *p, const char *bundle_key_pem, struct err *err) WARN_UNUSED;
/* The next list of keys that may sign bundles (malware_keys.h): verified by the one in use, kept. */
int agent_protect_add_keys(struct agent_protect *p, struct str file, struct err *err) WARN_UNUSED;
uint64_t agent_protect_keys_number(struct agent_protect *p);
/* Loads what is installed and starts the scanner, or hands it the new signatures. -ENOENT malware.bundle_none. */
int agent_protect_load(struct agent_protect *p, struct err *err) WARN_UNUSED;
/* Verifies, installs and loads a container. */
int agent_protect_install(struct agent_protect *p, struct str container, struct err *err) WARN_UNUSED;
/* As install, from a head and chunks: what is installed gives what has not changed. Long; from one thread at a time. */
int agent_protect_fetch(struct agent_protect *p, const struct malware_bundle_update *update, struct distribution_sum *ret_sum,
                        struct err *err) WARN_UNUSED;
/* The installed container's file. -ENOENT malware.bundle_none. */
int agent_protect_container(struct agent_protect *p, struct buf *ret_path, struct err *err) WARN_UNUSED;
/* Waits until there is a scanner. */
bool agent_protect_wait_ready(struct agent_protect *p, usec_t timeout);
/* NULL until the first signatures are loaded; lives as long as `p`. */
struct malware_scanner *agent_protect_scanner(struct agent_protect *p);
struct malware_quarantine *agent_protect_quarantine(struct agent_protect *p);

/* Scans and acts. command_id may be NULL. Returns the verdict's status. */
enum malware_status agent_protect_file(struct agent_protect *p, const char *path, const char *command_id);

/* to_path NULL: back where it was. Reported; this content is allowed there from now on. */
int agent_protect_restore(struct agent_protect *p, const struct uuid *id, const char *to_path, bool overwrite,
                          const char *command_id, struct err *err) WARN_UNUSED;
int agent_protect_delete(struct agent_protect *p, const struct uuid *id, const char *command_id, struct err *err) WARN_UNUSED;

/* Since the loaded signatures were loaded: what a rollout is judged by. */
struct agent_protect_health {
	uint64_t found, crashes;
	uint64_t files; /* looked into, not answered from the cache */
	usec_t scan_us;
};

struct agent_protect_state {
	const char *scanner; /* "starting", "ready", "failed" */
	char reason[ERR_KEY_SIZE];
	struct malware_bundle_info bundle; /* version 0: none */
	struct malware_scanner_info info;
	uint64_t files, found;
	struct agent_protect_health health;
	uint64_t quarantined;
};
struct agent_protect_state agent_protect_state(struct agent_protect *p);
