/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/file/file.h"
#include "base/log/log.h"
#include "program/agent/agent_control.h"
#include "program/agent/agent_os.h"
#include "program/agent/agent_run.h"

static void loop(struct agent_core *core)
{
	usec_t due = clock_monotonic() + agent_core_first_delay(core);
	for (;;) {
		usec_t left = due - clock_monotonic();
		if (left > 0) {
			enum agent_wake why = agent_os_wait(left);
			if (why == AGENT_WAKE_STOP)
				return;
			/* Asked: an answer waits. Soon, but not at the mercy of whoever sends signals. */
			if (why == AGENT_WAKE_ASKED && due - clock_monotonic() > USEC_PER_SEC)
				due = clock_monotonic() + USEC_PER_SEC;
			continue;
		}
		usec_t next = 0;
		if (agent_core_checkin(core, &next, NULL) < 0)
			log_debug("next check-in", ARG_I64("in_s", next / USEC_PER_SEC));
		due = clock_monotonic() + next;
	}
}

int agent_run(const struct agent_core_options *options, struct err *err)
{
	struct agent_core *core = NULL;
	struct agent_control *control = NULL;
	struct buf socket_path = BUF_INIT(4096);
	int r = agent_os_lock(options->state_dir, err);
	if (r >= 0)
		r = agent_core_new(options, &core, err);
	file_join(&socket_path, str_c(options->state_dir), STR("control.sock"));
	if (r >= 0)
		r = agent_control_start(core, socket_path.p, &control, err);
	if (r >= 0) {
		log_info("agent started", ARG_CSTR("version", AGENT_VERSION));
		loop(core);
		log_info("agent stops");
	}
	agent_control_stop(control);
	agent_core_free(core);
	buf_done(&socket_path);
	return r;
}
