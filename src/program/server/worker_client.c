/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/worker_client.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/server/worker_exchange.h"
#include "program/server/worker_protocol.h"

/* A job has a minute, and may wait for others that have one, too. */
#define TIMEOUT_MS 150000

static int failed(struct proc_message *reply, struct err *err)
{
	uint64_t why = reply->type == WORKER_FAILED ? proc_get_u64(reply) : WORKER_MALFORMED;
	if (!proc_message_complete(reply) || why >= WORKER_WHY__COUNT)
		why = WORKER_MALFORMED;
	switch ((enum worker_why)why) {
	case WORKER_BUSY:
		return err_set(err, -EAGAIN, "worker.busy");
	case WORKER_TOO_SLOW:
		return err_set(err, -E2BIG, "worker.too_slow");
	case WORKER_DIED:
		return err_set(err, -EINVAL, "worker.died");
	case WORKER_MALFORMED:
	case WORKER_WHY__COUNT:
		break;
	}
	return err_set(err, -EPROTO, "worker.malformed");
}

static int ask(worker_call call, void *ctx, struct proc_message *m, struct err *err)
{
	struct proc_message reply;
	int r = call(ctx, m, &reply, err);
	if (r < 0)
		return err_set(err, -EAGAIN, r == -ETIMEDOUT ? "worker.busy" : "worker.away");
	if (reply.type != WORKER_DONE || !proc_message_complete(&reply))
		r = failed(&reply, err);
	proc_message_done(&reply);
	return r;
}

int worker_client_run(worker_call call, void *ctx, uint64_t job, struct str input, struct buf *ret, struct err *err)
{
	size_t room = ret->max - ret->n, output_max = room < WORKER_OUTPUT_MAX ? room : WORKER_OUTPUT_MAX;
	cleanup_fd int fd = -1;
	int r = worker_exchange_new(input, output_max, &fd, err);
	if (r < 0)
		return r;
	int theirs = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (theirs < 0)
		return err_errno(err, errno, "fcntl", STR_EMPTY);
	struct proc_message m = proc_message_init(WORKER_RUN);
	proc_put_u64(&m, job);
	proc_put_u64(&m, input.n);
	proc_put_u64(&m, output_max);
	proc_put_fd(&m, theirs);
	r = ask(call, ctx, &m, err);
	proc_message_done(&m);
	return r < 0 ? r : worker_exchange_take(fd, input.n, output_max, ret, err);
}

static int call_role(void *ctx, struct proc_message *m, struct proc_message *ret_reply, struct err *err)
{
	return proc_role_call(ctx, "worker", m, ret_reply, TIMEOUT_MS, err);
}

static int read_table(void *ctx, struct str file, struct buf *ret_packed, struct err *err)
{
	return worker_client_run(call_role, ctx, WORKER_TABLE_READ, file, ret_packed, err);
}

static int write_table(void *ctx, struct str packed, struct buf *ret_xlsx, struct err *err)
{
	return worker_client_run(call_role, ctx, WORKER_TABLE_WRITE, packed, ret_xlsx, err);
}

static int run_rulebook(void *ctx, enum rulebook_job what, struct str input, struct buf *ret, struct err *err)
{
	static const enum worker_job jobs[] = {[RULEBOOK_READ] = WORKER_RULES_READ,
					       [RULEBOOK_CHECK] = WORKER_RULES_CHECK,
					       [RULEBOOK_REPLAY] = WORKER_RULES_REPLAY,
					       [RULEBOOK_INDICATORS] = WORKER_RULES_INDICATORS};
	return worker_client_run(call_role, ctx, jobs[what], input, ret, err);
}

struct service_worker worker_client(struct proc_role *role)
{
	return (struct service_worker){.ctx = role, .table_read = read_table, .table_write = write_table, .rulebook = run_rulebook};
}
