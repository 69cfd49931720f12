/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server_check.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "engine/event_store/event_store.h"
#include "engine/listen/listen.h"
#include "engine/listen/listen_join.h"
#include "engine/listen/listen_journal.h"
#include "program/server/key_store.h"
#include "program/server/server.h"
#include "program/server/server_check.h"
#include "program/server/server_privilege.h"

#define OUTPUT_LIMIT ((size_t)4096)

struct check {
	const struct server_config *config;
	const char *called;
	FILE *out;
	enum msg_lang lang;
	bool running; /* a server is at work on the same data */
	int failed;
};

static void say(const struct check *c, const char *key, const struct arg *args)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_DEFAULT_MAX);
	msg_append(&msg_catalogue_all, c->lang, key, args, &text);
	(void)fputs(text.p != NULL ? text.p : "", c->out);
}

/* One line, and what to do when it is not well. `step` is part of three message keys: the step, its remedy. */
static void tell(struct check *c, const char *step, const char *subject, int r, const struct server_check_note *note,
		 const struct err *err)
{
	char key[ERR_KEY_SIZE];
	const struct arg *args = ARGS(ARG_CSTR("what", subject));
	say(c, r < 0 ? "server.check.failed" : "server.check.ok", NULL);
	(void)snprintf(key, sizeof(key), "server.check.%s", step);
	(void)fputc(' ', c->out);
	say(c, key, args);
	if (r > 0) {
		(void)fputs(" (", c->out);
		say(c, note->key, ARGS(ARG_I64("count", note->count)));
		(void)fputc(')', c->out);
	}
	(void)fputc('\n', c->out);
	if (r >= 0)
		return;
	cleanup_buf struct buf text = BUF_INIT(BUF_DEFAULT_MAX);
	msg_append_err(&msg_catalogue_all, c->lang, err, &text);
	(void)snprintf(key, sizeof(key), "server.check.%s.do", step);
	(void)fprintf(c->out, "       %s\n       → ", text.p);
	say(c, key, args);
	(void)fputc('\n', c->out);
	c->failed++;
}

/* Runs `steps` as that user would, in a child when we must become them; its failures count as ours. */
static void as_user(struct check *c, const struct server_user *user, void (*steps)(struct check *c))
{
	if (!user->change) {
		steps(c);
		return;
	}
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		struct err err = {0};
		int before = c->failed, r = server_user_become(user, &err);
		if (r < 0)
			tell(c, "user", c->config->user, r, NULL, &err);
		else
			steps(c);
		(void)fflush(NULL);
		_exit(c->failed - before);
	}
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		c->failed++;
	else
		c->failed += WEXITSTATUS(status);
}

/* The user must get through to what is theirs. A folder that is not there yet will be made so. */
static void check_way(struct check *c)
{
	struct err err = {0};
	if (access(c->config->data_dir, X_OK) < 0 && errno != ENOENT)
		tell(c, "folders", c->config->data_dir, err_errno(&err, errno, "access", str_c(c->config->data_dir)), NULL, &err);
}

static void check_keys(struct check *c)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct err err = {0};
	const char *dir = server_path(arena, c->config, "key");
	struct server_check_note note = {"server.check.note_first", 0};
	cleanup_buf struct buf ca = BUF_INIT(4096);
	file_join(&ca, str_c(dir), STR("ca.key.pem"));
	int r = key_store_check(dir, clock_now(), &err);
	/* Whoever may not look into the folder would take it for empty. */
	if (r == 0 && access(ca.p, R_OK) < 0)
		r = errno == ENOENT ? 1 : err_errno(&err, errno, "open", buf_str(&ca));
	tell(c, "keys", dir, r, &note, &err);
}

static void check_ports(struct check *c)
{
	const struct {
		int64_t port;
		bool datagram, optional; /* 0: none */
	} rows[] = {
	    {.port = c->config->console_port},
	    {.port = c->config->events_port},
	    {.port = c->config->agent_port},
	    {.port = c->config->syslog_udp_port, .datagram = true, .optional = true},
	    {.port = c->config->syslog_tcp_port, .optional = true},
	    {.port = c->config->syslog_tls_port, .optional = true},
	};
	const struct server_check_note note = {"server.check.note_ours", 0};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[96];
		struct err err = {0};
		if (rows[i].optional && rows[i].port == 0)
			continue;
		(void)snprintf(text, sizeof(text), "%s:%lld%s", c->config->listen_address, (long long)rows[i].port,
			       rows[i].datagram ? "/udp" : "");
		int r = listen_check(c->config->listen_address, (unsigned)rows[i].port, rows[i].datagram, &err);
		if (r < 0 && err.code == -EADDRINUSE && c->running)
			r = 1;
		tell(c, "port", text, r, &note, &err);
	}
}

/* A file that is not there may come. */
static void check_logs(struct check *c)
{
	struct err err = {0};
	const char *const *lists[] = {c->config->log_files, c->config->log_files_joined};
	struct listen_join *join = NULL;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (const char *const *path = lists[i]; *path != NULL; path++) {
			bool good = access(*path, R_OK) == 0 || errno == ENOENT;
			tell(c, "log_file", *path, good ? 0 : err_errno(&err, errno, "access", str_c(*path)), NULL, &err);
			err_clear(&err);
		}
	if (c->config->log_begin[0] != '\0')
		tell(c, "log_begin", c->config->log_begin, listen_join_new(c->config->log_begin, &join, &err), NULL, &err);
	listen_join_free(join);
	err_clear(&err);
	if (c->config->journal != 0)
		tell(c, "journal", "", listen_journal_check(NULL, &err), NULL, &err);
}

/* Does luytre-eventdb come up with its library? What it says is the reason. */
static int try_eventdb(const struct check *c, struct arena *arena, struct err *err)
{
	cleanup_fd int out = -1, in = -1;
	cleanup_buf struct buf said = BUF_INIT(OUTPUT_LIMIT);
	const char *path = server_find_eventdb(arena, c->called);
	char check[] = "--check", with_library[] = "--chdb-lib", program[PATH_MAX], library[PATH_MAX];
	char *argv[5] = {program, check};
	posix_spawn_file_actions_t actions;
	int ends[2], status = 0;
	pid_t pid;
	if (c->config->eventdb_library[0] != '\0') {
		argv[2] = with_library;
		argv[3] = library;
		str_copy_c(str_c(c->config->eventdb_library), library, sizeof(library));
	}
	str_copy_c(str_c(path), program, sizeof(program));
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, errno, "pipe2", STR_EMPTY);
	in = ends[0];
	out = ends[1];
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	int failed = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (failed != 0)
		return err_errno(err, failed, "posix_spawn", str_c(path));
	file_close(&out);
	char part[512];
	for (ssize_t n; (n = read(in, part, sizeof(part))) > 0;)
		buf_append(&said, str_n(part, (size_t)n));
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, -ENOTSUP, "server.check.eventdb_says", ARG_STR("text", str_trim(buf_str(&said))));
}

static void check_eventdb(struct check *c)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct event_store_config config = {0};
	struct event_store *store = NULL;
	struct err err = {0};
	int r;
	server_eventdb_address(arena, c->config, &config.unix_path, &config.url);
	if (config.url == NULL) {
		tell(c, "eventdb", c->config->eventdb, 1, &(struct server_check_note){"server.check.note_none", 0}, &err);
		return;
	}
	if (strcmp(c->config->eventdb, "embedded") == 0) {
		r = try_eventdb(c, arena, &err);
	} else {
		r = event_store_new(&config, &store, &err);
		if (r == 0 && !event_store_ping(store))
			r = err_set(&err, -EAGAIN, "server.check.eventdb_away");
		if (store != NULL)
			event_store_free(store);
	}
	tell(c, "eventdb", c->config->eventdb, r, NULL, &err);
}

/* A database's address may hold a password: only what is before it is shown. */
static const char *kind_of(const char *database)
{
	return str_starts_with(str_c(database), STR("sqlite:")) ? database : "postgresql";
}

static void check_core(struct check *c)
{
	const struct {
		const char *step, *subject;
		int (*run)(const struct server_config *config, struct server_check_note *ret_note, struct err *err);
	} rows[] = {
	    {"database", kind_of(c->config->database), server_check_database},
	    {"services", c->config->packs_dir, server_check_services},
	    {"web", c->config->web_dir, server_check_web},
	};
	check_way(c);
	check_ports(c);
	check_logs(c);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server_check_note note = {0};
		struct err err = {0};
		int r = rows[i].run(c->config, &note, &err);
		tell(c, rows[i].step, rows[i].subject, r, &note, &err);
	}
	check_eventdb(c);
}

int server_check(const struct server_config *config, const char *called, FILE *out)
{
	struct check c = {config, called, out, msg_lang_of_environment(), server_is_running(config), 0};
	struct server_user all, key;
	struct err err = {0};
	log_setup("luytre-server", LOG_LEVEL__COUNT, false); /* the lines are the answer */
	tell(&c, "settings", config->file != NULL ? config->file : "-", 0, NULL, NULL);
	int r = server_user_find(config->user, &all, &err);
	if (r == 0)
		r = server_user_find(config->key_user[0] != '\0' ? config->key_user : config->user, &key, &err);
	if (config->user[0] != '\0' || r < 0)
		tell(&c, "user", config->user, r, NULL, &err);
	if (r < 0)
		return c.failed;
	r = server_check_folders(config, &err);
	tell(&c, "folders", config->data_dir, r, NULL, &err);
	as_user(&c, &key, check_keys);
	as_user(&c, &all, check_core);
	say(&c, c.failed == 0 ? "server.check.good" : "server.check.bad", ARGS(ARG_I64("count", c.failed)));
	(void)fputc('\n', out);
	return c.failed;
}
