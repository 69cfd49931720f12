/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * ingest_elastic: as much of Elasticsearch's interface as Filebeat, Winlogbeat and other shippers need to send to us
 * unchanged: who we are, _bulk, and the questions their setup asks. Nothing is kept of templates and policies: the event
 * store's schema is our own, and the answers say so (header Warning).
 * Threads: handlers on any worker.
 */
#pragma once
#include "engine/event_pipeline/event_pipeline.h"
#include "platform/http/http.h"

void elastic_about(struct http_request *req, struct http_response *res, void *events);
void elastic_license(struct http_request *req, struct http_response *res, void *events);
void elastic_features(struct http_request *req, struct http_response *res, void *events);
void elastic_setup_there(struct http_request *req, struct http_response *res, void *events);
void elastic_setup_put(struct http_request *req, struct http_response *res, void *events);
void elastic_pipeline(struct http_request *req, struct http_response *res, void *events);
void elastic_bulk(struct http_request *req, struct http_response *res, void *events);
