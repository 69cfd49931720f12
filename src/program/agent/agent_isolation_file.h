/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The state of the isolation on the disk: isolation.json. A value and its text; no clocks, no packet filter. Threads: values. */
#pragma once
#include "program/agent/agent_isolation.h"

struct agent_isolation_file {
	struct uuid id; /* of the last order; null: none */
	enum agent_isolation_state state;
	usec_t left;   /* when it was stored */
	usec_t uptime; /* then, of the start of the machine named by boot_id */
	char boot_id[64];
	struct agent_firewall_rules rules;
	char message[AGENT_ISOLATION_MESSAGE_MAX + 1];
	struct err problem;
	uint64_t repaired;
};

/* mem_free. */
char *agent_isolation_file_path(const char *state_dir);
/* -ENOENT; -EPROTO agent.isolation_state_lost: not such a file. */
int agent_isolation_file_read(const char *path, struct agent_isolation_file *ret, struct err *err) WARN_UNUSED;
int agent_isolation_file_parse(struct str text, struct agent_isolation_file *ret, struct err *err) WARN_UNUSED;
int agent_isolation_file_write(const char *path, const struct agent_isolation_file *file, struct err *err) WARN_UNUSED;
/* {"key","args":{…}}; null without a problem. */
void agent_isolation_problem_write(const struct err *problem, struct json_writer *w);
