/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * server_privilege: becoming less. Started as root, each role becomes its user
 * first; when it has opened what it needs, the last line of its start-up gives
 * up the rest.
 */
#pragma once
#include <sys/types.h>

#include "base/err/err.h"

struct server_user {
	uid_t uid;
	gid_t gid;
	bool change; /* we are root and a user is named */
};

/* An empty name: stay who we are. -ENOENT server.no_user; -EPERM server.not_root: another user is named than ours. */
int server_user_find(const char *name, struct server_user *ret, struct err *err) WARN_UNUSED;
int server_user_become(const struct server_user *user, struct err *err) WARN_UNUSED;

/* The last line of start-up of every role: no new privileges, no core dumps. System call filters and file rules belong
 * here and nowhere else. */
int server_confine(const char *role, struct err *err) WARN_UNUSED;
