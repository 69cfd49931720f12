/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* key_client: the key role as services see it (struct service_keys), over the channel. Threads: any. */
#pragma once
#include "platform/proc/proc_role.h"
#include "service/service.h"

/* The result borrows the role. */
struct service_keys key_client(struct proc_role *role);
