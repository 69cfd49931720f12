/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Who may call what on the agents' listener: every route × who comes. What TLS hands to the gate is put together here;
 * TLS itself is platform/http's test. A route without a row in `rows` fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/http/http_parse.h"
#include "service/gate/gate_test_support.h"

/* NOT_TRUSTED: TLS refused the certificate. UNKNOWN: the CA's, but of no machine here. SESSION: an administrator's cookie. */
enum caller { NOTHING, NOT_TRUSTED, UNKNOWN, RETIRED, SESSION, MACHINE, CALLER__COUNT };
static const char *const caller_names[] = {"nothing", "not trusted", "unknown", "retired", "session", "machine"};

static const struct {
	const char *method, *path, *body;
	int expected[CALLER__COUNT]; /* 0: anything but 401 and 403 */
} rows[] = {
	/* Public: a machine that is not enrolled yet has no certificate; the token and the fingerprint protect these. */
	{"GET", "/agent/v1/ca", NULL, {0}},
	{"POST", "/agent/v1/enrol", "{\"token\":\"x\",\"csr\":\"x\",\"hostname\":\"x\",\"machine\":{}}", {0}},
	/* Public: a cache fetches for machines; whoever knows the SHA-256 of a piece may have it. */
	{"GET", "/agent/v1/chunks/{name}", NULL, {0}},
	/* For machines alone. */
	{"POST", "/agent/v1/checkin", "{\"agent_version\":\"1\",\"protocol\":1,\"boot_id\":\"b\"}", {401, 401, 401, 401, 401, 0}},
	{"POST", "/agent/v1/renew", "{\"csr\":\"x\"}", {401, 401, 401, 401, 401, 0}},
	{"GET", "/agent/v1/bundles/{version}", NULL, {401, 401, 401, 401, 401, 0}},
	{"GET", "/agent/v1/bundles/{version}/head", NULL, {401, 401, 401, 401, 401, 0}},
	{"POST", "/agent/v1/files", "{\"files\":{}}", {401, 401, 401, 401, 401, 0}},
	{"GET", "/agent/v1/bundle-keys/{number}", NULL, {401, 401, 401, 401, 401, 0}},
	{"GET", "/agent/v1/bundle-key", NULL, {401, 401, 401, 401, 401, 0}},
};

static struct {
	struct rig rig;
	struct buf certificates[CALLER__COUNT]; /* DER */
} t;

static const struct http_route *find_route(const char *method, const char *path)
{
	for (const struct http_route *r = gate_routes(t.rig.gate, LISTENER_AGENT); r->method != NULL; r++) {
		if (strcmp(r->method, method) == 0 && strcmp(r->path, path) == 0)
			return r;
	}
	fail_msg("no route %s %s on the agents' listener", method, path);
	return NULL;
}

/* The body of the answer goes to `answer` (may be NULL). */
static int call(enum caller caller, const char *method, const char *path, const char *body, struct buf *answer)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct http_pair headers[] = {{STR("Content-Type"), STR("application/json")}, {STR("X-Luytre-Request"), STR("1")}};
	struct http_fields fields = {.headers = {headers, ARRAY_LEN(headers)}};
	if (caller == SESSION)
		http_parse_cookies(arena, str_c(t.rig.cookie), &fields.cookies);
	struct http_request req = {.arena = arena, .method = method, .path = str_c(path), .body = str_c(body), .peer = STR("10.0.0.1"),
	                           .client_cert_der = buf_str(&t.certificates[caller]),
	                           .client_cert_refused = caller == NOT_TRUSTED, .connection = &fields};
	struct http_response res = {.file_fd = -1, .body = BUF_INIT(BUF_DEFAULT_MAX)};
	req.route = find_route(method, path);
	req.params[0].name = STR("version");
	req.params[0].value = STR("1");
	req.route->handler(&req, &res, t.rig.gate);
	if (answer != NULL)
		buf_append(answer, buf_str(&res.body));
	if (res.file_fd >= 0)
		(void)close(res.file_fd);
	buf_done(&res.body);
	return res.status != 0 ? res.status : 200;
}

static const char *new_csr(struct arena *arena)
{
	struct err err = {.code = 0};
	cleanup_buf struct buf csr = BUF_INIT(10000);
	cleanup(crypto_key) struct crypto_key *key = NULL;
	rig_must(crypto_key_generate(&key, &err), &err);
	rig_must(crypto_csr(key, "pc", &csr, &err), &err);
	return arena_cstr(arena, buf_str(&csr));
}

static void pem_to_der(struct str pem, struct buf *out)
{
	struct str line;
	buf_clear(out);
	while (str_split(&pem, '\n', &line)) {
		if (line.n > 0 && line.p[0] != '-')
			assert_true(buf_append_base64_decoded(out, str_trim(line)));
	}
}

static void keep_certificate(enum caller caller, struct str pem)
{
	pem_to_der(pem, &t.certificates[caller]);
}

static void enrol(enum caller caller, char ret_id[UUID_TEXT_SIZE])
{
	cleanup(arena) struct arena *arena = arena_new(0);
	char unit[UUID_TEXT_SIZE];
	rig_root(&t.rig, unit);
	rig_expect(&t.rig, "POST", "/api/v1/enrolment-tokens", arena_printf(arena, "{\"unit_id\":\"%s\"}", unit).p, 201, NULL);
	cleanup_buf struct buf body = BUF_INIT(32768), answer = BUF_INIT(32768);
	struct json_writer w = json_writer_init(&body);
	json_object(&w);
	json_member_str(&w, "token", json_get_str(rig_json(&t.rig, arena), "token", STR("")));
	json_member_cstr(&w, "csr", new_csr(arena));
	json_member_cstr(&w, "hostname", caller_names[caller]);
	json_name(&w, "machine");
	json_object(&w);
	json_member_cstr(&w, "id", caller_names[caller]);
	json_member_cstr(&w, "os", "linux");
	json_object_end(&w);
	json_object_end(&w);
	if (call(NOTHING, "POST", "/agent/v1/enrol", arena_cstr(arena, buf_str(&body)), &answer) != 201)
		fail_msg("enrol: %.*s", STR_FMT(buf_str(&answer)));
	const struct json *j = NULL;
	assert_int_equal(json_parse(arena, buf_str(&answer), NULL, &j, NULL), 0);
	keep_certificate(caller, json_get_str(j, "certificate", STR("")));
	str_copy_c(json_get_str(j, "endpoint_id", STR("")), ret_id, UUID_TEXT_SIZE);
}

static void set_up(struct db *db)
{
	struct err err = {.code = 0};
	char id[UUID_TEXT_SIZE], path[100];
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf pem = BUF_INIT(10000);
	rig_start(&t.rig, db, NULL);
	for (size_t i = 0; i < CALLER__COUNT; i++)
		t.certificates[i] = BUF_INIT(10000);
	assert_int_equal(rig_set_up(&t.rig), 201);
	enrol(RETIRED, id);
	(void)snprintf(path, sizeof path, "/api/v1/endpoints/%s", id);
	t.rig.etag = "*";
	assert_true(rig_send(&t.rig, "DELETE", path, NULL) < 300);
	enrol(MACHINE, id);
	rig_must(rig_sign_csr(&t.rig.keys, str_c(new_csr(arena)), id, true, NULL, rig_time + USEC_PER_DAY, &pem, &err), &err);
	keep_certificate(UNKNOWN, buf_str(&pem));
}

static void check_complete(void)
{
	size_t count = 0;
	for (size_t s = 0; s < ARRAY_LEN(rig_services); s++) {
		for (const struct service_route *r = rig_services[s]->routes; r != NULL && r->method != NULL; r++) {
			if (r->listener != LISTENER_AGENT)
				continue;
			bool found = false;
			for (size_t i = 0; i < ARRAY_LEN(rows) && !found; i++) {
				found = strcmp(r->method, rows[i].method) == 0 && strcmp(r->path, rows[i].path) == 0;
				if (found)
					assert_string_equal(r->permission, rows[i].expected[NOTHING] == 0 ? SERVICE_PUBLIC : SERVICE_AGENT);
			}
			if (!found)
				fail_msg("%s %s has no row in the agents' permission matrix", r->method, r->path);
			count++;
		}
	}
	assert_int_equal(count, ARRAY_LEN(rows));
}

static void matrix(struct db *db, const char *url)
{
	(void)url;
	unsigned faults = 0;
	set_up(db);
	check_complete();
	assert_int_equal(rig_send(&t.rig, "GET", "/api/v1/session", NULL), 200); /* the cookie is good */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int who = 0; who < CALLER__COUNT; who++) {
			int got = call((enum caller)who, rows[i].method, rows[i].path, rows[i].body, NULL), expected = rows[i].expected[who];
			bool refused = got == 401 || got == 403;
			if (got < 500 && (expected == 0 ? !refused : got == expected))
				continue;
			(void)fprintf(stderr, "%s %s by %s: %d instead of %d\n", rows[i].method, rows[i].path, caller_names[who], got, expected);
			faults++;
		}
	}
	for (size_t i = 0; i < CALLER__COUNT; i++)
		buf_done(&t.certificates[i]);
	rig_stop(&t.rig);
	assert_int_equal(faults, 0);
}

static void each_matrix(void **state)
{
	(void)state;
	db_test_each(matrix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_matrix)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
