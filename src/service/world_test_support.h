/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * world_test_support: a small world for tests of service rooms: a migrated
 * database, a CA of its own, a clock that the test turns, two units with an
 * officer each and an administrator above them.
 *
 * Does not live here: calls (service_test_support.h, which includes this).
 * For test programs only. cmocka's headers come before this one.
 */
#pragma once
#include <stdio.h>

#include "platform/crypto/crypto.h"
#include "platform/db/db_test_support.h"
#include "service/account/account.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/unit/unit.h"

#define WORLD_SERVICES_MAX 12
#define WORLD_START ((usec_t)1795000000 * USEC_PER_SEC) /* 2026-11-18 */

struct world_keys {
	struct crypto_key *ca_key;
	struct buf ca_pem;
};

struct world {
	struct service_context sc;
	struct world_keys keys;
	struct service_keys key_calls;
	const struct service *services[WORLD_SERVICES_MAX];
	size_t service_count;
	struct uuid city, east, west;              /* units: east and west lie below the city */
	struct access admin, east_officer, west_officer, nobody;
	unsigned wakes, snapshots;
};

static usec_t world_clock = WORLD_START;

static inline usec_t world_now(void)
{
	return world_clock;
}

static inline void world_must(int r, const struct err *err)
{
	if (r < 0)
		db_test_fail("unexpected", err);
}

static inline int world_sign_csr(void *ctx, struct str csr_pem, const char *common_name, bool client,
                                 const char *const *dns_names, usec_t not_after, struct buf *ret, struct err *err)
{
	struct world_keys *k = ctx;
	struct crypto_cert_request req = {.csr_pem = csr_pem, .common_name = common_name, .dns_names = dns_names,
	                                  .use = client ? CRYPTO_CERT_CLIENT : CRYPTO_CERT_SERVER,
	                                  .not_before = world_clock - USEC_PER_HOUR, .not_after = not_after};
	return crypto_cert_issue(&req, buf_str(&k->ca_pem), k->ca_key, ret, err);
}

static inline int world_sign_bundle(void *ctx, struct str manifest, struct buf *ret, struct err *err)
{
	return crypto_sign(((struct world_keys *)ctx)->ca_key, manifest, ret, err);
}

static inline int world_ca_pem(void *ctx, struct buf *ret, struct err *err)
{
	(void)err;
	buf_append(ret, buf_str(&((struct world_keys *)ctx)->ca_pem));
	return 0;
}

static inline int world_bundle_pem(void *ctx, struct buf *ret, struct err *err)
{
	return crypto_key_public_pem(((struct world_keys *)ctx)->ca_key, ret, err);
}

static inline void world_count(void *ctx)
{
	__atomic_add_fetch((unsigned *)ctx, 1, __ATOMIC_RELAXED);
}

static inline void world_make_ca(struct world *w)
{
	struct err err = {.code = 0};
	cleanup_buf struct buf csr = BUF_INIT(8192);
	w->keys.ca_pem = BUF_INIT(8192);
	world_must(crypto_key_generate(&w->keys.ca_key, &err), &err);
	world_must(crypto_csr(w->keys.ca_key, "Test CA", &csr, &err), &err);
	struct crypto_cert_request req = {.csr_pem = buf_str(&csr), .common_name = "Test CA", .use = CRYPTO_CERT_CA,
	                                  .not_before = world_clock - USEC_PER_DAY,
	                                  .not_after = world_clock + 3650 * USEC_PER_DAY};
	world_must(crypto_cert_issue(&req, STR_EMPTY, w->keys.ca_key, &w->keys.ca_pem, &err), &err);
	w->key_calls = (struct service_keys){.ctx = &w->keys, .sign_csr = world_sign_csr, .sign_bundle = world_sign_bundle,
	                                     .ca_pem = world_ca_pem, .bundle_public_pem = world_bundle_pem};
}

static inline struct access world_account(struct db_tx *tx, struct world *w, const char *login, const struct uuid *unit,
                                          const char *role, struct err *err)
{
	static const struct access setup = {.kind = ACCESS_SYSTEM, .name = {"test", 4}};
	struct account_new a = {.login = str_c(login), .display_name = str_c(login), .unit_id = *unit};
	struct access access = {.kind = ACCESS_ACCOUNT, .unit_id = *unit, .name = str_c(login), .peer = STR("10.0.0.1"),
	                        .lang = MSG_LANG_VI};
	struct uuid grant;
	world_must(account_create(&w->sc, tx, &setup, &a, &access.account_id, err), err);
	struct account_grant g = {.account_id = access.account_id, .unit_id = *unit, .role = str_c(role)};
	world_must(account_add_grant(&w->sc, tx, &setup, &g, &grant, err), err);
	return access;
}

static inline int world_people(struct db_tx *tx, void *ctx, struct err *err)
{
	static const struct access setup = {.kind = ACCESS_SYSTEM, .name = {"test", 4}};
	struct world *w = ctx;
	struct unit_new city = {.code = STR("92"), .kind = STR("city"), .name = STR("Thành phố Thử")};
	world_must(unit_create(&w->sc, tx, &setup, &city, &w->city, err), err);
	struct unit_new east = {.code = STR("e"), .kind = STR("ward"), .name = STR("Phường Đông"), .parent_id = w->city};
	struct unit_new west = {.code = STR("w"), .kind = STR("ward"), .name = STR("Phường Tây"), .parent_id = w->city};
	world_must(unit_create(&w->sc, tx, &setup, &east, &w->east, err), err);
	world_must(unit_create(&w->sc, tx, &setup, &west, &w->west, err), err);
	/* One role that holds everything: who may do what is the gate's test; here the unit decides. */
	world_must(db_exec(tx, err, "INSERT INTO role (role, position, label_vi, label_en, shell, needs_expiry, for_machines)"
	                            " VALUES ('tester', 99, 't', 't', 'watch', 0, 0)"), err);
	for (size_t s = 0; s < w->service_count; s++) {
		for (const char *const *p = w->services[s]->permissions; p != NULL && *p != NULL; p++)
			world_must(db_exec(tx, err, "INSERT INTO role_permission (role, permission) VALUES ('tester', $1)"
			                            " ON CONFLICT DO NOTHING", DB_CSTR(*p)), err);
	}
	w->admin = world_account(tx, w, "admin", &w->city, "tester", err);
	w->east_officer = world_account(tx, w, "east", &w->east, "tester", err);
	w->west_officer = world_account(tx, w, "west", &w->west, "tester", err);
	w->nobody = world_account(tx, w, "nobody", &w->city, "finance", err);
	return 0;
}

/* `services`: the rooms under test in order of use, NULL-terminated; the ones below are put in front. */
static inline void world_init_bare(struct world *w, struct db *db, const char *data_dir, const struct service *const *services)
{
	static const struct service *const below[] = {&outbox_service, &audit_service, &unit_service, &account_service};
	struct err err = {.code = 0};
	*w = (struct world){.service_count = 0};
	world_clock = WORLD_START;
	for (size_t i = 0; i < ARRAY_LEN(below); i++)
		w->services[w->service_count++] = below[i];
	for (; *services != NULL; services++)
		w->services[w->service_count++] = *services;
	struct db_migration all[64];
	size_t count = 0;
	for (size_t i = 0; i < w->service_count; i++) {
		for (size_t m = 0; m < w->services[i]->migration_count; m++)
			all[count++] = w->services[i]->migrations[m];
	}
	world_must(db_migrate(db, all, count, &err), &err);
	world_make_ca(w);
	static const struct msg_catalogue no_texts = {.entries = NULL};
	static char packs[512];
	(void)snprintf(packs, sizeof packs, "%s/packs", getenv("LUYTRE_SOURCE"));
	w->sc = (struct service_context){.db = db, .now = world_now, .packs_dir = packs, .data_dir = data_dir,
	                                 .messages = &no_texts, .keys = &w->key_calls, .outbox_wake = world_count,
	                                 .outbox_wake_ctx = &w->wakes, .snapshot_changed = world_count,
	                                 .snapshot_changed_ctx = &w->snapshots};
	for (size_t i = 0; i < w->service_count; i++) {
		if (w->services[i]->start != NULL)
			world_must(w->services[i]->start(&w->sc, &err), &err);
	}
}

/* The same with the units and people of struct world. */
static inline void world_init(struct world *w, struct db *db, const char *data_dir, const struct service *const *services)
{
	struct err err = {.code = 0};
	world_init_bare(w, db, data_dir, services);
	world_must(db_write(db, world_people, w, &err), &err);
}

static inline void world_done(struct world *w)
{
	crypto_key_free(w->keys.ca_key);
	buf_done(&w->keys.ca_pem);
}
