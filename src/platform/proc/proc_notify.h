/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* proc_notify: the sd_notify protocol: one datagram of text to $NOTIFY_SOCKET. Nothing happens without it. */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"

/* Reads and removes the variables, so that no child speaks for us. */
struct proc_notify {
	char path[108];
	size_t path_size; /* 0: nobody listens */
	usec_t watchdog;  /* how often WATCHDOG=1 is due at the latest; 0: never */
};
struct proc_notify proc_notify_take(void);
void proc_notify_send(const struct proc_notify *n, const char *state);
