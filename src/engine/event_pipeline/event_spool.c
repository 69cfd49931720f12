/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Appending: the queue, the group commit, and the end that readers may see. */
#include <stdio.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/event_pipeline/event_spool_internal.h"

#define LIMIT_DEFAULT ((uint64_t)2 << 30)
#define SEGMENT_DEFAULT ((uint64_t)64 << 20)
#define QUEUE_LIMIT ((size_t)256 << 20)
#define WAITING 1

int event_spool_open(const struct event_spool_config *config, struct event_spool **ret, struct err *err)
{
	struct event_spool *s = MEM_NEW(struct event_spool);
	s->config = *config;
	s->fd = -1;
	s->queue = BUF_INIT(QUEUE_LIMIT);
	if (s->config.limit_bytes == 0)
		s->config.limit_bytes = LIMIT_DEFAULT;
	if (s->config.segment_bytes == 0)
		s->config.segment_bytes = SEGMENT_DEFAULT;
	if (s->config.write_at == NULL)
		s->config.write_at = pwrite;
	if (s->config.sync == NULL)
		s->config.sync = fdatasync;
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->done, NULL);
	(void)pthread_cond_init(&s->grown, &attr);
	(void)pthread_condattr_destroy(&attr);
	int r = 0;
	if (strlen(config->dir) >= sizeof s->dir)
		r = err_set(err, -E2BIG, "event.spool_foreign", ARG_CSTR("file", config->dir));
	str_copy_c(str_c(config->dir), s->dir, sizeof s->dir);
	if (r == 0)
		r = file_make_dirs(s->dir, 0700, err);
	if (r == 0)
		r = spool_recover(s, err);
	if (r < 0) {
		event_spool_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void event_spool_close(struct event_spool *s)
{
	if (s == NULL)
		return;
	file_close(&s->fd);
	(void)pthread_cond_destroy(&s->grown);
	(void)pthread_cond_destroy(&s->done);
	(void)pthread_mutex_destroy(&s->lock);
	buf_done(&s->queue);
	mem_free(s->segments);
	mem_free(s);
}

struct uuid event_spool_id(const struct event_spool *s)
{
	return s->id;
}

int event_spool_append(struct event_spool *s, struct str frames, struct event_spool_ticket *ticket, struct err *err)
{
	int r = 0;
	(void)pthread_mutex_lock(&s->lock);
	uint64_t promised = s->stats.bytes + s->writing_bytes + s->queue.n;
	if (frames.n > 0 && (promised + frames.n > s->config.limit_bytes || !buf_reserve(&s->queue, frames.n)))
		r = err_set(err, -EAGAIN, "event.spool_full", ARG_U64("limit", s->config.limit_bytes));
	if (r == 0) {
		buf_append(&s->queue, frames);
		*ticket = (struct event_spool_ticket){.next = s->waiting, .result = WAITING};
		s->waiting = ticket;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

static int write_frames(struct event_spool *s, struct str frames, uint64_t at, struct err *err)
{
	while (frames.n > 0) {
		ssize_t n = s->config.write_at(s->fd, frames.p, frames.n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(err, n < 0 ? errno : ENOSPC, "pwrite", STR_EMPTY);
		frames = str_sub(frames, (size_t)n, frames.n);
		at += (uint64_t)n;
	}
	return s->config.sync(s->fd) < 0 ? err_errno(err, errno, "fdatasync", STR_EMPTY) : 0;
}

/* Called without the lock by the one writing thread. Closes a full segment first. */
static int write_out(struct event_spool *s, struct str frames, struct err *err)
{
	(void)pthread_mutex_lock(&s->lock);
	struct spool_segment last = s->segments[s->segment_count - 1];
	(void)pthread_mutex_unlock(&s->lock);
	if (s->doubtful && ftruncate(s->fd, (off_t)last.size) < 0)
		return err_errno(err, errno, "ftruncate", STR_EMPTY);
	if (s->doubtful || last.size >= s->config.segment_bytes) {
		int r = spool_segment_create(s, last.number + 1, err);
		if (r < 0)
			return r;
		s->doubtful = false;
		last = (struct spool_segment){last.number + 1, EVENT_SPOOL_HEAD};
	}
	int r = write_frames(s, frames, last.size, err);
	/* What half arrived must not be found by the next recovery: it was refused. When even that fails, or a sync
	 * failed (the kernel may have dropped dirty pages, and the next sync would tell of success), nothing is known
	 * about what comes after the last good sync: it is cut off, and the next records go to a segment of their own. */
	if (r < 0)
		s->doubtful = strcmp(err_arg(err, "call"), "fdatasync") == 0 || ftruncate(s->fd, (off_t)last.size) < 0;
	return r;
}

static void settle(struct event_spool_ticket *list, int result)
{
	for (struct event_spool_ticket *t = list, *next; t != NULL; t = next) {
		next = t->next; /* the owner may go on as soon as result is seen: under the lock it is not */
		t->result = result;
	}
}

/* Takes all that is queued to the disk. Lock held on entry and exit. */
static void flush(struct event_spool *s)
{
	struct event_spool_ticket *list = s->waiting;
	struct buf frames = s->queue;
	s->waiting = NULL;
	s->queue = BUF_INIT(QUEUE_LIMIT);
	s->writing = true;
	s->writing_bytes = frames.n;
	(void)pthread_mutex_unlock(&s->lock);
	struct err err = {0};
	int r = frames.n > 0 ? write_out(s, buf_str(&frames), &err) : 0;
	(void)pthread_mutex_lock(&s->lock);
	s->writing = false;
	s->writing_bytes = 0;
	if (r == 0) {
		s->segments[s->segment_count - 1].size += frames.n;
		s->stats.bytes += frames.n;
		s->stats.commits += frames.n > 0;
		settle(list, 0);
		(void)pthread_cond_broadcast(&s->grown);
	} else {
		/* What was queued meanwhile goes too: its senders may have counted on what is lost. */
		settle(list, -EAGAIN);
		settle(s->waiting, -EAGAIN);
		s->waiting = NULL;
		buf_clear(&s->queue);
		s->stats.failures++;
	}
	(void)pthread_cond_broadcast(&s->done);
	buf_done(&frames);
}

int event_spool_commit(struct event_spool *s, struct event_spool_ticket *ticket, struct err *err)
{
	(void)pthread_mutex_lock(&s->lock);
	while (ticket->result == WAITING) {
		if (!s->writing)
			flush(s);
		else
			(void)pthread_cond_wait(&s->done, &s->lock);
	}
	int r = ticket->result;
	(void)pthread_mutex_unlock(&s->lock);
	return r < 0 ? err_set(err, r, "event.spool_disk") : 0;
}

uint64_t event_spool_failures(struct event_spool *s)
{
	(void)pthread_mutex_lock(&s->lock);
	uint64_t n = s->stats.failures;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

static struct event_spool_position end_locked(const struct event_spool *s)
{
	const struct spool_segment *last = &s->segments[s->segment_count - 1];
	return (struct event_spool_position){last->number, last->size};
}

struct event_spool_position event_spool_end(struct event_spool *s)
{
	(void)pthread_mutex_lock(&s->lock);
	struct event_spool_position end = end_locked(s);
	(void)pthread_mutex_unlock(&s->lock);
	return end;
}

bool event_spool_wait(struct event_spool *s, struct event_spool_position seen, unsigned timeout_ms)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_mutex_lock(&s->lock);
	uint64_t wakes = s->wakes;
	int r = 0;
	while (event_spool_position_cmp(end_locked(s), seen) <= 0 && wakes == s->wakes && r == 0)
		r = pthread_cond_timedwait(&s->grown, &s->lock, &until);
	bool past = event_spool_position_cmp(end_locked(s), seen) > 0;
	(void)pthread_mutex_unlock(&s->lock);
	return past;
}

void event_spool_wake(struct event_spool *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->wakes++;
	(void)pthread_cond_broadcast(&s->grown);
	(void)pthread_mutex_unlock(&s->lock);
}

void event_spool_set_limit(struct event_spool *s, uint64_t limit_bytes)
{
	(void)pthread_mutex_lock(&s->lock);
	s->config.limit_bytes = limit_bytes;
	(void)pthread_mutex_unlock(&s->lock);
}

void event_spool_stats(struct event_spool *s, struct event_spool_stats *ret)
{
	(void)pthread_mutex_lock(&s->lock);
	*ret = s->stats;
	ret->limit_bytes = s->config.limit_bytes;
	ret->segments = s->segment_count;
	(void)pthread_mutex_unlock(&s->lock);
}

uint64_t event_spool_lag_bytes(struct event_spool *s, struct event_spool_position at)
{
	uint64_t bytes = 0;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->segment_count; i++) {
		const struct spool_segment *g = &s->segments[i];
		if (g->number > at.segment)
			bytes += g->size - EVENT_SPOOL_HEAD;
		else if (g->number == at.segment && g->size > at.offset)
			bytes += g->size - (at.offset > EVENT_SPOOL_HEAD ? at.offset : EVENT_SPOOL_HEAD);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return bytes;
}
