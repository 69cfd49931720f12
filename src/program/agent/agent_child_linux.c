/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_child_linux.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"

static int spawn(const struct agent_child *child, int in, int out, pid_t *ret, struct err *err)
{
	static char *const empty[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	int r = posix_spawn(ret, child->path, &actions, &attributes, child->arguments,
	                    child->environment != NULL ? child->environment : empty);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return r == 0 ? 0 : err_errno(err, r, "posix_spawn", str_c(child->path));
}

/* Until the other end is closed or the time is over. */
static bool read_all(int fd, usec_t until, struct buf *out)
{
	for (;;) {
		char bytes[4096];
		struct pollfd p = {.fd = fd, .events = POLLIN};
		usec_t left = until - clock_monotonic();
		if (left <= 0 || poll(&p, 1, (int)(left / USEC_PER_MS) + 1) < 0)
			return false;
		ssize_t n = p.revents != 0 ? read(fd, bytes, sizeof bytes) : -1;
		if (n == 0)
			return true;
		if (n > 0)
			buf_append(out, str_n(bytes, (size_t)n));
	}
}

int agent_child_run(const struct agent_child *child, struct buf *out, struct err *err)
{
	int in[2], back[2], status = 0;
	pid_t pid;
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_errno(err, errno, "pipe2", STR_EMPTY);
	if (pipe2(back, O_CLOEXEC) < 0) {
		int number = errno;
		file_close(&in[0]);
		file_close(&in[1]);
		return err_errno(err, number, "pipe2", STR_EMPTY);
	}
	int r = spawn(child, in[0], back[1], &pid, err);
	file_close(&in[0]);
	file_close(&back[1]);
	/* One that does not read it all says so by its status. */
	if (r >= 0 && child->input.n > 0 && file_write_all(in[1], child->input, NULL) < 0)
		log_debug("a program did not read its input", ARG_CSTR("program", child->path));
	file_close(&in[1]);
	if (r >= 0) {
		bool ended = read_all(back[0], clock_monotonic() + child->timeout, out);
		if (!ended)
			(void)kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		r = !ended              ? err_set(err, -ETIMEDOUT, "agent.child_timeout", ARG_CSTR("program", child->path))
		    : WIFEXITED(status) ? WEXITSTATUS(status)
		                        : 128 + WTERMSIG(status);
	}
	file_close(&back[0]);
	return r;
}
