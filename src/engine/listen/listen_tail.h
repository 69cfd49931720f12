/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * listen_tail: follows log files of this machine, line by line, from their beginning, through rotation:
 *
 *   rename + create    the old file is read to its end, by its open descriptor; after a restart it is looked for by its inode
 *                      in its folder
 *   copytruncate       noticed by the size, or by the first bytes, which are another file's then
 *   a reused inode     likewise
 *
 * Every line is numbered by its place in its file, under an epoch that each file gets when it is first seen and that is on
 * disk before its first line is sent. So a crash neither loses nor doubles a line: what is read again is known by its
 * number. Of lines that are joined, the record has the number of its first; one that was taken because nothing followed for a
 * second is written down before, so that it ends there again. What stays lost is what a copytruncate threw away before it was read.
 *
 * It asks every quarter of a second; nothing is watched (inotify) because the role may not.
 * Threads: start and stop from one; one of its own. Linux only.
 */
#pragma once
#include "engine/event_pipeline/event_pipeline.h"

struct listen_tail;

struct listen_tail_config {
	struct event_pipeline *events; /* borrowed */
	const char *const *paths;      /* ends with NULL: files, or folders whose files are all meant; copied */
	const char *const *joined_paths; /* the same, whose lines are joined into records (listen_join.h); may be NULL */
	const char *begin;             /* the pattern of that; NULL or "": the built-in rule; copied */
	const char *state;             /* the file that keeps the places; copied */
	unsigned poll_ms;              /* 0: 250 */
};

/* A path that is not there (yet) is looked for again and again. Errors: the state file cannot be read. */
int listen_tail_start(const struct listen_tail_config *config, struct listen_tail **ret, struct err *err) WARN_UNUSED;
void listen_tail_stop(struct listen_tail *t);
