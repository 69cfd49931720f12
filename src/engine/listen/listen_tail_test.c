/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Files written, rotated and truncated under the follower; every line is taken once, in every life. */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/event_pipeline/event_pipeline.h"
#include "engine/event_pipeline/event_test_support.h"
#include "engine/listen/listen_tail.h"

#define WAIT_S 30

struct fixture {
	struct event_pipeline *events;
	struct listen_tail *tail;
	char dir[200], log[300], state[300], spool[300];
	uint64_t before; /* taken in earlier lives */
};

static bool no_alert(void *ctx, const struct event_alert *alert)
{
	(void)ctx;
	(void)alert;
	return false;
}

static bool join_lines; /* of the lives that begin now */

static void begin_life(struct fixture *f, const char *path)
{
	struct err err = {0};
	const char *const paths[] = {path, NULL}, *const none[] = {NULL};
	const struct event_pipeline_config ec = {.dir = f->spool, .on_alert = no_alert};
	test_ok(event_pipeline_start(&ec, &f->events, &err), &err);
	const struct listen_tail_config tc = {.events = f->events, .paths = join_lines ? none : paths,
	                                      .joined_paths = join_lines ? paths : NULL, .state = f->state, .poll_ms = 5};
	test_ok(listen_tail_start(&tc, &f->tail, &err), &err);
}

static uint64_t taken(const struct fixture *f)
{
	struct event_pipeline_stats s;
	event_pipeline_stats(f->events, &s);
	return f->before + s.received;
}

static void end_life(struct fixture *f)
{
	listen_tail_stop(f->tail);
	f->before = taken(f);
	event_pipeline_stop(f->events);
}

static void set_paths(struct fixture *f)
{
	struct err err = {0};
	*f = (struct fixture){0};
	(void)snprintf(f->dir, sizeof(f->dir), "%s", test_fresh_dir());
	(void)snprintf(f->log, sizeof(f->log), "%s/logs/app.log", f->dir);
	(void)snprintf(f->state, sizeof(f->state), "%s/tail", f->dir);
	(void)snprintf(f->spool, sizeof(f->spool), "%s/pipeline", f->dir);
	char logs[300];
	(void)snprintf(logs, sizeof(logs), "%s/logs", f->dir);
	test_ok(file_make_dirs(logs, 0700, &err), &err);
}

static void add(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void until(const struct fixture *f, uint64_t want)
{
	const struct timespec nap = {.tv_nsec = 2000000};
	usec_t end = clock_monotonic() + WAIT_S * USEC_PER_SEC;
	while (taken(f) < want && clock_monotonic() < end)
		(void)nanosleep(&nap, NULL);
	/* Time for one too many to show. */
	for (unsigned i = 0; i < 20; i++)
		(void)nanosleep(&nap, NULL);
	assert_int_equal(taken(f), want);
}

static void rotated(const struct fixture *f, const char *suffix)
{
	char to[320];
	(void)snprintf(to, sizeof(to), "%s%s", f->log, suffix);
	assert_int_equal(rename(f->log, to), 0);
}

static void test_follows(void **state)
{
	(void)state;
	struct fixture f;
	set_paths(&f);
	begin_life(&f, f.log); /* not there yet */
	add(f.log, "one\ntwo\r\n\nthr");
	until(&f, 2);
	add(f.log, "ee\n");
	until(&f, 3);
	/* rename + create: what is still written to the old one counts */
	int old = open(f.log, O_WRONLY | O_APPEND | O_CLOEXEC);
	rotated(&f, ".1");
	add(f.log, "new one\n");
	until(&f, 4);
	assert_int_equal(write(old, "late\n", 5), 5);
	(void)close(old);
	until(&f, 5);
	/* copytruncate, shorter and (before it is noticed) longer than before */
	assert_int_equal(truncate(f.log, 0), 0);
	until(&f, 5);
	add(f.log, "again\n");
	until(&f, 6);
	int fd = open(f.log, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "longer than what was there before\n", 34), 34);
	(void)close(fd);
	until(&f, 7);
	end_life(&f);
}

/* Stopped in order, and by a crash after which the places kept are old. */
static void test_lives(void **state)
{
	(void)state;
	struct fixture f;
	struct err err = {0};
	cleanup_buf struct buf places = BUF_INIT(1 << 20);
	set_paths(&f);
	add(f.log, "one\n");
	begin_life(&f, f.log);
	until(&f, 1);
	end_life(&f);
	test_ok(file_read(f.state, 1 << 20, &places, &err), &err);
	add(f.log, "two\n");
	begin_life(&f, f.log);
	until(&f, 2);
	end_life(&f);
	test_ok(file_write(f.state, buf_str(&places), 0600, &err), &err); /* as if it had not been kept */
	begin_life(&f, f.log);
	until(&f, 2);
	add(f.log, "three\n");
	until(&f, 3);
	end_life(&f);
	/* Rotated while nobody looked: the rest of the old one, and the new one. */
	add(f.log, "four\n");
	rotated(&f, ".1");
	add(f.log, "five\n");
	begin_life(&f, f.log);
	until(&f, 5);
	end_life(&f);
	/* Replaced by another of the same length: another file, whatever its inode. */
	assert_int_equal(unlink(f.log), 0);
	add(f.log, "FIVE\n");
	begin_life(&f, f.log);
	until(&f, 6);
	end_life(&f);
	/* No state at all, or one that is none: read anew, nothing worse. */
	test_ok(file_write(f.state, STR("nonsense\n\n1 2 3 4 5 6 7\n"), 0600, &err), &err);
	begin_life(&f, f.log);
	until(&f, 7);
	end_life(&f);
}

static void test_folder_and_long_lines(void **state)
{
	(void)state;
	struct fixture f;
	char folder[300], other[320];
	set_paths(&f);
	(void)snprintf(folder, sizeof(folder), "%s/logs", f.dir);
	(void)snprintf(other, sizeof(other), "%s/other.gz", folder);
	char *long_line = mem_alloc(3 * EVENT_LINE_LIMIT + 2);
	memset(long_line, 'x', 3 * EVENT_LINE_LIMIT);
	long_line[3 * EVENT_LINE_LIMIT] = '\n';
	begin_life(&f, folder);
	add(other, "packed\n");
	add(f.log, "before\n");
	add(f.log, long_line);
	add(f.log, "behind\n");
	until(&f, 2);
	struct event_source_counts c;
	assert_int_equal(event_sources_list(event_pipeline_sources(f.events), 0, &c, 1), 1);
	assert_int_equal(c.rejected, 1);
	/* In a folder a renamed file is the same file. */
	rotated(&f, ".1");
	add(f.log, "new\n");
	until(&f, 3);
	end_life(&f);
	mem_free(long_line);
}

/* Stack traces are one event each, also over a crash after which the places kept are old. */
static void test_joined(void **state)
{
	(void)state;
	struct fixture f;
	struct err err = {0};
	cleanup_buf struct buf places = BUF_INIT(1 << 20);
	set_paths(&f);
	join_lines = true;
	begin_life(&f, f.log);
	add(f.log, "10:00 zero\n10:00 ERROR one\njava.lang.Exception: y\n\tat a.B(C.java:1)\n10:01 two\n");
	/* The last line is a record after a second. */
	until(&f, 3);
	/* What comes later is no part of what was taken. */
	test_ok(file_read(f.state, 1 << 20, &places, &err), &err);
	add(f.log, "\tat late.Frame\n");
	until(&f, 4);
	end_life(&f);
	/* As if the process had died after the third was taken and before its place was kept: the boundary is there. */
	test_ok(file_write(f.state, buf_str(&places), 0600, &err), &err);
	begin_life(&f, f.log);
	until(&f, 4);
	add(f.log, "10:02 three\n at x\n at y\n10:03 four\n");
	until(&f, 6);
	/* The old one is read to its end, and its last record is whole. */
	add(f.log, "10:04 five\n");
	rotated(&f, ".1");
	add(f.log, "10:05 new\n at z\n");
	until(&f, 8);
	end_life(&f);
	begin_life(&f, f.log);
	until(&f, 8);
	end_life(&f);
	join_lines = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_lives),
		cmocka_unit_test(test_folder_and_long_lines),
		cmocka_unit_test(test_joined),
	};
	return cmocka_run_group_tests(tests, test_set_up, test_tear_down);
}
