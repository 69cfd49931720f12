/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server.h"
#include "program/server/server_privilege.h"

static void from_core(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	(void)c;
	(void)m;
	(void)ctx;
}

int role_pipeline_run(const struct server_config *config, struct err *err)
{
	static const struct proc_role_peer peers[] = {{.name = "core", .handler = from_core}};
	cleanup(proc_role) struct proc_role *role = NULL;
	(void)config;
	int r = proc_role_start(peers, ARRAY_LEN(peers), &role, err);
	if (r == 0)
		r = server_confine("pipeline", err);
	if (r == 0)
		r = proc_role_ready(role, err);
	if (r < 0)
		return r;
	proc_role_wait_stop(role);
	return 0;
}
