/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The thread that reads and compiles sets, and publishes them by pointer. */
#include <stdio.h>

#include "base/clock/clock.h"
#include "base/file/file.h"
#include "engine/detect/detect_internal.h"

#define PATH_SIZE 4096
#define LOOK_EVERY_S 60 /* nobody told us, and exclusions end at midnight */
#define LAST_GOOD "last.set"

struct detect_loader {
	char set_path[PATH_SIZE], dir[PATH_SIZE - 64], last_path[PATH_SIZE];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* lock */
	bool stopping, woken, tried, compiling;
	struct detect_rules *rules;
	struct err err; /* code 0: the newest set is in use */
	char failed[DETECT_DIGEST_SIZE]; /* digest of the set that could not be used */
};

static void publish(struct detect_loader *l, struct detect_rules *rules)
{
	(void)pthread_mutex_lock(&l->lock);
	struct detect_rules *old = l->rules;
	l->rules = rules;
	(void)pthread_mutex_unlock(&l->lock);
	detect_rules_unref(old);
}

static void note(struct detect_loader *l, const struct err *err, const char *digest)
{
	(void)pthread_mutex_lock(&l->lock);
	l->err = *err;
	str_copy_c(str_c(err->code != 0 ? digest : ""), l->failed, sizeof l->failed);
	(void)pthread_mutex_unlock(&l->lock);
}

/* A copy of our own, so that a restart does not depend on a file that became bad meanwhile. */
static void keep_copy(const struct detect_loader *l, const struct detect_set *set)
{
	char had[DETECT_DIGEST_SIZE];
	struct detect_set_writer *w;
	if (detect_set_peek(l->last_path, had) && strcmp(had, detect_set_digest(set)) == 0)
		return;
	if (detect_set_create(l->last_path, &w, NULL) < 0)
		return;
	for (size_t i = 0; i < detect_set_count(set); i++) {
		struct detect_set_entry e = detect_set_entry(set, i);
		if (detect_set_add(w, e.kind, e.name, e.body, NULL) < 0) {
			detect_set_abandon(w);
			return;
		}
	}
	if (detect_set_commit(w, NULL, NULL) < 0)
		return;
}

static int load(struct detect_loader *l, const char *path, bool keep, struct err *err)
{
	struct detect_set *set = NULL;
	struct detect_rules *rules = NULL;
	int r = detect_set_open(path, &set, err);
	if (r == 0)
		r = detect_rules_build(set, l->dir, &rules, err);
	if (r == 0) {
		publish(l, rules);
		if (keep)
			keep_copy(l, set);
	}
	detect_set_free(set);
	return r;
}

static bool is_current(struct detect_loader *l, const char *digest)
{
	const usec_t day = clock_now() / USEC_PER_DAY;
	(void)pthread_mutex_lock(&l->lock);
	bool same = l->rules != NULL && strcmp(l->rules->digest, digest) == 0 &&
	            (!l->rules->has_exclusions || l->rules->day == day);
	/* The same bad file is not tried again every minute. */
	same = same || (l->err.code != 0 && l->failed[0] != '\0' && strcmp(l->failed, digest) == 0);
	(void)pthread_mutex_unlock(&l->lock);
	return same;
}

static bool has_rules(struct detect_loader *l)
{
	(void)pthread_mutex_lock(&l->lock);
	bool has = l->rules != NULL;
	(void)pthread_mutex_unlock(&l->lock);
	return has;
}

static void only_builtin(struct detect_loader *l, struct err *err)
{
	struct detect_rules *rules = NULL;
	if (detect_rules_build(NULL, l->dir, &rules, err) == 0)
		publish(l, rules);
}

static void look(struct detect_loader *l)
{
	char digest[DETECT_DIGEST_SIZE] = "";
	struct err err = {0};
	bool there = detect_set_peek(l->set_path, digest);
	if (there && is_current(l, digest))
		return;
	(void)pthread_mutex_lock(&l->lock);
	l->compiling = there;
	(void)pthread_mutex_unlock(&l->lock);
	int r = there || file_exists(l->set_path) ? load(l, l->set_path, true, &err) : 0;
	if (r < 0 && !has_rules(l) && file_exists(l->last_path)) {
		struct err last = {0};
		(void)!load(l, l->last_path, false, &last);
	}
	if (!has_rules(l)) {
		struct err builtin = {0};
		only_builtin(l, &builtin);
		if (builtin.code != 0 && err.code == 0)
			err = builtin;
	}
	note(l, &err, digest);
}

static void *loader_main(void *arg)
{
	struct detect_loader *l = arg;
	(void)pthread_mutex_lock(&l->lock);
	while (!l->stopping) {
		struct timespec until;
		l->woken = false;
		(void)pthread_mutex_unlock(&l->lock);
		look(l);
		(void)pthread_mutex_lock(&l->lock);
		l->tried = true;
		l->compiling = false;
		(void)pthread_cond_broadcast(&l->changed);
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += LOOK_EVERY_S;
		int r = 0;
		while (!l->stopping && !l->woken && r == 0)
			r = pthread_cond_timedwait(&l->changed, &l->lock, &until);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return NULL;
}

int detect_loader_start(const char *set_path, const char *dir, struct detect_loader **ret, struct err *err)
{
	struct detect_loader *l = MEM_NEW(struct detect_loader);
	pthread_condattr_t attr;
	str_copy_c(str_c(set_path), l->set_path, sizeof l->set_path);
	str_copy_c(str_c(dir), l->dir, sizeof l->dir);
	(void)snprintf(l->last_path, sizeof l->last_path, "%s/" LAST_GOOD, l->dir);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_cond_init(&l->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	int r = file_make_dirs(dir, 0700, err);
	int e = r == 0 ? pthread_create(&l->thread, NULL, loader_main, l) : 0;
	if (e != 0)
		r = err_errno(err, e, "pthread_create", STR_EMPTY);
	if (r < 0)
		mem_free(l);
	else
		*ret = l;
	return r;
}

void detect_loader_stop(struct detect_loader *l)
{
	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&l->lock);
	l->stopping = true;
	(void)pthread_cond_broadcast(&l->changed);
	(void)pthread_mutex_unlock(&l->lock);
	(void)pthread_join(l->thread, NULL);
	detect_rules_unref(l->rules);
	(void)pthread_cond_destroy(&l->changed);
	(void)pthread_mutex_destroy(&l->lock);
	mem_free(l);
}

void detect_loader_wake(struct detect_loader *l)
{
	(void)pthread_mutex_lock(&l->lock);
	l->woken = true;
	(void)pthread_cond_broadcast(&l->changed);
	(void)pthread_mutex_unlock(&l->lock);
}

bool detect_loader_wait(struct detect_loader *l, unsigned timeout_ms)
{
	struct timespec until;
	int r = 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_mutex_lock(&l->lock);
	while (!l->tried && !l->stopping && r == 0)
		r = pthread_cond_timedwait(&l->changed, &l->lock, &until);
	bool tried = l->tried;
	(void)pthread_mutex_unlock(&l->lock);
	return tried;
}

struct detect_rules *detect_loader_get(struct detect_loader *l)
{
	(void)pthread_mutex_lock(&l->lock);
	while (!l->tried && !l->stopping)
		(void)pthread_cond_wait(&l->changed, &l->lock);
	struct detect_rules *rules = l->rules != NULL ? detect_rules_ref(l->rules) : NULL;
	(void)pthread_mutex_unlock(&l->lock);
	return rules;
}

void detect_loader_stats(struct detect_loader *l, struct detect_stats *ret)
{
	(void)pthread_mutex_lock(&l->lock);
	ret->err = l->err;
	ret->state = !l->tried ? DETECT_STARTING : l->compiling ? DETECT_COMPILING : l->err.code != 0 ? DETECT_FAILED : DETECT_READY;
	if (l->rules != NULL) {
		str_copy_c(str_c(l->rules->digest), ret->digest, sizeof ret->digest);
		/* The canary is not one of theirs. */
		ret->rules = l->rules->counts.rules - (l->rules->canary != UINT32_MAX);
		ret->correlations = l->rules->counts.correlations;
		ret->refused = l->rules->refused_count;
		ret->indicators = l->rules->indicators != NULL ? indicator_set_count(l->rules->indicators) : 0;
		ret->loaded_at = l->rules->loaded_at;
	}
	(void)pthread_mutex_unlock(&l->lock);
}
