/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The routes of service/event over a real luytre-eventdb: what each account finds, and that an officer finds nothing of
 * another unit by any route, whatever is written into a query. LUYTRE_EVENTDB names the program, LUYTRE_CHDB the library,
 * LUYTRE_TEST_DIR an empty folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file/file.h"
#include "platform/crypto/crypto.h"
#include "engine/event_store/event_schema.h"
#include "engine/event_store/event_store.h"
#include "service/event/event_search.h"
#include "service/service_test_support.h"

/* The words that only the west's events have: none may come out for the east. */
#define SECRET "zxwestsecret"
#define EACH 1200

static char top[64], socket_path[128], data_dir[128];
static pid_t eventdb;
static struct event_store *store;
static struct world w;
static struct uuid west_event, east_event, east_machine, west_machine;
static char west_saved[UUID_TEXT_SIZE];

/* ---- the store ---- */

static void start_eventdb(void)
{
	eventdb = fork();
	assert_true(eventdb >= 0);
	if (eventdb == 0) {
		const char *program = getenv("LUYTRE_EVENTDB"), *library = getenv("LUYTRE_CHDB");
		(void)execl(program, program, "--with-parent", "--data-dir", data_dir, "--socket", socket_path,
		            library != NULL ? "--chdb-lib" : NULL, library, NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 600 && !event_store_ping(store); i++)
		(void)usleep(100000);
	assert_true(event_store_ping(store));
}

static void end_eventdb(void)
{
	int status = 0;
	(void)kill(eventdb, SIGTERM);
	assert_int_equal(waitpid(eventdb, &status, 0), eventdb);
}

struct maker {
	struct arena *arena;
	struct buf rows;
	struct event_row_maker *rows_of;
};

/* Several forms: what a Windows agent sends, a firewall's line, a web server's. */
static struct uuid add_event(struct maker *m, const struct uuid *unit, const struct uuid *machine, usec_t at, const char *who, unsigned n)
{
	struct event_record r = {.id = uuid_new(), .unit = *unit, .endpoint = *machine, .received = at, .retention_days = 30,
	                         .source = n % 3 == 0 ? STR("agent") : n % 3 == 1 ? STR("firewall") : STR("web")};
	struct str raw;
	struct event e;
	struct err err = {.code = 0};
	if (n % 3 == 0)
		raw = arena_printf(m->arena,
		                   "{\"host\":{\"name\":\"%s-pc-%u\"},\"user\":{\"name\":\"%s.an\"},\"event\":{\"code\":\"%u\",\"severity\":%u},"
		                   "\"process\":{\"name\":\"cmd.exe\",\"command_line\":\"C:\\\\Windows\\\\cmd.exe /c %s%u\"},\"CustomNumber\":7,\"a\":{\"b\":{\"c\":\"Deep\"}},\"Custom%s\":\"%s\"}",
		                   who, n % 7, who, 4600 + n % 5, n % 6, who, n, who, who);
	else if (n % 3 == 1)
		raw = arena_printf(m->arena,
		                   "{\"source\":{\"ip\":\"10.%u.0.%u\",\"port\":%u},\"destination\":{\"ip\":\"192.0.2.1\",\"port\":443},"
		                   "\"message\":\"deny %s conn %u\",\"host\":{\"name\":\"%s-fw\",\"ip\":[\"10.1.1.1\",\"10.1.1.2\"]}}",
		                   n % 3, n % 250, 1000 + n % 3000, who, n, who);
	else
		raw = arena_printf(m->arena, "{\"url\":{\"full\":\"https://%s.example/?a='%u'\"},\"message\":\"Đăng nhập Nguyễn %s\"}", who, n, who);
	assert_int_equal(event_flatten(m->arena, raw, NULL, &e, &err), 0);
	r.raw = raw;
	event_row_add(m->rows_of, &r, &e);
	return r.id;
}

static void insert(struct maker *m)
{
	struct err err = {.code = 0};
	static unsigned block;
	char token[32], line[300];
	(void)snprintf(token, sizeof token, "b%u", block++);
	event_row_take(m->rows_of, &m->rows);
	if (event_store_insert(store, event_row_into, token, buf_str(&m->rows), &err) != EVENT_STORE_TAKEN)
		fail_msg("%s", err_line(&err, line, sizeof line));
	buf_clear(&m->rows);
}

static void fill(void)
{
	struct maker m = {.arena = arena_new(0), .rows = BUF_INIT((size_t)64 << 20), .rows_of = event_row_maker_new((size_t)16 << 20)};
	static const struct uuid none = {{0}};
	east_machine = uuid_new();
	west_machine = uuid_new();
	for (unsigned i = 0; i < EACH; i++) {
		usec_t at = world_clock - (usec_t)i * 61 * USEC_PER_SEC - USEC_PER_MINUTE;
		struct uuid id = add_event(&m, &w.east, &east_machine, at, "east", i);
		if (i == 0)
			east_event = id;
		id = add_event(&m, &w.west, &west_machine, at, SECRET, i);
		if (i == 0)
			west_event = id;
		if (i % 10 == 0)
			(void)add_event(&m, &none, &none, at, "nobodys" SECRET, i / 10);
	}
	insert(&m);
	struct event_record dead = {.id = uuid_new(), .unit = w.west, .received = world_clock - USEC_PER_HOUR, .retention_days = 1,
	                            .source = STR("x"), .raw = STR("{\"a\":\"" SECRET "\"}")};
	event_dead_row_append(&dead, STR("t"), STR("Code: 41. DB::Exception: why " SECRET), &m.rows);
	struct err err = {.code = 0};
	assert_int_equal(event_store_insert(store, event_dead_row_into, "dead", buf_str(&m.rows), &err), EVENT_STORE_TAKEN);
	event_row_maker_free(m.rows_of);
	buf_done(&m.rows);
	arena_free(m.arena);
}

static void set_up_world(struct db *db)
{
	const struct service *rooms[] = {&event_service, NULL};
	world_init(&w, db, top, rooms);
	w.sc.events = store;
	w.sc.disk_warn_days = 30;
}

/* ---- calls ---- */

/* A target with its parameters coded: pairs of name and value, NULL at the end. */
static const char *target(struct arena *arena, const char *path, const char *const *pairs)
{
	struct buf out = BUF_INIT(1 << 16);
	buf_append_c(&out, path);
	for (size_t i = 0; pairs != NULL && pairs[i] != NULL; i += 2) {
		buf_printf(&out, "%s%s=", i == 0 ? "?" : "&", pairs[i]);
		for (const char *p = pairs[i + 1]; *p != '\0'; p++)
			buf_printf(&out, "%%%02X", (unsigned)(unsigned char)*p);
	}
	const char *text = arena_cstr(arena, buf_str(&out));
	buf_done(&out);
	return text;
}

static struct world_answer get(const struct access *as, const char *path, const char *const *pairs)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	return world_call(&w, &(struct world_call){.as = as, .method = "GET", .target = target(arena, path, pairs)});
}

static int64_t number(const struct world_answer *a, const char *path)
{
	int64_t n = -1;
	(void)str_parse_i64(str_c(world_text(a, path)), INT64_MIN, INT64_MAX, &n);
	return n;
}

/* Pages of a list until the end, each event once. */
static int64_t count_list(const struct access *as, const char *q)
{
	char cursor[80] = "";
	int64_t count = 0;
	char last[UUID_TEXT_SIZE] = "";
	do {
		const char *pairs[] = {"q", q, "last", "30d", "limit", "500", cursor[0] != '\0' ? "cursor" : NULL, cursor, NULL};
		cleanup_answer struct world_answer a = get(as, "/api/v1/events", pairs);
		if (a.status != 200)
			fail_msg("%s: %d %s", q, a.status, a.key);
		int64_t n = number(&a, "items");
		if (n > 0) {
			assert_string_not_equal(world_text(&a, "items.0.id"), last);
			char path[40];
			(void)snprintf(path, sizeof path, "items.%lld.id", (long long)n - 1);
			str_copy_c(str_c(world_text(&a, path)), last, sizeof last);
		}
		count += n;
		str_copy_c(str_c(world_text(&a, "next")), cursor, sizeof cursor);
	} while (cursor[0] != '\0');
	return count;
}

static int64_t count_histogram(const struct access *as, const char *q)
{
	cleanup_answer struct world_answer a = get(as, "/api/v1/events/histogram", (const char *const[]){"q", q, "last", "30d", NULL});
	assert_int_equal(a.status, 200);
	return number(&a, "total");
}

static void finds(void **state)
{
	(void)state;
	static const struct {
		const char *q;
		int64_t east, all; /* -1: more than none, less than all */
	} rows[] = {
		{"", EACH, 2 * EACH + EACH / 10},
		{"user.name:east.an", 400, 400},
		{"USER.NAME:EAST.AN", 400, 400},
		{"user.name:east.*", 400, 400},
		{"NOT user.name:*", EACH - 400, -1},
		{"east conn", 400, 400},
		{"EAST", EACH, EACH},
		{"eas", 0, 0},
		{"eas*", EACH, EACH},
		{"\"deny east conn\"", 400, 400},
		{"\"east deny\"", 0, 0},
		{"\"C:\\\\Windows\\\\cmd.exe /c\"", 400, -1},
		{"process.command_line:C:\\Windows\\*", 400, -1},
		{"source.ip:10.0.0.0/8", 400, -1},
		{"source.ip:192.168.0.0/16", 0, 0},
		{"NOT source.ip:10.0.0.0/8", EACH - 400, -1},
		{"source.port:>=1000 source.port:<1010", -1, -1},
		{"event.severity:>=6", 0, 0},
		{"host.ip:10.1.1.2", 400, -1},
		{"host.ip:10.1.1.0/30", 400, -1},
		{"Customeast:east", 400, 400},
		{"Customeast:*", 400, 400},
		{"\"Customeast\":(east OR x)", 400, 400},
		{"CustomNumber:7", 400, -1},
		{"CustomNumber:>6", 400, -1},
		{"CustomNumber:>7", 0, 0},
		{"a.b.c:deep", 400, -1},
		{"a.b.c:d*", 400, -1},
		{"event.parsed:true", EACH, -1},
		{"event.code:4600", -1, -1},
		{"nguyễn", 400, -1},
		{"NGUYỄN", 400, -1},
		{"Đăng", 400, -1},
		{"~\"dang nhap nguyen\"", 400, -1},
		{"message:đăng", 400, -1},
		{"source:firewall", 400, -1},
		{"user.name:east.an OR source:web", 800, -1},
		{"user.name:east.an AND source:web", 0, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t east = count_list(&w.east_officer, rows[i].q), all = count_list(&w.admin, rows[i].q);
		if ((rows[i].east >= 0 ? east != rows[i].east : east <= 0 || east >= EACH) ||
		    (rows[i].all >= 0 ? all != rows[i].all : all <= 0))
			fail_msg("%s: %lld of %lld, %lld of %lld", rows[i].q, (long long)east, (long long)rows[i].east, (long long)all,
			         (long long)rows[i].all);
		assert_int_equal(count_histogram(&w.east_officer, rows[i].q), east);
		assert_int_equal(count_histogram(&w.admin, rows[i].q), all);
	}
}

/* ---- what does not come out ---- */

static bool tells(const struct world_answer *a)
{
	char west[UUID_TEXT_SIZE];
	return str_find(a->text, STR(SECRET)) != SIZE_MAX || str_find(a->text, str_c(uuid_text(&w.west, west))) != SIZE_MAX;
}

static const char *const tricks[] = {
	"", "*", SECRET, "\"" SECRET "\"", SECRET "*", "~" SECRET, "NOT east", "-east", "user.name:" SECRET ".an", "' OR 1=1 --",
	"\"' OR 1=1 --\"", "\"') OR 1=1 --\"", "x OR NOT x", "(x) OR (NOT x)", "\"x') UNION ALL SELECT raw FROM event --\"",
	"\"} {p0:String} {\"", "{p0:String}", "\"`unit_id`\":*", "\"unit_id) OR (1\":*", "\"x'] OR 1 OR fields['\":x",
	"/* x */ OR */ 1", "user.name:\"a' OR unit_id != '\"", "user.name:\"\\\\' OR 1=1 --\"", "user.name:a\\", "raw:\"" SECRET "\"",
	"raw:*" SECRET "*", "source:* OR NOT source:*", "event.id:* OR NOT event.id:*", "\"\\\\') OR 1=1 OR position(raw,'\"",
	"Custom" SECRET ":*", "host.ip:0.0.0.0/0", "event.severity:>=0 OR event.severity:<0", "\"a\tb\" OR NOT \"a\tb\"",
};

static void east_sees_no_west(void **state)
{
	(void)state;
	char west[UUID_TEXT_SIZE], event[UUID_TEXT_SIZE], machine[UUID_TEXT_SIZE], unit_query[64], endpoint_query[64];
	(void)uuid_text(&w.west, west);
	(void)uuid_text(&west_event, event);
	(void)uuid_text(&west_machine, machine);
	(void)snprintf(unit_query, sizeof unit_query, "unit.id:%s", west);
	(void)snprintf(endpoint_query, sizeof endpoint_query, "endpoint.id:%s", machine);
	const char *own[] = {unit_query, endpoint_query};
	for (size_t i = 0; i < ARRAY_LEN(tricks) + ARRAY_LEN(own); i++) {
		const char *q = i < ARRAY_LEN(tricks) ? tricks[i] : own[i - ARRAY_LEN(tricks)];
		static const char *const paths[] = {"/api/v1/events", "/api/v1/events/histogram", "/api/v1/events/facets",
		                                    "/api/v1/events/fields", "/api/v1/events/common", "/api/v1/events/tail"};
		for (size_t p = 0; p < ARRAY_LEN(paths); p++) {
			const char *pairs[] = {"q", q, "last", "30d", "field", "user.name", "field", "unit.id", "field", "Custom" SECRET,
			                       "field", "x'] , raw, fields['", strcmp(paths[p], "/api/v1/events/tail") == 0 ? "after" : NULL,
			                       "1:00000000-0000-0000-0000-000000000000", NULL};
			cleanup_answer struct world_answer a = get(&w.east_officer, paths[p], pairs);
			/* The name of a field that was asked for stands in the answer. */
			bool named = str_find(a.text, STR("\"Custom" SECRET "\"")) != SIZE_MAX;
			if (a.status != 200 && a.status != 400)
				fail_msg("%s %s: %d %s", paths[p], q, a.status, a.key);
			if (!named && tells(&a))
				fail_msg("%s %s: %.*s", paths[p], q, STR_FMT(str_sub(a.text, 0, 2000)));
			if (strcmp(paths[p], "/api/v1/events/common") == 0 && a.status == 200)
				assert_true(number(&a, "events") <= EACH && number(&a, "units") <= 1);
			if (strcmp(paths[p], "/api/v1/events/histogram") == 0 && a.status == 200)
				assert_true(number(&a, "total") <= EACH);
		}
		cleanup_answer struct world_answer narrow =
			get(&w.east_officer, "/api/v1/events", (const char *const[]){"q", q, "last", "30d", "unit", west, NULL});
		assert_true(narrow.status == 400 || number(&narrow, "items") == 0);
		cleanup_answer struct world_answer of_machine =
			get(&w.east_officer, "/api/v1/events", (const char *const[]){"q", q, "last", "30d", "endpoint", machine, NULL});
		assert_true(of_machine.status == 400 || number(&of_machine, "items") == 0);
	}
	char path[100];
	(void)snprintf(path, sizeof path, "/api/v1/events/%s", event);
	cleanup_answer struct world_answer one = get(&w.east_officer, path, (const char *const[]){"q", "x OR NOT x", NULL});
	assert_int_equal(one.status, 404);
	cleanup_answer struct world_answer seen = get(&w.west_officer, path, NULL);
	assert_int_equal(seen.status, 200);
	assert_true(tells(&seen));
}

/* The officer holds event.sql over the own unit only. */
static void east_runs_no_sql(void **state)
{
	(void)state;
	static const char *const statements[] = {"SELECT 1", "SELECT raw FROM event", "SELECT count() FROM luytre.event"};
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		char body[200];
		(void)snprintf(body, sizeof body, "{\"sql\":\"%s\"}", statements[i]);
		cleanup_answer struct world_answer a = world_call(
			&w, &(struct world_call){.as = &w.east_officer, .method = "POST", .target = "/api/v1/events/sql", .body = body});
		assert_int_equal(a.status, 403);
		assert_string_equal(a.key, "event.sql_whole_city");
	}
}

static void sql_reads_only(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		int status;
	} rows[] = {
		{"SELECT count() AS n FROM event", 200},
		{"SELECT host_name, count() FROM event GROUP BY host_name ORDER BY 2 DESC -- most", 200},
		{"WITH 1 AS x SELECT x", 200},
		{"SHOW TABLES", 200},
		{"DESCRIBE TABLE event", 200},
		{"SELECT number FROM numbers(5000)", 200},
		{"SELECT 1; SELECT 2", 400},
		{"INSERT INTO event (raw) VALUES ('x')", 400},
		{"ALTER TABLE event DELETE WHERE 1", 400},
		{"DROP TABLE event", 400},
		{"SELECT * FROM file('/etc/passwd')", 400},
		{"SELECT * FROM url('http://127.0.0.1/')", 400},
		{"SELECT * FROM remote('127.0.0.1', 'luytre.event')", 400},
		{"SELECT 1 FORMAT CSV", 400},
		{"SELECT 1 INTO OUTFILE '/tmp/x'", 400},
		{"SELECT {x:String}", 400},
		{"SELECT 1 SETTINGS max_execution_time = 0", 400},
		{"SELECT sleep(1", 400},
		{"SELECT 1) UNION ALL (SELECT 2", 400},
		{"SELECT * FROM event) UNION ALL SELECT * FROM file('/etc/passwd'", 400},
		{"SELECT nothing FROM event", 400},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char body[300];
		(void)snprintf(body, sizeof body, "{\"sql\":\"%s\"}", rows[i].sql);
		cleanup_answer struct world_answer a =
			world_call(&w, &(struct world_call){.as = &w.admin, .method = "POST", .target = "/api/v1/events/sql", .body = body});
		if (a.status != rows[i].status)
			fail_msg("%s: %d %s %.*s", rows[i].sql, a.status, a.key, STR_FMT(str_sub(a.text, 0, 300)));
		if (i == 0)
			assert_int_equal(number(&a, "result.data.0.0"), 2 * EACH + EACH / 10);
		if (strstr(rows[i].sql, "numbers(5000)") != NULL)
			assert_int_equal(number(&a, "result.rows"), 1001);
	}
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'event.sql'"), (int64_t)ARRAY_LEN(rows));
}

static void one_tells_why(void **state)
{
	(void)state;
	char path[100], id[UUID_TEXT_SIZE];
	(void)snprintf(path, sizeof path, "/api/v1/events/%s", uuid_text(&east_event, id));
	cleanup_answer struct world_answer a =
		get(&w.east_officer, path, (const char *const[]){"q", "east (user.name:east.* OR user.name:x) NOT web", NULL});
	assert_int_equal(a.status, 200);
	assert_int_equal(number(&a, "why"), 2);
	assert_string_equal(world_text(&a, "why.0.term"), "\"east\"");
	assert_string_equal(world_text(&a, "why.1.field"), "user.name");
	assert_true(str_eq_c(json_get(json_get(a.json, "fields"), "user.name")->text, "east.an"));
	assert_true(str_find(str_c(world_text(&a, "raw")), STR("Customeast")) != SIZE_MAX);
}

static void facets_count(void **state)
{
	(void)state;
	cleanup_answer struct world_answer a = get(&w.admin, "/api/v1/events/facets",
	                                           (const char *const[]){"q", "east", "last", "30d", "field", "source", "field", "event.code",
	                                                                 "field", "Customeast", "field", "unit.id", NULL});
	assert_int_equal(a.status, 200);
	assert_int_equal(number(&a, "items"), 4);
	assert_int_equal(number(&a, "items.0.values"), 3);
	assert_int_equal(number(&a, "items.0.values.0.count"), 400);
	assert_string_equal(world_text(&a, "items.2.values.0.value"), "east");
	assert_string_equal(world_text(&a, "items.3.values.0.label"), "Phường Đông");
	cleanup_answer struct world_answer f = get(&w.east_officer, "/api/v1/events/fields", (const char *const[]){"last", "30d", NULL});
	assert_true(str_find(f.text, STR("Customeast")) != SIZE_MAX && !tells(&f));
}

static void nothing_comes_twice_or_not(void **state)
{
	(void)state;
	struct maker m = {.arena = arena_new(0), .rows = BUF_INIT((size_t)16 << 20), .rows_of = event_row_maker_new((size_t)16 << 20)};
	char after[80], path[40];
	int64_t seen = 0;
	usec_t old = world_clock;
	cleanup_answer struct world_answer first = get(&w.east_officer, "/api/v1/events/tail", NULL);
	assert_int_equal(first.status, 200);
	assert_int_equal(number(&first, "items"), 0);
	str_copy_c(str_c(world_text(&first, "next")), after, sizeof after);
	for (unsigned round = 0; round < 12; round++) {
		/* What came 1.8 s ago is stored after what came a second ago: threads overtake each other. */
		for (unsigned i = 0; i < 50 && round < 10; i++) {
			usec_t at = world_clock - (usec_t)((i * 37) % 50) * 36 * USEC_PER_MS;
			(void)add_event(&m, &w.east, &east_machine, at, "live", i);
			(void)add_event(&m, &w.west, &west_machine, at, SECRET, i);
		}
		if (event_row_count(m.rows_of) > 0)
			insert(&m);
		cleanup_answer struct world_answer a = get(&w.east_officer, "/api/v1/events/tail", (const char *const[]){"after", after, NULL});
		assert_int_equal(a.status, 200);
		assert_false(tells(&a));
		(void)snprintf(path, sizeof path, "%s", "items");
		seen += number(&a, path);
		str_copy_c(str_c(world_text(&a, "next")), after, sizeof after);
		world_clock += round < 10 ? USEC_PER_SEC : 10 * USEC_PER_SEC;
	}
	assert_int_equal(seen, 500);
	world_clock = old;
	event_row_maker_free(m.rows_of);
	buf_done(&m.rows);
	arena_free(m.arena);
}

/* Every event of a span once, page by page, also where more events than a page have the very same time. */
static void pages_meet(void **state)
{
	(void)state;
	struct maker m = {.arena = arena_new(0), .rows = BUF_INIT((size_t)16 << 20), .rows_of = event_row_maker_new((size_t)16 << 20)};
	struct uuid seen[400];
	char from[CLOCK_ISO_SIZE], to[CLOCK_ISO_SIZE], cursor[80] = "", path[40];
	usec_t moment = world_clock - 20 * USEC_PER_DAY;
	size_t count = 0;
	for (unsigned i = 0; i < 60; i++)
		(void)add_event(&m, i % 2 == 0 ? &w.east : &w.city, &east_machine, moment + (i < 40 ? 0 : (usec_t)i * USEC_PER_MINUTE), "same", i);
	insert(&m);
	(void)clock_iso(moment - 30 * USEC_PER_DAY / 10, from);
	(void)clock_iso(moment + 2 * USEC_PER_HOUR, to);
	do {
		cleanup_answer struct world_answer a = get(&w.admin, "/api/v1/events",
		                                           (const char *const[]){"q", "same", "from", from, "to", to, "limit", "7", cursor[0] != '\0' ? "cursor" : NULL, cursor, NULL});
		assert_int_equal(a.status, 200);
		for (int64_t i = 0, n = number(&a, "items"); i < n; i++) {
			(void)snprintf(path, sizeof path, "items.%lld.id", (long long)i);
			assert_true(count < ARRAY_LEN(seen) && uuid_parse(str_c(world_text(&a, path)), &seen[count]));
			for (size_t k = 0; k < count; k++)
				assert_false(uuid_eq(&seen[k], &seen[count]));
			count++;
		}
		assert_string_equal(world_text(&a, "out_of_time"), "false");
		str_copy_c(str_c(world_text(&a, "next")), cursor, sizeof cursor);
	} while (cursor[0] != '\0');
	assert_int_equal(count, 60);
	/* Where time was over the cursor has the null id: all of that moment was told, nothing before it. */
	(void)snprintf(cursor, sizeof cursor, "%lld:00000000-0000-0000-0000-000000000000", (long long)(moment + 50 * USEC_PER_MINUTE));
	cleanup_answer struct world_answer rest =
		get(&w.admin, "/api/v1/events", (const char *const[]){"q", "same", "from", from, "to", to, "cursor", cursor, NULL});
	assert_int_equal(number(&rest, "items"), 50);
	assert_string_equal(world_text(&rest, "searched_to"), from);
	event_row_maker_free(m.rows_of);
	buf_done(&m.rows);
	arena_free(m.arena);
}

static uint64_t octal(struct str digits)
{
	uint64_t n = 0;
	for (size_t i = 0; i < digits.n; i++)
		n = n * 8 + (uint64_t)(digits.p[i] - '0');
	return n;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

/* Events in the tar's members of JSONL, and what its SHA256SUMS says of each. */
static int64_t read_tar(struct str tar, const char *suffix, unsigned *ret_files)
{
	struct str sums = STR_EMPTY, line;
	struct { struct str name, bytes; } files[200];
	unsigned count = 0;
	int64_t events = 0;
	*ret_files = 0;
	for (size_t at = 0; at + 512 <= tar.n && tar.p[at] != '\0';) {
		uint64_t size = octal(str_sub(tar, at + 124, at + 135));
		struct str name = str_c(tar.p + at);
		assert_true(count < ARRAY_LEN(files) && at + 512 + size <= tar.n);
		files[count].name = name;
		files[count++].bytes = str_sub(tar, at + 512, at + 512 + size);
		at += 512 + (size + 511) / 512 * 512;
	}
	assert_true(count >= 3);
	assert_true(str_eq_c(files[count - 1].name, "SHA256SUMS") && str_eq_c(files[count - 2].name, "manifest.json"));
	sums = files[count - 1].bytes;
	for (unsigned i = 0; str_split(&sums, '\n', &line) && line.n > 0; i++) {
		unsigned char digest[SHA256_SIZE];
		char hex[SHA256_HEX_SIZE];
		assert_true(i < count - 1);
		sha256(files[i].bytes, digest);
		assert_true(str_eq_c(str_sub(line, 0, 64), sha256_hex(digest, hex)));
		assert_true(str_eq(str_sub(line, 66, line.n), files[i].name));
		*ret_files += str_ends_with(files[i].name, str_c(suffix));
		for (size_t k = 0; i + 1 < count - 1 && k < files[i].bytes.n; k++)
			events += files[i].bytes.p[k] == '\n';
		if (strcmp(suffix, ".parquet") == 0 && i + 1 < count - 1)
			assert_true(str_starts_with(files[i].bytes, STR("PAR1")) && str_ends_with(files[i].bytes, STR("PAR1")));
	}
	return events;
}

static void exports(void **state)
{
	(void)state;
	static const char *const as[] = {"jsonl", "parquet"};
	unsigned files;
	for (size_t i = 0; i < ARRAY_LEN(as); i++) {
		cleanup_answer struct world_answer a = get(
			&w.east_officer, "/api/v1/events/export", (const char *const[]){"q", "x OR NOT x", "last", "30d", "as", as[i], NULL});
		assert_int_equal(a.status, 200);
		int64_t events = read_tar(a.text, i == 0 ? ".jsonl" : ".parquet", &files);
		assert_int_equal(files, 1);
		if (i > 0)
			continue;
		assert_int_equal(events, EACH);
		assert_true(!tells(&a) && str_find(a.text, STR("events.jsonl")) == 0);
	}
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'event.exported' AND details LIKE '%\"events\":1200,%'"), 2);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'event.exported'"), 2);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'event.export_begun'"), 2);
	cleanup_answer struct world_answer none =
		get(&w.east_officer, "/api/v1/events/export", (const char *const[]){"q", SECRET, "last", "30d", NULL});
	assert_string_equal(none.key, "event.export_nothing");
}

/* More than a part in one hour, of several units and machines, beside sparse hours: each row once, none of another unit. */
static void exports_in_parts(void **state)
{
	(void)state;
	struct maker m = {.arena = arena_new(0), .rows = BUF_INIT((size_t)64 << 20), .rows_of = event_row_maker_new((size_t)64 << 20)};
	struct uuid machines[7];
	usec_t hour = world_clock - 15 * USEC_PER_DAY;
	unsigned files;
	hour -= hour % USEC_PER_HOUR;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		machines[i] = uuid_new();
	for (unsigned i = 0; i < 14000; i++)
		(void)add_event(&m, i % 3 == 0 ? &w.west : &w.east, &machines[i % ARRAY_LEN(machines)], hour + (usec_t)(i % 50) * USEC_PER_MINUTE,
		                i % 3 == 0 ? SECRET : "crowd", i);
	for (unsigned i = 0; i < 40; i++)
		(void)add_event(&m, &w.east, &machines[0], hour + (usec_t)(i + 1) * USEC_PER_HOUR, "crowd", i);
	insert(&m);
	int64_t expected = count_histogram(&w.east_officer, "crowd");
	assert_int_equal(expected, 14000 - 4667 + 40);
	cleanup_answer struct world_answer a =
		get(&w.east_officer, "/api/v1/events/export", (const char *const[]){"q", "crowd", "last", "30d", "as", "jsonl", NULL});
	assert_int_equal(a.status, 200);
	assert_int_equal(read_tar(a.text, ".jsonl", &files), expected);
	assert_true(files > 2);
	assert_false(tells(&a));
	/* No event twice: every id is in its row. */
	size_t ids = 0;
	struct uuid *seen = mem_alloc_array((size_t)expected, sizeof *seen);
	for (size_t at = 0, next; (next = str_find(str_sub(a.text, at, a.text.n), STR("\"event_id\":\""))) != SIZE_MAX; at += next + 12)
		assert_true(ids < (size_t)expected && uuid_parse(str_sub(a.text, at + next + 12, at + next + 48), &seen[ids++]));
	assert_int_equal(ids, expected);
	qsort(seen, ids, sizeof *seen, by_bytes);
	for (size_t i = 1; i < ids; i++)
		assert_false(uuid_eq(&seen[i - 1], &seen[i]));
	mem_free(seen);
	event_row_maker_free(m.rows_of);
	buf_done(&m.rows);
	arena_free(m.arena);
}

static void dead_letters(void **state)
{
	(void)state;
	cleanup_answer struct world_answer east = get(&w.east_officer, "/api/v1/events/dead", (const char *const[]){"last", "30d", NULL});
	assert_int_equal(number(&east, "items"), 0);
	cleanup_answer struct world_answer all =
		get(&w.admin, "/api/v1/events/dead", (const char *const[]){"last", "30d", "q", "WHY (zxwest", NULL});
	assert_int_equal(number(&all, "items"), 0);
	cleanup_answer struct world_answer found =
		get(&w.admin, "/api/v1/events/dead", (const char *const[]){"last", "30d", "q", "WHY zxwest", NULL});
	assert_int_equal(number(&found, "items"), 1);
	assert_string_equal(world_text(&found, "items.0.unit.name"), "Phường Tây");
	/* The key: this world has no catalogue. */
	assert_string_equal(world_text(&found, "items.0.why"), "clickhouse.why_time");
	assert_string_equal(world_text(&found, "items.0.reason"), "Code: 41. DB::Exception: why " SECRET);
}

/* The disk's figures are for those who see every unit; shares and dead letters are one's own units'. */
static void storage(void **state)
{
	(void)state;
	cleanup_answer struct world_answer all = get(&w.admin, "/api/v1/storage", NULL);
	assert_int_equal(all.status, 200);
	assert_int_equal(number(&all, "dead"), 1);
	assert_true(number(&all, "whole.events") >= 2 * EACH && number(&all, "whole.bytes") > 0 && number(&all, "whole.free_bytes") > 0);
	assert_true(number(&all, "whole.plain_bytes") > number(&all, "whole.bytes"));
	assert_int_equal(number(&all, "whole.forecast.warn_days"), 30);
	assert_true(number(&all, "whole.days") > 0);
	cleanup_answer struct world_answer east = get(&w.east_officer, "/api/v1/storage", NULL);
	assert_int_equal(east.status, 200);
	assert_int_equal(number(&east, "dead"), 0);
	assert_string_equal(world_text(&east, "whole"), "");
	static const char *const by[] = {"source", "retention"};
	for (size_t i = 0; i < ARRAY_LEN(by); i++) {
		const char *const pairs[] = {"by", by[i], "days", "31", NULL};
		cleanup_answer struct world_answer own = get(&w.east_officer, "/api/v1/storage/shares", pairs);
		cleanup_answer struct world_answer whole = get(&w.admin, "/api/v1/storage/shares", pairs);
		assert_int_equal(number(&own, "items"), i == 0 ? 3 : 1);
		int64_t own_first = number(&own, "items.0.events"), all_first = number(&whole, "items.0.events");
		assert_true(own_first > 0 && own_first < all_first);
		if (i == 1) {
			assert_int_equal(own_first, EACH);
			assert_int_equal(number(&own, "items.0.retention_days"), 30);
		}
	}
	cleanup_answer struct world_answer nobody = get(&w.nobody, "/api/v1/storage", NULL);
	assert_int_equal(nobody.status, 403);
}

/* Last of all: after it the letter is an event. */
static void dead_letters_again(void **state)
{
	(void)state;
	const struct world_call retry = {.as = &w.east_officer, .method = "POST", .target = "/api/v1/events/dead/retry"};
	cleanup_answer struct world_answer refused = world_call(&w, &retry);
	assert_int_equal(refused.status, 403);
	w.sc.jobs = job_runner_new(1);
	for (int64_t round = 0; round < 2; round++) {
		struct world_call mine = retry;
		struct uuid job;
		struct job_status status = {.state = JOB_WAITING};
		mine.as = &w.admin;
		cleanup_answer struct world_answer a = world_call(&w, &mine);
		assert_int_equal(a.status, 202);
		assert_int_equal(number(&a, "dead"), 1 - round);
		assert_true(uuid_parse(str_c(world_text(&a, "job_id")), &job));
		while (job_status(w.sc.jobs, &job, &status) && status.state < JOB_DONE)
			(void)usleep(10000);
		assert_int_equal(status.state, JOB_DONE);
	}
	job_runner_free(w.sc.jobs);
	w.sc.jobs = NULL;
	cleanup_answer struct world_answer left = get(&w.admin, "/api/v1/events/dead", (const char *const[]){"last", "30d", NULL});
	assert_int_equal(number(&left, "items"), 0);
	cleanup_answer struct world_answer found =
		get(&w.admin, "/api/v1/events", (const char *const[]){"q", "a:" SECRET, "last", "30d", NULL});
	assert_int_equal(number(&found, "items"), 1);
	assert_int_equal(world_sql_count(&w, "SELECT count(*) FROM audit WHERE action = 'event.dead_again'"), 2);
}

struct seen {
	int count;
	usec_t last;
};

static void see_brief(void *ctx, const struct event_brief *e)
{
	struct seen *s = ctx;
	assert_true(s->last == 0 || e->time <= s->last);
	assert_true(str_starts_with(e->host, STR("east")) || e->host.n == 0);
	assert_true(uuid_eq(&e->unit_id, &w.east));
	s->last = e->time;
	s->count++;
}

static void others_ask_in_c(void **state)
{
	(void)state;
	struct event_scope scope;
	struct event_commonness c;
	struct err err = {.code = 0};
	cleanup(arena) struct arena *arena = arena_new(0);
	world_must(event_scope_load(&w.sc, arena, &w.east_officer, "event.read", &scope, &err), &err);
	assert_false(scope.all);
	assert_int_equal(scope.count, 1);
	usec_t from = world_clock - 30 * USEC_PER_DAY;
	world_must(event_search_value(&w.sc, arena, &scope, STR("process.name"), STR("CMD.EXE"), from, world_clock, 0, &c, &err), &err);
	assert_int_equal(c.events, 400);
	assert_int_equal(c.hosts, 1);
	assert_int_equal(c.units, 1);
	assert_false(c.at_least);
	assert_int_equal(c.counted_from, from);
	world_must(event_scope_load(&w.sc, arena, &w.admin, "event.read", &scope, &err), &err);
	assert_true(scope.all);
	world_must(event_search_common(&w.sc, arena, &scope, STR("process.name:cmd.exe"), from, world_clock, 0, &c, &err), &err);
	assert_true(c.events > 800 && c.units == 3);
	/* No time is no answer, and said to be none. */
	world_must(event_search_common(&w.sc, arena, &scope, STR("east"), from, world_clock, 1, &c, &err), &err);
	assert_true(c.events == 0 && c.at_least && c.counted_from == world_clock);
	static const struct uuid none = {{0}};
	struct seen all = {0}, some = {0}, named = {0};
	usec_t reached = 0;
	world_must(event_search_host_day(&w.sc, arena, &scope, &east_machine, STR_EMPTY, world_clock, 2000, 0, see_brief, &all, &reached, &err), &err);
	assert_int_equal(all.count, EACH);
	assert_int_equal(reached, world_clock - USEC_PER_DAY);
	world_must(event_search_host_day(&w.sc, arena, &scope, &east_machine, STR_EMPTY, world_clock, 100, 0, see_brief, &some, &reached, &err), &err);
	assert_int_equal(some.count, 100);
	assert_true(reached <= some.last);
	world_must(event_search_host_day(&w.sc, arena, &scope, &none, STR("EAST-PC-3"), world_clock, 2000, 0, see_brief, &named, &reached, &err), &err);
	assert_true(named.count > 40 && named.count < 80);
}

static void says_when_the_store_is_away(void **state)
{
	(void)state;
	struct event_store_config c = {.url = "http://localhost", .unix_path = "/nonexistent/socket"};
	struct err err = {.code = 0};
	struct event_store *none;
	assert_int_equal(event_store_new(&c, &none, &err), 0);
	w.sc.events = none;
	cleanup_answer struct world_answer a = get(&w.admin, "/api/v1/events", NULL);
	assert_int_equal(a.status, 503);
	assert_string_equal(a.key, "event.search_away");
	w.sc.events = NULL;
	cleanup_answer struct world_answer b = get(&w.admin, "/api/v1/events/histogram", NULL);
	assert_int_equal(b.status, 503);
	w.sc.events = store;
	event_store_free(none);
}

static void saved(void **state)
{
	(void)state;
	char body[300], west[UUID_TEXT_SIZE], path[100];
	(void)snprintf(body, sizeof body, "{\"name\":\"" SECRET "\",\"query\":\"x\",\"unit_id\":\"%s\"}", uuid_text(&w.west, west));
	cleanup_answer struct world_answer made = world_call(
		&w, &(struct world_call){.as = &w.west_officer, .method = "POST", .target = "/api/v1/events/saved", .body = body});
	assert_int_equal(made.status, 201);
	str_copy_c(str_c(world_text(&made, "id")), west_saved, sizeof west_saved);
	cleanup_answer struct world_answer list = get(&w.east_officer, "/api/v1/events/saved", NULL);
	assert_int_equal(number(&list, "items"), 0);
	(void)snprintf(path, sizeof path, "/api/v1/events/saved/%s", west_saved);
	cleanup_answer struct world_answer gone =
		world_call(&w, &(struct world_call){.as = &w.east_officer, .method = "DELETE", .target = path});
	assert_int_equal(gone.status, 404);
}

/* The words' index is asked before rows are read. */
static void uses_the_index(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(1 << 20);
	struct err err = {.code = 0};
	struct event_store_param p = {"p0", STR("mimikatz")};
	assert_int_equal(event_store_query(store, "EXPLAIN indexes = 1 SELECT count() FROM event WHERE ((((hasToken(lower(raw), {p0:String}))))) FORMAT TSVRaw",
	                                   &p, 1, false, &out, &err), 0);
	assert_true(str_find(buf_str(&out), STR("raw_tokens")) != SIZE_MAX);
	buf_done(&out);
}

static int set_up(void **state)
{
	(void)state;
	struct err err = {.code = 0};
	struct db *db;
	char url[128];
	if (getenv("LUYTRE_TEST_DIR") == NULL || getenv("LUYTRE_EVENTDB") == NULL)
		return -1;
	str_copy_c(str_c(getenv("LUYTRE_TEST_DIR")), top, sizeof top);
	(void)snprintf(socket_path, sizeof socket_path, "%s/db.sock", top);
	(void)snprintf(data_dir, sizeof data_dir, "%s/db", top);
	(void)snprintf(url, sizeof url, "sqlite:%s/state.db", top);
	struct event_store_config c = {.url = "http://localhost", .unix_path = socket_path};
	if (event_store_new(&c, &store, &err) < 0 || db_open(url, 4, &db, &err) < 0)
		return -1;
	start_eventdb();
	set_up_world(db);
	if (event_store_migrate(store, &err) < 0)
		return -1;
	/* Rows older than their retention would be merged away. */
	world_clock = clock_now();
	fill();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	end_eventdb();
	event_store_free(store);
	db_close(w.sc.db);
	world_done(&w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(east_sees_no_west),
		cmocka_unit_test(east_runs_no_sql),
		cmocka_unit_test(sql_reads_only),
		cmocka_unit_test(one_tells_why),
		cmocka_unit_test(facets_count),
		cmocka_unit_test(exports),
		cmocka_unit_test(dead_letters),
		cmocka_unit_test(storage),
		cmocka_unit_test(others_ask_in_c),
		cmocka_unit_test(saved),
		cmocka_unit_test(nothing_comes_twice_or_not),
		cmocka_unit_test(pages_meet),
		cmocka_unit_test(exports_in_parts),
		cmocka_unit_test(uses_the_index),
		cmocka_unit_test(dead_letters_again),
		cmocka_unit_test(says_when_the_store_is_away),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
