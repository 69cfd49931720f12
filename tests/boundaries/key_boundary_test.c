/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The real key process under everything but its three requests: it refuses, and lives on. LUYTRE_SERVER names the
 * program. This test plays the supervisor and core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "platform/proc/proc.h"
#include "platform/proc/proc_control.h"
#include "program/server/key_protocol.h"

enum { ANSWER_MS = 60000 };

static struct {
	char dir[64];
	pid_t pid;
	struct proc_channel *control, *link;
	int raw; /* the link's other descriptor, for what no channel would send */
} key;

static void link_up(void)
{
	int ends[2];
	struct proc_message m = proc_message_init(PROC_CONTROL_LINK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	proc_put_str(&m, STR("core"));
	proc_put_fd(&m, ends[1]);
	assert_int_equal(proc_send(key.control, &m, NULL), 0);
	proc_message_done(&m);
	proc_channel_free(key.link);
	key.raw = ends[0];
	key.link = proc_channel_new(ends[0]);
}

/* Waits for the process's word on the control channel, answering nothing. */
static void await_ready(void)
{
	struct proc_message m;
	for (;;) {
		assert_int_equal(proc_receive(key.control, &m, ANSWER_MS, NULL), 1);
		bool ready = m.type == PROC_CONTROL_READY;
		proc_message_done(&m);
		if (ready)
			return;
	}
}

static int set_up(void **state)
{
	int control[2];
	char folder[80];
	const char *program = getenv("LUYTRE_SERVER");
	(void)state;
	str_copy_c(STR("/tmp/luytre-key-boundary-XXXXXX"), key.dir, sizeof key.dir);
	if (program == NULL || mkdtemp(key.dir) == NULL ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		return -1;
	(void)snprintf(folder, sizeof folder, "%s/key", key.dir);
	if (mkdir(folder, 0700) < 0)
		return -1;
	key.pid = fork();
	if (key.pid == 0) {
		if (control[1] == PROC_CONTROL_FD)
			(void)fcntl(control[1], F_SETFD, 0);
		else
			(void)dup2(control[1], PROC_CONTROL_FD);
		(void)execl(program, program, "--role", "key", "--config", "/dev/null", "--data", key.dir, NULL);
		_exit(127);
	}
	(void)close(control[1]);
	key.control = proc_channel_new(control[0]);
	await_ready();
	link_up();
	return 0;
}

static int tear_down(void **state)
{
	int status = 0;
	char text[64], name[] = "rm", recursive[] = "-rf";
	char *const argv[] = {name, recursive, text, NULL};
	(void)state;
	struct proc_message stop = proc_message_init(PROC_CONTROL_STOP);
	(void)!proc_send(key.control, &stop, NULL);
	proc_message_done(&stop);
	bool orderly = waitpid(key.pid, &status, 0) == key.pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	proc_channel_free(key.link);
	proc_channel_free(key.control);
	str_copy_c(str_c(key.dir), text, sizeof text);
	pid_t pid = fork();
	if (pid == 0) {
		(void)execvp("rm", argv);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
	return orderly ? 0 : -1;
}

/* Sends m (freed) and returns the answer's type. */
static uint32_t ask(struct proc_message m, struct proc_message *reply)
{
	/* No number: a question, not an answer to one. */
	assert_int_equal(proc_send(key.link, &m, NULL), 0);
	proc_message_done(&m);
	assert_int_equal(proc_receive(key.link, reply, ANSWER_MS, NULL), 1);
	return reply->type;
}

/* The same process answers what is public. */
static void check_alive(void)
{
	struct proc_message reply;
	assert_int_equal(waitpid(key.pid, NULL, WNOHANG), 0);
	assert_int_equal(ask(proc_message_init(KEY_PUBLIC), &reply), KEY_DONE);
	assert_true(str_starts_with(proc_get_str(&reply, 65536), STR("-----BEGIN CERTIFICATE-----")));
	proc_message_done(&reply);
}

/* Every other kind there could be, with no field, a text, a number. */
static void other_kinds(void **state)
{
	(void)state;
	for (uint32_t type = 0; type < 0x400; type++)
		for (unsigned shape = 0; shape < 3; shape++) {
			struct proc_message m = proc_message_init(type), reply;
			if ((type >= KEY_SIGN_CSR && type <= KEY_SIGN_DOCUMENT) || (type == KEY_PUBLIC && shape == 0))
				continue;
			if (shape == 1)
				proc_put_str(&m, STR("text"));
			else if (shape == 2)
				proc_put_u64(&m, UINT64_MAX);
			assert_int_equal(ask(m, &reply), KEY_REFUSED);
			proc_message_done(&reply);
		}
	check_alive();
}

/* The three kinds, with anything but their shape. */
static void other_shapes(void **state)
{
	static const uint32_t kinds[] = {KEY_SIGN_CSR, KEY_SIGN_BUNDLE, KEY_SIGN_DOCUMENT};
	struct buf big = BUF_INIT(PROC_MESSAGE_LIMIT);
	(void)state;
	while (big.n < PROC_MESSAGE_LIMIT / 2)
		buf_append_c(&big, "0123456789abcdef");
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (unsigned shape = 0; shape < 6; shape++) {
			struct proc_message m = proc_message_init(kinds[k]), reply;
			if (shape == 1)
				proc_put_u64(&m, 7);
			else if (shape == 2)
				proc_put_str(&m, buf_str(&big)); /* four megabytes */
			else if (shape == 3)
				buf_append_c(&m.payload, "no field at all");
			else if (shape == 4)
				buf_append(&m.payload, str_n("s\xff\xff\xff\xff", 5)); /* a text of four gigabytes */
			else if (shape == 5)
				for (unsigned i = 0; i < 1000; i++)
					proc_put_str(&m, STR("x"));
			assert_int_equal(ask(m, &reply), KEY_REFUSED);
			proc_message_done(&reply);
		}
	buf_done(&big);
	check_alive();
}

/* Packets that are no messages end the link; the process takes a new one. */
static void no_messages(void **state)
{
	static const size_t sizes[] = {1, 7, 15, 64, 4096, 60000};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct buf noise = BUF_INIT(65536);
		while (noise.n < sizes[i])
			buf_append_char(&noise, (char)(0xA5 ^ (noise.n * 31)));
		assert_int_equal(send(key.raw, noise.p, noise.n, MSG_NOSIGNAL), (ssize_t)noise.n);
		buf_done(&noise);
		struct proc_message m;
		int r;
		while ((r = proc_receive(key.link, &m, ANSWER_MS, NULL)) == 1)
			proc_message_done(&m);
		assert_true(r < 0);
		link_up();
		check_alive();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(other_kinds),
	    cmocka_unit_test(other_shapes),
	    cmocka_unit_test(no_messages),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
