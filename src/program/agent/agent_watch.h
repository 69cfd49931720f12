/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Watching: tells every file below the watched folders that was closed after
 * writing or moved in. Linux: fanotify, else inotify; Windows: ReadDirectoryChangesW.
 *
 * Does not live here: what happens with the files (agent_scan).
 * Threads: callbacks come from the watch's own thread.
 */
#pragma once
#include "base/err/err.h"
#include "program/agent/agent_paths.h"

struct agent_watch;

struct agent_watch_config {
	const struct agent_paths *watched, *excluded; /* borrowed until agent_watch_stop */
	void (*on_file)(void *ctx, const char *path);
	/* Events were lost below this folder; NULL: anywhere. */
	void (*on_lost)(void *ctx, const char *folder);
	void *ctx;
	bool inotify_only; /* Linux: do not try fanotify (tests) */
};

/* Always gives a watch; when nothing could be set up its mode is "none". */
struct agent_watch *agent_watch_start(const struct agent_watch_config *config);
void agent_watch_stop(struct agent_watch *w);
/* "fanotify", "inotify", "directory_changes", "none". */
const char *agent_watch_mode(const struct agent_watch *w);
/* "" or why it is not the best mode, or what it cannot see: "not_root", "kernel", "moves_unseen", "watch_limit",
 * "no_paths", "system". */
const char *agent_watch_reason(const struct agent_watch *w);
