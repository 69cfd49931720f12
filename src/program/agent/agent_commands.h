/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Commands of the server, each done once in effect: the server repeats a command
 * until it has the answer; this ledger ("commands.json", replaced atomically) remembers
 * what was begun and what was answered. The newest AGENT_COMMANDS_KEPT are remembered.
 * Threads: any.
 */
#pragma once
#include "base/err/err.h"
#include "base/json/json.h"
#include "base/uuid/uuid.h"

#define AGENT_COMMANDS_KEPT 500
#define AGENT_COMMAND_RESULT_MAX 8192

struct agent_commands;
int agent_commands_open(const char *state_dir, struct agent_commands **ret, struct err *err) WARN_UNUSED;
void agent_commands_free(struct agent_commands *c);

enum agent_command_begin {
	AGENT_COMMAND_NEW,      /* do it */
	AGENT_COMMAND_AGAIN,    /* begun before this process started, no answer known: it may or may not have been done */
	AGENT_COMMAND_RUNNING,  /* this process is at it */
	AGENT_COMMAND_ANSWERED, /* done: the answer will be sent again */
};
/* Notes the beginning durably before anything is done. Negative: it could not be noted; do nothing now. */
int agent_commands_begin(struct agent_commands *c, const struct uuid *id, enum agent_command_begin *ret,
                         struct err *err) WARN_UNUSED;
/* result: a JSON object. */
int agent_commands_answer(struct agent_commands *c, const struct uuid *id, bool ok, struct str result,
                          struct err *err) WARN_UNUSED;
/* [{"command_id","ok","result"},…] of the answers that the server does not have yet. */
void agent_commands_write(struct agent_commands *c, struct json_writer *w);
/* The answers written last have arrived. */
void agent_commands_delivered(struct agent_commands *c);
