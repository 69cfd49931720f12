/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json/json.h"
#include "platform/crypto/crypto.h"
#include "platform/http/http_client.h"
#include "program/server/ingest_http.h"

struct fixture {
	char dir[64];
	struct event_pipeline *events;
	struct http_server *server;
	struct http_client *client;
};

static bool no_alerts(void *ctx, const struct event_alert *alert)
{
	(void)ctx;
	(void)alert;
	return false;
}

static int set_up(void **state)
{
	struct fixture *f = MEM_NEW(struct fixture);
	struct event_sender sender = {.id = {{1}}, .source = "fw"};
	unsigned char digest[SHA256_SIZE];
	char url[64];
	struct buf b = BUF_FIXED(url, sizeof(url));
	str_copy_c(STR("/tmp/luytre-ingest-XXXXXX"), f->dir, sizeof(f->dir));
	if (mkdtemp(f->dir) == NULL)
		return -1;
	const struct event_pipeline_config config = {.dir = f->dir, .on_alert = no_alerts};
	if (event_pipeline_start(&config, &f->events, NULL) < 0)
		return -1;
	sha256(STR("lt_token"), digest);
	(void)sha256_hex(digest, sender.credential);
	event_pipeline_set_senders(f->events, &sender, 1);
	const struct http_config http = {
	    .address = "127.0.0.1", .routes = ingest_routes, .context = f->events, .fallback = ingest_fallback};
	if (http_server_start(&http, &f->server, NULL) < 0)
		return -1;
	buf_printf(&b, "http://127.0.0.1:%u", http_server_port(f->server));
	const struct http_client_config client = {.base_url = url};
	*state = f;
	return http_client_new(&client, &f->client, NULL);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	http_client_free(f->client);
	http_server_stop(f->server);
	event_pipeline_stop(f->events);
	/* The spool's files have names of their own; an unprivileged rm is the plainest way to be rid of them. */
	pid_t pid = fork();
	if (pid == 0)
		(void)execl("/bin/rm", "rm", "-rf", f->dir, (char *)NULL);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	mem_free(f);
	return 0;
}

static int send_body(struct fixture *f, const char *const *headers, struct str body, struct http_client_response *res)
{
	const struct http_client_request req = {.method = "POST",
						.path = "/api/v1/events",
						.headers = headers,
						.body = body,
						.content_type = "application/x-ndjson"};
	struct err err = {0};
	*res = (struct http_client_response){0};
	assert_int_equal(http_client_do(f->client, &req, res, &err), 0);
	return res->status;
}

static void assert_key(struct http_client_response *res, const char *key)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *j = NULL;
	assert_int_equal(json_parse(arena, buf_str(&res->body), NULL, &j, NULL), 0);
	assert_true(str_eq_c(json_get_str(j, "key", STR_EMPTY), key));
	http_client_response_done(res);
}

static void who_may_send(void **state)
{
	struct http_client_response res;
	static const char *const none[] = {NULL}, *const wrong[] = {"Authorization: Bearer lt_other", NULL};
	static const char *const basic[] = {"Authorization: Basic bHRfdG9rZW4=", NULL};
	static const char *const right[] = {"authorization: bearer lt_token", NULL};
	assert_int_equal(send_body(*state, none, STR("{}\n"), &res), 401);
	assert_key(&res, "server.events_no_sender");
	assert_int_equal(send_body(*state, basic, STR("{}\n"), &res), 401);
	assert_key(&res, "server.events_no_sender");
	assert_int_equal(send_body(*state, wrong, STR("{}\n"), &res), 401);
	assert_key(&res, "server.events_unknown_sender");
	assert_int_equal(send_body(*state, right, STR("{\"a\":1}\n"), &res), 200);
	http_client_response_done(&res);
}

static void counts(struct fixture *f, const char *batch, struct str body, int64_t taken, int64_t duplicates,
		   int64_t rejected)
{
	char header[128] = "X-None: 1";
	const char *const headers[] = {"Authorization: Bearer lt_token", header, NULL};
	struct http_client_response res;
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *j = NULL;
	struct buf b = BUF_FIXED(header, sizeof(header));
	buf_append_c(&b, batch != NULL ? batch : "X-None: 1");
	assert_int_equal(send_body(f, headers, body, &res), 200);
	assert_int_equal(json_parse(arena, buf_str(&res.body), NULL, &j, NULL), 0);
	assert_true(json_get_int(j, "taken", -1) == taken);
	assert_true(json_get_int(j, "duplicates", -1) == duplicates);
	assert_true(json_get_int(j, "rejected_total", -1) == (rejected < 0 ? -rejected : rejected));
	if (rejected > 0) {
		const struct json *first = json_get(j, "rejected")->child;
		assert_true(json_get_int(first, "line", -1) == 2);
		assert_true(str_eq(json_get_str(first, "key", STR_EMPTY), STR("event.syntax")));
	}
	http_client_response_done(&res);
}

static void batches(void **state)
{
	static const char numbered[] = "Luytre-Batch: 0193a5f0-0000-7000-8000-000000000001:0";
	static const char later[] = "Luytre-Batch: 0193a5f0-0000-7000-8000-000000000001:1";
	counts(*state, NULL, STR("{\"a\":1}\n{\"a\":2}\n"), 2, 0, 0);
	counts(*state, NULL, STR("{\"a\":1}\nnonsense\n{\"a\":2}\n"), 2, 0, 1);
	counts(*state, numbered, STR("{\"a\":1}\n{\"a\":2}\n"), 2, 0, 0);
	counts(*state, numbered, STR("{\"a\":1}\n{\"a\":2}\n"), 0, 2, 0);
	counts(*state, later, STR("{\"a\":2}\n{\"a\":3}\n"), 1, 1, 0);
}

static void bad_requests(void **state)
{
	static const char *const bad_batch[] = {"Authorization: Bearer lt_token", "Luytre-Batch: x", NULL};
	static const char *const bad_encoding[] = {"Authorization: Bearer lt_token", "Content-Encoding: br", NULL};
	static const char *const not_gzip[] = {"Authorization: Bearer lt_token", "Content-Encoding: gzip", NULL};
	const struct http_client_request get = {.method = "GET", .path = "/api/v1/events"}, none = {.path = "/other"};
	struct fixture *f = *state;
	struct http_client_response res = {0};
	assert_int_equal(send_body(f, bad_batch, STR("{}\n"), &res), 400);
	assert_key(&res, "event.bad_batch");
	assert_int_equal(send_body(f, bad_encoding, STR("{}\n"), &res), 501);
	http_client_response_done(&res);
	assert_int_equal(send_body(f, not_gzip, STR("{}\n"), &res), 400);
	http_client_response_done(&res);
	assert_int_equal(http_client_do(f->client, &get, &res, NULL), 0);
	assert_int_equal(res.status, 405);
	assert_key(&res, "server.events_route");
	assert_int_equal(http_client_do(f->client, &none, &res, NULL), 0);
	assert_int_equal(res.status, 404);
	http_client_response_done(&res);
}

static void keyed_batches(void **state)
{
	/* Sent again with its key a batch is taken once, whatever is in it; another key is another batch. */
	counts(*state, "Idempotency-Key: one", STR("nonsense\n{\"a\":1}\n{\"a\":2}\n") /* the first taken line carries it */, 2, 0, -1);
	counts(*state, "Idempotency-Key: one", STR("nonsense\n{\"a\":1}\n{\"a\":2}\n"), 0, 2, -1);
	counts(*state, "Idempotency-Key: two", STR("{\"a\":1}\n{\"a\":2}\n"), 2, 0, 0);
	counts(*state, NULL, STR("{\"a\":1}\n"), 1, 0, 0);
	counts(*state, NULL, STR("{\"a\":1}\n"), 1, 0, 0);
}

/* Status of a request of Elasticsearch's interface; the answer's text in `ret`. */
static int elastic(struct fixture *f, const char *method, const char *path, const char *auth, struct str body, struct buf *ret)
{
	char header[128];
	const char *const headers[] = {header, NULL};
	struct buf b = BUF_FIXED(header, sizeof(header));
	const struct http_client_request req = {
	    .method = method, .path = path, .headers = headers, .body = body, .content_type = "application/json"};
	struct http_client_response res = {0};
	struct err err = {0};
	buf_printf(&b, "Authorization: %s", auth);
	assert_int_equal(http_client_do(f->client, &req, &res, &err), 0);
	buf_clear(ret);
	buf_append(ret, buf_str(&res.body));
	int status = res.status;
	http_client_response_done(&res);
	return status;
}

#define BASIC "Basic YW55Ym9keTpsdF90b2tlbg==" /* anybody:lt_token */

static void elastic_setup(void **state)
{
	static const struct {
		const char *method, *path, *auth;
		int status;
		const char *holds;
	} rows[] = {
	    {"GET", "/", BASIC, 200, "\"number\":\"8."},
	    {"GET", "/", "ApiKey aWQ6bHRfdG9rZW4=", 200, "\"number\""},
	    {"GET", "/", "Bearer lt_token", 200, "\"number\""},
	    {"GET", "/", "Basic YW55Ym9keTpsdF9vdGhlcg==", 401, "security_exception"},
	    {"GET", "/", "Basic !!", 401, "security_exception"},
	    {"GET", "/", "Digest x", 401, "security_exception"},
	    {"GET", "/_license", BASIC, 200, "\"active\""},
	    {"GET", "/_xpack", BASIC, 200, "\"ilm\""},
	    {"HEAD", "/_index_template/filebeat-8.19.0", BASIC, 200, ""},
	    {"HEAD", "/_template/filebeat-7.17.0", BASIC, 200, ""},
	    {"GET", "/_ilm/policy/filebeat", BASIC, 200, "\"filebeat\""},
	    {"PUT", "/_index_template/filebeat", BASIC, 200, "acknowledged"},
	    {"GET", "/_ingest/pipeline/x", BASIC, 404, "resource_not_found"},
	    {"PUT", "/_ingest/pipeline/x", BASIC, 400, "illegal_argument"},
	    {"PUT", "/_ingest/pipeline/x", "Bearer lt_other", 401, "security_exception"},
	    {"POST", "/_bulk", "Bearer lt_other", 401, "security_exception"},
	};
	cleanup_buf struct buf text = BUF_INIT(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str body = strcmp(rows[i].method, "PUT") == 0 ? STR("{}") : STR_EMPTY;
		assert_int_equal(elastic(*state, rows[i].method, rows[i].path, rows[i].auth, body, &text), rows[i].status);
		assert_true(str_find(buf_str(&text), str_c(rows[i].holds)) != SIZE_MAX);
	}
}

static uint64_t taken_in_all(struct fixture *f)
{
	struct event_pipeline_stats stats;
	event_pipeline_stats(f->events, &stats);
	return stats.received;
}

static void elastic_bulks(void **state)
{
	static const char three[] = "{\"create\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"m\":1}\n"
				    "{\"create\":{\"_index\":\"a\",\"_id\":\"2\"}}\n{\"m\":2}\n"
				    "{\"create\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"m\":1}\n";
	static const char more[] = "{\"index\":{}}\n{\"m\":3}\n{\"index\":{}}\nnonsense\n{\"index\":{\"_id\":\"2\"}}\n{\"m\":2}\n";
	struct fixture *f = *state;
	cleanup_buf struct buf text = BUF_INIT(1 << 20);
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *j = NULL;
	assert_int_equal(elastic(f, "POST", "/_bulk", BASIC, str_c(three), &text), 200);
	assert_int_equal(taken_in_all(f), 2);
	assert_int_equal(elastic(f, "POST", "/_bulk", BASIC, str_c(three), &text), 200);
	assert_int_equal(taken_in_all(f), 2);
	assert_int_equal(elastic(f, "POST", "/winlogbeat-8/_bulk", BASIC, str_c(more), &text), 200);
	assert_int_equal(taken_in_all(f), 3);
	assert_int_equal(json_parse(arena, buf_str(&text), NULL, &j, NULL), 0);
	assert_true(json_get_bool(j, "errors", false));
	const struct json *items = json_get(j, "items");
	assert_int_equal(items->count, 3);
	const struct json *bad = json_get(items->child->next, "index");
	assert_true(json_get_int(bad, "status", 0) == 400);
	assert_true(str_eq(json_get_str(bad, "_index", STR_EMPTY), STR("winlogbeat-8")));
	assert_true(json_get_int(json_get(items->child, "index"), "status", 0) == 201);
	assert_int_equal(elastic(f, "POST", "/_bulk", BASIC, STR("nonsense\n"), &text), 400);
	assert_int_equal(elastic(f, "POST", "/_bulk", BASIC, STR_EMPTY, &text), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(keyed_batches, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(elastic_setup, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(elastic_bulks, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(who_may_send, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(batches, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bad_requests, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
