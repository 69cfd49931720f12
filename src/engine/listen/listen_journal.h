/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * listen_journal: reads systemd's journal of this machine, from where it stopped last (the first time: from now on). Each
 * entry becomes one JSON object: @timestamp, message, host.name, process.*, user.id, log.syslog.* and all other fields as
 * journald.<name in lower case>.
 *
 * The journal numbers its entries (sequence id and number, in the cursor): they are the epoch and sequence of what is
 * sent, so a crash neither loses nor doubles an entry.
 *
 * Threads: start and stop from one; one of its own. Linux only.
 */
#pragma once
#include "engine/event_pipeline/event_pipeline.h"

struct listen_journal;

struct listen_journal_config {
	struct event_pipeline *events; /* borrowed */
	const char *state;             /* the file that keeps the cursor; copied */
	const char *folder;            /* journal files there instead of the system's (tests); NULL: the system's */
	bool from_start;               /* without a cursor: from the first entry */
};

/* -ENOENT (listen.no_journal): there are no journal files, or they may not be read. */
int listen_journal_start(const struct listen_journal_config *config, struct listen_journal **ret, struct err *err) WARN_UNUSED;
void listen_journal_stop(struct listen_journal *j);
/* Can it be read? For --check-config. */
int listen_journal_check(const char *folder, struct err *err) WARN_UNUSED;
/* "s=<32 hex digits>;i=<hex>;…". false: it is not of that form. */
bool listen_journal_cursor(struct str cursor, struct uuid *ret_epoch, uint64_t *ret_sequence);
/* Appends "NAME=value" as a member of the object under way. */
struct json_writer;
void listen_journal_field(struct json_writer *w, struct str data);
