/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One of the system's programs, run to its end: by full path, without a shell, with an environment of its own. */
#pragma once
#include "base/clock/clock.h"

struct agent_child {
	const char *path;
	char *const *arguments;   /* NULL-terminated, the name first */
	char *const *environment; /* NULL-terminated; NULL: empty */
	struct str input;         /* at most 64 KiB: what a pipe takes at once */
	usec_t timeout;
};
/* Output and errors go to `out` as far as they fit. The exit status, or -EIO system.call, -ETIMEDOUT agent.child_timeout. */
int agent_child_run(const struct agent_child *child, struct buf *out, struct err *err) WARN_UNUSED;
