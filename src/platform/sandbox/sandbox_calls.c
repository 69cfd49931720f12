/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "platform/sandbox/sandbox.h"
#include "platform/sandbox/sandbox_internal.h"

/* Younger than Debian 12's header. */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* A filter that is being put together; the first failure stays. */
struct filter {
	scmp_filter_ctx ctx;
	int failed;
};

static void add(struct filter *f, uint32_t action, int call, unsigned count, const struct scmp_arg_cmp *args)
{
	if (f->failed == 0)
		f->failed = seccomp_rule_add_array(f->ctx, action, call, count, args);
}

static void add_list(struct filter *f, uint32_t action, const struct sandbox_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		add(f, action, list->calls[i], 0, NULL);
}

static void add_when(struct filter *f, int call, unsigned arg, uint64_t value)
{
	add(f, SCMP_ACT_ALLOW, call, 1, &SCMP_CMP(arg, SCMP_CMP_EQ, value));
}

static void add_masked(struct filter *f, int call, unsigned arg, uint64_t mask, uint64_t value)
{
	add(f, SCMP_ACT_ALLOW, call, 1, &SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value));
}

/* clone3 hides its flags from a filter; told that there is none, the C library uses clone. */
static void add_threads(struct filter *f, unsigned calls)
{
	static const uint64_t harmless[] = {PR_SET_NAME, PR_GET_NAME,         PR_SET_PDEATHSIG, PR_GET_DUMPABLE,
					    PR_SET_VMA,  PR_GET_NO_NEW_PRIVS, PR_CAPBSET_READ,  PR_GET_SECCOMP};
	if ((calls & (SANDBOX_THREADS | SANDBOX_PROCESSES)) != 0)
		add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL);
	if ((calls & SANDBOX_THREADS) == 0 || (calls & SANDBOX_PROCESSES) != 0)
		return;
	add_masked(f, SCMP_SYS(clone), 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		add_when(f, SCMP_SYS(prctl), 0, harmless[i]);
	/* Reading limits, of itself. */
	add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
	    (struct scmp_arg_cmp[]){SCMP_CMP(0, SCMP_CMP_EQ, 0), SCMP_CMP(2, SCMP_CMP_EQ, 0)});
}

static void add_signals(struct filter *f, unsigned calls)
{
	if ((calls & SANDBOX_PROCESSES) != 0)
		return;
	add_when(f, SCMP_SYS(kill), 0, (uint64_t)getpid());
	add_when(f, SCMP_SYS(tgkill), 0, (uint64_t)getpid());
}

static void add_files(struct filter *f, unsigned calls)
{
	static const uint64_t asking[] = {TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX};
	const uint64_t changing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
	for (size_t i = 0; i < ARRAY_LEN(asking); i++)
		add_when(f, SCMP_SYS(ioctl), 1, asking[i]);
	if ((calls & SANDBOX_READ) != 0 && (calls & SANDBOX_WRITE) == 0) {
		add_masked(f, SCMP_SYS(open), 1, changing, 0);
		add_masked(f, SCMP_SYS(openat), 2, changing, 0);
	}
	/* fstat by another name: of a descriptor, not of a path. */
	if ((calls & SANDBOX_READ) == 0)
		add_masked(f, SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH, AT_EMPTY_PATH);
	if ((calls & SANDBOX_NO_FILES) != 0)
		add(f, SCMP_ACT_ERRNO(ENOENT), SCMP_SYS(newfstatat), 1,
		    &SCMP_CMP(3, SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0));
}

static void add_sockets(struct filter *f, unsigned calls)
{
	if ((calls & SANDBOX_UNIX) != 0)
		add_when(f, SCMP_SYS(socket), 0, AF_UNIX);
	if ((calls & SANDBOX_NETWORK) == 0)
		return;
	add_when(f, SCMP_SYS(socket), 0, AF_INET);
	add_when(f, SCMP_SYS(socket), 0, AF_INET6);
	/* The resolver asks which addresses this machine has. */
	add_when(f, SCMP_SYS(socket), 0, AF_NETLINK);
}

static int load(struct filter *f, struct err *err)
{
	if (f->ctx == NULL)
		return err_errno(err, ENOMEM, "seccomp", STR_EMPTY);
	if (f->failed == 0)
		f->failed = seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (f->failed == 0)
		f->failed = seccomp_attr_set(f->ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (f->failed == 0)
		f->failed = seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	int r = sandbox_no_new_privileges(err);
	if (r == 0 && f->failed == 0)
		f->failed = seccomp_load(f->ctx);
	seccomp_release(f->ctx);
	return r < 0 || f->failed == 0 ? r : err_errno(err, -f->failed, "seccomp", STR_EMPTY);
}

int sandbox_calls_enter(unsigned calls, struct err *err)
{
	bool strict = (calls & SANDBOX_UNLISTED_KILLS) != 0;
	struct filter f = {.ctx = seccomp_init(strict ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM))};
	calls |= SANDBOX_BASIC;
	if (f.ctx == NULL)
		return load(&f, err);
	for (size_t i = 0; i < sandbox_allowed_count; i++)
		if ((calls & sandbox_allowed[i].when) == sandbox_allowed[i].when)
			add_list(&f, SCMP_ACT_ALLOW, &sandbox_allowed[i]);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if ((calls & SANDBOX_NO_FILES) != 0)
		add_list(&f, SCMP_ACT_ERRNO(ENOENT), &sandbox_absent);
#endif
	add_threads(&f, calls);
	add_signals(&f, calls);
	add_files(&f, calls);
	add_sockets(&f, calls);
	if (!strict) {
		add_list(&f, SCMP_ACT_KILL_PROCESS, &sandbox_dangerous);
		add_list(&f, SCMP_ACT_KILL_PROCESS, &sandbox_dangerous_alone);
	}
	return load(&f, err);
}

int sandbox_deny_enter(struct err *err)
{
	struct filter f = {.ctx = seccomp_init(SCMP_ACT_ALLOW)};
	if (f.ctx != NULL)
		add_list(&f, SCMP_ACT_KILL_PROCESS, &sandbox_dangerous);
	return load(&f, err);
}
