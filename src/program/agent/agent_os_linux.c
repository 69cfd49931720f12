/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_os.h"

#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file/file.h"

int agent_os_sync(int fd)
{
	return fsync(fd);
}

int agent_os_sync_data(int fd)
{
	return fdatasync(fd);
}

void agent_os_sleep(usec_t t)
{
	struct timespec ts = {.tv_sec = t / USEC_PER_SEC, .tv_nsec = (long)(t % USEC_PER_SEC) * 1000};
	(void)nanosleep(&ts, NULL);
}

usec_t agent_os_uptime(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

const char *agent_os_state_dir(void)
{
	return "/var/lib/luytre-agent";
}

int agent_os_lock(const char *state_dir, struct err *err)
{
	struct buf path = BUF_INIT(4096);
	file_join(&path, str_c(state_dir), STR("lock"));
	int fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = 0;
	if (fd < 0)
		r = err_errno(err, errno, "open", buf_str(&path));
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = err_set(err, -EBUSY, "agent.already_running", ARG_CSTR("dir", state_dir));
	if (r < 0)
		file_close(&fd);
	buf_done(&path);
	return r; /* the descriptor stays open on purpose */
}

int agent_os_make_private_dir(const char *path, struct err *err)
{
	int r = file_make_dirs(path, 0700, err);
	if (r >= 0 && chmod(path, 0700) < 0)
		r = err_errno(err, errno, "chmod", str_c(path));
	return r;
}

void agent_os_owner(int fd, char *buf, size_t size)
{
	struct stat st;
	struct passwd entry, *found = NULL;
	char space[4096];
	buf[0] = '\0';
	if (fstat(fd, &st) == 0 && getpwuid_r(st.st_uid, &entry, space, sizeof space, &found) == 0 && found != NULL)
		str_copy_c(str_c(found->pw_name), buf, size);
}

int agent_os_open_for_scan(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

const bool agent_os_backslash = false;

char *agent_os_real_path(const char *path)
{
	return realpath(path, NULL);
}

void agent_os_extra_facts(struct buf *out)
{
	(void)out;
}

/* Blocked in every thread and taken by the waiting one only: no handler, nothing to be async-signal-safe about. */
static void wake_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGUSR1);
}

void agent_os_wait_setup(void)
{
	sigset_t set;
	wake_signals(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

enum agent_wake agent_os_wait(usec_t timeout)
{
	sigset_t set;
	wake_signals(&set);
	struct timespec ts = {.tv_sec = timeout / USEC_PER_SEC, .tv_nsec = (long)(timeout % USEC_PER_SEC) * 1000};
	int number = sigtimedwait(&set, NULL, &ts);
	if (number == SIGTERM || number == SIGINT)
		return AGENT_WAKE_STOP;
	return number == SIGUSR1 ? AGENT_WAKE_ASKED : AGENT_WAKE_TIME;
}

void agent_os_wake(void)
{
	(void)kill(getpid(), SIGUSR1);
}

/* systemd knows; where it is not, nobody does, and then the silence is told as silence. */
bool agent_os_shutting_down(void)
{
	int ends[2];
	char answer[32] = "";
	pid_t pid;
	posix_spawn_file_actions_t actions;
	char program[] = "systemctl", verb[] = "is-system-running";
	char *const arguments[] = {program, verb, NULL};
	if (access("/run/systemd/system", F_OK) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return false;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	int r = posix_spawnp(&pid, program, &actions, NULL, arguments, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(ends[1]);
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	ssize_t n = r == 0 && poll(&p, 1, 2000) > 0 ? read(ends[0], answer, sizeof answer - 1) : 0;
	(void)close(ends[0]);
	if (r == 0) {
		if (n <= 0)
			(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	return n > 0 && str_starts_with(str_n(answer, (size_t)n), STR("stopping"));
}
