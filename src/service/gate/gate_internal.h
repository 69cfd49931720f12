/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to service/gate. */
#pragma once
#include <pthread.h>

#include "service/account/account.h"
#include "service/api/api.h"
#include "service/gate/gate.h"
#include "service/metrics/metrics.h"

#define GATE_LISTENERS 2

struct gate_files;
struct gate_stream;

struct gate {
	struct service_context *sc;
	const struct service *const *services;
	size_t service_count;
	const char *version;
	struct http_route *routes[GATE_LISTENERS];
	size_t route_count[GATE_LISTENERS];
	struct gate_files *files;
	struct gate_stream *stream;
};

/* What a handler of the gate's own routes gets; `api` is first so that it can be told from any other. */
struct gate_request {
	struct api_request api;
	struct gate *gate;
	struct access access;
	struct account_identity identity;
};

static inline struct gate_request *gate_request_of(struct api_request *req)
{
	return (struct gate_request *)req;
}

/* http_handler of every route; route->data is the struct service_route. */
void gate_handle(struct http_request *http, struct http_response *res, void *context);
/* Its parts, for a request that is carried out later (gate_approval.c). */
int gate_check_permission(struct gate_request *q, struct err *err) WARN_UNUSED;
int gate_decode_body(struct gate_request *q, struct err *err) WARN_UNUSED;
int gate_post_approve(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
enum msg_lang gate_lang(const struct http_request *http);

/* Static files (gate_files.c). */
int gate_files_new(const struct gate_folder *folders, bool reload, struct gate_files **ret, struct err *err) WARN_UNUSED;
void gate_files_free(struct gate_files *f);
/* false: there is no such file. */
bool gate_files_answer(struct gate_files *f, struct http_request *http, struct http_response *res);

/* The event stream (gate_stream.c). */
struct gate_stream *gate_stream_new(struct gate *g);
void gate_stream_free(struct gate_stream *s);
int gate_stream_start(struct gate_stream *s, struct err *err) WARN_UNUSED;
void gate_stream_stop(struct gate_stream *s);
void gate_stream_wake(void *stream);
int gate_stream_open(struct api_request *req, struct http_response *res, struct err *err) WARN_UNUSED;
