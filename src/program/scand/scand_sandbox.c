/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "platform/sandbox/sandbox.h"
#include "program/scand/scand.h"

enum { NOBODY = 65534 };

/* Unlisted calls kill: a scanner that is not understood any more is worth nothing, and its death is a finding.
 * ClamAV unpacks into files of its folder; without it, files are not there. */
static unsigned calls_of(bool may_fork, const char *folder)
{
	return SANDBOX_UNLISTED_KILLS | (may_fork ? SANDBOX_PROCESSES : 0) |
	       (folder != NULL ? SANDBOX_READ | SANDBOX_WRITE : SANDBOX_NO_FILES);
}

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

int scand_sandbox_enter(const char *folder, struct scand_sandbox *box, struct err *err)
{
	int r = drop_root(folder, err);
	if (r == 0)
		r = sandbox_calls_enter(calls_of(true, folder), err);
	box->landlock = sandbox_kernel().landlock > 0;
	box->seccomp = r == 0;
	box->no_network = box->no_network || box->seccomp; /* socket(2) is not on the list */
	return r;
}

int scand_sandbox_worker(uint64_t memory_bytes, const char *folder, struct err *err)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	(void)memory_bytes; /* the sanitizer reserves terabytes of address space */
#else
	const struct rlimit memory = {.rlim_cur = memory_bytes, .rlim_max = memory_bytes};
	if (memory_bytes > 0 && setrlimit(RLIMIT_AS, &memory) < 0)
		return err_errno(err, errno, "setrlimit", STR_EMPTY);
#endif
	const struct sandbox_path own = {folder, SANDBOX_USE_OWN};
	int r = sandbox_files_enter(&(struct sandbox_files){.paths = &own, .path_count = 1}, err);
	return r < 0 ? r : sandbox_calls_enter(calls_of(false, folder), err);
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
