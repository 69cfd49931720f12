/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * core: what the parts of the role core share: the database, the services, the
 * links to key and pipeline, the listeners. Made in role_core.c.
 */
#pragma once
#include <pthread.h>

#include "engine/event/event_store.h"
#include "platform/crypto/crypto.h"
#include "program/server/pipe_protocol.h"
#include "program/server/server.h"
#include "program/server/server_certificate.h"
#include "program/server/server_reload.h"
#include "service/gate/gate.h"
#include "service/status/status.h"

struct core {
	const struct server_config *config; /* as at the start */
	struct server_live live;            /* the rows that a reload changes */
	struct arena *arena;
	struct proc_role *role;
	struct service_keys keys;
	struct server_certificate_signer signer;
	struct server_certificate certificate;
	struct db *db;
	struct job_runner *jobs;
	struct event_store *store;
	struct service_context services;
	struct status_source status;
	struct gate *gate;
	struct http_server *console, *agents;
	unsigned char senders_sent[SHA256_SIZE]; /* digest of the last snapshot; only the job that sends it */

	pthread_mutex_t lock; /* everything below */
	bool ready;           /* alerts may be taken in */
	bool senders_wanted;  /* pipeline is new: it gets the snapshot even when nothing has changed */
	struct event_pipeline_stats stats;
	usec_t stats_at;         /* 0: never */
	usec_t pipeline_gone_at; /* 0: it answers */
};

/* role_core.c: what a start does with the services: migrations, packs, sample data, routes, files of the console. Needs
 * config, arena, keys and db. core_stop undoes that and everything after it. */
int core_start_services(struct core *core, struct err *err) WARN_UNUSED;
void core_stop(struct core *core);

/* core_pipeline.c: the pipeline's messages, and the snapshot it gets. */
void core_from_pipeline(struct proc_channel *c, struct proc_message *m, void *core);
void core_pipeline_up(void *core);
/* Pushes the senders when they have changed or the pipeline is new; every minute, and woken by changes. */
int core_push_senders(struct job *job, void *core, struct err *err) WARN_UNUSED;
#define CORE_JOB_SENDERS "senders"

/* core_status.c */
int core_ask_stats(struct job *job, void *core, struct err *err) WARN_UNUSED;
void core_fill_status(void *core, struct status_report *ret);

/* core_services.c: every capability, in order of use. */
extern const struct service *const core_services[];
extern const size_t core_service_count;
