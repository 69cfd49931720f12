/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/sandbox/sandbox.h"

int sandbox_privileges_keep(uint64_t capabilities, struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		return err_errno(err, errno, "capget", STR_EMPTY);
	uint64_t permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	if (permitted == 0)
		return 0;
	/* The bounding set is lowered while CAP_SETPCAP is still there; without it, it stays as it is. */
	for (unsigned n = 0; (permitted & SANDBOX_CAPABILITY(CAP_SETPCAP)) != 0 && n < 64; n++)
		if ((capabilities & SANDBOX_CAPABILITY(n)) == 0 && prctl(PR_CAPBSET_READ, n, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, n, 0, 0, 0) < 0)
			return err_errno(err, errno, "prctl", STR("PR_CAPBSET_DROP"));
	permitted &= capabilities;
	for (unsigned i = 0; i < 2; i++) {
		data[i].effective &= (uint32_t)(permitted >> (32 * i));
		data[i].permitted = (uint32_t)(permitted >> (32 * i));
		data[i].inheritable &= (uint32_t)(permitted >> (32 * i));
	}
	return syscall(SYS_capset, &header, data) < 0 ? err_errno(err, errno, "capset", STR_EMPTY) : 0;
}

int sandbox_hide_memory(struct err *err)
{
	const struct rlimit none = {0, 0};
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(err, errno, "setrlimit", STR_EMPTY);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno(err, errno, "prctl", STR("PR_SET_DUMPABLE"));
#endif
	return 0;
}
