/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The server's settings are the server's to read: it prints them. */
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/cli/cli_backup.h"

#define TEXT_LIMIT ((size_t)1 << 20)

extern char **environ;

/* Beside the file we are; where the build leaves it; where packages put it. */
static const char *find_server(struct arena *arena)
{
	static const char *const names[] = {"luytre-server", "../sbin/luytre-server", "../lib/luytre/luytre-server", "../server/luytre-server"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self);
	while (n > 0 && self[n - 1] != '/')
		n--;
	for (size_t i = 0; n > 0 && i < ARRAY_LEN(names); i++) {
		const char *path = arena_printf(arena, "%.*s%s", (int)n, self, names[i]).p;
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

static int run(const char *program, const struct cli_backup *b, int out, struct err *err)
{
	char name[] = "luytre-server", print[] = "--print-settings", config[] = "--config", data[] = "--data";
	char *argv[8] = {name, print};
	union {
		const char *in;
		char *out;
	} file = {.in = b->config_file}, dir = {.in = b->data_dir};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	size_t n = 2;
	int status = 0;
	if (b->config_file != NULL) {
		argv[n++] = config;
		argv[n++] = file.out;
	}
	if (b->data_dir != NULL) {
		argv[n++] = data;
		argv[n++] = dir.out;
	}
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	int number = posix_spawn(&pid, program, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (number != 0)
		return err_errno(err, number, "posix_spawn", str_c(program));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : err_set(err, -EINVAL, "cli.backup.settings");
}

static void take(struct cli_backup *b, struct str text)
{
	const struct {
		const char *name;
		const char **value;
	} rows[] = {{"data_dir", &b->data},   {"database", &b->database}, {"eventdb", &b->eventdb},
	            {"packs_dir", &b->packs_dir}, {"user", &b->user},         {"key_user", &b->key_user}};
	struct str line;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		*rows[i].value = "";
	while (str_split(&text, '\n', &line)) {
		size_t equals = str_find_char(line, '=');
		/* The file that they came from, when it was not named. */
		if (str_starts_with(line, STR("# ")) && b->config_file == NULL)
			b->config_file = arena_cstr(b->arena, str_sub(line, 2, line.n));
		for (size_t i = 0; equals != SIZE_MAX && i < ARRAY_LEN(rows); i++)
			if (str_eq_c(str_trim(str_sub(line, 0, equals)), rows[i].name))
				*rows[i].value = arena_cstr(b->arena, str_trim(str_sub(line, equals + 1, line.n)));
	}
}

int cli_backup_settings(struct cli_backup *b, struct err *err)
{
	cleanup_buf_secret struct buf text = BUF_INIT(TEXT_LIMIT);
	int ends[2];
	const char *program = find_server(b->arena);
	if (program == NULL)
		return err_set(err, -ENOENT, "cli.backup.no_server");
	if (pipe(ends) < 0)
		return err_errno(err, errno, "pipe", STR_EMPTY);
	/* A pipe's 64 KiB hold all settings: nobody waits for anybody. */
	int r = run(program, b, ends[1], err);
	(void)close(ends[1]);
	char chunk[4096];
	for (ssize_t n; r == 0 && (n = read(ends[0], chunk, sizeof chunk)) > 0;)
		buf_append(&text, str_n(chunk, (size_t)n));
	(void)close(ends[0]);
	if (r < 0)
		return r;
	take(b, buf_str(&text));
	return b->data[0] != '\0' && b->database[0] != '\0' ? 0 : err_set(err, -EINVAL, "cli.backup.settings");
}
