/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * http: the server side of HTTP/1.1 over TLS (libmicrohttpd + GnuTLS, whose
 * headers appear in http_server.c only) or over a Unix socket, with a route table.
 *
 * A request is read by an event loop thread, then its handler runs on a worker
 * thread (so handlers may block on the database); the connection is suspended
 * meanwhile. Limits, all with defaults: body size per route, header memory per
 * connection, connections in all and per address, idle time, time for the whole
 * request (slow senders).
 *
 * Does not live here: who may do what (service/api), JSON bodies, cookies' meaning.
 * Client side: platform/http/http_client.h.
 * Threads: http_server_* from the thread that made it; handlers on any worker;
 * http_stream_* from any thread.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/mem/mem.h"

struct http_server;
struct http_stream;

#define HTTP_PATH_PARAMS 4

struct http_request {
	struct arena *arena; /* lives as long as the request */
	const char *method;  /* "GET", … upper case */
	struct str path;     /* percent-decoded, no query, valid UTF-8 */
	struct str body;     /* whole body, at most the route's limit; Content-Encoding still applied */
	struct str peer;     /* remote address as text, "unix" for Unix sockets */
	usec_t received_at;
	/* TLS client certificate that chains to the configured client CA; n == 0: none was given. */
	struct str client_cert_der;
	bool client_cert_refused; /* one was given that does not verify: treated as none, worth a log line */
	const struct http_route *route;
	struct {
		struct str name, value;
	} params[HTTP_PATH_PARAMS]; /* {name} parts of the route's path */
	const void *connection; /* private to http_server.c */
	bool connected;         /* came over one: not in replays and tests */
};

/* Looked up without regard to case; STR_EMPTY (p == NULL) when absent. */
struct str http_header(const struct http_request *req, const char *name);
/* Percent-decoded query parameter; p == NULL when absent. */
struct str http_query(const struct http_request *req, const char *name);
/* Every value of a repeated parameter, at most `max`; returns how many. */
size_t http_query_all(const struct http_request *req, const char *name, struct str *ret, size_t max);
/* The i-th parameter as it came; false past the last: for refusing unknown ones. */
bool http_query_at(const struct http_request *req, size_t i, struct str *ret_name, struct str *ret_value);
struct str http_cookie(const struct http_request *req, const char *name);
struct str http_param(const struct http_request *req, const char *name);
/* Has the client hung up? For handlers that work long; only while the handler or `more` of a pulled answer runs, from any thread. A client that shut
 * down its sending side counts as gone. What came over no connection is never gone. */
bool http_request_gone(const struct http_request *req);

/* A request that no connection brings: to carry out later what was asked and kept. Finds its route. Texts are borrowed.
 * -ENOENT (http.no_route). */
struct http_replay {
	const char *method;
	struct str target, body, if_match, peer;
};
struct http_route;
int http_request_replay(struct arena *arena, const struct http_route *routes, const struct http_replay *what,
                        struct http_request *ret, struct err *err) WARN_UNUSED;

#define HTTP_RESPONSE_HEADERS 16

struct http_response {
	int status;      /* 0: 200 */
	struct buf body; /* freed by the server */
	const char *content_type; /* static string or arena */
	struct {
		const char *name, *value; /* static string or arena */
	} headers[HTTP_RESPONSE_HEADERS];
	unsigned header_count;
	/* Set instead of body: an open file sent whole; closed by the server. -1: none. */
	int file_fd;
	uint64_t file_size_bytes;
	/* Set by http_response_stream instead of body. */
	struct http_stream *stream;
	/* Set by http_response_pull instead of body; ctx NULL: none. */
	struct http_pull {
		int (*more)(void *ctx, struct buf *out);
		void (*done)(void *ctx);
		void *ctx;
	} pull;
};

void http_response_header(struct http_response *res, const char *name, const char *value);

/* Fills res. Anything can be answered; there is no error return: errors are responses. */
typedef void (*http_handler)(struct http_request *req, struct http_response *res, void *context);

struct http_route {
	const char *method;      /* "GET"; NULL ends the table */
	const char *path;        /* "/api/v1/endpoints/{id}"; a last part "{rest*}" takes all that remains */
	http_handler handler;
	size_t body_limit_bytes; /* 0: no body allowed; more is answered 413 before it is read */
	const void *data;        /* for the handler's owner */
};

struct http_config {
	const char *address;     /* "127.0.0.1", "::" ; or NULL with unix_path */
	uint16_t port;           /* 0: any free one (tests) */
	const char *unix_path;   /* listen on this Unix socket instead, without TLS */
	unsigned unix_mode;      /* permission bits of the socket, default 0600 */
	const char *cert_pem;    /* chain; NULL: no TLS (loopback tests and Unix sockets only) */
	const char *key_pem;
	const char *client_ca_pem; /* asks for client certificates, not required by TLS itself; routes decide */
	const struct http_route *routes; /* more specific paths first */
	void *context;           /* passed to handlers */
	/* Called when no route matches (404, or 405; Allow is set by the server) and for 400/411/413, on a loop thread:
	 * it must not block. req->path may be empty. NULL: plain text. What never became a request (431, broken
	 * syntax, 408 of a slow sender) is answered in plain text by the server itself. */
	void (*fallback)(struct http_request *req, struct http_response *res, int status, void *context);
	unsigned loop_threads;       /* 0: 2; at most 4 */
	unsigned worker_threads;     /* 0: 4 */
	unsigned max_connections;    /* 0: 4096 */
	unsigned max_per_address;    /* 0: no limit (agents behind one NAT); console 256 */
	unsigned idle_timeout_s;     /* 0: 60 */
	unsigned request_timeout_s;  /* 0: 30; whole request must be received within */
	size_t header_memory_bytes;  /* 0: 32 KiB */
	unsigned stream_comment_s;   /* 0: 15; event streams idle that long get a comment line, which finds vanished clients */
};

/* Could a server listen there? Binds and lets go. Errors as http_server_start's: system.call with EADDRINUSE, EACCES…;
 * -EINVAL http.bad_address. */
int http_check_listen(const char *address, uint16_t port, struct err *err) WARN_UNUSED;
int http_server_start(const struct http_config *config, struct http_server **ret, struct err *err) WARN_UNUSED;
uint16_t http_server_port(const struct http_server *s);
/* New connections use the new certificate; old ones live on. */
int http_server_set_certificate(struct http_server *s, const char *cert_pem, const char *key_pem,
                                struct err *err) WARN_UNUSED;
/* Stops accepting, waits for running handlers, closes streams, frees. */
void http_server_stop(struct http_server *s);

/*
 * An answer of any size, made piece by piece. `more` appends the next piece: 1: there is more, 0: that was the last, negative: it
 * cannot go on; then the connection is cut in the middle of the answer, so that nobody takes what came for all of it. It runs on a
 * thread of its own kind (no handler waits for it), one call at a time, and one ahead: while a piece is sent the next is made, the one
 * after that only when the client has taken the first. The request and its arena live on, and http_request_gone() tells `more` too
 * that the client hung up. `done` is called once, whatever happened, from any thread; from a call that succeeds on it is due.
 * -EAGAIN (http.too_many_pulls): HTTP_PULLS_MOST of them are under way.
 */
#define HTTP_PULLS_MOST 4
#define HTTP_PIECE_MOST ((size_t)128 << 20)
int http_response_pull(struct http_request *req, struct http_response *res, const char *content_type,
                       const struct http_pull *pull, struct err *err) WARN_UNUSED;

/*
 * Server-sent events (WHATWG HTML, "Server-sent events") and long polls: the
 * handler makes a stream, keeps a reference, and others send to it.
 * At most `queue_limit_bytes` wait for a slow reader; then it is closed (the
 * browser reconnects with Last-Event-ID).
 */
struct http_stream *http_response_stream(struct http_response *res, const char *content_type,
                                         size_t queue_limit_bytes);
/* false: the client is gone; drop the reference. */
bool http_stream_send(struct http_stream *stream, struct str bytes);
/* Called once, from any thread, when the client has gone; before the last unref. */
void http_stream_on_close(struct http_stream *stream, void (*fn)(void *ctx), void *ctx);
void http_stream_close(struct http_stream *stream);
struct http_stream *http_stream_ref(struct http_stream *stream);
void http_stream_unref(struct http_stream *stream);
