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
	assert_true(json_get_int(j, "rejected_total", -1) == rejected);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(who_may_send, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(batches, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bad_requests, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
