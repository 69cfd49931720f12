/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * ingest_http: the events listener's routes: who sends (client certificate, or a token as Bearer, as Basic password or as
 * ApiKey, looked up by fingerprint), the batch, the answer. What happens to events is engine/event_pipeline's work.
 * Threads: handlers on any worker.
 */
#pragma once
#include "engine/event_pipeline/event_pipeline.h"
#include "platform/http/http.h"

/* The context of the routes is a struct event_pipeline. */
extern const struct http_route ingest_routes[];
void ingest_fallback(struct http_request *req, struct http_response *res, int status, void *context);
/* -EPERM (server.events_no_sender, server.events_unknown_sender). Tells the log and the strangers' list. */
int ingest_identify(struct event_pipeline *events, const struct http_request *req, struct event_sender *ret, struct err *err) WARN_UNUSED;
