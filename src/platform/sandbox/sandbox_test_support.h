/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Ways out of a sandbox, for tests that try them. Each is tried in a child of its own, without and with each wall, so
 * that every test also shows that the way is open when its wall is taken away.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "platform/sandbox/sandbox.h"

enum crossing_wall { CROSSING_NO_WALL = 0, CROSSING_FILES = 1, CROSSING_CALLS = 2, CROSSING_ALL = 3 };
enum crossing_result { CROSSING_CROSSED, CROSSING_REFUSED, CROSSING_FAILED };

/* What the ways lead to: made by crossing_set_up, before the child. */
struct crossing_place {
	char top[64], foreign[96], own[96], shared[96]; /* two folders with a file "canary" in each */
	uint16_t port;                      /* somebody listens there on 127.0.0.1 */
	int listener;
	pid_t parent;
};

static int crossing_open(const struct crossing_place *place, const char *folder, const char *name, int flags)
{
	char path[160];
	(void)place;
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

static int crossing_read_foreign(const struct crossing_place *p)
{
	return crossing_open(p, p->foreign, "canary", O_RDONLY);
}
static int crossing_write_foreign(const struct crossing_place *p)
{
	return crossing_open(p, p->foreign, "canary", O_WRONLY);
}
static int crossing_make_foreign(const struct crossing_place *p)
{
	return crossing_open(p, p->foreign, "made", O_WRONLY | O_CREAT);
}
static int crossing_remove_foreign(const struct crossing_place *p)
{
	char path[160];
	(void)snprintf(path, sizeof path, "%s/canary", p->foreign);
	return unlink(path);
}
static int crossing_cut_foreign(const struct crossing_place *p)
{
	char path[160];
	(void)snprintf(path, sizeof path, "%s/canary", p->foreign);
	return truncate(path, 0);
}
static int crossing_list_foreign(const struct crossing_place *p)
{
	return open(p->foreign, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
static int crossing_passwd(const struct crossing_place *p)
{
	(void)p;
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}
static int crossing_read_own(const struct crossing_place *p)
{
	return crossing_open(p, p->own, "canary", O_RDONLY);
}
static int crossing_write_own(const struct crossing_place *p)
{
	return crossing_open(p, p->own, "made", O_WRONLY | O_CREAT);
}
static int crossing_tcp(const struct crossing_place *p)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(p->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? fd : connect(fd, (const struct sockaddr *)&to, sizeof to);
}
static int crossing_udp(const struct crossing_place *p)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(p->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? fd : (int)sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof to);
}
/* A listener of its own, on a port that no policy names. */
static int crossing_listen(const struct crossing_place *p)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)p;
	for (uint16_t port = 40000; fd >= 0 && port < 40100; port++) {
		to.sin_port = htons(port);
		if (bind(fd, (const struct sockaddr *)&to, sizeof to) == 0)
			return 0;
		if (errno != EADDRINUSE)
			break;
	}
	return -1;
}
static int crossing_unix(const struct crossing_place *p)
{
	(void)p;
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}
static int crossing_exec(const struct crossing_place *p)
{
	char name[] = "true";
	char *argv[] = {name, NULL};
	(void)p;
	return execv("/bin/true", argv); /* ends with 0, which is "crossed" */
}
static int crossing_fork(const struct crossing_place *p)
{
	(void)p;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0) == pid ? 0 : -1;
}
static int crossing_trace(const struct crossing_place *p)
{
	return (int)ptrace(PTRACE_SEIZE, p->parent, NULL, NULL);
}
static int crossing_read_memory(const struct crossing_place *p)
{
	char byte;
	struct iovec to = {&byte, 1}, from = {(void *)(uintptr_t)p, 1}; /* the parent has it at the same place */
	return (int)process_vm_readv(p->parent, &to, 1, &from, 1, 0);
}
static int crossing_signal(const struct crossing_place *p)
{
	return kill(p->parent, 0);
}
static int crossing_mount(const struct crossing_place *p)
{
	(void)p;
	/* Harmless without walls too: nothing gets out of the new name space. */
	return unshare(CLONE_NEWNS) < 0 ? -1 : mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}
static int crossing_become_root(const struct crossing_place *p)
{
	(void)p;
	return setresuid(0, 0, 0);
}

struct crossing {
	const char *what;
	int (*cross)(const struct crossing_place *place);
	bool needs_root; /* to be open without walls */
	int landlock;    /* the ABI that its file wall needs */
};

enum {
	CROSS_READ_FOREIGN, CROSS_WRITE_FOREIGN, CROSS_MAKE_FOREIGN, CROSS_REMOVE_FOREIGN, CROSS_CUT_FOREIGN, CROSS_LIST_FOREIGN,
	CROSS_PASSWD, CROSS_READ_OWN, CROSS_WRITE_OWN, CROSS_TCP, CROSS_UDP, CROSS_LISTEN, CROSS_UNIX, CROSS_EXEC, CROSS_FORK,
	CROSS_TRACE, CROSS_READ_MEMORY, CROSS_SIGNAL, CROSS_MOUNT, CROSS_BECOME_ROOT, CROSS__COUNT
};

static const struct crossing crossings[CROSS__COUNT] = {
    [CROSS_READ_FOREIGN] = {"read a foreign file", crossing_read_foreign, .landlock = 1},
    [CROSS_WRITE_FOREIGN] = {"write a foreign file", crossing_write_foreign, .landlock = 1},
    [CROSS_MAKE_FOREIGN] = {"make a file in a foreign folder", crossing_make_foreign, .landlock = 1},
    [CROSS_REMOVE_FOREIGN] = {"remove a foreign file", crossing_remove_foreign, .landlock = 1},
    [CROSS_CUT_FOREIGN] = {"cut a foreign file off", crossing_cut_foreign, .landlock = 3},
    [CROSS_LIST_FOREIGN] = {"list a foreign folder", crossing_list_foreign, .landlock = 1},
    [CROSS_PASSWD] = {"read /etc/passwd", crossing_passwd, .landlock = 1},
    [CROSS_READ_OWN] = {"read an own file", crossing_read_own, .landlock = 1},
    [CROSS_WRITE_OWN] = {"make an own file", crossing_write_own, .landlock = 1},
    [CROSS_TCP] = {"connect by TCP", crossing_tcp, .landlock = 4},
    [CROSS_UDP] = {"send by UDP", crossing_udp, .landlock = 1},
    [CROSS_LISTEN] = {"listen on another port", crossing_listen, .landlock = 4},
    [CROSS_UNIX] = {"make a Unix socket", crossing_unix, .landlock = 1},
    [CROSS_EXEC] = {"start a program", crossing_exec, .landlock = 1},
    [CROSS_FORK] = {"make a process", crossing_fork, .landlock = 1},
    [CROSS_TRACE] = {"trace the parent", crossing_trace, .landlock = 1},
    [CROSS_READ_MEMORY] = {"read the parent's memory", crossing_read_memory, .landlock = 1},
    [CROSS_SIGNAL] = {"signal the parent", crossing_signal, .landlock = 6},
    [CROSS_MOUNT] = {"mount a file system", crossing_mount, .needs_root = true, .landlock = 1},
    [CROSS_BECOME_ROOT] = {"become root", crossing_become_root, .needs_root = true, .landlock = 1},
};

static void crossing_canary(const char *folder)
{
	char path[160];
	(void)snprintf(path, sizeof path, "%s/canary", folder);
	assert_int_equal(file_write(path, STR("canary"), 0600, NULL), 0);
}

static void crossing_set_up(struct crossing_place *p, const char *own, const char *foreign)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	*p = (struct crossing_place){.top = "/tmp/luytre-crossing-XXXXXX", .parent = getpid()};
	assert_non_null(mkdtemp(p->top));
	(void)snprintf(p->foreign, sizeof p->foreign, "%s/%s", p->top, foreign);
	(void)snprintf(p->own, sizeof p->own, "%s/%s", p->top, own);
	assert_int_equal(mkdir(p->foreign, 0700), 0);
	assert_int_equal(mkdir(p->own, 0700), 0);
	/* A folder that several share; it may be one of the two. */
	(void)snprintf(p->shared, sizeof p->shared, "%s/rules", p->top);
	assert_true(mkdir(p->shared, 0700) == 0 || errno == EEXIST);
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(p->listener >= 0 && bind(p->listener, (const struct sockaddr *)&at, sizeof at) == 0 &&
		    listen(p->listener, 64) == 0 && getsockname(p->listener, (struct sockaddr *)&at, &size) == 0);
	p->port = ntohs(at.sin_port);
	/* Where Yama guards processes, the way to the parent must be open without our walls. */
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}

static void crossing_tear_down(struct crossing_place *p)
{
	char command_path[160];
	const char *const folders[] = {p->foreign, p->own}, *const names[] = {"canary", "made"};
	for (size_t f = 0; f < ARRAY_LEN(folders); f++) {
		for (size_t n = 0; n < ARRAY_LEN(names); n++) {
			(void)snprintf(command_path, sizeof command_path, "%s/%s", folders[f], names[n]);
			(void)unlink(command_path);
		}
		(void)rmdir(folders[f]);
	}
	(void)rmdir(p->shared);
	(void)rmdir(p->top);
	(void)close(p->listener);
}

/* Puts up the walls in the child; 0 or negative. */
typedef int (*crossing_confine)(const struct crossing_place *place, enum crossing_wall walls, const void *ctx);

/* Tries one way in a child behind these walls. */
static enum crossing_result crossing_try(const struct crossing_place *place, const struct crossing *c, enum crossing_wall walls,
					 crossing_confine confine, const void *ctx)
{
	int status = 0;
	crossing_canary(place->foreign);
	crossing_canary(place->own);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (walls != CROSSING_NO_WALL && confine(place, walls, ctx) < 0)
			_exit(CROSSING_FAILED);
		errno = 0;
		if (c->cross(place) >= 0)
			_exit(CROSSING_CROSSED);
		_exit(errno == EPERM || errno == EACCES || errno == ENOENT || errno == ENOSYS ? CROSSING_REFUSED : CROSSING_FAILED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? CROSSING_REFUSED : CROSSING_FAILED;
	return (enum crossing_result)WEXITSTATUS(status);
}

/* Which walls hold against which way, each on its own; 0: the way is meant to be open. `own`, `foreign`: names of the two
 * folders. */
static void crossing_check(const char *who, const char *own, const char *foreign, const enum crossing_wall holds[CROSS__COUNT],
			   crossing_confine confine, const void *ctx)
{
	static const char *const wall_names[] = {"no wall", "file rules", "call filter", "both walls"};
	struct sandbox_kernel kernel = sandbox_kernel();
	struct crossing_place place;
	unsigned wrong = 0;
	crossing_set_up(&place, own, foreign);
	for (size_t i = 0; i < CROSS__COUNT; i++) {
		const struct crossing *c = &crossings[i];
		if (c->needs_root && getuid() != 0) {
			print_message("skipped: %s: %s: open to root only\n", who, c->what);
			continue;
		}
		for (unsigned walls = CROSSING_NO_WALL; walls <= CROSSING_ALL; walls++) {
			bool refused = (holds[i] & walls) != 0;
			if ((walls & holds[i] & CROSSING_FILES) != 0 && (walls & holds[i] & CROSSING_CALLS) == 0 &&
			    kernel.landlock < c->landlock) {
				print_message("skipped: %s: %s: Landlock %d of this kernel lacks it\n", who, c->what, kernel.landlock);
				continue;
			}
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
			if ((holds[i] & walls & CROSSING_FILES) == 0)
				continue; /* the sanitizer's own needs hold some ways open, and it notices others */
#endif
			enum crossing_result got = crossing_try(&place, c, (enum crossing_wall)walls, confine, ctx);
			if (got == (refused ? CROSSING_REFUSED : CROSSING_CROSSED))
				continue;
			print_error("%s: %s with %s: %s\n", who, c->what, wall_names[walls],
				    got == CROSSING_FAILED ? "failed otherwise" : got == CROSSING_CROSSED ? "crossed" : "refused");
			wrong++;
		}
	}
	crossing_tear_down(&place);
	assert_int_equal(wrong, 0);
}
