/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_core.h"

#include <pthread.h>
#include <stdio.h>

#include "base/file/file.h"
#include "base/file/file_map.h"
#include "base/log/log.h"
#include "engine/inventory/inventory.h"
#include "program/agent/agent_os.h"
#include "program/agent/agent_update.h"

#define QUEUE_LIMIT 8192
#define QUEUE_FOLDERS 64
#define SCAN_THREADS 2
#define INTERVAL_DEFAULT (60 * USEC_PER_SEC)
#define INVENTORY_EVERY (10 * USEC_PER_MINUTE)
#define PROOF_TIMEOUT_S 15
#define UPDATE_PATIENCE (5 * USEC_PER_SEC) /* an update over a good line is over before the check-in is */
#define DESIRED_LIMIT ((size_t)1 << 20)

struct agent_core {
	struct agent_core_options options;
	char *state_dir;
	struct agent_identity *id;
	struct http_client *client;
	struct agent_spool *spool;
	struct agent_protect *protect;
	struct agent_seen *seen;
	struct agent_queue *queue;
	struct agent_scan *scan;
	struct agent_sender *sender;
	struct agent_commands *commands;
	struct agent_canary *canary;
	struct agent_isolation *isolation;
	uint64_t isolation_told; /* serial of what the server knows */
	struct agent_paths watched, excluded;
	struct agent_watch *watch;
	struct agent_pace pace;
	struct buf inventory;
	char inventory_hash[INVENTORY_HASH_SIZE], delivered_hash[INVENTORY_HASH_SIZE];
	usec_t inventory_at; /* monotonic */
	bool want_inventory;
	char boot_id[64];
	usec_t clock_offset;
	struct agent_share *share; /* NULL: neighbours are not asked */
	struct agent_update *update;
	char endpoint_id[UUID_TEXT_SIZE], server[256]; /* constant */
	pthread_mutex_t lock;
	usec_t checkin_at;                  /* lock; last good one */
	char checkin_problem[ERR_KEY_SIZE]; /* lock */
	struct agent_watch_state {
		char mode[32], reason[32];
	} watch_state; /* lock */
};

/* What is loaded may go to the neighbours. */
static void offer_bundle(struct agent_core *a)
{
	struct buf path = BUF_INIT(4096);
	struct agent_protect_state p = agent_protect_state(a->protect);
	if (a->share != NULL && p.bundle.version != 0 && agent_protect_container(a->protect, &path, NULL) >= 0)
		agent_share_offer(a->share, path.p, p.bundle.version, p.bundle.manifest_sha256_hex);
	buf_done(&path);
}

/* ---- watching ---- */

static void on_file(void *ctx, const char *path)
{
	agent_queue_push(((struct agent_core *)ctx)->queue, path);
}

static void on_lost(void *ctx, const char *folder)
{
	agent_queue_push_folder(((struct agent_core *)ctx)->queue, folder);
}

static void note_watch(struct agent_core *a)
{
	(void)pthread_mutex_lock(&a->lock);
	str_copy_c(str_c(agent_watch_mode(a->watch)), a->watch_state.mode, sizeof a->watch_state.mode);
	str_copy_c(str_c(agent_watch_reason(a->watch)), a->watch_state.reason, sizeof a->watch_state.reason);
	(void)pthread_mutex_unlock(&a->lock);
	log_info("watching", ARG_CSTR("mode", a->watch_state.mode), ARG_CSTR("reason", a->watch_state.reason),
	         ARG_U64("paths", a->watched.count));
}

/* true: the paths are other ones than before. */
static bool set_paths(struct agent_core *a, const struct agent_desired *d)
{
	struct agent_paths watched, excluded;
	struct str *items = mem_alloc_array(d->excluded_paths.count + 1, sizeof *items);
	for (size_t i = 0; i < d->excluded_paths.count; i++)
		items[i] = d->excluded_paths.items[i];
	items[d->excluded_paths.count] = str_c(a->state_dir); /* our own quarantine and spool, wherever they are */
	agent_paths_init(&watched, d->watch_paths.items, d->watch_paths.count);
	agent_paths_init(&excluded, items, d->excluded_paths.count + 1);
	mem_free(items);
	if (a->watch != NULL && agent_paths_equal(&watched, &a->watched) && agent_paths_equal(&excluded, &a->excluded)) {
		agent_paths_done(&watched);
		agent_paths_done(&excluded);
		return false;
	}
	agent_watch_stop(a->watch);
	agent_paths_done(&a->watched);
	agent_paths_done(&a->excluded);
	a->watched = watched;
	a->excluded = excluded;
	agent_scan_set_paths(a->scan, &a->watched, &a->excluded);
	a->watch = agent_watch_start(&(struct agent_watch_config){
		.watched = &a->watched,
		.excluded = &a->excluded,
		.on_file = on_file,
		.on_lost = on_lost,
		.ctx = a,
		.inotify_only = a->options.inotify_only,
	});
	note_watch(a);
	/* What came while nobody watched; files that were clean before cost a stat. */
	if (a->watched.count > 0)
		agent_queue_push_folder(a->queue, "");
	return true;
}

static void desired_path(const struct agent_core *a, struct buf *out)
{
	file_join(out, str_c(a->state_dir), str_c("desired.json"));
}

/* What the server wanted last, so that a machine without its server is protected from the start. */
static void load_desired(struct agent_core *a)
{
	struct buf path = BUF_INIT(4096), text = BUF_INIT(DESIRED_LIMIT);
	cleanup(arena) struct arena *arena = arena_new((size_t)16 << 20);
	struct agent_desired d = {0};
	desired_path(a, &path);
	if (file_read(path.p, DESIRED_LIMIT, &text, NULL) < 0 || agent_desired_parse(arena, buf_str(&text), &d, NULL) < 0)
		d = (struct agent_desired){.interval_s = INTERVAL_DEFAULT / USEC_PER_SEC};
	a->pace.interval = d.interval_s * USEC_PER_SEC;
	(void)set_paths(a, &d);
	buf_done(&path);
	buf_done(&text);
}

static void store_desired(const struct agent_core *a, struct str text)
{
	struct buf path = BUF_INIT(4096);
	struct err err = {0};
	desired_path(a, &path);
	if (file_write(path.p, text, 0600, &err) < 0)
		log_err(LOG_LEVEL_WARN, "the server's wishes could not be stored", &err);
	buf_done(&path);
}

/* ---- commands ---- */

static void answer(struct agent_core *a, const struct uuid *id, bool ok, struct str result)
{
	struct err err = {0};
	if (agent_commands_answer(a->commands, id, ok, result, &err) < 0)
		log_err(LOG_LEVEL_WARN, "an answer to a command could not be stored", &err);
	if (a->options.wake != NULL)
		a->options.wake();
}

static void on_scan_done(void *ctx, const struct uuid *command_id, bool ok, struct str result)
{
	answer(ctx, command_id, ok, result);
}

static void answer_result(struct agent_core *a, const struct uuid *id, int r, const struct err *err)
{
	struct buf out = BUF_INIT(AGENT_COMMAND_RESULT_MAX);
	struct json_writer w = json_writer_init(&out);
	json_object(&w);
	if (r < 0) {
		json_member_cstr(&w, "key", err->key);
		json_name(&w, "args");
		json_object(&w);
		for (unsigned i = 0; i < err->arg_count; i++)
			json_member_cstr(&w, err->args[i].name, err->args[i].value);
		json_object_end(&w);
	}
	json_object_end(&w);
	answer(a, id, r >= 0, buf_str(&out));
	buf_done(&out);
}

/* Restore and delete end with the item gone: when one was begun before a crash and the item is gone, it was done. */
static int run_quarantine(struct agent_core *a, const struct agent_command *c, bool again, struct err *err)
{
	struct uuid item;
	char command[UUID_TEXT_SIZE];
	if (!uuid_parse(c->quarantine_id, &item))
		return err_set(err, -EINVAL, "agent.bad_command", ARG_STR("type", c->type));
	(void)uuid_text(&c->id, command);
	int r = str_eq(c->type, STR("quarantine_restore"))
	                ? agent_protect_restore(a->protect, &item, NULL, false, command, err)
	                : agent_protect_delete(a->protect, &item, command, err);
	return r == -ENOENT && again && strcmp(err->key, "malware.quarantine_no_item") == 0 ? 0 : r;
}

static void run_command(struct agent_core *a, const struct agent_command *c)
{
	struct err err = {0};
	enum agent_command_begin begin;
	if (agent_commands_begin(a->commands, &c->id, &begin, &err) < 0) {
		log_err(LOG_LEVEL_WARN, "a command could not be noted and waits", &err);
		return;
	}
	if (begin == AGENT_COMMAND_RUNNING || begin == AGENT_COMMAND_ANSWERED)
		return;
	log_info("command", ARG_STR("type", c->type), ARG_STR("path", c->path), ARG_STR("quarantine_id", c->quarantine_id));
	int r;
	if (str_eq(c->type, STR("scan"))) {
		struct uuid scan_id;
		r = agent_scan_start(a->scan, c->path, &c->id, &scan_id, &err);
		if (r >= 0)
			return; /* answered when it has ended */
	} else if (str_eq(c->type, STR("quarantine_restore")) || str_eq(c->type, STR("quarantine_delete"))) {
		r = run_quarantine(a, c, begin == AGENT_COMMAND_AGAIN, &err);
	} else {
		r = err_set(&err, -ENOTSUP, "agent.bad_command", ARG_STR("type", str_sub(c->type, 0, 64)));
	}
	answer_result(a, &c->id, r, &err);
}

/* ---- bundles ---- */

/* Here, because renewing the certificate writes the same file. */
static int fetch_key(struct agent_core *a, struct err *err)
{
	struct buf pem = BUF_INIT(4096);
	int r = agent_fetch_bundle_key(a->client, &pem, err);
	if (r >= 0)
		r = agent_protect_set_key(a->protect, pem.p, err);
	if (r >= 0) {
		a->id->bundle_key_pem = arena_cstr(a->id->arena, buf_str(&pem));
		r = agent_identity_store(a->state_dir, a->id, err);
	}
	buf_done(&pem);
	return r;
}

/* Lists of keys that follow ours, one after the other; each is signed by the one before. */
static void fetch_lists(struct agent_core *a, uint64_t newest)
{
	struct err err = {0};
	int r = 0;
	for (uint64_t have; r >= 0 && (have = agent_protect_keys_number(a->protect)) < newest;) {
		char path[64];
		struct http_client_response res = {0};
		(void)snprintf(path, sizeof path, "/agent/v1/bundle-keys/%llu", (unsigned long long)have + 1);
		r = http_client_do(a->client, &(struct http_client_request){.path = path}, &res, &err);
		if (r >= 0 && res.status != 200)
			r = agent_refused(&res, &err);
		if (r >= 0)
			r = agent_protect_add_keys(a->protect, buf_str(&res.body), &err);
		http_client_response_done(&res);
	}
	if (r < 0)
		log_err(LOG_LEVEL_ERROR, "a new list of keys that sign signatures could not be taken", &err);
}

static void want_bundle(struct agent_core *a, const struct agent_desired *d)
{
	struct err err = {0};
	if (d->bundle_version != 0 && a->id->bundle_key_pem[0] == '\0' && fetch_key(a, &err) < 0) {
		log_err(LOG_LEVEL_ERROR, "the key that signs signatures could not be fetched", &err);
		return;
	}
	fetch_lists(a, d->bundle_keys);
	agent_update_want(a->update, d, UPDATE_PATIENCE);
}

/* From the updating thread. */
static void on_installed(void *ctx)
{
	struct agent_core *a = ctx;
	/* What was clean for the old signatures is looked at with the new ones. */
	agent_queue_push_folder(a->queue, "");
	offer_bundle(a);
	if (a->options.wake != NULL)
		a->options.wake();
}

int agent_core_import(struct agent_core *a, const char *path, uint64_t *ret_version, struct err *err)
{
	struct file_map map = {.handle = NULL};
	int r = file_map(path, MALWARE_BUNDLE_LIMIT, &map, err);
	if (r >= 0)
		r = agent_protect_install(a->protect, map.bytes, err);
	file_unmap(&map);
	if (r < 0)
		return r;
	*ret_version = agent_protect_state(a->protect).bundle.version;
	on_installed(a);
	return 0;
}

/* ---- check-in ---- */

static void refresh_inventory(struct agent_core *a)
{
	usec_t now = clock_monotonic();
	if (a->inventory.n > 0 && !a->want_inventory && now - a->inventory_at < INVENTORY_EVERY)
		return;
	struct err err = {0};
	buf_clear(&a->inventory);
	a->inventory_at = now;
	if (inventory_collect("", &a->inventory, &err) < 0) {
		log_err(LOG_LEVEL_WARN, "the inventory could not be made", &err);
		buf_clear(&a->inventory);
	}
	(void)inventory_hash(buf_str(&a->inventory), a->inventory_hash);
}

static void fill_facts(struct agent_core *a, const struct agent_protect_state *p, struct agent_facts *f,
                       const char *engines[4])
{
	struct agent_spool_state spool = agent_spool_state(a->spool);
	unsigned n = 0;
	if (p->info.signatures.hashes > 0)
		engines[n++] = "hash";
	if (p->info.yara_rules > 0)
		engines[n++] = "yara";
	if (p->info.clamav_signatures > 0)
		engines[n++] = "clamav";
	engines[n] = NULL;
	*f = (struct agent_facts){
		.agent_version = AGENT_VERSION,
		.boot_id = a->boot_id,
		.inventory_hash = a->inventory_hash,
		.bundle_version = p->bundle.version,
		.bundle_created = p->bundle.created,
		.bundle_expires = p->bundle.expires,
		.bundle_expired = p->bundle.expired,
		.watch_mode = a->watch_state.mode, /* only this thread changes it */
		.watch_reason = a->watch_state.reason,
		.engines = engines,
		.scanner = p->scanner,
		.scanner_reason = p->reason,
		.scanner_sandboxed = p->info.child && p->info.seccomp,
		.last_scan_at = agent_scan_last(a->scan),
		.spool_events = spool.waiting,
		.spool_refused = spool.refused,
		.spool_damaged = spool.damaged,
		.quarantine_count = p->quarantined,
		.queue_overflows = agent_queue_overflows(a->queue),
		.health = p->health,
		.isolation = a->isolation,
		.clock_offset = a->clock_offset,
	};
}

static void write_body(struct agent_core *a, struct buf *out)
{
	struct agent_protect_state p = agent_protect_state(a->protect);
	struct agent_facts f;
	const char *engines[4];
	struct buf extra = BUF_INIT(65536);
	refresh_inventory(a);
	fill_facts(a, &p, &f, engines);
	agent_os_extra_facts(&extra);
	f.extra = buf_str(&extra);
	bool changed = a->delivered_hash[0] != '\0' && strcmp(a->delivered_hash, a->inventory_hash) != 0;
	if (a->want_inventory || changed)
		f.inventory = buf_str(&a->inventory);
	agent_checkin_write(&f, a->commands, out);
	buf_done(&extra);
}

/* An order is carried out before anything else of the answer. */
static void take_isolation(struct agent_core *a, const struct agent_isolation_order *order)
{
	agent_isolation_want(a->isolation, order);
	enum agent_isolation_state state = agent_isolation_now(a->isolation);
	bool on = state == AGENT_ISOLATION_ON || state == AGENT_ISOLATION_PROVING;
	if (on && a->pace.interval > AGENT_ISOLATION_INTERVAL)
		a->pace.interval = AGENT_ISOLATION_INTERVAL;
}

static void take_desired(struct agent_core *a, struct str text, const struct agent_desired *d)
{
	a->pace.interval = d->interval_s * USEC_PER_SEC;
	take_isolation(a, &d->isolation);
	if (d->server_time != 0)
		a->clock_offset = clock_now() - d->server_time;
	str_copy_c(str_c(a->inventory_hash), a->delivered_hash, sizeof a->delivered_hash);
	a->want_inventory = d->want_inventory;
	agent_commands_delivered(a->commands);
	agent_canary_set(a->canary, d->canary_s * USEC_PER_SEC, a->clock_offset);
	if (set_paths(a, d))
		store_desired(a, text);
	for (size_t i = 0; i < d->command_count; i++)
		run_command(a, &d->commands[i]);
	want_bundle(a, d);
}

static int exchange(struct agent_core *a, struct err *err)
{
	struct buf body = BUF_INIT((size_t)8 << 20);
	struct http_client_response res = {0};
	write_body(a, &body);
	struct http_client_request req = {
		.method = "POST",
		.path = "/agent/v1/checkin",
		.body = buf_str(&body),
		.content_type = "application/json",
	};
	int r = http_client_do(a->client, &req, &res, err);
	if (r >= 0 && res.status != 200)
		r = agent_refused(&res, err);
	cleanup(arena) struct arena *arena = arena_new((size_t)16 << 20);
	struct agent_desired d;
	if (r >= 0 && res.body.n > DESIRED_LIMIT)
		r = err_set(err, -EPROTO, "agent.bad_desired", ARG_CSTR("what", "size"));
	if (r >= 0)
		r = agent_desired_parse(arena, buf_str(&res.body), &d, err);
	if (r >= 0)
		take_desired(a, buf_str(&res.body), &d);
	http_client_response_done(&res);
	buf_done(&body);
	return r;
}

static int connect_server(struct agent_core *a, struct err *err)
{
	http_client_free(a->client);
	a->client = NULL;
	agent_sender_stop(a->sender);
	a->sender = NULL;
	int r = agent_identity_client(a->id, a->id->server, 120, &a->client, err);
	return r >= 0 ? agent_sender_start(a->id, a->spool, &a->sender, err) : r;
}

static void renew(struct agent_core *a)
{
	struct err err = {0};
	struct agent_identity *next = NULL;
	int r = agent_renew_if_due(a->state_dir, a->id, clock_now(), &err);
	if (r > 0)
		r = agent_identity_load(a->state_dir, &next, &err);
	if (next != NULL) {
		agent_identity_free(a->id);
		a->id = next;
		r = connect_server(a, &err);
		log_info("certificate renewed");
	}
	if (r < 0)
		log_err(LOG_LEVEL_WARN, "the certificate could not be renewed", &err);
}

/* The proof that the server can still be reached is worth something over a new connection only. */
static int exchange_proving(struct agent_core *a, struct err *err)
{
	bool proving = agent_isolation_now(a->isolation) == AGENT_ISOLATION_PROVING;
	struct http_client *usual = a->client;
	int r = 0;
	if (proving)
		r = agent_identity_client(a->id, a->id->server, PROOF_TIMEOUT_S, &a->client, err);
	if (r >= 0)
		r = exchange(a, err);
	if (proving && a->client != usual) {
		http_client_free(a->client);
		a->client = usual;
	}
	if (proving && r >= 0)
		agent_isolation_proven(a->isolation);
	return r;
}

static usec_t next_checkin(const struct agent_core *a, bool well, bool news)
{
	uint64_t random;
	random_bytes(&random, sizeof random);
	if (well && (a->want_inventory || news))
		return USEC_PER_SEC / 10;
	enum agent_isolation_state state = agent_isolation_now(a->isolation);
	if (!well && state == AGENT_ISOLATION_PROVING)
		return 2 * USEC_PER_SEC;
	usec_t next = agent_pace_next(&a->pace, random);
	/* Few machines are cut off at a time, and somebody waits for each. */
	return (news || state == AGENT_ISOLATION_ON) && next > AGENT_ISOLATION_INTERVAL ? AGENT_ISOLATION_INTERVAL : next;
}

int agent_core_checkin(struct agent_core *a, usec_t *ret_next, struct err *err)
{
	struct err local = {0};
	bool was_away = a->pace.failures > 0;
	uint64_t serial = agent_isolation_serial(a->isolation);
	int r = exchange_proving(a, &local);
	a->pace.failures = r < 0 ? a->pace.failures + 1 : 0;
	if (r >= 0)
		a->isolation_told = serial;
	*ret_next = next_checkin(a, r >= 0, agent_isolation_serial(a->isolation) != a->isolation_told);
	(void)pthread_mutex_lock(&a->lock);
	bool changed = strcmp(a->checkin_problem, local.key) != 0;
	str_copy_c(str_c(local.key), a->checkin_problem, sizeof a->checkin_problem);
	if (r >= 0)
		a->checkin_at = clock_now();
	(void)pthread_mutex_unlock(&a->lock);
	if (r < 0 && changed)
		log_err(LOG_LEVEL_WARN, "the check-in failed", &local);
	else if (changed)
		log_info("the check-in works");
	if (r >= 0) {
		if (was_away)
			agent_sender_kick(a->sender);
		agent_seen_send(a->seen, a->client, clock_now());
		renew(a);
	}
	if (r < 0 && err != NULL)
		*err = local;
	return r;
}

/* ---- start and stop ---- */

/* First of all: nothing leaves a machine that is cut off, whatever else does not start. */
static void open_isolation(struct agent_core *a)
{
	a->isolation = agent_isolation_open(&(struct agent_isolation_options){
		.state_dir = a->state_dir,
		.boot_id = a->boot_id,
		.server = a->id->server,
		.events = a->id->events,
		.firewall = a->options.firewall,
		.notice = a->options.notice,
		.wake = a->options.wake,
	});
	agent_isolation_start(a->isolation);
}

static int open_parts(struct agent_core *a, struct err *err)
{
	struct buf spool_dir = BUF_INIT(4096), seen = BUF_INIT(4096);
	file_join(&spool_dir, str_c(a->state_dir), STR("spool"));
	file_join(&seen, str_c(a->state_dir), STR("seen"));
	a->seen = agent_seen_new(seen.p);
	buf_done(&seen);
	int r = agent_identity_load(a->state_dir, &a->id, err);
	if (r >= 0)
		open_isolation(a);
	if (r >= 0)
		r = agent_commands_open(a->state_dir, &a->commands, err);
	if (r >= 0)
		r = agent_spool_open(&(struct agent_spool_config){spool_dir.p, a->options.spool_max_bytes, 0}, &a->spool, err);
	if (r >= 0)
		r = agent_protect_open(&(struct agent_protect_config){a->state_dir, a->id->bundle_key_pem, a->options.scand_path,
		                                                      SCAN_THREADS, a->spool, a->seen},
		                       &a->protect, err);
	buf_done(&spool_dir);
	return r;
}

int agent_core_new(const struct agent_core_options *options, struct agent_core **ret, struct err *err)
{
	struct agent_core *a = MEM_NEW(struct agent_core);
	a->options = *options;
	a->state_dir = agent_os_real_path(options->state_dir);
	if (a->state_dir == NULL)
		a->state_dir = mem_strdup(str_c(options->state_dir));
	a->inventory = BUF_INIT(INVENTORY_LIMIT + ((size_t)1 << 20));
	a->pace.interval = INTERVAL_DEFAULT;
	(void)pthread_mutex_init(&a->lock, NULL);
	inventory_boot_id(a->boot_id, sizeof a->boot_id);
	int r = open_parts(a, err);
	if (r < 0) {
		agent_core_free(a);
		return r;
	}
	str_copy_c(str_c(a->id->endpoint_id), a->endpoint_id, sizeof a->endpoint_id);
	str_copy_c(str_c(a->id->server), a->server, sizeof a->server);
	struct err problem = {0};
	if (agent_protect_load(a->protect, &problem) < 0)
		log_err(problem.code == -ENOENT ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "no signatures are loaded", &problem);
	a->queue = agent_queue_new(QUEUE_LIMIT, QUEUE_FOLDERS);
	a->scan = agent_scan_new(a->protect, a->spool, a->queue, SCAN_THREADS);
	agent_scan_on_done(a->scan, on_scan_done, a);
	load_desired(a);
	a->canary = agent_canary_start(a->protect, a->spool, a->options.wake);
	if (a->options.site_sharing)
		a->share = agent_share_start(a->id);
	offer_bundle(a);
	a->update = agent_update_start(&(struct agent_update_config){
		.state_dir = a->state_dir, .protect = a->protect, .share = a->share, .installed = on_installed, .ctx = a});
	r = connect_server(a, err);
	if (r < 0) {
		agent_core_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void agent_core_free(struct agent_core *a)
{
	if (a == NULL)
		return;
	agent_isolation_free(a->isolation);
	agent_update_stop(a->update);
	agent_share_stop(a->share);
	agent_canary_stop(a->canary);
	agent_sender_stop(a->sender);
	agent_watch_stop(a->watch);
	agent_scan_free(a->scan);
	agent_queue_free(a->queue);
	agent_protect_free(a->protect);
	agent_seen_free(a->seen);
	agent_spool_free(a->spool);
	agent_commands_free(a->commands);
	http_client_free(a->client);
	agent_identity_free(a->id);
	agent_paths_done(&a->watched);
	agent_paths_done(&a->excluded);
	buf_done(&a->inventory);
	(void)pthread_mutex_destroy(&a->lock);
	mem_free(a->state_dir);
	mem_free(a);
}

void agent_core_goodbye(struct agent_core *a)
{
	if (agent_os_shutting_down())
		agent_canary_goodbye(a->canary);
}

usec_t agent_core_first_delay(const struct agent_core *a)
{
	uint64_t random;
	random_bytes(&random, sizeof random);
	return agent_pace_first(&a->pace, random);
}

struct agent_protect *agent_core_protect(struct agent_core *a)
{
	return a->protect;
}

struct agent_scan *agent_core_scan(struct agent_core *a)
{
	return a->scan;
}

static void member_time(struct json_writer *w, const char *name, usec_t t)
{
	char text[CLOCK_ISO_SIZE];
	json_member_cstr(w, name, t != 0 ? clock_iso(t, text) : NULL);
}

static void write_update(struct agent_core *a, struct json_writer *w)
{
	struct agent_update_state u;
	struct agent_share_state s = {.allowed = false};
	agent_update_state(a->update, &u);
	if (a->share != NULL)
		agent_share_state(a->share, &s);
	json_name(w, "update");
	json_object(w);
	json_member_int(w, "wanted", (int64_t)u.wanted);
	json_member_bool(w, "busy", u.busy);
	json_member_cstr(w, "problem", u.problem);
	json_member_int(w, "centre_bytes", (int64_t)u.centre_bytes);
	json_member_int(w, "site_bytes", (int64_t)u.site_bytes);
	json_member_int(w, "resumed", (int64_t)u.resumed);
	json_member_bool(w, "sharing", s.allowed);
	json_member_int(w, "peers", s.peers);
	json_member_int(w, "given_bytes", (int64_t)s.given_bytes);
	json_member_int(w, "strangers", (int64_t)s.strangers);
	json_object_end(w);
}

void agent_core_write_status(struct agent_core *a, struct json_writer *w)
{
	struct agent_protect_state p = agent_protect_state(a->protect);
	struct agent_spool_state spool = agent_spool_state(a->spool);
	json_object(w);
	json_member_cstr(w, "agent_version", AGENT_VERSION);
	(void)pthread_mutex_lock(&a->lock);
	json_member_cstr(w, "endpoint_id", a->endpoint_id);
	json_member_cstr(w, "server", a->server);
	json_member_cstr(w, "watch_mode", a->watch_state.mode);
	json_member_cstr(w, "watch_reason", a->watch_state.reason);
	member_time(w, "last_checkin_at", a->checkin_at);
	json_member_cstr(w, "checkin_problem", a->checkin_problem);
	(void)pthread_mutex_unlock(&a->lock);
	json_name(w, "isolation");
	agent_isolation_write(a->isolation, w);
	json_member_cstr(w, "scanner", p.scanner);
	json_member_cstr(w, "scanner_reason", p.reason);
	json_member_bool(w, "scanner_sandboxed", p.info.child && p.info.seccomp);
	json_member_int(w, "bundle_version", (int64_t)p.bundle.version);
	member_time(w, "bundle_created_at", p.bundle.created);
	member_time(w, "bundle_expires_at", p.bundle.expires);
	json_member_bool(w, "bundle_expired", p.bundle.expired);
	write_update(a, w);
	json_member_int(w, "hashes", (int64_t)p.info.signatures.hashes);
	json_member_int(w, "yara_rules", (int64_t)p.info.yara_rules);
	json_member_int(w, "clamav_signatures", (int64_t)p.info.clamav_signatures);
	json_member_int(w, "files_scanned", (int64_t)p.files);
	json_member_int(w, "found", (int64_t)p.found);
	json_member_int(w, "quarantine_count", (int64_t)p.quarantined);
	json_member_int(w, "files_waiting", (int64_t)agent_queue_length(a->queue));
	json_member_int(w, "queue_overflows", (int64_t)agent_queue_overflows(a->queue));
	member_time(w, "last_scan_at", agent_scan_last(a->scan));
	json_member_int(w, "spool_events", (int64_t)spool.waiting);
	json_member_int(w, "spool_bytes", (int64_t)spool.bytes);
	json_member_int(w, "spool_refused", (int64_t)spool.refused);
	json_object_end(w);
}
