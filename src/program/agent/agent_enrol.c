/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/file/file.h"
#include "base/json/json.h"
#include "engine/inventory/inventory.h"
#include "platform/crypto/crypto.h"
#include "program/agent/agent_identity.h"
#include "program/agent/agent_os.h"

#define ANSWER_LIMIT ((size_t)256 << 10)

/* The CA's digest that the token names. */
static int token_ca(struct str token, unsigned char ret[SHA256_SIZE], struct err *err)
{
	struct str rest = str_trim(token), version = STR_EMPTY, secret = STR_EMPTY, ca = STR_EMPTY;
	char bytes[64];
	struct buf out = buf_fixed(bytes, sizeof bytes);
	bool good = token.n < 512 && str_split(&rest, '.', &version) && str_split(&rest, '.', &secret) &&
	            str_split(&rest, '.', &ca) && rest.p == NULL && str_eq(version, STR("lt1")) && secret.n >= 16 &&
	            buf_append_base64_decoded(&out, ca) && out.n == SHA256_SIZE;
	if (!good)
		return err_set(err, -EINVAL, "agent.token_malformed");
	memcpy(ret, out.p, SHA256_SIZE);
	return 0;
}

int agent_refused(const struct http_client_response *res, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)4 << 20);
	const struct json *j = NULL;
	struct str key = STR(""), detail = STR("");
	if (res->body.n < ANSWER_LIMIT && json_parse(arena, buf_str(&res->body), NULL, &j, NULL) >= 0) {
		key = json_get_str(j, "key", key);
		detail = json_get_str(j, "detail", detail);
	}
	int code = res->status == 401 || res->status == 403 ? -EACCES : res->status >= 500 || res->status == 429 ? -EAGAIN : -EPROTO;
	return err_set(err, code, "agent.refused", ARG_I64("status", res->status), ARG_STR("key", str_sub(key, 0, 64)),
	               ARG_STR("detail", str_sub(detail, 0, 200)));
}

static int fetch(struct http_client *client, const char *path, struct buf *out, struct err *err)
{
	struct http_client_response res = {0};
	int r = http_client_do(client, &(struct http_client_request){.path = path}, &res, err);
	if (r >= 0 && res.status != 200)
		r = agent_refused(&res, err);
	if (r >= 0)
		buf_append(out, buf_str(&res.body));
	http_client_response_done(&res);
	return r;
}

int agent_fetch_bundle_key(struct http_client *client, struct buf *ret_pem, struct err *err)
{
	int r = fetch(client, "/agent/v1/bundle-key", ret_pem, err);
	struct crypto_key *key = NULL;
	if (r >= 0)
		r = crypto_key_from_pem(buf_str(ret_pem), &key, err);
	crypto_key_free(key);
	return r;
}

/* The CA certificate, proven by the fingerprint that came with the token by another way. */
static int fetch_ca(const struct agent_enrol_options *o, struct buf *ret_pem, struct err *err)
{
	unsigned char expected[SHA256_SIZE], given[SHA256_SIZE];
	int r = token_ca(str_c(o->token), expected, err);
	if (r < 0)
		return r;
	if (o->ca_fingerprint != NULL &&
	    (!str_parse_hex(str_c(o->ca_fingerprint), given, sizeof given) || memcmp(given, expected, sizeof given) != 0))
		return err_set(err, -EINVAL, "agent.fingerprint_differs");
	struct http_client *client = NULL;
	struct http_client_config config = {.base_url = o->server, .verify_off = true, .response_limit_bytes = ANSWER_LIMIT};
	r = http_client_new(&config, &client, err);
	if (r >= 0)
		r = fetch(client, "/agent/v1/ca", ret_pem, err);
	http_client_free(client);
	struct crypto_cert_info info;
	if (r >= 0)
		r = crypto_cert_info(buf_str(ret_pem), &info, err);
	if (r >= 0 && (!str_parse_hex(str_c(info.sha256_hex), given, sizeof given) ||
	               memcmp(given, expected, sizeof given) != 0))
		r = err_set(err, -EBADMSG, "agent.ca_mismatch", ARG_CSTR("server", o->server));
	return r;
}

static void enrol_body(const char *token, struct str csr, struct buf *out)
{
	char hostname[256];
	struct buf machine = BUF_INIT((size_t)256 << 10);
	struct json_writer w = json_writer_init(out);
	inventory_hostname(hostname, sizeof hostname);
	json_object(&w);
	json_member_str(&w, "token", str_trim(str_c(token)));
	json_member_str(&w, "csr", csr);
	json_member_cstr(&w, "hostname", hostname);
	json_name(&w, "machine");
	if (inventory_machine("", &machine, NULL) >= 0)
		json_raw(&w, buf_str(&machine));
	else
		json_raw(&w, STR("{}"));
	json_object_end(&w);
	buf_done(&machine);
}

static int post(struct http_client *client, const char *path, struct str body, int status,
                struct http_client_response *res, struct err *err)
{
	struct http_client_request req = {.method = "POST", .path = path, .body = body, .content_type = "application/json"};
	int r = http_client_do(client, &req, res, err);
	return r >= 0 && res->status != status ? agent_refused(res, err) : r;
}

/* A certificate of the server must be for our key and from our CA. */
static int check_certificate(struct str cert, const char *ca_pem, struct err *err)
{
	return crypto_cert_verify(cert, str_c(ca_pem), clock_now(), err);
}

static int take_answer(const struct agent_enrol_options *o, struct str answer, struct agent_identity *id, struct err *err)
{
	const struct json *j = NULL;
	int r = json_parse(id->arena, arena_str(id->arena, answer), NULL, &j, err);
	if (r < 0)
		return r;
	struct str cert = json_get_str(j, "certificate", STR_EMPTY), endpoint = json_get_str(j, "endpoint_id", STR_EMPTY);
	struct uuid parsed;
	if (cert.n == 0 || !uuid_parse(endpoint, &parsed))
		return err_set(err, -EPROTO, "agent.bad_answer", ARG_CSTR("server", o->server));
	id->cert_pem = arena_cstr(id->arena, cert);
	id->endpoint_id = arena_cstr(id->arena, endpoint);
	return check_certificate(cert, id->ca_pem, err);
}

static int make_request(struct agent_identity *id, struct buf *ret_csr, struct err *err)
{
	char hostname[256];
	struct crypto_key *key = NULL;
	cleanup_buf_secret struct buf pem = BUF_INIT(4096);
	inventory_hostname(hostname, sizeof hostname);
	hostname[63] = '\0'; /* ub-common-name is 64 (RFC 5280) */
	int r = crypto_key_generate(&key, err);
	if (r >= 0)
		r = crypto_key_private_pem(key, &pem, err);
	if (r >= 0)
		r = crypto_csr(key, hostname[0] != '\0' ? hostname : "endpoint", ret_csr, err);
	crypto_key_free(key);
	id->key_pem = r >= 0 ? arena_cstr(id->arena, buf_str(&pem)) : NULL;
	return r;
}

static int enrol_over(struct http_client *client, const struct agent_enrol_options *o, struct agent_identity *id,
                      struct err *err)
{
	cleanup_buf struct buf csr = BUF_INIT(16384), body = BUF_INIT((size_t)512 << 10), bundle_key = BUF_INIT(4096);
	struct http_client_response res = {0};
	int r = make_request(id, &csr, err);
	if (r < 0)
		return r;
	enrol_body(o->token, buf_str(&csr), &body);
	r = post(client, "/agent/v1/enrol", buf_str(&body), 201, &res, err);
	if (r >= 0)
		r = take_answer(o, buf_str(&res.body), id, err);
	http_client_response_done(&res);
	if (r < 0)
		return r;
	/* Not there yet on a young server: asked for again at each check-in. */
	id->bundle_key_pem = agent_fetch_bundle_key(client, &bundle_key, NULL) >= 0 ? arena_cstr(id->arena, buf_str(&bundle_key)) : "";
	return agent_identity_store(o->state_dir, id, err);
}

int agent_enrol(const struct agent_enrol_options *o, struct err *err)
{
	cleanup(agent_identity) struct agent_identity *old = NULL;
	if (!o->force && agent_identity_load(o->state_dir, &old, NULL) != -ENOENT)
		return err_set(err, -EEXIST, "agent.already_enrolled", ARG_CSTR("dir", o->state_dir));
	int r = agent_os_make_private_dir(o->state_dir, err);
	cleanup(agent_identity) struct agent_identity *id = MEM_NEW(struct agent_identity);
	id->arena = arena_new((size_t)4 << 20);
	cleanup_buf struct buf ca = BUF_INIT(ANSWER_LIMIT);
	if (r >= 0)
		r = fetch_ca(o, &ca, err);
	if (r < 0)
		return r;
	id->server = o->server;
	id->events = o->events;
	id->any_name = o->any_name;
	id->ca_pem = arena_cstr(id->arena, buf_str(&ca));
	struct http_client *client = NULL;
	struct http_client_config config = {
		.base_url = o->server,
		.ca_pem = id->ca_pem,
		.verify_name_off = o->any_name,
		.response_limit_bytes = ANSWER_LIMIT,
	};
	r = http_client_new(&config, &client, err);
	if (r >= 0)
		r = enrol_over(client, o, id, err);
	http_client_free(client);
	return r;
}

int agent_renew_if_due(const char *state_dir, const struct agent_identity *id, usec_t now, struct err *err)
{
	struct crypto_cert_info info;
	int r = crypto_cert_info(str_c(id->cert_pem), &info, err);
	if (r < 0 || info.not_after - now > (info.not_after - info.not_before) / 3)
		return r < 0 ? r : 0;
	struct agent_identity next = *id;
	cleanup(arena) struct arena *arena = arena_new((size_t)4 << 20);
	next.arena = arena;
	cleanup_buf struct buf csr = BUF_INIT(16384), body = BUF_INIT(65536);
	struct http_client *client = NULL;
	struct http_client_response res = {0};
	r = make_request(&next, &csr, err);
	if (r >= 0)
		r = agent_identity_client(id, id->server, 60, &client, err);
	if (r < 0)
		return r;
	struct json_writer w = json_writer_init(&body);
	json_object(&w);
	json_member_str(&w, "csr", buf_str(&csr));
	json_object_end(&w);
	const struct json *j = NULL;
	r = post(client, "/agent/v1/renew", buf_str(&body), 200, &res, err);
	if (r >= 0)
		r = json_parse(arena, buf_str(&res.body), NULL, &j, err);
	if (r >= 0) {
		struct str cert = json_get_str(j, "certificate", STR_EMPTY);
		next.cert_pem = arena_cstr(arena, cert);
		r = check_certificate(cert, id->ca_pem, err);
	}
	if (r >= 0)
		r = agent_identity_store(state_dir, &next, err);
	http_client_free(client);
	http_client_response_done(&res);
	return r < 0 ? r : 1;
}
