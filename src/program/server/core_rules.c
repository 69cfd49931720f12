/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Between the keeper of the rules and detection in the pipeline: word that the set was replaced, and what became of it. */
#include "base/log/log.h"
#include "program/server/core.h"
#include "service/rule/rule.h"

#define ASK_MS    2000
#define ASK_EVERY (10 * USEC_PER_SEC)

void core_rules_changed(void *ctx)
{
	struct core *core = ctx;
	(void)pthread_mutex_lock(&core->lock);
	core->rules_changed = true;
	(void)pthread_mutex_unlock(&core->lock);
	job_wake(core->jobs, CORE_JOB_RULES);
}

int core_rules_report(void *ctx, struct buf *ret, struct err *err)
{
	struct core *core = ctx;
	(void)pthread_mutex_lock(&core->lock);
	bool known = core->rules_report.n > 0;
	buf_append(ret, buf_str(&core->rules_report));
	(void)pthread_mutex_unlock(&core->lock);
	return known ? 0 : err_set(err, -EAGAIN, "server.detection_away");
}

static int ask(struct core *core, bool changed, struct err *err)
{
	struct proc_message m = proc_message_init(PIPE_RULES), reply;
	proc_put_u64(&m, changed ? 1 : 0);
	int r = proc_role_call(core->role, "pipeline", &m, &reply, ASK_MS, err);
	proc_message_done(&m);
	if (r < 0)
		return r;
	struct str report = proc_get_str(&reply, PIPE_REPORT_LIMIT);
	if (reply.type != PIPE_DONE || !proc_message_complete(&reply))
		r = err_set(err, -EPROTO, "server.pipe_malformed");
	(void)pthread_mutex_lock(&core->lock);
	buf_clear(&core->rules_report);
	if (r == 0)
		buf_append(&core->rules_report, report);
	core->rules_changed = core->rules_changed && !changed;
	(void)pthread_mutex_unlock(&core->lock);
	proc_message_done(&reply);
	return r;
}

/* Decided, written, and still not what detection works with: told after a minute (service/rule). */
static void note_behind(struct core *core)
{
	struct rule_health health = {0};
	struct err err = {0};
	if (rule_health(&core->services, &health, &err) < 0)
		return; /* the database's own point tells */
	(void)pthread_mutex_lock(&core->lock);
	core->watched.rules_behind_since = health.since;
	(void)pthread_mutex_unlock(&core->lock);
}

/* A change at once, until it was heard; else every now and then. While the pipeline is away the last word is no longer true. */
int core_ask_rules(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	usec_t now = clock_monotonic();
	(void)job;
	(void)pthread_mutex_lock(&core->lock);
	bool changed = core->rules_changed, due = changed || now >= core->rules_next;
	if (due)
		core->rules_next = now + ASK_EVERY;
	(void)pthread_mutex_unlock(&core->lock);
	int r = due ? ask(core, changed, err) : 0;
	if (r < 0) {
		(void)pthread_mutex_lock(&core->lock);
		core->rules_changed = core->rules_changed || changed;
		buf_clear(&core->rules_report);
		(void)pthread_mutex_unlock(&core->lock);
	}
	if (due)
		note_behind(core);
	return r;
}
