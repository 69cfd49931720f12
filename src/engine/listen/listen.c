/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/listen/listen.h"

#include "engine/listen/listen_internal.h"
#include "platform/http/http_tls.h"

#define TCP_THREADS 2
#define TLS_THREADS 2

struct listen {
	struct listen_config config;
	char *address;
	struct listen_rates *rates;
	struct http_tls *certificate;
	struct listen_udp *udp;
	struct listen_stream *tcp, *tls;
};

static int start_all(struct listen *l, struct err *err)
{
	const struct listen_config *c = &l->config;
	int r = 0;
	if (c->udp_port != 0)
		r = listen_udp_start(c, l->rates, &l->udp, err);
	if (r == 0 && c->tcp_port != 0)
		r = listen_stream_start(c, l->rates, NULL, c->tcp_port, c->tcp_threads > 0 ? c->tcp_threads : TCP_THREADS, &l->tcp, err);
	if (r == 0 && c->tls_port != 0)
		r = http_tls_new(c->cert_pem, c->key_pem, NULL, &l->certificate, err);
	if (r == 0 && c->tls_port != 0)
		r = listen_stream_start(c, l->rates, l->certificate, c->tls_port, TLS_THREADS, &l->tls, err);
	return r;
}

int listen_start(const struct listen_config *config, struct listen **ret, struct err *err)
{
	struct listen *l = MEM_NEW(struct listen);
	l->config = *config;
	l->config.address = l->address = mem_strdup(str_c(config->address));
	l->rates = listen_rates_new();
	int r = start_all(l, err);
	/* The caller's, and they hold a key. */
	l->config.cert_pem = l->config.key_pem = NULL;
	if (r < 0) {
		listen_stop(l);
		return r;
	}
	*ret = l;
	return 0;
}

void listen_stop(struct listen *l)
{
	if (l == NULL)
		return;
	listen_udp_stop(l->udp);
	listen_stream_stop(l->tcp);
	listen_stream_stop(l->tls);
	http_tls_free(l->certificate);
	listen_rates_free(l->rates);
	mem_free(l->address);
	mem_free(l);
}

int listen_set_certificate(struct listen *l, const char *cert_pem, const char *key_pem, struct err *err)
{
	return l->certificate != NULL ? http_tls_replace(l->certificate, cert_pem, key_pem, err) : 0;
}

unsigned listen_port(const struct listen *l, enum event_via via)
{
	if (via == EVENT_VIA_UDP && l->udp != NULL)
		return listen_udp_port(l->udp);
	if (via == EVENT_VIA_TCP && l->tcp != NULL)
		return listen_stream_port(l->tcp);
	if (via == EVENT_VIA_TLS && l->tls != NULL)
		return listen_stream_port(l->tls);
	return 0;
}
