/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/gate/gate_internal.h"

#include <stdlib.h>

#define BODY_LIMIT ((size_t)64 << 10)

int gate_prepare(const struct service_context *sc, const struct service *const *services, size_t count, struct err *err)
{
	size_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += services[i]->migration_count;
	struct db_migration *all = mem_alloc_array(total + 1, sizeof *all);
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < services[i]->migration_count; k++)
			all[n++] = services[i]->migrations[k];
	}
	int r = db_migrate(sc->db, all, n, err);
	mem_free(all);
	for (size_t i = 0; i < count && r >= 0; i++) {
		if (services[i]->start != NULL)
			r = services[i]->start(sc, err);
		if (r < 0)
			return err_at(err, str_c(services[i]->name));
	}
	return r < 0 ? r : 0;
}

static bool is_general(const char *permission)
{
	return strcmp(permission, SERVICE_PUBLIC) == 0 || strcmp(permission, SERVICE_SIGNED_IN) == 0 ||
	       strcmp(permission, SERVICE_AGENT) == 0;
}

static bool is_declared(const struct gate *g, const char *permission)
{
	for (size_t i = 0; i < g->service_count; i++) {
		for (const char *const *p = g->services[i]->permissions; p != NULL && *p != NULL; p++) {
			if (strcmp(*p, permission) == 0)
				return true;
		}
	}
	return false;
}

static int check_route(const struct gate *g, const struct service_route *route, struct err *err)
{
	const char *key = NULL;
	if (route->permission == NULL || route->permission[0] == '\0')
		key = "gate.route_without_permission";
	else if (!is_general(route->permission) && !is_declared(g, route->permission))
		key = "gate.permission_undeclared";
	else if (route->path == NULL || route->handler == NULL || route->summary_key == NULL ||
	         (route->body != NULL && route->body_size == 0))
		key = "gate.route_incomplete";
	if (key == NULL)
		return 0;
	return err_set(err, -EINVAL, key, ARG_CSTR("method", route->method), ARG_CSTR("path", route->path),
	               ARG_CSTR("permission", route->permission));
}

/* Literal text before {name} before {name*}, part by part; the same path: by method. */
static int order_of(char c)
{
	return c == '{' ? 1 : 0;
}

static int compare_routes(const void *a, const void *b)
{
	const struct http_route *x = a, *y = b;
	const char *p = x->path, *q = y->path;
	while (*p != '\0' && *p == *q) {
		p++;
		q++;
	}
	if (*p == '\0' && *q == '\0')
		return strcmp(x->method, y->method);
	if (order_of(*p) != order_of(*q))
		return order_of(*p) - order_of(*q);
	/* Longer first, so that a rest parameter comes last of all. */
	if (*p == '\0' || *q == '\0')
		return *p == '\0' ? 1 : -1;
	return *p < *q ? -1 : 1;
}

static struct http_route http_route_of(const struct service_route *route)
{
	bool takes_body = route->body != NULL || route->raw_body;
	return (struct http_route){
		.method = route->method,
		.path = route->path,
		.handler = gate_handle,
		.body_limit_bytes = !takes_body ? 0 : route->body_limit_bytes != 0 ? route->body_limit_bytes : BODY_LIMIT,
		.data = route,
	};
}

static int build_routes(struct gate *g, enum service_listener listener, struct err *err)
{
	size_t count = 0;
	for (size_t i = 0; i < g->service_count; i++) {
		for (const struct service_route *r = g->services[i]->routes; r != NULL && r->method != NULL; r++)
			count += r->listener == listener;
	}
	struct http_route *routes = mem_alloc_array(count + 1, sizeof *routes);
	g->routes[listener] = routes;
	for (size_t i = 0; i < g->service_count; i++) {
		for (const struct service_route *r = g->services[i]->routes; r != NULL && r->method != NULL; r++) {
			int bad = check_route(g, r, err);
			if (bad < 0)
				return bad;
			if (r->listener == listener)
				routes[g->route_count[listener]++] = http_route_of(r);
		}
	}
	qsort(routes, count, sizeof *routes, compare_routes);
	for (size_t i = 1; i < count; i++) {
		if (compare_routes(&routes[i - 1], &routes[i]) == 0)
			return err_set(err, -EINVAL, "gate.route_twice", ARG_CSTR("method", routes[i].method),
			               ARG_CSTR("path", routes[i].path));
	}
	return 0;
}

int gate_new(const struct gate_config *config, struct gate **ret, struct err *err)
{
	struct gate *g = MEM_NEW(struct gate);
	*g = (struct gate){.sc = config->service, .services = config->services, .service_count = config->service_count,
	                   .version = config->version != NULL ? config->version : ""};
	int r = build_routes(g, LISTENER_CONSOLE, err);
	if (r >= 0)
		r = build_routes(g, LISTENER_AGENT, err);
	if (r >= 0)
		r = gate_files_new(config->folders, config->reload, &g->files, err);
	if (r < 0) {
		gate_free(g);
		return r;
	}
	g->stream = gate_stream_new(g);
	g->sc->outbox_wake = gate_stream_wake;
	g->sc->outbox_wake_ctx = g->stream;
	*ret = g;
	return 0;
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	if (g->stream != NULL) {
		g->sc->outbox_wake = NULL;
		gate_stream_free(g->stream);
	}
	gate_files_free(g->files);
	for (size_t i = 0; i < GATE_LISTENERS; i++)
		mem_free(g->routes[i]);
	mem_free(g);
}

const struct http_route *gate_routes(const struct gate *g, enum service_listener listener)
{
	return g->routes[listener];
}

int gate_start(struct gate *g, struct err *err)
{
	return gate_stream_start(g->stream, err);
}

void gate_stop(struct gate *g)
{
	gate_stream_stop(g->stream);
}

static int get_health(struct api_request *req, struct http_response *res, struct err *err)
{
	(void)req;
	(void)err;
	(void)api_reply_empty(res, 200);
	res->content_type = "text/plain; charset=utf-8";
	buf_append_c(&res->body, "ok\n");
	return 0;
}

static int get_openapi(struct api_request *req, struct http_response *res, struct err *err)
{
	(void)err;
	(void)api_reply(res, 200);
	gate_openapi(gate_request_of(req)->gate, req->access->lang, &res->body);
	return 0;
}

static int get_file(struct api_request *req, struct http_response *res, struct err *err)
{
	if (str_starts_with(req->http->path, STR("/api/")) ||
	    !gate_files_answer(gate_request_of(req)->gate->files, req->http, res))
		return err_set(err, -ENOENT, "gate.no_route");
	return 0;
}

static const struct service_route routes[] = {
	{"GET", "/healthz", SERVICE_PUBLIC, get_health, "gate.route_health"},
	{"GET", "/api/openapi.json", SERVICE_PUBLIC, get_openapi, "gate.route_openapi"},
	{"GET", "/api/v1/stream", SERVICE_SIGNED_IN, gate_stream_open, "gate.route_stream"},
	{"POST", "/api/v1/approvals/{id}/approve", SERVICE_SIGNED_IN, gate_post_approve, "approval.route_approve"},
	{"GET", "/{rest*}", SERVICE_PUBLIC, get_file, "gate.route_files"},
	{.method = NULL},
};

const struct service gate_service = {.name = "gate", .routes = routes};
