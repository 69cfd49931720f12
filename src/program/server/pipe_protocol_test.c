/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "platform/crypto/crypto.h"
#include "program/server/pipe_senders.h"
#include "program/server/pipe_sources.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct event_sender sender(unsigned char n)
{
	struct event_sender s = {.credential = HEX,
				 .id = {{n}},
				 .unit = {{2}},
				 .endpoint = {{n}},
				 .source = "agent",
				 .retention_days = 90,
				 .not_after = 5,
				 .keeps_event_id = true,
				 .address = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10}, .prefix = 104, .set = true},
				 .name = "tường lửa",
				 .rate_per_s = 1000,
				 .silence_s = 600,
				 .system_level = 3,
				 .clock_off_s = 60,
				 .has_format = true,
				 .format = EVENT_FORMAT_TEXT,
				 .time_zone = "Europe/Berlin"};
	return s;
}

static struct proc_message part(uint64_t version, uint64_t number, uint64_t parts, uint64_t count)
{
	struct proc_message m = proc_message_init(PIPE_SENDERS);
	proc_put_u64(&m, version);
	proc_put_u64(&m, number);
	proc_put_u64(&m, parts);
	proc_put_u64(&m, count);
	for (uint64_t i = 0; i < count; i++) {
		struct event_sender s = sender((unsigned char)(number * 10 + i));
		pipe_put_sender(&m, &s);
	}
	return m;
}

static int add(struct pipe_snapshot *s, struct proc_message m)
{
	int r = pipe_snapshot_add(s, &m, NULL);
	proc_message_done(&m);
	return r;
}

static void parts_in_order(void **state)
{
	struct pipe_snapshot s = {0};
	(void)state;
	assert_int_equal(add(&s, part(7, 0, 3, 2)), 0);
	assert_int_equal(add(&s, part(7, 1, 3, 3)), 0);
	assert_int_equal(add(&s, part(7, 2, 3, 1)), 1);
	assert_int_equal(s.count, 6);
	assert_int_equal(s.senders[4].id.b[0], 12);
	assert_string_equal(s.senders[5].credential, HEX);
	assert_true(s.senders[5].keeps_event_id && s.senders[5].retention_days == 90 && s.senders[5].not_after == 5);
	/* None at all is a snapshot, too. */
	assert_int_equal(add(&s, part(8, 0, 1, 0)), 1);
	assert_int_equal(s.count, 0);
	pipe_snapshot_done(&s);
}

static void parts_out_of_order(void **state)
{
	static const struct {
		uint64_t version, number, parts;
	} rows[] = {{7, 2, 3}, {8, 1, 3}, {7, 1, 4}, {7, 3, 3}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pipe_snapshot s = {0};
		assert_int_equal(add(&s, part(7, 0, 3, 1)), 0);
		assert_int_equal(add(&s, part(rows[i].version, rows[i].number, rows[i].parts, 1)), -EPROTO);
		/* The rest of the broken one is refused, a new one is taken. */
		assert_int_equal(add(&s, part(7, 1, 3, 1)), -EPROTO);
		assert_int_equal(add(&s, part(9, 0, 1, 1)), 1);
		pipe_snapshot_done(&s);
	}
}

static void wrong_fields(void **state)
{
	(void)state;
	for (unsigned what = 0; what < 9; what++) {
		struct pipe_snapshot s = {0};
		struct proc_message m = proc_message_init(PIPE_SENDERS);
		struct event_sender one = sender(1);
		proc_put_u64(&m, 1);
		proc_put_u64(&m, 0);
		proc_put_u64(&m, 1);
		proc_put_u64(&m, what == 0 ? PIPE_SENDERS_PER_PART + 1 : what == 1 ? 2 : 1);
		if (what == 2)
			one.credential[5] = 'x';
		if (what == 3)
			one.retention_days = 40000;
		if (what == 4)
			one.not_after = -1;
		if (what == 5)
			one.address.ip[15] = 1; /* past the prefix */
		if (what == 6)
			one.address.prefix = 129;
		if (what == 7)
			one.format = EVENT_FORMAT__COUNT;
		if (what == 8)
			one.credential[0] = '\0', one.address = (struct event_address){0};
		pipe_put_sender(&m, &one);
		assert_int_equal(add(&s, m), -EPROTO);
		assert_int_equal(s.count, 0);
		pipe_snapshot_done(&s);
	}
}

static void every_cut_is_refused(void **state)
{
	struct proc_message whole = part(1, 0, 1, 2);
	(void)state;
	for (size_t n = 0; n < whole.payload.n; n++) {
		struct pipe_snapshot s = {0};
		struct proc_message m = proc_message_init(PIPE_SENDERS);
		buf_append(&m.payload, str_sub(buf_str(&whole.payload), 0, n));
		assert_int_equal(add(&s, m), -EPROTO);
		pipe_snapshot_done(&s);
	}
	proc_message_done(&whole);
}

static void kept_on_disk(void **state)
{
	char path[] = "/tmp/luytre-senders-XXXXXX";
	struct pipe_snapshot s = {.version = 3}, back = {0};
	cleanup_buf struct buf bytes = BUF_INIT(64 << 20);
	struct err err = {0};
	(void)state;
	(void)close(mkstemp(path));
	s.count = PIPE_SENDERS_PER_PART + 5;
	s.senders = mem_alloc_array(s.count, sizeof(*s.senders));
	for (size_t i = 0; i < s.count; i++)
		s.senders[i] = sender((unsigned char)i);
	assert_int_equal(pipe_senders_save(path, &s, &err), 0);
	assert_int_equal(pipe_senders_load(path, &back, &err), 0);
	assert_int_equal(back.count, s.count);
	assert_memory_equal(back.senders, s.senders, s.count * sizeof(*s.senders));
	pipe_snapshot_done(&back);
	assert_int_equal(file_read(path, 64 << 20, &bytes, &err), 0);
	const size_t places[] = {0, 31, 32, 40, bytes.n / 2, bytes.n - 1};
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		bytes.p[places[i]] ^= 1;
		assert_int_equal(file_write(path, buf_str(&bytes), 0600, &err), 0);
		assert_int_equal(pipe_senders_load(path, &back, &err), -EBADMSG);
		pipe_snapshot_done(&back);
		bytes.p[places[i]] ^= 1;
	}
	assert_int_equal(file_write(path, STR(""), 0600, &err), 0);
	assert_int_equal(pipe_senders_load(path, &back, &err), -EBADMSG);
	(void)unlink(path);
	assert_int_equal(pipe_senders_load(path, &back, &err), -ENOENT);
	pipe_snapshot_done(&s);
}

/* What earlier releases left on the disk. Before log sources: no magic, eight fields a sender; then all but the time zone. */
static void read_earlier_file(enum pipe_sender_form form)
{
	char path[] = "/tmp/luytre-senders-XXXXXX";
	struct pipe_snapshot back = {0};
	cleanup_buf struct buf body = BUF_INIT(1 << 20), file = BUF_INIT(1 << 20);
	unsigned char digest[SHA256_SIZE];
	struct err err = {0};
	(void)close(mkstemp(path));
	if (form == PIPE_SENDER_ZONELESS)
		buf_append_c(&body, "LTSEND2\n");
	struct proc_message m = proc_message_init(PIPE_SENDERS);
	const uint64_t head[] = {7, 0, 1, 2};
	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		proc_put_u64(&m, head[i]);
	for (unsigned char i = 1; i <= 2; i++) {
		struct event_sender s = sender(i);
		proc_put_str(&m, str_c(s.credential));
		proc_put_uuid(&m, &s.id);
		proc_put_uuid(&m, &s.unit);
		proc_put_uuid(&m, &s.endpoint);
		proc_put_str(&m, str_c(s.source));
		proc_put_u64(&m, s.retention_days);
		proc_put_u64(&m, (uint64_t)s.not_after);
		proc_put_u64(&m, 1);
		if (form == PIPE_SENDER_FIRST)
			continue;
		proc_put_str(&m, STR(""));
		proc_put_str(&m, STR("Tường lửa"));
		for (unsigned k = 0; k < 4; k++)
			proc_put_u64(&m, k == 3 ? 4 << 8 : 10);
	}
	for (unsigned i = 0; i < 8; i++)
		buf_append_char(&body, (char)((uint64_t)m.payload.n >> (8 * i)));
	buf_append(&body, buf_str(&m.payload));
	sha256(buf_str(&body), digest);
	buf_append(&file, str_n(digest, sizeof(digest)));
	buf_append(&file, buf_str(&body));
	assert_int_equal(file_write(path, buf_str(&file), 0600, &err), 0);
	assert_int_equal(pipe_senders_load(path, &back, &err), 0);
	assert_int_equal(back.count, 2);
	assert_int_equal(back.senders[1].id.b[0], 2);
	assert_false(back.senders[1].address.set);
	assert_int_equal(back.senders[1].system_level, form == PIPE_SENDER_FIRST ? 0 : 4);
	assert_string_equal(back.senders[1].time_zone, "");
	assert_int_equal(back.form, PIPE_SENDER_NOW);
	pipe_snapshot_done(&back);
	proc_message_done(&m);
	(void)unlink(path);
}

static void earlier_files_are_read(void **state)
{
	(void)state;
	read_earlier_file(PIPE_SENDER_FIRST);
	read_earlier_file(PIPE_SENDER_ZONELESS);
}

static struct pipe_sources ask_all(struct event_sources *from, uint64_t what)
{
	struct pipe_sources got = {0};
	int r = 1;
	while (r == 1) {
		struct proc_message m = proc_message_init(PIPE_SOURCES);
		proc_put_u64(&m, what);
		proc_put_u64(&m, what == PIPE_SOURCES_COUNTS ? got.count : got.stranger_count);
		struct proc_message answer = pipe_sources_answer(from, &m);
		r = pipe_sources_add(&got, (enum pipe_sources_what)what, &answer, NULL);
		proc_message_done(&m);
	}
	assert_int_equal(r, what < PIPE_SOURCES__COUNT ? 0 : -EPROTO);
	return got;
}

static void counters_page_by_page(void **state)
{
	struct event_sources *s = event_sources_new();
	const struct event_ingested taken = {.taken = 2};
	struct event_source_counts want[2];
	struct event_stranger stranger;
	(void)state;
	for (unsigned i = 0; i < PIPE_SOURCES_PAGE + 2; i++) {
		struct uuid id = {{(unsigned char)i, (unsigned char)(i >> 8), 9}};
		event_sources_took(s, &id, &taken, 11, EVENT_VIA_TLS, 40 + i);
		event_sources_parsed(s, &id, 50 * USEC_PER_SEC, 57 * USEC_PER_SEC, STR("mẫu"));
	}
	const struct event_address a = {.ip = {[15] = 1}, .prefix = 128, .set = true};
	event_sources_stranger(s, &a, str_c(HEX), EVENT_VIA_TLS, STR("x"), 1, 3);
	event_sources_kernel_dropped(s, 12);
	struct pipe_sources got = ask_all(s, PIPE_SOURCES_COUNTS);
	assert_int_equal(got.count, PIPE_SOURCES_PAGE + 2);
	assert_int_equal(got.totals.kernel_dropped, 12);
	assert_int_equal(got.totals.strangers, 1);
	assert_int_equal(event_sources_list(s, PIPE_SOURCES_PAGE, want, 2), 2);
	assert_memory_equal(&got.counts[PIPE_SOURCES_PAGE], want, sizeof(want));
	assert_int_equal(want[0].skew_median_s, -7);
	pipe_sources_done(&got);
	got = ask_all(s, PIPE_SOURCES_STRANGERS);
	assert_int_equal(event_sources_strangers(s, 0, &stranger, 1), 1);
	assert_int_equal(got.stranger_count, 1);
	assert_memory_equal(&got.strangers[0], &stranger, sizeof(stranger));
	pipe_sources_done(&got);
	got = ask_all(s, PIPE_SOURCES__COUNT);
	pipe_sources_done(&got);
	event_sources_free(s);
}

static void numbers_and_answers(void **state)
{
	struct event_pipeline_stats s = {.received = 1, .alerts_waiting = 15, .store_up = true, .store_blind_since = 9},
				    back;
	struct proc_message m = proc_message_init(PIPE_STATS), request = proc_message_init(PIPE_CA);
	cleanup_buf struct buf text = BUF_INIT(100);
	struct err err = {0};
	(void)state;
	str_copy_c(STR("event.x"), s.store_err.key, sizeof(s.store_err.key));
	pipe_put_stats(&m, &s);
	assert_true(pipe_get_stats(&m, &back));
	assert_memory_equal(&back, &s, offsetof(struct event_pipeline_stats, store_err));
	assert_string_equal(back.store_err.key, "event.x");
	proc_message_done(&m);
	request.id = 4;
	struct proc_message good = pipe_answer(&request, 0, STR("text"), NULL);
	assert_int_equal(good.id, 4);
	assert_int_equal(pipe_read_answer(&good, &text, &err), 0);
	assert_string_equal(text.p, "text");
	(void)err_set(&err, -EACCES, "server.key_name");
	struct proc_message bad = pipe_answer(&request, -EACCES, STR_EMPTY, &err);
	err_clear(&err);
	assert_int_equal(pipe_read_answer(&bad, &text, &err), -EACCES);
	assert_string_equal(err.key, "server.key_name");
	struct proc_message odd = proc_message_init(PIPE_ALERT);
	assert_int_equal(pipe_read_answer(&odd, &text, &err), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_in_order), cmocka_unit_test(parts_out_of_order),
	    cmocka_unit_test(wrong_fields),   cmocka_unit_test(every_cut_is_refused),
	    cmocka_unit_test(kept_on_disk),   cmocka_unit_test(numbers_and_answers),
	    cmocka_unit_test(earlier_files_are_read), cmocka_unit_test(counters_page_by_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
