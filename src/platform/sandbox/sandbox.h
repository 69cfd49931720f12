/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * sandbox: what a process may still do, given up for good: file and port rules
 * (Landlock), system calls (seccomp), capabilities. Who may do what is not
 * known here: programs bring their rows.
 *
 * Landlock binds the calling thread and those it makes later: enter it before
 * threads exist. The system call filter binds all threads there are.
 * An old kernel has less of Landlock; what is missing is told, never an error.
 *
 * Sources: Linux Documentation/userspace-api/landlock.rst (ABI 1 to 7),
 * seccomp(2), libseccomp's manual.
 * Threads: see above. Linux only.
 */
#pragma once
#include <sys/types.h>

#include "base/err/err.h"

/* ---- what this kernel can do ---- */

struct sandbox_kernel {
	bool seccomp;
	int landlock; /* ABI version; 0: none */
};
struct sandbox_kernel sandbox_kernel(void);
/* What this kernel lacks, for logs and the status page: "landlock, …" or "". Static text. */
const char *sandbox_kernel_lacks(const struct sandbox_kernel *kernel);

/* ---- files and ports ---- */

enum sandbox_use {
	SANDBOX_USE_READ,      /* and list; a path that is not there is passed over, as in the two below */
	SANDBOX_USE_WRITE,     /* read and write what is there; nothing is made or removed */
	SANDBOX_USE_SOCKETS,   /* sockets are made and removed in this folder */
	SANDBOX_USE_OWN,       /* everything but devices, links and programs; must be there */
	SANDBOX_USE_OWN_LINKS, /* and symbolic links; where they lead is judged by its own rule */
	SANDBOX_USE__COUNT,
};

struct sandbox_path {
	const char *path; /* the folder and everything below, or one file; NULL or "": passed over */
	enum sandbox_use use;
};

struct sandbox_files {
	const struct sandbox_path *paths;
	size_t path_count;
	bool libraries;            /* may read what the C library and TLS read by themselves: shared objects, CA
				      certificates, time zones, /dev/urandom; nothing about users */
	const uint16_t *tcp_ports; /* may be bound; 0: any that is free */
	size_t tcp_port_count;
	bool connects; /* to any TCP port; else to none */
};

/* Everything else is out of reach for this thread and all it makes; signals and abstract sockets stay in this sandbox.
 * Sets no-new-privileges. -EIO system.call when an own path is not there or the kernel refuses. */
int sandbox_files_enter(const struct sandbox_files *files, struct err *err) WARN_UNUSED;

/* ---- system calls ---- */

enum sandbox_calls {
	SANDBOX_BASIC = 1 << 0,     /* memory, time, descriptors it has, signals to itself; always there */
	SANDBOX_THREADS = 1 << 1,   /* more threads, no processes */
	SANDBOX_LOOP = 1 << 2,      /* epoll, eventfd, timers, pipes */
	SANDBOX_READ = 1 << 3,      /* opening and looking at files; which: sandbox_files_enter says */
	SANDBOX_WRITE = 1 << 4,     /* with READ: making, changing, removing them */
	SANDBOX_SOCKETS = 1 << 5,   /* talking over sockets it has */
	SANDBOX_ACCEPT = 1 << 6,    /* taking connections on listeners it has */
	SANDBOX_UNIX = 1 << 7,      /* new Unix sockets, outgoing */
	SANDBOX_NETWORK = 1 << 8,   /* new IPv4 and IPv6 sockets, outgoing */
	SANDBOX_PROCESSES = 1 << 9, /* forking, waiting for and killing children, confining them further */
	SANDBOX_DATABASE = 1 << 10, /* what an analytic engine asks of the system about memory and processors */
	SANDBOX_NO_FILES =
	    1 << 11, /* instead of READ: opening says "not found", for libraries that look for settings */
	SANDBOX_UNLISTED_KILLS = 1 << 12, /* else what is not listed fails with EPERM, and only what is never an
					     accident (starting programs, tracing, mounting, modules, …) kills */
};

/* From now on all threads may make these calls only. Sets no-new-privileges. `what`: for messages.
 * -EIO system.call. */
int sandbox_calls_enter(unsigned calls, struct err *err) WARN_UNUSED;

/* For programs that start others, where a list of what is allowed would be one of everything: forbids what none of them
 * needs (mounting, modules, tracing, other kernels, setting the clock …). Inherited by what they start. */
int sandbox_deny_enter(struct err *err) WARN_UNUSED;

/* ---- privileges ---- */

#define SANDBOX_CAPABILITY(n) (UINT64_C(1) << (n))
/* Keeps these capabilities (bits by linux/capability.h) of those there are, also over programs that are started. Before
 * threads exist. Nothing happens to a process that has none. -EIO system.call. */
int sandbox_privileges_keep(uint64_t capabilities, struct err *err) WARN_UNUSED;
/* No debugger of the same user, no core dump. Under a sanitizer nothing happens: it reads its own /proc. */
int sandbox_hide_memory(struct err *err) WARN_UNUSED;
