/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/log/log.h"
#include "program/server/server.h"
#include "program/server/server_privilege.h"
#include "program/server/worker_jobs.h"
#include "program/server/worker_protocol.h"

#define JOB_TIME    (60 * USEC_PER_SEC)
#define AT_ONCE     2
#define WAITING     32
#define ANSWER_MS   5000

struct worker {
	const struct server_config *config;
	struct proc_role *role;
	struct worker_jobs *jobs;
};

static int confine_job(void *ctx, struct err *err)
{
	const struct worker *worker = ctx;
	return server_confine("worker-job", worker->config, err);
}

static int answer(void *ctx, const struct proc_message *m)
{
	struct worker *worker = ctx;
	return proc_role_send(worker->role, "core", m, ANSWER_MS, NULL);
}

static int serve(struct worker *worker, struct err *err)
{
	const struct proc_role_peer peers[] = {{.name = "core",
						.handler = worker_jobs_take,
						.on_up = worker_jobs_new_asker,
						.ctx = worker->jobs,
						.accepts_fds = true,
						.message_limit = WORKER_MESSAGE_LIMIT}};
	int r = proc_role_start(peers, ARRAY_LEN(peers), &worker->role, err);
	if (r == 0)
		r = proc_role_ready(worker->role, err);
	if (r < 0)
		return r;
	log_info("files are taken");
	proc_role_wait_stop(worker->role);
	return 0;
}

int role_worker_run(const struct server_config *config, struct err *err)
{
	struct worker worker = {.config = config};
	const struct worker_limits limits = {
	    .time = JOB_TIME, .at_once = AT_ONCE, .waiting = WAITING, .confine = confine_job, .send = answer, .ctx = &worker};
	int r = server_confine("worker", config, err);
	if (r < 0)
		return r;
	worker.jobs = worker_jobs_new(&limits);
	r = serve(&worker, err);
	if (worker.role != NULL)
		proc_role_end(worker.role);
	worker_jobs_free(worker.jobs);
	proc_role_free(worker.role);
	return r;
}
