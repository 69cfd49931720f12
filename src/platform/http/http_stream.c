/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/http/http_stream.h"

#include <pthread.h>
#include <stdatomic.h>

struct http_stream {
	pthread_mutex_t lock;
	atomic_uint references;
	bool is_event_stream;
	struct buf queue;                 /* lock */
	usec_t last_sent;                 /* lock; monotonic */
	bool closed;                      /* lock; no more bytes are taken */
	bool overflowed;                  /* lock; the reader was too slow: end with an error */
	bool gone;                        /* lock */
	bool suspended;                   /* lock */
	struct http_stream_reader reader; /* lock; valid while suspended */
	void (*on_close)(void *ctx);      /* lock */
	void *on_close_ctx;               /* lock */
};

struct http_stream *http_response_stream(struct http_response *res, const char *content_type, size_t queue_limit_bytes)
{
	struct http_stream *s = MEM_NEW(struct http_stream);
	(void)pthread_mutex_init(&s->lock, NULL);
	atomic_init(&s->references, 1); /* the connection's */
	s->queue = BUF_INIT(queue_limit_bytes);
	s->last_sent = clock_monotonic();
	s->is_event_stream = content_type != NULL && str_starts_with(str_c(content_type), STR("text/event-stream"));
	res->stream = s;
	res->content_type = content_type;
	return s;
}

struct http_stream *http_stream_ref(struct http_stream *s)
{
	atomic_fetch_add(&s->references, 1);
	return s;
}

void http_stream_unref(struct http_stream *s)
{
	if (s == NULL || atomic_fetch_sub(&s->references, 1) != 1)
		return;
	buf_done(&s->queue);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

/* Lock held. */
static void wake(struct http_stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	s->reader.resume(s->reader.connection);
}

bool http_stream_send(struct http_stream *s, struct str bytes)
{
	(void)pthread_mutex_lock(&s->lock);
	bool alive = !s->closed && !s->gone;
	if (alive && bytes.n > 0) {
		if (!buf_reserve(&s->queue, bytes.n)) {
			/* A part of a message would be worse than none. */
			s->closed = s->overflowed = true;
			alive = false;
		} else {
			buf_append(&s->queue, bytes);
			s->last_sent = clock_monotonic();
		}
		wake(s);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return alive;
}

void http_stream_comment(struct http_stream *s, struct str comment, usec_t before)
{
	(void)pthread_mutex_lock(&s->lock);
	bool due = !s->closed && !s->gone && s->last_sent < before;
	(void)pthread_mutex_unlock(&s->lock);
	if (due)
		(void)http_stream_send(s, comment);
}

bool http_stream_is_event_stream(const struct http_stream *s)
{
	return s->is_event_stream;
}

void http_stream_close(struct http_stream *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->closed = true;
	wake(s);
	(void)pthread_mutex_unlock(&s->lock);
}

void http_stream_on_close(struct http_stream *s, void (*fn)(void *ctx), void *ctx)
{
	(void)pthread_mutex_lock(&s->lock);
	bool already = s->gone;
	if (!already) {
		s->on_close = fn;
		s->on_close_ctx = ctx;
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (already)
		fn(ctx);
}

ssize_t http_stream_read(struct http_stream *s, const struct http_stream_reader *reader, char *out, size_t max)
{
	ssize_t n;
	(void)pthread_mutex_lock(&s->lock);
	if (s->overflowed) {
		n = HTTP_STREAM_FAILED;
	} else if (s->queue.n > 0) {
		size_t take = s->queue.n < max ? s->queue.n : max;
		memcpy(out, s->queue.p, take);
		buf_consume(&s->queue, take);
		n = (ssize_t)take;
	} else if (s->closed) {
		n = HTTP_STREAM_END;
	} else {
		s->suspended = true;
		s->reader = *reader;
		reader->suspend(reader->connection);
		n = 0;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

void http_stream_gone(struct http_stream *s)
{
	(void)pthread_mutex_lock(&s->lock);
	void (*fn)(void *ctx) = s->on_close;
	void *ctx = s->on_close_ctx;
	s->on_close = NULL;
	s->gone = s->closed = true;
	(void)pthread_mutex_unlock(&s->lock);
	if (fn != NULL)
		fn(ctx);
	http_stream_unref(s);
}
