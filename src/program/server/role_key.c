/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/log/log.h"
#include "program/server/key_store.h"
#include "program/server/server.h"
#include "program/server/server_privilege.h"

static void answer(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	struct proc_message reply;
	struct err err = {0};
	if (key_store_answer(ctx, m, clock_now(), &reply, &err) < 0)
		log_err(LOG_LEVEL_WARN, "refused to sign", &err, ARG_U64("type", m->type));
	/* An asker that is gone asks again on a new channel. */
	(void)!proc_send(c, &reply, NULL);
	proc_message_done(&reply);
}

int role_key_run(const struct server_config *config, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup(key_store) struct key_store *store = NULL;
	cleanup(proc_role) struct proc_role *role = NULL;
	int r = key_store_open(server_path(arena, config, "key"), config->public_names, clock_now(), &store, err);
	if (r < 0)
		return r;
	const struct proc_role_peer peers[] = {{.name = "core", .handler = answer, .ctx = store}};
	r = server_confine("key", config, err);
	if (r == 0)
		r = proc_role_start(peers, ARRAY_LEN(peers), &role, err);
	if (r == 0)
		r = proc_role_ready(role, err);
	if (r < 0)
		return r;
	log_info("keys are ready");
	proc_role_wait_stop(role);
	return 0;
}
