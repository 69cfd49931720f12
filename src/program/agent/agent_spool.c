/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_spool.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock/clock_wait.h"
#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "base/log/log.h"
#include "base/mem/mem.h"
#include "program/agent/agent_os.h"

#define MAGIC "LTSPOOL1"
#define HEADER_SIZE ((uint64_t)24)
#define RECORD_HEADER ((size_t)16)
#define SEGMENTS_MAX 4096

struct segment {
	uint64_t first; /* its name */
	uint64_t last;  /* 0: no record yet */
	struct uuid epoch;
	uint64_t end; /* of its good records */
};

struct agent_spool {
	char *dir;
	uint64_t max_bytes, segment_bytes;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* All below: lock. */
	struct segment *segments; /* ascending */
	size_t count;
	int fd;          /* of the last segment, for appending; -1: the next append begins one */
	uint64_t offset; /* of the first record not acknowledged, in segments[0] */
	uint64_t acked, next;
	struct uuid epoch;
	bool woken;
	struct agent_spool_state state;
};

static void segment_path(const struct agent_spool *s, uint64_t first, struct buf *out)
{
	char name[40];
	(void)snprintf(name, sizeof name, "%020llu.seg", (unsigned long long)first);
	file_join(out, str_c(s->dir), str_c(name));
}

static uint32_t checksum(uint64_t sequence, struct str payload)
{
	unsigned char number[8];
	for (unsigned i = 0; i < 8; i++)
		number[i] = (unsigned char)(sequence >> (8 * i));
	uLong crc = crc32(0, number, sizeof number);
	return (uint32_t)crc32(crc, (const Bytef *)payload.p, (uInt)payload.n);
}

/* The record at the cursor. false: damaged or the end; the cursor stays before it. */
static bool next_record(struct cursor *c, uint64_t *ret_sequence, struct str *ret_payload)
{
	size_t begun = c->at;
	uint32_t size = cursor_u32_le(c), crc = cursor_u32_le(c);
	*ret_sequence = cursor_u64_le(c);
	*ret_payload = c->failed || size > AGENT_SPOOL_RECORD_MAX ? STR_EMPTY : cursor_take(c, size);
	if (!c->failed && size > 0 && ret_payload->n == size && checksum(*ret_sequence, *ret_payload) == crc)
		return true;
	c->at = begun;
	c->failed = false;
	return false;
}

/* ---- opening ---- */

static int compare_segments(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int list_segments(struct agent_spool *s, struct err *err)
{
	DIR *d = opendir(s->dir);
	if (d == NULL)
		return err_errno(err, errno, "opendir", str_c(s->dir));
	for (const struct dirent *e; s->count < SEGMENTS_MAX && (e = readdir(d)) != NULL;) {
		struct str name = str_c(e->d_name);
		uint64_t first = 0;
		if (name.n != 24 || !str_ends_with(name, STR(".seg")))
			continue;
		struct str digits = str_sub(name, 0, 20);
		while (digits.n > 1 && digits.p[0] == '0')
			digits = str_sub(digits, 1, digits.n);
		if (!str_parse_u64(digits, 1, INT64_MAX, &first))
			continue;
		s->segments = mem_realloc_array(s->segments, s->count + 1, sizeof *s->segments);
		s->segments[s->count++] = (struct segment){.first = first};
	}
	(void)closedir(d);
	if (s->count > 1)
		qsort(s->segments, s->count, sizeof *s->segments, compare_segments);
	return 0;
}

/* "<epoch> <sequence>". false: there is none that can be read. */
static bool read_acked(struct agent_spool *s)
{
	struct buf path = BUF_INIT(4096), text = BUF_INIT(200);
	file_join(&path, str_c(s->dir), STR("acked"));
	bool ok = file_read(path.p, 200, &text, NULL) >= 0;
	struct str rest = str_trim(buf_str(&text)), epoch = STR_EMPTY;
	ok = ok && str_split(&rest, ' ', &epoch) && uuid_parse(epoch, &s->epoch) && str_parse_u64(rest, 0, INT64_MAX, &s->acked);
	buf_done(&path);
	buf_done(&text);
	return ok;
}

/* Reads a segment through. false: bytes at its end or all of it were lost. */
static bool check_segment(struct agent_spool *s, struct segment *g)
{
	struct buf path = BUF_INIT(4096), bytes = BUF_INIT(s->max_bytes + AGENT_SPOOL_RECORD_MAX * 2);
	segment_path(s, g->first, &path);
	bool readable = file_read(path.p, bytes.max, &bytes, NULL) >= 0;
	struct cursor c = cursor_of(buf_str(&bytes));
	bool good = readable && str_eq(cursor_take(&c, 8), STR(MAGIC));
	struct str epoch = cursor_take(&c, 16);
	if (good && epoch.n == 16) {
		memcpy(g->epoch.b, epoch.p, 16);
		uint64_t sequence = 0, previous = g->first - 1;
		struct str payload;
		g->end = HEADER_SIZE;
		while (next_record(&c, &sequence, &payload) && sequence == previous + 1) {
			previous = g->last = sequence;
			g->end = c.at;
		}
	}
	s->state.damaged += bytes.n - g->end;
	good = good && g->end == bytes.n;
	buf_done(&bytes);
	buf_done(&path);
	return good;
}

static void drop_first(struct agent_spool *s)
{
	struct buf path = BUF_INIT(4096);
	segment_path(s, s->segments[0].first, &path);
	if (s->count == 1 && s->fd >= 0) {
		(void)close(s->fd);
		s->fd = -1;
	}
	if (file_remove(path.p, NULL) < 0)
		log_debug("a spool segment stays until the next start", ARG_STR("path", buf_str(&path)));
	buf_done(&path);
	s->state.bytes -= s->segments[0].end;
	memmove(s->segments, s->segments + 1, --s->count * sizeof *s->segments);
	s->offset = HEADER_SIZE;
}

/* Numbers within a segment have no gaps. Lock held. */
static void count_waiting(struct agent_spool *s)
{
	s->state.waiting = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct segment *g = &s->segments[i];
		uint64_t before = s->acked >= g->first ? s->acked : g->first - 1;
		if (g->last > before)
			s->state.waiting += g->last - before;
	}
}

/* Puts `offset` behind the acknowledged records of the first segment; drops segments that are through. Lock held. */
static int skip_acked(struct agent_spool *s, struct err *err)
{
	while (s->count > 0 && s->segments[0].last <= s->acked)
		drop_first(s);
	if (s->count == 0)
		return 0;
	struct buf path = BUF_INIT(4096), bytes = BUF_INIT(s->max_bytes + AGENT_SPOOL_RECORD_MAX * 2);
	segment_path(s, s->segments[0].first, &path);
	int r = file_read(path.p, bytes.max, &bytes, err);
	struct cursor c = cursor_of(buf_str(&bytes));
	c.at = s->offset < bytes.n ? s->offset : bytes.n;
	uint64_t sequence = 0;
	struct str payload;
	while (r >= 0 && next_record(&c, &sequence, &payload) && sequence <= s->acked)
		s->offset = c.at;
	buf_done(&bytes);
	buf_done(&path);
	return r;
}

static int recover(struct agent_spool *s, struct err *err)
{
	int r = list_segments(s, err);
	if (r < 0)
		return r;
	bool whole = read_acked(s);
	s->next = s->acked + 1;
	for (size_t i = 0; i < s->count; i++) {
		struct segment *g = &s->segments[i];
		whole = check_segment(s, g) && whole;
		s->epoch = g->epoch;
		s->state.bytes += g->end;
		uint64_t highest = g->last >= g->first ? g->last : g->first;
		if (highest >= s->next)
			s->next = highest + 1;
	}
	if (!whole)
		s->epoch = uuid_new();
	s->offset = HEADER_SIZE;
	r = skip_acked(s, err);
	count_waiting(s);
	return r;
}

int agent_spool_open(const struct agent_spool_config *config, struct agent_spool **ret, struct err *err)
{
	int r = agent_os_make_private_dir(config->dir, err);
	if (r < 0)
		return r;
	struct agent_spool *s = MEM_NEW(struct agent_spool);
	s->dir = mem_strdup(str_c(config->dir));
	s->max_bytes = config->max_bytes != 0 ? config->max_bytes : (uint64_t)64 << 20;
	s->segment_bytes = config->segment_bytes != 0 ? config->segment_bytes : (uint64_t)1 << 20;
	s->fd = -1;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->wake, NULL);
	r = recover(s, err);
	if (r < 0) {
		agent_spool_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void agent_spool_free(struct agent_spool *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		(void)close(s->fd);
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s->segments);
	mem_free(s->dir);
	mem_free(s);
}

/* ---- appending ---- */

static bool write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, (unsigned)n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static int begin_segment(struct agent_spool *s, struct err *err)
{
	struct buf path = BUF_INIT(4096);
	segment_path(s, s->next, &path);
	if (s->fd >= 0)
		(void)close(s->fd);
	if (s->count > 0 && s->segments[s->count - 1].last == 0)
		s->state.bytes -= s->segments[--s->count].end; /* begun in vain; the same name again */
	s->fd = open(path.p, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_BINARY, 0600);
	int r = 0;
	if (s->fd < 0 || !write_all(s->fd, MAGIC, 8) || !write_all(s->fd, (const char *)s->epoch.b, 16))
		r = err_errno(err, errno, "write", buf_str(&path));
	else
		r = file_sync_dir(s->dir, err);
	buf_done(&path);
	if (r < 0) {
		if (s->fd >= 0)
			(void)close(s->fd);
		s->fd = -1;
		return r;
	}
	s->segments = mem_realloc_array(s->segments, s->count + 1, sizeof *s->segments);
	s->segments[s->count++] = (struct segment){.first = s->next, .epoch = s->epoch, .end = HEADER_SIZE};
	s->state.bytes += HEADER_SIZE;
	if (s->count == 1)
		s->offset = HEADER_SIZE;
	return 0;
}

static void put_le(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_append_char(b, (char)(v >> (8 * i)));
}

static int append_record(struct agent_spool *s, struct str record, struct err *err)
{
	if (s->fd < 0 || s->segments[s->count - 1].end >= s->segment_bytes) {
		int r = begin_segment(s, err);
		if (r < 0)
			return r;
	}
	struct segment *g = &s->segments[s->count - 1];
	if (!write_all(s->fd, record.p, record.n) || agent_os_sync_data(s->fd) < 0) {
		int number = errno;
		/* Half a record, or one of which nobody knows whether it is on the disk: what follows goes to a new segment. */
		if (ftruncate(s->fd, (off_t)g->end) < 0)
			log_debug("half a record stays in the spool; it is found when it is opened", ARG_CSTR("dir", s->dir));
		(void)close(s->fd);
		s->fd = -1;
		return err_errno(err, number, "write", str_c(s->dir));
	}
	g->last = s->next++;
	g->end += record.n;
	s->state.bytes += record.n;
	s->state.waiting++;
	return 0;
}

int agent_spool_append(struct agent_spool *s, struct str object, uint64_t *ret_sequence, struct err *err)
{
	struct buf payload = BUF_INIT(AGENT_SPOOL_RECORD_MAX), record = BUF_INIT(AGENT_SPOOL_RECORD_MAX + RECORD_HEADER);
	int r = 0;
	(void)pthread_mutex_lock(&s->lock);
	buf_printf(&payload, "{\"event.sequence\":%llu%s", (unsigned long long)s->next, object.n > 2 ? "," : "");
	buf_append(&payload, str_sub(object, 1, object.n));
	if (payload.overflow || object.n < 2 || object.p[0] != '{') {
		r = err_set(err, -E2BIG, "agent.report_too_big", ARG_U64("limit", AGENT_SPOOL_RECORD_MAX));
	} else if (s->state.bytes + payload.n + RECORD_HEADER > s->max_bytes) {
		r = err_set(err, -EAGAIN, "agent.spool_full", ARG_U64("limit", s->max_bytes));
	} else {
		put_le(&record, payload.n, 4);
		put_le(&record, checksum(s->next, buf_str(&payload)), 4);
		put_le(&record, s->next, 8);
		buf_append(&record, buf_str(&payload));
		r = append_record(s, buf_str(&record), err);
	}
	if (r < 0)
		s->state.refused++;
	else if (ret_sequence != NULL)
		*ret_sequence = s->next - 1;
	(void)pthread_cond_broadcast(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
	buf_done(&payload);
	buf_done(&record);
	return r;
}

/* ---- sending ---- */

int agent_spool_read(struct agent_spool *s, unsigned max_records, size_t max_bytes, struct agent_spool_batch *ret,
                     struct err *err)
{
	struct buf path = BUF_INIT(4096), bytes = BUF_INIT(s->max_bytes + AGENT_SPOOL_RECORD_MAX * 2);
	*ret = (struct agent_spool_batch){.ndjson = BUF_INIT(max_bytes + AGENT_SPOOL_RECORD_MAX)};
	int r = 0;
	(void)pthread_mutex_lock(&s->lock);
	if (s->count > 0 && s->state.waiting > 0) {
		ret->epoch = s->segments[0].epoch;
		segment_path(s, s->segments[0].first, &path);
		r = file_read(path.p, bytes.max, &bytes, err);
		struct cursor c = cursor_of(str_sub(buf_str(&bytes), 0, s->segments[0].end));
		c.at = s->offset < c.s.n ? s->offset : c.s.n;
		uint64_t sequence = 0;
		struct str payload;
		while (r >= 0 && ret->count < max_records && ret->ndjson.n < max_bytes && next_record(&c, &sequence, &payload)) {
			/* One batch is one run of numbers. */
			if (ret->count > 0 && sequence != ret->last + 1)
				break;
			if (ret->count++ == 0)
				ret->first = sequence;
			ret->last = sequence;
			buf_append(&ret->ndjson, payload);
			buf_append_char(&ret->ndjson, '\n');
			r = 1;
		}
	}
	(void)pthread_mutex_unlock(&s->lock);
	buf_done(&bytes);
	buf_done(&path);
	if (r <= 0)
		agent_spool_batch_done(ret);
	return r;
}

bool agent_spool_holds(struct agent_spool *s, struct str text)
{
	bool found = false;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->count && !found; i++) {
		struct buf path = BUF_INIT(4096), bytes = BUF_INIT(s->max_bytes + AGENT_SPOOL_RECORD_MAX * 2);
		segment_path(s, s->segments[i].first, &path);
		if (file_read(path.p, bytes.max, &bytes, NULL) >= 0)
			found = str_find(buf_str(&bytes), text) != SIZE_MAX;
		buf_done(&bytes);
		buf_done(&path);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return found;
}

void agent_spool_batch_done(struct agent_spool_batch *b)
{
	buf_done(&b->ndjson);
}

int agent_spool_ack(struct agent_spool *s, uint64_t last, struct err *err)
{
	struct buf path = BUF_INIT(4096), text = BUF_INIT(200);
	char epoch[UUID_TEXT_SIZE];
	int r = 0;
	(void)pthread_mutex_lock(&s->lock);
	if (last > s->acked) {
		file_join(&path, str_c(s->dir), STR("acked"));
		buf_printf(&text, "%s %llu\n", uuid_text(&s->epoch, epoch), (unsigned long long)last);
		r = file_write(path.p, buf_str(&text), 0600, err);
		if (r >= 0) {
			s->acked = last;
			r = skip_acked(s, err);
			count_waiting(s);
		}
	}
	(void)pthread_mutex_unlock(&s->lock);
	buf_done(&path);
	buf_done(&text);
	return r;
}

bool agent_spool_wait(struct agent_spool *s, usec_t timeout)
{
	usec_t until = clock_monotonic() + timeout;
	(void)pthread_mutex_lock(&s->lock);
	while (s->state.waiting == 0 && !s->woken)
		if (clock_wait(&s->wake, &s->lock, until) != 0)
			break;
	s->woken = false;
	bool there = s->state.waiting > 0;
	(void)pthread_mutex_unlock(&s->lock);
	return there;
}

void agent_spool_wake(struct agent_spool *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->woken = true;
	(void)pthread_cond_broadcast(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
}

struct agent_spool_state agent_spool_state(struct agent_spool *s)
{
	(void)pthread_mutex_lock(&s->lock);
	struct agent_spool_state state = s->state;
	state.acked = s->acked;
	(void)pthread_mutex_unlock(&s->lock);
	return state;
}
