/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server_privilege.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform/proc/proc_role.h"

int server_user_find(const char *name, struct server_user *ret, struct err *err)
{
	struct passwd entry, *found = NULL;
	char text[4096];
	*ret = (struct server_user){.uid = getuid(), .gid = getgid()};
	if (name[0] == '\0')
		return 0;
	int r = getpwnam_r(name, &entry, text, sizeof(text), &found);
	if (r != 0 || found == NULL)
		return err_set(err, -ENOENT, "server.no_user", ARG_CSTR("name", name));
	bool is_us = entry.pw_uid == getuid();
	if (!is_us && getuid() != 0)
		return err_set(err, -EPERM, "server.not_root", ARG_CSTR("name", name));
	*ret = (struct server_user){.uid = entry.pw_uid, .gid = entry.pw_gid, .change = !is_us};
	return 0;
}

int server_user_become(const struct server_user *user, struct err *err)
{
	if (user->change && (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
			     setresuid(user->uid, user->uid, user->uid) < 0))
		return err_errno(err, errno, "setresuid", STR_EMPTY);
	/* The change of user made the kernel forget it. */
	proc_die_with_parent();
	return 0;
}

int server_confine(const char *role, struct err *err)
{
	const struct rlimit none = {0, 0};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(err, errno, "prctl", str_c(role));
	/* A dump would put keys and records on the disk. */
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(err, errno, "setrlimit", str_c(role));
	return 0;
}
