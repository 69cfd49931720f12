/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The test program is its own supervisor and its own roles: it runs itself again with a role's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "platform/proc/proc_role.h"
#include "platform/proc/proc_supervisor.h"

static const char *self;

/* One line, whole, to the test that reads our stdout. */
static void say(const char *what, const char *who, long number)
{
	char line[128];
	struct buf b = BUF_FIXED(line, sizeof(line));
	buf_printf(&b, "%s %s %ld\n", what, who, number);
	(void)!write(STDOUT_FILENO, b.p, b.n);
}

static void ignore(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	(void)c;
	(void)m;
	(void)ctx;
}

/* Type 2: breaks the link without dying. */
static void answer_pid(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	struct proc_message reply = proc_message_reply(m, 1);
	(void)ctx;
	if (m->type == 2) {
		proc_channel_shutdown(c);
		return;
	}
	proc_put_u64(&reply, (uint64_t)getpid());
	(void)!proc_send(c, &reply, NULL);
	proc_message_done(&reply);
}

static void say_settings(struct str settings, void *ctx)
{
	const char *who = ctx;
	/* Whoever does not wait for b hears of it first. */
	if (strcmp(who, "b") == 0)
		(void)usleep(300000);
	say("settings", who, (long)settings.n);
}

static int role_b(void)
{
	static const struct proc_role_peer peers[] = {{.name = "a", .handler = answer_pid}};
	cleanup(proc_role) struct proc_role *role = NULL;
	if (proc_role_start(peers, 1, &role, NULL) < 0 || proc_role_ready(role, NULL) < 0)
		return 1;
	char b[] = "b";
	proc_role_on_reload(role, say_settings, b);
	proc_role_wait_stop(role);
	say("stopped", "b", 0);
	return 0;
}

/* The supervisor's news: how often b was started again. */
static void say_processes(struct proc_role *role)
{
	struct proc_process list[PROC_PROCESSES_MAX];
	size_t n = proc_role_processes(role, list);
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, "b") == 0 && list[i].state != PROC_STATE_DOWN && list[i].since > 0)
			say("restarts", "b", (long)list[i].restarts);
}

/* Asks b for its pid again and again, telling each new answer. */
static void ask(struct proc_role *role)
{
	uint64_t last = 0;
	for (unsigned i = 0; i < 2000; i++) {
		struct proc_message m = proc_message_init(1), reply;
		if (proc_role_call(role, "b", &m, &reply, 5000, NULL) == 0) {
			uint64_t pid = proc_get_u64(&reply);
			if (proc_message_complete(&reply) && pid != last)
				say("heard", "b", (long)pid);
			if (pid != last)
				say_processes(role);
			last = pid;
			proc_message_done(&reply);
		}
		proc_message_done(&m);
		(void)usleep(5000);
		if (getppid() == 1)
			return;
	}
}

/* Breaks the link first, then asks over the one that takes its place. */
static void *ask_thread(void *arg)
{
	struct proc_message m = proc_message_init(2), reply;
	if (proc_role_call(arg, "b", &m, &reply, 5000, NULL) == -EPIPE)
		say("broken", "b", 0);
	proc_message_done(&m);
	ask(arg);
	return NULL;
}

static int role_a(void)
{
	static const struct proc_role_peer peers[] = {{.name = "b", .handler = ignore}};
	struct proc_role *role = NULL;
	pthread_t thread;
	if (proc_role_start(peers, 1, &role, NULL) < 0 || proc_role_ready(role, NULL) < 0 ||
	    pthread_create(&thread, NULL, ask_thread, role) != 0)
		return 1;
	char a[] = "a";
	proc_role_on_reload(role, say_settings, a);
	proc_role_wait_stop(role);
	say("stopped", "a", 0);
	_exit(0);
}

static void told(enum proc_event event, const struct proc_child *child, pid_t pid, int status, usec_t next, void *ctx)
{
	(void)status;
	(void)ctx;
	if (event == PROC_EVENT_STARTED)
		say("started", child->name, pid);
	else if (event == PROC_EVENT_ENDED)
		say("pause", child->name, (long)(next / USEC_PER_MS));
}

/* One byte more each time. */
static bool reload(struct buf *settings, struct buf *status, void *ctx)
{
	static size_t times;
	(void)ctx;
	for (size_t i = 0; i <= times; i++)
		buf_append_char(settings, 'x');
	times++;
	buf_append_c(status, "read again");
	return true;
}

static int supervise(void)
{
	const char *const argv_a[] = {self, "a", NULL}, *const argv_b[] = {self, "b", NULL};
	const char *const argv_plain[] = {"/bin/sleep", "1000", NULL};
	const struct proc_child children[] = {
	    {.name = "plain", .argv = argv_plain},
	    {.name = "b", .argv = argv_b, .is_role = true},
	    {.name = "a", .argv = argv_a, .is_role = true},
	};
	const struct proc_pair pairs[] = {{"a", "b"}};
	const struct proc_supervisor config = {.children = children,
					       .child_count = 3,
					       .pairs = pairs,
					       .pair_count = 1,
					       .stop_timeout_s = 5,
					       .silence_limit = 1500 * USEC_PER_MS,
					       .on_event = told,
					       .reload = reload};
	return proc_supervise(&config, NULL) == 0 ? 0 : 1;
}

struct fixture {
	pid_t pid;
	FILE *lines;
};

static struct fixture run_supervisor(void)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)execl(self, self, "supervisor", (char *)NULL);
		_exit(1);
	}
	(void)close(ends[1]);
	return (struct fixture){pid, fdopen(ends[0], "r")};
}

/* Reads on until a line "what who N" comes, and returns N; -1 at the end. */
static long expect(struct fixture *f, const char *what, const char *who)
{
	char line[128], want[64];
	struct buf b = BUF_FIXED(want, sizeof(want));
	buf_printf(&b, "%s %s ", what, who);
	while (fgets(line, sizeof(line), f->lines) != NULL) {
		int64_t n = 0;
		struct str s = str_trim(str_c(line));
		if (str_starts_with(s, buf_str(&b)) && str_parse_i64(str_sub(s, b.n, s.n), 0, INT64_MAX, &n))
			return (long)n;
	}
	return -1;
}

static int finish(struct fixture *f, int signal)
{
	int status = 0;
	assert_int_equal(kill(f->pid, signal), 0);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	return status;
}

static void a_dead_role_comes_back_and_is_linked_anew(void **state)
{
	struct fixture f = run_supervisor();
	(void)state;
	long b = expect(&f, "started", "b"), a = expect(&f, "started", "a");
	assert_int_equal(expect(&f, "broken", "b"), 0);
	assert_int_equal(expect(&f, "heard", "b"), b);
	assert_int_equal(expect(&f, "restarts", "b"), 0);
	usec_t killed_at = clock_monotonic();
	assert_int_equal(kill((pid_t)b, SIGKILL), 0);
	long again = expect(&f, "heard", "b");
	assert_true(again > 0 && again != b);
	assert_true(clock_monotonic() - killed_at < 2 * USEC_PER_SEC); /* no pause, and start */
	assert_int_equal(expect(&f, "restarts", "b"), 1);
	/* The other side of the pair, too. */
	assert_int_equal(kill((pid_t)a, SIGKILL), 0);
	assert_true(expect(&f, "started", "a") != a);
	assert_int_equal(expect(&f, "heard", "b"), again);
	assert_int_equal(finish(&f, SIGTERM), 0);
	(void)fclose(f.lines);
}

static void pauses_grow(void **state)
{
	/* Ten deaths are forgiven (some more when the lives between them are long), then it is slow and slower. */
	static const long pauses_ms[] = {200, 400, 800};
	struct fixture f = run_supervisor();
	(void)state;
	unsigned forgiven = 0;
	for (size_t i = 0; i < ARRAY_LEN(pauses_ms);) {
		long b = expect(&f, "started", "b");
		assert_int_equal(kill((pid_t)b, SIGKILL), 0);
		long pause = expect(&f, "pause", "b");
		if (i == 0 && pause < pauses_ms[0])
			assert_true(++forgiven < 30);
		else
			assert_int_equal(pause, pauses_ms[i++]);
	}
	assert_true(forgiven >= 10);
	assert_int_equal(finish(&f, SIGINT), 0);
	(void)fclose(f.lines);
}

/* It lives, but does nothing: as good as dead. The others are left alone. */
static void a_silent_role_is_replaced(void **state)
{
	struct fixture f = run_supervisor();
	(void)state;
	long b = expect(&f, "started", "b");
	assert_true(expect(&f, "heard", "b") > 0);
	usec_t stopped_at = clock_monotonic();
	assert_int_equal(kill((pid_t)b, SIGSTOP), 0);
	assert_true(expect(&f, "pause", "b") < 200);
	assert_true(clock_monotonic() - stopped_at > USEC_PER_SEC);
	long again = expect(&f, "heard", "b");
	assert_true(again > 0 && again != b);
	(void)sleep(2);
	assert_int_equal(finish(&f, SIGTERM), 0);
	assert_int_equal(expect(&f, "pause", "a"), 0);
	(void)fclose(f.lines);
}

static void stops_in_reverse_order(void **state)
{
	struct fixture f = run_supervisor();
	(void)state;
	assert_true(expect(&f, "heard", "b") > 0);
	assert_int_equal(kill(f.pid, SIGTERM), 0);
	assert_int_equal(expect(&f, "stopped", "a"), 0);
	assert_int_equal(expect(&f, "stopped", "b"), 0);
	assert_int_equal(expect(&f, "pause", "plain"), 0);
	int status = 1;
	assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
	assert_int_equal(status, 0);
	(void)fclose(f.lines);
}

static void settings_reach_one_role_after_the_other(void **state)
{
	struct fixture f = run_supervisor();
	(void)state;
	assert_true(expect(&f, "heard", "b") > 0);
	assert_int_equal(kill(f.pid, SIGHUP), 0);
	assert_int_equal(expect(&f, "settings", "b"), 1);
	assert_int_equal(expect(&f, "settings", "a"), 1);
	assert_int_equal(kill(f.pid, SIGHUP), 0);
	assert_int_equal(expect(&f, "settings", "b"), 2);
	assert_int_equal(expect(&f, "settings", "a"), 2);
	assert_int_equal(finish(&f, SIGTERM), 0);
	(void)fclose(f.lines);
}

/* kill -9 of the supervisor takes every child with it: its stdout closes everywhere. */
static void children_die_with_the_supervisor(void **state)
{
	struct fixture f = run_supervisor();
	char rest[128];
	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	long plain = expect(&f, "started", "plain");
	assert_true(expect(&f, "heard", "b") > 0);
	(void)finish(&f, SIGKILL);
	while (fgets(rest, sizeof(rest), f.lines) != NULL)
		;
	assert_true(feof(f.lines));
	int status = 0;
	assert_int_equal(waitpid((pid_t)plain, &status, 0), plain);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	(void)fclose(f.lines);
}

static void assert_note(int fd, const char *want)
{
	char note[128] = {0};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	do {
		assert_int_equal(poll(&p, 1, 5000), 1);
		ssize_t n = recv(fd, note, sizeof(note) - 1, 0);
		assert_true(n > 0);
		note[n] = '\0';
	} while (strcmp(note, "WATCHDOG=1") == 0 && strcmp(want, "WATCHDOG=1") != 0);
	assert_string_equal(note, want);
}

static void systemd_is_told(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0luytre-test-"};
	char name[64];
	struct buf b = BUF_FIXED(name, sizeof(name));
	(void)state;
	buf_printf(&b, "@luytre-test-%ld", (long)getpid());
	memcpy(at.sun_path, b.p, b.n);
	at.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + b.n)),
			 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", b.p, 1), 0);
	assert_int_equal(setenv("WATCHDOG_USEC", "200000", 1), 0);
	struct fixture f = run_supervisor();
	assert_note(fd, "READY=1");
	assert_note(fd, "WATCHDOG=1");
	assert_note(fd, "WATCHDOG=1");
	assert_int_equal(kill(f.pid, SIGHUP), 0);
	assert_note(fd, "RELOADING=1\nSTATUS=read again");
	assert_note(fd, "READY=1");
	assert_int_equal(kill(f.pid, SIGTERM), 0);
	assert_note(fd, "STOPPING=1");
	int status = 1;
	assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)close(fd);
	(void)fclose(f.lines);
}

static void no_role_without_a_supervisor(void **state)
{
	int status = 0;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(3);
		(void)execl(self, self, "b", (char *)NULL);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(int argc, char **argv)
{
	static char path[4096];
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_dead_role_comes_back_and_is_linked_anew),
	    cmocka_unit_test(pauses_grow),
	    cmocka_unit_test(a_silent_role_is_replaced),
	    cmocka_unit_test(stops_in_reverse_order),
	    cmocka_unit_test(settings_reach_one_role_after_the_other),
	    cmocka_unit_test(systemd_is_told),
	    cmocka_unit_test(no_role_without_a_supervisor),
	    cmocka_unit_test(children_die_with_the_supervisor),
	};
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n < 0)
		return 1;
	self = path;
	if (argc > 1 && strcmp(argv[1], "a") == 0)
		return role_a();
	if (argc > 1 && strcmp(argv[1], "b") == 0)
		return role_b();
	if (argc > 1 && strcmp(argv[1], "supervisor") == 0)
		return supervise();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
