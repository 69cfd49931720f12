/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Scanning in the background: the watch's files as they come, folders whose
 * events were lost, and scans that were asked for, with progress.
 * Threads: any; worker threads of its own.
 */
#pragma once
#include "program/agent/agent_paths.h"
#include "program/agent/agent_protect.h"
#include "program/agent/agent_queue.h"

struct agent_scan;

struct agent_scan *agent_scan_new(struct agent_protect *protect, struct agent_spool *spool, struct agent_queue *queue,
                                  unsigned threads);
/* Ends running scans early, joins the threads. */
void agent_scan_free(struct agent_scan *s);
/* What "everything watched" means; copied. */
void agent_scan_set_paths(struct agent_scan *s, const struct agent_paths *watched, const struct agent_paths *excluded);

/* Called when a scan that was asked for has ended. */
typedef void (*agent_scan_done)(void *ctx, const struct uuid *command_id, bool ok, struct str result_json);
void agent_scan_on_done(struct agent_scan *s, agent_scan_done fn, void *ctx);
/* command_id NULL: asked for on this machine. -EBUSY agent.too_many_scans. */
int agent_scan_start(struct agent_scan *s, struct str path, const struct uuid *command_id, struct uuid *ret_id,
                     struct err *err) WARN_UNUSED;

struct agent_scan_status {
	struct uuid id;
	char path[512];
	const char *state; /* "waiting", "running", "done", "failed", "cancelled" */
	uint64_t done, listed, found, errors;
	char current[512];
	usec_t started_at, ended_at;
	char problem[ERR_KEY_SIZE];
};
/* false: unknown. */
bool agent_scan_get(struct agent_scan *s, const struct uuid *id, struct agent_scan_status *ret);
/* The newest first, at most `max`. */
size_t agent_scan_list(struct agent_scan *s, struct agent_scan_status *ret, size_t max);
bool agent_scan_cancel(struct agent_scan *s, const struct uuid *id);
usec_t agent_scan_last(struct agent_scan *s); /* end of the last scan that was asked for; 0: none */
