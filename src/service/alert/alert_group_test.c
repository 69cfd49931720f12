/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Grouping, severity, suppression: what the duty officer gets to see of what the rules find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/alert/alert_internal.h"
#include "service/alert/alert_suppression.h"
#include "service/endpoint/endpoint.h"
#include "service/protection/protection.h"
#include "service/service_test_support.h"
#include "service/source/source.h"

/* ---- severity ---- */

static void read_policy(struct arena *arena, struct alert_policy *ret)
{
	struct err err = {.code = 0};
	const struct pack_doc *doc = NULL;
	world_must(pack_load(arena, arena_printf(arena, "%s/packs/vn/alert_severity.yaml", getenv("LUYTRE_SOURCE")).p, &doc, &err), &err);
	world_must(alert_policy_read(arena, doc, ret, &err), &err);
}

static void severities(void **state)
{
	(void)state;
	static const struct {
		enum alert_severity rule;
		int64_t system;
		enum alert_exposure exposure;
		int64_t score;
		enum alert_severity expected;
		enum alert_rarity rarity;
		int64_t tactics;
	} cases[] = {
		/* With nothing known an alert is as severe as its rule says. */
		{ALERT_SEVERITY_LOW, 0, ALERT_EXPOSURE_UNKNOWN, 10, ALERT_SEVERITY_LOW},
		{ALERT_SEVERITY_MEDIUM, 0, ALERT_EXPOSURE_UNKNOWN, 25, ALERT_SEVERITY_MEDIUM},
		{ALERT_SEVERITY_HIGH, 0, ALERT_EXPOSURE_UNKNOWN, 50, ALERT_SEVERITY_HIGH},
		{ALERT_SEVERITY_CRITICAL, 0, ALERT_EXPOSURE_UNKNOWN, 80, ALERT_SEVERITY_CRITICAL},
		{ALERT_SEVERITY_HIGH, 3, ALERT_EXPOSURE_SERVER, 75, ALERT_SEVERITY_CRITICAL},
		{ALERT_SEVERITY_HIGH, 1, ALERT_EXPOSURE_WORKSTATION, 45, ALERT_SEVERITY_HIGH},
		{ALERT_SEVERITY_CRITICAL, 1, ALERT_EXPOSURE_WORKSTATION, 72, ALERT_SEVERITY_HIGH},
		{ALERT_SEVERITY_MEDIUM, 5, ALERT_EXPOSURE_INTERNET, 68, ALERT_SEVERITY_HIGH},
		{ALERT_SEVERITY_LOW, 9, ALERT_EXPOSURE_INTERNET, 27, ALERT_SEVERITY_MEDIUM},
		{ALERT_SEVERITY_LOW, -1, ALERT_EXPOSURE_UNKNOWN, 10, ALERT_SEVERITY_LOW},
		/* What fires every day is no night's matter; several tactics are. */
		{ALERT_SEVERITY_HIGH, 0, ALERT_EXPOSURE_UNKNOWN, 18, ALERT_SEVERITY_LOW, ALERT_RARITY_EVERYDAY},
		{ALERT_SEVERITY_CRITICAL, 0, ALERT_EXPOSURE_UNKNOWN, 48, ALERT_SEVERITY_HIGH, ALERT_RARITY_COMMON},
		{ALERT_SEVERITY_MEDIUM, 0, ALERT_EXPOSURE_UNKNOWN, 50, ALERT_SEVERITY_HIGH, ALERT_RARITY_RARE, 4},
		{ALERT_SEVERITY_MEDIUM, 0, ALERT_EXPOSURE_UNKNOWN, 26, ALERT_SEVERITY_MEDIUM, ALERT_RARITY_UNCOMMON, 2},
		{ALERT_SEVERITY_MEDIUM, 0, ALERT_EXPOSURE_UNKNOWN, 50, ALERT_SEVERITY_HIGH, ALERT_RARITY_RARE, 9},
	};
	cleanup(arena) struct arena *arena = arena_new(0);
	struct alert_policy policy;
	read_policy(arena, &policy);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct alert_weight weight = {cases[i].rule, cases[i].system, cases[i].exposure, cases[i].rarity, cases[i].tactics};
		enum alert_severity severity;
		int64_t score = alert_score(&policy, &weight, &severity);
		if (score != cases[i].score || severity != cases[i].expected)
			fail_msg("case %zu: %lld %s", i, (long long)score, alert_severity_name(severity));
	}
	struct alert_weight weight = {ALERT_SEVERITY_HIGH, 3, ALERT_EXPOSURE_SERVER};
	cleanup_buf struct buf out = BUF_INIT(4096);
	struct json_writer w = json_writer_init(&out);
	alert_score_write(&policy, &weight, &w);
	assert_string_equal(out.p, "{\"rule\":{\"level\":\"high\",\"points\":50},\"system\":{\"level\":3,\"percent\":120},"
	                           "\"exposure\":{\"value\":\"server\",\"percent\":125},"
	                           "\"rarity\":{\"value\":\"rare\",\"percent\":100},\"tactics\":{\"count\":1,\"percent\":100},\"score\":75,\"severity\":\"critical\"}");
}

static void bad_policies(void **state)
{
	(void)state;
	static const char *const head = "version: \"1\"\nconfidence: design\ngroup_window_hours: 24\n"
	                                "rule_points: {low: 1, medium: 2, high: 3, critical: 4}\n"
	                                "exposure_percent: {unknown: 1, workstation: 1, server: 1, internet: 1}\n"
	                                "rarity_percent: {rare: 1, uncommon: 1, common: 1, everyday: 1}\n"
	                                "rarity_days: {uncommon: 1, common: 1, everyday: 1}\nrarity_machines: {uncommon: 1, common: 1, everyday: 1}\n"
	                                "tactics_percent: {\"1\": 1, \"2\": 1, \"3\": 1, \"4\": 1}\nwave_machines: 5\n"
	                                "learning: {days: 7, lines: 10, up_to: high}\n";
	static const struct {
		const char *rest, *key;
	} cases[] = {
		{"system_percent: {unknown: 1, \"1\": 1, \"2\": 1, \"3\": 1, \"4\": 1, \"5\": 1}\nseverity_from: {medium: 20, high: 20, critical: 75}\n", "alert.policy_order"},
		{"system_percent: {unknown: 1, \"1\": 1, \"2\": 1, \"3\": 1, \"4\": 1}\nseverity_from: {medium: 20, high: 30, critical: 75}\n", "json.required"},
		{"system_percent: {unknown: 1, \"1\": 1, \"2\": 1, \"3\": 1, \"4\": 1, \"5\": -1}\nseverity_from: {medium: 20, high: 30, critical: 75}\n", "json.range"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		const struct pack_doc *doc = NULL;
		struct alert_policy policy;
		struct err err = {.code = 0};
		world_must(pack_parse(arena, "f", arena_printf(arena, "%s%s", head, cases[i].rest), &doc, &err), &err);
		assert_true(alert_policy_read(arena, doc, &policy, &err) < 0);
		assert_string_equal(err.key, cases[i].key);
	}
}

static void techniques(void **state)
{
	(void)state;
	static const struct {
		const char *tags, *expected;
	} cases[] = {
		{"attack.execution\nattack.t1059.001\nattack.t1003", "T1059.001"}, {"attack.t1110", "T1110"}, {"", ""},
		{"attack.t11x0\ncar.2013-05-002", ""}, {"attack.t1059.0011", ""}, {"attack.t1059x001", ""}, {"cve.2021.44228", ""},
	};
	cleanup(arena) struct arena *arena = arena_new(0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(str_eq_c(alert_technique(arena, str_c(cases[i].tags)), cases[i].expected));
}

/* ---- grouping ---- */

static struct service quiet_protection;

static void start_world(struct world *w, struct db *db)
{
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &source_service, &alert_service, NULL};
	world_init(w, db, "/nonexistent", rooms);
}

static struct alert_record sigma_record(const struct uuid *unit, const char *key, usec_t at)
{
	return (struct alert_record){.key = str_c(key), .rule_id = STR("r-1"), .title = STR("Suspicious PowerShell"), .severity = ALERT_SEVERITY_HIGH,
	                             .unit_id = *unit, .at = at, .kind = STR("sigma"), .host = STR("srv-01"), .entity = STR("user.name=lan"),
	                             .tags = STR("attack.execution\nattack.t1059.001"), .why = STR("[{\"field\":\"process.name\",\"value\":\"powershell.exe\"}]"),
	                             .raw = STR("{\"user\":{\"name\":\"lan\"},\"process\":{\"command_line\":\"powershell -enc AAAA\"}}"), .size_bytes = -1};
}

static int take(struct world *w, const struct alert_record *record)
{
	struct err err = {.code = 0};
	int r = alert_intake(&w->sc, record, &err);
	world_must(r, &err);
	return r;
}

static void grouping(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	const usec_t at = WORLD_START, day = USEC_PER_DAY;
	struct {
		const char *key, *host, *entity, *rule;
		usec_t at;
		int taken;
	} steps[] = {
		{"a", "srv-01", "user.name=lan", "r-1", at, ALERT_TAKEN_NEW},
		{"b", "srv-01", "user.name=lan", "r-1", at + day, ALERT_TAKEN_COUNTED},
		{"b", "srv-01", "user.name=lan", "r-1", at + day, ALERT_TAKEN_KNOWN},
		{"c", "srv-01", "user.name=an", "r-1", at + day, ALERT_TAKEN_NEW},
		{"d", "srv-02", "user.name=lan", "r-1", at + day, ALERT_TAKEN_NEW},
		{"e", "srv-01", "user.name=lan", "r-2", at + day, ALERT_TAKEN_NEW},
		/* The window runs from the last finding; what comes after it is an alert of its own, late ones count. */
		{"f", "srv-01", "user.name=lan", "r-1", at + 2 * day, ALERT_TAKEN_COUNTED},
		{"g", "srv-01", "user.name=lan", "r-1", at + 3 * day + 1, ALERT_TAKEN_NEW},
		{"h", "srv-01", "user.name=lan", "r-1", at + 3 * day, ALERT_TAKEN_COUNTED},
		{"a", "srv-01", "user.name=lan", "r-1", at, ALERT_TAKEN_KNOWN},
	};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct alert_record record = sigma_record(&w.east, steps[i].key, steps[i].at);
		record.host = str_c(steps[i].host);
		record.entity = str_c(steps[i].entity);
		record.rule_id = str_c(steps[i].rule);
		int taken = take(&w, &record);
		if (taken != steps[i].taken)
			fail_msg("step %zu: %d", i, taken);
	}
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert"), 5);
	assert_int_equal(world_sql_count(&w, "SELECT count FROM alert WHERE number = 1"), 3);
	assert_int_equal(world_sql_count(&w, "SELECT count FROM alert WHERE number = 5"), 2);
	/* The one that gave its place away can still be worked on. */
	cleanup_answer struct world_answer list = world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/alerts?sort=number"});
	cleanup(arena) struct arena *arena = arena_new(0);
	const char *one = arena_printf(arena, "/api/v1/alerts/%s/acknowledge", world_text(&list, "items.0.id")).p;
	cleanup_answer struct world_answer done = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST", .target = one, .if_match = "*"});
	assert_int_equal(done.status, 200);
	world_done(&w);
}

/* The worst first, then the latest; the level of the system and its exposure are in it. */
static void queue(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	struct {
		const char *rule;
		enum alert_severity severity;
		int64_t level;
		usec_t at;
	} given[] = {
		{"low", ALERT_SEVERITY_LOW, 0, WORLD_START + 9}, {"old-critical", ALERT_SEVERITY_CRITICAL, 0, WORLD_START},
		{"medium", ALERT_SEVERITY_MEDIUM, 0, WORLD_START + 8}, {"high-at-5", ALERT_SEVERITY_HIGH, 5, WORLD_START + 7},
		{"high", ALERT_SEVERITY_HIGH, 0, WORLD_START + 6},
	};
	static const char *const expected[] = {"high-at-5", "old-critical", "high", "medium", "low"};
	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		struct alert_record record = sigma_record(&w.east, given[i].rule, given[i].at);
		record.rule_id = str_c(given[i].rule);
		record.severity = given[i].severity;
		record.system_level = given[i].level;
		(void)take(&w, &record);
	}
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_answer struct world_answer list = world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/alerts"});
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_string_equal(world_text(&list, arena_printf(arena, "items.%zu.rule_id", i).p), expected[i]);
	cleanup_answer struct world_answer next = world_call(&w, &(struct world_call){
		.as = &w.admin, .method = "GET", .target = arena_printf(arena, "/api/v1/alerts?limit=2").p});
	cleanup_answer struct world_answer second = world_call(&w, &(struct world_call){
		.as = &w.admin, .method = "GET", .target = arena_printf(arena, "/api/v1/alerts?limit=2&cursor=%s", world_text(&next, "next")).p});
	assert_string_equal(world_text(&second, "items.0.rule_id"), "high");
	/* A worse finding of the same group moves it up, with its own arithmetic; a lesser one leaves it. */
	struct alert_record worse = sigma_record(&w.east, "worse", WORLD_START + 20);
	worse.rule_id = STR("low");
	worse.severity = ALERT_SEVERITY_CRITICAL;
	assert_int_equal(take(&w, &worse), ALERT_TAKEN_COUNTED);
	worse.key = STR("lesser");
	worse.severity = ALERT_SEVERITY_LOW;
	assert_int_equal(take(&w, &worse), ALERT_TAKEN_COUNTED);
	cleanup_answer struct world_answer again = world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/alerts"});
	assert_string_equal(world_text(&again, "items.0.rule_id"), "low");
	assert_string_equal(world_text(&again, "items.0.severity"), "critical");
	assert_int_equal(world_sql_count(&w, "SELECT score FROM alert WHERE rule_id = 'low'"), 80);
	world_done(&w);
}

static int put_source(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct world *w = ctx;
	const struct uuid id = {.b = {1}};
	int r = db_exec(tx, err,
	                "INSERT INTO source (id, unit_id, name, search_key, sort_key, system_name, system_level, kind, addresses, fingerprint, format,"
	                " retention, rate_per_s, silence_s, enabled, note, created_at, enabled_at, version)"
	                " VALUES ($1, $2, 'fw', 'fw', $1, 'Một cửa', 4, '', '', '', '', '', 0, 0, 1, '', 0, 0, 1)",
	                DB_UUID(&id), DB_UUID(&w->east));
	return r < 0 ? r : 0;
}

/* The level of the system is the log source's, where the record does not say it. */
static void levels(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	start_world(&w, db);
	world_must(db_write(w.sc.db, put_source, &w, &err), &err);
	const struct {
		const char *source;
		int64_t score;
	} cases[] = {{"source-01000000-0000-0000-0000-000000000000", 75}, {"source-02000000-0000-0000-0000-000000000000", 50}, {"agent", 50}, {"", 50}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct alert_record record = sigma_record(&w.east, arena_printf(arena, "l%zu", i).p, WORLD_START);
		record.rule_id = record.key;
		record.source = str_c(cases[i].source);
		(void)take(&w, &record);
		assert_int_equal(world_sql_count(&w, "SELECT score FROM alert ORDER BY number DESC LIMIT 1"), cases[i].score);
	}
	world_done(&w);
}

/* ---- suppression ---- */

static struct world_answer suppress(struct world *w, const struct access *as, const char *id, const char *scope, const char *reason,
                                    usec_t expires)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	char iso[CLOCK_ISO_SIZE];
	return world_call(w, &(struct world_call){.as = as, .method = "POST", .target = arena_printf(arena, "/api/v1/alerts/%s/suppress", id).p,
		.body = arena_printf(arena, "{\"scope\":\"%s\",\"reason\":\"%s\",\"expires_at\":\"%s\"}", scope, reason, clock_iso(expires, iso)).p});
}

static void suppression(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	struct alert_record record = sigma_record(&w.east, "a", WORLD_START);
	assert_int_equal(take(&w, &record), ALERT_TAKEN_NEW);
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_answer struct world_answer list = world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/alerts"});
	const char *id = world_text(&list, "items.0.id");
	const usec_t end = WORLD_START + USEC_PER_DAY;
	const struct {
		const struct access *as;
		const char *scope, *reason;
		usec_t expires;
		int status;
		const char *key;
	} refused[] = {
		{&w.nobody, "host", "đang kiểm thử", end, 403, "api.forbidden"},      {&w.west_officer, "host", "đang kiểm thử", end, 404, "api.not_found"},
		{&w.east_officer, "city", "đang kiểm thử", end, 403, "api.forbidden"}, {&w.east_officer, "host", "   ", end, 400, "alert.reason_required"},
		{&w.east_officer, "host", "đang kiểm thử", WORLD_START, 400, "alert.suppression_end"},
		{&w.east_officer, "host", "đang kiểm thử", WORLD_START + 91 * USEC_PER_DAY, 400, "alert.suppression_end"},
	};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		cleanup_answer struct world_answer a = suppress(&w, refused[i].as, id, refused[i].scope, refused[i].reason, refused[i].expires);
		if (a.status != refused[i].status || strcmp(a.key, refused[i].key) != 0)
			fail_msg("case %zu: %d %s", i, a.status, a.key);
	}
	cleanup_answer struct world_answer made = suppress(&w, &w.east_officer, id, "host", "đang kiểm thử", end);
	assert_int_equal(made.status, 201);
	/* Same machine, whatever entity: swallowed and counted once; another machine or rule: not. */
	record.key = STR("b");
	record.entity = STR("user.name=an");
	record.count = 5;
	assert_int_equal(take(&w, &record), ALERT_TAKEN_SUPPRESSED);
	assert_int_equal(take(&w, &record), ALERT_TAKEN_KNOWN);
	record.key = STR("c");
	record.host = STR("srv-02");
	assert_int_equal(take(&w, &record), ALERT_TAKEN_NEW);
	record.key = STR("d");
	record.host = STR("srv-01");
	record.rule_id = STR("r-2");
	assert_int_equal(take(&w, &record), ALERT_TAKEN_NEW);
	cleanup_answer struct world_answer active = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = "/api/v1/suppressions?state=active"});
	assert_string_equal(world_text(&active, "total"), "1");
	assert_string_equal(world_text(&active, "items.0.swallowed"), "5");
	assert_string_equal(world_text(&active, "items.0.reason"), "đang kiểm thử");
	assert_string_equal(world_text(&active, "items.0.author.name"), "east");
	cleanup_answer struct world_answer hidden = world_call(&w, &(struct world_call){.as = &w.west_officer, .method = "GET", .target = "/api/v1/suppressions"});
	assert_string_equal(world_text(&hidden, "total"), "0");
	/* It ends by itself; what it had swallowed stays known. */
	world_clock = end;
	record.rule_id = STR("r-1");
	record.key = STR("b");
	assert_int_equal(take(&w, &record), ALERT_TAKEN_KNOWN);
	record.key = STR("e");
	record.at = end;
	assert_int_equal(take(&w, &record), ALERT_TAKEN_NEW);
	cleanup_answer struct world_answer over = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = "/api/v1/suppressions?state=over"});
	assert_string_equal(world_text(&over, "items.0.state"), "expired");
	/* Or it is ended. */
	cleanup_answer struct world_answer unit = suppress(&w, &w.east_officer, id, "unit", "bảo trì", end + USEC_PER_DAY);
	assert_int_equal(unit.status, 201);
	record.key = STR("f");
	assert_int_equal(take(&w, &record), ALERT_TAKEN_SUPPRESSED);
	const char *stop = arena_printf(arena, "/api/v1/suppressions/%s/end", world_text(&unit, "id")).p;
	cleanup_answer struct world_answer stale = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "POST", .target = stop, .if_match = "\"9\""});
	assert_int_equal(stale.status, 412);
	cleanup_answer struct world_answer other = world_call(&w, &(struct world_call){.as = &w.west_officer, .method = "POST", .target = stop, .if_match = "\"1\""});
	assert_int_equal(other.status, 404);
	cleanup_answer struct world_answer stopped = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "POST", .target = stop, .if_match = "\"1\""});
	assert_int_equal(stopped.status, 200);
	record.key = STR("g");
	assert_int_equal(take(&w, &record), ALERT_TAKEN_COUNTED);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action LIKE 'alert.suppress%'"), 3);
	world_done(&w);
}

struct planning {
	struct arena *arena;
	const char *rule;
	enum alert_scope scope;
	struct alert_suppression plan;
	bool wide;
};

static int plan_it(struct db_tx *tx, void *ctx, struct err *err)
{
	struct planning *p = ctx;
	struct uuid id = {.b = {0}};
	int r = alert_find_by_key(tx, str_c(p->rule), &id, err);
	return r < 0 ? r : alert_db_plan_suppression(tx, p->arena, &id, p->scope, &p->plan, &p->wide, err);
}

/* Which suppressions take two persons. */
static void wide(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	const struct {
		const char *rule;
		enum alert_scope scope;
		enum alert_severity severity;
		int64_t level;
		bool wide;
	} cases[] = {
		{"a", ALERT_SCOPE_HOST, ALERT_SEVERITY_HIGH, 0, false}, {"b", ALERT_SCOPE_CITY, ALERT_SEVERITY_LOW, 0, true},
		{"c", ALERT_SCOPE_ENTITY, ALERT_SEVERITY_CRITICAL, 0, true}, {"d", ALERT_SCOPE_UNIT, ALERT_SEVERITY_HIGH, 0, false},
		/* Critical by its rule though this system makes it less, and by its system though the rule is less. */
		{"e", ALERT_SCOPE_HOST, ALERT_SEVERITY_CRITICAL, 1, true}, {"f", ALERT_SCOPE_HOST, ALERT_SEVERITY_HIGH, 5, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct alert_record record = sigma_record(&w.east, cases[i].rule, WORLD_START);
		record.rule_id = str_c(cases[i].rule);
		record.severity = cases[i].severity;
		record.system_level = cases[i].level;
		(void)take(&w, &record);
		cleanup(arena) struct arena *arena = arena_new(0);
		struct planning p = {.arena = arena, .rule = cases[i].rule, .scope = cases[i].scope};
		struct err err = {.code = 0};
		world_must(db_read(w.sc.db, plan_it, &p, &err), &err);
		if (p.wide != cases[i].wide)
			fail_msg("case %zu: %d", i, p.wide);
		assert_true(uuid_eq(&p.plan.unit_id, cases[i].scope == ALERT_SCOPE_CITY ? &w.city : &w.east));
	}
	world_done(&w);
}

/* What the officer reads: the pack's sentence with its blanks filled, the rule's own words where the pack has none. */
static void detail(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	struct alert_record record = sigma_record(&w.east, "a", WORLD_START);
	(void)take(&w, &record);
	record.key = record.rule_id = STR("own-words");
	record.tags = STR("attack.t0000");
	record.description = STR("Something odd {user}");
	record.severity = ALERT_SEVERITY_LOW;
	(void)take(&w, &record);
	record.key = record.rule_id = STR("malware.agent");
	record.threat = STR("EICAR");
	record.path = STR("C:\\a.exe");
	record.severity = ALERT_SEVERITY_CRITICAL;
	(void)take(&w, &record);
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_answer struct world_answer list = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = "/api/v1/alerts"});
	assert_string_equal(world_text(&list, "items.0.what"), "");
	assert_string_equal(world_text(&list, "items.1.what"), "Chạy lệnh PowerShell đáng ngờ");
	const struct {
		const char *path[3], *expected;
	} cases[] = {
		{{"text.source", "text.source", "text.source"}, "rule|technique|own"},
		{{"text.happened", "text.technique", "text.happened"}, "Trên srv-01 có tệp chứa mã độc EICAR: C:\\a.exe|T1059.001|Something odd {user}"},
		{{"text.incident_kind", "text.incident_kind", "text.incident_kind"}, "attack.malware|attack.malware|"},
		{{"text.steps", "text.steps", "text.steps"}, "4|4|0"},
		{{"explain.score", "explain.score", "explain.score"}, "80|50|10"},
		{{"similar_30d.alerts", "similar_30d.hosts", "contacts.0.name"}, "0|0|east"},
	};
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		cleanup_buf struct buf got = BUF_INIT(4096);
		for (size_t i = 0; i < 3; i++) {
			const char *target = arena_printf(arena, "/api/v1/alerts/%s", world_text(&list, arena_printf(arena, "items.%zu.id", i).p)).p;
			cleanup_answer struct world_answer one = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = target});
			buf_printf(&got, "%s%s", i > 0 ? "|" : "", world_text(&one, cases[c].path[i]));
		}
		assert_string_equal(got.p, cases[c].expected);
	}
	const char *powershell = arena_printf(arena, "/api/v1/alerts/%s", world_text(&list, "items.1.id")).p;
	cleanup_answer struct world_answer one = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = powershell});
	const char *happened = world_text(&one, "text.happened");
	assert_non_null(strstr(happened, "srv-01"));
	assert_non_null(strstr(happened, "lan đã chạy"));
	assert_non_null(strstr(happened, "powershell -enc AAAA"));
	/* A promise is a note with a time. */
	const char *notes = arena_printf(arena, "%s/comments", powershell).p;
	cleanup_answer struct world_answer said = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "POST", .target = notes,
		.body = "{\"text\":\"gọi lại\",\"due_at\":\"2026-11-21T23:00:00Z\"}"});
	assert_int_equal(said.status, 201);
	assert_string_equal(world_text(&said, "comments.0.due_at"), "2026-11-21T23:00:00Z");
	world_done(&w);
}

/* From when it came into the queue; a test run does not count as resolved. */
static void figures(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	static const struct {
		const char *key, *resolution;
		usec_t acknowledge, close; /* after it came; 0: not */
	} cases[] = {{"a", "true_positive", USEC_PER_MINUTE, USEC_PER_HOUR}, {"b", "test", 3 * USEC_PER_MINUTE, 2 * USEC_PER_HOUR},
	             {"c", "false_positive", 0, 2 * USEC_PER_HOUR}, {"d", NULL, 0, 0}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const usec_t came = world_clock;
		struct alert_record record = sigma_record(&w.east, cases[i].key, WORLD_START - USEC_PER_HOUR);
		record.rule_id = str_c(cases[i].key);
		(void)take(&w, &record);
		cleanup_answer struct world_answer list = world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/alerts?sort=-number&limit=1"});
		const char *one = arena_printf(arena, "/api/v1/alerts/%s", world_text(&list, "items.0.id")).p;
		world_clock = came + cases[i].acknowledge;
		if (cases[i].acknowledge != 0) {
			cleanup_answer struct world_answer a = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST", .target = arena_printf(arena, "%s/acknowledge", one).p, .if_match = "*"});
			assert_int_equal(a.status, 200);
		}
		world_clock = came + cases[i].close;
		if (cases[i].close != 0) {
			cleanup_answer struct world_answer a = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST", .target = arena_printf(arena, "%s/close", one).p, .if_match = "*",
				.body = arena_printf(arena, "{\"resolution\":\"%s\"}", cases[i].resolution).p});
			assert_int_equal(a.status, 200);
		}
		world_clock = came;
	}
	cleanup_answer struct world_answer f = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = "/api/v1/alerts/figures?months=2"});
	static const char *const expected[][2] = {
		{"months.0.month", "2026-11"}, {"months.1.month", "2026-10"}, {"months.0.by_severity.high.count", "4"},
		{"months.0.by_severity.high.acknowledged", "3"}, {"months.0.by_severity.high.closed", "2"},
		{"months.0.by_severity.high.mtta_s", "2480"}, /* (60 + 180 + 7200) / 3 */
		{"months.0.by_severity.high.mttr_s", "5400"}, {"months.1.all.count", "0"}, {"months.1.all.mtta_s", ""},
		{"units.0.unit.name", "Phường Đông"}, {"units.0.all.count", "4"}, {"units", "1"},
	};
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_string_equal(world_text(&f, expected[i][0]), expected[i][1]);
	cleanup_answer struct world_answer none = world_call(&w, &(struct world_call){.as = &w.west_officer, .method = "GET", .target = "/api/v1/alerts/figures"});
	assert_string_equal(world_text(&none, "months.0.all.count"), "0");
	assert_string_equal(world_text(&none, "units"), "0");
	world_done(&w);
}

#define ON_EACH(name)                   \
	static void name##_each(void **state) \
	{                                   \
		(void)state;                    \
		db_test_each(name);             \
	}
ON_EACH(grouping)
ON_EACH(queue)
ON_EACH(levels)
ON_EACH(suppression)
ON_EACH(wide)
ON_EACH(detail)
ON_EACH(figures)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(severities), cmocka_unit_test(bad_policies), cmocka_unit_test(techniques),
	                                   cmocka_unit_test(grouping_each), cmocka_unit_test(queue_each), cmocka_unit_test(levels_each), cmocka_unit_test(suppression_each),
	                                   cmocka_unit_test(wide_each), cmocka_unit_test(detail_each), cmocka_unit_test(figures_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
