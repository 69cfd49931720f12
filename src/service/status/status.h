/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * status: what the processes are doing and where the platform is blind, as one
 * page and one route; and the progress of background jobs.
 *
 * Canaries and the units' silence are watched here (status_watch.h).
 *
 * Does not live here: watching the processes (the server program fills a
 * status_source and puts it into service_context.status).
 * Threads: the source is called from any worker.
 */
#pragma once
#include "service/service.h"

extern const struct service status_service;

#define STATUS_PROCESSES_MAX 16
#define STATUS_BLIND_MAX 1024

struct status_process {
	char name[32];   /* "core", "pipeline", "key", "eventdb" */
	char state[16];  /* "running", "starting", "failed", "stopped" */
	char detail[256]; /* for administrators, may be "" */
	usec_t since;
	int64_t restarts;
};

/*
 * A place where nothing is seen now. Texts in status_messages.yaml: "status.blind_<what>" says what is blind and
 * "status.do_<what>" what to do about it, with {unit}, {machine}, {count} lost and {number}; for several units with the same
 * fault "status.many_<what>" with {count} and {units}. What belongs to no unit is told in detail to those who hold
 * system.read; to all others it is one line, "status.central".
 */
struct status_blind {
	char what[32]; /* "pipeline", "agent_silent", … */
	usec_t since;
	int64_t lost;   /* events; 0: none that we know of */
	struct uuid unit_id; /* null: the server's own parts */
	char machine[128];   /* "" when not of one machine or log source */
	int64_t number;      /* days, minutes, seconds: what the sentence counts */
};

struct status_watch;

struct status_report {
	char version[32];
	struct status_process processes[STATUS_PROCESSES_MAX];
	unsigned process_count;
	/* Of the pipeline since it started; -1: not known now (written as null). */
	int64_t received, stored, detect_lag, store_lag, dropped, spool_bytes;
	int64_t rules, rules_refused, indicators;           /* in use */
	int64_t rule_matches, indicator_hits, regex_gave_up; /* of the pipeline since it started, as all here */
	int64_t correlation_dropped;                        /* late, or over a limit */
	int64_t findings, finding_records, findings_merged; /* counted; handed over; without their entity or machine because there were too many */
	int64_t duplicates, rejected, detected, alerts, alerts_waiting, refused_batches, spool_limit_bytes;
	char eventdb_state[16]; /* "ready", "starting", "away", "none" */
	struct status_blind blind[STATUS_BLIND_MAX];
	unsigned blind_count;
	struct status_watch *watch; /* the units' canaries; NULL: none */
};

struct status_source {
	/* Fills *ret (zeroed by the caller). Must not block for long. */
	void (*fill)(void *ctx, struct status_report *ret);
	void *ctx;
};

/* Appends a place that is blind; the caller fills in the rest. */
struct status_blind *status_report_add(struct status_report *report, const char *what, usec_t since);
