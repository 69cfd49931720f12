/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * status: what the processes are doing and where the platform is blind, as one
 * page and one route; and the progress of background jobs.
 *
 * Does not live here: watching the processes (the server program fills a
 * status_source and puts it into service_context.status).
 * Threads: the source is called from any worker.
 */
#pragma once
#include "service/service.h"

extern const struct service status_service;

#define STATUS_PROCESSES_MAX 16
#define STATUS_BLIND_MAX 32

struct status_process {
	char name[32];   /* "core", "pipeline", "key", "eventdb" */
	char state[16];  /* "running", "starting", "failed", "stopped" */
	char detail[256]; /* for administrators, may be "" */
	usec_t since;
	int64_t restarts;
};

/* A place where nothing is seen now. Sentence: message key "status.blind_<what>" with {count} lost events; the
 * keys stand in status_messages.yaml. */
struct status_blind {
	char what[32]; /* "pipeline", "eventdb", "spool", "agent_events", "syslog" */
	usec_t since;
	int64_t lost;
};

struct status_report {
	char version[32];
	struct status_process processes[STATUS_PROCESSES_MAX];
	unsigned process_count;
	/* Of the pipeline since it started; -1: not known now (written as null). */
	int64_t received, stored, detect_lag, store_lag, dropped, spool_bytes;
	char eventdb_state[16]; /* "ready", "starting", "away", "none" */
	struct status_blind blind[STATUS_BLIND_MAX];
	unsigned blind_count;
};

struct status_source {
	/* Fills *ret (zeroed by the caller). Must not block for long. */
	void (*fill)(void *ctx, struct status_report *ret);
	void *ctx;
};
