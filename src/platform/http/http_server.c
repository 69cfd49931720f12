/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Start and stop. */
#include "platform/http/http_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "platform/http/http_listen.h"

#define PULL_THREADS 2

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
		flags, 0, NULL, NULL, http_exchange_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, c->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		s->unix_path == NULL ? c->max_per_address : 0, MHD_OPTION_CONNECTION_TIMEOUT, c->idle_timeout_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->header_memory_bytes, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_CONNECTION, http_connection_notice, s, MHD_OPTION_NOTIFY_COMPLETED, http_exchange_completed, s,
		MHD_OPTION_URI_LOG_CALLBACK, http_exchange_target, s, MHD_OPTION_ARRAY, c->loop_threads > 1 ? pool : &none,
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
	if (pthread_create(&s->ticker, NULL, http_connection_ticker, s) != 0)
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
		for (const struct http_connection *c = s->connections; c != NULL && !busy; c = c->next)
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
	for (struct http_connection *c = s->connections; c != NULL; c = c->next)
		if (c->stream != NULL)
			http_stream_close(c->stream);
	(void)pthread_mutex_unlock(&s->connections_lock);
	wait_for_answers(s);
	http_handshakes_end(s->handshakes);
	MHD_stop_daemon(s->daemon);
	server_free(s);
}
