/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/endpoint/endpoint.h"
#include "service/service_test_support.h"
#include "service/status/status_watch.h"

#define INTERVAL (15 * USEC_PER_SEC)

static struct status_watch *watch;
static struct uuid pc[3];

static void fill(void *ctx, struct status_report *ret)
{
	(void)ctx;
	ret->watch = watch;
	status_watch_judge(watch, ret);
}

static int put_machines(struct db_tx *tx, void *ctx, struct err *err)
{
	struct world *w = ctx;
	const struct uuid *units[] = {&w->east, &w->west};
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct endpoint_sample s = {.unit_id = *units[i], .hostname = STR("pc"), .os = STR("linux"), .os_version = STR("12"),
		                            .address = STR("10.0.0.2"), .agent_version = STR("1"), .state = ENDPOINT_STATE_PROTECTED,
		                            .reason = "", .last_seen_at = world_clock};
		s.hostname = i == 0 ? STR("pc-east") : STR("pc-west");
		world_must(endpoint_put_sample(tx, &s, world_clock, err), err);
	}
	/* Enrolled ones, as far as sums go. */
	int r = db_exec(tx, err, "UPDATE endpoint SET sample = 0");
	return r < 0 ? r : 0;
}

static void begin(struct world *w, struct db *db)
{
	struct err err = {.code = 0};
	static const struct service *const rooms[] = {&endpoint_service, &status_service, NULL};
	static struct status_source source = {.fill = fill};
	world_init(w, db, "/nonexistent", rooms);
	world_must(db_write(db, put_machines, w, &err), &err);
	watch = status_watch_new(&w->sc, INTERVAL);
	w->sc.status = &source;
	for (size_t i = 0; i < ARRAY_LEN(pc); i++)
		pc[i] = uuid_new();
}

static void end(struct world *w)
{
	status_watch_free(watch);
	world_done(w);
}

static void keep(void)
{
	struct err err = {.code = 0};
	world_must(status_watch_keep(watch, &err), &err);
}

static void hear(const struct uuid *unit, const struct uuid *endpoint, const char *scanner, int64_t offset_s, int64_t lost, bool stopping)
{
	const struct status_canary c = {.unit_id = *unit, .endpoint_id = *endpoint, .received = world_clock, .machine = STR("PC-1"),
	                                .scanner = str_c(scanner), .clock_offset_s = offset_s, .lost = lost, .stopping = stopping};
	status_watch_heard(watch, &c);
}

static void later(usec_t t)
{
	world_clock += t;
}

/* What the account sees, in order: "what what". */
static void expect(struct world *w, const struct access *as, const char *want)
{
	char text[400] = "";
	struct buf b = BUF_FIXED(text, sizeof text);
	cleanup_answer struct world_answer a = world_call(w, &(struct world_call){.as = as, .method = "GET", .target = "/api/v1/health"});
	assert_int_equal(a.status, 200);
	json_each(item, json_get(a.json, "blind"))
		buf_printf(&b, "%s%.*s", b.n > 0 ? " " : "", STR_FMT(json_get_str(item, "what", STR("?"))));
	assert_string_equal(text, want);
}

/* A unit is silent for those who may see it; the break ends with the next canary, and survives a restart in between. */
static void silence(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	begin(&w, db);
	keep();
	expect(&w, &w.admin, "");
	assert_int_equal(status_watch_checkin(watch, &pc[0], &w.east, true), 15);
	assert_int_equal(status_watch_checkin(watch, &pc[0], &w.east, true), 15);
	assert_int_equal(status_watch_checkin(watch, &pc[1], &w.east, true), 15);
	assert_int_equal(status_watch_checkin(watch, &pc[2], &w.east, true), 0); /* two are enough */
	assert_int_equal(status_watch_checkin(watch, &pc[2], &w.west, false), 0); /* cannot sing: not waited for */
	hear(&w.east, &pc[0], "ready", 0, 0, false);
	keep();
	later(34 * USEC_PER_SEC);
	expect(&w, &w.admin, "");
	later(2 * USEC_PER_SEC);
	expect(&w, &w.admin, "agent_silent");
	expect(&w, &w.east_officer, "agent_silent");
	expect(&w, &w.west_officer, "");
	expect(&w, &w.nobody, "");
	/* It calls on the other listener. A third machine gets the place of one that is not heard. */
	assert_int_equal(status_watch_checkin(watch, &pc[2], &w.east, true), 15);
	expect(&w, &w.admin, "agent_events");
	hear(&w.east, &pc[2], "ready", 0, 0, false);
	expect(&w, &w.admin, "");
	keep();
	status_watch_free(watch);
	watch = status_watch_new(&w.sc, INTERVAL);
	keep();
	expect(&w, &w.admin, "");
	later(36 * USEC_PER_SEC);
	expect(&w, &w.admin, "agent_silent");
	/* While the centre itself is at fault, and for a while after, nobody else is to blame. */
	status_watch_central(watch, false);
	expect(&w, &w.admin, "");
	later(36 * USEC_PER_SEC);
	status_watch_central(watch, true);
	expect(&w, &w.admin, "agent_silent");
	end(&w);
}

static void stopping(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	begin(&w, db);
	keep();
	(void)status_watch_checkin(watch, &pc[0], &w.east, true);
	hear(&w.east, &pc[0], "ready", 0, 0, true);
	later(USEC_PER_HOUR);
	expect(&w, &w.admin, "");
	/* On again, and cut off without a word. */
	(void)status_watch_checkin(watch, &pc[0], &w.east, true);
	hear(&w.east, &pc[0], "ready", 0, 0, false);
	later(USEC_PER_MINUTE);
	expect(&w, &w.admin, "agent_silent");
	end(&w);
}

static void faults_of_machines(struct db *db, const char *url)
{
	(void)url;
	static const struct {
		const char *scanner;
		int64_t offset_s, lost;
		const char *want;
	} cases[] = {
		{"ready", 0, 3, ""}, /* lost before we first heard it */
		{"failed", 0, 3, "scanner"},
		{"ready", 59, 3, ""},
		{"ready", 60, 3, "agent_clock"},
		{"ready", -600, 3, "agent_clock"},
		{"none", 0, 3, ""},
		{"ready", 0, 8, "agent_loss"},
		{"failed", 61, 8, "scanner agent_clock agent_loss"},
	};
	struct world w;
	begin(&w, db);
	keep();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		later(INTERVAL);
		hear(&w.east, &pc[0], cases[i].scanner, cases[i].offset_s, cases[i].lost, false);
		expect(&w, &w.admin, cases[i].want);
		expect(&w, &w.east_officer, cases[i].want);
		expect(&w, &w.west_officer, "");
	}
	cleanup_answer struct world_answer a =
		world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/health"});
	assert_string_equal(world_text(&a, "blind.2.lost"), "5");
	/* Two units with one fault are one line. */
	hear(&w.west, &pc[1], "failed", 0, 0, false);
	expect(&w, &w.admin, "scanner agent_clock agent_loss");
	expect(&w, &w.west_officer, "scanner");
	cleanup_answer struct world_answer many =
		world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/health"});
	assert_string_equal(world_text(&many, "blind.0.sentence"), "status.many_scanner"); /* no catalogue in this test */
	end(&w);
}

/* A clock set back by an hour must not hide an hour of silence. */
static void clock_set_back(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	begin(&w, db);
	keep();
	later(INTERVAL);
	hear(&w.east, &pc[0], "ready", 0, 0, false);
	keep();
	later(-USEC_PER_HOUR);
	hear(&w.east, &pc[0], "ready", 0, 0, false);
	keep();
	expect(&w, &w.admin, "");
	later(USEC_PER_MINUTE);
	expect(&w, &w.admin, "agent_silent");
	end(&w);
}

#define EACH(name)                                                                                                     \
	static void name##_each(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
EACH(silence)
EACH(stopping)
EACH(faults_of_machines)
EACH(clock_set_back)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(silence_each), cmocka_unit_test(stopping_each),
	                                   cmocka_unit_test(faults_of_machines_each), cmocka_unit_test(clock_set_back_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
