/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Units, accounts, grants and tokens through the gate, on both databases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/gate/gate_test_support.h"

static void units(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], part[UUID_TEXT_SIZE], path[128], body[256];
	rig_root(&rig, root);
	rig_make_unit(&rig, "SO-A", "department", "Sở Đỏ", root, a);
	rig_make_unit(&rig, "SO-B", "department", "Sở Xanh", root, b);
	rig_make_unit(&rig, "SO-A-1", "part", "Phòng Một", a, part);
	assert_true(rig_has(&rig, "[\"Thành phố mẫu\",\"Sở Đỏ\"]"));
	rig_expect(&rig, "GET", "/api/v1/units?q=so%20do", NULL, 200, "\"total\":1");
	rig_expect(&rig, "GET", "/api/v1/units?q=SO-b", NULL, 200, "Sở Xanh");
	rig_expect(&rig, "GET", "/api/v1/units?q=100%25", NULL, 200, "\"total\":0");
	(void)snprintf(body, sizeof body, "{\"code\":\"SO-A\",\"kind\":\"department\",\"name\":\"x\",\"parent_id\":\"%s\"}", root);
	rig_expect(&rig, "POST", "/api/v1/units", body, 409, "unit.code_taken");
	(void)snprintf(body, sizeof body, "{\"code\":\"P\",\"kind\":\"ward\",\"name\":\"x\",\"parent_id\":\"%s\"}", part);
	rig_expect(&rig, "POST", "/api/v1/units", body, 400, "unit.parent_kind");
	/* Versions. */
	(void)snprintf(path, sizeof path, "/api/v1/units/%s", part);
	rig_expect(&rig, "PATCH", path, "{\"name\":\"Phòng Hai\"}", 428, "api.if_match_missing");
	rig.etag = "\"1\"";
	rig_expect(&rig, "PATCH", path, "{\"name\":\"Phòng Hai\"}", 200, "Phòng Hai");
	assert_string_equal(rig.res.etag, "\"2\"");
	rig.etag = "\"1\"";
	rig_expect(&rig, "PATCH", path, "{\"name\":\"Phòng Ba\"}", 412, "api.stale");
	/* Moving takes the paths along; what was keeps its dates. */
	(void)snprintf(body, sizeof body, "{\"parent_id\":\"%s\"}", b);
	rig.etag = "\"2\"";
	rig_expect(&rig, "PATCH", path, body, 200, "[\"Thành phố mẫu\",\"Sở Xanh\"]");
	rig_expect(&rig, "GET", path, NULL, 200, "\"past\":[{\"code\":\"SO-A-1\",\"kind\":\"part\",\"name\":\"Phòng Hai\"");
	(void)snprintf(path, sizeof path, "/api/v1/units/%s", b);
	(void)snprintf(body, sizeof body, "{\"parent_id\":\"%s\"}", part);
	rig.etag = "*";
	rig_expect(&rig, "PATCH", path, body, 400, "unit.");
	rig.etag = "*";
	rig_expect(&rig, "PATCH", path, "{\"closed\":true}", 409, "unit.has_open_children");
	(void)snprintf(path, sizeof path, "/api/v1/units/%s", part);
	rig.etag = "*";
	rig_expect(&rig, "PATCH", path, "{\"closed\":true}", 200, "\"closed_at\":\"2026");
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":3");
	rig_expect(&rig, "GET", "/api/v1/units?closed=1", NULL, 200, "\"total\":4");
	(void)snprintf(path, sizeof path, "/api/v1/units/%s", root);
	rig.etag = "*";
	(void)snprintf(body, sizeof body, "{\"parent_id\":\"%s\"}", a);
	rig_expect(&rig, "PATCH", path, body, 400, "unit.root_stays");
	rig_verify_chain(&rig);
	rig_expect(&rig, "GET", "/api/v1/audit?action=unit.moved", NULL, 200, "\"total\":1");
	rig_expect(&rig, "POST", "/api/v1/audit/verify", NULL, 200, "\"ok\":true");
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
			rig_expect(&rig, "GET", path, NULL, 200, NULL);
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
	rig_expect(&rig, "GET", "/api/v1/units?kind=ward&sort=name&limit=1", NULL, 200, "An");
	/* A unit officer sees the own subtree only. */
	assert_int_equal(rig_login(&rig, "ninhkieu", RIG_PASSWORD), 200);
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":1");
	rig_expect(&rig, "GET", "/api/v1/accounts", NULL, 403, "api.forbidden");
	rig_expect(&rig, "GET", "/api/v1/audit", NULL, 403, NULL);
	/* Restricted roles open routes, but no unit's rows. */
	assert_int_equal(rig_login(&rig, "nhathau", RIG_PASSWORD), 200);
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":0");
	/* A guest's grant ends by itself. */
	assert_int_equal(rig_login(&rig, "chuyengia", RIG_PASSWORD), 200);
	assert_true(rig_has(&rig, "incident.read"));
	rig_time += 31 * USEC_PER_DAY;
	assert_int_equal(rig_login(&rig, "chuyengia", RIG_PASSWORD), 200);
	assert_false(rig_has(&rig, "incident.read"));
	rig_verify_chain(&rig);
	rig_stop(&rig);
}

static void accounts(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char admin_cookie[256], root[UUID_TEXT_SIZE], unit[UUID_TEXT_SIZE], officer[UUID_TEXT_SIZE], path[160], body[512];
	rig_root(&rig, root);
	rig_make_unit(&rig, "SO-A", "department", "Sở Đỏ", root, unit);
	(void)snprintf(body, sizeof body,
	               "{\"login\":\"hai\",\"display_name\":\"Nguyễn Văn Hải\",\"unit_id\":\"%s\",\"password\":\"" RIG_PASSWORD "\"}",
	               unit);
	rig_expect(&rig, "POST", "/api/v1/accounts", body, 201, "Nguyễn Văn Hải");
	rig_id(&rig, officer);
	rig_expect(&rig, "POST", "/api/v1/accounts", body, 409, "account.login_taken");
	rig_expect(&rig, "GET", "/api/v1/accounts?q=nguyen%20van%20hai", NULL, 200, "\"total\":1");
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/grants", officer);
	(void)snprintf(body, sizeof body, "{\"role\":\"boss\",\"unit_id\":\"%s\"}", unit);
	rig_expect(&rig, "POST", path, body, 400, "account.role_unknown");
	(void)snprintf(body, sizeof body, "{\"role\":\"guest_expert\",\"unit_id\":\"%s\"}", unit);
	rig_expect(&rig, "POST", path, body, 400, "account.needs_expiry");
	(void)snprintf(body, sizeof body, "{\"role\":\"log_sender\",\"unit_id\":\"%s\"}", unit);
	rig_expect(&rig, "POST", path, body, 400, "account.role_for_machines");
	(void)snprintf(body, sizeof body, "{\"role\":\"administrator\",\"unit_id\":\"%s\"}", unit);
	rig_expect(&rig, "POST", path, body, 201, "administrator");
	(void)memcpy(admin_cookie, rig.cookie, sizeof admin_cookie);
	/* The first password must be changed before anything else. */
	assert_int_equal(rig_login(&rig, "hai", RIG_PASSWORD), 200);
	assert_true(rig_has(&rig, "\"must_change_password\":true"));
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 403, "account.must_change_password");
	rig_expect(&rig, "POST", "/api/v1/session/password",
	       "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"mot mat khau khac\"}", 200, NULL);
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":1");
	/* A manager below may neither reach up nor touch who holds more. */
	(void)snprintf(body, sizeof body, "{\"role\":\"analyst\",\"unit_id\":\"%s\"}", root);
	rig_expect(&rig, "POST", path, body, 403, "api.forbidden");
	(void)snprintf(body, sizeof body, "{\"login\":\"x1\",\"display_name\":\"X\",\"unit_id\":\"%s\"}", root);
	rig_expect(&rig, "POST", "/api/v1/accounts", body, 403, NULL);
	rig_expect(&rig, "GET", "/api/v1/accounts?q=admin", NULL, 200, "\"total\":0");
	char officer_cookie[256];
	(void)memcpy(officer_cookie, rig.cookie, sizeof officer_cookie);
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	/* The administrator sits in the officer's unit from now on: still out of the officer's reach. */
	cleanup(arena) struct arena *arena = arena_new(0);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 200, NULL);
	char admin[UUID_TEXT_SIZE], admin_path[160];
	str_copy_c(json_get_str(json_get(rig_json(&rig, arena), "account"), "id", STR("")), admin, sizeof admin);
	(void)snprintf(admin_path, sizeof admin_path, "/api/v1/accounts/%s", admin);
	(void)snprintf(body, sizeof body, "{\"unit_id\":\"%s\"}", unit);
	rig.etag = "*";
	rig_expect(&rig, "PATCH", admin_path, body, 200, NULL);
	rig.etag = "*";
	rig_expect(&rig, "PATCH", admin_path, "{\"disabled\":true}", 409, "account.last_manager");
	(void)memcpy(rig.cookie, officer_cookie, sizeof officer_cookie);
	char reset[200];
	(void)snprintf(reset, sizeof reset, "%s/password", admin_path);
	rig_expect(&rig, "POST", reset, NULL, 403, "account.holds_more");
	/* The administrator resets the officer: the sessions end, the one-time password works once it is changed. */
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	(void)snprintf(reset, sizeof reset, "/api/v1/accounts/%s/password", officer);
	rig_expect(&rig, "POST", reset, NULL, 200, "\"password\":\"");
	char once[64];
	str_copy_c(json_get_str(rig_json(&rig, arena), "password", STR("")), once, sizeof once);
	(void)memcpy(rig.cookie, officer_cookie, sizeof officer_cookie);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	assert_int_equal(rig_login(&rig, "hai", once), 200);
	/* Disabled: out at once. */
	(void)memcpy(officer_cookie, rig.cookie, sizeof officer_cookie);
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s", officer);
	rig.etag = "*";
	rig_expect(&rig, "PATCH", path, "{\"disabled\":true}", 200, "\"disabled\":true");
	(void)memcpy(rig.cookie, officer_cookie, sizeof officer_cookie);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	assert_int_equal(rig_login(&rig, "hai", once), 401);
	/* A refusal and a read of a person's record stand in the log. */
	(void)memcpy(rig.cookie, admin_cookie, sizeof admin_cookie);
	rig_expect(&rig, "GET", path, NULL, 200, NULL);
	rig_expect(&rig, "GET", "/api/v1/audit?action=api.read", NULL, 200, "\"total\":1");
	rig_expect(&rig, "GET", "/api/v1/audit?action=api.denied", NULL, 200, "account.holds_more");
	rig_expect(&rig, "GET", "/api/v1/audit?q=nguyen%20van", NULL, 200, "account.password_changed");
	rig_verify_chain(&rig);
	rig_stop(&rig);
}

static void tokens(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	rig_start(&rig, db, NULL);
	assert_int_equal(rig_set_up(&rig), 201);
	char root[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], body[256], path[128], cookie[256];
	rig_root(&rig, root);
	(void)snprintf(body, sizeof body, "{\"name\":\"SIEM\",\"role\":\"analyst\",\"unit_id\":\"%s\"}", root);
	rig_expect(&rig, "POST", "/api/v1/tokens", body, 400, "account.role_for_people");
	(void)snprintf(body, sizeof body,
	               "{\"name\":\"SIEM\",\"role\":\"reader\",\"unit_id\":\"%s\",\"expires_at\":\"2026-12-01T00:00:00Z\"}", root);
	rig_expect(&rig, "POST", "/api/v1/tokens", body, 201, "\"token\":\"lt_");
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *made = rig_json(&rig, arena);
	str_copy_c(json_get_str(made, "id", STR("")), id, sizeof id);
	struct str token = json_get_str(made, "token", STR(""));
	rig_expect(&rig, "GET", "/api/v1/tokens", NULL, 200, "SIEM");
	assert_false(rig_has(&rig, "lt_"));
	(void)memcpy(cookie, rig.cookie, sizeof cookie);
	rig.cookie[0] = '\0';
	str_copy_c(token, rig.token, sizeof rig.token);
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 200, "\"total\":1");
	rig_expect(&rig, "GET", "/api/v1/accounts", NULL, 403, NULL);
	rig_time += 11 * USEC_PER_DAY;
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 401, "account.bad_token");
	rig_time -= 11 * USEC_PER_DAY;
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 200, NULL);
	rig.token[0] = '\0';
	(void)memcpy(rig.cookie, cookie, sizeof cookie);
	(void)snprintf(path, sizeof path, "/api/v1/tokens/%s", id);
	rig_expect(&rig, "DELETE", path, NULL, 204, NULL);
	rig.cookie[0] = '\0';
	str_copy_c(token, rig.token, sizeof rig.token);
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 401, "account.bad_token");
	rig_stop(&rig);
}

#define EACH(name)                                                                                                     \
	static void each_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
EACH(units)
EACH(paging)
EACH(accounts)
EACH(tokens)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_units), cmocka_unit_test(each_paging),
	                                   cmocka_unit_test(each_accounts), cmocka_unit_test(each_tokens)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
