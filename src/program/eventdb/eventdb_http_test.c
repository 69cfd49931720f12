/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The HTTP interface over a Unix socket, in front of a small store in memory: lines inserted into a table, count() and SELECT *. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform/http/http_client.h"
#include "program/eventdb/eventdb_http.h"

struct memory_store {
	pthread_mutex_t lock;
	struct buf rows;
	struct eventdb_query last; /* scalars only: strings end with the request */
	char last_settings[512], last_params[512], last_database[64];
};

static uint64_t count_lines(struct str s)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

static void note(struct memory_store *m, const struct eventdb_query *q)
{
	m->last = *q;
	struct buf s = BUF_FIXED(m->last_settings, sizeof m->last_settings);
	for (size_t i = 0; i < q->setting_count; i++)
		buf_printf(&s, "%.*s=%.*s;", STR_FMT(q->settings[i].name), STR_FMT(q->settings[i].value));
	s = BUF_FIXED(m->last_params, sizeof m->last_params);
	for (size_t i = 0; i < q->param_count; i++)
		buf_printf(&s, "%.*s=%.*s;", STR_FMT(q->params[i].name), STR_FMT(q->params[i].value));
	str_copy_c(q->database, m->last_database, sizeof m->last_database);
}

static void store_run(void *ctx, const struct eventdb_query *q, struct eventdb_answer *a)
{
	struct memory_store *m = ctx;
	*a = (struct eventdb_answer){.body = BUF_INIT(BUF_DEFAULT_MAX)};
	(void)pthread_mutex_lock(&m->lock);
	note(m, q);
	if (q->is_insert && str_eq_c(q->sql, "INSERT INTO t")) {
		for (size_t i = 0; i < 2; i++) {
			buf_append(&m->rows, q->data[i]);
			a->written_rows += count_lines(q->data[i]);
		}
	} else if (str_starts_with(q->sql, STR("SELECT count() FROM t"))) {
		buf_printf(&a->body, "%llu\n", (unsigned long long)count_lines(buf_str(&m->rows)));
	} else if (str_starts_with(q->sql, STR("SELECT * FROM t"))) {
		buf_append(&a->body, buf_str(&m->rows));
	} else {
		a->exception_code = 60;
		buf_append_c(&a->body, "Code: 60. DB::Exception: There is no such table.");
	}
	(void)pthread_mutex_unlock(&m->lock);
}

static struct memory_store store = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct eventdb_executor executor = {&store, store_run};
static struct http_server *server;
static struct http_client *client;
static char socket_path[64];

static int set_up(void **state)
{
	(void)state;
	store.rows = BUF_INIT(BUF_DEFAULT_MAX);
	(void)snprintf(socket_path, sizeof socket_path, "/tmp/eventdb-test-%d.sock", (int)getpid());
	struct err err = {0};
	struct http_config config = {.unix_path = socket_path, .routes = eventdb_routes, .context = &executor, .fallback = eventdb_fallback};
	if (http_server_start(&config, &server, &err) < 0)
		return -1;
	struct http_client_config cc = {.base_url = "http://localhost", .unix_path = socket_path};
	return http_client_new(&cc, &client, &err);
}

static int tear_down(void **state)
{
	(void)state;
	http_client_free(client);
	http_server_stop(server);
	buf_done(&store.rows);
	return 0;
}

struct exchange {
	int status;
	char body[2000];
};

static struct exchange ask_with(const char *method, const char *path, struct str body, const char *header)
{
	const char *headers[] = {header, NULL};
	struct http_client_request req = {.method = method, .path = path, .body = body, .headers = headers};
	struct http_client_response res = {0};
	struct err err = {0};
	struct exchange x = {0};
	if (http_client_do(client, &req, &res, &err) < 0) {
		char line[500];
		fail_msg("%s: %s", path, err_line(&err, line, sizeof line));
	}
	x.status = res.status;
	str_copy_c(buf_str(&res.body), x.body, sizeof x.body);
	http_client_response_done(&res);
	return x;
}

static struct exchange ask(const char *method, const char *path, const char *body)
{
	return ask_with(method, path, str_c(body), NULL);
}

static void test_ping(void **state)
{
	(void)state;
	struct exchange x = ask("GET", "/ping", NULL);
	assert_int_equal(x.status, 200);
	assert_string_equal(x.body, "Ok.\n");
	assert_int_equal(ask("GET", "/nothing", NULL).status, 404);
}

static void test_insert_and_read(void **state)
{
	(void)state;
	assert_int_equal(ask("POST", "/?query=INSERT%20INTO%20t%20FORMAT%20JSONEachRow", "{\"a\":1}\n\n{\"a\":2}\n").status, 200);
	assert_true(store.last.is_insert);
	assert_int_equal(store.last.lane, EVENTDB_LANE_INSERT);
	assert_int_equal(ask("POST", "/", "INSERT INTO t FORMAT JSONEachRow\n{\"a\":3}\n").status, 200);
	struct exchange x = ask("POST", "/?query=SELECT%20count()", "FROM t");
	assert_string_equal(x.body, "Code: 60. DB::Exception: There is no such table.\n"); /* joined by a line break, as ClickHouse does */
	x = ask("GET", "/?query=SELECT%20count()%20FROM%20t&database=luytre&max_threads=1", NULL);
	assert_string_equal(x.body, "4\n");
	assert_true(store.last.readonly);
	assert_string_equal(store.last_database, "luytre");
	assert_string_equal(store.last_settings, "max_threads=1;");
	x = ask("POST", "/?readonly=1&workload=hunt", "SELECT * FROM t");
	assert_string_equal(x.body, "{\"a\":1}\n\n{\"a\":2}\n{\"a\":3}\n");
	assert_int_equal(store.last.lane, EVENTDB_LANE_HUNT);
	x = ask("POST", "/?param_x=a%5Ct", "SELECT * FROM t WHERE a = {x:String}");
	assert_int_equal(x.status, 200);
	assert_string_equal(store.last_params, "x=a\\t;");
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path, *body;
		int status;
		const char *begins;
	} cases[] = {
		{"POST", "/", "SELECT * FROM nowhere", 404, "Code: 60."},
		{"POST", "/", "SELECT 1; SELECT 2", 400, "Code: 62."},
		{"POST", "/", "", 400, "Code: 62."},
		{"POST", "/", "SELECT * FROM file('/etc/passwd')", 403, "Code: 164."},
		{"GET", "/?query=DROP%20TABLE%20t", NULL, 403, "Code: 164."},
		{"GET", "/?query=INSERT%20INTO%20t%20VALUES%20(1)", NULL, 403, "Code: 164."},
		{"POST", "/?readonly=1", "INSERT INTO t VALUES (1)", 403, "Code: 164."},
		{"POST", "/?readonly=2", "DROP TABLE t", 403, "Code: 164."},
		{"POST", "/?max_thread=2", "SELECT count() FROM t", 404, "Code: 115."},
		{"POST", "/?readonly=0&allow_ddl=1", "SELECT count() FROM t", 404, "Code: 115."},
		{"POST", "/", "SELECT {y:String}", 400, "Code: 456."},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct exchange x = ask(cases[i].method, cases[i].path, cases[i].body);
		if (x.status != cases[i].status || !str_starts_with(str_c(x.body), str_c(cases[i].begins)))
			fail_msg("%s %s: %d %s", cases[i].path, cases[i].body, x.status, x.body);
	}
	struct exchange x = ask_with("POST", "/", STR("not gzip"), "Content-Encoding: gzip");
	assert_int_equal(x.status, 400);
	/* A statement longer than the limit that would be complete when cut. */
	size_t n = (2 << 20);
	char *long_body = malloc(n + 1);
	memset(long_body, ' ', n);
	long_body[n] = '\0';
	memcpy(long_body + n - 20, "; DROP TABLE t      ", 20);
	x = ask("POST", "/?query=SELECT%20count()%20FROM%20t", long_body);
	assert_int_equal(x.status, 400);
	assert_non_null(strstr(x.body, "clickhouse.too_long"));
	free(long_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_insert_and_read),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
