/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/endpoint/endpoint.h"
#include "service/incident/incident_internal.h"
#include "service/protection/protection.h"
#include "service/service_test_support.h"

/* ---- rules ---- */

static void numbers(void **state)
{
	(void)state;
	const struct {
		const char *at, *number;
		int64_t sequence;
	} cases[] = {
		{"2026-11-21T00:00:00Z", "SC-2026-0001", 1},
		{"2026-12-31T16:59:59Z", "SC-2026-0042", 42},
		{"2026-12-31T17:00:00Z", "SC-2027-0001", 1}, /* midnight in Vietnam */
		{"2026-01-01T00:00:00Z", "SC-2026-12345", 12345},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		usec_t t = 0;
		char text[INCIDENT_NUMBER_SIZE];
		assert_int_equal(clock_parse_iso(str_c(cases[i].at), &t, NULL), 0);
		incident_number_text(incident_year(t), cases[i].sequence, text);
		assert_string_equal(text, cases[i].number);
	}
}

#define T(from_, to_) {.from = STR(from_), .to = STR(to_), .permission = STR("incident.respond")}
static const struct {
	const char *initial;
	struct incident_transition transitions[4];
	size_t count;
	const char *key; /* NULL: fine */
} processes[] = {
	{"a", {T("a", "b"), T("b", "c")}, 2, NULL},
	{"a", {T("a", "b"), T("b", "c"), T("c", "a")}, 3, NULL},
	{"x", {T("a", "b"), T("b", "c")}, 2, "incident.bad_initial"},
	{"c", {T("c", "b"), T("b", "a")}, 2, "incident.bad_initial"}, /* c is a closed state */
	{"a", {T("a", "b"), T("b", "x")}, 2, "incident.bad_state"},
	{"a", {T("a", "a"), T("a", "b"), T("b", "c")}, 3, "incident.bad_state"},
	{"a", {T("a", "b")}, 1, "incident.unreachable"},
	{"a", {{.from = STR("a"), .to = STR("b"), .permission = STR("unit.manage")}}, 1, "incident.bad_permission"},
};

static void process_checks(void **state)
{
	(void)state;
	static struct incident_process p;
	for (size_t i = 0; i < ARRAY_LEN(processes); i++) {
		p = (struct incident_process){.initial = str_c(processes[i].initial), .state_count = 3,
		                              .states = {{.id = STR("a"), .open = true}, {.id = STR("b"), .open = true}, {.id = STR("c")}},
		                              .transition_count = processes[i].count};
		(void)memcpy(p.transitions, processes[i].transitions, sizeof processes[i].transitions);
		struct err err = {.code = 0};
		int r = incident_process_check(&p, &err);
		assert_int_equal(r, processes[i].key == NULL ? 0 : -EINVAL);
		assert_string_equal(err.key, processes[i].key != NULL ? processes[i].key : "");
	}
}

/* ---- through the routes ---- */

static struct service quiet_protection;

static void start_world(struct world *w, struct db *db)
{
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &alert_service, &incident_service, NULL};
	world_init(w, db, "/nonexistent", rooms);
}

static struct world_answer post(struct world *w, const struct access *as, const char *target, const char *body,
                                const char *if_match)
{
	return world_call(w, &(struct world_call){.as = as, .method = "POST", .target = target, .body = body, .if_match = if_match});
}

static struct world_answer get(struct world *w, const struct access *as, const char *target)
{
	return world_call(w, &(struct world_call){.as = as, .method = "GET", .target = target});
}

static void kinds(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	start_world(&w, db);
	world_must(incident_service.start(&w.sc, &err), &err); /* a second start changes nothing */
	cleanup_answer struct world_answer a = get(&w, &w.nobody, "/api/v1/incident-kinds");
	assert_string_equal(world_text(&a, "groups"), "5");
	size_t count = 0;
	json_each(group, json_get(a.json, "groups")) {
		count += json_get(group, "kinds")->count;
		json_each(kind, json_get(group, "kinds"))
			assert_true(json_get_str(kind, "first_actions", STR_EMPTY).n > 0);
	}
	assert_int_equal(count, 29);
	assert_string_equal(world_text(&a, "groups.0.kinds.2.id"), "attack.malware");
	assert_string_equal(world_text(&a, "groups.0.kinds.2.label"), "Tấn công sử dụng mã độc");
	assert_string_equal(world_text(&a, "groups.0.kinds.2.effects.0"), "a5");
	assert_string_equal(world_text(&a, "groups.4.kinds.5.needs_label"), "true");
	assert_string_equal(world_text(&a, "states.0.id"), "new");
	world_done(&w);
}

static const char *open_body(struct arena *arena, const struct uuid *unit, const char *rest)
{
	char id[UUID_TEXT_SIZE];
	return arena_printf(arena, "{\"title\":\"Mất điện trung tâm dữ liệu\",\"kind\":\"tech.power\",\"unit_id\":\"%s\"%s}",
	                    uuid_text(unit, id), rest).p;
}

static void opening(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	char east[UUID_TEXT_SIZE];
	(void)uuid_text(&w.east, east);
	const struct {
		const struct access *as;
		const char *body;
		int status;
		const char *key;
	} cases[] = {
		{&w.nobody, open_body(arena, &w.east, ""), 403, "api.forbidden"},
		{&w.west_officer, open_body(arena, &w.east, ""), 403, "api.forbidden"},
		{&w.east_officer, open_body(arena, &w.east, ",\"severity\":\"worst\""), 400, "json.enum"},
		{&w.east_officer, open_body(arena, &w.east, ",\"detected_at\":\"2031-01-01T00:00:00Z\""), 400, "incident.detected_in_future"},
		{&w.east_officer, arena_printf(arena, "{\"title\":\"t\",\"kind\":\"attack.nothing\",\"unit_id\":\"%s\"}", east).p, 400, "incident.unknown_kind"},
		{&w.east_officer, arena_printf(arena, "{\"title\":\"t\",\"kind\":\"misc.other\",\"unit_id\":\"%s\"}", east).p, 400, "incident.label_required"},
		{&w.east_officer, arena_printf(arena, "{\"title\":\"\",\"kind\":\"tech.power\",\"unit_id\":\"%s\"}", east).p, 400, "json.length"},
		{&w.east_officer, arena_printf(arena, "{\"title\":\"  \",\"kind\":\"tech.power\",\"unit_id\":\"%s\"}", east).p, 400, "incident.title_required"},
		{&w.east_officer, open_body(arena, &w.east, ""), 201, ""},
		{&w.admin, open_body(arena, &w.west, ",\"severity\":\"high\""), 201, ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup_answer struct world_answer a = post(&w, cases[i].as, "/api/v1/incidents", cases[i].body, NULL);
		assert_int_equal(a.status, cases[i].status);
		assert_string_equal(a.key, cases[i].key);
	}
	/* A decomposed title (as some keyboards send it) is stored composed. */
	const char *typed = arena_printf(arena, "{\"title\":\" Lu\xcc\x83 \",\"kind\":\"tech.power\",\"unit_id\":\"%s\"}",
	                                 uuid_text(&w.west, (char[UUID_TEXT_SIZE]){0})).p;
	cleanup_answer struct world_answer composed = post(&w, &w.west_officer, "/api/v1/incidents", typed, NULL);
	assert_string_equal(world_text(&composed, "title"), "L\xc5\xa9");
	const struct {
		const struct access *as;
		const char *target, *total, *number;
	} lists[] = {
		{&w.admin, "/api/v1/incidents", "3", "SC-2026-0003"},
		{&w.east_officer, "/api/v1/incidents", "1", "SC-2026-0001"},
		{&w.west_officer, "/api/v1/incidents", "2", "SC-2026-0003"},
		{&w.admin, "/api/v1/incidents?q=mat+dien", "2", "SC-2026-0002"},
		{&w.admin, "/api/v1/incidents?q=sc-2026-0001", "1", "SC-2026-0001"},
		{&w.admin, "/api/v1/incidents?state=closed&state=cancelled", "0", ""},
		{&w.admin, "/api/v1/incidents?state=closed&state=new&kind=tech&open=1", "3", "SC-2026-0003"},
	};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		cleanup_answer struct world_answer a = get(&w, lists[i].as, lists[i].target);
		assert_int_equal(a.status, 200);
		assert_string_equal(world_text(&a, "total"), lists[i].total);
		assert_string_equal(world_text(&a, "items.0.number"), lists[i].number);
	}
	world_done(&w);
}

struct racer {
	struct world *world;
	const char *body;
	char number[INCIDENT_NUMBER_SIZE];
};

static void *race(void *ctx)
{
	struct racer *r = ctx;
	struct world_answer a = post(r->world, &r->world->admin, "/api/v1/incidents", r->body, NULL);
	(void)snprintf(r->number, sizeof r->number, "%s", world_text(&a, "number"));
	world_answer_done(&a);
	return NULL;
}

#define RACERS 4
/* Four at once get four numbers without a gap. */
static void number_race(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	struct racer racers[RACERS];
	pthread_t threads[RACERS];
	bool seen[RACERS] = {false};
	for (size_t i = 0; i < RACERS; i++)
		racers[i] = (struct racer){.world = &w, .body = open_body(arena, &w.east, "")};
	for (size_t i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	for (size_t i = 0; i < RACERS; i++) {
		uint64_t n = 0;
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(str_parse_u64(str_sub(str_c(racers[i].number), 8, 12), 1, RACERS, &n));
		assert_false(seen[n - 1]);
		seen[n - 1] = true;
	}
	world_done(&w);
}

static void life(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_answer struct world_answer made = post(&w, &w.east_officer, "/api/v1/incidents", open_body(arena, &w.east, ""), NULL);
	const char *target = arena_printf(arena, "/api/v1/incidents/%s", world_text(&made, "id")).p;
	const char *move = arena_printf(arena, "%s/transition", target).p;
	const struct {
		const struct access *as;
		const char *to, *note, *if_match;
		int status;
		const char *key;
	} moves[] = {
		{&w.west_officer, "triaged", "", "\"1\"", 404, "api.not_found"},
		{&w.east_officer, "triaged", "", NULL, 428, "api.if_match_missing"},
		{&w.east_officer, "triaged", "", "\"2\"", 412, "api.stale"},
		{&w.east_officer, "closed", "xong", "\"1\"", 400, "incident.no_transition"},
		{&w.east_officer, "triaged", "", "\"1\"", 200, ""},
		{&w.east_officer, "responding", "", "\"2\"", 200, ""},
		{&w.east_officer, "recovering", "", "\"3\"", 200, ""},
		{&w.east_officer, "closed", "  ", "\"4\"", 400, "incident.note_required"},
		{&w.east_officer, "closed", "đã khôi phục", "\"4\"", 200, ""},
		{&w.east_officer, "responding", "tái diễn", "\"5\"", 200, ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
		world_clock += USEC_PER_SEC;
		const char *body = arena_printf(arena, "{\"to\":\"%s\",\"note\":\"%s\"}", moves[i].to, moves[i].note).p;
		cleanup_answer struct world_answer a = post(&w, moves[i].as, move, body, moves[i].if_match);
		assert_int_equal(a.status, moves[i].status);
		assert_string_equal(a.key, moves[i].key);
		if (a.status == 200) {
			assert_string_equal(world_text(&a, "state"), moves[i].to);
			assert_int_equal(world_text(&a, "closed_at")[0] == '2', strcmp(moves[i].to, "closed") == 0);
		}
	}
	const char *patch = arena_printf(arena, "{\"kind\":\"attack.dos\",\"severity\":\"critical\",\"owner_id\":\"%s\"}",
	                                 uuid_text(&w.east_officer.account_id, (char[UUID_TEXT_SIZE]){0})).p;
	cleanup_answer struct world_answer patched = world_call(&w, &(struct world_call){
		.as = &w.east_officer, .method = "PATCH", .target = target, .body = patch, .if_match = "\"6\""});
	assert_int_equal(patched.status, 200);
	assert_string_equal(world_text(&patched, "owner.name"), "east");
	assert_string_equal(world_text(&patched, "title"), "Mất điện trung tâm dữ liệu");
	assert_string_equal(world_text(&patched, "kind_label"), "Tấn công từ chối dịch vụ");
	cleanup_answer struct world_answer noted =
		post(&w, &w.east_officer, arena_printf(arena, "%s/comments", target).p, "{\"text\":\"Đã báo PA05\"}", NULL);
	assert_int_equal(noted.status, 201);
	/* opened, 5 moves, kind, severity, owner, comment */
	assert_string_equal(world_text(&noted, "timeline"), "10");
	assert_string_equal(world_text(&noted, "timeline.0.type"), "opened");
	assert_string_equal(world_text(&noted, "timeline.4.text"), "đã khôi phục");
	assert_string_equal(world_text(&noted, "timeline.4.from"), "recovering");
	assert_string_equal(world_text(&noted, "timeline.9.author"), "east");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action LIKE 'incident.%'"), 8);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM outbox WHERE name LIKE 'incident.%'"), 8);
	world_done(&w);
}

static void alerts(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	for (int i = 0; i < 2; i++) {
		struct alert_record record = {.key = i == 0 ? STR("k0") : STR("k1"), .rule_id = STR("malware"), .title = STR("Mã độc"),
		                              .severity = ALERT_SEVERITY_HIGH, .unit_id = w.east, .at = world_clock - USEC_PER_HOUR,
		                              .threat = i == 0 ? STR("T0") : STR("T1"), .size_bytes = -1};
		world_must(alert_intake(&w.sc, &record, &err), &err);
	}
	cleanup_answer struct world_answer list = get(&w, &w.admin, "/api/v1/alerts?sort=number");
	const char *first = world_text(&list, "items.0.id"), *second = world_text(&list, "items.1.id");
	const char *raise = arena_printf(arena, "/api/v1/alerts/%s/incident", first).p;
	cleanup_answer struct world_answer hidden = post(&w, &w.west_officer, raise, "{\"kind\":\"attack.malware\"}", NULL);
	assert_int_equal(hidden.status, 404);
	cleanup_answer struct world_answer made = post(&w, &w.east_officer, raise, "{\"kind\":\"attack.malware\"}", NULL);
	assert_int_equal(made.status, 201);
	assert_string_equal(world_text(&made, "title"), "Mã độc");
	assert_string_equal(world_text(&made, "severity"), "high");
	assert_string_equal(world_text(&made, "alerts.0.id"), first);
	assert_string_equal(world_text(&made, "alerts.0.state"), "acknowledged");
	char iso[CLOCK_ISO_SIZE];
	assert_string_equal(world_text(&made, "detected_at"), clock_iso(world_clock - USEC_PER_HOUR, iso));
	/* Raised once: a second case of the same alert is refused, and leaves no number used. */
	cleanup_answer struct world_answer again = post(&w, &w.east_officer, raise, "{\"kind\":\"attack.malware\"}", NULL);
	assert_int_equal(again.status, 409);
	assert_string_equal(again.key, "alert.in_incident");
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM incident"), 1);
	assert_int_equal(world_sql_count(&w, "SELECT last FROM incident_number"), 1);
	const char *link = arena_printf(arena, "/api/v1/incidents/%s/alerts", world_text(&made, "id")).p;
	const char *body = arena_printf(arena, "{\"alert_id\":\"%s\"}", second).p;
	for (int i = 0; i < 2; i++) {
		cleanup_answer struct world_answer linked = post(&w, &w.east_officer, link, body, NULL);
		assert_int_equal(linked.status, 201);
		assert_string_equal(world_text(&linked, "alerts"), "2");
		assert_string_equal(world_text(&linked, "timeline"), "2");
	}
	cleanup_answer struct world_answer alert = get(&w, &w.admin, arena_printf(arena, "/api/v1/alerts/%s", second).p);
	assert_string_equal(world_text(&alert, "incident.number"), "SC-2026-0001");
	world_done(&w);
}

struct guest_call {
	struct world *w;
	struct uuid incident;
	struct access guest;
};

static int add_guest(struct db_tx *tx, void *ctx, struct err *err)
{
	struct guest_call *c = ctx;
	static const struct access setup = {.kind = ACCESS_SYSTEM, .name = {"test", 4}};
	struct account_new a = {.login = STR("guest"), .display_name = STR("guest"), .unit_id = c->w->west};
	struct uuid grant;
	c->guest = (struct access){.kind = ACCESS_ACCOUNT, .name = STR("guest")};
	int r = account_create(&c->w->sc, tx, &setup, &a, &c->guest.account_id, err);
	struct account_grant g = {.account_id = c->guest.account_id, .unit_id = c->w->west, .role = STR("guest_expert"),
	                          .expires_at = world_clock + USEC_PER_DAY, .restrict_id = c->incident};
	return r < 0 ? r : account_add_grant(&c->w->sc, tx, &setup, &g, &grant, err);
}

/* One case, until a date, and nothing else. */
static void guest(struct db *db, const char *url)
{
	(void)url;
	struct world w;
	struct err err = {.code = 0};
	start_world(&w, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_answer struct world_answer one = post(&w, &w.admin, "/api/v1/incidents", open_body(arena, &w.east, ""), NULL);
	cleanup_answer struct world_answer two = post(&w, &w.admin, "/api/v1/incidents", open_body(arena, &w.west, ""), NULL);
	struct guest_call c = {.w = &w};
	assert_true(uuid_parse(str_c(world_text(&one, "id")), &c.incident));
	world_must(db_write(db, add_guest, &c, &err), &err);
	const char *his = arena_printf(arena, "/api/v1/incidents/%s", world_text(&one, "id")).p;
	const char *other = arena_printf(arena, "/api/v1/incidents/%s", world_text(&two, "id")).p;
	for (int late = 0; late < 2; late++) {
		cleanup_answer struct world_answer list = get(&w, &c.guest, "/api/v1/incidents");
		assert_int_equal(list.status, late ? 403 : 200);
		cleanup_answer struct world_answer a = get(&w, &c.guest, his);
		assert_int_equal(a.status, late ? 403 : 200);
		cleanup_answer struct world_answer b = get(&w, &c.guest, other);
		assert_int_equal(b.status, late ? 403 : 404);
		if (!late)
			assert_string_equal(world_text(&list, "total"), "1");
		world_clock += 2 * USEC_PER_DAY;
	}
	world_done(&w);
}

#define ON_EACH(name)                                                                                                  \
	static void name##_each(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
ON_EACH(kinds)
ON_EACH(opening)
ON_EACH(number_race)
ON_EACH(life)
ON_EACH(alerts)
ON_EACH(guest)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),          cmocka_unit_test(process_checks), cmocka_unit_test(kinds_each),
		cmocka_unit_test(opening_each),     cmocka_unit_test(number_race_each), cmocka_unit_test(life_each),
		cmocka_unit_test(alerts_each),      cmocka_unit_test(guest_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
