/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/proc/proc_starter.h"

/* cat: says back what it is told, ends at the end. */
static void a_program_talks_over_its_descriptor(void **state)
{
	cleanup(proc_starter) struct proc_starter *s = NULL;
	int ends[2];
	pid_t pid = 0;
	(void)state;
	assert_int_equal(proc_starter_new("/bin/cat", &s, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(proc_starter_start(s, ends[1], &pid, NULL), 0);
	(void)close(ends[1]);
	assert_true(pid > 0 && kill(pid, 0) == 0);
	(void)close(ends[0]);
	proc_starter_end(s, pid);
	assert_int_equal(kill(pid, 0), -1);
}

/* One that does not end is killed; others are not ours to end. */
static void the_stubborn_is_killed(void **state)
{
	cleanup(proc_starter) struct proc_starter *s = NULL;
	int ends[2];
	pid_t pid = 0;
	(void)state;
	assert_int_equal(proc_starter_new("/bin/cat", &s, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(proc_starter_start(s, ends[1], &pid, NULL), 0);
	pid_t bystander = fork();
	if (bystander == 0)
		for (;;)
			(void)pause();
	proc_starter_end(s, bystander);
	proc_starter_end(s, 0);
	proc_starter_end(s, -1);
	assert_int_equal(kill(bystander, 0), 0);
	(void)kill(bystander, SIGKILL);
	proc_starter_end(s, pid); /* our end is still open, so it waits for more */
	assert_int_equal(kill(pid, 0), -1);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void limits_and_failures(void **state)
{
	cleanup(proc_starter) struct proc_starter *s = NULL, *none = NULL;
	struct err err = {0};
	int ends[2];
	pid_t pids[9] = {0};
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(proc_starter_new("/no/such/program", &none, NULL), 0);
	assert_true(proc_starter_start(none, ends[1], pids, &err) < 0);
	assert_int_equal(proc_starter_new("/bin/cat", &s, NULL), 0);
	assert_true(proc_starter_start(s, -1, pids, &err) < 0);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(proc_starter_start(s, ends[1], &pids[i], &err), 0);
	assert_true(proc_starter_start(s, ends[1], &pids[8], &err) < 0);
	proc_starter_end(s, pids[3]);
	assert_int_equal(proc_starter_start(s, ends[1], &pids[8], &err), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
	for (size_t i = 0; i < 9; i++)
		proc_starter_end(s, pids[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_program_talks_over_its_descriptor),
	    cmocka_unit_test(the_stubborn_is_killed),
	    cmocka_unit_test(limits_and_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
