/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "platform/sandbox/sandbox.h"
#include "platform/sandbox/sandbox_internal.h"

/* Younger than Debian 12's header; numbers of the kernel's interface. */
enum {
	FS_REFER = 1 << 13,     /* ABI 2 */
	FS_TRUNCATE = 1 << 14,  /* ABI 3 */
	FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
	NET_BIND_TCP = 1 << 0,  /* ABI 4 */
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, /* ABI 6 */
	SCOPE_SIGNAL = 1 << 1,
	RULE_NET_PORT = 2,
};
struct ruleset {
	uint64_t fs, net, scoped;
};
struct net_port {
	uint64_t allowed, port;
};

enum {
	READING = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	CHANGING = READING | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE,
	SOCKETS = LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE,
	OWNING = CHANGING | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
		 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | FS_REFER,
	/* What a rule on a single file may name. */
	OF_A_FILE = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
		    FS_TRUNCATE | FS_IOCTL_DEV,
};

static const uint64_t uses[SANDBOX_USE__COUNT] = {
    [SANDBOX_USE_READ] = READING,
    [SANDBOX_USE_WRITE] = CHANGING,
    [SANDBOX_USE_SOCKETS] = SOCKETS,
    [SANDBOX_USE_OWN] = OWNING,
    [SANDBOX_USE_OWN_LINKS] = OWNING | LANDLOCK_ACCESS_FS_MAKE_SYM,
};

/* Nothing here names a user or holds a secret. */
static const struct sandbox_path libraries[] = {
    {"/usr/lib", SANDBOX_USE_READ},
    {"/lib", SANDBOX_USE_READ},
    {"/lib64", SANDBOX_USE_READ},
    {"/usr/local/lib", SANDBOX_USE_READ},
    {"/usr/share/zoneinfo", SANDBOX_USE_READ},
    {"/usr/share/ca-certificates", SANDBOX_USE_READ},
    {"/usr/local/share/ca-certificates", SANDBOX_USE_READ},
    {"/etc/ssl/certs", SANDBOX_USE_READ},
    {"/etc/ssl/openssl.cnf", SANDBOX_USE_READ},
    {"/etc/gnutls", SANDBOX_USE_READ},
    {"/etc/ld.so.cache", SANDBOX_USE_READ},
    {"/etc/localtime", SANDBOX_USE_READ},
    {"/dev/null", SANDBOX_USE_WRITE},
    {"/dev/urandom", SANDBOX_USE_READ},
    {"/dev/random", SANDBOX_USE_READ},
    {"/sys/devices/system/cpu", SANDBOX_USE_READ},
    {"/proc/self", SANDBOX_USE_READ},
    {"/proc/cpuinfo", SANDBOX_USE_READ},
    {"/proc/meminfo", SANDBOX_USE_READ},
    {"/proc/stat", SANDBOX_USE_READ},
};

static int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return abi > 0 ? (int)abi : 0;
}

struct sandbox_kernel sandbox_kernel(void)
{
	return (struct sandbox_kernel){.seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0, .landlock = landlock_abi()};
}

const char *sandbox_kernel_lacks(const struct sandbox_kernel *kernel)
{
	if (!kernel->seccomp)
		return kernel->landlock > 0 ? "seccomp" : "seccomp, landlock";
	if (kernel->landlock == 0)
		return "landlock";
	if (kernel->landlock < 3)
		return "landlock: truncate, network, signals";
	if (kernel->landlock < 4)
		return "landlock: network, signals";
	return kernel->landlock < 6 ? "landlock: signals" : "";
}

int sandbox_no_new_privileges(struct err *err)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? err_errno(err, errno, "prctl", STR_EMPTY) : 0;
}

static struct ruleset handled(int abi, const struct sandbox_files *files)
{
	struct ruleset all = {.fs = FS_REFER - 1};
	all.fs |= (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
	if (abi >= 4)
		all.net = NET_BIND_TCP | (files->connects ? 0 : NET_CONNECT_TCP);
	if (abi >= 6)
		all.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	return all;
}

static int add_path(int set, const struct ruleset *all, const struct sandbox_path *path, struct err *err)
{
	struct stat st;
	if (path->path == NULL || path->path[0] == '\0')
		return 0;
	cleanup_fd int fd = open(path->path, O_PATH | O_CLOEXEC);
	if (fd < 0 && path->use != SANDBOX_USE_OWN && path->use != SANDBOX_USE_OWN_LINKS)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open", str_c(path->path));
	struct landlock_path_beneath_attr rule = {.parent_fd = fd, .allowed_access = uses[path->use] & all->fs};
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_A_FILE;
	if (rule.allowed_access != 0 && syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_errno(err, errno, "landlock_add_rule", str_c(path->path));
	return 0;
}

static int add_paths(int set, const struct ruleset *all, const struct sandbox_path *paths, size_t count,
		     struct err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_path(set, all, &paths[i], err);
	return r;
}

static int add_ports(int set, const struct ruleset *all, const struct sandbox_files *files, struct err *err)
{
	for (size_t i = 0; all->net != 0 && i < files->tcp_port_count; i++) {
		struct net_port rule = {.allowed = NET_BIND_TCP, .port = files->tcp_ports[i]};
		if (syscall(SYS_landlock_add_rule, set, RULE_NET_PORT, &rule, 0) < 0)
			return err_errno(err, errno, "landlock_add_rule", STR("port"));
	}
	return 0;
}

int sandbox_files_enter(const struct sandbox_files *files, struct err *err)
{
	int abi = landlock_abi(), r = sandbox_no_new_privileges(err);
	if (r < 0 || abi == 0)
		return r;
	const struct ruleset all = handled(abi, files);
	size_t size = abi >= 6   ? sizeof(all)
		      : abi >= 4 ? offsetof(struct ruleset, scoped)
				 : offsetof(struct ruleset, net);
	cleanup_fd int set = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (set < 0)
		return err_errno(err, errno, "landlock_create_ruleset", STR_EMPTY);
	if (files->libraries)
		r = add_paths(set, &all, libraries, ARRAY_LEN(libraries), err);
	if (r == 0)
		r = add_paths(set, &all, files->paths, files->path_count, err);
	if (r == 0)
		r = add_ports(set, &all, files, err);
	if (r == 0 && syscall(SYS_landlock_restrict_self, set, 0) < 0)
		r = err_errno(err, errno, "landlock_restrict_self", STR_EMPTY);
	return r;
}
