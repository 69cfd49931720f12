/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server_certificate.h"

#include "base/file/file.h"
#include "platform/crypto/crypto.h"

#define PEM_LIMIT ((size_t)64 << 10)

void server_certificate_init(struct server_certificate *c)
{
	*c = (struct server_certificate){BUF_INIT(PEM_LIMIT), BUF_INIT(2 * PEM_LIMIT), BUF_INIT(PEM_LIMIT)};
}

void server_certificate_done(struct server_certificate *c)
{
	buf_done_secret(&c->key_pem);
	buf_done(&c->chain_pem);
	buf_done(&c->ca_pem);
}

struct paths {
	const char *key, *cert, *names;
};

static struct paths paths_of(struct arena *arena, const struct server_config *config, const char *dir)
{
	return (struct paths){
	    .key = server_path(arena, config, arena_printf(arena, "%s/server.key.pem", dir).p),
	    .cert = server_path(arena, config, arena_printf(arena, "%s/server.pem", dir).p),
	    .names = server_path(arena, config, arena_printf(arena, "%s/server.names", dir).p),
	};
}

static void put_names(const struct server_config *config, struct buf *out)
{
	for (size_t i = 0; config->public_names[i] != NULL; i++)
		buf_printf(out, "%s\n", config->public_names[i]);
}

/* Does this key sign what this certificate verifies? The pair may be torn by a crash between two writes. */
static bool is_pair(struct str key_pem, struct str cert_pem)
{
	cleanup(crypto_key) struct crypto_key *key = NULL, *of_cert = NULL;
	cleanup_buf struct buf signature = BUF_INIT(256);
	return crypto_key_from_pem(key_pem, &key, NULL) == 0 && crypto_cert_key(cert_pem, &of_cert, NULL) == 0 &&
	       crypto_sign(key, STR("pair"), &signature, NULL) == 0 &&
	       crypto_verify(of_cert, STR("pair"), buf_str(&signature), NULL) == 0;
}

/* True when all that lies in the folder is whole and good for a while. */
static bool load(const struct server_config *config, const struct paths *p, usec_t now, struct server_certificate *c)
{
	cleanup_buf struct buf names = BUF_INIT(PEM_LIMIT), wanted = BUF_INIT(PEM_LIMIT);
	struct crypto_cert_info info;
	if (file_read(p->key, PEM_LIMIT, &c->key_pem, NULL) < 0 ||
	    file_read(p->cert, PEM_LIMIT, &c->chain_pem, NULL) < 0 || file_read(p->names, PEM_LIMIT, &names, NULL) < 0)
		return false;
	put_names(config, &wanted);
	return str_eq(buf_str(&names), buf_str(&wanted)) &&
	       crypto_cert_info(buf_str(&c->chain_pem), &info, NULL) == 0 &&
	       info.not_after > now + SERVER_CERTIFICATE_RENEW_DAYS * USEC_PER_DAY &&
	       crypto_cert_verify(buf_str(&c->chain_pem), buf_str(&c->ca_pem), now, NULL) == 0 &&
	       is_pair(buf_str(&c->key_pem), buf_str(&c->chain_pem));
}

/* What certificates call us: the first public name, as far as it fits. */
static const char *common_name(struct arena *arena, const struct server_config *config)
{
	return arena_cstr(arena, str_sub(str_c(config->public_names[0]), 0, 64));
}

static int make(struct arena *arena, const struct server_config *config, const struct server_certificate_signer *signer,
		usec_t now, struct server_certificate *c, struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	cleanup_buf struct buf csr = BUF_INIT(PEM_LIMIT);
	const char *name = common_name(arena, config);
	buf_done_secret(&c->key_pem);
	buf_clear(&c->chain_pem);
	(void)buf_reserve(&c->key_pem, 4096);
	int r = crypto_key_generate(&key, err);
	if (r == 0)
		r = crypto_key_private_pem(key, &c->key_pem, err);
	if (r == 0)
		r = crypto_csr(key, name, &csr, err);
	if (r == 0)
		r = signer->sign(signer->ctx, buf_str(&csr), name, config->public_names,
				 now + SERVER_CERTIFICATE_DAYS * USEC_PER_DAY, &c->chain_pem, err);
	if (r == 0)
		buf_append(&c->chain_pem, buf_str(&c->ca_pem));
	return r;
}

static int save(const struct server_config *config, const struct paths *p, const struct server_certificate *c,
		struct err *err)
{
	cleanup_buf struct buf names = BUF_INIT(PEM_LIMIT);
	put_names(config, &names);
	int r = file_write(p->key, buf_str(&c->key_pem), 0600, err);
	if (r == 0)
		r = file_write(p->cert, buf_str(&c->chain_pem), 0644, err);
	if (r == 0)
		r = file_write(p->names, buf_str(&names), 0644, err);
	return r;
}

int server_certificate_ensure(const struct server_config *config, const char *dir,
			      const struct server_certificate_signer *signer, usec_t now, struct server_certificate *c,
			      struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct server_certificate fresh;
	struct paths p = paths_of(arena, config, dir);
	server_certificate_init(&fresh);
	int r = signer->ca_pem(signer->ctx, &fresh.ca_pem, err);
	bool good = r == 0 && load(config, &p, now, &fresh);
	bool same = good && str_eq(buf_str(&fresh.chain_pem), buf_str(&c->chain_pem));
	if (r == 0 && !good)
		r = make(arena, config, signer, now, &fresh, err);
	if (r == 0 && !good)
		r = save(config, &p, &fresh, err);
	if (r < 0) {
		server_certificate_done(&fresh);
		return r;
	}
	server_certificate_done(c);
	*c = fresh;
	return same ? 0 : 1;
}
