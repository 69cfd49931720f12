/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_args.h"

#include <string.h>

#include "program/agent/agent_core.h"
#include "program/agent/agent_os.h"

struct option {
	const char *name;
	const char **text; /* takes a value */
	bool *flag;
};

static bool take(const struct option *options, int argc, char **argv, int *at)
{
	for (const struct option *o = options; o->name != NULL; o++) {
		if (strcmp(argv[*at], o->name) != 0)
			continue;
		if (o->flag != NULL) {
			*o->flag = true;
			return true;
		}
		if (*at + 1 >= argc)
			return false;
		*o->text = argv[++*at];
		return true;
	}
	return false;
}

bool agent_args_parse(int argc, char **argv, struct agent_args *ret)
{
	static const char *const verbs[] = {"enrol", "run", "status", "version", "restore-isolation", "lift-isolation"};
	*ret = (struct agent_args){.state_dir = agent_os_state_dir()};
	const struct option options[] = {
		{"--state", &ret->state_dir, NULL},
		{"--scand", &ret->scand_path, NULL},
		{"--server", &ret->enrol.server, NULL},
		{"--events", &ret->enrol.events, NULL},
		{"--token", &ret->enrol.token, NULL},
		{"--ca-fingerprint", &ret->enrol.ca_fingerprint, NULL},
		{"--force", NULL, &ret->enrol.force},
		{"--any-name", NULL, &ret->enrol.any_name},
		{"--inotify", NULL, &ret->inotify_only},
		{"--verbose", NULL, &ret->verbose},
		{NULL, NULL, NULL},
	};
	bool known = false;
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++) {
		if (strcmp(argv[1], verbs[i]) == 0) {
			ret->verb = (enum agent_verb)i;
			known = true;
		}
	}
	for (int i = 2; known && i < argc; i++)
		known = take(options, argc, argv, &i);
	ret->enrol.state_dir = ret->state_dir;
	if (ret->verb == AGENT_VERB_ENROL && (ret->enrol.server == NULL || ret->enrol.events == NULL || ret->enrol.token == NULL))
		return false;
	return known;
}

void agent_args_usage(FILE *out)
{
	(void)fputs("usage: luytre-agent enrol --server https://HOST:8445 --events https://HOST:8444 --token TOKEN\n"
	            "                          [--ca-fingerprint SHA256] [--any-name] [--force] [--state DIR]\n"
	            "       luytre-agent run [--state DIR] [--scand PROGRAM] [--inotify] [--verbose]\n"
	            "       luytre-agent status [--state DIR]\n"
	            "       luytre-agent restore-isolation [--state DIR]\n"
	            "       luytre-agent lift-isolation [--state DIR]\n"
	            "       luytre-agent version\n",
	            out);
}
