/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/db/db_test_support.h"
#include "service/outbox/outbox.h"

static usec_t test_clock;
static usec_t test_now(void)
{
	return test_clock;
}

static void must(int r, const struct err *err)
{
	if (r < 0)
		db_test_fail("unexpected", err);
}

/* Three receivers: one keeps what it got, one refuses "bad", one stands for another room. */
#define SEEN_MAX 500
static struct {
	int64_t numbers[SEEN_MAX];
	unsigned count, ticks, refusals;
	pthread_mutex_t lock;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int keep_event(const struct service_context *sc, const struct service_event *event, struct err *err)
{
	(void)sc;
	(void)err;
	uint64_t n = 0;
	(void)str_parse_u64(event->json, 0, SEEN_MAX, &n);
	(void)pthread_mutex_lock(&seen.lock);
	assert_true(seen.count < SEEN_MAX);
	seen.numbers[seen.count++] = (int64_t)n;
	(void)pthread_mutex_unlock(&seen.lock);
	return 0;
}

static int refuse_event(const struct service_context *sc, const struct service_event *event, struct err *err)
{
	(void)sc;
	if (strcmp(event->name, "bad") != 0)
		return 0;
	seen.refusals++;
	return err_set(err, -EINVAL, "test.refused");
}

static int count_tick(const struct service_context *sc, struct err *err)
{
	(void)sc;
	(void)err;
	seen.ticks++;
	return 0;
}

static const struct service keeper = {.name = "keeper", .on_event = keep_event, .on_tick = count_tick};
static const struct service refuser = {.name = "refuser", .on_event = refuse_event};
static const struct service *const both[] = {&keeper, &refuser};

struct writing {
	const char *name;
	unsigned number;
	bool fail;
};

static int write_event(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct writing *w = ctx;
	char text[16];
	(void)snprintf(text, sizeof text, "%u", w->number);
	int r = outbox_write(tx, &(struct service_event){.name = w->name, .permission = "x", .json = str_c(text)}, err);
	return r >= 0 && w->fail ? err_set(err, -EACCES, "test.refused") : r;
}

static void emit(struct db *db, const char *name, unsigned number)
{
	struct err err = {.code = 0};
	struct writing w = {name, number, false};
	must(db_write(db, write_event, &w, &err), &err);
}

static void set_up(struct db *db)
{
	struct err err = {.code = 0};
	must(db_migrate(db, outbox_service.migrations, outbox_service.migration_count, &err), &err);
	seen.count = seen.ticks = seen.refusals = 0;
	test_clock = 1000 * USEC_PER_DAY;
}

static void in_order(struct db *db, const char *url)
{
	(void)url;
	set_up(db);
	struct err err = {.code = 0};
	struct service_context sc = {.db = db, .now = test_now};
	cleanup(outbox_dispatcher) struct outbox_dispatcher *d = outbox_dispatcher_new(&sc, both, 2);
	assert_int_equal(outbox_dispatch(d), 0);
	for (unsigned i = 1; i <= 150; i++)
		emit(db, "good", i);
	struct writing rolled_back = {"good", 999, true};
	assert_int_equal(db_write(db, write_event, &rolled_back, &err), -EACCES);
	assert_int_equal(outbox_dispatch(d), 300);
	assert_int_equal(seen.count, 150);
	for (unsigned i = 0; i < 150; i++)
		assert_int_equal(seen.numbers[i], i + 1);
	assert_int_equal(outbox_dispatch(d), 0);
	int64_t oldest = 0, newest = 0;
	must(outbox_bounds(db, &oldest, &newest, &err), &err);
	assert_int_equal(oldest, 1);
	assert_int_equal(newest, 150);
}

/* A refused event holds up its own reader only, and is passed over in the end. */
static void refused(struct db *db, const char *url)
{
	(void)url;
	set_up(db);
	struct service_context sc = {.db = db, .now = test_now};
	cleanup(outbox_dispatcher) struct outbox_dispatcher *d = outbox_dispatcher_new(&sc, both, 2);
	(void)outbox_dispatch(d);
	emit(db, "bad", 1);
	emit(db, "good", 2);
	assert_int_equal(outbox_dispatch(d), 2);
	assert_int_equal(seen.refusals, 1);
	assert_int_equal(outbox_dispatch(d), 0); /* not at once again */
	assert_int_equal(seen.refusals, 1);
	unsigned taken = 0;
	for (unsigned i = 0; i < 30 && taken == 0; i++) {
		test_clock += 61 * USEC_PER_SEC;
		taken = outbox_dispatch(d);
	}
	assert_int_equal(taken, 2);
	assert_int_equal(seen.refusals, 20);
}

static void ticks(struct db *db, const char *url)
{
	set_up(db);
	struct err err = {.code = 0};
	cleanup(db) struct db *other = NULL;
	must(db_open(url, 1, &other, &err), &err);
	struct service_context sc = {.db = db, .now = test_now}, sc2 = {.db = other, .now = test_now};
	cleanup(outbox_dispatcher) struct outbox_dispatcher *a = outbox_dispatcher_new(&sc, both, 2);
	cleanup(outbox_dispatcher) struct outbox_dispatcher *b = outbox_dispatcher_new(&sc2, both, 2);
	for (unsigned i = 0; i < 120; i++) {
		(void)outbox_dispatch(a);
		(void)outbox_dispatch(b);
		test_clock += USEC_PER_SEC;
	}
	assert_int_equal(seen.ticks, 4); /* at 0, 30, 60, 90 s, whoever asks */
}

/* The holder dies: the other process goes on once the lease has ended, from where the first one was. */
static void takeover(struct db *db, const char *url)
{
	(void)url;
	set_up(db);
	struct service_context sc = {.db = db, .now = test_now};
	struct outbox_dispatcher *dead = outbox_dispatcher_new(&sc, both, 2);
	cleanup(outbox_dispatcher) struct outbox_dispatcher *heir = outbox_dispatcher_new(&sc, both, 2);
	(void)outbox_dispatch(dead);
	emit(db, "good", 1);
	(void)outbox_dispatch(dead);
	emit(db, "good", 2);
	assert_int_equal(outbox_dispatch(heir), 0);
	test_clock += 31 * USEC_PER_SEC;
	assert_int_equal(outbox_dispatch(heir), 2);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.numbers[1], 2);
	assert_int_equal(outbox_dispatch(dead), 0);
	outbox_dispatcher_free(dead);
}

struct process {
	struct db *db;
	bool writes;
	struct err err;
};

static void *run_process(void *ctx)
{
	struct process *p = ctx;
	struct service_context sc = {.db = p->db};
	cleanup(outbox_dispatcher) struct outbox_dispatcher *d = outbox_dispatcher_new(&sc, both, 2);
	for (unsigned i = 0; i < 40; i++) {
		struct writing w = {"good", i, false};
		if (db_write(p->db, write_event, &w, &p->err) < 0)
			return NULL;
		(void)outbox_dispatch(d);
	}
	return NULL;
}

/* Two processes write and dispatch at once: nothing is lost, nothing comes twice. */
static void two_processes(struct db *db, const char *url)
{
	set_up(db);
	struct err err = {.code = 0};
	cleanup(db) struct db *other = NULL;
	must(db_open(url, 2, &other, &err), &err);
	{
		struct service_context sc = {.db = db};
		cleanup(outbox_dispatcher) struct outbox_dispatcher *d = outbox_dispatcher_new(&sc, both, 2);
		(void)outbox_dispatch(d);
	}
	struct process processes[2] = {{.db = db}, {.db = other}};
	pthread_t threads[2];
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_process, &processes[i]), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		must(processes[i].err.code, &processes[i].err);
	}
	struct service_context sc = {.db = db};
	cleanup(outbox_dispatcher) struct outbox_dispatcher *d = outbox_dispatcher_new(&sc, both, 2);
	(void)outbox_dispatch(d);
	assert_int_equal(seen.count, 80);
}

#define EACH(name)                                                                                                     \
	static void each_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
EACH(in_order)
EACH(refused)
EACH(ticks)
EACH(takeover)
EACH(two_processes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_in_order), cmocka_unit_test(each_refused),       cmocka_unit_test(each_ticks),
		cmocka_unit_test(each_takeover), cmocka_unit_test(each_two_processes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
