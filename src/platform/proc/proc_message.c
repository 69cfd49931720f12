/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/proc/proc.h"

#include <unistd.h>

/* One byte before each field: a reader and a writer that disagree are found out at the first field. */
enum tag { TAG_U64 = 'u', TAG_STR = 's', TAG_UUID = 'i' };

struct proc_message proc_message_init(uint32_t type)
{
	return (struct proc_message){.type = type, .payload = BUF_INIT(PROC_MESSAGE_LIMIT), .fd = -1};
}

struct proc_message proc_message_reply(const struct proc_message *m, uint32_t type)
{
	struct proc_message reply = proc_message_init(type);
	reply.id = m->id;
	return reply;
}

void proc_message_done(struct proc_message *m)
{
	buf_done_secret(&m->payload);
	if (m->has_fd)
		(void)close(m->fd);
	m->has_fd = false;
	m->fd = -1;
	m->at = 0;
}

int proc_take_fd(struct proc_message *m)
{
	int fd = m->has_fd ? m->fd : -1;
	m->has_fd = false;
	m->fd = -1;
	return fd;
}

void proc_put_fd(struct proc_message *m, int fd)
{
	m->has_fd = true;
	m->fd = fd;
}

static void put_tag(struct proc_message *m, enum tag tag)
{
	buf_append_char(&m->payload, (char)tag);
}

static void put_number(struct proc_message *m, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_append_char(&m->payload, (char)(v >> (8 * i)));
}

void proc_put_u64(struct proc_message *m, uint64_t v)
{
	put_tag(m, TAG_U64);
	put_number(m, v, 8);
}

void proc_put_str(struct proc_message *m, struct str s)
{
	put_tag(m, TAG_STR);
	put_number(m, s.n, 4);
	buf_append(&m->payload, s);
}

void proc_put_uuid(struct proc_message *m, const struct uuid *u)
{
	put_tag(m, TAG_UUID);
	buf_append(&m->payload, str_n(u->b, sizeof(u->b)));
}

static struct str take(struct proc_message *m, size_t n)
{
	if (m->failed || n > m->payload.n - m->at) {
		m->failed = true;
		return STR_EMPTY;
	}
	struct str s = str_n(m->payload.p + m->at, n);
	m->at += n;
	return s;
}

static bool take_tag(struct proc_message *m, enum tag tag)
{
	struct str s = take(m, 1);
	if (!m->failed && s.p[0] != (char)tag)
		m->failed = true;
	return !m->failed;
}

static uint64_t take_number(struct proc_message *m, unsigned bytes)
{
	struct str s = take(m, bytes);
	uint64_t v = 0;
	for (unsigned i = 0; i < s.n; i++)
		v |= (uint64_t)(unsigned char)s.p[i] << (8 * i);
	return v;
}

uint64_t proc_get_u64(struct proc_message *m)
{
	return take_tag(m, TAG_U64) ? take_number(m, 8) : 0;
}

struct str proc_get_str(struct proc_message *m, size_t limit)
{
	if (!take_tag(m, TAG_STR))
		return STR_EMPTY;
	size_t n = take_number(m, 4);
	if (n > limit)
		m->failed = true;
	return take(m, n);
}

struct uuid proc_get_uuid(struct proc_message *m)
{
	struct uuid u = {{0}};
	if (!take_tag(m, TAG_UUID))
		return u;
	struct str s = take(m, sizeof(u.b));
	if (s.n == sizeof(u.b))
		memcpy(u.b, s.p, s.n);
	return u;
}

bool proc_message_complete(const struct proc_message *m)
{
	return !m->failed && m->at == m->payload.n;
}
