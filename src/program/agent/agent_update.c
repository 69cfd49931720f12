/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_update.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock/clock_wait.h"
#include "base/log/log.h"
#include "program/agent/agent_identity.h"
#include "program/agent/agent_os.h"

#define TIMEOUT_S 120
#define AGAIN_AFTER USEC_PER_HOUR
#define HEAD_LIMIT ((size_t)9 << 20)
/* Past this a machine goes to the server whatever its neighbours say. */
#define SITE_PATIENCE (10 * USEC_PER_MINUTE)
#define SITE_FAILURES 20
#define PAUSE (200 * USEC_PER_MS)

/* What is wanted, by value. */
struct wanted {
	uint64_t version, size_bytes;
	char sha256_hex[SHA256_HEX_SIZE], manifest_hex[SHA256_HEX_SIZE]; /* manifest "": the server knows no chunks */
	bool sharing;
};

struct agent_update {
	struct agent_update_config config;
	char *state_dir;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping, busy, fresh;         /* lock; fresh: wanted has not been looked at */
	struct wanted wanted;               /* lock */
	struct agent_update_state state;    /* lock: problem and sums */
	uint64_t refused;                   /* version that did not verify; the thread's own */
	usec_t refused_at;
};

/* One update under way; the thread's own. */
struct job {
	struct agent_update *u;
	struct wanted wanted;
	struct agent_identity *id;
	struct http_client *centre;
	struct agent_share_peer *peer; /* NULL: the server is asked */
};

static bool is_stopping(struct agent_update *u)
{
	(void)pthread_mutex_lock(&u->lock);
	bool stopping = u->stopping;
	(void)pthread_mutex_unlock(&u->lock);
	return stopping;
}

static bool gone(const void *ctx)
{
	struct agent_update *u;
	memcpy(&u, &ctx, sizeof u);
	return is_stopping(u);
}

static void count(struct agent_update *u, bool site, size_t bytes)
{
	(void)pthread_mutex_lock(&u->lock);
	if (site)
		u->state.site_bytes += bytes;
	else
		u->state.centre_bytes += bytes;
	(void)pthread_mutex_unlock(&u->lock);
}

/* ---- the server ---- */

static int ask_centre(struct job *j, const char *path, struct buf *out, struct err *err)
{
	struct http_client_response res = {0};
	int r = http_client_do(j->centre, &(struct http_client_request){.path = path, .gone = gone, .gone_ctx = j->u}, &res, err);
	if (r >= 0 && res.status != 200)
		r = agent_refused(&res, err);
	if (r >= 0) {
		buf_append(out, buf_str(&res.body));
		count(j->u, false, res.body.n);
		if (out->overflow)
			r = err_set(err, -EBADMSG, "agent.bundle_differs", ARG_U64("version", j->wanted.version));
	}
	http_client_response_done(&res);
	return r;
}

static int fetch_chunk(void *ctx, const unsigned char name[SHA256_SIZE], unsigned attempt, struct buf *out, struct err *err)
{
	struct job *j = ctx;
	char path[128], hex[SHA256_HEX_SIZE];
	if (is_stopping(j->u))
		return err_set(err, -ECANCELED, "http.cancelled");
	(void)sha256_hex(name, hex);
	/* A neighbour that gives what is not the chunk is not asked again. */
	if (j->peer != NULL && attempt == 0) {
		size_t before = out->n;
		int r = agent_share_chunk(j->peer, hex, out, err);
		if (r >= 0)
			count(j->u, true, out->n - before);
		return r;
	}
	if (j->peer != NULL)
		return err_set(err, -EHOSTUNREACH, "agent.share_lies");
	(void)snprintf(path, sizeof path, "/agent/v1/chunks/%s", hex);
	return ask_centre(j, path, out, err);
}

static int fetch_head(struct job *j, struct buf *out, struct err *err)
{
	char path[128];
	if (j->peer != NULL) {
		int r = agent_share_head(j->peer, j->wanted.manifest_hex, out, err);
		if (r >= 0)
			count(j->u, true, out->n);
		return r;
	}
	(void)snprintf(path, sizeof path, "/agent/v1/bundles/%llu/head", (unsigned long long)j->wanted.version);
	return ask_centre(j, path, out, err);
}

static int by_chunks(struct job *j, struct err *err)
{
	cleanup_buf struct buf head = BUF_INIT(HEAD_LIMIT);
	struct distribution_sum sum = {0};
	int r = fetch_head(j, &head, err);
	if (r < 0)
		return r;
	const struct malware_bundle_update update = {
		.head = buf_str(&head), .version = j->wanted.version, .sha256_hex = j->wanted.manifest_hex, .fetch = fetch_chunk, .ctx = j,
		.step = j->u->config.step, .step_ctx = j->u->config.ctx};
	r = agent_protect_fetch(j->u->config.protect, &update, &sum, err);
	(void)pthread_mutex_lock(&j->u->lock);
	j->u->state.resumed += sum.resumed;
	(void)pthread_mutex_unlock(&j->u->lock);
	return r;
}

/* Servers that know no chunks: the whole container of format 1. */
static int whole(struct job *j, struct err *err)
{
	char path[64], hex[SHA256_HEX_SIZE];
	unsigned char digest[SHA256_SIZE];
	cleanup_buf struct buf body = BUF_INIT(MALWARE_BUNDLE_LIMIT);
	(void)snprintf(path, sizeof path, "/agent/v1/bundles/%llu", (unsigned long long)j->wanted.version);
	int r = ask_centre(j, path, &body, err);
	if (r < 0)
		return r;
	sha256(buf_str(&body), digest);
	if (body.n != j->wanted.size_bytes || !str_eq_nocase(str_c(j->wanted.sha256_hex), str_c(sha256_hex(digest, hex))))
		return err_set(err, -EBADMSG, "agent.bundle_differs", ARG_U64("version", j->wanted.version));
	return agent_protect_install(j->u->config.protect, buf_str(&body), err);
}

/* ---- the neighbours ---- */

/* 1: installed from a neighbour; 0: this machine is the one to ask the server; negative: stopping. */
static int by_neighbours(struct job *j, struct err *err)
{
	struct agent_share *share = j->u->config.share;
	usec_t until = clock_monotonic() + SITE_PATIENCE;
	agent_share_want(share, j->wanted.version, j->wanted.manifest_hex);
	for (unsigned failures = 0; failures < SITE_FAILURES && clock_monotonic() < until;) {
		if (is_stopping(j->u))
			return err_set(err, -ECANCELED, "http.cancelled");
		enum agent_share_turn turn = agent_share_turn(share, &j->peer);
		if (turn == AGENT_SHARE_OURS)
			return 0;
		if (turn == AGENT_SHARE_WAIT) {
			agent_os_sleep(PAUSE);
			continue;
		}
		int r = by_chunks(j, err);
		agent_share_peer_done(j->peer, r >= 0);
		j->peer = NULL;
		if (r >= 0)
			return 1;
		log_err(LOG_LEVEL_INFO, "a neighbour could not give signatures", err);
		err_clear(err);
		failures++;
	}
	return 0;
}

/* ---- one update ---- */

static int fetch(struct job *j, struct err *err)
{
	struct agent_share *share = j->u->config.share;
	if (j->wanted.manifest_hex[0] == '\0')
		return whole(j, err);
	bool shares = share != NULL && j->wanted.sharing;
	int r = shares ? by_neighbours(j, err) : 0;
	if (r == 0 && shares)
		agent_share_fetching(share, true);
	if (r == 0)
		r = by_chunks(j, err);
	if (shares)
		agent_share_fetching(share, false);
	return r < 0 ? r : 0;
}

static int update(struct agent_update *u, const struct wanted *wanted, struct err *err)
{
	struct job j = {.u = u, .wanted = *wanted};
	int r = agent_identity_load(u->state_dir, &j.id, err);
	if (r >= 0)
		r = agent_identity_client(j.id, j.id->server, TIMEOUT_S, &j.centre, err);
	if (r >= 0)
		r = fetch(&j, err);
	http_client_free(j.centre);
	agent_identity_free(j.id);
	return r;
}

static void run(struct agent_update *u, const struct wanted *wanted)
{
	struct err err = {0};
	uint64_t have = agent_protect_state(u->config.protect).bundle.version;
	/* Never back: an older version than ours is not asked for. */
	if (wanted->version <= have || (u->refused == wanted->version && clock_monotonic() - u->refused_at < AGAIN_AFTER))
		return;
	int r = update(u, wanted, &err);
	(void)pthread_mutex_lock(&u->lock);
	str_copy_c(r < 0 && r != -ECANCELED ? str_c(err.key) : STR_EMPTY, u->state.problem, sizeof u->state.problem);
	(void)pthread_mutex_unlock(&u->lock);
	if (r == -ECANCELED)
		return;
	if (r < 0) {
		log_err(LOG_LEVEL_ERROR, "a signature bundle could not be taken", &err, ARG_U64("version", wanted->version));
		/* What was given and is not right; a server that cannot give just now is asked again. */
		if (str_starts_with(str_c(err.key), STR("malware.")) || str_starts_with(str_c(err.key), STR("distribution."))) {
			u->refused = wanted->version;
			u->refused_at = clock_monotonic();
		}
		return;
	}
	log_info("signature bundle installed", ARG_U64("version", wanted->version));
	u->config.installed(u->config.ctx);
}

static void *main_loop(void *arg)
{
	struct agent_update *u = arg;
	(void)pthread_mutex_lock(&u->lock);
	while (!u->stopping) {
		if (!u->fresh) {
			(void)pthread_cond_wait(&u->changed, &u->lock);
			continue;
		}
		struct wanted wanted = u->wanted;
		u->fresh = false;
		u->busy = true;
		(void)pthread_mutex_unlock(&u->lock);
		run(u, &wanted);
		(void)pthread_mutex_lock(&u->lock);
		u->busy = false;
		(void)pthread_cond_broadcast(&u->changed);
	}
	(void)pthread_mutex_unlock(&u->lock);
	return NULL;
}

/* ---- outside ---- */

struct agent_update *agent_update_start(const struct agent_update_config *config)
{
	struct agent_update *u = MEM_NEW(struct agent_update);
	u->config = *config;
	u->state_dir = mem_strdup(str_c(config->state_dir));
	(void)pthread_mutex_init(&u->lock, NULL);
	(void)pthread_cond_init(&u->changed, NULL);
	if (pthread_create(&u->thread, NULL, main_loop, u) != 0)
		abort();
	return u;
}

void agent_update_stop(struct agent_update *u)
{
	if (u == NULL)
		return;
	(void)pthread_mutex_lock(&u->lock);
	u->stopping = true;
	(void)pthread_cond_broadcast(&u->changed);
	(void)pthread_mutex_unlock(&u->lock);
	(void)pthread_join(u->thread, NULL);
	(void)pthread_cond_destroy(&u->changed);
	(void)pthread_mutex_destroy(&u->lock);
	mem_free(u->state_dir);
	mem_free(u);
}

void agent_update_want(struct agent_update *u, const struct agent_desired *d, usec_t patience)
{
	usec_t until = clock_monotonic() + patience;
	struct wanted wanted = {.version = d->bundle_version, .size_bytes = d->bundle_size_bytes, .sharing = d->site_sharing};
	str_copy_c(d->bundle_sha256, wanted.sha256_hex, sizeof wanted.sha256_hex);
	str_copy_c(d->bundle_manifest, wanted.manifest_hex, sizeof wanted.manifest_hex);
	if (u->config.share != NULL)
		agent_share_allow(u->config.share, d->site_sharing);
	if (wanted.version == 0)
		return;
	(void)pthread_mutex_lock(&u->lock);
	u->wanted = wanted;
	if (!u->busy) {
		u->fresh = true;
		(void)pthread_cond_broadcast(&u->changed);
	}
	while ((u->busy || u->fresh) && !u->stopping && clock_monotonic() < until)
		if (clock_wait(&u->changed, &u->lock, until) != 0)
			break;
	(void)pthread_mutex_unlock(&u->lock);
}

void agent_update_state(struct agent_update *u, struct agent_update_state *ret)
{
	uint64_t have = agent_protect_state(u->config.protect).bundle.version;
	(void)pthread_mutex_lock(&u->lock);
	*ret = u->state;
	ret->busy = u->busy;
	ret->wanted = u->wanted.version > have ? u->wanted.version : 0;
	(void)pthread_mutex_unlock(&u->lock);
}
