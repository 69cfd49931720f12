/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Store and detect stages against a small event store in memory behind the real HTTP server: it keeps rows by table, forgets
 * no token, refuses rows that hold "poison", and can be away. tests/eventdb does the same with the real one. */
#include "engine/event_pipeline/event_test_support.h"

#include <pthread.h>
#include <unistd.h>

#include "engine/event_pipeline/event_pipeline.h"
#include "engine/event_store/event_schema.h"
#include "engine/event_store/event_store.h"
#include "platform/http/http.h"

#define NOW ((usec_t)1790000000 * USEC_PER_SEC)

struct memory_store {
	pthread_mutex_t lock;
	struct buf rows, dead, tokens; /* tokens: one a line */
	bool away, no_table;
	bool behind; /* its merges are slower than inserts into the table of events */
	bool narrow; /* takes no more than ten rows at once */
	unsigned inserts, repeated, migrated;
};
static struct memory_store memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void say(struct http_response *res, int status, const char *text)
{
	res->status = status;
	res->body = BUF_INIT(1000);
	buf_append_c(&res->body, text);
}

/* All events of these tests begin like this; their rows hold them as they are. */
#define BEGIN "{\"n\":"
static size_t rows_of(struct str s)
{
	size_t n = 0;
	for (size_t at; (at = str_find(s, STR(BEGIN))) != SIZE_MAX; n++)
		s = str_sub(s, at + 1, s.n);
	return n;
}

static void take_rows(struct http_request *req, struct http_response *res, struct str query)
{
	struct str token = http_query(req, "insert_deduplication_token");
	bool dead = str_find(query, STR("event_dead")) != SIZE_MAX;
	memory.inserts++;
	if (memory.no_table) {
		say(res, 404, "Code: 60. DB::Exception: Table luytre.event does not exist.");
	} else if (!dead && str_find(req->body, STR("poison")) != SIZE_MAX) {
		say(res, 400, "Code: 27. DB::Exception: Cannot parse input: poison.");
	} else if (memory.behind && !dead) {
		say(res, 500, "Code: 252. DB::Exception: Too many parts (3001). Merges are processing significantly slower than inserts.");
	} else if (memory.narrow && rows_of(req->body) > 10) {
		say(res, 500, "Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 100).");
	} else if (memory.tokens.n > 0 && str_find(buf_str(&memory.tokens), token) != SIZE_MAX) {
		memory.repeated++;
		say(res, 200, "");
	} else {
		buf_append(&memory.tokens, token);
		buf_append_char(&memory.tokens, '\n');
		buf_append(dead ? &memory.dead : &memory.rows, req->body);
		say(res, 200, "");
	}
}

static void answer(struct http_request *req, struct http_response *res, void *context)
{
	(void)context;
	struct str query = http_query(req, "query");
	(void)pthread_mutex_lock(&memory.lock);
	if (memory.away) {
		say(res, 503, "Code: 202. DB::Exception: Too many simultaneous queries.");
	} else if (query.n > 0) {
		take_rows(req, res, query);
	} else if (str_starts_with(req->body, STR("SELECT max(number)"))) {
		say(res, 200, memory.migrated > 0 && !memory.no_table ? "3\n" : "0\n");
	} else {
		if (str_find(req->body, STR("INSERT INTO luytre.schema_migration")) != SIZE_MAX) {
			memory.migrated++;
			memory.no_table = false;
		}
		say(res, 200, "");
	}
	(void)pthread_mutex_unlock(&memory.lock);
}

static const struct http_route routes[] = {
	{.method = "POST", .path = "/", .handler = answer, .body_limit_bytes = 64 << 20},
	{.method = NULL},
};

static struct http_server *server;
static struct event_store *store;
static char store_path[100];

static int set_up(void **state)
{
	struct err err = {0};
	if (test_set_up(state) < 0)
		return -1;
	(void)snprintf(store_path, sizeof store_path, "%s/store.sock", test_top);
	struct http_config c = {.unix_path = store_path, .routes = routes};
	struct event_store_config sc = {.url = "http://localhost", .unix_path = store_path};
	if (http_server_start(&c, &server, &err) < 0)
		return -1;
	return event_store_new(&sc, &store, &err);
}

static int tear_down(void **state)
{
	event_store_free(store);
	http_server_stop(server);
	buf_done(&memory.rows);
	buf_done(&memory.dead);
	buf_done(&memory.tokens);
	return test_tear_down(state);
}

static void forget(void)
{
	buf_done(&memory.rows);
	buf_done(&memory.dead);
	buf_done(&memory.tokens);
	memory.rows = memory.dead = memory.tokens = BUF_INIT(BUF_DEFAULT_MAX);
	memory.away = memory.no_table = memory.behind = memory.narrow = false;
	memory.inserts = memory.repeated = memory.migrated = 0;
}

static unsigned count(const struct buf *b, const char *what)
{
	unsigned n = 0;
	struct str rest = buf_str(b);
	for (size_t at; rest.n > 0 && (at = str_find(rest, str_c(what))) != SIZE_MAX; n++)
		rest = str_sub(rest, at + strlen(what), rest.n);
	return n;
}

static struct {
	unsigned calls;
	bool refuse;
	char key[EVENT_ALERT_KEY_SIZE], severity[20], path[100], threat[100];
	pthread_mutex_t lock;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool on_alert(void *ctx, const struct event_alert *a)
{
	(void)ctx;
	(void)pthread_mutex_lock(&seen.lock);
	bool taken = !seen.refuse;
	if (taken) {
		seen.calls++;
		str_copy_c(str_c(a->key), seen.key, sizeof seen.key);
		str_copy_c(a->severity, seen.severity, sizeof seen.severity);
		str_copy_c(a->file_path, seen.path, sizeof seen.path);
		str_copy_c(a->threat, seen.threat, sizeof seen.threat);
	}
	(void)pthread_mutex_unlock(&seen.lock);
	return taken;
}

static unsigned seen_calls(void)
{
	(void)pthread_mutex_lock(&seen.lock);
	unsigned n = seen.calls;
	(void)pthread_mutex_unlock(&seen.lock);
	return n;
}

static bool wait_calls(unsigned n)
{
	for (unsigned i = 0; i < 500 && seen_calls() < n; i++)
		(void)usleep(10000);
	return seen_calls() >= n;
}

static struct event_pipeline *start(const char *dir, struct event_store *s, unsigned again_ms)
{
	struct event_pipeline_config c = {
		.dir = dir, .segment_bytes = 4000, .store = s, .linger_ms = 1, .on_alert = on_alert, .alert_again_ms = again_ms};
	struct event_pipeline *p;
	struct err err = {0};
	test_ok(event_pipeline_start(&c, &p, &err), &err);
	return p;
}

static void give(struct event_pipeline *p, const char *text, uint64_t first)
{
	struct event_sender s = test_sender(1);
	struct event_batch b = test_batch(text, 1, first);
	struct event_ingested got;
	struct err err = {0};
	test_ok(event_pipeline_accept(p, &s, &b, NOW, &got, &err), &err);
}

static void test_store_and_dead_letters(void **state)
{
	(void)state;
	forget();
	struct event_pipeline *p = start(test_fresh_dir(), store, 0);
	for (uint64_t i = 0; i < 50; i++)
		give(p, i == 20 ? "{\"n\":\"poison\"}\n{\"n\":1}\n" : "{\"n\":0}\n{\"n\":1}\n", 2 * i);
	assert_true(event_pipeline_settle(p, 20000));
	struct event_pipeline_stats st;
	event_pipeline_stats(p, &st);
	assert_int_equal(st.received, 100);
	assert_int_equal(st.stored, 99);
	assert_int_equal(st.dead, 1);
	assert_int_equal(st.detected, 100);
	assert_int_equal(count(&memory.rows, "{\"n\":"), 99);
	assert_int_equal(count(&memory.dead, "poison"), 2); /* the reason and the text */
	assert_int_equal(st.store_lag_bytes, 0);
	assert_true(st.store_up);
	event_pipeline_stop(p);
}

static void test_store_away_then_new(void **state)
{
	(void)state;
	forget();
	memory.away = true;
	struct event_pipeline *p = start(test_fresh_dir(), store, 0);
	give(p, "{\"n\":0}\n", 0);
	assert_false(event_pipeline_settle(p, 700));
	struct event_pipeline_stats st;
	event_pipeline_stats(p, &st);
	assert_false(st.store_up);
	assert_true(st.store_blind_since > 0);
	assert_string_equal(st.store_err.key, "event.store_busy");
	(void)pthread_mutex_lock(&memory.lock);
	memory.away = false;
	(void)pthread_mutex_unlock(&memory.lock);
	assert_true(event_pipeline_settle(p, 20000));
	event_pipeline_stats(p, &st);
	assert_true(st.store_up);
	assert_int_equal(st.store_blind_since, 0);
	/* Emptied under our feet: tables are made again. */
	(void)pthread_mutex_lock(&memory.lock);
	memory.no_table = true;
	(void)pthread_mutex_unlock(&memory.lock);
	give(p, "{\"n\":1}\n", 1);
	assert_true(event_pipeline_settle(p, 20000));
	assert_int_equal(memory.migrated, 2 * event_migration_count);
	assert_int_equal(count(&memory.rows, "{\"n\":"), 2);
	event_pipeline_stop(p);
}

/* Merges behind inserts: the rows are good, and wait. */
static void test_store_behind(void **state)
{
	(void)state;
	forget();
	struct event_pipeline *p = start(test_fresh_dir(), store, 0);
	give(p, "{\"n\":0}\n", 0);
	assert_true(event_pipeline_settle(p, 20000));
	(void)pthread_mutex_lock(&memory.lock);
	memory.behind = true;
	(void)pthread_mutex_unlock(&memory.lock);
	give(p, "{\"n\":1}\n{\"n\":2}\n", 1);
	assert_false(event_pipeline_settle(p, 700));
	struct event_pipeline_stats st;
	event_pipeline_stats(p, &st);
	assert_string_equal(st.store_err.key, "event.store_busy");
	(void)pthread_mutex_lock(&memory.lock);
	memory.behind = false;
	(void)pthread_mutex_unlock(&memory.lock);
	assert_true(event_pipeline_settle(p, 20000));
	event_pipeline_stats(p, &st);
	assert_int_equal(st.dead, 0);
	assert_int_equal(count(&memory.rows, "{\"n\":"), 3);
	event_pipeline_stop(p);
}

static void test_block_over_too_many_partitions(void **state)
{
	(void)state;
	forget();
	memory.narrow = true;
	cleanup_buf struct buf lines = BUF_INIT(10000);
	for (unsigned i = 0; i < 100; i++)
		buf_printf(&lines, "{\"n\":%u}\n", i);
	struct event_pipeline *p = start(test_fresh_dir(), store, 0);
	give(p, lines.p, 0);
	assert_true(event_pipeline_settle(p, 20000));
	struct event_pipeline_stats st;
	event_pipeline_stats(p, &st);
	assert_int_equal(st.dead, 0);
	assert_int_equal(count(&memory.rows, "{\"n\":"), 100);
	event_pipeline_stop(p);
}

static void copy_of(const char *from, char *out, size_t size)
{
	FILE *f = fopen(from, "rb");
	assert_non_null(f);
	size_t n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	(void)fclose(f);
}

/* A crash after the store took a block and before the cursor moved: the same block again, under the same token,
 * although more has come meanwhile. */
static void test_replay_doubles_nothing(void **state)
{
	(void)state;
	forget();
	char dir[128], cursor_path[300], cursor[1000];
	(void)snprintf(dir, sizeof dir, "%s", test_fresh_dir());
	(void)snprintf(cursor_path, sizeof cursor_path, "%s/spool/stored.cursor", dir);
	struct event_pipeline *p = start(dir, NULL, 0);
	give(p, "{\"n\":0}\n{\"n\":1}\n", 0);
	event_pipeline_stop(p);
	/* By hand, to stop between the two writes of the cursor. */
	char spool_dir[200];
	(void)snprintf(spool_dir, sizeof spool_dir, "%s/spool", dir);
	struct event_spool_config sc = {.dir = spool_dir, .segment_bytes = 4000};
	struct event_spool *spool;
	assert_int_equal(event_spool_open(&sc, &spool, NULL), 0);
	struct event_spool_cursor c;
	assert_int_equal(event_spool_cursor_load(spool, "stored", &c, NULL), 0);
	struct event_spool_block block = {.bytes = BUF_INIT(1 << 20)};
	assert_int_equal(event_spool_read(spool, c.at, NULL, 1 << 20, 100, &block, NULL), 2);
	c = (struct event_spool_cursor){.at = block.from, .block_end = block.to};
	assert_int_equal(event_spool_cursor_store(spool, "stored", &c, NULL), 0);
	buf_done(&block.bytes);
	event_spool_close(spool);
	copy_of(cursor_path, cursor, sizeof cursor);
	p = start(dir, store, 0);
	assert_true(event_pipeline_settle(p, 20000));
	event_pipeline_stop(p);
	assert_int_equal(count(&memory.rows, "{\"n\":"), 2);
	/* The crash: the cursor is the one before; and a third event is there now. */
	FILE *f = fopen(cursor_path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(cursor, 1, strlen(cursor), f), strlen(cursor));
	(void)fclose(f);
	p = start(dir, NULL, 0);
	give(p, "{\"n\":2}\n", 2);
	event_pipeline_stop(p);
	p = start(dir, store, 0);
	assert_true(event_pipeline_settle(p, 20000));
	event_pipeline_stop(p);
	assert_int_equal(memory.repeated, 1);
	assert_int_equal(count(&memory.rows, "{\"n\":"), 3);
}

static const char malware[] =
	"{\"event.id\":\"01934567-89ab-7def-8123-456789abcdef\",\"event.kind\":\"alert\",\"event\":{\"category\":\"malware\",\"action\":"
	"\"quarantined\"},\"file.path\":\"/tmp/x\",\"threat.name\":\"EICAR\"}\n";

static void test_alert_until_acknowledged(void **state)
{
	(void)state;
	char dir[128], key[EVENT_ALERT_KEY_SIZE];
	(void)snprintf(dir, sizeof dir, "%s", test_fresh_dir());
	seen.refuse = true;
	struct event_pipeline *p = start(dir, NULL, 50);
	give(p, malware, 0);
	give(p, "{\"event.kind\":\"event\",\"event.category\":\"malware\"}\n{\"event.kind\":\"alert\"}\n", 1);
	assert_true(event_pipeline_settle(p, 20000));
	(void)usleep(300000);
	assert_int_equal(seen_calls(), 0);
	(void)pthread_mutex_lock(&seen.lock);
	seen.refuse = false;
	(void)pthread_mutex_unlock(&seen.lock);
	assert_true(wait_calls(2)); /* not acknowledged: again after 50 ms */
	assert_string_equal(seen.severity, "high");
	assert_string_equal(seen.path, "/tmp/x");
	assert_string_equal(seen.threat, "EICAR");
	(void)snprintf(key, sizeof key, "%s", seen.key);
	event_pipeline_stop(p);
	/* A new life hands it over again, under the same key; acknowledged it is gone. */
	unsigned before = seen_calls();
	p = start(dir, NULL, 60000);
	assert_true(wait_calls(before + 1));
	assert_string_equal(seen.key, key);
	struct event_pipeline_stats st;
	event_pipeline_stats(p, &st);
	assert_int_equal(st.alerts_waiting, 1);
	event_pipeline_alert_ack(p, "unknown");
	event_pipeline_alert_ack(p, key);
	event_pipeline_stats(p, &st);
	assert_int_equal(st.alerts_waiting, 0);
	event_pipeline_stop(p);
	/* Detection repeated from the start makes the same key. */
	char cursor_path[300];
	(void)snprintf(cursor_path, sizeof cursor_path, "%s/spool/detected.cursor", dir);
	assert_int_equal(remove(cursor_path), 0);
	before = seen_calls();
	p = start(dir, NULL, 60000);
	assert_true(wait_calls(before + 1));
	assert_string_equal(seen.key, key);
	event_pipeline_stop(p);
}

/* What somebody did with a quarantined file at the machine is handed over too; other events of that kind are not. */
static const char fates[] =
	"{\"event.kind\":\"event\",\"event.category\":\"malware\",\"event.action\":\"restored\",\"quarantine.id\":\"q1\",\"file.path\":\"/f\"}\n"
	"{\"event.kind\":\"event\",\"event.category\":\"malware\",\"event.action\":\"deleted\",\"quarantine.id\":\"q2\",\"file.path\":\"/f\"}\n"
	"{\"event.kind\":\"event\",\"event.category\":\"malware\",\"event.action\":\"restored\"}\n"
	"{\"event.kind\":\"event\",\"event.category\":\"malware\",\"event.action\":\"scan_finished\",\"quarantine.id\":\"q3\"}\n"
	"{\"event.kind\":\"event\",\"event.category\":\"file\",\"event.action\":\"deleted\",\"quarantine.id\":\"q4\"}\n";

/* What rules bring goes there and back; a file of an older release has none of it and the key it always had. */
static void test_alert_fields(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf bytes = BUF_INIT(1 << 16);
	struct event_alert a = {.rule_id = STR("r"), .rule_version = 1, .group = STR("g")}, back;
	char old_key[EVENT_ALERT_KEY_SIZE];
	(void)state;
	event_alert_set_key(&a);
	str_copy_c(str_c(a.key), old_key, sizeof old_key);
	assert_string_equal(old_key, "3cba41d542a8dcbdf39784ee12db90ab0f5d962d4f07a57c110d9c44d798cdb8");
	event_alert_encode(&a, &bytes);
	assert_int_equal(str_find(buf_str(&bytes), STR("rule_hash")), SIZE_MAX);
	assert_int_equal(event_alert_decode(arena, buf_str(&bytes), &back, NULL), 0);
	assert_true(back.kind.n == 0 && back.count == 0 && back.last_time == 0);
	a.kind = STR("sigma");
	a.entity = STR("user.name=lan");
	a.tags = STR("attack.t1059.001\nattack.execution");
	a.why = STR("[{\"field\":\"Image\",\"value\":\"x\"}]");
	a.rule_file = STR("a.yml");
	a.rule_hash = STR("00ff");
	a.description = STR("d");
	a.source = STR("token-1");
	a.host = STR("pc-1");
	a.count = 7;
	a.last_time = 99;
	event_alert_set_key(&a);
	assert_string_not_equal(a.key, old_key);
	buf_clear(&bytes);
	event_alert_encode(&a, &bytes);
	assert_int_equal(event_alert_decode(arena, buf_str(&bytes), &back, NULL), 0);
	assert_string_equal(back.key, a.key);
	const struct str *const sent = &a.kind, *const got = &back.kind;
	for (size_t i = 0; &sent[i] <= &a.host; i++)
		assert_true(sent[i].n > 0 && str_eq(sent[i], got[i]));
	assert_true(back.count == 7 && back.last_time == 99);
}

static void test_fate_of_quarantined(void **state)
{
	(void)state;
	unsigned before = seen_calls();
	struct event_pipeline *p = start(test_fresh_dir(), NULL, 60000);
	give(p, fates, 0);
	assert_true(event_pipeline_settle(p, 20000));
	assert_true(wait_calls(before + 2));
	(void)usleep(200000);
	assert_int_equal(seen_calls(), before + 2);
	assert_string_equal(seen.severity, "low");
	assert_string_equal(seen.path, "/f");
	event_pipeline_stop(p);
}

static void test_senders(void **state)
{
	(void)state;
	struct event_pipeline *p = start(test_fresh_dir(), NULL, 0);
	struct event_sender list[3] = {test_sender(2), test_sender(0), test_sender(1)}, got;
	list[1].not_after = NOW;
	assert_false(event_pipeline_find_sender(p, str_c(list[0].credential), NOW, &got));
	event_pipeline_set_senders(p, list, 3);
	assert_true(event_pipeline_find_sender(p, str_c(list[0].credential), NOW, &got));
	assert_int_equal(got.id.b[0], 2);
	assert_false(event_pipeline_find_sender(p, str_c(list[1].credential), NOW, &got));
	assert_true(event_pipeline_find_sender(p, str_c(list[1].credential), NOW - 1, &got));
	assert_false(event_pipeline_find_sender(p, STR("abc"), NOW, &got));
	event_pipeline_set_senders(p, NULL, 0);
	assert_false(event_pipeline_find_sender(p, str_c(list[0].credential), NOW, &got));
	event_pipeline_stop(p);
}

/* Segments that everybody has passed go, so that the disk does not fill. */
static void test_segments_go(void **state)
{
	(void)state;
	forget();
	struct event_pipeline_config c = {
		.dir = test_fresh_dir(), .spool_bytes = 40000, .segment_bytes = 2000, .store = store, .linger_ms = 1, .on_alert = on_alert};
	struct event_pipeline *p;
	struct err err = {0};
	test_ok(event_pipeline_start(&c, &p, &err), &err);
	struct event_sender s = test_sender(1);
	uint64_t sequence = 0;
	for (unsigned tries = 0; sequence < 1000 && tries < 20000; tries++) {
		struct event_batch b = test_batch("{\"n\":0}\n", 1, sequence);
		struct event_ingested got;
		int r = event_pipeline_accept(p, &s, &b, NOW, &got, &err);
		if (r == 0)
			sequence++;
		else
			(void)usleep(2000);
	}
	assert_int_equal(sequence, 1000);
	assert_true(event_pipeline_settle(p, 20000));
	assert_int_equal(count(&memory.rows, "{\"n\":"), 1000);
	struct event_pipeline_stats st;
	event_pipeline_stats(p, &st);
	assert_true(st.spool_bytes <= 40000);
	event_pipeline_stop(p);
}

/* Without a store, and told so: what was examined goes, alerts come all the same. */
static void test_discard(void **state)
{
	(void)state;
	struct event_pipeline_config c = {
		.dir = test_fresh_dir(), .spool_bytes = 20000, .segment_bytes = 2000, .discard = true, .linger_ms = 1, .on_alert = on_alert};
	struct event_pipeline *p;
	struct err err = {0};
	test_ok(event_pipeline_start(&c, &p, &err), &err);
	struct event_sender s = test_sender(1);
	unsigned before = seen_calls();
	for (uint64_t sequence = 0; sequence < 500;) {
		struct event_batch b = test_batch(sequence == 250 ? malware : "{\"n\":0}\n", 1, sequence);
		struct event_ingested got;
		if (event_pipeline_accept(p, &s, &b, NOW, &got, &err) == 0)
			sequence++;
		else
			(void)usleep(2000);
	}
	assert_true(event_pipeline_settle(p, 20000));
	assert_true(wait_calls(before + 1));
	struct event_pipeline_stats st;
	event_pipeline_stats(p, &st);
	assert_int_equal(st.detected, 500);
	assert_int_equal(st.stored, 0);
	assert_false(st.store_up);
	assert_int_equal(st.store_blind_since, 0);
	event_pipeline_stop(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_and_dead_letters),
		cmocka_unit_test(test_store_away_then_new),
		cmocka_unit_test(test_store_behind),
		cmocka_unit_test(test_block_over_too_many_partitions),
		cmocka_unit_test(test_replay_doubles_nothing),
		cmocka_unit_test(test_alert_until_acknowledged),
		cmocka_unit_test(test_alert_fields),
		cmocka_unit_test(test_fate_of_quarantined),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_segments_go),
		cmocka_unit_test(test_discard),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
