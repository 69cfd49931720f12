/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What happened on a machine, for who may see it; without a store it says what is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/alert/alert.h"
#include "service/endpoint/endpoint.h"
#include "service/event/event_search.h"
#include "service/incident/incident.h"
#include "service/protection/protection.h"
#include "service/service_test_support.h"
#include "service/timeline/timeline.h"

static struct service quiet_protection;
static struct uuid machine;

static int put_machine(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct world *w = ctx;
	struct endpoint_sample s = {.unit_id = w->east, .hostname = STR("pc-1"), .os = STR("linux"), .os_version = STR("Debian 12"),
	                            .address = STR("10.0.0.1"), .agent_version = STR("1"), .state = ENDPOINT_STATE_PROTECTED, .reason = "",
	                            .last_seen_at = world_clock};
	int r = endpoint_put_sample(tx, &s, world_clock, err);
	return r < 0 ? r : endpoint_find_sample(tx, s.hostname, &machine, err);
}

static struct world_answer ask(struct world *w, const struct access *as, const char *query)
{
	char target[160], id[UUID_TEXT_SIZE];
	(void)snprintf(target, sizeof target, "/api/v1/endpoints/%s/timeline%s", uuid_text(&machine, id), query);
	return world_call(w, &(struct world_call){.as = as, .method = "GET", .target = target});
}

static void room(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &event_service, &alert_service, &incident_service, &timeline_service, NULL};
	world_init(&w, db, "/nonexistent", rooms);
	world_must(db_write(db, put_machine, &w, &err), &err);
	struct alert_record record = {.key = STR("k"), .rule_id = STR("r"), .title = STR("Lạ"), .severity = ALERT_SEVERITY_HIGH, .unit_id = w.east,
	                              .endpoint_id = machine, .at = world_clock - USEC_PER_HOUR, .size_bytes = -1, .raw = STR("{}")};
	world_must(alert_intake(&w.sc, &record, &err), &err);
	cleanup_answer struct world_answer own = ask(&w, &w.east_officer, "");
	assert_int_equal(own.status, 200);
	assert_string_equal(world_text(&own, "items.0.kind"), "alert");
	assert_string_equal(world_text(&own, "items.0.title"), "Lạ");
	/* There is no store here, and that is told. */
	assert_true(str_find(own.text, STR("\"events_missing\":null")) == SIZE_MAX);
	cleanup_answer struct world_answer older = ask(&w, &w.east_officer, "?last=30m");
	assert_true(str_find(older.text, STR("\"alert\"")) == SIZE_MAX);
	cleanup_answer struct world_answer other = ask(&w, &w.west_officer, "");
	assert_int_equal(other.status, 404);
	cleanup_answer struct world_answer nobody = ask(&w, &w.nobody, "");
	assert_int_equal(nobody.status, 403);
	cleanup_answer struct world_answer bad = ask(&w, &w.east_officer, "?last=x");
	assert_int_equal(bad.status, 400);
	world_done(&w);
}

static void each_room(void **state)
{
	(void)state;
	db_test_each(room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_room)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
