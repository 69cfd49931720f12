/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The server within: libmicrohttpd 0.9.75 wrapped. Its header appears here only. Private to platform/http.
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
#pragma once
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "platform/http/http.h"
#include "platform/http/http_handshake.h"
#include "platform/http/http_parse.h"
#include "platform/http/http_stream.h"
#include "platform/http/http_tls.h"
#include "platform/http/http_worker.h"

enum http_phase { PHASE_NEW, PHASE_IDLE, PHASE_READING, PHASE_BUSY, PHASE_CUT };

struct http_connection {
	struct http_connection *next, *previous; /* connections_lock */
	struct http_server *server;
	int fd; /* libmicrohttpd's: for shutdown(2) and the 408 only */
	gnutls_session_t tls;
	struct http_tls_cred *cred;
	struct http_handshake handshake;
	enum http_phase phase; /* connections_lock */
	usec_t deadline;             /* connections_lock; monotonic, 0: none */
	struct http_stream *stream;  /* connections_lock; while one is being answered */
	bool cert_checked;           /* these four: loop thread */
	bool cert_refused;
	struct buf cert_der;
	char peer[64];
};

enum http_stage { STAGE_HEADERS, STAGE_BODY, STAGE_WORKING, STAGE_DONE, STAGE_ANSWERED };

struct http_exchange {
	struct http_work work;
	struct http_server *server;
	struct MHD_Connection *mhd;
	struct http_connection *connection;
	enum http_stage stage; /* handed over with the suspension: loop, worker, loop */
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
	struct http_connection *connections; /* connections_lock */
	pthread_t ticker;
	pthread_cond_t ticker_wake; /* connections_lock */
	bool ticker_stop;           /* connections_lock */
};

/* http_connection.c */

struct http_connection *http_connection_of(struct MHD_Connection *mhd);
/* What libmicrohttpd tells of a connection's begin and end; cls is the server. */
void http_connection_notice(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code);
/* What it is doing, and by when that must be over (0: no end). A cut connection stays cut. */
void http_connection_phase(struct http_connection *c, enum http_phase phase, unsigned within_s);
void http_connection_send_timeout(struct http_connection *c);
/* The ticker's thread; arg is the server. Ends after ticker_stop. */
void *http_connection_ticker(void *arg);

/* http_exchange.c: libmicrohttpd's callbacks; cls is the server */

void *http_exchange_target(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_exchange_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method, const char *version,
                                      const char *data, size_t *data_size, void **context);
void http_exchange_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code);
void http_exchange_free(struct http_exchange *ex);

/* http_answer.c: on the loop thread */

enum MHD_Result http_answer(struct http_exchange *ex);
/* By the fallback, or as text. allow may be NULL. */
enum MHD_Result http_answer_error(struct http_exchange *ex, int status, const char *allow);

/* http_pull.c */

/* libmicrohttpd's content reader; cls is the exchange. */
ssize_t http_pull_read(void *cls, uint64_t at, char *out, size_t max);
/* The answer is over: what makes the pieces is let go. */
void http_pull_end(struct http_exchange *ex);
