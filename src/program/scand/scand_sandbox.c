/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "program/scand/scand.h"

enum { NOBODY = 65534 };

/* What every worker needs: memory, reading what it was given, talking to the scanner. */
static const int always[] = {
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(lseek), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
	SCMP_SYS(brk), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(setitimer),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(futex), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(getrandom), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(fcntl), SCMP_SYS(fadvise64),
	SCMP_SYS(restart_syscall), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(uname), SCMP_SYS(sysinfo),
	SCMP_SYS(getrlimit), SCMP_SYS(tgkill), SCMP_SYS(dup), SCMP_SYS(dup2),
};

/* The process that forks workers. */
static const int forking[] = {
	SCMP_SYS(clone), SCMP_SYS(fork), SCMP_SYS(wait4), SCMP_SYS(kill), SCMP_SYS(prlimit64), SCMP_SYS(setrlimit),
	SCMP_SYS(prctl), SCMP_SYS(seccomp), SCMP_SYS(close_range), SCMP_SYS(set_tid_address),
	SCMP_SYS(landlock_create_ruleset), SCMP_SYS(landlock_add_rule), SCMP_SYS(landlock_restrict_self),
};

/* ClamAV unpacks into files of its folder; Landlock keeps workers inside it. */
static const int files[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(rmdir), SCMP_SYS(getdents64), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(ftruncate),
	SCMP_SYS(fsync), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(umask), SCMP_SYS(chmod),
	SCMP_SYS(fchmod), SCMP_SYS(pwrite64), SCMP_SYS(writev), SCMP_SYS(readv), SCMP_SYS(statfs), SCMP_SYS(fstatfs),
	SCMP_SYS(fallocate), SCMP_SYS(pipe2), SCMP_SYS(ioctl),
};

/* Libraries look for configuration when first used; for them there is none. Everything else unlisted ends the process. */
static const int absent[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
};

void scand_sandbox_start(int control, struct scand_sandbox *box)
{
	const struct rlimit none = {0}, few = {.rlim_cur = 256, .rlim_max = 256};
	(void)close_range((unsigned)control + 3, ~0U, 0); /* keeps standard output and error */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_NOFILE, &few);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	box->no_network = unshare(CLONE_NEWNET) == 0;
}

static bool allow(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (seccomp_rule_add(filter, action, calls[i], 0) < 0)
			return false;
	return true;
}

static int load_filter(bool may_fork, bool may_open, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool ok = filter != NULL && allow(filter, SCMP_ACT_ALLOW, always, ARRAY_LEN(always));
	if (ok && may_fork)
		ok = allow(filter, SCMP_ACT_ALLOW, forking, ARRAY_LEN(forking)) &&
		     seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
	if (ok)
		ok = may_open ? allow(filter, SCMP_ACT_ALLOW, files, ARRAY_LEN(files))
		              : allow(filter, SCMP_ACT_ERRNO(ENOENT), absent, ARRAY_LEN(absent));
	int r = ok ? seccomp_load(filter) : -ENOMEM;
	seccomp_release(filter);
	return r < 0 ? err_errno(err, -r, "seccomp", STR_EMPTY) : 0;
}

static int drop_root(const char *folder, struct err *err)
{
	if (geteuid() != 0)
		return 0;
	if (folder != NULL && chown(folder, NOBODY, NOBODY) < 0)
		return err_errno(err, errno, "chown", str_c(folder));
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return err_errno(err, errno, "setresuid", STR_EMPTY);
	return 0;
}

static int landlock_ruleset(void)
{
	const struct landlock_ruleset_attr all = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
	return (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
}

int scand_sandbox_enter(const char *folder, struct scand_sandbox *box, struct err *err)
{
	int r = drop_root(folder, err);
	if (r < 0)
		return r;
	int ruleset = landlock_ruleset();
	box->landlock = ruleset >= 0;
	if (ruleset >= 0)
		(void)close(ruleset);
	r = load_filter(true, folder != NULL, err);
	box->seccomp = r == 0;
	box->no_network = box->no_network || box->seccomp; /* socket(2) is not on the list */
	return r;
}

/* Kernels without Landlock: the seccomp list alone holds, and the scanner is told so. */
static int enter_landlock(const char *folder, struct err *err)
{
	int ruleset = landlock_ruleset();
	if (ruleset < 0)
		return 0;
	int r = 0;
	if (folder != NULL) {
		struct landlock_path_beneath_attr beneath = {.parent_fd = open(folder, O_PATH | O_CLOEXEC | O_DIRECTORY)};
		beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
		                         LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
		                         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
		                         LANDLOCK_ACCESS_FS_MAKE_REG;
		r = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
		if (beneath.parent_fd >= 0)
			(void)close(beneath.parent_fd);
	}
	if (r == 0)
		r = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	int number = errno;
	(void)close(ruleset);
	return r < 0 ? err_errno(err, number, "landlock", STR_EMPTY) : 0;
}

int scand_sandbox_worker(uint64_t memory_bytes, const char *folder, struct err *err)
{
#if defined(__SANITIZE_ADDRESS__)
	(void)memory_bytes; /* the sanitizer reserves terabytes of address space */
#else
	const struct rlimit memory = {.rlim_cur = memory_bytes, .rlim_max = memory_bytes};
	if (memory_bytes > 0 && setrlimit(RLIMIT_AS, &memory) < 0)
		return err_errno(err, errno, "setrlimit", STR_EMPTY);
#endif
	int r = enter_landlock(folder, err);
	return r < 0 ? r : load_filter(false, folder != NULL, err);
}

static void remove_below(int parent, const char *name, unsigned depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL && fd >= 0)
		(void)close(fd);
	if (dir != NULL) {
		for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
			struct str s = str_c(e->d_name);
			if (str_eq_c(s, ".") || str_eq_c(s, ".."))
				continue;
			if (unlinkat(fd, e->d_name, 0) < 0 && depth < 64)
				remove_below(fd, e->d_name, depth + 1);
		}
		(void)closedir(dir);
	}
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

void scand_sandbox_remove(const char *folder)
{
	remove_below(AT_FDCWD, folder, 0);
}
