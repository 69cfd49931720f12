/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The event pipeline with the real event store: nothing lost and nothing doubled, also when the store is killed.
 * LUYTRE_EVENTDB names the program, LUYTRE_CHDB the library (may be unset), LUYTRE_TEST_EVENTS how many (default 100000),
 * LUYTRE_TEST_KILLS how often (default 3). */
#include "engine/event_pipeline/event_test_support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file/file.h"
#include "engine/clickhouse/clickhouse.h"
#include "engine/event_pipeline/event_pipeline.h"
#include "engine/event_store/event_move.h"
#include "engine/event_store/event_schema.h"
#include "engine/event_store/event_usage.h"

#define SENDERS 4
#define BATCH 500

static char socket_path[128], data_dir[128];
static pid_t eventdb;
static struct event_store *store;

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
	for (unsigned i = 0; i < 300 && !event_store_ping(store); i++)
		(void)usleep(100000);
	assert_true(event_store_ping(store));
}

static void end_eventdb(int signal_number)
{
	int status = 0;
	(void)kill(eventdb, signal_number);
	assert_int_equal(waitpid(eventdb, &status, 0), eventdb);
	if (signal_number == SIGTERM)
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int set_up(void **state)
{
	struct err err = {0};
	if (test_set_up(state) < 0 || getenv("LUYTRE_EVENTDB") == NULL)
		return -1;
	(void)snprintf(socket_path, sizeof socket_path, "%s/db.sock", test_top);
	(void)snprintf(data_dir, sizeof data_dir, "%s/db", test_top);
	struct event_store_config c = {.url = "http://localhost", .unix_path = socket_path};
	if (event_store_new(&c, &store, &err) < 0)
		return -1;
	start_eventdb();
	return 0;
}

static int tear_down(void **state)
{
	end_eventdb(SIGTERM);
	event_store_free(store);
	return test_tear_down(state);
}

static void ask(const char *sql, char *out, size_t size)
{
	struct buf answer = BUF_INIT(1 << 20);
	struct err err = {0};
	test_ok(event_store_query(store, sql, NULL, 0, false, &answer, &err), &err);
	str_copy_c(str_trim(buf_str(&answer)), out, size);
	buf_done(&answer);
}

static atomic_uint alerts;
static bool on_alert(void *ctx, const struct event_alert *a)
{
	(void)ctx;
	(void)a;
	(void)atomic_fetch_add(&alerts, 1);
	return true;
}

struct sending {
	struct event_pipeline *p;
	unsigned char n;
	uint64_t count, crc_sum;
};

static void *send_all(void *ctx)
{
	struct sending *s = ctx;
	struct event_sender sender = test_sender(s->n);
	struct buf text = BUF_INIT(BUF_DEFAULT_MAX);
	for (uint64_t at = 0; at < s->count;) {
		buf_clear(&text);
		uint64_t first = at;
		for (; at < first + BATCH && at < s->count; at++) {
			size_t from = text.n;
			buf_printf(&text, "{\"@timestamp\":\"2026-11-21T06:00:00Z\",\"event\":{\"code\":%llu,\"kind\":\"event\"},\"host.name\":\"pc-%u\","
			                  "\"process.pid\":%llu,\"user.name\":\"Tr\xE1\xBA\xA7n '%llu'\",\"n\":%llu,\"x\":[1,\"\\t\\\"\"]}",
			           (unsigned long long)(at % 50), s->n, (unsigned long long)at, (unsigned long long)at, (unsigned long long)at);
			s->crc_sum += crc32(0, (const unsigned char *)text.p + from, (unsigned)(text.n - from));
			buf_append_char(&text, '\n');
		}
		struct event_batch b = {.body = buf_str(&text), .first_sequence = first};
		b.epoch.b[5] = s->n;
		struct event_ingested got;
		struct err err = {0};
		for (;;) {
			int r = event_pipeline_accept(s->p, &sender, &b, clock_now(), &got, &err);
			if (r == 0)
				break;
			assert_int_equal(r, -EAGAIN);
			(void)usleep(20000);
		}
		/* Some answers are lost on the way: the batch comes again. */
		if (first % (BATCH * 7) == 0)
			test_ok(event_pipeline_accept(s->p, &sender, &b, clock_now(), &got, &err), &err);
	}
	buf_done(&text);
	return NULL;
}

static struct event_pipeline *start_pipeline(const char *dir, struct event_store *with)
{
	struct event_pipeline_config c = {
		.dir = dir, .segment_bytes = 1 << 20, .store = with, .linger_ms = 50, .on_alert = on_alert};
	struct event_pipeline *p;
	struct err err = {0};
	test_ok(event_pipeline_start(&c, &p, &err), &err);
	return p;
}

static uint64_t number_from(const char *variable, uint64_t fallback)
{
	const char *text = getenv(variable);
	if (text != NULL)
		assert_true(str_parse_u64(str_c(text), 1, 100000000, &fallback));
	return fallback;
}

static uint64_t total(void)
{
	return (number_from("LUYTRE_TEST_EVENTS", 100000) + SENDERS - 1) / SENDERS * SENDERS;
}

static void check_all(uint64_t crc_sum, uint64_t n)
{
	char got[300], want[300];
	ask("SELECT count(), uniqExact(event_id), uniqExact(endpoint_id, JSONExtractUInt(raw, 'n')), sum(CRC32(raw)) FROM event FORMAT TabSeparated",
	    got, sizeof got);
	(void)snprintf(want, sizeof want, "%llu\t%llu\t%llu\t%llu", (unsigned long long)n, (unsigned long long)n,
	               (unsigned long long)n, (unsigned long long)crc_sum);
	assert_string_equal(got, want);
	ask("SELECT count() FROM event_dead FORMAT TabSeparated", got, sizeof got);
	assert_string_equal(got, "0");
}

/* All events through, the store killed hard three times meanwhile. */
static void test_round_trip_under_fire(void **state)
{
	(void)state;
	struct sending parts[SENDERS];
	pthread_t threads[SENDERS];
	uint64_t crc_sum = 0;
	struct event_pipeline *p = start_pipeline(test_fresh_dir(), store);
	for (unsigned char i = 0; i < SENDERS; i++) {
		parts[i] = (struct sending){.p = p, .n = (unsigned char)(i + 1), .count = total() / SENDERS};
		assert_int_equal(pthread_create(&threads[i], NULL, send_all, &parts[i]), 0);
	}
	for (uint64_t kills = number_from("LUYTRE_TEST_KILLS", 3); kills > 0; kills--) {
		(void)usleep(50000 + (useconds_t)(kills * 37 % 20) * 10000);
		end_eventdb(SIGKILL);
		start_eventdb();
	}
	for (size_t i = 0; i < SENDERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		crc_sum += parts[i].crc_sum;
	}
	struct event_pipeline_stats st;
	bool settled = event_pipeline_settle(p, 240000);
	event_pipeline_stats(p, &st);
	if (!settled)
		fail_msg("stored %llu of %llu: %s %s", (unsigned long long)st.stored, (unsigned long long)st.received, st.store_err.key,
		         err_arg(&st.store_err, "reason"));
	assert_int_equal(st.received, total());
	assert_true(st.duplicates > 0);
	event_pipeline_stop(p);
	check_all(crc_sum, total());
}

static void copy_file(const char *from, const char *to)
{
	struct buf b = BUF_INIT(1 << 16);
	assert_int_equal(file_read(from, 1 << 16, &b, NULL), 0);
	assert_int_equal(file_write(to, buf_str(&b), 0600, NULL), 0);
	buf_done(&b);
}

/* The block is in the store, the cursor says it is not: a crash between the two. */
static void test_replay_doubles_nothing(void **state)
{
	(void)state;
	char dir[128], spool_dir[200], cursor_path[300], kept_path[300], before[100], after[100];
	(void)snprintf(dir, sizeof dir, "%s", test_fresh_dir());
	(void)snprintf(spool_dir, sizeof spool_dir, "%s/spool", dir);
	(void)snprintf(cursor_path, sizeof cursor_path, "%s/stored.cursor", spool_dir);
	(void)snprintf(kept_path, sizeof kept_path, "%s/kept", dir);
	struct event_pipeline *p = start_pipeline(dir, NULL);
	struct sending part = {.p = p, .n = 9, .count = 1000};
	(void)send_all(&part);
	event_pipeline_stop(p);
	struct event_spool_config sc = {.dir = spool_dir};
	struct event_spool *spool;
	struct event_spool_position none = {0};
	struct event_spool_block block = {.bytes = BUF_INIT(BUF_DEFAULT_MAX)};
	assert_int_equal(event_spool_open(&sc, &spool, NULL), 0);
	assert_int_equal(event_spool_read(spool, none, NULL, 1 << 20, 1000, &block, NULL), 1000);
	struct event_spool_cursor c = {.at = block.from, .block_end = block.to};
	assert_int_equal(event_spool_cursor_store(spool, "stored", &c, NULL), 0);
	buf_done(&block.bytes);
	event_spool_close(spool);
	copy_file(cursor_path, kept_path);
	static const char sql[] = "SELECT count(), uniqExact(event_id) FROM event FORMAT TabSeparated";
	for (unsigned round = 0; round < 3; round++) {
		copy_file(kept_path, cursor_path);
		p = start_pipeline(dir, store);
		assert_true(event_pipeline_settle(p, 60000));
		event_pipeline_stop(p);
		ask(sql, round == 0 ? before : after, sizeof before);
		if (round > 0)
			assert_string_equal(before, after);
	}
}

static void test_queries(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(1 << 20);
	struct err err = {0};
	struct event_store_param params[] = {{"u", STR("Tr\xE1\xBA\xA7n '7'")}, {"t", STR("a\\b\tc\nd")}};
	test_ok(event_store_query(store, "SELECT count() > 0 AS found, {t:String} AS t FROM event WHERE user_name = {u:String}", params, 2,
	                          false, &out, &err), &err);
	assert_string_equal(out.p, "{\"found\":1,\"t\":\"a\\\\b\\tc\\nd\"}\n");
	buf_clear(&out);
	test_ok(event_store_query(store, "SELECT count() FROM event WHERE hasToken(lower(raw), 'pc') AND process_pid = 3", NULL, 0, true, &out,
	                          &err), &err);
	static const struct {
		const char *sql;
		int code;
	} refused[] = {
		{"SELECT nothing FROM event", -EINVAL},
		{"SELECT * FROM file('/etc/passwd')", -EINVAL},
		{"SELECT * FROM `/etc/passwd`", -EINVAL},
		{"DROP TABLE event", -EINVAL},
		{"SELECT length(groupArray(number)) FROM numbers(2000000000)", -E2BIG},
	};
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		assert_int_equal(event_store_query(store, refused[i].sql, NULL, 0, false, &out, &err), refused[i].code);
	/* A query over the limit of memory ends alone. */
	assert_int_equal(waitpid(eventdb, NULL, WNOHANG), 0);
	assert_true(event_store_ping(store));
	buf_done(&out);
}

static void test_alert(void **state)
{
	(void)state;
	struct event_pipeline *p = start_pipeline(test_fresh_dir(), store);
	struct event_sender s = test_sender(3);
	struct event_batch b = test_batch("{\"event.kind\":\"alert\",\"event.category\":\"malware\",\"threat.name\":\"EICAR\",\"event.severity\":\"007\"}", 8, 0);
	struct event_ingested got;
	assert_int_equal(event_pipeline_accept(p, &s, &b, clock_now(), &got, NULL), 0);
	assert_true(event_pipeline_settle(p, 20000));
	for (unsigned i = 0; i < 300 && atomic_load(&alerts) == 0; i++)
		(void)usleep(10000);
	assert_int_equal(atomic_load(&alerts), 1);
	char text[100];
	ask("SELECT threat_name, event_severity FROM event WHERE event_kind = 'alert' FORMAT TabSeparated", text, sizeof text);
	assert_string_equal(text, "EICAR\t7");
	event_pipeline_stop(p);
}

/* Each value is where searches look for it, whatever the form of the record. */
static void test_columns(void **state)
{
	(void)state;
	struct event_pipeline *p = start_pipeline(test_fresh_dir(), store);
	struct event_sender s = test_sender(77);
	s.system_level = 4;
	struct str texts[] = {
		STR("{\"a\":{\"b\":\"Tr\\u1ea7n\",\"l\":[1,2]},\"Message\":\"the message\",\"http\":{\"response\":{\"status_code\":404}}}"),
		STR("no form at all \xff"),
		STR("{\"message\":\"a line of JSON\"}\n"),
	};
	struct event_batch b = {.body = texts[0]};
	struct event_messages m = {.format = EVENT_FORMAT_TEXT, .texts = &texts[1], .count = 2};
	struct event_ingested got;
	struct err err = {0};
	test_ok(event_pipeline_accept(p, &s, &b, clock_now(), &got, &err), &err);
	test_ok(event_pipeline_accept_messages(p, &s, &m, EVENT_VIA_FILE, clock_now(), &got, &err), &err);
	assert_int_equal(got.taken, 2);
	assert_true(event_pipeline_settle(p, 20000));
	char text[500], want[500], id[UUID_TEXT_SIZE];
	ask("SELECT count() FROM event_dead FORMAT TabSeparated", text, sizeof text);
	assert_string_equal(text, "0");
	ask("SELECT event_parsed, source_id, system_level, fields, text, http_response_status_code, JSONExtractString(raw, 'a', 'b'), hex(right(raw, 1))"
	    " FROM event WHERE system_level = 4 ORDER BY event_parsed, text FORMAT TabSeparated", text, sizeof text);
	(void)snprintf(want, sizeof want, "false\t%s\t4\t{}\tno form at all \xEF\xBF\xBD\t\\N\t\tFF\n"
	               "true\t%s\t4\t{}\ta line of JSON\t\\N\t\t0A\n"
	               "true\t%s\t4\t{'a.l':'1\\n2'}\tthe message\t404\tTr\xE1\xBA\xA7n\t7D", uuid_text(&s.id, id), id, id);
	assert_string_equal(text, want);
	event_pipeline_stop(p);
}

/* What the store refused once is shown, and taken in after a fix, once; what no row can be made of stays. */
static void test_dead_letters(void **state)
{
	(void)state;
	struct buf rows = BUF_INIT(1 << 20), list = BUF_INIT(1 << 20);
	struct err err = {0};
	struct event_record r = {.received = clock_now(), .retention_days = 30, .system_level = 2, .source = STR("fixed")};
	const struct str raws[] = {STR("{\"host.name\":\"dead-1\"}"), STR("no JSON"), STR("{\"host.name\":\"dead-2\",\"x\":\"\xC3\xA9\"}")};
	for (size_t i = 0; i < ARRAY_LEN(raws); i++) {
		r.id = uuid_new();
		r.received += i > 1; /* one batch, one time of receipt */
		r.raw = raws[i];
		event_dead_row_append(&r, STR("token"), STR("why"), &rows);
	}
	assert_int_equal(event_store_insert(store, event_dead_row_into, "t-dead", buf_str(&rows), &err), EVENT_STORE_TAKEN);
	test_ok(event_dead_list(store, 0, 2, &list, &err), &err);
	assert_true(str_find(buf_str(&list), STR("dead-2")) != SIZE_MAX && str_find(buf_str(&list), STR("dead-1")) == SIZE_MAX);
	struct event_usage u;
	test_ok(event_store_usage(store, &u, &err), &err);
	assert_int_equal(u.dead_rows, 3);
	struct event_dead_place after;
	unsigned seen, taken;
	for (unsigned round = 0; round < 2; round++) {
		after = (struct event_dead_place){.received = 0};
		test_ok(event_dead_retry(store, &after, &seen, &taken, &err), &err);
		assert_int_equal(seen, round == 0 ? 3 : 1);
		assert_int_equal(taken, round == 0 ? 2 : 0);
	}
	assert_int_equal(after.received, r.received - 1);
	test_ok(event_dead_retry(store, &after, &seen, &taken, &err), &err);
	assert_int_equal(seen, 0);
	char text[300];
	ask("SELECT count(), uniqExact(event_id), max(system_level), max(received) > min(received) FROM event WHERE host_name LIKE 'dead-%'"
	    " FORMAT TabSeparated", text, sizeof text);
	assert_string_equal(text, "2\t2\t2\t1");
	ask("SELECT count(), any(raw) FROM event_dead FORMAT TabSeparated", text, sizeof text);
	assert_string_equal(text, "1\tno JSON");
	buf_done(&rows);
	buf_done(&list);
}

static void test_usage(void **state)
{
	(void)state;
	struct event_usage u;
	struct err err = {0};
	struct buf out = BUF_INIT(1 << 20);
	test_ok(event_store_usage(store, &u, &err), &err);
	assert_true(u.rows >= total() && u.bytes > 0 && u.plain_bytes > u.bytes);
	assert_true(u.free_bytes > 0 && u.disk_bytes > u.free_bytes);
	assert_true(u.day_bytes > 0 && u.days_left == u.free_bytes / u.day_bytes);
	test_ok(event_store_usage_days(store, 30, &out, &err), &err);
	assert_true(str_starts_with(buf_str(&out), STR("{\"day\":\"20")));
	buf_clear(&out);
	test_ok(event_store_usage_sources(store, 7, &out, &err), &err);
	assert_true(str_find(buf_str(&out), STR("\"source\":\"fixed\",\"rows\":2,")) != SIZE_MAX);
	buf_done(&out);
}

/* Every table function of the library is known to be harmless or is refused. */
static void test_table_functions(void **state)
{
	(void)state;
	struct buf names = BUF_INIT(1 << 20);
	struct err err = {0};
	test_ok(event_store_query(store, "SELECT name FROM system.table_functions FORMAT TabSeparated", NULL, 0, false, &names, &err), &err);
	struct str rest = str_trim(buf_str(&names)), name;
	size_t seen = 0;
	for (; str_split(&rest, '\n', &name); seen++)
		if (!clickhouse_function_is_refused(name) && !clickhouse_table_function_is_harmless(name))
			fail_msg("%.*s is in neither list of engine/clickhouse", STR_FMT(name));
	assert_true(seen > 50);
	buf_done(&names);
}

#define CHECKSUM "SELECT count(), uniqExact(event_id), sum(cityHash64(event_id, received, time, raw, text, host_name, toString(fields))) FROM "

static void must(const char *sql)
{
	struct err err = {0};
	test_ok(event_store_exec(store, sql, &err), &err);
}

/* The table of an older release: everything comes over once, although it is broken off in the middle of a day. */
static void test_older_table(void **state)
{
	(void)state;
	char before[200], after[200];
	struct err err = {0};
	struct event_move move = {.count = 0};
	must("DROP TABLE luytre.event");
	must("TRUNCATE TABLE luytre.schema_migration");
	must("INSERT INTO luytre.schema_migration VALUES (3, now())");
	for (size_t i = 0; event_migrations[i].number < 4; i++)
		for (const char *const *sql = event_migrations[i].statements; *sql != NULL; sql++)
			must(*sql);
	/* A day with 90,000 in one minute, which are several slices, and two quiet days. */
	must("INSERT INTO luytre.event (event_id, received, time, retention_days, event_code, host_name, message, fields, raw)"
	     " SELECT generateUUIDv4(), t, t, 400, toString(number % 7), concat('host-', toString(number % 10)), concat('m', toString(number)),"
	     " map('n', toString(number)), concat('<38>1 - - - - - - m', toString(number)) FROM (SELECT number, toStartOfMinute(now64(6, 'UTC')"
	     " - toIntervalHour(30)) + toIntervalMicrosecond(number * 10) - if(number < 2000, toIntervalSecond(number * 60), toIntervalSecond(0)) AS t"
	     " FROM numbers(92000))");
	ask(CHECKSUM "event FORMAT TabSeparated", before, sizeof before);
	test_ok(event_store_migrate(store, &err), &err);
	ask("SELECT count() FROM event FORMAT TabSeparated", after, sizeof after);
	assert_string_equal(after, "0");
	/* As if it had died before it noted that it was done. */
	must("TRUNCATE TABLE luytre.schema_migration");
	must("INSERT INTO luytre.schema_migration VALUES (3, now())");
	test_ok(event_store_migrate(store, &err), &err);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(event_move_step(store, &move, &err), 1);
	assert_true(move.next >= 2 && move.next <= move.count);
	event_move_done(&move);
	int r;
	while ((r = event_move_step(store, &move, &err)) > 0)
		;
	test_ok(r, &err);
	ask(CHECKSUM "event FORMAT TabSeparated", after, sizeof after);
	assert_string_equal(after, before);
	ask("SELECT count() FROM system.tables WHERE database = 'luytre' AND name = 'event_before' FORMAT TabSeparated", after, sizeof after);
	assert_string_equal(after, "0");
	assert_int_equal(event_move_step(store, &move, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip_under_fire),
		cmocka_unit_test(test_replay_doubles_nothing),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_alert),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_dead_letters),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_table_functions),
		cmocka_unit_test(test_older_table),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
