/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * A message on the wire: one packet of header and the first bytes, then packets
 * of the rest; never two messages mixed (send_lock). Ids of requests have the
 * highest bit set on the wire only, so that both ends may number as they like.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "platform/proc/proc.h"

#define MAGIC        UINT32_C(0x314d544c) /* "LTM1" */
#define PACKET_LIMIT ((size_t)64 << 10)
#define REQUEST_BIT  UINT32_C(0x80000000)
#define STALL_S      30

struct header {
	uint32_t magic, type, id, length;
};

/* One thread waiting in proc_call; lives on its stack. */
struct waiter {
	struct waiter *next;
	uint32_t id;
	struct proc_message *reply;
	bool answered;
};

struct proc_channel {
	int fd;
	bool accepts_fds;
	bool never_waits;
	size_t limit;
	pthread_mutex_t send_lock;
	pthread_mutex_t wait_lock; /* waiters, last_id, ended */
	pthread_cond_t answered;
	struct waiter *waiters;
	uint32_t last_id;
	bool ended;
};

static void set_timeout(int fd, int option)
{
	struct timeval t = {.tv_sec = STALL_S};
	(void)setsockopt(fd, SOL_SOCKET, option, &t, sizeof(t));
}

struct proc_channel *proc_channel_new(int fd)
{
	struct proc_channel *c = MEM_NEW(struct proc_channel);
	pthread_condattr_t attr;
	c->fd = fd;
	c->limit = PROC_MESSAGE_LIMIT;
	set_timeout(fd, SO_SNDTIMEO);
	set_timeout(fd, SO_RCVTIMEO);
	(void)pthread_mutex_init(&c->send_lock, NULL);
	(void)pthread_mutex_init(&c->wait_lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&c->answered, &attr);
	(void)pthread_condattr_destroy(&attr);
	return c;
}

void proc_channel_free(struct proc_channel *c)
{
	if (c == NULL)
		return;
	file_close(&c->fd);
	(void)pthread_mutex_destroy(&c->send_lock);
	(void)pthread_mutex_destroy(&c->wait_lock);
	(void)pthread_cond_destroy(&c->answered);
	mem_free(c);
}

void proc_channel_accept_fds(struct proc_channel *c)
{
	c->accepts_fds = true;
}

void proc_channel_set_limit(struct proc_channel *c, size_t bytes)
{
	c->limit = bytes < PROC_MESSAGE_LIMIT ? bytes : PROC_MESSAGE_LIMIT;
}

void proc_channel_never_wait(struct proc_channel *c)
{
	c->never_waits = true;
}

int proc_channel_fd(const struct proc_channel *c)
{
	return c->fd;
}

void proc_channel_shutdown(struct proc_channel *c)
{
	(void)shutdown(c->fd, SHUT_RDWR);
	(void)pthread_mutex_lock(&c->wait_lock);
	c->ended = true;
	(void)pthread_cond_broadcast(&c->answered);
	(void)pthread_mutex_unlock(&c->wait_lock);
}

static int gone(struct err *err)
{
	return err_set(err, -EPIPE, "proc.peer_gone");
}

static int send_packet(struct proc_channel *c, struct iovec *parts, size_t count, int pass_fd, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = count};
	if (pass_fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &pass_fd, sizeof(int));
	}
	for (;;) {
		if (sendmsg(c->fd, &msg, MSG_NOSIGNAL | (c->never_waits ? MSG_DONTWAIT : 0)) >= 0)
			return 0;
		if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
			return gone(err);
		if (errno == EAGAIN)
			return err_set(err, -ETIMEDOUT, "proc.peer_stalled");
		if (errno != EINTR)
			return err_errno(err, errno, "sendmsg", STR_EMPTY);
	}
}

static int send_locked(struct proc_channel *c, const struct proc_message *m, uint32_t wire_id, struct err *err)
{
	struct header head = {.magic = MAGIC, .type = m->type, .id = wire_id, .length = (uint32_t)m->payload.n};
	struct str rest = buf_str(&m->payload);
	size_t n = rest.n < PACKET_LIMIT ? rest.n : PACKET_LIMIT;
	struct iovec parts[2] = {{&head, sizeof(head)}, {m->payload.p, n}};
	int r = send_packet(c, parts, 2, m->has_fd ? m->fd : -1, err);
	for (size_t at = n; r == 0 && at < rest.n; at += n) {
		n = rest.n - at < PACKET_LIMIT ? rest.n - at : PACKET_LIMIT;
		parts[0] = (struct iovec){m->payload.p + at, n};
		r = send_packet(c, parts, 1, -1, err);
	}
	return r;
}

static int send_message(struct proc_channel *c, const struct proc_message *m, uint32_t wire_id, struct err *err)
{
	if (m->payload.overflow || m->payload.n > PROC_MESSAGE_LIMIT)
		return err_set(err, -E2BIG, "proc.message_too_big", ARG_U64("limit", PROC_MESSAGE_LIMIT));
	(void)pthread_mutex_lock(&c->send_lock);
	int r = send_locked(c, m, wire_id, err);
	(void)pthread_mutex_unlock(&c->send_lock);
	/* Half a message may be out: nothing sensible can follow it. */
	if (r < 0 && r != -EPIPE)
		proc_channel_shutdown(c);
	return r;
}

int proc_send(struct proc_channel *c, const struct proc_message *m, struct err *err)
{
	return send_message(c, m, m->id & ~REQUEST_BIT, err);
}

static int protocol_error(struct proc_channel *c, struct err *err, const char *what)
{
	proc_channel_shutdown(c);
	return err_set(err, -EPROTO, "proc.protocol", ARG_CSTR("what", what));
}

/* The descriptor that came along, or -1. Several are a protocol error (the kernel drops what has no room). */
static int received_fd(struct msghdr *msg)
{
	int fd = -1;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(msg); head != NULL; head = CMSG_NXTHDR(msg, head))
		if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
		    head->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(&fd, CMSG_DATA(head), sizeof(int));
	return fd;
}

/* One packet appended to bytes; 0 and nothing appended: the peer is gone. */
static ssize_t receive_packet(struct proc_channel *c, char *bytes, size_t size, int *ret_fd, bool *ret_cut)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {bytes, size};
	struct msghdr msg = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	do
		n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	*ret_fd = n >= 0 ? received_fd(&msg) : -1;
	*ret_cut = n >= 0 && (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	return n;
}

static int packet_failed(struct proc_channel *c, ssize_t n, struct err *err)
{
	if (n == 0 || errno == ECONNRESET || errno == EPIPE)
		return gone(err);
	if (errno == EAGAIN)
		return protocol_error(c, err, "half a message");
	return err_errno(err, errno, "recvmsg", STR_EMPTY);
}

/* The packets after the first, until the announced length is there. */
static int receive_rest(struct proc_channel *c, struct proc_message *m, size_t length, struct err *err)
{
	while (m->payload.n < length) {
		int fd = -1;
		bool cut = false;
		size_t want = length - m->payload.n < PACKET_LIMIT ? length - m->payload.n : PACKET_LIMIT;
		if (!buf_reserve(&m->payload, want))
			return err_set(err, -E2BIG, "proc.message_too_big", ARG_U64("limit", PROC_MESSAGE_LIMIT));
		ssize_t n = receive_packet(c, m->payload.p + m->payload.n, want, &fd, &cut);
		file_close(&fd);
		if (n <= 0)
			return packet_failed(c, n, err);
		if (cut || (size_t)n != want)
			return protocol_error(c, err, "packet size");
		m->payload.n += (size_t)n;
		m->payload.p[m->payload.n] = '\0';
	}
	return 0;
}

static int receive_message(struct proc_channel *c, struct proc_message *m, uint32_t *ret_wire_id, struct err *err)
{
	struct header head;
	bool cut = false;
	int fd = -1;
	cleanup_buf_secret struct buf first = BUF_INIT(sizeof(head) + PACKET_LIMIT);
	(void)buf_reserve(&first, first.max);
	ssize_t n = receive_packet(c, first.p, first.max, &fd, &cut);
	if (n <= 0)
		return packet_failed(c, n, err);
	*m = proc_message_init(0);
	if (fd >= 0)
		proc_put_fd(m, fd);
	if (cut || (fd >= 0 && !c->accepts_fds))
		return protocol_error(c, err, "descriptors");
	if ((size_t)n < sizeof(head))
		return protocol_error(c, err, "header");
	memcpy(&head, first.p, sizeof(head));
	size_t length = (size_t)n - sizeof(head);
	size_t expected = head.length < PACKET_LIMIT ? head.length : PACKET_LIMIT;
	if (head.magic != MAGIC || head.length > c->limit || length != expected)
		return protocol_error(c, err, "header");
	m->type = head.type;
	m->id = head.id & ~REQUEST_BIT;
	*ret_wire_id = head.id;
	buf_append(&m->payload, str_n(first.p + sizeof(head), length));
	return receive_rest(c, m, head.length, err);
}

static int receive_any(struct proc_channel *c, struct proc_message *m, uint32_t *ret_wire_id, struct err *err)
{
	*m = (struct proc_message){.fd = -1};
	int r = receive_message(c, m, ret_wire_id, err);
	if (r < 0)
		proc_message_done(m);
	return r;
}

static int wait_readable(struct proc_channel *c, int timeout_ms, struct err *err)
{
	usec_t end = clock_monotonic() + timeout_ms * USEC_PER_MS;
	for (;;) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		int r = poll(&p, 1, timeout_ms);
		if (r >= 0)
			return r;
		if (errno != EINTR)
			return err_errno(err, errno, "poll", STR_EMPTY);
		if (timeout_ms >= 0) {
			usec_t left = end - clock_monotonic();
			timeout_ms = left > 0 ? (int)(left / USEC_PER_MS) : 0;
		}
	}
}

int proc_receive(struct proc_channel *c, struct proc_message *m, int timeout_ms, struct err *err)
{
	uint32_t wire_id;
	int r = wait_readable(c, timeout_ms, err);
	if (r <= 0)
		return r;
	r = receive_any(c, m, &wire_id, err);
	return r < 0 ? r : 1;
}

/* wait_lock is held. */
static void waiter_remove(struct proc_channel *c, const struct waiter *w)
{
	for (struct waiter **p = &c->waiters; *p != NULL; p = &(*p)->next)
		if (*p == w) {
			*p = w->next;
			return;
		}
}

/* wait_lock is held. An id that nobody waits for any more is skipped when the numbers wrap. */
static uint32_t next_id(struct proc_channel *c)
{
	for (;;) {
		bool taken = false;
		c->last_id = (c->last_id + 1) & ~REQUEST_BIT;
		for (const struct waiter *w = c->waiters; w != NULL; w = w->next)
			taken |= w->id == c->last_id;
		if (c->last_id != 0 && !taken)
			return c->last_id;
	}
}

static int wait_answer(struct proc_channel *c, struct waiter *w, int timeout_ms, struct err *err)
{
	usec_t end = clock_monotonic() + timeout_ms * USEC_PER_MS;
	struct timespec until = {.tv_sec = end / USEC_PER_SEC, .tv_nsec = end % USEC_PER_SEC * 1000};
	int r = 0;
	while (!w->answered && !c->ended && r != ETIMEDOUT)
		r = timeout_ms < 0 ? pthread_cond_wait(&c->answered, &c->wait_lock)
				   : pthread_cond_timedwait(&c->answered, &c->wait_lock, &until);
	waiter_remove(c, w);
	if (w->answered)
		return 0;
	return c->ended ? gone(err) : err_set(err, -ETIMEDOUT, "proc.no_answer");
}

int proc_call(struct proc_channel *c, struct proc_message *m, struct proc_message *ret_reply, int timeout_ms,
	      struct err *err)
{
	struct waiter w = {.reply = ret_reply};
	(void)pthread_mutex_lock(&c->wait_lock);
	w.id = m->id = next_id(c);
	w.next = c->waiters;
	c->waiters = &w;
	(void)pthread_mutex_unlock(&c->wait_lock);
	int r = send_message(c, m, w.id | REQUEST_BIT, err);
	(void)pthread_mutex_lock(&c->wait_lock);
	if (r == 0) {
		r = wait_answer(c, &w, timeout_ms, err);
	} else {
		waiter_remove(c, &w);
		if (w.answered)
			proc_message_done(ret_reply);
	}
	(void)pthread_mutex_unlock(&c->wait_lock);
	return r;
}

/* Hands a reply to the thread that waits for it; nobody does any more: dropped. */
static void deliver(struct proc_channel *c, struct proc_message *m)
{
	bool taken = false;
	(void)pthread_mutex_lock(&c->wait_lock);
	for (struct waiter *w = c->waiters; w != NULL && !taken; w = w->next)
		if (w->id == m->id && !w->answered) {
			*w->reply = *m;
			w->answered = taken = true;
		}
	if (taken)
		(void)pthread_cond_broadcast(&c->answered);
	(void)pthread_mutex_unlock(&c->wait_lock);
	if (!taken)
		proc_message_done(m);
}

int proc_serve(struct proc_channel *c, proc_handler handler, void *ctx, struct err *err)
{
	for (;;) {
		struct proc_message m;
		uint32_t wire_id = 0;
		int r = wait_readable(c, -1, err);
		if (r > 0)
			r = receive_any(c, &m, &wire_id, err);
		if (r < 0) {
			proc_channel_shutdown(c);
			return r;
		}
		if (wire_id != 0 && (wire_id & REQUEST_BIT) == 0) {
			deliver(c, &m);
		} else {
			handler(c, &m, ctx);
			proc_message_done(&m);
		}
	}
}
