/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the room's tests share: a folder that goes away, senders, batches, and walking a spool. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/event_pipeline/event_ingest.h"

static char test_top[64];

static inline int test_set_up(void **state)
{
	(void)state;
	(void)snprintf(test_top, sizeof test_top, "/tmp/event-test-XXXXXX");
	return mkdtemp(test_top) != NULL ? 0 : -1;
}

static inline int test_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int test_tear_down(void **state)
{
	(void)state;
	return nftw(test_top, test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *test_fresh_dir(void)
{
	static char path[100];
	static unsigned n;
	(void)snprintf(path, sizeof path, "%s/%u", test_top, n++);
	return path;
}

static inline struct event_sender test_sender(unsigned char n)
{
	struct event_sender s = {.source = "agent", .retention_days = 30, .keeps_event_id = true};
	memset(s.credential, 'a' + n % 6, 64);
	s.id.b[0] = s.endpoint.b[0] = n;
	s.unit.b[15] = n;
	return s;
}

static inline struct event_batch test_batch(const char *text, unsigned char epoch, uint64_t first)
{
	struct event_batch b = {.body = str_c(text), .first_sequence = first};
	b.epoch.b[3] = epoch;
	return b;
}

static inline void test_ok(int r, const struct err *err)
{
	char line[500];
	if (r < 0)
		fail_msg("%s", err_line(err, line, sizeof line));
}

/* "sequence:raw " of every record from the beginning. */
static inline void test_dump(struct event_spool *s, char *out, size_t size)
{
	struct event_spool_block block = {.bytes = BUF_INIT(64 << 20)};
	struct event_spool_position at = {0};
	struct buf text = BUF_FIXED(out, size);
	while (event_spool_read(s, at, NULL, 1 << 20, 1000, &block, NULL) > 0) {
		struct str payload;
		for (size_t walk = 0; event_spool_next(&block, &walk, &payload);) {
			struct event_record r;
			test_ok(event_record_decode(payload, &r, NULL), NULL);
			buf_printf(&text, "%llu:%.*s ", (unsigned long long)r.sequence, STR_FMT(r.raw));
		}
		at = block.to;
	}
	buf_done(&block.bytes);
}
