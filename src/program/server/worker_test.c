/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Core's end and the worker's end over a real socket pair, jobs in real processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file/file.h"
#include "engine/table/table.h"
#include "program/server/server_privilege.h"
#include "program/server/worker_client.h"
#include "program/server/worker_exchange.h"
#include "program/server/worker_jobs.h"
#include "program/server/worker_protocol.h"

struct pair {
	struct proc_channel *core, *worker;
	struct worker_jobs *jobs;
	pthread_t serves, routes;
};

static void *serve_worker(void *arg)
{
	struct pair *p = arg;
	(void)!proc_serve(p->worker, worker_jobs_take, p->jobs, NULL);
	return NULL;
}

static void *route_core(void *arg)
{
	struct pair *p = arg;
	(void)!proc_serve(p->core, NULL, NULL, NULL);
	return NULL;
}

static int send_answer(void *ctx, const struct proc_message *m)
{
	struct pair *p = ctx;
	return proc_send(p->worker, m, NULL);
}

static int confine_as_the_role_does(void *ctx, struct err *err)
{
	static const struct server_config config = {.database = "", .eventdb = ""};
	(void)ctx;
	return server_confine("worker-job", &config, err);
}

static int hang(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	(void)close(1); /* it seems to have ended */
	for (;;)
		(void)pause();
	return 0;
}

static int crash(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	_exit(7);
}

static void set_up(struct pair *p, usec_t time, unsigned waiting, int (*confine)(void *, struct err *))
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	*p = (struct pair){.core = proc_channel_new(fds[0]), .worker = proc_channel_new(fds[1])};
	proc_channel_accept_fds(p->worker);
	p->jobs = worker_jobs_new(
	    &(struct worker_limits){.time = time, .at_once = 1, .waiting = waiting, .confine = confine, .send = send_answer, .ctx = p});
	assert_int_equal(pthread_create(&p->serves, NULL, serve_worker, p), 0);
	assert_int_equal(pthread_create(&p->routes, NULL, route_core, p), 0);
}

static void tear_down(struct pair *p)
{
	worker_jobs_free(p->jobs);
	proc_channel_shutdown(p->core);
	proc_channel_shutdown(p->worker);
	(void)pthread_join(p->serves, NULL);
	(void)pthread_join(p->routes, NULL);
	proc_channel_free(p->core);
	proc_channel_free(p->worker);
}

static int call(void *ctx, struct proc_message *m, struct proc_message *ret_reply, struct err *err)
{
	struct pair *p = ctx;
	return proc_call(p->core, m, ret_reply, 120000, err);
}

static const char units[] = "code,name\nX1,Xã Bình An\n";

static void a_job(void **state)
{
	(void)state;
	struct pair p;
	struct err err = {0};
	struct table_rows rows;
	cleanup_buf struct buf packed = BUF_INIT(65536), file = BUF_INIT(65536), again = BUF_INIT(65536), none = BUF_INIT(65536);
	set_up(&p, USEC_PER_MINUTE, 8, confine_as_the_role_does);
	assert_int_equal(worker_client_run(call, &p, WORKER_TABLE_READ, str_c(units), &packed, &err), 0);
	assert_int_equal(worker_client_run(call, &p, WORKER_TABLE_WRITE, buf_str(&packed), &file, &err), 0);
	assert_int_equal(worker_client_run(call, &p, WORKER_TABLE_READ, buf_str(&file), &again, &err), 0);
	assert_int_equal(table_rows_begin(&rows, buf_str(&again), &err), 0);
	assert_int_equal(table_rows_next(&rows, &err), 1);
	assert_int_equal(table_rows_next(&rows, &err), 1);
	assert_true(str_eq_c(table_rows_cell(&rows, 1), "Xã Bình An"));
	/* The room's own refusal, with place and arguments. */
	assert_int_equal(worker_client_run(call, &p, WORKER_TABLE_READ, STR("a,b\n1,2\n3\n"), &none, &err), -EINVAL);
	assert_string_equal(err.key, "csv.field_count");
	assert_string_equal(err.place, "3");
	assert_int_equal(none.n, 0);
	tear_down(&p);
}

/* What rules need of libraries under the job's filter: unpacking, YAML, Hyperscan, PCRE2. */
static void rule_jobs(void **state)
{
	(void)state;
	static const char rule[] = "{\"events\":[\"{\\\"CommandLine\\\":\\\"x\\\"}\"]}\n"
				   "title: T\nlogsource: {product: windows}\n"
				   "detection:\n  s: {CommandLine|re: '(?<!y)x+', B|contains: [ab, cd]}\n  condition: s\n";
	/* gzip of a tar with "a.yml": made by the corpus of engine/rulebook. */
	char path[512];
	struct pair p;
	struct err err = {0};
	cleanup_buf struct buf input = BUF_INIT(65536), out = BUF_INIT(1 << 20);
	(void)snprintf(path, sizeof(path), "%s/fuzz/corpus/rulebook_archive/good.tar.gz", getenv("LUYTRE_SOURCE"));
	buf_append_c(&input, "{\"name\":\"x\"}\n");
	assert_int_equal(file_read(path, 60000, &input, &err), 0);
	set_up(&p, USEC_PER_MINUTE, 8, confine_as_the_role_does);
	assert_int_equal(worker_client_run(call, &p, WORKER_RULES_READ, buf_str(&input), &out, &err), 0);
	assert_true(str_starts_with(buf_str(&out), STR("{\"files\":1,\"documents\":1,\"refused\":0")));
	buf_clear(&out);
	assert_int_equal(worker_client_run(call, &p, WORKER_RULES_CHECK, str_c(rule), &out, &err), 0);
	assert_true(str_starts_with(buf_str(&out), STR("{\"ok\":true")));
	buf_clear(&out);
	assert_int_equal(worker_client_run(call, &p, WORKER_RULES_INDICATORS, STR("{}\nevil[.]example\n"), &out, &err), 0);
	assert_true(str_ends_with(buf_str(&out), STR("domain\tevil.example\n")));
	tear_down(&p);
}

static void expect_failure(usec_t time, int (*confine)(void *, struct err *), int code, const char *key)
{
	struct pair p;
	struct err err = {0};
	cleanup_buf struct buf packed = BUF_INIT(65536);
	set_up(&p, time, 8, confine);
	int r = worker_client_run(call, &p, WORKER_TABLE_READ, str_c(units), &packed, &err);
	assert_string_equal(err.key, key);
	assert_int_equal(r, code);
	/* And the next one is served, be it with the same end. */
	assert_int_equal(worker_client_run(call, &p, WORKER_TABLE_READ, str_c(units), &packed, &err), code);
	tear_down(&p);
}

static void bad_ends(void **state)
{
	(void)state;
	expect_failure(USEC_PER_MINUTE, crash, -EINVAL, "worker.died");
	expect_failure(USEC_PER_MINUTE, hang, -EINVAL, "worker.died");
}

static int sleep_long(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	for (;;)
		(void)pause();
	return 0;
}

static void too_slow(void **state)
{
	(void)state;
	expect_failure(100 * USEC_PER_MS, sleep_long, -E2BIG, "worker.too_slow");
}

static int killed_meanwhile(void *ctx, struct proc_message *m, struct proc_message *ret_reply, struct err *err)
{
	struct pair *p = ctx;
	proc_channel_shutdown(p->worker);
	return proc_call(p->core, m, ret_reply, 120000, err);
}

/* The role itself is killed: said so, and that nothing was changed. */
static void the_role_dies(void **state)
{
	(void)state;
	struct pair p;
	struct err err = {0};
	cleanup_buf struct buf packed = BUF_INIT(65536);
	set_up(&p, USEC_PER_MINUTE, 8, NULL);
	assert_int_equal(worker_client_run(killed_meanwhile, &p, WORKER_TABLE_READ, str_c(units), &packed, &err), -EAGAIN);
	assert_string_equal(err.key, "worker.away");
	tear_down(&p);
}

/* No room at all: refused at once. */
static void too_many(void **state)
{
	(void)state;
	struct pair p;
	struct err err = {0};
	cleanup_buf struct buf packed = BUF_INIT(65536);
	set_up(&p, USEC_PER_MINUTE, 0, NULL);
	assert_int_equal(worker_client_run(call, &p, WORKER_TABLE_READ, str_c(units), &packed, &err), -EAGAIN);
	assert_string_equal(err.key, "worker.busy");
	tear_down(&p);
}

/* What core must not believe. */
static void hostile_results(void **state)
{
	(void)state;
	struct err err = {0}, left = {0};
	struct worker_exchange x;
	int fd = -1;
	cleanup_buf struct buf out = BUF_INIT(65536);
	assert_int_equal(worker_exchange_new(STR("abc"), 1000, &fd, &err), 0);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_int_equal(worker_exchange_take(fd, 3, 1000, &out, &err), -EPROTO); /* nothing was left */
	assert_int_equal(worker_exchange_map(fd, 4, 1000, &x, &err), -EINVAL);
	assert_int_equal(worker_exchange_map(fd, 3, 1000, &x, &err), 0);
	assert_true(str_eq_c(worker_exchange_input(&x), "abc"));
	worker_exchange_leave(&x, 0, &left, STR("result"));
	assert_int_equal(worker_exchange_take(fd, 3, 1000, &out, &err), 0);
	assert_true(str_eq_c(buf_str(&out), "result"));
	assert_int_equal(worker_exchange_take(fd, 3, 5, &out, &err), -EPROTO); /* longer than it may be */
	memset(&left, 'x', sizeof(left));
	worker_exchange_leave(&x, -EINVAL, &left, STR_EMPTY);
	assert_int_equal(worker_exchange_take(fd, 3, 1000, &out, &err), -EPROTO);
	left.arg_count = 1;
	worker_exchange_leave(&x, -EINVAL, &left, STR_EMPTY);
	assert_int_equal(worker_exchange_take(fd, 3, 1000, &out, &err), -EINVAL);
	assert_int_equal(strlen(err.key), ERR_KEY_SIZE - 1);
	worker_exchange_unmap(&x);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_job),
	    cmocka_unit_test(rule_jobs),
	    cmocka_unit_test(bad_ends),
	    cmocka_unit_test(too_slow),
	    cmocka_unit_test(the_role_dies),
	    cmocka_unit_test(too_many),
	    cmocka_unit_test(hostile_results),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
