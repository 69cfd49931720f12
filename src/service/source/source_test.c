/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/service_test_support.h"
#include "service/source/source_internal.h"

#define FINGERPRINT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct {
	const char *addresses, *fingerprint, *key, *canonical;
} checks[] = {
	{"10.1.2.3", "", NULL, "10.1.2.3"},
	{" 10.1.2.3, 10.1.0.0/16\n10.1.2.3;2001:db8::/32 ", "", NULL, "10.1.2.3\n10.1.0.0/16\n2001:db8::/32"},
	{"", FINGERPRINT, NULL, ""},
	{"", "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF", NULL, ""},
	{"", "", "source.no_match", NULL},
	{"10.1.2.3/16", "", "event.bad_address", NULL},
	{"fw.local", "", "event.bad_address", NULL},
	{"0.0.0.0/0", "", "source.everybody", NULL},
	{"::/0", "", "source.everybody", NULL},
	{"10.0.0.1", "0011", "source.fingerprint", NULL},
	{"10.0.0.1", "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "source.fingerprint", NULL},
};

static void what_a_source_may_be(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct err err = {0};
		struct source_row row = {.name = STR(" Tường lửa "), .addresses = str_c(checks[i].addresses),
		                         .fingerprint = str_c(checks[i].fingerprint)};
		int r = source_check(arena, &row, &err);
		assert_int_equal(r, checks[i].key == NULL ? 0 : -EINVAL);
		if (checks[i].key != NULL) {
			assert_string_equal(err.key, checks[i].key);
			assert_string_equal(err.place, str_starts_with(str_c(checks[i].key), STR("source.fingerprint")) ? "/fingerprint" : "/addresses");
			continue;
		}
		assert_true(str_eq_c(row.addresses, checks[i].canonical));
		assert_true(str_eq_c(row.name, "Tường lửa"));
		assert_true(row.fingerprint.n == 0 || str_eq_c(row.fingerprint, FINGERPRINT));
	}
}

struct room {
	struct world w;
	struct arena *arena;
	char east[UUID_TEXT_SIZE], west[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], other[UUID_TEXT_SIZE];
};

static int call(struct room *r, const struct access *as, const char *method, const char *target, const char *body, char *ret_id)
{
	cleanup_answer struct world_answer a =
		world_call(&r->w, &(struct world_call){.as = as, .method = method, .target = target, .body = body, .if_match = "*"});
	if (ret_id != NULL && a.status == 201)
		(void)snprintf(ret_id, UUID_TEXT_SIZE, "%s", world_text(&a, "id"));
	return a.status;
}

static const char *about(struct room *r, const char *name, const char *unit, const char *rest)
{
	return arena_printf(r->arena, "{\"name\":\"%s\",\"unit_id\":\"%s\"%s}", name, unit, rest).p;
}

static const char *at(struct room *r, const char *id)
{
	return arena_printf(r->arena, "/api/v1/sources/%s", id).p;
}

static void begin(struct room *r, struct db *db)
{
	const struct service *rooms[] = {&source_service, NULL};
	*r = (struct room){.arena = arena_new(0)};
	world_init(&r->w, db, "/nonexistent", rooms);
	(void)uuid_text(&r->w.east, r->east);
	(void)uuid_text(&r->w.west, r->west);
}

static void end(struct room *r)
{
	world_done(&r->w);
	arena_free(r->arena);
}

static void who_may(struct room *r)
{
	const char *fw = about(r, "Tường lửa Đông", r->east, ",\"addresses\":[\"10.1.0.0/16\"],\"system_level\":3,\"silence_s\":600");
	assert_int_equal(call(r, &r->w.nobody, "POST", "/api/v1/sources", fw, NULL), 403);
	assert_int_equal(call(r, &r->w.west_officer, "POST", "/api/v1/sources", fw, NULL), 403);
	assert_int_equal(call(r, &r->w.east_officer, "POST", "/api/v1/sources", fw, r->id), 201);
	assert_int_equal(r->w.snapshots, 1);
	assert_int_equal(call(r, &r->w.west_officer, "GET", at(r, r->id), NULL, NULL), 404);
	assert_int_equal(call(r, &r->w.west_officer, "PATCH", at(r, r->id), "{\"note\":\"x\"}", NULL), 404);
	assert_int_equal(call(r, &r->w.west_officer, "DELETE", at(r, r->id), NULL, NULL), 404);
	assert_int_equal(call(r, &r->w.east_officer, "GET", "/api/v1/sources/strangers", NULL, NULL), 403);
	assert_int_equal(call(r, &r->w.admin, "GET", "/api/v1/sources/strangers", NULL, NULL), 200);
	/* Moving needs the right over both. */
	const char *move = arena_printf(r->arena, "{\"unit_id\":\"%s\"}", r->west).p;
	assert_int_equal(call(r, &r->w.east_officer, "PATCH", at(r, r->id), move, NULL), 403);
}

static void refusals(struct room *r)
{
	const struct {
		const char *rest;
		int status;
	} cases[] = {
		{"", 400},
		{",\"addresses\":[\"10.1.2.3/16\"]", 400},
		{",\"addresses\":[\"10.9.0.1\"],\"system_level\":6", 400},
		{",\"addresses\":[\"10.9.0.1\"],\"silence_s\":5", 400},
		{",\"addresses\":[\"10.9.0.1\"],\"retention\":\"no_such\"", 400},
		{",\"addresses\":[\"10.9.0.1\"],\"token_id\":\"no uuid\"", 400},
		{",\"addresses\":[\"10.9.0.1\"],\"token_id\":\"01890000-0000-7000-8000-000000000000\"", 400},
		{",\"addresses\":[\"10.9.0.1\"],\"format\":\"cef\"", 400},
		{",\"addresses\":[\"10.9.0.1\"],\"time_zone\":\"Mars/Olympus\"", 400},
		{",\"addresses\":[\"10.9.0.1\"],\"time_zone\":\"../../../etc/passwd\"", 400},
		{",\"adresses\":[\"10.9.0.1\"]", 400},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(call(r, &r->w.east_officer, "POST", "/api/v1/sources", about(r, "x", r->east, cases[i].rest), NULL),
		                 cases[i].status);
	struct err err = {.code = 0};
	struct source_row row = {.name = STR("x"), .addresses = STR("10.0.0.1"), .time_zone = STR("Mars/Olympus")};
	assert_int_equal(source_check(r->arena, &row, &err), -EINVAL);
	assert_string_equal(err.key, "source.time_zone");
	assert_string_equal(err.place, "/time_zone");
	cleanup_answer struct world_answer stale = world_call(&r->w, &(struct world_call){
		.as = &r->w.east_officer, .method = "PATCH", .target = at(r, r->id), .body = "{\"note\":\"x\"}", .if_match = "\"9\""});
	assert_int_equal(stale.status, 412);
}

/* Nested networks are fine, equal ones are not, but for those that are disabled. */
static void claims(struct room *r)
{
	const char *url = "/api/v1/sources";
	assert_int_equal(call(r, &r->w.east_officer, "POST", url, about(r, "Máy chủ", r->east, ",\"addresses\":[\"10.1.2.3\"]"), r->other), 201);
	cleanup_answer struct world_answer taken = world_call(&r->w, &(struct world_call){
		.as = &r->w.admin, .method = "POST", .target = url, .body = about(r, "Khác", r->west, ",\"addresses\":[\"10.1.0.0/16\"]")});
	assert_int_equal(taken.status, 409);
	assert_string_equal(taken.key, "source.address_taken");
	assert_int_equal(call(r, &r->w.admin, "POST", url, about(r, "Máy chủ", r->west, ",\"addresses\":[\"10.5.0.1\"]"), NULL), 409);
	assert_int_equal(call(r, &r->w.admin, "PATCH", at(r, r->id), "{\"enabled\":false}", NULL), 200);
	char third[UUID_TEXT_SIZE];
	assert_int_equal(call(r, &r->w.admin, "POST", url, about(r, "Khác", r->west, ",\"addresses\":[\"10.1.0.0/16\"]"), third), 201);
	assert_int_equal(call(r, &r->w.admin, "PATCH", at(r, r->id), "{\"enabled\":true}", NULL), 409);
	assert_int_equal(call(r, &r->w.admin, "DELETE", at(r, third), NULL, NULL), 204);
	assert_int_equal(call(r, &r->w.admin, "PATCH", at(r, r->id), "{\"enabled\":true}", NULL), 200);
	assert_int_equal(world_sql_count(&r->w, "SELECT count(*) FROM source_claim"), 2);
}

struct seen {
	size_t count, with_token;
	struct event_sender last;
};

static void see(const struct event_sender *s, const struct uuid *token_id, void *ctx)
{
	struct seen *seen = ctx;
	seen->count++;
	seen->with_token += token_id != NULL;
	if (s->address.set && s->address.prefix == 112)
		seen->last = *s;
}

static int read_senders(struct db_tx *tx, void *ctx, struct err *err)
{
	*(struct seen *)ctx = (struct seen){0};
	return source_each_sender(tx, see, ctx, err);
}

static int read_level(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct seen *seen = ctx;
	int64_t level = -1, none = -1;
	int r = source_level(tx, str_c(seen->last.source), &level, err);
	assert_int_equal(level, 3);
	if (r >= 0)
		r = source_level(tx, STR("agent"), &none, err);
	assert_int_equal(none, 0);
	return r;
}

static void for_the_pipeline(struct room *r)
{
	struct seen seen;
	assert_int_equal(call(r, &r->w.admin, "PATCH", at(r, r->id), "{\"time_zone\":\" Europe/Berlin \"}", NULL), 200);
	assert_int_equal(db_read(r->w.sc.db, read_senders, &seen, NULL), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.last.retention_days, 93); /* by its level */
	assert_int_equal(seen.last.silence_s, 600);
	assert_int_equal(seen.last.system_level, 3);
	assert_string_equal(seen.last.name, "Tường lửa Đông");
	assert_string_equal(seen.last.time_zone, "Europe/Berlin");
	assert_false(seen.last.has_format);
	assert_int_equal(db_read(r->w.sc.db, read_level, &seen, NULL), 0);
	assert_int_equal(call(r, &r->w.admin, "PATCH", "/api/v1/source-retention/level_3", "{\"days\":200,\"reason\":\"Theo quy chế\"}", NULL), 200);
	assert_int_equal(call(r, &r->w.east_officer, "PATCH", "/api/v1/source-retention/level_3", "{\"days\":1,\"reason\":\"x\"}", NULL), 403);
	/* A new pack leaves a corrected figure alone. */
	assert_int_equal(source_load_retention(&r->w.sc, NULL), 0);
	assert_int_equal(call(r, &r->w.admin, "PATCH", at(r, r->id), "{\"format\":\"syslog\",\"fingerprint\":\"" FINGERPRINT "\"}", NULL), 200);
	assert_int_equal(db_read(r->w.sc.db, read_senders, &seen, NULL), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.last.retention_days, 200);
	assert_true(seen.last.has_format);
	assert_int_equal(seen.last.format, EVENT_FORMAT_SYSLOG);
}

static void lists(struct room *r)
{
	const struct {
		const struct access *as;
		const char *target, *total;
	} cases[] = {
		{&r->w.admin, "/api/v1/sources", "2"},
		{&r->w.admin, "/api/v1/sources?q=tuong+lua", "1"},
		{&r->w.admin, "/api/v1/sources?q=10.1.2.3", "1"},
		{&r->w.admin, "/api/v1/sources?level=3", "1"},
		{&r->w.admin, "/api/v1/sources?enabled=0", "0"},
		{&r->w.west_officer, "/api/v1/sources", "0"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_answer struct world_answer a =
			world_call(&r->w, &(struct world_call){.as = cases[i].as, .method = "GET", .target = cases[i].target});
		assert_int_equal(a.status, 200);
		assert_string_equal(world_text(&a, "total"), cases[i].total);
	}
}

static void routes(struct db *db, const char *url)
{
	(void)url;
	struct room r;
	begin(&r, db);
	who_may(&r);
	refusals(&r);
	claims(&r);
	for_the_pipeline(&r);
	lists(&r);
	assert_int_equal(call(&r, &r.w.east_officer, "DELETE", at(&r, r.id), NULL, NULL), 204);
	assert_int_equal(call(&r, &r.w.east_officer, "GET", at(&r, r.id), NULL, NULL), 404);
	assert_int_equal(world_sql_count(&r.w, "SELECT count(*) FROM audit WHERE action = 'source.create'"), 3);
	assert_int_equal(world_sql_count(&r.w, "SELECT count(*) FROM audit WHERE action = 'source.delete'"), 2);
	assert_int_equal(world_sql_count(&r.w, "SELECT count(*) FROM audit WHERE action = 'source.retention'"), 1);
	assert_int_equal(world_sql_count(&r.w, "SELECT count(*) FROM outbox WHERE name = 'source.changed'"), 4);
	end(&r);
}

static void routes_each(void **state)
{
	(void)state;
	db_test_each(routes); /* on SQLite and on PostgreSQL */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_source_may_be), cmocka_unit_test(routes_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
