/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_test_support.h"

#include <pthread.h>
#include <unistd.h>
#include <zlib.h>

#include "engine/event_pipeline/event_ids.h"
#include "engine/event_pipeline/event_marks.h"

#define NOW ((usec_t)1790000000 * USEC_PER_SEC)

struct fixture {
	struct event_spool *spool;
	struct event_ingest *in;
	char dir[128];
};

static void open_at(struct fixture *f, const char *dir, uint64_t limit)
{
	struct err err = {0};
	(void)snprintf(f->dir, sizeof f->dir, "%s", dir);
	struct event_spool_config c = {.dir = f->dir, .limit_bytes = limit, .segment_bytes = 1000};
	test_ok(event_spool_open(&c, &f->spool, &err), &err);
	struct event_spool_cursor stored;
	test_ok(event_spool_cursor_load(f->spool, "stored", &stored, &err), &err);
	test_ok(event_ingest_open(f->spool, f->dir, stored.at, &f->in, &err), &err);
}

static void close_it(struct fixture *f)
{
	event_ingest_close(f->in);
	event_spool_close(f->spool);
}

static struct event_ingested give(struct fixture *f, unsigned char sender, const char *text, unsigned char epoch, uint64_t first)
{
	struct event_sender s = test_sender(sender);
	struct event_batch b = test_batch(text, epoch, first);
	struct event_ingested got;
	struct err err = {0};
	test_ok(event_ingest_accept(f->in, &s, &b, NOW, &got, &err), &err);
	return got;
}

/* Texts keep their line ends and bad bytes; what is too long is refused alone, by its place. */
static void test_messages(void **state)
{
	(void)state;
	struct fixture f;
	struct err err = {0};
	struct event_ingested got;
	struct event_sender s = test_sender(1);
	char *long_text = mem_alloc(EVENT_LINE_LIMIT + 1);
	memset(long_text, 'x', EVENT_LINE_LIMIT + 1);
	const struct str texts[] = {STR("<13>one\ntwo"), str_n(long_text, EVENT_LINE_LIMIT + 1), STR("\xff\xfe")};
	const struct event_messages messages = {EVENT_FORMAT_SYSLOG, texts, ARRAY_LEN(texts)};
	open_at(&f, test_fresh_dir(), 0);
	test_ok(event_ingest_accept_messages(f.in, &s, &messages, NOW, &got, &err), &err);
	assert_int_equal(got.taken, 2);
	assert_int_equal(got.rejected, 1);
	assert_int_equal(got.shown[0].line, 2);
	struct event_spool_block block = {.bytes = BUF_INIT(1 << 20)};
	assert_int_equal(event_spool_read(f.spool, (struct event_spool_position){0}, NULL, 1 << 20, 10, &block, NULL), 2);
	size_t at = 0;
	for (size_t i = 0; i < ARRAY_LEN(texts); i += 2) {
		struct str payload;
		struct event_record r;
		assert_true(event_spool_next(&block, &at, &payload));
		test_ok(event_record_decode(payload, &r, &err), &err);
		assert_int_equal(r.format, EVENT_FORMAT_SYSLOG);
		assert_true(str_eq(r.raw, texts[i]));
	}
	buf_done(&block.bytes);
	mem_free(long_text);
	close_it(&f);
}

static void test_once_in_effect(void **state)
{
	(void)state;
	struct fixture f;
	char text[1000];
	open_at(&f, test_fresh_dir(), 0);
	struct event_ingested g = give(&f, 1, "{\"a\":1}\n{\"a\":2}\n", 1, 10);
	assert_int_equal(g.taken, 2);
	g = give(&f, 1, "{\"a\":1}\n{\"a\":2}\n", 1, 10);
	assert_int_equal(g.taken, 0);
	assert_int_equal(g.duplicates, 2);
	g = give(&f, 1, "{\"a\":2}\n\n{\"a\":3}", 1, 11); /* overlaps; the blank line counts nothing */
	assert_int_equal(g.taken, 1);
	assert_int_equal(g.duplicates, 1);
	g = give(&f, 2, "{\"b\":1}\n", 1, 10); /* another sender */
	assert_int_equal(g.taken, 1);
	g = give(&f, 1, "{\"c\":1}\n", 2, 0); /* another epoch */
	assert_int_equal(g.taken, 1);
	g = give(&f, 1, "{\"d\":1}\n", 0, 0); /* not numbered */
	g = give(&f, 1, "{\"d\":1}\n", 0, 0);
	assert_int_equal(g.taken, 1);
	static const char want[] = "10:{\"a\":1} 11:{\"a\":2} 12:{\"a\":3} 10:{\"b\":1} 0:{\"c\":1} 0:{\"d\":1} 0:{\"d\":1} ";
	test_dump(f.spool, text, sizeof text);
	assert_string_equal(text, want);
	/* A new life knows the same, from the spool alone. */
	close_it(&f);
	char dir[128];
	(void)snprintf(dir, sizeof dir, "%s", f.dir);
	open_at(&f, dir, 0);
	g = give(&f, 1, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", 1, 10);
	assert_int_equal(g.duplicates, 3);
	g = give(&f, 1, "{\"c\":1}\n", 2, 0);
	assert_int_equal(g.duplicates, 1);
	test_dump(f.spool, text, sizeof text);
	assert_string_equal(text, want);
	close_it(&f);
}

static void test_rejects(void **state)
{
	(void)state;
	struct fixture f;
	open_at(&f, test_fresh_dir(), 0);
	struct event_ingested g = give(&f, 1, "{\"a\":1}\nnot json\n\n[1]\n{\"a\":2}\r\n{\"a\":\"\xff\"}", 1, 0);
	assert_int_equal(g.taken, 2);
	assert_int_equal(g.rejected, 3);
	assert_int_equal(g.shown_count, 3);
	assert_int_equal(g.shown[0].line, 2);
	assert_string_equal(g.shown[0].key, "event.syntax");
	assert_int_equal(g.shown[1].line, 4);
	assert_int_equal(g.shown[2].line, 6);
	assert_string_equal(g.shown[2].key, "event.not_utf8");
	/* Refused lines have sequences too. */
	g = give(&f, 1, "{\"a\":3}", 1, 5);
	assert_int_equal(g.taken, 1);
	g = give(&f, 1, "{\"a\":2}", 1, 3);
	assert_int_equal(g.duplicates, 1);
	size_t n = EVENT_LINE_LIMIT + 10;
	char *line = malloc(n + 1);
	memset(line, ' ', n);
	memcpy(line, "{\"a\":\"", 6);
	memset(line + 6, 'x', n - 8);
	memcpy(line + n - 2, "\"}", 3);
	g = give(&f, 3, line, 1, 0);
	assert_string_equal(g.shown[0].key, "event.line_too_long");
	free(line);
	close_it(&f);
}

static void test_identity(void **state)
{
	(void)state;
	struct fixture f;
	open_at(&f, test_fresh_dir(), 0);
	struct event_sender agent = test_sender(7), token = test_sender(8);
	token.keeps_event_id = false;
	static const char text[] = "{\"event.id\":\"01934567-89ab-7def-8123-456789abcdef\",\"unit.id\":\"11111111-1111-1111-1111-111111111111\"}\n"
				   "{\"event\":{\"id\":\"no uuid\"}}\n";
	struct event_batch b = test_batch(text, 1, 0);
	struct event_ingested g;
	assert_int_equal(event_ingest_accept(f.in, &agent, &b, NOW, &g, NULL), 0);
	assert_int_equal(event_ingest_accept(f.in, &token, &b, NOW, &g, NULL), 0);
	struct event_spool_block block = {.bytes = BUF_INIT(1 << 20)};
	struct event_spool_position at = {0};
	assert_int_equal(event_spool_read(f.spool, at, NULL, 1 << 20, 100, &block, NULL), 4);
	struct event_record r[4];
	struct str payload;
	size_t walk = 0;
	for (size_t i = 0; event_spool_next(&block, &walk, &payload); i++)
		assert_int_equal(event_record_decode(payload, &r[i], NULL), 0);
	char id[UUID_TEXT_SIZE];
	assert_string_equal(uuid_text(&r[0].id, id), "01934567-89ab-7def-8123-456789abcdef");
	assert_false(uuid_is_null(&r[1].id));
	assert_string_not_equal(uuid_text(&r[2].id, id), "01934567-89ab-7def-8123-456789abcdef");
	assert_true(uuid_eq(&r[0].unit, &agent.unit)); /* from the sender, not from the body */
	assert_true(uuid_eq(&r[2].endpoint, &token.endpoint));
	assert_int_equal(r[0].retention_days, 30);
	assert_int_equal(r[0].received, NOW);
	assert_true(str_eq_c(r[0].source, "agent"));
	buf_done(&block.bytes);
	close_it(&f);
}

static void test_limits(void **state)
{
	(void)state;
	struct fixture f;
	open_at(&f, test_fresh_dir(), 0);
	struct event_sender s = test_sender(1);
	struct event_ingested g;
	struct err err = {0};
	size_t n = EVENT_BATCH_LIMIT + 1;
	char *big = malloc(n + 1);
	memset(big, '\n', n);
	big[n] = '\0';
	struct event_batch b = test_batch(big, 1, 0);
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), -E2BIG);
	assert_string_equal(err.key, "event.batch_too_big");
	for (size_t i = 0; i + 3 <= n; i += 3)
		memcpy(big + i, "{}\n", 3);
	b.body.n = 3 * (EVENT_BATCH_LINES + 1);
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), -E2BIG);
	assert_string_equal(err.key, "event.too_many_lines");
	free(big);
	/* Packed batches. */
	unsigned char packed[100];
	uLongf size = sizeof packed;
	assert_int_equal(compress(packed, &size, (const unsigned char *)"{\"z\":1}\n", 8), Z_OK);
	b = (struct event_batch){.body = str_n(packed, size), .encoding = STR("deflate")};
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), 0);
	assert_int_equal(g.taken, 1);
	b.encoding = STR("zstd");
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), -EINVAL);
	close_it(&f);
}

static void test_batch_header(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"01934567-89ab-7def-8123-456789abcdef:17", true},
		{" 01934567-89ab-7def-8123-456789abcdef : 0 ", true},
		{"01934567-89ab-7def-8123-456789abcdef", false},
		{"01934567-89ab-7def-8123-456789abcdef:", false},
		{"01934567-89ab-7def-8123-456789abcdef:-1", false},
		{"01934567-89ab-7def-8123-456789abcdef:9999999999999999999", false},
		{"00000000-0000-0000-0000-000000000000:1", false},
		{":1", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct event_batch b = {0};
		assert_int_equal(event_batch_parse(str_c(cases[i].text), &b, NULL), cases[i].good ? 0 : -EINVAL);
	}
}

/* Full: refused whole; what was refused is not remembered as taken. */
static void test_back_pressure(void **state)
{
	(void)state;
	struct fixture f;
	open_at(&f, test_fresh_dir(), 3000);
	struct event_sender s = test_sender(1);
	struct event_ingested g;
	struct err err = {0};
	uint64_t sequence = 0;
	int r;
	for (;;) {
		struct event_batch b = test_batch("{\"a\":1}\n{\"a\":2}\n", 1, sequence);
		if ((r = event_ingest_accept(f.in, &s, &b, NOW, &g, &err)) < 0)
			break;
		sequence += 2;
	}
	assert_int_equal(r, -EAGAIN);
	assert_string_equal(err.key, "event.spool_full");
	/* The reader passes, room is made, the same batch is taken now. */
	struct event_spool_block block = {.bytes = BUF_INIT(1 << 20)};
	struct event_spool_position at = {0};
	while (event_spool_read(f.spool, at, NULL, 1 << 20, 100, &block, NULL) > 0) {
		event_ingest_settle(f.in, &block);
		at = block.to;
	}
	assert_int_equal(event_ingest_checkpoint(f.in, NULL), 0);
	assert_int_equal(event_spool_position_cmp(event_ingest_keep(f.in), at), 0);
	assert_int_equal(event_spool_trim(f.spool, event_ingest_keep(f.in), NULL), 0);
	struct event_batch b = test_batch("{\"a\":1}\n{\"a\":2}\n", 1, sequence);
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), 0);
	assert_int_equal(g.taken, 2);
	/* The first records are gone from the spool; the checkpoint remembers them. */
	struct event_spool_cursor c = {.at = at};
	assert_int_equal(event_spool_cursor_store(f.spool, "stored", &c, NULL), 0);
	close_it(&f);
	char dir[128];
	(void)snprintf(dir, sizeof dir, "%s", f.dir);
	open_at(&f, dir, 3000);
	b = test_batch("{\"a\":1}\n{\"a\":2}\n", 1, 0);
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), 0);
	assert_int_equal(g.duplicates, 2);
	buf_done(&block.bytes);
	close_it(&f);
}

static bool disk_is_full;
static ssize_t failing_disk(int fd, const void *p, size_t n, off_t at)
{
	if (!disk_is_full)
		return pwrite(fd, p, n, at);
	errno = ENOSPC;
	return -1;
}

/* The disk refuses: the batch is not acknowledged and not remembered, also when others were queued with it. */
static void test_disk_failure_forgets(void **state)
{
	(void)state;
	const char *dir = test_fresh_dir();
	struct event_spool_config c = {.dir = dir, .write_at = failing_disk};
	struct fixture f;
	struct event_spool_position none = {0};
	assert_int_equal(event_spool_open(&c, &f.spool, NULL), 0);
	assert_int_equal(event_ingest_open(f.spool, dir, none, &f.in, NULL), 0);
	struct event_sender s = test_sender(1);
	struct event_ingested g;
	struct err err = {0};
	struct event_batch b = test_batch("{\"a\":1}\n", 1, 0);
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), 0);
	disk_is_full = true;
	b = test_batch("{\"a\":2}\n", 1, 1);
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), -EAGAIN);
	assert_string_equal(err.key, "event.spool_disk");
	disk_is_full = false;
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), 0);
	assert_int_equal(g.taken, 1);
	b = test_batch("{\"a\":1}\n{\"a\":2}\n", 1, 0);
	assert_int_equal(event_ingest_accept(f.in, &s, &b, NOW, &g, &err), 0);
	assert_int_equal(g.duplicates, 2);
	close_it(&f);
}

static struct event_ingested give_ids(struct fixture *f, const char *a, const char *b)
{
	const struct event_sender s = test_sender(1);
	const struct str texts[] = {STR("{\"a\":1}"), STR("{\"a\":2}")}, ids[] = {str_c(a), str_c(b)};
	const struct event_messages m = {.format = EVENT_FORMAT_JSON, .texts = texts, .ids = ids, .count = 2};
	struct event_ingested got;
	struct err err = {0};
	test_ok(event_ingest_accept_messages(f->in, &s, &m, NOW, &got, &err), &err);
	return got;
}

/* What senders name is taken once: in one life, in the next from the spool alone, and from the file when the spool is gone. */
static void test_named_once(void **state)
{
	(void)state;
	struct fixture f;
	struct err err = {0};
	char dir[128];
	open_at(&f, test_fresh_dir(), 0);
	(void)snprintf(dir, sizeof dir, "%s", f.dir);
	assert_int_equal(give_ids(&f, "1", "2").taken, 2);
	assert_int_equal(give_ids(&f, "2", "3").taken, 1);
	assert_int_equal(give_ids(&f, "4", "4").taken, 1);
	assert_int_equal(give_ids(&f, "", "").taken, 2);
	assert_int_equal(give_ids(&f, "", "").taken, 2);
	close_it(&f);
	open_at(&f, dir, 0);
	struct event_ingested g = give_ids(&f, "3", "5");
	assert_int_equal(g.taken, 1);
	assert_int_equal(g.duplicates, 1);
	assert_int_equal(g.bytes, strlen("{\"a\":2}"));
	/* Everything is stored, the checkpoint covers it and the segments go. */
	struct event_spool_block block = {.bytes = BUF_INIT(1 << 20)};
	struct event_spool_cursor stored = {0};
	while (event_spool_read(f.spool, stored.at, NULL, 1 << 20, 100, &block, NULL) > 0) {
		event_ingest_settle(f.in, &block);
		stored.at = block.to;
	}
	buf_done(&block.bytes);
	test_ok(event_spool_cursor_store(f.spool, "stored", &stored, &err), &err);
	test_ok(event_ingest_checkpoint(f.in, &err), &err);
	test_ok(event_spool_trim(f.spool, event_ingest_keep(f.in), &err), &err);
	close_it(&f);
	open_at(&f, dir, 0);
	assert_int_equal(give_ids(&f, "1", "5").duplicates, 2);
	assert_int_equal(give_ids(&f, "6", "5").taken, 1);
	close_it(&f);
}

/* Of many the newest EVENT_IDS_KEPT at least are known, and no more than twice as many. */
static void test_ids(void **state)
{
	(void)state;
	struct event_ids *s = event_ids_new(), *back;
	const struct uuid sender = {{1}}, other = {{2}};
	struct uuid id, first = event_id_made(&sender, STR("0"));
	cleanup_buf struct buf bytes = BUF_INIT(64 << 20);
	const unsigned many = 3 * EVENT_IDS_KEPT;
	for (unsigned i = 0; i < many; i++) {
		char text[16];
		(void)snprintf(text, sizeof text, "%u", i);
		id = event_id_made(&sender, str_c(text));
		event_ids_add(s, &id);
		if (i == EVENT_IDS_KEPT)
			assert_true(event_ids_has(s, &first));
	}
	assert_false(event_ids_has(s, &first));
	assert_in_range(event_ids_count(s), EVENT_IDS_KEPT, 2 * EVENT_IDS_KEPT);
	assert_true(event_ids_has(s, &id) && event_id_is_made(&id));
	id = event_id_made(&other, STR("0"));
	assert_false(event_ids_has(s, &id));
	event_ids_encode(s, &bytes);
	assert_int_equal(event_ids_decode(buf_str(&bytes), &back, NULL), 0);
	assert_int_equal(event_ids_count(back), event_ids_count(s));
	event_ids_free(back);
	bytes.p[bytes.n / 2] ^= 1;
	assert_int_equal(event_ids_decode(buf_str(&bytes), &back, NULL), -EBADMSG);
	assert_int_equal(event_ids_decode(STR_EMPTY, &back, NULL), -EBADMSG);
	event_ids_free(s);
}

struct racer {
	struct fixture *f;
	unsigned char n;
	uint64_t taken;
};

static void *race(void *ctx)
{
	struct racer *r = ctx;
	for (uint64_t i = 0; i < 50; i++) {
		/* Everybody sends twice what he has. */
		r->taken += give(r->f, r->n, "{\"x\":1}\n{\"x\":2}\n", 1, 2 * i).taken;
		r->taken += give(r->f, r->n, "{\"x\":1}\n{\"x\":2}\n", 1, 2 * i).taken;
	}
	return NULL;
}

static void test_many_senders(void **state)
{
	(void)state;
	struct fixture f;
	open_at(&f, test_fresh_dir(), 0);
	struct racer racers[6];
	pthread_t threads[6];
	for (unsigned char i = 0; i < 6; i++) {
		racers[i] = (struct racer){&f, (unsigned char)(i + 1), 0};
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(racers[i].taken, 100);
	}
	close_it(&f);
}

static void test_marks(void **state)
{
	(void)state;
	struct event_marks *m = event_marks_new(), *back;
	for (unsigned i = 0; i < 1000; i++) {
		struct uuid sender = {.b = {(unsigned char)i, (unsigned char)(i >> 8)}}, epoch = {.b = {1}};
		event_marks_raise(m, &sender, &epoch, i + 1);
		event_marks_raise(m, &sender, &epoch, i / 2);
	}
	struct buf bytes = BUF_INIT(1 << 20);
	event_marks_encode(m, &bytes);
	assert_int_equal(event_marks_decode(buf_str(&bytes), &back, NULL), 0);
	assert_int_equal(event_marks_count(back), 1000);
	for (unsigned i = 0; i < 1000; i++) {
		struct uuid sender = {.b = {(unsigned char)i, (unsigned char)(i >> 8)}}, epoch = {.b = {1}};
		assert_int_equal(event_marks_next(back, &sender, &epoch), i + 1);
	}
	event_marks_free(back);
	for (size_t i = 0; i < bytes.n; i += 97) {
		bytes.p[i] ^= 1;
		assert_int_equal(event_marks_decode(buf_str(&bytes), &back, NULL), -EBADMSG);
		bytes.p[i] ^= 1;
	}
	buf_done(&bytes);
	event_marks_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_once_in_effect),
		cmocka_unit_test(test_rejects),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_batch_header),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_disk_failure_forgets),
		cmocka_unit_test(test_many_senders),
		cmocka_unit_test(test_named_once), cmocka_unit_test(test_ids), cmocka_unit_test(test_marks),
	};
	return cmocka_run_group_tests(tests, test_set_up, test_tear_down);
}
