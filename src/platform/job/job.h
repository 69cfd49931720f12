/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * job: background work inside a process: a named function run every so often
 * on a thread of its own, and one-off work with progress that a page can ask
 * for. Threads: any.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/uuid/uuid.h"

struct job_runner;
struct job_runner *job_runner_new(unsigned threads);
/* Tells running jobs to stop, waits for them. */
void job_runner_free(struct job_runner *r);

struct job; /* one running piece of work */
typedef int (*job_fn)(struct job *job, void *ctx, struct err *err);

/* Runs fn now and then every `period`, never twice at once, for the runner's life. `name` is static. ctx is borrowed.
 */
void job_every(struct job_runner *r, const char *name, usec_t period, job_fn fn, void *ctx);
/* Runs fn once. done (may be NULL) frees ctx afterwards, whatever happened. Returns the job's id. */
struct uuid job_start(struct job_runner *r, const char *name, job_fn fn, void *ctx, void (*done)(void *ctx));
/* Wakes a periodic job before its time. */
void job_wake(struct job_runner *r, const char *name);

/* Called by the running function. total 0: unknown. */
void job_progress(struct job *job, uint64_t done, uint64_t total);
/* True when the work should end early. */
bool job_cancelled(const struct job *job);

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED, JOB_STATE__COUNT };
struct job_status {
	struct uuid id;
	const char *name;
	enum job_state state;
	uint64_t done, total;
	usec_t started_at, ended_at;
	struct err err; /* when failed */
};
/* false: unknown (kept for an hour after the end). */
bool job_status(struct job_runner *r, const struct uuid *id, struct job_status *ret);
/* How many are in each state; the ended ones are those of the last hour. */
void job_counts(struct job_runner *r, uint64_t ret[JOB_STATE__COUNT]);
void job_cancel(struct job_runner *r, const struct uuid *id);
