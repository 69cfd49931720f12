/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Inside the room: the lists of system calls (sandbox_calls_table.c). */
#pragma once
#include "base/err/err.h"

struct sandbox_list {
	unsigned when; /* bits of enum sandbox_calls; all must be asked for */
	const int *calls;
	size_t count;
};
extern const struct sandbox_list sandbox_allowed[];
extern const size_t sandbox_allowed_count;

/* Answered with ENOENT under SANDBOX_NO_FILES. */
extern const struct sandbox_list sandbox_absent;
/* Never an accident: they end the process. */
extern const struct sandbox_list sandbox_dangerous;
/* Likewise, but programs that start others need them. */
extern const struct sandbox_list sandbox_dangerous_alone;

int sandbox_no_new_privileges(struct err *err) WARN_UNUSED;
