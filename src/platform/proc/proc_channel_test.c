/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "platform/proc/proc.h"

struct pair {
	struct proc_channel *a, *b;
	int raw; /* the far end of a, when b is not made */
};

static struct pair make_pair(bool raw)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	return (struct pair){proc_channel_new(fds[0]), raw ? NULL : proc_channel_new(fds[1]), raw ? fds[1] : -1};
}

static void pair_done(struct pair *p)
{
	proc_channel_free(p->a);
	proc_channel_free(p->b);
	if (p->raw >= 0)
		(void)close(p->raw);
}

static void *send_big(void *arg)
{
	struct proc_channel *c = arg;
	for (size_t n = 0; n < 5; n++) {
		struct proc_message m = proc_message_init((uint32_t)n);
		cleanup_buf struct buf body = BUF_INIT(PROC_MESSAGE_LIMIT);
		while (body.n < n * 1500000)
			buf_append(&body, STR("0123456789abcdef"));
		proc_put_str(&m, buf_str(&body));
		assert_int_equal(proc_send(c, &m, NULL), 0);
		proc_message_done(&m);
	}
	return NULL;
}

/* Two senders at once: long messages arrive whole and never mixed. */
static void long_messages(void **state)
{
	struct pair p = make_pair(false);
	pthread_t threads[2];
	size_t total = 0;
	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_big, p.a), 0);
	for (size_t i = 0; i < 10; i++) {
		struct proc_message m;
		assert_int_equal(proc_receive(p.b, &m, 5000, NULL), 1);
		struct str s = proc_get_str(&m, PROC_MESSAGE_LIMIT);
		assert_true(proc_message_complete(&m));
		assert_true(s.n >= m.type * 1500000 && s.n < m.type * 1500000 + 16);
		for (size_t at = 0; at < s.n; at += 16)
			assert_memory_equal(s.p + at, "0123456789abcdef", 16);
		total += s.n;
		proc_message_done(&m);
	}
	assert_true(total >= 30000000);
	for (size_t i = 0; i < 2; i++)
		(void)pthread_join(threads[i], NULL);
	pair_done(&p);
}

static void too_long_is_not_sent(void **state)
{
	struct pair p = make_pair(false);
	struct proc_message m = proc_message_init(1), got;
	struct err err = {0};
	(void)state;
	for (size_t i = 0; i <= PROC_MESSAGE_LIMIT / 65536; i++) {
		static const char block[65536];
		buf_append(&m.payload, str_n(block, sizeof(block)));
	}
	assert_int_equal(proc_send(p.a, &m, &err), -E2BIG);
	proc_message_done(&m);
	m = proc_message_init(2);
	assert_int_equal(proc_send(p.a, &m, &err), 0);
	assert_int_equal(proc_receive(p.b, &got, 1000, &err), 1);
	assert_int_equal(got.type, 2);
	proc_message_done(&got);
	pair_done(&p);
}

/* Answers type 1 with the number doubled, type 2 never, type 3 after the next type 1. */
static void answer(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	uint32_t *late = ctx;
	uint64_t v = proc_get_u64(m);
	if (m->type == 3)
		*late = m->id;
	if (m->type != 1)
		return;
	if (*late != 0) {
		struct proc_message old = proc_message_init(9);
		old.id = *late;
		*late = 0;
		assert_int_equal(proc_send(c, &old, NULL), 0);
	}
	struct proc_message reply = proc_message_reply(m, 1);
	proc_put_u64(&reply, 2 * v);
	assert_int_equal(proc_send(c, &reply, NULL), 0);
	proc_message_done(&reply);
}

static void ignore(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	(void)c;
	(void)m;
	(void)ctx;
}

static void *serve_answers(void *arg)
{
	uint32_t late = 0;
	assert_int_equal(proc_serve(arg, answer, &late, NULL), -EPIPE);
	return NULL;
}

static void *serve_replies(void *arg)
{
	(void)!proc_serve(arg, ignore, NULL, NULL);
	return NULL;
}

static void *call_many(void *arg)
{
	for (uint64_t i = 0; i < 200; i++) {
		struct proc_message m = proc_message_init(1), reply;
		proc_put_u64(&m, i);
		assert_int_equal(proc_call(arg, &m, &reply, 5000, NULL), 0);
		assert_true(proc_get_u64(&reply) == 2 * i && proc_message_complete(&reply));
		proc_message_done(&reply);
		proc_message_done(&m);
	}
	return NULL;
}

static void calls_interleave(void **state)
{
	struct pair p = make_pair(false);
	pthread_t servers[2], callers[4];
	(void)state;
	assert_int_equal(pthread_create(&servers[0], NULL, serve_replies, p.a), 0);
	assert_int_equal(pthread_create(&servers[1], NULL, serve_answers, p.b), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, call_many, p.a), 0);
	for (size_t i = 0; i < 4; i++)
		(void)pthread_join(callers[i], NULL);
	struct proc_message m = proc_message_init(3), reply;
	proc_put_u64(&m, 1);
	assert_int_equal(proc_call(p.a, &m, &reply, 50, NULL), -ETIMEDOUT);
	/* The late answer to the call above comes first and wakes nobody. */
	(void)call_many(p.a);
	proc_message_done(&m);
	proc_channel_shutdown(p.a);
	for (size_t i = 0; i < 2; i++)
		(void)pthread_join(servers[i], NULL);
	pair_done(&p);
}

static void *die_soon(void *arg)
{
	struct proc_message m;
	assert_int_equal(proc_receive(arg, &m, 5000, NULL), 1);
	proc_message_done(&m);
	proc_channel_shutdown(arg);
	return NULL;
}

static void a_dead_peer_ends_calls(void **state)
{
	struct pair p = make_pair(false);
	pthread_t server, peer;
	struct proc_message m = proc_message_init(2), reply;
	struct err err = {0};
	(void)state;
	assert_int_equal(pthread_create(&server, NULL, serve_replies, p.a), 0);
	assert_int_equal(pthread_create(&peer, NULL, die_soon, p.b), 0);
	assert_int_equal(proc_call(p.a, &m, &reply, -1, &err), -EPIPE);
	assert_string_equal(err.key, "proc.peer_gone");
	assert_int_equal(proc_send(p.a, &m, &err), -EPIPE);
	(void)pthread_join(server, NULL);
	(void)pthread_join(peer, NULL);
	pair_done(&p);
}

static void times_out_and_ends(void **state)
{
	struct pair p = make_pair(true);
	struct proc_message m;
	(void)state;
	assert_int_equal(proc_receive(p.a, &m, 10, NULL), 0);
	(void)close(p.raw);
	p.raw = -1;
	assert_int_equal(proc_receive(p.a, &m, 1000, NULL), -EPIPE);
	pair_done(&p);
}

/* Bytes that no channel of ours would send. */
static void garbage_is_a_protocol_error(void **state)
{
	static const struct str rows[] = {
	    {"x", 1},
	    {"LTM1", 4},
	    {"LTM1\1\0\0\0\1\0\0\0\0\0\0", 15},
	    {"LTM2\1\0\0\0\1\0\0\0\0\0\0\0", 16},         /* magic */
	    {"LTM1\1\0\0\0\1\0\0\0\1\0\0\0", 16},         /* announces a byte, brings none */
	    {"LTM1\1\0\0\0\1\0\0\0\0\0\0\0x", 17},        /* the other way round */
	    {"LTM1\1\0\0\0\1\0\0\0\xff\xff\xff\xff", 16}, /* over the limit */
	    {"LTM1\1\0\0\0\1\0\0\0\1\0\x80\0x", 17},      /* just over the limit */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pair p = make_pair(true);
		struct proc_message m;
		struct err err = {0};
		assert_int_equal(send(p.raw, rows[i].p, rows[i].n, 0), rows[i].n);
		assert_int_equal(proc_receive(p.a, &m, 1000, &err), -EPROTO);
		assert_string_equal(err.key, "proc.protocol");
		pair_done(&p);
	}
}

static void a_limit_of_ones_own(void **state)
{
	struct pair p = make_pair(false);
	struct proc_message m = proc_message_init(1), got;
	(void)state;
	proc_channel_set_limit(p.b, 100);
	for (unsigned i = 0; i < 9; i++)
		proc_put_u64(&m, i);
	assert_int_equal(proc_send(p.a, &m, NULL), 0);
	assert_int_equal(proc_receive(p.b, &got, 1000, NULL), 1);
	proc_message_done(&got);
	for (unsigned i = 0; i < 9; i++)
		proc_put_u64(&m, i);
	assert_int_equal(proc_send(p.a, &m, NULL), 0);
	assert_int_equal(proc_receive(p.b, &got, 1000, NULL), -EPROTO);
	proc_message_done(&m);
	pair_done(&p);
}

/* A descriptor arrives only where it is welcome, and is never left open. */
static void descriptors(void **state)
{
	(void)state;
	for (unsigned welcome = 0; welcome < 2; welcome++) {
		struct pair p = make_pair(false);
		struct proc_message m = proc_message_init(1), got;
		int ends[2], copy = -1;
		char byte = 0;
		assert_int_equal(pipe(ends), 0);
		if (welcome != 0)
			proc_channel_accept_fds(p.b);
		proc_put_fd(&m, ends[1]);
		assert_int_equal(proc_send(p.a, &m, NULL), 0);
		proc_message_done(&m);
		assert_int_equal(proc_receive(p.b, &got, 1000, NULL), welcome != 0 ? 1 : -EPROTO);
		if (welcome != 0) {
			copy = proc_take_fd(&got);
			assert_int_equal(write(copy, "!", 1), 1);
			assert_int_equal(read(ends[0], &byte, 1), 1);
			(void)close(copy);
			proc_message_done(&got);
		}
		/* Nobody holds the writing end any more. */
		assert_int_equal(read(ends[0], &byte, 1), 0);
		(void)close(ends[0]);
		pair_done(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(long_messages),       cmocka_unit_test(too_long_is_not_sent),
	    cmocka_unit_test(calls_interleave),    cmocka_unit_test(a_dead_peer_ends_calls),
	    cmocka_unit_test(times_out_and_ends),  cmocka_unit_test(garbage_is_a_protocol_error),
	    cmocka_unit_test(a_limit_of_ones_own), cmocka_unit_test(descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
