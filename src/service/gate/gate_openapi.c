/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* OpenAPI 3.1 from the route and body tables. */
#include "base/cursor/cursor.h"
#include "service/gate/gate_internal.h"

static void write_text(struct json_writer *w, const struct gate *g, enum msg_lang lang, const char *name, const char *key)
{
	cleanup_buf struct buf text = BUF_INIT(4096);
	msg_append(g->sc->messages, lang, key, NULL, &text);
	json_member_str(w, name, buf_str(&text));
}

static void write_limits(struct json_writer *w, const struct json_field *f, const char *least, const char *most)
{
	if (f->min == 0 && f->max == 0)
		return;
	json_member_int(w, least, f->min);
	json_member_int(w, most, f->max);
}

static void write_field(struct json_writer *w, const struct json_field *f)
{
	json_name(w, f->name);
	json_object(w);
	switch (f->type) {
	case JSON_FIELD_STR:
		json_member_cstr(w, "type", "string");
		write_limits(w, f, "minLength", "maxLength");
		break;
	case JSON_FIELD_INT:
		json_member_cstr(w, "type", "integer");
		write_limits(w, f, "minimum", "maximum");
		break;
	case JSON_FIELD_BOOL:
		json_member_cstr(w, "type", "boolean");
		break;
	case JSON_FIELD_UUID:
	case JSON_FIELD_TIME:
		json_member_cstr(w, "type", "string");
		json_member_cstr(w, "format", f->type == JSON_FIELD_UUID ? "uuid" : "date-time");
		break;
	case JSON_FIELD_ENUM:
		json_member_cstr(w, "type", "string");
		json_name(w, "enum");
		json_array(w);
		for (const char *const *n = f->names; *n != NULL; n++)
			json_cstr(w, *n);
		json_array_end(w);
		break;
	case JSON_FIELD_STR_LIST:
		json_member_cstr(w, "type", "array");
		json_name(w, "items");
		json_raw(w, STR("{\"type\":\"string\"}"));
		write_limits(w, f, "minItems", "maxItems");
		break;
	case JSON_FIELD_ANY:
		break;
	}
	json_object_end(w);
}

static void write_body(struct json_writer *w, const struct service_route *route)
{
	json_name(w, "requestBody");
	json_object(w);
	json_member_bool(w, "required", true);
	json_name(w, "content");
	json_object(w);
	json_name(w, route->raw_body ? "application/octet-stream" : "application/json");
	json_object(w);
	if (!route->raw_body) {
		json_name(w, "schema");
		json_object(w);
		json_member_cstr(w, "type", "object");
		json_member_bool(w, "additionalProperties", false);
		json_name(w, "properties");
		json_object(w);
		for (const struct json_field *f = route->body; f->name != NULL; f++)
			write_field(w, f);
		json_object_end(w);
		json_name(w, "required");
		json_array(w);
		for (const struct json_field *f = route->body; f->name != NULL; f++) {
			if (f->required)
				json_cstr(w, f->name);
		}
		json_array_end(w);
		json_object_end(w);
	}
	json_object_end(w);
	json_object_end(w);
	json_object_end(w);
}

/* The {name} parts of a path. */
static void write_parameters(struct json_writer *w, const char *path)
{
	json_name(w, "parameters");
	json_array(w);
	struct cursor c = cursor_of(str_c(path));
	while (!cursor_at_end(&c)) {
		(void)cursor_until(&c, '{');
		if (!cursor_accept(&c, '{'))
			break;
		struct str name = cursor_until(&c, '}');
		json_object(w);
		json_member_str(w, "name", str_ends_with(name, STR("*")) ? str_sub(name, 0, name.n - 1) : name);
		json_member_cstr(w, "in", "path");
		json_member_bool(w, "required", true);
		json_name(w, "schema");
		json_raw(w, STR("{\"type\":\"string\"}"));
		json_object_end(w);
	}
	json_array_end(w);
}

static struct str tag_of(const char *path)
{
	struct str rest = str_c(path), part;
	if (!str_starts_with(rest, STR("/api/v1/")))
		return STR("system");
	rest = str_sub(rest, 8, rest.n);
	(void)str_split(&rest, '/', &part);
	return part;
}

static void write_route(struct json_writer *w, const struct gate *g, const struct service_route *route, enum msg_lang lang)
{
	char method[16];
	str_copy_c(str_c(route->method), method, sizeof method);
	for (char *p = method; *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	json_name(w, method);
	json_object(w);
	write_text(w, g, lang, "summary", route->summary_key);
	json_name(w, "tags");
	json_array(w);
	json_str(w, tag_of(route->path));
	json_array_end(w);
	json_member_cstr(w, "x-permission", route->permission);
	if (strcmp(route->permission, SERVICE_PUBLIC) == 0) {
		json_name(w, "security");
		json_raw(w, STR("[]"));
	}
	write_parameters(w, route->path);
	if (route->body != NULL || route->raw_body)
		write_body(w, route);
	json_name(w, "responses");
	json_raw(w, STR("{\"2XX\":{\"description\":\"OK\"},\"default\":{\"description\":\"Problem\",\"content\":"
	                "{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}"));
	json_object_end(w);
}

static void write_components(struct json_writer *w)
{
	json_name(w, "components");
	json_raw(w, STR("{\"securitySchemes\":{\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"" ACCOUNT_COOKIE "\"},"
	                "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}},\"schemas\":{\"Problem\":{\"type\":\"object\","
	                "\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
	                "\"detail\":{\"type\":\"string\"},\"key\":{\"type\":\"string\"},\"args\":{\"type\":\"object\"},"
	                "\"place\":{\"type\":\"string\"}}}}}"));
}

void gate_openapi(const struct gate *g, enum msg_lang lang, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_cstr(&w, "openapi", "3.1.0");
	json_name(&w, "info");
	json_object(&w);
	write_text(&w, g, lang, "title", "gate.title");
	json_member_cstr(&w, "version", g->version);
	json_object_end(&w);
	json_name(&w, "security");
	json_raw(&w, STR("[{\"session\":[]},{\"token\":[]}]"));
	json_name(&w, "paths");
	json_object(&w);
	/* Sorted: methods of one path stand together. */
	const struct http_route *routes = g->routes[LISTENER_CONSOLE];
	for (size_t i = 0; i < g->route_count[LISTENER_CONSOLE]; i++) {
		bool first = i == 0 || strcmp(routes[i - 1].path, routes[i].path) != 0;
		bool last = i + 1 == g->route_count[LISTENER_CONSOLE] || strcmp(routes[i + 1].path, routes[i].path) != 0;
		if (first) {
			json_name(&w, routes[i].path);
			json_object(&w);
		}
		write_route(&w, g, routes[i].data, lang);
		if (last)
			json_object_end(&w);
	}
	json_object_end(&w);
	write_components(&w);
	json_object_end(&w);
}
