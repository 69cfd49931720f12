/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text/text.h"
#include "service/endpoint/endpoint.h"
#include "service/isolation/isolation_internal.h"
#include "service/service_test_support.h"
#include "service/source/source.h"

/* ---- texts ---- */

static void words(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t count;
	} cases[] = {{"", 0}, {"  ", 0}, {"Gọi", 1}, {" Gọi  113\nngay ", 3}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(isolation_words(str_c(cases[i].text)), cases[i].count);
}

static void messages(void **state)
{
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	struct isolation_policy p = {.message = {STR("Máy {host}: {cause} Gọi {hotline}. {không} {host"), STR("x")}, .hotline = {STR("cán bộ"), STR("x")}};
	struct isolation_cause c = {.sentence = {STR("Có {host} lạ."), STR("x")}};
	/* What is filled in is not filled in again. */
	assert_true(str_eq_c(isolation_message(arena, &p, &c, STR("{cause}"), NULL), "Máy {cause}: Có {host} lạ. Gọi cán bộ. {không} {host"));
	assert_true(str_eq_c(isolation_message(arena, &p, &c, STR("A"), "113"), "Máy A: Có {host} lạ. Gọi 113. {không} {host"));
}

/* ---- through the routes ---- */

struct room {
	struct world w;
	struct arena *arena;
	struct uuid pc, server, old, west_pc, many[8];
};

struct machine {
	struct uuid *ret, unit;
	const char *hostname, *address, *facts;
	bool sample;
};
#define CAN "{\"isolation\":{\"can\":true,\"why\":\"\",\"id\":\"\",\"state\":\"none\"}}"

static void put(struct db_tx *tx, const struct machine *m, struct err *err)
{
	char addresses[80];
	(void)snprintf(addresses, sizeof addresses, "[\"%s\",\"fe80::1\"]", m->address);
	*m->ret = uuid_new();
	world_must(db_exec(tx, err,
	                   "INSERT INTO endpoint (id, unit_id, hostname, search_key, sort_key, os, os_version, addresses, agent_version, boot_id,"
	                   " previous_boot_id, bundle_version, watch_mode, scanner, facts, inventory_hash, inventory_at, state, state_reason,"
	                   " state_since, last_seen_at, enrolled_at, note, sample, version) VALUES ($1, $2, $3, $3, $4, 'linux', '', $5, '1', '',"
	                   " '', 0, '', '', $6, '', 0, 0, '', 0, $7, 0, '', $8, 1)",
	                   DB_UUID(m->ret), DB_UUID(&m->unit), DB_CSTR(m->hostname), DB_BLOB(str_c(m->hostname)), DB_CSTR(addresses),
	                   DB_CSTR(m->facts), DB_INT(world_clock), DB_INT(m->sample)), err);
}

static int people_and_machines(struct db_tx *tx, void *ctx, struct err *err)
{
	struct room *r = ctx;
	put(tx, &(struct machine){&r->pc, r->w.east, "MAY-01", "10.1.0.1", CAN, false}, err);
	put(tx, &(struct machine){&r->server, r->w.east, "SRV-HOSO", "10.1.9.7", CAN, false}, err);
	put(tx, &(struct machine){&r->old, r->w.east, "MAY-CU", "10.1.0.3", "{}", false}, err);
	put(tx, &(struct machine){&r->west_pc, r->w.west, "MAY-TAY", "10.2.0.1", CAN, false}, err);
	for (size_t i = 0; i < ARRAY_LEN(r->many); i++)
		put(tx, &(struct machine){&r->many[i], r->w.east, "MAY-N", "10.1.0.9", CAN, false}, err);
	return 0;
}

static int call(struct room *r, const struct access *as, const char *method, const struct uuid *id, const char *body, const char *key)
{
	char text[UUID_TEXT_SIZE];
	cleanup_answer struct world_answer a =
		world_call(&r->w, &(struct world_call){.as = as, .method = method, .body = body,
	                                               .target = arena_printf(r->arena, "/api/v1/endpoints/%s/isolation", uuid_text(id, text)).p});
	if (key != NULL)
		assert_string_equal(a.key, key);
	return a.status;
}

static const char *shown(struct room *r, const struct access *as, const struct uuid *id, const char *path)
{
	char text[UUID_TEXT_SIZE];
	cleanup_answer struct world_answer a = world_call(
		&r->w, &(struct world_call){.as = as, .method = "GET",
	                                    .target = arena_printf(r->arena, "/api/v1/endpoints/%s/isolation", uuid_text(id, text)).p});
	assert_int_equal(a.status, 200);
	return arena_cstr(r->arena, str_c(world_text(&a, path)));
}

#define ASK "{\"cause\":\"malware\",\"reason\":\"Cảnh báo số 12\"}"

static void refusals(struct room *r)
{
	static const struct {
		const char *body, *key;
	} bad[] = {
		{"{\"cause\":\"x\",\"reason\":\"abc\"}", "isolation.cause_unknown"},
		{"{\"cause\":\"malware\",\"reason\":\"   \"}", "isolation.reason_required"},
		{"{\"cause\":\"malware\",\"reason\":\"abc\",\"duration_s\":604801}", "isolation.duration_too_long"},
	};
	const struct access *officer = &r->w.east_officer;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(call(r, officer, "POST", &r->pc, bad[i].body, bad[i].key), 400);
	assert_int_equal(call(r, officer, "POST", &r->pc, "{\"cause\":\"malware\"}", NULL), 400);
	assert_int_equal(call(r, officer, "POST", &r->pc, "{\"cause\":\"malware\",\"reason\":\"abc\",\"duration_s\":4}", NULL), 400);
	assert_int_equal(call(r, &r->w.nobody, "POST", &r->pc, ASK, "api.forbidden"), 403);
	/* Another unit's machine is not there at all. */
	assert_int_equal(call(r, officer, "POST", &r->west_pc, ASK, NULL), 404);
	assert_int_equal(call(r, officer, "DELETE", &r->west_pc, NULL, NULL), 404);
	assert_int_equal(call(r, officer, "GET", &r->west_pc, NULL, NULL), 404);
	/* An agent that cannot: said, and not pretended. */
	assert_int_equal(call(r, officer, "POST", &r->old, ASK, "endpoint.isolation_agent_old"), 409);
	assert_string_equal(shown(r, officer, &r->old, "can"), "false");
	assert_int_equal(call(r, officer, "DELETE", &r->pc, NULL, "endpoint.isolation_not_open"), 409);
	assert_int_equal(world_sql_count(&r->w, "SELECT count(*) FROM endpoint_isolation"), 0);
}

static void asked_and_lifted(struct room *r)
{
	const struct access *officer = &r->w.east_officer;
	assert_string_equal(shown(r, officer, &r->pc, "state"), "none");
	assert_string_equal(shown(r, officer, &r->pc, "may"), "true");
	assert_int_equal(call(r, officer, "POST", &r->pc, "{\"cause\":\"malware\",\"reason\":\"Cảnh báo số 12\",\"duration_s\":3600}", NULL), 200);
	assert_string_equal(shown(r, officer, &r->pc, "state"), "asked");
	assert_string_equal(shown(r, officer, &r->pc, "order.asked_by.name"), "east");
	assert_string_equal(shown(r, officer, &r->pc, "order.reason"), "Cảnh báo số 12");
	const char *message = shown(r, officer, &r->pc, "order.message");
	assert_non_null(strstr(message, "MAY-01"));
	assert_non_null(strstr(message, "0292 0000 113"));
	assert_true(isolation_words(str_c(message)) <= ISOLATION_WORDS_MAX);
	assert_int_equal(call(r, officer, "POST", &r->pc, ASK, "endpoint.isolation_open"), 409);
	world_clock += 2 * USEC_PER_HOUR;
	assert_string_equal(shown(r, officer, &r->pc, "order.overdue"), "true");
	assert_int_equal(call(r, officer, "DELETE", &r->pc, NULL, NULL), 200);
	assert_string_equal(shown(r, officer, &r->pc, "state"), "lifting");
	assert_string_equal(shown(r, officer, &r->pc, "order.lifted_by"), "east");
	/* While the lifting is on its way somebody may think again. */
	assert_int_equal(call(r, officer, "POST", &r->pc, ASK, NULL), 200);
	assert_string_equal(shown(r, officer, &r->pc, "order.chosen"), "false");
	assert_int_equal(world_sql_count(&r->w, "SELECT count(*) FROM audit WHERE action = 'endpoint.isolate'"), 2);
	assert_int_equal(world_sql_count(&r->w, "SELECT count(*) FROM audit WHERE action = 'endpoint.lift_isolation'"), 1);
	assert_int_equal(world_sql_count(&r->w, "SELECT count(*) FROM endpoint_timeline WHERE what = 'isolation'"), 3);
}

/* ---- when it takes two: the route's own look, which service/approval asks ---- */

struct looking {
	struct room *r;
	const struct uuid *id;
	bool needed;
};

static int look(struct db_tx *tx, void *ctx, struct err *err)
{
	struct looking *l = ctx;
	char text[UUID_TEXT_SIZE];
	struct http_request http = {.arena = l->r->arena, .method = "POST",
	                            .path = arena_printf(l->r->arena, "/api/v1/endpoints/%s/isolation", uuid_text(l->id, text))};
	struct api_request req = {.http = &http, .arena = l->r->arena, .service = &l->r->w.sc, .access = &l->r->w.east_officer};
	struct service_deed deed;
	req.route = world_find(&l->r->w, &http);
	assert_string_equal(req.route->four_eyes->action, "endpoint.isolate");
	world_must(json_parse(l->r->arena, STR(ASK), NULL, &req.body, err), err);
	req.fields = arena_alloc(l->r->arena, req.route->body_size);
	world_must(json_decode(l->r->arena, req.body, req.route->body, req.fields, err), err);
	world_must(req.route->four_eyes->look(tx, &req, &deed, err), err);
	assert_true(uuid_eq(&deed.object_id, l->id));
	l->needed = deed.needed;
	return 0;
}

static bool takes_two(struct room *r, const struct uuid *id)
{
	struct err err = {.code = 0};
	struct looking l = {.r = r, .id = id};
	world_must(db_read(r->w.sc.db, look, &l, &err), &err);
	return l.needed;
}

static void two_persons(struct room *r)
{
	char unit[UUID_TEXT_SIZE];
	const char *body = arena_printf(r->arena, "{\"name\":\"Máy chủ hồ sơ\",\"unit_id\":\"%s\",\"system_name\":\"Một cửa\",\"system_level\":3,"
	                                          "\"kind\":\"server\",\"addresses\":[\"10.1.9.0/24\"]}", uuid_text(&r->w.east, unit)).p;
	assert_false(takes_two(r, &r->server));
	cleanup_answer struct world_answer a =
		world_call(&r->w, &(struct world_call){.as = &r->w.admin, .method = "POST", .target = "/api/v1/sources", .body = body});
	if (a.status != 201)
		fail_msg("source: %d %s", a.status, a.key);
	assert_true(takes_two(r, &r->server));
	assert_false(takes_two(r, &r->many[0]));
	/* Two orders of the last hours do not count any more; five of this hour do. */
	world_clock += 2 * USEC_PER_HOUR;
	for (size_t i = 0; i < 5; i++) {
		assert_false(takes_two(r, &r->many[i]));
		assert_int_equal(call(r, &r->w.east_officer, "POST", &r->many[i], ASK, NULL), 200);
	}
	assert_true(takes_two(r, &r->many[5]));
	world_clock += USEC_PER_HOUR + 1;
	assert_false(takes_two(r, &r->many[5]));
}

static void routes(struct db *db, const char *url)
{
	(void)url;
	static const struct service *const rooms[] = {&endpoint_service, &source_service, &isolation_service, NULL};
	struct room r;
	struct err err = {.code = 0};
	world_init(&r.w, db, "/nonexistent", rooms);
	r.w.sc.hotline = "0292 0000 113 (trực an toàn thông tin)";
	r.arena = arena_new(0);
	world_must(db_write(db, people_and_machines, &r, &err), &err);
	refusals(&r);
	asked_and_lifted(&r);
	two_persons(&r);
	arena_free(r.arena);
	world_done(&r.w);
}

static void routes_each(void **state)
{
	(void)state;
	db_test_each(routes); /* on SQLite and on PostgreSQL */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(words), cmocka_unit_test(messages), cmocka_unit_test(routes_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
