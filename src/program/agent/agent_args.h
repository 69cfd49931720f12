/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The command line. */
#pragma once
#include <stdio.h>

#include "program/agent/agent_identity.h"

enum agent_verb {
	AGENT_VERB_ENROL,
	AGENT_VERB_RUN,
	AGENT_VERB_STATUS,
	AGENT_VERB_VERSION,
	AGENT_VERB_RESTORE_ISOLATION,
	AGENT_VERB_LIFT_ISOLATION,
};

struct agent_args {
	enum agent_verb verb;
	const char *state_dir, *scand_path;
	bool inotify_only, verbose;
	struct agent_enrol_options enrol;
};

bool agent_args_parse(int argc, char **argv, struct agent_args *ret);
void agent_args_usage(FILE *out);
