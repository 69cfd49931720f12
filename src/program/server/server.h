/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * luytre-server: one program, several processes. Without --role it supervises;
 * with it, it is one of them. What each may do is in docs/architecture.md.
 */
#pragma once
#include "platform/proc/proc_role.h"
#include "program/server/server_config.h"

/* Exit codes of the program. */
#define SERVER_EXIT_FAILED 1
#define SERVER_EXIT_USAGE  2

struct server_role {
	const char *name;
	const char *log_name;
	/* Runs until the supervisor asks for the end. */
	int (*run)(const struct server_config *config, struct err *err);
	bool confines_files; /* calls server_confine_files itself, because it makes another process first */
};

int role_key_run(const struct server_config *config, struct err *err) WARN_UNUSED;
int role_core_run(const struct server_config *config, struct err *err) WARN_UNUSED;
int role_pipeline_run(const struct server_config *config, struct err *err) WARN_UNUSED;
int role_worker_run(const struct server_config *config, struct err *err) WARN_UNUSED;

/* Makes the folders, then keeps the roles and the event store running until a signal. `called`: argv[0]; `data_dir`: of the
 * command line, may be NULL. SIGHUP reads the settings again. */
int server_supervise(const struct server_config *config, const char *called, const char *data_dir, struct err *err) WARN_UNUSED;

/* For --check-config. Would the folders of the start be there, or could they be made? */
int server_check_folders(const struct server_config *config, struct err *err) WARN_UNUSED;
/* Does a server hold the lock of this data folder? */
bool server_is_running(const struct server_config *config);
/* luytre-eventdb: beside the name we were called by, which may be a link; beside the very file; in ../lib/luytre; where
 * the build leaves it. In the arena. */
const char *server_find_eventdb(struct arena *arena, const char *called);

/* How many connections of agents a listener may hold: our limit of open files less a share for everything else. */
uint64_t server_agents_max(void);

/* The event store's address as the client takes it: *ret_unix_path for a Unix socket (else NULL), *ret_url. Both NULL:
 * none. In the arena. */
void server_eventdb_address(struct arena *arena, const struct server_config *config, const char **ret_unix_path,
			    const char **ret_url);
