/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Answers made piece by piece, one ahead of what is being sent (http_response_pull). */
#include "platform/http/http_internal.h"

#include <errno.h>
#include <stddef.h>

void http_pull_end(struct http_exchange *ex)
{
	if (ex->res.pull.ctx != NULL)
		ex->res.pull.done(ex->res.pull.ctx);
	if (!ex->pulls)
		return;
	(void)pthread_mutex_lock(&ex->server->connections_lock);
	ex->server->pulls--;
	(void)pthread_mutex_unlock(&ex->server->connections_lock);
}

static bool is_abandoned(struct http_exchange *ex)
{
	(void)pthread_mutex_lock(&ex->server->connections_lock);
	bool abandoned = ex->abandoned;
	(void)pthread_mutex_unlock(&ex->server->connections_lock);
	return abandoned;
}

static void run_pull(struct http_work *work)
{
	struct http_exchange *ex = (struct http_exchange *)(void *)((char *)work - offsetof(struct http_exchange, pull_work));
	struct http_server *s = ex->server;
	buf_clear(&ex->next);
	do {
		ex->pull_state = ex->res.pull.more(ex->res.pull.ctx, &ex->next);
	} while (ex->pull_state > 0 && ex->next.n == 0 && !atomic_load(&s->stopping) && !is_abandoned(ex));
	if (ex->next.overflow)
		ex->pull_state = -E2BIG;
	ex->next_there = ex->pull_state >= 0 && ex->next.n > 0;
	(void)pthread_mutex_lock(&s->connections_lock);
	bool abandoned = ex->abandoned, waiting = ex->waiting;
	ex->making = ex->waiting = false;
	(void)pthread_mutex_unlock(&s->connections_lock);
	/* Else it is the loop's from here on. */
	if (abandoned)
		http_exchange_free(ex);
	else if (waiting)
		MHD_resume_connection(ex->mhd);
}

/* Lock held. What is ready takes its turn, and the one after it is asked for. */
static void turn_piece(struct http_exchange *ex)
{
	struct buf empty = ex->piece;
	if (ex->next_there) {
		ex->piece = ex->next;
		ex->next = empty;
		ex->piece_taken = 0;
		ex->next_there = false;
	}
	if (ex->pull_state <= 0)
		return;
	ex->making = true;
	ex->pull_work.run = run_pull;
	http_workers_submit(ex->server->pullers, &ex->pull_work);
}

/* On the loop thread: gives of the piece that is there; while it is sent the next is made. */
ssize_t http_pull_read(void *cls, uint64_t at, char *out, size_t max)
{
	(void)at;
	struct http_exchange *ex = cls;
	struct http_server *s = ex->server;
	if (ex->piece_taken == ex->piece.n) {
		/* As in finish(): nothing is suspended after http_server_stop began to wait. */
		(void)pthread_mutex_lock(&s->connections_lock);
		bool stopping = atomic_load(&s->stopping);
		if (!stopping && !ex->making)
			turn_piece(ex);
		bool nothing = ex->piece_taken == ex->piece.n, making = ex->making;
		ex->waiting = nothing && making && !stopping;
		if (ex->waiting)
			MHD_suspend_connection(ex->mhd);
		(void)pthread_mutex_unlock(&s->connections_lock);
		if (nothing && making)
			return stopping ? MHD_CONTENT_READER_END_WITH_ERROR : 0;
		if (nothing)
			return ex->pull_state == 0 && !stopping ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
	}
	size_t left = ex->piece.n - ex->piece_taken, n = left < max ? left : max;
	memcpy(out, ex->piece.p + ex->piece_taken, n);
	ex->piece_taken += n;
	return (ssize_t)n;
}

int http_response_pull(struct http_request *req, struct http_response *res, const char *content_type,
                       const struct http_pull *pull, struct err *err)
{
	if (req->connected) {
		struct http_exchange *ex = (struct http_exchange *)(void *)((char *)req - offsetof(struct http_exchange, req));
		struct http_server *s = ex->server;
		(void)pthread_mutex_lock(&s->connections_lock);
		ex->pulls = s->pulls < HTTP_PULLS_MOST;
		s->pulls += ex->pulls;
		(void)pthread_mutex_unlock(&s->connections_lock);
		if (!ex->pulls)
			return err_set(err, -EAGAIN, "http.too_many_pulls", ARG_U64("limit", HTTP_PULLS_MOST));
		ex->piece = ex->next = BUF_INIT(HTTP_PIECE_MOST);
		ex->pull_state = 1;
	}
	res->pull = *pull;
	res->content_type = content_type;
	return 0;
}
