/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_isolation.h"

#include <pthread.h>

#include "base/log/log.h"
#include "program/agent/agent_isolation_file.h"
#include "program/agent/agent_os.h"

#define CHECK_EVERY (10 * USEC_PER_SEC)
#define STORE_EVERY (30 * USEC_PER_SEC)
#define TICK_MS 500

struct agent_isolation {
	struct agent_isolation_options options;
	struct agent_isolation_file file; /* lock; left_s as of mark */
	char *path;                       /* constant */
	pthread_mutex_t lock;
	usec_t mark, applied_at, checked_at; /* lock; uptime */
	enum agent_isolation_state ending;   /* lock; to what end, while the filter cannot be lifted; else NONE */
	uint64_t serial;                     /* lock */
	pthread_t thread;
	bool started;
	bool stopping; /* lock */
};

static const char *const state_names[AGENT_ISOLATION__COUNT] = {
	[AGENT_ISOLATION_NONE] = "none",       [AGENT_ISOLATION_PROVING] = "proving", [AGENT_ISOLATION_ON] = "on",
	[AGENT_ISOLATION_LIFTED] = "lifted", [AGENT_ISOLATION_EXPIRED] = "expired", [AGENT_ISOLATION_FAILED] = "failed",
};

const char *agent_isolation_state_name(enum agent_isolation_state state)
{
	return state_names[state];
}

static bool active(const struct agent_isolation *i)
{
	return i->file.state == AGENT_ISOLATION_PROVING || i->file.state == AGENT_ISOLATION_ON;
}

static usec_t left(const struct agent_isolation *i, usec_t now)
{
	return i->file.left - (now - i->mark);
}

static void changed(struct agent_isolation *i)
{
	i->serial++;
	if (i->options.wake != NULL)
		i->options.wake();
}

static int store(struct agent_isolation *i, struct err *err)
{
	usec_t now = i->options.uptime();
	i->file.left = left(i, now);
	i->file.uptime = i->mark = now;
	str_copy_c(str_c(i->options.boot_id), i->file.boot_id, sizeof i->file.boot_id);
	return agent_isolation_file_write(i->path, &i->file, err);
}

static void store_or_log(struct agent_isolation *i)
{
	struct err err = {0};
	if (store(i, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "the state of the isolation could not be stored", &err);
}

static void tell_person(const struct agent_isolation *i)
{
	if (i->options.notice != NULL)
		i->options.notice(active(i) ? i->file.message : "");
}

static int apply(struct agent_isolation *i, struct err *err)
{
	const struct agent_firewall *f = i->options.firewall;
	int r = f->able(f->ctx, err);
	return r < 0 ? r : f->apply(f->ctx, &i->file.rules, err);
}

/* What cannot be lifted is tried again at each tick, and told. */
static void end(struct agent_isolation *i, enum agent_isolation_state to)
{
	const struct agent_firewall *f = i->options.firewall;
	struct err err = {0};
	if (f->lift(f->ctx, &err) < 0) {
		if (i->ending == AGENT_ISOLATION_NONE) {
			log_err(LOG_LEVEL_ERROR, "the isolation could not be lifted", &err);
			i->file.problem = err;
			changed(i);
		}
		i->ending = to;
		return;
	}
	if (to != AGENT_ISOLATION_FAILED)
		err_clear(&i->file.problem);
	i->ending = AGENT_ISOLATION_NONE;
	i->file.state = to;
	i->file.left = 0;
	i->mark = i->options.uptime();
	store_or_log(i);
	log_info("no longer isolated from the network", ARG_CSTR("why", state_names[to]));
	tell_person(i);
	changed(i);
}

static void fail(struct agent_isolation *i, const struct err *why)
{
	log_err(LOG_LEVEL_ERROR, "the isolation failed and is lifted", why);
	i->file.problem = *why;
	end(i, AGENT_ISOLATION_FAILED);
}

/* ---- orders ---- */

/* No control characters: it goes to terminals. */
static void take_message(struct agent_isolation *i, struct str message)
{
	str_copy_c(message, i->file.message, sizeof i->file.message);
	for (unsigned char *p = (unsigned char *)i->file.message; *p != '\0'; p++) {
		if ((*p < 0x20 && *p != '\n') || *p == 0x7f)
			*p = ' ';
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = ' ';
	}
}

static int begin(struct agent_isolation *i, const struct agent_isolation_order *order, struct err *err)
{
	usec_t now = i->options.uptime();
	i->file.id = order->id;
	i->file.state = AGENT_ISOLATION_PROVING;
	i->file.left = order->left_s * USEC_PER_SEC;
	i->file.rules = (struct agent_firewall_rules){.server_count = 0};
	i->mark = i->applied_at = i->checked_at = now;
	i->ending = AGENT_ISOLATION_NONE;
	err_clear(&i->file.problem);
	take_message(i, order->message);
	int r = agent_firewall_add_server(&i->file.rules, i->options.server, err);
	if (r >= 0)
		r = agent_firewall_add_server(&i->file.rules, i->options.events, err);
	if (r >= 0)
		r = store(i, err);
	if (r >= 0)
		r = apply(i, err);
	i->applied_at = i->options.uptime(); /* names may have taken their time */
	return r;
}

static void carry_out(struct agent_isolation *i, const struct agent_isolation_order *order)
{
	struct err err = {0};
	bool able = i->options.firewall->able(i->options.firewall->ctx, &err) >= 0;
	if (!able && !active(i)) {
		/* Nothing stands, and nothing could be taken away. */
		log_err(LOG_LEVEL_ERROR, "this machine cannot be isolated", &err);
		i->file = (struct agent_isolation_file){.id = order->id, .state = AGENT_ISOLATION_FAILED, .problem = err};
		i->mark = i->options.uptime();
		store_or_log(i);
		changed(i);
		return;
	}
	i->file.id = order->id;
	if (!able || begin(i, order, &err) < 0) {
		fail(i, &err);
		return;
	}
	log_info("isolated from the network by order of the server", ARG_I64("left_s", order->left_s),
	         ARG_U64("addresses", i->file.rules.server_count));
	tell_person(i);
	changed(i);
}

void agent_isolation_want(struct agent_isolation *i, const struct agent_isolation_order *order)
{
	if (!order->told)
		return;
	(void)pthread_mutex_lock(&i->lock);
	if (uuid_is_null(&order->id)) {
		if (active(i))
			end(i, AGENT_ISOLATION_LIFTED);
	} else if (!uuid_eq(&order->id, &i->file.id)) {
		carry_out(i, order);
	} else if (active(i)) {
		i->file.left = order->left_s * USEC_PER_SEC;
		i->mark = i->options.uptime();
	}
	(void)pthread_mutex_unlock(&i->lock);
}

void agent_isolation_proven(struct agent_isolation *i)
{
	(void)pthread_mutex_lock(&i->lock);
	if (i->file.state == AGENT_ISOLATION_PROVING) {
		i->file.state = AGENT_ISOLATION_ON;
		store_or_log(i);
		changed(i);
	}
	(void)pthread_mutex_unlock(&i->lock);
}

/* ---- time ---- */

/* Whoever empties the packet filter (a firewall that reloads, somebody who wants out) does not free the machine. */
static void check(struct agent_isolation *i, usec_t now)
{
	const struct agent_firewall *f = i->options.firewall;
	struct err err = {0};
	i->checked_at = now;
	if (f->check(f->ctx, NULL) > 0)
		return;
	int r = apply(i, &err);
	bool news = i->file.problem.code != err.code;
	i->file.problem = err;
	if (r < 0 && news)
		log_err(LOG_LEVEL_ERROR, "the isolation was removed and could not be put back", &err);
	else if (r >= 0)
		log_warn("the isolation was changed by somebody and is put back", ARG_U64("times", ++i->file.repaired));
	if (r >= 0 || news)
		changed(i);
}

void agent_isolation_tick(struct agent_isolation *i)
{
	(void)pthread_mutex_lock(&i->lock);
	usec_t now = i->options.uptime();
	if (i->ending != AGENT_ISOLATION_NONE) {
		if (now - i->checked_at >= CHECK_EVERY) {
			i->checked_at = now;
			end(i, i->ending);
		}
	} else if (active(i)) {
		struct err err = {0};
		if (left(i, now) <= 0) {
			end(i, AGENT_ISOLATION_EXPIRED);
		} else if (i->file.state == AGENT_ISOLATION_PROVING && now - i->applied_at > AGENT_ISOLATION_PROOF) {
			(void)err_set(&err, -ETIMEDOUT, "agent.isolation_no_contact",
			              ARG_I64("seconds", AGENT_ISOLATION_PROOF / USEC_PER_SEC));
			fail(i, &err);
		} else {
			if (now - i->checked_at >= CHECK_EVERY)
				check(i, now);
			if (now - i->file.uptime >= STORE_EVERY)
				store_or_log(i);
		}
	}
	(void)pthread_mutex_unlock(&i->lock);
}

static void *watch(void *arg)
{
	struct agent_isolation *i = arg;
	for (bool stop = false; !stop;) {
		agent_os_sleep(TICK_MS * USEC_PER_MS);
		agent_isolation_tick(i);
		(void)pthread_mutex_lock(&i->lock);
		stop = i->stopping;
		(void)pthread_mutex_unlock(&i->lock);
	}
	return NULL;
}

void agent_isolation_start(struct agent_isolation *i)
{
	i->started = pthread_create(&i->thread, NULL, watch, i) == 0;
	if (!i->started)
		log_error("the isolation is watched at check-ins only");
}

/* ---- start ---- */

static void take_up(struct agent_isolation *i)
{
	usec_t now = i->options.uptime();
	struct err err = {0};
	bool same_boot = strcmp(i->file.boot_id, i->options.boot_id) == 0 && now >= i->file.uptime;
	i->mark = same_boot ? i->file.uptime : now;
	i->applied_at = i->checked_at = now;
	if (left(i, now) <= 0) {
		end(i, AGENT_ISOLATION_EXPIRED);
		return;
	}
	int r = apply(i, &err);
	if (r >= 0)
		r = store(i, &err);
	if (r < 0 && i->file.state == AGENT_ISOLATION_PROVING) {
		fail(i, &err);
	} else if (r < 0) {
		log_err(LOG_LEVEL_ERROR, "the isolation could not be put back and is tried again", &err);
		i->file.problem = err;
		i->checked_at = now - CHECK_EVERY;
	} else {
		log_info("still isolated from the network by order of the server", ARG_I64("left_s", left(i, now) / USEC_PER_SEC));
	}
	tell_person(i);
}

struct agent_isolation *agent_isolation_open(const struct agent_isolation_options *options)
{
	struct agent_isolation *i = MEM_NEW(struct agent_isolation);
	struct err err = {0};
	i->options = *options;
	if (i->options.firewall == NULL)
		i->options.firewall = &agent_firewall_system;
	if (i->options.uptime == NULL)
		i->options.uptime = agent_os_uptime;
	(void)pthread_mutex_init(&i->lock, NULL);
	i->path = agent_isolation_file_path(options->state_dir);
	int r = agent_isolation_file_read(i->path, &i->file, &err);
	if (r >= 0 && active(i)) {
		take_up(i);
	} else if (r < 0 && r != -ENOENT) {
		struct err lost = {0};
		log_err(LOG_LEVEL_ERROR, "the state of the isolation cannot be read", &err);
		(void)err_set(&lost, -EIO, "agent.isolation_state_lost");
		i->file = (struct agent_isolation_file){.state = AGENT_ISOLATION_NONE};
		fail(i, &lost);
	}
	return i;
}

void agent_isolation_free(struct agent_isolation *i)
{
	if (i == NULL)
		return;
	(void)pthread_mutex_lock(&i->lock);
	i->stopping = true;
	(void)pthread_mutex_unlock(&i->lock);
	if (i->started)
		(void)pthread_join(i->thread, NULL);
	if (active(i))
		store_or_log(i);
	(void)pthread_mutex_destroy(&i->lock);
	mem_free(i->path);
	mem_free(i);
}

/* ---- what others ask ---- */

enum agent_isolation_state agent_isolation_now(struct agent_isolation *i)
{
	(void)pthread_mutex_lock(&i->lock);
	enum agent_isolation_state state = i->file.state;
	(void)pthread_mutex_unlock(&i->lock);
	return state;
}

uint64_t agent_isolation_serial(struct agent_isolation *i)
{
	(void)pthread_mutex_lock(&i->lock);
	uint64_t serial = i->serial;
	(void)pthread_mutex_unlock(&i->lock);
	return serial;
}

void agent_isolation_write(struct agent_isolation *i, struct json_writer *w)
{
	struct err why = {0};
	char id[UUID_TEXT_SIZE];
	bool can = i->options.firewall->able(i->options.firewall->ctx, &why) >= 0;
	(void)pthread_mutex_lock(&i->lock);
	json_object(w);
	json_member_bool(w, "can", can);
	json_member_cstr(w, "why", why.key);
	json_member_cstr(w, "id", uuid_is_null(&i->file.id) ? "" : uuid_text(&i->file.id, id));
	json_member_cstr(w, "state", state_names[i->file.state]);
	json_name(w, "problem");
	agent_isolation_problem_write(&i->file.problem, w);
	json_member_int(w, "repaired", (int64_t)i->file.repaired);
	json_object_end(w);
	(void)pthread_mutex_unlock(&i->lock);
}

int agent_isolation_restore(const char *state_dir, struct err *err)
{
	struct agent_isolation_file file = {.state = AGENT_ISOLATION_NONE};
	char *path = agent_isolation_file_path(state_dir);
	int r = agent_isolation_file_read(path, &file, err);
	mem_free(path);
	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	bool on = file.state == AGENT_ISOLATION_ON || file.state == AGENT_ISOLATION_PROVING;
	return r >= 0 && on && file.left > 0 ? agent_firewall_system.apply(agent_firewall_system.ctx, &file.rules, err) : r;
}

int agent_isolation_release(const char *state_dir, struct err *err)
{
	struct agent_isolation_file file = {.state = AGENT_ISOLATION_NONE};
	char *path = agent_isolation_file_path(state_dir);
	int r = agent_firewall_system.lift(agent_firewall_system.ctx, err);
	if (r >= 0 && agent_isolation_file_read(path, &file, NULL) >= 0) {
		file.state = AGENT_ISOLATION_LIFTED;
		r = agent_isolation_file_write(path, &file, err);
	}
	mem_free(path);
	return r;
}
