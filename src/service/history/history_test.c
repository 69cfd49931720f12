/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A day is counted once; a month later it can be set beside today, by whoever may see what was counted; before that there is nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/alert/alert.h"
#include "service/endpoint/endpoint.h"
#include "service/history/history_internal.h"
#include "service/incident/incident.h"
#include "service/protection/protection.h"
#include "service/service_test_support.h"

static struct service quiet_protection;

static int put_machines(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct world *w = ctx;
	static const struct {
		const char *name;
		bool east;
		enum endpoint_state state;
	} machines[] = {
		{"pc-1", true, ENDPOINT_STATE_PROTECTED}, {"pc-2", true, ENDPOINT_STATE_SILENT},
		{"pc-3", false, ENDPOINT_STATE_PROTECTED}, {"pc-4", false, ENDPOINT_STATE_PROTECTED},
	};
	int r = 0;
	for (size_t i = 0; i < ARRAY_LEN(machines) && r >= 0; i++) {
		struct endpoint_sample s = {.unit_id = machines[i].east ? w->east : w->west, .hostname = str_c(machines[i].name),
		                            .os = STR("linux"), .os_version = STR("Debian 12"), .address = STR("10.0.0.1"),
		                            .agent_version = STR("1"), .state = machines[i].state, .reason = "",
		                            .last_seen_at = world_clock};
		r = endpoint_put_sample(tx, &s, world_clock, err);
	}
	return r;
}

static void tick(struct world *w)
{
	struct err err = {.code = 0};
	world_must(history_service.on_tick(&w->sc, &err), &err);
}

static void expect(struct world *w, const struct access *as, const char *const (*texts)[2], size_t count)
{
	cleanup_answer struct world_answer a =
		world_call(w, &(struct world_call){.as = as, .method = "GET", .target = "/api/v1/history/month"});
	assert_int_equal(a.status, 200);
	const struct json *values = json_get(a.json, "values");
	for (size_t i = 0; i < count; i++) {
		if (strcmp(texts[i][0], "day") == 0)
			assert_string_equal(world_text(&a, "day"), texts[i][1]);
		else
			assert_true(str_eq_c(json_get(values, texts[i][0])->text, texts[i][1]));
	}
}

static void month(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &alert_service, &incident_service,
	                                 &history_service, NULL};
	world_init(&w, db, "/nonexistent", rooms);
	world_must(db_write(db, put_machines, &w, &err), &err);
	struct alert_record record = {.key = STR("k"), .rule_id = STR("r"), .title = STR("t"), .severity = ALERT_SEVERITY_CRITICAL,
	                              .unit_id = w.east, .at = world_clock, .size_bytes = -1, .raw = STR("{}")};
	world_must(alert_intake(&w.sc, &record, &err), &err);
	static const char *const nothing[][2] = {{"day", ""}};
	tick(&w);
	tick(&w);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM history_day"), 1);
	expect(&w, &w.admin, nothing, 1);
	world_clock += 27 * USEC_PER_DAY;
	expect(&w, &w.admin, nothing, 1);
	world_clock += USEC_PER_DAY;
	static const char *const all[][2] = {{"endpoint.total", "4"}, {"endpoint.protected", "3"}, {"endpoint.dark", "1"},
	                                     {"alert.open", "1"}, {"alert.critical", "1"}, {"incident.open", "0"},
	                                     {"unit.total", "2"}, {"unit.covered", "1"}};
	static const char *const west[][2] = {{"endpoint.total", "2"}, {"endpoint.dark", "0"}, {"alert.open", "0"},
	                                      {"unit.total", "1"}, {"unit.covered", "1"}};
	expect(&w, &w.admin, all, ARRAY_LEN(all));
	expect(&w, &w.west_officer, west, ARRAY_LEN(west));
	cleanup_answer struct world_answer denied =
		world_call(&w, &(struct world_call){.as = &w.nobody, .method = "GET", .target = "/api/v1/history/month"});
	assert_int_equal(denied.status, 403);
	/* The newest day that is old enough counts; what is too old does not. */
	tick(&w);
	world_clock += 35 * USEC_PER_DAY;
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM history_day"), 2);
	expect(&w, &w.west_officer, west, ARRAY_LEN(west));
	world_clock += 28 * USEC_PER_DAY;
	expect(&w, &w.admin, nothing, 1);
	world_done(&w);
}

static void each_month(void **state)
{
	(void)state;
	db_test_each(month);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_month)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
