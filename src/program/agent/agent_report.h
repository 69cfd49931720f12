/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Reports as flat ECS fields, one JSON object each, into the spool. Threads: any. */
#pragma once
#include "engine/malware/malware.h"
#include "program/agent/agent_spool.h"

struct agent_report {
	const char *kind;   /* "alert": somebody must look; "event": for the record */
	const char *action; /* "detected", "quarantined", "restored", "deleted", "scan_finished" */
	struct str path;
	const struct malware_verdict *verdict; /* NULL: none */
	const char *owner;
	const char *quarantine_id; /* NULL: none */
	const char *command_id;    /* NULL: not asked for by the server */
	const struct err *problem; /* NULL: none; otherwise why the file is still there */
	bool has_counts;
	uint64_t files, found, errors;
};

int agent_report_add(struct agent_spool *spool, const struct agent_report *r, struct err *err) WARN_UNUSED;
