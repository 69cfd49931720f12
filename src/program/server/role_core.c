/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Wiring of core: database, services, links, listeners. The start is one list, undone in reverse. */
#include <stdio.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "platform/http/http_fetch.h"
#include "platform/job/job.h"
#include "program/server/core.h"
#include "program/server/key_client.h"
#include "program/server/server_privilege.h"
#include "program/server/worker_client.h"
#include "program/server/worker_protocol.h"
#include "service/account/account.h"
#include "service/sample/sample.h"

#define JOB_THREADS     4
#define JOB_RENEW       "renew"
#define SETUP_CODE_FILE "core/setup-code"

static void from_key(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	(void)c;
	(void)ctx;
	log_warn("the key role asks for something", ARG_U64("type", m->type));
}

static void from_worker(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	(void)c;
	(void)ctx;
	log_warn("the worker asks for something", ARG_U64("type", m->type));
}

static int sign(void *ctx, struct str csr_pem, const char *common_name, const char *const *names, usec_t not_after,
		struct buf *ret_cert_pem, struct err *err)
{
	const struct service_keys *keys = ctx;
	return keys->sign_csr(keys->ctx, csr_pem, common_name, false, names, not_after, ret_cert_pem, err);
}

static int ca_pem(void *ctx, struct buf *ret, struct err *err)
{
	const struct service_keys *keys = ctx;
	return keys->ca_pem(keys->ctx, ret, err);
}

static int renew(struct job *job, void *ctx, struct err *err)
{
	struct core *core = ctx;
	(void)job;
	int r = server_certificate_ensure(server_live_now(&core->live), "core", &core->signer, clock_now(),
					  &core->certificate, err);
	struct http_server *const servers[] = {core->console, core->agents};
	for (size_t i = 0; r == 1 && i < ARRAY_LEN(servers); i++)
		if (http_server_set_certificate(servers[i], core->certificate.chain_pem.p, core->certificate.key_pem.p,
						err) < 0)
			r = -EIO;
	if (r < 0)
		log_err(LOG_LEVEL_WARN, "the certificate could not be renewed", err);
	return r < 0 ? r : 0;
}

static int open_stores(struct core *core, struct err *err)
{
	struct event_store_config store = {0};
	int r = db_open(core->config->database, (unsigned)core->config->database_readers, &core->db, err);
	if (r < 0)
		return r;
	server_eventdb_address(core->arena, core->config, &store.unix_path, &store.url);
	return store.url != NULL ? event_store_new(&store, &core->store, err) : 0;
}

/* For the set-up page. A secret, so never in the log: in a file of the owner's, and on a terminal when there is one. */
static int offer_setup(struct core *core, struct err *err)
{
	char code[ACCOUNT_SETUP_CODE_SIZE];
	const char *path = server_path(core->arena, core->config, SETUP_CODE_FILE);
	int r = account_setup_begin(&core->services, code, err);
	if (r <= 0)
		return r < 0 ? r : file_remove(path, err);
	r = file_write(path, str_c(code), 0600, err);
	if (r == 0 && isatty(STDERR_FILENO) != 0) {
		cleanup_buf struct buf text = BUF_INIT(4096);
		msg_append(&msg_catalogue_all, MSG_LANG_VI, "server.setup_code", ARGS(ARG_CSTR("code", code)), &text);
		(void)fprintf(stderr, "\n%s\n\n", text.p);
	}
	log_info("set-up has yet to be done", ARG_CSTR("code_file", path));
	mem_wipe(code, sizeof(code));
	return r;
}

static int load_sample(struct core *core, struct err *err)
{
	if (core->config->sample_dir[0] == '\0')
		return 0;
	return sample_load(&core->services, core->config->sample_dir, str_c(core->config->sample_password), err);
}

static int fetch(void *ctx, const char *url, const char *etag, size_t limit, struct buf *bytes, char ret_etag[SERVICE_ETAG_SIZE],
		 struct err *err)
{
	_Static_assert(SERVICE_ETAG_SIZE == HTTP_FETCH_ETAG_SIZE, "one size");
	(void)ctx;
	return http_fetch(&(struct http_fetch){.url = url, .etag = etag, .limit_bytes = limit}, bytes, ret_etag, err);
}

int core_start_services(struct core *core, struct err *err)
{
	static const struct service_fetcher fetcher = {.fetch = fetch};
	core->jobs = job_runner_new(JOB_THREADS);
	core->status = (struct status_source){.fill = core_fill_status, .ctx = core};
	core->rules_report = BUF_INIT(PIPE_REPORT_LIMIT);
	core->detection = (struct service_detection){.ctx = core, .folder = server_path(core->arena, core->config, "rules"),
	                                             .changed = core_rules_changed, .report = core_rules_report};
	core->services = (struct service_context){
	    .db = core->db,
	    .jobs = core->jobs,
	    .messages = &msg_catalogue_all,
	    .now = clock_now,
	    .packs_dir = core->config->packs_dir,
	    .data_dir = server_path(core->arena, core->config, "core"),
	    .keys = &core->keys,
	    .worker = &core->worker,
	    .fetcher = core->config->fetch_rules == 1 ? &fetcher : NULL,
	    .events = core->store,
	    .disk_warn_days = core->config->disk_warn_days,
	    .status = &core->status,
	    .scanner_starter = core->scanner != NULL ? &core->scanner_starter : NULL,
	    .meter = core->meter = metrics_meter_new(),
	    .public_names = core->config->public_names,
	    .hotline = core->config->hotline,
	    .second_factor = core->config->second_factor == 1,
	    .agent_port = (uint16_t)core->config->agent_port,
	    .events_port = (uint16_t)core->config->events_port,
	    .syslog_udp_port = (uint16_t)core->config->syslog_udp_port,
	    .syslog_tcp_port = (uint16_t)core->config->syslog_tcp_port,
	    .syslog_tls_port = (uint16_t)core->config->syslog_tls_port,
	    .snapshot_changed = core_senders_changed,
	    .snapshot_changed_ctx = core,
	    .detection = &core->detection,
	};
	int r = core_watch_start(core, err);
	if (r >= 0)
		r = gate_prepare(&core->services, core_services, core_service_count, err);
	if (r >= 0)
		r = load_sample(core, err);
	if (r < 0)
		return r;
	const struct gate_folder folders[] = {
	    {"/messages/", core->config->messages_dir}, {"/", core->config->web_dir}, {NULL, NULL}};
	const struct gate_config config = {
	    .service = &core->services,
	    .services = core_services,
	    .service_count = core_service_count,
	    .folders = folders,
	    .reload = core->config->web_reload == 1,
	    .version = LUYTRE_VERSION,
	};
	return gate_new(&config, &core->gate, err);
}

static int listen_on(struct core *core, enum service_listener which, int64_t port, struct http_server **ret,
		     struct err *err)
{
	const struct http_config config = {
	    .address = core->config->listen_address,
	    .port = (uint16_t)port,
	    .cert_pem = core->certificate.chain_pem.p,
	    .key_pem = core->certificate.key_pem.p,
	    .client_ca_pem = which == LISTENER_AGENT ? core->certificate.ca_pem.p : NULL,
	    .routes = gate_routes(core->gate, which),
	    .context = core->gate,
	    .fallback = gate_fallback,
	    .worker_threads = (unsigned)core->config->workers,
	    /* Every machine of a city may hold one between two check-ins. */
	    .max_connections = which == LISTENER_AGENT ? (unsigned)core->agents_max : 0,
	    .max_per_address = which == LISTENER_CONSOLE ? 256 : 0,
	};
	return http_server_start(&config, ret, err);
}

static int start_listeners(struct core *core, struct err *err)
{
	int r = server_certificate_ensure(core->config, "core", &core->signer, clock_now(), &core->certificate, err);
	if (r >= 0)
		r = listen_on(core, LISTENER_CONSOLE, core->config->console_port, &core->console, err);
	if (r >= 0)
		r = listen_on(core, LISTENER_AGENT, core->config->agent_port, &core->agents, err);
	return r < 0 ? r : gate_start(core->gate, err);
}

/* Other names need another certificate: key has heard of them before, pipeline does after. */
static void reload(struct str settings, void *ctx)
{
	struct core *core = ctx;
	struct err err = {0};
	if (server_live_take(&core->live, settings, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "new settings were not understood", &err);
	core->services.public_names = server_live_now(&core->live)->public_names;
	job_wake(core->jobs, JOB_RENEW);
}

static void start_jobs(struct core *core)
{
	(void)pthread_mutex_lock(&core->lock);
	core->ready = core->senders_wanted = true;
	(void)pthread_mutex_unlock(&core->lock);
	job_every(core->jobs, CORE_JOB_SENDERS, CORE_SENDERS_EVERY, core_push_senders, core);
	job_every(core->jobs, CORE_JOB_RULES, CORE_RULES_EVERY, core_ask_rules, core);
	job_every(core->jobs, JOB_RENEW, USEC_PER_HOUR, renew, core);
	proc_role_on_reload(core->role, reload, core);
	core_watch_begin(core);
}

static int start(struct core *core, const struct proc_role_peer *peers, size_t peer_count, struct err *err)
{
	int r = proc_role_start(peers, peer_count, &core->role, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&core->lock);
	core->keys = key_client(core->role);
	core->worker = worker_client(core->role);
	(void)pthread_mutex_unlock(&core->lock);
	if ((r = open_stores(core, err)) < 0 || (r = core_start_services(core, err)) < 0 || (r = offer_setup(core, err)) < 0 ||
	    (r = start_listeners(core, err)) < 0)
		return r;
	start_jobs(core);
	r = server_confine("core", core->config, err);
	if (r == 0)
		r = proc_role_ready(core->role, err);
	if (r == 0)
		log_info("console and agents are served", ARG_U64("console_port", http_server_port(core->console)),
			 ARG_U64("agent_port", http_server_port(core->agents)));
	return r;
}

void core_stop(struct core *core)
{
	(void)pthread_mutex_lock(&core->lock);
	core->ready = false;
	(void)pthread_mutex_unlock(&core->lock);
	if (core->gate != NULL)
		gate_stop(core->gate);
	if (core->agents != NULL)
		http_server_stop(core->agents);
	if (core->console != NULL)
		http_server_stop(core->console);
	if (core->role != NULL)
		proc_role_end(core->role);
	core_alerts_stop(core);
	core_watch_stop(core);
	job_runner_free(core->jobs);
	buf_done(&core->rules_report);
	gate_free(core->gate);
	core_watch_free(core);
	metrics_meter_free(core->meter);
	if (core->store != NULL)
		event_store_free(core->store);
	if (core->db != NULL)
		db_close(core->db);
	proc_role_free(core->role);
	server_certificate_done(&core->certificate);
	server_live_done(&core->live);
	proc_starter_free(core->scanner);
}

static int start_scanner(void *ctx, int fd, int64_t *ret_id, struct err *err)
{
	pid_t pid = 0;
	int r = proc_starter_start(ctx, fd, &pid, err);
	if (r == 0)
		*ret_id = pid;
	return r;
}

static void end_scanner(void *ctx, int64_t id)
{
	proc_starter_end(ctx, (pid_t)id);
}

/* Rules are tried in luytre-scand before they are released. Core itself gives up starting programs, so another process
 * keeps that, for this one program. */
static int prepare_scanner(struct core *core, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(8192);
	if (malware_scand_find(&path, NULL) < 0)
		return 0;
	int r = proc_starter_new(path.p, &core->scanner, err);
	core->scanner_starter = (struct malware_starter){core->scanner, start_scanner, end_scanner};
	return r;
}

int role_core_run(const struct server_config *config, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct core core = {.config = config, .arena = arena, .lock = PTHREAD_MUTEX_INITIALIZER,
	                    .senders_heard = PTHREAD_COND_INITIALIZER, .log = server_journal_new()};
	const struct proc_role_peer peers[] = {
	    {.name = "key", .handler = from_key},
	    {.name = "worker", .handler = from_worker, .message_limit = WORKER_MESSAGE_LIMIT},
	    {.name = "pipeline", .handler = core_from_pipeline, .on_up = core_pipeline_up, .ctx = &core},
	};
	server_certificate_init(&core.certificate);
	server_live_init(&core.live, config);
	core.signer = (struct server_certificate_signer){.ctx = &core.keys, .sign = sign, .ca_pem = ca_pem};
	core.kernel = sandbox_kernel();
	core.agents_max = server_agents_max();
	int r = prepare_scanner(&core, err);
	if (r == 0)
		r = server_confine_files("core", config, err);
	if (r == 0)
		r = start(&core, peers, ARRAY_LEN(peers), err);
	if (r == 0)
		proc_role_wait_stop(core.role);
	core_stop(&core);
	server_journal_free(core.log);
	return r;
}
