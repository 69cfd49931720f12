/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * gate_test_support: a whole core in a test: every service behind the gate and
 * a real HTTP server on a loopback port, a clock of the test's own, and one
 * call that sends a request.
 *
 * For test programs only. cmocka's headers come before this one.
 */
#pragma once
#include <ftw.h>

#include "base/log/log.h"
#include "engine/table/table.h"
#include "platform/db/db_test_support.h"
#include "platform/crypto/crypto.h"
#include "platform/http/http_client.h"
#include "service/account/account.h"
#include "service/alert/alert.h"
#include "service/approval/approval.h"
#include "service/audit/audit.h"
#include "service/endpoint/endpoint.h"
#include "service/event/event_search.h"
#include "service/gate/gate.h"
#include "service/history/history.h"
#include "service/incident/incident.h"
#include "service/isolation/isolation.h"
#include "service/metrics/metrics.h"
#include "service/outbox/outbox.h"
#include "service/protection/protection.h"
#include "service/rule/rule.h"
#include "service/shift/shift.h"
#include "service/sighting/sighting.h"
#include "service/source/source.h"
#include "service/status/status.h"
#include "service/timeline/timeline.h"
#include "service/unit/unit.h"

extern const struct msg_catalogue msg_catalogue_all;

static const struct service *const rig_services[] = {
#define SERVICE(name) &name##_service,
#include "service/service.def"
#undef SERVICE
};

#define RIG_PASSWORD "mot mat khau dai"

/* The clock stands still until a test moves it. */
static _Atomic usec_t rig_time; /* read by the threads of the gate */
static inline usec_t rig_now(void)
{
	return rig_time;
}

static inline void rig_must(int r, const struct err *err)
{
	if (r < 0)
		db_test_fail("unexpected", err);
}

/* Keys of the test's own, in place of the key role. */
/* What the worker does, without its process. */
static inline int rig_table_read(void *ctx, struct str file, struct buf *ret, struct err *err)
{
	(void)ctx;
	return table_read(file, ret, err);
}

static inline int rig_table_write(void *ctx, struct str packed, struct buf *ret, struct err *err)
{
	(void)ctx;
	return table_write(packed, ret, err);
}

static const struct service_worker rig_worker = {.table_read = rig_table_read, .table_write = rig_table_write};

struct rig_keys {
	struct crypto_key *ca_key, *bundle_key;
	struct buf ca_pem;
	struct service_keys service;
};

static inline int rig_sign_csr(void *ctx, struct str csr_pem, const char *common_name, bool client,
                               const char *const *dns_names, usec_t not_after, struct buf *ret, struct err *err)
{
	const struct rig_keys *k = ctx;
	const struct crypto_cert_request req = {.csr_pem = csr_pem, .common_name = common_name,
	                                        .use = client ? CRYPTO_CERT_CLIENT : CRYPTO_CERT_SERVER,
	                                        .dns_names = dns_names, .not_before = rig_time - USEC_PER_HOUR,
	                                        .not_after = not_after};
	return crypto_cert_issue(&req, buf_str(&k->ca_pem), k->ca_key, ret, err);
}

static inline int rig_sign_bundle(void *ctx, struct str manifest, struct buf *ret, struct err *err)
{
	return crypto_sign(((const struct rig_keys *)ctx)->bundle_key, manifest, ret, err);
}

static inline int rig_ca_pem(void *ctx, struct buf *ret, struct err *err)
{
	(void)err;
	buf_append(ret, buf_str(&((const struct rig_keys *)ctx)->ca_pem));
	return 0;
}

static inline int rig_bundle_public(void *ctx, struct buf *ret, struct err *err)
{
	return crypto_key_public_pem(((const struct rig_keys *)ctx)->bundle_key, ret, err);
}

static inline void rig_keys_init(struct rig_keys *k)
{
	struct err err = {.code = 0};
	cleanup_buf struct buf csr = BUF_INIT(10000);
	*k = (struct rig_keys){.ca_pem = BUF_INIT(10000)};
	rig_must(crypto_key_generate(&k->ca_key, &err), &err);
	rig_must(crypto_key_generate(&k->bundle_key, &err), &err);
	rig_must(crypto_csr(k->ca_key, "test CA", &csr, &err), &err);
	const struct crypto_cert_request req = {.csr_pem = buf_str(&csr), .common_name = "test CA", .use = CRYPTO_CERT_CA,
	                                        .not_before = rig_time - USEC_PER_DAY,
	                                        .not_after = rig_time + 400 * USEC_PER_DAY};
	rig_must(crypto_cert_issue(&req, STR_EMPTY, k->ca_key, &k->ca_pem, &err), &err);
	k->service = (struct service_keys){k, rig_sign_csr, rig_sign_bundle, rig_ca_pem, rig_bundle_public};
}

static inline void rig_keys_done(struct rig_keys *k)
{
	crypto_key_free(k->ca_key);
	crypto_key_free(k->bundle_key);
	buf_done(&k->ca_pem);
}

struct rig {
	struct db *db;
	struct rig_keys keys;
	struct job_runner *jobs;
	char data_dir[32];
	struct service_context sc;
	struct gate *gate;
	struct http_server *server;
	struct http_client *client;
	struct http_client_response res; /* of the last request */
	char packs[512], base[64];
	char cookie[256]; /* sent when not empty; taken from Set-Cookie */
	char token[128];  /* sent as bearer when not empty */
	const char *etag; /* If-Match of the next request only */
	const char *header; /* a further header of the next request only */
	bool no_request_header;
};

static inline void rig_start(struct rig *rig, struct db *db, const struct gate_folder *folders)
{
	struct err err = {.code = 0};
	const char *source = getenv("LUYTRE_SOURCE");
	*rig = (struct rig){.db = db};
	(void)snprintf(rig->packs, sizeof rig->packs, "%s/packs", source != NULL ? source : ".");
	rig_time = 1795244400 * USEC_PER_SEC; /* 2026-11-21 */
	(void)snprintf(rig->data_dir, sizeof rig->data_dir, "/tmp/luytre-data-XXXXXX");
	if (mkdtemp(rig->data_dir) == NULL)
		abort();
	rig_keys_init(&rig->keys);
	rig->jobs = job_runner_new(1);
	rig->sc = (struct service_context){.db = db, .messages = &msg_catalogue_all, .now = rig_now, .packs_dir = rig->packs,
	                                   .data_dir = rig->data_dir, .keys = &rig->keys.service, .worker = &rig_worker, .jobs = rig->jobs};
	rig_must(gate_prepare(&rig->sc, rig_services, ARRAY_LEN(rig_services), &err), &err);
	const struct gate_config config = {.service = &rig->sc, .services = rig_services,
	                                   .service_count = ARRAY_LEN(rig_services), .folders = folders, .version = "test"};
	rig_must(gate_new(&config, &rig->gate, &err), &err);
	const struct http_config http = {.address = "127.0.0.1", .routes = gate_routes(rig->gate, LISTENER_CONSOLE),
	                                 .context = rig->gate, .fallback = gate_fallback};
	rig_must(http_server_start(&http, &rig->server, &err), &err);
	rig_must(gate_start(rig->gate, &err), &err);
	(void)snprintf(rig->base, sizeof rig->base, "http://127.0.0.1:%u", http_server_port(rig->server));
	const struct http_client_config client = {.base_url = rig->base};
	rig_must(http_client_new(&client, &rig->client, &err), &err);
}

static inline int rig_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void rig_stop(struct rig *rig)
{
	http_client_response_done(&rig->res);
	http_client_free(rig->client);
	gate_stop(rig->gate);
	http_server_stop(rig->server);
	gate_free(rig->gate);
	job_runner_free(rig->jobs);
	rig_keys_done(&rig->keys);
	(void)nftw(rig->data_dir, rig_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Sends a request; the answer is in rig->res. Returns the status. */
/* `body` may hold any bytes; empty: none. */
static inline int rig_send_bytes(struct rig *rig, const char *method, const char *path, struct str body)
{
	struct err err = {.code = 0};
	char cookie[320], bearer[192], match[64];
	const char *headers[8];
	size_t n = 0;
	if (!rig->no_request_header)
		headers[n++] = "X-Luytre-Request: 1";
	if (rig->cookie[0] != '\0') {
		(void)snprintf(cookie, sizeof cookie, "Cookie: %s", rig->cookie);
		headers[n++] = cookie;
	}
	if (rig->token[0] != '\0') {
		(void)snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", rig->token);
		headers[n++] = bearer;
	}
	if (rig->etag != NULL) {
		(void)snprintf(match, sizeof match, "If-Match: %s", rig->etag);
		headers[n++] = match;
	}
	if (rig->header != NULL)
		headers[n++] = rig->header;
	headers[n] = NULL;
	rig->etag = rig->header = NULL;
	const struct http_client_request req = {.method = method, .path = path, .headers = headers, .body = body,
	                                        .content_type = body.n > 0 ? "application/json" : NULL};
	rig_must(http_client_do(rig->client, &req, &rig->res, &err), &err);
	struct str set = buf_str(&rig->res.set_cookie), first;
	if (set.n > 0 && str_split(&set, ';', &first))
		str_copy_c(first, rig->cookie, sizeof rig->cookie);
	return rig->res.status;
}

/* The answer as a tree, which lives in the arena. */
static inline int rig_send(struct rig *rig, const char *method, const char *path, const char *body)
{
	return rig_send_bytes(rig, method, path, str_c(body));
}

static inline const struct json *rig_json(struct rig *rig, struct arena *arena)
{
	struct err err = {.code = 0};
	const struct json *j = NULL;
	rig_must(json_parse(arena, arena_str(arena, buf_str(&rig->res.body)), NULL, &j, &err), &err);
	return j;
}

static inline bool rig_has(const struct rig *rig, const char *text)
{
	return str_find(buf_str(&rig->res.body), str_c(text)) != SIZE_MAX;
}

/* The first "id" of the answer. */
static inline void rig_id(struct rig *rig, char out[UUID_TEXT_SIZE])
{
	cleanup(arena) struct arena *arena = arena_new(0);
	str_copy_c(json_get_str(rig_json(rig, arena), "id", STR("")), out, UUID_TEXT_SIZE);
}

/* First set-up, then the session of its administrator "admin". Returns the status. */
static inline int rig_set_up(struct rig *rig)
{
	struct err err = {.code = 0};
	char code[ACCOUNT_SETUP_CODE_SIZE], body[512];
	int needed = account_setup_begin(&rig->sc, code, &err);
	rig_must(needed, &err);
	(void)snprintf(body, sizeof body,
	               "{\"code\":\"%s\",\"login\":\"admin\",\"display_name\":\"Trần Minh Quân\",\"password\":\"" RIG_PASSWORD
	               "\",\"city_name\":\"Thành phố mẫu\"}", code);
	return rig_send(rig, "POST", "/api/v1/setup", body);
}

static inline int rig_login(struct rig *rig, const char *login, const char *password)
{
	char body[512];
	rig->cookie[0] = '\0';
	(void)snprintf(body, sizeof body, "{\"login\":\"%s\",\"password\":\"%s\"}", login, password);
	return rig_send(rig, "POST", "/api/v1/login", body);
}

static inline void rig_verify_chain(struct rig *rig)
{
	struct err err = {.code = 0};
	struct audit_verdict v;
	rig_must(audit_verify(&rig->sc, &v, &err), &err);
	assert_true(v.ok);
	assert_true(v.records > 0);
}

static inline void rig_expect(struct rig *rig, const char *method, const char *path, const char *body, int status, const char *text)
{
	int got = rig_send(rig, method, path, body);
	if (got != status || (text != NULL && !rig_has(rig, text)))
		fail_msg("%s %s: %d instead of %d (%s): %.*s", method, path, got, status, text != NULL ? text : "",
		         STR_FMT(buf_str(&rig->res.body)));
}

static inline void rig_make_unit(struct rig *rig, const char *code, const char *kind, const char *name, const char *parent,
                      char out[UUID_TEXT_SIZE])
{
	char body[512];
	(void)snprintf(body, sizeof body, "{\"code\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\",\"parent_id\":\"%s\"}", code, kind,
	               name, parent);
	rig_expect(rig, "POST", "/api/v1/units", body, 201, "\"path_names\"");
	rig_id(rig, out);
}

static inline void rig_root(struct rig *rig, char out[UUID_TEXT_SIZE])
{
	cleanup(arena) struct arena *arena = arena_new(0);
	rig_expect(rig, "GET", "/api/v1/units?kind=city", NULL, 200, NULL);
	const struct json *first = json_get(rig_json(rig, arena), "items")->child;
	str_copy_c(json_get_str(first, "id", STR("")), out, UUID_TEXT_SIZE);
}
