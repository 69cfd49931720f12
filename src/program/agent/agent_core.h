/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The agent put together: spool, protection, watch, scans, sender, check-in.
 * Threads: agent_core_* from the thread that made it; the rest says so itself.
 */
#pragma once
#include "program/agent/agent_canary.h"
#include "program/agent/agent_checkin.h"
#include "program/agent/agent_identity.h"
#include "program/agent/agent_protect.h"
#include "program/agent/agent_scan.h"
#include "program/agent/agent_sender.h"
#include "program/agent/agent_watch.h"

struct agent_core_options {
	const char *state_dir;
	const char *scand_path; /* NULL: beside this program */
	bool inotify_only;
	void (*wake)(void);     /* an answer waits: check in soon. May be NULL */
	uint64_t spool_max_bytes; /* 0: default */
	bool site_sharing;        /* may look for neighbours, when the server's policy allows */
	const struct agent_firewall *firewall; /* NULL: the system's */
	void (*notice)(const char *text);      /* agent_isolation.h */
};

struct agent_core;

int agent_core_new(const struct agent_core_options *options, struct agent_core **ret, struct err *err) WARN_UNUSED;
void agent_core_free(struct agent_core *a);
/* One check-in and what follows from it; *ret_next: how long to wait before the next, whatever the result. */
int agent_core_checkin(struct agent_core *a, usec_t *ret_next, struct err *err) WARN_UNUSED;
/* The last thing before _free when the machine shuts down. */
void agent_core_goodbye(struct agent_core *a);
/* Before the first one. */
usec_t agent_core_first_delay(const struct agent_core *a);

/* Installs a container file that somebody brought: verified like any other. Any thread. -EBUSY agent.update_busy while one is fetched. */
int agent_core_import(struct agent_core *a, const char *path, uint64_t *ret_version, struct err *err) WARN_UNUSED;

/* For the control socket. */
struct agent_protect *agent_core_protect(struct agent_core *a);
struct agent_scan *agent_core_scan(struct agent_core *a);
/* Any thread. {"endpoint_id","server","agent_version","checkin":{…},"protection":{…},"delivery":{…}} */
void agent_core_write_status(struct agent_core *a, struct json_writer *w);

#define AGENT_VERSION "0.1.0"
