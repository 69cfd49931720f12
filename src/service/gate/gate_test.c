/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The floor of services through its door, over real HTTP, on both databases. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "service/gate/gate_test_support.h"

static void verify_chain(struct rig *rig)
{
	struct err err = {.code = 0};
	struct audit_verdict v;
	rig_must(audit_verify(&rig->sc, &v, &err), &err);
	assert_true(v.ok);
	assert_true(v.records > 0);
}

static void expect(struct rig *rig, const char *method, const char *path, const char *body, int status, const char *text)
{
	int got = rig_send(rig, method, path, body);
	if (got != status || (text != NULL && !rig_has(rig, text)))
		fail_msg("%s %s: %d instead of %d (%s): %.*s", method, path, got, status, text != NULL ? text : "",
		         STR_FMT(buf_str(&rig->res.body)));
}

static void set_up_once(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	expect(&rig, "GET", "/api/v1/setup", NULL, 200, "\"needed\":true");
	expect(&rig, "POST", "/api/v1/setup",
	       "{\"code\":\"aaaaa-aaaaa\",\"login\":\"admin\",\"display_name\":\"A\",\"password\":\"" RIG_PASSWORD
	       "\",\"city_name\":\"B\"}", 403, "account.setup_code");
	expect(&rig, "GET", "/api/v1/session", NULL, 401, "account.not_signed_in");
	assert_int_equal(rig_set_up(&rig), 201);
	assert_true(rig_has(&rig, "\"shell\":\"watch\""));
	assert_true(str_starts_with(buf_str(&rig.res.set_cookie), STR(ACCOUNT_COOKIE "=")));
	static const char *const flags[] = {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"};
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		assert_true(str_find(buf_str(&rig.res.set_cookie), str_c(flags[i])) != SIZE_MAX);
	assert_true(str_find(buf_str(&rig.res.set_cookie), STR("Domain")) == SIZE_MAX);
	expect(&rig, "GET", "/api/v1/session", NULL, 200, "Trần Minh Quân");
	expect(&rig, "GET", "/api/v1/setup", NULL, 200, "\"needed\":false");
	struct err err = {.code = 0};
	char code[ACCOUNT_SETUP_CODE_SIZE];
	assert_int_equal(account_setup_begin(&rig.sc, code, &err), 0);
	expect(&rig, "POST", "/api/v1/setup",
	       "{\"code\":\"x\",\"login\":\"eve\",\"display_name\":\"E\",\"password\":\"" RIG_PASSWORD "\",\"city_name\":\"B\"}",
	       409, "account.setup_done");
	verify_chain(&rig);
	rig_stop(&rig);
}

static void throttling(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(rig_login(&rig, "admin", "wrong password"), 401);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 429);
	assert_string_equal(rig.res.retry_after, "31");
	/* Another account is not held up by it; a name that does not exist is treated as one that does. */
	assert_int_equal(rig_login(&rig, "nobody", RIG_PASSWORD), 401);
	rig_time += 29 * USEC_PER_SEC;
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 429);
	rig_time += 2 * USEC_PER_SEC;
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	assert_int_equal(rig_login(&rig, "admin", "wrong password"), 401);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	/* Per address: 20 failures over many names. */
	char login[16];
	int status = 0;
	for (unsigned i = 0; i < 40 && status != 429; i++) {
		(void)snprintf(login, sizeof login, "user%u", i);
		status = rig_login(&rig, login, "wrong password");
	}
	assert_int_equal(status, 429);
	verify_chain(&rig);
	rig_stop(&rig);
}

static void sessions(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char first[256], second[256];
	(void)memcpy(first, rig.cookie, sizeof first);
	/* Another sign-in from the same browser ends the old session: no fixation. */
	char body[] = "{\"login\":\"admin\",\"password\":\"" RIG_PASSWORD "\"}";
	expect(&rig, "POST", "/api/v1/login", body, 200, NULL);
	assert_string_not_equal(rig.cookie, first);
	(void)memcpy(second, rig.cookie, sizeof second);
	(void)memcpy(rig.cookie, first, sizeof first);
	expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	/* After an hour the secret changes; the old one counts for a minute more. */
	(void)memcpy(rig.cookie, second, sizeof second);
	rig_time += 61 * USEC_PER_MINUTE;
	expect(&rig, "GET", "/api/v1/session", NULL, 200, NULL);
	char third[256];
	(void)memcpy(third, rig.cookie, sizeof third);
	assert_string_not_equal(third, second);
	(void)memcpy(rig.cookie, second, sizeof second);
	rig_time += 30 * USEC_PER_SEC;
	expect(&rig, "GET", "/api/v1/session", NULL, 200, NULL);
	assert_string_equal(rig.cookie, second);
	rig_time += 31 * USEC_PER_SEC;
	expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	/* Idle. */
	(void)memcpy(rig.cookie, third, sizeof third);
	rig_time += 4 * USEC_PER_HOUR + USEC_PER_MINUTE;
	expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	/* Twelve hours, however busy. */
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	for (unsigned i = 0; i < 12; i++) {
		rig_time += 59 * USEC_PER_MINUTE;
		assert_int_equal(rig_send(&rig, "GET", "/api/v1/session", NULL), 200);
	}
	rig_time += 13 * USEC_PER_MINUTE;
	expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	/* Ending one from another. */
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	(void)memcpy(first, rig.cookie, sizeof first);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	expect(&rig, "GET", "/api/v1/session/sessions", NULL, 200, "\"current\":true");
	cleanup(arena) struct arena *arena = arena_new(0);
	json_each(item, json_get(rig_json(&rig, arena), "items")) {
		if (json_get_bool(item, "current", true))
			continue;
		char path[128];
		(void)snprintf(path, sizeof path, "/api/v1/session/sessions/%.*s", STR_FMT(json_get_str(item, "id", STR(""))));
		expect(&rig, "DELETE", path, NULL, 204, NULL);
	}
	expect(&rig, "GET", "/api/v1/session", NULL, 200, NULL);
	expect(&rig, "POST", "/api/v1/logout", NULL, 204, NULL);
	assert_true(str_find(buf_str(&rig.res.set_cookie), STR("Max-Age=0")) != SIZE_MAX);
	(void)memcpy(rig.cookie, first, sizeof first);
	expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	rig_stop(&rig);
}

static void forgery(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	rig.no_request_header = true;
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 403);
	rig.no_request_header = false;
	assert_int_equal(rig_set_up(&rig), 201);
	rig.no_request_header = true;
	expect(&rig, "POST", "/api/v1/logout", NULL, 403, "gate.request_header");
	rig.no_request_header = false;
	rig.header = "Origin: https://evil.example";
	expect(&rig, "POST", "/api/v1/logout", NULL, 403, "gate.origin");
	rig.header = "Origin: null";
	expect(&rig, "POST", "/api/v1/logout", NULL, 403, "gate.origin");
	char ours[96];
	(void)snprintf(ours, sizeof ours, "Origin: %s", rig.base);
	rig.header = ours;
	expect(&rig, "POST", "/api/v1/logout", NULL, 204, NULL);
	rig_stop(&rig);
}

/* Bad input: the answer names the place, nothing is half-done. */
static const struct {
	const char *method, *path, *body;
	int status;
	const char *text;
} bad_input[] = {
	{"POST", "/api/v1/units", "{", 400, "json.syntax"},
	{"POST", "/api/v1/units", "[]", 400, "gate.body_object"},
	{"POST", "/api/v1/units", "{\"kode\":\"a\"}", 400, "json.unknown_field"},
	{"POST", "/api/v1/units", "{\"code\":\"a\",\"code\":\"b\"}", 400, "json."},
	{"POST", "/api/v1/units", "{\"code\":\"A1\",\"kind\":\"department\",\"name\":\"x\",\"parent_id\":\"y\"}", 400, "/parent_id"},
	{"POST", "/api/v1/units",
         "{\"code\":\"A1\",\"kind\":\"department\",\"name\":\"x\",\"parent_id\":\"01890000-0000-7000-8000-000000000000\"}", 403,
         "api.forbidden"},
	{"GET", "/api/v1/units?limit=0", NULL, 400, "limit"},
	{"GET", "/api/v1/units?sort=size", NULL, 400, "path|name|code"},
	{"GET", "/api/v1/units?cursor=AAAA", NULL, 400, "cursor"},
	{"GET", "/api/v1/units?cursor=cGF0aDp0MDA6YjAw", NULL, 400, "cursor"},
	{"GET", "/api/v1/units/xyz", NULL, 404, "api.not_found"},
	{"GET", "/api/v1/nothing", NULL, 404, "gate.no_route"},
	{"DELETE", "/api/v1/units", NULL, 405, "gate.no_method"},
	{"GET", "/api/v1/audit?from=yesterday", NULL, 400, "RFC 3339"},
	{"POST", "/api/v1/session/password", "{\"old_password\":\"x\",\"new_password\":\"" RIG_PASSWORD "2\"}", 400,
         "account.old_password"},
	{"POST", "/api/v1/session/password", "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"short\"}", 400,
         "account.password_length"},
	{"POST", "/api/v1/session/password", "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"admin-admin-1\"}", 400,
         "account.password_weak"},
};

static void refusals(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	for (size_t i = 0; i < ARRAY_LEN(bad_input); i++) {
		expect(&rig, bad_input[i].method, bad_input[i].path, bad_input[i].body, bad_input[i].status, bad_input[i].text);
		assert_string_equal(rig.res.content_type, "application/problem+json");
	}
	rig.header = "Accept-Language: en";
	expect(&rig, "GET", "/api/v1/units/xyz", NULL, 404, "There is no such item");
	expect(&rig, "GET", "/api/v1/units/xyz", NULL, 404, "Không có mục này");
	expect(&rig, "GET", "/api/v1/units/xyz?lang=en", NULL, 404, "There is no such item");
	rig_stop(&rig);
}

static void make_unit(struct rig *rig, const char *code, const char *kind, const char *name, const char *parent,
                      char out[UUID_TEXT_SIZE])
{
	char body[512];
	(void)snprintf(body, sizeof body, "{\"code\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\",\"parent_id\":\"%s\"}", code, kind,
	               name, parent);
	expect(rig, "POST", "/api/v1/units", body, 201, "\"path_names\"");
	rig_id(rig, out);
}

static void root_of(struct rig *rig, char out[UUID_TEXT_SIZE])
{
	cleanup(arena) struct arena *arena = arena_new(0);
	expect(rig, "GET", "/api/v1/units?kind=city", NULL, 200, NULL);
	const struct json *first = json_get(rig_json(rig, arena), "items")->child;
	str_copy_c(json_get_str(first, "id", STR("")), out, UUID_TEXT_SIZE);
}

static void units(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], part[UUID_TEXT_SIZE], path[128], body[256];
	root_of(&rig, root);
	make_unit(&rig, "SO-A", "department", "Sở Đỏ", root, a);
	make_unit(&rig, "SO-B", "department", "Sở Xanh", root, b);
	make_unit(&rig, "SO-A-1", "part", "Phòng Một", a, part);
	assert_true(rig_has(&rig, "[\"Thành phố mẫu\",\"Sở Đỏ\"]"));
	expect(&rig, "GET", "/api/v1/units?q=so%20do", NULL, 200, "\"total\":1");
	expect(&rig, "GET", "/api/v1/units?q=SO-b", NULL, 200, "Sở Xanh");
	expect(&rig, "GET", "/api/v1/units?q=100%25", NULL, 200, "\"total\":0");
	(void)snprintf(body, sizeof body, "{\"code\":\"SO-A\",\"kind\":\"department\",\"name\":\"x\",\"parent_id\":\"%s\"}", root);
	expect(&rig, "POST", "/api/v1/units", body, 409, "unit.code_taken");
	(void)snprintf(body, sizeof body, "{\"code\":\"P\",\"kind\":\"ward\",\"name\":\"x\",\"parent_id\":\"%s\"}", part);
	expect(&rig, "POST", "/api/v1/units", body, 400, "unit.parent_kind");
	/* Versions. */
	(void)snprintf(path, sizeof path, "/api/v1/units/%s", part);
	expect(&rig, "PATCH", path, "{\"name\":\"Phòng Hai\"}", 428, "api.if_match_missing");
	rig.etag = "\"1\"";
	expect(&rig, "PATCH", path, "{\"name\":\"Phòng Hai\"}", 200, "Phòng Hai");
	assert_string_equal(rig.res.etag, "\"2\"");
	rig.etag = "\"1\"";
	expect(&rig, "PATCH", path, "{\"name\":\"Phòng Ba\"}", 412, "api.stale");
	/* Moving takes the paths along; what was keeps its dates. */
	(void)snprintf(body, sizeof body, "{\"parent_id\":\"%s\"}", b);
	rig.etag = "\"2\"";
	expect(&rig, "PATCH", path, body, 200, "[\"Thành phố mẫu\",\"Sở Xanh\"]");
	expect(&rig, "GET", path, NULL, 200, "\"past\":[{\"code\":\"SO-A-1\",\"kind\":\"part\",\"name\":\"Phòng Hai\"");
	(void)snprintf(path, sizeof path, "/api/v1/units/%s", b);
	(void)snprintf(body, sizeof body, "{\"parent_id\":\"%s\"}", part);
	rig.etag = "*";
	expect(&rig, "PATCH", path, body, 400, "unit.");
	rig.etag = "*";
	expect(&rig, "PATCH", path, "{\"closed\":true}", 409, "unit.has_open_children");
	(void)snprintf(path, sizeof path, "/api/v1/units/%s", part);
	rig.etag = "*";
	expect(&rig, "PATCH", path, "{\"closed\":true}", 200, "\"closed_at\":\"2026");
	expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":3");
	expect(&rig, "GET", "/api/v1/units?closed=1", NULL, 200, "\"total\":4");
	(void)snprintf(path, sizeof path, "/api/v1/units/%s", root);
	rig.etag = "*";
	(void)snprintf(body, sizeof body, "{\"parent_id\":\"%s\"}", a);
	expect(&rig, "PATCH", path, body, 400, "unit.root_stays");
	verify_chain(&rig);
	expect(&rig, "GET", "/api/v1/audit?action=unit.moved", NULL, 200, "\"total\":1");
	expect(&rig, "POST", "/api/v1/audit/verify", NULL, 200, "\"ok\":true");
	rig_stop(&rig);
}

/* The sample city: every page of a list, in both directions, shows each row once. */
static void paging(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	struct err err = {.code = 0};
	char file[600];
	unsigned added = 0;
	const struct access system = {.kind = ACCESS_SYSTEM, .name = STR("test")};
	(void)snprintf(file, sizeof file, "%s/vn/sample/cantho/units.csv", rig.packs);
	rig_must(unit_import_csv(&rig.sc, &system, file, true, &added, &err), &err);
	assert_true(added >= 100);
	unsigned again = 1;
	rig_must(unit_import_csv(&rig.sc, &system, file, true, &again, &err), &err);
	assert_int_equal(again, 0);
	(void)snprintf(file, sizeof file, "%s/vn/sample/cantho/people.yaml", rig.packs);
	rig_must(account_import_people(&rig.sc, &system, file, STR(RIG_PASSWORD), &again, &err), &err);
	assert_int_equal(again, 9);
	assert_int_equal(rig_login(&rig, "quantri", RIG_PASSWORD), 200);
	assert_true(rig_has(&rig, "\"sample\":true"));
	static const char *const sorts[] = {"path", "-path", "name", "-name", "code"};
	for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		char path[2048], last[512] = "";
		unsigned seen = 0;
		struct str next = STR("");
		do {
			(void)snprintf(path, sizeof path, "/api/v1/units?limit=25&sort=%s&cursor=%.*s", sorts[i], STR_FMT(next));
			expect(&rig, "GET", path, NULL, 200, NULL);
			const struct json *page = rig_json(&rig, arena);
			assert_int_equal(json_get_int(page, "total", 0), added);
			json_each(item, json_get(page, "items")) {
				if (str_eq_c(json_get_str(item, "code", STR("")), "92") && i == 0)
					assert_int_equal(seen, 0);
				seen++;
			}
			next = json_get_str(page, "next", STR(""));
		} while (next.n > 0);
		(void)last;
		assert_int_equal(seen, added);
	}
	/* Vietnamese order, not the database's. */
	expect(&rig, "GET", "/api/v1/units?kind=ward&sort=name&limit=1", NULL, 200, "An");
	/* A unit officer sees the own subtree only. */
	assert_int_equal(rig_login(&rig, "ninhkieu", RIG_PASSWORD), 200);
	expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":1");
	expect(&rig, "GET", "/api/v1/accounts", NULL, 403, "api.forbidden");
	expect(&rig, "GET", "/api/v1/audit", NULL, 403, NULL);
	/* Restricted roles open routes, but no unit's rows. */
	assert_int_equal(rig_login(&rig, "nhathau", RIG_PASSWORD), 200);
	expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":0");
	/* A guest's grant ends by itself. */
	assert_int_equal(rig_login(&rig, "chuyengia", RIG_PASSWORD), 200);
	assert_true(rig_has(&rig, "incident.read"));
	rig_time += 31 * USEC_PER_DAY;
	assert_int_equal(rig_login(&rig, "chuyengia", RIG_PASSWORD), 200);
	assert_false(rig_has(&rig, "incident.read"));
	verify_chain(&rig);
	rig_stop(&rig);
}

static void accounts(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char admin_cookie[256], root[UUID_TEXT_SIZE], unit[UUID_TEXT_SIZE], officer[UUID_TEXT_SIZE], path[160], body[512];
	root_of(&rig, root);
	make_unit(&rig, "SO-A", "department", "Sở Đỏ", root, unit);
	(void)snprintf(body, sizeof body,
	               "{\"login\":\"hai\",\"display_name\":\"Nguyễn Văn Hải\",\"unit_id\":\"%s\",\"password\":\"" RIG_PASSWORD "\"}",
	               unit);
	expect(&rig, "POST", "/api/v1/accounts", body, 201, "Nguyễn Văn Hải");
	rig_id(&rig, officer);
	expect(&rig, "POST", "/api/v1/accounts", body, 409, "account.login_taken");
	expect(&rig, "GET", "/api/v1/accounts?q=nguyen%20van%20hai", NULL, 200, "\"total\":1");
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/grants", officer);
	(void)snprintf(body, sizeof body, "{\"role\":\"boss\",\"unit_id\":\"%s\"}", unit);
	expect(&rig, "POST", path, body, 400, "account.role_unknown");
	(void)snprintf(body, sizeof body, "{\"role\":\"guest_expert\",\"unit_id\":\"%s\"}", unit);
	expect(&rig, "POST", path, body, 400, "account.needs_expiry");
	(void)snprintf(body, sizeof body, "{\"role\":\"log_sender\",\"unit_id\":\"%s\"}", unit);
	expect(&rig, "POST", path, body, 400, "account.role_for_machines");
	(void)snprintf(body, sizeof body, "{\"role\":\"administrator\",\"unit_id\":\"%s\"}", unit);
	expect(&rig, "POST", path, body, 201, "administrator");
	(void)memcpy(admin_cookie, rig.cookie, sizeof admin_cookie);
	/* The first password must be changed before anything else. */
	assert_int_equal(rig_login(&rig, "hai", RIG_PASSWORD), 200);
	assert_true(rig_has(&rig, "\"must_change_password\":true"));
	expect(&rig, "GET", "/api/v1/units", NULL, 403, "account.must_change_password");
	expect(&rig, "POST", "/api/v1/session/password",
	       "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"mot mat khau khac\"}", 200, NULL);
	expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":1");
	/* A manager below may neither reach up nor touch who holds more. */
	(void)snprintf(body, sizeof body, "{\"role\":\"analyst\",\"unit_id\":\"%s\"}", root);
	expect(&rig, "POST", path, body, 403, "api.forbidden");
	(void)snprintf(body, sizeof body, "{\"login\":\"x1\",\"display_name\":\"X\",\"unit_id\":\"%s\"}", root);
	expect(&rig, "POST", "/api/v1/accounts", body, 403, NULL);
	expect(&rig, "GET", "/api/v1/accounts?q=admin", NULL, 200, "\"total\":0");
	char officer_cookie[256];
	(void)memcpy(officer_cookie, rig.cookie, sizeof officer_cookie);
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	/* The administrator sits in the officer's unit from now on: still out of the officer's reach. */
	cleanup(arena) struct arena *arena = arena_new(0);
	expect(&rig, "GET", "/api/v1/session", NULL, 200, NULL);
	char admin[UUID_TEXT_SIZE], admin_path[160];
	str_copy_c(json_get_str(json_get(rig_json(&rig, arena), "account"), "id", STR("")), admin, sizeof admin);
	(void)snprintf(admin_path, sizeof admin_path, "/api/v1/accounts/%s", admin);
	(void)snprintf(body, sizeof body, "{\"unit_id\":\"%s\"}", unit);
	rig.etag = "*";
	expect(&rig, "PATCH", admin_path, body, 200, NULL);
	rig.etag = "*";
	expect(&rig, "PATCH", admin_path, "{\"disabled\":true}", 409, "account.last_manager");
	(void)memcpy(rig.cookie, officer_cookie, sizeof officer_cookie);
	char reset[200];
	(void)snprintf(reset, sizeof reset, "%s/password", admin_path);
	expect(&rig, "POST", reset, NULL, 403, "account.holds_more");
	/* The administrator resets the officer: the sessions end, the one-time password works once it is changed. */
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	(void)snprintf(reset, sizeof reset, "/api/v1/accounts/%s/password", officer);
	expect(&rig, "POST", reset, NULL, 200, "\"password\":\"");
	char once[64];
	str_copy_c(json_get_str(rig_json(&rig, arena), "password", STR("")), once, sizeof once);
	(void)memcpy(rig.cookie, officer_cookie, sizeof officer_cookie);
	expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	assert_int_equal(rig_login(&rig, "hai", once), 200);
	/* Disabled: out at once. */
	(void)memcpy(officer_cookie, rig.cookie, sizeof officer_cookie);
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s", officer);
	rig.etag = "*";
	expect(&rig, "PATCH", path, "{\"disabled\":true}", 200, "\"disabled\":true");
	(void)memcpy(rig.cookie, officer_cookie, sizeof officer_cookie);
	expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	assert_int_equal(rig_login(&rig, "hai", once), 401);
	/* A refusal and a read of a person's record stand in the log. */
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	expect(&rig, "GET", path, NULL, 200, NULL);
	expect(&rig, "GET", "/api/v1/audit?action=api.read", NULL, 200, "\"total\":1");
	expect(&rig, "GET", "/api/v1/audit?action=api.denied", NULL, 200, "account.holds_more");
	expect(&rig, "GET", "/api/v1/audit?q=nguyen%20van", NULL, 200, "account.password_changed");
	verify_chain(&rig);
	rig_stop(&rig);
}

static void tokens(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], body[256], path[128], cookie[256];
	root_of(&rig, root);
	(void)snprintf(body, sizeof body, "{\"name\":\"SIEM\",\"role\":\"analyst\",\"unit_id\":\"%s\"}", root);
	expect(&rig, "POST", "/api/v1/tokens", body, 400, "account.role_for_people");
	(void)snprintf(body, sizeof body,
	               "{\"name\":\"SIEM\",\"role\":\"reader\",\"unit_id\":\"%s\",\"expires_at\":\"2026-12-01T00:00:00Z\"}", root);
	expect(&rig, "POST", "/api/v1/tokens", body, 201, "\"token\":\"lt_");
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *made = rig_json(&rig, arena);
	str_copy_c(json_get_str(made, "id", STR("")), id, sizeof id);
	struct str token = json_get_str(made, "token", STR(""));
	expect(&rig, "GET", "/api/v1/tokens", NULL, 200, "SIEM");
	assert_false(rig_has(&rig, "lt_"));
	(void)memcpy(cookie, rig.cookie, sizeof cookie);
	rig.cookie[0] = '\0';
	str_copy_c(token, rig.token, sizeof rig.token);
	expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":1");
	expect(&rig, "GET", "/api/v1/accounts", NULL, 403, NULL);
	rig_time += 11 * USEC_PER_DAY;
	expect(&rig, "GET", "/api/v1/units", NULL, 401, "account.bad_token");
	rig_time -= 11 * USEC_PER_DAY;
	expect(&rig, "GET", "/api/v1/units", NULL, 200, NULL);
	rig.token[0] = '\0';
	(void)memcpy(rig.cookie, cookie, sizeof cookie);
	(void)snprintf(path, sizeof path, "/api/v1/tokens/%s", id);
	expect(&rig, "DELETE", path, NULL, 204, NULL);
	rig.cookie[0] = '\0';
	str_copy_c(token, rig.token, sizeof rig.token);
	expect(&rig, "GET", "/api/v1/units", NULL, 401, "account.bad_token");
	rig_stop(&rig);
}

static int connect_to(const struct rig *rig)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(http_server_port(rig->server)),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* Reads until the text has come, or 5 s have passed. */
static bool wait_for(int fd, struct buf *got, const char *text)
{
	for (unsigned i = 0; i < 50 && str_find(buf_str(got), str_c(text)) == SIZE_MAX; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 100) <= 0)
			continue;
		char bytes[4096];
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n <= 0)
			break;
		buf_append(got, str_n(bytes, (size_t)n));
	}
	return str_find(buf_str(got), str_c(text)) != SIZE_MAX;
}

static void open_stream(struct rig *rig, int fd, const char *more)
{
	cleanup_buf struct buf req = BUF_INIT(4096);
	struct err err = {.code = 0};
	buf_printf(&req, "GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n%s\r\n", rig->cookie, more);
	rig_must(file_write_all(fd, buf_str(&req), &err), &err);
}

static void stream(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	expect(&rig, "GET", "/api/v1/stream", NULL, 401, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], unit[UUID_TEXT_SIZE];
	root_of(&rig, root);
	cleanup_buf struct buf got = BUF_INIT(1 << 20);
	cleanup_fd int fd = connect_to(&rig);
	open_stream(&rig, fd, "");
	assert_true(wait_for(fd, &got, ": welcome"));
	make_unit(&rig, "SO-A", "department", "Sở Đỏ", root, unit);
	assert_true(wait_for(fd, &got, "event: unit.created"));
	assert_true(wait_for(fd, &got, unit));
	/* Another connection asks for what came after the set-up's events. */
	cleanup_buf struct buf again = BUF_INIT(1 << 20);
	cleanup_fd int late = connect_to(&rig);
	open_stream(&rig, late, "Last-Event-ID: 1\r\n");
	assert_true(wait_for(late, &again, unit));
	/* One that asks for the impossible is told to begin anew. */
	cleanup_buf struct buf reset = BUF_INIT(1 << 20);
	cleanup_fd int wrong = connect_to(&rig);
	open_stream(&rig, wrong, "Last-Event-ID: 999999\r\n");
	assert_true(wait_for(wrong, &reset, "event: reset"));
	rig_stop(&rig);
}

/* A stranger's events do not reach a unit officer's stream. */
static void stream_scope(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], officer[UUID_TEXT_SIZE], path[128], body[400];
	char admin_cookie[256];
	root_of(&rig, root);
	make_unit(&rig, "SO-A", "department", "A", root, a);
	make_unit(&rig, "SO-B", "department", "B", root, b);
	(void)snprintf(body, sizeof body, "{\"login\":\"lan\",\"display_name\":\"Lan\",\"unit_id\":\"%s\",\"password\":\"" RIG_PASSWORD "\"}", a);
	expect(&rig, "POST", "/api/v1/accounts", body, 201, NULL);
	rig_id(&rig, officer);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/grants", officer);
	(void)snprintf(body, sizeof body, "{\"role\":\"unit_officer\",\"unit_id\":\"%s\"}", a);
	expect(&rig, "POST", path, body, 201, NULL);
	(void)memcpy(admin_cookie, rig.cookie, sizeof admin_cookie);
	assert_int_equal(rig_login(&rig, "lan", RIG_PASSWORD), 200);
	cleanup_buf struct buf got = BUF_INIT(1 << 20);
	cleanup_fd int fd = connect_to(&rig);
	open_stream(&rig, fd, "");
	assert_true(wait_for(fd, &got, ": welcome"));
	/* The sender has met this client before the events come. */
	(void)usleep(300000);
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	char inside[UUID_TEXT_SIZE], outside[UUID_TEXT_SIZE];
	make_unit(&rig, "SO-B-1", "part", "B1", b, outside);
	make_unit(&rig, "SO-A-1", "part", "A1", a, inside);
	assert_true(wait_for(fd, &got, inside));
	assert_true(str_find(buf_str(&got), str_c(outside)) == SIZE_MAX);
	rig_stop(&rig);
}

static void files_and_openapi(void **state)
{
	(void)state;
	char dir[] = "/tmp/luytre-web-XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	struct err err = {.code = 0};
	cleanup_buf struct buf page = BUF_INIT(10000);
	for (unsigned i = 0; i < 200; i++)
		buf_append_c(&page, "<p>xin chào</p>\n");
	(void)snprintf(path, sizeof path, "%s/index.html", dir);
	rig_must(file_write(path, buf_str(&page), 0644, &err), &err);
	char hidden[64];
	(void)snprintf(hidden, sizeof hidden, "%s/.secret.txt", dir);
	rig_must(file_write(hidden, STR("secret"), 0644, &err), &err);
	const struct gate_folder folders[] = {{"/", dir}, {NULL, NULL}};
	char url[] = "sqlite:/tmp/luytre-gate-XXXXXX";
	int fd = mkstemp(url + strlen("sqlite:"));
	assert_true(fd >= 0);
	(void)close(fd);
	struct db *db = NULL;
	rig_must(db_open(url, 4, &db, &err), &err);
	struct rig rig;
	rig_start(&rig, db, folders);
	expect(&rig, "GET", "/", NULL, 200, "xin chào");
	expect(&rig, "GET", "/alerts/01890000", NULL, 200, "xin chào");
	expect(&rig, "GET", "/missing.js", NULL, 404, "gate.no_route");
	expect(&rig, "GET", "/.secret.txt", NULL, 404, NULL);
	expect(&rig, "GET", "/%2e%2e/etc/passwd.txt", NULL, 400, "gate.bad_request");
	expect(&rig, "GET", "/", NULL, 200, NULL);
	char match[128];
	(void)snprintf(match, sizeof match, "If-None-Match: %s", rig.res.etag);
	rig.header = match;
	expect(&rig, "GET", "/", NULL, 304, NULL);
	expect(&rig, "GET", "/healthz", NULL, 200, "ok");
	expect(&rig, "GET", "/api/openapi.json", NULL, 200, "\"/api/v1/units/{id}\":{");
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *paths = json_get(rig_json(&rig, arena), "paths");
	for (size_t i = 0; i < ARRAY_LEN(rig_services); i++) {
		for (const struct service_route *r = rig_services[i]->routes; r != NULL && r->method != NULL; r++) {
			if (r->listener == LISTENER_CONSOLE && json_get(paths, r->path) == NULL)
				fail_msg("%s is not in the OpenAPI description", r->path);
			if (msg_find(&msg_catalogue_all, r->summary_key) == NULL)
				fail_msg("%s %s: no text for %s", r->method, r->path, r->summary_key);
		}
	}
	rig_stop(&rig);
	db_close(db);
	(void)unlink(path);
	(void)unlink(hidden);
	(void)rmdir(dir);
	static const char *const ends[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		(void)snprintf(path, sizeof path, "%s%s", url + strlen("sqlite:"), ends[i]);
		(void)unlink(path);
	}
}

static int answer_nothing(struct api_request *req, struct http_response *res, struct err *err)
{
	(void)req;
	(void)res;
	(void)err;
	return 0;
}

/* A route without a permission, or with one that nobody declares, does not start. */
static void bad_routes(void **state)
{
	(void)state;
	static const struct {
		struct service_route route[3];
		const char *key;
	} cases[] = {
		{{{"GET", "/x", NULL, answer_nothing, "gate.title"}}, "gate.route_without_permission"},
		{{{"GET", "/x", "", answer_nothing, "gate.title"}}, "gate.route_without_permission"},
		{{{"GET", "/x", "x.read", answer_nothing, "gate.title"}}, "gate.permission_undeclared"},
		{{{"GET", "/x", "y.read", NULL, "gate.title"}}, "gate.route_incomplete"},
		{{{"GET", "/x", "y.read", answer_nothing, "gate.title"}, {"GET", "/x", "y.read", answer_nothing, "gate.title"}},
	         "gate.route_twice"},
	};
	static const char *const permissions[] = {"y.read", NULL};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct service service = {.name = "x", .routes = cases[i].route, .permissions = permissions};
		const struct service *const services[] = {&service};
		struct service_context sc = {.db = NULL};
		struct gate *g = NULL;
		struct err err = {.code = 0};
		const struct gate_config config = {.service = &sc, .services = services, .service_count = 1};
		int r = gate_new(&config, &g, &err);
		if (r == 0)
			gate_free(g);
		assert_true(r < 0);
		assert_string_equal(err.key, cases[i].key);
	}
}

#define EACH(name)                                                                                                     \
	static void each_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
EACH(set_up_once)
EACH(throttling)
EACH(sessions)
EACH(forgery)
EACH(refusals)
EACH(units)
EACH(paging)
EACH(accounts)
EACH(tokens)
EACH(stream)
EACH(stream_scope)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_routes),       cmocka_unit_test(files_and_openapi), cmocka_unit_test(each_set_up_once),
		cmocka_unit_test(each_throttling),  cmocka_unit_test(each_sessions),     cmocka_unit_test(each_forgery),
		cmocka_unit_test(each_refusals),    cmocka_unit_test(each_units),        cmocka_unit_test(each_paging),
		cmocka_unit_test(each_accounts),    cmocka_unit_test(each_tokens),       cmocka_unit_test(each_stream),
		cmocka_unit_test(each_stream_scope),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
