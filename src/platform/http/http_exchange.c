/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One request after the other: taken, framed, handed to its handler. */
#include "platform/http/http_internal.h"

#include <poll.h>
#include <stddef.h>
#include <unistd.h>

#include "base/log/log.h"

#define HEADERS_MAX 100
#define TARGET_MAX ((size_t)8 << 10)
#define ARENA_SPARE ((size_t)4 << 20) /* what a handler may take beyond the body */
#define DISCARD_MAX ((uint64_t)1 << 20) /* of a chunked body past its limit, before the connection is cut */

void *http_exchange_target(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http_server *s = cls;
	struct http_exchange *ex = MEM_NEW(struct http_exchange);
	ex->server = s;
	ex->mhd = mhd;
	ex->connection = http_connection_of(mhd);
	ex->req.arena = arena_new(ARENA_SPARE);
	ex->req.received_at = clock_now();
	ex->res.file_fd = -1;
	struct str target = str_c(uri);
	if (target.n <= TARGET_MAX)
		ex->target = arena_str(ex->req.arena, target);
	http_connection_phase(ex->connection, PHASE_READING, s->config.request_timeout_s);
	return ex;
}

void http_exchange_free(struct http_exchange *ex)
{
	http_pull_end(ex);
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

void http_exchange_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	(void)mhd;
	(void)code;
	struct http_server *s = cls;
	struct http_exchange *ex = *context;
	if (ex == NULL)
		return;
	*context = NULL;
	struct http_connection *c = ex->connection;
	(void)pthread_mutex_lock(&s->connections_lock);
	bool late = c->phase == PHASE_CUT && ex->stage < STAGE_WORKING, with_puller = ex->making;
	ex->abandoned = with_puller;
	c->stream = NULL;
	(void)pthread_mutex_unlock(&s->connections_lock);
	if (late)
		http_connection_send_timeout(c);
	/* Between requests libmicrohttpd's idle time-out rules; the deadline bounds a request line that never ends. */
	http_connection_phase(c, PHASE_IDLE, s->config.idle_timeout_s + s->config.request_timeout_s);
	if (!with_puller)
		http_exchange_free(ex);
}

static enum MHD_Result copy_header(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                   const char *value, size_t value_size)
{
	(void)kind;
	struct http_exchange *ex = cls;
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

static bool copy_headers(struct http_exchange *ex)
{
	ex->fields.headers.items = ARENA_ARRAY(ex->req.arena, HEADERS_MAX, struct http_pair);
	int seen = MHD_get_connection_values_n(ex->mhd, MHD_HEADER_KIND, copy_header, ex);
	ex->req.connection = &ex->fields;
	ex->req.connected = true;
	return seen >= 0 && (size_t)seen == ex->fields.headers.count && seen < HEADERS_MAX;
}

static unsigned count_header(const struct http_exchange *ex, struct str name, struct str *ret_value)
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
static int check_body(struct http_exchange *ex, const struct http_route *route)
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

static void set_client_cert(struct http_exchange *ex)
{
	struct http_connection *c = ex->connection;
	if (c->tls != NULL && ex->server->config.client_ca_pem != NULL && !c->cert_checked) {
		http_tls_client_cert(c->tls, &c->cert_der, &c->cert_refused);
		c->cert_checked = true;
		if (c->cert_refused)
			log_warn("a client certificate does not verify and is ignored", ARG_CSTR("peer", c->peer));
	}
	ex->req.client_cert_der = arena_str(ex->req.arena, buf_str(&c->cert_der));
	ex->req.client_cert_refused = c->cert_refused;
}

static enum MHD_Result begin(struct http_exchange *ex, const char *method)
{
	struct http_request *req = &ex->req;
	struct err err = {0};
	req->method = arena_cstr(req->arena, str_c(method));
	req->peer = arena_str(req->arena, str_c(ex->connection->peer));
	req->path = STR("");
	/* Until the body is known to be taken or absent, an error closes the connection. */
	ex->close_after = true;
	if (!copy_headers(ex))
		return http_answer_error(ex, 400, NULL);
	if (ex->target.p == NULL)
		return http_answer_error(ex, 414, NULL);
	if (http_parse_target(req->arena, ex->target, &req->path, &ex->fields.query, &err) < 0)
		return http_answer_error(ex, 400, NULL);
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
		return http_answer_error(ex, route == NULL ? status : bad, allowed);
	/* An answer before the end of the request would make libmicrohttpd close the connection. */
	ex->close_after = false;
	ex->refused = route == NULL ? status : 0;
	ex->allow = allowed;
	ex->body = BUF_INIT(route != NULL ? route->body_limit_bytes : 0);
	ex->stage = STAGE_BODY;
	return MHD_YES;
}

static enum MHD_Result take_body(struct http_exchange *ex, const char *data, size_t *size)
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
	const struct http_exchange *ex = (const struct http_exchange *)(const void *)((const char *)req - offsetof(struct http_exchange, req));
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
	struct http_exchange *ex = (struct http_exchange *)(void *)work;
	ex->req.route->handler(&ex->req, &ex->res, ex->server->config.context);
	ex->stage = STAGE_DONE;
	MHD_resume_connection(ex->mhd);
}

static enum MHD_Result finish(struct http_exchange *ex)
{
	struct http_server *s = ex->server;
	if (ex->refused != 0)
		return http_answer_error(ex, ex->refused, ex->allow);
	ex->req.body = buf_str(&ex->body);
	http_connection_phase(ex->connection, PHASE_BUSY, 0);
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

enum MHD_Result http_exchange_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **context)
{
	(void)cls;
	(void)mhd;
	(void)url;
	(void)version;
	struct http_exchange *ex = *context;
	if (ex == NULL)
		return MHD_NO;
	switch (ex->stage) {
	case STAGE_HEADERS:
		return begin(ex, method);
	case STAGE_BODY:
		return *data_size > 0 ? take_body(ex, data, data_size) : finish(ex);
	case STAGE_DONE:
		return http_answer(ex);
	case STAGE_WORKING:
	case STAGE_ANSWERED:
		break;
	}
	return MHD_YES;
}
