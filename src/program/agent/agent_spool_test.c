/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/mem/mem.h"
#include "program/agent/agent_spool.h"

static struct agent_spool *open_spool(const char *dir, uint64_t max_bytes, uint64_t segment_bytes)
{
	struct agent_spool *s = NULL;
	struct err err = {0};
	char line[512];
	if (agent_spool_open(&(struct agent_spool_config){dir, max_bytes, segment_bytes}, &s, &err) < 0)
		fail_msg("%s", err_line(&err, line, sizeof line));
	return s;
}

static char *new_dir(void)
{
	static char dir[64];
	(void)snprintf(dir, sizeof dir, "/tmp/luytre-spool-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return dir;
}

static uint64_t put(struct agent_spool *s, int i)
{
	char text[64];
	uint64_t sequence = 0;
	(void)snprintf(text, sizeof text, "{\"i\":%d}", i);
	assert_int_equal(agent_spool_append(s, str_c(text), &sequence, NULL), 0);
	return sequence;
}

/* Takes everything that waits, as a sender does; returns how many reports. */
static unsigned drain(struct agent_spool *s, unsigned max_records, struct buf *out)
{
	unsigned count = 0;
	struct agent_spool_batch b;
	while (agent_spool_read(s, max_records, 10000, &b, NULL) > 0) {
		assert_true(b.count > 0 && b.count <= max_records);
		assert_int_equal(b.last - b.first + 1, b.count);
		count += b.count;
		if (out != NULL)
			buf_append(out, buf_str(&b.ndjson));
		assert_int_equal(agent_spool_ack(s, b.last, NULL), 0);
		agent_spool_batch_done(&b);
	}
	return count;
}

static void reports_come_back_in_order(void **state)
{
	(void)state;
	struct agent_spool *s = open_spool(new_dir(), 0, 0);
	struct buf out = BUF_INIT(10000);
	assert_false(agent_spool_wait(s, 1000));
	assert_int_equal(put(s, 1), 1);
	assert_int_equal(put(s, 2), 2);
	assert_int_equal(agent_spool_append(s, STR("{}"), NULL, NULL), 0);
	assert_true(agent_spool_wait(s, 1000));
	assert_int_equal(agent_spool_state(s).waiting, 3);
	assert_int_equal(drain(s, 2, &out), 3);
	assert_true(str_eq_c(buf_str(&out), "{\"event.sequence\":1,\"i\":1}\n{\"event.sequence\":2,\"i\":2}\n{\"event.sequence\":3}\n"));
	assert_int_equal(agent_spool_state(s).waiting, 0);
	buf_done(&out);
	agent_spool_free(s);
}

static void unacknowledged_reports_are_read_again(void **state)
{
	(void)state;
	char *dir = new_dir();
	struct agent_spool *s = open_spool(dir, 0, 200); /* several segments */
	for (int i = 1; i <= 30; i++)
		(void)put(s, i);
	struct agent_spool_batch first, again;
	assert_int_equal(agent_spool_read(s, 5, 10000, &first, NULL), 1);
	assert_int_equal(agent_spool_read(s, 5, 10000, &again, NULL), 1);
	assert_true(uuid_eq(&first.epoch, &again.epoch));
	assert_int_equal(first.first, again.first);
	assert_int_equal(first.last, again.last);
	assert_int_equal(agent_spool_ack(s, first.last, NULL), 0);
	uint64_t acked = first.last;
	struct uuid epoch = first.epoch;
	agent_spool_batch_done(&first);
	agent_spool_batch_done(&again);
	agent_spool_free(s); /* as after a crash: nothing is written at the end */

	s = open_spool(dir, 0, 200);
	assert_int_equal(agent_spool_state(s).waiting, 30 - acked);
	assert_int_equal(agent_spool_read(s, 5, 10000, &first, NULL), 1);
	assert_int_equal(first.first, acked + 1);
	assert_true(uuid_eq(&epoch, &first.epoch));
	agent_spool_batch_done(&first);
	assert_int_equal(put(s, 31), 31);
	assert_int_equal(drain(s, 100, NULL), 31 - acked);
	agent_spool_free(s);

	s = open_spool(dir, 0, 200); /* empty, but the numbers go on */
	assert_int_equal(put(s, 32), 32);
	assert_int_equal(agent_spool_read(s, 5, 10000, &first, NULL), 1);
	assert_true(uuid_eq(&epoch, &first.epoch));
	agent_spool_batch_done(&first);
	agent_spool_free(s);
}

static void only_segment(const char *dir, char path[512])
{
	DIR *d = opendir(dir);
	path[0] = '\0';
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		if (strstr(e->d_name, ".seg") != NULL)
			(void)snprintf(path, 512, "%s/%.200s", dir, e->d_name);
	(void)closedir(d);
	assert_true(path[0] != '\0');
}

/* A crash may leave any part of the file: every length is tried. */
static void every_truncation_is_survived(void **state)
{
	(void)state;
	char path[512];
	char *dir = new_dir();
	struct agent_spool *s = open_spool(dir, 0, 0);
	for (int i = 1; i <= 3; i++)
		(void)put(s, i);
	agent_spool_free(s);
	only_segment(dir, path);
	struct buf whole = BUF_INIT(100000);
	assert_int_equal(file_read(path, 100000, &whole, NULL), 0);
	uint64_t record = (whole.n - 24) / 3;
	for (size_t n = 0; n < whole.n; n++) {
		char *other = new_dir();
		char copy[600];
		(void)snprintf(copy, sizeof copy, "%s/%020d.seg", other, 1);
		assert_int_equal(file_write(copy, str_n(whole.p, n), 0600, NULL), 0);
		s = open_spool(other, 0, 0);
		unsigned expected = n < 24 ? 0 : (unsigned)((n - 24) / record);
		assert_int_equal(agent_spool_state(s).waiting, expected);
		uint64_t sequence = put(s, 9);
		assert_true(sequence > expected);
		struct agent_spool_batch b;
		struct uuid old = {{0}};
		if (expected > 0) {
			assert_int_equal(agent_spool_read(s, 100, 10000, &b, NULL), 1);
			assert_int_equal(b.count, expected);
			old = b.epoch;
			assert_int_equal(agent_spool_ack(s, b.last, NULL), 0);
			agent_spool_batch_done(&b);
		}
		assert_int_equal(agent_spool_read(s, 100, 10000, &b, NULL), 1);
		assert_int_equal(b.count, 1);
		assert_false(uuid_eq(&b.epoch, &old)); /* a number that was lost may have been sent */
		agent_spool_batch_done(&b);
		agent_spool_free(s);
	}
	buf_done(&whole);
}

static void flipped_bytes_are_found(void **state)
{
	(void)state;
	char path[512];
	char *dir = new_dir();
	struct agent_spool *s = open_spool(dir, 0, 0);
	for (int i = 1; i <= 3; i++)
		(void)put(s, i);
	agent_spool_free(s);
	only_segment(dir, path);
	struct buf bytes = BUF_INIT(100000);
	assert_int_equal(file_read(path, 100000, &bytes, NULL), 0);
	bytes.p[bytes.n / 2] ^= 0x20;
	assert_int_equal(file_write(path, buf_str(&bytes), 0600, NULL), 0);
	s = open_spool(dir, 0, 0);
	assert_int_equal(agent_spool_state(s).waiting, 1);
	assert_true(agent_spool_state(s).damaged > 0);
	assert_true(put(s, 4) > 1);
	assert_int_equal(drain(s, 100, NULL), 2);
	agent_spool_free(s);
	buf_done(&bytes);
}

static void lost_acknowledgements_mean_a_new_epoch(void **state)
{
	(void)state;
	char *dir = new_dir(), path[512];
	struct agent_spool *s = open_spool(dir, 0, 0);
	struct agent_spool_batch b;
	(void)put(s, 1);
	assert_int_equal(agent_spool_read(s, 5, 10000, &b, NULL), 1);
	struct uuid epoch = b.epoch;
	agent_spool_batch_done(&b);
	assert_int_equal(agent_spool_ack(s, b.last, NULL), 0);
	agent_spool_free(s);
	(void)snprintf(path, sizeof path, "%s/acked", dir);
	assert_int_equal(unlink(path), 0);
	s = open_spool(dir, 0, 0);
	(void)put(s, 2);
	assert_int_equal(agent_spool_read(s, 5, 10000, &b, NULL), 1);
	assert_false(uuid_eq(&epoch, &b.epoch));
	agent_spool_batch_done(&b);
	agent_spool_free(s);
}

static void the_spool_is_bounded(void **state)
{
	(void)state;
	struct agent_spool *s = open_spool(new_dir(), 2000, 500);
	struct err err = {0};
	int stored = 0;
	while (agent_spool_append(s, STR("{\"text\":\"0123456789012345678901234567890123456789\"}"), NULL, &err) == 0)
		stored++;
	assert_string_equal(err.key, "agent.spool_full");
	assert_true(stored > 5 && stored < 40);
	assert_int_equal(agent_spool_state(s).refused, 1);
	assert_true(agent_spool_state(s).bytes <= 2100);
	assert_int_equal(drain(s, 3, NULL), stored);
	assert_int_equal(agent_spool_append(s, STR("{}"), NULL, NULL), 0); /* room again */
	static char big[AGENT_SPOOL_RECORD_MAX + 10];
	memset(big, ' ', sizeof big);
	big[0] = '{';
	big[sizeof big - 1] = '}';
	assert_int_equal(agent_spool_append(s, str_n(big, sizeof big), NULL, NULL), -E2BIG);
	agent_spool_free(s);
}

static void a_failing_disk_is_told_and_recovered_from(void **state)
{
	(void)state;
	char *dir = new_dir();
	struct agent_spool *s = open_spool(dir, 0, 100);
	(void)put(s, 1);
	char gone[128];
	(void)snprintf(gone, sizeof gone, "%s.gone", dir);
	for (int i = 0; i < 3; i++)
		(void)put(s, i);
	assert_int_equal(rename(dir, gone), 0);
	int failures = 0;
	for (int i = 0; i < 6; i++)
		failures += agent_spool_append(s, STR("{\"x\":\"............................................................\"}"), NULL, NULL) < 0;
	assert_true(failures > 0);
	assert_int_equal(agent_spool_state(s).refused, failures);
	assert_int_equal(rename(gone, dir), 0);
	unsigned waiting = (unsigned)agent_spool_state(s).waiting;
	(void)put(s, 7);
	assert_int_equal(drain(s, 2, NULL), waiting + 1);
	agent_spool_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_come_back_in_order),
		cmocka_unit_test(unacknowledged_reports_are_read_again),
		cmocka_unit_test(every_truncation_is_survived),
		cmocka_unit_test(flipped_bytes_are_found),
		cmocka_unit_test(lost_acknowledgements_mean_a_new_epoch),
		cmocka_unit_test(the_spool_is_bounded),
		cmocka_unit_test(a_failing_disk_is_told_and_recovered_from),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
