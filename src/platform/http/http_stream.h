/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The queue between whoever sends and the connection that reads, without any
 * HTTP library in it. Private to platform/http.
 *
 * The rule that keeps suspend and resume right: both happen under the stream's
 * lock, and resume only when `suspended` is set, which it then clears. While it
 * is set the connection cannot go away, so the pointer in `reader` is good.
 */
#pragma once
#include <sys/types.h>

#include "platform/http/http.h"

struct http_stream_reader {
	void *connection;
	void (*suspend)(void *connection);
	void (*resume)(void *connection);
};

#define HTTP_STREAM_END (-1)
#define HTTP_STREAM_FAILED (-2)

/* Called by the loop thread that wants bytes: copies up to `max`; 0: nothing now, the connection was suspended. */
ssize_t http_stream_read(struct http_stream *s, const struct http_stream_reader *reader, char *out, size_t max);
/* The connection is gone (or never came): runs on_close once and drops the connection's reference. */
void http_stream_gone(struct http_stream *s);
/* Sends `comment` when nothing was sent since `before`; for the server's ticker. */
void http_stream_comment(struct http_stream *s, struct str comment, usec_t before);
bool http_stream_is_event_stream(const struct http_stream *s);
