/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules over the spool: findings are grouped and counted exactly, and a crash at any point changes neither keys nor counts. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/event_pipeline/event_canary.h"
#include "engine/event_pipeline/event_stage_detect.h"
#include "engine/event_pipeline/event_test_support.h"

#define BASE (20000 * USEC_PER_DAY)

static const char rules_text[] =
	"title: Bad\nid: 11111111-1111-4111-8111-111111111111\nname: bad\nlevel: high\ntags: [attack.t1059.001]\n"
	"logsource: {category: test}\ndetection: {s: {A: x}, not_s: {B: y}, condition: s and not not_s}\n"
	"---\n"
	"title: Five\nid: 22222222-2222-4222-8222-222222222222\nlevel: critical\n"
	"correlation: {generate: true, type: event_count, rules: [bad], group-by: [User], timespan: 1h, condition: {gte: 5}}\n";

static void write_set(const char *path, const char *text, const char *indicators)
{
	struct detect_set_writer *w;
	assert_int_equal(detect_set_create(path, &w, NULL), 0);
	assert_int_equal(detect_set_add(w, DETECT_SET_RULE, STR("own/a.yml"), str_c(text), NULL), 0);
	if (indicators != NULL)
		assert_int_equal(detect_set_add(w, DETECT_SET_INDICATORS, STR("my list"), str_c(indicators), NULL), 0);
	assert_int_equal(detect_set_commit(w, NULL, NULL), 0);
}

struct rig {
	char dir[100], set[160], own[160], spool_dir[160], journal[160];
	struct event_spool *spool;
	struct event_outbox *outbox;
	struct detect *detect;
	struct event_sources *sources;
	struct event_stage_detector *stage;
	struct event_spool_cursor cursor;
	struct event_stage_counts counts;
	uint64_t made;
};

/* These crashes lose no page cache. */
static int no_sync(int fd)
{
	(void)fd;
	return 0;
}

static void begin_stage(struct rig *r)
{
	const struct event_stage_detect_config c = {.dir = r->dir, .detect = r->detect, .flood = {.entities = 20, .machines = 50}};
	assert_int_equal(event_spool_cursor_load(r->spool, "detected", &r->cursor, NULL), 0);
	r->stage = event_stage_detector_new(&c);
}

static void open_rig(struct rig *r, const char *rules, const char *indicators)
{
	char outbox[160];
	*r = (struct rig){0};
	str_copy_c(str_c(test_fresh_dir()), r->dir, sizeof r->dir);
	assert_int_equal(file_make_dirs(r->dir, 0700, NULL), 0);
	(void)snprintf(r->set, sizeof r->set, "%s/current.set", r->dir);
	(void)snprintf(r->own, sizeof r->own, "%s/detect", r->dir);
	(void)snprintf(r->spool_dir, sizeof r->spool_dir, "%s/spool", r->dir);
	(void)snprintf(r->journal, sizeof r->journal, "%s/detect.journal", r->dir);
	(void)snprintf(outbox, sizeof outbox, "%s/outbox", r->dir);
	write_set(r->set, rules, indicators);
	const struct event_spool_config sc = {.dir = r->spool_dir, .sync = no_sync};
	const struct detect_config dc = {.set_path = r->set, .dir = r->own, .threads = 3};
	struct err err = {0};
	test_ok(event_spool_open(&sc, &r->spool, &err), &err);
	test_ok(event_outbox_open(outbox, 0, &r->outbox, &err), &err);
	test_ok(detect_new(&dc, &r->detect, &err), &err);
	assert_true(detect_wait_ready(r->detect, 120000));
	r->sources = event_sources_new();
	begin_stage(r);
}

static void close_rig(struct rig *r)
{
	event_stage_detector_free(r->stage);
	detect_free(r->detect);
	event_sources_free(r->sources);
	event_outbox_close(r->outbox);
	event_spool_close(r->spool);
}

static void put(struct rig *r, const char *raw, usec_t at)
{
	cleanup_buf struct buf payload = BUF_INIT(1 << 20), frames = BUF_INIT(1 << 20);
	struct event_record e = {.received = BASE + at, .retention_days = 30, .source = STR("token-1"), .raw = str_c(raw)};
	struct event_spool_ticket t;
	e.unit.b[0] = 7;
	(void)memcpy(e.id.b, &r->made, sizeof r->made);
	r->made++;
	event_record_encode(&e, &payload);
	event_spool_frame(&frames, buf_str(&payload));
	assert_int_equal(event_spool_append(r->spool, buf_str(&frames), &t, NULL), 0);
	assert_int_equal(event_spool_commit(r->spool, &t, NULL), 0);
}

static void run(struct rig *r)
{
	struct err err = {0};
	int n;
	while ((n = event_stage_detect(r->stage, r->spool, r->outbox, r->sources, &r->cursor, &r->counts, &err)) > 0)
		;
	test_ok(n, &err);
}

struct summary {
	size_t records, correlations, indicators, keys_hash;
	uint64_t events;
	struct event_alert last; /* in the arena */
};

static struct summary sum_up(struct rig *r, struct arena *arena)
{
	struct summary s = {0};
	struct event_alert a;
	while (event_outbox_next(r->outbox, USEC_PER_HOUR, arena, &a, NULL) > 0) {
		for (const char *k = a.key; *k != '\0'; k++)
			s.keys_hash += (size_t)*k * (size_t)(k - a.key + 7919) * (a.count + 1);
		if (str_eq_c(a.kind, "correlation")) {
			s.correlations++;
		} else if (str_eq_c(a.kind, "indicator")) {
			s.indicators++;
		} else {
			s.records++;
			s.events += a.count;
		}
		s.last = a;
	}
	return s;
}

static void test_alert_tells(void **state)
{
	struct rig r;
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	open_rig(&r, rules_text, NULL);
	put(&r, "{\"A\":\"x\",\"User\":\"lan\",\"Computer\":\"pc-1\",\"@timestamp\":\"2024-10-04T00:00:00Z\"}", 0);
	put(&r, "{\"A\":\"x\",\"B\":\"y\"}", 1);
	put(&r, "{\"A\":", 2);
	put(&r, "{\"A\":\"z\"}", 3);
	run(&r);
	struct summary s = sum_up(&r, arena);
	assert_int_equal(s.records, 1);
	const struct event_alert *a = &s.last;
	assert_true(str_eq_c(a->rule_id, "11111111-1111-4111-8111-111111111111") && str_eq_c(a->title, "Bad"));
	assert_true(str_eq_c(a->severity, "high") && str_eq_c(a->kind, "sigma") && str_eq_c(a->tags, "attack.t1059.001"));
	assert_true(str_eq_c(a->entity, "user.name=lan") && str_eq_c(a->host, "pc-1") && str_eq_c(a->source, "token-1"));
	assert_true(str_eq_c(a->why, "[{\"field\":\"A\",\"value\":\"x\"}]") && str_eq_c(a->rule_file, "own/a.yml"));
	assert_int_equal(a->rule_hash.n, 64);
	assert_true(a->count == 1 && a->unit.b[0] == 7 && str_starts_with(a->raw, STR("{\"A\":\"x\"")));
	struct detect_stats st;
	detect_stats(r.detect, &st);
	assert_true(st.rules == 1 && st.correlations == 1 && st.events == 4 && st.unread == 1 && st.state == DETECT_READY);
	close_rig(&r);
}

/* A flood makes a handful of records, and their counts add up; so do they when every event is of another user. */
static void test_flood(void **state)
{
	static const size_t wanted[] = {6, 20 + 6, 50 + 6};
	char raw[100];
	(void)state;
	for (unsigned kind = 0; kind < 3; kind++) {
		struct rig r;
		cleanup(arena) struct arena *arena = arena_new(0);
		open_rig(&r, rules_text, NULL);
		for (unsigned i = 0; i < 12345; i++) {
			(void)snprintf(raw, sizeof raw, "{\"A\":\"x\",\"User\":\"u%u\",\"Computer\":\"pc-%u\"}", kind == 1 ? i : 0, kind == 2 ? i : 0);
			put(&r, raw, (usec_t)i * 1000);
			if (i % 3000 == 0)
				run(&r);
		}
		run(&r);
		put(&r, "{}", USEC_PER_HOUR);
		run(&r);
		struct summary s = sum_up(&r, arena);
		assert_int_equal(s.events, 12345);
		/* 1, 10, 100, 1000, 10000 and the end; of users 20 and then the rest together; of machines 50 likewise. */
		assert_int_equal(s.records, wanted[kind]);
		struct event_flood_stats f = event_stage_detector_stats(r.stage);
		assert_int_equal(f.findings, 12345 + s.correlations);
		assert_true(kind == 0 || f.merged > 0);
		assert_int_equal(f.groups, 0);
		close_rig(&r);
	}
}

enum crash { CRASH_NONE, CRASH_BEFORE_JOURNAL, CRASH_BEFORE_CURSOR, CRASH_TORN_JOURNAL, CRASH__COUNT };

/* What is on disk when the process dies at that point of the block that begins at `before`. */
static void crash(struct rig *r, enum crash where, const struct event_spool_cursor *before, off_t journal_before)
{
	const struct event_spool_cursor begun = {.at = before->at, .block_end = r->cursor.at};
	struct stat st;
	event_stage_detector_free(r->stage);
	assert_int_equal(event_spool_cursor_store(r->spool, "detected", &begun, NULL), 0);
	assert_int_equal(stat(r->journal, &st), 0);
	if (where == CRASH_BEFORE_JOURNAL)
		assert_int_equal(truncate(r->journal, journal_before), 0);
	if (where == CRASH_TORN_JOURNAL)
		assert_int_equal(truncate(r->journal, st.st_size - 3), 0);
	/* More has come before we are back. */
	put(r, "{\"A\":\"x\",\"User\":\"late\"}", 500 * USEC_PER_SEC);
	begin_stage(r);
}

static struct summary with_crashes(enum crash where, struct arena *arena)
{
	struct rig r;
	char raw[100];
	open_rig(&r, rules_text, NULL);
	for (unsigned block = 0; block < 40; block++) {
		struct event_spool_cursor before = r.cursor;
		struct stat st = {0};
		(void)stat(r.journal, &st);
		for (unsigned i = 0; i < 7 + block; i++) {
			(void)snprintf(raw, sizeof raw, "{\"A\":\"x\",\"User\":\"u%u\"}", (block * 31 + i * 7) % 23);
			put(&r, raw, (usec_t)block * 40 * USEC_PER_SEC + i);
		}
		run(&r);
		if (where != CRASH_NONE && block % 3 == 1)
			crash(&r, where, &before, st.st_size);
		else if (block % 3 == 1)
			put(&r, "{\"A\":\"x\",\"User\":\"late\"}", 500 * USEC_PER_SEC);
		run(&r);
	}
	put(&r, "{}", 10 * USEC_PER_HOUR);
	run(&r);
	struct summary s = sum_up(&r, arena);
	assert_int_equal(s.events, r.made - 1);
	close_rig(&r);
	return s;
}

static void test_crashes(void **state)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	(void)state;
	struct summary good = with_crashes(CRASH_NONE, arena);
	assert_true(good.correlations > 10 && good.records > 50);
	for (enum crash where = CRASH_BEFORE_JOURNAL; where < CRASH__COUNT; where++) {
		struct summary s = with_crashes(where, arena);
		assert_int_equal(s.records, good.records);
		assert_int_equal(s.correlations, good.correlations);
		assert_int_equal(s.keys_hash, good.keys_hash);
	}
}

static void test_indicators(void **state)
{
	struct rig r;
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	open_rig(&r, rules_text, "domain\tevil.vn\t\tNCSC\t90\nip\t203.0.113.0/24\nsha256\t"
	                         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\t2000-01-01T00:00:00Z\n");
	put(&r, "{\"QueryName\":\"a.evil.vn\",\"Computer\":\"pc-1\"}", 0);
	put(&r, "{\"dns\":{\"question\":{\"name\":\"a.evil.vn\"}},\"QueryName\":\"a.evil.vn\",\"Computer\":\"pc-1\"}", 1);
	put(&r, "{\"destination.ip\":\"203.0.113.9\"}", 2);
	put(&r, "{\"Hashes\":\"MD5=00,SHA256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\"}", 3);
	put(&r, "{\"url\":{\"full\":\"http://user@x.evil.vn:8080/p\"}}", 4);
	put(&r, "{\"QueryName\":\"notevil.vn\"}", 5);
	run(&r);
	struct summary s = sum_up(&r, arena);
	/* The second query is counted, not handed over; the hash has expired. */
	assert_int_equal(s.indicators, 3);
	struct detect_stats st;
	detect_stats(r.detect, &st);
	assert_int_equal(st.indicator_hits, 4);
	assert_int_equal(st.indicators, 3);
	assert_true(str_eq_c(s.last.rule_id, "indicator.domain") && str_eq_c(s.last.entity, "domain=evil.vn"));
	assert_true(str_eq_c(s.last.severity, "high") && str_eq_c(s.last.title, "NCSC: evil.vn"));
	assert_true(str_eq_c(s.last.why, "[{\"field\":\"url.full\",\"value\":\"evil.vn\"}]"));
	close_rig(&r);
}

static void wait_for(struct detect *d, const char *digest, enum detect_state state)
{
	struct detect_stats s = {0};
	for (unsigned i = 0; i < 12000; i++, (void)usleep(10000)) {
		detect_stats(d, &s);
		if (s.state == state && strcmp(s.digest, digest) == 0)
			return;
	}
	fail_msg("state %d, set %s, wanted %s", (int)s.state, s.digest, digest);
}

/* A set is replaced while blocks are examined; one that is damaged is told and changes nothing, also after a restart. */
static void test_swap(void **state)
{
	struct rig r;
	char first[DETECT_DIGEST_SIZE], second[DETECT_DIGEST_SIZE];
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	open_rig(&r, "title: none\nlogsource: {category: x}\n", NULL); /* without a detection */
	assert_true(detect_set_peek(r.set, first));
	struct detect_stats st;
	detect_stats(r.detect, &st);
	assert_true(st.refused == 1 && st.rules == 0);
	cleanup_buf struct buf report = BUF_INIT(1 << 20);
	detect_write_report(r.detect, &report);
	assert_true(str_find(buf_str(&report), STR("\"refused\":[{\"file\":\"own/a.yml\"")) != SIZE_MAX);
	write_set(r.set, rules_text, NULL);
	assert_true(detect_set_peek(r.set, second));
	detect_reload(r.detect);
	for (unsigned i = 0; i < 300; i++) {
		put(&r, "{\"A\":\"x\"}", i);
		run(&r);
	}
	wait_for(r.detect, second, DETECT_READY);
	put(&r, "{\"A\":\"x\"}", 1000);
	run(&r);
	assert_true(sum_up(&r, arena).records > 0);
	assert_int_equal(file_write(r.set, STR("LTRULES1 broken broken broken broken broken broken"), 0600, NULL), 0);
	detect_reload(r.detect);
	wait_for(r.detect, second, DETECT_FAILED);
	detect_stats(r.detect, &st);
	assert_string_equal(st.err.key, "detect.set_broken");
	event_stage_detector_free(r.stage);
	detect_free(r.detect);
	const struct detect_config dc = {.set_path = r.set, .dir = r.own};
	assert_int_equal(detect_new(&dc, &r.detect, NULL), 0);
	begin_stage(&r);
	wait_for(r.detect, second, DETECT_FAILED);
	put(&r, "{\"A\":\"x\",\"User\":\"after\"}", USEC_PER_DAY);
	run(&r);
	assert_true(sum_up(&r, arena).records > 0);
	close_rig(&r);
}

static void test_canary(void **state)
{
	struct rig r;
	(void)state;
	cleanup(arena) struct arena *arena = arena_new(0);
	open_rig(&r, rules_text, NULL);
	cleanup_buf struct buf payload = BUF_INIT(1 << 20), frames = BUF_INIT(1 << 20);
	struct event_record e = {.received = BASE, .retention_days = 30, .source = STR(EVENT_SERVER_SOURCE),
	                         .raw = STR("{\"event.kind\":\"state\",\"event.dataset\":\"luytre.canary\"}")};
	struct event_spool_ticket t;
	event_record_encode(&e, &payload);
	event_spool_frame(&frames, buf_str(&payload));
	assert_int_equal(event_spool_append(r.spool, buf_str(&frames), &t, NULL), 0);
	assert_int_equal(event_spool_commit(r.spool, &t, NULL), 0);
	run(&r);
	struct summary s = sum_up(&r, arena);
	assert_true(event_alert_is_canary(&s.last) && str_eq_c(s.last.kind, EVENT_CANARY_BY_RULES));
	close_rig(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alert_tells), cmocka_unit_test(test_flood), cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_indicators),  cmocka_unit_test(test_swap),  cmocka_unit_test(test_canary),
	};
	return cmocka_run_group_tests(tests, test_set_up, test_tear_down);
}
