/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What a machine tells of its programs: once, on change, and once a week; within bounds; over restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/json/json.h"
#include "engine/malware/malware_file.h"
#include "platform/crypto/crypto.h"
#include "program/agent/agent_seen.h"

#define START (20000 * USEC_PER_DAY)

static char dir[64], path[128];

static struct agent_seen *open_seen(void)
{
	(void)snprintf(dir, sizeof dir, "/tmp/luytre-seen-XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/seen", dir);
	return agent_seen_new(path);
}

static void note(struct agent_seen *s, const char *name, unsigned char content, usec_t now)
{
	unsigned char sha[SHA256_SIZE];
	memset(sha, content, sizeof sha);
	agent_seen_note(s, str_c(name), content != 0 ? sha : NULL, 100, now);
}

/* The names of a report, in order. */
static size_t report(struct agent_seen *s, usec_t now, char *names, size_t size)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)8 << 20);
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 20);
	const struct json *root = NULL;
	struct buf list = BUF_FIXED(names, size);
	names[0] = '\0';
	size_t n = agent_seen_report(s, now, &out);
	assert_int_equal(json_parse(arena, buf_str(&out), NULL, &root, NULL), 0);
	const struct json *files = json_get(root, "files");
	assert_int_equal(files->count, n);
	json_each(f, files) {
		buf_append(&list, json_get_str(f, "path", STR_EMPTY));
		buf_append_char(&list, ' ');
		assert_int_equal(json_get_str(f, "sha256", STR_EMPTY).n, 64);
	}
	return n;
}

static void told_once_on_change_and_weekly(void **state)
{
	(void)state;
	char names[256];
	struct agent_seen *s = open_seen();
	usec_t now = START;
	note(s, "unknown", 0, now); /* its hash is not known */
	note(s, "a", 1, now);
	note(s, "b", 2, now);
	note(s, "a", 1, now + 1);
	assert_int_equal(report(s, now + 1, names, sizeof names), 0); /* waits for more */
	now += AGENT_SEEN_DELAY + USEC_PER_SEC;
	assert_int_equal(report(s, now, names, sizeof names), 2);
	assert_string_equal(names, "a b ");
	assert_int_equal(report(s, now, names, sizeof names), 2); /* not told: it comes again */
	agent_seen_wait(s, now + USEC_PER_HOUR);
	assert_int_equal(report(s, now, names, sizeof names), 0);
	now += USEC_PER_HOUR;
	assert_int_equal(report(s, now, names, sizeof names), 2);
	agent_seen_told(s, now);
	note(s, "a", 0, now);
	note(s, "b", 3, now); /* another content */
	now += AGENT_SEEN_DELAY;
	assert_int_equal(report(s, now, names, sizeof names), 1);
	assert_string_equal(names, "b ");
	agent_seen_told(s, now);
	agent_seen_free(s);
	/* It is remembered over a restart. */
	s = agent_seen_new(path);
	assert_int_equal(agent_seen_counts(s).places, 2);
	note(s, "a", 0, now);
	note(s, "b", 3, now);
	assert_int_equal(agent_seen_counts(s).waiting, 0);
	now += AGENT_SEEN_AGAIN + USEC_PER_HOUR;
	note(s, "a", 0, now);
	now += AGENT_SEEN_DELAY;
	assert_int_equal(report(s, now, names, sizeof names), 1);
	assert_string_equal(names, "a ");
	agent_seen_free(s);
	/* Damaged, everything is told anew. */
	cleanup_buf struct buf bytes = BUF_INIT((size_t)1 << 20);
	assert_int_equal(file_read(path, (size_t)1 << 20, &bytes, NULL), 0);
	bytes.p[20] ^= 1;
	assert_int_equal(file_write(path, buf_str(&bytes), 0600, NULL), 0);
	s = agent_seen_new(path);
	assert_int_equal(agent_seen_counts(s).places, 0);
	agent_seen_free(s);
}

static void it_is_bounded(void **state)
{
	(void)state;
	struct agent_seen *s = open_seen();
	static char names[(size_t)64 << 10];
	usec_t now = START;
	for (unsigned i = 0; i < 3 * AGENT_SEEN_PLACES; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "p%u", i);
		now += USEC_PER_SEC;
		note(s, name, (unsigned char)(1 + i % 200), now);
		if (i % 700 == 0) {
			size_t n = report(s, now, names, sizeof names);
			assert_true(n <= AGENT_SEEN_REPORT);
			if (n > 0)
				agent_seen_told(s, now);
		}
		assert_true(agent_seen_counts(s).waiting <= AGENT_SEEN_WAITING);
	}
	assert_int_equal(agent_seen_counts(s).places, AGENT_SEEN_PLACES);
	/* The newest are there, wherever they were put. */
	for (unsigned i = 0; i < 1000; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "p%u", 3 * AGENT_SEEN_PLACES - 1 - i);
		note(s, name, (unsigned char)(1 + (3 * AGENT_SEEN_PLACES - 1 - i) % 200), now);
	}
	assert_int_equal(agent_seen_counts(s).places, AGENT_SEEN_PLACES);
	agent_seen_free(s);
}

static void programs_by_their_first_bytes(void **state)
{
	(void)state;
	static const struct {
		struct str bytes;
		bool program;
	} rows[] = {{STR("MZ\x90"), true}, {STR("\x7f" "ELF\2"), true}, {STR("#!/bin/sh\n"), true}, {STR("M"), false}, {STR(""), false},
	            {STR("\x7f" "EL"), false}, {STR("PK\3\4"), false}};
	agent_seen_free(open_seen());
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(file_write(path, rows[i].bytes, 0600, NULL), 0);
		int fd = malware_file_open(path, NULL);
		assert_true(fd >= 0);
		assert_int_equal(agent_seen_is_program(fd), rows[i].program);
		(void)close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_once_on_change_and_weekly),
		cmocka_unit_test(it_is_bounded),
		cmocka_unit_test(programs_by_their_first_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
