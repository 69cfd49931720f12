/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/service_test_support.h"
#include "service/template/template_internal.h"

static const struct {
	const char *text;
	int result;
} checks[] = {{"a", 0}, {"  a ", 0}, {"", -EINVAL}, {"  \t", -EINVAL}};

static void rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		assert_int_equal(template_check(str_c(checks[i].text), NULL), checks[i].result);
}

static void routes(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	const struct service *rooms[] = {&template_service, NULL};
	world_init(&w, db, "/nonexistent", rooms);
	cleanup(arena) struct arena *arena = arena_new(0);
	char east[UUID_TEXT_SIZE];
	const char *body = arena_printf(arena, "{\"unit_id\":\"%s\",\"text\":\"Đã tập huấn\"}", uuid_text(&w.east, east)).p;
	const char *blank = arena_printf(arena, "{\"unit_id\":\"%s\",\"text\":\" \"}", east).p;
	const struct {
		const struct access *as;
		const char *body;
		int status;
	} posts[] = {
		{&w.nobody, body, 403},        /* holds the permission nowhere */
		{&w.west_officer, body, 403},  /* not in this unit */
		{&w.east_officer, blank, 400},
		{&w.east_officer, "{\"txt\":1}", 400},
		{&w.east_officer, body, 201},
	};
	for (size_t i = 0; i < ARRAY_LEN(posts); i++) {
		cleanup_answer struct world_answer a = world_call(&w, &(struct world_call){
			.as = posts[i].as, .method = "POST", .target = "/api/v1/template", .body = posts[i].body});
		assert_int_equal(a.status, posts[i].status);
	}
	const struct {
		const struct access *as;
		const char *target, *total;
	} lists[] = {
		{&w.admin, "/api/v1/template", "1"},
		{&w.admin, "/api/v1/template?q=da+tap", "1"}, /* without diacritics */
		{&w.admin, "/api/v1/template?q=khac", "0"},
		{&w.west_officer, "/api/v1/template", "0"},
	};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		cleanup_answer struct world_answer a =
			world_call(&w, &(struct world_call){.as = lists[i].as, .method = "GET", .target = lists[i].target});
		assert_int_equal(a.status, 200);
		assert_string_equal(world_text(&a, "total"), lists[i].total);
	}
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'template.create'"), 1);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM outbox WHERE name = 'template.created'"), 1);
	world_done(&w);
}

static void routes_each(void **state)
{
	(void)state;
	db_test_each(routes); /* on SQLite and on PostgreSQL */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rules), cmocka_unit_test(routes_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
