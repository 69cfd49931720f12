/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/service_test_support.h"
#include "service/source/source_internal.h"

#define SECOND USEC_PER_SEC
#define MINUTE USEC_PER_MINUTE

static struct source_row fw = {.name = STR("FW"), .kind = STR("firewall"), .addresses = STR("10.1.0.0/16"), .silence_s = 300, .enabled = true};

struct place {
	struct world w;
	struct source_watch *watch;
	struct uuid id;
};

static int make_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct place *p = ctx;
	struct source_row row = fw;
	row.unit_id = p->w.east;
	int r = source_create(tx, &p->w.sc, &p->w.admin, &row, err);
	p->id = row.id;
	return r;
}

static struct source_state look(struct place *p)
{
	struct source_state s;
	assert_true(source_watch_get(p->watch, &p->id, &s));
	return s;
}

static void count_fault(const struct source_state *s, enum source_condition fault, void *ctx)
{
	(void)s;
	((unsigned *)ctx)[fault]++;
}

static unsigned faults(struct place *p, enum source_condition fault)
{
	unsigned counts[SOURCE_CONDITION__COUNT] = {0};
	source_watch_judge(p->watch, count_fault, counts);
	return counts[fault];
}

static void begin(struct place *p, struct db *db)
{
	const struct service *rooms[] = {&source_service, NULL};
	struct err err = {0};
	world_init(&p->w, db, "/nonexistent", rooms);
	world_must(db_write(db, make_one, p, &err), &err);
	p->watch = source_watch_new(&p->w.sc);
	world_must(source_watch_keep(p->watch, &err), &err);
}

static void again(struct place *p)
{
	struct err err = {0};
	world_must(source_watch_keep(p->watch, &err), &err);
	source_watch_free(p->watch);
	p->watch = source_watch_new(&p->w.sc);
	world_must(source_watch_keep(p->watch, &err), &err);
}

/* The pipeline's counters over time, its restart, ours, silence, losses, clock. */
static void a_life(struct db *db, const char *url)
{
	(void)url;
	struct place p;
	begin(&p, db);
	assert_int_equal(look(&p).condition, SOURCE_WAITING);
	struct event_source_counts c = {.id = p.id, .taken = 10, .bytes = 1000, .first_received = world_clock, .last_received = world_clock};
	source_watch_take(p.watch, &c, 1, NULL, 0);
	assert_int_equal(look(&p).condition, SOURCE_OK);
	world_clock += 6 * MINUTE;
	assert_int_equal(look(&p).condition, SOURCE_SILENT);
	assert_int_equal(world_clock - look(&p).silent_since, 6 * MINUTE);
	assert_int_equal(faults(&p, SOURCE_SILENT), 1);
	/* What is broken on our side is not the sender's silence, and afterwards it needs a moment. */
	source_watch_central(p.watch, false);
	assert_int_equal(faults(&p, SOURCE_SILENT), 0);
	source_watch_central(p.watch, true);
	assert_int_equal(faults(&p, SOURCE_SILENT), 0);
	world_clock += 61 * SECOND;
	assert_int_equal(faults(&p, SOURCE_SILENT), 1);
	/* We start anew while the pipeline counts on. */
	again(&p);
	c.taken = 15;
	c.last_received = world_clock;
	source_watch_take(p.watch, &c, 1, NULL, 0);
	assert_int_equal(look(&p).counts[SOURCE_TAKEN], 15);
	assert_int_equal(look(&p).condition, SOURCE_OK);
	/* The pipeline starts anew. */
	c.first_received = world_clock + 1;
	c.taken = 20;
	c.dropped = 3;
	c.limited = 4;
	source_watch_take(p.watch, &c, 1, NULL, 0);
	assert_int_equal(look(&p).counts[SOURCE_TAKEN], 35);
	assert_int_equal(look(&p).condition, SOURCE_LOSING);
	assert_int_equal(look(&p).lost, 7);
	c.dropped = 5;
	source_watch_take(p.watch, &c, 1, NULL, 0);
	assert_int_equal(look(&p).lost, 9);
	assert_int_equal(faults(&p, SOURCE_LOSING), 1);
	world_clock += 11 * MINUTE;
	c.last_received = world_clock;
	c.skew_count = 9;
	c.skew_median_s = -301;
	source_watch_take(p.watch, &c, 1, NULL, 0);
	assert_int_equal(faults(&p, SOURCE_LOSING), 0);
	assert_int_equal(look(&p).condition, SOURCE_CLOCK);
	assert_int_equal(look(&p).clock_since, world_clock);
	c.skew_median_s = 300;
	c.taken = 21;
	c.unparsed = 20;
	source_watch_take(p.watch, &c, 1, NULL, 0);
	assert_int_equal(look(&p).condition, SOURCE_UNREADABLE);
	source_watch_free(p.watch);
	world_done(&p.w);
}

/* What the kernel threw away is nobody's: counted from the first telling on, told for ten minutes. */
static void listeners(struct db *db, const char *url)
{
	(void)url;
	struct place p;
	struct source_listener_loss l;
	begin(&p, db);
	source_watch_kernel_dropped(p.watch, 0);
	source_watch_listener_loss(p.watch, &l);
	assert_true(l.total == 0 && l.last_at == 0 && l.lost == 0);
	source_watch_kernel_dropped(p.watch, 40);
	usec_t began = world_clock;
	world_clock += 5 * MINUTE;
	source_watch_kernel_dropped(p.watch, 55);
	source_watch_listener_loss(p.watch, &l);
	assert_true(l.total == 55 && l.lost == 55 && l.lost_since == began && l.last_at == world_clock);
	world_clock += 11 * MINUTE;
	source_watch_listener_loss(p.watch, &l);
	assert_true(l.total == 55 && l.lost == 0 && l.lost_since == 0 && l.last_at == world_clock - 11 * MINUTE);
	/* The pipeline starts anew. */
	source_watch_kernel_dropped(p.watch, 7);
	source_watch_listener_loss(p.watch, &l);
	assert_true(l.total == 62 && l.lost == 7 && l.lost_since == world_clock);
	source_watch_free(p.watch);
	world_done(&p.w);
}

static void listeners_each(void **state)
{
	(void)state;
	db_test_each(listeners);
}

static void a_life_each(void **state)
{
	(void)state;
	db_test_each(a_life);
}

static void strangers(struct db *db, const char *url)
{
	(void)url;
	struct place p;
	begin(&p, db);
	struct event_stranger some[3] = {{.count = 5, .first = 1, .last = 7}, {.count = 1, .first = 2, .last = 9}, {.count = 1, .last = 8}}, got[3];
	const char *const from[] = {"10.2.0.1", "192.0.2.1", "10.1.7.7"};
	for (size_t i = 0; i < ARRAY_LEN(some); i++)
		assert_int_equal(event_address_parse(str_c(from[i]), &some[i].address, NULL), 0);
	source_watch_take(p.watch, NULL, 0, some, ARRAY_LEN(some));
	/* The last that knocked first; who has been registered meanwhile is none any more. */
	assert_int_equal(source_watch_strangers(p.watch, got, 3), 2);
	assert_int_equal(got[0].last, 9);
	assert_int_equal(got[1].count, 5);
	source_watch_free(p.watch);
	world_done(&p.w);
}

static void strangers_each(void **state)
{
	(void)state;
	db_test_each(strangers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_life_each), cmocka_unit_test(strangers_each), cmocka_unit_test(listeners_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
