/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/alert/alert_internal.h"
#include "service/endpoint/endpoint.h"
#include "service/protection/protection.h"
#include "service/service_test_support.h"

/* ---- rules ---- */

/* Row: state; column: step; -1: refused. Written down a second time on purpose. */
static const int expected_steps[ALERT_STATE__COUNT][ALERT_STEP__COUNT] = {
	{1, 0, 2, -1, -1},
	{-1, 1, 2, -1, 0},
	{-1, -1, -1, 1, -1},
};

static void steps(void **state)
{
	(void)state;
	for (int s = 0; s < ALERT_STATE__COUNT; s++) {
		for (int t = 0; t < ALERT_STEP__COUNT; t++) {
			enum alert_state to = ALERT_STATE__COUNT;
			assert_int_equal(alert_step((enum alert_state)s, (enum alert_step)t, &to), expected_steps[s][t] >= 0);
			if (expected_steps[s][t] >= 0)
				assert_int_equal(to, expected_steps[s][t]);
		}
	}
}

static struct alert_record good_record(const struct uuid *unit)
{
	return (struct alert_record){.key = STR("k1"), .rule_id = STR("malware"), .title = STR("Phát hiện mã độc EICAR"),
	                             .severity = ALERT_SEVERITY_HIGH, .unit_id = *unit, .first_event_id = STR("e1"),
	                             .at = WORLD_START, .threat = STR("EICAR-Test-File"), .path = STR("/home/a/b.exe"),
	                             .engine = STR("hash"), .rule_name = STR("sha256:27"), .action = STR("quarantined"),
	                             .quarantine_id = STR("q1"), .size_bytes = 68, .raw = STR("{\"a\":1}")};
}

static void bad_records(void **state)
{
	(void)state;
	static char longer[ALERT_KEY_MAX + 1];
	(void)memset(longer, 'x', sizeof longer);
	struct uuid unit = uuid_new(), none = {.b = {0}};
	struct alert_record r[6];
	for (size_t i = 0; i < ARRAY_LEN(r); i++)
		r[i] = good_record(&unit);
	r[0].key = STR_EMPTY;
	r[1].key = str_n(longer, sizeof longer);
	r[2].title = STR("\xff\xfe");
	r[3].unit_id = none;
	r[4].severity = ALERT_SEVERITY__COUNT;
	r[5].title = STR_EMPTY;
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		struct err err = {.code = 0};
		assert_int_equal(alert_record_check(&r[i], &err), -EINVAL);
		assert_string_equal(err.key, "alert.bad_record");
	}
	struct alert_record fine = good_record(&unit);
	assert_int_equal(alert_record_check(&fine, NULL), 0);
}

static void titles(void **state)
{
	(void)state;
	static const struct msg_entry entries[] = {
		{.key = "alert.title_malware", .text = {"Phát hiện mã độc {threat}", "Malware found: {threat}"}}};
	static const struct msg_catalogue catalogue = {entries, ARRAY_LEN(entries)};
	const struct service_context sc = {.messages = &catalogue};
	const struct {
		const char *title, *threat, *vi, *en;
	} cases[] = {
		{"EICAR", "EICAR", "Phát hiện mã độc EICAR", "Malware found: EICAR"},
		{"Đăng nhập lạ", "", "Đăng nhập lạ", "Đăng nhập lạ"},
		{"Tên riêng", "EICAR", "Tên riêng", "Tên riêng"},
		{"", "", "", ""},
	};
	cleanup(arena) struct arena *arena = arena_new(0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str title = str_c(cases[i].title), threat = str_c(cases[i].threat);
		assert_true(str_eq_c(alert_title(&sc, MSG_LANG_VI, arena, title, threat), cases[i].vi));
		assert_true(str_eq_c(alert_title(&sc, MSG_LANG_EN, arena, title, threat), cases[i].en));
	}
}

/* ---- through the routes ---- */

/* Without protection's start: a first bundle is not wanted here. */
static struct service quiet_protection;

static void start_world(struct world *w, struct db *db)
{
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &alert_service, NULL};
	world_init(w, db, "/nonexistent", rooms);
}

struct machine_put {
	struct world *w;
	struct uuid id;
};

static int put_machine(struct db_tx *tx, void *ctx, struct err *err)
{
	struct machine_put *m = ctx;
	struct endpoint_sample s = {.unit_id = m->w->east, .hostname = STR("pc-01"), .os = STR("linux"),
	                            .os_version = STR("Debian 12"), .address = STR("10.0.0.1"), .agent_version = STR("1"),
	                            .state = ENDPOINT_STATE_PROTECTED, .reason = "", .last_seen_at = world_clock};
	int r = endpoint_put_sample(tx, &s, world_clock, err);
	return r < 0 ? r : endpoint_find_sample(tx, s.hostname, &m->id, err);
}

static struct uuid machine_of_east(struct world *w)
{
	struct err err = {.code = 0};
	struct machine_put m = {.w = w};
	world_must(db_write(w->sc.db, put_machine, &m, &err), &err);
	return m.id;
}

static int take(struct world *w, const struct alert_record *record)
{
	struct err err = {.code = 0};
	int r = alert_intake(&w->sc, record, &err);
	world_must(r, &err);
	return r;
}

static void intake(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	struct uuid machine = machine_of_east(&w);
	/* The machine's unit counts, not what the record says. */
	struct alert_record record = good_record(&w.west);
	record.endpoint_id = machine;
	assert_int_equal(take(&w, &record), ALERT_TAKEN_NEW);
	assert_int_equal(take(&w, &record), ALERT_TAKEN_KNOWN);
	record.key = STR("k2");
	record.at += USEC_PER_HOUR;
	record.quarantine_id = STR("q2");
	record.severity = ALERT_SEVERITY_CRITICAL;
	assert_int_equal(take(&w, &record), ALERT_TAKEN_COUNTED);
	/* A late one does not turn the clock back. */
	record.key = STR("k3");
	record.at -= 2 * USEC_PER_HOUR;
	record.severity = ALERT_SEVERITY_LOW;
	record.count = 40; /* one record for forty events */
	record.last_at = record.at + USEC_PER_SEC;
	assert_int_equal(take(&w, &record), ALERT_TAKEN_COUNTED);
	assert_int_equal(take(&w, &record), ALERT_TAKEN_KNOWN);
	record.count = 0;
	record.key = STR("k4");
	record.threat = STR("Other");
	assert_int_equal(take(&w, &record), ALERT_TAKEN_NEW);
	cleanup_answer struct world_answer list =
		world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = "/api/v1/alerts"});
	assert_string_equal(world_text(&list, "total"), "2");
	assert_string_equal(world_text(&list, "items.0.threat"), "EICAR-Test-File");
	assert_string_equal(world_text(&list, "items.0.count"), "42");
	assert_string_equal(world_text(&list, "items.0.severity"), "critical");
	assert_string_equal(world_text(&list, "items.0.unit.name"), "Phường Đông");
	assert_string_equal(world_text(&list, "items.0.endpoint.hostname"), "pc-01");
	assert_string_equal(world_text(&list, "items.0.number"), "1");
	cleanup_answer struct world_answer hidden =
		world_call(&w, &(struct world_call){.as = &w.west_officer, .method = "GET", .target = "/api/v1/alerts"});
	assert_string_equal(world_text(&hidden, "total"), "0");
	cleanup_answer struct world_answer sums =
		world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = "/api/v1/alerts/summary"});
	assert_string_equal(world_text(&sums, "new"), "2");
	assert_string_equal(world_text(&sums, "by_severity.critical"), "1");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM outbox WHERE name = 'alert.created'"), 2);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM outbox WHERE name = 'alert.changed'"), 2);
	/* Protection got the same records. */
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM detection"), 4);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM quarantine_item"), 2);
	/* A quarantined file's fate makes no alert. */
	record.key = STR("k5");
	record.action = STR("restored");
	record.quarantine_id = STR("q1");
	assert_int_equal(take(&w, &record), ALERT_TAKEN_FATE);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM quarantine_item WHERE state = 2"), 1);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert"), 2);
	/* What another scanner deleted at once is an alert. */
	record.key = STR("k6");
	record.action = STR("deleted");
	record.quarantine_id = STR_EMPTY;
	assert_int_equal(take(&w, &record), ALERT_TAKEN_COUNTED);
	world_done(&w);
}

struct racer {
	struct world *world;
	struct alert_record record;
	int result;
};

static void *race(void *ctx)
{
	struct racer *r = ctx;
	r->result = alert_intake(&r->world->sc, &r->record, NULL);
	return NULL;
}

#define RACERS 4
/* The same record from all sides: one alert. Different records of one threat: one alert, all counted. */
static void intake_race(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	struct uuid machine = machine_of_east(&w);
	static const struct str keys[2][RACERS] = {{STR("s"), STR("s"), STR("s"), STR("s")}, {STR("a"), STR("b"), STR("c"), STR("d")}};
	for (int round = 0; round < 2; round++) {
		struct racer racers[RACERS];
		pthread_t threads[RACERS];
		int made = 0, counted = 0, known = 0;
		for (int i = 0; i < RACERS; i++) {
			racers[i] = (struct racer){.world = &w, .record = good_record(&w.east)};
			racers[i].record.endpoint_id = machine;
			racers[i].record.key = keys[round][i];
			racers[i].record.threat = round == 0 ? STR("T0") : STR("T1");
			racers[i].record.quarantine_id = STR_EMPTY;
		}
		for (int i = 0; i < RACERS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
		for (int i = 0; i < RACERS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			made += racers[i].result == ALERT_TAKEN_NEW;
			counted += racers[i].result == ALERT_TAKEN_COUNTED;
			known += racers[i].result == ALERT_TAKEN_KNOWN;
		}
		assert_int_equal(made, 1);
		assert_int_equal(counted, round == 0 ? 0 : RACERS - 1);
		assert_int_equal(known, round == 0 ? RACERS - 1 : 0);
	}
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert"), 2);
	assert_int_equal(world_sql_count(&w, "SELECT max(count) FROM alert"), RACERS);
	assert_int_equal(world_sql_count(&w, "SELECT max(number) FROM alert"), 2);
	world_done(&w);
}

static void life(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	struct alert_record record = good_record(&w.east);
	record.endpoint_id = machine_of_east(&w);
	(void)take(&w, &record);
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_answer struct world_answer list =
		world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/alerts"});
	const char *id = world_text(&list, "items.0.id");
	char me[UUID_TEXT_SIZE];
	const char *assign = arena_printf(arena, "{\"account_id\":\"%s\"}", uuid_text(&w.east_officer.account_id, me)).p;
	static const char close[] = "{\"resolution\":\"false_positive\",\"note\":\"thử\"}";
	const struct {
		const struct access *as;
		const char *verb, *body, *if_match;
		int status;
		const char *state; /* after it, when 200 */
	} calls[] = {
		{&w.nobody, "acknowledge", NULL, "\"1\"", 403, ""},
		{&w.west_officer, "acknowledge", NULL, "\"1\"", 404, ""},
		{&w.east_officer, "acknowledge", NULL, NULL, 428, ""},
		{&w.east_officer, "acknowledge", NULL, "\"7\"", 412, ""},
		{&w.east_officer, "acknowledge", NULL, "\"1\"", 200, "acknowledged"},
		{&w.east_officer, "acknowledge", NULL, "\"2\"", 409, ""},
		{&w.east_officer, "assign", assign, "\"2\"", 200, "acknowledged"},
		{&w.east_officer, "assign", "{\"account_id\":\"00000000-0000-7000-8000-000000000001\"}", "\"3\"", 400, ""},
		{&w.east_officer, "comments", "{\"text\":\"Đã gọi cho đơn vị\"}", NULL, 201, "acknowledged"},
		{&w.west_officer, "comments", "{\"text\":\"x\"}", NULL, 404, ""},
		{&w.east_officer, "comments", "{\"text\":\"  \"}", NULL, 400, ""},
		{&w.east_officer, "close", "{\"resolution\":\"nonsense\"}", "\"3\"", 400, ""},
		{&w.east_officer, "close", close, "\"3\"", 200, "closed"},
		{&w.east_officer, "close", close, "\"4\"", 409, ""},
		{&w.east_officer, "reopen", NULL, "\"4\"", 200, "acknowledged"},
		{&w.east_officer, "close", close, "\"5\"", 200, "closed"},
	};
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		const char *target = arena_printf(arena, "/api/v1/alerts/%s/%s", id, calls[i].verb).p;
		cleanup_answer struct world_answer a = world_call(&w, &(struct world_call){
			.as = calls[i].as, .method = "POST", .target = target, .body = calls[i].body, .if_match = calls[i].if_match});
		assert_int_equal(a.status, calls[i].status);
		assert_string_equal(world_text(&a, "state"), calls[i].state);
	}
	cleanup_answer struct world_answer one = world_call(&w, &(struct world_call){
		.as = &w.east_officer, .method = "GET", .target = arena_printf(arena, "/api/v1/alerts/%s", id).p});
	assert_string_equal(world_text(&one, "assignee.name"), "east");
	assert_string_equal(world_text(&one, "comments.0.text"), "Đã gọi cho đơn vị");
	assert_string_equal(world_text(&one, "comments.0.author"), "east");
	assert_string_equal(world_text(&one, "detail.resolution"), "false_positive");
	assert_string_equal(world_text(&one, "why.0.value"), "sha256:27");
	assert_string_equal(world_text(&one, "similar_30d.alerts"), "0");
	/* Closed: the same threat opens a new alert; then the old one cannot be opened beside it. */
	record.key = STR("k9");
	assert_int_equal(take(&w, &record), ALERT_TAKEN_NEW);
	cleanup_answer struct world_answer twice = world_call(&w, &(struct world_call){
		.as = &w.east_officer, .method = "POST", .target = arena_printf(arena, "/api/v1/alerts/%s/reopen", id).p,
		.if_match = "\"6\""});
	assert_int_equal(twice.status, 409);
	assert_string_equal(twice.key, "alert.another_open");
	cleanup_answer struct world_answer similar = world_call(&w, &(struct world_call){
		.as = &w.east_officer, .method = "GET", .target = arena_printf(arena, "/api/v1/alerts/%s", id).p});
	assert_string_equal(world_text(&similar, "similar_30d.alerts"), "1");
	assert_string_equal(world_text(&similar, "similar_30d.units"), "1");
	cleanup_answer struct world_answer open =
		world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET",
		                                    .target = "/api/v1/alerts?state=new&state=acknowledged&severity=high&q=ma+doc"});
	assert_string_equal(world_text(&open, "total"), "1");
	cleanup_answer struct world_answer mine =
		world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "GET", .target = "/api/v1/alerts?mine=1"});
	assert_string_equal(world_text(&mine, "total"), "1");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action LIKE 'alert.%'"), 6);
	world_done(&w);
}

static struct world_answer alert_call(struct world *w, const struct access *as, const char *method, const char *target,
                                      const char *body, const char *if_match)
{
	return world_call(w, &(struct world_call){.as = as, .method = method, .target = target, .body = body, .if_match = if_match});
}

/* What was done by a slip is taken back: an acknowledgement (not once a case stands on it), a comment by its author in time. */
static void taking_back(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	struct alert_record record = good_record(&w.east);
	(void)take(&w, &record);
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_answer struct world_answer list = alert_call(&w, &w.admin, "GET", "/api/v1/alerts", NULL, NULL);
	const char *one = arena_printf(arena, "/api/v1/alerts/%s", world_text(&list, "items.0.id")).p;
	const struct {
		const struct access *as;
		const char *verb, *if_match;
		int status;
	} calls[] = {
		{&w.east_officer, "release", "\"1\"", 409}, {&w.east_officer, "acknowledge", "\"1\"", 200},
		{&w.nobody, "release", "\"2\"", 403},       {&w.west_officer, "release", "\"2\"", 404},
		{&w.east_officer, "release", "\"1\"", 412}, {&w.east_officer, "release", "\"2\"", 200},
	};
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		cleanup_answer struct world_answer a = alert_call(&w, calls[i].as, "POST",
			arena_printf(arena, "%s/%s", one, calls[i].verb).p, NULL, calls[i].if_match);
		assert_int_equal(a.status, calls[i].status);
	}
	cleanup_answer struct world_answer back = alert_call(&w, &w.east_officer, "GET", one, NULL, NULL);
	assert_string_equal(world_text(&back, "state"), "new");
	assert_string_equal(world_text(&back, "detail.acknowledged_at"), "");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'alert.release'"), 1);

	cleanup_answer struct world_answer said = alert_call(&w, &w.east_officer, "POST",
		arena_printf(arena, "%s/comments", one).p, "{\"text\":\"nhầm máy\"}", NULL);
	const char *comment = arena_printf(arena, "%s/comments/%s", one, world_text(&said, "comments.0.id")).p;
	cleanup_answer struct world_answer other = alert_call(&w, &w.admin, "DELETE", comment, NULL, NULL);
	assert_int_equal(other.status, 404);
	world_clock += 2 * USEC_PER_MINUTE + 1;
	cleanup_answer struct world_answer late = alert_call(&w, &w.east_officer, "DELETE", comment, NULL, NULL);
	assert_string_equal(late.key, "alert.comment_stays");
	world_clock -= 1;
	cleanup_answer struct world_answer gone = alert_call(&w, &w.east_officer, "DELETE", comment, NULL, NULL);
	assert_int_equal(gone.status, 204);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM alert_comment"), 0);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action LIKE 'alert.comment%'"), 2);
	world_done(&w);
}

#define ON_EACH(name)                                                                                                  \
	static void name##_each(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
ON_EACH(intake)
ON_EACH(taking_back)
ON_EACH(intake_race)
ON_EACH(life)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(steps), cmocka_unit_test(bad_records), cmocka_unit_test(titles), cmocka_unit_test(intake_each), cmocka_unit_test(taking_back_each),
	                                   cmocka_unit_test(intake_race_each), cmocka_unit_test(life_each)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
