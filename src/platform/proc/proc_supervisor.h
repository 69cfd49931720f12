/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * proc_supervisor: starts children, restarts those that die (at once; after
 * ten deaths that no life of 5 s stood between, after 0.2 s doubling to 10 s,
 * or to 1 s when it had been ready), links roles that may talk by a fresh
 * socket pair after each start, and stops all in order.
 *
 * A role that has not answered for half a minute (stopped, or out of threads)
 * counts as dead: it is killed and restarted; likewise another child that a
 * role reports as silent.
 *
 * Children die with the supervisor (PR_SET_PDEATHSIG), sit in sessions of
 * their own (the terminal's signals are the supervisor's to pass on) and
 * inherit stdout and stderr only. Speaks sd_notify when $NOTIFY_SOCKET is set
 * (READY, RELOADING, WATCHDOG, STOPPING, STATUS) and works the same without systemd.
 *
 * SIGHUP asks `reload` for new settings and hands them to the roles one after the
 * other, in order of start: each has them in force before the next one hears of them.
 *
 * Threads: one; call before any thread exists, since it forks.
 */
#pragma once
#include <sys/types.h>

#include "platform/proc/proc.h"

#define PROC_CHILDREN_MAX 8
#define PROC_PAIRS_MAX    8

struct proc_child {
	const char *name;
	const char *const *argv; /* argv[0] is the path; ends with NULL */
	bool is_role;            /* gets a control channel and links (proc_role.h); others are stopped by SIGTERM */
	bool drop;               /* becomes uid:gid before it runs: for programs that cannot do it themselves */
	uid_t uid;
	gid_t gid;
	const int *settings_fd; /* what *it is at the start becomes the child's descriptor PROC_SETTINGS; NULL: none */
};
#define PROC_SETTINGS "4" /* as text, for the command line */

struct proc_pair {
	const char *a, *b; /* names of roles */
};

enum proc_event { PROC_EVENT_STARTED, PROC_EVENT_READY, PROC_EVENT_ENDED, PROC_EVENT_KILLED, PROC_EVENT__COUNT };

struct proc_supervisor {
	const struct proc_child *children; /* in order of start; stopped in reverse */
	size_t child_count;
	const struct proc_pair *pairs;
	size_t pair_count;
	unsigned stop_timeout_s; /* 0: 10; a child that takes longer is killed */
	usec_t silence_limit;    /* 0: 30 s */
	/* For the log. status: waitpid's when ENDED. next_start_us: pause before the restart. May be NULL. */
	void (*on_event)(enum proc_event event, const struct proc_child *child, pid_t pid, int status,
			 usec_t next_start_us, void *ctx);
	/* SIGHUP: true when there are new settings, which it appends to `settings` (at most 48 KiB); appends one line for
	 * `systemctl status` to `status` either way. NULL: SIGHUP is ignored. */
	bool (*reload)(struct buf *settings, struct buf *status, void *ctx);
	void *ctx;
};

/* Runs until SIGTERM or SIGINT (a second one kills at once) and all children have ended. */
int proc_supervise(const struct proc_supervisor *s, struct err *err) WARN_UNUSED;
