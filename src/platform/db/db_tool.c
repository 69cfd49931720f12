/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/db/db_tool.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENVIRONMENT_MAX 64

struct db_tool {
	char name[32];
	pid_t pid;
	int fd, said_fd; /* pipe; what it wrote on standard error */
};

static void close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* The settings in the URL as libpq's variables, and the few of ours that a program needs. */
static int make_environment(struct arena *arena, const char *url, char **ret, struct err *err)
{
	static const char *const ours[] = {"PATH", "HOME", "LANG", "TMPDIR", "PGSSLROOTCERT", "PGPASSFILE"};
	size_t n = 0;
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	if (options == NULL)
		return err_set(err, -EINVAL, "db.url");
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		const char *value = getenv(ours[i]);
		if (value != NULL)
			ret[n++] = (char *)(uintptr_t)arena_printf(arena, "%s=%s", ours[i], value).p;
	}
	for (const PQconninfoOption *o = options; o->keyword != NULL && n < ENVIRONMENT_MAX - 2; o++)
		if (o->envvar != NULL && o->val != NULL)
			ret[n++] = (char *)(uintptr_t)arena_printf(arena, "%s=%s", o->envvar, o->val).p;
	ret[n] = NULL;
	PQconninfoFree(options);
	return 0;
}

static int spawn(struct db_tool *t, const char *const *argv, char **environment, int their_end, bool from, struct err *err)
{
	posix_spawn_file_actions_t actions;
	union {
		const char *const *in;
		char *const *out;
	} args = {.in = argv};
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, their_end, from ? STDOUT_FILENO : STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, t->said_fd, STDERR_FILENO);
	int number = posix_spawnp(&t->pid, argv[0], &actions, NULL, args.out, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (number == ENOENT)
		return err_set(err, -ENOENT, "db.tool_missing", ARG_CSTR("name", argv[0]));
	return number != 0 ? err_errno(err, number, "posix_spawn", str_c(argv[0])) : 0;
}

int db_tool_start(const char *url, const char *const *argv, bool from, struct db_tool **ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(1 << 20);
	cleanup(db_tool) struct db_tool *t = MEM_NEW(struct db_tool);
	char *environment[ENVIRONMENT_MAX + 8];
	int ends[2];
	t->pid = -1;
	t->fd = -1;
	t->said_fd = memfd_create("said", MFD_CLOEXEC);
	str_copy_c(str_c(argv[0]), t->name, sizeof t->name);
	if (t->said_fd < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, errno, "pipe2", str_c(argv[0]));
	int theirs = ends[from ? 1 : 0];
	t->fd = ends[from ? 0 : 1];
	int r = make_environment(arena, url, environment, err);
	if (r == 0)
		r = spawn(t, argv, environment, theirs, from, err);
	(void)close(theirs);
	if (r < 0)
		return r;
	*ret = TAKE(t);
	return 0;
}

int db_tool_fd(const struct db_tool *t)
{
	return t->fd;
}

int db_tool_end(struct db_tool *t, struct err *err)
{
	char said[240];
	int status = 0;
	close_one(&t->fd);
	while (waitpid(t->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(err, errno, "waitpid", str_c(t->name));
	t->pid = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	ssize_t n = pread(t->said_fd, said, sizeof said, 0);
	return err_set(err, -EIO, "db.tool_failed", ARG_CSTR("name", t->name),
	               ARG_STR("reason", str_trim(str_n(said, n > 0 ? (size_t)n : 0))));
}

void db_tool_free(struct db_tool *t)
{
	if (t == NULL)
		return;
	close_one(&t->fd);
	if (t->pid > 0) {
		(void)kill(t->pid, SIGTERM);
		(void)waitpid(t->pid, NULL, 0);
	}
	close_one(&t->said_fd);
	mem_free(t);
}
