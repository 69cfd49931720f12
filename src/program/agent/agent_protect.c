/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_protect.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock/clock_wait.h"
#include "base/file/file.h"
#include "base/json/json.h"
#include "base/log/log.h"
#include "engine/malware/malware_canary.h"
#include "program/agent/agent_os.h"
#include "program/agent/agent_report.h"

#define ALLOWED_MAX 1000
#define FAILED_MAX 256
#define FAILED_AGAIN USEC_PER_HOUR
#define TRIES 3

struct failed {
	uint64_t hash; /* of path and content */
	usec_t at;
};

struct agent_protect {
	struct agent_spool *spool;
	struct agent_seen *seen;
	char *state_dir, *scand_path;
	unsigned workers;
	struct malware_quarantine *quarantine;
	atomic_ullong files, found;
	atomic_ullong new_files, new_found, new_scan_us; /* since the signatures were loaded */
	atomic_ullong old_crashes;                       /* the scanner's count at that time */
	pthread_mutex_t load_lock; /* one load or install at a time */
	pthread_mutex_t store_lock; /* before load_lock: who writes the store */
	pthread_mutex_t lock;
	pthread_cond_t ready;
	/* All below: lock. */
	struct crypto_key *key;   /* of the enrolment; NULL: none yet */
	struct malware_keys keys; /* the list in use, which began with it */
	struct malware_scanner *scanner; /* set once */
	struct malware_bundle_info bundle;
	char problem[ERR_KEY_SIZE]; /* why the scanner is not there; "" */
	char allowed[ALLOWED_MAX][SHA256_HEX_SIZE];
	size_t allowed_count;
	struct failed failed[FAILED_MAX];
	size_t failed_next;
};

static void in_state(const struct agent_protect *p, const char *name, struct buf *out)
{
	file_join(out, str_c(p->state_dir), str_c(name));
}

/* ---- what people gave back ---- */

static void load_allowed(struct agent_protect *p)
{
	struct buf path = BUF_INIT(4096), text = BUF_INIT((size_t)128 << 10);
	in_state(p, "allowed", &path);
	if (file_read(path.p, (size_t)128 << 10, &text, NULL) >= 0) {
		struct str rest = buf_str(&text), line;
		unsigned char digest[SHA256_SIZE];
		while (p->allowed_count < ALLOWED_MAX && str_split(&rest, '\n', &line))
			if (str_parse_hex(line, digest, sizeof digest))
				str_copy_c(line, p->allowed[p->allowed_count++], SHA256_HEX_SIZE);
	}
	buf_done(&path);
	buf_done(&text);
}

/* One content at one place: a copy of it elsewhere is found again. */
static void allowed_key(const char *content, struct str path, char key[SHA256_HEX_SIZE])
{
	unsigned char digest[SHA256_SIZE];
	struct sha256 *h = sha256_new();
	sha256_update(h, str_c(content));
	sha256_update(h, path);
	sha256_final(h, digest);
	(void)sha256_hex(digest, key);
}

static int allow(struct agent_protect *p, const char *content, struct str place, struct err *err)
{
	char key[SHA256_HEX_SIZE];
	allowed_key(content, place, key);
	struct buf path = BUF_INIT(4096), text = BUF_INIT((size_t)128 << 10);
	(void)pthread_mutex_lock(&p->lock);
	if (p->allowed_count == ALLOWED_MAX) {
		memmove(p->allowed, p->allowed + 1, (ALLOWED_MAX - 1) * sizeof *p->allowed);
		p->allowed_count--;
	}
	str_copy_c(str_c(key), p->allowed[p->allowed_count++], SHA256_HEX_SIZE);
	for (size_t i = 0; i < p->allowed_count; i++)
		buf_printf(&text, "%s\n", p->allowed[i]);
	in_state(p, "allowed", &path);
	int r = file_write(path.p, buf_str(&text), 0600, err);
	(void)pthread_mutex_unlock(&p->lock);
	buf_done(&path);
	buf_done(&text);
	return r;
}

static bool is_allowed(struct agent_protect *p, const char *content, struct str place)
{
	char key[SHA256_HEX_SIZE];
	bool found = false;
	allowed_key(content, place, key);
	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->allowed_count && !found; i++)
		found = strcmp(p->allowed[i], key) == 0;
	(void)pthread_mutex_unlock(&p->lock);
	return found;
}

/* ---- reports ---- */

static bool report(struct agent_protect *p, const struct agent_report *r)
{
	struct err err = {0};
	bool stored = agent_report_add(p->spool, r, &err) >= 0;
	if (!stored)
		log_err(LOG_LEVEL_ERROR, "a report could not be stored", &err, ARG_CSTR("action", r->action), ARG_STR("path", r->path));
	return stored;
}

static bool report_item(struct agent_protect *p, const char *kind, const char *action,
                        const struct malware_quarantine_item *item, const char *command_id)
{
	char owner[64];
	str_copy_c(item->owner, owner, sizeof owner);
	struct malware_verdict v = {.status = MALWARE_STATUS_FOUND, .engine = item->engine, .size_bytes = item->size_bytes};
	char id[UUID_TEXT_SIZE];
	str_copy_c(item->threat, v.threat, sizeof v.threat);
	str_copy_c(item->rule, v.rule, sizeof v.rule);
	str_copy_c(str_c(item->sha256_hex), v.sha256_hex, sizeof v.sha256_hex);
	return report(p, &(struct agent_report){
	                     .kind = kind,
	                     .action = action,
	                     .path = item->path_shown,
	                     .verdict = &v,
	                     .owner = owner,
	                     .quarantine_id = uuid_text(&item->id, id),
	                     .command_id = command_id,
	                 });
}

/* Taken by an earlier life, which died before it could tell; or just after, and the report still waits. */
static bool tell_taken(void *ctx, const struct malware_quarantine_item *item)
{
	struct agent_protect *p = ctx;
	char id[UUID_TEXT_SIZE];
	if (agent_spool_holds(p->spool, str_c(uuid_text(&item->id, id))))
		return true;
	log_warn("a file taken before the last end is reported now", ARG_STR("path", item->path_shown), ARG_CSTR("quarantine_id", id));
	return report_item(p, "alert", "quarantined", item, NULL);
}

/* ---- opening ---- */

int agent_protect_set_key(struct agent_protect *p, const char *bundle_key_pem, struct err *err)
{
	struct crypto_key *key = NULL;
	struct malware_keys keys;
	struct buf store = BUF_INIT(4096);
	in_state(p, "bundles", &store);
	int r = crypto_key_from_pem(str_c(bundle_key_pem), &key, err);
	if (r >= 0)
		r = malware_keys_load(store.p, bundle_key_pem, &keys, err);
	buf_done(&store);
	if (r < 0) {
		crypto_key_free(key);
		return r;
	}
	(void)pthread_mutex_lock(&p->load_lock);
	(void)pthread_mutex_lock(&p->lock);
	crypto_key_free(p->key);
	p->key = key;
	malware_keys_done(&p->keys);
	p->keys = keys;
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_mutex_unlock(&p->load_lock);
	return 0;
}

int agent_protect_add_keys(struct agent_protect *p, struct str file, struct err *err)
{
	struct buf store = BUF_INIT(4096);
	in_state(p, "bundles", &store);
	(void)pthread_mutex_lock(&p->load_lock);
	(void)pthread_mutex_lock(&p->lock);
	int r = malware_keys_add(store.p, file, &p->keys, err);
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_mutex_unlock(&p->load_lock);
	buf_done(&store);
	return r;
}

uint64_t agent_protect_keys_number(struct agent_protect *p)
{
	(void)pthread_mutex_lock(&p->lock);
	uint64_t number = p->keys.number;
	(void)pthread_mutex_unlock(&p->lock);
	return number;
}

/* Keys as a bundle's trust takes them; load_lock held, or keys of one's own. The enrolment's key last: for what is installed already. */
static struct malware_bundle_trust trust_in(const struct malware_keys *keys, const struct crypto_key *first,
                                            const struct crypto_key *list[MALWARE_KEYS_MOST + 1])
{
	size_t n = 0;
	for (size_t i = 0; i < keys->count; i++)
		list[n++] = keys->keys[i];
	if (first != NULL)
		list[n++] = first;
	return (struct malware_bundle_trust){list, n, clock_now(), 0, first != NULL};
}

int agent_protect_open(const struct agent_protect_config *config, struct agent_protect **ret, struct err *err)
{
	struct agent_protect *p = MEM_NEW(struct agent_protect);
	struct buf dir = BUF_INIT(4096);
	p->spool = config->spool;
	p->seen = config->seen;
	p->state_dir = mem_strdup(str_c(config->state_dir));
	p->scand_path = config->scand_path != NULL ? mem_strdup(str_c(config->scand_path)) : NULL;
	p->workers = config->workers != 0 ? config->workers : 2;
	(void)pthread_mutex_init(&p->load_lock, NULL);
	(void)pthread_mutex_init(&p->store_lock, NULL);
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->ready, NULL);
	in_state(p, "quarantine", &dir);
	int r = malware_quarantine_open(dir.p, &p->quarantine, err);
	if (r >= 0)
		r = malware_quarantine_recover(p->quarantine, tell_taken, p, err);
	if (r >= 0 && config->bundle_key_pem[0] != '\0')
		r = agent_protect_set_key(p, config->bundle_key_pem, err);
	buf_done(&dir);
	if (r < 0) {
		agent_protect_free(p);
		return r;
	}
	load_allowed(p);
	*ret = p;
	return 0;
}

void agent_protect_free(struct agent_protect *p)
{
	if (p == NULL)
		return;
	malware_scanner_free(p->scanner);
	malware_quarantine_free(p->quarantine);
	crypto_key_free(p->key);
	malware_keys_done(&p->keys);
	(void)pthread_cond_destroy(&p->ready);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_mutex_destroy(&p->load_lock);
	(void)pthread_mutex_destroy(&p->store_lock);
	mem_free(p->state_dir);
	mem_free(p->scand_path);
	mem_free(p);
}

/* ---- signatures ---- */

static void note_problem(struct agent_protect *p, const char *key)
{
	(void)pthread_mutex_lock(&p->lock);
	str_copy_c(str_c(key), p->problem, sizeof p->problem);
	(void)pthread_mutex_unlock(&p->lock);
}

static bool wants_hash(void *ctx, int fd)
{
	(void)ctx;
	return agent_seen_is_program(fd);
}

static void on_scanned(void *ctx, int fd, struct str name, const struct malware_verdict *v)
{
	const struct agent_protect *p = ctx;
	unsigned char digest[SHA256_SIZE];
	if (malware_canary_is(v))
		return;
	if (fd < 0 || v->sha256_hex[0] == '\0')
		agent_seen_note(p->seen, name, NULL, v->size_bytes, clock_now());
	else if (str_parse_hex(str_c(v->sha256_hex), digest, sizeof digest) && agent_seen_is_program(fd))
		agent_seen_note(p->seen, name, digest, v->size_bytes, clock_now());
}

/* load_lock held. */
static int use_signatures(struct agent_protect *p, struct malware_signatures *signatures, struct err *err)
{
	if (p->scanner != NULL)
		return malware_scanner_set_signatures(p->scanner, signatures, err);
	struct buf cache = BUF_INIT(4096);
	in_state(p, "scan-cache", &cache);
	struct malware_scanner_config config = {
		.scand_path = p->scand_path,
		.workers = p->workers,
		.cache_path = cache.p,
		.cache_entries = 200000,
		.on_scanned = p->seen != NULL ? on_scanned : NULL,
		.wants_hash = p->seen != NULL ? wants_hash : NULL,
		.ctx = p,
	};
	struct malware_scanner *scanner = NULL;
	int r = malware_scanner_new(&config, signatures, &scanner, err);
	buf_done(&cache);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&p->lock);
	p->scanner = scanner;
	(void)pthread_cond_broadcast(&p->ready);
	(void)pthread_mutex_unlock(&p->lock);
	return 0;
}

/* load_lock held. */
static void begin_health(struct agent_protect *p)
{
	struct malware_scanner_info info;
	malware_scanner_info(p->scanner, &info);
	atomic_store(&p->old_crashes, info.crashes);
	atomic_store(&p->new_files, 0);
	atomic_store(&p->new_found, 0);
	atomic_store(&p->new_scan_us, 0);
}

/* load_lock held. */
static int load(struct agent_protect *p, struct err *err)
{
	struct buf store = BUF_INIT(4096);
	struct malware_signatures *signatures = NULL;
	struct malware_bundle_info info;
	const struct crypto_key *keys[MALWARE_KEYS_MOST + 1];
	/* Old signatures protect better than none; their age is reported. */
	struct malware_bundle_trust trust = trust_in(&p->keys, p->key, keys);
	in_state(p, "bundles", &store);
	int r = p->key == NULL ? err_set(err, -ENOENT, "malware.bundle_none")
	                       : malware_bundle_load(store.p, &trust, &signatures, &info, err);
	if (r >= 0)
		r = use_signatures(p, signatures, err);
	malware_signatures_unref(signatures);
	buf_done(&store);
	(void)pthread_mutex_lock(&p->lock);
	if (r >= 0)
		p->bundle = info;
	(void)pthread_mutex_unlock(&p->lock);
	if (r >= 0)
		begin_health(p);
	return r;
}

int agent_protect_load(struct agent_protect *p, struct err *err)
{
	struct err local = {0};
	(void)pthread_mutex_lock(&p->load_lock);
	int r = load(p, &local);
	(void)pthread_mutex_unlock(&p->load_lock);
	note_problem(p, r >= 0 || r == -ENOENT ? "" : local.key);
	if (r < 0 && err != NULL)
		*err = local;
	return r;
}

int agent_protect_install(struct agent_protect *p, struct str container, struct err *err)
{
	/* A fetch may take an hour: nobody waits for it. */
	if (pthread_mutex_trylock(&p->store_lock) != 0)
		return err_set(err, -EBUSY, "agent.update_busy");
	struct buf store = BUF_INIT(4096);
	in_state(p, "bundles", &store);
	(void)pthread_mutex_lock(&p->load_lock);
	const struct crypto_key *keys[MALWARE_KEYS_MOST + 1];
	struct malware_bundle_trust trust = trust_in(&p->keys, NULL, keys);
	int r = p->key == NULL ? err_set(err, -ENOENT, "agent.no_bundle_key")
	                       : malware_bundle_install(store.p, container, &trust, NULL, err);
	(void)pthread_mutex_unlock(&p->load_lock);
	(void)pthread_mutex_unlock(&p->store_lock);
	buf_done(&store);
	return r < 0 ? r : agent_protect_load(p, err);
}

int agent_protect_fetch(struct agent_protect *p, const struct malware_bundle_update *update, struct distribution_sum *ret_sum, struct err *err)
{
	struct buf store = BUF_INIT(4096), pem = BUF_INIT(4096);
	struct malware_keys own = {.count = 0};
	struct malware_bundle_info info;
	in_state(p, "bundles", &store);
	/* A copy: fetching takes long, and nobody shall wait for it. */
	(void)pthread_mutex_lock(&p->lock);
	int r = p->key == NULL ? err_set(err, -ENOENT, "agent.no_bundle_key") : crypto_key_public_pem(p->key, &pem, err);
	(void)pthread_mutex_unlock(&p->lock);
	if (r >= 0)
		r = malware_keys_load(store.p, pem.p, &own, err);
	const struct crypto_key *keys[MALWARE_KEYS_MOST + 1];
	struct malware_bundle_trust trust = trust_in(&own, NULL, keys);
	if (r >= 0)
		r = pthread_mutex_trylock(&p->store_lock) != 0 ? err_set(err, -EAGAIN, "agent.update_busy") : 0;
	if (r >= 0) {
		r = malware_bundle_fetch(store.p, update, &trust, &info, ret_sum, err);
		(void)pthread_mutex_unlock(&p->store_lock);
	}
	malware_keys_done(&own);
	buf_done(&pem);
	buf_done(&store);
	return r < 0 ? r : agent_protect_load(p, err);
}

int agent_protect_container(struct agent_protect *p, struct buf *ret_path, struct err *err)
{
	struct buf store = BUF_INIT(4096);
	in_state(p, "bundles", &store);
	int r = malware_bundle_installed(store.p, ret_path, err);
	buf_done(&store);
	return r;
}

struct malware_scanner *agent_protect_scanner(struct agent_protect *p)
{
	(void)pthread_mutex_lock(&p->lock);
	struct malware_scanner *s = p->scanner;
	(void)pthread_mutex_unlock(&p->lock);
	return s;
}

bool agent_protect_wait_ready(struct agent_protect *p, usec_t timeout)
{
	usec_t until = clock_monotonic() + timeout + USEC_PER_SEC;
	(void)pthread_mutex_lock(&p->lock);
	while (p->scanner == NULL)
		if (clock_wait(&p->ready, &p->lock, until) != 0)
			break;
	bool ready = p->scanner != NULL;
	(void)pthread_mutex_unlock(&p->lock);
	return ready;
}

struct malware_quarantine *agent_protect_quarantine(struct agent_protect *p)
{
	return p->quarantine;
}

/* ---- files ---- */

/* True the first time within an hour. */
static bool worth_telling(struct agent_protect *p, const char *path, const char *sha256_hex)
{
	uint64_t h = 1469598103934665603u;
	for (const char *c = path; *c != '\0'; c++)
		h = (h ^ (unsigned char)*c) * 1099511628211u;
	for (const char *c = sha256_hex; *c != '\0'; c++)
		h = (h ^ (unsigned char)*c) * 1099511628211u;
	usec_t now = clock_monotonic();
	bool known = false;
	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < FAILED_MAX && !known; i++)
		known = p->failed[i].hash == h && p->failed[i].at != 0 && now - p->failed[i].at < FAILED_AGAIN;
	if (!known)
		p->failed[p->failed_next++ % FAILED_MAX] = (struct failed){h, now};
	(void)pthread_mutex_unlock(&p->lock);
	return !known;
}

static void act_on_finding(struct agent_protect *p, const char *path, int fd, const struct malware_verdict *v,
                           const char *command_id, bool *ret_again)
{
	struct err problem = {0};
	struct uuid id = {{0}};
	char id_text[UUID_TEXT_SIZE] = "", owner[64];
	agent_os_owner(fd, owner, sizeof owner);
	/* A file on which the scanner died must be seen by people; it is not proven bad. */
	bool take = v->engine != MALWARE_ENGINE_SCANNER;
	int r = take ? malware_quarantine_take(p->quarantine, path, fd, v, &id, NULL, &problem) : 0;
	*ret_again = r == -ESTALE;
	if (*ret_again)
		return;
	if ((r < 0 || !take) && !worth_telling(p, path, v->sha256_hex))
		return;
	if (take && r >= 0)
		(void)uuid_text(&id, id_text);
	struct agent_report report_ = {
		.kind = "alert",
		.action = take && r >= 0 ? "quarantined" : "detected",
		.path = str_c(path),
		.verdict = v,
		.owner = owner,
		.quarantine_id = id_text,
		.command_id = command_id,
		.problem = r < 0 ? &problem : NULL,
	};
	atomic_fetch_add(&p->found, 1);
	atomic_fetch_add(&p->new_found, 1);
	/* One that could not be stored is told after the next start. */
	if (report(p, &report_) && take && r >= 0)
		malware_quarantine_told(p->quarantine, &id);
	log_warn("malware found", ARG_CSTR("path", path), ARG_CSTR("threat", v->threat), ARG_CSTR("action", report_.action));
}

enum malware_status agent_protect_file(struct agent_protect *p, const char *path, const char *command_id)
{
	struct malware_scanner *scanner = agent_protect_scanner(p);
	struct malware_verdict v = {.status = MALWARE_STATUS_ERROR};
	if (malware_quarantine_is_taking(p->quarantine, str_c(path)))
		return MALWARE_STATUS_SKIPPED;
	for (int i = 0; scanner != NULL && i < TRIES; i++) {
		bool again = false;
		int fd = agent_os_open_for_scan(path);
		if (fd < 0) {
			v.status = fd == -ENOENT ? MALWARE_STATUS_SKIPPED : MALWARE_STATUS_ERROR;
			break;
		}
		malware_scan_fd(scanner, fd, str_c(path), &v);
		atomic_fetch_add(&p->files, 1);
		if (!v.from_cache) {
			atomic_fetch_add(&p->new_files, 1);
			atomic_fetch_add(&p->new_scan_us, (unsigned long long)v.took);
		}
		if (v.status == MALWARE_STATUS_FOUND && !malware_canary_is(&v) && !is_allowed(p, v.sha256_hex, str_c(path)))
			act_on_finding(p, path, fd, &v, command_id, &again);
		(void)close(fd);
		if (!again)
			break;
	}
	return v.status;
}

/* ---- quarantine ---- */

int agent_protect_restore(struct agent_protect *p, const struct uuid *id, const char *to_path, bool overwrite,
                          const char *command_id, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)1 << 20);
	struct malware_quarantine_item item;
	int r = malware_quarantine_get(p->quarantine, id, arena, &item, err);
	/* First, or the watch would take it away again. */
	if (r >= 0)
		r = allow(p, item.sha256_hex, to_path != NULL ? str_c(to_path) : item.path, err);
	struct malware_quarantine_restore_options options = {to_path, overwrite, false};
	if (r >= 0)
		r = malware_quarantine_restore(p->quarantine, id, &options, NULL, err);
	if (r >= 0)
		(void)report_item(p, "event", "restored", &item, command_id);
	return r;
}

int agent_protect_delete(struct agent_protect *p, const struct uuid *id, const char *command_id, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)1 << 20);
	struct malware_quarantine_item item;
	int r = malware_quarantine_get(p->quarantine, id, arena, &item, err);
	if (r >= 0)
		r = malware_quarantine_delete(p->quarantine, id, err);
	if (r >= 0)
		(void)report_item(p, "event", "deleted", &item, command_id);
	return r;
}

struct agent_protect_state agent_protect_state(struct agent_protect *p)
{
	struct agent_protect_state s = {.files = atomic_load(&p->files), .found = atomic_load(&p->found)};
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	const struct malware_quarantine_item *items;
	size_t count = 0;
	if (malware_quarantine_list(p->quarantine, arena, &items, &count, NULL, NULL) >= 0)
		s.quarantined = count;
	(void)pthread_mutex_lock(&p->lock);
	struct malware_scanner *scanner = p->scanner;
	s.bundle = p->bundle;
	s.scanner = scanner != NULL ? "ready" : p->problem[0] != '\0' ? "failed" : "starting";
	str_copy_c(str_c(p->problem), s.reason, sizeof s.reason);
	(void)pthread_mutex_unlock(&p->lock);
	s.bundle.expired = s.bundle.version != 0 && clock_now() > s.bundle.expires;
	if (scanner != NULL)
		malware_scanner_info(scanner, &s.info);
	uint64_t crashes = atomic_load(&p->old_crashes);
	s.health = (struct agent_protect_health){.found = atomic_load(&p->new_found), .files = atomic_load(&p->new_files),
	                                         .scan_us = (usec_t)atomic_load(&p->new_scan_us),
	                                         .crashes = s.info.crashes > crashes ? s.info.crashes - crashes : 0};
	return s;
}
