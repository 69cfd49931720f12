/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/worker_jobs.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "engine/rulebook/rulebook.h"
#include "engine/table/table.h"
#include "program/server/worker_exchange.h"
#include "program/server/worker_protocol.h"

struct worker_jobs {
	struct worker_limits limits;
	pthread_mutex_t lock; /* the three below */
	pthread_cond_t changed;
	unsigned running, threads;
	uint64_t asker;
};

struct run {
	struct worker_jobs *jobs;
	uint64_t asker;
	uint64_t job, input_n, output_max;
	int fd;
	struct proc_message reply;
};

/* ---- in the job's process ---- */

static int do_job(enum worker_job job, struct str input, struct buf *out, struct err *err)
{
	switch (job) {
	case WORKER_TABLE_READ:
		return table_read(input, out, err);
	case WORKER_TABLE_WRITE:
		return table_write(input, out, err);
	case WORKER_RULES_READ:
		return rulebook_run(RULEBOOK_READ, input, out, err);
	case WORKER_RULES_CHECK:
		return rulebook_run(RULEBOOK_CHECK, input, out, err);
	case WORKER_RULES_REPLAY:
		return rulebook_run(RULEBOOK_REPLAY, input, out, err);
	case WORKER_RULES_INDICATORS:
		return rulebook_run(RULEBOOK_INDICATORS, input, out, err);
	case WORKER_JOB__COUNT:
		break;
	}
	return err_set(err, -EINVAL, "worker.malformed");
}

/* Keeps the exchange as 0 and `alive` as 1: nothing that leads to core, to the supervisor or to another job. */
static bool keep_two(int fd, int alive)
{
	int a = fcntl(fd, F_DUPFD, 10), b = fcntl(alive, F_DUPFD, 10);
	if (a < 0 || b < 0 || dup2(a, 0) < 0 || dup2(b, 1) < 0)
		return false;
#if defined(__SANITIZE_ADDRESS__)
	return close_range(3, ~0U, 0) == 0; /* it tells on the standard error */
#else
	return close_range(2, ~0U, 0) == 0;
#endif
}

static void be_the_job(const struct run *run, int alive)
{
	struct err err = {0};
	struct worker_exchange x;
	struct buf out = BUF_INIT(run->output_max);
	if (!keep_two(run->fd, alive) || worker_exchange_map(0, run->input_n, run->output_max, &x, &err) < 0)
		_exit(3);
	int r = run->jobs->limits.confine != NULL ? run->jobs->limits.confine(run->jobs->limits.ctx, &err) : 0;
	if (r == 0)
		r = do_job((enum worker_job)run->job, worker_exchange_input(&x), &out, &err);
	worker_exchange_leave(&x, r, &err, buf_str(&out));
	_exit(0);
}

/* ---- beside it ---- */

static int left_ms(usec_t end)
{
	usec_t left = end - clock_monotonic();
	return left > 0 ? (int)(left / USEC_PER_MS) + 1 : 0;
}

/* The job's end of the pipe closes when it ends. It may close it before: then it has ended, too. True: in time. */
static bool wait_end(int fd, usec_t time)
{
	usec_t end = clock_monotonic() + time;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int r = poll(&p, 1, left_ms(end));
		if (r > 0)
			return true;
		if (r == 0)
			return false;
	}
}

static int in_a_process(const struct run *run, enum worker_why *ret_why)
{
	int ends[2], status = 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		be_the_job(run, ends[1]);
	file_close(&ends[1]);
	bool in_time = pid > 0 && wait_end(ends[0], run->jobs->limits.time);
	file_close(&ends[0]);
	if (pid < 0)
		return -EAGAIN;
	/* One that ends by itself is past feeling it. */
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	*ret_why = in_time ? WORKER_DIED : WORKER_TOO_SLOW;
	log_error(in_time ? "a job died" : "a job took too long and was killed", ARG_U64("job", run->job), ARG_I64("pid", pid),
		  ARG_U64("input_bytes", run->input_n), ARG_I64("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
		  ARG_I64("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1));
	return -ECHILD;
}

static void fail(struct run *run, enum worker_why why)
{
	run->reply.type = WORKER_FAILED;
	proc_put_u64(&run->reply, why);
}

static void answer_and_free(struct run *run)
{
	struct worker_jobs *jobs = run->jobs;
	(void)pthread_mutex_lock(&jobs->lock);
	bool still_there = jobs->asker == run->asker;
	(void)pthread_mutex_unlock(&jobs->lock);
	/* Who asked is gone when this fails. */
	if (still_there)
		(void)!jobs->limits.send(jobs->limits.ctx, &run->reply);
	file_close(&run->fd);
	proc_message_done(&run->reply);
	mem_free(run);
}

static void *job_main(void *arg)
{
	struct run *run = arg;
	struct worker_jobs *jobs = run->jobs;
	enum worker_why why = WORKER_DIED;
	(void)pthread_mutex_lock(&jobs->lock);
	while (jobs->running >= jobs->limits.at_once)
		(void)pthread_cond_wait(&jobs->changed, &jobs->lock);
	jobs->running++;
	(void)pthread_mutex_unlock(&jobs->lock);
	if (in_a_process(run, &why) < 0)
		fail(run, why);
	answer_and_free(run);
	(void)pthread_mutex_lock(&jobs->lock);
	jobs->running--;
	jobs->threads--;
	(void)pthread_cond_broadcast(&jobs->changed);
	(void)pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

struct worker_jobs *worker_jobs_new(const struct worker_limits *limits)
{
	struct worker_jobs *jobs = MEM_NEW(struct worker_jobs);
	jobs->limits = *limits;
	(void)pthread_mutex_init(&jobs->lock, NULL);
	(void)pthread_cond_init(&jobs->changed, NULL);
	return jobs;
}

void worker_jobs_free(struct worker_jobs *jobs)
{
	if (jobs == NULL)
		return;
	(void)pthread_mutex_lock(&jobs->lock);
	while (jobs->threads > 0)
		(void)pthread_cond_wait(&jobs->changed, &jobs->lock);
	(void)pthread_mutex_unlock(&jobs->lock);
	(void)pthread_mutex_destroy(&jobs->lock);
	(void)pthread_cond_destroy(&jobs->changed);
	mem_free(jobs);
}

static bool read_run(struct proc_message *m, struct run *run)
{
	run->job = proc_get_u64(m);
	run->input_n = proc_get_u64(m);
	run->output_max = proc_get_u64(m);
	run->fd = proc_take_fd(m);
	struct worker_exchange x;
	bool good = m->type == WORKER_RUN && proc_message_complete(m) && run->job < WORKER_JOB__COUNT && run->fd >= 0 &&
		    worker_exchange_map(run->fd, run->input_n, run->output_max, &x, NULL) == 0;
	if (good)
		worker_exchange_unmap(&x);
	return good;
}

static bool start_thread(struct worker_jobs *jobs, struct run *run)
{
	pthread_t thread;
	(void)pthread_mutex_lock(&jobs->lock);
	bool room = jobs->threads < jobs->limits.waiting;
	bool started = room && pthread_create(&thread, NULL, job_main, run) == 0;
	jobs->threads += started;
	(void)pthread_mutex_unlock(&jobs->lock);
	if (started)
		(void)pthread_detach(thread);
	return started;
}

void worker_jobs_new_asker(void *ctx)
{
	struct worker_jobs *jobs = ctx;
	(void)pthread_mutex_lock(&jobs->lock);
	jobs->asker++;
	(void)pthread_mutex_unlock(&jobs->lock);
}

void worker_jobs_take(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	struct worker_jobs *jobs = ctx;
	struct run *run = MEM_NEW(struct run);
	(void)c;
	*run = (struct run){.jobs = jobs, .fd = -1, .reply = proc_message_reply(m, WORKER_DONE)};
	(void)pthread_mutex_lock(&jobs->lock);
	run->asker = jobs->asker;
	(void)pthread_mutex_unlock(&jobs->lock);
	bool good = read_run(m, run);
	if (good && start_thread(jobs, run))
		return;
	fail(run, good ? WORKER_BUSY : WORKER_MALFORMED);
	answer_and_free(run);
}
