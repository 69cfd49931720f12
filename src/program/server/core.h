/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * core: what the parts of the role core share: the database, the services, the
 * links to key and pipeline, the listeners. Made in role_core.c.
 */
#pragma once
#include <pthread.h>

#include "engine/event_store/event_store.h"
#include "platform/crypto/crypto.h"
#include "program/server/pipe_protocol.h"
#include "program/server/server.h"
#include "program/server/server_certificate.h"
#include "engine/malware/malware.h"
#include "platform/proc/proc_starter.h"
#include "platform/sandbox/sandbox.h"
#include "program/server/server_reload.h"
#include "program/server/server_journal.h"
#include "service/gate/gate.h"
#include "service/metrics/metrics.h"
#include "service/status/status_watch.h"

struct core_alerts;

/* What core_watch.c sees of the server's own parts and core_blind.c judges. Times called _mono are monotonic. */
struct core_watched {
	usec_t started_mono;
	usec_t key_gone_at;        /* 0: it answers */
	usec_t write_started_mono; /* 0: no write is under way */
	usec_t write_failed_at;    /* 0: the last write was good */
	usec_t write_good_at;
	usec_t own_heard_mono, own_heard_at;     /* the server's own canary, handed over */
	usec_t rules_failed_at;                  /* 0: the newest set is in use, or being compiled */
	usec_t rules_behind_since;               /* 0: detection works with what was decided */
	usec_t rules_heard_mono, rules_heard_at; /* the same, when the rules saw it too */
	usec_t store_heard_mono, store_heard_at; /* the newest canary found in the event store */
	usec_t faulty_mono;        /* when a part on the canaries' way was last seen at fault */
	usec_t bundle_released_at; /* 0: none */
	usec_t store_since;        /* the embedded event store: its start, by the supervisor's word */
	usec_t store_asked_mono;   /* since when it owes an answer; its job's alone, as store_answered */
	bool store_answered;       /* since that start */
	usec_t clock_offset;       /* wall clock minus monotonic */
	usec_t jump_at;            /* 0: no jump of late */
	int64_t jump_s;
	uint64_t lost_seen, lost_before; /* dead letters and damage: now, and when the last losses began */
	usec_t lost_since, lost_at;
	usec_t disk_short_since; /* since when the event store's disk does not last long enough; 0: it does, or nobody knows */
	int64_t disk_days;       /* that it lasts */
};

struct core {
	const struct server_config *config; /* as at the start */
	struct server_live live;            /* the rows that a reload changes */
	struct arena *arena;
	struct proc_role *role;
	struct service_keys keys;
	struct service_worker worker;
	struct server_certificate_signer signer;
	struct server_certificate certificate;
	struct db *db;
	struct job_runner *jobs;
	struct proc_starter *scanner; /* NULL: luytre-scand is not there, or we are only checking */
	struct malware_starter scanner_starter;
	struct sandbox_kernel kernel; /* asked while we still may */
	uint64_t agents_max;          /* connections that our limit of open files leaves to agents */
	struct event_store *store;
	struct service_context services;
	struct service_detection detection;
	struct status_source status;
	struct gate *gate;
	struct http_server *console, *agents;
	struct core_alerts *alerts;
	struct metrics_meter *meter;
	struct server_journal *log; /* on its way to the pipeline */
	struct job_runner *watch_jobs; /* of their own: what they look at may be what the others hang on */
	struct status_watch *watch;
	struct source_watch *sources; /* counters of log sources */
	unsigned char senders_sent[SHA256_SIZE]; /* digest of the last snapshot; only the job that sends it */

	pthread_mutex_t lock; /* everything below */
	bool ready;           /* alerts may be taken in */
	bool senders_wanted;  /* pipeline is new: it gets the snapshot even when nothing has changed */
	bool rules_changed;   /* the pipeline has not heard of it yet */
	usec_t rules_next;    /* monotonic: asked again then */
	struct buf rules_report; /* what detection said last; empty: nothing, or it is away */
	bool senders_changed; /* somebody came, went or moved since the last one */
	usec_t senders_next, senders_whole;       /* monotonic: not before, and surely at */
	uint64_t senders_asked, senders_told;     /* changes so far, and those that the pipeline has heard of */
	uint64_t machines;                        /* that may send, in the last snapshot */
	unsigned senders_waiting; /* for senders_heard */
	pthread_cond_t senders_heard;
	struct event_pipeline_stats stats;
	usec_t stats_at;         /* 0: never */
	usec_t pipeline_gone_at; /* 0: it answers */
	struct core_watched watched;
	struct status_report *judged; /* what the log was told last */
};

/* role_core.c: what a start does with the services: migrations, packs, sample data, routes, files of the console. Needs
 * config, arena, keys and db. core_stop undoes that and everything after it. */
int core_start_services(struct core *core, struct err *err) WARN_UNUSED;
void core_stop(struct core *core);

/* core_alerts.c: from the link to the database, without holding up the link. */
int core_alerts_start(struct core *core, struct err *err) WARN_UNUSED;
void core_alerts_stop(struct core *core);
void core_alerts_take(struct core *core, struct proc_message *m);

/* core_watch.c: canaries, and the jobs that look at the server's own parts. */
struct event_alert;
int core_watch_start(struct core *core, struct err *err) WARN_UNUSED;
void core_watch_begin(struct core *core); /* the jobs, once all is there */
void core_watch_stop(struct core *core);
void core_watch_free(struct core *core); /* nobody asks any more */
void core_watch_heard(struct core *core, const struct event_alert *canary);
/* core_blind.c: appends what is blind now; the server's own parts first. */
void core_judge(struct core *core, struct status_report *report);

/* core_pipeline.c: the pipeline's messages, and the snapshot it gets. */
void core_from_pipeline(struct proc_channel *c, struct proc_message *m, void *core);
void core_pipeline_up(void *core);
/* Who may send has changed. As a rule this returns when the pipeline knows (after two seconds, if it does not answer); of
 * many such calls within a second one waits, and what the others changed is known within about a second. */
void core_senders_changed(void *core);
/* Pushes the senders when they have changed or the pipeline is new, and looks every minute by itself. */
int core_push_senders(struct job *job, void *core, struct err *err) WARN_UNUSED;
#define CORE_JOB_SENDERS   "senders"
#define CORE_SENDERS_EVERY (USEC_PER_SEC / 4)

/* core_rules.c */
void core_rules_changed(void *core);
int core_rules_report(void *core, struct buf *ret, struct err *err) WARN_UNUSED;
int core_ask_rules(struct job *job, void *core, struct err *err) WARN_UNUSED;
#define CORE_JOB_RULES   "detection"
#define CORE_RULES_EVERY (2 * USEC_PER_SEC)

/* core_status.c */
int core_ask_stats(struct job *job, void *core, struct err *err) WARN_UNUSED;
void core_fill_status(void *core, struct status_report *ret);

/* core_services.c: every capability, in order of use. */
extern const struct service *const core_services[];
extern const size_t core_service_count;
