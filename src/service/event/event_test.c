/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What the room keeps in the state database, and what it says without a store. Searches over a real store:
 * tests/search.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/event/event_internal.h"
#include "service/service_test_support.h"

static struct world_answer call(struct world *w, const struct access *as, const char *method, const char *target, const char *body)
{
	return world_call(w, &(struct world_call){.as = as, .method = method, .target = target, .body = body});
}

static void save(struct world *w, const struct access *as, const char *name, const struct uuid *unit, int status, char *ret_id)
{
	char body[300], id[UUID_TEXT_SIZE];
	(void)snprintf(body, sizeof body, unit != NULL ? "{\"name\":\"%s\",\"query\":\"user.name:a\",\"unit_id\":\"%s\"}" : "{\"name\":\"%s\"}", name,
	               unit != NULL ? uuid_text(unit, id) : "");
	cleanup_answer struct world_answer a = call(w, as, "POST", "/api/v1/events/saved", body);
	assert_int_equal(a.status, status);
	if (ret_id != NULL)
		str_copy_c(str_c(world_text(&a, "id")), ret_id, UUID_TEXT_SIZE);
}

static void expect_names(struct world *w, const struct access *as, const char *const *names)
{
	cleanup_answer struct world_answer a = call(w, as, "GET", "/api/v1/events/saved", NULL);
	assert_int_equal(a.status, 200);
	size_t n = 0;
	for (; names[n] != NULL; n++) {
		char path[40];
		(void)snprintf(path, sizeof path, "items.%zu.name", n);
		assert_string_equal(world_text(&a, path), names[n]);
	}
	char count[8];
	(void)snprintf(count, sizeof count, "%zu", n);
	assert_string_equal(world_text(&a, "items"), count);
	assert_string_equal(world_text(&a, "total"), count);
}

static void saved_searches(struct world *w)
{
	char id[UUID_TEXT_SIZE], path[100];
	save(w, &w->east_officer, "Đêm", NULL, 201, NULL);
	save(w, &w->east_officer, "Chung", &w->east, 201, id);
	save(w, &w->west_officer, "Tây", &w->west, 201, NULL);
	/* To whom one may not read, nothing can be handed. */
	save(w, &w->east_officer, "Lạ", &w->west, 403, NULL);
	save(w, &w->east_officer, "Cả", &w->city, 403, NULL);
	save(w, &w->admin, "Thành phố", &w->city, 201, NULL);
	save(w, &w->nobody, "x", NULL, 403, NULL);
	save(w, &w->east_officer, " ", NULL, 400, NULL);
	expect_names(w, &w->east_officer, (const char *const[]){"Chung", "Đêm", NULL});
	expect_names(w, &w->west_officer, (const char *const[]){"Tây", NULL});
	expect_names(w, &w->admin, (const char *const[]){"Chung", "Tây", "Thành phố", NULL});
	(void)snprintf(path, sizeof path, "/api/v1/events/saved/%s", id);
	cleanup_answer struct world_answer others = call(w, &w->admin, "DELETE", path, NULL);
	assert_int_equal(others.status, 404);
	cleanup_answer struct world_answer gone = call(w, &w->east_officer, "DELETE", path, NULL);
	assert_int_equal(gone.status, 204);
	expect_names(w, &w->east_officer, (const char *const[]){"Đêm", NULL});
	assert_int_equal(world_sql_count(w, "SELECT count(*) FROM audit WHERE action IN ('event.search_saved', 'event.search_forgotten')"), 5);
}

static void refusals(struct world *w)
{
	static const struct {
		const char *target, *key;
		int status;
	} rows[] = {
		{"/api/v1/events", "event.search_away", 503},
		{"/api/v1/events?q=a%20(b", "event.query_no_parenthesis", 400},
		{"/api/v1/events?q=usre.name:x", "event.query_field", 400},
		{"/api/v1/events?last=soon", "api.query", 400},
		{"/api/v1/events?from=2026-11-18T00:00:00Z&to=2026-11-17T00:00:00Z", "event.search_range", 400},
		{"/api/v1/events?cursor=1", "api.query", 400},
		{"/api/v1/events?cursor=1:x'", "api.query", 400},
		{"/api/v1/events?limit=1001", "api.query", 400},
		{"/api/v1/events?unit=x", "api.query", 400},
		{"/api/v1/events/facets", "api.query", 400},
		{"/api/v1/events/facets?field=raw", "api.query", 400},
		{"/api/v1/events/export?as=csv", "api.query", 400},
		{"/api/v1/events/rule?q=~a", "event.rule_cannot_folded", 400},
		{"/api/v1/events/0190c4f2-8a52-7d3e-9f10-aabbccddeeff", "event.search_away", 503},
		{"/api/v1/storage", "event.search_away", 503},
		{"/api/v1/storage/shares", "event.search_away", 503},
		{"/api/v1/storage/shares?by=x", "api.query", 400},
		{"/api/v1/storage/shares?days=99", "api.query", 400},
		{"/api/v1/events/x", "api.not_found", 404},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_answer struct world_answer a = call(w, &w->east_officer, "GET", rows[i].target, NULL);
		if (a.status != rows[i].status || strcmp(a.key, rows[i].key) != 0)
			fail_msg("%s: %d %s", rows[i].target, a.status, a.key);
		cleanup_answer struct world_answer nobody = call(w, &w->nobody, "GET", rows[i].target, NULL);
		assert_int_equal(nobody.status, 403);
	}
	/* What was not found is not written down as looked at. */
	assert_int_equal(world_sql_count(w, "SELECT count(*) FROM audit WHERE action = 'event.searched'"), 0);
}

static void scopes(struct world *w)
{
	struct event_scope scope;
	struct err err = {.code = 0};
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct {
		const struct access *as;
		size_t units;
		bool all;
	} rows[] = {{&w->admin, 3, true}, {&w->east_officer, 1, false}, {&w->nobody, 0, false}, {&(const struct access){.kind = ACCESS_ENDPOINT}, 0, false},
	            {&(const struct access){.kind = ACCESS_SYSTEM}, 3, true}};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		world_must(event_scope_load(&w->sc, arena, rows[i].as, "event.read", &scope, &err), &err);
		assert_int_equal(scope.count, rows[i].units);
		assert_true(scope.all == rows[i].all);
	}
	world_must(event_scope_load(&w->sc, arena, &w->east_officer, "event.read", &scope, &err), &err);
	world_must(event_db_narrow(&w->sc, arena, &w->city, &scope, &err), &err);
	assert_int_equal(scope.count, 1);
	world_must(event_db_narrow(&w->sc, arena, &w->west, &scope, &err), &err);
	assert_int_equal(scope.count, 0);
}

/* A store that has time for windows up to `widest` only. */
struct pretend {
	usec_t widest, low;
	unsigned asked, answered, enough_after;
};

static int pretend_window(struct event_ask *a, void *ctx, struct err *err)
{
	struct pretend *p = ctx;
	(void)err;
	p->asked++;
	assert_true(a->range.from < a->range.to);
	assert_int_equal(a->range.to, p->low);
	if (a->range.to - a->range.from > p->widest && a->limit > 0)
		return -ETIMEDOUT;
	p->low = a->range.from;
	return ++p->answered == p->enough_after;
}

/* Every moment of the range is asked for once, newest first, whatever the store has time for. */
static void walks(struct world *w)
{
	static const struct {
		usec_t range, ahead, widest, budget;
		unsigned enough_after, answered; /* 0: any */
		bool must_go_on, whole;
	} rows[] = {
		{365 * USEC_PER_DAY, 0, INT64_MAX, USEC_PER_MINUTE, 0, 0, true, true},
		{365 * USEC_PER_DAY, USEC_PER_HOUR, USEC_PER_DAY * 3, USEC_PER_MINUTE, 0, 0, true, true},
		{30 * USEC_PER_MINUTE, 2 * USEC_PER_HOUR, 2 * USEC_PER_HOUR + 2 * USEC_PER_MINUTE, USEC_PER_MINUTE, 0, 0, false, true},
		{1, 0, INT64_MAX, USEC_PER_MINUTE, 0, 1, true, true},
		{365 * USEC_PER_DAY, 0, INT64_MAX, USEC_PER_MINUTE, 2, 2, true, false},
		{365 * USEC_PER_DAY, 0, INT64_MAX, 0, 0, 0, false, false},
		{365 * USEC_PER_DAY, 0, INT64_MAX, 0, 0, 1, true, false},
		/* No window is short enough: the last is waited for. */
		{365 * USEC_PER_DAY, 0, 0, 0, 0, 1, true, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct event_ask a;
		struct err err = {.code = 0};
		usec_t reached = 0;
		event_ask_init(&a, &w->sc, arena);
		a.range = (struct event_range){world_clock - rows[i].range, world_clock + rows[i].ahead};
		struct pretend p = {.widest = rows[i].widest, .low = a.range.to, .enough_after = rows[i].enough_after};
		int r = event_walk(&a, &(struct event_walk){rows[i].budget, rows[i].must_go_on}, pretend_window, &p, &reached, &err);
		assert_int_equal(r, rows[i].enough_after > 0);
		assert_int_equal(reached, p.low);
		if ((reached == a.range.from) != rows[i].whole || (rows[i].answered > 0 && p.answered != rows[i].answered))
			fail_msg("row %zu: %u answered", i, p.answered);
		assert_true(rows[i].must_go_on || rows[i].budget > 0 || p.asked == 0);
		assert_true(p.asked < 1500);
		assert_true(a.arena == arena && a.sql.arena == arena);
		event_ask_done(&a);
	}
}

static void room(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	const struct service *rooms[] = {&event_service, NULL};
	world_init(&w, db, "/nonexistent", rooms);
	saved_searches(&w);
	refusals(&w);
	scopes(&w);
	walks(&w);
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
