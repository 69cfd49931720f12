/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/log/log.h"
#include "program/server/key_client.h"
#include "program/server/server.h"
#include "program/server/server_certificate.h"
#include "program/server/server_privilege.h"

static void from_key(struct proc_channel *c, struct proc_message *m, void *ctx)
{
	(void)c;
	(void)ctx;
	log_warn("the key role asks for something", ARG_U64("type", m->type));
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

int role_core_run(const struct server_config *config, struct err *err)
{
	static const struct proc_role_peer peers[] = {{.name = "key", .handler = from_key}};
	cleanup(proc_role) struct proc_role *role = NULL;
	struct server_certificate certificate;
	int r = proc_role_start(peers, ARRAY_LEN(peers), &role, err);
	if (r < 0)
		return r;
	struct service_keys keys = key_client(role);
	const struct server_certificate_signer signer = {.ctx = &keys, .sign = sign, .ca_pem = ca_pem};
	server_certificate_init(&certificate);
	r = server_certificate_ensure(config, "core", &signer, clock_now(), &certificate, err);
	if (r >= 0)
		r = server_confine("core", err);
	if (r >= 0)
		r = proc_role_ready(role, err);
	if (r >= 0)
		proc_role_wait_stop(role);
	server_certificate_done(&certificate);
	return r < 0 ? r : 0;
}
