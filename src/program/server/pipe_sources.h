/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * pipe_sources: the pipeline's counters per sender and its list of strangers, as they travel to core.
 *
 *   request:  u64 what (enum pipe_sources_what), u64 from
 *   answer:   totals, u64 count, count × row
 *
 * Threads: values; ask from any but the link's own.
 */
#pragma once
#include "engine/event_pipeline/event_sources.h"
#include "platform/proc/proc_role.h"

#define PIPE_SOURCES_PAGE 1000

enum pipe_sources_what { PIPE_SOURCES_COUNTS, PIPE_SOURCES_STRANGERS, PIPE_SOURCES__COUNT };

/* The pipeline's side: the answer to a request; PIPE_FAILED when it is malformed. */
struct proc_message pipe_sources_answer(struct event_sources *sources, struct proc_message *request);

/* Everything there is. Zeroed: empty. */
struct pipe_sources {
	struct event_sources_totals totals;
	struct event_source_counts *counts;
	size_t count;
	struct event_stranger *strangers;
	size_t stranger_count;
};
void pipe_sources_done(struct pipe_sources *s);
/* Adds the page that an answer holds. 1: there may be more, 0: that was the last, -EPROTO (server.pipe_malformed). Frees the answer. */
int pipe_sources_add(struct pipe_sources *s, enum pipe_sources_what what, struct proc_message *answer, struct err *err) WARN_UNUSED;
/* Core's side: asks the peer "pipeline" page after page. Errors as proc_role_call; what was read till then stays in *ret. */
int pipe_sources_ask(struct proc_role *role, int timeout_ms, struct pipe_sources *ret, struct err *err) WARN_UNUSED;
