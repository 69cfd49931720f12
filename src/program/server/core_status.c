/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/core.h"

#define ASK_MS 2000

/* Every other second, so that a page costs the pipeline nothing. */
int core_ask_stats(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	struct proc_message m = proc_message_init(PIPE_STATS), reply;
	struct event_pipeline_stats stats;
	(void)job;
	int r = proc_role_call(core->role, "pipeline", &m, &reply, ASK_MS, err);
	proc_message_done(&m);
	if (r == 0) {
		if (reply.type != PIPE_STATS || !pipe_get_stats(&reply, &stats))
			r = err_set(err, -EPROTO, "server.pipe_malformed");
		proc_message_done(&reply);
	}
	(void)pthread_mutex_lock(&core->lock);
	if (r == 0) {
		core->stats = stats;
		if (stats.rules.state != DETECT_FAILED)
			core->watched.rules_failed_at = 0;
		else if (core->watched.rules_failed_at == 0)
			core->watched.rules_failed_at = clock_now();
		core->stats_at = clock_now();
		core->pipeline_gone_at = 0;
	} else if (core->pipeline_gone_at == 0) {
		core->pipeline_gone_at = core->stats_at > 0 ? core->stats_at : clock_now();
	}
	(void)pthread_mutex_unlock(&core->lock);
	return r;
}

/* For administrators, the same in every language: what confines the processes, and after the minus what is lacking. */
static void tell_sandbox(const struct sandbox_kernel *kernel, char *text, size_t size)
{
	struct buf out = BUF_FIXED(text, size);
	const char *lacks = sandbox_kernel_lacks(kernel);
	if (kernel->seccomp)
		buf_append_c(&out, "seccomp ");
	if (kernel->landlock > 0)
		buf_printf(&out, "Landlock %d ", kernel->landlock);
	if (lacks[0] != '\0')
		buf_printf(&out, "− %s", lacks);
}

static void fill_processes(struct core *core, struct status_report *ret)
{
	static const char *const states[PROC_STATE__COUNT] = {
	    [PROC_STATE_STARTING] = "starting", [PROC_STATE_READY] = "running", [PROC_STATE_DOWN] = "failed"};
	struct proc_process list[PROC_PROCESSES_MAX];
	size_t n = proc_role_processes(core->role, list);
	for (size_t i = 0; i < n && i < STATUS_PROCESSES_MAX; i++) {
		struct status_process *p = &ret->processes[ret->process_count++];
		str_copy_c(str_c(list[i].name), p->name, sizeof(p->name));
		str_copy_c(str_c(states[list[i].state]), p->state, sizeof(p->state));
		tell_sandbox(&core->kernel, p->detail, sizeof(p->detail));
		p->since = list[i].since;
		p->restarts = (int64_t)list[i].restarts;
	}
}

static int64_t or_unknown(bool known, uint64_t n)
{
	return known ? (int64_t)n : -1;
}

static void fill_pipeline(const struct event_pipeline_stats *s, bool known, struct status_report *ret)
{
	ret->received = or_unknown(known, s->received);
	ret->stored = or_unknown(known, s->stored);
	ret->detect_lag = or_unknown(known, s->detect_lag_bytes);
	ret->store_lag = or_unknown(known, s->store_lag_bytes);
	ret->dropped = or_unknown(known, s->dead);
	ret->duplicates = or_unknown(known, s->duplicates);
	ret->rejected = or_unknown(known, s->rejected);
	ret->detected = or_unknown(known, s->detected);
	ret->alerts = or_unknown(known, s->alerts);
	ret->alerts_waiting = or_unknown(known, s->alerts_waiting);
	ret->refused_batches = or_unknown(known, s->refused_batches);
	ret->spool_limit_bytes = or_unknown(known, s->spool_limit_bytes);
	ret->rules = or_unknown(known, s->rules.rules + s->rules.correlations);
	ret->rules_refused = or_unknown(known, s->rules.refused);
	ret->indicators = or_unknown(known, s->rules.indicators);
	ret->rule_matches = or_unknown(known, s->rules.matches);
	ret->indicator_hits = or_unknown(known, s->rules.indicator_hits);
	ret->regex_gave_up = or_unknown(known, s->rules.regex_gave_up);
	ret->correlation_dropped = or_unknown(known, s->rules.correlator_late + s->rules.correlator_dropped);
	ret->findings = or_unknown(known, s->flood.findings);
	ret->finding_records = or_unknown(known, s->flood.records);
	ret->findings_merged = or_unknown(known, s->flood.merged);
	ret->spool_bytes = or_unknown(known, s->spool_bytes);
}

void core_fill_status(void *ctx, struct status_report *ret)
{
	struct core *core = ctx;
	fill_processes(core, ret);
	(void)pthread_mutex_lock(&core->lock);
	const struct event_pipeline_stats stats = core->stats;
	usec_t known_at = core->stats_at, gone_at = core->pipeline_gone_at;
	(void)pthread_mutex_unlock(&core->lock);
	bool known = known_at > 0 && gone_at == 0;
	str_copy_c(STR(LUYTRE_VERSION), ret->version, sizeof(ret->version));
	fill_pipeline(&stats, known, ret);
	const char *eventdb = core->store == NULL ? "none" : !known ? "starting" : stats.store_up ? "ready" : "away";
	str_copy_c(str_c(eventdb), ret->eventdb_state, sizeof(ret->eventdb_state));
	ret->watch = core->watch;
	core_judge(core, ret);
}
