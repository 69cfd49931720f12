/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Segment files: names, heads, and what is done with them after a crash. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "engine/event/event_crc.h"
#include "engine/event_pipeline/event_spool_internal.h"

#define MAGIC "LTSPOOL1"
#define SUFFIX ".seg"
#define SCAN_CHUNK ((size_t)4 << 20)

void spool_segment_path(const struct event_spool *s, uint64_t number, char path[SPOOL_PATH_SIZE])
{
	(void)snprintf(path, SPOOL_PATH_SIZE, "%s/%016llx" SUFFIX, s->dir, (unsigned long long)number);
}

static uint32_t le32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void put_le(struct buf *out, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_append_char(out, (char)(v >> 8 * i));
}

void event_spool_frame(struct buf *out, struct str payload)
{
	size_t at = out->n;
	put_le(out, payload.n, 4);
	uint32_t crc = event_crc32c(0, str_sub(buf_str(out), at, at + 4));
	put_le(out, event_crc32c(crc, payload), 4);
	buf_append(out, payload);
}

size_t spool_frame_size(struct str bytes)
{
	if (bytes.n < EVENT_SPOOL_FRAME)
		return 0;
	size_t size = le32(bytes.p);
	if (size == 0 || size > EVENT_SPOOL_RECORD_LIMIT || size > bytes.n - EVENT_SPOOL_FRAME)
		return 0;
	uint32_t crc = event_crc32c(event_crc32c(0, str_sub(bytes, 0, 4)), str_sub(bytes, EVENT_SPOOL_FRAME, EVENT_SPOOL_FRAME + size));
	return crc == le32(bytes.p + 4) ? EVENT_SPOOL_FRAME + size : 0;
}

static void make_head(const struct uuid *id, uint64_t number, struct buf *out)
{
	buf_append_c(out, MAGIC);
	buf_append(out, str_n(id->b, sizeof id->b));
	put_le(out, number, 8);
	put_le(out, event_crc32c(0, buf_str(out)), 4);
	put_le(out, 0, 4);
}

static void add_segment(struct event_spool *s, uint64_t number, uint64_t size)
{
	s->segments = mem_realloc_array(s->segments, s->segment_count + 1, sizeof *s->segments);
	s->segments[s->segment_count++] = (struct spool_segment){number, size};
	s->stats.bytes += size;
}

int spool_segment_create(struct event_spool *s, uint64_t number, struct err *err)
{
	char path[SPOOL_PATH_SIZE], bytes[EVENT_SPOOL_HEAD + 1];
	spool_segment_path(s, number, path);
	cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	struct buf head = BUF_FIXED(bytes, sizeof bytes);
	make_head(&s->id, number, &head);
	int r = file_write_all(fd, buf_str(&head), err);
	if (r == 0 && fsync(fd) < 0)
		r = err_errno(err, errno, "fsync", str_c(path));
	if (r == 0)
		r = file_sync_dir(s->dir, err);
	if (r < 0) {
		(void)unlink(path);
		return r;
	}
	(void)pthread_mutex_lock(&s->lock);
	add_segment(s, number, EVENT_SPOOL_HEAD);
	(void)pthread_mutex_unlock(&s->lock);
	file_close(&s->fd);
	s->fd = file_take(&fd);
	return 0;
}

/* ---- after a crash ---- */

/* A file of the right length whose bytes never came to the disk. */
static bool is_empty_head(const char bytes[EVENT_SPOOL_HEAD])
{
	static const char zeros[EVENT_SPOOL_HEAD];
	return memcmp(bytes, zeros, sizeof zeros) == 0;
}

/* 1: a good head (the first one read gives the spool its identity), 0: torn (shorter than a head, or zeroes). */
static int check_head(struct event_spool *s, int fd, uint64_t number, const char *path, struct err *err)
{
	char bytes[EVENT_SPOOL_HEAD], want_bytes[EVENT_SPOOL_HEAD + 1];
	ssize_t n = pread(fd, bytes, sizeof bytes, 0);
	if (n < 0)
		return err_errno(err, errno, "pread", str_c(path));
	if (n < EVENT_SPOOL_HEAD || is_empty_head(bytes))
		return 0;
	struct uuid id;
	(void)memcpy(id.b, bytes + 8, sizeof id.b);
	if (uuid_is_null(&s->id))
		s->id = id;
	struct buf want = BUF_FIXED(want_bytes, sizeof want_bytes);
	make_head(&s->id, number, &want);
	if (memcmp(bytes, want_bytes, sizeof bytes) != 0)
		return err_set(err, -EBADMSG, "event.spool_foreign", ARG_CSTR("file", path));
	return 1;
}

/* Where the last whole record ends. */
static int good_end(int fd, uint64_t size, uint64_t *ret, struct err *err)
{
	cleanup_buf struct buf chunk = BUF_INIT(SCAN_CHUNK + 1);
	uint64_t at = EVENT_SPOOL_HEAD;
	while (at < size) {
		buf_clear(&chunk);
		if (!buf_reserve(&chunk, SCAN_CHUNK))
			return err_set(err, -ENOMEM, "event.spool_failed");
		ssize_t n = pread(fd, chunk.p, SCAN_CHUNK, (off_t)at);
		if (n < 0)
			return err_errno(err, errno, "pread", STR_EMPTY);
		size_t used = 0;
		for (size_t f; (f = spool_frame_size(str_n(chunk.p + used, (size_t)n - used))) > 0;)
			used += f;
		if (used == 0)
			break;
		at += used;
	}
	*ret = at;
	return 0;
}

static int cut_tail(struct event_spool *s, int fd, uint64_t size, uint64_t *ret_end, struct err *err)
{
	int r = good_end(fd, size, ret_end, err);
	if (r < 0 || *ret_end == size)
		return r;
	s->stats.cut_bytes += size - *ret_end;
	if (ftruncate(fd, (off_t)*ret_end) < 0 || fsync(fd) < 0)
		return err_errno(err, errno, "ftruncate", STR_EMPTY);
	return 0;
}

/* Takes one file of the folder into the list; `last`: the one that may be torn. */
static int take_segment(struct event_spool *s, uint64_t number, bool last, struct err *err)
{
	char path[SPOOL_PATH_SIZE];
	spool_segment_path(s, number, path);
	cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open", str_c(path));
	int r = check_head(s, fd, number, path, err);
	if (r < 0)
		return r;
	if (r == 0) {
		/* The crash came while it was made; nothing was in it. */
		s->stats.cut_bytes += (uint64_t)st.st_size;
		return file_remove(path, err);
	}
	uint64_t end = (uint64_t)st.st_size;
	if (last && (r = cut_tail(s, fd, end, &end, err)) < 0)
		return r;
	add_segment(s, number, end);
	if (last)
		s->fd = file_take(&fd);
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static bool segment_number(const char *name, uint64_t *ret)
{
	struct str s = str_c(name);
	unsigned char bytes[8];
	if (s.n != 16 + sizeof SUFFIX - 1 || !str_ends_with(s, STR(SUFFIX)) || !str_parse_hex(str_sub(s, 0, 16), bytes, 8))
		return false;
	*ret = 0;
	for (size_t i = 0; i < 8; i++)
		*ret = *ret << 8 | bytes[i];
	return *ret > 0;
}

static int list_segments(const char *dir, uint64_t **ret, size_t *ret_count, struct err *err)
{
	DIR *d = opendir(dir);
	if (d == NULL)
		return err_errno(err, errno, "opendir", str_c(dir));
	uint64_t number;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (!segment_number(e->d_name, &number))
			continue;
		*ret = mem_realloc_array(*ret, *ret_count + 1, sizeof **ret);
		(*ret)[(*ret_count)++] = number;
	}
	(void)closedir(d);
	if (*ret_count > 1)
		qsort(*ret, *ret_count, sizeof **ret, compare_numbers);
	return 0;
}

int spool_recover(struct event_spool *s, struct err *err)
{
	uint64_t *numbers = NULL;
	size_t count = 0;
	int r = list_segments(s->dir, &numbers, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = take_segment(s, numbers[i], i + 1 == count, err);
	uint64_t next = count > 0 ? numbers[count - 1] + 1 : 1;
	mem_free(numbers);
	if (r < 0)
		return r;
	if (uuid_is_null(&s->id))
		s->id = uuid_new();
	/* No segment yet, or the last one was torn while being made. */
	return s->fd < 0 ? spool_segment_create(s, next, err) : 0;
}
