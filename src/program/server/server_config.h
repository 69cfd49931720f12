/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Settings: a table of rows (server_settings.def) from which come parsing, checks,
 * --help and the manual. Source: one file of "name = value" lines, "#" comments;
 * nothing from the environment. Unknown names are errors with file:line and the
 * closest name.
 *
 * The supervisor alone reads the file; its roles get what it has accepted (server_reload.h), so
 * that a file under edit never reaches a role that restarts.
 *
 * Threads: a config is constant once it is loaded.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/msg/msg.h"

/* In the order of the choices in server_settings.def. */
enum server_log { SERVER_LOG_AUTO, SERVER_LOG_JSON, SERVER_LOG__COUNT };

struct server_config {
	const char *data_dir, *listen_address, *database, *eventdb, *eventdb_library, *packs_dir, *web_dir, *user,
	    *key_user;
	const char *messages_dir, *event_dictionary, *sample_dir, *sample_password, *hotline;
	int64_t console_port, events_port, agent_port;
	int64_t syslog_udp_port, syslog_tcp_port, syslog_tls_port; /* 0: none */
	int64_t journal;
	const char *const *log_files, *const *log_files_joined; /* NULL-terminated */
	const char *log_begin;
	int64_t syslog_unknown, syslog_client_certificate;         /* numbers of the setting's words */
	int64_t database_readers, eventdb_memory_mb, spool_limit_mb, workers, web_reload, second_factor, fetch_rules;
	int64_t canary_interval_s, bundle_stale_days, disk_warn_days;
	const char *const *public_names; /* NULL-terminated; never empty after loading */
	int64_t log;                     /* enum server_log */
	int64_t log_level;               /* enum log_level */
	const char *file;                /* where they came from; NULL: defaults */
};

/* `file` may be NULL (defaults), `data_dir` too (what the file says). Texts live in the arena; `file` is borrowed.
 * Errors with "file:line" as place: server.config_syntax, server.config_unknown, server.config_twice,
 * server.config_number, server.config_text, server.config_list, server.config_choice. */
int server_config_load(struct arena *arena, const char *file, const char *data_dir, struct server_config *ret,
		       struct err *err) WARN_UNUSED;
/* What server_config_write wrote, from text or a descriptor: complete as it is. `file`: what to call it; may be NULL. */
int server_config_from_text(struct arena *arena, struct str text, const char *file, struct server_config *ret,
			    struct err *err) WARN_UNUSED;
int server_config_read_fd(struct arena *arena, int fd, const char *file, struct server_config *ret,
			  struct err *err) WARN_UNUSED;
/* Appends every setting as a line; may hold secrets (the database's address). */
void server_config_write(const struct server_config *config, struct buf *out);
/* Appends the names of the rows that differ, of those that a reload applies or of the others: "a, b". */
void server_config_changes(const struct server_config *old, const struct server_config *new, bool reloadable,
			   struct buf *out);
/* Copies the rows that a reload applies; texts stay where they are. */
void server_config_take_reloadable(struct server_config *into, const struct server_config *from);
/* The lines alone, over what *config holds; for tests and the fuzz target. */
int server_config_parse(struct arena *arena, struct str text, struct server_config *config,
			struct err *err) WARN_UNUSED;
/* Appends usage and every setting with its default. */
void server_config_help(const struct msg_catalogue *messages, enum msg_lang lang, struct buf *out);

/* "data_dir/part", in the arena. */
const char *server_path(struct arena *arena, const struct server_config *config, const char *part);
