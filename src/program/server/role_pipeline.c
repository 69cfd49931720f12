/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Wiring of the pipeline: its senders come from core, its certificate too, its alerts go there; the rest is
 * engine/event and the listener. */
#include <pthread.h>
#include <unistd.h>

#include "base/log/log.h"
#include "engine/event/event_dictionary.h"
#include "engine/event_pipeline/event_canary.h"
#include "engine/event_store/event_store.h"
#include "platform/job/job.h"
#include "program/server/ingest_http.h"
#include "program/server/pipe_senders.h"
#include "program/server/pipe_sources.h"
#include "program/server/pipeline_listen.h"
#include "program/server/server.h"
#include "program/server/server_certificate.h"
#include "program/server/server_journal.h"
#include "program/server/server_privilege.h"
#include "program/server/server_reload.h"

#define JOB_RENEW     "renew"
#define CALL_MS       15000
#define FIRST_WITHIN_S 10
#define FIRST_PAUSE_US 50000
#define ALERT_SEND_MS 1000
/* An alert that core has not committed within this is handed over again. */
#define ALERT_AGAIN_MS 5000

struct pipeline {
	const struct server_config *config; /* as at the start */
	struct server_live live;            /* the rows that a reload changes */
	const char *senders_path;
	struct event_store *store;
	struct detect *detect;
	struct event_pipeline *events;
	struct job_runner *jobs;
	struct server_journal *log; /* ours and core's, on the way into the spool */
	struct http_server *server;
	struct pipeline_listen *listen;
	struct server_certificate certificate;
	struct server_certificate_signer signer;
	struct pipe_snapshot snapshot; /* only the thread of the link to core */
	pthread_mutex_t lock;          /* role */
	struct proc_role *role;        /* NULL until it has started */
};

static struct proc_role *role_of(struct pipeline *p)
{
	(void)pthread_mutex_lock(&p->lock);
	struct proc_role *role = p->role;
	(void)pthread_mutex_unlock(&p->lock);
	return role;
}

static bool hand_over_alert(void *ctx, const struct event_alert *alert)
{
	struct pipeline *p = ctx;
	struct proc_role *role = role_of(p);
	cleanup_buf struct buf bytes = BUF_INIT(PROC_MESSAGE_LIMIT / 2);
	struct proc_message m = proc_message_init(PIPE_ALERT);
	if (role == NULL)
		return false;
	event_alert_encode(alert, &bytes);
	proc_put_str(&m, buf_str(&bytes));
	bool sent = proc_role_send(role, "core", &m, ALERT_SEND_MS, NULL) == 0;
	proc_message_done(&m);
	return sent;
}

static void answer_senders(struct proc_channel *c, const struct proc_message *m, int result, const struct err *err)
{
	if (m->id == 0)
		return;
	struct proc_message reply = pipe_answer(m, result, STR_EMPTY, err);
	(void)!proc_send(c, &reply, NULL);
	proc_message_done(&reply);
}

static void take_senders(struct pipeline *p, struct proc_channel *c, struct proc_message *m)
{
	struct err err = {0};
	int r = pipe_snapshot_add(&p->snapshot, m, &err);
	if (r > 0) {
		event_pipeline_set_senders(p->events, p->snapshot.senders, p->snapshot.count);
		answer_senders(c, m, 0, NULL);
		log_info("senders are known", ARG_U64("count", p->snapshot.count),
			 ARG_U64("version", p->snapshot.version));
		r = pipe_senders_save(p->senders_path, &p->snapshot, &err);
		pipe_snapshot_done(&p->snapshot);
	} else if (r < 0) {
		answer_senders(c, m, r, &err);
	}
	if (r < 0)
		log_err(LOG_LEVEL_ERROR, "a snapshot of senders could not be taken", &err);
}

static void answer_stats(struct pipeline *p, struct proc_channel *c, const struct proc_message *m)
{
	struct event_pipeline_stats stats;
	struct proc_message reply = proc_message_reply(m, PIPE_STATS);
	event_pipeline_stats(p->events, &stats);
	pipe_put_stats(&reply, &stats);
	(void)!proc_send(c, &reply, NULL);
	proc_message_done(&reply);
}

static void answer_sources(struct pipeline *p, struct proc_channel *c, struct proc_message *m)
{
	struct proc_message reply = pipe_sources_answer(event_pipeline_sources(p->events), m);
	(void)!proc_send(c, &reply, NULL);
	proc_message_done(&reply);
}

/* Compiling takes its time: what is answered is how it stands now. */
static void answer_rules(struct pipeline *p, struct proc_channel *c, struct proc_message *m)
{
	cleanup_buf struct buf report = BUF_INIT(PIPE_REPORT_LIMIT);
	uint64_t replaced = proc_get_u64(m);
	struct err err = {0};
	int r = proc_message_complete(m) ? 0 : err_set(&err, -EPROTO, "server.pipe_malformed");
	if (r == 0 && replaced == 1)
		detect_reload(p->detect);
	if (r == 0)
		detect_write_report(p->detect, &report);
	if (report.overflow)
		r = err_set(&err, -E2BIG, "server.pipe_malformed");
	struct proc_message reply = pipe_answer(m, r, buf_str(&report), &err);
	(void)!proc_send(c, &reply, NULL);
	proc_message_done(&reply);
}

/* ---- what the server itself has to say: canaries and its log ---- */

static int accept_own(struct pipeline *p, struct str lines, struct err *err)
{
	/* Of no unit and no machine; a name that tokens and agents cannot have. */
	const struct event_sender sender = {.id = {.b = "luytre-server-1"}, .source = EVENT_SERVER_SOURCE, .keeps_event_id = true};
	const struct event_batch batch = {.body = lines};
	struct event_ingested *taken = MEM_NEW(struct event_ingested);
	int r = event_pipeline_accept(p->events, &sender, &batch, clock_now(), taken, err);
	mem_free(taken);
	return r;
}

/* For when there is no agent yet, and to tell their silence from ours. */
static int sing(struct job *job, void *ctx, struct err *err)
{
	char at[CLOCK_ISO_SIZE];
	cleanup_buf struct buf line = BUF_INIT(1024);
	(void)job;
	buf_printf(&line, "{\"@timestamp\":\"%s\",\"event.kind\":\"state\",\"event.dataset\":\"" EVENT_CANARY_DATASET "\"}",
		   clock_iso(clock_now(), at));
	return accept_own(ctx, buf_str(&line), err);
}

static int carry_log(struct job *job, void *ctx, struct err *err)
{
	struct pipeline *p = ctx;
	cleanup_buf struct buf lines = BUF_INIT((size_t)2 << 20);
	(void)job;
	size_t events = server_journal_take(p->log, (size_t)1 << 20, &lines);
	int r = events > 0 ? accept_own(p, buf_str(&lines), err) : 0;
	if (r < 0)
		server_journal_lost(p->log, events);
	return r;
}

static void take_log(struct pipeline *p, struct proc_message *m)
{
	struct str lines = proc_get_str(m, PIPE_LOG_LIMIT);
	if (proc_message_complete(m))
		server_journal_add(p->log, lines);
}

static void from_core(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	struct pipeline *p = ctx;
	char key[EVENT_ALERT_KEY_SIZE];
	switch (m->type) {
	case PIPE_SENDERS:
		take_senders(p, c, m);
		break;
	case PIPE_ALERT_ACK:
		str_copy_c(proc_get_str(m, sizeof(key) - 1), key, sizeof(key));
		if (proc_message_complete(m))
			event_pipeline_alert_ack(p->events, key);
		break;
	case PIPE_STATS:
		answer_stats(p, c, m);
		break;
	case PIPE_SOURCES:
		answer_sources(p, c, m);
		break;
	case PIPE_LOG:
		take_log(p, m);
		break;
	case PIPE_RULES:
		answer_rules(p, c, m);
		break;
	default:
		log_warn("core sent a message that is not understood", ARG_U64("type", m->type));
	}
}

static int ask_core(struct pipeline *p, struct proc_message *m, struct buf *ret, struct err *err)
{
	struct proc_message reply;
	int r = proc_role_call(p->role, "core", m, &reply, CALL_MS, err);
	proc_message_done(m);
	return r < 0 ? r : pipe_read_answer(&reply, ret, err);
}

static int sign(void *ctx, struct str csr_pem, const char *common_name, const char *const *names, usec_t not_after,
		struct buf *ret_cert_pem, struct err *err)
{
	struct proc_message m = proc_message_init(PIPE_SIGN_CSR);
	(void)names; /* the same settings give core the same names */
	proc_put_str(&m, csr_pem);
	proc_put_str(&m, str_c(common_name));
	proc_put_u64(&m, (uint64_t)not_after);
	return ask_core(ctx, &m, ret_cert_pem, err);
}

static int ca_pem(void *ctx, struct buf *ret, struct err *err)
{
	struct proc_message m = proc_message_init(PIPE_CA);
	return ask_core(ctx, &m, ret, err);
}

static int renew(struct job *job, void *ctx, struct err *err)
{
	struct pipeline *p = ctx;
	(void)job;
	int r = server_certificate_ensure(server_live_now(&p->live), "pipeline", &p->signer, clock_now(), &p->certificate,
					  err);
	if (r == 1) {
		r = http_server_set_certificate(p->server, p->certificate.chain_pem.p, p->certificate.key_pem.p, err);
		if (r == 0)
			r = pipeline_listen_renew(p->listen, &p->certificate, err);
	}
	if (r < 0)
		log_err(LOG_LEVEL_WARN, "the events listener's certificate could not be renewed", err);
	return r;
}

static void reload(struct str settings, void *ctx)
{
	struct pipeline *p = ctx;
	struct err err = {0};
	if (server_live_take(&p->live, settings, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "new settings were not understood", &err);
	event_pipeline_set_spool_limit(p->events, (uint64_t)server_live_now(&p->live)->spool_limit_mb << 20);
	job_wake(p->jobs, JOB_RENEW);
}

static void load_senders(struct pipeline *p)
{
	struct pipe_snapshot s = {0};
	struct err err = {0};
	int r = pipe_senders_load(p->senders_path, &s, &err);
	if (r == 0)
		event_pipeline_set_senders(p->events, s.senders, s.count);
	else if (r != -ENOENT)
		log_err(LOG_LEVEL_WARN, "the kept senders cannot be read; core sends them again", &err);
	pipe_snapshot_done(&s);
}

/* Room is made by whole segments that were read to their end: a small spool needs small ones. */
static uint64_t segment_bytes(const struct server_config *config)
{
	uint64_t part = ((uint64_t)config->spool_limit_mb << 20) / 16, most = (uint64_t)64 << 20;
	return part < most ? part : most;
}

static int start_events(struct arena *arena, struct pipeline *p, struct err *err)
{
	struct event_store_config store = {0};
	bool own = p->config->event_dictionary[0] != '\0';
	int r = own ? event_dictionary_use_file(p->config->event_dictionary, err) : 0;
	if (r < 0)
		return r;
	server_eventdb_address(arena, p->config, &store.unix_path, &store.url);
	r = store.url != NULL ? event_store_new(&store, &p->store, err) : 0;
	if (r < 0)
		return r;
	const struct detect_config rules = {
	    .set_path = server_path(arena, p->config, "rules/" DETECT_SET_FILE),
	    .dir = server_path(arena, p->config, "pipeline/detect"),
	};
	r = detect_new(&rules, &p->detect, err);
	if (r < 0)
		return r;
	const struct event_pipeline_config config = {
	    .dir = server_path(arena, p->config, "pipeline"),
	    .spool_bytes = (uint64_t)p->config->spool_limit_mb << 20,
	    .segment_bytes = segment_bytes(p->config),
	    .store = p->store,
	    .detect = p->detect,
	    .discard = p->store == NULL, /* eventdb = none: alerts only */
	    .on_alert = hand_over_alert,
	    .ctx = p,
	    .alert_again_ms = ALERT_AGAIN_MS,
	};
	r = event_pipeline_start(&config, &p->events, err);
	if (r == 0)
		load_senders(p);
	return r;
}

/* At a start core and key come up beside this role and may not sign yet. */
static int first_certificate(struct pipeline *p, struct err *err)
{
	usec_t until = clock_monotonic() + FIRST_WITHIN_S * USEC_PER_SEC;
	for (;;) {
		int r = server_certificate_ensure(p->config, "pipeline", &p->signer, clock_now(), &p->certificate, err);
		if (r != -EAGAIN || clock_monotonic() >= until)
			return r;
		err_clear(err);
		(void)usleep(FIRST_PAUSE_US);
	}
}

static int start_listener(struct pipeline *p, struct err *err)
{
	int r = first_certificate(p, err);
	if (r < 0)
		return r;
	const struct http_config config = {
	    .address = p->config->listen_address,
	    .port = (uint16_t)p->config->events_port,
	    .cert_pem = p->certificate.chain_pem.p,
	    .key_pem = p->certificate.key_pem.p,
	    .client_ca_pem = p->certificate.ca_pem.p,
	    .routes = ingest_routes,
	    .context = p->events,
	    .fallback = ingest_fallback,
	    .worker_threads = (unsigned)p->config->workers,
	    .request_timeout_s = 120,
	    .max_connections = (unsigned)server_agents_max(),
	};
	return http_server_start(&config, &p->server, err);
}

static int start(struct arena *arena, struct pipeline *p, const struct proc_role_peer *peers, struct err *err)
{
	struct proc_role *role = NULL;
	int r = start_events(arena, p, err);
	if (r == 0)
		r = proc_role_start(peers, 1, &role, err);
	(void)pthread_mutex_lock(&p->lock);
	p->role = role;
	(void)pthread_mutex_unlock(&p->lock);
	if (r == 0)
		r = start_listener(p, err);
	if (r == 0)
		r = pipeline_listen_start(p->config, p->events, &p->certificate, &p->listen, err);
	if (r == 0)
		r = server_confine("pipeline", p->config, err);
	if (r == 0)
		r = proc_role_ready(role, err);
	if (r == 0) {
		log_info("events are taken", ARG_U64("port", http_server_port(p->server)));
		/* One thread a job: a disk that hangs must not keep the others. */
		p->jobs = job_runner_new(3);
		job_every(p->jobs, "canary", p->config->canary_interval_s * USEC_PER_SEC, sing, p);
		job_every(p->jobs, "log", USEC_PER_SEC, carry_log, p);
		job_every(p->jobs, JOB_RENEW, USEC_PER_HOUR, renew, p);
		proc_role_on_reload(role, reload, p);
	}
	return r;
}

/* In reverse: no more requests, then no more peers, then what they used. The alerts' thread may still try to send until
 * the events stop, so the role goes last. */
static void stop(struct pipeline *p)
{
	job_runner_free(p->jobs);
	pipeline_listen_stop(p->listen);
	if (p->server != NULL)
		http_server_stop(p->server);
	if (p->role != NULL)
		proc_role_end(p->role);
	if (p->events != NULL)
		event_pipeline_stop(p->events);
	proc_role_free(p->role);
	detect_free(p->detect);
	if (p->store != NULL)
		event_store_free(p->store);
	pipe_snapshot_done(&p->snapshot);
	server_certificate_done(&p->certificate);
	server_live_done(&p->live);
}

int role_pipeline_run(const struct server_config *config, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct pipeline p = {.config = config,
			     .lock = PTHREAD_MUTEX_INITIALIZER,
			     .log = server_journal_new(),
			     .senders_path = server_path(arena, config, "pipeline/senders")};
	const struct proc_role_peer peers[] = {{.name = "core", .handler = from_core, .ctx = &p}};
	server_certificate_init(&p.certificate);
	server_live_init(&p.live, config);
	p.signer = (struct server_certificate_signer){.ctx = &p, .sign = sign, .ca_pem = ca_pem};
	int r = start(arena, &p, peers, err);
	if (r == 0)
		proc_role_wait_stop(p.role);
	stop(&p);
	server_journal_free(p.log);
	return r;
}
