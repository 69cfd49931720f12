/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * server_privilege: becoming less. Started as root, each role becomes its user
 * first; then, while it has one thread, its files and ports are narrowed to
 * what its row names; when it has opened what it needs, the last line of its
 * start-up gives up the rest. What each role may do is one row here.
 */
#pragma once
#include <sys/types.h>

#include "base/err/err.h"
#include "program/server/server_config.h"

struct server_user {
	uid_t uid;
	gid_t gid;
	bool change; /* we are root and a user is named */
};

/* An empty name: stay who we are. -ENOENT server.no_user; -EPERM server.not_root: another user is named than ours. */
int server_user_find(const char *name, struct server_user *ret, struct err *err) WARN_UNUSED;
int server_user_become(const struct server_user *user, struct err *err) WARN_UNUSED;

/* Before the role has threads: capabilities, files, ports. A kernel with less of it is told in the log. */
int server_confine_files(const char *role, const struct server_config *config, struct err *err) WARN_UNUSED;
/* The last line of start-up of every role: system calls, limits, memory that nobody else reads. */
int server_confine(const char *role, const struct server_config *config, struct err *err) WARN_UNUSED;
/* The supervisor, before its first child: no privilege but what changing users and killing children needs. */
int server_confine_supervisor(struct err *err) WARN_UNUSED;
