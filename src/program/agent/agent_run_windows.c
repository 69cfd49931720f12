/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/log/log.h"
#include "program/agent/agent_os.h"
#include "program/agent/agent_run.h"

/* There is no control socket on Windows: the server and the event log show the agent's state. */
int agent_run(const struct agent_core_options *options, struct err *err)
{
	struct agent_core *core = NULL;
	int r = agent_os_lock(options->state_dir, err);
	if (r >= 0)
		r = agent_core_new(options, &core, err);
	if (r >= 0) {
		log_info("agent started", ARG_CSTR("version", AGENT_VERSION));
		agent_run_loop(core);
		agent_core_goodbye(core);
		log_info("agent stops");
	}
	agent_core_free(core);
	return r;
}
