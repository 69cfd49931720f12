/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "engine/event/event_crc.h"

#define MAGIC "LTDETJ01"
#define HEAD (sizeof MAGIC - 1 + 16 + 4)
#define FRAME_MAX ((size_t)256 << 20)
#define FILE_MAX ((uint64_t)1 << 30)
#define COMPACT_AT ((uint64_t)32 << 20)
#define PATH_SIZE 1200
#define KEY_BYTES (EVENT_JOURNAL_KEY - 1)

enum frame_type { FRAME_CHANGES = 1, FRAME_ALL = 2 };

struct event_journal {
	char path[PATH_SIZE - 32], dir[1024];
	struct uuid spool;
	struct event_flood_limits limits;
	struct event_flood *flood;
	int fd;
	uint64_t size, compact_at;
	struct event_spool_position at;
	char key[EVENT_JOURNAL_KEY];
	struct buf captured; /* parts, each behind its length (4) */
	struct buf flat;     /* the same without lengths, as it was asked for */
};

static void put_le(struct buf *out, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_append_char(out, (char)(v >> 8 * i));
}

/* ---- what correlations were fed with ---- */

static void drop_oldest(struct event_journal *j, size_t room)
{
	size_t cut = 0;
	while (cut < j->captured.n && j->captured.n - cut + room > EVENT_JOURNAL_CAPTURED) {
		struct cursor c = cursor_of(str_sub(buf_str(&j->captured), cut, j->captured.n));
		cut += 4 + cursor_u32_le(&c);
	}
	buf_consume(&j->captured, cut < j->captured.n ? cut : j->captured.n);
}

static void keep_captured(struct event_journal *j, const char *key, struct str part)
{
	if (strcmp(key, j->key) != 0) {
		buf_clear(&j->captured);
		str_copy_c(str_c(key), j->key, sizeof j->key);
	}
	if (part.n == 0 || part.n + 4 > EVENT_JOURNAL_CAPTURED)
		return;
	drop_oldest(j, part.n + 4);
	put_le(&j->captured, part.n, 4);
	buf_append(&j->captured, part);
}

struct str event_journal_captured(const struct event_journal *given, const char **ret_key)
{
	struct event_journal *j = (struct event_journal *)(uintptr_t)given;
	struct cursor c = cursor_of(buf_str(&j->captured));
	buf_clear(&j->flat);
	while (!cursor_at_end(&c) && !c.failed)
		buf_append(&j->flat, cursor_take(&c, cursor_u32_le(&c)));
	*ret_key = j->key;
	return buf_str(&j->flat);
}

/* ---- reading ---- */

static int bad(struct err *err)
{
	return err_set(err, -EBADMSG, "event.bad_journal");
}

static void begin_state(struct event_journal *j)
{
	event_flood_free(j->flood);
	j->flood = event_flood_new(&j->limits);
	buf_clear(&j->captured);
	j->key[0] = '\0';
}

static int apply(struct event_journal *j, struct str payload, struct err *err)
{
	struct cursor c = cursor_of(payload);
	char key[EVENT_JOURNAL_KEY];
	uint8_t type = cursor_u8(&c);
	struct event_spool_position to = {.segment = cursor_u64_le(&c)};
	to.offset = cursor_u64_le(&c);
	str_copy_c(cursor_take(&c, KEY_BYTES), key, sizeof key);
	struct str counts = cursor_take(&c, cursor_u32_le(&c));
	if (c.failed || (type != FRAME_CHANGES && type != FRAME_ALL))
		return bad(err);
	if (type == FRAME_ALL)
		begin_state(j);
	int r = event_flood_load(j->flood, counts, err);
	if (r < 0)
		return r;
	keep_captured(j, key, cursor_rest(&c));
	j->at = to;
	return 0;
}

static bool take_frame(struct cursor *c, struct str *ret)
{
	size_t at = c->at;
	uint32_t size = cursor_u32_le(c), sum = cursor_u32_le(c);
	*ret = cursor_take(c, size);
	if (c->failed || size == 0)
		return false;
	return event_crc32c(event_crc32c(0, str_sub(c->s, at, at + 4)), *ret) == sum;
}

static void put_head(const struct event_journal *j, struct buf *out)
{
	size_t at = out->n;
	buf_append_c(out, MAGIC);
	buf_append(out, str_n(j->spool.b, sizeof j->spool.b));
	put_le(out, event_crc32c(0, str_sub(buf_str(out), at, out->n)), 4);
}

/* Whole frames from the front; *ret_good: how far. */
static int read_all(struct event_journal *j, struct str bytes, size_t *ret_good, struct err *err)
{
	cleanup_buf struct buf head = BUF_INIT(HEAD);
	put_head(j, &head);
	*ret_good = 0;
	if (!str_eq(str_sub(bytes, 0, HEAD), buf_str(&head)))
		return bad(err);
	struct cursor c = cursor_of(bytes);
	(void)cursor_take(&c, HEAD);
	*ret_good = c.at;
	for (struct str payload; take_frame(&c, &payload);) {
		int r = apply(j, payload, err);
		if (r < 0)
			return r;
		*ret_good = c.at;
	}
	return 0;
}

/* ---- writing ---- */

static size_t begin_frame(struct buf *out, enum frame_type type, struct event_spool_position at, const char *key)
{
	size_t from = out->n;
	char padded[KEY_BYTES] = {0};
	(void)memcpy(padded, key, strnlen(key, KEY_BYTES));
	put_le(out, 0, 8);
	put_le(out, type, 1);
	put_le(out, at.segment, 8);
	put_le(out, at.offset, 8);
	buf_append(out, str_n(padded, sizeof padded));
	put_le(out, 0, 4);
	return from;
}

static void set_le(struct buf *b, size_t at, uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		b->p[at + i] = (char)(v >> 8 * i);
}

static int end_frame(struct buf *out, size_t from, size_t counts_end, struct err *err)
{
	const size_t counts_at = from + 8 + 1 + 16 + KEY_BYTES;
	if (out->overflow)
		return err_set(err, -E2BIG, "event.bad_journal");
	set_le(out, counts_at, (uint32_t)(counts_end - counts_at - 4));
	set_le(out, from, (uint32_t)(out->n - from - 8));
	uint32_t sum = event_crc32c(0, str_sub(buf_str(out), from, from + 4));
	set_le(out, from + 4, event_crc32c(sum, str_sub(buf_str(out), from + 8, out->n)));
	return 0;
}

/* The file anew, in place of the old one. */
static int rewrite(struct event_journal *j, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(FRAME_MAX + HEAD);
	put_head(j, &out);
	if (j->at.segment != 0) {
		const char *key;
		size_t from = begin_frame(&out, FRAME_ALL, j->at, j->key);
		event_flood_save(j->flood, true, &out);
		size_t counts_end = out.n;
		buf_append(&out, event_journal_captured(j, &key));
		int r = end_frame(&out, from, counts_end, err);
		if (r < 0)
			return r;
	}
	int r = file_write(j->path, buf_str(&out), 0600, err);
	if (r < 0)
		return r;
	file_close(&j->fd);
	j->fd = open(j->path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (j->fd < 0)
		return err_errno(err, errno, "open", str_c(j->path));
	j->size = out.n;
	j->compact_at = out.n + COMPACT_AT;
	return 0;
}

int event_journal_append(struct event_journal *j, struct event_spool_position at, const char *key, struct str captured, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(FRAME_MAX);
	size_t from = begin_frame(&out, FRAME_CHANGES, at, key);
	event_flood_save(j->flood, false, &out);
	size_t counts_end = out.n;
	if (captured.n + 4 <= EVENT_JOURNAL_CAPTURED)
		buf_append(&out, captured);
	int r = end_frame(&out, from, counts_end, err);
	if (r == 0)
		r = file_write_all(j->fd, buf_str(&out), err);
	if (r == 0 && fdatasync(j->fd) < 0)
		r = err_errno(err, errno, "fdatasync", str_c(j->path));
	if (r < 0)
		return r;
	j->at = at;
	j->size += out.n;
	keep_captured(j, key, captured);
	return j->size > j->compact_at ? rewrite(j, err) : 0;
}

/* ---- opening ---- */

static void put_aside(const struct event_journal *j)
{
	char aside[PATH_SIZE];
	(void)snprintf(aside, sizeof aside, "%s.damaged", j->path);
	(void)!rename(j->path, aside);
}

static int read_file(struct event_journal *j, struct err *err)
{
	struct buf bytes = BUF_INIT(FILE_MAX);
	size_t good = 0;
	int r = file_read(j->path, FILE_MAX, &bytes, NULL);
	if (r == -ENOENT) {
		buf_done(&bytes);
		return rewrite(j, err);
	}
	if (r == 0)
		r = read_all(j, buf_str(&bytes), &good, NULL);
	size_t size = bytes.n;
	buf_done(&bytes);
	if (r < 0) {
		/* Of what was read before the damage nothing is used: half a state would count wrong. */
		put_aside(j);
		begin_state(j);
		j->at = (struct event_spool_position){0};
		return rewrite(j, err);
	}
	if (good < size && truncate(j->path, (off_t)good) < 0)
		return err_errno(err, errno, "truncate", str_c(j->path));
	j->size = good;
	j->compact_at = good + COMPACT_AT;
	j->fd = open(j->path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	return j->fd < 0 ? err_errno(err, errno, "open", str_c(j->path)) : 0;
}

int event_journal_open(const char *dir, struct uuid spool, const struct event_flood_limits *limits, struct event_journal **ret,
                       struct err *err)
{
	struct event_journal *j = MEM_NEW(struct event_journal);
	str_copy_c(str_c(dir), j->dir, sizeof j->dir);
	(void)snprintf(j->path, sizeof j->path, "%s/detect.journal", j->dir);
	j->spool = spool;
	j->fd = -1;
	if (limits != NULL)
		j->limits = *limits;
	j->captured = BUF_INIT(EVENT_JOURNAL_CAPTURED + 64);
	j->flat = BUF_INIT(EVENT_JOURNAL_CAPTURED + 64);
	begin_state(j);
	int r = file_make_dirs(dir, 0700, err);
	if (r == 0)
		r = read_file(j, err);
	if (r < 0)
		event_journal_close(j);
	else
		*ret = j;
	return r;
}

void event_journal_close(struct event_journal *j)
{
	if (j == NULL)
		return;
	file_close(&j->fd);
	event_flood_free(j->flood);
	buf_done(&j->captured);
	buf_done(&j->flat);
	mem_free(j);
}

struct event_flood *event_journal_flood(struct event_journal *j)
{
	return j->flood;
}

struct event_spool_position event_journal_at(const struct event_journal *j)
{
	return j->at;
}
