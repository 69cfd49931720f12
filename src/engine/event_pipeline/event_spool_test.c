/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "engine/event/event_crc.h"
#include "engine/event_pipeline/event_spool.h"

static char dir[] = "/tmp/spool-test-XXXXXX";

static const char *fresh_dir(void)
{
	static char path[100];
	static unsigned n;
	(void)snprintf(path, sizeof path, "%s/%u", dir, n++);
	return path;
}

static struct event_spool *open_spool(const char *path, uint64_t limit, uint64_t segment)
{
	struct event_spool_config c = {.dir = path, .limit_bytes = limit, .segment_bytes = segment};
	struct event_spool *s;
	struct err err = {0};
	char line[300];
	if (event_spool_open(&c, &s, &err) < 0)
		fail_msg("%s", err_line(&err, line, sizeof line));
	return s;
}

static int put(struct event_spool *s, const char *text)
{
	struct buf frames = BUF_INIT(1 << 20);
	struct event_spool_ticket t;
	event_spool_frame(&frames, str_c(text));
	int r = event_spool_append(s, buf_str(&frames), &t, NULL);
	if (r == 0)
		r = event_spool_commit(s, &t, NULL);
	buf_done(&frames);
	return r;
}

/* Every record from `at` on, joined by blanks. */
static struct event_spool_position read_all(struct event_spool *s, struct event_spool_position at, size_t max_records, char *out,
                                            size_t size)
{
	struct event_spool_block block = {.bytes = BUF_INIT(64 << 20)};
	struct buf text = BUF_FIXED(out, size);
	int n;
	while ((n = event_spool_read(s, at, NULL, 1000, max_records, &block, NULL)) > 0) {
		struct str payload;
		size_t walk = 0;
		int seen = 0;
		for (; event_spool_next(&block, &walk, &payload); seen++)
			buf_printf(&text, "%.*s ", STR_FMT(payload));
		assert_int_equal(seen, n);
		at = block.to;
	}
	assert_int_equal(n, 0);
	buf_done(&block.bytes);
	return at;
}

static void test_crc(void **state)
{
	(void)state;
	/* RFC 3720 B.4 */
	char zeros[32] = {0}, up[32];
	for (size_t i = 0; i < 32; i++)
		up[i] = (char)i;
	assert_int_equal(event_crc32c(0, str_n(zeros, 32)), 0x8A9136AA);
	assert_int_equal(event_crc32c(0, str_n(up, 32)), 0x46DD794E);
	assert_int_equal(event_crc32c(event_crc32c(0, str_n(up, 5)), str_n(up + 5, 27)), 0x46DD794E);
}

static void test_append_read_reopen(void **state)
{
	(void)state;
	const char *path = fresh_dir();
	char text[500];
	struct event_spool *s = open_spool(path, 0, 60);
	struct uuid id = event_spool_id(s);
	static const char *const words[] = {"one", "two", "three", "four", "five"};
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(put(s, words[i]), 0);
	struct event_spool_position none = {0}, end = event_spool_end(s);
	assert_true(end.segment > 1); /* small segments: several */
	struct event_spool_position at = read_all(s, none, 100, text, sizeof text);
	assert_string_equal(text, "one two three four five ");
	assert_int_equal(event_spool_position_cmp(at, end), 0);
	assert_int_equal(event_spool_lag_bytes(s, at), 0);
	event_spool_close(s);
	s = open_spool(path, 0, 60);
	struct uuid again = event_spool_id(s);
	assert_true(uuid_eq(&id, &again));
	(void)read_all(s, none, 1, text, sizeof text);
	assert_string_equal(text, "one two three four five ");
	assert_int_equal(put(s, "six"), 0);
	(void)read_all(s, at, 1, text, sizeof text);
	assert_string_equal(text, "six ");
	event_spool_close(s);
}

static void copy_file(const char *from, const char *to, size_t n, int flip)
{
	struct buf b = BUF_INIT(1 << 20);
	assert_int_equal(file_read(from, 1 << 20, &b, NULL), 0);
	if (flip >= 0)
		b.p[flip] ^= 0x55;
	assert_int_equal(file_write(to, str_sub(buf_str(&b), 0, n), 0600, NULL), 0);
	buf_done(&b);
}

/* A tail torn at every byte: what is whole before it is kept, later appends follow it. */
static void test_torn_tail(void **state)
{
	(void)state;
	const char *path = fresh_dir();
	char from[200], to_dir[200], to[400], text[500];
	struct event_spool *s = open_spool(path, 0, 0);
	uint64_t ends[4];
	static const char *const words[] = {"alpha", "beta", "gamma"};
	static const char *const kept[] = {"", "alpha ", "alpha beta ", "alpha beta gamma "};
	ends[0] = EVENT_SPOOL_HEAD;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(put(s, words[i]), 0);
		ends[i + 1] = event_spool_end(s).offset;
	}
	event_spool_close(s);
	(void)snprintf(from, sizeof from, "%s/0000000000000001.seg", path);
	for (size_t cut = 0; cut <= ends[3]; cut++) {
		(void)snprintf(to_dir, sizeof to_dir, "%s-cut%zu", path, cut);
		(void)snprintf(to, sizeof to, "%s/0000000000000001.seg", to_dir);
		assert_int_equal(file_make_dirs(to_dir, 0700, NULL), 0);
		copy_file(from, to, cut, -1);
		s = open_spool(to_dir, 0, 0);
		size_t whole = 0;
		while (whole < 3 && ends[whole + 1] <= cut)
			whole++;
		struct event_spool_position none = {0};
		(void)read_all(s, none, 2, text, sizeof text);
		assert_string_equal(text, kept[whole]);
		struct event_spool_stats st;
		event_spool_stats(s, &st);
		assert_int_equal(st.cut_bytes, cut - (cut < EVENT_SPOOL_HEAD ? 0 : ends[whole]));
		assert_int_equal(put(s, "new"), 0);
		event_spool_close(s);
		s = open_spool(to_dir, 0, 0);
		char want[100];
		(void)snprintf(want, sizeof want, "%snew ", kept[whole]);
		(void)read_all(s, none, 100, text, sizeof text);
		assert_string_equal(text, want);
		event_spool_close(s);
	}
}

/* A flipped byte anywhere in a record is never read as data. */
static void test_flipped_byte(void **state)
{
	(void)state;
	const char *path = fresh_dir();
	char from[200], to_dir[200], to[400], text[500];
	struct event_spool *s = open_spool(path, 0, 0);
	assert_int_equal(put(s, "alpha"), 0);
	uint64_t first_end = event_spool_end(s).offset;
	assert_int_equal(put(s, "beta"), 0);
	uint64_t end = event_spool_end(s).offset;
	event_spool_close(s);
	(void)snprintf(from, sizeof from, "%s/0000000000000001.seg", path);
	for (uint64_t i = EVENT_SPOOL_HEAD; i < end; i++) {
		(void)snprintf(to_dir, sizeof to_dir, "%s-flip%llu", path, (unsigned long long)i);
		(void)snprintf(to, sizeof to, "%s/0000000000000001.seg", to_dir);
		assert_int_equal(file_make_dirs(to_dir, 0700, NULL), 0);
		copy_file(from, to, end, (int)i);
		s = open_spool(to_dir, 0, 0);
		struct event_spool_position none = {0};
		(void)read_all(s, none, 2, text, sizeof text);
		assert_string_equal(text, i < first_end ? "" : "alpha ");
		event_spool_close(s);
	}
	/* A head that is not ours is an error, not data. */
	(void)snprintf(to_dir, sizeof to_dir, "%s-head", path);
	(void)snprintf(to, sizeof to, "%s/0000000000000001.seg", to_dir);
	assert_int_equal(file_make_dirs(to_dir, 0700, NULL), 0);
	copy_file(from, to, end, 10);
	struct event_spool_config c = {.dir = to_dir};
	struct err err = {0};
	assert_int_equal(event_spool_open(&c, &s, &err), -EBADMSG);
	assert_string_equal(err.key, "event.spool_foreign");
}

static void test_limit_and_trim(void **state)
{
	(void)state;
	struct event_spool *s = open_spool(fresh_dir(), 400, 100);
	char text[1000];
	int stored = 0, r;
	while ((r = put(s, "0123456789")) == 0)
		stored++;
	assert_int_equal(r, -EAGAIN);
	assert_in_range(stored, 5, 20);
	struct event_spool_stats st;
	event_spool_stats(s, &st);
	assert_true(st.bytes <= 400);
	assert_int_equal(put(s, "0123456789"), -EAGAIN);
	struct event_spool_position none = {0};
	struct event_spool_position at = read_all(s, none, 3, text, sizeof text);
	assert_int_equal(event_spool_trim(s, none, NULL), 0);
	assert_int_equal(put(s, "0123456789"), -EAGAIN);
	assert_int_equal(event_spool_trim(s, at, NULL), 0);
	assert_int_equal(put(s, "again"), 0);
	(void)read_all(s, at, 3, text, sizeof text);
	assert_string_equal(text, "again ");
	event_spool_close(s);
}

/* What another thread would be answered while the disk is at work. */
static struct event_spool *written_to;
static int meanwhile;

static ssize_t write_and_ask(int fd, const void *p, size_t n, off_t at)
{
	if (written_to != NULL) {
		struct event_spool_ticket ticket;
		struct buf frames = BUF_INIT(1000);
		event_spool_frame(&frames, STR("0123456789012345678901234567890123456789"));
		meanwhile = event_spool_append(written_to, buf_str(&frames), &ticket, NULL);
		written_to = NULL;
		buf_done(&frames);
	}
	return pwrite(fd, p, n, at);
}

static void test_limit_while_writing(void **state)
{
	(void)state;
	struct event_spool_config c = {.dir = fresh_dir(), .limit_bytes = EVENT_SPOOL_HEAD + 90, .write_at = write_and_ask};
	struct event_spool *s;
	assert_int_equal(event_spool_open(&c, &s, NULL), 0);
	written_to = s;
	meanwhile = 1;
	assert_int_equal(put(s, "0123456789012345678901234567890123456789"), 0);
	assert_int_equal(meanwhile, -EAGAIN);
	event_spool_close(s);
}

static void test_cursor(void **state)
{
	(void)state;
	const char *path = fresh_dir();
	struct event_spool *s = open_spool(path, 0, 0);
	struct event_spool_cursor c, back;
	assert_int_equal(event_spool_cursor_load(s, "stored", &c, NULL), 0);
	assert_int_equal(c.at.segment, 0);
	assert_int_equal(put(s, "one"), 0);
	c.at = event_spool_end(s);
	assert_int_equal(put(s, "two"), 0);
	c.block_end = event_spool_end(s);
	assert_int_equal(event_spool_cursor_store(s, "stored", &c, NULL), 0);
	event_spool_close(s);
	s = open_spool(path, 0, 0);
	assert_int_equal(event_spool_cursor_load(s, "stored", &back, NULL), 0);
	assert_memory_equal(&c, &back, sizeof c);
	struct event_spool_block block = {.bytes = BUF_INIT(1 << 20)};
	assert_int_equal(event_spool_read(s, back.at, &back.block_end, 1, 1, &block, NULL), 1);
	assert_int_equal(event_spool_position_cmp(block.to, back.block_end), 0);
	buf_done(&block.bytes);
	event_spool_close(s);
	/* A cursor of another spool means nothing here. */
	char to[300];
	const char *other = fresh_dir();
	s = open_spool(other, 0, 0);
	(void)snprintf(to, sizeof to, "%s/stored.cursor", other);
	assert_int_equal(file_write(to, STR("{\"spool\":\"00000000-0000-0000-0000-000000000000\",\"segment\":9,\"offset\":9}"), 0600, NULL), 0);
	assert_int_equal(event_spool_cursor_load(s, "stored", &c, NULL), 0);
	assert_int_equal(c.at.segment, 0);
	event_spool_close(s);
}

/* A disk that fills in the middle of a write. */
static ssize_t disk_room;
static ssize_t small_disk(int fd, const void *p, size_t n, off_t at)
{
	if (disk_room == 0) {
		errno = ENOSPC;
		return -1;
	}
	if ((ssize_t)n > disk_room)
		n = (size_t)disk_room;
	disk_room -= (ssize_t)n;
	return pwrite(fd, p, n, at);
}

static int syncs_to_fail;

static int failing_sync(int fd)
{
	if (syncs_to_fail > 0) {
		syncs_to_fail--;
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

/* After a failed sync nobody knows what the disk holds: what was refused is never found again, and the spool goes on. */
static void test_failed_sync(void **state)
{
	(void)state;
	char text[200];
	struct event_spool_position none = {0};
	struct event_spool_config c = {.dir = fresh_dir(), .sync = failing_sync};
	struct event_spool *s;
	assert_int_equal(event_spool_open(&c, &s, NULL), 0);
	assert_int_equal(put(s, "first"), 0);
	syncs_to_fail = 2;
	assert_int_equal(put(s, "refused"), -EAGAIN);
	assert_int_equal(put(s, "refused too"), -EAGAIN);
	assert_int_equal(event_spool_failures(s), 2);
	assert_int_equal(put(s, "later"), 0);
	assert_int_equal(put(s, "last"), 0);
	for (int life = 0; life < 2; life++) {
		(void)read_all(s, none, 10, text, sizeof text);
		assert_string_equal(text, "first later last ");
		event_spool_close(s);
		assert_int_equal(event_spool_open(&c, &s, NULL), 0);
	}
	event_spool_close(s);
}

/* The name of a new segment came to the disk, its bytes did not. */
static void test_empty_head(void **state)
{
	(void)state;
	static const char zeros[EVENT_SPOOL_HEAD + 10];
	char path[300], text[200];
	const char *at = fresh_dir();
	struct event_spool_position none = {0};
	struct event_spool *s = open_spool(at, 0, 0);
	assert_int_equal(put(s, "first"), 0);
	event_spool_close(s);
	(void)snprintf(path, sizeof path, "%s/0000000000000002.seg", at);
	assert_int_equal(file_write(path, str_n(zeros, sizeof zeros), 0600, NULL), 0);
	s = open_spool(at, 0, 0);
	assert_int_equal(put(s, "later"), 0);
	(void)read_all(s, none, 10, text, sizeof text);
	assert_string_equal(text, "first later ");
	event_spool_close(s);
}

static void test_damaged_cursor(void **state)
{
	(void)state;
	char path[300];
	const char *at = fresh_dir();
	struct event_spool *s = open_spool(at, 0, 0);
	struct event_spool_cursor c = {.at = {1, EVENT_SPOOL_HEAD}}, got;
	(void)snprintf(path, sizeof path, "%s/stored.cursor", at);
	static const char *const damaged[] = {"", "{\"spool\":\"", "\x01\x02"};
	for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
		assert_int_equal(event_spool_cursor_store(s, "stored", &c, NULL), 0);
		assert_int_equal(file_write(path, str_c(damaged[i]), 0600, NULL), 0);
		assert_int_equal(event_spool_cursor_load(s, "stored", &got, NULL), 0);
		assert_int_equal(got.at.segment, 0);
		assert_false(file_exists(path));
	}
	event_spool_close(s);
}

static void test_disk_full(void **state)
{
	(void)state;
	const char *path = fresh_dir();
	for (ssize_t room = 0; room < 19; room++) {
		char sub[200], text[200];
		(void)snprintf(sub, sizeof sub, "%s-%zd", path, room);
		struct event_spool_config c = {.dir = sub, .write_at = small_disk};
		struct event_spool *s;
		assert_int_equal(event_spool_open(&c, &s, NULL), 0);
		disk_room = 1000;
		assert_int_equal(put(s, "first"), 0);
		disk_room = room;
		assert_int_equal(put(s, "0123456789a"), -EAGAIN);
		assert_int_equal(event_spool_failures(s), 1);
		struct event_spool_position none = {0};
		(void)read_all(s, none, 10, text, sizeof text);
		assert_string_equal(text, "first ");
		disk_room = 1000;
		assert_int_equal(put(s, "later"), 0);
		event_spool_close(s);
		assert_int_equal(event_spool_open(&c, &s, NULL), 0);
		(void)read_all(s, none, 10, text, sizeof text);
		assert_string_equal(text, "first later ");
		event_spool_close(s);
	}
}

#define WRITERS 8
#define EACH 200
static void *writer(void *ctx)
{
	struct event_spool *s = ctx;
	intptr_t bad = 0;
	for (unsigned i = 0; i < EACH; i++)
		bad += put(s, "x") != 0;
	return (void *)bad;
}

static void test_group_commit(void **state)
{
	(void)state;
	struct event_spool *s = open_spool(fresh_dir(), 0, 4096);
	pthread_t threads[WRITERS];
	for (size_t i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, writer, s), 0);
	struct event_spool_block block = {.bytes = BUF_INIT(64 << 20)};
	struct event_spool_position at = {0};
	size_t seen = 0;
	while (seen < WRITERS * EACH) {
		if (!event_spool_wait(s, at, 5000))
			fail_msg("nothing came after %zu", seen);
		int n = event_spool_read(s, at, NULL, 1 << 20, 100, &block, NULL);
		assert_true(n >= 0);
		seen += (size_t)n;
		at = block.to;
	}
	for (size_t i = 0; i < WRITERS; i++) {
		void *bad;
		assert_int_equal(pthread_join(threads[i], &bad), 0);
		assert_null(bad);
	}
	struct event_spool_stats st;
	event_spool_stats(s, &st);
	assert_true(st.commits <= WRITERS * EACH);
	assert_int_equal(seen, WRITERS * EACH);
	buf_done(&block.bytes);
	event_spool_close(s);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_append_read_reopen),
		cmocka_unit_test(test_torn_tail),
		cmocka_unit_test(test_flipped_byte),
		cmocka_unit_test(test_limit_and_trim),
		cmocka_unit_test(test_limit_while_writing),
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_failed_sync),
		cmocka_unit_test(test_empty_head),
		cmocka_unit_test(test_damaged_cursor),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_group_commit),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
