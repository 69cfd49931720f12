/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/key_client.h"

#include "program/server/key_protocol.h"

#define TIMEOUT_MS   10000
#define ANSWER_LIMIT ((size_t)64 << 10)

/* Asks, and leaves the answer for reading. A refusal becomes the error that the key role named. */
static int ask(struct proc_role *role, struct proc_message *m, struct proc_message *ret_reply, struct err *err)
{
	int r = proc_role_call(role, "key", m, ret_reply, TIMEOUT_MS, err);
	if (r < 0)
		return r == -EPIPE || r == -ETIMEDOUT ? err_set(err, -EAGAIN, "server.key_away") : r;
	if (ret_reply->type == KEY_DONE)
		return 0;
	char key[ERR_KEY_SIZE];
	uint64_t code = proc_get_u64(ret_reply);
	str_copy_c(proc_get_str(ret_reply, sizeof(key) - 1), key, sizeof(key));
	bool readable = ret_reply->type == KEY_REFUSED && proc_message_complete(ret_reply) && code > 0 && code < 4096;
	proc_message_done(ret_reply);
	return readable ? err_set(err, -(int)code, key) : err_set(err, -EPROTO, "server.key_malformed");
}

/* Asks for one text. */
static int ask_text(struct proc_role *role, struct proc_message *m, struct buf *ret, struct err *err)
{
	struct proc_message reply;
	int r = ask(role, m, &reply, err);
	proc_message_done(m);
	if (r < 0)
		return r;
	struct str text = proc_get_str(&reply, ANSWER_LIMIT);
	if (proc_message_complete(&reply))
		buf_append(ret, text);
	else
		r = err_set(err, -EPROTO, "server.key_malformed");
	proc_message_done(&reply);
	return r;
}

static int sign_csr(void *ctx, struct str csr_pem, const char *common_name, bool client, const char *const *dns_names,
		    usec_t not_after, struct buf *ret_cert_pem, struct err *err)
{
	struct proc_message m = proc_message_init(KEY_SIGN_CSR);
	uint64_t count = 0;
	while (dns_names != NULL && dns_names[count] != NULL)
		count++;
	proc_put_str(&m, csr_pem);
	proc_put_u64(&m, client ? KEY_USE_CLIENT : KEY_USE_SERVER);
	proc_put_str(&m, str_c(common_name));
	proc_put_u64(&m, (uint64_t)not_after);
	proc_put_u64(&m, count);
	for (uint64_t i = 0; i < count; i++)
		proc_put_str(&m, str_c(dns_names[i]));
	return ask_text(ctx, &m, ret_cert_pem, err);
}

static int sign_bundle(void *ctx, struct str manifest, struct buf *ret_signature, struct err *err)
{
	struct proc_message m = proc_message_init(KEY_SIGN_BUNDLE);
	proc_put_str(&m, manifest);
	return ask_text(ctx, &m, ret_signature, err);
}

/* One of the three public texts. */
static int public_text(struct proc_role *role, unsigned which, struct buf *ret, struct err *err)
{
	struct proc_message m = proc_message_init(KEY_PUBLIC), reply;
	struct str texts[3];
	int r = ask(role, &m, &reply, err);
	proc_message_done(&m);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < 3; i++)
		texts[i] = proc_get_str(&reply, ANSWER_LIMIT);
	if (proc_message_complete(&reply))
		buf_append(ret, texts[which]);
	else
		r = err_set(err, -EPROTO, "server.key_malformed");
	proc_message_done(&reply);
	return r;
}

static int ca_pem(void *ctx, struct buf *ret, struct err *err)
{
	return public_text(ctx, 0, ret, err);
}

static int bundle_public_pem(void *ctx, struct buf *ret, struct err *err)
{
	return public_text(ctx, 1, ret, err);
}

struct service_keys key_client(struct proc_role *role)
{
	return (struct service_keys){.ctx = role,
				     .sign_csr = sign_csr,
				     .sign_bundle = sign_bundle,
				     .ca_pem = ca_pem,
				     .bundle_public_pem = bundle_public_pem};
}
