/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The few calls of the operating system that the portable files of the agent need and base does not have. */
#pragma once
#include <fcntl.h>

#include "base/clock/clock.h"
#include "base/err/err.h"

#ifndef O_BINARY
#define O_BINARY 0
#endif
#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif

int agent_os_sync(int fd); /* 0, or -1 with errno */
int agent_os_sync_data(int fd);
void agent_os_sleep(usec_t t);
/* Since the machine started, sleep included: no clock that people set. */
usec_t agent_os_uptime(void);
/* Folder of the state when none is given. */
const char *agent_os_state_dir(void);
/* One agent a state folder: holds a lock until the process ends. -EBUSY agent.already_running. */
int agent_os_lock(const char *state_dir, struct err *err) WARN_UNUSED;
/* Makes a folder that only the system's administrator can read. */
int agent_os_make_private_dir(const char *path, struct err *err) WARN_UNUSED;
/* Name of the owner of an open file, or "". */
void agent_os_owner(int fd, char *buf, size_t size);
/* Opens a file to be scanned: no link followed at its end, no waiting for FIFOs. fd, or a negative errno. */
int agent_os_open_for_scan(const char *path);
/* The path without links (mem_free), or NULL when it does not exist. */
char *agent_os_real_path(const char *path);
/* Paths are written with "\" and compared without regard to case. */
extern const bool agent_os_backslash;
/* Members for the check-in that only this system has (Microsoft Defender's state); nothing otherwise. */
void agent_os_extra_facts(struct buf *out);

/* Stop signals and waking of the main loop. _setup before any thread is made. */
enum agent_wake { AGENT_WAKE_TIME, AGENT_WAKE_ASKED, AGENT_WAKE_STOP };
void agent_os_wait_setup(void);
enum agent_wake agent_os_wait(usec_t timeout);
void agent_os_wake(void);
/* We were stopped because the whole machine is going down. May take a second. */
bool agent_os_shutting_down(void);
