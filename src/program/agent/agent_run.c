/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_run.h"

#include "base/log/log.h"
#include "program/agent/agent_os.h"

void agent_run_loop(struct agent_core *core)
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
