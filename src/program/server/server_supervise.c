/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "platform/proc/proc_supervisor.h"
#include "program/server/server.h"
#include "program/server/server_privilege.h"
#include "program/server/server_reload.h"

#define ARGS_MAX          16
#define AGENT_CONNECTIONS 24000
#define OTHER_FILES       1024 /* kept from agents: the console's connections, the database's, peers, files */
#define LOCK_TRIES    10
#define LOCK_PAUSE_US 50000

struct users {
	struct server_user all, key;
};

static int find_users(const struct server_config *config, struct users *u, struct err *err)
{
	int r = server_user_find(config->user, &u->all, err);
	if (r == 0)
		r = server_user_find(config->key_user[0] != '\0' ? config->key_user : config->user, &u->key, err);
	return r;
}

struct folder {
	const char *part;
	const struct server_user *owner;
};
#define FOLDERS 6

static void list_folders(const struct users *u, struct folder ret[FOLDERS])
{
	ret[0] = (struct folder){"key", &u->key};
	ret[1] = (struct folder){"core", &u->all};
	ret[2] = (struct folder){"pipeline", &u->all};
	ret[3] = (struct folder){"eventdb", &u->all};
	ret[4] = (struct folder){"run", &u->all};
	ret[5] = (struct folder){"rules", &u->all}; /* from core to the pipeline */
}

/* What make_dir would do, without doing it. The nearest folder that is there must let us in and write. */
static int could_make_dir(struct arena *arena, const char *path, struct err *err)
{
	struct stat s;
	struct str p = str_c(path);
	while (p.n > 1 && stat(path, &s) < 0 && errno == ENOENT) {
		while (p.n > 1 && p.p[p.n - 1] != '/')
			p.n--;
		while (p.n > 1 && p.p[p.n - 1] == '/')
			p.n--;
		path = arena_cstr(arena, p);
	}
	if (stat(path, &s) < 0)
		return err_errno(err, errno, "stat", str_c(path));
	if (!S_ISDIR(s.st_mode))
		return err_errno(err, ENOTDIR, "stat", str_c(path));
	return access(path, W_OK | X_OK) == 0 ? 0 : err_errno(err, errno, "access", str_c(path));
}

int server_check_folders(const struct server_config *config, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct folder folders[FOLDERS];
	struct users u;
	int r = find_users(config, &u, err);
	list_folders(&u, folders);
	if (r == 0)
		r = could_make_dir(arena, config->data_dir, err);
	for (size_t i = 0; r == 0 && i < FOLDERS; i++)
		r = could_make_dir(arena, server_path(arena, config, folders[i].part), err);
	return r;
}

static int make_dir(struct arena *arena, const struct server_config *config, const char *part, unsigned mode,
		    const struct server_user *owner, struct err *err)
{
	const char *path = server_path(arena, config, part);
	int r = file_make_dirs(path, mode, err);
	if (r < 0)
		return r;
	if (owner->change && lchown(path, owner->uid, owner->gid) < 0)
		return err_errno(err, errno, "lchown", str_c(path));
	return 0;
}

static int make_dirs(struct arena *arena, const struct server_config *config, const struct users *u, struct err *err)
{
	struct folder folders[FOLDERS];
	list_folders(u, folders);
	bool is_new = !file_exists(config->data_dir);
	int r = file_make_dirs(config->data_dir, 0755, err);
	/* Whatever the umask: the roles must pass through it to what is theirs. */
	if (r == 0 && is_new && chmod(config->data_dir, 0755) < 0)
		r = err_errno(err, errno, "chmod", str_c(config->data_dir));
	for (size_t i = 0; r == 0 && i < FOLDERS; i++)
		r = make_dir(arena, config, folders[i].part, 0700, folders[i].owner, err);
	return r;
}

/* Two supervisors over one folder would fight for ports, keys and the spool. Held until the process ends. */
static int take_lock(struct arena *arena, const struct server_config *config, int *ret_fd, struct err *err)
{
	const char *path = server_path(arena, config, "run/server.lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	/* --check-config holds it for a moment, to see whether we do. */
	for (unsigned i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
		(void)usleep(LOCK_PAUSE_US);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		(void)close(fd);
		return err_set(err, -EBUSY, "server.already_running", ARG_CSTR("path", config->data_dir));
	}
	*ret_fd = fd;
	return 0;
}

bool server_is_running(const struct server_config *config)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_fd int fd = open(server_path(arena, config, "run/server.lock"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static const char *self_path(struct arena *arena)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	return n > 0 ? arena_cstr(arena, str_n(self, (size_t)n)) : "";
}

static const char *beside(struct arena *arena, const char *path, const char *name)
{
	size_t n = strlen(path);
	while (n > 0 && path[n - 1] != '/')
		n--;
	return n > 0 ? arena_printf(arena, "%.*s%s", (int)n, path, name).p : "";
}

const char *server_find_eventdb(struct arena *arena, const char *called)
{
	const char *self = self_path(arena);
	const char *const places[] = {beside(arena, called, "luytre-eventdb"), beside(arena, self, "luytre-eventdb"),
				      beside(arena, self, "../lib/luytre/luytre-eventdb"),
				      beside(arena, self, "../eventdb/luytre-eventdb")};
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return places[1];
}

static const char *const *role_argv(struct arena *arena, const struct server_config *config, const char *self,
				    const char *role)
{
	const char **argv = arena_alloc(arena, ARGS_MAX * sizeof(*argv));
	size_t n = 0;
	argv[n++] = self;
	argv[n++] = "--role";
	argv[n++] = role;
	argv[n++] = "--settings-fd";
	argv[n++] = PROC_SETTINGS;
	if (config->file != NULL) {
		argv[n++] = "--config";
		argv[n] = config->file;
	}
	return argv;
}

static const char *const *eventdb_argv(struct arena *arena, const struct server_config *config, const char *path)
{
	const char **argv = arena_alloc(arena, ARGS_MAX * sizeof(*argv));
	size_t n = 0;
	argv[n++] = path;
	argv[n++] = "--with-parent";
	argv[n++] = "--data-dir";
	argv[n++] = server_path(arena, config, "eventdb");
	argv[n++] = "--socket";
	argv[n++] = server_path(arena, config, "run/eventdb.sock");
	argv[n++] = "--memory-limit";
	argv[n++] = arena_printf(arena, "%lld", (long long)config->eventdb_memory_mb << 20).p;
	if (config->eventdb_library[0] != '\0') {
		argv[n++] = "--chdb-lib";
		argv[n] = config->eventdb_library;
	}
	return argv;
}

static void told(enum proc_event event, const struct proc_child *child, pid_t pid, int status, usec_t next, void *ctx)
{
	(void)ctx;
	switch (event) {
	case PROC_EVENT_STARTED:
		log_info("process started", ARG_CSTR("process", child->name), ARG_I64("pid", pid));
		break;
	case PROC_EVENT_READY:
		log_info("process is ready", ARG_CSTR("process", child->name), ARG_I64("pid", pid));
		break;
	case PROC_EVENT_ENDED:
		if (next == 0)
			log_info("process stopped", ARG_CSTR("process", child->name), ARG_I64("pid", pid),
				 ARG_I64("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1));
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
			log_error("process did what its sandbox forbids and was ended", ARG_CSTR("process", child->name),
				  ARG_I64("pid", pid));
		if (next != 0)
			log_error("process ended and will be restarted", ARG_CSTR("process", child->name),
				  ARG_I64("pid", pid), ARG_I64("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
				  ARG_I64("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
				  ARG_I64("restart_ms", next / USEC_PER_MS));
		break;
	case PROC_EVENT_KILLED:
		log_error("process did not answer or stop in time and was killed", ARG_CSTR("process", child->name),
			  ARG_I64("pid", pid));
		break;
	case PROC_EVENT__COUNT:
		break;
	}
}

static int run(struct arena *arena, struct server_settings *settings, const char *called, const struct users *u,
	       struct err *err)
{
	const struct server_config *config = &settings->in_force;
	static const struct proc_pair pairs[] = {{"core", "key"}, {"core", "pipeline"}, {"core", "worker"}};
	const char *self = self_path(arena), *eventdb = server_find_eventdb(arena, called);
	struct proc_child children[PROC_CHILDREN_MAX];
	size_t n = 0;
	children[n++] = (struct proc_child){"key", role_argv(arena, config, self, "key"), .is_role = true, .settings_fd = &settings->fd};
	children[n++] = (struct proc_child){"worker", role_argv(arena, config, self, "worker"), .is_role = true, .settings_fd = &settings->fd};
	children[n++] = (struct proc_child){"core", role_argv(arena, config, self, "core"), .is_role = true, .settings_fd = &settings->fd};
	if (strcmp(config->eventdb, "embedded") == 0)
		children[n++] = (struct proc_child){"eventdb", eventdb_argv(arena, config, eventdb),
						    .drop = u->all.change, .uid = u->all.uid, .gid = u->all.gid};
	children[n++] = (struct proc_child){"pipeline", role_argv(arena, config, self, "pipeline"), .is_role = true, .settings_fd = &settings->fd};
	const struct proc_supervisor supervisor = {.children = children,
						   .child_count = n,
						   .pairs = pairs,
						   .pair_count = ARRAY_LEN(pairs),
						   .stop_timeout_s = 20,
						   .on_event = told,
						   .reload = server_settings_reload,
						   .ctx = settings};
	return proc_supervise(&supervisor, err);
}

/* A connection is a descriptor, and the usual soft limit of 1,024 is below what a city's machines open. Inherited by the
 * roles; core says when it does not suffice (core_blind.c). */
static void raise_file_limit(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_warn("the limit of open files could not be raised", ARG_U64("wanted", files.rlim_max));
}

uint64_t server_agents_max(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= AGENT_CONNECTIONS + OTHER_FILES)
		return AGENT_CONNECTIONS;
	return files.rlim_cur > 2 * OTHER_FILES ? files.rlim_cur - OTHER_FILES : files.rlim_cur / 2;
}

int server_supervise(const struct server_config *config, const char *called, const char *data_dir, struct err *err)
{
	struct server_settings settings;
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_fd int lock = -1;
	struct users u;
	raise_file_limit();
	int r = find_users(config, &u, err);
	if (r == 0)
		r = make_dirs(arena, config, &u, err);
	if (r == 0)
		r = take_lock(arena, config, &lock, err);
	if (r == 0)
		r = server_settings_init(&settings, config, data_dir, err);
	if (r == 0)
		r = server_confine_supervisor(err);
	if (r != 0)
		return r;
	log_info("server starts", ARG_CSTR("data_dir", config->data_dir));
	r = run(arena, &settings, called, &u, err);
	server_settings_done(&settings);
	log_info("server stopped");
	return r;
}

void server_eventdb_address(struct arena *arena, const struct server_config *config, const char **ret_unix_path,
			    const char **ret_url)
{
	*ret_unix_path = *ret_url = NULL;
	if (strcmp(config->eventdb, "embedded") == 0)
		*ret_unix_path = server_path(arena, config, "run/eventdb.sock");
	else if (str_starts_with(str_c(config->eventdb), STR("unix:")))
		*ret_unix_path = config->eventdb + strlen("unix:");
	else if (strcmp(config->eventdb, "none") != 0)
		*ret_url = config->eventdb;
	if (*ret_unix_path != NULL)
		*ret_url = "http://localhost";
}
