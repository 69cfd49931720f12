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

static void fill_pipeline(const struct event_pipeline_stats *s, bool known, struct status_report *ret)
{
	ret->received = known ? (int64_t)s->received : -1;
	ret->stored = known ? (int64_t)s->stored : -1;
	ret->detect_lag = known ? (int64_t)s->detect_lag_bytes : -1;
	ret->store_lag = known ? (int64_t)s->store_lag_bytes : -1;
	ret->dropped = known ? (int64_t)s->dead : -1;
	ret->duplicates = known ? (int64_t)s->duplicates : -1;
	ret->rejected = known ? (int64_t)s->rejected : -1;
	ret->detected = known ? (int64_t)s->detected : -1;
	ret->alerts = known ? (int64_t)s->alerts : -1;
	ret->alerts_waiting = known ? (int64_t)s->alerts_waiting : -1;
	ret->refused_batches = known ? (int64_t)s->refused_batches : -1;
	ret->spool_limit_bytes = known ? (int64_t)s->spool_limit_bytes : -1;
	ret->rules = known ? (int64_t)(s->rules.rules + s->rules.correlations) : -1;
	ret->rules_refused = known ? (int64_t)s->rules.refused : -1;
	ret->indicators = known ? (int64_t)s->rules.indicators : -1;
	ret->rule_matches = known ? (int64_t)s->rules.matches : -1;
	ret->indicator_hits = known ? (int64_t)s->rules.indicator_hits : -1;
	ret->regex_gave_up = known ? (int64_t)s->rules.regex_gave_up : -1;
	ret->correlation_dropped = known ? (int64_t)(s->rules.correlator_late + s->rules.correlator_dropped) : -1;
	ret->findings = known ? (int64_t)s->flood.findings : -1;
	ret->finding_records = known ? (int64_t)s->flood.records : -1;
	ret->findings_merged = known ? (int64_t)s->flood.merged : -1;
	ret->spool_bytes = known ? (int64_t)s->spool_bytes : -1;
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
