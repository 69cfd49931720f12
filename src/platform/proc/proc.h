/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * proc: typed messages between processes that are roles. Starting and
 * restarting them is proc_supervisor.h; a role's own side is proc_role.h.
 *
 * A message is a type, a correlation number and marshalled fields
 * (OpenSMTPD's imsg idea). Whole messages are ≤ 8 MiB; the receiver checks
 * every field. Long ones travel as several packets of one SOCK_SEQPACKET pair.
 * Linux only.
 * Threads: a channel may send from any thread; one thread receives.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/uuid/uuid.h"

#define PROC_MESSAGE_LIMIT ((size_t)8 << 20)

struct proc_message {
	uint32_t type;
	uint32_t id; /* 0: no answer is expected. proc_call sets it; a reply copies its request's. Below 2^31. */
	struct buf payload;
	size_t at;   /* reading position */
	bool failed; /* a get_* ran past the end or met a wrong tag: the message is refused as a whole */
	bool has_fd; /* one file descriptor travels with the message; closed by _done */
	int fd;
};

struct proc_message proc_message_init(uint32_t type);
/* The answer to m, with m's id. */
struct proc_message proc_message_reply(const struct proc_message *m, uint32_t type);
void proc_message_done(struct proc_message *m);
void proc_put_u64(struct proc_message *m, uint64_t v);
void proc_put_str(struct proc_message *m, struct str s);
void proc_put_uuid(struct proc_message *m, const struct uuid *u);
uint64_t proc_get_u64(struct proc_message *m);
struct str proc_get_str(struct proc_message *m, size_t limit); /* borrowed from the message */
struct uuid proc_get_uuid(struct proc_message *m);
/* The descriptor, now the caller's; -1 when there is none. */
int proc_take_fd(struct proc_message *m);
/* The message carries this descriptor and closes it with _done; duplicate what is still needed. */
void proc_put_fd(struct proc_message *m, int fd);
/* True when all fields were read, none failed and nothing is left over. */
bool proc_message_complete(const struct proc_message *m);

struct proc_channel;
struct proc_channel *proc_channel_new(int fd); /* takes the fd */
/* Without this, a peer that sends descriptors has broken the protocol. */
void proc_channel_accept_fds(struct proc_channel *c);
/* Messages longer than this break the protocol: set it where the peer is less trusted. At most PROC_MESSAGE_LIMIT;
 * at 64 KiB or less a reader never waits for a second packet. */
void proc_channel_set_limit(struct proc_channel *c, size_t bytes);
/* Sends fail at once with -ETIMEDOUT when the peer has not read what went before: for threads that must never wait. */
void proc_channel_never_wait(struct proc_channel *c);
int proc_channel_fd(const struct proc_channel *c); /* for poll */
/* Ends both directions: a thread in proc_serve returns, calls fail with -EPIPE. Any thread. */
void proc_channel_shutdown(struct proc_channel *c);
void proc_channel_free(struct proc_channel *c);
DEFINE_CLEANUP(proc_channel)
/* -EPIPE the peer is gone, -E2BIG over the limit, -ETIMEDOUT the peer did not read for 30 s (the channel is then shut).
 */
int proc_send(struct proc_channel *c, const struct proc_message *m, struct err *err) WARN_UNUSED;
/* 1: a message in *m (free with _done), 0: timeout, negative: -EPIPE the peer is gone,
 * -EPROTO (proc.protocol) it sent no message of ours. timeout_ms -1: for ever. */
int proc_receive(struct proc_channel *c, struct proc_message *m, int timeout_ms, struct err *err) WARN_UNUSED;
/* Sends (setting m->id) and waits for the reply with the same id; other threads' calls may interleave. Needs a thread
 * in proc_serve on the same channel, which routes replies. -ETIMEDOUT, -EPIPE. */
int proc_call(struct proc_channel *c, struct proc_message *m, struct proc_message *ret_reply, int timeout_ms,
	      struct err *err) WARN_UNUSED;
typedef void (*proc_handler)(struct proc_channel *c, struct proc_message *m, void *ctx);
/* Receives until the peer is gone: replies wake proc_call (late ones are dropped), everything else goes to the handler.
 * The handler runs on this thread: long work and big answers belong elsewhere. Returns -EPIPE or -EPROTO. */
int proc_serve(struct proc_channel *c, proc_handler handler, void *ctx, struct err *err) WARN_UNUSED;
