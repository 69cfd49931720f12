/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* worker_client: the worker role as services see it (struct service_worker), over the channel. Threads: any. */
#pragma once
#include "platform/proc/proc_role.h"
#include "service/service.h"

/* The result borrows the role. */
struct service_worker worker_client(struct proc_role *role);

/* The same over any channel. `call` is proc_role_call or like it: -EPIPE, -ETIMEDOUT. */
typedef int (*worker_call)(void *ctx, struct proc_message *m, struct proc_message *ret_reply, struct err *err);
int worker_client_run(worker_call call, void *ctx, uint64_t job, struct str input, struct buf *ret,
		      struct err *err) WARN_UNUSED;
