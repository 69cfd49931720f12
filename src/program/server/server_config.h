/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Settings: a table of rows (server_settings.def) from which come parsing, checks,
 * --help and the manual. Source: one file of "name = value" lines, "#" comments;
 * nothing from the environment. Unknown names are errors with file:line and the
 * closest name.
 *
 * Threads: loaded once before threads, constant afterwards.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/msg/msg.h"

enum server_log { SERVER_LOG_AUTO, SERVER_LOG_JSON, SERVER_LOG__COUNT };

struct server_config {
	const char *data_dir, *listen_address, *database, *eventdb, *eventdb_library, *packs_dir, *web_dir, *user,
	    *key_user;
	const char *messages_dir, *sample_dir, *sample_password;
	int64_t console_port, events_port, agent_port;
	int64_t database_readers, eventdb_memory_mb, spool_limit_mb, workers, web_reload;
	const char *const *public_names; /* NULL-terminated; never empty after loading */
	int64_t log;                     /* enum server_log */
	const char *file;                /* where they came from; NULL: defaults */
};

/* `file` may be NULL (defaults), `data_dir` too (what the file says). Texts live in the arena.
 * Errors with "file:line" as place: server.config_syntax, server.config_unknown, server.config_twice,
 * server.config_value. */
int server_config_load(struct arena *arena, const char *file, const char *data_dir, struct server_config *ret,
		       struct err *err) WARN_UNUSED;
/* The same from text; for tests and the fuzz target. */
int server_config_parse(struct arena *arena, struct str text, struct server_config *config,
			struct err *err) WARN_UNUSED;
/* Appends usage and every setting with its default. */
void server_config_help(const struct msg_catalogue *messages, enum msg_lang lang, struct buf *out);

/* "data_dir/part", in the arena. */
const char *server_path(struct arena *arena, const struct server_config *config, const char *part);
