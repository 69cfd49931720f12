/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server_privilege.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log/log.h"
#include "platform/proc/proc_role.h"
#include "platform/sandbox/sandbox.h"

int server_user_find(const char *name, struct server_user *ret, struct err *err)
{
	struct passwd entry, *found = NULL;
	char text[4096];
	*ret = (struct server_user){.uid = getuid(), .gid = getgid()};
	if (name[0] == '\0')
		return 0;
	int r = getpwnam_r(name, &entry, text, sizeof(text), &found);
	if (r != 0 || found == NULL)
		return err_set(err, -ENOENT, "server.no_user", ARG_CSTR("name", name));
	bool is_us = entry.pw_uid == getuid();
	if (!is_us && getuid() != 0)
		return err_set(err, -EPERM, "server.not_root", ARG_CSTR("name", name));
	*ret = (struct server_user){.uid = entry.pw_uid, .gid = entry.pw_gid, .change = !is_us};
	return 0;
}

int server_user_become(const struct server_user *user, struct err *err)
{
	if (user->change && (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
			     setresuid(user->uid, user->uid, user->uid) < 0))
		return err_errno(err, errno, "setresuid", STR_EMPTY);
	/* The change of user made the kernel forget it. */
	proc_die_with_parent();
	return 0;
}

/* ---- what each role may do ---- */

struct policy {
	const char *role;
	unsigned calls;
	bool may_connect;      /* when the settings name a database or event store behind the network */
	size_t ports[2];       /* TCP; offsets in struct server_config; 0: none */
	size_t optional_ports[2]; /* likewise; a setting of 0 means that it does not listen */
	uint64_t memory_bytes; /* 0: no limit; address space, so well above what is used */
	uint64_t cpu_s;
};

#define SETTING_OF(field) offsetof(struct server_config, field)

enum {
	SERVES = SANDBOX_THREADS | SANDBOX_LOOP | SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS | SANDBOX_ACCEPT |
		 SANDBOX_UNIX,
};

static const struct policy policies[] = {
    /* Signs what comes over the socket it was given. */
    {.role = "key", .calls = SANDBOX_THREADS | SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS},
    {.role = "core", .calls = SERVES, .may_connect = true, .ports = {SETTING_OF(console_port), SETTING_OF(agent_port)}},
    {.role = "pipeline", .calls = SERVES, .may_connect = true, .ports = {SETTING_OF(events_port)},
     .optional_ports = {SETTING_OF(syslog_tcp_port), SETTING_OF(syslog_tls_port)}},
    /* Makes a process for each job and looks at no file. */
    {.role = "worker", .calls = SANDBOX_THREADS | SANDBOX_LOOP | SANDBOX_SOCKETS | SANDBOX_PROCESSES | SANDBOX_NO_FILES,
     .memory_bytes = (uint64_t)2 << 30},
    /* That process: hostile bytes in, values out, in the memory it was given. */
    {.role = "worker-job", .calls = SANDBOX_THREADS | SANDBOX_NO_FILES, .memory_bytes = (uint64_t)2 << 30, .cpu_s = 60},
};

/* One of: a part of data_dir, a setting that names a path, a fixed path. */
struct policy_path {
	const char *role;
	const char *part;
	size_t setting;
	const char *fixed;
	enum sandbox_use use;
	bool for_network;
};

static const struct policy_path policy_paths[] = {
    {.role = "key", .part = "key", .use = SANDBOX_USE_OWN},
    {.role = "core", .part = "core", .use = SANDBOX_USE_OWN},
    {.role = "core", .part = "rules", .use = SANDBOX_USE_OWN},
    {.role = "core", .setting = SETTING_OF(packs_dir)},
    {.role = "core", .setting = SETTING_OF(web_dir)},
    {.role = "core", .setting = SETTING_OF(messages_dir)},
    {.role = "core", .setting = SETTING_OF(sample_dir)},
    /* PostgreSQL's client asks for the name of the user it runs as. */
    {.role = "core", .fixed = "/etc/passwd", .for_network = true},
    {.role = "pipeline", .part = "pipeline", .use = SANDBOX_USE_OWN},
    {.role = "pipeline", .part = "rules"},
};

/* Read by the resolver; only where somebody may connect. Folders, because their files are replaced at run time. */
static const char *const resolver[] = {"/etc/resolv.conf",     "/etc/hosts",      "/etc/nsswitch.conf",
				       "/etc/host.conf",       "/etc/gai.conf",   "/etc/services",
				       "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"};

/* Where journald keeps its files. */
static const char *const journals[] = {"/var/log/journal", "/run/log/journal", "/etc/machine-id"};

#define LOG_FILES_MAX 96 /* as the settings say: log_files, log_files_joined */
#define PATHS_MAX (ARRAY_LEN(policy_paths) + ARRAY_LEN(resolver) + 1 + ARRAY_LEN(journals) + 2 * LOG_FILES_MAX)

static const struct policy *find_policy(const char *role)
{
	for (size_t i = 0; i < ARRAY_LEN(policies); i++)
		if (strcmp(policies[i].role, role) == 0)
			return &policies[i];
	return NULL;
}

static const char *setting_text(const struct server_config *config, size_t offset)
{
	const char *text;
	memcpy(&text, (const char *)config + offset, sizeof(text));
	return text;
}

static int64_t setting_number(const struct server_config *config, size_t offset)
{
	int64_t number;
	memcpy(&number, (const char *)config + offset, sizeof(number));
	return number;
}

static bool is_sqlite(const struct server_config *config)
{
	return str_starts_with(str_c(config->database), STR("sqlite:"));
}

/* Does this role reach out to another machine (or a PostgreSQL of this one)? */
static bool connects(const struct policy *p, const struct server_config *config)
{
	bool store = str_starts_with(str_c(config->eventdb), STR("http"));
	bool database = strcmp(p->role, "core") == 0 && !is_sqlite(config);
	/* Nobody else of ours may be asked to fetch: the setting says whether it is wanted at all. */
	bool fetches = strcmp(p->role, "core") == 0 && config->fetch_rules == 1;
	return p->may_connect && (store || database || fetches);
}

/* SQLite's file may lie elsewhere; its journal and shared memory beside it. */
static const char *database_folder(struct arena *arena, const struct server_config *config)
{
	struct str path = str_sub(str_c(config->database), strlen("sqlite:"), SIZE_MAX);
	while (path.n > 0 && path.p[path.n - 1] != '/')
		path.n--;
	return path.n == 0 ? "." : arena_cstr(arena, path);
}

/* Log files of this machine with the folders they are in: rotation makes new ones there. */
static size_t fill_logs(struct arena *arena, const struct server_config *config, struct sandbox_path *ret)
{
	size_t n = 0;
	const char *const *lists[] = {config->log_files, config->log_files_joined};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (const char *const *path = lists[i]; *path != NULL; path++) {
			struct str folder = str_c(*path);
			while (folder.n > 0 && folder.p[folder.n - 1] != '/')
				folder.n--;
			ret[n++] = (struct sandbox_path){*path, SANDBOX_USE_READ};
			ret[n++] = (struct sandbox_path){folder.n > 1 ? arena_cstr(arena, folder) : "", SANDBOX_USE_READ};
		}
	for (size_t i = 0; config->journal != 0 && i < ARRAY_LEN(journals); i++)
		ret[n++] = (struct sandbox_path){journals[i], SANDBOX_USE_READ};
	return n;
}

static size_t fill_paths(struct arena *arena, const struct policy *p, const struct server_config *config,
			 struct sandbox_path ret[PATHS_MAX])
{
	size_t n = 0;
	bool network = connects(p, config);
	for (size_t i = 0; i < ARRAY_LEN(policy_paths); i++) {
		const struct policy_path *row = &policy_paths[i];
		if (strcmp(row->role, p->role) != 0 || (row->for_network && !network))
			continue;
		const char *path = row->part != NULL    ? server_path(arena, config, row->part)
				   : row->fixed != NULL ? row->fixed
							: setting_text(config, row->setting);
		ret[n++] = (struct sandbox_path){path, row->use};
	}
	for (size_t i = 0; network && i < ARRAY_LEN(resolver); i++)
		ret[n++] = (struct sandbox_path){resolver[i], SANDBOX_USE_READ};
	if (strcmp(p->role, "pipeline") == 0)
		n += fill_logs(arena, config, &ret[n]);
	if (strcmp(p->role, "core") == 0 && is_sqlite(config))
		ret[n++] = (struct sandbox_path){database_folder(arena, config), SANDBOX_USE_OWN};
	return n;
}

/* Root without a user of its own: files may belong to whoever unpacked them, ports may be below 1024. */
#define ROOT_KEEPS                                                                                                     \
	(SANDBOX_CAPABILITY(CAP_NET_BIND_SERVICE) | SANDBOX_CAPABILITY(CAP_DAC_OVERRIDE) |                             \
	 SANDBOX_CAPABILITY(CAP_DAC_READ_SEARCH))

static void tell_kernel(const char *role)
{
	const struct sandbox_kernel kernel = sandbox_kernel();
	const char *lacks = sandbox_kernel_lacks(&kernel);
	if (lacks[0] != '\0')
		log_warn("this kernel has less to confine processes with", ARG_CSTR("role", role),
			 ARG_CSTR("lacks", lacks));
}

int server_confine_files(const char *role, const struct server_config *config, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct policy *p = find_policy(role);
	struct sandbox_path paths[PATHS_MAX];
	uint16_t ports[ARRAY_LEN(p->ports) + ARRAY_LEN(p->optional_ports)];
	if (p == NULL)
		return err_set(err, -EINVAL, "server.no_role", ARG_CSTR("name", role));
	struct sandbox_files files = {.paths = paths, .tcp_ports = ports, .connects = connects(p, config)};
	files.path_count = fill_paths(arena, p, config, paths);
	files.libraries = (p->calls & SANDBOX_READ) != 0;
	for (size_t i = 0; i < ARRAY_LEN(p->ports) && p->ports[i] != 0; i++)
		ports[files.tcp_port_count++] = (uint16_t)setting_number(config, p->ports[i]);
	for (size_t i = 0; i < ARRAY_LEN(p->optional_ports) && p->optional_ports[i] != 0; i++)
		if (setting_number(config, p->optional_ports[i]) != 0)
			ports[files.tcp_port_count++] = (uint16_t)setting_number(config, p->optional_ports[i]);
	tell_kernel(role);
	/* Libraries that spill to a temporary folder do so in the role's own. */
	if (files.path_count > 0 &&
	    (setenv("TMPDIR", paths[0].path, 1) != 0 || setenv("SQLITE_TMPDIR", paths[0].path, 1) != 0))
		return err_errno(err, errno, "setenv", STR_EMPTY);
	int r = sandbox_privileges_keep(ROOT_KEEPS, err);
	return r < 0 ? r : sandbox_files_enter(&files, err);
}

static int set_limit(int resource, uint64_t value, struct err *err)
{
	const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
	return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? err_errno(err, errno, "setrlimit", STR_EMPTY) : 0;
}

static int set_limits(const struct policy *p, struct err *err)
{
	int r = 0;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they reserve terabytes of address space */
	if (p->memory_bytes > 0)
		r = set_limit(RLIMIT_AS, p->memory_bytes, err);
#endif
	if (r == 0 && p->cpu_s > 0)
		r = set_limit(RLIMIT_CPU, p->cpu_s, err);
	return r;
}

int server_confine(const char *role, const struct server_config *config, struct err *err)
{
	const struct policy *p = find_policy(role);
	if (p == NULL)
		return err_set(err, -EINVAL, "server.no_role", ARG_CSTR("name", role));
	int r = set_limits(p, err);
	if (r == 0)
		r = sandbox_hide_memory(err);
	return r < 0 ? r : sandbox_calls_enter(p->calls | (connects(p, config) ? SANDBOX_NETWORK : 0), err);
}

int server_confine_supervisor(struct err *err)
{
	const uint64_t keeps = ROOT_KEEPS | SANDBOX_CAPABILITY(CAP_SETUID) | SANDBOX_CAPABILITY(CAP_SETGID) |
			       SANDBOX_CAPABILITY(CAP_KILL) | SANDBOX_CAPABILITY(CAP_SETPCAP);
	int r = sandbox_privileges_keep(keeps, err);
	return r < 0 ? r : sandbox_deny_enter(err);
}
