/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Four eyes through the gate, on both databases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/gate/gate_test_support.h"

struct people {
	struct rig rig;
	char root[UUID_TEXT_SIZE], quan[UUID_TEXT_SIZE], tam[UUID_TEXT_SIZE], lan[UUID_TEXT_SIZE];
	char admin_cookie[256], quan_cookie[256], lan_cookie[256];
};

#define CHANGED "mot cau khac han"

static void as(struct people *p, const char *cookie)
{
	(void)memcpy(p->rig.cookie, cookie, sizeof p->rig.cookie);
}

static void make_person(struct people *p, const char *login, char id[UUID_TEXT_SIZE])
{
	char body[400];
	(void)snprintf(body, sizeof body, "{\"login\":\"%s\",\"display_name\":\"%s\",\"unit_id\":\"%s\",\"password\":\"" RIG_PASSWORD "\"}",
	               login, login, p->root);
	rig_expect(&p->rig, "POST", "/api/v1/accounts", body, 201, NULL);
	rig_id(&p->rig, id);
}

static int grant(struct people *p, const char *id, const char *role)
{
	char path[128], body[200];
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/grants", id);
	(void)snprintf(body, sizeof body, "{\"role\":\"%s\",\"unit_id\":\"%s\"}", role, p->root);
	return rig_send(&p->rig, "POST", path, body);
}

static void sign_in(struct people *p, const char *login, char cookie[256])
{
	assert_int_equal(rig_login(&p->rig, login, RIG_PASSWORD), 200);
	rig_expect(&p->rig, "POST", "/api/v1/session/password",
	           "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"" CHANGED "\"}", 200, NULL);
	(void)memcpy(cookie, p->rig.cookie, 256);
}

static void approval_of(struct people *p, char id[UUID_TEXT_SIZE])
{
	cleanup(arena) struct arena *arena = arena_new(0);
	str_copy_c(json_get_str(json_get(rig_json(&p->rig, arena), "approval"), "id", STR("")), id, UUID_TEXT_SIZE);
	assert_true(id[0] != '\0');
}

static void decide(struct people *p, const char *id, const char *what, int status, const char *text)
{
	char path[128];
	(void)snprintf(path, sizeof path, "/api/v1/approvals/%s/%s", id, what);
	rig_expect(&p->rig, "POST", path, strcmp(what, "refuse") == 0 ? "{\"note\":\"khong can\"}" : NULL, status, text);
}

static bool holds(struct people *p, const char *id, const char *role)
{
	char path[128];
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s", id);
	rig_expect(&p->rig, "GET", path, NULL, 200, NULL);
	return rig_has(&p->rig, role);
}

/* One administrator, who makes the second alone; then a third person and an officer without rights over people. */
static void begin(struct people *p, struct db *db)
{
	rig_start(&p->rig, db, NULL);
	assert_int_equal(rig_set_up(&p->rig), 201);
	rig_root(&p->rig, p->root);
	make_person(p, "minhquan", p->quan);
	make_person(p, "thanhtam", p->tam);
	make_person(p, "ngoclan", p->lan);
	assert_int_equal(grant(p, p->lan, "analyst"), 201);
	rig_expect(&p->rig, "GET", "/api/v1/audit?action=approval.alone", NULL, 200, "\"total\":0");
	assert_int_equal(grant(p, p->quan, "administrator"), 201);
	rig_expect(&p->rig, "GET", "/api/v1/audit?action=approval.alone", NULL, 200, "\"total\":1");
	(void)memcpy(p->admin_cookie, p->rig.cookie, sizeof p->admin_cookie);
	sign_in(p, "minhquan", p->quan_cookie);
	sign_in(p, "ngoclan", p->lan_cookie);
	as(p, p->admin_cookie);
}

static void two_persons(struct db *db, const char *url)
{
	(void)url;
	struct people p;
	char id[UUID_TEXT_SIZE], again[UUID_TEXT_SIZE];
	begin(&p, db);
	/* Nothing is done yet; asking the same twice is one question. */
	assert_int_equal(grant(&p, p.tam, "administrator"), 202);
	approval_of(&p, id);
	assert_int_equal(grant(&p, p.tam, "administrator"), 202);
	approval_of(&p, again);
	assert_string_equal(id, again);
	assert_false(holds(&p, p.tam, "administrator"));
	rig_expect(&p.rig, "GET", "/api/v1/approvals?state=waiting", NULL, 200, "\"mine\":true");
	rig_expect(&p.rig, "GET", "/api/v1/approvals?to_decide=1", NULL, 200, "\"total\":0");
	/* A role without power over people takes one person. */
	assert_int_equal(grant(&p, p.tam, "analyst"), 201);
	/* Not by oneself, not by whoever lacks the right: that one does not even see it. */
	decide(&p, id, "approve", 403, "approval.own");
	as(&p, p.lan_cookie);
	decide(&p, id, "approve", 404, NULL);
	decide(&p, id, "refuse", 404, NULL);
	rig_expect(&p.rig, "GET", "/api/v1/approvals", NULL, 200, "\"total\":0");
	as(&p, p.quan_cookie);
	rig_expect(&p.rig, "GET", "/api/v1/approvals?to_decide=1&state=waiting", NULL, 200, "thanhtam (thanhtam)");
	decide(&p, id, "approve", 200, "\"state\":\"done\"");
	assert_true(holds(&p, p.tam, "administrator"));
	decide(&p, id, "approve", 409, "approval.decided");
	/* The record of the deed names both: it was the administrator's, with the other's eyes. */
	rig_expect(&p.rig, "GET", "/api/v1/audit?action=account.granted", NULL, 200,
	           "\"account_name\":\"Trần Minh Quân\",\"kind\":\"account\"");
	assert_true(rig_has(&p.rig, "\"approved_by\":\"minhquan\",\"role\":\"administrator\""));
	rig_verify_chain(&p.rig);
	rig_stop(&p.rig);
}

static void not_done(struct db *db, const char *url)
{
	(void)url;
	struct people p;
	char id[UUID_TEXT_SIZE], path[128];
	begin(&p, db);
	/* Refused. */
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s", p.quan);
	p.rig.etag = "*";
	rig_expect(&p.rig, "PATCH", path, "{\"disabled\":true}", 202, "\"approval\"");
	approval_of(&p, id);
	as(&p, p.quan_cookie);
	decide(&p, id, "refuse", 204, NULL);
	rig_expect(&p.rig, "GET", "/api/v1/approvals?state=refused", NULL, 200, "khong can");
	rig_expect(&p.rig, "GET", "/api/v1/session", NULL, 200, NULL);
	/* Withdrawn. */
	as(&p, p.admin_cookie);
	assert_int_equal(grant(&p, p.tam, "administrator"), 202);
	approval_of(&p, id);
	decide(&p, id, "refuse", 204, NULL);
	as(&p, p.quan_cookie);
	decide(&p, id, "approve", 409, "approval.decided");
	rig_expect(&p.rig, "GET", "/api/v1/approvals?state=withdrawn", NULL, 200, "\"total\":1");
	/* The record has changed since it was asked: not the deed that was approved. */
	as(&p, p.admin_cookie);
	rig_expect(&p.rig, "GET", path, NULL, 200, NULL);
	char etag[32];
	str_copy_c(str_c(p.rig.res.etag), etag, sizeof etag);
	p.rig.etag = etag;
	rig_expect(&p.rig, "PATCH", path, "{\"disabled\":true}", 202, NULL);
	approval_of(&p, id);
	p.rig.etag = etag;
	rig_expect(&p.rig, "PATCH", path, "{\"position\":\"x\"}", 200, NULL);
	as(&p, p.quan_cookie);
	decide(&p, id, "approve", 200, "\"state\":\"failed\"");
	rig_expect(&p.rig, "GET", "/api/v1/session", NULL, 200, NULL);
	/* Too late. */
	as(&p, p.admin_cookie);
	assert_int_equal(grant(&p, p.tam, "administrator"), 202);
	approval_of(&p, id);
	rig_time += 73 * USEC_PER_HOUR;
	assert_int_equal(rig_login(&p.rig, "minhquan", CHANGED), 200);
	decide(&p, id, "approve", 409, "approval.decided");
	/* What the handler would refuse is refused when it is asked. */
	assert_int_equal(rig_login(&p.rig, "ngoclan", CHANGED), 200);
	assert_int_equal(grant(&p, p.tam, "administrator"), 403);
	rig_verify_chain(&p.rig);
	rig_stop(&p.rig);
}

static int take_rights(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)ctx;
	return db_exec(tx, err, "UPDATE account SET disabled = 1 WHERE login = 'minhquan'");
}

/* The one who asked is gone before the answer. */
static void asker_gone(struct db *db, const char *url)
{
	(void)url;
	struct people p;
	struct err err = {.code = 0};
	char id[UUID_TEXT_SIZE];
	begin(&p, db);
	as(&p, p.quan_cookie);
	assert_int_equal(grant(&p, p.tam, "administrator"), 202);
	approval_of(&p, id);
	rig_must(db_write(db, take_rights, NULL, &err), &err);
	as(&p, p.admin_cookie);
	decide(&p, id, "approve", 200, "\"state\":\"failed\"");
	assert_true(rig_has(&p.rig, "\"error\":\""));
	assert_false(holds(&p, p.tam, "administrator"));
	rig_stop(&p.rig);
}

#define EACH(name)                                                                                                     \
	static void each_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
EACH(two_persons)
EACH(not_done)
EACH(asker_gone)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_two_persons), cmocka_unit_test(each_not_done),
	                                   cmocka_unit_test(each_asker_gone)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
