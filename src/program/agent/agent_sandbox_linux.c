/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_sandbox.h"

#include <linux/capability.h>
#include <stddef.h>

#include "base/mem/mem.h"
#include "platform/sandbox/sandbox.h"

static const unsigned kept[] = {
    CAP_SYS_ADMIN,                         /* fanotify; a name space without network for the scanner */
    CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, /* files of everybody */
    CAP_CHOWN,        CAP_FOWNER,          CAP_FSETID, CAP_SETFCAP, /* given back as they were */
    CAP_SETUID,       CAP_SETGID,          CAP_KILL,                /* the scanner becomes nobody, and is ended */
    CAP_NET_ADMIN,                         /* the packet filter, through nft: cutting this machine off */
};

int agent_sandbox_enter(struct err *err)
{
	uint64_t capabilities = 0;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		capabilities |= SANDBOX_CAPABILITY(kept[i]);
	int r = sandbox_privileges_keep(capabilities, err);
	return r < 0 ? r : sandbox_deny_enter(err);
}
