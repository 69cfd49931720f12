/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * proc_starter: starts one program on behalf of a process that gives up
 * starting programs. A child made early, while that is still allowed, keeps
 * the right; over a socket it takes only "start it on this descriptor" and
 * "end that one", and ends with its asker.
 *
 * Threads: _new before threads exist, since it forks; the rest from any.
 */
#pragma once
#include <sys/types.h>

#include "base/err/err.h"
#include "base/mem/mem.h"

struct proc_starter;

/* `program`: its path. */
int proc_starter_new(const char *program, struct proc_starter **ret, struct err *err) WARN_UNUSED;
void proc_starter_free(struct proc_starter *s);
DEFINE_CLEANUP(proc_starter)

/* Runs the program with this descriptor as its standard input; borrowed. Eight may run at a time (-EBUSY).
 * -EPIPE: the starter is gone. */
int proc_starter_start(struct proc_starter *s, int fd, pid_t *ret_pid, struct err *err) WARN_UNUSED;
/* Waits a second for its own end, then kills it. Only what was started here. */
void proc_starter_end(struct proc_starter *s, pid_t pid);
