/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/alert/alert.h"
#include "service/endpoint/endpoint.h"
#include "service/protection/protection.h"
#include "service/service_test_support.h"
#include "service/shift/shift_internal.h"

static struct service quiet_protection;

static void start_world(struct world *w, struct db *db)
{
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &alert_service, &shift_service, NULL};
	world_init(w, db, "/nonexistent", rooms);
}

static struct world_answer call(struct world *w, const struct access *as, const char *method, const char *target, const char *body,
                                const char *if_match)
{
	return world_call(w, &(struct world_call){.as = as, .method = method, .target = target, .body = body, .if_match = if_match});
}

/* WORLD_START is 2026-11-18 at some hour; hours from it. */
static const char *shift_body(struct arena *arena, const struct access *who, int from, int hours)
{
	char id[UUID_TEXT_SIZE], a[CLOCK_ISO_SIZE], b[CLOCK_ISO_SIZE];
	return arena_printf(arena, "{\"account_id\":\"%s\",\"starts_at\":\"%s\",\"ends_at\":\"%s\",\"note\":\"ca đêm\"}", uuid_text(&who->account_id, id),
	                    clock_iso(WORLD_START + from * USEC_PER_HOUR, a), clock_iso(WORLD_START + (from + hours) * USEC_PER_HOUR, b)).p;
}

static void roster(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct {
		const struct access *as, *who;
		int from, hours, status;
		const char *key;
	} cases[] = {
		{&w.admin, &w.east_officer, -4, 8, 201, ""},
		{&w.admin, &w.east_officer, 3, 8, 409, "shift.overlaps"},
		{&w.admin, &w.east_officer, 4, 8, 201, ""},
		{&w.admin, &w.west_officer, 12, 8, 201, ""},
		{&w.admin, &w.west_officer, 30, 0, 400, "shift.times"},
		{&w.admin, &w.west_officer, 30, 49, 400, "shift.times"},
		{&w.east_officer, &w.east_officer, 40, 8, 201, ""}, /* of the own unit */
		{&w.nobody, &w.east_officer, 40, 8, 403, "api.forbidden"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_answer struct world_answer a = call(&w, cases[i].as, "POST", "/api/v1/shifts", shift_body(arena, cases[i].who, cases[i].from, cases[i].hours), NULL);
		if (a.status != cases[i].status || strcmp(a.key, cases[i].key) != 0)
			fail_msg("case %zu: %d %s", i, a.status, a.key);
	}
	cleanup_answer struct world_answer now = call(&w, &w.admin, "GET", "/api/v1/shifts/now", NULL, NULL);
	assert_string_equal(world_text(&now, "on_duty"), "1");
	assert_string_equal(world_text(&now, "on_duty.0.account.name"), "east");
	assert_string_equal(world_text(&now, "next.1.account.name"), "west");
	world_clock += 12 * USEC_PER_HOUR;
	cleanup_answer struct world_answer later = call(&w, &w.admin, "GET", "/api/v1/shifts/now", NULL, NULL);
	assert_string_equal(world_text(&later, "on_duty.0.account.name"), "west");
	world_clock = WORLD_START;
	char from[CLOCK_ISO_SIZE], to[CLOCK_ISO_SIZE];
	cleanup_answer struct world_answer week = call(&w, &w.admin, "GET",
		arena_printf(arena, "/api/v1/shifts?from=%s&to=%s", clock_iso(WORLD_START + 5 * USEC_PER_HOUR, from), clock_iso(WORLD_START + 9 * USEC_PER_HOUR, to)).p, NULL, NULL);
	assert_string_equal(world_text(&week, "total"), "1");
	const char *one = arena_printf(arena, "/api/v1/shifts/%s", world_text(&week, "items.0.id")).p;
	cleanup_answer struct world_answer hidden = call(&w, &w.east_officer, "DELETE", one, NULL, NULL);
	assert_int_equal(hidden.status, 404);
	cleanup_answer struct world_answer gone = call(&w, &w.admin, "DELETE", one, NULL, NULL);
	assert_int_equal(gone.status, 204);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action LIKE 'shift.%'"), 5);
	world_done(&w);
}

static void import(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	static const struct {
		const char *text;
		int status;
		const char *key;
		int64_t rows;
	} cases[] = {
		{"login,start,end\neast,2026-11-21T06:00:00+07:00,2026-11-21T14:00:00+07:00\nghost,2026-11-21T14:00:00+07:00,2026-11-21T22:00:00+07:00\n", 400, "shift.no_account", 0},
		{"login,start\neast,2026-11-21T06:00:00+07:00\n", 400, "shift.column_missing", 0},
		{"login,start,end\neast,2026-11-21T06:00:00+07:00,2026-11-20T14:00:00+07:00\n", 400, "shift.times", 0},
		{"login,start,end\neast,hôm nay,2026-11-20T14:00:00+07:00\n", 400, "clock.iso", 0},
		{"login;start;end;note\neast;2026-11-21T06:00:00+07:00;2026-11-21T14:00:00+07:00;trực chính\nwest;21/11/2026 14:00;2026-11-21 22:00;\n", 201, "", 2},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_answer struct world_answer a = call(&w, &w.admin, "POST", "/api/v1/shifts/import", cases[i].text, NULL);
		if (a.status != cases[i].status || strcmp(a.key, cases[i].key) != 0)
			fail_msg("case %zu: %d %s", i, a.status, a.key);
		assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM shift"), cases[i].rows);
	}
	/* The end of one is the beginning of the other. */
	assert_int_equal(world_sql_count(&w, "SELECT count(DISTINCT t) FROM (SELECT starts_at AS t FROM shift UNION ALL SELECT ends_at FROM shift) q"), 3);
	world_done(&w);
}

static void make_alerts(struct world *w, struct arena *arena)
{
	struct err err = {.code = 0};
	for (int i = 0; i < 3; i++) {
		struct alert_record record = {.key = arena_printf(arena, "k%d", i), .rule_id = arena_printf(arena, "r%d", i), .title = arena_printf(arena, "Dấu hiệu\n%d", i),
		                              .severity = i == 2 ? ALERT_SEVERITY_CRITICAL : ALERT_SEVERITY_LOW, .unit_id = w->east, .at = WORLD_START + i,
		                              .host = STR("srv-01"), .raw = STR("{}"), .size_bytes = -1};
		world_must(alert_intake(&w->sc, &record, &err), &err);
	}
	cleanup_answer struct world_answer list = call(w, &w->admin, "GET", "/api/v1/alerts", NULL, NULL);
	cleanup_answer struct world_answer said = call(w, &w->admin, "POST", arena_printf(arena, "/api/v1/alerts/%s/comments", world_text(&list, "items.0.id")).p,
		"{\"text\":\"gọi lại anh Hải\",\"due_at\":\"2026-11-18T23:00:00Z\"}", NULL);
	assert_int_equal(said.status, 201);
}

struct colleague {
	struct world *w;
	struct access access;
};

static int make_colleague(struct db_tx *tx, void *ctx, struct err *err)
{
	struct colleague *c = ctx;
	c->access = world_account(tx, c->w, "colleague", &c->w->city, "tester", err);
	return 0;
}

static void handover(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	w.sc.messages = &msg_catalogue_all;
	cleanup(arena) struct arena *arena = arena_new(0);
	make_alerts(&w, arena);
	cleanup_answer struct world_answer made = call(&w, &w.admin, "POST", "/api/v1/handovers", NULL, NULL);
	assert_int_equal(made.status, 201);
	const char *body = world_text(&made, "body"), *id = world_text(&made, "id");
	assert_non_null(strstr(body, "Cảnh báo đang mở: 3 (nghiêm trọng 1, cao 0, trung bình 0, thấp 2)."));
	assert_non_null(strstr(body, "[Nghiêm trọng] Dấu hiệu 2 · srv-01 · Phường Đông. Chưa ai xử lý."));
	assert_non_null(strstr(body, "19/11/2026 06:00: gọi lại anh Hải (cảnh báo số 3, admin hẹn)."));
	assert_string_equal(world_text(&made, "facts.open.critical"), "1");
	assert_string_equal(world_text(&made, "facts.promises.0.author"), "admin");
	const char *one = arena_printf(arena, "/api/v1/handovers/%s", id).p, *sign = arena_printf(arena, "%s/sign", one).p, *accept = arena_printf(arena, "%s/accept", one).p;
	/* Another person of the centre. */
	struct colleague c = {.w = &w};
	struct err err = {.code = 0};
	world_must(db_write(w.sc.db, make_colleague, &c, &err), &err);
	const struct {
		const struct access *as;
		const char *method, *target, *body, *if_match;
		int status;
		const char *key, *state;
	} calls[] = {
		{&w.east_officer, "GET", one, NULL, NULL, 404, "api.not_found", ""},
		{&w.nobody, "POST", "/api/v1/handovers", NULL, NULL, 403, "api.forbidden", ""},
		{&w.nobody, "POST", sign, NULL, "\"1\"", 403, "api.forbidden", ""},
		{&c.access, "PATCH", one, "{\"body\":\"khác\"}", "\"1\"", 403, "shift.not_author", ""},
		{&c.access, "POST", sign, NULL, "\"1\"", 403, "shift.not_author", ""},
		{&c.access, "POST", accept, "{}", "\"1\"", 409, "shift.handover_state", ""},
		{&w.admin, "PATCH", one, "{\"body\":\"Đã sửa\"}", NULL, 428, "api.if_match_missing", ""},
		{&w.admin, "PATCH", one, "{\"body\":\"Đã sửa\"}", "\"1\"", 200, "", "draft"},
		{&w.admin, "PATCH", one, "{\"body\":\"Lần nữa\"}", "\"1\"", 412, "api.stale", ""},
		{&w.admin, "POST", sign, NULL, "\"2\"", 200, "", "signed"},
		{&w.admin, "PATCH", one, "{\"body\":\"Sau khi ký\"}", "\"3\"", 409, "shift.handover_state", ""},
		{&w.admin, "POST", accept, "{}", "\"3\"", 403, "shift.own_handover", ""},
		{&c.access, "POST", accept, "{\"note\":\"Đã đọc\"}", "\"3\"", 200, "", "accepted"},
		{&c.access, "POST", accept, "{}", "\"4\"", 409, "shift.handover_state", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		if (i == 12) {
			cleanup_answer struct world_answer now = call(&w, &c.access, "GET", "/api/v1/shifts/now", NULL, NULL);
			assert_string_equal(world_text(&now, "handover.number"), "1");
		}
		cleanup_answer struct world_answer a = call(&w, calls[i].as, calls[i].method, calls[i].target, calls[i].body, calls[i].if_match);
		if (a.status != calls[i].status || strcmp(a.key, calls[i].key) != 0 || strcmp(world_text(&a, "state"), calls[i].state) != 0)
			fail_msg("call %zu: %d %s %s", i, a.status, a.key, world_text(&a, "state"));
	}
	cleanup_answer struct world_answer end = call(&w, &w.admin, "GET", one, NULL, NULL);
	assert_string_equal(world_text(&end, "body"), "Đã sửa");
	/* printf 'Đã sửa' | sha256sum */
	assert_string_equal(world_text(&end, "sha256"), "b205fa4e6fe80909930175da03624d0ad8fc7146e6503c7fbee29a719082aca4");
	assert_string_equal(world_text(&end, "signed_with"), "token");
	assert_string_equal(world_text(&end, "accepted_by.name"), "colleague");
	assert_string_equal(world_text(&end, "accepted_note"), "Đã đọc");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action LIKE 'shift.handover_%'"), 4);
	cleanup_answer struct world_answer now = call(&w, &c.access, "GET", "/api/v1/shifts/now", NULL, NULL);
	assert_string_equal(world_text(&now, "handover.number"), "");
	world_done(&w);
}

#define ON_EACH(name)                   \
	static void name##_each(void **state) \
	{                                   \
		(void)state;                    \
		db_test_each(name);             \
	}
ON_EACH(roster)
ON_EACH(import)
ON_EACH(handover)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(roster_each), cmocka_unit_test(import_each), cmocka_unit_test(handover_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
