/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "platform/job/job.h"

struct probe {
	atomic_uint runs, inside, most_inside, freed;
	atomic_bool hold;
};

static int count(struct job *job, void *ctx, struct err *err)
{
	struct probe *p = ctx;
	unsigned inside = atomic_fetch_add(&p->inside, 1) + 1;
	(void)err;
	if (inside > atomic_load(&p->most_inside))
		atomic_store(&p->most_inside, inside);
	atomic_fetch_add(&p->runs, 1);
	job_progress(job, 3, 10);
	while (atomic_load(&p->hold) && !job_cancelled(job))
		(void)usleep(1000);
	bool cancelled = job_cancelled(job);
	atomic_fetch_sub(&p->inside, 1);
	return cancelled ? -ECANCELED : 0;
}

static int broken(struct job *job, void *ctx, struct err *err)
{
	(void)job;
	(void)ctx;
	return err_set(err, -EINVAL, "test.broken", ARG_CSTR("what", "x"));
}

static void freed(void *ctx)
{
	atomic_fetch_add(&((struct probe *)ctx)->freed, 1);
}

static void wait_runs(struct probe *p, unsigned n)
{
	for (unsigned i = 0; i < 5000 && atomic_load(&p->runs) < n; i++)
		(void)usleep(1000);
	assert_true(atomic_load(&p->runs) >= n);
}

static struct job_status wait_state(struct job_runner *r, const struct uuid *id, enum job_state state)
{
	struct job_status s = {0};
	for (unsigned i = 0; i < 5000; i++) {
		assert_true(job_status(r, id, &s));
		if (s.state == state)
			return s;
		(void)usleep(1000);
	}
	fail_msg("the job never came to state %d but stayed in %d", (int)state, (int)s.state);
	return s;
}

static void periodic_and_never_twice(void **state)
{
	struct probe p = {0};
	struct job_runner *r = job_runner_new(4);
	(void)state;
	job_every(r, "tick", USEC_PER_MS, count, &p);
	for (unsigned i = 0; i < 100; i++)
		job_wake(r, "tick");
	wait_runs(&p, 20);
	job_runner_free(r);
	assert_int_equal(atomic_load(&p.most_inside), 1);
}

static void a_wake_comes_before_the_time(void **state)
{
	struct probe p = {0};
	struct job_runner *r = job_runner_new(1);
	(void)state;
	job_every(r, "hourly", USEC_PER_HOUR, count, &p);
	wait_runs(&p, 1);
	(void)usleep(20000);
	assert_int_equal(atomic_load(&p.runs), 1);
	job_wake(r, "other");
	(void)usleep(20000);
	assert_int_equal(atomic_load(&p.runs), 1);
	job_wake(r, "hourly");
	wait_runs(&p, 2);
	/* Woken while it runs: once more afterwards. */
	atomic_store(&p.hold, true);
	job_wake(r, "hourly");
	wait_runs(&p, 3);
	job_wake(r, "hourly");
	atomic_store(&p.hold, false);
	wait_runs(&p, 4);
	job_runner_free(r);
}

static void progress_end_and_failure(void **state)
{
	struct probe p = {.hold = true}, q = {0};
	struct job_runner *r = job_runner_new(2);
	struct job_status s;
	(void)state;
	struct uuid id = job_start(r, "import", count, &p, freed);
	wait_runs(&p, 1);
	s = wait_state(r, &id, JOB_RUNNING);
	for (unsigned i = 0; i < 1000 && s.total != 10; i++)
		assert_true(job_status(r, &id, &s));
	assert_true(s.done == 3 && s.total == 10 && s.ended_at == 0);
	atomic_store(&p.hold, false);
	s = wait_state(r, &id, JOB_DONE);
	assert_true(s.ended_at >= s.started_at && s.started_at > 0);
	assert_int_equal(atomic_load(&p.freed), 1);
	id = job_start(r, "bad", broken, &q, freed);
	s = wait_state(r, &id, JOB_FAILED);
	assert_string_equal(s.err.key, "test.broken");
	assert_string_equal(err_arg(&s.err, "what"), "x");
	assert_int_equal(atomic_load(&q.freed), 1);
	struct uuid unknown = uuid_new();
	assert_false(job_status(r, &unknown, &s));
	job_runner_free(r);
}

static void cancelled_running_and_waiting(void **state)
{
	struct probe running = {.hold = true}, waiting = {0};
	struct job_runner *r = job_runner_new(1);
	(void)state;
	struct uuid first = job_start(r, "first", count, &running, freed);
	wait_runs(&running, 1);
	struct uuid second = job_start(r, "second", count, &waiting, freed);
	job_cancel(r, &second);
	job_cancel(r, &first);
	(void)wait_state(r, &first, JOB_CANCELLED);
	(void)wait_state(r, &second, JOB_CANCELLED);
	assert_int_equal(atomic_load(&waiting.runs), 0);
	assert_int_equal(atomic_load(&waiting.freed), 1);
	job_runner_free(r);
}

/* Freeing ends what runs and frees what never ran. */
static void the_end(void **state)
{
	struct probe running = {.hold = true}, waiting = {0};
	struct job_runner *r = job_runner_new(1);
	(void)state;
	(void)job_start(r, "first", count, &running, freed);
	wait_runs(&running, 1);
	(void)job_start(r, "second", count, &waiting, freed);
	job_runner_free(r);
	assert_int_equal(atomic_load(&running.freed), 1);
	assert_int_equal(atomic_load(&waiting.freed), 1);
	assert_int_equal(atomic_load(&waiting.runs), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(periodic_and_never_twice),
	    cmocka_unit_test(a_wake_comes_before_the_time),
	    cmocka_unit_test(progress_end_and_failure),
	    cmocka_unit_test(cancelled_running_and_waiting),
	    cmocka_unit_test(the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
