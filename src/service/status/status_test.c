/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/job/job.h"
#include "service/service_test_support.h"
#include "service/status/status.h"

static void fill(void *ctx, struct status_report *ret)
{
	(void)ctx;
	ret->process_count = 1;
	(void)snprintf(ret->processes[0].name, sizeof ret->processes[0].name, "pipeline");
	(void)snprintf(ret->processes[0].state, sizeof ret->processes[0].state, "failed");
	ret->processes[0].restarts = 3;
	ret->received = 10;
	ret->stored = -1;
	ret->blind_count = 1;
	(void)snprintf(ret->blind[0].what, sizeof ret->blind[0].what, "pipeline");
	ret->blind[0].lost = 7;
	ret->blind[0].since = world_clock;
}

static int fail_job(struct job *job, void *ctx, struct err *err)
{
	(void)job;
	(void)ctx;
	return err_set(err, -EINVAL, "test.broken");
}

static void routes(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	const struct service *rooms[] = {&status_service, NULL};
	world_init(&w, db, "/nonexistent", rooms);
	const struct world_call call = {.as = &w.admin, .method = "GET", .target = "/api/v1/status"};
	cleanup_answer struct world_answer none = world_call(&w, &call);
	assert_int_equal(none.status, 503);
	const struct status_source source = {.fill = fill};
	w.sc.status = &source;
	cleanup_answer struct world_answer a = world_call(&w, &call);
	assert_int_equal(a.status, 200);
	assert_string_equal(world_text(&a, "processes.0.state"), "failed");
	assert_string_equal(world_text(&a, "processes.0.restarts"), "3");
	assert_string_equal(world_text(&a, "pipeline.received"), "10");
	assert_int_equal(json_get(json_get(a.json, "pipeline"), "stored")->type, JSON_NULL);
	assert_string_equal(world_text(&a, "blind.0.lost"), "7");
	assert_string_equal(world_text(&a, "blind.0.sentence"), "status.blind_pipeline"); /* no catalogue in this test */
	assert_string_equal(world_text(&a, "database.kind"), db_kind(db) == DB_SQLITE ? "sqlite" : "postgresql");
	struct world_call denied = call;
	denied.as = &w.nobody;
	cleanup_answer struct world_answer no = world_call(&w, &denied);
	assert_int_equal(no.status, 403);
	w.sc.jobs = job_runner_new(1);
	struct uuid id = job_start(w.sc.jobs, "test", fail_job, NULL, NULL);
	char text[UUID_TEXT_SIZE], target[80];
	(void)snprintf(target, sizeof target, "/api/v1/jobs/%s", uuid_text(&id, text));
	bool failed = false;
	for (int i = 0; i < 500 && !failed; i++) {
		cleanup_answer struct world_answer job = world_call(&w, &(struct world_call){.as = &w.nobody, .method = "GET", .target = target});
		assert_int_equal(job.status, 200);
		failed = strcmp(world_text(&job, "state"), "failed") == 0;
		if (failed)
			assert_string_equal(world_text(&job, "error.key"), "test.broken");
		(void)usleep(10000);
	}
	assert_true(failed);
	cleanup_answer struct world_answer unknown = world_call(&w, &(struct world_call){
		.as = &w.admin, .method = "GET", .target = "/api/v1/jobs/00000000-0000-7000-8000-000000000001"});
	assert_int_equal(unknown.status, 404);
	job_runner_free(w.sc.jobs);
	world_done(&w);
}

static void routes_each(void **state)
{
	(void)state;
	db_test_each(routes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(routes_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
