/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What is put together in the queue, what makes it more and less urgent, and deeds upon a whole line of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/alert/alert_queue.h"
#include "service/alert/alert_tactics.h"
#include "service/alert/alert_tune.h"
#include "service/endpoint/endpoint.h"
#include "service/protection/protection.h"
#include "service/rule/rule.h"
#include "service/service_test_support.h"
#include "service/source/source.h"

/* ---- putting together ---- */

static void gathering(void **state)
{
	(void)state;
	static const struct {
		const char *rule, *machine;
		enum alert_severity severity;
		int64_t score;
	} given[] = {
		/* 0 to 4: a wave of five machines, one of which has something else as well. */
		{"wave", "a", ALERT_SEVERITY_MEDIUM, 25}, {"wave", "b", ALERT_SEVERITY_MEDIUM, 25}, {"wave", "c", ALERT_SEVERITY_MEDIUM, 25},
		{"wave", "d", ALERT_SEVERITY_MEDIUM, 25}, {"wave", "e", ALERT_SEVERITY_MEDIUM, 25},
		{"alone", "a", ALERT_SEVERITY_MEDIUM, 30},
		/* 6 to 8: the case of one machine. */
		{"one", "x", ALERT_SEVERITY_HIGH, 50}, {"two", "x", ALERT_SEVERITY_HIGH, 65}, {"three", "x", ALERT_SEVERITY_MEDIUM, 40},
		/* 9 to 11: the same rule elsewhere, on too few machines for a wave, and twice on one. */
		{"one", "y", ALERT_SEVERITY_HIGH, 50}, {"one", "z", ALERT_SEVERITY_HIGH, 50}, {"one", "z", ALERT_SEVERITY_HIGH, 50},
	};
	static const struct {
		enum alert_group_kind kind;
		int64_t lead, alerts, machines, rules;
	} expected[] = {
		{ALERT_GROUP_CASE, 7, 3, 1, 3}, {ALERT_GROUP_RULE, 9, 3, 2, 1}, {ALERT_GROUP_ONE, 5, 1, 1, 1}, {ALERT_GROUP_RULE, 0, 5, 5, 1},
	};
	struct alert_queue_item items[ARRAY_LEN(given)];
	struct alert_queue_group groups[ARRAY_LEN(given)];
	for (int turn = 0; turn < 2; turn++) {
		/* In whatever order they come. */
		for (size_t i = 0; i < ARRAY_LEN(given); i++) {
			size_t at = turn == 0 ? i : ARRAY_LEN(given) - 1 - i;
			items[at] = (struct alert_queue_item){.rule_key = str_c(given[i].rule), .machine = str_c(given[i].machine), .severity = given[i].severity,
			                                      .score = given[i].score, .number = (int64_t)i, .findings = 2, .last_at = (usec_t)i, .tactics = 1 << (i % 4)};
		}
		assert_int_equal(alert_queue_gather(items, ARRAY_LEN(items), 5, groups), ARRAY_LEN(expected));
		for (size_t g = 0; g < ARRAY_LEN(expected); g++) {
			assert_int_equal(groups[g].kind, expected[g].kind);
			assert_int_equal(groups[g].lead->number, expected[g].lead);
			assert_int_equal(groups[g].alerts, expected[g].alerts);
			assert_int_equal(groups[g].machines, expected[g].machines);
			assert_int_equal(groups[g].rules, expected[g].rules);
			assert_int_equal(groups[g].findings, 2 * expected[g].alerts);
		}
	}
	assert_int_equal(alert_queue_gather(items, 0, 5, groups), 0);
	/* Without a wave the machine's case takes both. */
	assert_int_equal(alert_queue_gather(items, ARRAY_LEN(items), 6, groups), 4);
}

/* Rules that strike the same machines have one cause. */
static void waves(void **state)
{
	(void)state;
	enum { MACHINES = 12, MOST = 100 };
	static const struct {
		const char *rule;
		int from, to;
	} given[] = {
		{"b", 0, 10}, {"a", 0, 10}, {"twice", 0, 10}, {"twice", 0, 3},
		{"c", 0, 9},  /* nine of ten */
		{"d", 0, 7},  /* seven of ten: not the same */
		{"e", 2, 12}, /* eight of twelve */
		{"few", 0, 4},
	};
	char names[MACHINES][16];
	struct alert_queue_item items[MOST];
	struct alert_queue_group groups[MOST];
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		for (int m = given[i].from; m < given[i].to; m++) {
			(void)snprintf(names[m], sizeof names[m], "m%02d", m);
			items[count++] = (struct alert_queue_item){.rule_key = str_c(given[i].rule), .machine = str_c(names[m]), .severity = ALERT_SEVERITY_HIGH,
			                                           .score = 50 - (int64_t)i, .number = (int64_t)count, .findings = 1};
		}
	}
	static const struct {
		enum alert_group_kind kind;
		int64_t alerts, machines, rules;
		const char *lead;
	} expected[] = {
		{ALERT_GROUP_WAVE, 42, 10, 4, "b"}, {ALERT_GROUP_RULE, 7, 7, 1, "d"}, {ALERT_GROUP_RULE, 10, 10, 1, "e"}, {ALERT_GROUP_RULE, 4, 4, 1, "few"},
	};
	assert_int_equal(alert_queue_gather(items, count, 5, groups), ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const struct alert_queue_group *g = &groups[i];
		if (g->kind != expected[i].kind || g->alerts != expected[i].alerts || g->machines != expected[i].machines || g->rules != expected[i].rules ||
		    !str_eq_c(g->lead->rule_key, expected[i].lead))
			fail_msg("%zu: %s %lld alerts %lld machines %lld rules, %s", i, alert_group_kind_names[g->kind], (long long)g->alerts, (long long)g->machines,
			         (long long)g->rules, g->lead->rule_key.p);
	}
}

static void tactics(void **state)
{
	(void)state;
	static const struct {
		const char *tags;
		int64_t count;
	} cases[] = {
		{"", 0}, {"attack.t1059\nattack.g0007", 0}, {"attack.initial-access\nattack.initial_access", 1}, {"attack.execution\nattack.stealth\nattack.impact", 3},
		{"execution", 0}, {"attack.executions", 0}, {"attack.lateral_movement\ncar.1", 1},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(alert_tactics_count(alert_tactics_of(str_c(cases[i].tags))), cases[i].count);
	cleanup_buf struct buf out = BUF_INIT(200);
	struct json_writer w = json_writer_init(&out);
	alert_tactics_write(&w, alert_tactics_of(STR("attack.impact\nattack.command_and_control")));
	assert_string_equal(out.p, "[\"command-and-control\",\"impact\"]");
}

/* One event is one step, however many tactics its rules name. */
static void proven(void **state)
{
	(void)state;
	static const struct {
		struct {
			const char *event;
			int64_t tactics;
		} list[4];
		int64_t expected;
	} cases[] = {
		{{{"", 0}}, 0},
		{{{"a", 0xf}}, 1},
		{{{"a", 1}, {"a", 2}, {"a", 4}}, 1},
		{{{"a", 1}, {"b", 1}, {"c", 1}}, 1},
		{{{"a", 1}, {"b", 2}, {"c", 4}, {"d", 8}}, 4},
		{{{"", 1}, {"", 2}}, 2},
		/* Only by giving the first event another tactic than its first. */
		{{{"a", 3}, {"b", 1}}, 2},
		{{{"a", 7}, {"b", 1}, {"c", 3}, {"d", 7}}, 3},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct alert_evidence list[ARRAY_LEN(cases[0].list)];
		size_t n = 0;
		for (size_t k = 0; k < ARRAY_LEN(list); k++) {
			if (cases[i].list[k].event != NULL)
				list[n++] = (struct alert_evidence){str_c(cases[i].list[k].event), cases[i].list[k].tactics};
		}
		if (alert_tactics_proven(list, n) != cases[i].expected)
			fail_msg("case %zu", i);
	}
}

/* More rules that are being learned than so many: a line a tactic, the rarest first; nothing else is put there, and nothing is lost. */
static void learning_lines(void **state)
{
	(void)state;
	static const struct {
		const char *rule, *machine;
		int64_t tactics, score;
		bool learning;
	} given[] = {
		{"a", "m1", 4, 25, true}, {"a", "m2", 4, 25, true}, {"a", "m3", 4, 25, true}, {"b", "m4", 4, 30, true}, {"c", "m5", 0, 25, true},
		{"d", "m6", 8, 25, true}, {"d", "m7", 8, 40, false}, {"e", "m8", 4, 90, false}, {"f", "m3", 16, 25, true},
	};
	enum { N = ARRAY_LEN(given) };
	struct alert_queue_item items[N];
	struct alert_queue_group groups[N];
	struct alert_queue_line lines[N];
	for (size_t i = 0; i < N; i++)
		items[i] = (struct alert_queue_item){.rule_key = str_c(given[i].rule), .machine = str_c(given[i].machine), .severity = ALERT_SEVERITY_MEDIUM,
		                                     .score = given[i].score, .tactics = given[i].tactics, .learning = given[i].learning, .number = (int64_t)i,
		                                     .unit_id = {.b = {(uint8_t)(i % 2)}}, .findings = 1, .last_at = (usec_t)i};
	size_t count = alert_queue_gather(items, N, 2, groups);
	/* e; d, of which one is not learned; a (a wave of 3); b; c; f. */
	assert_int_equal(count, 6);
	assert_int_equal(alert_queue_learn(groups, count, 4, lines), 6);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(lines[i].count, 1);
	assert_int_equal(alert_queue_learn(groups, count, 3, lines), 5);
	assert_string_equal(lines[0].sum.lead->rule_key.p, "e");
	assert_string_equal(lines[1].sum.lead->rule_key.p, "d");
	const struct alert_queue_line *learned = &lines[2];
	assert_int_equal(learned->sum.kind, ALERT_GROUP_LEARNING);
	assert_int_equal(learned->tactic, 2);
	assert_int_equal(learned->count, 2);
	assert_string_equal(learned->groups[0].lead->rule_key.p, "b");
	assert_string_equal(learned->groups[1].lead->rule_key.p, "a");
	assert_int_equal(learned->sum.lead->number, 3);
	assert_int_equal(learned->sum.alerts, 4);
	assert_int_equal(learned->sum.machines, 4);
	assert_int_equal(learned->sum.rules, 2);
	assert_int_equal(learned->sum.units, 2);
	int64_t alerts = 0;
	for (size_t i = 0; i < 5; i++)
		alerts += lines[i].sum.alerts;
	assert_int_equal(alerts, N);
	assert_int_equal(alert_queue_learn(groups, 0, 3, lines), 0);
}

static void covering(void **state)
{
	(void)state;
	static const char why[] = "[{\"field\":\"Image\",\"value\":\"C:\\\\Sao Luu\\\\backup.EXE\"},{\"field\":\"CommandLine\",\"value\":\"backup /all\"},{\"field\":\"\",\"value\":\"x\"}]";
	static const struct {
		struct alert_tune_test tests[2];
		size_t count;
		bool expected;
	} cases[] = {
		{{{STR("Image"), STR("c:\\sao luu\\backup.exe"), ALERT_TUNE_IS}}, 1, true},
		{{{STR("Image"), STR("c:\\sao luu\\backup"), ALERT_TUNE_IS}}, 1, false},
		{{{STR("Image"), STR("\\BACKUP.exe"), ALERT_TUNE_ENDS}}, 1, true},
		{{{STR("Image"), STR("C:\\sao"), ALERT_TUNE_STARTS}}, 1, true},
		{{{STR("Image"), STR("Luu"), ALERT_TUNE_STARTS}}, 1, false},
		{{{STR("CommandLine"), STR("P /A"), ALERT_TUNE_CONTAINS}}, 1, true},
		{{{STR("CommandLine"), STR("backup /all of it"), ALERT_TUNE_CONTAINS}}, 1, false},
		{{{STR("Image"), STR("luu"), ALERT_TUNE_CONTAINS}, {STR("CommandLine"), STR("backup"), ALERT_TUNE_STARTS}}, 2, true},
		{{{STR("Image"), STR("luu"), ALERT_TUNE_CONTAINS}, {STR("User"), STR("x"), ALERT_TUNE_IS}}, 2, false},
		{{{STR("image"), STR("luu"), ALERT_TUNE_CONTAINS}}, 1, false},
		{{{STR(""), STR(""), ALERT_TUNE_IS}}, 0, false},
	};
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct json *list = NULL;
	struct err err = {.code = 0};
	world_must(json_parse(arena, str_c(why), NULL, &list, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (alert_tune_covers(cases[i].tests, cases[i].count, list) != cases[i].expected)
			fail_msg("case %zu", i);
	}
}

static void public_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		bool is_public;
	} cases[] = {
		{"8.8.8.8", true}, {"113.161.0.0/16", true}, {"10.92.0.1", false}, {"172.16.0.1", false}, {"172.32.0.1", true}, {"192.168.1.0/24", false},
		{"100.64.0.1", false}, {"100.128.0.1", true}, {"127.0.0.1", false}, {"169.254.1.1", false}, {"224.0.0.1", false}, {"255.255.255.255", false},
		{"0.0.0.0", false}, {"2001:ee0::1", true}, {"fd00::1", false}, {"fe80::1", false}, {"::1", false}, {"::ffff:10.0.0.1", false},
		{"::ffff:8.8.8.8", true}, {"", false}, {"srv-01", false}, {"8.8.8.8.8", false}, {"999.1.1.1", false},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (alert_address_is_public(str_c(cases[i].address)) != cases[i].is_public)
			fail_msg("%s", cases[i].address);
	}
}

/* ---- with a database ---- */

static struct service quiet_protection, quiet_rule;

static void start_world(struct world *w, struct db *db)
{
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	quiet_rule = rule_service;
	quiet_rule.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &source_service, &quiet_rule, &alert_service, NULL};
	world_init(w, db, "/nonexistent", rooms);
	world_clock = WORLD_START;
}

struct finding {
	const char *rule, *host, *tags;
	enum alert_severity severity;
};

static int take_record(struct world *w, struct alert_record *record)
{
	static int number;
	char key[40];
	(void)snprintf(key, sizeof key, "key-%d", number++);
	record->key = str_c(key);
	record->title = record->rule_id;
	record->at = world_clock;
	record->kind = STR("sigma");
	record->size_bytes = -1;
	struct err err = {.code = 0};
	int r = alert_intake(&w->sc, record, &err);
	world_must(r, &err);
	return r;
}

static int take(struct world *w, const struct uuid *unit, const struct finding *f)
{
	return take_record(w, &(struct alert_record){.rule_id = str_c(f->rule), .severity = f->severity, .unit_id = *unit, .host = str_c(f->host), .tags = str_c(f->tags)});
}

static void take_on(struct world *w, const struct uuid *machine, const char *rule, const char *tags, enum alert_severity severity)
{
	(void)take_record(w, &(struct alert_record){.rule_id = str_c(rule), .severity = severity, .endpoint_id = *machine, .tags = str_c(tags)});
}

static struct world_answer get(struct world *w, const struct access *as, const char *target)
{
	return world_call(w, &(struct world_call){.as = as, .method = "GET", .target = target});
}

/* On five days before, and twenty machines: then it counts less. One day with many machines does not make it common. */
static void habits(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	for (int day = 0; day < 5; day++) {
		for (int machine = 0; machine < 4; machine++) {
			char host[40];
			(void)snprintf(host, sizeof host, "pc-%d", machine);
			(void)take(&w, &w.east, &(struct finding){"often", host, "", ALERT_SEVERITY_HIGH});
			(void)take(&w, &w.east, &(struct finding){"often", host, "", ALERT_SEVERITY_HIGH});
			(void)snprintf(host, sizeof host, "pc-%d-%d", day, machine);
			if (day == 4)
				(void)take(&w, &w.east, &(struct finding){"outbreak", host, "", ALERT_SEVERITY_HIGH});
		}
		world_clock += USEC_PER_DAY;
	}
	(void)take(&w, &w.west, &(struct finding){"often", "pc-new", "", ALERT_SEVERITY_HIGH});
	assert_int_equal(world_sql_count(&w, "SELECT score FROM alert WHERE host = 'pc-new'"), 30);
	(void)take(&w, &w.west, &(struct finding){"outbreak", "pc-new-2", "", ALERT_SEVERITY_HIGH});
	assert_int_equal(world_sql_count(&w, "SELECT score FROM alert WHERE host = 'pc-new-2'"), 50);
	/* Figures for the page of rules: only of units that the reader may see. */
	cleanup_answer struct world_answer all = get(&w, &w.admin, "/api/v1/alerts/firings"), west = get(&w, &w.west_officer, "/api/v1/alerts/firings");
	const struct {
		const struct world_answer *in;
		const char *path, *expected;
	} cases[] = {
		{&all, "items.0.rule_id", "often"}, {&all, "items.0.findings_30d", "41"}, {&all, "items.0.findings_24h", "1"}, {&all, "items.0.machines_30d", "5"},
		{&all, "items.0.units_30d", "2"}, {&all, "items", "2"}, {&west, "items.0.findings_30d", "1"}, {&west, "items.0.machines_30d", "1"},
		{&west, "items.0.units_30d", "1"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(world_text(cases[i].in, cases[i].path), cases[i].expected);
	/* Forgotten after 30 days. */
	struct err err = {.code = 0};
	world_clock += 32 * USEC_PER_DAY;
	world_must(alert_service.on_tick(&w.sc, &err), &err);
	assert_int_equal(world_sql_count(&w, "SELECT (SELECT count(*) FROM alert_firing_day) + (SELECT count(*) FROM alert_firing_hour)"
	                                     " + (SELECT count(*) FROM alert_firing_machine)"), 0);
	world_done(&w);
}

/* Each further tactic on the machine counts; of low rules, of what fires everywhere and of other machines none. */
static void several_tactics(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	static const struct {
		struct finding finding;
		int64_t score;
	} steps[] = {
		{{"a", "srv", "attack.execution", ALERT_SEVERITY_MEDIUM}, 25},       {{"b", "srv", "attack.execution", ALERT_SEVERITY_MEDIUM}, 25},
		{{"low", "srv", "attack.impact", ALERT_SEVERITY_LOW}, 10},           {{"c", "srv", "attack.persistence", ALERT_SEVERITY_MEDIUM}, 33},
		{{"c", "other", "attack.persistence", ALERT_SEVERITY_MEDIUM}, 25},   {{"d", "srv", "attack.credential-access", ALERT_SEVERITY_HIGH}, 80},
		{{"e", "srv", "attack.lateral-movement", ALERT_SEVERITY_MEDIUM}, 50}, {{"f", "srv", "", ALERT_SEVERITY_MEDIUM}, 50},
	};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		(void)take(&w, &w.east, &steps[i].finding);
		int64_t score = world_sql_count(&w, "SELECT score FROM alert ORDER BY number DESC LIMIT 1");
		if (score != steps[i].score)
			fail_msg("step %zu: %lld", i, (long long)score);
	}
	/* A rule that strikes everywhere today says nothing about one machine. */
	for (int i = 0; i < 5; i++) {
		char host[20];
		(void)snprintf(host, sizeof host, "pc-%d", i);
		(void)take(&w, &w.west, &(struct finding){"wave", host, "attack.execution", ALERT_SEVERITY_MEDIUM});
	}
	(void)take(&w, &w.west, &(struct finding){"g", "pc-0", "attack.persistence", ALERT_SEVERITY_MEDIUM});
	assert_int_equal(world_sql_count(&w, "SELECT score FROM alert ORDER BY number DESC LIMIT 1"), 25);
	cleanup_answer struct world_answer queue = get(&w, &w.admin, "/api/v1/alerts/queue");
	const char *const expected[][2] = {
		{"total", "4"}, {"alerts", "13"}, {"outside.low", "1"}, {"outside.beyond", "0"}, {"items.0.severity", "critical"}, {"items.0.rule_id", "d"},
		{"items.0.group.kind", "case"}, {"items.0.group.alerts", "6"}, {"items.0.group.rules", "6"}, {"items.0.group.tactics", "4"},
		{"items.1.group.kind", "one"}, {"items.2.group.kind", "rule"}, {"items.3.group.kind", "one"},
	};
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		if (strcmp(world_text(&queue, expected[i][0]), expected[i][1]) != 0)
			fail_msg("%s: %s", expected[i][0], world_text(&queue, expected[i][0]));
	}
	world_done(&w);
}

/* What a line tells is what its reader may see; a deed upon it changes what was seen, and leaves the rest. */
static void together(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	for (int i = 0; i < 6; i++)
		(void)take(&w, i < 4 ? &w.east : &w.west, &(struct finding){"wave", arena_printf(arena, "pc-%d", i).p, "", ALERT_SEVERITY_HIGH});
	cleanup_answer struct world_answer all = get(&w, &w.admin, "/api/v1/alerts/queue"), east = get(&w, &w.east_officer, "/api/v1/alerts/queue");
	cleanup_answer struct world_answer none = get(&w, &w.admin, "/api/v1/alerts/queue?severity=low"), found = get(&w, &w.admin, "/api/v1/alerts/queue?q=pc-5");
	const struct {
		const struct world_answer *in;
		const char *path, *expected;
	} cases[] = {
		{&all, "total", "1"}, {&all, "items.0.group.machines", "6"}, {&all, "items.0.group.units", "2"}, {&east, "items.0.group.machines", "4"},
		{&east, "items.0.group.units", "1"}, {&none, "total", "0"}, {&found, "items.0.group.machines", "1"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(world_text(cases[i].in, cases[i].path), cases[i].expected);
	const char *group = arena_printf(arena, "/api/v1/alerts/%s/group", world_text(&all, "items.0.id")).p;
	cleanup_answer struct world_answer mine = get(&w, &w.admin, group), hers = get(&w, &w.east_officer, group), not_his = get(&w, &w.west_officer, group);
	assert_string_equal(world_text(&mine, "items"), "6");
	assert_string_equal(world_text(&hers, "items"), "4");
	assert_int_equal(not_his.status, 404);
	cleanup_buf struct buf list = BUF_INIT(8192);
	for (int i = 0; i < 6; i++) {
		const char *etag = world_text(&mine, arena_printf(arena, "items.%d.etag", i).p);
		buf_printf(&list, "%s{\"id\":\"%s\",\"etag\":\"%.*s\"}", i > 0 ? "," : "", world_text(&mine, arena_printf(arena, "items.%d.id", i).p),
		           (int)strlen(etag) - 2, etag + 1);
	}
	const struct {
		const struct access *as;
		const char *what, *alerts;
		int status;
	} refused[] = {
		{&w.east_officer, "\"acknowledge\"", list.p, 404}, {&w.nobody, "\"acknowledge\"", list.p, 403}, {&w.admin, "\"acknowledge\"", "", 400},
		{&w.admin, "\"close\"", list.p, 400}, {&w.admin, "\"suppress\"", list.p, 400}, {&w.admin, "\"acknowledge\"", "{\"id\":\"x\",\"etag\":\"1\"}", 400},
	};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		cleanup_answer struct world_answer a = world_call(&w, &(struct world_call){.as = refused[i].as, .method = "POST", .target = "/api/v1/alerts/together",
			.body = arena_printf(arena, "{\"do\":%s,\"alerts\":[%s]}", refused[i].what, refused[i].alerts).p});
		if (a.status != refused[i].status)
			fail_msg("case %zu: %d %s", i, a.status, a.key);
	}
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert WHERE state <> 0"), 0);
	/* Somebody took one of them meanwhile. */
	const char *first = arena_printf(arena, "/api/v1/alerts/%s/acknowledge", world_text(&mine, "items.0.id")).p;
	cleanup_answer struct world_answer taken = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST", .target = first, .if_match = "*"});
	assert_int_equal(taken.status, 200);
	cleanup_answer struct world_answer closed = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST", .target = "/api/v1/alerts/together",
		.body = arena_printf(arena, "{\"do\":\"close\",\"resolution\":\"false_positive\",\"note\":\"phần mềm mới\",\"alerts\":[%s]}", list.p).p});
	assert_int_equal(closed.status, 200);
	assert_string_equal(world_text(&closed, "changed"), "5");
	assert_string_equal(world_text(&closed, "left"), "1");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert WHERE state = 2 AND resolution = 'false_positive' AND note = 'phần mềm mới'"), 5);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'alert.close'"), 5);
	world_done(&w);
}

static int64_t together_changed(struct world *w, const char *body)
{
	cleanup_answer struct world_answer a = world_call(w, &(struct world_call){.as = &w->admin, .method = "POST", .target = "/api/v1/alerts/together", .body = body});
	if (a.status != 200)
		fail_msg("%d %s", a.status, a.key);
	uint64_t changed = 0;
	assert_true(str_parse_u64(str_c(world_text(&a, "changed")), 0, 1000, &changed));
	return (int64_t)changed;
}

/* "[{"id","etag"},…]" of the open alerts: all, or those that nobody has, or those of one person. */
static const char *members(struct world *w, struct arena *arena, const char *assignee)
{
	cleanup_answer struct world_answer list = get(w, &w->admin, "/api/v1/alerts?state=new&state=acknowledged&sort=number");
	cleanup_buf struct buf out = BUF_INIT(8192);
	for (int i = 0; world_text(&list, arena_printf(arena, "items.%d.id", i).p)[0] != '\0'; i++) {
		const char *etag = world_text(&list, arena_printf(arena, "items.%d.etag", i).p);
		if (assignee != NULL && strcmp(world_text(&list, arena_printf(arena, "items.%d.assignee.id", i).p), assignee) != 0)
			continue;
		buf_printf(&out, "%s{\"id\":\"%s\",\"etag\":\"%.*s\"}", out.n > 0 ? "," : "", world_text(&list, arena_printf(arena, "items.%d.id", i).p),
		           (int)strlen(etag) - 2, etag + 1);
	}
	return arena_str(arena, buf_str(&out)).p;
}

struct people {
	struct world *w;
	struct uuid ids[2];
};

static int put_people(struct db_tx *tx, void *ctx, struct err *err)
{
	struct people *p = ctx;
	static const char *const names[] = {"mot", "hai"};
	int r = 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(names); i++) {
		p->ids[i] = uuid_new();
		r = db_exec(tx, err,
		            "INSERT INTO account (id, kind, login, display_name, search_key, sort_key, email, phone, position, unit_id, must_change, disabled,"
		            " sample, created_at, last_login_at, version) VALUES ($1, 'person', $2, $2, $2, $1, '', '', '', $3, 0, 0, 0, 0, 0, 1)",
		            DB_UUID(&p->ids[i]), DB_CSTR(names[i]), DB_UUID(&p->w->east));
	}
	return r < 0 ? r : 0;
}

/* A line given to somebody and taken back, step by step as the page does: each alert has who it had before, and its state throughout. */
static void assigned_and_back(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	struct people people = {.w = &w};
	char one[UUID_TEXT_SIZE], two[UUID_TEXT_SIZE];
	world_must(db_write(w.sc.db, put_people, &people, &err), &err);
	(void)uuid_text(&people.ids[0], one);
	(void)uuid_text(&people.ids[1], two);
	for (int i = 0; i < 3; i++)
		(void)take(&w, &w.east, &(struct finding){"wave", arena_printf(arena, "pc-%d", i).p, "", ALERT_SEVERITY_HIGH});
	/* The first is acknowledged, and somebody has it. */
	cleanup_answer struct world_answer list = get(&w, &w.admin, "/api/v1/alerts?sort=number");
	const char *first = arena_printf(arena, "/api/v1/alerts/%s", world_text(&list, "items.0.id")).p;
	cleanup_answer struct world_answer known = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST",
		.target = arena_printf(arena, "%s/acknowledge", first).p, .if_match = "*"});
	cleanup_answer struct world_answer hers = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST",
		.target = arena_printf(arena, "%s/assign", first).p, .if_match = "*", .body = arena_printf(arena, "{\"account_id\":\"%s\"}", two).p});
	assert_int_equal(known.status, 200);
	assert_int_equal(hers.status, 200);
	static const char states[] = "SELECT count(*) FROM alert WHERE (number = 1 AND state = 1 AND acknowledged_at IS NOT NULL)"
	                             " OR (number > 1 AND state = 0 AND acknowledged_at IS NULL)";
	assert_int_equal(world_sql_count(&w, states), 3);
	assert_int_equal(together_changed(&w, arena_printf(arena, "{\"do\":\"assign\",\"account_id\":\"%s\",\"alerts\":[%s]}", one, members(&w, arena, NULL)).p), 3);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert WHERE assignee_name = 'mot'"), 3);
	assert_int_equal(world_sql_count(&w, states), 3);
	/* Back: the one to her, the others to nobody. */
	const char *mine = members(&w, arena, one);
	const char *rest = strchr(mine, '}') + 2;
	assert_int_equal(together_changed(&w, arena_printf(arena, "{\"do\":\"assign\",\"account_id\":\"%s\",\"alerts\":[%.*s]}", two, (int)(rest - mine - 1), mine).p), 1);
	assert_int_equal(together_changed(&w, arena_printf(arena, "{\"do\":\"assign\",\"alerts\":[%s]}", rest).p), 2);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert WHERE (number = 1 AND assignee_name = 'hai') OR (number > 1 AND assignee_id IS NULL AND assignee_name = '')"), 3);
	assert_int_equal(world_sql_count(&w, states), 3);
	/* Somebody who changed one meanwhile keeps it; nobody who does not exist gets any. */
	const char *seen = members(&w, arena, NULL);
	assert_int_equal(together_changed(&w, arena_printf(arena, "{\"do\":\"assign\",\"account_id\":\"%s\",\"alerts\":[%s]}", two, rest).p), 0);
	assert_int_equal(together_changed(&w, arena_printf(arena, "{\"do\":\"acknowledge\",\"alerts\":[%s]}", seen).p), 2);
	cleanup_answer struct world_answer stranger = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST", .target = "/api/v1/alerts/together",
		.body = arena_printf(arena, "{\"do\":\"assign\",\"account_id\":\"01890000-0000-7000-8000-000000000000\",\"alerts\":[%s]}", members(&w, arena, NULL)).p});
	assert_int_equal(stranger.status, 400);
	assert_string_equal(stranger.key, "alert.no_such_account");
	world_done(&w);
}

/* A suppression may close what it covers, and no more; taken back, it opens it again. */
static void suppressed_with_it(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	for (int i = 0; i < 3; i++)
		(void)take(&w, &w.east, &(struct finding){"noisy", arena_printf(arena, "pc-%d", i).p, "", ALERT_SEVERITY_HIGH});
	(void)take(&w, &w.east, &(struct finding){"other", "pc-0", "", ALERT_SEVERITY_HIGH});
	(void)take(&w, &w.west, &(struct finding){"noisy", "pc-9", "", ALERT_SEVERITY_HIGH});
	cleanup_answer struct world_answer list = get(&w, &w.admin, "/api/v1/alerts?sort=number");
	const char *first = arena_printf(arena, "/api/v1/alerts/%s", world_text(&list, "items.0.id")).p;
	cleanup_answer struct world_answer known = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "POST",
		.target = arena_printf(arena, "%s/acknowledge", first).p, .if_match = "*"});
	assert_int_equal(known.status, 200);
	char iso[CLOCK_ISO_SIZE];
	cleanup_answer struct world_answer made = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "POST",
		.target = arena_printf(arena, "%s/suppress", first).p,
		.body = arena_printf(arena, "{\"scope\":\"unit\",\"reason\":\"đang cài phần mềm\",\"expires_at\":\"%s\",\"close_open\":true}",
	                         clock_iso(WORLD_START + USEC_PER_DAY, iso)).p});
	assert_int_equal(made.status, 201);
	assert_string_equal(world_text(&made, "closed"), "3");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert WHERE state = 2 AND resolution = 'suppressed' AND note = 'đang cài phần mềm'"), 3);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert WHERE state = 2 AND (rule_id = 'other' OR host = 'pc-9')"), 0);
	cleanup_answer struct world_answer back = world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "POST",
		.target = arena_printf(arena, "/api/v1/suppressions/%s/end?reopen=1", world_text(&made, "id")).p, .if_match = "*"});
	assert_int_equal(back.status, 200);
	assert_string_equal(world_text(&back, "reopened"), "3");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert WHERE state = 0 AND rule_id = 'noisy'"), 3);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert WHERE state = 1"), 1);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert WHERE open_group IS NULL OR suppression_id IS NOT NULL"), 0);
	world_done(&w);
}

struct machines {
	const struct world *w;
	struct uuid *ids;
	int count;
};

static int put_machines(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct machines *m = ctx;
	int r = 0;
	for (int i = 0; r >= 0 && i < m->count; i++) {
		m->ids[i] = uuid_new();
		r = db_exec(tx, err,
		            "INSERT INTO endpoint (id, unit_id, hostname, search_key, sort_key, os, os_version, addresses, agent_version, boot_id,"
		            " previous_boot_id, bundle_version, watch_mode, scanner, facts, inventory_hash, inventory_at, state, state_reason, state_since,"
		            " last_seen_at, enrolled_at, note, sample, version) VALUES ($1, $2, 'pc', 'pc', $1, '', '', '[]', '', '', '', 0, '', '', '{}', '', 0,"
		            " 0, '', 0, 0, $3, '', 0, 1)",
		            DB_UUID(&m->ids[i]), DB_UUID(&m->w->east), DB_INT(world_clock));
	}
	return r < 0 ? r : 0;
}

static void enrol(struct world *w, int count, struct uuid *ret)
{
	struct err err = {.code = 0};
	world_must(db_write(w->sc.db, put_machines, &(struct machines){w, ret, count}, &err), &err);
}

/* What a city knows of itself: while it is new a rule's findings are learned; what several steps or a level make urgent is not. */
static void first_days(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	struct uuid machines[14];
	enrol(&w, ARRAY_LEN(machines), machines);
	/* Eleven rules of two tactics, one machine each: two lines. The twelfth machine shows two steps. */
	for (int i = 0; i < 11; i++)
		take_on(&w, &machines[i], arena_printf(arena, "r%d", i).p, i % 2 == 0 ? "attack.execution\nattack.persistence" : "attack.discovery", ALERT_SEVERITY_HIGH);
	take_on(&w, &machines[12], "x", "attack.execution", ALERT_SEVERITY_MEDIUM);
	take_on(&w, &machines[12], "y", "attack.impact", ALERT_SEVERITY_HIGH);
	take_on(&w, &machines[13], "z", "attack.impact", ALERT_SEVERITY_CRITICAL);
	cleanup_answer struct world_answer queue = get(&w, &w.admin, "/api/v1/alerts/queue");
	const char *const expected[][2] = {
		{"total", "4"}, {"alerts", "14"}, {"items.0.rule_id", "z"}, {"items.1.group.kind", "case"}, {"items.1.rule_id", "y"},
		{"items.2.group.kind", "learning"}, {"items.2.group.alerts", "6"}, {"items.2.group.tactic", "execution"}, {"items.2.group.lines", "6"},
		{"items.3.group.alerts", "5"}, {"items.3.group.machines", "5"}, {"items.3.group.tactic", "discovery"},
	};
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		if (strcmp(world_text(&queue, expected[i][0]), expected[i][1]) != 0)
			fail_msg("%s: %s", expected[i][0], world_text(&queue, expected[i][0]));
	}
	/* It opens into its lines; a deed is upon one of them. */
	cleanup_answer struct world_answer line = get(&w, &w.admin, arena_printf(arena, "/api/v1/alerts/%s/group", world_text(&queue, "items.2.id")).p);
	const char *const opened[][2] = {
		{"total", "1"}, {"learning.total", "6"}, {"learning.items", "6"}, {"learning.days", "7"}, {"learning.tactic", "execution"},
		{"learning.items.0.group.kind", "one"}, {"lead", world_text(&queue, "items.2.id")},
	};
	for (size_t i = 0; i < ARRAY_LEN(opened); i++) {
		if (strcmp(world_text(&line, opened[i][0]), opened[i][1]) != 0)
			fail_msg("%s: %s", opened[i][0], world_text(&line, opened[i][0]));
	}
	cleanup_answer struct world_answer one = get(&w, &w.admin, arena_printf(arena, "/api/v1/alerts/%s", world_text(&queue, "items.2.id")).p);
	assert_string_equal(world_text(&one, "explain.rarity.learning"), "7");
	/* What was learned stays together; when half of the machines have been here for a week, what is new is new. */
	world_clock += 7 * USEC_PER_DAY;
	struct uuid later[13];
	enrol(&w, ARRAY_LEN(later), later);
	take_on(&w, &later[0], "new", "attack.execution", ALERT_SEVERITY_HIGH);
	cleanup_answer struct world_answer after = get(&w, &w.admin, "/api/v1/alerts/queue");
	assert_string_equal(world_text(&after, "total"), "5");
	assert_int_equal(world_sql_count(&w, "SELECT learning FROM alert WHERE rule_id = 'new'"), 0);
	/* As many new ones again: it is another city. */
	enrol(&w, 2, later);
	take_on(&w, &later[1], "newer", "attack.execution", ALERT_SEVERITY_HIGH);
	assert_int_equal(world_sql_count(&w, "SELECT learning FROM alert WHERE rule_id = 'newer'"), 1);
	world_done(&w);
}

/* What an exclusion would have hidden: of that rule, within the unit, what the reader may see; and which rule it is. */
static void tuning(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	struct uuid machines[3];
	enrol(&w, ARRAY_LEN(machines), machines);
	static const char *const whys[] = {"[{\"field\":\"User\",\"value\":\"svc\"},{\"field\":\"Image\",\"value\":\"a.exe\"}]",
	                                   "[{\"field\":\"User\",\"value\":\"SVC\"}]", "[{\"field\":\"User\",\"value\":\"lan\"}]"};
	for (int i = 0; i < 3; i++)
		(void)take_record(&w, &(struct alert_record){.rule_id = STR("loud"), .rule_file = STR("none/x.yml"), .severity = ALERT_SEVERITY_HIGH, .endpoint_id = machines[i], .why = str_c(whys[i]), .count = 4});
	(void)take_record(&w, &(struct alert_record){.rule_id = STR("loud"), .severity = ALERT_SEVERITY_HIGH, .unit_id = w.west, .host = STR("fw"), .why = str_c(whys[0])});
	(void)take_record(&w, &(struct alert_record){.rule_id = STR("other"), .severity = ALERT_SEVERITY_HIGH, .unit_id = w.west, .host = STR("fw"), .why = str_c(whys[0])});
	cleanup_answer struct world_answer list = get(&w, &w.admin, "/api/v1/alerts?sort=number");
	const char *target = arena_printf(arena, "/api/v1/alerts/%s/tuning", world_text(&list, "items.0.id")).p;
	char east[UUID_TEXT_SIZE];
	static const char user[] = "{\"field\":\"User\",\"op\":\"is\",\"value\":\"svc\"}";
	const struct {
		const char *body, *all, *alerts, *machines, *findings;
		int status;
	} cases[] = {
		{arena_printf(arena, "{\"tests\":[%s]}", user).p, "4", "3", "3", "9", 200},
		{arena_printf(arena, "{\"tests\":[%s,{\"field\":\"Image\",\"op\":\"ends\",\"value\":\".EXE\"}]}", user).p, "4", "2", "2", "5", 200},
		{arena_printf(arena, "{\"tests\":[%s],\"unit_id\":\"%s\"}", user, uuid_text(&w.east, east)).p, "3", "2", "2", "8", 200},
		{"{\"tests\":[]}", "", "", "", "", 400}, {"{\"tests\":{}}", "", "", "", "", 400},
		{"{\"tests\":[{\"field\":\"User\",\"op\":\"like\",\"value\":\"s\"}]}", "", "", "", "", 400},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_answer struct world_answer a = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST", .target = target, .body = cases[i].body});
		if (a.status != cases[i].status || strcmp(world_text(&a, "all.alerts"), cases[i].all) != 0 || strcmp(world_text(&a, "hidden.alerts"), cases[i].alerts) != 0 ||
		    strcmp(world_text(&a, "hidden.machines"), cases[i].machines) != 0 || strcmp(world_text(&a, "hidden.findings"), cases[i].findings) != 0 ||
		    strcmp(world_text(&a, "open_total"), cases[i].alerts) != 0)
			fail_msg("case %zu: %d %s %s", i, a.status, a.key, a.text.p);
	}
	cleanup_answer struct world_answer not_his = world_call(&w, &(struct world_call){.as = &w.west_officer, .method = "POST", .target = target, .body = cases[0].body});
	assert_int_equal(not_his.status, 404);
	world_clock += 40 * USEC_PER_DAY;
	cleanup_answer struct world_answer later = world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST", .target = target, .body = cases[0].body});
	assert_string_equal(world_text(&later, "all.alerts"), "0");
	world_done(&w);
}

static int put_source(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct world *w = ctx;
	const struct uuid id = {.b = {1}};
	int r = db_exec(tx, err,
	                "INSERT INTO source (id, unit_id, name, search_key, sort_key, system_name, system_level, kind, addresses, fingerprint, format,"
	                " retention, rate_per_s, silence_s, enabled, note, created_at, enabled_at, version)"
	                " VALUES ($1, $2, 'fw', 'fw', $1, '', 0, '', $3, '', '', '', 0, 0, 1, '', 0, 0, 1)",
	                DB_UUID(&id), DB_UUID(&w->east), DB_CSTR("10.1.0.0/16\n113.161.7.9/32"));
	return r < 0 ? r : 0;
}

/* A log source with a public address can be reached from the Internet, and the arithmetic says so. */
static void exposure(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	start_world(&w, db);
	world_must(db_write(w.sc.db, put_source, &w, &err), &err);
	const struct alert_record record = {.key = STR("k"), .rule_id = STR("r"), .title = STR("r"), .severity = ALERT_SEVERITY_HIGH, .unit_id = w.east,
	                                    .at = world_clock, .kind = STR("sigma"), .host = STR("fw"), .size_bytes = -1,
	                                    .source = STR("source-01000000-0000-0000-0000-000000000000")};
	world_must(alert_intake(&w.sc, &record, &err), &err);
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_answer struct world_answer list = get(&w, &w.admin, "/api/v1/alerts");
	cleanup_answer struct world_answer one = get(&w, &w.admin, arena_printf(arena, "/api/v1/alerts/%s", world_text(&list, "items.0.id")).p);
	assert_string_equal(world_text(&one, "explain.exposure.value"), "internet");
	assert_string_equal(world_text(&one, "explain.score"), "75");
	world_done(&w);
}

#define ON_EACH(name)                   \
	static void name##_each(void **state) \
	{                                   \
		(void)state;                    \
		db_test_each(name);             \
	}
ON_EACH(first_days)
ON_EACH(tuning)
ON_EACH(habits)
ON_EACH(several_tactics)
ON_EACH(together)
ON_EACH(assigned_and_back)
ON_EACH(suppressed_with_it)
ON_EACH(exposure)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(gathering), cmocka_unit_test(waves), cmocka_unit_test(tactics), cmocka_unit_test(proven), cmocka_unit_test(learning_lines),
	                                   cmocka_unit_test(first_days_each), cmocka_unit_test(covering), cmocka_unit_test(tuning_each), cmocka_unit_test(public_addresses), cmocka_unit_test(habits_each),
	                                   cmocka_unit_test(several_tactics_each), cmocka_unit_test(together_each), cmocka_unit_test(assigned_and_back_each), cmocka_unit_test(suppressed_with_it_each),
	                                   cmocka_unit_test(exposure_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
