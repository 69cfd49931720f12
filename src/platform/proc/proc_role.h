/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * proc_role: a role's own side. It learns of its peers from the supervisor:
 * each time a peer starts (again) a fresh channel takes the place of the old
 * one, and calls that come meanwhile wait for it. A link that breaks without a
 * death is replaced likewise.
 *
 * Threads: call and send from any thread; the rest from the one that made it.
 */
#pragma once
#include "platform/proc/proc.h"

struct proc_role;

struct proc_role_peer {
	const char *name;
	proc_handler handler; /* runs on the peer's own thread; see proc_serve */
	/* A fresh channel is there (also after a peer's death). Runs on the peer's thread before it serves:
	 * it may wake others but not call. May be NULL. */
	void (*on_up)(void *ctx);
	void *ctx;
	bool accepts_fds;     /* its messages may carry descriptors */
	size_t message_limit; /* proc_channel_set_limit; 0: PROC_MESSAGE_LIMIT */
};

/* Takes over the descriptor that the supervisor left. `peers` is borrowed for the role's life.
 * -EINVAL (proc.no_supervisor) when not started by one. */
int proc_role_start(const struct proc_role_peer *peers, size_t count, struct proc_role **ret,
		    struct err *err) WARN_UNUSED;
/* Tells the supervisor that the work has begun. */
int proc_role_ready(struct proc_role *role, struct err *err) WARN_UNUSED;
/* From now on `fn` gets the supervisor's new settings (proc_supervisor.h), also those that came before this call; the
 * next role hears of them when it returns. One call at a time, on a thread of the role's; it must not call peers. */
void proc_role_on_reload(struct proc_role *role, void (*fn)(struct str settings, void *ctx), void *ctx);
/* Returns when the supervisor asks for the end, or is gone. */
void proc_role_wait_stop(struct proc_role *role);
/* Ends the links and waits for their handlers: what handlers use may be freed afterwards. Calls and sends then fail
 * with -EPIPE. The supervisor is still there. */
void proc_role_end(struct proc_role *role);
/* Ends everything. */
void proc_role_free(struct proc_role *role);
DEFINE_CLEANUP(proc_role)

/* As proc_call and proc_send to the peer of that name; the time-out counts the waiting for a channel too.
 * -EPIPE: the peer died in between; whether it had acted is not known. */
int proc_role_call(struct proc_role *role, const char *peer, struct proc_message *m, struct proc_message *ret_reply,
		   int timeout_ms, struct err *err) WARN_UNUSED;
int proc_role_send(struct proc_role *role, const char *peer, const struct proc_message *m, int timeout_ms,
		   struct err *err) WARN_UNUSED;

/* A child that is no role (it has no control channel) has not answered its users for long: the supervisor kills and
 * restarts it. */
int proc_role_report_silent(struct proc_role *role, const char *child, struct err *err) WARN_UNUSED;

enum proc_state { PROC_STATE_STARTING, PROC_STATE_READY, PROC_STATE_DOWN, PROC_STATE__COUNT };
struct proc_process {
	char name[32];
	enum proc_state state;
	usec_t since;
	uint64_t restarts;
};
#define PROC_PROCESSES_MAX 8
/* All children of the supervisor as it last told. Returns how many. Any thread. */
size_t proc_role_processes(struct proc_role *role, struct proc_process ret[PROC_PROCESSES_MAX]);

/* SIGKILL when the parent ends. Changing the user forgets it: call again. */
void proc_die_with_parent(void);
