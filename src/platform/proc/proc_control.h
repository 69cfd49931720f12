/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Inside the room: what supervisor and role say to each other on the control channel. */
#pragma once

/* The control channel's descriptor in a role. */
#define PROC_CONTROL_FD    3
/* The supervisor's settings, when there are any. */
#define PROC_SETTINGS_FD   4
/* A reload carries all settings; still one packet. */
#define PROC_CONTROL_LIMIT ((size_t)60 << 10)
#define PROC_NAME_LIMIT    32

enum proc_control {
	PROC_CONTROL_LINK = 1, /* to the role: str peer, and a descriptor */
	PROC_CONTROL_STOP,     /* to the role: end in order */
	PROC_CONTROL_READY,    /* to the supervisor */
	PROC_CONTROL_RELINK,   /* to the supervisor: str peer; the link broke though nobody died */
	PROC_CONTROL_PING,     /* to the role, which sends it back */
	PROC_CONTROL_RELOAD,   /* to the role: str settings; answered with RELOADED */
	PROC_CONTROL_RELOADED, /* to the supervisor: the settings are in force */
	PROC_CONTROL_SILENT,   /* to the supervisor: str child that is no role and answers nobody any more */
	PROC_CONTROL_STATE,    /* to the role: u64 count, count × (str name, u64 state, u64 since, u64 restarts) */
};
