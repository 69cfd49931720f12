/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * server_reload: settings that change while the server runs.
 *
 * The supervisor reads the file at the start and at SIGHUP. What it accepts it puts, whole, into a sealed
 * memory file that each role reads when it starts, and sends to the roles that run. A file with an error
 * changes nothing. Rows that only a restart applies keep their old values until then, in every role, also in one that
 * is restarted meanwhile.
 *
 * Threads: the supervisor's part belongs to its one thread; struct server_live may be read by any thread.
 */
#pragma once
#include <stdatomic.h>

#include "program/server/server_config.h"

/* The supervisor's part. Zero-initialised is not valid: server_settings_init. */
struct server_settings {
	const char *data_dir; /* of the command line; NULL: what the file says */
	struct arena *arena;
	struct server_config in_force;
	int fd; /* what roles read */
};
/* Borrows file and data_dir for its life, and the texts of `config`. */
int server_settings_init(struct server_settings *s, const struct server_config *config, const char *data_dir,
			 struct err *err) WARN_UNUSED;
void server_settings_done(struct server_settings *s);
/* For proc_supervisor's `reload`; ctx is the struct server_settings. Logs what changed, what waits for a restart, or why
 * the file was refused. */
bool server_settings_reload(struct buf *settings, struct buf *status, void *ctx);

/* A role's part: the settings in force. What server_live_now returned stays valid until server_live_done. */
struct server_live {
	const struct server_config *_Atomic now;
	struct arena *arena; /* written by the thread that takes */
};
void server_live_init(struct server_live *l, const struct server_config *config);
void server_live_done(struct server_live *l);
const struct server_config *server_live_now(struct server_live *l);
/* Takes what server_settings_reload wrote; applies the rows that concern every process (the log). */
int server_live_take(struct server_live *l, struct str settings, struct err *err) WARN_UNUSED;
