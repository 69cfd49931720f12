/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The permission matrix: every route of the console listener × every role (and
 * nobody) × the record's unit: the account's own, one below it, another one.
 * What comes out must be tests/permissions.tsv; to make that file anew after a
 * change, run with LUYTRE_PERMISSIONS_OUT=FILE and review the difference.
 *
 * Cells: ok (authorisation passed, whatever came then), empty (a list without
 * rows), 401, 403, 404 (hidden). A route without a row in `cases` fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "service/gate/gate_test_support.h"

enum relation { OWN, BELOW, OTHER, RELATION__COUNT };
static const char *const relation_names[] = {"own", "below", "other"};

enum record { NO_RECORD, UNIT, ACCOUNT, GRANT, ENDPOINT, ALERT, INCIDENT, QUARANTINE, TOKEN, ENROLMENT, SUPPRESSION, SHIFT, HANDOVER, SOURCE, NOBODYS, RECORD__COUNT };

/* $unit, $account, $alert, $n (a number never used before), $soon (a day from now) are put into query and body. */
static const struct {
	const char *method, *path;
	enum record record;
	const char *query, *body;
	bool once; /* does not depend on a unit */
	bool matched; /* with If-Match: *, and a record of its own, so that rights are asked behind the version too */
} cases[] = {
	{"GET", "/healthz", .once = true},
	{"GET", "/api/openapi.json", .once = true},
	{"GET", "/{rest*}", .once = true},
	{"GET", "/api/v1/setup", .once = true},
	{"GET", "/api/v1/session", .once = true},
	{"POST", "/api/v1/session/password", .body = "{\"old_password\":\"x\",\"new_password\":\"y\"}", .once = true},
	{"GET", "/api/v1/session/sessions", .once = true},
	{"DELETE", "/api/v1/session/sessions/{id}", NOBODYS, .once = true},
	{"DELETE", "/api/v1/session/sessions", .once = true},
	{"GET", "/api/v1/session/factors", .once = true},
	{"POST", "/api/v1/session/factors/remove", .body = "{\"kind\":\"x\"}", .once = true},
	{"POST", "/api/v1/session/totp", .body = "{}", .once = true},
	{"POST", "/api/v1/session/totp/confirm", .body = "{}", .once = true},
	{"POST", "/api/v1/session/recovery-codes", .body = "{}", .once = true},
	{"POST", "/api/v1/session/passkeys/options", .body = "{}", .once = true},
	{"POST", "/api/v1/session/passkeys", .body = "{}", .once = true},
	{"GET", "/api/v1/jobs/{id}", NOBODYS, .once = true},
	{"GET", "/api/v1/status", .once = true},
	{"GET", "/api/v1/health", .once = true},
	{"GET", "/metrics", .once = true},
	{"GET", "/api/v1/units", .query = "unit=$unit"},
	{"POST", "/api/v1/units", .body = "{\"code\":\"N-$n\",\"kind\":\"part\",\"name\":\"x\",\"parent_id\":\"$unit\"}"},
	/* Rights are asked row by row: gate_import_test. */
	{"POST", "/api/v1/units/import", .body = "code,kind,name,parent\nN-$n,part,x,OWN\n", .once = true},
	{"GET", "/api/v1/units/{id}", UNIT},
	{"PATCH", "/api/v1/units/{id}", UNIT, .body = "{\"name\":\"x\"}"},
	{"GET", "/api/v1/unit-kinds", .once = true},
	{"GET", "/api/v1/accounts", .query = "unit=$unit"},
	{"POST", "/api/v1/accounts", .body = "{\"login\":\"new$n\",\"display_name\":\"x\",\"unit_id\":\"$unit\"}"},
	{"GET", "/api/v1/accounts/{id}", ACCOUNT},
	{"PATCH", "/api/v1/accounts/{id}", ACCOUNT, .body = "{\"display_name\":\"x\"}"},
	{"GET", "/api/v1/accounts/{id}/contact", ACCOUNT},
	{"POST", "/api/v1/accounts/{id}/password", ACCOUNT},
	{"POST", "/api/v1/accounts/{id}/paper-codes", ACCOUNT, .body = "{}"},
	{"DELETE", "/api/v1/accounts/{id}/factors", ACCOUNT},
	{"GET", "/api/v1/accounts/{id}/sessions", ACCOUNT},
	{"DELETE", "/api/v1/accounts/{id}/sessions", ACCOUNT},
	{"DELETE", "/api/v1/accounts/{id}/sessions/{session}", ACCOUNT},
	{"POST", "/api/v1/accounts/{id}/grants", ACCOUNT, .body = "{\"role\":\"finance\",\"unit_id\":\"$unit\"}"},
	{"DELETE", "/api/v1/accounts/{id}/grants/{grant}", GRANT},
	{"GET", "/api/v1/roles", .once = true},
	{"GET", "/api/v1/approvals", .once = true},
	{"POST", "/api/v1/approvals/{id}/approve", NOBODYS, .once = true},
	{"POST", "/api/v1/approvals/{id}/refuse", NOBODYS, .body = "{}", .once = true},
	{"GET", "/api/v1/tokens", .once = true},
	{"POST", "/api/v1/tokens", .body = "{\"name\":\"x\",\"role\":\"reader\",\"unit_id\":\"$unit\"}"},
	{"DELETE", "/api/v1/tokens/{id}", TOKEN},
	{"GET", "/api/v1/audit", .once = true},
	{"POST", "/api/v1/audit/verify", .once = true},
	{"GET", "/api/v1/endpoints", .query = "unit=$unit"},
	{"GET", "/api/v1/endpoints/summary", .once = true},
	{"GET", "/api/v1/endpoints/{id}", ENDPOINT},
	{"PATCH", "/api/v1/endpoints/{id}", ENDPOINT, .body = "{\"note\":\"x\"}"},
	{"DELETE", "/api/v1/endpoints/{id}", ENDPOINT},
	{"POST", "/api/v1/endpoints/{id}/scan", ENDPOINT, .body = "{\"path\":\"/tmp\"}"},
	{"GET", "/api/v1/endpoints/{id}/isolation", ENDPOINT},
	{"POST", "/api/v1/endpoints/{id}/isolation", ENDPOINT, .body = "{\"cause\":\"malware\",\"reason\":\"thu\"}"},
	{"DELETE", "/api/v1/endpoints/{id}/isolation", ENDPOINT},
	{"GET", "/api/v1/enrolment-tokens", .once = true},
	{"POST", "/api/v1/enrolment-tokens", .body = "{\"unit_id\":\"$unit\"}"},
	{"DELETE", "/api/v1/enrolment-tokens/{id}", ENROLMENT},
	{"GET", "/api/v1/detections", .query = "unit=$unit"},
	/* Whose machines are told follows from the question itself (tests/looking_back); here there is no store to ask. */
	{"GET", "/api/v1/files/{sha256}", .once = true},
	{"GET", "/api/v1/quarantine", .query = "unit=$unit"},
	{"POST", "/api/v1/quarantine/{id}/restore", QUARANTINE, .body = "{\"reason\":\"x\"}"},
	{"POST", "/api/v1/quarantine/{id}/delete", QUARANTINE, .body = "{\"reason\":\"x\"}"},
	{"POST", "/api/v1/quarantine/{id}/cancel", QUARANTINE},
	{"GET", "/api/v1/bundles", .once = true},
	{"POST", "/api/v1/bundles", .body = "{\"note\":\"x\"}", .once = true},
	{"GET", "/api/v1/bundles/{version}/file", NOBODYS, .once = true},
	{"POST", "/api/v1/bundles/{version}/halt", NOBODYS, .body = "{\"reason\":\"x\"}", .once = true},
	{"POST", "/api/v1/bundles/{version}/resume", NOBODYS, .body = "{\"reason\":\"x\"}", .once = true},
	{"POST", "/api/v1/bundles/{version}/finish", NOBODYS, .body = "{\"reason\":\"x\"}", .once = true},
	{"GET", "/api/v1/threats", .once = true},
	{"GET", "/api/v1/events", .query = "unit=$unit"},
	{"GET", "/api/v1/events/histogram", .query = "unit=$unit"},
	{"GET", "/api/v1/events/facets", .query = "field=user.name&unit=$unit"},
	{"GET", "/api/v1/events/fields", .query = "unit=$unit"},
	{"GET", "/api/v1/events/common", .query = "q=a&unit=$unit"},
	{"GET", "/api/v1/events/tail", .query = "unit=$unit"},
	{"GET", "/api/v1/events/export", .query = "unit=$unit"},
	{"GET", "/api/v1/events/rule", .query = "q=a&unit=$unit"},
	{"GET", "/api/v1/events/dead", .query = "unit=$unit"},
	{"POST", "/api/v1/events/dead/retry", .once = true},
	{"GET", "/api/v1/storage", .once = true},
	{"GET", "/api/v1/storage/shares", .once = true},
	{"POST", "/api/v1/events/sql", .body = "{\"sql\":\"SELECT 1\"}", .once = true},
	{"GET", "/api/v1/events/saved", .once = true},
	{"POST", "/api/v1/events/saved", .body = "{\"name\":\"x\",\"unit_id\":\"$unit\"}"},
	{"DELETE", "/api/v1/events/saved/{id}", NOBODYS, .once = true},
	{"GET", "/api/v1/events/{id}", NOBODYS, .once = true},
	{"GET", "/api/v1/rules", .once = true},
	{"POST", "/api/v1/rules", .body = "{\"text\":\"x\"}", .once = true},
	{"GET", "/api/v1/rules/state", .once = true},
	{"POST", "/api/v1/rules/check", .body = "{\"text\":\"x\"}", .once = true},
	{"POST", "/api/v1/rules/switch", .body = "{\"enabled\":false,\"product\":\"none\"}", .once = true},
	{"POST", "/api/v1/rules/switch/{id}/undo", NOBODYS, .once = true},
	{"GET", "/api/v1/rules/{id}", NOBODYS, .once = true},
	{"PATCH", "/api/v1/rules/{id}", NOBODYS, .body = "{\"text\":\"x\"}", .once = true},
	{"DELETE", "/api/v1/rules/{id}", NOBODYS, .once = true},
	{"POST", "/api/v1/rules/{id}/exclusions", NOBODYS, .body = "{\"reason\":\"vì\",\"expires_at\":\"2027-01-01T00:00:00Z\"}", .once = true},
	{"DELETE", "/api/v1/rules/{id}/exclusions/{exclusion}", NOBODYS, .once = true},
	{"GET", "/api/v1/rule-archives", .once = true},
	{"POST", "/api/v1/rule-archives", .body = "{\"name\":\"x\",\"url\":\"http://x\"}", .once = true},
	{"POST", "/api/v1/rule-archives/upload", .body = "x", .once = true},
	{"PATCH", "/api/v1/rule-archives/{id}", NOBODYS, .body = "{\"keep_updated\":false}", .once = true},
	{"DELETE", "/api/v1/rule-archives/{id}", NOBODYS, .once = true},
	{"POST", "/api/v1/rule-archives/{id}/fetch", NOBODYS, .once = true},
	{"GET", "/api/v1/rule-archives/{id}/difference", NOBODYS, .once = true},
	{"POST", "/api/v1/rule-archives/{id}/apply", NOBODYS, .body = "{\"edition_id\":\"00000000-0000-7000-8000-000000000000\"}", .once = true},
	{"POST", "/api/v1/rule-archives/{id}/back", NOBODYS, .once = true},
	{"POST", "/api/v1/rule-archives/{id}/discard", NOBODYS, .once = true},
	{"POST", "/api/v1/rule-replays", .body = "{\"text\":\"x\",\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2026-01-02T00:00:00Z\"}", .once = true},
	{"GET", "/api/v1/rule-replays/{id}", NOBODYS, .once = true},
	{"DELETE", "/api/v1/rule-replays/{id}", NOBODYS, .once = true},
	{"GET", "/api/v1/indicators", .once = true},
	{"POST", "/api/v1/indicators", .body = "x", .once = true},
	{"GET", "/api/v1/indicators/find", .query = "value=evil.example", .once = true},
	{"PATCH", "/api/v1/indicators/{id}", NOBODYS, .body = "{\"enabled\":false}", .once = true},
	{"DELETE", "/api/v1/indicators/{id}", NOBODYS, .once = true},
	{"GET", "/api/v1/alerts", .query = "unit=$unit"},
	{"GET", "/api/v1/alerts/summary", .once = true},
	{"GET", "/api/v1/alerts/queue", .query = "unit=$unit"},
	{"GET", "/api/v1/alerts/firings", .once = true},
	{"POST", "/api/v1/alerts/together", .body = "{\"do\":\"acknowledge\",\"alerts\":[{\"id\":\"$alert\",\"etag\":\"1\"}]}"},
	{"GET", "/api/v1/alerts/figures", .once = true},
	{"GET", "/api/v1/alerts/{id}", ALERT},
	{"GET", "/api/v1/alerts/{id}/group", ALERT},
	{"GET", "/api/v1/alerts/{id}/common", ALERT},
	{"GET", "/api/v1/alerts/{id}/day", ALERT},
	{"POST", "/api/v1/alerts/{id}/acknowledge", ALERT},
	{"POST", "/api/v1/alerts/{id}/assign", ALERT, .body = "{\"account_id\":null}"},
	{"POST", "/api/v1/alerts/{id}/close", ALERT, .body = "{\"resolution\":\"test\"}"},
	{"POST", "/api/v1/alerts/{id}/reopen", ALERT},
	{"POST", "/api/v1/alerts/{id}/release", ALERT},
	{"DELETE", "/api/v1/alerts/{id}/comments/{comment}", ALERT},
	{"POST", "/api/v1/alerts/{id}/comments", ALERT, .body = "{\"text\":\"x\"}"},
	{"POST", "/api/v1/alerts/{id}/incident", ALERT, .body = "{\"kind\":\"tech.power\"}"},
	{"POST", "/api/v1/alerts/{id}/suppress", ALERT, .body = "{\"scope\":\"host\",\"reason\":\"thử\",\"expires_at\":\"$soon\"}"},
	{"POST", "/api/v1/alerts/{id}/tuning", ALERT, .body = "{\"tests\":[{\"field\":\"a\",\"op\":\"is\",\"value\":\"b\"}]}"},
	{"GET", "/api/v1/suppressions", .query = "unit=$unit"},
	{"POST", "/api/v1/suppressions/{id}/end", SUPPRESSION},
	{"GET", "/api/v1/shifts", .query = "unit=$unit"},
	{"GET", "/api/v1/shifts/now", .once = true},
	{"POST", "/api/v1/shifts", .body = "{\"account_id\":\"$account\",\"unit_id\":\"$unit\",\"starts_at\":\"2026-01-01T00:00:00Z\",\"ends_at\":\"2026-01-01T08:00:00Z\"}"},
	/* Into the roster of the widest unit of one's own. */
	{"POST", "/api/v1/shifts/import", .body = "login,start,end\nnobody,2026-11-21 06:00,2026-11-21 14:00\n", .once = true},
	{"DELETE", "/api/v1/shifts/{id}", SHIFT},
	{"GET", "/api/v1/handovers", .once = true},
	{"POST", "/api/v1/handovers", .once = true},
	{"GET", "/api/v1/handovers/{id}", HANDOVER},
	{"PATCH", "/api/v1/handovers/{id}", HANDOVER, .body = "{\"body\":\"x\"}"},
	{"POST", "/api/v1/handovers/{id}/sign", HANDOVER},
	{"POST", "/api/v1/handovers/{id}/accept", HANDOVER, .body = "{}"},
	{"GET", "/api/v1/sources", .query = "unit=$unit"},
	{"POST", "/api/v1/sources", .body = "{\"name\":\"S-$n\",\"unit_id\":\"$unit\",\"addresses\":[\"2001:db8::$n\"]}"},
	{"GET", "/api/v1/sources/strangers", .once = true},
	{"GET", "/api/v1/sources/connect", .once = true},
	/* Rights are asked row by row: gate_import_test. */
	{"POST", "/api/v1/sources/import", .body = "name,unit,addresses\nS-$n,OWN,10.0.0.1\n", .once = true},
	{"GET", "/api/v1/sources/{id}", SOURCE},
	{"PATCH", "/api/v1/sources/{id}", SOURCE, .body = "{\"note\":\"x\"}"},
	{"DELETE", "/api/v1/sources/{id}", SOURCE},
	{"GET", "/api/v1/source-retention", .once = true},
	{"PATCH", "/api/v1/source-retention/{class}", .body = "{\"days\":100,\"reason\":\"x\"}", .once = true},
	{"GET", "/api/v1/incidents", .query = "unit=$unit"},
	{"POST", "/api/v1/incidents", .body = "{\"title\":\"x\",\"kind\":\"tech.power\",\"unit_id\":\"$unit\"}"},
	{"GET", "/api/v1/incidents/{id}", INCIDENT},
	{"PATCH", "/api/v1/incidents/{id}", INCIDENT, .body = "{\"title\":\"x\"}"},
	{"POST", "/api/v1/incidents/{id}/transition", INCIDENT, .body = "{\"to\":\"triaged\"}", .matched = true},
	{"POST", "/api/v1/incidents/{id}/comments", INCIDENT, .body = "{\"text\":\"x\"}"},
	{"POST", "/api/v1/incidents/{id}/alerts", INCIDENT, .body = "{\"alert_id\":\"$alert\"}"},
	{"GET", "/api/v1/endpoints/{id}/timeline", ENDPOINT},
	{"GET", "/api/v1/history/month", .once = true},
	{"GET", "/api/v1/incident-kinds", .once = true},
};

/* Not asked here but in gate_test and gate_factor_test: ending the session that the matrix uses, an answer that does not
 * end, and the public routes that refuse by themselves. */
static const struct {
	const char *method, *path;
} left_out[] = {
	{"POST", "/api/v1/logout"}, {"GET", "/api/v1/stream"}, {"POST", "/api/v1/login"}, {"POST", "/api/v1/setup"},
	{"POST", "/api/v1/login/second"}, {"POST", "/api/v1/login/passkey/options"}, {"POST", "/api/v1/login/passkey"},
};

#define ROLES_MAX 16

static struct matrix {
	struct rig rig;
	struct uuid root, units[RELATION__COUNT];
	struct uuid records[RECORD__COUNT][RELATION__COUNT], grant_holder[RELATION__COUNT];
	char admin[256];
	unsigned counter;
	size_t role_count;
	struct {
		char name[40], cookie[256], token[128];
	} roles[ROLES_MAX];
} m;

static const struct access by_system = {.kind = ACCESS_SYSTEM, .name = STR("test")};

static void text_of(const struct uuid *id, char out[UUID_TEXT_SIZE])
{
	(void)uuid_text(id, out);
}

static int make_units(struct db_tx *tx, void *ctx, struct err *err)
{
	static const char *const codes[] = {"OWN", "BELOW", "OTHER"};
	(void)ctx;
	struct uuid *u = m.units;
	int r = unit_find(tx, STR("ROOT"), &m.root, err);
	for (int i = 0; i < RELATION__COUNT && r >= 0; i++) {
		const struct unit_new n = {.code = str_c(codes[i]), .kind = i == BELOW ? STR("part") : STR("department"),
		                           .name = str_c(codes[i]), .parent_id = i == BELOW ? u[OWN] : m.root};
		r = unit_create(&m.rig.sc, tx, &by_system, &n, &u[i], err);
	}
	return r;
}

struct making {
	enum relation relation;
	const char *role;
	bool signs_in; /* hashing a password takes a while */
	struct uuid id, grant;
};

static int make_person(struct db_tx *tx, void *ctx, struct err *err)
{
	struct making *k = ctx;
	char login[64];
	(void)snprintf(login, sizeof login, "p%u.%s", m.counter++, k->role);
	const struct account_new n = {.login = str_c(login), .display_name = str_c(k->role), .unit_id = m.units[k->relation],
	                              .password = k->signs_in ? STR(RIG_PASSWORD) : STR_EMPTY};
	int r = account_create(&m.rig.sc, tx, &by_system, &n, &k->id, err);
	const struct account_grant g = {.account_id = k->id, .unit_id = m.units[k->relation], .role = str_c(k->role),
	                                .expires_at = strcmp(k->role, "guest_expert") == 0 ? rig_time + USEC_PER_DAY : 0};
	return r < 0 ? r : account_add_grant(&m.rig.sc, tx, &by_system, &g, &k->grant, err);
}

static int make_endpoint(struct db_tx *tx, void *ctx, struct err *err)
{
	struct making *k = ctx;
	char name[32];
	(void)snprintf(name, sizeof name, "pc-%u", m.counter++);
	const struct endpoint_sample e = {.unit_id = m.units[k->relation], .hostname = str_c(name), .os = STR("linux"),
	                                  .os_version = STR("Debian 12"), .address = STR("10.0.0.1"),
	                                  .agent_version = STR("0.1.0"), .reason = "", .last_seen_at = rig_time};
	int r = endpoint_put_sample(tx, &e, rig_time, err);
	return r < 0 ? r : endpoint_find_sample(tx, e.hostname, &k->id, err);
}

static int find_alert(struct db_tx *tx, void *ctx, struct err *err)
{
	struct making *k = ctx;
	return alert_find_by_key(tx, str_c(k->role), &k->id, err);
}

static int make_incident(struct db_tx *tx, void *ctx, struct err *err)
{
	struct making *k = ctx;
	const struct incident_new n = {.unit_id = m.units[k->relation], .title = STR("x"), .kind = STR("tech.power"),
	                               .detected_at = rig_time};
	return incident_open(tx, &m.rig.sc, &by_system, &n, &k->id, err);
}

/* By the administrator of the whole: {"id":…}. */
static struct uuid make_by_route(enum relation relation, const char *path, const char *format)
{
	char body[256], unit[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
	text_of(&m.units[relation], unit);
	(void)snprintf(body, sizeof body, "%s\"unit_id\":\"%s\"}", format, unit);
	str_copy_c(str_c(m.admin), m.rig.cookie, sizeof m.rig.cookie);
	m.rig.token[0] = '\0';
	if (rig_send(&m.rig, "POST", path, body) != 201)
		fail_msg("%s: %.*s", path, STR_FMT(buf_str(&m.rig.res.body)));
	rig_id(&m.rig, id);
	struct uuid out;
	assert_true(uuid_parse(str_c(id), &out));
	return out;
}

static struct uuid make_alert(enum relation relation)
{
	struct err err = {.code = 0};
	char key[32];
	(void)snprintf(key, sizeof key, "key-%u", m.counter++);
	struct making k = {.relation = relation, .role = key};
	const struct alert_record a = {.key = str_c(key), .rule_id = str_c(key), .title = STR("x"), .severity = ALERT_SEVERITY_HIGH,
	                               .endpoint_id = m.records[ENDPOINT][relation], .unit_id = m.units[relation],
	                               .first_event_id = str_c(key), .at = rig_time, .threat = STR("EICAR"), .path = STR("/tmp/x"),
	                               .action = STR("quarantined"), .quarantine_id = str_c(key), .raw = STR("{}")};
	rig_must(alert_intake(&m.rig.sc, &a, &err), &err);
	rig_must(db_read(m.rig.db, find_alert, &k, &err), &err);
	return k.id;
}

static struct uuid quarantine_of(enum relation relation)
{
	char path[128], unit[UUID_TEXT_SIZE];
	text_of(&m.units[relation], unit);
	(void)snprintf(path, sizeof path, "/api/v1/quarantine?unit=%s", unit);
	str_copy_c(str_c(m.admin), m.rig.cookie, sizeof m.rig.cookie);
	assert_int_equal(rig_send(&m.rig, "GET", path, NULL), 200);
	cleanup(arena) struct arena *arena = arena_new(0);
	json_each(item, json_get(rig_json(&m.rig, arena), "items")) {
		struct uuid id;
		if (str_eq_c(json_get_str(json_get(item, "unit"), "id", STR("")), unit) &&
		    uuid_parse(json_get_str(item, "id", STR("")), &id))
			return id;
	}
	fail_msg("no quarantine item: %.*s", STR_FMT(buf_str(&m.rig.res.body)));
	return (struct uuid){.b = {0}};
}

static int make_suppression(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct making *k = ctx;
	int r = db_exec(tx, err,
	                "INSERT INTO alert_suppression (id, rule_id, rule_title, threat, entity, host, unit_id, scope, reason, author_id,"
	                " author_name, created_at, expires_at, ended_by, swallowed, version)"
	                " VALUES ($1, 'nothing', '', '', '', '', $2, 'unit', 'x', $1, '', $3, $4, '', 0, 1)",
	                DB_UUID(&k->id), DB_UUID(&m.units[k->relation]), DB_INT(rig_time), DB_INT(rig_time + USEC_PER_DAY));
	return r < 0 ? r : 0;
}

static int make_shift(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct making *k = ctx;
	int r = db_exec(tx, err, "INSERT INTO shift (id, unit_id, account_id, starts_at, ends_at, note, created_at) VALUES ($1, $2, $3, $4, $5, '', 0)",
	                DB_UUID(&k->id), DB_UUID(&m.units[k->relation]), DB_UUID(&m.records[ACCOUNT][k->relation]), DB_INT(m.counter),
	                DB_INT(m.counter + 1));
	m.counter++;
	return r < 0 ? r : 0;
}

static int make_handover(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct making *k = ctx;
	int r = db_exec(tx, err,
	                "INSERT INTO shift_handover (id, unit_id, number, state, author_id, author_name, created_at, facts, body, digest, signed_with,"
	                " accepted_name, accepted_with, accepted_note, version) VALUES ($1, $2, $3, 0, $1, '', 0, '{}', '', '', '', '', '', '', 1)",
	                DB_UUID(&k->id), DB_UUID(&m.units[k->relation]), DB_INT(1000 + m.counter++));
	return r < 0 ? r : 0;
}

static struct uuid make_record(enum record record, enum relation relation)
{
	struct err err = {.code = 0};
	struct making k = {.relation = relation, .role = "finance"};
	char text[128];
	switch (record) {
	case UNIT:
		return m.units[relation];
	case ACCOUNT:
	case GRANT:
		rig_must(db_write(m.rig.db, make_person, &k, &err), &err);
		m.grant_holder[relation] = k.id;
		return record == GRANT ? k.grant : k.id;
	case ENDPOINT:
		rig_must(db_write(m.rig.db, make_endpoint, &k, &err), &err);
		return k.id;
	case ALERT:
		return make_alert(relation);
	case INCIDENT:
		rig_must(db_write(m.rig.db, make_incident, &k, &err), &err);
		return k.id;
	case QUARANTINE:
		return quarantine_of(relation);
	case TOKEN:
		return make_by_route(relation, "/api/v1/tokens", "{\"name\":\"x\",\"role\":\"reader\",");
	case ENROLMENT:
		return make_by_route(relation, "/api/v1/enrolment-tokens", "{");
	case SHIFT:
	case HANDOVER:
		k.id = uuid_new();
		rig_must(db_write(m.rig.db, record == SHIFT ? make_shift : make_handover, &k, &err), &err);
		return k.id;
	case SUPPRESSION:
		k.id = uuid_new();
		rig_must(db_write(m.rig.db, make_suppression, &k, &err), &err);
		return k.id;
	case SOURCE:
		(void)snprintf(text, sizeof text, "{\"name\":\"M-%u\",\"addresses\":[\"2001:db8:1::%x\"],", m.counter, m.counter);
		m.counter++;
		return make_by_route(relation, "/api/v1/sources", text);
	case NO_RECORD:
	case NOBODYS:
	case RECORD__COUNT:
		break;
	}
	return uuid_new();
}

static void add_role(const char *name, bool machine)
{
	struct err err = {.code = 0};
	assert_true(m.role_count < ROLES_MAX);
	str_copy_c(str_c(name), m.roles[m.role_count].name, sizeof m.roles[0].name);
	if (machine) {
		char format[128];
		struct buf out = BUF_FIXED(format, sizeof format);
		buf_printf(&out, "{\"name\":\"x\",\"role\":\"%s\",", name);
		(void)make_by_route(OWN, "/api/v1/tokens", format);
		cleanup(arena) struct arena *arena = arena_new(0);
		str_copy_c(json_get_str(rig_json(&m.rig, arena), "token", STR("")), m.roles[m.role_count].token,
		           sizeof m.roles[0].token);
	} else {
		char login[64];
		struct making k = {.relation = OWN, .role = name, .signs_in = true};
		struct buf out = BUF_FIXED(login, sizeof login);
		buf_printf(&out, "p%u.%s", m.counter, name);
		rig_must(db_write(m.rig.db, make_person, &k, &err), &err);
		assert_int_equal(rig_login(&m.rig, login, RIG_PASSWORD), 200);
		(void)memcpy(m.roles[m.role_count].cookie, m.rig.cookie, sizeof m.rig.cookie);
	}
	m.role_count++;
}

/* Every role of the pack, in its order, after nobody. */
static void add_roles(void)
{
	struct { char name[40]; bool machine; } found[ROLES_MAX];
	size_t count = 0;
	cleanup(arena) struct arena *arena = arena_new(0);
	str_copy_c(STR("nobody"), m.roles[m.role_count++].name, sizeof m.roles[0].name);
	str_copy_c(str_c(m.admin), m.rig.cookie, sizeof m.rig.cookie);
	assert_int_equal(rig_send(&m.rig, "GET", "/api/v1/roles", NULL), 200);
	json_each(item, json_get(rig_json(&m.rig, arena), "items")) {
		assert_true(count < ROLES_MAX);
		str_copy_c(json_get_str(item, "role", STR("")), found[count].name, sizeof found[0].name);
		found[count++].machine = json_get_bool(item, "for_machines", false);
	}
	for (size_t i = 0; i < count; i++)
		add_role(found[i].name, found[i].machine);
}

static void put_in(struct buf *out, const char *format, enum relation relation)
{
	const struct { struct str word; const struct uuid *id; } words[] = {
		{STR("$unit"), &m.units[relation]}, {STR("$alert"), &m.records[ALERT][relation]},
		{STR("$account"), &m.records[ACCOUNT][relation]},
	};
	struct str rest = str_c(format);
	while (rest.n > 0) {
		size_t skip = 0;
		char id[UUID_TEXT_SIZE];
		for (size_t i = 0; i < ARRAY_LEN(words) && skip == 0; i++) {
			if (!str_starts_with(rest, words[i].word))
				continue;
			buf_append_c(out, uuid_text(words[i].id, id));
			skip = words[i].word.n;
		}
		if (skip == 0 && str_starts_with(rest, STR("$n"))) {
			buf_printf(out, "%u", m.counter++);
			skip = 2;
		}
		if (skip == 0 && str_starts_with(rest, STR("$soon"))) {
			char iso[CLOCK_ISO_SIZE];
			buf_append_c(out, clock_iso(rig_time + USEC_PER_DAY, iso));
			skip = 5;
		}
		if (skip == 0) {
			buf_append_char(out, rest.p[0]);
			skip = 1;
		}
		rest = str_sub(rest, skip, rest.n);
	}
}

/* The path with its record. */
static void path_of(struct buf *out, size_t which, const struct uuid *record, enum relation relation)
{
	char id[UUID_TEXT_SIZE], holder[UUID_TEXT_SIZE];
	text_of(record, id);
	text_of(&m.grant_holder[relation], holder);
	struct str rest = str_c(cases[which].path);
	bool grant = cases[which].record == GRANT;
	while (rest.n > 0) {
		if (str_starts_with(rest, STR("{id}"))) {
			buf_append_c(out, grant ? holder : id);
			rest = str_sub(rest, 4, rest.n);
		} else if (str_starts_with(rest, STR("{grant}"))) {
			buf_append_c(out, id);
			rest = str_sub(rest, 7, rest.n);
		} else if (str_starts_with(rest, STR("{session}")) || str_starts_with(rest, STR("{comment}"))) {
			/* A comment of nobody here: whoever may take back is told that there is none. */
			buf_append_c(out, holder);
			rest = str_sub(rest, 9, rest.n);
		} else if (str_starts_with(rest, STR("{sha256}"))) {
			buf_append_c(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
			rest = str_sub(rest, 8, rest.n);
		} else if (str_starts_with(rest, STR("{rest*}"))) {
			buf_append_c(out, "nothing.txt");
			rest = str_sub(rest, 7, rest.n);
		} else {
			buf_append_char(out, rest.p[0]);
			rest = str_sub(rest, 1, rest.n);
		}
	}
	if (cases[which].query != NULL) {
		buf_append_char(out, '?');
		put_in(out, cases[which].query, relation);
	}
}

static const char *cell(int status, bool is_list)
{
	static char text[8];
	if (status != 401 && status != 403 && status != 404) {
		cleanup(arena) struct arena *arena = arena_new(0);
		const struct json *items = is_list && status == 200 ? json_get(rig_json(&m.rig, arena), "items") : NULL;
		return items != NULL && items->count == 0 ? "empty" : "ok";
	}
	(void)snprintf(text, sizeof text, "%d", status);
	return text;
}

static void ask(struct buf *out, size_t which, enum relation relation)
{
	buf_printf(out, "%s\t%s\t%s", cases[which].method, cases[which].path, cases[which].once ? "-" : relation_names[relation]);
	bool consumes = strcmp(cases[which].method, "DELETE") == 0 || cases[which].matched;
	for (size_t i = 0; i < m.role_count; i++) {
		struct uuid record = consumes ? make_record(cases[which].record, relation) : m.records[cases[which].record][relation];
		cleanup_buf struct buf path = BUF_INIT(1000), body = BUF_INIT(1000);
		path_of(&path, which, &record, relation);
		if (cases[which].body != NULL)
			put_in(&body, cases[which].body, relation);
		(void)memcpy(m.rig.cookie, m.roles[i].cookie, sizeof m.rig.cookie);
		(void)memcpy(m.rig.token, m.roles[i].token, sizeof m.rig.token);
		m.rig.etag = cases[which].matched ? "*" : NULL;
		int status = rig_send(&m.rig, cases[which].method, path.p, cases[which].body != NULL ? body.p : NULL);
		bool is_list = strcmp(cases[which].method, "GET") == 0 && str_starts_with(buf_str(&path), STR("/api/v1/"));
		buf_printf(out, "\t%s", cell(status, is_list));
	}
	buf_append_char(out, '\n');
}

static void check_complete(void)
{
	for (size_t s = 0; s < ARRAY_LEN(rig_services); s++) {
		for (const struct service_route *r = rig_services[s]->routes; r != NULL && r->method != NULL; r++) {
			bool found = r->listener != LISTENER_CONSOLE;
			for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
				found = found || (strcmp(r->method, left_out[i].method) == 0 && strcmp(r->path, left_out[i].path) == 0);
			for (size_t i = 0; i < ARRAY_LEN(cases); i++)
				found = found || (strcmp(r->method, cases[i].method) == 0 && strcmp(r->path, cases[i].path) == 0);
			if (!found)
				fail_msg("%s %s has no row in the permission matrix", r->method, r->path);
		}
	}
}

static void fill(struct buf *out)
{
	buf_append_c(out, "# Generated by gate_permission_test (LUYTRE_PERMISSIONS_OUT), then reviewed: who may do what to a record of "
	                  "the own unit, of one below it, of another.\nmethod\tpath\tunit");
	for (size_t i = 0; i < m.role_count; i++)
		buf_printf(out, "\t%s", m.roles[i].name);
	buf_append_char(out, '\n');
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int relation = 0; relation < (cases[i].once ? 1 : RELATION__COUNT); relation++)
			ask(out, i, (enum relation)relation);
	}
}

static void compare(struct str got, struct str expected)
{
	unsigned faults = 0, line = 0;
	struct str a = STR_EMPTY, b = STR_EMPTY;
	for (;;) {
		bool more_a = str_split(&got, '\n', &a), more_b = str_split(&expected, '\n', &b);
		line++;
		if (!more_a && !more_b)
			break;
		a = more_a ? a : STR("(nothing)");
		b = more_b ? b : STR("(nothing)");
		if (str_eq(a, b))
			continue;
		(void)fprintf(stderr, "tests/permissions.tsv:%u:\n  expected %.*s\n  got      %.*s\n", line, STR_FMT(b), STR_FMT(a));
		faults++;
	}
	assert_int_equal(faults, 0);
}

static void matrix(struct db *db, const char *url)
{
	(void)url;
	struct err err = {.code = 0};
	m = (struct matrix){.counter = 100};
	rig_start(&m.rig, db, NULL);
	check_complete();
	assert_int_equal(rig_set_up(&m.rig), 201);
	(void)memcpy(m.admin, m.rig.cookie, sizeof m.admin);
	rig_must(db_write(db, make_units, NULL, &err), &err);
	for (int record = UNIT; record < RECORD__COUNT; record++) {
		for (int relation = 0; relation < RELATION__COUNT; relation++)
			m.records[record][relation] = make_record((enum record)record, (enum relation)relation);
	}
	add_roles();
	cleanup_buf struct buf got = BUF_INIT(1 << 20), expected = BUF_INIT(1 << 20);
	fill(&got);
	rig_stop(&m.rig);
	const char *out = getenv("LUYTRE_PERMISSIONS_OUT"), *source = getenv("LUYTRE_SOURCE");
	if (out != NULL)
		rig_must(file_write(out, buf_str(&got), 0644, &err), &err);
	char path[512];
	(void)snprintf(path, sizeof path, "%s/tests/permissions.tsv", source != NULL ? source : ".");
	rig_must(file_read(path, 1 << 20, &expected, &err), &err);
	compare(buf_str(&got), buf_str(&expected));
}

static void each_matrix(void **state)
{
	(void)state;
	db_test_each(matrix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_matrix)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
