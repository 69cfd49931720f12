/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * libmicrohttpd 0.9.75 wrapped; its header appears here only.
 *
 * Life of a request: on_target (request line is there) → on_request: headers,
 * body parts, end → suspended, handler on a worker → resumed, on_request queues
 * the answer → on_completed. A connection is suspended exactly when its exchange
 * is STAGE_WORKING, its stream says so, it waits for a pulled piece or its TLS handshake waits for the client
 * (http_handshake.h), never otherwise. Whose connection ends while a puller makes a piece is freed by the puller.
 *
 * Time limits: libmicrohttpd cuts idle connections. The ticker cuts what is not
 * idle but slow: a whole request must come within request_timeout_s, else 408.
 * It does so with shutdown(2) on the connection's socket, under connections_lock,
 * and only while the connection is listed; on_connection unlists it before
 * libmicrohttpd closes the descriptor. Nothing but that and the reading in handshakes touches its descriptors.
 */
#include "platform/http/http.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock/clock_wait.h"
#include "base/file/file.h"
#include "base/log/log.h"
#include "platform/http/http_handshake.h"
#include "platform/http/http_listen.h"
#include "platform/http/http_parse.h"
#include "platform/http/http_stream.h"
#include "platform/http/http_tls.h"
#include "platform/http/http_worker.h"

#define HEADERS_MAX 100
#define TARGET_MAX ((size_t)8 << 10)
#define ARENA_SPARE ((size_t)4 << 20) /* what a handler may take beyond the body */
#define DISCARD_MAX ((uint64_t)1 << 20) /* of a chunked body past its limit, before the connection is cut */
#define STREAM_BLOCK ((size_t)32 << 10)
#define TICK_MS 200
#define PULL_THREADS 2

enum connection_phase { PHASE_NEW, PHASE_IDLE, PHASE_READING, PHASE_BUSY, PHASE_CUT };

struct connection {
	struct connection *next, *previous; /* connections_lock */
	struct http_server *server;
	int fd; /* libmicrohttpd's: for shutdown(2) and the 408 only */
	gnutls_session_t tls;
	struct http_tls_cred *cred;
	struct http_handshake handshake;
	enum connection_phase phase; /* connections_lock */
	usec_t deadline;             /* connections_lock; monotonic, 0: none */
	struct http_stream *stream;  /* connections_lock; while one is being answered */
	bool cert_checked;           /* these four: loop thread */
	bool cert_refused;
	struct buf cert_der;
	char peer[64];
};

enum exchange_stage { STAGE_HEADERS, STAGE_BODY, STAGE_WORKING, STAGE_DONE, STAGE_ANSWERED };

struct exchange {
	struct http_work work;
	struct http_server *server;
	struct MHD_Connection *mhd;
	struct connection *connection;
	enum exchange_stage stage; /* handed over with the suspension: loop, worker, loop */
	struct str target;         /* p NULL: too long */
	struct buf body;
	uint64_t body_seen;
	int refused;       /* status to answer once the request has passed */
	const char *allow; /* with 405 */
	struct http_fields fields;
	struct http_request req;
	struct http_response res;
	struct http_work pull_work;
	struct buf piece; /* of a pulled answer, on its way: loop */
	size_t piece_taken;
	struct buf next;     /* the one after it; these three: puller while `making`, else loop */
	bool next_there;
	int pull_state;      /* what `more` said last */
	bool making;         /* connections_lock; with a puller */
	bool waiting;        /* connections_lock; suspended until the puller is done */
	bool abandoned;      /* connections_lock; the connection went away meanwhile: the puller frees */
	bool pulls;          /* counted in the server's */
	bool close_after;
};

struct http_server {
	struct http_config config;
	struct MHD_Daemon *daemon;
	struct http_tls *tls;
	struct http_handshakes *handshakes; /* with tls */
	struct http_workers *workers;
	struct http_workers *pullers;
	unsigned pulls; /* connections_lock */
	uint16_t port;
	char *unix_path;
	atomic_bool stopping;
	pthread_mutex_t connections_lock;
	struct connection *connections; /* connections_lock */
	pthread_t ticker;
	pthread_cond_t ticker_wake; /* connections_lock */
	bool ticker_stop;           /* connections_lock */
};

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info != NULL ? info->socket_context : NULL;
}

static void set_phase(struct connection *c, enum connection_phase phase, unsigned within_s)
{
	(void)pthread_mutex_lock(&c->server->connections_lock);
	if (c->phase != PHASE_CUT) {
		c->phase = phase;
		c->deadline = within_s > 0 ? clock_monotonic() + within_s * USEC_PER_SEC : 0;
	}
	(void)pthread_mutex_unlock(&c->server->connections_lock);
}

/* ---- connections ---- */

static void hold_handshake(void *mhd, bool hold)
{
	if (hold)
		MHD_suspend_connection(mhd);
	else
		MHD_resume_connection(mhd);
}

static struct connection *connection_new(struct http_server *s, struct MHD_Connection *mhd)
{
	struct connection *c = MEM_NEW(struct connection);
	c->server = s;
	c->cert_der = BUF_INIT((size_t)64 << 10);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	c->fd = info != NULL ? info->connect_fd : -1;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	http_peer_text(info != NULL ? info->client_addr : NULL, c->peer, sizeof c->peer);
	if (s->tls != NULL) {
		info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
		c->tls = info->tls_session;
		c->cred = http_tls_attach(s->tls, c->tls, true);
		c->handshake = (struct http_handshake){.fd = c->fd, .hold = hold_handshake, .ctx = mhd};
		http_handshake_watch(s->handshakes, &c->handshake, c->tls);
	}
	c->phase = PHASE_NEW;
	c->deadline = clock_monotonic() + s->config.request_timeout_s * USEC_PER_SEC;
	(void)pthread_mutex_lock(&s->connections_lock);
	c->next = s->connections;
	if (c->next != NULL)
		c->next->previous = c;
	s->connections = c;
	(void)pthread_mutex_unlock(&s->connections_lock);
	return c;
}

static void connection_free(struct connection *c)
{
	struct http_server *s = c->server;
	(void)pthread_mutex_lock(&s->connections_lock);
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		s->connections = c->next;
	if (c->next != NULL)
		c->next->previous = c->previous;
	(void)pthread_mutex_unlock(&s->connections_lock);
	http_tls_release(c->cred);
	buf_done(&c->cert_der);
	mem_free(c);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = connection_new(cls, mhd);
	} else if (*context != NULL) {
		connection_free(*context);
		*context = NULL;
	}
}

/* ---- the ticker ---- */

/* Lock held. The loop thread finds the end of the input and comes to on_completed. */
static void cut(struct connection *c)
{
	c->phase = PHASE_CUT;
	(void)shutdown(c->fd, SHUT_RD);
}

static void tick(struct http_server *s, usec_t now)
{
	usec_t idle_before = now - s->config.stream_comment_s * USEC_PER_SEC;
	for (struct connection *c = s->connections; c != NULL; c = c->next) {
		/* Each time again: a byte that lay there in the moment of the cut hides the end behind it. */
		if (c->deadline != 0 && c->deadline < now)
			cut(c);
		if (c->stream != NULL && http_stream_is_event_stream(c->stream))
			http_stream_comment(c->stream, STR(":\n\n"), idle_before);
	}
}

static void *ticker_main(void *arg)
{
	struct http_server *s = arg;
	(void)pthread_mutex_lock(&s->connections_lock);
	while (!s->ticker_stop) {
		(void)clock_wait(&s->ticker_wake, &s->connections_lock, clock_monotonic() + TICK_MS * USEC_PER_MS);
		tick(s, clock_monotonic());
	}
	(void)pthread_mutex_unlock(&s->connections_lock);
	return NULL;
}

/* ---- exchanges ---- */

static void *on_target(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http_server *s = cls;
	struct exchange *ex = MEM_NEW(struct exchange);
	ex->server = s;
	ex->mhd = mhd;
	ex->connection = connection_of(mhd);
	ex->req.arena = arena_new(ARENA_SPARE);
	ex->req.received_at = clock_now();
	ex->res.file_fd = -1;
	struct str target = str_c(uri);
	if (target.n <= TARGET_MAX)
		ex->target = arena_str(ex->req.arena, target);
	set_phase(ex->connection, PHASE_READING, s->config.request_timeout_s);
	return ex;
}

static void pull_done(struct exchange *ex)
{
	if (ex->res.pull.ctx != NULL)
		ex->res.pull.done(ex->res.pull.ctx);
	if (!ex->pulls)
		return;
	(void)pthread_mutex_lock(&ex->server->connections_lock);
	ex->server->pulls--;
	(void)pthread_mutex_unlock(&ex->server->connections_lock);
}

static void exchange_free(struct exchange *ex)
{
	pull_done(ex);
	buf_done(&ex->piece);
	buf_done(&ex->next);
	if (ex->res.stream != NULL)
		http_stream_gone(ex->res.stream);
	if (ex->res.file_fd >= 0)
		(void)close(ex->res.file_fd);
	buf_done(&ex->res.body);
	buf_done(&ex->body);
	arena_free(ex->req.arena);
	mem_free(ex);
}

/* Nothing was answered yet, and libmicrohttpd offers no way to answer in the middle of a request. */
static void send_timeout(struct connection *c)
{
	static const char answer[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
	if (c->tls != NULL)
		(void)gnutls_record_send(c->tls, answer, sizeof answer - 1);
	else
		(void)send(c->fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	(void)mhd;
	(void)code;
	struct http_server *s = cls;
	struct exchange *ex = *context;
	if (ex == NULL)
		return;
	*context = NULL;
	struct connection *c = ex->connection;
	(void)pthread_mutex_lock(&s->connections_lock);
	bool late = c->phase == PHASE_CUT && ex->stage < STAGE_WORKING, with_puller = ex->making;
	ex->abandoned = with_puller;
	c->stream = NULL;
	(void)pthread_mutex_unlock(&s->connections_lock);
	if (late)
		send_timeout(c);
	/* Between requests libmicrohttpd's idle time-out rules; the deadline bounds a request line that never ends. */
	set_phase(c, PHASE_IDLE, s->config.idle_timeout_s + s->config.request_timeout_s);
	if (!with_puller)
		exchange_free(ex);
}

static void suspend(void *mhd)
{
	MHD_suspend_connection(mhd);
}

static void resume(void *mhd)
{
	MHD_resume_connection(mhd);
}

static ssize_t stream_read(void *cls, uint64_t at, char *out, size_t max)
{
	(void)at;
	struct exchange *ex = cls;
	struct http_stream_reader reader = {ex->mhd, suspend, resume};
	ssize_t n = http_stream_read(ex->res.stream, &reader, out, max);
	if (n == HTTP_STREAM_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	return n == HTTP_STREAM_FAILED ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

/* ---- pulled answers ---- */

static bool is_abandoned(struct exchange *ex)
{
	(void)pthread_mutex_lock(&ex->server->connections_lock);
	bool abandoned = ex->abandoned;
	(void)pthread_mutex_unlock(&ex->server->connections_lock);
	return abandoned;
}

static void run_pull(struct http_work *work)
{
	struct exchange *ex = (struct exchange *)(void *)((char *)work - offsetof(struct exchange, pull_work));
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
		exchange_free(ex);
	else if (waiting)
		MHD_resume_connection(ex->mhd);
}

/* Lock held. What is ready takes its turn, and the one after it is asked for. */
static void turn_piece(struct exchange *ex)
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
static ssize_t pull_read(void *cls, uint64_t at, char *out, size_t max)
{
	(void)at;
	struct exchange *ex = cls;
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
		struct exchange *ex = (struct exchange *)(void *)((char *)req - offsetof(struct exchange, req));
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

/* ---- answers ---- */

static struct MHD_Response *make_response(struct exchange *ex)
{
	struct http_response *res = &ex->res;
	if (res->stream != NULL) {
		struct http_server *s = ex->server;
		(void)pthread_mutex_lock(&s->connections_lock);
		ex->connection->stream = res->stream;
		bool stopping = atomic_load(&s->stopping);
		(void)pthread_mutex_unlock(&s->connections_lock);
		if (stopping)
			http_stream_close(res->stream);
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, ex, NULL);
	}
	if (res->pull.ctx != NULL)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, pull_read, ex, NULL);
	if (res->file_fd >= 0) {
		struct MHD_Response *r = MHD_create_response_from_fd64(res->file_size_bytes, res->file_fd);
		if (r != NULL)
			res->file_fd = -1; /* closed with the response */
		return r;
	}
	struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback(res->body.n, res->body.p, mem_free);
	if (r != NULL)
		res->body = BUF_INIT(0);
	return r;
}

static bool add_headers(struct exchange *ex, struct MHD_Response *r)
{
	const struct http_response *res = &ex->res;
	bool ok = true;
	if (res->content_type != NULL)
		ok = MHD_add_response_header(r, "Content-Type", res->content_type) == MHD_YES;
	for (unsigned i = 0; i < res->header_count; i++)
		ok = ok && MHD_add_response_header(r, res->headers[i].name, res->headers[i].value) == MHD_YES;
	if (ex->close_after)
		ok = ok && MHD_add_response_header(r, "Connection", "close") == MHD_YES;
	return ok;
}

/* On the loop thread. */
static enum MHD_Result answer(struct exchange *ex)
{
	ex->stage = STAGE_ANSWERED;
	set_phase(ex->connection, PHASE_BUSY, 0);
	struct MHD_Response *r = make_response(ex);
	if (r == NULL)
		return MHD_NO;
	unsigned status = ex->res.status != 0 ? (unsigned)ex->res.status : MHD_HTTP_OK;
	if (!add_headers(ex, r)) {
		log_debug("a response header was refused", ARG_U64("status", status));
		MHD_destroy_response(r);
		return MHD_NO;
	}
	enum MHD_Result result = MHD_queue_response(ex->mhd, status, r);
	MHD_destroy_response(r);
	return result;
}

static const char *status_text(int status)
{
	switch (status) {
	case 400:
		return "Bad Request\n";
	case 404:
		return "Not Found\n";
	case 405:
		return "Method Not Allowed\n";
	case 411:
		return "Length Required\n";
	case 413:
		return "Content Too Large\n";
	case 414:
		return "URI Too Long\n";
	case 501:
		return "Not Implemented\n";
	default:
		return "Error\n";
	}
}

static enum MHD_Result answer_error(struct exchange *ex, int status, const char *allow)
{
	const struct http_config *config = &ex->server->config;
	ex->res.status = status;
	if (config->fallback != NULL) {
		config->fallback(&ex->req, &ex->res, status, config->context);
	} else {
		ex->res.body = BUF_INIT(256);
		buf_append_c(&ex->res.body, status_text(status));
		ex->res.content_type = "text/plain; charset=utf-8";
	}
	if (allow != NULL)
		http_response_header(&ex->res, "Allow", allow);
	return answer(ex);
}

void http_response_header(struct http_response *res, const char *name, const char *value)
{
	assert(res->header_count < HTTP_RESPONSE_HEADERS);
	res->headers[res->header_count].name = name;
	res->headers[res->header_count++].value = value;
}

/* ---- requests ---- */

static enum MHD_Result copy_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                   const char *value, size_t value_size)
{
	(void)kind;
	struct exchange *ex = cls;
	struct http_pairs *headers = &ex->fields.headers;
	if (headers->count == HEADERS_MAX)
		return MHD_NO;
	struct http_pair *pair = &headers->items[headers->count++];
	pair->name = arena_str(ex->req.arena, str_n(key, key_size));
	pair->value = arena_str(ex->req.arena, value != NULL ? str_n(value, value_size) : STR(""));
	if (str_eq_nocase(pair->name, STR("Cookie")))
		http_parse_cookies(ex->req.arena, pair->value, &ex->fields.cookies);
	return MHD_YES;
}

static bool copy_headers(struct exchange *ex)
{
	ex->fields.headers.items = ARENA_ARRAY(ex->req.arena, HEADERS_MAX, struct http_pair);
	int seen = MHD_get_connection_values_n(ex->mhd, MHD_HEADER_KIND, copy_header, ex);
	ex->req.connection = &ex->fields;
	ex->req.connected = true;
	return seen >= 0 && (size_t)seen == ex->fields.headers.count && seen < HEADERS_MAX;
}

static unsigned count_header(const struct exchange *ex, struct str name, struct str *ret_value)
{
	unsigned n = 0;
	for (size_t i = 0; i < ex->fields.headers.count; i++) {
		if (str_eq_nocase(ex->fields.headers.items[i].name, name)) {
			*ret_value = ex->fields.headers.items[i].value;
			n++;
		}
	}
	return n;
}

/* How the body is framed (RFC 9112 section 6.3). Returns the status to refuse it with, or 0. */
static int check_body(struct exchange *ex, const struct http_route *route)
{
	struct str length = STR_EMPTY, encoding = STR_EMPTY;
	unsigned lengths = count_header(ex, STR("Content-Length"), &length);
	unsigned encodings = count_header(ex, STR("Transfer-Encoding"), &encoding);
	uint64_t n = 0;
	if (lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0))
		return 400;
	if (encodings > 0)
		return str_eq_nocase(encoding, STR("chunked")) ? 0 : 501;
	if (lengths == 0) {
		struct str method = str_c(ex->req.method);
		bool wants_body = str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) || str_eq(method, STR("PATCH"));
		return wants_body && route->body_limit_bytes > 0 ? 411 : 0;
	}
	if (!str_parse_u64(length, 0, UINT64_MAX, &n))
		return 400;
	return n > route->body_limit_bytes ? 413 : 0;
}

static void set_client_cert(struct exchange *ex)
{
	struct connection *c = ex->connection;
	if (c->tls != NULL && ex->server->config.client_ca_pem != NULL && !c->cert_checked) {
		http_tls_client_cert(c->tls, &c->cert_der, &c->cert_refused);
		c->cert_checked = true;
		if (c->cert_refused)
			log_warn("a client certificate does not verify and is ignored", ARG_CSTR("peer", c->peer));
	}
	ex->req.client_cert_der = arena_str(ex->req.arena, buf_str(&c->cert_der));
	ex->req.client_cert_refused = c->cert_refused;
}

static enum MHD_Result begin(struct exchange *ex, const char *method)
{
	struct http_request *req = &ex->req;
	struct err err = {0};
	req->method = arena_cstr(req->arena, str_c(method));
	req->peer = arena_str(req->arena, str_c(ex->connection->peer));
	req->path = STR("");
	/* Until the body is known to be taken or absent, an error closes the connection. */
	ex->close_after = true;
	if (!copy_headers(ex))
		return answer_error(ex, 400, NULL);
	if (ex->target.p == NULL)
		return answer_error(ex, 414, NULL);
	if (http_parse_target(req->arena, ex->target, &req->path, &ex->fields.query, &err) < 0)
		return answer_error(ex, 400, NULL);
	set_client_cert(ex);
	int status = 0;
	struct buf allow = BUF_INIT(256);
	const struct http_route *route = http_route_find(ex->server->config.routes, req, &status, &allow);
	const char *allowed = route == NULL && status == 405 ? arena_cstr(req->arena, buf_str(&allow)) : NULL;
	buf_done(&allow);
	req->route = route;
	static const struct http_route no_body = {0};
	int bad = check_body(ex, route != NULL ? route : &no_body);
	bool has_body = bad != 0 || http_header(req, "Transfer-Encoding").p != NULL;
	if (has_body && (bad != 0 || route == NULL))
		return answer_error(ex, route == NULL ? status : bad, allowed);
	/* An answer before the end of the request would make libmicrohttpd close the connection. */
	ex->close_after = false;
	ex->refused = route == NULL ? status : 0;
	ex->allow = allowed;
	ex->body = BUF_INIT(route != NULL ? route->body_limit_bytes : 0);
	ex->stage = STAGE_BODY;
	return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *ex, const char *data, size_t *size)
{
	ex->body_seen += *size;
	if (ex->body_seen > ex->req.route->body_limit_bytes) {
		/* Only a chunked body comes here. The answer can be given after its end only, which must not be far. */
		ex->refused = 413;
		ex->close_after = true;
		buf_done(&ex->body);
		if (ex->body_seen > ex->req.route->body_limit_bytes + DISCARD_MAX)
			return MHD_NO;
	} else {
		buf_append(&ex->body, str_n(data, *size));
	}
	*size = 0;
	return MHD_YES;
}

bool http_request_gone(const struct http_request *req)
{
	if (!req->connected)
		return false;
	const struct exchange *ex = (const struct exchange *)(const void *)((const char *)req - offsetof(struct exchange, req));
	struct http_server *s = ex->server;
	/* Not by reading: under TLS the close_notify would stand before the end. The descriptor is open as long as nobody abandoned. */
	(void)pthread_mutex_lock(&s->connections_lock);
	bool gone = ex->abandoned;
	if (!gone) {
		struct pollfd p = {.fd = ex->connection->fd, .events = POLLRDHUP};
		gone = poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
	}
	(void)pthread_mutex_unlock(&s->connections_lock);
	return gone;
}

static void run_handler(struct http_work *work)
{
	struct exchange *ex = (struct exchange *)(void *)work;
	ex->req.route->handler(&ex->req, &ex->res, ex->server->config.context);
	ex->stage = STAGE_DONE;
	MHD_resume_connection(ex->mhd);
}

static enum MHD_Result finish(struct exchange *ex)
{
	struct http_server *s = ex->server;
	if (ex->refused != 0)
		return answer_error(ex, ex->refused, ex->allow);
	ex->req.body = buf_str(&ex->body);
	set_phase(ex->connection, PHASE_BUSY, 0);
	ex->work.run = run_handler;
	/* Under the lock, so that nothing is suspended after http_server_stop began to wait for the workers. */
	(void)pthread_mutex_lock(&s->connections_lock);
	bool stopping = atomic_load(&s->stopping);
	if (!stopping) {
		ex->stage = STAGE_WORKING;
		MHD_suspend_connection(ex->mhd);
		http_workers_submit(s->workers, &ex->work);
	}
	(void)pthread_mutex_unlock(&s->connections_lock);
	return stopping ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **context)
{
	(void)cls;
	(void)mhd;
	(void)url;
	(void)version;
	struct exchange *ex = *context;
	if (ex == NULL)
		return MHD_NO;
	switch (ex->stage) {
	case STAGE_HEADERS:
		return begin(ex, method);
	case STAGE_BODY:
		return *data_size > 0 ? take_body(ex, data, data_size) : finish(ex);
	case STAGE_DONE:
		return answer(ex);
	case STAGE_WORKING:
	case STAGE_ANSWERED:
		break;
	}
	return MHD_YES;
}

/* ---- start and stop ---- */

static void on_log(void *cls, const char *format, va_list ap)
{
	(void)cls;
	char line[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)vsnprintf(line, sizeof line, format, ap);
#pragma GCC diagnostic pop
	log_debug("libmicrohttpd", ARG_STR("text", str_trim(str_c(line))));
}

static void set_defaults(struct http_config *c)
{
#define DEFAULT(field, value) (c->field = c->field != 0 ? c->field : (value))
	DEFAULT(loop_threads, 2);
	DEFAULT(worker_threads, 4);
	DEFAULT(max_connections, 4096);
	DEFAULT(idle_timeout_s, 60);
	DEFAULT(request_timeout_s, 30);
	DEFAULT(header_memory_bytes, (size_t)32 << 10);
	DEFAULT(stream_comment_s, 15);
#undef DEFAULT
	if (c->loop_threads > 4)
		c->loop_threads = 4;
}

static int start_daemon(struct http_server *s, int fd, struct err *err)
{
	const struct http_config *c = &s->config;
	struct MHD_OptionItem tls_options[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, NULL},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, NULL},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	static const char priorities[] = HTTP_TLS_PRIORITIES;
	memcpy(&tls_options[0].ptr_value, &c->cert_pem, sizeof(void *));
	memcpy(&tls_options[1].ptr_value, &c->key_pem, sizeof(void *));
	memcpy(&tls_options[2].ptr_value, &(const char *){priorities}, sizeof(void *));
	struct MHD_OptionItem none = {MHD_OPTION_END, 0, NULL};
	struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)c->loop_threads, NULL}, none};
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	if (s->tls != NULL)
		flags |= MHD_USE_TLS;
	s->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, c->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		s->unix_path == NULL ? c->max_per_address : 0, MHD_OPTION_CONNECTION_TIMEOUT, c->idle_timeout_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->header_memory_bytes, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_ARRAY, c->loop_threads > 1 ? pool : &none,
		MHD_OPTION_ARRAY, s->tls != NULL ? tls_options : &none, MHD_OPTION_END);
	if (s->daemon == NULL)
		return err_set(err, -EIO, "http.start", ARG_CSTR("address", c->unix_path != NULL ? c->unix_path : c->address));
	return 0;
}

static void server_free(struct http_server *s)
{
	http_handshakes_free(s->handshakes);
	http_tls_free(s->tls);
	if (s->unix_path != NULL)
		(void)unlink(s->unix_path);
	mem_free(s->unix_path);
	(void)pthread_cond_destroy(&s->ticker_wake);
	(void)pthread_mutex_destroy(&s->connections_lock);
	mem_free(s);
}

int http_server_start(const struct http_config *config, struct http_server **ret, struct err *err)
{
	assert(config->routes != NULL);
	struct http_server *s = MEM_NEW(struct http_server);
	s->config = *config;
	set_defaults(&s->config);
	(void)pthread_mutex_init(&s->connections_lock, NULL);
	(void)pthread_cond_init(&s->ticker_wake, NULL);
	cleanup_fd int fd = -1;
	int r = 0;
	if (config->cert_pem != NULL && config->unix_path == NULL)
		r = http_tls_new(config->cert_pem, config->key_pem, config->client_ca_pem, &s->tls, err);
	if (r >= 0 && s->tls != NULL)
		r = http_handshakes_new(&s->handshakes, err);
	if (r >= 0)
		r = http_listen(&s->config, &fd, &s->port, err);
	if (r >= 0) {
		s->unix_path = config->unix_path != NULL ? mem_strdup(str_c(config->unix_path)) : NULL;
		s->workers = http_workers_new(s->config.worker_threads);
		s->pullers = http_workers_new(PULL_THREADS);
		r = start_daemon(s, fd, err);
		if (r < 0) {
			http_workers_free(s->workers);
			http_workers_free(s->pullers);
		}
	}
	if (r < 0) {
		http_handshakes_end(s->handshakes);
		server_free(s);
		return r;
	}
	(void)file_take(&fd); /* libmicrohttpd's now */
	if (pthread_create(&s->ticker, NULL, ticker_main, s) != 0)
		abort();
	*ret = s;
	return 0;
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

int http_server_set_certificate(struct http_server *s, const char *cert_pem, const char *key_pem, struct err *err)
{
	if (s->tls == NULL)
		return err_set(err, -ENOTSUP, "http.no_tls");
	return http_tls_replace(s->tls, cert_pem, key_pem, err);
}

/* Answers that are being sent get a moment to leave. */
static void wait_for_answers(struct http_server *s)
{
	for (unsigned waited_ms = 0; waited_ms < 1000; waited_ms += 20) {
		bool busy = false;
		(void)pthread_mutex_lock(&s->connections_lock);
		for (const struct connection *c = s->connections; c != NULL && !busy; c = c->next)
			busy = c->phase == PHASE_BUSY;
		(void)pthread_mutex_unlock(&s->connections_lock);
		if (!busy)
			return;
		(void)usleep(20000);
	}
}

void http_server_stop(struct http_server *s)
{
	if (s == NULL)
		return;
	/* Whoever calls from now on is refused; but libmicrohttpd's threads may touch the descriptor until they are gone. */
	cleanup_fd int fd = MHD_quiesce_daemon(s->daemon);
	(void)shutdown(fd, SHUT_RDWR);
	(void)pthread_mutex_lock(&s->connections_lock);
	atomic_store(&s->stopping, true);
	s->ticker_stop = true;
	(void)pthread_cond_broadcast(&s->ticker_wake);
	(void)pthread_mutex_unlock(&s->connections_lock);
	(void)pthread_join(s->ticker, NULL);
	/* What is queued is run: every suspended request is resumed. */
	http_workers_free(s->workers);
	http_workers_free(s->pullers);
	(void)pthread_mutex_lock(&s->connections_lock);
	for (struct connection *c = s->connections; c != NULL; c = c->next)
		if (c->stream != NULL)
			http_stream_close(c->stream);
	(void)pthread_mutex_unlock(&s->connections_lock);
	wait_for_answers(s);
	http_handshakes_end(s->handshakes);
	MHD_stop_daemon(s->daemon);
	server_free(s);
}
