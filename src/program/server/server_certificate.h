/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * server_certificate: a role's TLS key, which never leaves its folder, and the
 * certificate the key role signed for it. Kept in data_dir/<dir>; made anew
 * when missing, broken, for other names, from another CA, or near its end.
 * Threads: one at a time.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/mem/mem.h"
#include "program/server/server_config.h"

#define SERVER_CERTIFICATE_DAYS       90
#define SERVER_CERTIFICATE_RENEW_DAYS 30

/* Asks for a signature; ret_ca_pem is the CA of the day. */
struct server_certificate_signer {
	void *ctx;
	int (*sign)(void *ctx, struct str csr_pem, const char *common_name, const char *const *names, usec_t not_after,
		    struct buf *ret_cert_pem, struct err *err);
	int (*ca_pem)(void *ctx, struct buf *ret, struct err *err);
};

struct server_certificate {
	struct buf key_pem;   /* secret */
	struct buf chain_pem; /* certificate, then CA */
	struct buf ca_pem;
};

void server_certificate_init(struct server_certificate *c);
void server_certificate_done(struct server_certificate *c);
/* 1: new, 0: the one in the folder still serves, negative: failed (and *c is what it was). */
int server_certificate_ensure(const struct server_config *config, const char *dir,
			      const struct server_certificate_signer *signer, usec_t now, struct server_certificate *c,
			      struct err *err) WARN_UNUSED;
