/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Attempts are counted before the secret is looked at, so that parallel ones gain nothing. */
#include "service/account/account_session_http.h"

#define FORGET (1 * USEC_PER_HOUR)
#define WAIT_MAX (15 * USEC_PER_MINUTE)

static usec_t wait_after(const struct account_throttle *t, int64_t failures)
{
	if (failures < t->free)
		return 0;
	int64_t doublings = failures - t->free;
	usec_t wait = doublings < 10 ? t->first << doublings : WAIT_MAX;
	return wait < WAIT_MAX ? wait : WAIT_MAX;
}

static int count_attempt(struct db_tx *tx, const struct account_throttle *t, struct err *err)
{
	int64_t failures = 0;
	usec_t last = 0, now = account_now(t->sc);
	int r = account_db_throttle_get(tx, t->key, &failures, &last, err);
	if (r < 0)
		return r;
	if (now - last > FORGET)
		failures = 0;
	usec_t until = last + wait_after(t, failures);
	if (failures > 0 && now < until)
		return err_set(err, -EAGAIN, "account.throttled",
		               ARG_I64("retry_after_s", (until - now) / USEC_PER_SEC + 1));
	return account_db_throttle_set(tx, t->key, failures + 1, now, err);
}

static int count_both(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct account_attempt *a = ctx;
	int r = a->login.key.n > 0 ? count_attempt(tx, &a->login, err) : 0;
	return r < 0 ? r : count_attempt(tx, &a->peer, err);
}

int account_attempt_begin(const struct api_request *req, struct str login, struct account_attempt *ret, struct err *err)
{
	*ret = (struct account_attempt){
		.login = {req->service, STR_EMPTY, 5, 30 * USEC_PER_SEC},
		.peer = {req->service, arena_printf(req->arena, "peer:%.*s", STR_FMT(req->http->peer)), 20, 10 * USEC_PER_SEC},
	};
	if (login.n > 0) {
		/* A digest: what was typed may be a password in the wrong field. */
		unsigned char digest[SHA256_SIZE];
		char hex[SHA256_HEX_SIZE];
		sha256(login, digest);
		ret->login.key = arena_printf(req->arena, "login:%s", sha256_hex(digest, hex));
	}
	return db_write(req->service->db, count_both, ret, err);
}

int account_attempt_end(struct db_tx *tx, const struct account_attempt *a, struct err *err)
{
	int64_t failures = 0;
	usec_t last = 0;
	int r = a->login.key.n > 0 ? account_db_throttle_set(tx, a->login.key, 0, 0, err) : 0;
	if (r >= 0)
		r = account_db_throttle_get(tx, a->peer.key, &failures, &last, err);
	if (r >= 0 && failures > 0)
		r = account_db_throttle_set(tx, a->peer.key, failures - 1, last, err);
	return r < 0 ? r : 0;
}
