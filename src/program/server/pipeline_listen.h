/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * pipeline_listen: what the role `pipeline` hears beside HTTP, by its settings: syslog, log files and the journal of
 * this machine. What of the latter cannot be read is told in the log, and no reason not to start.
 * Threads: one at a time.
 */
#pragma once
#include "engine/event_pipeline/event_pipeline.h"
#include "program/server/server_certificate.h"
#include "program/server/server_config.h"

struct pipeline_listen;
/* Before the process is confined: opens ports and files. Both are borrowed; the certificate for the call. */
int pipeline_listen_start(const struct server_config *config, struct event_pipeline *events,
			  const struct server_certificate *certificate, struct pipeline_listen **ret, struct err *err) WARN_UNUSED;
void pipeline_listen_stop(struct pipeline_listen *l);
int pipeline_listen_renew(struct pipeline_listen *l, const struct server_certificate *certificate, struct err *err) WARN_UNUSED;
