/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * proc: processes that are roles, and the typed messages between them.
 *
 * A supervisor starts each role as a process of its own (re-executing the
 * program with --role), restarts it with back-off when it dies (0.2 s doubling
 * to 10 s, reset after 60 s of life), and gives every pair of roles that may
 * talk a fresh SOCK_SEQPACKET pair after each start. Children die with their
 * parent (PR_SET_PDEATHSIG). Notes readiness to systemd (sd_notify protocol
 * over $NOTIFY_SOCKET) when asked; works the same without systemd.
 *
 * A message is a type, a correlation number and marshalled fields
 * (OpenSMTPD's imsg idea). Whole messages are ≤ 8 MiB; the receiver checks
 * every field. Linux only.
 * Threads: a channel may send from any thread; one thread receives.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/uuid/uuid.h"

#define PROC_MESSAGE_LIMIT ((size_t)8 << 20)

struct proc_message {
	uint32_t type;
	uint32_t id; /* replies carry the request's */
	struct buf payload;
	size_t at;   /* reading position */
	bool failed; /* a get_* ran past the end or met a wrong tag: the message is refused as a whole */
};

struct proc_message proc_message_init(uint32_t type);
void proc_message_done(struct proc_message *m);
void proc_put_u64(struct proc_message *m, uint64_t v);
void proc_put_str(struct proc_message *m, struct str s);
void proc_put_uuid(struct proc_message *m, const struct uuid *u);
uint64_t proc_get_u64(struct proc_message *m);
struct str proc_get_str(struct proc_message *m, size_t limit); /* borrowed from the message */
struct uuid proc_get_uuid(struct proc_message *m);
/* True when all fields were read, none failed and nothing is left over. */
bool proc_message_complete(const struct proc_message *m);

struct proc_channel;
struct proc_channel *proc_channel_new(int fd); /* takes the fd */
void proc_channel_free(struct proc_channel *c);
int proc_send(struct proc_channel *c, const struct proc_message *m, struct err *err) WARN_UNUSED;
/* 1: a message in *m (free with _done), 0: timeout, negative: -EPIPE the peer is gone. timeout_ms -1: for ever. */
int proc_receive(struct proc_channel *c, struct proc_message *m, int timeout_ms, struct err *err) WARN_UNUSED;
/* Sends and waits for the reply with the same id; other threads' calls may interleave. Needs a thread in
 * proc_serve on the same channel, which routes replies. -ETIMEDOUT, -EPIPE. */
int proc_call(struct proc_channel *c, struct proc_message *m, struct proc_message *ret_reply, int timeout_ms,
              struct err *err) WARN_UNUSED;
typedef void (*proc_handler)(struct proc_channel *c, struct proc_message *m, void *ctx);
/* Receives until the peer is gone: replies wake proc_call, everything else goes to the handler. */
int proc_serve(struct proc_channel *c, proc_handler handler, void *ctx, struct err *err) WARN_UNUSED;
