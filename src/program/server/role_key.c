/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <pthread.h>

#include "base/log/log.h"
#include "program/server/key_store.h"
#include "program/server/server.h"
#include "program/server/server_privilege.h"
#include "program/server/server_reload.h"

struct key {
	struct server_live live;
	pthread_mutex_t lock;    /* store */
	struct key_store *store; /* knows one thread at a time */
};

static void answer(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	struct key *key = ctx;
	struct proc_message reply;
	struct err err = {0};
	(void)pthread_mutex_lock(&key->lock);
	int r = key_store_answer(key->store, m, clock_now(), &reply, &err);
	(void)pthread_mutex_unlock(&key->lock);
	if (r < 0)
		log_err(LOG_LEVEL_WARN, "refused to sign", &err, ARG_U64("type", m->type));
	/* An asker that is gone asks again on a new channel. */
	(void)!proc_send(c, &reply, NULL);
	proc_message_done(&reply);
}

static void reload(struct str settings, void *ctx)
{
	struct key *key = ctx;
	struct err err = {0};
	if (server_live_take(&key->live, settings, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "new settings were not understood", &err);
	(void)pthread_mutex_lock(&key->lock);
	key_store_set_names(key->store, server_live_now(&key->live)->public_names);
	(void)pthread_mutex_unlock(&key->lock);
}

static int serve(struct key *key, struct err *err)
{
	cleanup(proc_role) struct proc_role *role = NULL;
	const struct proc_role_peer peers[] = {{.name = "core", .handler = answer, .ctx = key}};
	int r = server_confine("key", server_live_now(&key->live), err);
	if (r == 0)
		r = proc_role_start(peers, ARRAY_LEN(peers), &role, err);
	if (r == 0)
		r = proc_role_ready(role, err);
	if (r < 0)
		return r;
	proc_role_on_reload(role, reload, key);
	log_info("keys are ready");
	proc_role_wait_stop(role);
	return 0;
}

int role_key_run(const struct server_config *config, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct key key = {.lock = PTHREAD_MUTEX_INITIALIZER};
	int r = key_store_open(server_path(arena, config, "key"), config->public_names, clock_now(), &key.store, err);
	if (r < 0)
		return r;
	server_live_init(&key.live, config);
	r = serve(&key, err);
	key_store_free(key.store);
	server_live_done(&key.live);
	return r;
}
