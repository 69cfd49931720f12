/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Connections, and the ticker that cuts those which are too slow. */
#include "platform/http/http_internal.h"

#include <sys/socket.h>

#include "base/clock/clock_wait.h"
#include "platform/http/http_listen.h"

#define TICK_MS 200

struct http_connection *http_connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info != NULL ? info->socket_context : NULL;
}

void http_connection_phase(struct http_connection *c, enum http_phase phase, unsigned within_s)
{
	(void)pthread_mutex_lock(&c->server->connections_lock);
	if (c->phase != PHASE_CUT) {
		c->phase = phase;
		c->deadline = within_s > 0 ? clock_monotonic() + within_s * USEC_PER_SEC : 0;
	}
	(void)pthread_mutex_unlock(&c->server->connections_lock);
}

static void hold_handshake(void *mhd, bool hold)
{
	if (hold)
		MHD_suspend_connection(mhd);
	else
		MHD_resume_connection(mhd);
}

static struct http_connection *connection_new(struct http_server *s, struct MHD_Connection *mhd)
{
	struct http_connection *c = MEM_NEW(struct http_connection);
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

static void connection_free(struct http_connection *c)
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

void http_connection_notice(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = connection_new(cls, mhd);
	} else if (*context != NULL) {
		connection_free(*context);
		*context = NULL;
	}
}

/* Nothing was answered yet, and libmicrohttpd offers no way to answer in the middle of a request. */
void http_connection_send_timeout(struct http_connection *c)
{
	static const char answer[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
	if (c->tls != NULL)
		(void)gnutls_record_send(c->tls, answer, sizeof answer - 1);
	else
		(void)send(c->fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- the ticker ---- */

/* Lock held. The loop thread finds the end of the input and comes to on_completed. */
static void cut(struct http_connection *c)
{
	c->phase = PHASE_CUT;
	(void)shutdown(c->fd, SHUT_RD);
}

static void tick(struct http_server *s, usec_t now)
{
	usec_t idle_before = now - s->config.stream_comment_s * USEC_PER_SEC;
	for (struct http_connection *c = s->connections; c != NULL; c = c->next) {
		/* Each time again: a byte that lay there in the moment of the cut hides the end behind it. */
		if (c->deadline != 0 && c->deadline < now)
			cut(c);
		if (c->stream != NULL && http_stream_is_event_stream(c->stream))
			http_stream_comment(c->stream, STR(":\n\n"), idle_before);
	}
}

void *http_connection_ticker(void *arg)
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
