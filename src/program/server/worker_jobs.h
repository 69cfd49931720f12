/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * worker_jobs: the worker's work. Each job runs in a process made for it, which
 * has the exchange and nothing else; past its time it is killed, and its death
 * is an answer, so one hostile file costs one job.
 *
 * Threads: any.
 */
#pragma once
#include "platform/proc/proc.h"

struct worker_limits {
	usec_t time;     /* of one job */
	unsigned at_once; /* jobs that run; others wait */
	unsigned waiting; /* jobs that may wait or run */
	/* In the job's process, before it looks at the input: gives up the rest. NULL: nothing. */
	int (*confine)(void *ctx, struct err *err);
	/* An answer to who asked; -EPIPE when that one is gone. From any thread. */
	int (*send)(void *ctx, const struct proc_message *m);
	void *ctx;
};

struct worker_jobs;
struct worker_jobs *worker_jobs_new(const struct worker_limits *limits);
/* proc_handler: a message from core. Answers through `send` when the job is over. */
void worker_jobs_take(struct proc_channel *c, struct proc_message *m, void *jobs);
/* Whoever asks from now on is another one, who gets no answers to old questions. */
void worker_jobs_new_asker(void *jobs);
/* Waits for all jobs. */
void worker_jobs_free(struct worker_jobs *jobs);
