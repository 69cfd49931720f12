/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Reading: blocks of whole records, durable cursors, removal of what all have passed. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/json/json.h"
#include "engine/event_pipeline/event_spool_internal.h"

/* The segment that holds `at`, or the next one that is there. */
static bool find_segment(struct event_spool *s, struct event_spool_position *at, uint64_t *ret_end)
{
	bool found = false;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->segment_count && !found; i++) {
		const struct spool_segment *g = &s->segments[i];
		if (g->number < at->segment || (g->number == at->segment && at->offset >= g->size && i + 1 < s->segment_count))
			continue;
		if (g->number > at->segment || at->offset < EVENT_SPOOL_HEAD)
			*at = (struct event_spool_position){g->number, EVENT_SPOOL_HEAD};
		*ret_end = g->size;
		found = at->offset < g->size;
		/* One that was begun and never got a record may lie between others. */
		if (!found && i + 1 == s->segment_count)
			break;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return found;
}

static int read_range(struct event_spool *s, struct event_spool_position at, uint64_t end, struct buf *out, struct err *err)
{
	char path[SPOOL_PATH_SIZE];
	spool_segment_path(s, at.segment, path);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	size_t want = (size_t)(end - at.offset);
	if (!buf_reserve(out, want))
		return err_set(err, -E2BIG, "event.spool_block", ARG_U64("bytes", want));
	while (out->n < want) {
		ssize_t n = pread(fd, out->p + out->n, want - out->n, (off_t)(at.offset + out->n));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(err, n < 0 ? errno : EIO, "pread", str_c(path));
		out->n += (size_t)n;
	}
	return 0;
}

/* Counts the whole good records at the front. */
static size_t good_front(struct str bytes, size_t max_records, size_t *ret_used)
{
	size_t records = 0, used = 0;
	for (size_t f; records < max_records && (f = spool_frame_size(str_sub(bytes, used, bytes.n))) > 0; records++)
		used += f;
	*ret_used = used;
	return records;
}

int event_spool_read(struct event_spool *s, struct event_spool_position at, const struct event_spool_position *until,
                     size_t max_bytes, size_t max_records, struct event_spool_block *block, struct err *err)
{
	block->damaged_bytes = 0;
	uint64_t end;
	while (find_segment(s, &at, &end)) {
		uint64_t stop = end;
		if (until != NULL && until->segment == at.segment && until->offset < stop)
			stop = until->offset;
		else if (stop - at.offset > max_bytes)
			stop = at.offset + max_bytes;
		/* One record larger than the block must fit all the same. */
		size_t used = 0, records = 0;
		for (;;) {
			buf_clear(&block->bytes);
			int r = read_range(s, at, stop, &block->bytes, err);
			if (r < 0)
				return r;
			records = good_front(buf_str(&block->bytes), until != NULL ? SIZE_MAX : max_records, &used);
			uint64_t wider = at.offset + EVENT_SPOOL_FRAME + EVENT_SPOOL_RECORD_LIMIT;
			if (records > 0 || stop == end || stop >= wider)
				break;
			stop = wider < end ? wider : end;
		}
		if (records > 0) {
			block->from = at;
			block->to = (struct event_spool_position){at.segment, at.offset + used};
			block->records = records;
			block->bytes.n = used;
			return records > INT32_MAX ? INT32_MAX : (int)records;
		}
		block->damaged_bytes += end - at.offset;
		at.offset = end;
	}
	block->from = block->to = at;
	block->records = 0;
	buf_clear(&block->bytes);
	return 0;
}

bool event_spool_next(const struct event_spool_block *block, size_t *at, struct str *ret_payload)
{
	/* The CRC was checked when the block was read. */
	struct str rest = str_sub(buf_str(&block->bytes), *at, block->bytes.n);
	if (rest.n < EVENT_SPOOL_FRAME)
		return false;
	const unsigned char *p = (const unsigned char *)rest.p;
	size_t size = p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
	if (size > rest.n - EVENT_SPOOL_FRAME)
		return false;
	*ret_payload = str_sub(rest, EVENT_SPOOL_FRAME, EVENT_SPOOL_FRAME + size);
	*at += EVENT_SPOOL_FRAME + size;
	return true;
}

/* ---- cursors ---- */

static void cursor_path(const struct event_spool *s, const char *name, char path[SPOOL_PATH_SIZE])
{
	(void)snprintf(path, SPOOL_PATH_SIZE, "%s/%s.cursor", s->dir, name);
}

static struct event_spool_position get_position(const struct json *j, const char *segment, const char *offset)
{
	int64_t a = json_get_int(j, segment, 0), b = json_get_int(j, offset, 0);
	return (struct event_spool_position){a > 0 ? (uint64_t)a : 0, b > 0 ? (uint64_t)b : 0};
}

static int set_aside(const char *path, struct err *err)
{
	char aside[SPOOL_PATH_SIZE + 16];
	(void)snprintf(aside, sizeof aside, "%s.damaged", path);
	return rename(path, aside) < 0 ? err_errno(err, errno, "rename", str_c(path)) : 0;
}

int event_spool_cursor_load(struct event_spool *s, const char *name, struct event_spool_cursor *ret, struct err *err)
{
	char path[SPOOL_PATH_SIZE], id[UUID_TEXT_SIZE];
	*ret = (struct event_spool_cursor){0};
	cursor_path(s, name, path);
	if (!file_exists(path))
		return 0;
	cleanup_buf struct buf text = BUF_INIT(4096);
	cleanup(arena) struct arena *arena = arena_new(64 << 10);
	const struct json *j;
	int r = file_read(path, 4096, &text, err);
	if (r < 0 && r != -E2BIG)
		return r;
	/* Written whole or not at all, so only a bad disk damages it: what the spool still holds is done once more. */
	if (r < 0 || json_parse(arena, buf_str(&text), NULL, &j, NULL) < 0)
		return set_aside(path, err);
	if (!str_eq_c(json_get_str(j, "spool", STR_EMPTY), uuid_text(&s->id, id)))
		return 0;
	ret->at = get_position(j, "segment", "offset");
	ret->block_end = get_position(j, "block_segment", "block_offset");
	/* Never past what there is: later records would be passed over. */
	struct event_spool_position end = event_spool_end(s);
	if (event_spool_position_cmp(ret->at, end) > 0)
		ret->at = end;
	if (event_spool_position_cmp(ret->block_end, end) > 0)
		ret->block_end = (struct event_spool_position){0};
	return 0;
}

int event_spool_cursor_store(struct event_spool *s, const char *name, const struct event_spool_cursor *c, struct err *err)
{
	char path[SPOOL_PATH_SIZE], bytes[512], id[UUID_TEXT_SIZE];
	cursor_path(s, name, path);
	struct buf text = BUF_FIXED(bytes, sizeof bytes);
	struct json_writer w = json_writer_init(&text);
	json_object(&w);
	json_member_cstr(&w, "spool", uuid_text(&s->id, id));
	json_member_int(&w, "segment", (int64_t)c->at.segment);
	json_member_int(&w, "offset", (int64_t)c->at.offset);
	json_member_int(&w, "block_segment", (int64_t)c->block_end.segment);
	json_member_int(&w, "block_offset", (int64_t)c->block_end.offset);
	json_object_end(&w);
	return file_write(path, buf_str(&text), 0600, err);
}

int event_spool_trim(struct event_spool *s, struct event_spool_position keep, struct err *err)
{
	for (;;) {
		char path[SPOOL_PATH_SIZE];
		struct spool_segment oldest = {0};
		(void)pthread_mutex_lock(&s->lock);
		if (s->segment_count > 1)
			oldest = s->segments[0];
		bool passed = oldest.number > 0 &&
		              (oldest.number < keep.segment || (oldest.number == keep.segment && keep.offset >= oldest.size));
		(void)pthread_mutex_unlock(&s->lock);
		if (!passed)
			return 0;
		spool_segment_path(s, oldest.number, path);
		int r = file_remove(path, err);
		if (r < 0)
			return r;
		(void)pthread_mutex_lock(&s->lock);
		s->segment_count--;
		(void)memmove(s->segments, s->segments + 1, s->segment_count * sizeof *s->segments);
		s->stats.bytes -= oldest.size;
		(void)pthread_mutex_unlock(&s->lock);
	}
}
