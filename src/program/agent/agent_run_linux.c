/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/file/file.h"
#include "base/log/log.h"
#include "program/agent/agent_control.h"
#include "program/agent/agent_os.h"
#include "program/agent/agent_run.h"
#include "program/agent/agent_sandbox.h"

int agent_run(const struct agent_core_options *options, struct err *err)
{
	struct agent_core *core = NULL;
	struct agent_control *control = NULL;
	struct buf socket_path = BUF_INIT(4096);
	int r = agent_os_lock(options->state_dir, err);
	if (r >= 0)
		r = agent_sandbox_enter(err);
	if (r >= 0)
		r = agent_core_new(options, &core, err);
	file_join(&socket_path, str_c(options->state_dir), STR("control.sock"));
	if (r >= 0)
		r = agent_control_start(core, socket_path.p, &control, err);
	if (r >= 0) {
		log_info("agent started", ARG_CSTR("version", AGENT_VERSION));
		agent_run_loop(core);
		agent_core_goodbye(core);
		log_info("agent stops");
	}
	agent_control_stop(control);
	agent_core_free(core);
	buf_done(&socket_path);
	return r;
}
