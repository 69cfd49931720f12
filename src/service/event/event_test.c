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

static void room(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	const struct service *rooms[] = {&event_service, NULL};
	world_init(&w, db, "/nonexistent", rooms);
	saved_searches(&w);
	refusals(&w);
	scopes(&w);
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
