/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * gate: the one door in front of every service. For each request: who asks
 * (session cookie, bearer token, client certificate), may they (the route's
 * permission), is it really their browser (header and Origin on unsafe
 * methods), is the body what the table says; then the handler, then problems,
 * headers, audit of refusals and of sensitive reads. Also the event stream, the
 * OpenAPI description and the console's static files.
 *
 * Does not live here: narrowing to units (handlers, service/api), listening (platform/http).
 *
 * In the program, in this order:
 *   gate_prepare(sc, services, n)            migrations, then each service's start
 *   account_setup_begin(sc, code)            print the code when it returns 1
 *   gate_new(&config, &gate)                 sets sc->outbox_wake
 *   http_server_start(routes = gate_routes(gate, LISTENER_CONSOLE), context = gate, fallback = gate_fallback)
 *   http_server_start(routes = gate_routes(gate, LISTENER_AGENT), …the same, client_ca_pem set)
 *   gate_start(gate)                         threads: stream, outbox dispatcher
 * and at the end gate_stop, http_server_stop (each), gate_free.
 * Threads: gate_* from the thread that made it; requests on any.
 */
#pragma once
#include "service/service.h"

struct gate;

/* The gate's own routes: stream, OpenAPI, health. */
extern const struct service gate_service;

struct gate_folder {
	const char *prefix; /* "/", "/messages/"; longer ones first */
	const char *dir;    /* NULL ends the list */
};

struct gate_config {
	struct service_context *service;
	const struct service *const *services; /* in order; gate_service among them */
	size_t service_count;
	const struct gate_folder *folders; /* the console's files; may be NULL */
	bool reload;                       /* read files at each request: for development */
	const char *version;               /* for OpenAPI */
};

/* Applies all migrations, runs all start functions, in order. */
int gate_prepare(const struct service_context *sc, const struct service *const *services, size_t count,
                 struct err *err) WARN_UNUSED;

/* -EINVAL: gate.route_without_permission, gate.permission_undeclared, gate.route_twice, gate.route_incomplete. */
int gate_new(const struct gate_config *config, struct gate **ret, struct err *err) WARN_UNUSED;
void gate_free(struct gate *g);
DEFINE_CLEANUP(gate)

/* Ends with a NULL method; more specific paths first. Borrowed from the gate. */
const struct http_route *gate_routes(const struct gate *g, enum service_listener listener);
/* For http_config.fallback: problems for what no route answers. */
void gate_fallback(struct http_request *req, struct http_response *res, int status, void *context);

int gate_start(struct gate *g, struct err *err) WARN_UNUSED;
/* Ends the threads and closes the streams. */
void gate_stop(struct gate *g);

/* OpenAPI 3.1 of all routes of the console listener. */
void gate_openapi(const struct gate *g, enum msg_lang lang, struct buf *out);
