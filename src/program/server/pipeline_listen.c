/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/pipeline_listen.h"

#include "base/log/log.h"
#include "engine/listen/listen.h"
#include "engine/listen/listen_journal.h"
#include "engine/listen/listen_tail.h"

/* The settings' words, in their order. */
enum { UNKNOWN_REFUSE, UNKNOWN_ACCEPT };
enum { CERTIFICATE_OPTIONAL, CERTIFICATE_REQUIRED };

struct pipeline_listen {
	struct listen *syslog;
	struct listen_tail *tail;
	struct listen_journal *journal;
};

static void tell(const struct listen *l)
{
	for (enum event_via via = EVENT_VIA_UDP; via <= EVENT_VIA_TLS; via++)
		if (listen_port(l, via) != 0)
			log_info("syslog is taken", ARG_CSTR("over", event_via_name(via)), ARG_U64("port", listen_port(l, via)));
}

static int start_syslog(const struct server_config *config, struct event_pipeline *events,
			const struct server_certificate *certificate, struct pipeline_listen *l, struct err *err)
{
	const struct listen_config listen = {
	    .events = events,
	    .address = config->listen_address,
	    .udp_port = (int)config->syslog_udp_port,
	    .tcp_port = (int)config->syslog_tcp_port,
	    .tls_port = (int)config->syslog_tls_port,
	    .cert_pem = certificate->chain_pem.p,
	    .key_pem = certificate->key_pem.p,
	    .require_certificate = config->syslog_client_certificate == CERTIFICATE_REQUIRED,
	    .accept_unknown = config->syslog_unknown == UNKNOWN_ACCEPT,
	};
	int r = listen_start(&listen, &l->syslog, err);
	if (r == 0)
		tell(l->syslog);
	return r;
}

static void start_own(const struct server_config *config, struct event_pipeline *events, struct pipeline_listen *l)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct err err = {0};
	const struct listen_tail_config tail = {
	    .events = events, .paths = config->log_files, .joined_paths = config->log_files_joined, .begin = config->log_begin, .state = server_path(arena, config, "pipeline/tail")};
	const struct listen_journal_config journal = {.events = events, .state = server_path(arena, config, "pipeline/journal")};
	if ((config->log_files[0] != NULL || config->log_files_joined[0] != NULL) && listen_tail_start(&tail, &l->tail, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "the log files of this machine are not read", &err);
	err_clear(&err);
	if (config->journal != 0 && listen_journal_start(&journal, &l->journal, &err) < 0)
		log_err(LOG_LEVEL_ERROR, "the journal of this machine is not read", &err);
}

int pipeline_listen_start(const struct server_config *config, struct event_pipeline *events,
			  const struct server_certificate *certificate, struct pipeline_listen **ret, struct err *err)
{
	struct pipeline_listen *l = MEM_NEW(struct pipeline_listen);
	int r = start_syslog(config, events, certificate, l, err);
	if (r < 0) {
		pipeline_listen_stop(l);
		return r;
	}
	start_own(config, events, l);
	*ret = l;
	return 0;
}

void pipeline_listen_stop(struct pipeline_listen *l)
{
	if (l == NULL)
		return;
	listen_journal_stop(l->journal);
	listen_tail_stop(l->tail);
	listen_stop(l->syslog);
	mem_free(l);
}

int pipeline_listen_renew(struct pipeline_listen *l, const struct server_certificate *certificate, struct err *err)
{
	return l != NULL ? listen_set_certificate(l->syslog, certificate->chain_pem.p, certificate->key_pem.p, err) : 0;
}
