/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/mem/mem.h"
#include "program/server/pipe_protocol.h"
#include "program/server/pipe_sources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pipe_snapshot s = {0};
	struct event_pipeline_stats stats;
	struct proc_message m = proc_message_init(PIPE_SENDERS), n = proc_message_init(PIPE_STATS);
	buf_append(&m.payload, str_n(data, size));
	buf_append(&n.payload, str_n(data, size));
	(void)!pipe_snapshot_add(&s, &m, NULL);
	(void)pipe_get_stats(&n, &stats);
	for (enum pipe_sources_what what = 0; what < PIPE_SOURCES__COUNT; what++) {
		struct pipe_sources sources = {0};
		struct proc_message answer = proc_message_init(PIPE_SOURCES);
		buf_append(&answer.payload, str_n(data, size));
		(void)!pipe_sources_add(&sources, what, &answer, NULL);
		pipe_sources_done(&sources);
	}
	pipe_snapshot_done(&s);
	proc_message_done(&m);
	proc_message_done(&n);
	return 0;
}
